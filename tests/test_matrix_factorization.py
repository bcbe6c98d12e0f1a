"""GDMatrixFactorization: ids in, predictions and recommendations out."""

import ast
import copy
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import optimize, sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline

from sgdlearn import GDMatrixFactorization, losses, optimizers, schedules
from sgdlearn._compat import HAS_CALLBACKS
from sgdlearn._solvers.factorization import solve
from sgdlearn.metrics import RankingScorer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
N_USERS, N_ITEMS = 40, 30
RULES = ["rpcs", "sgd", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam", "ftrl",
         "schedule_free"]  # fmt: skip


@pytest.fixture(scope="module")
def ratings():
    """(X, y): 900 ratings of rank 3, ids from 100 and from 500 on."""
    rng = np.random.default_rng(3)
    cells = rng.choice(N_USERS * N_ITEMS, size=900, replace=False)
    users, items = np.divmod(cells, N_ITEMS)
    P, Q = 0.8 * rng.normal(size=(N_USERS, 3)), 0.8 * rng.normal(size=(N_ITEMS, 3))
    b, c = 0.5 * rng.normal(size=N_USERS), 0.5 * rng.normal(size=N_ITEMS)
    y = 3.0 + b[users] + c[items] + (P[users] * Q[items]).sum(axis=1)
    return np.column_stack([100 + users, 500 + items]), y + 0.1 * rng.normal(size=len(y))


def model_of(**parameters):
    defaults = {"n_factors": 4, "max_iter": 5, "tol": None, "alpha": 0.02, "random_state": 0}
    return GDMatrixFactorization(**{**defaults, **parameters})


def state_of(model):
    """All that could change, in values."""
    m = model._model
    return pickle.dumps(
        [m.users.values[: m.users.n], m.items.values[: m.items.n], m.mean, m.t, m.users.n,
         m.items.n, model.users_.tolist(), model.items_.tolist(),
         model.recommend(model.users_[:5], 3)[0].tolist()]
    )  # fmt: skip


# what it learns


def test_learns_and_predicts(ratings):
    X, y = ratings
    model = model_of(max_iter=40).fit(X, y)
    assert model.score(X, y) > 0.95
    assert model.mean_ == pytest.approx(y.mean())
    P, Q = model.user_factors_, model.item_factors_
    u = {user: i for i, user in enumerate(model.users_)}
    v = {item: i for i, item in enumerate(model.items_)}
    rows = np.array([(u[a], v[b]) for a, b in X]).T
    z = model.mean_ + model.user_bias_[rows[0]] + model.item_bias_[rows[1]]
    z += (P[rows[0]] * Q[rows[1]]).sum(axis=1)
    np.testing.assert_allclose(model.predict(X), z, rtol=1e-5)
    assert model.predict(X).dtype == np.float64
    assert P.dtype == np.float32 and P.shape == (N_USERS, 4)
    assert len(model.loss_curve_) == model.n_iter_ == 40
    assert model.t_ == 40 * len(X)


def objective(model, X, y):
    rows = model._users.find_values(X[:, 0]), model._items.find_values(X[:, 1])
    loss = 0.5 * (model.predict(X) - y) ** 2
    squares = (model.user_factors_.astype(float) ** 2).sum(1)[rows[0]]
    squares += (model.item_factors_.astype(float) ** 2).sum(1)[rows[1]]
    biases = model.user_bias_.astype(float)[rows[0]] ** 2
    biases += model.item_bias_.astype(float)[rows[1]] ** 2
    return np.mean(loss + 0.5 * model.alpha * squares + 0.5 * model.alpha_bias * biases)


def alternating(model, X, y, sweeps=200):
    """The objective where alternating least squares ends, from the model's start."""
    k = model.n_factors
    u = np.unique(X[:, 0], return_inverse=True)[1]
    v = np.unique(X[:, 1], return_inverse=True)[1]
    rng = np.random.default_rng(0)
    P = np.column_stack([0.1 * rng.normal(size=(u.max() + 1, k)), np.zeros(u.max() + 1)])
    Q = np.column_stack([0.1 * rng.normal(size=(v.max() + 1, k)), np.zeros(v.max() + 1)])
    penalty = np.diag([model.alpha] * k + [model.alpha_bias])
    r = y - y.mean()
    for _ in range(sweeps):
        for own, other, mine, theirs in ((P, Q, u, v), (Q, P, v, u)):
            for row in range(len(own)):
                at = mine == row
                A = np.column_stack([other[theirs[at], :k], np.ones(at.sum())])
                c = r[at] - other[theirs[at], k]
                own[row] = np.linalg.solve(A.T @ A + at.sum() * penalty, A.T @ c)
    z = (P[u, :k] * Q[v, :k]).sum(1) + P[u, k] + Q[v, k]
    weights = np.array([model.alpha] * k + [model.alpha_bias])
    return np.mean(0.5 * (z - r) ** 2 + 0.5 * (P[u] ** 2 + Q[v] ** 2) @ weights)


def test_arrives_where_alternating_least_squares_does(ratings):
    X, y = ratings
    model = model_of(max_iter=400, alpha=0.1, alpha_bias=0.05, dtype=np.float64).fit(X, y)
    best = alternating(model, X, y, sweeps=60)
    assert objective(model, X, y) <= 1.002 * best
    assert model.loss_curve_[-1] == pytest.approx(best, rel=0.02)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "log_loss"])
