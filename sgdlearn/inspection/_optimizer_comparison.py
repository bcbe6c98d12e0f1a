"""OptimizerComparisonDisplay."""

from numbers import Real

import numpy as np

from ._drawing import (
    COLOURS,
    MARKERS,
    add_grid,
    add_legend,
    axes_for,
    folded,
    look,
    make_room_beside,
    require_matplotlib,
    scale_x,
)
from ._names import short

# Which parameter beside the optimizer is drawn along x, if there are several.
PREFERRED = ("learning_rate", "alpha", "batch_size")
NOT_IN_GRID = "not set"
# So many values stand at equal distances, the optimizers side by side; more on their own scale.
FEW_VALUES = 12
# Characters in a line of a name on the left of its row.
ROW_WIDTH = 22


class OptimizerComparisonDisplay:
    """The scores of a search over optimizers.

    Parameters
    ----------
    optimizers : list of str
        Names.
    mean_scores, std_scores : ndarray of shape (n_optimizers, n_values)
        Over the folds; nan where the search has not been or the fit failed.
    fit_times : ndarray of shape (n_optimizers, n_values)
        Mean seconds of a fit.
    parameter : str, default=None
        The parameter that was varied beside the optimizer; None is none (n_values is 1).
    values : list of length n_values, default=None
        Its values.
    metric : str, default="score"
        What the scores are called.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each optimizer.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sgdlearn import GDLogisticRegression
    >>> from sgdlearn.inspection import OptimizerComparisonDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = GDLogisticRegression(max_iter=3, tol=None, random_state=0)
    >>> search = GridSearchCV(model, {"optimizer": ["sgd", "adam"]}, cv=2).fit(X, y)
    >>> display = OptimizerComparisonDisplay.from_cv_results(search.cv_results_)
    >>> display.optimizers
    ['sgd', 'adam']
    """

    def __init__(
        self,
        optimizers,
        mean_scores,
        std_scores,
        fit_times,
        *,
        parameter=None,
        values=None,
        metric="score",
    ):
        self.optimizers = list(optimizers)
        self.mean_scores = np.asarray(mean_scores, dtype=np.float64)
        self.std_scores = np.asarray(std_scores, dtype=np.float64)
        self.fit_times = np.asarray(fit_times, dtype=np.float64)
        self.parameter = parameter
        self.values = None if values is None else list(values)
        self.metric = metric

    @classmethod
    def from_cv_results(cls, cv_results, *, parameter="auto", metric="score", ax=None, **kwargs):
        """Draw what a grid or random search over optimizers has found.

        Parameters
        ----------
        cv_results : dict, DataFrame or fitted search
            `cv_results_` of a search over ``optimizer`` (``model__optimizer`` in a pipeline), by
            names or by objects.
        parameter : str or None, default="auto"
            What else was searched over, to be drawn along x; "auto" takes the learning rate, alpha,
            the batch size or any other, in this order. None draws no other. Of all parameters that
            are not drawn, the best values are taken.
        metric : str, default="score"
            Which ``mean_test_...`` of a search by several metrics.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            As for `plot`.

        Returns
        -------
        OptimizerComparisonDisplay

        Raises
        ------
        ValueError
            If the search does not go over optimizers, or has no such metric or parameter.
        """
        require_matplotlib(f"{cls.__name__}.from_cv_results")
        results = getattr(cv_results, "cv_results_", cv_results)
        columns = _parameters(results)
        of_optimizer = [name for name in columns if name.split("__")[-1] == "optimizer"]
        if not of_optimizer:
            raise ValueError(
                f"The search must go over optimizers. Its parameters are {sorted(columns)}."
            )
        if f"mean_test_{metric}" not in results:
            known = [key[10:] for key in results if key.startswith("mean_test_")]
            raise ValueError(f"metric must be one of {known}. Got {metric!r}.")
        names = [_optimizer_name(value) for value in columns.pop(of_optimizer[0])]
        parameter = _chosen(parameter, columns)
        values = [None] * len(names) if parameter is None else columns[parameter]
        rows, places = list(dict.fromkeys(names)), _sorted(values)
        tables = np.full((3, len(rows), len(places)), np.nan)
        wanted = (f"mean_test_{metric}", f"std_test_{metric}", "mean_fit_time")
        found = np.array([np.asarray(results[key], dtype=np.float64) for key in wanted])
        for name, value, numbers in zip(names, values, found.T):
            cell = tables[:, rows.index(name), _place(places, value)]
            if np.isnan(cell[0]) or numbers[0] > cell[0]:
                cell[:] = numbers
        display = cls(
            rows,
            *tables,
            parameter=parameter,
            values=None if parameter is None else places,
            metric=metric,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, x="parameter", std=True, line_kw=None):
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        x : {"parameter", "fit_time"}, default="parameter"
            "parameter": the scores along the other parameter, a line for each optimizer; without
            one, a row for each optimizer, the best on top, with the seconds of a fit on the right.
            "fit_time": the best score of each optimizer against the seconds of a fit.
        std : bool, default=True
            Whether bars show the standard deviation over the folds.
        line_kw : dict, default=None
            What `Axes.plot` takes, for all lines.

        Returns
        -------
        self : OptimizerComparisonDisplay
            This display.

        Raises
        ------
        ValueError
            If there is no such `x`.
        """
        if x not in ("parameter", "fit_time"):
            raise ValueError(f"x must be 'parameter' or 'fit_time'. Got {x!r}.")
        own = ax is None
        ax = axes_for(ax, f"{type(self).__name__}.plot")
        self.ax_, self.figure_, self.lines_ = ax, ax.figure, []
        draw = {
            "fit_time": self._plot_times,
            "parameter": self._plot_rows if self.parameter is None else self._plot_lines,
        }[x]
        draw(ax, std, line_kw or {})
        if draw != self._plot_rows:
            add_legend(ax, widen=own)
        return self

    def _best(self):
        """(mean, std, seconds) of the best setting of each optimizer that has one."""
        known = [i for i, scores in enumerate(self.mean_scores) if not np.isnan(scores).all()]
        best = [np.nanargmax(self.mean_scores[i]) for i in known]
        return known, *(
            table[known, best] for table in (self.mean_scores, self.std_scores, self.fit_times)
        )

    def _plot_lines(self, ax, std, line_kw):
        numeric = len(self.values) > FEW_VALUES and isinstance(self.values[-1], Real)
        along = np.array(self.values if numeric else np.arange(len(self.values)), dtype=np.float64)
        n = len(self.optimizers)
        for i, name in enumerate(self.optimizers):
            known = ~np.isnan(self.mean_scores[i])
            # side by side, so that bars can be told apart
            shift = 0.0 if numeric else 0.3 * ((i + 0.5) / n - 0.5)
            style = look(i)
            (line,) = ax.plot(
                along[known] + shift,
                self.mean_scores[i, known],
                **{**style, "label": name, **line_kw},
            )
            if std:
                _bars(
                    ax,
                    along[known] + shift,
                    self.mean_scores[i, known],
                    self.std_scores[i, known],
                    line,
                )
            self.lines_.append(line)
        if numeric:
            positive = along.min() > 0.0
            scale_x(ax, "log" if positive and along.max() > 20 * along.min() else "linear")
        else:
            ax.set_xticks(along, labels=[_label(value) for value in self.values])
            ax.set_xlim(-0.5, len(along) - 0.5)
        ax.set(xlabel=_words(self.parameter), ylabel=self._score_label(std))
        add_grid(ax)

    def _plot_rows(self, ax, std, line_kw):
        known, means, deviations, seconds = self._best()
        order = np.argsort(means, kind="stable")
        for row, i in enumerate(order):
            style = {"marker": MARKERS[0], "markersize": 7, "color": COLOURS[0]}
            style.update(linestyle="none", label=self.optimizers[known[i]])
            (line,) = ax.plot(means[i], row, **{**style, **line_kw})
            if std:
                ax.hlines(
                    row,
                    means[i] - deviations[i],
                    means[i] + deviations[i],
                    color=line.get_color(),
                    linewidth=1.5,
                )
            self.lines_.append(line)
        names = [folded(self.optimizers[known[i]], ROW_WIDTH) for i in order]
        ax.set_yticks(range(len(names)), labels=names)
        ax.set_ylim(-0.6, len(names) - 0.4)
        ax.set_xlabel(self._score_label(std))
        add_grid(ax)
        times = [
            ax.annotate(
                f"{seconds[i]:.2g} s",
                xy=(1.02, row),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize="small",
                annotation_clip=False,
            )
            for row, i in enumerate(order)
        ]
        times.append(
            ax.annotate("fit time", xy=(1.02, 1.01), xycoords="axes fraction", fontsize="small")
        )
        make_room_beside(ax, [*times, *ax.get_yticklabels()])

    def _plot_times(self, ax, std, line_kw):
        known, means, deviations, seconds = self._best()
        for i, mean, deviation, second in zip(known, means, deviations, seconds):
            style = {**look(i), "linestyle": "none", "markersize": 8, "label": self.optimizers[i]}
            style.update(markerfacecolor=style["color"])
            (line,) = ax.plot(second, mean, **{**style, **line_kw})
            if std:
                _bars(ax, [second], [mean], [deviation], line)
            self.lines_.append(line)
        scale_x(ax, "log" if seconds.max() > 10.0 * seconds.min() > 0.0 else "linear")
        ax.set(xlabel="Mean time of a fit (s)", ylabel=self._score_label(std))
        add_grid(ax)

    def _score_label(self, std):
        return f"Mean test {self.metric.replace('_', ' ')}" + (
            " ± deviation over folds" if std else ""
        )


def _bars(ax, x, means, deviations, line):
    """Thin vertical bars of a standard deviation either way."""
    means, deviations = np.asarray(means), np.asarray(deviations)
    ax.vlines(
        x, means - deviations, means + deviations, color=line.get_color(), linewidth=0.9, alpha=0.7
    )


def _parameters(results):
    """The values of each searched parameter; `NOT_IN_GRID` where a setting has none."""
    columns = {}
    for key in results:
        if key.startswith("param_"):
            column = np.ma.asarray(results[key])
            masked = np.ma.getmaskarray(column)
            columns[key[6:]] = [
                NOT_IN_GRID if hidden else _plain(value)
                for value, hidden in zip(np.ma.getdata(column), masked)
            ]
    return columns


def _plain(value):
    """A NumPy scalar as what it stands for."""
    return value.item() if isinstance(value, np.generic) else value


def _optimizer_name(value):
    return value if isinstance(value, str) else short(value)


def _chosen(parameter, columns):
    """The parameter that is drawn along x."""
    varied = [name for name, values in columns.items() if len(_sorted(values)) > 1]
    if parameter == "auto":
        for ending in PREFERRED:
            for name in varied:
                if name.split("__")[-1] == ending:
                    return name
        return varied[0] if varied else None
    if parameter is None:
        return None
    matching = [name for name in columns if parameter in (name, name.split("__")[-1])]
    if not matching:
        raise ValueError(
            f"parameter must be 'auto', None or one of {sorted(columns)}. Got {parameter!r}."
        )
    return matching[0]


def _sorted(values):
    """The different values: numbers in rising order, then the others as they come."""
    distinct = []
    for value in values:
        if _place(distinct, value) is None:
            distinct.append(value)
    numbers = sorted(v for v in distinct if isinstance(v, Real))
    others = [v for v in distinct if not isinstance(v, Real)]
    return numbers + sorted(others, key=lambda value: _label(value) == NOT_IN_GRID)


def _place(values, value):
    """Where a value stands among these, objects told apart by what they print as; else None."""
    labels = [(isinstance(v, Real), _label(v)) for v in values]
    label = isinstance(value, Real), _label(value)
    return labels.index(label) if label in labels else None


def _label(value):
    return f"{value:g}" if isinstance(value, Real) else short(value)


def _words(name):
    """A parameter's or metric's name as an axis shows it."""
    words = name.split("__")[-1].replace("_", " ")
    return "Penalty alpha" if words == "alpha" else words[:1].upper() + words[1:]
