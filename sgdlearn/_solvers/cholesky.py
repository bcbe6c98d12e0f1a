"""Least squares with an L2 penalty or none: the normal equations, from one pass over the rows.

With A the centred rows, each times sqrt(s_i / sum s), and Y the targets likewise,

    n >= p:   (A' A + l2 I) W' = A' Y
    n <  p:   W' = A' U,   (A A' + l2 I) U = Y                           (the kernel, or dual, form)

by Cholesky, on the matrix scaled to a unit diagonal; columns are meant in the penalty's units. A' A
comes with the column means out of one pass: where columns are far from zero the rows are shifted by
means of a few of them, near enough to lose no digits, and what is left of the means is taken off at
the end (Chan, Golub, LeVeque 1983). Where the matrix is singular and l2 = 0 the solution is the one
of least norm |W|.

One more pass tells how good the solution is, by what the quadratic F still falls by along

    g = gradient,   D = -(A' A + l2 I)^-1 g:      F - F* = g' (A' A + l2 I)^-1 g / 2

half the squared Newton decrement, the certificate; W + D, the solution refined, is the next
iterate where this is more than rounding.

Sums over many rows are taken in single precision, in half the time, where no pivot is so small that
its rounding matters. W + D is then the solution but for the square of what they have left.
"""

from functools import partial

import numpy as np
from scipy.linalg import LinAlgError, qr

from .blas import SPOILT, plus_gram
from .certificate import allowed_excess
from .design import EPS, NOISE, Design, PositiveSystem, syrk
from .moments import ColumnMoments
from .objective import gram_borders
from .result import Result
from .scaling import Scaling

SAMPLE = 64  # rows whose means are the first guess at all rows'
NEAR = 4.0  # deviations from zero within which squares lose no digits to speak of
# From so many products on they are summed in single precision; what mean squares may be there; and
# the share of the zero model's F within which they bring a solution.
MANY, SQUARES, CLOSE = 2**28, (1e-30, 1e30), 1e-8
BLOCK = 2**16  # numbers in a block of rows
WORK = 3 * 2**32  # multiplications, a quarter of a second, after which signals are looked for
LEAST_ROWS = 256  # of a block: fewer would not keep BLAS busy
FEWER = 0.1  # a share that an iteration has to get below to be worth another
FLOOR = 1e-14  # share of the zero model's F below which F is rounded too much to decide
# A model whose predictions cannot be told from the zero model's, to this share, is one with it.
ROUNDING = 1e-10


def cholesky(objective, *, tol, max_iter, monitor):
    """Minimise a mean squared error with an L2 penalty or none; arguments as for `solve_batch`."""
    rows = objective.rows
    system = (_Kernel if rows.n < rows.p else _Normal)(objective)
    monitor.start_value(system.reference)
    n_iter, last, converged = 0, np.inf, False
    while n_iter < max_iter:
        n_iter += 1
        monitor.begin_epoch()
        system.step()
        value, decrement = system.look()
        close = system.refines and decrement <= CLOSE * system.reference
        if close:
            system.step()
            if decrement <= allowed_excess(value - decrement, system.reference, tol):
                value = max(value - decrement, 0.0)
            else:  # F is small: what is left of it has to be seen
                value, decrement = system.look()
        stop = monitor.record(value, decrement / system.reference, system.coefficients)
        floor = FLOOR * system.reference
        converged = decrement <= max(allowed_excess(value, system.reference, tol), floor)
        if stop or close or decrement <= floor or not decrement < FEWER * last:
            break
        last = decrement
    optimality = decrement / system.reference
    return Result(*system.coefficients(), n_iter, converged, n_iter, optimality=optimality)


class _System:
    """What both forms share: the targets, and the zero model with the best intercepts.

    Attributes
    ----------
    reference : float
        F of that model.
    refines : bool
        Whether a step from a solution that is close brings the one to rounding.
    """

    refines = False

    def __init__(self, objective):
        self.objective, self.l2 = objective, objective.penalty.l2
        self.total, weights = objective.total_weight, objective.weights
        self.roots = None if weights is None else np.sqrt(weights)[:, None]
        self.offset = objective.baseline()
        self.targets = objective.targets - self.offset
        value = 0.5 * np.sum(self.rooted(self.targets) ** 2) / self.total
        self.reference = value + (ROUNDING * np.linalg.norm(self.offset)) ** 2 or 1.0

    def rooted(self, values, start=0, stop=None):
        """Values of the rows start .. stop - 1, each times sqrt(s_i)."""
        return values if self.roots is None else values * self.roots[start:stop]

    def shift(self):
        """The means of the columns over some rows; 0 if all are near it, or have no intercept."""
        rows = self.objective.rows
        if self.objective.fit_intercept:
            index = np.linspace(0, rows.n - 1, min(rows.n, SAMPLE)).astype(int)
            moments = rows.take(index).column_moments()
            if np.any(moments.mean**2 > NEAR**2 * moments.variance):
                return moments.mean.astype(rows.dtype)
        return np.zeros(rows.p, rows.dtype)


