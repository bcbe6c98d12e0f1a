"""What the linear estimators share: parameters, fit and partial_fit, coefficients."""

import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from .. import _threads as threads
from .. import optimizers, penalties
from .._compat import (
    CallbackSupportMixin,
    Interval,
    KeepsParameterNames,
    StrOptions,
    has_callbacks,
    validate_parameters,
    with_callbacks,
)
from .._fit_task import FitTask
from .._solvers.ahead import Passed, ahead
from .._solvers.kept import Kept
from .._solvers.monitor import Monitor, Plateau, Validation
from .._solvers.objective import Objective
from .._solvers.own_loss import check_loss
from .._solvers.rows import make_rows
from .._solvers.scaling import deviations
from .._solvers.single_precision import rounded
from .._solvers.solve import method_for, resumed, solve, starting_point, way_down
from .._solvers.stochastic import value_of_intercepts
from .._solvers.stream import Stream
from .._validation import (
    Fingerprint,
    attributes_kept_on_error,
    check_weights,
    check_X,
    check_Xy,
    drop_zero_weight_rows,
)
from ..penalties import ElasticPenalty, Penalty

# Raised whenever pickles of older models could no longer be read.
STATE_VERSION = 3
# Where a message names what is wrong.
NAME_OF_INPUT = re.compile(r"(?:^|(?<=Input )|(?<=but ))(?:X|y|sample_weight)\b")
# A run that ends at this many times the objective of the zero model has gone nowhere.
FAR_OFF = 10.0
# One fit with warm_start=True keeps no more for the next than this share of X, or so many bytes.
SHARE_KEPT, LITTLE = 0.15, 2**20


def may_stream(optimizer):
    """Whether this optimizer learns from streams: the rules that move row by row."""
    return optimizer == "auto" or optimizers.resolve(optimizer).family == "stochastic"


@dataclass
class Problem:
    """What fit makes of its input: the objective, and how it goes down it."""

    X: Any  # as validated, for callbacks
    y: Any
    objective: Objective
    way: Any
    validation: Validation | None


