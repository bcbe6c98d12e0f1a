"""Factors of one more user from some ratings, the items being what they are.

    p, b = argmin  sum_i s_i (loss(y_i, mean + b_i + b + <p, q_i>)
                              + alpha / 2 |p|^2 + alpha_bias / 2 b^2)

is convex. The squared loss takes one step of Newton's method, the log loss a few; absolute errors
are weighed by 1 / max(|r|, d), over and over, d falling (iteratively reweighted least squares).
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

# Newton steps at most, the relative fall of the objective that ends them, halvings of a step.
STEPS, ENOUGH, HALVINGS = 50, 1e-12, 40
# The last d of absolute errors, over the spread of ratings.
ROUND_OFF = 1e-4
# Added to the diagonal where nothing is penalised, over its mean: the system may be singular.
RIDGE = 1e-10


def fold_in(Q, item_bias, mean, targets, weights, *, loss, alpha, alpha_bias, biases, lower):
    """(factors, bias) of the user.

    Parameters
    ----------
    Q : ndarray of shape (n, k)
        The factors of the rated items.
    item_bias : ndarray of shape (n,)
    mean : float
    targets, weights : ndarray of shape (n,)
    loss : Loss
    alpha, alpha_bias : float
    biases : bool
        Whether the user has one.
    lower : float
        0 for factors that are not negative.
    """
    n, k = Q.shape
    A = np.column_stack([Q, np.ones(n)]) if biases else np.asarray(Q)
    A = A.astype(np.float64)
    offset = mean + item_bias.astype(np.float64)
    penalty = np.full(A.shape[1], alpha * weights.sum())
    penalty[k:] = alpha_bias * weights.sum()
    w = np.zeros(A.shape[1])
    if loss.name == "absolute_error":
        w = _least_absolute(A, targets - offset, weights, penalty, lower, k)
    else:
        w = _newton(A, offset, targets, weights, penalty, loss, lower, k)
    return w[:k], float(w[k]) if biases else 0.0


def _newton(A, offset, targets, weights, penalty, loss, lower, k):
    w = np.zeros(A.shape[1])

    def value(w):
        losses = loss.value(targets, offset + A @ w)
        return weights @ losses + 0.5 * penalty @ w**2

    now = value(w)
    for _ in range(STEPS):
        z = offset + A @ w
        gradient = A.T @ (weights * loss.gradient(targets, z)) + penalty * w
        curvature = weights * loss.curvature(targets, z)
        H = (A.T * curvature) @ A
        goal = _minimum(H, penalty, H @ w + penalty * w - gradient, lower, k)
        step, share = goal - w, 1.0
        for _ in range(HALVINGS):
            then = value(w + share * step)
            if then <= now:
                break
            share *= 0.5
        else:
            return w
        w = w + share * step
        if now - then <= ENOUGH * abs(now):
            return w
        now = then
    return w


def _least_absolute(A, y, weights, penalty, lower, k):
    w = np.zeros(A.shape[1])
    d = np.abs(y).max() or 1.0
    last = ROUND_OFF * d
    while d > last:
        d *= 0.5
        for _ in range(3):
            curvature = weights / np.maximum(np.abs(A @ w - y), d)
            w = _minimum((A.T * curvature) @ A, penalty, A.T @ (curvature * y), lower, k)
    return w


def _minimum(H, penalty, c, lower, k):
    """argmin_w  w' (H + diag(penalty)) w / 2 - c . w,  w_j >= lower for j < k."""
    H = H + np.diag(penalty)
    if lower == 0.0:
        return _non_negative(H, c, k)
    try:
        return cho_solve(cho_factor(H), c)
    except LinAlgError:
        return np.linalg.lstsq(H, c, rcond=RIDGE)[0]


def _non_negative(H, c, k):
    """The same by coordinate descent on the k first, the others free."""
    w = np.zeros(len(c))
    diagonal = np.maximum(np.diag(H), np.finfo(float).tiny)
    for _ in range(1000):
        largest = 0.0
        for j in range(len(c)):
            new = w[j] + (c[j] - H[j] @ w) / diagonal[j]
            new = max(new, 0.0) if j < k else new
            largest = max(largest, abs(new - w[j]) * diagonal[j] ** 0.5)
            w[j] = new
        if largest <= 1e-9 * (1.0 + np.abs(c).max()):
            break
    return w