class _Normal(_System):
    """n >= p: the unknowns are V = W / scale, in which the matrix has a unit diagonal."""

    def __init__(self, objective):
        super().__init__(objective)
        self.ridge = np.broadcast_to(objective.penalty.ridge(), objective.rows.p)
        self.refines = objective.rows.n * objective.rows.p**2 >= MANY
        try:
            self.system, cross = self.equations()
        except LinAlgError:
            self.refines = False
            self.system, cross = self.equations()
        self.gradient = -cross * self.scaling.scale
        self.V = np.zeros_like(cross)
        self.middle = self.offset  # the best prediction at the columns' means

    def equations(self):
        """The matrix, and the means of y x'; LinAlgError where they need double precision."""
        dtype = np.float32 if self.refines else np.float64
        key, make = ("centred moments", dtype), partial(self.centred_moments, dtype)
        shift, gram, cross = self.objective.kept.copy_of(key, make)
        square = np.maximum(np.diag(gram), 0.0)
        in_range = SQUARES[0] < np.min(square) <= np.max(square) < SQUARES[1]
        if self.refines and not (in_range and np.isfinite(cross).all()):
            raise LinAlgError("sums out of the range of single precision")
        columns, centre = ColumnMoments(shift, square, None), self.objective.fit_intercept
        self.scaling = Scaling.from_moments(columns, self.total, centre=centre)
        self.scaling = self.scaling.stiffened(self.ridge)
        scale = self.scaling.scale
        gram *= scale
        gram *= scale[:, None]
        gram[np.diag_indices(len(gram))] = 1.0  # columns that say nothing too: their part of g is 0
        self.far = np.hypot(1.0, shift * scale)
        return PositiveSystem(gram, SPOILT if self.refines else 0.0), cross

    def centred_moments(self, dtype):
        """The means of x, and of x x' (its lower triangle) and y x' about the means."""
        shift = self.shift()
        gram, cross, means = self.moments(shift, dtype)
        if self.objective.fit_intercept:
            cross -= np.outer(self.targets_mean(), means)
            gram -= np.outer(means, means)
            shift = shift + means
        return shift, gram, cross

    def targets_mean(self):
        weights = self.objective.weights
        return np.average(self.targets, axis=0, weights=weights)

    def moments(self, shift, dtype):
        """The means of x x' (its lower triangle), of y x' and of x, for x shifted rows of X.

        They are summed in `dtype`.
        """
        objective, rows, p = self.objective, self.objective.rows, self.objective.rows.p
        as_it_is = self.roots is None and not shift.any() and rows.lies_in(dtype)
        outputs, shift = objective.n_outputs, shift.astype(np.result_type(rows.dtype, dtype))

        def sums(start, stop):
            gram, cross = None, np.zeros((outputs + 1, p))
            step = max(LEAST_ROWS, WORK // p**2 if as_it_is else BLOCK // p)
            scratch = None if as_it_is else np.empty((min(step, stop - start), p), dtype)
            for first in range(start, stop, step):
                last = min(first + step, stop)
                X, roots = rows.dense_block(first, last), None
                if not as_it_is:
                    X = np.subtract(X, shift, out=scratch[: last - first], casting="same_kind")
                if self.roots is not None:
                    roots = self.roots[first:last].astype(dtype, copy=False)
                    X *= roots
                gram = plus_gram(gram, X)
                targets = self.rooted(self.targets[first:last], first, last)
                cross[:outputs] += targets.T.astype(dtype, copy=False) @ X
                if objective.fit_intercept:
                    cross[outputs] += X.sum(axis=0) if roots is None else roots[:, 0] @ X
            return gram, cross

        def part(start, stop):
            with np.errstate(over="ignore", invalid="ignore"):  # it is seen in the squares
                return sums(start, stop)

        gram, cross = objective.team.total(part, gram_borders(rows.n, p**2, rows.n * p))
        gram = np.divide(gram, self.total, dtype=np.float64)
        cross /= self.total
        return gram, cross[:outputs], cross[outputs]

    def step(self):
        self.V = self.V + self.system.solve(-self.gradient.T).T
        if self.system.null is not None and self.l2 == 0.0:
            self.V = self.least_norm()

    def least_norm(self):
        """V moved to where |V scale| is least along what the matrix does not see."""
        scale = self.scaling.scale[:, None]
        null, _ = qr(self.system.null * scale, mode="economic")
        W = self.V * scale.T
        return (W - W @ null @ null.T) * self.scaling.size

    def look(self):
        """F and the decrement, from one pass over the rows."""
        W, b = self.scaling.to_user(self.V, self.offset)
        value, GW, gb = self.objective.loss_value_and_gradient(W, b)
        self.middle = self.offset - gb  # the curvature of the intercept is 1
        self.gradient, _ = self.scaling.gradient(GW + self.ridge * W, gb)
        value = value - 0.5 * np.sum(gb**2) + 0.5 * np.sum(self.ridge * W**2)
        G = self.gradient.T
        if not self.system.is_sure_of(G, self.noise(value)):
            self.system.closer(self.gram, np.max(self.far))
        return value, 0.5 * np.sum(self.system.solve(G) * G)

    def noise(self, value):
        """What rounding may have left of the gradient, where F is `value`."""
        pulls = self.ridge * self.scaling.scale**2 * self.V
        return NOISE * EPS * (np.sqrt(2.0 * value) * self.far + np.abs(pulls)).T

    def gram(self, T):
        """T' (A' A + l2 I) T, from the columns of A T."""
        design, p = Design(self.objective, self.scaling), len(T)
        total = np.zeros((T.shape[1], T.shape[1]))
        for start, stop, A in design.blocks():
            total += syrk(self.rooted(A[:, :p] @ T, start, stop))
        root = np.sqrt(design.ridge[:p, None]) * T
        return total / self.total + syrk(root)

    def coefficients(self):
        return self.scaling.to_user(self.V, self.middle)


class _Kernel(_System):
    """n < p: the unknowns are U, one for each row."""

    def __init__(self, objective):
        super().__init__(objective)
        rows, n = objective.rows, objective.rows.n
        self.shift = np.zeros(rows.p)
        self.columns = np.broadcast_to(objective.penalty.unit, rows.p)
        if objective.fit_intercept:
            self.shift = rows.column_moments(objective.weights).mean
        self.unit = self.rooted(np.ones((n, 1))) / np.sqrt(self.total)  # A' unit = 0
        self.matrix = self.products()
        matrix = self.matrix + self.l2 * np.eye(n)
        if objective.fit_intercept:
            matrix += np.mean(np.diag(matrix)) * self.unit * self.unit.T
        size = np.sqrt(np.diag(matrix))
        self.size = np.where(size > 0.0, size, 1.0)[:, None]
        self.system = PositiveSystem(matrix / self.size / self.size.T)
        if self.system.null is not None:  # least squares of rows as they are
            self.size = np.full((n, 1), np.sqrt(np.mean(np.diag(matrix))) or 1.0)
            self.system = PositiveSystem(matrix / self.size**2)
        self.U = np.zeros_like(self.targets)
        self.W, self.b = np.zeros((objective.n_outputs, rows.p)), self.offset
        self.residual = self.unit * self.targets

    def products(self):
        """A A', from blocks of columns."""
        rows, n = self.objective.rows, self.objective.rows.n
        columns = rows.matrix.tocsc() if rows.sparse else rows.values
        product, total = np.zeros((2, n, n))
        step = max(n, BLOCK // n)
        for first in range(0, rows.p, step):
            block = columns[:, first : first + step]
            block = block.toarray() if rows.sparse else block
            chosen = slice(first, first + step)
            block = (block - self.shift[chosen]) / self.columns[chosen] * self.unit
            total += syrk(block.T, out=product)
        return total

    def solve(self, rhs):
        return self.system.solve(rhs / self.size) / self.size

    def step(self):
        self.U = self.U + self.solve(self.residual - self.l2 * self.U)
        S = self.unit * self.U
        self.W = -np.outer(S.sum(axis=0), self.shift)
        for start, stop in self.objective.blocks():
            self.W += (self.objective.rows.block(start, stop).T @ S[start:stop]).T
        self.W /= self.columns**2
        self.b = self.offset - self.W @ self.shift

    def look(self):
        """F and the decrement, from one pass over the rows."""
        Z = self.objective.predictions(self.W, self.b)
        self.residual = self.unit * (self.objective.targets - Z)
        if self.objective.fit_intercept:
            left = self.unit.T @ self.residual
            self.residual = self.residual - self.unit * left
            self.b = self.b + left[0]
        value = 0.5 * np.sum(self.residual**2) + self.objective.penalty.value(self.W)
        # F falls by d' A A' e / 2 with d the step in U and e what it is to remove
        rest = self.residual - self.l2 * self.U
        return value, 0.5 * np.sum(self.solve(rest) * (self.matrix @ rest))

    def coefficients(self):
        return self.W, self.b
