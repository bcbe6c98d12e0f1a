"""A stream whose parameters, shapes or memory change under it."""

import pickle

import numpy as np
import pytest
import reference as ref
from scipy import sparse

from sgdlearn import GDLinearRegression, GDLogisticRegression
from sgdlearn._solvers.automatic_rate import AutomaticRate
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


# ------------------------------------------------------------------------ coefficients of one's own


def written(model):
    model.coef_[0, 1] = 3.0
    model.intercept_ += 1.0
    return model


def assigned(model):
    coef, intercept = model.coef_.copy(), model.intercept_.copy()
    coef[0, 1] = 3.0
    model.coef_, model.intercept_ = coef, intercept + 1.0
    return model


@pytest.mark.parametrize("learning_rate", [0.1, "auto"])
@pytest.mark.parametrize("between", [lambda m: m, lambda m: pickle.loads(pickle.dumps(m))])
def test_writing_into_coefficients_is_assigning_them(learning_rate, between, three):
    X, y, _ = three
    models = [sgd(learning_rate=learning_rate).partial_fit(X, y, **CLASSES) for _ in range(3)]
    one, other = between(written(models[0])), between(assigned(models[1]))
    np.testing.assert_array_equal(one.coef_, other.coef_)
    for model in (one, other, models[2]):
        model.partial_fit(X[:5], y[:5])
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.intercept_, other.intercept_)
    assert one.coef_[0, 1] > models[2].coef_[0, 1] + 0.5


def test_writing_into_coefficients_after_fit(three):
    X, y, _ = three
    one, other = written(sgd().fit(X, y)), assigned(sgd().fit(X, y))
    for model in (one, other):
        model.set_params(warm_start=True).fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(one.coef_, other.coef_)


def test_a_loaded_model_may_be_written_to(three):
    X, y, _ = three
    model = sgd().partial_fit(X, y, **CLASSES)
    before = model.coef_.copy()
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.coef_, before)
    np.testing.assert_array_equal(
        written(loaded).partial_fit(X, y).coef_, assigned(model).partial_fit(X, y).coef_
    )


# ------------------------------------------------------------------------------------ class weights


@pytest.mark.parametrize(
    "class_weight, n_classes",
    [("balanced", 2), ("balanced", 3), ({0: 3.0}, 2), ({0: 0.0, 1: 2.0}, 3), ({2: 0.5}, 3)],
)
@pytest.mark.parametrize("learning_rate", [0.1, "auto"])
def test_class_weights_mean_the_same_for_arrays_and_lists(
    class_weight, n_classes, learning_rate, three
):
    """Arrays take the lean path."""
    X, y = three[0], three[n_classes - 1]
    lean, full = (sgd(class_weight=class_weight, learning_rate=learning_rate) for _ in range(2))
    classes = list(range(n_classes))
    for start, stop in [(0, 20), (20, 21), (21, 22), (22, 60), (60, 61), (61, 200)]:
        lean.partial_fit(X[start:stop], y[start:stop], None if start else classes)
        full.partial_fit(X[start:stop].tolist(), y[start:stop].tolist(), classes)
    np.testing.assert_array_equal(lean.coef_, full.coef_)
    np.testing.assert_array_equal(lean.intercept_, full.intercept_)
    assert lean.t_ == full.t_


def test_classes_are_counted_under_any_class_weight(three):
    X, y, _ = three
    switched = sgd().partial_fit(X[:100], y[:100], **CLASSES)
    for i in range(100, 150):
        switched.partial_fit(X[i : i + 1], y[i : i + 1])
    by_hand = pickle.loads(pickle.dumps(switched))
    counts = np.bincount(y)
    of_class = len(y) / 2 / counts
    switched.set_params(class_weight="balanced").partial_fit(X[150:], y[150:])
    by_hand.partial_fit(X[150:], y[150:], sample_weight=of_class[y[150:]])
    np.testing.assert_allclose(switched.coef_, by_hand.coef_, rtol=1e-12)


