"""Losses: what a prediction costs.

A loss is a function of the target y and the prediction z = x . w + b of one row. With
r = z - y (regression) and m = y z, y in {-1, +1} (classification):

======================================= ===================================================
`SquaredError`                          r^2 / 2
`Huber(epsilon)`                        r^2 / 2 where abs(r) <= epsilon, else
                                        epsilon abs(r) - epsilon^2 / 2
`Quantile(quantile)`                    max(quantile (y - z), (quantile - 1) (y - z))
`AbsoluteError`                         abs(r)
`EpsilonInsensitive(epsilon)`           max(0, abs(r) - epsilon)
`SquaredEpsilonInsensitive(epsilon)`    max(0, abs(r) - epsilon)^2
`LogLoss`                               log(1 + exp(-m))
`Multinomial`                           -log softmax(z)_y, y a class number
`Hinge`                                 max(0, 1 - m)
`SquaredHinge`                          max(0, 1 - m)^2
======================================= ===================================================

The formulas of these stand in `_kernels/losses.pxd`, where the solvers use them row by row. A loss
of your own subclasses `Loss`.
"""


import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_expit, log_softmax, softmax, xlogy

from sgdlearn._kernels import losses as kernels
from sgdlearn._kernels.losses import LossCode
from sgdlearn._parameters import Parameters

__all__ = [
    "AbsoluteError",
    "EpsilonInsensitive",
    "Hinge",
    "Huber",
    "LogLoss",
    "Loss",
    "Multinomial",
    "Quantile",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
]

