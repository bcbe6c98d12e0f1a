"""GDLinearRegression."""

from numbers import Real

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from .. import losses
from .._compat import Interval, StrOptions
from .._validation import LARGEST_TARGET, attributes_kept_on_error, drop_zero_weight_rows
from ..losses import Loss
from ._base import LinearModel
from ._streaming import LearnsFromStreams, has_partial_fit

LOSSES = (
    "squared_error",
    "huber",
    "quantile",
    "absolute_error",
    "epsilon_insensitive",
    "squared_epsilon_insensitive",
)


class GDLinearRegression(RegressorMixin, LearnsFromStreams, LinearModel):
    """Linear regression by gradient descent.

    Minimises the weighted mean of loss(y_i, w . x_i + b) plus a penalty on w. Converged, it is the
    `LinearRegression`, `Ridge`, `Lasso`, `ElasticNet` or `QuantileRegressor` of the same objective.

    Parameters
    ----------
    loss : str or Loss, default="squared_error"
        With r = w . x + b - y: "squared_error" is r^2 / 2; "huber" the same up to abs(r) = epsilon
        and linear beyond; "quantile" the pinball loss; "absolute_error" abs(r);
        "epsilon_insensitive" max(0, abs(r) - epsilon); "squared_epsilon_insensitive" its square. A
        `Loss` object is your own.
    epsilon : float or None, default=None
        Of the Huber and insensitive losses, in units of y; None is 1.35 for "huber", else 0.1.
    quantile : float, default=0.5
        Of loss="quantile", in (0, 1).
    penalty : {"l2", "l1", "elasticnet"}, None or Penalty, default="l2"
        What is added to the mean loss; a `Penalty` object is your own.
    alpha : float, default=0.0
        Strength of the penalty ``alpha (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|^2)``. The intercept
        is never penalised.
    l1_ratio : float, default=0.15
        The share of L1; read by penalty="elasticnet" alone.
    standardize : bool, default=False
        Whether the penalty acts on w_j s_j, s_j the (weighted) standard deviation of column j: the
        penalty of a `StandardScaler` before the estimator, and glmnet's. `coef_` stays in the units
        of X. The updates of a given learning rate are then made in these units too.
    fit_intercept : bool, default=True
        Whether to add an intercept.
    optimizer : str or Optimizer, default="auto"
        The way down: "auto", "sgd", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam",
        "ftrl", "schedule_free", "dog", "sag", "saga", "svrg", "psvrg", "sdca", "lbfgs", "newton",
        "cholesky", "cd", or an object of `sgdlearn.optimizers`, whose parameters a grid reaches as
        ``optimizer__beta1``. "auto" converges to the optimum without any tuning.
    learning_rate : float, Schedule, callable or "auto", default="auto"
        A number or a schedule of `sgdlearn.schedules` means exactly the textbook update in the
        units of X; a callable gets an array of step numbers 1, 2, ... and returns rates. "auto"
        takes a safe step from the data, whatever the scales of the columns are.
    batch_size : int, "full" or "auto", default="auto"
        Rows an update of the stochastic rules; "full" is batch gradient descent.
    average : bool or int, default=False
        Whether the coefficients are the average of the iterates, from the first update (True) or
        from update number `average` on.
    max_iter : int, default=1000
        The most passes over the data (stochastic rules) or iterations (batch solvers).
    tol : float or None, default=1e-4
        When to stop. For solvers that know how far from the optimum they are: when the objective is
        at most tol times that of the zero model, and 10 tol times itself, above its minimum. For
        stochastic rules: no improvement of the objective by more than tol times its first value in
        `n_iter_no_change` epochs. None runs all `max_iter`.
    shuffle : bool, default=True
        Whether stochastic rules visit the rows in a new order each epoch.
    early_stopping : bool, default=False
        Whether to stop when the loss on a validation set, split off or given to `fit`, no longer
        falls; the best iterate is kept.
    validation_fraction : float, default=0.1
        The share split off.
    n_iter_no_change : int, default=5
        The patience of both kinds of stop, in epochs.
    warm_start : bool, default=False
        Whether `fit` goes on from the model it finds (its moments and clock too, if the optimizer
        is unchanged); on a path of L2 penalties, from where its last two models lead to. What it
        finds out about the data is kept for the next fit, which uses it if its data are the same
        in every byte. That takes 15 % of the memory of X at most, or a megabyte, and
        that of one more model; pickles and clones are without it.
    positive : bool, default=False
        Whether coefficients must not be negative.
    n_jobs : int or None, default=None
        Threads of passes over the whole data, of the outputs of one-vs-rest and of replicas;
        changes no result. None is as many as BLAS has, which `threadpoolctl`,
        ``OPENBLAS_NUM_THREADS`` and the workers of joblib (``GridSearchCV(n_jobs=2)``) limit.
    n_replicas : int, default=1
        Copies of a stochastic run that learn from shards of the rows side by side, and are averaged
        every few hundred rows or more; with as many `n_jobs` each has a thread. Another path than
        that of one run, and the same for every `n_jobs`. partial_fit takes one row after the other.
    random_state : int, RandomState or None, default=None
        Draws the visiting order and the validation split.
    verbose : int, default=0
        1 prints one line an epoch: epoch, objective, certificate, seconds.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        float32 if X is.
    intercept_ : float or ndarray of shape (n_outputs,)
    n_iter_ : int
        Passes or iterations made.
    t_ : int
        Updates made.
    loss_curve_ : list of float
        The objective after each epoch. For stochastic rules it is the mean loss of the rows as they
        were visited plus the penalty; after ten epochs or more, the last value is exact.
    seconds_curve_ : list of float
        When each value of `loss_curve_` was known: seconds since the way down began, callbacks
        and validation included.
    validation_curve_ : list of float
        The mean loss on the validation set, with early_stopping=True.
    optimizer_ : Optimizer
        The optimizer that was used.
    optimality_ : float or None
        How far from the optimum `fit` ended, as `tol` measures it: relative to the objective of the
        zero model. None for stochastic rules, which do not know.
    dual_gap_ : float
        A bound on the objective less its minimum, where the solver took one.
    n_samples_ : int
        Rows that an epoch of `fit` visits: without those held out or of weight zero.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where X has columns with names.

    See Also
    --------
    GDLogisticRegression : Classification with probabilities.
    GDLinearSVC : Classification with a margin.

    Examples
    --------
    >>> import numpy as np
    >>> from sgdlearn import GDLinearRegression
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0]])
    >>> y = X @ [2.0, -1.0] + 3.0
    >>> model = GDLinearRegression().fit(X, y)
    >>> model.coef_.round(6)
    array([ 2., -1.])
    >>> round(float(model.intercept_), 6)
    3.0
    """

    _parameter_constraints = {
        "loss": [StrOptions(*LOSSES), Loss],
        "epsilon": [Interval(Real, 0, None, closed="left"), None],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        **LinearModel._parameter_constraints,
    }

    def __init__(
        self,
        *,
        loss="squared_error",
        epsilon=None,
        quantile=0.5,
        penalty="l2",
        alpha=0.0,
        l1_ratio=0.15,
        standardize=False,
        fit_intercept=True,
        optimizer="auto",
        learning_rate="auto",
        batch_size="auto",
        average=False,
        max_iter=1000,
        tol=1e-4,
        shuffle=True,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        warm_start=False,
        positive=False,
        n_jobs=None,
        n_replicas=1,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            penalty=penalty,
            alpha=alpha,
            l1_ratio=l1_ratio,
            standardize=standardize,
            fit_intercept=fit_intercept,
            optimizer=optimizer,
            learning_rate=learning_rate,
            batch_size=batch_size,
            average=average,
            max_iter=max_iter,
            tol=tol,
            shuffle=shuffle,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            warm_start=warm_start,
            positive=positive,
            n_jobs=n_jobs,
            n_replicas=n_replicas,
            random_state=random_state,
            verbose=verbose,
        )
        self.loss = loss
        self.epsilon = epsilon
        self.quantile = quantile

    @available_if(has_partial_fit)
    def partial_fit(self, X, y, sample_weight=None):
        """Learn from one chunk of a stream, row after row in the order given.

        The calls over the chunks of a pass equal one ``fit(max_iter=1, shuffle=False)`` to the last
        bit, for a learning rate given as a number or a schedule without horizon, if chunks end on
        batch borders. Ignores max_iter, tol and early_stopping.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of the chunk.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            A chunk whose weights are all zero changes nothing.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError
            On input or parameters that cannot be used; the message names them. The model then is
            what it was.
        """
        plan = self._lean_plan(X, sample_weight)
        if plan is not None and self._run.method.n_outputs == 1:
            targets = lean_targets(y, X.shape[0])
            if targets is not None:
                return self._learn_chunk(X, targets, 1, None, plan=plan)
        with attributes_kept_on_error(self):
            X, y, weights = self._validated_chunk(X, y, sample_weight)
            targets, n_outputs = self._encode(y)
            if self.__sklearn_is_fitted__() and n_outputs != np.size(self.intercept_):
                raise ValueError(
                    f"y has {n_outputs} outputs, but {type(self).__name__} was fitted with "
                    f"{np.size(self.intercept_)}."
                )
            X, targets, weights = drop_zero_weight_rows(X, targets, weights)
            if not self.__sklearn_is_fitted__():
                self._several_outputs = y.ndim == 2
            if X.shape[0] == 0:
                if not self.__sklearn_is_fitted__():
                    self._set_zero_model(X, n_outputs)
                return self
            return self._learn_chunk(X, targets, n_outputs, weights)

    def predict(self, X):
        """Predict the target.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict for.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the targets.

        Raises
        ------
        ValueError
            On rows that are not numbers, or have another number of columns than those of `fit`.
        """
        return self._decision_function(X)

    def _loss(self, n_outputs):
        return losses.resolve(
            self.loss,
            epsilon=self.epsilon,
            quantile=self.quantile,
            names=LOSSES,
            kind="regression",
        )

    def _learn_targets(self, y):
        self._several_outputs = y.ndim == 2

    def _encode(self, y):
        targets = np.ascontiguousarray(y if y.ndim == 2 else y[:, None])
        return targets, targets.shape[1]

    def _shaped(self, W, b):
        return (W, b) if self._several_outputs else (W[0], b[0])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags


def lean_targets(y, n):
    """(n, 1) targets of a plain array of moderate numbers; None for anything else."""
    if type(y) is not np.ndarray or y.dtype != np.float64 or y.shape != (n,):
        return None
    moderate = np.abs(y).max() <= LARGEST_TARGET  # nan is not
    return np.ascontiguousarray(y)[:, None] if moderate else None
