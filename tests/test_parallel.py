"""Threads change no result; replicas are runs side by side, averaged."""

import os

import numpy as np
import pytest
import reference as ref
from joblib import cpu_count, effective_n_jobs, parallel_backend
from labels import label
from scipy import sparse
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn import _threads as threads
from sgdlearn._solvers import parallel
from sgdlearn._solvers.objective import Objective
from sgdlearn.optimizers import OPTIMIZERS

rng = np.random.default_rng(0)
N, P, K = 600, 7, 5
X = rng.normal(size=(N, P)) * (rng.random((N, P)) < 0.5)
Z = X @ rng.normal(size=(P, K)) + 0.3 * rng.normal(size=(N, K))
CLASSES = Z.argmax(axis=1)
FEW = {"max_iter": 4, "tol": None, "random_state": 0, "alpha": 0.01}

SETTINGS = [
    {"optimizer": "sgd", "learning_rate": 0.05},
    {"optimizer": "sgd", "learning_rate": 0.05, "penalty": "l1"},
    {"optimizer": "sgd", "average": 100},
    {"optimizer": "adagrad", "penalty": "elasticnet"},
    {"optimizer": "adam", "batch_size": 1},
    {"optimizer": "adam", "batch_size": 7},
    {"optimizer": "nadam", "learning_rate": 0.01},
    {"optimizer": "ftrl", "penalty": "l1"},
    {"optimizer": "dog"},
]
by_storage = pytest.mark.parametrize("rows", [X, sparse.csr_array(X)], ids=["dense", "csr"])
by_setting = pytest.mark.parametrize("settings", SETTINGS, ids=label)


def same(first, second):
    """To the last bit, but for the order in which the losses of outputs are summed."""
    return (
        np.array_equal(first.coef_, second.coef_)
        and np.array_equal(first.intercept_, second.intercept_)
        and first.loss_curve_ == pytest.approx(second.loss_curve_, rel=1e-12)
        and first.t_ == second.t_
    )


@by_storage
@by_setting
@pytest.mark.parametrize(
    "estimator, y",
    [
        (GDLinearSVC(), CLASSES),
        (GDLogisticRegression(multi_class="ovr"), CLASSES),
        (GDLogisticRegression(), CLASSES),
        (GDLinearRegression(), Z),
    ],
    ids=["svc", "ovr", "softmax", "outputs"],
)
def test_outputs_on_threads(estimator, y, settings, rows):
    alone = clone(estimator).set_params(**FEW, **settings).fit(rows, y)
    for n_jobs in (2, 3):
        threads = clone(alone).set_params(n_jobs=n_jobs).fit(rows, y)
        assert same(alone, threads)
    weighted = np.arange(N) % 3 + 1.0
    alone.fit(rows, y, weighted)
    assert same(alone, threads.fit(rows, y, weighted))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("optimizer", ["auto", *OPTIMIZERS])
def test_no_solver_depends_on_threads(optimizer, monkeypatch):
    monkeypatch.setattr("sgdlearn._solvers.objective.PART", 512)
    few = {"optimizer": optimizer, "max_iter": 3, "random_state": 0, "alpha": 0.01}
    for estimator, y in (
        (GDLinearRegression(**few), Z),
        (GDLogisticRegression(**few), CLASSES),
        (GDLogisticRegression(multi_class="ovr", penalty="elasticnet", **few), CLASSES),
        (GDLinearSVC(loss="squared_hinge", **few), CLASSES),
        (GDLinearSVC(**few), CLASSES),
    ):
        for rows in (X, sparse.csr_array(X)):
            try:
                alone = clone(estimator).set_params(n_jobs=1).fit(rows, y)
            except ValueError:  # a pair that the docs exclude
                continue
            for n_jobs in (None, 2, 3):
                assert same(alone, clone(estimator).set_params(n_jobs=n_jobs).fit(rows, y))


@by_storage
@by_setting
def test_replicas_do_not_depend_on_threads(settings, rows, monkeypatch):
    monkeypatch.setattr(parallel, "SHARD_ROWS", 21)
    models = [
        GDLogisticRegression(n_replicas=3, n_jobs=n_jobs, **FEW, **settings).fit(rows, CLASSES)
        for n_jobs in (1, 2, 5)
    ]
    assert same(models[0], models[1])
    assert same(models[0], models[2])
    single = clone(models[0]).set_params(n_replicas=1).fit(rows, CLASSES)
    assert not np.allclose(single.coef_, models[0].coef_, rtol=1e-3)
    assert models[0].t_ < single.t_
    # like a single run, they learn
    assert models[0].loss_curve_[-1] < models[0].loss_curve_[0]


@by_storage
@pytest.mark.parametrize("n_replicas", [2, 3])
def test_replicas_are_the_mean_of_runs_over_shards(rows, n_replicas, monkeypatch):
    monkeypatch.setattr(parallel, "SHARD_ROWS", 50)
    monkeypatch.setattr(parallel, "WORK_TO_COPYING", 0)
    y = Z[:, 0]
    model = GDLinearRegression(
        optimizer="sgd",
        learning_rate=lambda t: 0.1 / np.sqrt(t),
        alpha=0.02,
        n_replicas=n_replicas,
        batch_size=10,
        max_iter=2,
        tol=None,
        shuffle=False,
    ).fit(rows, y)
    state = None
    for start in [*range(0, N, 50 * n_replicas)] * 2:
        round_ = np.arange(start, min(start + 50 * n_replicas, N))
        states = [
            ref.stochastic(
                X, y, ref.squared_error, ref.SGD(), lambda t: 0.1 / np.sqrt(t), shard,
                batch_size=10, l2=0.02, state=state,
            )[-1]
            for shard in np.array_split(round_, n_replicas)
        ]  # fmt: skip
        state = states[0]
        state.theta = np.mean([each.theta for each in states], axis=0)
        state.t = max(each.t for each in states)
    assert model.coef_ == pytest.approx(state.theta[0, :P], rel=1e-10)
    assert model.intercept_ == pytest.approx(state.theta[0, P], rel=1e-10)
    assert model.t_ == state.t


