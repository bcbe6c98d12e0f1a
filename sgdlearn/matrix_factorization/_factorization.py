"""GDMatrixFactorization."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import ShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .. import optimizers, schedules
from .._compat import (
    CallbackSupportMixin,
    Interval,
    StrOptions,
    has_callbacks,
    validate_parameters,
    with_callbacks,
)
from .._fit_task import FitTask
from .._parameters import fingerprint
from .._solvers import threads
from .._solvers.factorization.chunks import ChunkLearner, Moments
from .._solvers.factorization.grid import Grid
from .._solvers.factorization.identifiers import Identifiers
from .._solvers.factorization.method import AutomaticRate, Method
from .._solvers.factorization.model import Model
from .._solvers.factorization.objective import RATING_LOSSES
from .._solvers.factorization.pairs import PAIR_LOSSES
from .._solvers.factorization.seen import Seen
from .._solvers.factorization.solve import Run, solve
from .._solvers.monitor import Monitor, Plateau, Validation
from .._validation import attributes_kept_on_error
from ..metrics import RankingScorer
from ._input import lean_ratings, read_pairs, read_ratings
from ._recommend import Recommends

LOSSES = RATING_LOSSES | PAIR_LOSSES
# Raised whenever pickles of older models could no longer be read.
STATE_VERSION = 1
# Automatic rates follow the deviation of a stream's ratings where it has changed by a larger share.
DRIFT = 0.1


def moves_rows(rule):
    """Whether rows move by this rule, or class of rules, each as if it were a model of its own."""
    if rule.name == "dog":  # its rate is that of a whole model
        return False
    compiled = rule.family == "stochastic" and rule.kernel_code is not None
    return compiled or rule.name == "rpcs"


RULES = ["rpcs", *(name for name, kind in optimizers.OPTIMIZERS.items() if moves_rows(kind))]


@dataclass
class Plan:
    """What the parameters of an estimator mean for its stream.

    The method goes by the moments of the ratings at the time, which the stream then leaves behind:
    a pickle keeps them, for the same plan to be made again, and None in the place of the rest.
    """

    parameters: list
    moments: Moments
    loss: Any = None
    method: Any = None
    rates: Any = None


class GDMatrixFactorization(Recommends, CallbackSupportMixin, RegressorMixin, BaseEstimator):
    """Matrix factorisation by gradient descent: ratings of items by users.

    A rating is predicted as

    | z = mean + user bias + item bias + <user factors, item factors>

    Minimises, over the ratings y_i of items by users (u, v) with weights s_i, ::

        sum_i s_i (loss(y_i, z_i) + alpha / 2 (|p_u|^2 + |q_v|^2)
                   + alpha_bias / 2 (b_u^2 + b_v^2)) / sum_i s_i

    X holds pairs of ids, y the ratings: so cross-validation, grids and pipelines split ratings as
    they should. Users and items may be added at any time, by `partial_fit`.

    Parameters
    ----------
    n_factors : int, default=32
        k, the number of factors of a user or an item.
    loss : {"squared_error", "absolute_error", "log_loss", "bpr", "warp"}, default="squared_error"
        With r = z - y: r^2 / 2, or abs(r). "log_loss" is that of ratings 0 and 1, of which z are
        the log odds; with `n_negatives` it learns from what users have met alone.
        "bpr" and "warp" rank: with x = z_ui - z_uj for an item i that the user has met and a j
        drawn among those that it has not, they take log(1 + exp(-x)), or
        log(rank) / log(n_items) max(0, 1 - x), where rank = floor((n_items - 1) / N) if the N-th
        item drawn is the first with x < 1. X holds what users chose, y is None or 1; z has no
        unit, the mean and the users' biases stay 0, and `score` is the AUC. "bpr" often wants a
        smaller `alpha` than the default: on MovieLens 100K about 0.015.
    alpha : float, default=0.12
        Strength of the L2 penalty of factors, for each rating: in units of the ratings.
    alpha_bias : float or None, default=None
        The same for biases; None is `alpha`.
    biases : bool, default=True
        Whether users and items have biases.
    non_negative : bool, default=False
        Whether factors are kept from becoming negative; ratings must not be. Without biases the
        mean then is 0, too: a non-negative factorisation of the ratings themselves.
    init_scale : float or None, default=None
        Standard deviation of new factors; None takes it from the deviation of the ratings.
    n_negatives : int, default=0
        How many items that the user has not met are drawn beside each that it has: with
        `loss="log_loss"` as ratings 0; with "bpr" for so many pairs, 0 meaning 1; with "warp" at
        the most, until one comes too near, 0 meaning 30.
    optimizer : str or Optimizer, default="auto"
        The update rule of a row: "rpcs" (which "auto" is), "sgd", "adagrad", "adadelta", "rmsprop",
        "adam", "adamw", "nadam", "ftrl", "schedule_free", or an object of `sgdlearn.optimizers`,
        whose parameters a grid reaches as ``optimizer__beta1``.
    learning_rate : float, Schedule, callable or "auto", default="auto"
        A number or a schedule of `sgdlearn.schedules` means exactly the textbook update in the
        units of the ratings; schedules count ratings. "auto" needs no tuning and no unit.
    max_iter : int, default=50
        The most passes over the ratings.
    tol : float or None, default=1e-3
        Stop when the objective (with `early_stopping`, the validation loss) has not fallen by more
        than tol times its first value for `n_iter_no_change` epochs; None makes max_iter epochs.
    early_stopping : bool, default=False
        Whether to hold ratings out, to stop by and to keep the best iterate of.
    validation_fraction : float, default=0.1
        The share of ratings held out, unless `fit` is given a validation set.
    n_iter_no_change : int, default=3
        How many epochs without progress are the end.
    warm_start : bool, default=False
        Whether `fit` goes on from the model as it is, with its users and items.
    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
        Of factors and biases; float32 takes half the memory and time.
    n_jobs : int or None, default=None
        Threads of `fit`, of which it uses eight at the most; None is as many as BLAS has. Results
        do not depend on it.
    random_state : int, RandomState instance or None, default=None
        Draws new factors, the order of the ratings, what is held out and negatives.
    verbose : int, default=0
        Print a line an epoch.

    Attributes
    ----------
    users_, items_ : ndarray of shape (n_users,) and (n_items,)
        The ids, row by row of the factors.
    user_factors_, item_factors_ : ndarray of shape (n_users, n_factors) and (n_items, n_factors)
    user_bias_, item_bias_ : ndarray of shape (n_users,) and (n_items,)
    mean_ : float
        The constant: the mean of the ratings, for absolute errors their median, for the log loss
        the log odds of 1. In a stream that no `fit` came before it follows the running mean.
    loss_curve_ : list of float
        The objective of each epoch of `fit`: the mean loss of the ratings as they were visited,
        plus the penalty at the end of the epoch.
    seconds_curve_ : list of float
        When each value of `loss_curve_` was known: seconds since the way down began, callbacks
        and validation included.
    validation_curve_ : list of float
        The mean loss of the ratings held out after each epoch; with `early_stopping` alone.
    n_iter_ : int
        Epochs of `fit`.
    t_ : int
        Ratings visited, by `fit` and since.
    n_samples_ : int
        Ratings that an epoch of `fit` visits: without those held out or of weight zero.
    optimizer_ : Optimizer
        The rule in use.
    n_features_in_ : int
        2: a user and an item.
    feature_names_in_ : ndarray of shape (2,)
        The names of their columns, if X was a frame.

    Notes
    -----
    Ids are told apart as Python does: 1, 1.0, True and np.int64(1) are one, "1" is another.

    References
    ----------
    Koren, Bell & Volinsky 2009, "Matrix factorization techniques for recommender systems".
    Chin, Zhuang, Juan & Lin 2015, "A learning-rate schedule for stochastic gradient methods to
    matrix factorization".
    Rendle, Freudenthaler, Gantner & Schmidt-Thieme 2009, "BPR: Bayesian personalized ranking from
    implicit feedback".
    Weston, Bengio & Usunier 2011, "WSABIE: scaling up to large vocabulary image annotation".

    Examples
    --------
    >>> from sgdlearn import GDMatrixFactorization
    >>> X = [("ann", "Alien"), ("ann", "Brazil"), ("bob", "Alien"), ("bob", "Casablanca")]
    >>> model = GDMatrixFactorization(n_factors=2, tol=None, random_state=0)
    >>> model = model.fit(X, [5, 2, 4, 1])
    >>> model.predict([("ann", "Casablanca")]) < model.predict([("ann", "Alien")])
    array([ True])
    >>> items, scores = model.partial_fit([("eve", "Dune")], [5]).recommend(["ann"], n=1)
    >>> items.tolist()
    [['Dune']]
    """

    _parameter_constraints = {
        "n_factors": [Interval(Integral, 1, None, closed="left")],
        "loss": [StrOptions(*LOSSES)],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "alpha_bias": [Interval(Real, 0, None, closed="left"), None],
        "biases": ["boolean"],
        "non_negative": ["boolean"],
        "init_scale": [Interval(Real, 0, None, closed="neither"), None],
        "n_negatives": [Interval(Integral, 0, None, closed="left")],
        "optimizer": "no_validation",  # `_method` checks these two, and says more
        "learning_rate": "no_validation",
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "dtype": "no_validation",
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_factors=32,
        *,
        loss="squared_error",
        alpha=0.12,
        alpha_bias=None,
        biases=True,
        non_negative=False,
        init_scale=None,
        n_negatives=0,
        optimizer="auto",
        learning_rate="auto",
        max_iter=50,
        tol=1e-3,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=3,
        warm_start=False,
        dtype=np.float32,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.n_factors = n_factors
        self.loss = loss
        self.alpha = alpha
        self.alpha_bias = alpha_bias
        self.biases = biases
        self.non_negative = non_negative
        self.init_scale = init_scale
        self.n_negatives = n_negatives
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    # fit

    def fit(self, X, y=None, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like, frame or sparse matrix
            Pairs (user, item) of shape (n_ratings, 2), whose ids are of any hashable kind; or a
            sparse matrix of shape (n_users, n_items) whose stored entries, zeros among them, are
            the ratings and whose ids are row and column numbers.
        y : array-like of shape (n_ratings,), default=None
            The ratings; None with a sparse X, and where `n_negatives` items are drawn for each
            rating, all of which then are 1.
        sample_weight : array-like of shape (n_ratings,), default=None
            A weight is a multiplicity: 2 is two copies, 0 is a removed rating. The entries of a
            sparse X are weighed in the order of ``X.tocoo()``.
        X_val, y_val, sample_weight_val : array-like, default=None
            Your own validation set, read with `early_stopping=True` alone.

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
        with attributes_kept_on_error(self):
            self._validate_parameters()
            random_state = check_random_state(self.random_state)
            rng = np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
            loss = self._rating_loss()
            ratings = self._ratings(X, y, sample_weight, loss, reset=True).of_positive_weight()
            ratings, held_out = self._split(
                ratings, (X_val, y_val, sample_weight_val), loss, random_state
            )
            run = self._start(ratings, loss, rng)
            monitor = Monitor(
                validation=self._validation(held_out, run, rng), verbose=bool(self.verbose)
            )
            sizes = f"{run.grid.n} ratings, {run.model.users.n} users, {run.model.items.n} items"
            monitor.say(f"{type(self).__name__}: {run.method.rule} ({sizes})")
            outcome, interrupt = self._go_down((X, y), run, monitor, rng, sample_weight)
        if interrupt is not None:
            raise interrupt
        self._warn(outcome, monitor)
        return self

    def _validate_parameters(self):
        validate_parameters(self)
        try:
            known = self.dtype is not None and np.dtype(self.dtype) in (np.float32, np.float64)
        except TypeError:
            known = False
        if not known:
            raise ValueError(
                "The 'dtype' parameter of GDMatrixFactorization must be numpy.float32 or "
                f"numpy.float64. Got {self.dtype!r} instead."
            )
        if self.n_negatives and self.loss in ("squared_error", "absolute_error"):
            raise ValueError(
                f"n_negatives={self.n_negatives} items are drawn for each rating with "
                f"loss='log_loss', not with loss={self.loss!r}."
            )

    def _rating_loss(self):
        return LOSSES[self.loss](self.n_negatives)

    def _ratings(self, X, y, sample_weight, loss, *, reset, allow_all_zero=False):
        """Validated ratings; y as the loss takes it."""
        ratings = read_ratings(
            self,
            X,
            y,
            sample_weight,
            reset=reset,
            y_required=not loss.samples,
            allow_all_zero=allow_all_zero,
        )
        if ratings.y is None:
            ratings.y = np.ones(len(ratings))
        ratings.y = loss.encode(ratings.y, self.non_negative)
        return ratings

    def _split(self, ratings, given, loss, random_state):
        """(ratings to learn from, ratings held out or None)."""
        X_val, y_val, weights_val = given
        if not self.early_stopping:
            if X_val is not None or y_val is not None or weights_val is not None:
                raise ValueError(
                    "X_val, y_val and sample_weight_val are read with early_stopping=True alone. "
                    f"Got early_stopping={self.early_stopping!r}."
                )
            return ratings, None
        if X_val is None and (y_val is not None or weights_val is not None):
            raise ValueError("X_val and y_val, and sample_weight_val beside them, go together.")
        if X_val is not None:
            try:
                held_out = self._ratings(X_val, y_val, weights_val, loss, reset=False)
            except ValueError as error:
                raise ValueError(f"The validation set cannot be used. {error}") from error
            return ratings, held_out.of_positive_weight()
        split = ShuffleSplit(1, test_size=self.validation_fraction, random_state=random_state)
        try:
            kept, held_out = next(split.split(np.empty((len(ratings), 0))))
        except ValueError as error:
            raise ValueError(
                f"validation_fraction={self.validation_fraction!r} of {len(ratings)} ratings "
                f"cannot be held out for early_stopping. {error}"
            ) from error
        return ratings.take(kept), ratings.take(held_out)

    def _method(self, loss, moments):
        """The `Method` that the parameters mean for targets of these moments."""
        if isinstance(self.optimizer, str) and self.optimizer in ("auto", "rpcs"):
            rule = optimizers.RPCS()
        else:
            rule = optimizers.resolve(self.optimizer, also=(optimizers.RPCS,), listed=RULES)
        if not moves_rows(rule):
            raise ValueError(
                f"GDMatrixFactorization moves row by row, by one of {RULES} or an object of these, "
                f"not by optimizer={self.optimizer!r}."
            )
        automatic = isinstance(self.learning_rate, str) and self.learning_rate == "auto"
        if not automatic:
            schedules.as_schedule(self.learning_rate)
        return Method(
            loss=loss,
            rule=clone(rule),
            k=self.n_factors,
            alpha=float(self.alpha),
            alpha_bias=float(self.alpha if self.alpha_bias is None else self.alpha_bias),
            biases=bool(self.biases),
            non_negative=bool(self.non_negative),
            init_scale=self.init_scale,
            n_negatives=loss.n_negatives,
            dtype=np.dtype(self.dtype),
            automatic=automatic,
            sigma=loss.spread_of(moments),
            mean=moments.mean,
        )

    def _rates(self, method, model, epoch=None):
        """The rates of a run; `epoch` updates make an epoch in fit, None is a stream."""
        if method.automatic:
            return AutomaticRate(method, epoch)
        horizon = None if epoch is None else model.t + epoch * self.max_iter
        return schedules.resolve(
            self.learning_rate, alpha=self.alpha, loss=method.loss.loss, total_steps=horizon
        )

    def _start(self, ratings, loss, rng):
        """A run over these ratings, and the ids that it knows; the model stays what it is."""
        warm = self.warm_start and self.__sklearn_is_fitted__()
        moments = Moments().seen(ratings.y, ratings.weights)
        method = self._method(loss, moments)
        if warm:
            users, items = self._users.copy(), self._items.copy()
        else:
            users, items = Identifiers(), Identifiers()
        if ratings.shape is not None:  # ids are all row and column numbers
            users.add_numbers(ratings.shape[0])
            items.add_numbers(ratings.shape[1])
        user_rows, item_rows = users.add(ratings.users), items.add(ratings.items)
        seen = Seen.of(user_rows, item_rows, len(users), len(items))
        model = self._model.copy() if warm else Model.start(method, int(rng.integers(2**62)))
        rates = self._rates(method, model, len(ratings))
        if model.schedule_state is None or not warm:
            model.schedule_state = rates.start()
        start = method.start
        if not model.fits(method):
            model.move_to(method, start)
        grid = Grid.of(
            user_rows,
            item_rows,
            ratings.y.astype(method.dtype),
            None if ratings.weights is None else ratings.weights.astype(method.dtype),
            len(users),
            len(items),
            rng,
            draws=loss.samples,
        )
        for rows, n, met in (
            (model.users, len(users), user_rows),
            (model.items, len(items), item_rows),
        ):
            known = rows.n
            rows.add(n, start)
            if ratings.shape is not None:
                rows.clear_unmet(known, met)
        model.running = None
        model.mean = 0.0
        if method.has_constant:
            model.mean = loss.constant(ratings.y, ratings.weights, method.n_negatives)
        self._users, self._items, self._seen, self._moments = users, items, seen, moments
        self.optimizer_ = method.rule
        n_jobs = threads.count(self.n_jobs)
        return Run(method, model, grid, rates, seen.arrays(), n_jobs)

    def _validation(self, held_out, run, rng):
        """What the monitor stops by; None without ratings held out."""
        if held_out is None:
            return None
        users, items = self._users.find(held_out.users), self._items.find(held_out.items)
        mean_loss = run.method.loss.held_out(
            users, items, held_out.y, held_out.weights, run.model.items.n, rng
        )

        def score(user_rows, item_rows):
            model = replace(run.model, users=user_rows, items=item_rows)
            return mean_loss(model.averaged(run.method.rule).predict)

        scale = mean_loss(lambda users, items: np.full(len(users), run.model.mean))
        return Validation(score, scale, Plateau(self.tol, self.n_iter_no_change))

    @with_callbacks
    def _go_down(self, told, run, monitor, rng, sample_weight):
        """From the start to a fitted model; returns the solver's outcome, and Ctrl-C if it came."""
        try:
            with self._fit_task(told, run, monitor, sample_weight):
                outcome = solve(
                    run,
                    tol=self.tol,
                    max_iter=self.max_iter,
                    n_iter_no_change=self.n_iter_no_change,
                    rng=rng,
                    monitor=monitor,
                )
                self._set_fitted(run, monitor, outcome.n_iter)
        except KeyboardInterrupt as interrupt:
            self._set_fitted(run, monitor, len(monitor.curve))
            return None, interrupt
        return outcome, None

    @contextmanager
    def _fit_task(self, told, run, monitor, sample_weight):
        """The task "fit" of the callbacks, which the monitor then tells of each epoch."""

        def attributes(n_iter, users, items):
            model = replace(run.model, users=users, items=items)
            return {"_model": model, "n_iter_": n_iter, "t_": model.t}

        def last_good():
            return attributes(max(1, len(monitor.curve)), run.model.users, run.model.items)

        context = self._init_callback_context(max_subtasks=self.max_iter)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        arguments = {"estimator": self, "X": told[0], "y": told[1], "metadata": metadata}
        context.call_on_fit_task_begin(**arguments)
        task = FitTask(context, arguments, attributes)
        monitor.task = task if has_callbacks(self) else None
        try:
            yield
        except BaseException:
            task.end(last_good)
            raise
        task.end({})

    def _set_fitted(self, run, monitor, n_iter):
        model = run.model
        best = None if monitor.validation is None else monitor.validation.best
        if best is not None:
            model.users, model.items = best
        self._model = model
        self._plan_kept = None
        self.n_iter_ = max(1, n_iter)
        self.t_ = model.t
        self.n_samples_ = run.grid.n
        self.loss_curve_, self.seconds_curve_ = monitor.curve, monitor.seconds
        self.__dict__.pop("validation_curve_", None)
        if monitor.validation is not None:
            self.validation_curve_ = monitor.validation.curve

    def _warn(self, outcome, monitor):
        """Say it if the run did not end well, and which parameter to change."""
        if outcome.diverged:
            trouble = (
                "GDMatrixFactorization diverged and was stopped at its last good iterate: lower "
                f"the learning rate (learning_rate={self.learning_rate!r}), or leave it to 'auto'."
            )
        elif not outcome.converged and self.tol is not None and monitor.stopped_by is None:
            trouble = (
                f"GDMatrixFactorization did not converge within max_iter={self.max_iter}: raise "
                "it, or tol; tol=None asks for max_iter epochs."
            )
        else:
            return
        warnings.warn(trouble, ConvergenceWarning, stacklevel=3)

    # partial_fit

    def partial_fit(self, X, y=None, sample_weight=None):
        """Learn from a chunk of ratings, in their order; unknown users and items are added.

        Parameters
        ----------
        X : array-like, frame or sparse matrix
            As in `fit`.
        y : array-like of shape (n_ratings,), default=None
            As in `fit`.
        sample_weight : array-like of shape (n_ratings,), default=None
            A weight is a multiplicity; with all of them 0 the chunk changes nothing.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError
            On input that cannot be used. The model then is what it was.
        """
        ratings = None
        if sample_weight is None and self.__sklearn_is_fitted__():
            ratings = lean_ratings(self, X, y)
        if ratings is not None:  # no attribute is set before all is well
            plan = self._plan()
            ratings.y = plan.loss.encode(ratings.y, self.non_negative)
            self._learn(plan, ratings)
            return self
        with attributes_kept_on_error(self):
            if not self.__sklearn_is_fitted__():
                self._begin_stream()
            plan = self._plan()
            first = "n_features_in_" not in vars(self)
            ratings = self._ratings(
                X, y, sample_weight, plan.loss, reset=first, allow_all_zero=True
            ).of_positive_weight()
            if len(ratings):
                self._learn(plan, ratings)
        return self

    def _begin_stream(self):
        """A model that has met nothing."""
        self._plan_kept = None
        self._validate_parameters()
        loss, moments = self._rating_loss(), Moments()
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        method = self._method(loss, moments)
        model = Model.start(method, int(np.random.default_rng(seed).integers(2**62)))
        if method.has_constant:
            model.running = loss.running_constant(method.n_negatives)
        model.schedule_state = self._rates(method, model).start()
        self._users, self._items, self._seen = Identifiers(), Identifiers(), Seen()
        self._moments, self._model = moments, model
        self.optimizer_, self.n_iter_, self.t_ = method.rule, 1, 0
        self.loss_curve_, self.seconds_curve_ = [], []

    def _plan(self):
        """The `Plan` that the parameters mean for the stream, kept until one of them changes."""
        parameters = fingerprint(self)
        plan = self._plan_kept
        same = plan is not None and plan.parameters == parameters
        if not same or plan.method is None:  # the latter after unpickling
            self._validate_parameters()
            moments = plan.moments if same else self._moments
            plan = self._plan_kept = self._plan_for(parameters, moments)
        return plan

    def _plan_for(self, parameters, moments):
        """The same for ratings of these moments."""
        loss = self._rating_loss()
        method = self._method(loss, moments)
        return Plan(parameters, moments, loss, method, self._rates(method, self._model))

    def _learn(self, plan, ratings):
        """Learn from ratings of positive weight, in their order."""
        moments = self._moments.seen(ratings.y, ratings.weights)
        if plan.method.automatic:
            sigma = plan.loss.spread_of(moments)
            if abs(sigma - plan.method.sigma) > DRIFT * plan.method.sigma:
                plan = self._plan_for(plan.parameters, moments)
        learner = ChunkLearner(self._users, self._items, self._seen, self._model)
        try:
            learner.learn(plan.method, plan.rates, ratings)
        except FloatingPointError:
            warnings.warn(
                "GDMatrixFactorization.partial_fit diverged on this chunk, which was left out: "
                f"lower the learning rate (learning_rate={self.learning_rate!r}), or leave it to "
                "learning_rate='auto'.",
                ConvergenceWarning,
                stacklevel=3,
            )
            return
        self._moments, self._plan_kept = moments, plan
        self.optimizer_, self.t_ = plan.method.rule, self._model.t

    # predict

    def predict(self, X, *, return_known=False):
        """Ratings of pairs of users and items; with `loss="log_loss"` the probability of 1.

        An unknown user gets mean + item bias, an unknown item mean + user bias, two of them the
        mean.

        Parameters
        ----------
        X : array-like, frame or sparse matrix
            As in `fit`; of a sparse matrix the stored entries, in the order of ``X.tocoo()``.
        return_known : bool, default=False
            Whether to tell which users and items were known.

        Returns
        -------
        ratings : ndarray of shape (n_ratings,), float64
            In the units of those of `fit`.
        known : ndarray of shape (n_ratings, 2), bool
            Of user and item; with `return_known` alone.

        Raises
        ------
        ValueError
            On pairs that cannot be used.
        """
        check_is_fitted(self)
        users, items, *_ = read_pairs(self, X, reset=False)
        rows = self._users.find(users), self._items.find(items)
        model = self._model.averaged(self.optimizer_)
        ratings = self._rating_loss().decode(model.predict(*rows))
        if not return_known:
            return ratings
        known = model.users.have_met(rows[0]), model.items.have_met(rows[1])
        return ratings, np.column_stack(known)

    def score(self, X, y=None, sample_weight=None):
        """The coefficient of determination R^2 of the predictions.

        With `loss="log_loss"` that of the probabilities, for ratings 0 and 1. Where items are drawn
        ("bpr", "warp", "log_loss" with `n_negatives`), predictions have no unit: the AUC of
        `sgdlearn.metrics.RankingScorer`.

        Parameters
        ----------
        X : array-like, frame or sparse matrix
            As in `fit`.
        y : array-like of shape (n_ratings,), default=None
            The ratings; None with a sparse X, and for the AUC, where all then are 1.
        sample_weight : array-like of shape (n_ratings,), default=None
            Multiplicities of the ratings; the AUC does not read them.

        Returns
        -------
        score : float
            1 at best; 0 is no better than their mean.

        Raises
        ------
        ValueError
            On ratings that cannot be used.
        """
        check_is_fitted(self)
        if self._rating_loss().samples:
            return RankingScorer("auc")(self, X, y)
        ratings = read_ratings(self, X, y, sample_weight, reset=False)
        return r2_score(ratings.y, self.predict(X), sample_weight=ratings.weights)

    # attributes

    @property
    def users_(self):
        """The ids of the users, row by row."""
        return self._fitted("_users").values()

    @property
    def items_(self):
        """The ids of the items, row by row."""
        return self._fitted("_items").values()

    @property
    def user_factors_(self):
        """ndarray of shape (n_users, n_factors)."""
        return self._predictor().users.factors

    @property
    def item_factors_(self):
        """ndarray of shape (n_items, n_factors)."""
        return self._predictor().items.factors

    @property
    def user_bias_(self):
        """ndarray of shape (n_users,)."""
        return self._predictor().users.bias

    @property
    def item_bias_(self):
        """ndarray of shape (n_items,)."""
        return self._predictor().items.bias

    @property
    def mean_(self):
        """The constant of the model: of a rating, or of the log odds of 1."""
        return self._fitted("_model").mean

    def _predictor(self):
        """The model that makes predictions."""
        return self._fitted("_model").averaged(self.optimizer_)

    def _fitted(self, name):
        try:
            return vars(self)[name]
        except KeyError:
            raise AttributeError("This GDMatrixFactorization is not fitted yet.") from None

    # pickling and scikit-learn's protocol

    def __sklearn_is_fitted__(self):
        return vars(self).get("_model") is not None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = False
        return tags

    def __getstate__(self):
        state = {**super().__getstate__(), "_state_version": STATE_VERSION}
        plan = state.get("_plan_kept")
        if plan is not None:
            state["_plan_kept"] = Plan(plan.parameters, plan.moments)
        return state

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_state_version", None)
        if version != STATE_VERSION:
            raise ValueError(
                f"This pickle of a {type(self).__name__} has state version {version}, which this "
                f"release of sgdlearn (state version {STATE_VERSION}) cannot read: train it anew, "
                "or unpickle it with the release that wrote it."
            )
        super().__setstate__(state)
