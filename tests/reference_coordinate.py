"""Coordinate descent in plain NumPy: the model's matrix in full, one coordinate after the other."""

import numpy as np


def prox(u, t1, t2, lower):
    return max(lower, np.sign(u) * max(abs(u) - t1, 0.0) / (1.0 + t2))


def model(X, D, a, *, intercept):
    """H and g of the mean loss with curvatures D and slopes a; the intercept at its best.

    1/2 sum_i D_i (x_i . d + d0)^2 + a_i (x_i . d + d0), least over d0.
    """
    A = X
    if intercept:
        A = X - D @ X / D.sum()
        a = a - D * (a.sum() / D.sum())
    return A.T @ (D[:, None] * A), A.T @ a


def visits(H, g, w, order, t1, t2, lower=-np.inf):
    """(w, g, gain) after the visits of one round."""
    w, g, gain = w.copy(), g.copy(), 0.0
    for j in order:
        h = H[j, j]
        if h <= 0.0:
            continue
        delta = prox(w[j] - g[j] / h, t1[j] / h, t2[j] / h, lower) - w[j]
        w[j] += delta
        g += H[j] * delta
        gain += (h + t2[j]) * delta**2
    return w, g, gain


def minimum(H, g, w0, t1, t2, lower=-np.inf, rounds=5000):
    """argmin_w 1/2 (w - w0)' H (w - w0) + g . (w - w0) + sum_j t1_j |w_j| + t2_j / 2 w_j^2."""
    w = w0
    for _ in range(rounds):
        w, g, gain = visits(H, g, w, range(len(w)), t1, t2, lower)
        if gain < 1e-30:
            break
    return w


def fit(X, loss, y, shares, w, b, t1, t2, lower=-np.inf, *, intercept=True, steps=100):
    """Proximal Newton steps on all columns, each halved until F falls."""

    def value(w, b):
        return shares @ loss.value(y, X @ w + b) + t1 @ np.abs(w) + 0.5 * t2 @ w**2

    for _ in range(steps):
        z = X @ w + b
        a = shares * loss.gradient(y, z)
        D = shares * (loss.curvature(y, z) + 1e-6)
        H, g = model(X, D, a, intercept=intercept)
        delta = minimum(H, g, w, t1, t2, lower) - w
        db = -(a.sum() + D @ (X @ delta)) / D.sum() if intercept else 0.0
        length = 1.0
        while length > 1e-9 and value(w + length * delta, b + length * db) > value(w, b):
            length /= 2.0
        w, b = w + length * delta, b + length * db
        if length * np.linalg.norm(X @ delta + db) < 1e-13 * (1.0 + np.linalg.norm(z)):
            break
    return w, b
