"""LossCurveDisplay."""

import warnings

import numpy as np

from ._drawing import (
    GREY,
    add_grid,
    add_legend,
    axes_for,
    integer_ticks,
    look,
    marks,
    require_matplotlib,
    scale_x,
)
from ._names import inner, named, names_of

X_AXES = {"epoch": "Epochs", "samples": "Rows visited", "seconds": "Time (s)"}


class LossCurveDisplay:
    """The objective of fits, and their validation loss, as they went on.

    It draws any fitted estimator that has a `loss_curve_` (and a `validation_curve_`): those of
    sgdlearn, scikit-learn's `MLPClassifier`, pipelines and searches that end in one.

    Parameters
    ----------
    loss_curves : list of ndarray of shape (n_epochs,)
        The objective after each epoch, a curve for each fit.
    names : list of str
        What they are called in the legend.
    validation_curves : list of ndarray of shape (n_epochs,) or None, default=None
        The mean loss on rows held out; None where there is none.
    seconds_curves : list of ndarray of shape (n_epochs,) or None, default=None
        When each epoch ended.
    n_samples : list of int or None, default=None
        Rows that an epoch visits.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        The objective of each fit.
    validation_lines_ : list of matplotlib Line2D or None
        The validation loss of each fit.

    See Also
    --------
    LearningRateFinderDisplay : The objective against the learning rate.
    TrajectoryDisplay : The way of the coefficients.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sgdlearn import GDLogisticRegression
    >>> from sgdlearn.inspection import LossCurveDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> models = [
    ...     GDLogisticRegression(optimizer=name, max_iter=5, tol=None, random_state=0).fit(X, y)
    ...     for name in ("sgd", "adam")
    ... ]
    >>> display = LossCurveDisplay.from_estimators(models)
    >>> [line.get_label() for line in display.lines_]
    ['sgd', 'adam']
    """

    def __init__(
        self, loss_curves, names, *, validation_curves=None, seconds_curves=None, n_samples=None
    ):
        nothing = [None] * len(loss_curves)
        self.loss_curves = [np.asarray(curve, dtype=np.float64) for curve in loss_curves]
        self.names = list(names)
        self.validation_curves = _arrays(validation_curves or nothing)
        self.seconds_curves = _arrays(seconds_curves or nothing)
        self.n_samples = list(n_samples or nothing)

    @classmethod
    def from_estimator(cls, estimator, *, name=None, n_samples=None, ax=None, **kwargs):
        """Draw one fitted estimator.

        Parameters
        ----------
        estimator : object
            Fitted; it has a `loss_curve_`.
        name : str, default=None
            What it is called; None is its class.
        n_samples : int, default=None
            Rows an epoch visits, for ``x="samples"``; None takes the estimator's `n_samples_`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            As for `plot`.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        ValueError
            If it has no `loss_curve_`, or what runs along `x` is not known of it.
        """
        names = names_of([estimator]) if name is None else [name]
        return cls.from_estimators(
            list(zip(names, [estimator])), n_samples=n_samples, ax=ax, **kwargs
        )

    @classmethod
    def from_estimators(cls, estimators, *, n_samples=None, ax=None, **kwargs):
        """Draw several fitted estimators in one picture.

        Parameters
        ----------
        estimators : list, dict or a single one
            Fitted estimators, or names and estimators. Without names they are called by the
            parameters that they differ in.
        n_samples : int, default=None
            Rows an epoch visits, for ``x="samples"``; None takes each estimator's `n_samples_`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            As for `plot`.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        ValueError
            If there are none, one has no `loss_curve_`, or what runs along `x` is not known of it.
        """
        require_matplotlib(f"{cls.__name__}.from_estimators")
        names, estimators = named(estimators)
        learners = [inner(estimator) for estimator in estimators]
        for name, learner in zip(names, learners):
            if not len(getattr(learner, "loss_curve_", ())):
                raise ValueError(
                    f"{name} has no loss_curve_: it must be an estimator that keeps one, after "
                    f"fit. Got {learner!r}."
                )
        display = cls(
            [learner.loss_curve_ for learner in learners],
            names,
            validation_curves=[getattr(m, "validation_curve_", None) for m in learners],
            seconds_curves=[getattr(m, "seconds_curve_", None) for m in learners],
            n_samples=[
                getattr(m, "n_samples_", None) if n_samples is None else n_samples for m in learners
            ],
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self,
        ax=None,
        *,
        x="epoch",
        optimum=None,
        validation=True,
        xscale="linear",
        yscale=None,
        line_kw=None,
    ):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        x : {"epoch", "samples", "seconds"}, default="epoch"
            What the curves run along: passes over the data (iterations of a batch solver), the rows
            visited in them, or the time since the way down began.
        optimum : float, default=None
            The least value of the objective, if you know it: the curves are then the excess over
            it, on a log scale. What is within rounding of it is drawn there.
        validation : bool, default=True
            Whether to draw the validation loss, where there is one. It is not the objective (it has
            no penalty), so there is none beside an excess.
        xscale : {"linear", "log"}, default="linear"
        yscale : {"linear", "log"}, default=None
            None is "log" for an excess.
        line_kw : dict, default=None
            What `Axes.plot` takes, for the lines of the objective.

        Returns
        -------
        self : LossCurveDisplay
            This display.

        Raises
        ------
        ValueError
            If there is no such `x`, or it is not known of one of the fits.
        """
        if x not in X_AXES:
            raise ValueError(f"x must be one of {list(X_AXES)}. Got {x!r}.")
        places = [self._places(x, i) for i in range(len(self.names))]
        own = ax is None
        ax = axes_for(ax, f"{type(self).__name__}.plot")
        curves = self.loss_curves if optimum is None else self._excess(optimum)
        watched = [optimum is None and validation and c is not None for c in self.validation_curves]
        taken = len(ax.lines)  # in axes that hold curves already
        self.lines_, self.validation_lines_ = [], []
        for i, (name, along, curve) in enumerate(zip(self.names, places, curves)):
            style = look(i + taken, dashed=not any(watched))
            style.update(label=name, markevery=marks(len(curve), i))
            self.lines_ += ax.plot(along, curve, **{**style, **(line_kw or {})})
            self.validation_lines_.append(
                self._plot_validation(ax, i, along, style) if watched[i] else None
            )
        ylabel = "Objective (mean loss + penalty)" if optimum is None else "Objective − optimum"
        ax.set(xlabel=X_AXES[x], ylabel=ylabel)
        scale_x(ax, xscale)
        ax.set_yscale(yscale or ("linear" if optimum is None else "log"))
        if x == "epoch" and xscale == "linear":
            integer_ticks(ax)
        add_grid(ax)
        self.ax_, self.figure_ = ax, ax.figure
        if any(watched):
            ax.set_ylabel("Objective, validation loss")
        if any(watched) or len(ax.get_legend_handles_labels()[0]) > 1:
            add_legend(ax, self._entries() if any(watched) else None, widen=own)
        return self

    def _places(self, x, i):
        """Where on the x axis the values of curve i lie."""
        epochs = np.arange(1, len(self.loss_curves[i]) + 1)
        if x == "epoch":
            return epochs
        known = (self.n_samples if x == "samples" else self.seconds_curves)[i]
        if known is None:
            missing = "n_samples_ (pass n_samples)" if x == "samples" else "seconds_curve_"
            raise ValueError(f"x={x!r} cannot be drawn for {self.names[i]}: it has no {missing}.")
        return epochs * known if x == "samples" else known

    def _excess(self, optimum):
        """The curves less the optimum; what rounding has made of nothing is of its size."""
        rounding = np.finfo(np.float64).eps * max(abs(optimum), np.finfo(np.float64).tiny)
        excesses, lowest = [], np.inf
        for curve in self.loss_curves:
            excess = curve - optimum
            near = np.abs(excess) < rounding
            lowest = min(lowest, np.min(curve[~near], initial=np.inf))
            excesses.append(np.where(near, rounding, np.where(excess > 0.0, excess, np.nan)))
        if lowest < optimum:
            warnings.warn(
                f"optimum={optimum!r} is not the least value: curves go down to {float(lowest)!r} "
                "and have gaps where they lie below it.",
                stacklevel=3,
            )
        return excesses

    def _plot_validation(self, ax, i, along, style):
        """The validation loss of fit i, its best value filled: there the coefficients are from."""
        curve = self.validation_curves[i]
        style = {**style, "linestyle": "--", "label": "_validation"}
        (line,) = ax.plot(along, curve, **style)
        best = int(np.argmin(np.where(np.isnan(curve), np.inf, curve)))
        ax.plot(
            along[best],
            curve[best],
            linestyle="none",
            marker=style["marker"],
            markersize=9,
            color=style["color"],
            label="_best",
        )
        return line

    def _entries(self):
        """Handles of a legend that says what is solid and what is dashed."""
        from matplotlib.lines import Line2D

        several = len(self.lines_) > 1
        colour = GREY if several else self.lines_[0].get_color()
        kinds = {
            "objective": {"linestyle": "-"},
            "validation loss": {"linestyle": "--"},
            "its minimum": {"linestyle": "none", "marker": "o", "markersize": 9},
        }
        if not several:
            kinds["its minimum"]["marker"] = self.lines_[0].get_marker()
        handles = [Line2D([], [], color=colour, label=kind, **kw) for kind, kw in kinds.items()]
        return [*self.lines_, *handles] if several else handles


def _arrays(curves):
    """The curves as arrays, None where there is none."""
    return [None if curve is None else np.asarray(curve, np.float64) for curve in curves]
