"""Weighted moments of the columns of X or y, and the running sums that they follow from."""

from dataclasses import dataclass, field

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


@dataclass
class ColumnSums:
    """All that is kept of the rows seen so far; more can be added at the cost of these alone.

    Attributes
    ----------
    sums : ndarray of shape (4, p)
        Reference, weight, first and second sum of each column (_kernels/column_moments.pyx).
    weight : float
        The sum of all weights.
    """

    sums: np.ndarray
    weight: float = 0.0
    _moments: ColumnMoments | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def begin(cls, p):
        """No rows yet."""
        return cls(np.zeros((4, p)))

    def __setstate__(self, values):
        """An array that comes read-only is copied."""
        self.sums, self.weight = writeable(values["sums"]), values["weight"]
        self._moments = None

    def copy(self):
        """Sums that rows added later do not reach."""
        return ColumnSums(self.sums.copy(), self.weight)

    def add(self, rows, weights=None):
        """Add rows, under these weights (None: all one)."""
        self.weight = rows.add_to_sums(self.sums, self.weight, weights)
        self._moments = None
        return self

    def since(self, earlier):
        """The sums of the rows added since they were what `earlier`, a copy, is."""
        sums = self.sums.copy()
        sums[1:] -= earlier.sums[1:]
        return ColumnSums(sums, self.weight - earlier.weight)

    def become(self, others, columns):
        """Take these columns' moments from others, as if all rows had been like theirs."""
        share = self.weight / others.weight
        self.sums[:, columns] = others.sums[:, columns] * [[1.0], [share], [share], [share]]
        self._moments = None

    def resize(self, factor):
        """Take all columns for ones of other units, so many times as large."""
        self.sums *= np.array([[factor], [1.0], [factor], [factor**2]])
        self._moments = None
        return self

    def join(self, others):
        """Add the rows of other sums, about references of their own.

        With a = r' - r:  first += first' + a weight',  second += second' + a (2 first' + a weight')
        """
        reference, weight, first, second = others.sums
        self.sums[0] = np.where(self.sums[1] > 0.0, self.sums[0], reference)
        away = reference - self.sums[0]
        self.sums[1] += weight
        self.sums[2] += first + away * weight
        self.sums[3] += second + away * (2.0 * first + away * weight)
        self.weight += others.weight
        self._moments = None
        return self

    def spreads(self):
        """The variance of each column; of its entries' squares the mean, if it has zeros."""
        reference, weight, first, second = self.sums
        held = np.maximum(weight, np.finfo(np.float64).tiny)
        beyond = first / held
        variance = np.maximum(second / held - beyond**2, 0.0)
        full = weight >= FULL * self.weight
        return np.where(full, variance, variance + (reference + beyond) ** 2)

    @property
    def far(self):
        """Whether each column has no zeros, and a mean of more than its deviation."""
        moments = self.moments()
        return (self.sums[1] >= FULL * self.weight) & (moments.mean**2 > moments.variance)

    def moments(self):
        """The `ColumnMoments` of the rows so far, put together once."""
        if self._moments is None:
            self._moments = self._from_sums()
        return self._moments

    def _from_sums(self):
        """The moments.

        With mu_j, v_j the mean and variance of what is not zero in column j, and q_j its share:

            mean_j = q_j mu_j,      variance_j = q_j v_j + q_j (1 - q_j) mu_j^2
        """
        reference, weight, first, second = self.sums
        with np.errstate(over="ignore", invalid="ignore"):
            beyond = np.divide(first, weight, out=np.zeros_like(first), where=weight > 0.0)
            share, mean = weight / self.weight, reference + beyond
            variance = np.maximum(second - first * beyond, 0.0) / self.weight
            variance += share * (1.0 - share) * mean**2
        variance[~(second < np.inf)] = np.inf  # what has overflowed is to be seen
        return ColumnMoments(share * mean, variance, weight.copy())
