"""The estimators inside scikit-learn: grids, pipelines, meta-estimators, metadata routing."""

import pickle

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn.optimizers import FTRL, SGD, Adam
from sgdlearn.schedules import InverseScaling, ReduceOnPlateau, Warmup

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_breast_cancer(return_X_y=True)
iris = load_iris(return_X_y=True)
diabetes = load_diabetes(return_X_y=True)
FEW = {"max_iter": 5, "tol": None, "random_state": 0}

# Grids

GRIDS = [
    ({}, {"optimizer": ["sgd", "adam", "saga"]}),
    ({}, {"optimizer": ["auto", SGD(momentum=0.9), FTRL(), "lbfgs"], "alpha": [1e-4, 1e-2]}),
    ({"optimizer": Adam()}, {"optimizer__beta1": [0.0, 0.5, 0.9]}),
    ({"optimizer": "sgd"}, {"learning_rate": ["auto", 0.01, InverseScaling(), lambda t: 0.1 / t]}),
    (
        {"optimizer": "adam", "learning_rate": InverseScaling()},
        {"learning_rate__initial_rate": [0.001, 0.1]},
    ),
    (
        {"optimizer": "adam", "learning_rate": Warmup(ReduceOnPlateau(), steps=10)},
        {"learning_rate__schedule__factor": [0.1, 0.5], "learning_rate__steps": [1, 20]},
    ),
    ({"optimizer": "adam"}, {"batch_size": [1, 16, "full", "auto"]}),
    ({}, {"penalty": ["l1", "l2", None], "positive": [False, True]}),
]


@pytest.mark.parametrize("parameters, grid", GRIDS, ids=lambda value: ", ".join(value))
def test_grid_search(parameters, grid):
    search = GridSearchCV(GDLogisticRegression(**FEW, **parameters), grid, cv=2)
    search.fit(StandardScaler().fit_transform(X), y)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == np.prod([len(values) for values in grid.values()])
    assert search.best_score_ > 0.93
    for name, value in search.best_params_.items():
        assert repr(search.best_estimator_.get_params()[name]) == repr(value)


@pytest.mark.parametrize("estimator", [GDLinearRegression, GDLogisticRegression, GDLinearSVC])
def test_grid_search_in_a_pipeline(estimator):
    data = diabetes if estimator is GDLinearRegression else (X, y)
    pipeline = make_pipeline(StandardScaler(), estimator(optimizer=Adam(), random_state=0))
    name = estimator.__name__.lower()
    grid = {f"{name}__optimizer__beta1": [0.5, 0.9], f"{name}__alpha": [1e-4, 1e-2]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(*data)
    assert search.best_score_ > (0.45 if estimator is GDLinearRegression else 0.96)
    assert search.best_estimator_[-1].optimizer_.beta1 in (0.5, 0.9)


def test_grid_search_by_many_processes():
    def search(n_jobs):
        model = GDLogisticRegression(optimizer=Adam(), learning_rate=InverseScaling(0.1), **FEW)
        grid = {"optimizer__beta1": [0.5, 0.9], "learning_rate__power": [0.2, 0.5]}
        pipeline = make_pipeline(StandardScaler(), model)
        grid = {f"gdlogisticregression__{name}": values for name, values in grid.items()}
        return GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs).fit(X, y)

    alone, together = search(1), search(2)
    for key in ("mean_test_score", "params"):
        np.testing.assert_array_equal(alone.cv_results_[key], together.cv_results_[key])
    np.testing.assert_array_equal(
        alone.best_estimator_[-1].coef_, together.best_estimator_[-1].coef_
    )


@pytest.mark.parametrize(
    "name, value, held",
    [
        ("optimizer__beta1", 0.5, "optimizer='adam'"),
        ("learning_rate__initial_rate", 0.5, "learning_rate='auto'"),
        ("penalty__l1", 0.5, "penalty='l2'"),
    ],
)
def test_a_grid_over_a_parameter_of_a_name_says_what_it_needs(name, value, held):
    model = GDLogisticRegression(optimizer="adam")
    with pytest.raises(ValueError, match=f"{name} is a parameter of an object.*{held}"):
        GridSearchCV(model, {name: [value]}, cv=2).fit(X, y)
    with pytest.raises(ValueError, match="Invalid parameter 'optimiser'"):
        model.set_params(optimiser__beta1=0.5)
    model.set_params(optimizer__beta1=0.5, optimizer=Adam())
    assert model.optimizer.beta1 == 0.5


