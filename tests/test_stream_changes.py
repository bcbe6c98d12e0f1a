"""A stream whose parameters, shapes or memory change under it."""

import pickle

import numpy as np
import pytest

from sgdlearn import GDLinearRegression, GDLogisticRegression
from sgdlearn.optimizers import SGD, Adam

CLASSES = {"classes": [0, 1]}


@pytest.fixture
def three(rng):
    X = rng.standard_normal((200, 5))
    return X, (X[:, 0] > 0).astype(int), np.digitize(X[:, 0], [-0.5, 0.5])


def sgd(**changes):
    fixed = {"optimizer": "sgd", "learning_rate": 0.1, "max_iter": 3, "tol": None}
    return GDLogisticRegression(**fixed, shuffle=False).set_params(**changes)


@pytest.mark.parametrize(
    "optimizer, change", [(SGD(), {"momentum": 0.9}), (Adam(), {"amsgrad": True})]
)
def test_an_optimizer_that_needs_more_memory(optimizer, change, three):
    X, y, _ = three
    change = {f"optimizer__{name}": value for name, value in change.items()}
    streamed = sgd(optimizer=optimizer).partial_fit(X, y, **CLASSES)
    begun_anew = sgd(optimizer=optimizer).set_params(**change)
    begun_anew.coef_, begun_anew.intercept_ = streamed.coef_, streamed.intercept_
    begun_anew.classes_, begun_anew.n_features_in_, begun_anew.t_ = streamed.classes_, 5, 200
    streamed.set_params(**change).partial_fit(X, y)
    np.testing.assert_array_equal(streamed.coef_, begun_anew.partial_fit(X, y).coef_)


def test_fit_of_fewer_classes_between_chunks(three):
    X, two, many = three
    model = sgd().partial_fit(X, many, classes=[0, 1, 2]).fit(X, two).partial_fit(X, two)
    same = sgd().fit(X, two).partial_fit(X, two)
    np.testing.assert_array_equal(model.coef_, same.coef_)


def test_the_optimizer_that_was_used_is_a_copy(three):
    X, y, _ = three
    own = Adam()
    model = sgd(optimizer=own).fit(X, y)
    own.beta1 = 0.1
    assert model.optimizer_.beta1 == 0.9


def test_a_model_in_read_only_memory_learns_on(three):
    X, y, _ = three
    model = sgd().partial_fit(X, y, **CLASSES)
    buffers = []
    body = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
    frozen = pickle.loads(body, buffers=[bytes(b.raw()) for b in buffers])
    model.partial_fit(X, y)
    np.testing.assert_array_equal(frozen.partial_fit(X, y).coef_, model.coef_)


def test_balanced_weights_count_the_rows_of_fit(three):
    X, y, _ = three
    rare = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:5]]
    model = sgd(class_weight="balanced").fit(X[rare], y[rare])
    counts = np.bincount(y[rare])
    model.partial_fit(X[:10], np.zeros(10, dtype=int))
    seen = counts + [10, 0]
    by_hand = sgd(class_weight="balanced").fit(X[rare], y[rare])
    by_hand.set_params(class_weight=None)
    weight = seen.sum() / (2 * seen[0])
    by_hand.partial_fit(X[:10], np.zeros(10, dtype=int), sample_weight=np.full(10, weight))
    np.testing.assert_allclose(model.coef_, by_hand.coef_, rtol=1e-12)


def test_a_chunk_without_weight_keeps_the_shape(three):
    X, y, _ = three
    model = GDLinearRegression(optimizer="sgd", learning_rate=0.01).partial_fit(X, y)
    model.partial_fit(X[:1], y[:1, None], sample_weight=[0.0])
    assert model.partial_fit(X, y).coef_.shape == (5,)
