"""The duality gap: a bound on F(W, b) - F* at any (W, b).

With shares c_i = s_i / sum_i s_i of the weight, loss* and penalty* the convex conjugates (Fenchel),
every a (one slope a row and output) gives a bound from below,

    D(a) = -sum_i c_i loss*(y_i, a_i) - penalty*(v),     v = -sum_i c_i a_i x_i',

if an unpenalised intercept finds sum_i c_i a_i = 0. Then sum_i c_i a_i z_i = -sum_j v_j w_j, and
the gap F - D is a sum of terms none of which is negative (Fenchel-Young):

    sum_i c_i (loss(y_i, z_i) + loss*(y_i, a_i) - a_i z_i)  +  penalty(w) + penalty*(v) - v . w

The first are zero where a_i is the slope at z_i, the second where w is the point that v makes,

    u = argmin_u penalty(u) - v . u,      penalty(w) + penalty*(v) - v . w
                                            = l2/2 |w - u|^2 + l1 |w|_1 - (v - l2 u) . w.

So no large numbers are subtracted, and an error in v comes in multiplied by w - u. Where columns
have units of their own in the penalty, w and v are meant in those.
"""

import numpy as np

from .._kernels.losses import duality_sums
from ..losses import Multinomial
from ..penalties import prox

# Newton's method for the best intercepts goes on until their gradient is below this share.
BALANCED = 1e-9
NEWTON_STEPS = 8
COLUMNS = 2**16  # looked at together, so that nothing more of their number is held


def duality_gap(objective, W, b, slopes=None):
    """F(W, b) - D(a) >= F(W, b) - F*; see `value_and_gap`."""
    return value_and_gap(objective, W, b, slopes)[1]


def value_and_gap(objective, W, b, slopes=None):
    """F(W, b), and its distance from D(a): no less than that from F*.

    Two passes over the rows: their predictions, and the sum of their slopes.

    Parameters
    ----------
    objective : Objective
        With an `ElasticPenalty`; its loss defines `conjugate` and `nearest_slope`.
    W : ndarray of shape (k, p)
    b : ndarray of shape (k,)
    slopes : ndarray of shape (n, k), default=None
        A dual point, which is made feasible. None takes the slopes of the loss itself, where the
        gap of an optimum is 0 if the loss is smooth. At a kink they are but one of many: losses
        with kinks want a point that comes from the solver.

    Returns
    -------
    value : float
    gap : float
        Without any penalty no better than F(W, b) itself.
    """
    Z = objective.predictions(W, b)
    A = dual_point(objective, Z) if slopes is None else feasible(objective, slopes)
    V = sum_of_slopes(objective, A)
    value, gap, _ = value_gap_and_length(objective, W, Z, A, V)
    return value, gap


def sum_of_slopes(objective, A):
    """v of slopes A (n, k): (k, p), in the penalty's units."""
    unit = -objective.penalty.unit
    if objective.weights is None:  # all alike: no weighted copy of A is needed
        V, unit = objective.transpose_times(A), unit * objective.total_weight
    else:
        V = objective.transpose_times(objective.weighted(A))
    return np.divide(V, unit, out=V)


def value_gap_and_length(objective, W, Z, A, V):
    """F at W, whose predictions are Z; its distance from D(t A), where V is the v of A; and t."""
    penalty = objective.penalty
    loss, gap, rise = sums_over_rows(objective, Z, A)
    t = best_length(penalty, V, rise)
    if t < 1.0:
        loss, gap, _ = sums_over_rows(objective, Z, t * A)
        V = t * V
    return loss + penalty.value(W), gap + penalty_gap(penalty, penalty.in_units(W), V), t


def dual_point(objective, Z):
    """A feasible dual point: the slopes at predictions Z (n, k) moved by the best intercepts.

    They are what Newton's method makes of them in a few steps, and the rest is made up for.
    """
    loss, y = objective.loss, objective.block_targets(0, objective.rows.n)
    A = best = loss.gradient(y, Z)
    if not objective.fit_intercept:
        return A
    shift, least = np.zeros(Z.shape[1]), np.inf
    for _ in range(NEWTON_STEPS if loss.smooth else 0):
        weighted = objective.weighted(A)
        imbalance = np.abs(weighted.sum(axis=0)).sum() / (np.abs(weighted).sum() or 1.0)
        if imbalance < least:
            best, least = A, imbalance
        if imbalance <= BALANCED:
            break
        shift = shift - newton_step(objective, y, Z + shift, A, weighted.sum(axis=0))
        A = loss.gradient(y, Z + shift)
    return balanced(objective, best)


