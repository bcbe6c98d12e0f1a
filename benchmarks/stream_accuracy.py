"""How near to the optimum one pass of partial_fit over 50,000 rows comes.

    python -m benchmarks accuracy                            # what "auto" takes
    python -m benchmarks.stream_accuracy adagrad ftrl ...    # rules by name

Each figure is (F - F*) / (F(0) - F*) in percent, F(0) with the best intercept. Rows come 1,000 at a
time, in raw units; alpha = 1/n. "jump" streams change their units by 1000 in the middle, and F is
that of the second half; those of sparse rows end in units of one, where the penalty is neither
nothing nor everything. "growth" streams change theirs by so much from row to row until they come to
one, and F is that of all rows in the last units. Beside it, scikit-learn's SGD with its defaults.

The positives of "rare positives" are those above a quantile. F(0) knows their share, so that all
that counts is what columns say: of 50 rows among 50,000 a second-order method (an extended Kalman
filter that knows the metric) leaves 11 % in one pass. "units of some columns" change in the middle
by 1000, those of every third column, and F is that of the second half. Columns of "drifting means"
move on by a thousand deviations in all, y does not heed it, and F is that of all rows about the
last means. An exact fit of the last half of these rows leaves .5 %, of the last 1000 rows 3 %.
"""

import sys
import warnings

import numpy as np
from scipy import sparse
from sklearn.linear_model import SGDClassifier, SGDRegressor

from sgdlearn import GDLinearRegression, GDLogisticRegression

N, CHUNK = 50_000, 1000


def dense(rng, p=30, tails=0.0):
    X = rng.normal(size=(N, p)) @ (np.eye(p) + 0.1 * rng.normal(size=(p, p)))
    return np.exp(tails * X) if tails else X


def numbers(rng, X):
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    return Z @ rng.normal(size=X.shape[1]) + rng.normal(size=len(X))


def classes(rng, X):
    z = numbers(rng, X)
    return (z + rng.logistic(size=len(X)) > 0).astype(int)


def rare_classes(rng, X, share):
    z = numbers(rng, X) + rng.logistic(size=len(X))
    return (z > np.quantile(z, 1.0 - share)).astype(int)


def text(rng, p=20_000, length=30):
    words = np.minimum((rng.pareto(0.6, size=(N, length)) * 20).astype(int), p - 1)
    X = sparse.csr_matrix((np.ones(N * length), words.ravel(), np.arange(N + 1) * length), (N, p))
    X.sum_duplicates()
    X = sparse.csr_matrix(X.multiply(1 + np.log(N / (1 + X.getnnz(axis=0)))))
    X = sparse.csr_matrix(X.multiply(1 / sparse.linalg.norm(X, axis=1)[:, None]))
    z = X @ (8 * rng.normal(size=p)) + 0.5 * rng.logistic(size=N)
    return X, (z > np.median(z)).astype(int)


def one_hot(rng):
    levels = [(rng.pareto(1.0, size=N) * 5).astype(int) % 500 + 500 * j for j in range(10)]
    X = sparse.csr_matrix((np.ones(10 * N), np.ravel(levels, "F"), np.arange(N + 1) * 10))
    z = X @ rng.normal(size=X.shape[1]) + rng.logistic(size=N)
    return X, (z > np.quantile(z, 0.8)).astype(int)


def in_units(X, units):
    """Rows in units of their own."""
    return sparse.csr_matrix(X.multiply(units)) if sparse.issparse(X) else units * X


