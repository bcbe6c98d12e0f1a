"""Small problems that many tests share."""

import os
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_blas_thread_a_worker():
    """Workers of pytest-xdist fill the cores: BLAS threads beside them wait for one another."""
    among_others = "PYTEST_XDIST_WORKER" in os.environ
    with threadpool_limits(1 if among_others else None, user_api="blas"):
        yield


@dataclass
class Problem:
    """Dense rows with many zeros (one row and no column all zero), targets and weights."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray

    @property
    def csr(self):
        return sparse.csr_matrix(self.X)

    @property
    def order(self):
        """Three passes in different orders."""
        rng = np.random.default_rng(7)
        return [rng.permutation(len(self.X)) for _ in range(3)]


def rows(rng, n=60, p=6):
    X = rng.normal(loc=0.3, size=(n, p)) * np.geomspace(0.5, 4.0, p)
    X[rng.random((n, p)) < 0.4] = 0.0
    X[n // 2] = 0.0
    return X


def scores(rng, X, k):
    """Linear scores of unit size with noise."""
    Z = X @ rng.normal(size=(X.shape[1], k)) + rng.normal(size=k)
    return Z / Z.std(axis=0) + 0.5 * rng.normal(size=Z.shape)


def weights(rng, n):
    return rng.integers(1, 4, size=n).astype(float)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def regression(rng):
    """y (n,), real numbers."""
    X = rows(rng)
    return Problem(X, scores(rng, X, 1)[:, 0], weights(rng, len(X)))


@pytest.fixture
def multi_output(rng):
    """y (n, 3), real numbers."""
    X = rows(rng)
    return Problem(X, scores(rng, X, 3), weights(rng, len(X)))


@pytest.fixture
def binary(rng):
    """y (n,), -1.0 or +1.0; not separable."""
    X = rows(rng)
    z = scores(rng, X, 1)[:, 0]
    return Problem(X, np.where(z > np.median(z), 1.0, -1.0), weights(rng, len(X)))


@pytest.fixture
def multiclass(rng):
    """y (n,), class numbers 0, 1, 2; not separable."""
    X = rows(rng)
    return Problem(X, scores(rng, X, 3).argmax(axis=1), weights(rng, len(X)))


@pytest.fixture(params=["dense", "csr"])
def stored(request):
    """Puts dense rows the way they are to be stored."""
    return {"dense": np.ascontiguousarray, "csr": sparse.csr_matrix}[request.param]
