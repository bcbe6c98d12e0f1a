"""The rows of users and of items: factors, bias, and the memory of the update rule beside them.

A row is [k factors, zeros | bias, ...]: `width` numbers, a whole number of vector registers, then
as many as one register holds. The memory of "rpcs" takes two of those (`factor_reduced.h`), other
rules add as many numbers again for each of their slots (`factor_rules.pyx`). Rows begin at whole
registers of memory and grow in number by doubling.
"""

from dataclasses import dataclass

import numpy as np

from ..._kernels.clock import CLOCK_SIZE, MOMENTUM_PRODUCT, SHRINKAGE
from ..._kernels.dtypes import FLOATING
from ..._kernels.factor_rows import start_rows
from ..arrays import writeable

# Bytes of a vector register, and of a line of memory.
REGISTER, LINE = 32, 64
# Places after the factors: bias and the sums of squares of "rpcs".
BIAS, BIAS_SQUARES, SQUARES = 0, 1, 2


@dataclass(frozen=True)
class Start:
    """What a new row begins with.

    Attributes
    ----------
    low, span : float
        Its factors lie in [low, low + span).
    squares, bias_squares : float
        The sums of squares of "rpcs".
    slots : callable or None
        ``slots(values, lot)`` sets up the memory of a rule that does not begin at zero.
    """

    low: float
    span: float
    squares: float = 0.0
    bias_squares: float = 0.0
    slots: object = None


class Rows:
    """Rows of k factors.

    Attributes
    ----------
    reduced : bool
        Whether the memory is that of "rpcs".
    values : ndarray of shape (capacity, stride)
    clocks : ndarray of shape (capacity, 2 * CLOCK_SIZE) or None
        Of the factors and of the bias, for rules that count.
    n : int
        Rows in use.
    """

    def __init__(self, k, n_slots, dtype, *, reduced, counts, seed):
        self.k, self.n_slots, self.dtype, self.seed = k, n_slots, np.dtype(dtype), seed
        self.reduced = reduced
        lanes = REGISTER // self.dtype.itemsize
        self.width = -(-k // lanes) * lanes
        self.lot = self.width + lanes
        self.stride = self.lot * (1 + n_slots)
        self.n = 0
        self.values = aligned_zeros(0, self.stride, self.dtype)
        self.clocks = np.empty((0, 2 * CLOCK_SIZE)) if counts else None

    @property
    def factors(self):
        return self.values[: self.n, : self.k]

    @property
    def bias(self):
        return self.values[: self.n, self.width + BIAS]

    def add(self, n, start):
        """Rows up to number n, new ones at their `Start`."""
        first = self.n
        if n <= first:
            return
        if n > len(self.values):
            self._make_room(n if first == 0 else max(n, 2 * len(self.values), 16))
        new = self.values[first:n]
        new[:] = 0.0
        start_rows[FLOATING[self.dtype]](
            self.values, first, n, self.k, self.seed, start.low, start.span
        )
        if start.squares:
            new[:, self.width + BIAS_SQUARES] = start.bias_squares
            new[:, self.width + SQUARES] = start.squares
        if self.clocks is not None:
            clocks = self.clocks[first:n]
            clocks[:] = 0.0
            for place in (SHRINKAGE, MOMENTUM_PRODUCT):
                clocks[:, [place, CLOCK_SIZE + place]] = 1.0
        if start.slots is not None:
            start.slots(new, self.lot)
        self.n = n

    def clear_unmet(self, first, met):
        """Rows from number `first` on that are not among those met hold nothing but zeros."""
        unmet = np.ones(self.n, dtype=bool)
        unmet[met] = unmet[:first] = False
        self.values[: self.n][unmet, : self.width] = 0.0

    def have_met(self, rows):
        """Whether each of these rows is known, and not as `clear_unmet` left it."""
        own = self.values[rows, : self.width + 1].any(axis=1) if self.n else False
        return (rows >= 0) & own

    def _make_room(self, capacity):
        values = aligned_zeros(capacity, self.stride, self.dtype)
        values[: self.n] = self.values[: self.n]
        self.values = values
        if self.clocks is not None:
            clocks = np.empty((capacity, self.clocks.shape[1]))
            clocks[: self.n] = self.clocks[: self.n]
            self.clocks = clocks

    def checkpoint(self, chosen=None, into=None):
        """What `restore` needs to undo updates of the chosen rows, or of any.

        ``into`` is one of the same rows that is no longer needed: its memory is used again.
        """
        if into is not None:
            _, chosen, values, clocks = into
            np.copyto(values, self.values[chosen])
            if clocks is not None:
                np.copyto(clocks, self.clocks[chosen])
            return into
        if chosen is None:
            chosen = slice(self.n)
            clocks = None if self.clocks is None else self.clocks[chosen].copy()
            return self.n, chosen, self.values[chosen].copy(), clocks
        clocks = None if self.clocks is None else self.clocks.take(chosen, axis=0)
        return self.n, chosen, self.values.take(chosen, axis=0), clocks

    def restore(self, checkpoint):
        self.n, chosen, values, clocks = checkpoint
        self.values[chosen] = values
        if clocks is not None:
            self.clocks[chosen] = clocks

    def copy(self):
        """Rows that later updates do not reach."""
        other = Rows.__new__(Rows)
        other.__dict__.update(self.__dict__)
        other.values, other.clocks = self.values[:0], None
        if self.clocks is not None:
            other.clocks = self.clocks[:0]
        n, other.n = self.n, 0
        other._make_room(n)
        other.n = n
        other.values[:] = self.values[:n]
        if self.clocks is not None:
            other.clocks[:] = self.clocks[:n]
        return other

    def __getstate__(self):
        state = dict(self.__dict__)
        state["values"] = self.values[: self.n].copy()
        if self.clocks is not None:
            state["clocks"] = self.clocks[: self.n].copy()
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        values = self.values
        self.values = aligned_zeros(self.n, self.stride, self.dtype)
        self.values[:] = values
        self.clocks = writeable(self.clocks)


def aligned_zeros(n, stride, dtype):
    """Zeros of shape (n, stride) that begin at a line of memory."""
    extra = LINE // dtype.itemsize
    flat = np.zeros(n * stride + extra, dtype=dtype)
    first = -flat.ctypes.data % LINE // dtype.itemsize
    return flat[first : first + n * stride].reshape(n, stride)
