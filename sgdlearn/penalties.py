"""Penalties: what large coefficients cost.

Every built-in penalty is one formula with two numbers, ::

    penalty(W) = l1 |u W|_1 + l2 / 2 |u W|^2        over all W, or over W >= 0 (`positive`)

where u is the unit of each column, 1 but for `standardize=True`, and solvers meet it through its
proximal map. A penalty of your own subclasses `Penalty`.
"""

import numpy as np

from sgdlearn._parameters import Parameters

__all__ = ["ElasticPenalty", "Penalty"]


class Penalty(Parameters):
    """Base class of penalties; subclass it to write your own.

    A subclass gives `value` and `prox`. The estimator's `alpha` scales it from outside: the
    objective is mean loss + alpha * value(W), W of shape (n_outputs, n_features). It need not be
    smooth, only convex.

    Examples
    --------
    The group lasso over the outputs: a feature is used by all outputs or by none.

    >>> import numpy as np
    >>> from sgdlearn.penalties import Penalty
    >>> class GroupLasso(Penalty):
    ...     def value(self, W):
    ...         return np.linalg.norm(W, axis=0).sum()
    ...
    ...     def prox(self, U, rate):
    ...         size = np.linalg.norm(U, axis=0)
    ...         return U * (1 - np.minimum(rate / np.maximum(size, 1e-300), 1))
    >>> GroupLasso().prox(np.array([[3.0, 0.3], [4.0, 0.4]]), 1.0)
    array([[2.4, 0. ],
           [3.2, 0. ]])
    """

    def value(self, W):
        """The penalty of coefficients.

        Parameters
        ----------
        W : ndarray of shape (n_outputs, n_features)
            Coefficients, in the units of X.

        Returns
        -------
        float
            A number >= 0.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define value(W).")

    def prox(self, U, rate):
        """The proximal map ``argmin_W 1/2 |W - U|^2 + rate * value(W)``.

        Parameters
        ----------
        U : ndarray of shape (n_outputs, n_features)
            Coefficients before the step; not changed.
        rate : float
            A positive number, the learning rate times `alpha`.

        Returns
        -------
        ndarray of shape (n_outputs, n_features)
            A new array.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define prox(U, rate).")


class ElasticPenalty(Penalty):
    """``l1 |unit W|_1 + l2 / 2 |unit W|^2``, over W >= 0 if `positive` (Zou & Hastie 2005).

    Parameters
    ----------
    l1 : float, default=0.0
        Strength of the absolute values.
    l2 : float, default=0.0
        Strength of the squares.
    positive : bool, default=False
        The constraint is kept by `prox`; `value` does not look at it.
    unit : float or ndarray of shape (n_features,), default=1.0
        By what the coefficients of each column are multiplied before they are penalised, a positive
        number: a factor of its own for each column. The textbook updates of a given learning rate
        are made in these units too.
    """

    domains = {
        "l1": "a number in [0, inf)",
        "l2": "a number in [0, inf)",
        "positive": "a bool",
    }

    def __init__(self, l1=0.0, l2=0.0, positive=False, unit=1.0):
        self.l1 = l1
        self.l2 = l2
        self.positive = positive
        self.unit = unit

    def validate(self):
        super().validate()
        unit = np.asarray(self.unit)
        if unit.dtype.kind not in "fiu" or not np.all((unit > 0.0) & np.isfinite(unit)):
            raise ValueError(
                "The 'unit' parameter of ElasticPenalty must be a positive number or an array of "
                f"them, one for each feature. Got {self.unit!r} instead."
            )
        return self

    @property
    def lower(self):
        """The least value a coefficient may have."""
        return 0.0 if self.positive else -np.inf

    @property
    def is_square(self):
        """Whether this is L2 alone."""
        return self.l2 > 0.0 and self.l1 == 0.0 and not self.positive

    def thresholds(self, scale=1.0):
        """The weight of abs(v) for coefficients W = scale v.

        Parameters
        ----------
        scale : float or ndarray of shape (n_features,), default=1.0
            Units of v.

        Returns
        -------
        float or ndarray of shape (n_features,)
            A weight for each column, or one for all.
        """
        return self.l1 * (scale * self.unit)

    def ridge(self, scale=1.0):
        """The weight of v^2 / 2 for coefficients W = scale v.

        Parameters
        ----------
        scale : float or ndarray of shape (n_features,), default=1.0
            Units of v.

        Returns
        -------
        float or ndarray of shape (n_features,)
            A weight for each column, or one for all.
        """
        return self.l2 * np.square(scale * self.unit)

    def in_units(self, W):
        """Coefficients as they are penalised.

        Parameters
        ----------
        W : ndarray of shape (n_outputs, n_features)
            Coefficients, in the units of X.

        Returns
        -------
        ndarray of shape (n_outputs, n_features)
            Coefficients times `unit`; W itself where that is 1.
        """
        return W if np.ndim(self.unit) == 0 and self.unit == 1.0 else W * self.unit

    def value(self, W):
        V = self.in_units(np.asarray(W)).ravel()
        squares = np.einsum("i,i", V, V)  # BLAS would wake its threads for long ones
        return float((self.l1 * np.sum(np.abs(V)) if self.l1 else 0.0) + 0.5 * self.l2 * squares)

    def prox(self, U, rate, scale=1.0):
        """The proximal map ``argmin_V 1/2 |V - U|^2 + rate * value(scale * V)``.

        With `positive`, over scale * V >= 0.

        Parameters
        ----------
        U : ndarray of shape (n_outputs, n_features)
            Coefficients before the step, in units of V; not changed.
        rate : float or ndarray
            Positive; an array is broadcast over U.
        scale : float or ndarray, default=1.0
            Coefficients are W = scale * V; positive, an array is broadcast over U.

        Returns
        -------
        ndarray of shape (n_outputs, n_features)
            A new array.
        """
        return prox(U, rate * self.thresholds(scale), rate * self.ridge(scale), self.lower)


