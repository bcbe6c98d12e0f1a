"""The problems of `optimum`: generated data, and the objective F that all sides share.

F(W) = mean_i loss(y_i, W x_i) + alpha |W|^2 / 2, or + alpha |W|_1; no intercept.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.special import logsumexp
from sklearn.datasets import load_digits

LOSSES = {
    "squared_error": lambda y, z: (z[:, 0] - y) ** 2 / 2,
    "log_loss": lambda y, z: np.logaddexp(0, -y * z[:, 0]),
    "hinge": lambda y, z: np.maximum(0, 1 - y * z[:, 0]),
    "squared_hinge": lambda y, z: np.maximum(0, 1 - y * z[:, 0]) ** 2,
    "multinomial": lambda y, z: logsumexp(z, axis=1) - z[np.arange(len(y)), y],
}


@dataclass(frozen=True)
class Problem:
    """What is minimised, on which data, against whom."""

    what: str
    draw: Callable  # (rng, scale) -> X, y
    loss: str
    alpha: float
    peers: tuple  # names in sides.SIDES
    reference: tuple  # (side, tol) of the long run that F* is taken from
    penalty: str = "l2"
    dtype: str = "float64"

    def data(self, scale, seed):
        X, y = self.draw(np.random.default_rng(seed), scale)
        return X.astype(self.dtype, copy=False), y

    def objective(self, X, y, W):
        """F(W), in double precision whatever the data are."""
        W = np.atleast_2d(np.asarray(W, dtype=np.float64))
        norm = np.abs(W).sum() if self.penalty == "l1" else (W**2).sum() / 2
        return float(LOSSES[self.loss](y, X @ W.T).mean() + self.alpha * norm)

    def at_zero(self, X, y):
        outputs = np.max(y) + 1 if self.loss == "multinomial" else 1
        return self.objective(X, y, np.zeros((outputs, X.shape[1])))


# -- targets ---------------------------------------------------------------------------------------


def classes(rng, z):
    """-1 or +1 with the odds exp(z)."""
    return np.where(rng.random(len(z)) < 1 / (1 + np.exp(-z)), 1, -1)


def noisy(rng, z):
    return z + z.std() * rng.standard_normal(len(z))


# -- dense data ------------------------------------------------------------------------------------


def dense(n, p, condition, target, spread=2.0, support=1.0):
    """Normal rows whose covariance has eigenvalues 1 to 1 / condition along random directions.

    The scores of the true model deviate by `spread`; a share `support` of its weights is not zero.
    """

    def draw(rng, scale):
        rows = max(int(n * scale), 1000)
        turn = np.linalg.qr(rng.standard_normal((p, p)))[0]
        X = (rng.standard_normal((rows, p)) * np.geomspace(1, condition**-0.5, p)) @ turn
        weights = rng.standard_normal(p) * (rng.random(p) < support)
        z = X @ weights
        return X, target(rng, spread * z / z.std())

    return draw


def raw_scales(n, p, target):
    """Columns whose units differ by seven orders of magnitude."""

    def draw(rng, scale):
        X, y = dense(n, p, 10, target)(rng, scale)
        return X * rng.permutation(np.geomspace(1e-3, 1e4, p)), y

    return draw


def images(n, p, k, latent=60):
    """Values in 0..1, most of them dark, that a few latent factors explain; k classes."""

    def draw(rng, scale):
        rows = max(int(n * scale), 1000)
        factors = rng.standard_normal((rows, latent))
        X = factors @ rng.standard_normal((latent, p)) / np.sqrt(latent)
        X = np.clip(X + 0.3 * rng.standard_normal((rows, p)) - 0.5, 0, 1)
        Z = 3 * factors @ rng.standard_normal((latent, k)) / np.sqrt(latent)
        return X, np.argmax(Z + rng.gumbel(size=Z.shape), axis=1)

    return draw


def digits(rng, scale):
    return load_digits(return_X_y=True)


# -- sparse data -----------------------------------------------------------------------------------


def text(n, p, nnz, target):
    """Rows of unit norm, about nnz entries each, word frequencies with a long tail: tf-idf."""

    def draw(rng, scale):
        rows = max(int(n * scale), 1000)
        lengths = rng.poisson(nnz, rows) + 1
        words = np.minimum(p * rng.random(lengths.sum()) ** 3, p - 1).astype(np.int32)
        idf = 1 + np.log(p / (1 + np.arange(p)[::-1]))
        X = csr(words, lengths, idf[words], p)
        norms = np.sqrt(X.multiply(X).sum(axis=1)).A1
        X.data /= np.repeat(norms, np.diff(X.indptr))
        z = X @ rng.standard_normal(p)
        return X, target(rng, 3 * z / z.std())

    return draw


def flags(n, p, nnz, positive, target):
    """A few of p yes-or-no attributes, the common ones far more often; few positives."""

    def draw(rng, scale):
        rows = max(int(n * scale), 1000)
        lengths = rng.poisson(nnz, rows) + 1
        which = np.minimum(p * rng.random(lengths.sum()) ** 2, p - 1).astype(np.int32)
        X = csr(which, lengths, np.ones(len(which)), p)
        X.data[:] = 1
        z = X @ rng.standard_normal(p)
        return X, target(rng, threshold(2 * z / z.std(), positive))

    return draw


def click_log(n, p, fields, positive):
    """One-hot: of each field one value, fields from two values to most of the p; few positives."""

    def draw(rng, scale):
        rows = max(int(n * scale), 1000)
        sizes = np.geomspace(2, p, fields)
        sizes = np.maximum(2, sizes * p / sizes.sum()).astype(np.int64)
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        values = (sizes * rng.random((rows, fields)) ** 4).astype(np.int64)
        columns = (first + values).astype(np.int32).ravel()
        X = csr(columns, np.full(rows, fields), np.ones(rows * fields), p)
        z = X @ rng.standard_normal(p)
        return X, classes(rng, threshold(1.5 * z / z.std(), positive))

    return draw


def csr(columns, lengths, data, p):
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    X = sparse.csr_matrix((data, columns, indptr), shape=(len(lengths), p))
    X.sum_duplicates()
    return X


def threshold(z, positive):
    """z shifted so that a share `positive` of the classes drawn from it is +1."""
    low, high = -50.0, 50.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        above = (1 / (1 + np.exp(-(z + middle)))).mean() > positive
        low, high = (low, middle) if above else (middle, high)
    return z + low


# -- the table -------------------------------------------------------------------------------------

TRON = "liblinear TRON"
DUAL = "liblinear dual"
INTELEX = "intelex lbfgs"
LONG_TEXT = text(200_000, 50_000, 85, classes)
WEB = flags(40_000, 300, 12, 0.03, classes)

PROBLEMS = {
    "dense-logistic": Problem(
        "dense 200k x 100",
        dense(200_000, 100, 10, classes),
        "log_loss",
        5e-6,
        (INTELEX, "lbfgs", "newton-cholesky", "snapml primal"),
        ("newton-cholesky", 1e-10),
    ),
    "ill-logistic": Problem(
        "dense 20k x 1000, condition 1e4",
        dense(20_000, 1000, 1e4, classes),
        "log_loss",
        5e-5,
        ("cyanure", "newton-cholesky", "lbfgs", INTELEX),
        ("newton-cholesky", 1e-10),
    ),
    "sparse-logistic": Problem(
        "sparse 200k x 50k, 85 a row",
        LONG_TEXT,
        "log_loss",
        5e-6,
        (DUAL, TRON, "snapml primal"),
        (TRON, 1e-7),
    ),
    "flags-logistic": Problem(
        "sparse 40k x 300, binary",
        WEB,
        "log_loss",
        1 / 40_000,
        (DUAL, TRON, "snapml primal", "newton-cholesky"),
        (TRON, 1e-9),
    ),
    "text-logistic": Problem(
        "sparse 4.5k x 50k, 15 a row",
        text(4_500, 50_000, 15, classes),
        "log_loss",
        1 / 4_500,
        (DUAL, TRON, "snapml primal", "snapml dual", "cyanure"),
        (TRON, 1e-9),
    ),
    "dense-squared": Problem(
        "dense 200k x 100",
        dense(200_000, 100, 10, noisy),
        "squared_error",
        1 / 200_000,
        ("intelex ridge", "Ridge cholesky"),
        ("Ridge cholesky", None),
    ),
    "raw-squared": Problem(
        "dense 50k x 30, scales 1e-3 to 1e4",
        raw_scales(50_000, 30, noisy),
        "squared_error",
        1 / 50_000,
        ("intelex ridge", "Ridge cholesky"),
        ("Ridge cholesky", None),
    ),
    "ill-squared": Problem(
        "dense 20k x 1000, condition 1e4",
        dense(20_000, 1000, 1e4, noisy),
        "squared_error",
        1 / 20_000,
        ("intelex ridge", "Ridge cholesky"),
        ("Ridge cholesky", None),
    ),
    "softmax": Problem(
        "dense 30k x 784, 10 classes",
        images(30_000, 784, 10),
        "multinomial",
        1e-4,
        (INTELEX, "lbfgs", "newton-cg"),
        ("newton-cg", 1e-7),
    ),
    "softmax-digits": Problem(
        "digits, raw",
        digits,
        "multinomial",
        1 / 1797,
        (INTELEX, "lbfgs", "newton-cg", "cyanure"),
        ("newton-cg", 1e-9),
    ),
    "sparse-hinge": Problem(
        "sparse 200k x 50k, 85 a row",
        LONG_TEXT,
        "hinge",
        5e-6,
        (DUAL, "LinearSVC", "snapml svm"),
        (DUAL, 1e-5),
    ),
    "flags-squared-hinge": Problem(
        "sparse 40k x 300, binary",
        WEB,
        "squared_hinge",
        1 / 40_000,
        (DUAL, TRON, "LinearSVC"),
        (TRON, 1e-9),
    ),
    "sparse-l1-logistic": Problem(
        "sparse 200k x 50k, 85 a row",
        LONG_TEXT,
        "log_loss",
        5e-6,
        ("liblinear newGLMNET", "cyanure", "celer"),
        ("liblinear newGLMNET", 1e-6),
        penalty="l1",
    ),
    "lasso": Problem(
        "dense 20k x 1000",
        dense(20_000, 1000, 100, noisy, support=0.1),
        "squared_error",
        0.034,
        ("Lasso", "skglm", "celer"),
        ("Lasso", 1e-11),
        penalty="l1",
    ),
    "clicks-logistic": Problem(
        "one-hot 500k x 1M, 30 a row, 3 % positive",
        click_log(500_000, 1_000_000, 30, 0.03),
        "log_loss",
        2e-6,
        (DUAL, "cyanure", "snapml dual", TRON),
        (TRON, 1e-6),
    ),
}
# The same in single precision.
for row in ("dense-logistic", "sparse-logistic", "dense-squared", "softmax"):
    PROBLEMS[f"{row}-float32"] = replace(PROBLEMS[row], dtype="float32")