class Loss(Parameters):
    """Base class of losses; subclass it to write your own.

    A subclass gives `value` and `gradient`, in NumPy, element by element. That is all the
    first-order optimizers need; what else is known about the loss can be said in the attributes.
    It must be convex in z.

    Attributes
    ----------
    name : str
        The name in error messages, and in the registry for the built-in losses.
    kind : {"regression", "classification"}
        Whether targets are numbers, or y in {-1, +1} (`Multinomial`: class numbers 0, 1, ...).
    smooth : bool
        Whether the gradient is continuous in z.
    curvature_bound : float
        The least upper bound of the second derivative; inf if there is none.
    spec : tuple (code, parameter, smoothing) or None
        What compiled kernels know the loss by; None for a loss written in Python.

    Examples
    --------
    The log-cosh loss, quadratic near zero and linear far out:

    >>> import numpy as np
    >>> from sgdlearn.losses import Loss
    >>> class LogCosh(Loss):
    ...     name = "log_cosh"
    ...     curvature_bound = 1.0
    ...
    ...     def value(self, y, z):
    ...         return np.logaddexp(z - y, y - z) - np.log(2)
    ...
    ...     def gradient(self, y, z):
    ...         return np.tanh(z - y)
    >>> loss = LogCosh()
    >>> loss.gradient(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    array([0., 0.])
    >>> round(loss.baseline(np.array([1.0, 2.0, 6.0])), 3)
    2.175
    """

    name = "loss"
    kind = "regression"
    smooth = True
    curvature_bound = np.inf
    spec = None

    def value(self, y, z):
        """The loss of each prediction.

        Parameters
        ----------
        y, z : ndarray of shape (n,)
            Targets and predictions.

        Returns
        -------
        ndarray of shape (n,)
            In the units of the loss.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define value(y, z).")

    def gradient(self, y, z):
        """The derivative of the loss in z, a subgradient where there is a kink.

        Parameters
        ----------
        y, z : ndarray of shape (n,)
            Targets and predictions.

        Returns
        -------
        ndarray of shape (n,)
            The slopes.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define gradient(y, z).")

    def value_and_gradient(self, y, z):
        """Both, for losses that can share the work.

        Parameters
        ----------
        y, z : ndarray of shape (n,)
            Targets and predictions.

        Returns
        -------
        value, gradient : ndarray of shape (n,)
            What the two methods of these names return.
        """
        return self.value(y, z), self.gradient(y, z)

    def curvature(self, y, z):
        """The second derivative of the loss in z.

        Parameters
        ----------
        y, z : ndarray of shape (n,)
            Targets and predictions.

        Returns
        -------
        ndarray of shape (n,)
            Numbers >= 0.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define curvature(y, z).")

    def conjugate(self, y, a):
        """The convex conjugate sup_z a z - loss(y, z): what the loss is in the dual problem.

        Parameters
        ----------
        y, a : ndarray of shape (n,)
            Targets and slopes.

        Returns
        -------
        ndarray of shape (n,)
            The value inf where a is not a slope that the loss has, or comes near to.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define conjugate(y, a).")

    def nearest_slope(self, y, a):
        """The slopes moved to where `conjugate` is finite; scaled towards 0 they stay there.

        Parameters
        ----------
        y, a : ndarray of shape (n,)
            Targets and slopes.

        Returns
        -------
        ndarray of shape (n,)
            A new array.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define nearest_slope(y, a).")

    def smoothed(self, mu):
        """A loss with a continuous gradient that lies within mu / 2 of this one (Nesterov 2005).

        Parameters
        ----------
        mu : float
            The width over which kinks are rounded off, in units of z.

        Returns
        -------
        Loss
            This one, if it is smooth already.
        """
        if self.smooth:
            return self
        raise NotImplementedError(f"{type(self).__name__} does not define smoothed(mu).")

    def baseline(self, y, weights=None):
        """The constant prediction of least mean loss: where the mean slope crosses zero.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets.
        weights : ndarray of shape (n,), default=None
            None weighs all rows alike.

        Returns
        -------
        float
            In units of z.
        """

        def slope(z):
            return np.average(self.gradient(y, np.full(y.shape, z)), weights=weights)

        low, high = float(np.min(y)), float(np.max(y))
        for _ in range(20):
            width = max(high - low, 1.0)
            falling, rising = slope(low) <= 0.0, slope(high) >= 0.0
            if falling and rising:
                return brentq(slope, low, high, xtol=1e-14 * width) if low < high else low
            low, high = low - width * (not falling), high + width * (not rising)
        return low if not falling else high


class KernelLoss(Loss):
    """A loss whose formulas are compiled: `code` and `parameter` say which."""

    code = None
    parameter = 0.0
    smoothing = 0.0
    ramp_slope = None  # non-smooth losses: slope of the steepest ramp they are built from

    @property
    def spec(self):
        return int(self.code), float(self.parameter), float(self.smoothing)

    @property
    def smooth(self):
        return self.ramp_slope is None

    def value(self, y, z):
        return self.value_and_gradient(y, z)[0]

    def gradient(self, y, z):
        return self.value_and_gradient(y, z)[1]

    def value_and_gradient(self, y, z):
        y, z = _as_doubles(y, z)
        values, slopes = np.empty_like(z), np.empty_like(z)
        kernels.loss_and_slopes(self.spec, y.ravel(), z.ravel(), values.ravel(), slopes.ravel())
        return values, slopes

    def curvature(self, y, z):
        y, z = _as_doubles(y, z)
        out = np.empty_like(z)
        kernels.curvatures(self.spec, y.ravel(), z.ravel(), out.ravel())
        return out

    def conjugate(self, y, a):
        y, a = _as_doubles(y, a)
        out = np.empty_like(a)
        kernels.conjugates(self.spec, y.ravel(), a.ravel(), out.ravel())
        return out

    def nearest_slope(self, y, a):
        y, a = _as_doubles(y, a)
        low, high = np.empty_like(a), np.empty_like(a)
        kernels.slope_bounds(self.spec, y.ravel(), low.ravel(), high.ravel())
        return np.clip(a, low, high)

    def smoothed(self, mu):
        return self if self.smooth else Smoothed(self, mu)


class Smoothed(KernelLoss):
    """A piecewise linear loss with its kinks rounded off over a width mu (Nesterov 2005).

    It lies below `loss`, by at most mu / 2 times the slope of the steepest ramp.
    """

    domains = {"mu": "a number in (0, inf)"}

    def __init__(self, loss, mu):
        self.loss = loss
        self.mu = mu

    name = property(lambda self: self.loss.name)
    kind = property(lambda self: self.loss.kind)
    code = property(lambda self: self.loss.code)
    parameter = property(lambda self: self.loss.parameter)
    smoothing = property(lambda self: self.mu)
    curvature_bound = property(lambda self: self.loss.ramp_slope / self.mu)

    def baseline(self, y, weights=None):
        return self.loss.baseline(y, weights)


# --- regression: r = z - y


class SquaredError(KernelLoss):
    """r^2 / 2."""

    name = "squared_error"
    code = LossCode.SQUARED_ERROR
    curvature_bound = 1.0

    def baseline(self, y, weights=None):
        return float(np.average(y, weights=weights))


class Huber(KernelLoss):
    """r^2 / 2 where abs(r) <= epsilon, epsilon abs(r) - epsilon^2 / 2 beyond (Huber 1964).

    Parameters
    ----------
    epsilon : float, default=1.35
        Where squares end and absolute values begin, in units of y.
    """

    name = "huber"
    code = LossCode.HUBER
    curvature_bound = 1.0
    parameter = property(lambda self: self.epsilon)
    domains = {"epsilon": "a number in (0, inf)"}

    def __init__(self, epsilon=1.35):
        self.epsilon = epsilon


class Quantile(KernelLoss):
    """max(quantile (y - z), (quantile - 1) (y - z)): the pinball loss (Koenker & Bassett 1978).

    Parameters
    ----------
    quantile : float, default=0.5
        The quantile of y given x that is estimated.
    """

    name = "quantile"
    code = LossCode.QUANTILE
    parameter = property(lambda self: self.quantile)
    ramp_slope = property(lambda self: max(self.quantile, 1.0 - self.quantile))
    domains = {"quantile": "a number in (0, 1)"}

    def __init__(self, quantile=0.5):
        self.quantile = quantile

    def baseline(self, y, weights=None):
        return weighted_quantile(y, self.quantile, weights)


class EpsilonInsensitive(KernelLoss):
    """max(0, abs(r) - epsilon).

    Parameters
    ----------
    epsilon : float, default=0.1
        Errors up to this size, in units of y, cost nothing.
    """

    name = "epsilon_insensitive"
    code = LossCode.EPSILON_INSENSITIVE
    ramp_slope = 1.0
    parameter = property(lambda self: self.epsilon)
    domains = {"epsilon": "a number in [0, inf)"}

    def __init__(self, epsilon=0.1):
        self.epsilon = epsilon

    def baseline(self, y, weights=None):
        # The slope of the mean loss rises by s_i at y_i - epsilon and again at y_i + epsilon:
        # it crosses zero half way up.
        steps = np.concatenate([y - self.parameter, y + self.parameter])
        return weighted_quantile(steps, 0.5, None if weights is None else np.tile(weights, 2))


class AbsoluteError(EpsilonInsensitive):
    """abs(r): errors of every size cost, the median is estimated."""

    name = "absolute_error"
    parameter = 0.0
    domains = {}

    def __init__(self):
        pass


class SquaredEpsilonInsensitive(KernelLoss):
    """max(0, abs(r) - epsilon)^2.

    Parameters
    ----------
    epsilon : float, default=0.1
        Errors up to this size, in units of y, cost nothing.
    """

    name = "squared_epsilon_insensitive"
    code = LossCode.SQUARED_EPSILON_INSENSITIVE
    curvature_bound = 2.0
    parameter = property(lambda self: self.epsilon)
    domains = {"epsilon": "a number in [0, inf)"}

    def __init__(self, epsilon=0.1):
        self.epsilon = epsilon


# --- classification: m = y z, y in {-1, +1}


class LogLoss(KernelLoss):
    """log(1 + exp(-m)); P(y = 1) = 1 / (1 + exp(-z))."""

    name = "log_loss"
    kind = "classification"
    code = LossCode.LOG_LOSS
    curvature_bound = 0.25

    def baseline(self, y, weights=None):
        p = _clipped(np.average(y > 0, weights=weights))
        return float(np.log(p / (1.0 - p)))

    def predict_proba(self, z):
        """Class probabilities from predictions.

        Parameters
        ----------
        z : ndarray of shape (n,), (n, 1) or (n, k)
            One column says P(second class); k columns are one-vs-rest problems, whose
            probabilities are normalised to sum to one.

        Returns
        -------
        ndarray of shape (n, 2) or (n, k)
            Rows sum to one.
        """
        if _is_binary(z):
            z = z.reshape(-1)
            return np.column_stack([expit(-z), expit(z)])
        return softmax(log_expit(z), axis=1)

    def predict_log_proba(self, z):
        """The logarithms of `predict_proba`, without underflow.

        Parameters
        ----------
        z : ndarray of shape (n,), (n, 1) or (n, k)
            Predictions.

        Returns
        -------
        ndarray of shape (n, 2) or (n, k)
            Numbers <= 0.
        """
        if _is_binary(z):
            z = z.reshape(-1)
            return np.column_stack([log_expit(-z), log_expit(z)])
        return log_softmax(log_expit(z), axis=1)


class Multinomial(KernelLoss):
    """-log softmax(z)_y with one prediction a class; y holds class numbers 0 .. k - 1.

    `z` has shape (n, k), `value` (n,), `gradient` and `curvature` (the diagonal of the second
    derivative diag(p) - p p') that of z.
    """

    name = "multinomial"
    kind = "classification"
    code = LossCode.MULTINOMIAL
    curvature_bound = 0.5

    def value_and_gradient(self, y, z):
        y = np.ascontiguousarray(y, dtype=np.intp)
        z = np.ascontiguousarray(z, dtype=np.float64)
        if y.shape != z.shape[:1] or np.any((y < 0) | (y >= z.shape[1])):
            raise ValueError("y must hold a class number 0 .. k - 1 for each row of z.")
        values, slopes = np.empty(len(z)), np.empty_like(z)
        kernels.softmax_losses_and_slopes(y, z, values, slopes)
        return values, slopes

    def curvature(self, y, z):
        p = softmax(np.asarray(z, dtype=np.float64), axis=1)
        return p * (1.0 - p)

    def conjugate(self, y, a):
        p = self._shares(y, a)
        inside = np.all(p >= 0.0, axis=1) & (np.abs(p.sum(axis=1) - 1.0) < 1e-9)
        return np.where(inside, xlogy(p, p).sum(axis=1), np.inf)

    def nearest_slope(self, y, a):
        p = np.maximum(self._shares(y, a), 0.0)
        p[np.all(p == 0.0, axis=1)] = 1.0
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(p)), np.asarray(y, dtype=np.intp)] -= 1.0
        return p

    def _shares(self, y, a):
        """The probabilities p of which a = p - e_y is the slope."""
        p = np.array(a, dtype=np.float64)
        p[np.arange(len(p)), np.asarray(y, dtype=np.intp)] += 1.0
        return p

    def baseline(self, y, weights=None, n_classes=None):
        """The constant predictions of least mean loss.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Class numbers.
        weights : ndarray of shape (n,), default=None
            None weighs all rows alike.
        n_classes : int, default=None
            How many classes there are, if some may not be in y.

        Returns
        -------
        ndarray of shape (k,)
            Centred: they sum to zero.
        """
        counts = np.bincount(np.asarray(y, dtype=np.intp), weights, minlength=n_classes or 0)
        logs = np.log(_clipped(counts / counts.sum()))
        return logs - logs.mean()

    def predict_proba(self, z):
        """Class probabilities softmax(z).

        Parameters
        ----------
        z : ndarray of shape (n, k)
            Predictions.

        Returns
        -------
        ndarray of shape (n, k)
            Rows sum to one.
        """
        return softmax(z, axis=1)

    def predict_log_proba(self, z):
        """The logarithms of `predict_proba`, without underflow.

        Parameters
        ----------
        z : ndarray of shape (n, k)
            Predictions.

        Returns
        -------
        ndarray of shape (n, k)
            Numbers <= 0.
        """
        return log_softmax(z, axis=1)


class Hinge(KernelLoss):
    """max(0, 1 - m)."""

    name = "hinge"
    kind = "classification"
    code = LossCode.HINGE
    ramp_slope = 1.0

    def baseline(self, y, weights=None):
        return float(np.sign(np.average(y, weights=weights)))


class SquaredHinge(KernelLoss):
    """max(0, 1 - m)^2."""

    name = "squared_hinge"
    kind = "classification"
    code = LossCode.SQUARED_HINGE
    curvature_bound = 2.0

    def baseline(self, y, weights=None):
        return float(np.average(y, weights=weights))


LOSSES = {
    loss.name: loss
    for loss in (
        SquaredError,
        Huber,
        Quantile,
        AbsoluteError,
        EpsilonInsensitive,
        SquaredEpsilonInsensitive,
        LogLoss,
        Multinomial,
        Hinge,
        SquaredHinge,
    )
}


def resolve(loss, *, epsilon=None, quantile=None, names=tuple(LOSSES), kind=None):
    """The `Loss` that an estimator's parameters mean, validated.

    Parameters
    ----------
    loss : str or Loss
        A name, or an object, which keeps its own parameters.
    epsilon, quantile : float, default=None
        For the named losses that have such a parameter; None is the loss's default.
    names : sequence of str, default=all
        The names that the estimator takes.
    kind : {"regression", "classification"}, default=None
        What an object must be for: a loss of one prediction a row and of such targets.

    Returns
    -------
    Loss
    """
    if isinstance(loss, Loss):
        if kind and (loss.kind != kind or isinstance(loss, Multinomial)):
            raise ValueError(
                f"The 'loss' parameter must be a loss of single predictions for {kind}, "
                f"with the attribute kind={kind!r}. Got {loss!r} instead, of kind={loss.kind!r}."
            )
        return loss.validate()
    if not isinstance(loss, str) or loss not in names:
        raise ValueError(
            f"The 'loss' parameter must be one of {sorted(names)} or a Loss object. "
            f"Got {loss!r} instead."
        )
    given = {"epsilon": epsilon, "quantile": quantile}
    kind = LOSSES[loss]
    return kind(
        **{name: given[name] for name in kind.domains if given[name] is not None}
    ).validate()


def weighted_quantile(values, quantile, weights=None):
    """The least value that at least a share `quantile` of the weight does not exceed."""
    values = np.asarray(values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    below = np.cumsum(np.ones(len(values)) if weights is None else np.asarray(weights)[order])
    place = np.searchsorted(below, quantile * below[-1])
    return float(values[order[min(place, len(values) - 1)]])


def _as_doubles(y, z):
    """y and z as C-contiguous arrays of doubles, y in the shape of z."""
    z = np.ascontiguousarray(z, dtype=np.float64)
    y = np.asarray(y, dtype=np.float64)
    return np.ascontiguousarray(np.broadcast_to(y, z.shape)), z


def _is_binary(z):
    return z.ndim == 1 or z.shape[1] == 1


def _clipped(p):
    """Probabilities away from 0 and 1, so that a class not seen has a finite logit."""
    return np.clip(p, 1e-10, 1.0 - 1e-10)
