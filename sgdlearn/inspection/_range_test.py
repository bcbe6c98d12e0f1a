"""lr_range_test: how far short fits come at each learning rate, and which of them that suggests."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Bunch, check_random_state

from ..optimizers import OPTIMIZERS
from ..schedules import Schedule
from ._names import behind_pipeline

# The parameters of schedules that are rates, by which the others scale.
RATES = ("rate", "initial_rate", "max_rate")
# Where no rates are given: so many to a decade, from the first over at least these decades, and on
# beyond either end until the best rate lies inside and the largest does harm.
PER_DECADE = 4
FIRST_DECADES = (-6, 1)
ALL_DECADES = (-16, 16)
# A rate that leaves everything as it is.
NO_RATE = 1e-30
# The suggested rate reaches this share of the deepest fall, and lies this factor below the first
# rate that does harm.
SHARE = 0.98
MARGIN = 3.0


def lr_range_test(estimator, X, y, *, sample_weight=None, rates=None, n_epochs=None):
    """Fit for a few epochs at each of many learning rates.

    It is Smith's (2017) range test with a short run of its own for each rate, in place of one run
    whose rate grows: so a rate is judged by what it does from the start, not by what the smaller
    ones before it have left.

    Parameters
    ----------
    estimator : estimator with a `learning_rate`, or a pipeline that ends in one
        It is cloned, not changed. Where its `learning_rate` is a schedule with a ``rate``,
        ``initial_rate`` or ``max_rate``, that is what is varied. With ``random_state=None`` one
        seed is drawn for all its fits.
    X, y : array-like
        What it is to be fitted on; a part of the rows will do.
    sample_weight : array-like of shape (n_samples,), default=None
        Multiplicities of the rows.
    rates : array-like of shape (n_rates,), default=None
        The learning rates to try. None tries 4 in each decade from 1e-6 to 10, and more beyond
        until the best lies inside and the largest does harm.
    n_epochs : int, default=None
        Epochs of each run; None is 3, and 30 with ``batch_size="full"``, where an epoch is one
        update.

    Returns
    -------
    result : Bunch
        - `rates`, ndarray of shape (n_rates,): in rising order
        - `objectives`, ndarray of shape (n_rates,): the objective of the last epoch at each rate;
          inf where the run diverged
        - `start`, float: the objective before all updates
        - `suggested_rate`, float: the smallest rate that brings 98 % of the deepest fall, but at
          most a third of the first one that does harm (that ends above the start, or diverges)
        - `edge`, float: that first rate which does harm; inf if none did

    Raises
    ------
    ValueError
        If the estimator takes no rate, or no rate brings the objective down.

    References
    ----------
    L. N. Smith (2017), "Cyclical learning rates for training neural networks", WACV.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sgdlearn import GDLogisticRegression
    >>> from sgdlearn.inspection import lr_range_test
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = GDLogisticRegression(optimizer="adam", random_state=0)
    >>> test = lr_range_test(model, scale(X), y)
    >>> 1e-3 < test.suggested_rate < test.edge
    True
    """
    model, X = _learner(estimator, X, y)
    if n_epochs is None:
        n_epochs = 30 if getattr(model, "batch_size", None) == "full" else 3

    data = (X, y, sample_weight, n_epochs)
    start = _objective(model, NO_RATE, X, y, sample_weight, 1)
    if rates is None:
        rates, objectives = _from_flat_to_harmful(
            lambda rate: _objective(model, rate, *data), start
        )
    else:
        rates = np.unique(np.asarray(rates, dtype=np.float64))
        objectives = np.array([_objective(model, rate, *data) for rate in rates])
    place, end = suggest(rates, objectives, start)
    if place is None:
        raise ValueError(
            f"None of the learning rates from {rates[0]:.3g} to {rates[-1]:.3g} brings the "
            "objective down: try smaller ones, more of them or more epochs."
        )
    suggested, edge = float(rates[place]), float(rates[end]) if end < len(rates) else np.inf
    return Bunch(
        rates=rates, objectives=objectives, start=start, suggested_rate=suggested, edge=edge
    )


def _from_flat_to_harmful(objective, start):
    """(rates, objectives), in a range that has the suggested rate inside and ends with harm."""
    low, high = (PER_DECADE * decade for decade in FIRST_DECADES)
    lowest, highest = (PER_DECADE * decade for decade in ALL_DECADES)
    found = {}

    def run(*exponents):
        found.update({e: objective(10.0 ** (e / PER_DECADE)) for e in range(*exponents)})
        exponents = np.array(sorted(found))
        return 10.0 ** (exponents / PER_DECADE), np.array([found[e] for e in exponents])

    rates, objectives = run(low, high + 1)
    while high < highest and objectives.max() <= start:
        rates, objectives = run(high + 1, high + PER_DECADE + 1)
        high += PER_DECADE
    while low > lowest and not suggest(rates, objectives, start)[0]:
        rates, objectives = run(low - PER_DECADE, low)
        low -= PER_DECADE
    return rates, objectives


def suggest(rates, objectives, start):
    """Where in a range test the suggested rate is, and the first rate that does harm.

    None for the first if there is no such rate, and the number of rates for the second.
    """
    harmful = ~(objectives <= start)
    end = int(np.argmax(harmful)) if harmful.any() else len(rates)
    edge = rates[end] if end < len(rates) else np.inf
    usable = objectives[rates * MARGIN <= edge]
    if not len(usable) or not usable.min() < start:
        return None, end
    enough = start - SHARE * (start - usable.min())
    return int(np.argmax(usable <= enough)), end


def _learner(estimator, X, y):
    """The estimator whose rate is tested, and X as it sees it: behind the steps of a pipeline."""
    estimator, X = behind_pipeline(estimator, X, y)
    parameters = estimator.get_params(deep=False)
    if "learning_rate" not in parameters:
        raise ValueError(f"{type(estimator).__name__} has no learning_rate to be tested.")
    optimizer = parameters.get("optimizer")
    rule = OPTIMIZERS.get(optimizer) if isinstance(optimizer, str) else optimizer
    if getattr(rule, "family", None) in ("dual", "batch") or getattr(rule, "name", "") == "psvrg":
        raise ValueError(
            f"optimizer={optimizer!r} takes no learning_rate to be tested: it finds its own step."
        )
    if parameters.get("random_state", 0) is None:  # else each fit has a start of its own
        seed = check_random_state(None).randint(np.iinfo(np.int32).max)
        estimator = clone(estimator).set_params(random_state=seed)
    return estimator, X


def at_rate(learning_rate, rate):
    """`learning_rate` with this for its rate: a number, or a schedule of the same kind."""
    if not isinstance(learning_rate, Schedule):
        if callable(learning_rate):
            raise ValueError(
                "A range test varies a number, or the rate of a schedule object. "
                f"Got learning_rate={learning_rate!r}."
            )
        return rate
    schedule = clone(learning_rate)
    parameters = schedule.get_params(deep=False)
    for name in RATES:
        if name in parameters:
            return schedule.set_params(**{name: rate})
    if "schedule" in parameters:  # Warmup's
        return schedule.set_params(schedule=at_rate(schedule.schedule, rate))
    raise ValueError(
        f"A range test varies one of the parameters {list(RATES)} of a schedule. "
        f"learning_rate={learning_rate!r} has none of them."
    )


def _objective(model, rate, X, y, sample_weight, n_epochs):
    """The objective of the last of some epochs at this rate; inf if the run diverged."""
    model = clone(model).set_params(
        learning_rate=at_rate(model.learning_rate, rate), max_iter=n_epochs, tol=None
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
    curve = model.loss_curve_
    finished = len(curve) == n_epochs and np.isfinite(curve[-1])
    return float(curve[-1]) if finished else np.inf
