"""SAG, SAGA and SVRG in plain NumPy: every row moves every coordinate, one after the other.

``slope(i, z)`` is the derivative of row i's loss at predictions z of shape (k,), ``weights`` are
the s_i with mean one, ``order`` lists the visits of all passes, pass by pass. Each yields (W, b)
after every pass.
"""

import numpy as np


def prox(U, t1, t2, lower):
    return np.maximum(lower, np.sign(U) * np.maximum(np.abs(U) - t1, 0.0) / (1.0 + t2))


def all_slopes(X, slope, W, b):
    return np.array([slope(i, W @ X[i] + b) for i in range(len(X))])


def saga(X, slope, weights, W, b, order, rate, l1=0.0, l2=0.0, lower=-np.inf, intercept=True):
    n = len(X)
    table = all_slopes(X, slope, W, b)
    G, gb = (weights[:, None] * table).T @ X / n, weights @ table / n
    for visits in order:
        for i in visits:
            new = slope(i, W @ X[i] + b)
            delta = weights[i] * (new - table[i])
            W = prox(W - rate * (np.outer(delta, X[i]) + G), rate * l1, rate * l2, lower)
            b = b - rate * (delta + gb) * intercept
            G, gb = G + np.outer(delta, X[i]) / n, gb + delta / n
            table[i] = new
        yield W, b


def sag(X, slope, weights, W, b, order, rate, l1=0.0, l2=0.0, lower=-np.inf, intercept=True):
    n = len(X)
    table = all_slopes(X, slope, W, b)
    G, gb = (weights[:, None] * table).T @ X / n, weights @ table / n
    for visits in order:
        for i in visits:
            new = slope(i, W @ X[i] + b)
            delta = weights[i] * (new - table[i])
            G, gb = G + np.outer(delta, X[i]) / n, gb + delta / n
            table[i] = new
            W = prox(W - rate * G, rate * l1, rate * l2, lower)
            b = b - rate * gb * intercept
        yield W, b


def svrg(X, slope, weights, W, b, order, rate, l1=0.0, l2=0.0, lower=-np.inf, intercept=True):
    n = len(X)
    for visits in order:
        table = all_slopes(X, slope, W, b)
        G, gb = (weights[:, None] * table).T @ X / n, weights @ table / n
        for i in visits:
            delta = weights[i] * (slope(i, W @ X[i] + b) - table[i])
            W = prox(W - rate * (np.outer(delta, X[i]) + G), rate * l1, rate * l2, lower)
            b = b - rate * (delta + gb) * intercept
        yield W, b
