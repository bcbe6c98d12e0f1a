"""What every optimizer is."""

from .._parameters import Parameters


class Optimizer(Parameters):
    """Base class of optimizers; subclass it to write your own update rule.

    A subclass gives `init` and `update`, in NumPy, for one array of parameters at a time. Neither
    may keep anything in the object: what an update needs from the one before is its `state`, made
    of plain arrays and numbers, so that it pickles and `partial_fit` resumes.

    Attributes
    ----------
    name : str
        The name in error messages, and in the registry for the built-in optimizers.
    family : {"stochastic", "variance_reduced", "dual", "batch", "factorization"}
    n_slots : int
        Numbers of memory a coefficient; stochastic, built-in ones only.
    kernel_code : int or None
        The number of the update rule in the compiled loops (`_kernels/update_rules.h`); None for
        an optimizer written in Python and for those that have a loop of their own.

    Examples
    --------
    The sign of a running mean of the gradient (Lion without its interpolation):

    >>> import numpy as np
    >>> from sgdlearn.optimizers import Optimizer
    >>> class SignMomentum(Optimizer):
    ...     name = "sign_momentum"
    ...     domains = {"beta": "a number in [0, 1)"}
    ...
    ...     def __init__(self, beta=0.9):
    ...         self.beta = beta
    ...
    ...     def init(self, params):
    ...         return {"mean": np.zeros_like(params)}
    ...
    ...     def update(self, params, grads, state, rate):
    ...         mean = self.beta * state["mean"] + (1 - self.beta) * grads
    ...         return params - rate * np.sign(mean), {"mean": mean}
    >>> rule = SignMomentum(beta=0.5)
    >>> w = np.array([1.0, -1.0])
    >>> w, state = rule.update(w, np.array([3.0, -4.0]), rule.init(w), 0.25)
    >>> w
    array([ 0.75, -0.75])
    >>> state
    {'mean': array([ 1.5, -2. ])}
    """

    name = "optimizer"
    family = "stochastic"
    n_slots = 0
    kernel_code = None

    def init(self, params):
        """The state before the first update of an array of parameters.

        Parameters
        ----------
        params : ndarray
            The parameters in their first shape; not changed.

        Returns
        -------
        state : object
            Plain arrays and numbers, so that it pickles.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define init(params).")

    def update(self, params, grads, state, rate):
        """One update.

        Parameters
        ----------
        params : ndarray
            The parameters; not changed.
        grads : ndarray, like params
            The mean gradient over the batch, the L2 penalty included. The L1 penalty and
            `positive` follow the update, as a proximal step at `rate`.
        state : object
            What `init` or the last update returned.
        rate : float
            The learning rate of this update.

        Returns
        -------
        new_params : ndarray
            A new array.
        new_state : object
            For the next update.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not define update(params, grads, state, rate)."
        )

    def solution(self, params, state):
        """The parameters to use in the end, which may be others than those that move.

        Parameters
        ----------
        params, state : ndarray, object
            What the last update returned.

        Returns
        -------
        ndarray, like params
            The parameters of the model.
        """
        return params
