"""Weighted moments of the columns of X or y, and the running sums that they follow from."""

from dataclasses import dataclass, field

import numpy as np

from .arrays import writeable


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
        Reference, weight, first and second sum of each column (_kernels/column_moments.pyx); in C
        order for dense rows, in F order for sparse ones, which meet columns one by one.
    weight : float
        The sum of all weights.
    """

    sums: np.ndarray
    weight: float = 0.0
    _moments: ColumnMoments | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def begin(cls, p, order="C"):
        """No rows yet."""
        return cls(np.zeros((4, p), order=order))

    def __setstate__(self, values):
        """An array that comes read-only is copied."""
        self.sums, self.weight = writeable(values["sums"]), values["weight"]
        self._moments = None

    def copy(self):
        """Sums that rows added later do not reach."""
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

    def become(self, others, columns):
        """Take these columns' moments from others, as if all rows had been like theirs."""
        share = self.weight / others.weight
        self.sums[:, columns] = others.sums[:, columns] * [[1.0], [share], [share], [share]]
        self._moments = None

    def resize(self, factor, columns):
        """Take these columns for ones of other units, so many times as large."""
        self.sums[0, columns] *= factor
        self.sums[2, columns] *= factor
        self.sums[3, columns] *= factor**2
        self._moments = None

    def spreads(self):
        """The variance of each column; of its entries' squares the mean, if it has zeros."""
        reference, weight, first, second = self.sums
        held = np.maximum(weight, np.finfo(np.float64).tiny)
        beyond = first / held
        variance = np.maximum(second / held - beyond**2, 0.0)
        full = weight >= (1.0 - 1e-9) * self.weight
        return np.where(full, variance, variance + (reference + beyond) ** 2)

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
