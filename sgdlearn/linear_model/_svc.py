"""GDLinearSVC."""

from .. import losses
from .._compat import StrOptions
from ..losses import Loss
from ._classifier import LinearClassifier

LOSSES = ("hinge", "squared_hinge")


class GDLinearSVC(LinearClassifier):
    """Linear support vector classification by gradient descent, one-vs-rest.

    Minimises the weighted mean of max(0, 1 - y (w . x + b)), or of its square, plus a penalty on w.
    Converged and without an intercept, it is the `LinearSVC` with C = 1 / (n alpha) (which
    penalises its intercept).

    Parameters
    ----------
    loss : {"hinge", "squared_hinge"} or Loss, default="hinge"
        A `Loss` object is your own, of ``kind = "classification"``; its y is -1 or +1.
    penalty : {"l2", "l1", "elasticnet"}, None or Penalty, default="l2"
        What is added to the mean loss; a `Penalty` object is your own.
    alpha : float, default=1e-4
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
        "cd", or an object of `sgdlearn.optimizers`, whose parameters a grid reaches as
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
    class_weight : dict, "balanced" or None, default=None
        Weights of classes, multiplied into those of the rows. "balanced" weighs each class by
        n / (n_classes * its count), from running counts in partial_fit.
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
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        float32 if X is.
    intercept_ : ndarray of shape (1,) or (n_classes,)
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
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
    GDLinearRegression : Regression.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sgdlearn import GDLinearSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GDLinearSVC(loss="squared_hinge").fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        "loss": [StrOptions(*LOSSES), Loss],
        **LinearClassifier._parameter_constraints,
    }

    def __init__(
        self,
        *,
        loss="hinge",
        penalty="l2",
        alpha=1e-4,
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
        class_weight=None,
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
        self.class_weight = class_weight

    def _loss(self, n_outputs):
        return losses.resolve(self.loss, names=LOSSES, kind="classification")