def streams(rng):
    """(name, kind, X, y, the X and y of F)."""
    X, wild = dense(rng), np.geomspace(1e-3, 1e4, 30)
    time, half = np.arange(N)[:, None] / N, N // 2

    def whole(name, kind, X, y):
        return name, kind, X, y, X, y

    yield whole("dense", "classes", X, classes(rng, X))
    yield whole("scales, far means", "classes", X * wild + 100 * wild, classes(rng, X))
    yield whole("scales, far means", "numbers", X * wild + 100 * wild, numbers(rng, X))
    heavy = dense(rng, 10, tails=1.0)
    yield whole("heavy tails", "numbers", heavy, numbers(rng, np.log(heavy)))
    for factor in (1e3, 1e-3):
        jump = np.where(time < 0.5, 1.0, factor) * X
        for kind, targets in (("classes", classes), ("numbers", numbers)):
            y = targets(rng, X)
            yield f"jump by {factor:g}", kind, jump, y, jump[half:], y[half:]
    pairs = {"text": text(rng), "one-hot": one_hot(rng)}
    for name, (S, y) in pairs.items():
        yield whole(name, "classes", S, y)
    for name, (S, y) in pairs.items():
        for factor in (1e3, 1e-3):
            jump = in_units(S, np.where(time < 0.5, 1.0 / factor, 1.0))
            yield f"{name}, jump by {factor:g}", "classes", jump, y, S[half:], y[half:]
    pairs["dense"] = X, classes(rng, X)
    for name, (S, y) in pairs.items():
        for factor in (1e3, 1e-3):
            yield (
                f"{name}, growth by {factor:g}",
                "classes",
                in_units(S, factor ** (time - 1)),
                y,
                S,
                y,
            )
    for share in (0.01, 0.001):
        yield whole(f"rare positives, {100 * share:g} %", "classes", X, rare_classes(rng, X, share))
    units = np.where(np.arange(X.shape[1]) % 3 == 0, 1e3, 1.0)
    drift = 1e3 * X.std(axis=0)
    for kind, targets in (("classes", classes), ("numbers", numbers)):
        y = targets(rng, X)
        some = np.where(time < 0.5, 1.0, units) * X
        yield "units of some columns", kind, some, y, some[half:], y[half:]
        yield "drifting means", kind, X + drift * time, y, X + drift, y


def objective(kind, X, y, w, b, alpha):
    z = X @ w + b
    loss = (z - y) ** 2 / 2 if kind == "numbers" else np.logaddexp(0, -(2 * y - 1) * z)
    return loss.mean() + alpha / 2 * w @ w


def suboptimality(kind, model, X, y, alpha):
    exact = (GDLinearRegression if kind == "numbers" else GDLogisticRegression)(
        alpha=alpha, tol=1e-8
    ).fit(X, y)
    rate = y.mean()
    zero = y.var() / 2 if kind == "numbers" else -np.log(rate**rate * (1 - rate) ** (1 - rate))
    best, reached = (
        objective(kind, X, y, np.ravel(m.coef_), np.ravel(m.intercept_)[0], alpha)
        for m in (exact, model)
    )
    return 100 * (reached - best) / (zero - best)


def one_pass(model, X, y):
    known = {"classes": [0, 1]} if y.dtype == int else {}
    for start in range(0, N, CHUNK):
        model.partial_fit(X[start : start + CHUNK], y[start : start + CHUNK], **known)
    return model


def run(*optimizers):
    optimizers = optimizers or ("auto",)
    warnings.simplefilter("ignore")
    print(f"{'stream':25s}{'':9s}" + "".join(f"{o:>15s}" for o in [*optimizers, "scikit-learn"]))
    for name, kind, X, y, *last in streams(np.random.default_rng(0)):
        alpha = 1 / N
        ours = GDLinearRegression if kind == "numbers" else GDLogisticRegression
        models = [ours(optimizer=optimizer, alpha=alpha) for optimizer in optimizers]
        theirs = SGDRegressor if kind == "numbers" else SGDClassifier
        models.append(
            SGDRegressor(alpha=alpha)
            if theirs is SGDRegressor
            else SGDClassifier(loss="log_loss", alpha=alpha)
        )
        row = [suboptimality(kind, one_pass(m, X, y), *last, alpha) for m in models]
        print(f"{name:25s}{kind:9s}" + "".join(f"{value:15.3g}" for value in row), flush=True)


if __name__ == "__main__":
    run(*sys.argv[1:])
