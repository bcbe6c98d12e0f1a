"""TrajectoryDisplay."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from .._minimize import minimize
from ..linear_model._path import fit_path
from ..optimizers import Optimizer
from ._drawing import COLOURS, add_legend, axes_for, look, marks, require_matplotlib
from ._names import behind_pipeline, inner, named, short

# Points along each side of the grid that contours are drawn from.
GRID_OF_FUNCTION = 121
# Of fits they cost the losses of all rows each: so many losses in all, but no fewer points than the
# first of these and no more than the second.
LOSSES = 2e7
GRID_OF_FIT = 61, 181
LEVELS = 14
# A point so many times as high above the ground as the highest start has run away: over a bowl it
# is three times as far from the bottom.
OVERSHOOT = 10.0
MARGIN = 0.12
# A start no higher than this share of a step's change stands at the bottom.
ROUNDING = 1e-9
# A path of no more steps shows each of them.
FEW_STEPS = 20


class TrajectoryDisplay:
    """The paths of optimizers over the contours of what they minimise.

    Parameters
    ----------
    x, y : ndarray of shape (n_x,) and (n_y,)
        The grid.
    values : ndarray of shape (n_y, n_x)
        The function on it.
    paths : list of ndarray of shape (n_points, 2)
        The points that each optimizer came by, the start first.
    names : list of str
        What they are called in the legend.
    optimum : array-like of shape (2,), default=None
        Where the function is least, if that is known.
    axis_labels : tuple of str, default=("x", "y")
        The names of the two variables.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each path.
    contours_ : matplotlib QuadContourSet

    See Also
    --------
    LossCurveDisplay : The objective of each epoch.

    Examples
    --------
    The paths of two optimizers in the plane of two coefficients:

    >>> from sklearn.datasets import load_diabetes
    >>> from sgdlearn import GDLinearRegression
    >>> from sgdlearn.inspection import TrajectoryDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> models = [
    ...     GDLinearRegression(optimizer=name, max_iter=20, tol=None, random_state=0)
    ...     for name in ("sgd", "adam")
    ... ]
    >>> display = TrajectoryDisplay.from_estimators(models, X, y, coordinates=(2, 8))
    >>> [path.shape for path in display.paths]
    [(21, 2), (21, 2)]
    """

    def __init__(self, x, y, values, paths, names, *, optimum=None, axis_labels=("x", "y")):
        self.x = np.asarray(x, dtype=np.float64)
        self.y = np.asarray(y, dtype=np.float64)
        self.values = np.asarray(values, dtype=np.float64)
        self.paths = [np.asarray(path, dtype=np.float64) for path in paths]
        self.names = list(names)
        self.optimum = None if optimum is None else np.asarray(optimum, dtype=np.float64)
        self.axis_labels = axis_labels

    @classmethod
    def from_paths(
        cls,
        fun,
        paths,
        *,
        optimum=None,
        xlim=None,
        ylim=None,
        n_grid=GRID_OF_FUNCTION,
        axis_labels=("x", "y"),
        ax=None,
        **kwargs,
    ):
        """Draw paths that you have over a function of two variables.

        Parameters
        ----------
        fun : callable
            ``fun(x) -> float`` of an array of shape (2,).
        paths : dict of str to array-like of shape (n_points, 2)
            The paths, by name.
        optimum : array-like of shape (2,), default=None
            Where `fun` is least, if you know it.
        xlim, ylim : tuple of float, default=None
            The window; None is where the paths are, as long as they stay low.
        n_grid : int, default=121
            Points along each side of the grid.
        axis_labels : tuple of str, default=("x", "y")
            The names of the two variables.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            As for `plot`.

        Returns
        -------
        TrajectoryDisplay

        Raises
        ------
        ValueError
            If a path has another shape.
        """
        require_matplotlib(f"{cls.__name__}.from_paths")
        if not hasattr(paths, "items"):
            raise ValueError(f"paths must be a dict of names and paths. Got {short(paths)}.")
        names, paths = list(map(str, paths)), [_finite(path) for path in paths.values()]
        with np.errstate(over="ignore", invalid="ignore"):
            heights = [np.array([fun(point) for point in path], np.float64) for path in paths]
            box = window(paths, heights, optimum, ground_below(fun, paths, optimum))
            x, y = grid(box, xlim, ylim, n_grid)
            values = on_grid(fun, x, y)
        display = cls(x, y, values, paths, names, optimum=optimum, axis_labels=axis_labels)
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_function(
        cls,
        fun,
        x0,
        optimizers,
        *,
        jac=None,
        learning_rate="auto",
        max_iter=200,
        tol=1e-5,
        random_state=None,
        ax=None,
        **kwargs,
    ):
        """Minimise a function of two variables by each optimizer, and draw the ways.

        Parameters
        ----------
        fun : callable
            ``fun(x) -> float`` of an array of shape (2,).
        x0 : array-like of shape (2,)
            Where all of them start.
        optimizers : list, dict or a single one
            Names or objects of `sgdlearn.optimizers` that `minimize` takes; or names and these, or
            names and dicts of parameters of `minimize`, such as
            ``{"slow": {"optimizer": "sgd", "learning_rate": 1e-3}}``.
        jac : callable, default=None
            ``jac(x) -> gradient``, or a stochastic ``jac(x, rng)``; None are finite differences.
        learning_rate : "auto", float, Schedule or callable, default="auto"
            As for `minimize`, like the next three, for those that say nothing else.
        max_iter : int, default=200
            The most updates.
        tol : float or None, default=1e-5
            The gradient at which a path ends.
        random_state : int, RandomState or None, default=None
            For a stochastic `jac`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            As for `from_paths` and `plot`.

        Returns
        -------
        TrajectoryDisplay

        Raises
        ------
        ValueError
            If `x0` does not hold two numbers, or `minimize` does not take the rest.

        Examples
        --------
        >>> from scipy.optimize import rosen, rosen_der
        >>> from sgdlearn.inspection import TrajectoryDisplay
        >>> from sgdlearn.optimizers import SGD
        >>> display = TrajectoryDisplay.from_function(
        ...     rosen,
        ...     [-1.5, 2.0],
        ...     ["adam", SGD(momentum=0.9), "lbfgs"],
        ...     jac=rosen_der,
        ...     max_iter=1000,
        ... )
        >>> display.names
        ['adam', 'SGD(momentum=0.9)', 'lbfgs']
        """
        require_matplotlib(f"{cls.__name__}.from_function")
        shared = {
            "learning_rate": learning_rate,
            "max_iter": max_iter,
            "tol": tol,
            "random_state": random_state,
        }
        if isinstance(optimizers, (str, Optimizer)):
            optimizers = [optimizers]
        if not hasattr(optimizers, "items"):
            optimizers = {short(optimizer): optimizer for optimizer in optimizers}
        paths = {}
        for name, chosen in optimizers.items():
            own = chosen if isinstance(chosen, dict) else {"optimizer": chosen}
            if getattr(own["optimizer"], "name", own["optimizer"]) == "lbfgs":
                own = {"learning_rate": "auto", **own}  # it takes no other
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                paths[name] = minimize(fun, x0, jac=jac, path=True, **{**shared, **own}).path
        return cls.from_paths(fun, paths, ax=ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, coordinates=None, **kwargs):
        """Draw the way of one fit; see `from_estimators`.

        Parameters
        ----------
        estimator : GDLinearRegression, GDLogisticRegression, GDLinearSVC or a pipeline
            It is cloned and fitted.
        X, y : array-like
            What it is fitted on.
        coordinates : tuple, default=None
            The two coefficients; None are the first two, or of a single feature it and the
            intercept.
        **kwargs : dict
            As for `from_estimators`.

        Returns
        -------
        TrajectoryDisplay

        Raises
        ------
        ValueError
            If it is not a linear estimator, or there are no such coordinates.
        """
        return cls.from_estimators([estimator], X, y, coordinates=coordinates, **kwargs)

    @classmethod
    def from_estimators(
        cls,
        estimators,
        X,
        y,
        *,
        coordinates=None,
        sample_weight=None,
        xlim=None,
        ylim=None,
        n_grid=None,
        ax=None,
        **kwargs,
    ):
        """Draw the ways of fits in the plane of two coefficients.

        Each path has the coefficients at the start and after each epoch (or iteration). The
        contours are those of the objective where all other coefficients stand at the optimum; with
        more than two to learn, a path runs above that plane until the others too are there.

        Parameters
        ----------
        estimators : list, dict or a single one
            Linear estimators (or pipelines that end in one) of the same objective, or names and
            these. They are cloned and fitted.
        X, y : array-like
            What they are fitted on.
        coordinates : tuple, default=None
            The two coefficients: numbers or names of features, or "intercept". Of several outputs
            a pair (output, feature); the feature alone is that of output 0. None is (0, 1), or
            (0, "intercept") of a single feature.
        sample_weight : array-like of shape (n_samples,), default=None
            Multiplicities of the rows.
        xlim, ylim : tuple of float, default=None
            The window; None is where the paths are, as long as they stay low.
        n_grid : int, default=None
            Points along each side of the grid; each costs the losses of all rows. None takes from
            61 to 181, the fewer the more rows there are.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            As for `plot`.

        Returns
        -------
        TrajectoryDisplay

        Raises
        ------
        ValueError
            If there are none, one is not a linear estimator, their objectives differ, or there are
            no such coordinates.
        """
        require_matplotlib(f"{cls.__name__}.from_estimators")
        names, estimators = named(estimators)
        fits = []
        for name, estimator in zip(names, estimators):
            if not hasattr(inner(estimator), "_problem"):
                raise ValueError(
                    f"{name} is not a linear estimator of sgdlearn, whose path is known. Got "
                    f"{estimator!r}."
                )
            learner, data = behind_pipeline(estimator, X, y)
            fits.append(fit_path(learner, data, y, sample_weight))
        learner, data = behind_pipeline(estimators[0], X, y)
        plane = Plane(fits, _optimum_of(learner, data, y, sample_weight), coordinates, data)
        paths = [_finite(plane.project(fit)) for fit in fits]
        heights = [plane.heights(fit)[: len(path)] for fit, path in zip(fits, paths)]
        if n_grid is None:
            n_grid = int(np.clip(np.sqrt(LOSSES / len(plane.still)), *GRID_OF_FIT))
        ground = plane.value(plane.origin)
        x, y = grid(window(paths, heights, plane.origin, ground), xlim, ylim, n_grid)
        display = cls(
            x,
            y,
            on_grid(plane.value, x, y),
            paths,
            names,
            optimum=plane.origin,
            axis_labels=plane.labels,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, filled=True, line_kw=None):
        """Draw the contours, and the paths over them.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        filled : bool, default=True
            Whether higher ground is darker.
        line_kw : dict, default=None
            What `Axes.plot` takes, for all paths.

        Returns
        -------
        self : TrajectoryDisplay
            This display.
        """
        own = ax is None
        ax = axes_for(ax, f"{type(self).__name__}.plot", figsize=(6.4, 4.8))
        from matplotlib.patheffects import Normal, Stroke

        levels = self._levels()
        if filled:
            shades = [str(shade) for shade in np.linspace(1.0, 0.84, len(levels) + 1)]
            ax.contourf(self.x, self.y, self.values, levels, colors=shades, extend="both")
        self.contours_ = ax.contour(
            self.x, self.y, self.values, levels, colors="0.62", linewidths=0.6, linestyles="solid"
        )
        self.lines_ = []
        for i, (path, name) in enumerate(zip(self.paths, self.names)):
            few = len(path) <= FEW_STEPS
            style = {**look(i), "markersize": 4, "label": name, "zorder": 3}
            style.update(markevery=1 if few else marks(len(path), i), linewidth=1.6)
            style["path_effects"] = [Stroke(linewidth=3.2, foreground="white"), Normal()]
            self.lines_ += ax.plot(*path.T, **{**style, **(line_kw or {})})
        handles = list(self.lines_)
        starts = {tuple(path[0]) for path in self.paths if len(path)}
        point = {"linestyle": "none", "color": "black", "zorder": 4, "label": "start"}
        for start in starts:
            handles += ax.plot(*start, marker="o", markersize=7, **point)[: len(starts) == 1]
        if self.optimum is not None:
            point.update(color=COLOURS[5], markeredgecolor="black", label="optimum", zorder=5)
            handles += ax.plot(*self.optimum, marker="*", markersize=14, **point)
        ax.set_xlim(self.x[0], self.x[-1])
        ax.set_ylim(self.y[0], self.y[-1])
        ax.set(xlabel=self.axis_labels[0], ylabel=self.axis_labels[1])
        self.ax_, self.figure_ = ax, ax.figure
        add_legend(ax, handles, drawn=handles, widen=own)
        return self

    def _levels(self):
        """Heights of contours: in equal ratios above the lowest, so that valleys show."""
        finite = self.values[np.isfinite(self.values)]
        excess = np.sort(finite - finite.min())
        # no lower than the grid can show a contour of
        i, j = np.unravel_index(np.nanargmin(self.values), self.values.shape)
        beside = self.values[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2] - finite.min()
        lowest = max(excess[int(0.005 * len(excess))], np.max(beside[np.isfinite(beside)]))
        lowest = min(lowest, excess[-1] / 2.0) or excess[excess > 0.0][:1].sum()
        if not lowest > 0.0:
            return np.array([finite.min(), finite.min() + 1.0])
        return finite.min() + np.geomspace(lowest, max(excess[-1], 2.0 * lowest), LEVELS)


class Plane:
    """The objective of some fits, as a function of two coefficients.

    Attributes
    ----------
    origin : ndarray of shape (2,)
        The two at the optimum.
    labels : tuple of str
    """

    def __init__(self, fits, optimum, coordinates, X):
        self.objective = objective = fits[0].objective
        candidates = [optimum, *((fit.W[-1], fit.b[-1]) for fit in fits)]
        values = [objective.value(*candidate) for candidate in candidates]
        self.W, self.b = candidates[int(np.nanargmin(values))]
        for fit in fits[1:]:
            one, other = (f.objective.value(self.W, self.b) for f in (fits[0], fit))
            if not np.isclose(one, other, rtol=1e-6):
                raise ValueError(
                    "The fits must go down the same objective, as only the optimizers, learning "
                    f"rates and batch sizes differ. Theirs are {one:.6g} and {other:.6g} at the "
                    "same coefficients."
                )
        if coordinates is None:
            coordinates = (0, 1) if self.W.shape[1] > 1 else (0, "intercept")
        if len(tuple(coordinates)) != 2:
            raise ValueError(f"coordinates must be two coefficients. Got {coordinates!r}.")
        columns = getattr(X, "columns", None)
        names = None if columns is None else list(columns)
        places = [self._place(coordinate, names) for coordinate in coordinates]
        self.places = [place for place, _ in places]
        if self.places[0] == self.places[1]:
            raise ValueError(f"The two coordinates must differ. Got {coordinates!r}.")
        self.labels = tuple(label for _, label in places)
        self.origin = np.array([self._at(self.W, self.b, place) for place in self.places])
        # predictions are linear in the two: z = z0 + u z1 + v z2
        directions = [self._direction(place) for place in self.places]
        self.moves = [objective.predictions(*direction) for direction in directions]
        self.still = objective.predictions(self.W, self.b)
        self.still -= sum(u * move for u, move in zip(self.origin, self.moves))

    def value(self, point):
        """F where the two coefficients are `point`."""
        Z = self.still + point[0] * self.moves[0] + point[1] * self.moves[1]
        loss, _ = self.objective.losses_to_slopes(0, len(Z), np.ascontiguousarray(Z))
        W = self.W.copy()
        for number, (output, feature) in zip(point, self.places):
            if feature is not None:
                W[output, feature] = number
        return loss / self.objective.total_weight + self.objective.penalty.value(W)

    def heights(self, fit):
        """F at the points of a fit, wherever they lie."""
        return np.array([self.objective.value(W, b) for W, b in zip(fit.W, fit.b)])

    def project(self, fit):
        """The path of a fit in the plane, (n_points, 2)."""
        path = [[self._at(W, b, place) for place in self.places] for W, b in zip(fit.W, fit.b)]
        return np.array(path)

    def _place(self, coordinate, names):
        """((output, feature), label) of what the user calls a coordinate."""
        k, p = self.W.shape
        pair = isinstance(coordinate, tuple)
        output, feature = coordinate if pair else (0, coordinate)
        if names is not None and feature in names:
            feature = names.index(feature)
        intercept = isinstance(feature, str) and feature == "intercept"
        if intercept and not self.objective.fit_intercept:
            raise ValueError("There is no intercept with fit_intercept=False.")
        if not (_is_index(output, k) and (intercept or _is_index(feature, p))):
            raise ValueError(
                f"A coordinate must be the number or name of one of {p} features, 'intercept', or "
                f"a pair of one of {k} outputs and such a feature. Got {coordinate!r}."
            )
        suffix = f" (output {output % k})" if k > 1 else ""
        if intercept:
            return (output % k, None), "Intercept" + suffix
        name = f"x{feature % p}" if names is None else names[feature]
        return (output % k, feature % p), f"Coefficient of {name}{suffix}"

    def _direction(self, place):
        """(W, b) that are 1 in one coordinate and 0 in all others."""
        output, feature = place
        W, b = np.zeros_like(self.W), np.zeros_like(self.b)
        if feature is None:
            b[output] = 1.0
        else:
            W[output, feature] = 1.0
        return W, b

    @staticmethod
    def _at(W, b, place):
        output, feature = place
        return b[output] if feature is None else W[output, feature]


def ground_below(fun, paths, optimum=None):
    """The lowest that is known of fun beside the points: who overshoots has passed over it."""
    between = [(path[1:] + path[:-1]) / 2.0 for path in paths]
    if optimum is not None:
        between.append(np.asarray(optimum, dtype=np.float64)[None])
    values = np.array([fun(point) for point in np.concatenate(between)], dtype=np.float64)
    return np.min(values[np.isfinite(values)], initial=np.inf)


def window(paths, heights, optimum=None, ground=np.inf):
    """((x low, x high), (y low, y high)) of where paths are, as long as they do not run away."""
    ground = min(ground, *(np.nanmin(of_path) for of_path in heights if len(of_path)))
    depth = max(of_path[0] - ground for of_path in heights if len(of_path))
    steps = [abs(of_path[1] - of_path[0]) for of_path in heights if len(of_path) > 1]
    if depth <= ROUNDING * min(steps, default=0.0):  # all start at the bottom
        depth = max(steps)
    kept = [] if optimum is None else [np.asarray(optimum, dtype=np.float64)[None]]
    for path, height in zip(paths, heights):
        kept.append(path[height <= ground + OVERSHOOT * depth])
    points = np.concatenate(kept)
    low, high = points.min(axis=0), points.max(axis=0)
    size = high - low
    size[size == 0.0] = 1.0
    return list(zip(low - MARGIN * size, high + MARGIN * size))


def grid(box, xlim, ylim, n_grid):
    """The coordinates of a grid over the limits that are given, else over the box."""
    limits = zip((xlim, ylim), box)
    return [np.linspace(*(found if given is None else given), n_grid) for given, found in limits]


def on_grid(fun, x, y):
    """fun at the points of a grid, (n_y, n_x)."""
    return np.array([[fun(np.array([u, v])) for u in x] for v in y], dtype=np.float64)


def _is_index(number, length):
    """Whether this is the number of one of so many things, from either end."""
    return isinstance(number, (int, np.integer)) and -length <= number < length


def _finite(path):
    """The points of a path before the first that is not finite."""
    path = np.asarray(path, dtype=np.float64)
    if path.ndim != 2 or path.shape[1] != 2:
        raise ValueError(f"A path must have shape (n_points, 2). Got shape {path.shape}.")
    bad = ~np.isfinite(path).all(axis=1)
    return path[: np.argmax(bad)] if bad.any() else path


def _optimum_of(estimator, X, y, sample_weight):
    """(W, b) of the estimator's objective at its minimum."""
    exact = clone(estimator).set_params(
        optimizer="auto",
        learning_rate="auto",
        batch_size="auto",
        average=False,
        max_iter=1000,
        tol=1e-8,
        warm_start=False,
        verbose=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = fit_path(exact, X, y, sample_weight)
    return fit.W[-1], fit.b[-1]
