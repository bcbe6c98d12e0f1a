"""What optimizer="auto" chooses: the same each time, recorded, told of, and written down once."""

import re
from pathlib import Path

import numpy as np
import pytest
from labels import label
from scipy import sparse
from sklearn.base import clone

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn._solvers import batch, policy
from sgdlearn._solvers.solve import SCHEDULE_FREE_ROWS
from sgdlearn.losses import Loss

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 5))
LINE = X @ [1.0, 2.0, 0.0, -1.0, 0.5] + rng.normal(size=300)
SIGNS, THREE = (LINE > 0).astype(int), np.digitize(LINE, [-1.0, 1.0])
WIDE, WIDER = rng.normal(size=(300, 320)), rng.normal(size=(350, 2900))
WORDS = sparse.random(300, 2000, density=0.005, random_state=0, format="csr")


class Squares(Loss):
    """r^2 / 2 written in Python, its curvature unknown unless told."""

    name, kind, smooth = "squares", "regression", True

    def __init__(self, bound=np.inf):
        self.bound = bound

    @property
    def curvature_bound(self):
        return self.bound

    def value(self, y, z):
        return (z - y) ** 2 / 2

    def gradient(self, y, z):
        return z - y


CHOICES = [
    (GDLinearRegression(), X, LINE, "cholesky"),
    (GDLinearRegression(learning_rate=0.01), X, LINE, "sgd"),
    (GDLinearRegression(batch_size=10), X, LINE, "adagrad"),
    (GDLinearRegression(average=True), X, LINE, "adagrad"),
    (GDLinearRegression(n_replicas=2), X, LINE, "adagrad"),
    (GDLinearRegression(loss=Squares(1.0)), X, LINE, "lbfgs"),
    (GDLinearRegression(loss=Squares()), X, LINE, "adagrad"),
    (GDLinearRegression(penalty="l1", alpha=0.1), X, LINE, "cd"),
    (GDLinearRegression(positive=True), X, LINE, "lbfgs"),
    (GDLinearRegression(loss="huber"), X, LINE, "newton"),
    (GDLinearRegression(loss="quantile"), WIDE, LINE, "newton"),
    (GDLogisticRegression(), X, SIGNS, "newton"),
    (GDLogisticRegression(), X, THREE, "newton"),
    (GDLogisticRegression(), WIDE[:150], SIGNS[:150], "newton"),
    (GDLogisticRegression(), WIDER, np.arange(350) % 2, "lbfgs"),
    (GDLogisticRegression(alpha=0.0), WIDER[:300], SIGNS, "lbfgs"),
    (GDLogisticRegression(penalty="l1"), X, THREE, "lbfgs"),
    (GDLogisticRegression(alpha=0.01), WORDS, SIGNS, "sdca"),
    (GDLinearSVC(), X, SIGNS, "newton"),
    (GDLinearSVC(alpha=0.01), WORDS, SIGNS, "sdca"),
    (GDLinearSVC(), WIDE, SIGNS, "newton"),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "model, rows, y, name", CHOICES, ids=[f"{label(c[0])}-{c[3]}" for c in CHOICES]
)
def test_the_choice_is_stable_and_recorded(model, rows, y, name, capsys):
    models = [clone(model).set_params(n_jobs=n_jobs).fit(rows, y) for n_jobs in (None, 1, 2)]
    stored = rows if sparse.issparse(rows) else np.asfortranarray(rows)
    models.append(clone(model).set_params(random_state=7, verbose=1).fit(stored, y))
    assert [m.optimizer_.name for m in models] == [name] * 4
    assert f"{type(model).__name__}: {models[-1].optimizer_} (" in capsys.readouterr().out
    if models[0].optimizer_.family != "stochastic":
        twice = np.repeat(np.arange(len(y)), 2)
        for some, weight in ((twice, None), (np.arange(len(y)), np.full(len(y), 2.0))):
            again = clone(model).fit(rows[some], y[some], weight)
            assert again.optimizer_.name == name


@pytest.mark.parametrize("estimator", [GDLinearRegression, GDLogisticRegression])
def test_streams(estimator):
    y = LINE if estimator is GDLinearRegression else SIGNS
    known = {} if estimator is GDLinearRegression else {"classes": [0, 1]}
    names = {"schedule_free": (X, sparse.csr_array(X)), "ftrl": (sparse.csr_array(X), X)}
    for name, (first, then) in names.items():
        model = estimator(alpha=0.01).partial_fit(first, y, **known)
        assert model.optimizer_.name == name
        model.partial_fit(then, y)  # in another storage it goes on by the same rule
        assert model.optimizer_.name == name
        updates = -(-len(y) // SCHEDULE_FREE_ROWS) if name == "schedule_free" else len(y)
        assert model.t_ == updates + len(y)
        after = estimator(alpha=0.01).fit(first, y).partial_fit(first, y)
        assert after.optimizer_.name == name
        np.testing.assert_allclose(after.coef_, estimator(alpha=0.01).fit(X, y).coef_, atol=0.25)


def test_newton_takes_over_from_a_slow_lbfgs(monkeypatch, capsys):
    monkeypatch.setattr(batch, "LBFGS_ITERATIONS", 3)
    monkeypatch.setattr(batch, "NEWTON_ITERATIONS", 0)
    rows, y = WIDER, np.arange(len(WIDER)) % 2
    model = GDLogisticRegression(alpha=1e-3, verbose=1, tol=1e-10).fit(rows, y)
    assert model.optimizer_.name == "lbfgs"
    assert "Newton's method takes over" in capsys.readouterr().out
    assert len(model.loss_curve_) == model.n_iter_ > 3
    exact = GDLogisticRegression(alpha=1e-3, tol=1e-12, optimizer="newton").fit(rows, y)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-6)
    model.set_params(optimizer="lbfgs", max_iter=20, tol=1e-3).fit(rows, y)
    assert "takes over" not in capsys.readouterr().out


def test_the_interior_point_method_takes_over_from_a_slow_sdca(monkeypatch, capsys):
    monkeypatch.setattr(policy, "SHORT_HINGE", np.inf)
    monkeypatch.setattr(policy, "NOT_LONG", np.inf)
    monkeypatch.setattr(policy, "sdca_passes", lambda objective: 3)
    monkeypatch.setattr("sgdlearn._solvers.solve.sdca_passes", lambda objective: 3)
    model = GDLinearSVC(alpha=1e-3, verbose=1, tol=1e-8).fit(WIDE, SIGNS)
    assert model.optimizer_.name == "sdca"
    assert "the interior point method takes over" in capsys.readouterr().out
    assert len(model.loss_curve_) == model.n_iter_ > 3
    exact = GDLinearSVC(alpha=1e-3, tol=1e-10, optimizer="sdca").fit(WIDE, SIGNS)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-4)


def test_the_docs_have_the_table_of_the_code():
    page = Path(__file__).parents[1] / "docs" / "optimizers.md"
    if not page.exists():
        pytest.skip("no docs beside the tests")
    lines = page.read_text().split('## `optimizer="auto"`')[1].splitlines()
    written = [[cell.strip() for cell in line.split("|")[1:3]] for line in lines if "|" in line]
    lines = policy.__doc__.splitlines()
    first, second, third = [i for i, line in enumerate(lines) if line.startswith("=====")][:3]
    table = [re.split(r"\s{2,}", line.strip()) for line in lines[second + 1 : third]]
    assert lines[first + 1].split() == written[0]
    assert table == written[2:]
