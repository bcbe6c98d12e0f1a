"""Problems as they come: raw units, wild scales, rare and constant columns, classes out of balance.

`PROBLEMS` maps a name to a `HardProblem`, which knows its optimum from `reference`, in double and
by a method of its own, and how far a fitted model is from it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import reference as ref
from scipy import sparse
from sklearn import datasets

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression


@dataclass
class HardProblem:
    """An estimator with the parameters of its objective, and data.

    Attributes
    ----------
    name : str
    estimator : class
    parameters : dict
    make : callable
        Returns (X, y).
    """

    name: str
    estimator: type
    parameters: dict
    make: Callable

    @cached_property
    def data(self):
        return self.make()

    @property
    def X(self):
        return self.data[0]

    @property
    def y(self):
        return self.data[1]

    def single(self):
        """The same on the numbers as float32 has them."""
        X, y = self.data
        return replace(self, make=lambda: (X.astype(np.float32), y))

    def with_loss(self, loss):
        """The same classes under another loss."""
        own = {name: value for name, value in self.parameters.items() if name != "loss"}
        if loss == "log_loss":
            return replace(self, estimator=GDLogisticRegression, parameters=own)
        return replace(self, estimator=GDLinearSVC, parameters={"loss": loss, **own})

    def stored(self, kind):
        """X, "dense" or "csr"."""
        X = self.X.toarray() if sparse.issparse(self.X) else self.X
        return X if kind == "dense" else sparse.csr_array(X)

    def model(self, **parameters):
        """The estimator, not fitted, on this objective."""
        return self.estimator(**{**self.parameters, **parameters})

    @cached_property
    def _terms(self):
        """(targets, loss, l2, number of outputs) in the words of `reference`."""
        l2 = self.model().alpha
        if self.estimator is GDLinearRegression:
            return self.y.astype(float), ref.squared_error, l2, 1
        classes, y = np.unique(self.y, return_inverse=True)
        k = len(classes)
        if k == 2:
            y = 2.0 * y - 1.0
        if self.estimator is GDLogisticRegression:
            return y, ref.softmax if k > 2 else ref.log_loss, l2, k if k > 2 else 1
        return y, ref.BINARY[self.model().loss], l2, k if k > 2 else 1

    def objective(self, model):
        """F of a fitted model."""
        y, loss, l2, k = self._terms
        W = np.asarray(model.coef_, dtype=float).reshape(k, -1)
        return ref.objective(self.X, y, W, np.reshape(model.intercept_, k), loss, l2=l2)

    @cached_property
    def best(self):
        """F at the optimum."""
        y, loss, l2, k = self._terms
        return ref.optimum(self.X, y, loss, l2=l2, n_outputs=k)[2]

    @cached_property
    def zero(self):
        """F of the zero model with the best intercept."""
        y, loss, _, k = self._terms
        return ref.optimum(np.zeros((len(y), 1)), y, loss, n_outputs=k)[2]

    def excess(self, model):
        """(F - F*) / F*."""
        return (self.objective(model) - self.best) / max(self.best, np.finfo(float).tiny)

    def suboptimality(self, model):
        """(F - F*) / (F(0) - F*)."""
        return (self.objective(model) - self.best) / (self.zero - self.best)


PROBLEMS = {}


def problem(estimator, **parameters):
    """Enter a function that returns (X, y) under its name."""

    def enter(make):
        name = make.__name__
        PROBLEMS[name] = HardProblem(name, estimator, parameters, make)
        return make

    return enter


def design(seed, n=1000, p=10):
    """Independent columns of mean 0 and deviation 1, and a generator."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, p)), rng


def numbers(rng, X, noise=0.3):
    """Targets that all columns matter for, whatever their units."""
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-300)
    return X @ rng.normal(size=X.shape[1]) + noise * rng.normal(size=len(X))


def classes(rng, X, noise=1.0):
    """Two classes, overlapping."""
    return numbers(rng, X, noise) > 0


# ------------------------------------------------------------------- the data of scikit-learn, raw


@problem(GDLogisticRegression)
def breast_cancer():
    return datasets.load_breast_cancer(return_X_y=True)


@problem(GDLogisticRegression)
def wine():
    return datasets.load_wine(return_X_y=True)


@problem(GDLogisticRegression)
def digits():
    X, y = datasets.load_digits(return_X_y=True)
    return X[:500], y[:500]


@problem(GDLinearRegression)
def diabetes():
    return datasets.load_diabetes(return_X_y=True, scaled=False)


@problem(GDLinearSVC, loss="squared_hinge")
def breast_cancer_squared_hinge():
    return breast_cancer()


@problem(GDLinearSVC, loss="hinge")
def wine_hinge():
    return wine()


# ----------------------------------------------------------------------------- scales and shifts


def scaled(seed):
    X, rng = design(seed)
    return X * np.geomspace(1e-3, 1e5, X.shape[1]), rng


@problem(GDLinearRegression)
def scales_regression():
    X, rng = scaled(1)
    return X, numbers(rng, X)


@problem(GDLogisticRegression)
def scales_classes():
    X, rng = scaled(2)
    return X, classes(rng, X)


@problem(GDLinearRegression)
def scales_regression_float32():
    X, rng = scaled(3)
    return X.astype(np.float32), numbers(rng, X)


@problem(GDLogisticRegression)
def scales_classes_float32():
    X, rng = scaled(4)
    return X.astype(np.float32), classes(rng, X)


