"""Losses of classes: m = y z, y in {-1, +1}; or y a class number."""

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax, xlogy

from .._kernels import losses as kernels
from .._kernels.losses import LossCode
from ._compiled import KernelLoss


class LogLoss(KernelLoss):
    """log(1 + exp(-m)); P(y = 1) = 1 / (1 + exp(-z)): logistic regression (Cox 1958)."""

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
    """-log softmax(z)_y with one prediction a class; y holds class numbers 0 .. k - 1 (Cox 1966).

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

    def gradient(self, y, z):
        return self.value_and_gradient(y, z)[1]

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
    """max(0, 1 - m): that of the support vector machine (Cortes & Vapnik 1995)."""

    name = "hinge"
    kind = "classification"
    code = LossCode.HINGE
    ramp_slope = 1.0

    def baseline(self, y, weights=None):
        return float(np.sign(np.average(y, weights=weights)))


class SquaredHinge(KernelLoss):
    """max(0, 1 - m)^2 (in linear support vector machines: Chang, Hsieh & Lin 2008)."""

    name = "squared_hinge"
    kind = "classification"
    code = LossCode.SQUARED_HINGE
    curvature_bound = 2.0

    def baseline(self, y, weights=None):
        return float(np.average(y, weights=weights))


def _is_binary(z):
    return z.ndim == 1 or z.shape[1] == 1


def _clipped(p):
    """Probabilities away from 0 and 1, so that a class not seen has a finite logit."""
    return np.clip(p, 1e-10, 1.0 - 1e-10)