def test_one_update_goes_down_the_gradient(ratings, loss):
    """The step of plain SGD, over its rate, is the gradient of a rating's part of F."""
    X, y = ratings
    y = (y > 3).astype(float) if loss == "log_loss" else y
    common = {"loss": loss, "optimizer": "sgd", "dtype": np.float64, "alpha": 0.3}
    model = model_of(**common, alpha_bias=0.2, learning_rate=0.1).fit(X, y)
    model.set_params(learning_rate=1e-6)
    pair, target = X[:1], y[:1]
    u, v = model._users.find_values(pair[:, 0])[0], model._items.find_values(pair[:, 1])[0]
    before = [model.user_factors_[u], model.item_factors_[v]]
    before += [model.user_bias_[[u]], model.item_bias_[[v]]]
    before = np.concatenate(before)
    mean = model.mean_

    def part(w):
        p, q, b = w[:4], w[4:8], w[8:]
        z = np.array([mean + b.sum() + p @ q])
        t = 2 * target - 1 if loss == "log_loss" else target
        value = model._rating_loss().loss.value(t, z)[0]
        return value + 0.15 * (p @ p + q @ q) + 0.1 * (b @ b)

    gradient = optimize.approx_fprime(before, part, 1e-7)
    model.partial_fit(pair, target)
    after = [model.user_factors_[u], model.item_factors_[v]]
    after += [model.user_bias_[[u]], model.item_bias_[[v]]]
    np.testing.assert_allclose(
        (before - np.concatenate(after)) / 1e-6, gradient, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("rule", ["auto", "rpcs", "sgd", "adagrad", "adam", "ftrl", "schedule_free",
                                  optimizers.RPCS(), optimizers.Adam(beta1=0.8)])  # fmt: skip
def test_every_rule_learns_by_itself(ratings, rule):
    X, y = ratings
    model = model_of(optimizer=rule, max_iter=30).fit(X, y)
    assert model.score(X, y) > 0.5
    assert model.loss_curve_[-1] < model.loss_curve_[0]


CHANGES = [
    {"n_factors": 5}, {"loss": "absolute_error"}, {"alpha": 0.03}, {"alpha_bias": 0.5},
    {"biases": False}, {"non_negative": True}, {"init_scale": 0.3}, {"optimizer": "adam"},
    {"learning_rate": 0.01}, {"max_iter": 6}, {"tol": 10.0}, {"early_stopping": True},
    {"random_state": 1}, {"dtype": np.float64},
]  # fmt: skip


@pytest.mark.parametrize("changed", CHANGES, ids=lambda changed: next(iter(changed)))
def test_every_parameter_changes_the_result(ratings, changed):
    X, y = ratings
    y = np.maximum(y, 0.0)
    as_usual = model_of(n_iter_no_change=1).fit(X, y).predict(X)
    changed = model_of(n_iter_no_change=1, **changed).fit(X, y).predict(X)
    assert not np.array_equal(changed, as_usual)


def test_parameters_of_early_stopping_change_the_result(ratings):
    X, y = ratings
    usual = {"early_stopping": True, "max_iter": 100, "tol": 1e-3, "n_iter_no_change": 2}
    as_usual = model_of(**usual).fit(X, y)
    fraction = model_of(**{**usual, "validation_fraction": 0.3}).fit(X, y)
    assert not np.array_equal(fraction.predict(X), as_usual.predict(X))
    patient = model_of(**{**usual, "n_iter_no_change": 10}).fit(X, y)
    assert patient.n_iter_ > as_usual.n_iter_


def test_parameters_out_of_their_domains(ratings):
    for changed, words in [
        ({"n_factors": 0}, "n_factors"), ({"alpha": -1.0}, "alpha"), ({"loss": "hinge"}, "loss"),
        ({"optimizer": "lbfgs"}, "lbfgs"), ({"optimizer": "nothing"}, "rpcs"),
        ({"learning_rate": -1}, "learning_rate"), ({"dtype": np.int32}, "dtype"),
        ({"dtype": None}, "dtype"), ({"dtype": "nothing"}, "dtype"),
        ({"init_scale": 0.0}, "init_scale"), ({"n_negatives": 2}, "n_negatives"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=words):
            model_of(**changed).fit(*ratings)
        with pytest.raises(ValueError, match=words):
            model_of(**changed).partial_fit(*ratings)


@pytest.mark.parametrize("optimizer", ["als", "lbfgs", "dog", optimizers.SAGA()])
def test_error_of_an_optimizer_lists_those_that_work(ratings, optimizer):
    with pytest.raises(ValueError) as error:
        model_of(optimizer=optimizer).fit(*ratings)
    listed = ast.literal_eval(re.search(r"\[.*?\]", str(error.value))[0])
    assert sorted(listed) == sorted(RULES)
    for name in listed:
        model_of(optimizer=name).fit(*ratings)


def test_linear_models_refuse_rpcs():
    from sgdlearn import GDLinearRegression

    with pytest.raises(ValueError, match="optimizer"):
        GDLinearRegression(optimizer=optimizers.RPCS()).fit([[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match="optimizer"):
        GDLinearRegression(optimizer="rpcs").fit([[1.0], [2.0]], [1.0, 2.0])


def test_kinds_of_models(ratings):
    X, y = ratings
    y = np.maximum(y, 0.0)
    bare = model_of(biases=False).fit(X, y)
    assert not bare.user_bias_.any() and not bare.item_bias_.any()
    parts = model_of(non_negative=True, biases=False, max_iter=50).fit(X, y)
    assert parts.mean_ == 0.0 and parts.user_factors_.min() >= 0 and parts.item_factors_.min() >= 0
    assert parts.predict(X).min() >= 0 and parts.score(X, y) > 0.5
    with_biases = model_of(non_negative=True).fit(X, y)
    assert with_biases.user_factors_.min() >= 0 and with_biases.user_bias_.min() < 0
    median = model_of(loss="absolute_error", max_iter=30).fit(X, y)
    assert median.mean_ == losses.AbsoluteError().baseline(y) and median.score(X, y) > 0.7


def test_log_loss_gives_probabilities(ratings):
    X, y = ratings
    y = (y > 3).astype(int)
    model = model_of(loss="log_loss", max_iter=30).fit(X, y)
    p = model.predict(X)
    assert ((p > 0) & (p < 1)).all()
    assert p[y == 1].mean() > p[y == 0].mean() + 0.3
    assert model.mean_ == pytest.approx(np.log(y.mean() / (1 - y.mean())))
    of_bools = model_of(loss="log_loss", max_iter=30).fit(X, y == 1)
    np.testing.assert_array_equal(of_bools.predict(X), p)


def test_drawn_negatives_tell_what_users_like():
    """Two kinds of users, two kinds of items."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(40, size=600), rng.integers(20, size=600)])
    X[:, 1] = 2 * (X[:, 1] // 2) + X[:, 0] % 2
    model = model_of(loss="log_loss", n_negatives=3, max_iter=30).fit(X[:-50])
    other = np.column_stack([X[:, 0], X[:, 1] ^ 1])
    assert model.predict(X[-50:]).mean() > 2 * model.predict(other).mean()
    assert model.mean_ == pytest.approx(-np.log(3))
    folded = model.fold_in([("new", 0), ("new", 4), ("new", 8)])
    items, _ = model.recommend(folded, 4)
    assert (items % 2 == 0).all() and not {0, 4, 8} & set(items[0].tolist())
    before = model.predict([(0, 0)])
    assert model.partial_fit([(0, 0)]).predict([(0, 0)]) > before


# ids


def test_score_with_drawn_negatives_is_auc(ratings):
    """R^2 of ratings that are all 1 would say nothing, and choices come without ratings."""
    X, y = ratings
    chosen = X[y > np.median(y)]
    model = model_of(loss="log_loss", n_negatives=3, max_iter=30)
    model.fit(chosen[::2])
    expected = RankingScorer("auc")(model, chosen[1::2])
    assert model.score(chosen[1::2]) == model.score(chosen[1::2], np.ones(len(chosen) // 2))
    assert model.score(chosen[1::2]) == expected
    assert (cross_val_score(model, chosen, cv=3) > 0.5).all()


def test_ids_are_equal_as_in_python(ratings):
    X, y = ratings
    model = model_of().fit([(1, "a"), ("1", 1), (2, "b"), (2.5, (1, 2))], [1, 2, 3, 4])
    assert model.users_.tolist() == [1, "1", 2, 2.5]
    same = [(1, "a"), (1.0, "a"), (True, "a"), (np.int64(1), "a"), (np.float32(1), np.str_("a"))]
    assert len(np.unique(model.predict(same))) == 1
    _, known = model.predict([("1", "a"), (2, 1.0), ("2", "1"), (2.5, (1, 2))], return_known=True)
    np.testing.assert_array_equal(known, [[1, 1], [1, 1], [0, 0], [1, 1]])
    whole = model_of().fit(X, y)
    for dtype in (np.int32, np.uint64, np.float32, np.float64, object):
        retyped = model_of().fit(X.astype(dtype), y)
        np.testing.assert_array_equal(retyped.predict(X), whole.predict(X))
        np.testing.assert_array_equal(whole.predict(X.astype(dtype)), whole.predict(X))
    text = model_of().fit(X.astype(str), y)
    np.testing.assert_array_equal(text.predict(X.astype(str)), whole.predict(X))
    assert not text.predict(X, return_known=True)[1].any()
    huge = model_of().fit([(2**70, -(2**63)), (2**63, 2**63 - 1)], [1, 2])
    assert huge.users_.tolist() == [2**70, 2**63] and huge.items_.tolist() == [-(2**63), 2**63 - 1]
    assert huge.predict([(2**70, -(2**63))], return_known=True)[1].all()


def test_names_and_order_of_ids_do_not_matter(ratings):
    """Other names in the place of ids give the same model."""
    X, y = ratings
    rng = np.random.default_rng(1)
    renamed = np.column_stack([(10**9 - 7 * X[:, 0]), rng.permutation(2000)[X[:, 1]]])
    one, other = model_of().fit(X, y), model_of().fit(renamed, y)
    np.testing.assert_array_equal(one.predict(X), other.predict(renamed))
    named = np.array([f"u{a}" for a in X[:, 0]]), np.array([f"i{b}" for b in X[:, 1]])
    text = model_of().fit(np.column_stack(named), y)
    np.testing.assert_array_equal(one.predict(X), text.predict(np.column_stack(named)))


def test_every_form_of_pairs(ratings):
    X, y = ratings
    expected = model_of().fit(X, y).predict(X)
    frame = pd.DataFrame({"who": X[:, 0], "what": X[:, 1]})
    forms = [
        X.tolist(), [tuple(row) for row in X.tolist()], np.asfortranarray(X), X.astype("i4"), frame,
        frame.astype("Int64"), frame.astype("category"), pl.from_pandas(frame),
    ]  # fmt: skip
    for form in forms:
        np.testing.assert_array_equal(model_of().fit(form, y).predict(form), expected)
    model = model_of().fit(frame, pd.Series(y))
    assert model.feature_names_in_.tolist() == ["who", "what"] and model.n_features_in_ == 2
    wider = frame.assign(when=1)[["when", "what", "who"]]
    np.testing.assert_array_equal(model.predict(wider), expected)
    with pytest.raises(ValueError, match="no column 'what'"):
        model.predict(frame[["who"]])
    with pytest.raises(ValueError, match="select those of users and of items"):
        model_of().fit(wider, y)


def test_a_sparse_matrix_is_its_stored_entries(ratings):
    X, y = ratings
    rows, columns = X[:, 0] - 100, X[:, 1] - 500
    R = sparse.coo_matrix((y, (rows, columns)), shape=(N_USERS + 2, N_ITEMS + 1))
    model = model_of().fit(R)
    assert model.users_.tolist() == list(range(N_USERS + 2))
    assert model.user_factors_.shape == (N_USERS + 2, 4)
    pairs = np.column_stack([rows, columns])
    np.testing.assert_array_equal(model.predict(R), model.predict(pairs))
    assert model.score(R) == model.score(pairs, y)
    assert not model.user_factors_[-2:].any() and not model.item_factors_[-1].any()
    ratings, known = model.predict([(N_USERS, 3)], return_known=True)
    assert ratings == pytest.approx(model.mean_ + model.item_bias_[3])
    np.testing.assert_array_equal(known, [[False, True]])
    for form in (R.tocsr(), R.tocsc(), sparse.coo_array(R)):
        assert model_of().fit(form).score(form) > 0.5
    zero = model_of().fit(sparse.csr_matrix(([0.0, 1.0], ([0, 1], [0, 1])), shape=(2, 2)))
    assert zero.mean_ == 0.5  # a stored zero is a rating
    with pytest.raises(ValueError, match="y must be None"):
        model_of().fit(R, y)
    broken = R.tocsr()
    broken.indices[0] = 999
    with pytest.raises(ValueError, match="broken"):
        model_of().fit(broken)


def test_many_ids_and_growth():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.permutation(200_000) * 7919 - 10**8, rng.integers(50, size=200_000)])
    model = model_of(n_factors=1, max_iter=1).fit(X[:100_000], np.zeros(100_000))
    model.partial_fit(X, np.zeros(200_000))
    np.testing.assert_array_equal(model.users_, X[:, 0])
    assert model.predict(X, return_known=True)[1].all()
    assert not model.predict(X + 1, return_known=True)[1][:, 0].any()


# trouble


def test_input_that_cannot_be_used(ratings):
    X, y = ratings
    model = model_of().fit(X, y)
    before = state_of(model)
    bad = [
        (X[:, :1], y, "1 feature"),
        (X[:, 0], y, "2D array"),
        (np.column_stack([X, X]), y, "4 feature"),
        (X[:0], y[:0], "0 sample"),
        (X, None, "requires y"),
        (X, y[:-1], "inconsistent"),
        (X[:2], [1.0, np.nan], "NaN"),
        (X[:2], [1.0, np.inf], "infinity"),
        (X[:2], [1.0, 1e30], "float64"),
        ([(None, 1)], [1.0], "missing"),
        ([(1, float("nan"))], [1.0], "items.*missing"),
        ([(1, np.inf)], [1.0], "infinite"),
        (pd.DataFrame({"a": [1, None], "b": [1, 2]}), [1, 2], "users.*missing"),
        (pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": [1, 2]}), [1, 2], "users.*missing"),
        ([([1], 2)], [1.0], "hashed"),
        ([(1, 2), (1,)], [1.0, 2.0], "1 feature"),
        (X.astype(complex), y, "Complex"),
        (["ab", "cd"], [1.0, 2.0], "X must hold pairs"),
        ([("a", "b"), b"cd"], [1.0, 2.0], "X must hold pairs"),
        ([{"a", "b"}], [1.0], "X must hold pairs"),
    ]
    for X_bad, y_bad, words in bad:
        for method in (model.fit, model.partial_fit, model_of().fit, model_of().partial_fit):
            with pytest.raises(ValueError, match=words):
                method(X_bad, y_bad)
        if "pairs" in words:
            with pytest.raises(ValueError, match=words):
                model.predict(X_bad)
    assert state_of(model) == before
    for changed, words in [({"non_negative": True}, "y >= 0"), ({"loss": "log_loss"}, "0 and 1")]:
        for method in ("fit", "partial_fit"):
            with pytest.raises(ValueError, match=words):
                getattr(model_of(**changed), method)(X[:2], [1.0, -1.0])
    for weights, words in [([1.0], "length 1"), (-np.ones(len(y)), "Negative")]:
        with pytest.raises(ValueError, match=words):
            model.partial_fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="zero"):
        model_of().fit(X, y, sample_weight=np.zeros(len(y)))
    assert state_of(model) == before


def test_a_chunk_that_diverges_is_left_out(ratings):
    X, y = ratings
    for optimizer in ("sgd", "rpcs", "nadam"):
        model = model_of(optimizer=optimizer, learning_rate=0.01).fit(X, y)
        before = state_of(model)
        model.set_params(learning_rate=1e30)
        chunk = np.concatenate([X[:50], [[7, 7], [7, 8]] * 20])
        with pytest.warns(ConvergenceWarning, match="left out"):
            model.partial_fit(chunk, np.concatenate([y[:50], np.ones(40)]))
        assert state_of(model) == before
        assert model.set_params(learning_rate=0.01).partial_fit(chunk[:3], y[:3]).users_[-1] != 7


def test_a_rating_that_fails_leaves_no_trace(ratings, monkeypatch):
    """Nor in the automatic rates, which it would have changed."""
    X, y = ratings
    one, other = model_of().fit(X[:-9], y[:-9]), model_of().fit(X[:-9], y[:-9])

    def fails(*args):
        raise MemoryError

    for model in (one, other):
        model.partial_fit(X[-9:-8], y[-9:-8])
    before = state_of(one)
    with monkeypatch.context() as patch:
        patch.setattr("sgdlearn._solvers.factorization.chunks.visit_chunk", fails)
        with pytest.raises(MemoryError):
            one.partial_fit(np.array([[7, 7]]), np.array([100.0]))
    assert state_of(one) == before
    for model in (one, other):
        model.partial_fit(X[-8:], y[-8:])
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


@pytest.mark.parametrize("changed", [
    *({"optimizer": rule} for rule in RULES), {"n_factors": 6}, {"dtype": np.float64},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("rule", ["rpcs", "adam", "schedule_free"])
def test_a_chunk_of_another_rule_that_is_left_out_changes_nothing(ratings, rule, changed):
    X, y = ratings
    model = model_of(optimizer=rule).fit(X, y)
    as_it_was = pickle.loads(pickle.dumps(model))
    model.set_params(**changed, learning_rate=1e300)
    with pytest.warns(ConvergenceWarning, match="left out"):
        model.partial_fit([*map(tuple, X), ("new", 1)], [*y, 3.0])
    assert state_of(model) == state_of(as_it_was)
    model.set_params(**as_it_was.get_params())
    assert state_of(model.partial_fit(X, y)) == state_of(as_it_was.partial_fit(X, y))


def test_a_fit_that_diverges_ends_at_its_last_good_iterate(ratings):
    X, y = ratings
    model = model_of(optimizer="sgd", learning_rate=lambda t: np.where(t > 2000, 1e9, 0.02))
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X, y)
    assert model.n_iter_ == 2 and np.isfinite(model.predict(X)).all()
    calm = model_of(optimizer="sgd", learning_rate=0.02, max_iter=2).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), calm.predict(X))


def test_convergence_warning(ratings):
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        model_of(max_iter=2, tol=1e-6).fit(*ratings)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model_of(max_iter=300, tol=1e-2).fit(*ratings).n_iter_ < 300


@pytest.mark.parametrize("value", [0.1, 0.0, -7.3, 1e-12, 1e8])
def test_ratings_that_are_all_the_same(ratings, value):
    X, _ = ratings
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = model_of().fit(X, np.full(len(X), value))
        stream = model_of().partial_fit(X, np.full(len(X), value))
    for trained in (model, stream):
        np.testing.assert_allclose(trained.predict(X), value, rtol=0.05, atol=1e-2)


@pytest.mark.parametrize("unit", [1e-8, 1e6])
def test_ratings_of_any_unit(ratings, unit):
    X, y = ratings
    usual = model_of(max_iter=30).fit(X, y)
    model = model_of(max_iter=30, alpha=0.02 * unit, alpha_bias=0.02).fit(X, unit * y)
    assert model.score(X, unit * y) == pytest.approx(usual.score(X, y), abs=1e-3)


def test_cold_start(ratings):
    X, y = ratings
    model = model_of().fit(X, y)
    pairs = [("who", 500), (100, "what"), ("who", "what"), (100, 500)]
    ratings, known = model.predict(pairs, return_known=True)
    u, v = model._users.find_values([100])[0], model._items.find_values([500])[0]
    mean, b, c = model.mean_, model.user_bias_[u], model.item_bias_[v]
    np.testing.assert_allclose(ratings[:3], [mean + c, mean + b, mean], rtol=1e-6)
    np.testing.assert_array_equal(known, [[0, 1], [1, 0], [0, 0], [1, 1]])


@pytest.mark.parametrize("k", [13, 16, 24, 32, 64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_of_one_are_no_weights(ratings, k, dtype):
    """Without weights the kernel knows some widths of rows beforehand."""
    X, y = ratings
    one = model_of(n_factors=k, dtype=dtype).fit(X, y)
    other = model_of(n_factors=k, dtype=dtype).fit(X, y, sample_weight=np.ones(len(y)))
    rtol = 1e-4 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=rtol)


# streams


@pytest.mark.parametrize("rule", ["rpcs", "adam", "ftrl", "schedule_free"])
@pytest.mark.parametrize("fitted", [False, True])
def test_chunks_equal_one_pass(ratings, rule, fitted):
    X, y = ratings
    one = model_of(optimizer=rule, learning_rate=schedules.InverseScaling(0.05))
    if fitted:
        one.fit(X[:200], y[:200])
    other = pickle.loads(pickle.dumps(one))
    weights = np.random.default_rng(0).integers(0, 3, size=len(y))
    one.partial_fit(X, y, sample_weight=weights)
    for i, start in enumerate(range(0, len(y), 70)):
        part = slice(start, start + 70)
        other.partial_fit(X[part], y[part], sample_weight=weights[part])
        if i == 4:  # in the middle of the stream
            other = pickle.loads(pickle.dumps(other))
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    assert one.t_ == other.t_ == (weights > 0).sum() + fitted * 5 * 200
    assert one.mean_ == other.mean_
    if not fitted:
        assert one.mean_ == pytest.approx(np.average(y, weights=weights))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("rate", ["auto", 0.01, schedules.InverseScaling(0.05)])
@pytest.mark.parametrize("fitted", [False, True])
def test_a_stream_goes_on_the_same_in_a_copy(ratings, rule, rate, fitted):
    """To the last bit: also where rates and starts go by ratings that came long ago."""
    X, y = ratings
    y = y * np.linspace(1.0, 1.5, len(y))  # so that their deviation drifts
    for loss in ("squared_error", "absolute_error"):
        one = model_of(loss=loss, optimizer=rule, learning_rate=rate)
        one.fit(X[:90], y[:90]) if fitted else one.partial_fit(X[:9], y[:9])
        pickled, copied = pickle.loads(pickle.dumps(one)), copy.deepcopy(one)
        for start in range(90, len(y), 45):
            chunk = X[start : start + 45], y[start : start + 45]
            for model in (one, pickled, copied):
                model.partial_fit(*chunk)
            pickled = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(pickled))))
            if start == 450:
                copied = copy.deepcopy(copied)
        for other in (pickled, copied):
            assert state_of(other) == state_of(one)
    # a parameter that has changed counts from the next chunk on, copied or not
    other = pickle.loads(pickle.dumps(one.set_params(alpha=0.05)))
    assert state_of(other.partial_fit(*chunk)) == state_of(one.partial_fit(*chunk))


def test_a_stream_by_itself_learns(ratings):
    X, y = ratings
    model = model_of()
    for _ in range(15):
        for start in range(0, len(y), 9):
            model.partial_fit(X[start : start + 9], y[start : start + 9])
    assert model.score(X, y) > 0.85
    y = (y > 3).astype(int)
    model = model_of(loss="log_loss").partial_fit(X, y)
    share = (y.sum() + 1) / (len(y) + 2)
    assert model.mean_ == pytest.approx(np.log(share / (1 - share)))


def test_known_rows_stay_where_they_are_when_new_ones_come(ratings):
    X, y = ratings
    model = model_of().fit(X, y)
    P, Q, users = model.user_factors_.copy(), model.item_factors_.copy(), model.users_
    model.partial_fit([("new", "also new")], [4.0])
    np.testing.assert_array_equal(model.user_factors_[:-1], P)
    np.testing.assert_array_equal(model.item_factors_[:-1], Q)
    assert model.users_[:-1].tolist() == users.tolist() and model.users_[-1] == "new"
    model.partial_fit([("new", 500)] * 60, [5.0] * 60)
    assert model.predict([("new", 500)]) == pytest.approx(5.0, abs=0.5)


def test_weights_of_zero_change_nothing(ratings):
    X, y = ratings
    weights = np.ones(len(y))
    weights[::3] = 0.0
    kept = weights > 0
    weighed = model_of().fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(weighed.predict(X), model_of().fit(X[kept], y[kept]).predict(X))
    assert len(weighed.users_) == len(np.unique(X[kept, 0]))
    before = state_of(weighed)
    assert state_of(weighed.partial_fit(X, y, sample_weight=np.zeros(len(y)))) == before
    nothing = model_of().partial_fit(X, y, sample_weight=np.zeros(len(y)))
    assert nothing.users_.size == 0 and nothing.predict(X[:2]).tolist() == [0.0, 0.0]


def test_a_weight_is_a_multiplicity(ratings):
    """At the same optimum, and with the same mean."""
    X, y = ratings
    weights = np.random.default_rng(0).integers(1, 4, size=len(y))
    rows = np.repeat(np.arange(len(y)), weights)
    common = {"max_iter": 300, "dtype": np.float64, "alpha": 0.1, "alpha_bias": 0.1}
    weighed = model_of(**common).fit(X, y, sample_weight=weights)
    copied = model_of(**common).fit(X[rows], y[rows])
    assert weighed.mean_ == pytest.approx(copied.mean_)
    values = [objective(model, X[rows], y[rows]) for model in (weighed, copied)]
    assert values[0] == pytest.approx(values[1], rel=2e-3)


def test_warm_start_goes_on(ratings):
    X, y = ratings
    model = model_of(warm_start=True, max_iter=10).fit(X[:600], y[:600])
    P, t = model.user_factors_.copy(), model.t_
    u = model.users_.tolist()
    first = model.fit(X, y).loss_curve_[0]
    assert first < model_of(max_iter=1).fit(X, y).loss_curve_[0]
    assert model.users_[: len(u)].tolist() == u and model.t_ == t + 10 * len(y)
    assert not np.array_equal(model.user_factors_[: len(P)], P)
    other_rule = model.set_params(optimizer="adagrad").fit(X, y)
    assert other_rule.loss_curve_[0] < first
    assert model.set_params(n_factors=7).fit(X, y).user_factors_.shape[1] == 7


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_threads_change_no_bit(ratings, loss, n_jobs, monkeypatch):
    monkeypatch.setattr(solve, "SHARED_RATINGS", 1)
    X, y = ratings
    y = y if loss == "squared_error" else np.ones(len(y))
    common = {"loss": loss, "n_negatives": 2 * (loss == "log_loss")}
    one = model_of(**common).fit(X, y)
    many = model_of(**common, n_jobs=n_jobs).fit(X, y)
    np.testing.assert_array_equal(one.user_factors_, many.user_factors_)
    np.testing.assert_array_equal(one.item_bias_, many.item_bias_)
    assert one.loss_curve_ == many.loss_curve_


def test_random_state(ratings):
    X, y = ratings
    one, same, other = (model_of(random_state=seed).fit(X, y).predict(X) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


# recommendations


def brute_force(model, user, n, seen, candidates):
    pairs = [(user, item) for item in candidates if item not in seen]
    scores = model.predict(pairs)
    order = np.argsort(-scores, kind="stable")[:n]
    return [pairs[i][1] for i in order], scores[order]


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("chosen", [None, [500, 503, 510, 511, "unknown", 503]])
def test_recommend_against_brute_force(ratings, loss, exclude_seen, chosen):
    X, y = ratings
    y = y if loss == "squared_error" else (y > 3).astype(int)
    model = model_of(loss=loss).fit(X[:500], y[:500]).partial_fit(X[500:550], y[500:550])
    users = [100, 117, 139, "unknown"]
    items, scores = model.recommend(users, 3, exclude_seen=exclude_seen, candidates=chosen)
    candidates = model.items_ if chosen is None else [500, 503, 510, 511]
    for user, own, values in zip(users, items, scores):
        seen = set(X[:550][X[:550, 0] == user, 1]) if exclude_seen and user != "unknown" else set()
        expected, expected_scores = brute_force(model, user, 3, seen, candidates)
        n = len(expected)
        np.testing.assert_allclose(values[:n], expected_scores, rtol=1e-5)
        assert own[:n].tolist() == expected
        assert all(item is None for item in own[n:]) and (values[n:] == -np.inf).all()


def test_recommend_in_parts(ratings, monkeypatch):
    from sgdlearn._solvers.factorization import neighbours

    model = model_of().fit(*ratings)
    whole = model.recommend(model.users_, 5)
    monkeypatch.setattr(neighbours, "SCORES", 100)
    parts = model.recommend(model.users_, 5)
    np.testing.assert_array_equal(whole[0], parts[0])
    np.testing.assert_allclose(whole[1], parts[1], rtol=1e-5)
    with pytest.raises(ValueError, match="n must be"):
        model.recommend(model.users_, 0)


def test_one_id_is_not_ids(ratings):
    model = model_of().fit(*ratings)
    for call in (model.recommend, model.similar_users, model.similar_items,
                 lambda ids: model.recommend([100], candidates=ids)):  # fmt: skip
        for one in ("u1", b"u1", 100, np.int64(100)):
            with pytest.raises(ValueError, match="one dimension") as error:
                call(one)
            assert f"pass [{one!r}]" in str(error.value)
        with pytest.raises(ValueError, match=r"one dimension. Got \{100\}\.$"):
            call({100})


@pytest.mark.parametrize("side", ["users", "items"])
def test_similar_against_brute_force(ratings, side):
    model = model_of().fit(*ratings)
    F = getattr(model, f"{side[:-1]}_factors_").astype(float)
    F /= np.linalg.norm(F, axis=1)[:, None]
    ids = getattr(model, f"{side}_")
    found, scores = getattr(model, f"similar_{side}")(ids[[3, 8]], 4)
    for row, own, values in zip((3, 8), found, scores):
        cosines = F @ F[row]
        cosines[row] = -2
        order = np.argsort(-cosines)[:4]
        assert own.tolist() == ids[order].tolist()
        np.testing.assert_allclose(values, cosines[order], rtol=1e-5)
    with pytest.raises(ValueError, match="'nobody'"):
        getattr(model, f"similar_{side}")(["nobody"])
    alone = getattr(model_of().fit([(1, 1)], [2.0]), f"similar_{side}")([1])
    assert [a.shape for a in alone] == [(1, 0), (1, 0)]


@pytest.mark.parametrize("changed", [
    {}, {"biases": False}, {"non_negative": True}, {"loss": "absolute_error"},
    {"loss": "log_loss"}, {"alpha": 0.0},
], ids=str)  # fmt: skip
def test_fold_in_finds_the_least_objective(ratings, changed):
    X, y = ratings
    y = (y > 3).astype(float) if changed.get("loss") == "log_loss" else np.maximum(y, 0)
    model = model_of(**changed, alpha_bias=0.05).fit(X, y)
    before = state_of(model)
    own = X[:, 0] == 103
    folded = model.fold_in(np.column_stack([X[own, 0] + 1000, X[own, 1]]), y[own])
    assert state_of(model) == before and folded.users.tolist() == [1103]
    Q = model.item_factors_[model._items.find_values(X[own, 1])].astype(float)
    c = model.item_bias_[model._items.find_values(X[own, 1])].astype(float)
    loss = model._rating_loss()
    target = loss.encode(y[own], False)

    def part(w):
        z = model.mean_ + c + Q @ w[:4] + (w[4] if model.biases else 0.0)
        penalty = model.alpha * w[:4] @ w[:4] + 0.05 * w[4] ** 2
        return loss.loss.value(target, z).mean() + 0.5 * penalty

    w = np.append(folded.factors[0].astype(float), folded.bias[0])
    bounds = [(0.0 if model.non_negative else None, None)] * 4 + [(None, None)]
    best = min(
        optimize.minimize(part, start, bounds=bounds, method="L-BFGS-B", tol=1e-14).fun
        for start in (w, np.zeros(5))
    )
    assert part(w) <= best + 1e-4 * (1.0 if model.loss == "absolute_error" else 0.01)


def test_fold_in_of_a_user_agrees_with_a_fit(ratings):
    X, y = ratings
    model = model_of(max_iter=400, alpha=0.1, dtype=np.float64).fit(X, y)
    own = X[:, 0] == 103
    folded = model.fold_in(X[own], y[own])
    row = model._users.find_values([103])[0]
    np.testing.assert_allclose(folded.factors[0], model.user_factors_[row], atol=0.02)
    np.testing.assert_allclose(folded.bias[0], model.user_bias_[row], atol=0.02)


def test_fold_in_of_several_users_and_unknown_items(ratings):
    X, y = ratings
    model = model_of().fit(X, y)
    both = [("a", 500), ("b", 501), ("a", "unknown"), ("a", 502), ("b", 503)]
    folded = model.fold_in(both, [5, 1, 4, 2, 3])
    assert folded.users.tolist() == ["a", "b"]
    alone = model.fold_in([("b", 501), ("b", 503)], [1, 3])
    np.testing.assert_allclose(folded.factors[1], alone.factors[0], rtol=1e-6)
    items, _ = model.recommend(folded, N_ITEMS)
    assert not {500, 502} & set(items[0]) and not {501, 503} & set(items[1])
    assert items[0].tolist().count(None) == 2
    everything, _ = model.recommend(folded, 5, exclude_seen=False, candidates=[500, 501])
    assert set(everything[0]) == {500, 501}
    twice = model.fold_in([("b", 501), ("b", 503)], [1, 3], sample_weight=[2, 2])
    np.testing.assert_allclose(twice.factors, alone.factors, rtol=1e-6)


# scikit-learn's world


def test_cross_validation_splits_ratings(ratings):
    X, y = ratings
    scores = cross_val_score(model_of(max_iter=20), X, y, cv=KFold(3, shuffle=True, random_state=0))
    assert scores.min() > 0.5
    grid = GridSearchCV(
        model_of(optimizer=optimizers.Adam()), {"alpha": [0.02, 10.0], "optimizer__beta1": [0.5]},
        scoring="neg_root_mean_squared_error", cv=3,
    ).fit(X, y)  # fmt: skip
    assert grid.best_params_["alpha"] == 0.02
    frame = pd.DataFrame(X, columns=["user", "item"])
    pipeline = Pipeline([("factors", model_of())]).fit(frame, y)
    assert pipeline.predict(frame).shape == y.shape


def test_metadata_routing(ratings):
    X, y = ratings
    weights = np.random.default_rng(0).integers(0, 3, size=len(y)).astype(float)
    with config_context(enable_metadata_routing=True):
        model = model_of().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_val_score(model, X, y, cv=2, params={"sample_weight": weights})
    assert np.isfinite(scores).all()
    assert not np.array_equal(scores, cross_val_score(model_of(), X, y, cv=2))


def test_early_stopping(ratings):
    X, y = ratings
    model = model_of(early_stopping=True, max_iter=100, tol=1e-3, alpha=0.001, n_factors=10)
    model.fit(X, y)
    assert len(model.validation_curve_) == model.n_iter_ < 100
    given = clone(model).fit(X[:700], y[:700], X_val=X[700:], y_val=y[700:])
    loss = 0.5 * np.mean((given.predict(X[700:]) - y[700:]) ** 2)
    assert loss == pytest.approx(min(given.validation_curve_), rel=1e-6)
    with pytest.raises(ValueError, match="early_stopping"):
        model_of().fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="go together"):
        clone(model).fit(X, y, y_val=y)
    with pytest.raises(ValueError, match="validation set"):
        clone(model).fit(X, y, X_val=X[:, :1], y_val=y)
    implicit = clone(model).set_params(loss="log_loss", n_negatives=2).fit(X)
    assert len(implicit.validation_curve_) == implicit.n_iter_


def test_pickle_clone_and_memory_maps(ratings, tmp_path):
    X, y = ratings
    model = model_of().fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    for one, other in zip(loaded.recommend([100, 101]), model.recommend([100, 101])):
        np.testing.assert_array_equal(one, other)
    assert not hasattr(clone(model), "loss_curve_")
    state = model.__getstate__()
    with pytest.raises(ValueError, match="state version None"):
        GDMatrixFactorization().__setstate__({**state, "_state_version": None})
    for name, array in (("X", X), ("y", y)):
        np.save(tmp_path / name, array)
    mapped = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "Xy")
    np.testing.assert_array_equal(model_of().fit(*mapped).predict(X), model.predict(X))
    import joblib

    joblib.dump(model, tmp_path / "model")
    loaded = joblib.load(tmp_path / "model", mmap_mode="r")
    np.testing.assert_array_equal(
        loaded.partial_fit(X, y).predict(X), model.partial_fit(X, y).predict(X)
    )


def test_not_fitted():
    for method in ("predict", "fold_in"):
        with pytest.raises(ValueError, match="not fitted"):
            getattr(model_of(), method)([(1, 2)])
    with pytest.raises(AttributeError, match="not fitted"):
        _ = model_of().user_factors_
    with pytest.raises(ValueError, match="not fitted"):
        model_of().recommend([1])


def test_ctrl_c_keeps_what_has_been_learnt(ratings, monkeypatch):
    X, y = ratings
    epoch, calls = solve.Run.epoch, []

    def interrupted(self, *args):
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return epoch(self, *args)

    monkeypatch.setattr(solve.Run, "epoch", interrupted)
    model = model_of(max_iter=50)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    monkeypatch.undo()
    np.testing.assert_array_equal(model.predict(X), model_of(max_iter=2).fit(X, y).predict(X))


@pytest.mark.skipif(not HAS_CALLBACKS, reason="needs scikit-learn >= 1.9")
def test_callbacks_see_every_epoch(ratings):
    from test_callbacks import Recorder

    X, y = ratings
    recorder = Recorder(stop_after=3)
    model = model_of(max_iter=10)
    model.set_callbacks(recorder)
    model.fit(X, y)
    assert model.n_iter_ == 3


def test_verbose(ratings, capsys):
    model = model_of(verbose=1, max_iter=3).fit(*ratings)
    name, header, *lines = capsys.readouterr().out.splitlines()
    assert name.startswith("GDMatrixFactorization: RPCS()")
    assert header.split() == ["epoch", "objective", "certificate", "seconds"]
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert [float(line.split()[1]) for line in lines] == pytest.approx(model.loss_curve_)
    assert {len(line) for line in lines} == {len(header)}


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.int8])
@pytest.mark.parametrize("ids", [np.int64, np.int32])
def test_numbers_of_a_chunk_may_be_of_any_type(ids, dtype):
    """Whether or not there is something to convert, and whether it is called an array."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 9, size=(60, 2)), rng.integers(1, 6, size=60)
    models = []
    for pairs, ratings in ((X, y.astype(float)), (X.astype(ids), y.astype(dtype)), (X, list(y))):
        model = GDMatrixFactorization(n_factors=3, random_state=0).fit(X[:20], y[:20])
        for i in range(20, 60, 10):
            model.partial_fit(pairs[i : i + 10], ratings[i : i + 10])
        models.append(model)
    for model in models[1:]:
        np.testing.assert_array_equal(model.user_factors_, models[0].user_factors_)
        np.testing.assert_array_equal(model.item_bias_, models[0].item_bias_)