class LinearModel(KeepsParameterNames, CallbackSupportMixin, BaseEstimator):
    """Base of the linear estimators; see one of them for the parameters."""

    _parameter_constraints = {
        "penalty": [StrOptions("l2", "l1", "elasticnet"), Penalty, None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "standardize": ["boolean"],
        "fit_intercept": ["boolean"],
        "optimizer": "no_validation",  # `way_down` checks these two, and says more
        "learning_rate": "no_validation",
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions("auto", "full")],
        "average": ["boolean", Interval(Integral, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "shuffle": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "positive": ["boolean"],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
        "n_replicas": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        penalty,
        alpha,
        l1_ratio,
        standardize,
        fit_intercept,
        optimizer,
        learning_rate,
        batch_size,
        average,
        max_iter,
        tol,
        shuffle,
        early_stopping,
        validation_fraction,
        n_iter_no_change,
        warm_start,
        positive,
        n_jobs,
        n_replicas,
        random_state,
        verbose,
    ):
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.standardize = standardize
        self.fit_intercept = fit_intercept
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.average = average
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.positive = positive
        self.n_jobs = n_jobs
        self.n_replicas = n_replicas
        self.random_state = random_state
        self.verbose = verbose

    def set_params(self, **params):
        """Set parameters, ``optimizer__beta1`` and the like those of a parameter object.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError
            If there is no such parameter, or no object to hold it.
        """
        for name in params:
            holder, _, inner = name.partition("__")
            if inner and holder in self._parameter_constraints:
                value = params.get(holder, getattr(self, holder))
                if not hasattr(value, "set_params"):
                    raise ValueError(
                        f"{name} is a parameter of an object, such as optimizer=Adam() or "
                        f"learning_rate=InverseScaling(), but {type(self).__name__} has "
                        f"{holder}={value!r}: pass an object first."
                    )
        return super().set_params(**params)

    # What a kind of estimator adds

    def _loss(self, n_outputs):
        """The Loss for so many outputs."""
        raise NotImplementedError

    def _learn_targets(self, y):
        """Set what is learnt from all of y (the classes)."""

    def _encode(self, y):
        """The targets of validated y as solvers take them, (n, n_targets), and how many outputs."""
        raise NotImplementedError

    def _penalty(self, n_features):
        """The penalty, `alpha` included."""
        penalty = penalties.resolve(
            self.penalty, alpha=self.alpha, l1_ratio=self.l1_ratio, positive=self.positive
        )
        if np.shape(penalty.unit) not in ((), (n_features,)):
            raise ValueError(
                f"The unit of penalty={self.penalty!r} has shape {np.shape(penalty.unit)}, but X "
                f"has {n_features} features."
            )
        return penalty

    def _weighted(self, targets, weights):
        """Weights with class_weight multiplied in."""
        return weights

    # fit

    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        coef_init=None,
        intercept_init=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 and float64 in C order and CSR are read in place; other input is converted.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target; several outputs for regression only.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight is a multiplicity: 2 is two copies, 0 is a removed row.
        coef_init : array-like, default=None
            Where to start, in the shape of `coef_`.
        intercept_init : array-like or float, default=None
            Where to start, in the shape of `intercept_`.
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
            validate_parameters(self)
            random_state, rng = self._randomness()
            problem = self._problem(
                X, y, sample_weight, (X_val, y_val, sample_weight_val), random_state
            )
            start = self._start(problem.objective, coef_init, intercept_init)
            monitor = Monitor(validation=problem.validation, verbose=bool(self.verbose))
            resume = self.warm_start and coef_init is None and intercept_init is None
            result, interrupt = self._go_down(
                problem, start, monitor, rng, sample_weight, resume=resume
            )
        if interrupt is not None:
            raise interrupt
        self._warn(problem, result, monitor)
        return self

    @with_callbacks
    def _go_down(self, problem, start, monitor, rng, sample_weight, *, resume):
        """From the start to a fitted model; returns the solver's result, and Ctrl-C if it came."""
        stream = None
        try:
            with self._fit_task(problem, monitor, start, sample_weight):
                if problem.way.rule.family == "stochastic":
                    stream = self._observe(problem.objective, problem.way)
                run, here = None, start
                if resume:
                    run = self._run_to_resume(problem, stream)
                    start = self._ahead(problem, *start)
                if self.verbose:
                    print(f"{type(self).__name__}: {problem.way.rule} ({problem.way.reason})")
                result, run = solve(
                    problem.objective,
                    *start,
                    problem.way,
                    rng=rng,
                    monitor=monitor,
                    run=run,
                    stream=stream,
                )
                W, b = result.W, result.b
                if problem.validation is not None and problem.validation.best is not None:
                    (W, b), run = problem.validation.best, None
                self._set_fitted(problem, monitor, W, b, result.n_iter, result.t, run, stream)
                self._set_certificates(result)
                passed = getattr(self, "_passed", None) or Passed(None)
                self._passed = passed.then(problem.objective, *here) if resume else None
        except KeyboardInterrupt as interrupt:
            W, b = self._last_good(problem, monitor, start)
            n_iter, t = len(monitor.curve), monitor.updates()
            self._set_fitted(problem, monitor, W, b, n_iter, t, None, stream)
            self._set_certificates(None)
            return None, interrupt
        return result, None

    def _randomness(self):
        """What draws the validation split, and what draws the visiting order."""
        random_state = check_random_state(self.random_state)
        return random_state, np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))

    def _problem(self, X, y, sample_weight, validation, random_state):
        """Validate all input of fit."""
        fingerprint = Fingerprint() if self.warm_start else None
        X, y = check_Xy(self, X, y, reset=True, fingerprint=fingerprint)
        shown = X, y
        weights = check_weights(sample_weight, X.shape[0])
        X, y, weights = drop_zero_weight_rows(X, y, weights)
        self._learn_targets(y)
        validation_rows = self._validation_rows(X, y, weights, validation, random_state)
        if validation_rows is not None and validation[0] is None:
            kept, held_out = validation_rows
            validation_rows = tuple(None if a is None else a[held_out] for a in (X, y, weights))
            X, y, weights = (None if a is None else a[kept] for a in (X, y, weights))
        objective = self._objective(X, y, weights)
        if fingerprint is not None and objective.rows.n == shown[0].shape[0]:
            self._recall(objective, fingerprint)
        check_loss(objective.loss, objective.output_targets(0))
        if self.standardize and isinstance(objective.penalty, ElasticPenalty):
            moments = objective.rows.column_moments(objective.weights)
            objective.penalty.set_params(unit=deviations(moments))
        way = self._way(objective)
        watch = None
        if validation_rows is not None:
            held_out = self._objective(*validation_rows, class_weight=False)
            held_out.penalty = ElasticPenalty()
            watch = Validation(
                score=held_out.value,
                scale=held_out.value(*self._zero_model(held_out)),
                plateau=Plateau(self.tol, self.n_iter_no_change),
            )
        return Problem(*shown, objective, way, watch)

    def _recall(self, objective, fingerprint):
        """Tell the objective what the last fit has kept, if it was the same but for the penalty."""
        loss, unit = objective.loss, np.asarray(objective.penalty.unit)
        if loss.spec is None:  # nobody knows when one written in Python is the same
            return
        fingerprint.add(objective.targets, objective.weights, unit)
        beside = loss.spec, objective.n_outputs, objective.fit_intercept, self.standardize
        marks = *fingerprint.marks, type(loss), *beside
        kept = getattr(self, "_kept", None) or Kept()
        kept = kept.for_data(marks, max(SHARE_KEPT * objective.rows.nbytes, LITTLE))
        objective.kept = objective.rows.kept = kept

    def _validation_rows(self, X, y, weights, given, random_state):
        """The user's validation set, the split (kept, held out) of X, or None."""
        X_val, y_val, weights_val = given
        if not self.early_stopping:
            if X_val is not None or y_val is not None or weights_val is not None:
                raise ValueError(
                    "X_val, y_val and sample_weight_val are read with early_stopping=True alone. "
                    f"Got early_stopping={self.early_stopping!r}."
                )
            return None
        if (X_val is None) != (y_val is None) or (X_val is None and weights_val is not None):
            raise ValueError("X_val and y_val, and sample_weight_val beside them, go together.")
        if X_val is not None:
            try:
                X_val, y_val = check_Xy(self, X_val, y_val, reset=False)
                weights_val = check_weights(weights_val, X_val.shape[0])
                if self._encode(y_val)[1] != self._encode(y)[1]:
                    raise ValueError("y_val has another number of outputs than y.")
            except ValueError as error:
                message = NAME_OF_INPUT.sub(r"\g<0>_val", str(error))
                raise ValueError(f"The validation set cannot be used. {message}") from error
            return drop_zero_weight_rows(X_val, y_val, weights_val)
        stratified = hasattr(self, "classes_")
        split = (StratifiedShuffleSplit if stratified else ShuffleSplit)(
            n_splits=1, test_size=self.validation_fraction, random_state=random_state
        )
        try:
            return next(split.split(np.empty((len(y), 0)), y if stratified else None))
        except ValueError as error:
            raise ValueError(
                f"validation_fraction={self.validation_fraction!r} of {len(y)} rows cannot be held "
                f"out for early_stopping. {error}"
            ) from error

    def _objective(self, X, y, weights, class_weight=True):
        """The objective on validated rows."""
        targets, n_outputs = self._encode(y)
        if class_weight:
            weights = self._weighted(targets, weights)
            X, targets, weights = drop_zero_weight_rows(X, targets, weights)
        return Objective(
            rows=make_rows(X, threads.count(self.n_jobs)),
            targets=targets,
            weights=weights,
            loss=self._loss(n_outputs),
            penalty=self._penalty(X.shape[1]),
            n_outputs=n_outputs,
            fit_intercept=self.fit_intercept,
        )

    def _way(self, objective):
        parameters = self.get_params(deep=False)
        parameters["n_jobs"] = objective.team.n_jobs
        return way_down(
            parameters, loss=objective.loss, penalty=objective.penalty, objective=objective
        )

    def _start(self, objective, coef_init, intercept_init):
        """(W, b) to start from, None where nothing is given."""
        names = ["coef_init", "intercept_init"]
        if self.warm_start and self.__sklearn_is_fitted__():
            if coef_init is None:
                coef_init, names[0] = self._dense_coef(), "With warm_start=True, coef_"
            if intercept_init is None:
                intercept_init, names[1] = self.intercept_, "With warm_start=True, intercept_"
        k, p = objective.n_outputs, objective.rows.p
        W = _initial(names[0], coef_init, (k, p))
        b = _initial(names[1], intercept_init, (k,))
        return W, b if self.fit_intercept else np.zeros(k)

    def _run_to_resume(self, problem, stream):
        """The last run, if warm_start can take up its moments and its clock."""
        self._heed_written_coefficients()
        run, way = getattr(self, "_run", None), problem.way
        if run is None or way.rule.family != "stochastic":
            return None
        method = method_for(problem.objective, way)
        run = replace(run, state=run.state.copy())  # fit may fail, and the model be what it was
        return resumed(run, method, problem.objective, way, stream, way.max_iter)

    def _ahead(self, problem, W, b):
        """The start, ahead of the last model where a path of penalties goes on."""
        passed = getattr(self, "_passed", None)
        if W is None or passed is None:
            return W, b
        return ahead(problem.objective, problem.way.rule, W, b, passed)

    def _observe(self, objective, way):
        """What is known of the columns, for rules whose rate is "auto" and for later chunks.

        Which do not need it before the end: until then there is memory for other things.
        """
        if way.learning_rate != "auto" or not may_stream(self.optimizer):
            return None
        return Stream.of(objective)

    @contextmanager
    def _fit_task(self, problem, monitor, start, sample_weight):
        """The task "fit" of the callbacks, which the monitor then tells of each epoch.

        However the block is left, what has begun ends there. Where an error or Ctrl-C cut it short,
        `fitted_estimator` in the end hook is the last good iterate.
        """

        def attributes(n_iter, W, b):
            coef, intercept = self._shaped(W, b)
            return {
                "coef_": np.array(coef, dtype=problem.objective.rows.dtype),
                "intercept_": np.array(intercept)[()],
                "n_iter_": n_iter,
            }

        def last_good():
            return attributes(max(1, len(monitor.curve)), *self._last_good(problem, monitor, start))

        context = self._init_callback_context(max_subtasks=self.max_iter)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        told = {"estimator": self, "X": problem.X, "y": problem.y, "metadata": metadata}
        context.call_on_fit_task_begin(**told)
        task = FitTask(context, told, attributes)
        monitor.task = task if has_callbacks(self) else None
        try:
            yield
        except BaseException:
            task.end(last_good)
            raise
        task.end({})

    def _zero_model(self, objective):
        return np.zeros((objective.n_outputs, objective.rows.p)), objective.baseline()

    def _last_good(self, problem, monitor, start):
        """The best iterate known of a run that was cut short."""
        if problem.validation is not None and problem.validation.best is not None:
            return problem.validation.best
        if monitor.last is not None:
            W, b = monitor.last()
            if np.isfinite(W).all() and np.isfinite(b).all():
                return W, b
        return starting_point(problem.objective, *start, textbook=False)

    def _set_fitted(self, problem, monitor, W, b, n_iter, t, run, stream):
        if stream is None:
            stream = self._observe(problem.objective, problem.way)
        if stream is not None and monitor.curve:
            penalty = problem.objective.penalty.value(np.asarray(W))
            stream = replace(stream, loss=max(monitor.curve[-1] - penalty, 0.0))
        self._run, self._stream = run, stream
        self.optimizer_ = problem.way.rule
        self.n_iter_ = max(1, n_iter)
        self.t_ = t
        self.n_samples_ = problem.objective.rows.n
        self.loss_curve_ = monitor.curve
        self.seconds_curve_ = monitor.seconds
        self._pace = monitor.pace
        if problem.validation is not None:
            self.validation_curve_ = problem.validation.curve
        else:
            self.__dict__.pop("validation_curve_", None)
        self._kept_plan, kept = None, problem.objective.kept
        self._kept = None if kept.fingerprint is None else kept.for_next()
        self._dtype = problem.objective.rows.dtype
        self._coef, self._intercept = self._shaped(rounded(W, self._dtype), np.array(b))

    def _set_certificates(self, result):
        """What the solver knows of how far from the optimum it ended."""
        self.optimality_ = None if result is None else result.optimality
        self.__dict__.pop("dual_gap_", None)
        if result is not None and result.dual_gap is not None:
            self.dual_gap_ = result.dual_gap

    def _warn(self, problem, result, monitor):
        """Say it if the run did not end well, and which parameter to change."""
        name, rate = type(self).__name__, f"learning_rate={self.learning_rate!r}"
        if result.diverged:
            trouble = (
                f"{name} diverged and was stopped at its last good iterate: lower the learning "
                f"rate ({rate}), or leave it to learning_rate='auto'."
            )
        elif result.lost_to_rounding:
            trouble = (
                f"{name} found coefficients that float32 is too coarse for, large ones that cancel "
                "each other: pass X as float64, or raise alpha."
            )
        elif not _is_certain(result) and self._is_far_off(problem, monitor):
            trouble = (
                f"{name} ended far above the objective of the zero model, at "
                f"{monitor.curve[-1]:.3g}: lower the learning rate ({rate}), or leave it to "
                "learning_rate='auto'."
            )
        elif not result.converged and self.tol is not None and monitor.stopped_by is None:
            trouble = f"{name} did not converge within max_iter={self.max_iter}: raise it, or tol."
            if self.alpha == 0 and hasattr(self, "classes_"):
                trouble += " alpha=0 on separable classes has no optimum: raise alpha."
        else:
            return
        warnings.warn(trouble, ConvergenceWarning, stacklevel=3)

    def _is_far_off(self, problem, monitor):
        """Whether the run ended far above its start and the zero model."""
        if not monitor.curve:
            return False
        value, started = monitor.curve[-1] - monitor.beside, monitor.started
        if started is not None and value <= FAR_OFF * started:
            return False
        _, b = self._zero_model(problem.objective)
        at_zero = value_of_intercepts(problem.objective, b)
        return value > FAR_OFF * at_zero >= 0.0  # a loss below zero has no such measure

    # coefficients

    @property
    def coef_(self):
        """Coefficients; after partial_fit they are put together when first asked for."""
        return self._coefficient("_coef", 0)

    @coef_.setter
    def coef_(self, value):
        self._detach()
        self.__dict__["_coef"] = value

    @property
    def intercept_(self):
        """Intercept, or intercepts."""
        return self._coefficient("_intercept", 1)

    @intercept_.setter
    def intercept_(self, value):
        self._detach()
        self.__dict__["_intercept"] = value

    def _coefficient(self, name, place):
        own = self.__dict__
        if own.get(name) is not None:
            return own[name]
        run = own.get("_run")
        if run is None:
            owner = type(self).__name__
            raise AttributeError(f"This {owner} is not fitted: it has no {name[1:]}_.")
        W, b = run.coefficients()
        own["_coef"], own["_intercept"] = self._shaped(rounded(W, self._dtype), b.copy())
        return own[name]

    def _detach(self):
        """Coefficients of the user's own: there is no run that they follow from any more."""
        own = self.__dict__
        if own.get("_run") is not None:
            own["_coef"], own["_intercept"] = self.coef_, self.intercept_
            own["_run"] = None

    def _heed_written_coefficients(self):
        """Treat what has been written into `coef_` or `intercept_` as if it had been assigned."""
        own = self.__dict__
        if own.get("_run") is not None and own.get("_coef") is not None:
            W, b = own["_run"].coefficients()
            learnt = self._shaped(rounded(W, self._dtype), b)
            now = own["_coef"], own["_intercept"]
            if not all(map(np.array_equal, learnt, now)):
                self._detach()

    def _shaped(self, W, b):
        """(coef_, intercept_) in scikit-learn's shapes from (k, p) and (k,)."""
        return W, b

    def _dense_coef(self):
        return self.coef_.toarray() if sparse.issparse(self.coef_) else self.coef_

    def densify(self):
        """Make `coef_` an ndarray; the inverse of `sparsify`.

        Returns
        -------
        self : object
            The estimator itself.
        """
        check_is_fitted(self)
        if sparse.issparse(self.coef_):
            coef = self.coef_.toarray()
            self.coef_ = coef if np.ndim(self.intercept_) else coef[0]
        return self

    def sparsify(self):
        """Make `coef_` a CSR matrix, which saves memory where most coefficients are zero.

        partial_fit makes it dense again.

        Returns
        -------
        self : object
            The estimator itself.
        """
        check_is_fitted(self)
        self.coef_ = sparse.csr_matrix(self.coef_)
        return self

    def _decision_function(self, X):
        """W x + b, (n,) or (n, k)."""
        check_is_fitted(self)
        X = check_X(self, X, reset=False)
        scores = np.asarray(safe_sparse_dot(X, self.coef_.T, dense_output=True))
        if np.ndim(self.intercept_) == 0:
            scores = scores.ravel()  # a sparse coef_ has two dimensions even for one output
        return scores + self.intercept_

    # pickling and scikit-learn's protocol

    def __sklearn_is_fitted__(self):
        own = self.__dict__
        return own.get("_run") is not None or own.get("_coef") is not None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self):
        self._heed_written_coefficients()
        state = {**super().__getstate__(), "_state_version": STATE_VERSION}
        for name in ("_kept", "_passed"):
            state.pop(name, None)
        if state.get("_run") is not None:  # they follow from it
            state["_coef"] = state["_intercept"] = None
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


def _is_certain(result):
    """Whether the solver knows how far from the optimum it ended, and that it is near."""
    return result.converged and result.optimality is not None


def _initial(name, value, shape):
    """A start in the shape that solvers take, from what the user gave; None if that is nothing."""
    if value is None:
        return None
    shapes = [shape] if shape[0] > 1 else [shape, shape[1:]]  # one output may go without saying
    try:
        value = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers. Got {value!r}.") from error
    if value.shape not in shapes or not np.isfinite(value).all():
        raise ValueError(
            f"{name} must hold finite numbers in shape {' or '.join(map(str, shapes))}. "
            f"Got shape {value.shape}" + (": " + str(value) if value.size < 20 else "") + "."
        )
    return value.reshape(shape)
