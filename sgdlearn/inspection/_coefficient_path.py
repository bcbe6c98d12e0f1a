"""CoefficientPathDisplay, and coefficient_path, the numbers beneath."""

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import Bunch

from ._drawing import (
    add_grid,
    axes_for,
    look,
    make_room_beside,
    marks,
    require_matplotlib,
    root,
    scale_x,
    spread_labels,
)
from ._names import behind_pipeline_with_names, short

# How small a share of alpha the L1 penalty is at least taken for, to know where to begin.
LEAST_L1_RATIO = 1e-3
# Where no feature has anything to give.
TINY = 1e-12
# At how many alphas the coefficients that are not zero are counted, above the axes.
COUNTS = 6
# A coefficient this small beside the largest of its feature, or of all, is nothing but rounding.
ROUNDING, ROUNDING_OF_ALL = 1e-10, 1e-13


def coefficient_path(
    estimator, X, y, *, sample_weight=None, alphas=None, n_alphas=100, alpha_ratio=1e-3
):
    """The coefficients over a range of penalties, each fit starting where the last has ended.

    Parameters
    ----------
    estimator : estimator with `alpha` and `warm_start`, or a pipeline that ends in one
        It is cloned, not changed.
    X, y : array-like
        What it is fitted on.
    sample_weight : array-like of shape (n_samples,), default=None
        Multiplicities of the rows.
    alphas : array-like of shape (n_alphas,), default=None
        The penalties. None takes `n_alphas` of them in equal ratios, from the least that makes all
        coefficients of an L1 penalty zero (without L1: from a thousand times the largest gradient)
        down to `alpha_ratio` times that.
    n_alphas : int, default=100
        How many penalties.
    alpha_ratio : float, default=1e-3
        The smallest penalty over the largest.

    Returns
    -------
    result : Bunch
        - `alphas`, ndarray of shape (n_alphas,): falling, as they were fitted
        - `coefs`, ndarray of shape (n_alphas, n_features) or (n_alphas, n_outputs, n_features)
        - `intercepts`, ndarray of shape (n_alphas,) or (n_alphas, n_outputs)
        - `feature_names`, list of str
        - `output_names`, list of str: the classes, or the numbers, of several outputs; else None

    Raises
    ------
    ValueError
        If the estimator has no `alpha`, no `warm_start` or no penalty, needs `alphas` because it is
        not a linear estimator of sgdlearn, or its input cannot be used.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sgdlearn import GDLinearRegression
    >>> from sgdlearn.inspection import coefficient_path
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = coefficient_path(GDLinearRegression(penalty="l1"), X, y, n_alphas=5)
    >>> path.coefs.shape, bool((path.coefs[0] == 0).all())
    ((5, 10), True)
    """
    model, X, names = _learner(estimator, X, y)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    if alphas is None:
        if not hasattr(model, "_problem"):
            raise ValueError(
                "Only of the linear estimators of sgdlearn it is known where to begin: pass alphas "
                f"for {type(model).__name__}."
            )
        largest = least_alpha_without_features(model, X, y, sample_weight)
        alphas = np.geomspace(largest, alpha_ratio * largest, n_alphas)
    alphas = np.sort(np.asarray(alphas, dtype=np.float64))[::-1]
    model = clone(model).set_params(warm_start=True)
    coefs, intercepts = [], []
    for alpha in alphas:
        model.set_params(alpha=alpha).fit(X, y, **weights)
        coefs.append(model.coef_.toarray() if sparse.issparse(model.coef_) else model.coef_.copy())
        intercepts.append(np.copy(model.intercept_))
    coefs, intercepts = np.array(coefs, np.float64), np.array(intercepts, np.float64)
    if coefs.ndim == 3 and coefs.shape[1] == 1:
        coefs, intercepts = coefs[:, 0], intercepts[:, 0]
    names = getattr(model, "feature_names_in_", names)
    if names is None:
        names = [f"x{j}" for j in range(coefs.shape[-1])]
    outputs = None
    if coefs.ndim == 3:
        classes = getattr(model, "classes_", None)
        outputs = [
            f"output {k}" if classes is None else f"class {classes[k]}"
            for k in range(coefs.shape[1])
        ]
    return Bunch(
        alphas=alphas,
        coefs=coefs,
        intercepts=intercepts,
        feature_names=list(names),
        output_names=outputs,
    )


