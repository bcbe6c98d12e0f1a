"""Watching a model learn: scikit-learn's callbacks, the verbose lines, Ctrl-C."""

import pickle
import re
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn._compat import HAS_CALLBACKS
from sgdlearn._solvers import dual, interior, lbfgs, newton, psvrg, stochastic, variance_reduced
from sgdlearn.optimizers import SGD

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
needs_callbacks = pytest.mark.skipif(not HAS_CALLBACKS, reason="needs scikit-learn >= 1.9")

X, y = make_classification(200, 5, n_redundant=0, class_sep=0.8, flip_y=0.1, random_state=0)
labels = np.digitize(X[:, 0] + X[:, 1], [-1.0, 1.0])

# One or more of each kind of solver.
FAMILIES = {
    "row by row": GDLogisticRegression(optimizer="sgd"),
    "mini-batches": GDLogisticRegression(optimizer="adam", batch_size=10),
    "whole data": GDLogisticRegression(optimizer=SGD(0.5), batch_size="full"),
    "average": GDLogisticRegression(optimizer="adagrad", average=30),
    "saga": GDLogisticRegression(optimizer="saga"),
    "svrg": GDLogisticRegression(optimizer="svrg"),
    "psvrg": GDLogisticRegression(optimizer="psvrg"),
    "sdca": GDLogisticRegression(optimizer="sdca", alpha=0.01),
    "lbfgs": GDLogisticRegression(optimizer="lbfgs"),
    "newton": GDLogisticRegression(optimizer="newton"),
    "interior": GDLinearSVC(loss="hinge"),
    "smoothed": GDLinearSVC(loss="hinge", penalty="l1", alpha=0.01),
}

# Where the solvers do the work of an epoch.
STEPS = [
    (stochastic.Run, "visit"),
    (variance_reduced.DenseRun, "visit"),
    (psvrg._Run, "visit_all"),
    (dual.DualRun, "epoch"),
    (lbfgs._Run, "value_and_gradient"),
    (newton._Run, "iterate"),
    (interior._Problem, "iterate"),
]


@pytest.fixture(params=FAMILIES)
def model(request):
    """An estimator that takes three epochs or more."""
    return clone(FAMILIES[request.param]).set_params(tol=1e-6, max_iter=40, random_state=0)


class Recorder:
    """Notes all that it is told, and stops after so many epochs."""

    def __init__(self, stop_after=None, error=None, error_after=2):
        self.stop_after = stop_after
        self.error = error
        self.error_after = error_after
        self.events = []
        self.models = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.events.append(("end", context.task_name, context.task_id))
        if context.task_name == "fit":
            return False
        self.models.append(fitted_estimator)
        if self.error is not None and len(self.models) == self.error_after:
            raise self.error
        return len(self.models) == self.stop_after


def expected_events(n_epochs):
    epochs = [(hook, "epoch", i) for i in range(n_epochs) for hook in ("begin", "end")]
    return ["setup", ("begin", "fit", 0), *epochs, ("end", "fit", 0), "teardown"]


@needs_callbacks
def test_every_epoch_begins_and_ends(model):
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    assert model.n_iter_ >= 3
    assert recorder.events == expected_events(model.n_iter_)


@needs_callbacks
def test_an_epoch_begins_before_its_work(model, monkeypatch):
    recorder = Recorder()

    def work(step):
        def noted(*args, **kwargs):
            recorder.events.append("work")
            return step(*args, **kwargs)

        return noted

    for owner, step in STEPS:
        monkeypatch.setattr(owner, step, work(getattr(owner, step)))
    model.set_callbacks(recorder).fit(X, y)
    known = " ".join(event if isinstance(event, str) else event[0] for event in recorder.events)
    assert re.fullmatch(r"setup begin( begin( work)+ end){3,} end teardown", known)


@needs_callbacks
def test_an_epoch_that_leads_nowhere_ends_too():
    recorder = Recorder()
    model = GDLinearRegression(optimizer="sgd", learning_rate=1e6).set_callbacks(recorder)
    model.fit(X, y)  # diverges at once
    assert recorder.events == expected_events(len(recorder.models))
    for of_epoch in recorder.models:
        np.testing.assert_array_equal(of_epoch.coef_, model.coef_)


@needs_callbacks
@pytest.mark.parametrize("error", [RuntimeError("of the callback"), KeyboardInterrupt()])
def test_every_end_hook_has_a_model(model, error):
    """One that scores it, as the documentation shows, must not hide the error."""

    class Scores(Recorder):
        def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
            scores.append(fitted_estimator.score(X, y))

    class Interrupts(Recorder):
        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 2:
                raise error

    scores = []
    model.set_callbacks(Scores(), Interrupts())
    with pytest.raises(type(error)):
        model.fit(X, y)
    assert len(scores) >= 3  # two epochs and the fit
    if isinstance(error, KeyboardInterrupt):
        assert scores[-1] == model.score(X, y)


