"""`minimize`: any differentiable function, by the package's update rules or L-BFGS."""

import warnings
from inspect import isclass, signature

import numpy as np
from scipy import optimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sgdlearn import optimizers, schedules
from sgdlearn._parameters import check_domain
from sgdlearn._solvers import general

MESSAGES = {
    general.CONVERGED: "The gradient is within tol of zero.",
    general.OUT_OF_ITERATIONS: "max_iter updates did not bring the gradient within tol of zero.",
    general.DIVERGED: "The run diverged: the learning rate is too large.",
    general.STOPPED: "The callback stopped the run.",
    general.STANDING: "The objective falls no further; the gradient is not within tol of zero.",
    general.DONE: "max_iter updates were made, as asked for.",
}
SUCCESS = general.CONVERGED, general.STOPPED, general.DONE


def minimize(
    fun,
    x0,
    args=(),
    *,
    jac=None,
    optimizer="adam",
    learning_rate="auto",
    max_iter=10_000,
    tol=1e-5,
    callback=None,
    bounds=None,
    n_restarts=0,
    path=False,
    random_state=None,
):
    """Minimise a differentiable function, in the manner of `scipy.optimize.minimize`.

    The optimizers are those of the estimators, and so are the compiled update rules and the
    schedules.

    Parameters
    ----------
    fun : callable
        ``fun(x) -> float``, or ``(float, gradient)`` with ``jac=True``. If it has a parameter named
        ``rng`` it is taken to be stochastic and is passed a `numpy.random.Generator` by that name.
    x0 : array-like of floats, of any shape
        Where to start. `fun` and `jac` get arrays of this shape, of double precision; a number is
        an array of one.
    args : tuple, default=()
        What `fun` and `jac` are passed after x: ``fun(x, *args)``.
    jac : callable, True or None, default=None
        ``jac(x) -> gradient``, of the shape of x. ``jac(x, rng)`` is a stochastic one: it may draw
        what it needs, such as a batch of rows or an episode, from the `numpy.random.Generator`.
        True: `fun` returns it. None: central differences, 2 x.size calls of `fun` each.
    optimizer : str or Optimizer, default="adam"
        A stochastic rule ("sgd", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam",
        "ftrl", "schedule_free", "dog", an object such as ``SGD(momentum=0.9)``, one of your own),
        or "lbfgs", which takes no learning rate and no stochastic gradient. There is no penalty
        here, so "adamw" is Adam. The others need rows of data.
    learning_rate : "auto", float, Schedule or callable, default="auto"
        A number or a schedule is taken as it is. "auto" looks for the first rate along the rule's
        first update and then follows the objective: larger while it falls, smaller when it does
        not, back a few updates when it runs away. With a stochastic gradient the rate falls from
        the first to zero over `max_iter` updates. "dog" finds its own steps, which the rate
        multiplies: give it 1.0, if any.
    max_iter : int, default=10000
        The most updates of a run.
    tol : float or None, default=1e-5
        A run has converged when no element of the gradient (projected, with bounds) is larger: a
        test in the units of ``fun / x``, scipy's ``gtol``. A stochastic gradient has no such test:
        its runs make all `max_iter` updates; None asks for that with others.
    callback : callable, default=None
        ``callback(intermediate_result)``, called by that name with an `OptimizeResult` (x, fun,
        jac, nit, learning_rate) after every update; with a parameter of another name it gets x.
        The run ends where it returns True or raises StopIteration.
    bounds : sequence of (min, max), or scipy.optimize.Bounds, default=None
        For each element of x; None for no bound. Every update is followed by the projection.
    n_restarts : int, default=0
        So many further runs, for objectives with local minima, from starting points drawn
        uniformly between the bounds, or where one is missing normally about x0 with the deviation
        1 + abs(x0). The lowest end is returned.
    path : bool, default=False
        Whether to keep every iterate.
    random_state : int, RandomState instance or None, default=None
        For stochastic functions and restarts.

    Returns
    -------
    scipy.optimize.OptimizeResult
        - `x`, ndarray like x0: the last iterate if the run converged; else the lowest one. Always
          finite.
        - `fun`, float: the objective there
        - `jac`, ndarray like x0: the gradient there
        - `optimality`, float: what `tol` bounds
        - `success`, bool: whether the run converged or ended as asked for (status 0, 3 or 5);
          `message`, str
        - `status`, int: 0 converged, 1 out of iterations, 2 diverged, 3 stopped by the callback,
          4 at a standstill, 5 all updates made that were asked for
        - `nit`, int: updates of the run; `nfev`, `njev`, int: calls of `fun` and `jac` in all runs
        - `learning_rate`, float or None: the last one
        - `path`, ndarray of shape (nit + 1, ...): if asked for, every iterate
        - `runs`, list of OptimizeResult: if there were restarts, every run, the one from x0 first

    Raises
    ------
    ValueError
        For an optimizer that needs rows, for parameters that exclude each other, and where `fun`
        is not finite at x0.

    Warns
    -----
    ConvergenceWarning
        Where `success` is False.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.optimize import rosen, rosen_der
    >>> from sgdlearn import minimize
    >>> result = minimize(rosen, [-1.0, 1.0], jac=rosen_der, max_iter=20_000)
    >>> result.success, result.x.round(3)
    (True, array([1., 1.]))
    """
    x0 = np.atleast_1d(np.array(x0, dtype=np.float64))
    for name, value, domain in (
        ("max_iter", max_iter, "an integer in [1, inf)"),
        ("tol", tol, "None or a number in [0, inf)"),
        ("n_restarts", n_restarts, "an integer in [0, inf)"),
        ("path", path, "a bool"),
    ):
        check_domain(name, "minimize", value, domain)
    box = box_of(bounds, x0)
    rng = np.random.default_rng(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    objective = general.Objective(
        with_args(fun, args),
        with_args(jac, args),
        box,
        draws_value="rng" in parameters(fun),
        draws_gradient="rng" in parameters(fun if jac is True else jac),
        rng=rng,
    )
    rule = rule_of(optimizer)
    check_pairs(rule, learning_rate, objective)
    pace = pace_of(learning_rate, rule, objective, max_iter, seed=int(rng.integers(2**32)))
    results = []
    for start in starts(x0, box, n_restarts, rng):
        watch = Watch(callback, path)
        way = {"max_iter": max_iter, "tol": tol, "watch": watch}
        if rule.name == "lbfgs":
            outcome = general.descend_lbfgs(objective, rule, start, **way)
        else:
            outcome = general.descend(objective, rule, start, pace, **way)
        results.append(as_result(outcome, watch))
    best = min(results, key=lambda result: result.fun)
    if n_restarts:
        best = optimize.OptimizeResult(best, runs=results)
    best.nfev, best.njev = objective.nfev, objective.njev
    if not best.success:
        warnings.warn(f"minimize: {best.message}", ConvergenceWarning, stacklevel=2)
    return best


def with_args(function, args):
    """The function with these behind its x, before what else it is passed."""
    args = args if isinstance(args, tuple) else (args,)
    if not args or not callable(function):
        return function
    return lambda x, *others, **named: function(x, *args, *others, **named)


def rule_of(optimizer):
    """The `Optimizer` of a name or an object, validated."""
    if isinstance(optimizer, str) and optimizer in optimizers.OPTIMIZERS:
        return optimizers.OPTIMIZERS[optimizer]()
    if isinstance(optimizer, optimizers.Optimizer):
        return optimizer.validate()
    instead = ""
    if isclass(optimizer) and issubclass(optimizer, optimizers.Optimizer):
        instead = f" Pass an object: {optimizer.__name__}()."
    raise ValueError(
        f"The 'optimizer' parameter of minimize must be one of {[*update_rules(), 'lbfgs']} or an "
        f"Optimizer object. Got {optimizer!r} instead.{instead}"
    )


def update_rules():
    """The names of the rules that need no rows of data."""
    return [name for name, kind in optimizers.OPTIMIZERS.items() if kind.family == "stochastic"]


def box_of(bounds, x0):
    """The `Box` that bounds on the elements of x0 mean."""
    if bounds is None:
        return general.Box()
    if isinstance(bounds, optimize.Bounds):
        lower, upper = bounds.lb, bounds.ub
    else:
        pairs = [(-np.inf if a is None else a, np.inf if b is None else b) for a, b in bounds]
        if len(pairs) != x0.size:
            raise ValueError(
                f"bounds must be {x0.size} pairs, one an element of x0. Got {bounds!r}."
            )
        lower, upper = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    lower, upper = (
        np.broadcast_to(np.asarray(side, dtype=np.float64), x0.size).reshape(x0.shape)
        for side in (lower, upper)
    )
    if not np.all(lower <= upper):
        raise ValueError(f"The bounds must have min <= max. Got {bounds!r}.")
    return general.Box(lower, upper)


def check_pairs(rule, learning_rate, objective):
    """Raise ValueError for what does not go together."""
    name, jac = rule.name, objective.jac
    if rule.family != "stochastic" and name != "lbfgs":
        raise ValueError(
            f"optimizer={name!r} needs rows of data. minimize takes 'lbfgs' and the update rules: "
            f"{update_rules()}."
        )
    if not (jac is None or jac is True or callable(jac)):
        raise ValueError(f"jac must be a callable, True or None. Got {jac!r}.")
    automatic = isinstance(learning_rate, str) and learning_rate == "auto"
    if not automatic:
        schedules.as_schedule(learning_rate)
    if name == "lbfgs" and not automatic:
        raise ValueError(
            f"optimizer='lbfgs' takes no learning rate: leave learning_rate='auto'. "
            f"Got learning_rate={learning_rate!r}."
        )
    if name == "lbfgs" and objective.stochastic:
        raise ValueError(
            "optimizer='lbfgs' needs an exact gradient. Got a jac with a parameter rng."
        )
    if jac is None and objective.stochastic:
        raise ValueError("A stochastic fun needs a jac: jac=None would take differences of draws.")


def pace_of(learning_rate, rule, objective, max_iter, seed):
    """What `descend` asks for the rates of a run."""
    if not (isinstance(learning_rate, str) and learning_rate == "auto"):
        rates = schedules.resolve(learning_rate, total_steps=max_iter)
        return lambda point: general.Given(rates)

    def automatic(point):
        first = general.first_rate(objective, rule, point, seed)
        if objective.stochastic:
            return general.Falling(first, max_iter)
        return general.Followed(rule, first, point)

    return automatic


def as_result(outcome, watch):
    """The `OptimizeResult` of one run."""
    result = optimize.OptimizeResult(
        x=outcome.x,
        fun=outcome.value,
        jac=outcome.gradient,
        optimality=outcome.optimality,
        success=outcome.status in SUCCESS,
        status=outcome.status,
        message=MESSAGES[outcome.status],
        nit=outcome.nit,
        learning_rate=outcome.rate,
    )
    if watch.keeps:
        result.path = np.array(watch.path)
    return result


def starts(x0, box, n_restarts, rng):
    """The starting points, x0 first."""
    yield box.project(x0)
    for _ in range(n_restarts):
        start = x0 + (1.0 + np.abs(x0)) * rng.normal(size=x0.shape)
        if box.lower is not None:
            inside = np.isfinite(box.lower) & np.isfinite(box.upper)
            low, high = (np.where(inside, side, 0.0) for side in (box.lower, box.upper))
            start = np.where(inside, low + (high - low) * rng.random(x0.shape), start)
        yield box.project(start)


class Watch:
    """What is told of every iterate: keeps the path and calls the user's callback."""

    def __init__(self, callback, keeps):
        self.callback, self.keeps, self.path = callback, keeps, []
        self.by_result = callback is not None and "intermediate_result" in parameters(callback)

    def __call__(self, x, value, gradient, nit, rate):
        """Whether to stop."""
        if self.keeps:
            self.path.append(x.copy())
        if self.callback is None or nit == 0:
            return False
        try:
            if self.by_result:
                answer = self.callback(
                    intermediate_result=optimize.OptimizeResult(
                        x=x.copy(), fun=value, jac=gradient.copy(), nit=nit, learning_rate=rate
                    )
                )
            else:
                answer = self.callback(x.copy())
        except StopIteration:
            return True
        return isinstance(answer, (bool, np.bool_)) and bool(answer)


def parameters(function):
    """The names of a function's parameters."""
    try:
        return signature(function).parameters
    except (TypeError, ValueError):  # built-in ones need not say
        return {}
