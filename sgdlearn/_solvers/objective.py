"""The objective: what every solver goes down.

F(W, b) = sum_i s_i loss(y_i, W x_i + b) / sum_i s_i + penalty(W)
"""

from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from .._kernels.full_pass import csr_pass, dense_pass, losses_to_slopes
from .._threads import MAX_PARTS, cut
from ..losses import Loss, Multinomial
from ..penalties import Penalty
from .kept import Kept, mark
from .rows import DenseRows, SparseRows

PART = 2**21  # multiplications below which a part of its own does not pay
SPARSE_COST = 8  # what one of them costs where its factors lie scattered
LOSS_COST = 64  # and a loss with its slope
FOR_A_SUM = 64  # a part makes so many for each of its sums, which wait to be added to the others'
GRAM_PART = 2**24  # those of a Gram matrix, which are many times as fast
LONG_PART = 2**26  # and above which Ctrl-C would have to wait
BLOCK = 2**16  # numbers in a block of rows that is gathered into scratch


def gram_borders(n, size, room):
    """The parts of n rows from each of which matrices of `size` numbers in all are made.

    Together they are no more than an eighth of `room` numbers.
    """
    return cut(n, max(1, min(room // (8 * size), n * size // GRAM_PART, MAX_PARTS)))


@dataclass
class Objective:
    """The mean loss of some rows plus a penalty.

    Attributes
    ----------
    rows : DenseRows or SparseRows
    targets : ndarray of shape (n, n_targets), C-contiguous float64
        n_targets = n_outputs: a number for each output (+-1 in binary classification).
        n_targets = 1 < n_outputs: a class number, for the softmax or for one-vs-rest.
    weights : ndarray of shape (n,) of positive float64, or None
        None is all ones.
    loss : Loss
    penalty : ElasticPenalty, or another Penalty with its alpha in it
    n_outputs : int
    fit_intercept : bool
    kept : Kept
        What is known of it already; objectives that are made of it begin with nothing.
    """

    rows: DenseRows | SparseRows
    targets: np.ndarray
    weights: np.ndarray | None
    loss: Loss
    penalty: Penalty
    n_outputs: int = 1
    fit_intercept: bool = True
    kept: Kept = field(default_factory=Kept, init=False, repr=False, compare=False)

    @property
    def team(self):
        """The threads of a pass, which change no result."""
        return self.rows.team

    @cached_property
    def total_weight(self):
        return float(self.rows.n if self.weights is None else np.sum(self.weights))

    @property
    def one_vs_rest(self):
        """Whether a class number has to be told apart into k targets of +-1."""
        return self.targets.shape[1] < self.n_outputs and not isinstance(self.loss, Multinomial)

    def value(self, W, b):
        """F(W, b)."""
        return self.loss_value_and_gradient(W, b)[0] + self.penalty.value(W)

    def loss_value_and_gradient(self, W, b):
        """The mean loss and its gradient, in the coordinates of X.

        Parameters
        ----------
        W : ndarray of shape (k, p)
        b : ndarray of shape (k,)

        Returns
        -------
        value : float
        GW : ndarray of shape (k, p)
        gb : ndarray of shape (k,)
            Zeros without an intercept.
        """
        W = np.ascontiguousarray(W, dtype=np.float64)
        b = np.ascontiguousarray(b, dtype=np.float64)
        # a solver, its certificate and its monitor ask for one start, and all fits of a path for
        # the zero model
        key = "last zero model" if self.kept.lasts and not W.any() else "last point"
        last, here = self.kept.last(key), mark(W, b)
        if last is not None and last[0] == here:
            return last[1], last[2].copy(), last[3].copy()
        if self.loss.spec is None or (self.n_outputs > 1 and not self.rows.sparse):
            part = self._block_part
        elif self.rows.sparse:
            part = self._csr_part
        else:
            part = self._dense_part
        value, GW, gb = self.team.total(partial(part, W=W, b=b), self.parts)
        total = self.total_weight
        GW /= total
        found = value / total, GW, gb / total if self.fit_intercept else np.zeros_like(b)
        self.kept.put(key, (here, found[0], GW.copy(), found[2].copy()))
        return found

    def predictions(self, W, b):
        """z = W x + b of every row, (n, k)."""
        W = np.ascontiguousarray(W, dtype=np.float64)
        last, here = self.kept.last("last predictions"), self.kept.room and mark(W, b)
        if last is not None and last[0] == here:
            return last[1].copy()
        Z = np.empty((self.rows.n, self.n_outputs))

        def part(start, stop):
            if self.rows.sparse and self.n_outputs == 1:
                self.rows.times(W[0], Z[:, 0], start, stop)
                Z[start:stop] += b
                return
            for first, last in self._pieces(start, stop):
                Z[first:last] = self.rows.block(first, last) @ W.T + b

        self.team.for_each(part, self.parts)
        if Z.nbytes <= self.kept.room:
            self.kept.put("last predictions", (here, Z.copy()))
        return Z

    def weighted(self, A):
        """s_i / sum_i s_i times row i of A (n, k)."""
        return A / self.total_weight if self.weights is None else A * self.shares[:, None]

    def transpose_times(self, A):
        """sum_i A_i x_i', (k, p), of A (n, k)."""
        A = np.ascontiguousarray(A)

        def part(start, stop):
            if self.rows.sparse and A.shape[1] == 1:
                return (self.rows.transpose_times(A[:, 0], start, stop)[None],)
            return (
                sum(
                    A[first:last].T @ self.rows.block(first, last).astype(np.float64, copy=False)
                    for first, last in self._pieces(start, stop)
                ),
            )

        (total,) = self.team.total(part, self.parts)
        return total

    @cached_property
    def shares(self):
        """s_i / sum_i s_i, (n,); None without weights, where all are alike."""
        return None if self.weights is None else self.weights / self.total_weight

    def _pieces(self, start, stop):
        """Dense rows in blocks that stay in the cache; sparse ones as they are, as each costs p."""
        return [(start, stop)] if self.rows.sparse else self.blocks(start, stop)

    def baseline(self):
        """The best intercepts of the zero model, (k,); zeros without an intercept."""
        return self.kept.of("baseline", self._baseline).copy()

    def _baseline(self):
        if not self.fit_intercept:
            return np.zeros(self.n_outputs)
        if isinstance(self.loss, Multinomial):
            return self.loss.baseline(self.targets[:, 0], self.weights, self.n_outputs)
        return np.array(
            [
                self.loss.baseline(self.output_targets(c), self.weights)
                for c in range(self.n_outputs)
            ]
        )

    def output(self, c):
        """The problem of output c, which is one of its own."""
        targets = self.output_targets(c)[:, None]
        part = replace(self, targets=np.ascontiguousarray(targets), n_outputs=1)
        part.kept = self.kept.part(c)
        return part

    def output_targets(self, c):
        """The targets of output c, (n,)."""
        if self.one_vs_rest:
            return np.where(self.targets[:, 0] == c, 1.0, -1.0)
        return np.ascontiguousarray(self.targets[:, c])

    def block_targets(self, start, stop):
        """The targets of some rows in the shape that the loss takes beside z (m, k)."""
        targets = self.targets[start:stop]
        if self.one_vs_rest:
            return np.where(targets == np.arange(self.n_outputs), 1.0, -1.0)
        return targets[:, 0] if isinstance(self.loss, Multinomial) else targets

    def block_weights(self, start, stop):
        return None if self.weights is None else self.weights[start:stop]

    def losses_to_slopes(self, start, stop, Z):
        """The weighted losses of rows start .. stop - 1 summed, and their slopes s_i dloss_i.

        Z, their predictions, C-contiguous, may be overwritten.
        """
        weights = self.block_weights(start, stop)
        if self.loss.spec is not None:
            return losses_to_slopes(self.loss.spec, self.targets[start:stop], weights, Z), Z
        y = self.block_targets(start, stop)
        values, slopes = self.loss.value_and_gradient(y.ravel(), Z.ravel())
        values, slopes = values.reshape(Z.shape), slopes.reshape(Z.shape)
        if weights is None:
            return values.sum(), slopes
        return weights @ values.sum(axis=1), weights[:, None] * slopes

    def blocks(self, start=0, stop=None, width=None, least=64):
        """Cut rows start .. stop - 1 into blocks of `BLOCK` numbers, `width` (p) to a row."""
        stop = self.rows.n if stop is None else stop
        step = max(least, BLOCK // (width or self.rows.p))
        for first in range(start, stop, step):
            yield first, min(first + step, stop)

    @cached_property
    def parts(self):
        """The parts (start, stop) of a pass."""
        each = SPARSE_COST if self.rows.sparse else 1
        work = (self.rows.size * each + self.rows.n * LOSS_COST) * self.n_outputs
        least = max(PART, FOR_A_SUM * self.n_outputs * self.rows.p)
        count = min(max(-(-work // least), 1), MAX_PARTS)
        return cut(self.rows.n, min(max(count, work // LONG_PART), self.rows.n))

    def between(self, start, stop):
        """The objective of rows start .. stop - 1, on the same memory."""
        return replace(
            self,
            rows=self.rows.between(start, stop),
            targets=self.targets[start:stop],
            weights=self.block_weights(start, stop),
        )

    def _dense_part(self, start, stop, W, b):
        """One output, compiled: rows in place, or gathered block by block from F order."""
        kernel = dense_pass[self.rows.kernel_types]
        in_place = self.rows.values.flags.c_contiguous
        blocks = [(start, stop)] if in_place else self.blocks(start, stop)
        value, gb, gradient = 0.0, np.zeros(1), np.zeros(self.rows.p)
        for first, last in blocks:
            block_value, slopes = kernel(
                self.loss.spec,
                self.rows.block(first, last),
                self.targets[first:last],
                self.block_weights(first, last),
                W[0],
                b[0],
                gradient,
            )
            value += block_value
            gb += slopes
        return value, gradient[None], gb

    def _csr_part(self, start, stop, W, b):
        """Sparse rows, compiled: the k coefficients of a column lie side by side."""
        gradient, gb = np.zeros((self.rows.p, self.n_outputs)), np.zeros(self.n_outputs)
        value = csr_pass[self.rows.kernel_types](
            self.loss.spec,
            self.rows.data,
            self.rows.indices,
            self.rows.indptr[start : stop + 1],
            self.targets[start:stop],
            self.block_weights(start, stop),
            np.ascontiguousarray(W.T),
            b,
            gradient,
            gb,
        )
        return value, gradient.T, gb

    def _block_part(self, start, stop, W, b):
        """Several outputs of dense rows, or a loss written in Python: by matrix products."""
        value, GW, gb = 0.0, np.zeros_like(W), np.zeros_like(b)
        for first, last in self.blocks(start, stop):
            X = self.rows.block(first, last).astype(np.float64, copy=False)
            Z = np.add((W @ X.T).T, b, order="C")  # BLAS is faster this way round where k is small
            block_value, slopes = self.losses_to_slopes(first, last, Z)
            value += block_value
            GW += slopes.T @ X
            gb += slopes.sum(axis=0)
        return value, GW, gb