@needs_callbacks
def test_stop_really_stops(model):
    recorder = Recorder(stop_after=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.set_callbacks(recorder).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert recorder.events == expected_events(2)
    np.testing.assert_array_equal(model.coef_, recorder.models[1].coef_)


@needs_callbacks
def test_model_of_each_epoch_is_a_model_of_its_own(model):
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    assert [m.n_iter_ for m in recorder.models] == list(range(1, model.n_iter_ + 1))
    for earlier, later in zip(recorder.models, recorder.models[1:3]):
        assert not np.array_equal(earlier.coef_, later.coef_)
        assert earlier.predict(X).shape == y.shape
        assert set(earlier.predict(X)) <= set(model.classes_)
    last = recorder.models[-1]
    np.testing.assert_array_equal(last.coef_, model.coef_)
    np.testing.assert_array_equal(last.intercept_, model.intercept_)
    assert not np.shares_memory(last.coef_, model.coef_)


@needs_callbacks
def test_callbacks_do_not_change_the_model(model):
    class Vandal(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                fitted_estimator.coef_ *= np.nan
                fitted_estimator.intercept_ *= np.nan

    watched = clone(model).set_callbacks(Recorder(), Vandal()).fit(X, y)
    unwatched = model.fit(X, y)
    np.testing.assert_array_equal(watched.coef_, unwatched.coef_)
    np.testing.assert_array_equal(watched.intercept_, unwatched.intercept_)
    assert watched.loss_curve_ == unwatched.loss_curve_


@needs_callbacks
@pytest.mark.parametrize("error", [RuntimeError("of the callback"), KeyboardInterrupt()])
def test_hooks_stay_balanced_when_fit_is_cut_short(model, error):
    recorder, bystander = Recorder(error=error), Recorder()
    model.set_callbacks(bystander, recorder)
    with pytest.raises(type(error)):
        model.fit(X, y)
    assert recorder.events == bystander.events == expected_events(2)
    if isinstance(error, KeyboardInterrupt):  # what has been learnt is kept
        np.testing.assert_array_equal(model.coef_, recorder.models[1].coef_)
        assert model.n_iter_ == len(model.loss_curve_) == 2
        assert model.t_ == clone(model).set_callbacks(Recorder(stop_after=2)).fit(X, y).t_
        assert model.score(X, y) > 0.6
    recorder.error = None
    model.fit(X, y)
    assert model.n_iter_ > 2


@needs_callbacks
def test_nothing_begins_where_the_input_is_refused():
    recorder = Recorder()
    with pytest.raises(ValueError):
        GDLinearRegression().set_callbacks(recorder).fit(X, np.full(len(X), np.nan))
    assert recorder.events == []


@needs_callbacks
def test_number_of_epochs_is_announced():
    announced = []

    class Announced(Recorder):
        def on_fit_task_begin(self, estimator, context):
            announced.append((context.task_name, context.max_subtasks))

    model = GDLinearRegression(optimizer="adam", max_iter=2, tol=None)
    model.set_callbacks(Announced()).fit(X, y)
    assert announced == [("fit", 2), ("epoch", 0), ("epoch", 0)]


@needs_callbacks
def test_there_are_no_more_epochs_than_announced(model):
    for loss in ("squared_error", "huber", "quantile"):  # which take solvers in turn
        regression = GDLinearRegression(loss=loss, max_iter=3, tol=None)
        regression.set_callbacks(Recorder()).fit(X, X[:, 0] + y)
        assert regression.n_iter_ <= 3
    recorder = Recorder()
    model.set_params(max_iter=3, tol=None).set_callbacks(recorder).fit(X, y)
    assert len(recorder.models) == model.n_iter_ <= 3


@needs_callbacks
def test_hooks_are_told_the_data_and_its_weights_alone():
    class Told(Recorder):
        def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
            told.append((X, y, metadata))

        def on_fit_task_end(self, estimator, context, *, X, y, metadata):
            told.append((X, y, metadata))

    weights = np.arange(len(y)) % 3
    validation = {"X_val": X[:50], "y_val": y[:50], "sample_weight_val": weights[:50] + 1}
    for given in ({}, {"sample_weight": weights}):
        told = []
        model = GDLogisticRegression(early_stopping=True, max_iter=3).set_callbacks(Told())
        model.fit(X, y, **given, **validation)
        assert len(told) >= 4
        for X_told, y_told, metadata in told:
            np.testing.assert_array_equal(X_told, X)
            np.testing.assert_array_equal(y_told, y)
            assert metadata == (given or None)


@needs_callbacks
@pytest.mark.parametrize(
    "estimator, target, shape",
    [
        (GDLinearRegression(), y.astype(float), (200,)),
        (GDLinearRegression(), np.column_stack([y, 1.0 - y]), (200, 2)),
        (GDLogisticRegression(), labels, (200,)),
        (GDLinearSVC(), labels.astype(str), (200,)),
    ],
)
@pytest.mark.parametrize("optimizer", ["adam", "auto"])
def test_models_of_epochs_predict_for_every_kind_of_target(estimator, target, shape, optimizer):
    recorder = Recorder()
    model = clone(estimator).set_params(optimizer=optimizer, max_iter=3, tol=None)
    model.set_callbacks(recorder).fit(X.astype(np.float32), target)
    for of_epoch in recorder.models:
        assert of_epoch.predict(X).shape == shape
        assert of_epoch.coef_.dtype == model.coef_.dtype == np.float32
        assert of_epoch.coef_.shape == model.coef_.shape
        assert np.shape(of_epoch.intercept_) == np.shape(model.intercept_)


@needs_callbacks
def test_callbacks_see_a_warm_start():
    recorder = Recorder()
    model = GDLogisticRegression(optimizer="adam", warm_start=True, max_iter=2, tol=None)
    model.set_callbacks(recorder).fit(X, y).fit(X, y)
    assert [m.n_iter_ for m in recorder.models] == [1, 2, 1, 2]
    values = [m.coef_[0, 0] for m in recorder.models]
    assert len(set(values)) == 4


@needs_callbacks
def test_callbacks_come_with_clones_and_pickles_and_go():
    recorder = Recorder()
    model = GDLogisticRegression().set_callbacks(recorder).fit(X, y)
    reloaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(reloaded.predict(X), model.predict(X))
    clone(model).fit(X, y)
    seen = len(recorder.events)
    assert seen == 2 * len(expected_events(model.n_iter_))
    model.set_callbacks().fit(X, y)
    assert len(recorder.events) == seen


@needs_callbacks
def test_stop_inside_a_pipeline():
    recorder = Recorder(stop_after=3)
    pipeline = make_pipeline(StandardScaler(), GDLinearSVC(loss="squared_hinge", optimizer="sgd"))
    pipeline[-1].set_callbacks(recorder)
    pipeline.fit(X, y)
    assert pipeline[-1].n_iter_ == 3


@needs_callbacks
@pytest.mark.parametrize("sample_weight", [None, np.arange(len(y)) % 2 + 1.0])
def test_scoring_monitor(model, sample_weight):
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring=["accuracy", "roc_auc"])
    model.set_params(max_iter=5).set_callbacks(monitor).fit(X, y, sample_weight=sample_weight)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in rows] == list(range(model.n_iter_))
    assert rows[-1]["accuracy"] == model.score(X, y, sample_weight)
    assert rows[-1]["roc_auc"] > 0.7