def test_randomized_search_and_curves():
    model = make_pipeline(StandardScaler(), GDLogisticRegression(optimizer="sgd", **FEW))
    spaces = {"gdlogisticregression__alpha": np.geomspace(1e-5, 1e-1, 20)}
    search = RandomizedSearchCV(model, spaces, n_iter=3, cv=2, random_state=0).fit(X, y)
    assert search.best_score_ > 0.93
    _, test = validation_curve(
        model, X, y, param_name="gdlogisticregression__alpha", param_range=[1e-4, 1e2], cv=2
    )
    assert test[0].mean() > test[1].mean()
    _, _, test = learning_curve(model, X, y, train_sizes=[0.2, 1.0], cv=2)
    assert test.mean() > 0.9
    _, _, test = learning_curve(  # goes by partial_fit
        GDLogisticRegression(random_state=0), StandardScaler().fit_transform(X), y,
        train_sizes=[0.2, 1.0], cv=2, exploit_incremental_learning=True,
    )  # fmt: skip
    assert test.mean() > 0.9


# Pipelines


def test_columns_of_many_kinds():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "income": rng.lognormal(10.0, 1.0, size=300),
        "age": rng.integers(18, 90, size=300),
        "city": rng.choice(["Bonn", "Graz", "Bern"], size=300),
    })  # fmt: skip
    y = np.where((frame["city"] == "Bonn") ^ (rng.random(300) < 0.1), "yes", "no")
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["income", "age"]), ("names", OneHotEncoder(), ["city"])]
    )
    for optimizer in ("auto", "adam", "saga"):
        model = make_pipeline(columns, GDLogisticRegression(optimizer=optimizer, random_state=0))
        assert cross_val_score(model, frame, y, cv=3).mean() > 0.85
        assert set(model.fit(frame, y).predict(frame)) == {"yes", "no"}


@pytest.mark.parametrize("optimizer", ["auto", "sgd", "adam", "ftrl", "saga"])
def test_text(optimizer):
    good = ["a fine day", "what a fine and lovely song", "lovely weather", "fine fine tea"]
    bad = ["an awful day", "what a dull and awful song", "dull weather", "awful dull tea"]
    texts, y = (good + bad) * 5, ([1] * 4 + [0] * 4) * 5
    for estimator in (GDLogisticRegression, GDLinearSVC):
        model = estimator(optimizer=optimizer, random_state=0)
        if estimator is GDLinearSVC and optimizer == "saga":
            model.set_params(loss="squared_hinge")
        model = make_pipeline(TfidfVectorizer(), model).fit(texts, y)
        assert model.score(texts, y) == 1.0
        assert model.predict(["lovely fine words", "dull awful words"]).tolist() == [1, 0]