def least_alpha_without_features(model, X, y, sample_weight=None):
    """The least alpha at which all coefficients are zero.

    There no slope of the mean loss, at the best intercepts, is larger than the L1 part of alpha.
    """
    random_state, _ = model._randomness()
    problem = clone(model)._problem(X, y, sample_weight, (None, None, None), random_state)
    objective = problem.objective
    nothing = np.zeros((objective.n_outputs, objective.rows.p))
    _, slopes, _ = objective.loss_value_and_gradient(nothing, objective.baseline())
    gains = (-slopes if model.positive else np.abs(slopes)) / objective.penalty.unit
    l1_ratio = {"l1": 1.0, "elasticnet": model.l1_ratio}.get(model.penalty, 0.0)
    return max(float(gains.max()), TINY) / max(l1_ratio, LEAST_L1_RATIO)


def _learner(estimator, X, y):
    """The estimator whose alpha is varied, and X and its names as it sees them in a pipeline."""
    estimator, X, names = behind_pipeline_with_names(estimator, X, y)
    missing = {"alpha", "warm_start"} - estimator.get_params(deep=False).keys()
    if missing:
        raise ValueError(f"{type(estimator).__name__} has no parameters {sorted(missing)}.")
    if getattr(estimator, "penalty", "some") is None:
        raise ValueError(
            f"A path needs a penalty: with penalty=None alpha changes nothing. Got {estimator!r}."
        )
    return estimator, X, names