@needs_callbacks
def test_scoring_monitor_in_a_grid_search():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(
        StandardScaler(), GDLogisticRegression(tol=None, max_iter=2).set_callbacks(monitor)
    )
    grid = {"gdlogisticregression__optimizer": ["sgd", "lbfgs"]}
    GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    epochs = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(epochs) == (2 * 2 + 1) * 2  # candidates times folds and the refit, two epochs each
    assert all(0.4 < row["accuracy"] <= 1.0 for row in epochs)


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_progress_bar_around_pipelines_and_grid_searches(capsys, n_jobs):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    model = GDLogisticRegression(optimizer="adam", max_iter=3, tol=None)
    pipeline = make_pipeline(StandardScaler(), model)
    grid = {"gdlogisticregression__optimizer": ["adam", "saga"]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    shown = capsys.readouterr().out
    assert "GridSearchCV" in shown
    assert "GDLogisticRegression" in shown
    assert "100%" in shown
    assert search.best_score_ > 0.6
    model.set_callbacks(ProgressBar()).fit(X, y)
    assert "GDLogisticRegression - fit" in capsys.readouterr().out


@pytest.mark.skipif(HAS_CALLBACKS, reason="this scikit-learn has callbacks")
def test_older_scikit_learn_says_that_it_has_no_callbacks():
    with pytest.raises(NotImplementedError, match=r"GDLinearSVC.set_callbacks needs scikit-learn"):
        GDLinearSVC().set_callbacks(Recorder())


LINE = re.compile(r" *(\d+) +(-?\d\.\d{8}e[+-]\d\d) +(-|\d\.\d{3}e[+-]\d\d) +(\d+\.\d\d)")


def test_verbose_prints_one_aligned_line_an_epoch(model, capsys):
    model.set_params(verbose=1).fit(X, y)
    name, header, *lines = capsys.readouterr().out.splitlines()
    assert type(model).__name__ in name
    assert header.split() == ["epoch", "objective", "certificate", "seconds"]
    assert {len(line) for line in lines} == {len(header)}
    epochs, objectives, certificates, seconds = zip(
        *(LINE.fullmatch(line).groups() for line in lines)
    )
    assert list(map(int, epochs)) == list(range(model.n_iter_ + 1))  # 0 is the start
    assert np.allclose(np.array(objectives[1:-1], float), model.loss_curve_[:-1], rtol=1e-8)
    assert list(map(float, seconds)) == sorted(map(float, seconds))
    if model.optimizer_.family == "stochastic":
        assert set(certificates) == {"-"}  # those know of none
    elif model.n_iter_ < model.max_iter:
        assert float(certificates[-1]) <= model.tol


def test_verbose_0_prints_nothing(model, capsys):
    model.fit(X, y)
    assert capsys.readouterr().out == ""