def test_an_unknown_label_in_class_weight_changes_nothing(three):
    X, y, _ = three
    model = sgd().partial_fit(X, y, **CLASSES)
    before = pickle.dumps(model._run.state)
    model.set_params(class_weight={7: 1.0})
    for chunk in (X, X.tolist()):
        with pytest.raises(ValueError, match="7"):
            model.partial_fit(chunk, y)
    assert pickle.dumps(model._run.state) == before


# ------------------------------------------------------------------------------- the running metric


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_a_chunk_that_overflows_the_metric_changes_nothing(container, three):
    X, y, _ = three
    model = GDLogisticRegression().partial_fit(container(X), y, **CLASSES)
    before = pickle.dumps((model._run.state, model._stream))
    huge = X[:3].copy()
    huge[1, 2] = 1e200
    with pytest.raises(ValueError, match="overflow"):
        model.partial_fit(container(huge), y[:3])
    assert pickle.dumps((model._run.state, model._stream)) == before


@pytest.mark.parametrize("size", [1, 150], ids=["same_metric", "new_metric"])
def test_a_chunk_that_fails_is_not_seen(size, three, monkeypatch):
    X, y, _ = three
    model = GDLogisticRegression().partial_fit(X, y, **CLASSES)
    before = pickle.dumps((model._run.state, model._run.scaling, model._stream))

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(AutomaticRate, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(X[:size], y[:size])
    assert pickle.dumps((model._run.state, model._run.scaling, model._stream)) == before


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e60, -1e200])
def test_a_target_out_of_range_changes_nothing(value, three):
    X, y = three[0], three[0][:, 0].copy()
    model = GDLinearRegression().partial_fit(X, y)
    before = pickle.dumps((model._run.state, model._stream))
    y[3] = value
    with pytest.raises(ValueError, match="y"):
        model.partial_fit(X[:5], y[:5])
    assert pickle.dumps((model._run.state, model._stream)) == before


