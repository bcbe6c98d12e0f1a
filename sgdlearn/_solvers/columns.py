"""The columns of X for coordinate descent: of sparse rows, of dense rows, gathered into scratch."""

from functools import cached_property, partial

import numpy as np

from .._kernels import coordinate as kernels
from .._kernels.dtypes import FLOATING, INDEX
from .._threads import cut
from ..losses import SquaredError
from .quadratic import ColumnModel, Gram, GramModel
from .rows import NUMBERS_PER_CALL

# X' D X is formed for up to this many columns, where that is no more than there are rows.
GRAM_COLUMNS = 1500
# It is for sparse ones if they are so many numbers in all, zeros too, and as many to an entry.
FEW_NUMBERS, NOT_SPARSE = 2**20, 8
# Sparse columns are kept if they have no more than one such share of X's entries, or LEAST; else
# they are gathered in blocks of the second share, or of LEAST.
SHARE, SHARE_OF_BLOCK, LEAST = 8, 16, 2**18
# They are gathered from so many parts of the rows, of so many entries at least.
MOST_PARTS, PART = 4, 2**20
# A working set of dense columns may grow by so many at a time, or to its double.
FEW_COLUMNS = 100
# They are copied while they are no more than one such share of X.
DENSE_SHARE = 9
# What a path asks for sooner or later is made at once for so many columns: a few passes of work.
ALL_AT_ONCE = 300