def test_set_output_and_feature_names():
    pd = pytest.importorskip("pandas")
    frame, y = load_iris(return_X_y=True, as_frame=True)
    pipeline = make_pipeline(StandardScaler(), GDLogisticRegression(penalty="l1", alpha=0.05))
    pipeline.set_output(transform="pandas").fit(frame, y)
    assert list(pipeline[-1].feature_names_in_) == list(frame.columns)
    selector = SelectFromModel(pipeline[-1], prefit=True).set_output(transform="pandas")
    chosen = selector.fit_transform(pipeline[:-1].transform(frame), y)
    assert isinstance(chosen, pd.DataFrame)
    assert set(chosen.columns) < set(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        pipeline[-1].predict(frame.rename(columns=str.upper))


def test_streams_through_a_transformer():
    scaler, model = StandardScaler().fit(X), GDLogisticRegression()
    log = FunctionTransformer(np.arcsinh)
    for start in range(0, len(X), 100):
        chunk = slice(start, start + 100)
        model.partial_fit(log.transform(scaler.transform(X[chunk])), y[chunk], classes=[0, 1])
    assert model.score(log.transform(scaler.transform(X)), y) > 0.93


# Meta-estimators

scaled = StandardScaler().fit_transform(X)
CLASSIFIERS = {
    "calibrated, by sigmoid": (CalibratedClassifierCV(GDLinearSVC(), cv=2), 0.95),
    "calibrated, isotonic": (
        CalibratedClassifierCV(GDLinearSVC(optimizer="adam", **FEW), method="isotonic", cv=2),
        0.93,
    ),
    "one-vs-rest": (OneVsRestClassifier(GDLogisticRegression(optimizer="sgd", **FEW)), 0.93),
    "one-vs-one": (
        OneVsOneClassifier(GDLinearSVC(optimizer="saga", loss="squared_hinge", **FEW)),
        0.95,
    ),
    "bagging": (
        BaggingClassifier(GDLogisticRegression(optimizer="adam", **FEW), 3, random_state=0),
        0.93,
    ),
    "stacking": (
        StackingClassifier(
            [("svc", GDLinearSVC()), ("sgd", GDLogisticRegression(optimizer="sgd", **FEW))],
            final_estimator=GDLogisticRegression(),
            cv=2,
        ),
        0.95,
    ),
    "voting": (
        VotingClassifier(
            [("a", GDLogisticRegression()), ("b", GDLogisticRegression(optimizer="ftrl", **FEW))],
            voting="soft",
        ),
        0.95,
    ),
    "selected": (
        make_pipeline(
            SelectFromModel(GDLogisticRegression(penalty="l1", alpha=0.02)), GDLogisticRegression()
        ),
        0.93,
    ),
    "eliminated": (RFE(GDLogisticRegression(), n_features_to_select=5, step=10), 0.93),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_meta_estimators(name):
    classifier, score = CLASSIFIERS[name]
    classifier = clone(classifier).fit(scaled, y)
    assert classifier.score(scaled, y) > score
    reloaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(reloaded.predict(scaled), classifier.predict(scaled))


def test_many_classes_and_many_outputs():
    for estimator in (GDLogisticRegression(), GDLinearSVC()):
        assert OneVsRestClassifier(estimator).fit(*iris).score(*iris) > 0.9
    labels = np.column_stack([iris[1] == 0, iris[1] == 2])
    assert (
        MultiOutputClassifier(GDLogisticRegression()).fit(iris[0], labels).score(iris[0], labels)
        > 0.9
    )
    X, z = diabetes
    both = np.column_stack([z, -2.0 * z])
    direct = GDLinearRegression(tol=1e-10).fit(X, both)
    each = MultiOutputRegressor(GDLinearRegression(tol=1e-10)).fit(X, both)
    np.testing.assert_allclose(direct.predict(X), each.predict(X), rtol=1e-6)
    logs = TransformedTargetRegressor(GDLinearRegression(), func=np.log, inverse_func=np.exp)
    assert logs.fit(X, z).score(X, z) > 0.4


def test_scores_and_predictions_across_folds():
    model = make_pipeline(StandardScaler(), GDLogisticRegression())
    assert cross_val_score(model, X, y, cv=3, scoring="roc_auc").mean() > 0.98
    p = cross_val_predict(model, X, y, cv=3, method="predict_proba")
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    importance = permutation_importance(model.fit(X, y), X, y, n_repeats=2, random_state=0)
    assert importance.importances_mean.max() > 0.0
    assert cross_val_score(GDLinearRegression(), *diabetes, cv=3).mean() > 0.4


# Metadata routing


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_weights_are_routed_to_fit_and_score():
    weights = np.where(y == 1, 1.0, 3.0)
    model = GDLogisticRegression(optimizer="saga", **FEW)
    requesting = clone(model).set_fit_request(sample_weight=True)
    scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
    half = np.arange(len(y)) < len(y) // 2
    folds = [(np.flatnonzero(half), np.flatnonzero(~half))]
    params = {"sample_weight": weights}
    pipeline = make_pipeline(StandardScaler(), requesting)
    pipeline[0].set_fit_request(sample_weight=False)
    scores = cross_validate(
        pipeline, X, y, cv=folds, scoring=scorer, params=params, return_estimator=True
    )
    scaler = StandardScaler().fit(X[half])
    by_hand = clone(model).fit(scaler.transform(X[half]), y[half], weights[half])
    np.testing.assert_array_equal(scores["estimator"][0][-1].coef_, by_hand.coef_)
    score = by_hand.score(scaler.transform(X[~half]), y[~half], weights[~half])
    assert scores["test_score"] == [score]
    assert not np.allclose(by_hand.coef_, model.fit(scaler.transform(X[half]), y[half]).coef_)

    search = GridSearchCV(requesting, {"alpha": [1e-4, 1e-2]}, cv=folds, scoring=scorer)
    search.fit(scaled, y, sample_weight=weights)
    np.testing.assert_array_equal(
        search.best_estimator_.coef_, clone(search.best_estimator_).fit(scaled, y, weights).coef_
    )


@pytest.mark.usefixtures("routing")
def test_every_metadata_can_be_requested():
    for estimator in (GDLinearRegression(), GDLogisticRegression(), GDLinearSVC()):
        requests = estimator.get_metadata_routing()
        assert set(requests.fit.requests) == {
            "sample_weight", "coef_init", "intercept_init", "X_val", "y_val", "sample_weight_val"
        }  # fmt: skip
        assert "sample_weight" in requests.partial_fit.requests
        assert set(requests.score.requests) == {"sample_weight"}
        assert not hasattr(GDLinearSVC(optimizer="lbfgs"), "partial_fit")


# Storage


@pytest.mark.parametrize("storage", [sparse.csr_matrix, sparse.csc_array])
def test_grid_search_on_sparse_rows(storage):
    model = GDLogisticRegression(**FEW)
    search = GridSearchCV(model, {"optimizer": ["sgd", "adam", "saga", "auto"]}, cv=2)
    assert search.fit(storage(np.where(np.abs(scaled) < 0.5, 0.0, scaled)), y).best_score_ > 0.9