@pytest.mark.parametrize(
    "kind, size", [("dense", 1), ("dense", 100), ("sparse", 5), ("sparse", 100)]
)
@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_one_pass_comes_near_the_optimum_in_any_units(factor, kind, size):
    """Raw units, by `factor` larger from the middle on, where the objective is that of the rest."""
    rng = np.random.default_rng(0)
    n, p = 3000, 8
    X = rng.normal(size=(n, p)) * np.geomspace(1e-2, 1e3, p)
    if kind == "sparse":
        X[rng.random(X.shape) < 0.6] = 0.0
    z = (X / X.std(axis=0)) @ rng.normal(size=p) + rng.logistic(size=n)
    y = np.where(z > np.median(z), 1.0, -1.0)
    X[n // 2 :] *= factor
    model = GDLogisticRegression(alpha=1 / n)
    rows = sparse.csr_array(X) if kind == "sparse" else X
    for start in range(0, n, size):
        chunk = slice(start, start + size)
        model.partial_fit(rows[chunk], y[chunk], classes=None if start else [-1.0, 1.0])
        assert np.isfinite(model.intercept_).all()
    late = slice(n // 2, None)
    best = ref.optimum(X[late], y[late], ref.log_loss, l2=1 / n)[2]
    reached = ref.objective(X[late], y[late], model.coef_, model.intercept_, ref.log_loss, l2=1 / n)
    assert reached - best < 0.1 * (np.log(2) - best)


@pytest.mark.parametrize("alpha", [1 / 3000, 1e-2])
def test_sparse_rows_of_short_and_long_words_come_near_the_optimum(alpha):
    """Rare columns among frequent ones, where the penalty holds or hardly does."""
    rng = np.random.default_rng(1)
    n, p = 3000, 400
    words = np.minimum((rng.pareto(0.7, size=(n, 12)) * 8).astype(int), p - 1)
    X = sparse.csr_array((np.ones(12 * n), words.ravel(), np.arange(n + 1) * 12), shape=(n, p))
    X.sum_duplicates()
    z = X @ rng.normal(size=p) + rng.logistic(size=n)
    y = np.where(z > np.median(z), 1.0, -1.0)
    model = GDLogisticRegression(alpha=alpha)
    for start in range(0, n, 100):
        chunk = slice(start, start + 100)
        model.partial_fit(X[chunk], y[chunk], classes=[-1.0, 1.0])
    best = GDLogisticRegression(alpha=alpha, tol=1e-8).fit(X, y).loss_curve_[-1]
    reached = ref.objective(X.toarray(), y, model.coef_, model.intercept_, ref.log_loss, l2=alpha)
    assert reached - best < 0.1 * (np.log(2) - best)


@pytest.mark.parametrize("size", [1, 50])
@pytest.mark.parametrize("factor", [1e-2, 1e2])
def test_new_units_are_told_from_the_old_ones(size, factor):
    """Soon the metric is that of the rows as they are now."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(1000, 4)) * [1.0, 10.0, 0.1, 1.0]
    y = X[:, 0] + X[:, 3] + 0.1 * rng.normal(size=1000)
    X[500:] *= factor
    model = GDLinearRegression()
    for start in range(0, 1000, size):
        model.partial_fit(X[start : start + size], y[start : start + size])
    sizes = model._run.scaling.size / X[500:].std(axis=0)
    assert np.all((sizes > 0.5) & (sizes < 2.0))


def test_a_few_broken_rows_are_no_new_units():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(1000, 4))
    y = X @ [1.0, -1.0, 0.5, 0.0] + 0.1 * rng.normal(size=1000)
    whole = X.copy()
    X[[300, 500, 501, 700]] = 1e6
    for size in (1, 100):
        model, other = GDLinearRegression(), GDLinearRegression()
        for start in range(0, 1000, size):
            chunk = slice(start, start + size)
            model.partial_fit(X[chunk], y[chunk])
            other.partial_fit(whole[chunk], y[chunk])
        assert model.coef_ == pytest.approx(other.coef_, abs=0.1)


def words(rng, n, p=300, length=12):
    """Rows of a few words of many, most of them rare, and their classes."""
    chosen = np.minimum((rng.pareto(0.7, size=(n, length)) * 8).astype(int), p - 1)
    X = sparse.csr_array((np.ones(n * length), chosen.ravel(), np.arange(n + 1) * length), (n, p))
    X.sum_duplicates()
    z = X @ rng.normal(size=p) + rng.logistic(size=n)
    return X, np.where(z > np.median(z), 1.0, -1.0)


def learn(model, X, y, size):
    for start in range(0, len(y), size):
        chunk = slice(start, start + size)
        model.partial_fit(X[chunk], y[chunk], classes=None if start else [-1.0, 1.0])
    return model


def left(model, X, y, alpha):
    """(F - F*) / (F(0) - F*)."""
    best = GDLogisticRegression(alpha=alpha, tol=1e-8).fit(X, y).loss_curve_[-1]
    reached = ref.objective(X.toarray(), y, model.coef_, model.intercept_, ref.log_loss, l2=alpha)
    return (reached - best) / (np.log(2) - best)


@pytest.mark.parametrize("size", [1, 50, 1000])
@pytest.mark.parametrize("factor", [1e-3, 10.0, 1e3])
def test_rare_words_come_to_other_units_with_all_others(factor, size):
    """Though hardly one of them alone has entries enough to tell."""
    X, y = words(np.random.default_rng(4), 4000)
    half = 2000
    units = np.where(np.arange(4000) < half, 1.0 / factor, 1.0)
    model = learn(
        GDLogisticRegression(alpha=1e-3), sparse.csr_array(X.multiply(units[:, None])), y, size
    )
    true = np.sqrt(X.power(2).sum(axis=0) / np.maximum((X != 0).sum(axis=0), 1))
    rare = (X[:half] != 0).sum(axis=0)
    rare = (rare > 0) & (rare < 10)
    sizes = model._run.scaling.size[rare] / true[rare]
    assert rare.sum() > 100
    assert np.all((sizes > 0.5) & (sizes < 2.0))


@pytest.mark.parametrize("factor", [10.0, 1e3])
def test_what_a_penalty_held_back_is_learnt_anew(factor):
    """Units so small that the penalty allows nothing, and then others: as good as a new model."""
    X, y = words(np.random.default_rng(5), 6000)
    half, alpha = 3000, 1e-3
    units = np.where(np.arange(6000) < half, 1.0 / factor, 1.0)
    model = learn(
        GDLogisticRegression(alpha=alpha), sparse.csr_array(X.multiply(units[:, None])), y, 100
    )
    fresh = learn(GDLogisticRegression(alpha=alpha), X[half:], y[half:], 100)
    late = X[half:], y[half:], alpha
    assert left(model, *late) < left(fresh, *late) + 0.02


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("factor", [1e-2, 1e2])
@pytest.mark.parametrize("size", [1, 100])
def test_steady_growth_is_followed(size, factor, kind):
    """From row to row all numbers become larger, or smaller: the last units are what counts."""
    rng = np.random.default_rng(6)
    n, alpha = 6000, 1e-4
    X, y = words(rng, n, p=60)
    if kind == "dense":
        X = sparse.csr_array(rng.normal(size=(n, 8)))
        y = np.where(X.toarray() @ rng.normal(size=8) + rng.logistic(size=n) > 0, 1.0, -1.0)
    rows = sparse.csr_array(X.multiply((factor ** (np.arange(n) / n - 1.0))[:, None]))
    rows = rows.toarray() if kind == "dense" else rows
    model = learn(GDLogisticRegression(alpha=alpha), rows, y, size)
    assert left(model, X, y, alpha) < (0.02 if kind == "dense" else 0.1)
    filled = (X != 0).sum(axis=0)
    true = np.sqrt(X.power(2).sum(axis=0) / np.where(filled < n / 2, filled, n))
    assert model._run.scaling.size / true == pytest.approx(1.0, rel=0.3)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_some_words_come_to_other_units(factor):
    """Each is told by itself, also by a few entries, if those of a word are alike."""
    rng = np.random.default_rng(7)
    X, y = words(rng, 4000)
    units = np.where(rng.random(X.shape[1]) < 0.5, 1.0, 1.0 / factor)
    early = sparse.csr_array(X[:2000].multiply(units[None]))
    rows = sparse.csr_array(sparse.vstack([early, X[2000:]]))
    model = learn(GDLogisticRegression(alpha=1e-3), rows, y, 100)
    true = np.sqrt(X.power(2).sum(axis=0) / np.maximum((X != 0).sum(axis=0), 1))
    seen = ((X[:2000] != 0).sum(axis=0) >= 5) & ((X[2000:] != 0).sum(axis=0) >= 12)
    sizes = model._run.scaling.size[seen] / true[seen]
    assert seen.sum() > 50
    assert np.all((sizes > 0.4) & (sizes < 2.5))


@pytest.mark.parametrize("chunk", [1, 50, 500])
@pytest.mark.parametrize("size", [3e3, 1e9])
@pytest.mark.filterwarnings("error")
def test_a_broken_target_does_not_undo_a_model(size, chunk):
    rng = np.random.default_rng(0)
    n = 3000 if chunk == 1 else 10_000
    X = rng.normal(size=(n, 10))
    w = rng.normal(size=10)
    y = X @ w + rng.normal(size=n)
    y[n // 2] = size
    model = GDLinearRegression()
    for start in range(0, n, chunk):
        rows = slice(start, start + chunk)
        model.partial_fit(X[rows], y[rows])
    np.testing.assert_allclose(model.coef_, w, atol=0.2)


@pytest.mark.parametrize("chunk", [1, 50, 500])
def test_targets_of_another_size_are_believed_when_there_are_more(chunk):
    rng = np.random.default_rng(0)
    n = 4000
    X = rng.normal(size=(n, 5))
    y = X @ rng.normal(size=5) + 0.1 * rng.normal(size=n)
    y[n // 2 :] = 1e3 * y[n // 2 :] + 1e5
    model = GDLinearRegression()
    for start in range(0, n, chunk):
        rows = slice(start, start + chunk)
        model.partial_fit(X[rows], y[rows])
    assert model.intercept_ == pytest.approx(1e5, rel=0.2)
