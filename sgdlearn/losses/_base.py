"""What every loss is."""

import numpy as np
from scipy.optimize import brentq

from .._parameters import Parameters


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
