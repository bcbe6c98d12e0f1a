"""The columns of X for coordinate descent: of sparse rows, of dense rows, gathered into scratch."""

import numpy as np

from .._kernels import coordinate as kernels
from .._kernels.dtypes import FLOATING, INDEX
from .quadratic import ColumnModel, Gram, GramModel
from .rows import NUMBERS_PER_CALL

# X' D X is formed for up to this many columns, where that is no more than there are rows.
GRAM_COLUMNS = 1500
# A working set of dense columns may grow by so many at a time, or to its double.
FEW_COLUMNS = 100


class SparseColumns:
    """The columns of sparse rows: one conversion to CSC."""

    def __init__(self, objective, scaling):
        rows = objective.rows
        matrix = rows.matrix.tocsc()
        self.arrays = matrix.data, matrix.indices, matrix.indptr
        self.n, self.p = rows.n, rows.p
        self.sizes = np.diff(self.arrays[2])
        self.shift, self.centred = scaling.shift, objective.fit_intercept
        types = FLOATING[matrix.dtype], INDEX[matrix.indices.dtype]
        self._slopes = kernels.csc_slopes[types]
        self._predictions = kernels.csc_predictions[types]
        self._curvatures = kernels.csc_curvatures[types]
        self._visits = kernels.csc_visits[types]

    def slopes(self, a, which=None):
        """X' a, in all columns or these."""
        g = np.empty(self.p)
        for part in self.parts(np.arange(self.p) if which is None else which):
            self._slopes(*self.arrays, part, a, g)
        return g if which is None else g[which]

    def predictions(self, w):
        """X w, (n,)."""
        return self.times(np.flatnonzero(w), w)

    def times(self, which, w):
        """What these columns have in X w, (n,)."""
        z = np.zeros(self.n)
        for part in self.parts(which):
            self._predictions(*self.arrays, part, w, z)
        return z

    def most_new(self, support):
        """How many columns a working set may have beside so many others."""
        return self.p

    def model(self, which, D):
        """The model in the columns `which`, rows weighted by D."""
        return ColumnModel(self, which, which, D)

    def own(self, values):
        """Of values for all columns of X, those of the columns here."""
        return values

    def curvatures(self, which, D, total, h, means):
        for part in self.parts(which):
            self._curvatures(*self.arrays, part, D, total, self.shift, self.centred, h, means)

    def visits(self, which, *state):
        return sum(self._visits(*self.arrays, part, *state) for part in self.parts(which))

    def parts(self, which):
        """These columns in parts that are visited in a small part of a second, for Ctrl-C."""
        return in_parts(which, self.sizes[which])


class DenseColumns:
    """The columns of dense rows, in blocks of rows or gathered into scratch."""

    def __init__(self, objective, scaling):
        self.objective, self.scaling = objective, scaling
        self.n, self.p = objective.rows.n, objective.rows.p
        self.centred = objective.fit_intercept
        self._gram = None

    def slopes(self, a):
        """X' a, (p,)."""
        return self.objective.transpose_times(a[:, None])[0]

    def predictions(self, w):
        """X w, (n,)."""
        Z = np.empty(self.n)
        for start, stop in self.objective.blocks():
            Z[start:stop] = self.objective.rows.block(start, stop) @ w
        return Z

    def most_new(self, support):
        """How many columns a working set may have beside so many others."""
        return max(FEW_COLUMNS, support)

    def model(self, which, D):
        """The model in the columns `which`, rows weighted by D."""
        if self._gram is None or self._gram.D is not D:
            self._gram = Gram(self, D)
        if self._gram.size_with(which) <= min(self.n, GRAM_COLUMNS):
            return GramModel(self._gram, which)
        return ColumnModel(GatheredColumns(self, which), which, np.arange(len(which)), D)

    def block(self, start, stop, which):
        """Rows of these columns in the coordinates of the metric."""
        A = np.take(self.objective.rows.block(start, stop), which, axis=1)
        return (A - self.scaling.shift[which]) * self.scaling.scale[which]


class GatheredColumns:
    """Some columns of dense rows, side by side in scratch."""

    def __init__(self, columns, which):
        values = columns.objective.rows.values
        self.which = which
        self.values = np.asfortranarray(values[:, which])
        self.n, self.p = self.values.shape
        self.shift = columns.scaling.shift[which]
        self.centred = columns.objective.fit_intercept
        self._curvatures = kernels.dense_curvatures[FLOATING[values.dtype]]
        self._visits = kernels.dense_visits[FLOATING[values.dtype]]

    def own(self, values):
        """Of values for all columns of X, those of the columns here."""
        return values[self.which]

    def slopes(self, a, which):
        """X' a in these columns."""
        return (a @ self.values)[which]

    def times(self, which, w):
        """X w, (n,), w zero but in these columns."""
        return self.values @ w

    def curvatures(self, which, D, total, h, means):
        for part in self.parts(which):
            self._curvatures(self.values, part, D, total, self.shift, self.centred, h, means)

    def visits(self, which, *state):
        return sum(self._visits(self.values, part, *state) for part in self.parts(which))

    def parts(self, which):
        return in_parts(which, np.full(len(which), self.n))


def in_parts(which, sizes):
    """Cut `which` into parts of about NUMBERS_PER_CALL numbers."""
    ends = np.cumsum(sizes, dtype=np.int64)
    numbers = ends[-1] if len(ends) else 0
    borders = np.searchsorted(ends, np.arange(NUMBERS_PER_CALL, numbers, NUMBERS_PER_CALL))
    return [part for part in np.split(which, borders) if part.size]