class ScaledPenalty(Penalty):
    """alpha times a user's penalty."""

    unit = 1.0

    def __init__(self, penalty, alpha):
        self.penalty = penalty
        self.alpha = alpha

    def value(self, W):
        return float(self.alpha * self.penalty.value(W))

    def prox(self, U, rate):
        return self.penalty.prox(U, rate * self.alpha)


def prox(u, t1, t2, lower=-np.inf):
    """max(lower, sign(u) max(|u| - t1, 0) / (1 + t2)), the twin of the compiled function."""
    return np.maximum(lower, (u - np.clip(u, -t1, t1)) / (1.0 + t2))


PENALTIES = ("l1", "l2", "elasticnet")


def resolve(penalty, *, alpha, l1_ratio=0.15, positive=False):
    """The penalty that an estimator's parameters mean, `alpha` included.

    Parameters
    ----------
    penalty : {"l2", "l1", "elasticnet"}, None or Penalty
    alpha : float
        The strength.
    l1_ratio : float, default=0.15
        The share of L1; read by "elasticnet" alone.
    positive : bool, default=False

    Returns
    -------
    ElasticPenalty, or ScaledPenalty for a user's own
    """
    if isinstance(penalty, ElasticPenalty):
        own = penalty.validate()
        l1, l2, unit = alpha * own.l1, alpha * own.l2, own.unit
        if np.ndim(unit) == 0:
            l1, l2, unit = l1 * unit, l2 * unit**2, 1.0
        return ElasticPenalty(l1, l2, own.positive or positive, unit)
    if isinstance(penalty, Penalty):
        if positive:
            raise ValueError(
                "positive=True goes with a built-in penalty; a Penalty object keeps its own "
                f"constraints in its prox. Got penalty={penalty!r} and positive={positive!r}."
            )
        return ScaledPenalty(penalty.validate(), alpha)
    shares = {None: (0.0, 0.0), "l1": (1.0, 0.0), "l2": (0.0, 1.0)}
    shares["elasticnet"] = (l1_ratio, 1.0 - l1_ratio)
    if not (penalty is None or isinstance(penalty, str)) or penalty not in shares:
        raise ValueError(
            f"The 'penalty' parameter must be one of {list(PENALTIES)}, None or a Penalty object. "
            f"Got {penalty!r} instead."
        )
    l1, l2 = shares[penalty]
    return ElasticPenalty(float(alpha * l1), float(alpha * l2), positive)
