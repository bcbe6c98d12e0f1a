"""The diagonal metric and the centring, as a change of variables that leaves F as it is.

    w_j = scale_j v_j,      b = b~ - sum_j shift_j w_j

so that x_i . w + b = sum_j v_j (x_ij - shift_j) scale_j + b~: a solver that moves (v, b~) sees
centred columns of unit size, and X is not touched. A penalty on w is one on v:

    l1 |w_j| = l1 scale_j |v_j|,      l2/2 w_j^2 = l2 scale_j^2 / 2 v_j^2
"""

from dataclasses import dataclass

import numpy as np

# Below this share of its mean, the deviation of a column is what rounding left.
CONSTANT = 1e-12
# Below this its square is.
SMALLEST = np.sqrt(np.finfo(np.float64).tiny)


def deviations(moments):
    """The standard deviation of every column, 1 for a constant one, as StandardScaler has it."""
    deviation = np.sqrt(moments.variance)
    return np.where(varies(deviation, moments.mean), deviation, 1.0)


def varies(deviation, mean):
    """Whether a column has more of a deviation than rounding would leave."""
    return (deviation > CONSTANT * np.abs(mean)) & (deviation > SMALLEST)


def check_squares(squares, where=""):
    """Raise ValueError if squares of what X holds have overflowed."""
    if not np.isfinite(squares).all():
        raise ValueError(
            f"X holds numbers so large that their squares overflow{where}: scale it down."
        )


def squares_in_units(objective):
    """|x_i|^2 of every row, (n,), X measured so that the penalty has one unit for all columns."""
    rows, unit = objective.rows, objective.penalty.unit
    if np.ndim(unit) == 0:
        return rows.squares if unit == 1.0 else rows.squares / unit**2
    return rows.row_squares(Scaling.in_units(np.asarray(unit, dtype=np.float64)))


@dataclass(frozen=True)
class Scaling:
    """Shift and scale of every column.

    Attributes
    ----------
    shift : ndarray of shape (p,)
    scale : ndarray of shape (p,)
        One over the size of a column; 0 for a column that says nothing (all zero, or constant
        where columns are centred), whose coefficient therefore is 0.
    aside : ndarray of shape (p,) or None
        How far the shift is from the means, in the metric; None for not at all.
    """

    shift: np.ndarray
    scale: np.ndarray
    aside: np.ndarray | None = None

    @classmethod
    def identity(cls, p):
        """The user's own coordinates."""
        return cls(np.zeros(p), np.ones(p))

    @classmethod
    def from_rows(cls, rows, weights=None, *, centre, per_row=False):
        """The scaling that the columns ask for.

        Parameters
        ----------
        rows : DenseRows or SparseRows
        weights : ndarray of shape (n,), default=None
        centre : bool
            Shift by the means; needs an intercept, which takes the shift up.
        per_row : bool, default=False
            For solvers that step along single rows: the size of a column that is mostly zero is
            the root mean square of its non-zero values. By its deviation, far smaller, a rare
            feature would make the row that has it huge, and set the step for all.
        """
        total = float(rows.n) if weights is None else float(np.sum(weights))
        moments = rows.column_moments(weights)
        return cls.from_moments(moments, total, centre=centre, per_row=per_row)

    @classmethod
    def from_moments(cls, moments, total, *, centre, per_row=False):
        """The same from the columns' moments and the total weight of the rows."""
        if centre:
            shift, square = moments.mean, moments.variance
        else:
            shift = np.zeros_like(moments.mean)
            square = moments.mean_square
        if per_row:
            share = moments.nonzero_weight / total
            rare = (share > 0.0) & (share < 0.5)
            square = np.divide(moments.mean_square, share, out=square.copy(), where=rare)
        check_squares(square, f" (column {np.argmin(np.isfinite(square))})")
        size = np.sqrt(square)
        return cls(shift, np.divide(1.0, size, out=np.zeros_like(size), where=varies(size, shift)))

    @classmethod
    def in_units(cls, unit):
        """Coefficients measured in these units, one for each column."""
        return cls(np.zeros_like(unit), 1.0 / unit)

    def renamed(self, factor):
        """The same metric for columns whose numbers have all become so many times as large."""
        return Scaling(self.shift * factor, self.scale / factor, self.aside)

    def centred_aside(self, aside):
        """The same metric, centred so far from the means; None is at them."""
        if aside is None:
            return self if self.aside is None else Scaling(self.mean, self.scale)
        return Scaling(self.mean + aside * self.size, self.scale, aside)

    def stiffened(self, ridge):
        """The metric s_j^2 + ridge in the place of s_j^2, so that L2 stiffens no small column."""
        size = np.sqrt(self.size**2 + ridge)
        scale = np.divide(1.0, size, out=np.zeros_like(size), where=self.scale > 0.0)
        return Scaling(self.shift, scale)

    def close_to(self, other):
        """Whether this is the same metric, but for rounding and the like."""
        shifts = (self.shift - other.shift) * self.scale
        return np.allclose(self.scale, other.scale, rtol=1e-6, atol=0.0) and np.allclose(
            shifts, 0.0, atol=1e-6
        )

    def same_as(self, other):
        """Whether this is the same metric, to the last bit."""
        return np.array_equal(self.scale, other.scale) and np.array_equal(self.shift, other.shift)

    @property
    def size(self):
        """1 / scale, or 0 where that is 0."""
        return np.divide(1.0, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0.0)

    @property
    def mean(self):
        """Of the columns that are centred."""
        return self.shift if self.aside is None else self.shift - self.aside * self.size

    def to_user(self, V, b):
        """(W, b) in the coordinates of X."""
        W = V * self.scale
        return W, b - W @ self.shift

    def from_user(self, W, b):
        """(V, b~) of the same predictions, but for what columns of scale 0 add beside a shift."""
        return W * self.size, b + W @ self.shift

    def without_idle(self, W, b):
        """(W, b) of the same predictions without the columns that say nothing."""
        idle = self.scale == 0.0
        if not np.any(W[:, idle]):
            return W, b
        return np.where(idle, 0.0, W), b + W[:, idle] @ self.shift[idle]

    def gradient(self, GW, gb):
        """The gradient in (V, b~) from that in (W, b)."""
        G = np.outer(gb, self.shift)
        np.subtract(GW, G, out=G)
        G *= self.scale
        return G, gb
