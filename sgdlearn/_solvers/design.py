"""The rows as a least-squares problem sees them, and the systems that come of it."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

EPS = np.finfo(np.float64).eps


class Design:
    """The rows in scaled, centred coordinates u (k, q), q = p + 1 with an intercept and else p."""

    def __init__(self, objective, scaling):
        self.objective, self.scaling = objective, scaling
        self.k, self.p = objective.n_outputs, objective.rows.p
        self.q = self.p + objective.fit_intercept
        self.ridge = self.padded(objective.penalty.ridge(scaling.scale))
        # Columns that say nothing have no curvature: one keeps H regular, their step is 0.
        self.idle = self.padded(scaling.scale == 0.0)

    def padded(self, values):
        """Values of the columns, with a 0 for the intercept."""
        return np.append(values, np.zeros(self.q - self.p))

    def pack(self, W, b):
        V, b = self.scaling.from_user(W, b)
        return np.column_stack([V, b]) if self.objective.fit_intercept else V

    def unpack(self, u):
        b = u[:, self.p] if self.objective.fit_intercept else np.zeros(self.k)
        return self.scaling.to_user(u[:, : self.p], b)

    def blocks(self, width=None, least=64):
        """(start, stop, A): the rows block by block, with the intercept's column of ones.

        A is overwritten by the next block, which has at least `least` rows if there are as many.
        """
        scaling, scratch = self.scaling, None
        for start, stop in self.objective.blocks(width=width or self.q, least=least):
            if scratch is None:
                scratch = np.ones((stop - start, self.q))
            A = scratch[: stop - start]
            columns = A[:, : self.p]
            np.subtract(self.objective.rows.dense_block(start, stop), scaling.shift, out=columns)
            columns *= scaling.scale
            yield start, stop, A

    def times(self, u):
        """A u', (n, k)."""
        Z = np.empty((self.objective.rows.n, len(u)))
        for start, stop, A in self.blocks():
            Z[start:stop] = A @ u.T
        return Z

    def transpose_times(self, S):
        """S' A, (k, q)."""
        return sum(S[start:stop].T @ A for start, stop, A in self.blocks())

    def gram(self, weights):
        """A' diag(weights_c) A for each column of weights (n, k), (k, q, q)."""
        out = np.zeros((weights.shape[1], self.q, self.q))
        for start, stop, A in self.blocks():
            for c, column in enumerate(weights[start:stop].T):
                out[c] += weighted_gram(A, column)
        return out


def weighted_gram(A, weights, out=None):
    """A' diag(weights) A, symmetric to the last bit."""
    return syrk(A * np.sqrt(weights)[:, None], out=out)


def syrk(A, out=None):
    """A' A, symmetric to the last bit (BLAS sees that it is half the work)."""
    return np.matmul(A.T, A, out=out)


class PositiveSystem:
    """M x = rhs, M symmetric, of unit diagonal or so, and positive but for rounding.

    Parameters
    ----------
    M : ndarray of shape (q, q)
    least_pivot : float, default=0.0
        LinAlgError where a pivot is smaller.

    Attributes
    ----------
    null : ndarray of shape (q, d) or None
        An orthonormal basis of what M does not see, None if that is nothing. Solutions then are
        those of least norm.
    """

    def __init__(self, M, least_pivot=0.0):
        self.rounding = 8.0 * EPS * len(M)
        self.null = None
        try:
            self.factor = cho_factor(M, lower=True, check_finite=False)
            pivot = np.min(np.diag(self.factor[0])) ** 2
        except LinAlgError:
            pivot = 0.0
        if pivot < least_pivot:
            raise LinAlgError(f"a pivot of {pivot:.1e} is smaller than {least_pivot:.1e}")
        if pivot > self.rounding:
            return
        values, vectors = eigh(M)
        kept = values > self.rounding * max(values[-1], 0.0)
        self.values, self.vectors, self.null = values[kept], vectors[:, kept], vectors[:, ~kept]

    def solve(self, rhs):
        """M^-1 rhs for the columns of rhs."""
        if self.null is None:
            return cho_solve(self.factor, rhs, check_finite=False)
        return self.vectors @ ((self.vectors.T @ rhs) / self.values[:, None])

    def out_of_sight(self, rhs):
        """The size of the part of rhs that M does not see."""
        return 0.0 if self.null is None else float(np.linalg.norm(self.null.T @ rhs))


def solve(H, rhs, damping, in_range):
    """(H + damping I)^-1 rhs by Cholesky; of least norm, where H is singular.

    None where H is singular and a part of rhs outside its range is more than rounding, which a
    caller who knows that rhs is `in_range` excludes.
    """
    H = H + damping * np.eye(len(H))
    size = np.sqrt(np.maximum(np.diag(H), 0.0))
    size[size == 0.0] = 1.0
    H = H / np.outer(size, size)
    rhs = rhs / size[:, None]
    if not np.all(np.isfinite(H)):
        return None
    system = PositiveSystem(H)
    if not in_range and system.out_of_sight(rhs) > 1e-6 * np.linalg.norm(rhs):
        return None
    return system.solve(rhs) / size[:, None]