class SparseColumns:
    """The columns of sparse rows, gathered from CSR into scratch when they are visited.

    A working set of few entries is gathered once, and kept while others lie in it. One of more is
    gathered in smaller blocks in every visit, so that memory stays a small share of X. Products go
    along the columns that are held, else along the rows.

    Attributes
    ----------
    sizes : ndarray of shape (p,)
        How many entries every column has.
    held : ndarray of bool, shape (p,)
        The columns that are in the scratch.
    """

    def __init__(self, objective, scaling):
        self.objective, rows = objective, objective.rows
        self.rows, self.n, self.p = rows, rows.n, rows.p
        self.scaling, self.shift, self.centred = scaling, scaling.shift, objective.fit_intercept
        self.room = max(rows.size // SHARE, LEAST)
        self.room_of_block = max(rows.size // SHARE_OF_BLOCK, LEAST)
        self.held = np.zeros(self.p, dtype=bool)
        self.scratch = self.arrays = None
        types = rows.kernel_types
        self._slopes = kernels.csc_slopes[types]
        self._predictions = kernels.csc_predictions[types]
        self._image = kernels.csr_image[types]
        self._gather = kernels.gather_columns[types]
        self.curvatures = kernels.csc_curvatures[types]
        self.visits = kernels.csc_visits[types]

    def slopes(self, a, which=None):
        """X' a, in all columns or these."""
        if which is None or not self.held[which].all():
            g = self.objective.transpose_times(a[:, None])[0]
            return g if which is None else g[which]
        g = np.empty(self.p)
        for part in self.parts(which):
            self._slopes(*self.arrays, part, a, g)
        return g[which]

    def predictions(self, w):
        """X w, (n,)."""
        which, z = np.flatnonzero(w), np.zeros(self.n)
        if self.held[which].all():
            for part in self.parts(which):
                self._predictions(*self.arrays, part, w, z)
        else:
            objective, times = self.objective, partial(self.rows.times, w, z)
            objective.team.for_each(times, objective.parts)
        return z

    def image(self, which, w, D):
        """D X w and X' D X w, the latter in these columns, beside which w is zero."""
        if self.held[which].all():
            dz = self.predictions(w)
            dz *= D
            return dz, self.slopes(dz, which)
        objective, rows, dz = self.objective, self.rows, np.empty(self.n)

        def part(start, stop):
            g = np.zeros(self.p)
            self._image(rows.data, rows.indices, rows.indptr, start, stop, D, w, dz, g)
            return (g,)

        (g,) = objective.team.total(part, objective.parts)
        return dz, g[which]

    def most_new(self, support):
        """How many columns a working set may have beside so many others."""
        return self.p

    def model(self, which, D):
        """The model in the columns `which`, rows weighted by D."""
        few = min(FEW_NUMBERS, NOT_SPARSE * self.sizes[which].sum())
        if self.n * len(which) <= few and len(which) <= min(self.n, GRAM_COLUMNS):
            return GramModel(Gram(self, D), which)
        return ColumnModel(self, which, which, D)

    def block(self, start, stop, which):
        """Rows of these columns in the coordinates of the metric."""
        return in_metric(self.scaling, self.rows.block(start, stop)[:, which].toarray(), which)

    def own(self, values):
        """Of values for all columns of X, those of the columns here."""
        return values

    def fit(self, which):
        """Whether these columns fit into the scratch."""
        return self.sizes[which].sum() <= self.room

    def blocks(self, which):
        """CSC arrays and columns that they hold, pair by pair: all of `which`.

        Arrays are good until the next pair. Each is read in a small part of a second, for Ctrl-C.
        """
        if self.held[which].all():
            blocks = [which]
        else:
            blocks = self.gathered(which)
        for block in blocks:
            for part in self.parts(block):
                yield self.arrays, part

    def gathered(self, which):
        """Gather these columns in blocks that fit into the scratch; `which` is sorted."""
        ends = np.cumsum(self.sizes[which], dtype=np.int64)
        count = 1 if self.fit(which) else -(-int(ends[-1]) // self.room_of_block)
        borders = np.searchsorted(ends, np.arange(1, count) * ends[-1] / count)
        blocks = [block for block in np.split(which, borders) if block.size]
        self.make_room(max(int(self.sizes[block].sum()) for block in blocks))
        places = np.full(self._counts.shape, -1, dtype=self.rows.indices.dtype)
        at = self.rows.indptr[:-1].copy()
        for block in blocks:
            self.held[:] = False
            self.gather(block, at, places)
            self.held[block] = True
            yield block
        self.held &= len(blocks) == 1

    def make_room(self, numbers):
        """Have scratch for so many entries."""
        if self.scratch is None or len(self.scratch[0]) < numbers:
            self.scratch = self.arrays = None
            rows = self.rows
            self.scratch = np.empty(numbers, rows.dtype), np.empty(numbers, rows.indices.dtype)

    def gather(self, block, at, places):
        """Fill the scratch with these columns, from where the rows stand: `at`.

        `places`, of shape (parts, p), is -1 all over, here and afterwards.
        """
        rows, counts = self.rows, self._counts[:, block]
        indptr = np.zeros(self.p + 1, dtype=places.dtype)
        indptr[block + 1] = counts.sum(axis=0)
        np.cumsum(indptr, out=indptr)
        places[:, block] = indptr[block] + np.cumsum(counts, axis=0, dtype=indptr.dtype) - counts

        def part(start, stop):
            mine = places[self._row_parts.index((start, stop))]
            for call in self._calls(start, stop):
                self._gather(
                    rows.data, rows.indices, rows.indptr, *call, block[-1], at, mine, *self.scratch
                )

        self.objective.team.for_each(part, self._row_parts)
        places[:, block] = -1
        self.arrays = *self.scratch, indptr

    @cached_property
    def sizes(self):
        return self._counts.sum(axis=0)

    @cached_property
    def _counts(self):
        """The entries of every column in each part of the rows, (parts, p)."""
        return self.rows.kept.of("entries of columns", self._count)

    def _count(self):
        rows = self.rows
        count = kernels.count_columns[INDEX[rows.indices.dtype]]

        def part(start, stop):
            sizes = np.zeros(self.p, dtype=rows.indices.dtype)
            for call in self._calls(start, stop):
                count(rows.indices, rows.indptr, *call, sizes)
            return sizes

        return np.array(list(self.objective.team.in_order(part, self._row_parts)))

    @cached_property
    def _row_parts(self):
        """The parts (start, stop) of the rows that can be gathered at a time."""
        count = max(1, min(MOST_PARTS, self.rows.size // max(PART, SHARE * self.p)))
        return cut(self.n, count)

    def _calls(self, start, stop):
        """Cut a part of the rows for Ctrl-C."""
        step = max(1, self.n * NUMBERS_PER_CALL // max(self.rows.size, 1))
        return ((first, min(first + step, stop)) for first in range(start, stop, step))

    def parts(self, which):
        """These columns in parts that are visited in a small part of a second, for Ctrl-C."""
        return in_parts(which, self.sizes[which])


class DenseColumns:
    """The columns of dense rows, in blocks of rows or gathered into scratch.

    Those of a working set are copied beside one another while they are a small share of X: what is
    then done in them reads no others, which lie in the same lines of memory.
    """

    def __init__(self, objective, scaling):
        self.objective, self.scaling = objective, scaling
        self.n, self.p = objective.rows.n, objective.rows.p
        self.centred = objective.fit_intercept
        self._gram = None
        self._room, self._place, self._n_held = None, np.full(self.p, -1), 0
        # The curvatures of squared errors never change: what they make is good for another fit too.
        self._lasting = isinstance(objective.loss, SquaredError)

    def fit(self, which):
        """Whether these columns fit into scratch: dense ones always do."""
        return True

    def slopes(self, a):
        """X' a, (p,)."""
        return self.objective.transpose_times(a[:, None])[0]

    def predictions(self, w):
        """X w, (n,)."""
        Z, used = np.empty(self.n), np.flatnonzero(w)
        block, at = self.objective.rows.block, self._place[used]
        if used.size and np.all(at >= 0):
            block, w, values = self._held, np.zeros(self._n_held), w[used]
            w[at] = values

        def part(first, last):
            for start, stop in self.objective.blocks(first, last, width=len(w)):
                Z[start:stop] = block(start, stop) @ w

        self.objective.team.for_each(part, self.objective.parts)
        return Z

    def _held(self, start, stop):
        """Rows of the columns that are held."""
        return self._room[start:stop, : self._n_held]

    def _hold(self, which):
        """Copy these columns beside those that are held, if there is room."""
        rows, new, before = self.objective.rows, which[self._place[which] < 0], self._n_held
        after, most = before + new.size, self.p // DENSE_SHARE
        if before == after or after > most:
            return
        if self._room is None:
            self._room = np.empty((self.n, most), rows.dtype)

        def part(first, last):
            for start, stop in self.objective.blocks(first, last):
                self._room[start:stop, before:after] = rows.block(start, stop)[:, new]

        self.objective.team.for_each(part, self.objective.parts)
        self._place[new], self._n_held = np.arange(before, after), after

    def most_new(self, support):
        """How many columns a working set may have beside so many others."""
        return max(FEW_COLUMNS, support)

    def model(self, which, D):
        """The model in the columns `which`, rows weighted by D."""
        self._hold(which)
        if self._gram is None or self._gram.D is not D:
            self._gram = Gram(self, D)
            if self._lasting:
                self._take_up_gram()
        if self._gram.size_with(which) <= min(self.n, GRAM_COLUMNS):
            model = GramModel(self._gram, which)
            if self._lasting:
                self.objective.kept.hand_on("gram", self._gram.made)
            return model
        return ColumnModel(GatheredColumns(self, which), which, np.arange(len(which)), D)

    def _take_up_gram(self):
        """Begin with what another fit has handed on; all of it, if some will ask for it."""
        kept, every = self.objective.kept, min(self.n, ALL_AT_ONCE)
        self._gram.take_up(kept.last("gram"))
        if self.p <= every and 8 * self.p**2 <= kept.room and not len(self._gram.known):
            self._gram.extend(np.arange(self.p))

    def block(self, start, stop, which):
        """Rows of these columns in the coordinates of the metric."""
        at, rows = self._place[which], self._held
        if np.any(at < 0):
            at, rows = which, self.objective.rows.block
        return in_metric(self.scaling, np.take(rows(start, stop), at, axis=1), which)


class GatheredColumns:
    """Some columns of dense rows, side by side in scratch."""

    def __init__(self, columns, which):
        values = columns.objective.rows.values
        self.which = which
        self.values = np.asfortranarray(values[:, which])
        self.n, self.p = self.values.shape
        self.shift = columns.scaling.shift[which]
        self.centred = columns.objective.fit_intercept
        self.curvatures = kernels.dense_curvatures[FLOATING[values.dtype]]
        self.visits = kernels.dense_visits[FLOATING[values.dtype]]

    def own(self, values):
        """Of values for all columns of X, those of the columns here."""
        return values[self.which]

    def slopes(self, a, which):
        """X' a in these columns."""
        return (a @ self.values)[which]

    def predictions(self, w):
        """X w, (n,)."""
        return self.values @ w

    def image(self, which, w, D):
        """D X w and X' D X w, the latter in these columns."""
        dz = D * (self.values @ w)
        return dz, self.slopes(dz, which)

    def blocks(self, which):
        """Pairs of arrays and the columns in it, read in a small part of a second, for Ctrl-C."""
        return (((self.values,), part) for part in in_parts(which, np.full(len(which), self.n)))


def in_metric(scaling, A, which):
    """Rows of these columns, A, in the coordinates of the metric."""
    return (A - scaling.shift[which]) * scaling.scale[which]


def in_parts(which, sizes):
    """Cut `which` into parts of about NUMBERS_PER_CALL numbers."""
    ends = np.cumsum(sizes, dtype=np.int64)
    numbers = ends[-1] if len(ends) else 0
    borders = np.searchsorted(ends, np.arange(NUMBERS_PER_CALL, numbers, NUMBERS_PER_CALL))
    return [part for part in np.split(which, borders) if part.size]
