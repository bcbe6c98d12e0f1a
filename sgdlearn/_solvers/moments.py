"""Weighted moments of the columns of X or y, and the running sums that they follow from."""

from dataclasses import dataclass

import numpy as np

from .arrays import writeable

# A column of so much of all weight has no zeros.
FULL = 1.0 - 1e-9


@dataclass(frozen=True)
class ColumnMoments:
    """Weighted moments of the columns, each of shape (p,)."""

    mean: np.ndarray
    variance: np.ndarray
    nonzero_weight: np.ndarray  # sum of the weights of the rows that are not zero there

    @property
    def mean_square(self):
        return self.variance + self.mean**2


class ColumnSums:
    """All that is kept of the rows seen so far; more can be added at the cost of these alone.

    Parameters
    ----------
    sums : ndarray of shape (4, p)
        Reference, weight, first and second sum of each column (_kernels/column_moments.pyx); in C
        order for dense rows, in F order for sparse ones, which meet columns one by one.
    weight : float
        The sum of all weights.
    """

    def __init__(self, sums, weight=0.0):
        self._sums, self.weight = sums, weight
        self._flags = self._moments = None

    @classmethod
    def begin(cls, p, order="C"):
        """No rows yet."""
        return cls(np.zeros((4, p), order=order))

    @classmethod
    def of(cls, rows, weights=None):
        """Of rows, under these weights (None: all one)."""
        if rows.have_flags:
            return cls._of_flags(*rows.sums_of_flags(weights))
        return cls.begin(rows.p, rows.order_of_sums).add(rows, weights)

    @classmethod
    def _of_flags(cls, weight, flag, of_columns):
        """Of entries that are all one number: a fourth of the memory, until the sums are needed."""
        sums = cls(None, weight)
        sums._flags = flag, of_columns
        return sums

    @property
    def sums(self):
        if self._sums is None:
            (flag, weight), self._flags = self._flags, None
            self._sums = np.zeros((4, len(weight)), order="F")
            self._sums[:2] = np.where(weight > 0.0, flag, 0.0), weight
        return self._sums

    @sums.setter
    def sums(self, values):
        self._sums = values

    def __getstate__(self):
        return {"sums": self._sums, "weight": self.weight, "flags": self._flags}

    def __setstate__(self, values):
        """An array that comes read-only is copied."""
        self._sums, self.weight = writeable(values["sums"]), values["weight"]
        self._flags, self._moments = values.get("flags"), None

    def copy(self):
        """Sums that rows added later do not reach."""
        if self._flags is not None:
            return self._of_flags(self.weight, *self._flags)
        return ColumnSums(self.sums.copy(order="K"), self.weight)

    def add(self, rows, weights=None):
        """Add rows, under these weights (None: all one)."""
        self.sums = np.asarray(self.sums, order=rows.order_of_sums)
        self.weight = rows.add_to_sums(self.sums, self.weight, weights)
        self._moments = None
        return self

    def since(self, earlier):
        """The sums of the rows added since they were what `earlier`, a copy, is."""
        sums = self.sums.copy(order="K")
        sums[1:] -= earlier.sums[1:]
        return ColumnSums(sums, self.weight - earlier.weight)

    def about(self, reference):
        """The same sums about other references; with a = r - r',

        first' = first + a weight,    second' = second + a (2 first + a weight).
        """
        old, weight, first, second = self.sums
        with np.errstate(over="ignore", invalid="ignore"):  # that is looked for in the moments
            away = old - reference
            first, second = first + away * weight, second + away * (2.0 * first + away * weight)
        return ColumnSums(np.array([reference, weight, first, second]), self.weight)

    def join(self, others):
        """Add the rows of other sums."""
        if self._flags and others._flags and self._flags[0] == others._flags[0]:
            self._flags = self._flags[0], self._flags[1] + others._flags[1]
            self.weight += others.weight
            self._moments = None
            return self
        self.sums[0] = np.where(self.sums[1] > 0.0, self.sums[0], others.sums[0])
        with np.errstate(over="ignore", invalid="ignore"):
            self.sums[1:] += others.about(self.sums[0]).sums[1:]
        self.weight += others.weight
        self._moments = None
        return self

    def become(self, others, columns):
        """Take the entries of these columns for ones as those of others are."""
        share = self.sums[1, columns] / others.sums[1, columns]
        self.sums[0, columns] = others.sums[0, columns]
        self.sums[1:, columns] = others.sums[1:, columns] * share
        self._moments = None

    def without(self, columns):
        """The sums of the other columns; None if there are no entries in them."""
        sums = self.sums.copy()
        sums[1:, columns] = 0.0
        return ColumnSums(sums, self.weight) if sums[1].any() else None

    def resized(self, factor):
        """The sums in other units, in which all columns are so many times as large."""
        return ColumnSums(self.sums * [[factor], [1.0], [factor], [factor**2]], self.weight)

    def entries(self):
        """Mean and variance of what is not zero in each column."""
        reference, weight, first, second = self.sums
        held = np.maximum(weight, np.finfo(np.float64).tiny)
        beyond = first / held
        return reference + beyond, np.maximum(second / held - beyond**2, 0.0)

    def spreads(self):
        """The variance of each column; of its entries' squares the mean, if it has zeros."""
        mean, variance = self.entries()
        full = self.sums[1] >= FULL * self.weight
        return np.where(full, variance, variance + mean**2)

    def moments(self):
        """The `ColumnMoments` of the rows so far, put together once."""
        if self._moments is None:
            self._moments = self.find_moments()
        return self._moments

    def find_moments(self):
        """The moments, for one who needs them once.

        With mu_j, v_j the mean and variance of what is not zero in column j, and q_j its share:

            mean_j = q_j mu_j,      variance_j = q_j v_j + q_j (1 - q_j) mu_j^2
        """
        if self._flags is not None:
            flag, weight = self._flags
            share = weight / self.weight
            variance = share * (1.0 - share) * (flag * flag)
            return ColumnMoments(share * flag, variance, weight.copy())
        reference, weight, first, second = self.sums
        with np.errstate(over="ignore", invalid="ignore"):
            beyond = np.divide(first, weight, out=np.zeros_like(first), where=weight > 0.0)
            share, mean = weight / self.weight, reference + beyond
            variance = np.maximum(second - first * beyond, 0.0) / self.weight
            variance += share * (1.0 - share) * mean**2
        variance[~(second < np.inf)] = np.inf  # what has overflowed is to be seen
        return ColumnMoments(share * mean, variance, weight.copy())
