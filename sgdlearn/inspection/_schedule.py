"""ScheduleDisplay."""

from numbers import Real

import numpy as np

from .. import schedules as vocabulary
from .._parameters import check_domain
from ._drawing import (
    add_grid,
    add_legend,
    axes_for,
    integer_ticks,
    look,
    marks,
    require_matplotlib,
    scale_x,
)
from ._names import inner, named, short

# Steps at which a schedule is drawn, when there are more.
POINTS = 2000


class ScheduleDisplay:
    """The learning rates of schedules, update by update.

    Parameters
    ----------
    steps : list of ndarray of int
        The numbers of the updates, 1, 2, ...; an array for each schedule.
    rates : list of ndarray, as `steps`
        The learning rates there.
    names : list of str
        What they are called in the legend.
    scaled : bool, default=False
        Whether the rates are those for columns of unit size, not for X as it is.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D

    Examples
    --------
    >>> from sgdlearn.inspection import ScheduleDisplay
    >>> from sgdlearn.schedules import Cosine, InverseScaling
    >>> display = ScheduleDisplay.from_schedules([InverseScaling(), Cosine()], n_steps=1000)
    >>> [line.get_label() for line in display.lines_]
    ['InverseScaling()', 'Cosine()']
    >>> float(display.rates[0][0]), round(float(display.rates[0][-1]), 4)
    (0.01, 0.0018)
    """

    def __init__(self, steps, rates, names, *, scaled=False):
        self.steps = [np.asarray(of_one) for of_one in steps]
        self.rates = [np.asarray(of_one, dtype=np.float64) for of_one in rates]
        self.names = list(names)
        self.scaled = scaled

    @classmethod
    def from_schedules(
        cls,
        schedules,
        *,
        n_steps=1000,
        alpha=1e-4,
        loss="log_loss",
        objectives=None,
        ax=None,
        **kwargs,
    ):
        """Draw schedules.

        Parameters
        ----------
        schedules : list, dict or a single one
            Schedules, numbers or callables on arrays of step numbers; or names and these.
        n_steps : int, default=1000
            How many updates; it is also the `total_steps` of schedules that leave theirs open.
        alpha : float, default=1e-4
            The strength of the penalty, for schedules that leave it open.
        loss : str or Loss, default="log_loss"
            The loss, for schedules that leave it open.
        objectives : array-like of shape (n_epochs,), default=None
            The objective after each epoch, for schedules that watch it: the `n_steps` updates are
            as many epochs of the same length.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            As for `plot`.

        Returns
        -------
        ScheduleDisplay

        Raises
        ------
        ValueError
            If there are none, one is no learning rate, or `n_steps` is no positive integer.
        """
        require_matplotlib(f"{cls.__name__}.from_schedules")
        check_domain("n_steps", "from_schedules", n_steps, "an integer in [1, inf)")
        if not hasattr(schedules, "items"):
            schedules = [
                entry if isinstance(entry, tuple) else (_name(entry), entry)
                for entry in ([schedules] if _is_single(schedules) else schedules)
            ]
        names, schedules = named(schedules)
        if any(isinstance(schedule, str) and schedule == "auto" for schedule in schedules):
            raise ValueError(
                "The rates of 'auto' are found by fit: pass a fitted estimator to from_estimator."
            )
        objectives = [np.inf] if objectives is None else list(objectives)
        borders = np.linspace(0, n_steps, len(objectives) + 1).round().astype(int)
        context = {"alpha": alpha, "loss": loss, "total_steps": n_steps}
        drawn = [
            rates_along(vocabulary.resolve(schedule, **context), borders, objectives)
            for schedule in schedules
        ]
        steps = np.arange(1, n_steps + 1)
        return cls([steps] * len(drawn), drawn, names).plot(ax=ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, **kwargs):
        """Draw the rates that the last `fit` has used, given or found by "auto".

        "auto" moves in columns scaled to unit size; the axis says so. Its rates are none to give to
        an estimator on X as it is.

        Parameters
        ----------
        estimator : GDLinearRegression, GDLogisticRegression or GDLinearSVC
            Fitted, by a stochastic rule; or a pipeline or a search that ends in one.
        name : str, default=None
            What the schedule is called; None is what it prints as.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            As for `plot`.

        Returns
        -------
        ScheduleDisplay

        Raises
        ------
        ValueError
            If `fit` has not run, or not by a stochastic rule.
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        learner = inner(estimator)
        pace = getattr(learner, "_pace", None)
        if pace is None or not pace.epochs:
            fitted = "not fitted"
            if hasattr(learner, "loss_curve_"):
                fitted = "fitted"
            elif hasattr(learner, "coef_"):
                fitted = "fitted by partial_fit, which keeps none"
            raise ValueError(
                "It takes a fit by a stochastic rule to have a learning rate for each update. "
                f"Got {estimator!r}, {fitted}."
            )
        steps, rates = pace.in_full()
        names = [_name(learner.learning_rate) if name is None else name]
        return cls([steps], [rates], names, scaled=pace.scaled).plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, xscale="linear", yscale="linear", line_kw=None):
        """Draw the rates.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        xscale, yscale : {"linear", "log"}, default="linear"
        line_kw : dict, default=None
            What `Axes.plot` takes, for all lines.

        Returns
        -------
        self : ScheduleDisplay
            This display.
        """
        own = ax is None
        ax = axes_for(ax, f"{type(self).__name__}.plot")
        taken = len(ax.lines)
        self.lines_ = []
        for i, (steps, rates, name) in enumerate(zip(self.steps, self.rates, self.names)):
            chosen = _shown(rates, xscale)
            style = look(i + taken)
            style.update(label=name, markevery=marks(len(chosen), i))
            kw = {**style, **(line_kw or {})}
            self.lines_ += ax.plot(steps[chosen], rates[chosen], **kw)
        ylabel = "Learning rate (columns of unit size)" if self.scaled else "Learning rate"
        ax.set(xlabel="Update", ylabel=ylabel, yscale=yscale)
        scale_x(ax, xscale)
        add_grid(ax)
        if xscale == "linear":
            integer_ticks(ax)
        self.ax_, self.figure_ = ax, ax.figure
        add_legend(ax, widen=own)
        return self


def rates_along(rates, borders, objectives):
    """The rates of all updates, epochs lying between `borders` and ending at these objectives."""
    state, found = rates.start(), []
    for start, stop, objective in zip(borders[:-1], borders[1:], objectives):
        found.append(rates(np.arange(start + 1, stop + 1), state))
        state = rates.observe(state, objective)
    return np.concatenate(found)


def _shown(rates, xscale):
    """Which of the rates are drawn."""
    n = len(rates)
    if n <= POINTS:
        return np.arange(n)
    spaced = np.geomspace(1, n, POINTS) if xscale == "log" else np.linspace(1, n, POINTS)
    return np.unique(spaced.round().astype(int)) - 1


def _is_single(schedules):
    """Whether this is one schedule, number or function, in no list."""
    return isinstance(schedules, (vocabulary.Schedule, Real, str)) or callable(schedules)


def _name(schedule):
    """What a schedule, a number or a function is called."""
    if isinstance(schedule, vocabulary.Schedule):
        return short(schedule)
    return getattr(schedule, "__name__", None) or short(schedule)