def test_streams_have_no_replicas():
    plain, replicas = GDLinearRegression(), GDLinearRegression(n_replicas=2)
    for start in range(0, N, 100):
        rows = slice(start, start + 100)
        plain.partial_fit(X[rows], Z[rows, 0])
        replicas.partial_fit(X[rows], Z[rows, 0])
    assert np.array_equal(plain.coef_, replicas.coef_)


@pytest.mark.parametrize(
    "other", [{"optimizer": "saga"}, {"optimizer": "lbfgs"}, {"batch_size": "full"}], ids=label
)
def test_what_has_no_replicas(other):
    with pytest.raises(ValueError, match="n_replicas"):
        GDLinearRegression(n_replicas=2, **{"optimizer": "sgd", **other}).fit(X, Z[:, 0])
    assert GDLinearRegression(n_replicas=2).fit(X, Z[:, 0]).optimizer_.name == "adagrad"


def test_no_number_of_threads_is_as_many_as_blas_has():
    def seen(n_jobs, limit):
        with threadpool_limits(limit, user_api="blas"):
            return threads.count(n_jobs)

    assert seen(None, 1) == 1
    assert seen(None, 2) == min(2, cpu_count())
    assert [seen(n_jobs, 1) for n_jobs in (1, 3, -1)] == [1, 3, cpu_count()]
    with parallel_backend("threading", n_jobs=3):  # joblib's own word for None
        assert seen(None, 1) == effective_n_jobs(None) == 3
    with threads.blas_by_one_thread():  # another fit is under way
        assert threads.count(None) == 1


def test_a_blas_that_nobody_knows_leaves_one_thread(monkeypatch):
    nothing = threads.ThreadpoolController().select()
    monkeypatch.setattr(threads, "blas_libraries", lambda: nothing)
    assert threads.count(None) == 1
    assert threads.count(2) == 2


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 5])
def test_parts_come_in_their_order(n_jobs):
    team, borders = threads.Team(n_jobs), [(start, start + 2) for start in range(0, 40, 2)]
    assert list(team.in_order(lambda start, stop: (start, stop), borders)) == borders
    together = team.total(lambda start, stop: (np.arange(start, stop), stop - start), borders)
    assert together[0].tolist() == [380, 400]
    assert together[1] == 40


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_an_error_of_a_part_is_that_of_the_pass(n_jobs):
    team, begun = threads.Team(n_jobs), []

    def part(start, stop):
        begun.append(start)
        if start >= 3:
            raise FloatingPointError(start)

    with pytest.raises(FloatingPointError):
        team.for_each(part, [(start, start + 1) for start in range(1000)])
    assert len(begun) < 1000  # what had not begun was left
    assert list(team.in_order(lambda start, stop: start, [(7, 8), (9, 10)])) == [7, 9]


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_a_part_may_have_parts(n_jobs):
    team = threads.Team(n_jobs)

    def part(start, stop):
        return sum(team.in_order(lambda start, stop: start, [(start, 0), (stop, 0)]))

    borders = [(start, start + 1) for start in range(8)]
    assert list(team.in_order(part, borders)) == [start + stop for start, stop in borders]


def test_where_no_thread_can_be_started_one_does_all(monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads.ThreadPoolExecutor, "submit", refuse)
    assert list(threads.Team(3).in_order(max, [(1, 2), (4, 3)])) == [2, 4]


def test_a_team_that_is_left_early_leaves_nothing_at_work():
    team, begun = threads.Team(3), []
    parts = team.in_order(lambda start, stop: begun.append(start), [(i, 0) for i in range(100)])
    next(parts)
    parts.close()
    so_far = len(begun)
    assert list(team.in_order(max, [(1, 2), (4, 3)])) == [2, 4]
    assert len(begun) == so_far


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_forked_during_a_fit_has_no_fit():
    with threadpool_limits(2, user_api="blas"), threads.blas_by_one_thread():
        child = os.fork()
        if child == 0:
            os._exit(threads._Limit.holders + threads._Limit.lock.locked())
        assert os.waitpid(child, 0)[1] == 0


def test_blas_has_its_threads_back_once_the_last_fit_has_ended():
    def blas_threads():
        libraries = threads.blas_libraries().select(user_api="blas").info()
        return {library["num_threads"] for library in libraries}

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        first, second = threads.blas_by_one_thread(), threads.blas_by_one_thread()
        first.__enter__()
        assert blas_threads() == {1}
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas_threads() == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == before


def test_a_fit_keeps_blas_to_one_thread(monkeypatch):
    seen = []
    value = Objective.loss_value_and_gradient

    def watched(self, W, b):
        libraries = threads.blas_libraries().select(user_api="blas").info()
        seen.extend(library["num_threads"] for library in libraries)
        return value(self, W, b)

    monkeypatch.setattr(Objective, "loss_value_and_gradient", watched)
    with threadpool_limits(2, user_api="blas"):
        GDLogisticRegression(optimizer="lbfgs").fit(X, CLASSES)
    assert set(seen) == {1}
