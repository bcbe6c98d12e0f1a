"""
A penalty of your own, here a constraint
========================================

Several models are to be blended into one prediction. Left to themselves, the weights of nearly
equal models become large and of both signs; weights that are at least zero and sum to one cannot
(Breiman 1996, "Stacked regressions"). That is no built-in penalty. But a convex constraint is a
penalty, zero where it holds and infinite elsewhere, and all that is asked of a penalty is its
proximal map: for a constraint, the projection onto it.
"""

# %%
# A penalty is a class with a value and a proximal map, of coefficients W of shape (n_outputs,
# n_features). The estimator's ``alpha`` scales it from outside. A proximal step follows each
# update; that goes with the optimizer "sgd", which "auto" chooses, and with rules of your own.

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import ShuffleSplit, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from sgdlearn import GDLinearRegression
from sgdlearn.penalties import Penalty


class Simplex(Penalty):
    """W >= 0, and each row of W sums to one."""

    def value(self, W):
        return 0.0

    def prox(self, U, rate):
        """The nearest point of the simplex (Held, Wolfe & Crowder 1974): max(U - c, 0)."""
        falling = -np.sort(-U, axis=1)
        excess = (np.cumsum(falling, axis=1) - 1.0) / np.arange(1, U.shape[1] + 1)
        last = np.sum(falling > excess, axis=1, keepdims=True) - 1
        return np.maximum(U - np.take_along_axis(excess, last, axis=1), 0.0)


# %%
# Five models of the progression of diabetes. What the blend learns from are their predictions for
# rows they were not fitted on. Each blend is scored on rows that none of them has seen, in ten
# splits; ``batch_size="full"`` is projected gradient descent.

X, y = load_diabetes(return_X_y=True)
models = [
    LinearRegression(),
    Ridge(1.0),
    make_pipeline(StandardScaler(), KNeighborsRegressor(20)),
    make_pipeline(StandardScaler(), SVR(C=50.0)),
    ExtraTreesRegressor(10, min_samples_leaf=5, random_state=0),
]
given = {"fit_intercept": False, "max_iter": 5000, "tol": 1e-6}
blends = {
    "least squares": GDLinearRegression(**given),
    "not negative": GDLinearRegression(**given, positive=True),
    "on the simplex": GDLinearRegression(**given, penalty=Simplex(), alpha=1.0, batch_size="full"),
}

scores = {"best single model": [], "mean of all": [], **{name: [] for name in blends}}
weights = {name: [] for name in blends}
for train, test in ShuffleSplit(10, test_size=0.5, random_state=0).split(X):
    columns = [cross_val_predict(model, X[train], y[train], cv=5) for model in models]
    seen = np.column_stack(columns)
    unseen = np.column_stack([model.fit(X[train], y[train]).predict(X[test]) for model in models])

    def r2(z, test=test):
        return 1.0 - np.mean((y[test] - z) ** 2) / np.var(y[test])

    best = np.argmin(np.mean((seen - y[train][:, None]) ** 2, axis=0))
    scores["best single model"].append(r2(unseen[:, best]))
    scores["mean of all"].append(r2(unseen.mean(axis=1)))
    for name, blend in blends.items():
        scores[name].append(r2(blend.fit(seen, y[train]).predict(unseen)))
        weights[name].append(blend.coef_)

print(f"{'blend':20}{'R^2':>8}   smallest weight, largest, sum (mean over splits)")
for name, values in scores.items():
    line = f"{name:20}{np.mean(values):8.3f}"
    if name in weights:
        W = np.array(weights[name])
        line += "".join(f"{v.mean():8.2f}" for v in (W.min(axis=1), W.max(axis=1), W.sum(axis=1)))
    print(line)