def newton_step(objective, y, Z, A, gradient):
    """Newton's step of the mean loss in the intercepts."""
    if isinstance(objective.loss, Multinomial):
        P = A.copy()
        P[np.arange(len(P)), y.astype(np.intp)] += 1.0
        weighted = objective.weighted(P)
        H = np.diag(weighted.sum(axis=0)) - weighted.T @ P
        # constant in the direction of all ones, and nearly so where classes are sure
        damping = np.full_like(H, 1.0) + 1e-12 * np.eye(len(H))
        return np.linalg.solve(H + damping, gradient)
    curvature = objective.weighted(objective.loss.curvature(y, Z)).sum(axis=0)
    return np.divide(gradient, curvature, out=np.zeros_like(gradient), where=curvature > 0.0)


def feasible(objective, A):
    """The feasible dual point that a given one is taken for."""
    A = objective.loss.nearest_slope(objective.block_targets(0, objective.rows.n), A)
    return balanced(objective, A) if objective.fit_intercept else A


def balanced(objective, A):
    """Slopes in the domain of loss* scaled so that sum_i c_i a_i = 0, still in the domain.

    The slopes of the sign that prevails are scaled down. For the softmax, a class that has too
    much probability gives a share of it, in every row, to those that have too little.
    """
    if isinstance(objective.loss, Multinomial):
        P = A.copy()
        P[np.arange(len(P)), objective.targets[:, 0].astype(np.intp)] += 1.0
        excess = objective.weighted(A).sum(axis=0)
        surplus, deficit = np.maximum(excess, 0.0), np.maximum(-excess, 0.0)
        if not np.any(deficit > 0.0):
            return A
        held = objective.weighted(P).sum(axis=0)
        given = P * np.divide(surplus, held, out=np.zeros_like(held), where=held > 0.0)
        return A - given + given.sum(axis=1, keepdims=True) * (deficit / deficit.sum())
    up = objective.weighted(np.maximum(A, 0.0)).sum(axis=0)
    down = objective.weighted(np.maximum(-A, 0.0)).sum(axis=0)
    less = np.minimum(up, down)
    up, down = (np.divide(less, x, out=np.zeros_like(x), where=x > 0.0) for x in (up, down))
    return A * np.where(A > 0.0, up, down)


def best_length(penalty, V, rise):
    """t in [0, 1] for which D(t a) is at least what convexity promises, at its most.

    loss* lies below its chord from 0 to a, penalty*(t v) below t^2 penalty*(v):

        D(t a) >= D(0) + t rise - t^2 penalty*(v),     rise = sum_i c_i (loss*(0) - loss*(a_i)).
    """
    longest = 1.0
    if penalty.l2 == 0.0:  # penalty* is 0 where |v| <= l1, and inf beyond
        size = np.max(V if penalty.positive else np.abs(V), initial=0.0)
        longest = min(1.0, penalty.l1 / size) if size > 0.0 else 1.0
    if penalty.is_square:
        curvature = square(V) / penalty.l2
    else:
        curvature = penalty.l2 * square(minimiser(penalty, V))
    return min(longest, max(rise, 0.0) / curvature) if curvature > 0.0 else longest


def sums_over_rows(objective, Z, A):
    """Three sums over the rows, of predictions Z and slopes A, both (n, k):

    sum_i c_i loss_i,  sum_i c_i (loss_i + loss*_i - a_i . z_i),  sum_i c_i (loss*_i(0) - loss*_i).
    """
    loss, y = objective.loss, objective.block_targets(0, objective.rows.n)
    if loss.spec is not None and not isinstance(loss, Multinomial):
        total = 1.0 if objective.weights is not None else objective.total_weight
        sums = duality_sums(loss.spec, y, Z, A, objective.shares)
        return tuple(x / total for x in sums)

    def mean(values):
        return float(objective.weighted(values.reshape(len(Z), -1)).sum())

    losses, conjugates = loss.value(y, Z), loss.conjugate(y, A)
    gaps = losses.reshape(len(Z), -1).sum(axis=1) - np.sum(A * Z, axis=1)
    gaps += conjugates.reshape(len(Z), -1).sum(axis=1)
    rise = mean(loss.conjugate(y, np.zeros_like(A))) - mean(conjugates)
    return mean(losses), mean(gaps), rise


def penalty_gap(penalty, W, V):
    """penalty(W) + penalty*(V) - V . W, in the penalty's units."""

    def of_columns(W, V):
        U, beside = minimiser(penalty, V), 0.0
        if not penalty.is_square:
            beside = np.sum(penalty.l1 * np.abs(W) - (V - penalty.l2 * U) * W)
        U -= W
        return float(0.5 * penalty.l2 * square(U) + beside)

    pieces = (slice(start, start + COLUMNS) for start in range(0, V.shape[1], COLUMNS))
    return sum(of_columns(W[:, piece], V[:, piece]) for piece in pieces)


def square(V):
    """|V|^2."""
    return np.vdot(V, V)


def minimiser(penalty, V):
    """argmin_u penalty(u) - v . u; 0 without an L2 part."""
    if penalty.l2 == 0.0:
        return np.zeros_like(V)
    if penalty.is_square:
        return V / penalty.l2
    return prox(V, penalty.l1, 0.0, penalty.lower) / penalty.l2