@problem(GDLogisticRegression)
def scales_softmax():
    X, rng = design(26, n=1500, p=60)
    z = X @ rng.normal(size=(60, 6)) / 4 + rng.gumbel(size=(1500, 6))
    return X * np.geomspace(1e-3, 1e5, 60), z.argmax(axis=1)


@problem(GDLinearSVC, loss="hinge", alpha=1e-3)
def scales_hinge():
    X, rng = scaled(5)
    X = X[:250]
    return X, classes(rng, X)


@problem(GDLinearRegression)
def far_means_regression():
    X, rng = design(6)
    return X + 1000.0, numbers(rng, X)


@problem(GDLogisticRegression)
def far_means_classes():
    X, rng = design(7)
    return X + 1000.0 * rng.choice([-1.0, 1.0], size=X.shape[1]), classes(rng, X)


@problem(GDLogisticRegression)
def constant_columns():
    X, rng = design(8)
    y = classes(rng, X)
    X[:, [1, 4]] = 0.0, 3e4
    return X, y


@problem(GDLinearRegression)
def tiny_and_huge_columns_regression():
    X, rng = design(9)
    X[:, :2] *= 1e-12, 1e9
    return X, numbers(rng, X)


@problem(GDLogisticRegression)
def tiny_and_huge_columns_classes():
    X, rng = design(10)
    X[:, :2] *= 1e-12, 1e9
    return X, classes(rng, X)


@problem(GDLinearRegression)
def outlier_regression():
    X, rng = design(11)
    y = numbers(rng, X)
    X[17, 3] = 1e9
    return X, y


@problem(GDLogisticRegression)
def outlier_classes():
    X, rng = design(12)
    y = classes(rng, X)
    X[17, 3] = 1e9
    return X, y


@problem(GDLinearRegression)
def targets_of_millions():
    X, rng = design(13)
    return X * np.geomspace(0.1, 1e4, X.shape[1]), 3e6 + 1e6 * numbers(rng, X)


# --------------------------------------------------------------------------------------- shapes


@problem(GDLinearRegression, alpha=0.1)
def more_columns_than_rows_regression():
    X, rng = design(14, n=80, p=200)
    return X, numbers(rng, X[:, :10])


@problem(GDLogisticRegression, alpha=0.01)
def more_columns_than_rows_classes():
    X, rng = design(15, n=80, p=200)
    return X, classes(rng, X[:, :10])


@problem(GDLogisticRegression)
def counts_of_thousands():
    rng = np.random.default_rng(16)
    X = rng.poisson(rng.gamma(2.0, 2000.0, size=(1000, 12))).astype(float)
    return X, classes(rng, X)


def ill_conditioned(seed, condition, p=30):
    """Columns of unit size whose correlation has this condition number."""
    X, rng = design(seed, n=2000, p=p)
    rotation = np.linalg.qr(rng.normal(size=(p, p)))[0]
    return X * np.geomspace(1.0, condition**-0.5, p) @ rotation, rng


@problem(GDLinearRegression)
def ill_conditioned_regression():
    X, rng = ill_conditioned(17, 1e4)
    return X, numbers(rng, X)


@problem(GDLogisticRegression, alpha=1e-5)
def ill_conditioned_classes():
    X, rng = ill_conditioned(18, 1e4)
    return X, classes(rng, X)


@problem(GDLogisticRegression, alpha=1e-6)
def ill_conditioned_many_columns():
    X, rng = ill_conditioned(25, 1e6, p=320)
    return X, classes(rng, X)


@problem(GDLinearRegression)
def heavy_tails():
    rng = np.random.default_rng(19)
    X = np.exp(1.5 * rng.normal(size=(2000, 8)))
    y = numbers(rng, np.log(X)) + 0.5 * np.exp(1.5 * rng.normal(size=2000))
    return X, y


# ------------------------------------------------------------------------------- sparse and rare


def text(seed, n=1000, p=500):
    """Rows of unit length over words as frequent as Zipf says, weighed by rarity; two topics."""
    rng = np.random.default_rng(seed)
    frequent = 1.0 / np.arange(1, p + 1)
    tilt = rng.normal(size=p)
    y = rng.random(n) < 0.4
    X = np.zeros((n, p))
    for i in range(n):
        words = frequent * np.exp(0.7 * tilt * (1 if y[i] else -1))
        X[i] = rng.multinomial(rng.integers(5, 40), words / words.sum())
    X *= np.log(n / (1.0 + np.count_nonzero(X, axis=0))) + 1.0
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return sparse.csr_matrix(X), y


@problem(GDLogisticRegression, alpha=1e-5)
def text_weakly_regularised():
    return text(20)


@problem(GDLogisticRegression)
def text_classes():
    return text(21)


@problem(GDLinearSVC, loss="squared_hinge")
def text_squared_hinge():
    return text(22)


@problem(GDLogisticRegression, alpha=1e-3)
def one_hot():
    rng = np.random.default_rng(23)
    levels = [(rng.pareto(1.0, size=1500) * 3).astype(int) % 40 for _ in range(6)]
    X = np.hstack([np.eye(40)[level] for level in levels])
    z = X @ rng.normal(size=X.shape[1]) + rng.logistic(size=len(X))
    return sparse.csr_matrix(X), z > np.quantile(z, 0.7)


@problem(GDLogisticRegression)
def rare_positives():
    X, rng = design(24, n=3000)
    X *= np.geomspace(1.0, 1e3, X.shape[1])
    z = numbers(rng, X, noise=1.5)
    return X, z > np.quantile(z, 0.99)
