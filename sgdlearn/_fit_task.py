"""What scikit-learn's callbacks are told of a fit."""


class FitTask:
    """The task "fit", which has begun, and one subtask for each of its epochs.

    Every hook comes in a pair: what has begun is ended.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        Of the task "fit".
    told : dict
        The arguments of every hook: estimator, X, y, metadata.
    attributes : callable
        ``attributes(n_iter, W, b)`` gives the fitted attributes of a model.
    """

    def __init__(self, context, told, attributes):
        self.context = context
        self.told = told
        self.attributes = attributes
        self.epoch = None  # the subtask that has begun and not ended

    def begin_epoch(self):
        """An epoch begins, before its first update, unless one has begun already."""
        if self.epoch is None:
            epoch = self.context.subcontext(task_name="epoch")
            epoch.call_on_fit_task_begin(**self.told)
            self.epoch = epoch

    def end_epoch(self, n_iter, coefficients):
        """The epoch ends at these coefficients; True if a callback stops the fit."""
        return self._end_epoch(lambda: self.attributes(n_iter, *coefficients()))

    def end(self, attributes):
        """The fit ends, and with it an epoch that led nowhere."""
        if self.epoch is not None:
            self._end_epoch(attributes)
        self.context.call_on_fit_task_end(**self.told, reconstruction_attributes=attributes)

    def _end_epoch(self, attributes):
        epoch, self.epoch = self.epoch, None
        return epoch.call_on_fit_task_end(**self.told, reconstruction_attributes=attributes)
