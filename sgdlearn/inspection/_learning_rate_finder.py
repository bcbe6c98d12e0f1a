"""LearningRateFinderDisplay."""

import numpy as np

from ._drawing import COLOURS, GREY, add_grid, add_legend, axes_for, require_matplotlib, scale_x
from ._range_test import lr_range_test

# How far above the start, as a share of the deepest fall, a curve is still drawn.
HEADROOM = 0.5
# How far beyond the first rate that does harm there is something to see.
BEYOND = 30.0


class LearningRateFinderDisplay:
    """The objective after a few epochs against the learning rate, and the rate that suggests.

    Too small a rate leaves the objective where it was, too large a one raises it or diverges;
    between lies the range of use.

    Parameters
    ----------
    rates : ndarray of shape (n_rates,)
        In rising order.
    objectives : ndarray of shape (n_rates,)
        inf where the run diverged.
    suggested_rate : float
        The rate to take.
    start : float, default=None
        The objective before all updates; None is that of the smallest rate.
    edge : float, default=inf
        The first rate that does harm.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        The curve, the suggested rate and, where there is one, the edge.

    See Also
    --------
    lr_range_test : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sgdlearn import GDLogisticRegression
    >>> from sgdlearn.inspection import LearningRateFinderDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = GDLogisticRegression(optimizer="sgd", random_state=0)
    >>> display = LearningRateFinderDisplay.from_estimator(model, X, y)
    >>> 1e-5 < display.suggested_rate < display.edge
    True
    """

    def __init__(self, rates, objectives, suggested_rate, *, start=None, edge=np.inf):
        self.rates = np.asarray(rates, dtype=np.float64)
        self.objectives = np.asarray(objectives, dtype=np.float64)
        self.suggested_rate = suggested_rate
        self.start = self.objectives[0] if start is None else start
        self.edge = edge

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, sample_weight=None, rates=None, n_epochs=None, ax=None, **kwargs
    ):
        """Test the rates and draw what came of it.

        Parameters
        ----------
        estimator : estimator with a `learning_rate`, or a pipeline that ends in one
            It is cloned, not changed.
        X, y : array-like
            What it is to be fitted on; a part of the rows will do.
        sample_weight : array-like of shape (n_samples,), default=None
            Multiplicities of the rows.
        rates : array-like of shape (n_rates,), default=None
            The learning rates to try; None finds their range.
        n_epochs : int, default=None
            Epochs of each run; None is 3, and 30 with ``batch_size="full"``.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            As for `plot`.

        Returns
        -------
        LearningRateFinderDisplay

        Raises
        ------
        ValueError
            If the estimator takes no rate, or no rate brings the objective down.
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        test = lr_range_test(
            estimator, X, y, sample_weight=sample_weight, rates=rates, n_epochs=n_epochs
        )
        display = cls(
            test.rates, test.objectives, test.suggested_rate, start=test.start, edge=test.edge
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, yscale="linear", line_kw=None):
        """Draw the range test.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        yscale : {"linear", "log"}, default="linear"
        line_kw : dict, default=None
            What `Axes.plot` takes, for the curve.

        Returns
        -------
        self : LearningRateFinderDisplay
            This display.
        """
        own = ax is None
        ax = axes_for(ax, f"{type(self).__name__}.plot")
        scale_x(ax, "log")
        ax.set_yscale(yscale)
        low, high = self._limits(yscale)
        # what leaves the picture, or diverged, goes out at its top
        shown = np.minimum(self.objectives, high + 10.0 * (high - low))
        style = {"color": COLOURS[0], "marker": "o", "markersize": 4, "linewidth": 1.5}
        style["label"] = "objective after the test"
        lines = ax.plot(self.rates, shown, **{**style, **(line_kw or {})})
        at = np.interp(np.log(self.suggested_rate), np.log(self.rates), shown)
        lines.append(
            ax.axvline(
                self.suggested_rate,
                color=COLOURS[2],
                linestyle="--",
                linewidth=1.5,
                label=f"suggested rate: {self.suggested_rate:.2g}",
            )
        )
        ax.plot(self.suggested_rate, at, "D", color=COLOURS[2], markersize=8, label="_suggested")
        if np.isfinite(self.edge):
            lines.append(
                ax.axvline(
                    self.edge,
                    color=COLOURS[1],
                    linestyle=":",
                    linewidth=1.5,
                    label=f"does harm from {self.edge:.2g}",
                )
            )
            ax.axvspan(self.edge, self.rates[-1], color=GREY, alpha=0.12, linewidth=0)
        ax.axhline(self.start, color=GREY, linewidth=0.9, label="objective before")
        ax.set_xlim(self.rates[0], min(self.rates[-1], BEYOND * self.edge))
        ax.set_ylim(low, high)
        ax.set(xlabel="Learning rate", ylabel="Objective (mean loss + penalty)")
        add_grid(ax)
        self.ax_, self.figure_, self.lines_ = ax, ax.figure, lines
        add_legend(ax, widen=own)
        return self

    def _limits(self, yscale):
        """The range of objectives that is worth looking at: from the lowest to above the start."""
        finite = self.objectives[np.isfinite(self.objectives)]
        lowest, start = finite.min(), max(self.start, finite.min())
        if yscale == "log":
            lowest, start = np.log(lowest), np.log(start)
        fall = (start - lowest) or abs(start) or 1.0
        limits = np.array([lowest - 0.08 * fall, start + HEADROOM * fall])
        return np.exp(limits) if yscale == "log" else limits