class CoefficientPathDisplay:
    """The coefficients over the strength of the penalty.

    The largest coefficients at the weakest penalty are in colour, with the names of their features
    beside them; the others are grey.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
        The penalties.
    coefs : ndarray of shape (n_alphas, n_features) or (n_alphas, n_outputs, n_features)
        The coefficients at each.
    feature_names : list of str, default=None
        None is x0, x1, ...
    output_names : list of str, default=None
        None is "output 0", "output 1", ...

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each feature.
    labels_ : list of matplotlib Annotation
        The names beside the lines.

    See Also
    --------
    coefficient_path : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sgdlearn import GDLinearRegression
    >>> from sgdlearn.inspection import CoefficientPathDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> display = CoefficientPathDisplay.from_estimator(GDLinearRegression(penalty="l1"), X, y)
    >>> display.coefs.shape
    (100, 10)
    """

    def __init__(self, alphas, coefs, *, feature_names=None, output_names=None):
        self.alphas = np.asarray(alphas, dtype=np.float64)
        self.coefs = np.asarray(coefs, dtype=np.float64)
        n_features = self.coefs.shape[-1]
        if feature_names is None:
            feature_names = [f"x{j}" for j in range(n_features)]
        self.feature_names = list(feature_names)
        if output_names is None and self.coefs.ndim == 3:
            output_names = [f"output {k}" for k in range(self.coefs.shape[1])]
        self.output_names = None if output_names is None else list(output_names)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        sample_weight=None,
        alphas=None,
        n_alphas=100,
        alpha_ratio=1e-3,
        feature_names=None,
        ax=None,
        **kwargs,
    ):
        """Fit the path and draw it.

        Parameters
        ----------
        estimator : estimator with `alpha` and `warm_start`, or a pipeline that ends in one
            It is cloned, not changed.
        X, y : array-like
            What it is fitted on.
        sample_weight : array-like of shape (n_samples,), default=None
            Multiplicities of the rows.
        alphas : array-like of shape (n_alphas,), default=None
            The penalties; None takes `n_alphas` of them, from the least that makes all coefficients
            zero down to `alpha_ratio` times that.
        n_alphas : int, default=100
            How many penalties.
        alpha_ratio : float, default=1e-3
            The smallest penalty over the largest.
        feature_names : list of str, default=None
            None takes those of the columns of X, in a pipeline of what the steps before return.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            As for `plot`.

        Returns
        -------
        CoefficientPathDisplay

        Raises
        ------
        ValueError
            As for `coefficient_path`.
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        path = coefficient_path(
            estimator,
            X,
            y,
            sample_weight=sample_weight,
            alphas=alphas,
            n_alphas=n_alphas,
            alpha_ratio=alpha_ratio,
        )
        names = path.feature_names if feature_names is None else feature_names
        display = cls(
            path.alphas, path.coefs, feature_names=names, output_names=path.output_names
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, output=0, n_labels=8, line_kw=None):
        """Draw the paths; alpha falls from left to right, on a log scale, where 0 has no place.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        output : int, default=0
            The number of the output (class) to draw, of several.
        n_labels : int, default=8
            How many features at most are in colour and named, of those that are not zero in the
            end.
        line_kw : dict, default=None
            What `Axes.plot` takes, for all lines.

        Returns
        -------
        self : CoefficientPathDisplay
            This display.

        Raises
        ------
        ValueError
            If there is no such output.
        """
        coefs, ylabel = self._coefs_of(output), "Coefficient (per unit of x)"
        if self.output_names is not None:
            ylabel = f"{ylabel}, {short(str(self.output_names[output]))}"
        ax = axes_for(ax, f"{type(self).__name__}.plot")
        order = np.argsort(self.alphas)[::-1]
        order = order[self.alphas[order] > 0.0]
        alphas, coefs = self.alphas[order], coefs[order]
        used = _is_used(coefs)
        largest = np.argsort(-np.abs(coefs[-1]), kind="stable")
        largest = largest[used[-1, largest]][:n_labels].tolist()
        self.lines_ = []
        for j, name in enumerate(self.feature_names):
            if j in largest:
                style = look(largest.index(j))
                style.update(zorder=2.5, markevery=marks(len(alphas), largest.index(j)))
            else:
                style = {"color": "0.75", "linewidth": 0.8, "zorder": 2.0}
            self.lines_ += ax.plot(alphas, coefs[:, j], label=name, **{**style, **(line_kw or {})})
        ax.axhline(0.0, color="black", linewidth=0.8, zorder=1.5)
        scale_x(ax, "log")
        if len(alphas) > 1:
            ax.set_xlim(alphas[0], alphas[-1])
        ax.set(xlabel="Penalty alpha (falling)", ylabel=ylabel)
        add_grid(ax)
        self._count(ax, alphas, used)
        self.ax_, self.figure_ = ax, ax.figure
        self.labels_ = self._label(ax, alphas, coefs, largest)
        return self

    def _coefs_of(self, output):
        """The coefficients of one output, (n_alphas, n_features)."""
        n_outputs = self.coefs.shape[1] if self.coefs.ndim == 3 else 1
        if not (isinstance(output, (int, np.integer)) and -n_outputs <= output < n_outputs):
            raise ValueError(
                f"output must be a whole number below {n_outputs}, the number of outputs. "
                f"Got {output!r}."
            )
        return self.coefs[:, output] if self.coefs.ndim == 3 else self.coefs

    def _count(self, ax, alphas, used):
        """Above the axes, how many coefficients are not zero; where none is zero, nothing."""
        counts = np.count_nonzero(used, axis=1)
        if counts.min() == used.shape[1]:
            return
        chosen = np.unique(np.linspace(0, len(alphas) - 1, COUNTS).round().astype(int))
        top = ax.secondary_xaxis("top")
        top.set_xticks(alphas[chosen], labels=counts[chosen].astype(str))
        top.set_xticks([], minor=True)
        top.set_xlabel("Coefficients that are not zero")

    def _label(self, ax, alphas, coefs, largest):
        """The names of the largest coefficients, on the right of the axes beside their ends."""
        if not largest:
            return []
        root(ax).draw_without_rendering()
        places = ax.transAxes.inverted().transform(
            ax.transData.transform([(alphas[-1], coefs[-1, j]) for j in largest])
        )[:, 1]
        height = ax.get_window_extent().height
        placed = spread_labels(places, 13.0 * root(ax).dpi / 72.0 / height)
        labels = [
            ax.annotate(
                short(str(self.feature_names[j])),
                xy=(1.0, place),
                xytext=(1.04, at),
                xycoords="axes fraction",
                textcoords="axes fraction",
                va="center",
                fontsize="small",
                color=self.lines_[j].get_color(),
                arrowprops={"arrowstyle": "-", "color": "0.7", "linewidth": 0.6},
                annotation_clip=False,
            )
            for j, place, at in zip(largest, places, placed)
        ]
        make_room_beside(ax, labels)
        return labels


def _is_used(coefs):
    """Which coefficients (n_alphas, n_features) are not zero, nor the rounding of a zero."""
    sizes = np.abs(coefs)
    of_feature = sizes.max(axis=0, initial=0.0)
    least = np.maximum(ROUNDING * of_feature, ROUNDING_OF_ALL * sizes.max(initial=0.0))
    return sizes > least
