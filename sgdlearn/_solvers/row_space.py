"""Fewer rows than columns: under an L2 penalty the optimum is made of the rows.

With A the centred rows (n, p), X in the penalty's units, and A' = Q R (Householder),

    A w = R' v      and      |w| = |v|      for w = Q v,

and a part of w outside the span of Q adds to the penalty alone: the problem is one of n columns,
those of R'. Q is never formed; its reflections are as many numbers as X.
"""

from dataclasses import replace

import numpy as np
from scipy.linalg import lapack

from ..penalties import ElasticPenalty
from .rows import DenseRows

# X may hold so many numbers, zeros too.
ROOM = 2**24


def is_wide(objective):
    """Whether there are fewer rows than columns, and this helps."""
    rows, penalty = objective.rows, objective.penalty
    return (
        rows.n < rows.p
        and rows.n * rows.p <= ROOM
        and isinstance(penalty, ElasticPenalty)
        and penalty.is_square
        and penalty.l2 > 0.0
    )


def columns(objective):
    """The columns that there are once rows stand for them."""
    return objective.rows.n if is_wide(objective) else objective.rows.p


class RowSpace:
    """The change of coordinates.

    Parameters
    ----------
    objective : Objective
        One that `is_wide`.

    Attributes
    ----------
    objective : Objective
        The same problem in n columns.
    """

    def __init__(self, objective):
        rows, penalty = objective.rows, objective.penalty
        self.unit = np.broadcast_to(penalty.unit, rows.p)
        self.mean = np.zeros(rows.p)
        if objective.fit_intercept:
            self.mean = rows.column_moments(objective.weights).mean
        A = np.empty((rows.p, rows.n), order="F")
        for start, stop in objective.blocks():
            A[:, start:stop] = ((rows.dense_block(start, stop) - self.mean) / self.unit).T
        self.reflections, self.tau, _, _ = lapack.dgeqrf(A, overwrite_a=True)
        R = np.triu(self.reflections[: rows.n])
        self.objective = replace(
            objective,
            rows=DenseRows(np.ascontiguousarray(R.T)),
            penalty=ElasticPenalty(penalty.l1, penalty.l2),
        )

    def rotate(self, V, trans):
        """Q or its transpose, as p reflections, times V (p, k)."""
        work = max(64 * V.shape[1], 1)
        return lapack.dormqr("L", trans, self.reflections, self.tau, V, lwork=work)[0]

    def enter(self, W, b):
        """(V, b~) of the predictions of (W, b) on the rows."""
        V = self.rotate(np.asfortranarray((W * self.unit).T), "T")[: self.objective.rows.n]
        return np.ascontiguousarray(V.T), b + W @ self.mean

    def leave(self, V, b):
        """(W, b) of (V, b~)."""
        padded = np.zeros((len(self.unit), len(V)), order="F")
        padded[: V.shape[1]] = V.T
        W = self.rotate(padded, "N").T / self.unit
        return W, b - W @ self.mean


def in_row_space(solver, objective, W, b, *, monitor, **run):
    """The result of `solver(objective, W, b, monitor=..., ...)` in those coordinates."""
    space = RowSpace(objective)
    result = solver(space.objective, *space.enter(W, b), monitor=_Watch(monitor, space), **run)
    W, b = space.leave(result.W, result.b)
    return replace(result, W=np.ascontiguousarray(W), b=b)


class _Watch:
    """Stands between the solver and the monitor, which is told of the coefficients of X."""

    def __init__(self, monitor, space):
        self._monitor, self._space = monitor, space

    def __getattr__(self, name):
        return getattr(self._monitor, name)

    def record(self, value, certificate, coefficients):
        return self._monitor.record(value, certificate, lambda: self._space.leave(*coefficients()))
