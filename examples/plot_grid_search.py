"""
A grid search over optimizers
=============================

The optimizer is a hyper-parameter like any other, by name or as an object; so are the learning rate
and the batch size, and what lies inside an optimizer (``model__optimizer__beta1``).
"""

# %%
# Digits in twenty passes: which optimizer at which rate? ``"auto"`` is one of the rates.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLogisticRegression
from sgdlearn.inspection import OptimizerComparisonDisplay
from sgdlearn.optimizers import SGD, Adam

X, y = load_digits(return_X_y=True)
pipeline = Pipeline(
    [
        ("scaler", StandardScaler()),
        ("model", GDLogisticRegression(max_iter=20, tol=None, alpha=1e-3, random_state=0)),
    ]
)
grid = {
    "model__optimizer": ["sgd", SGD(momentum=0.9), "adagrad", "rmsprop", "adam"],
    "model__learning_rate": [0.0001, 0.001, 0.01, 0.1, 1.0, "auto"],
}
search = GridSearchCV(pipeline, grid, cv=3, scoring="neg_log_loss").fit(X, y)
best = {name.removeprefix("model__"): value for name, value in search.best_params_.items()}
print(best, f"log loss {-search.best_score_:.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
OptimizerComparisonDisplay.from_cv_results(search.cv_results_, ax=left)
left.set(ylim=(-0.6, -0.1), ylabel="score (negative log loss)")

# sphinx_gallery_defer_figures

# %%
# Inside an optimizer: the two decays of Adam, as parameters of the object.

pipeline.set_params(model__optimizer=Adam(), model__learning_rate=0.01)
decays = {
    "model__optimizer__beta1": [0.0, 0.5, 0.9, 0.99],
    "model__optimizer__beta2": [0.5, 0.9, 0.99, 0.999],
}
inner = GridSearchCV(pipeline, decays, cv=3, scoring="neg_log_loss").fit(X, y)
scores = inner.cv_results_["mean_test_score"].reshape(4, 4)
picture = right.imshow(scores, cmap="viridis")
for (row, column), score in np.ndenumerate(scores):
    dark = score < scores.mean()
    right.text(column, row, f"{score:.3f}", ha="center", color="white" if dark else "black")
right.set_xticks(range(4), decays["model__optimizer__beta2"])
right.set_yticks(range(4), decays["model__optimizer__beta1"])
right.set(xlabel="beta2", ylabel="beta1", title="Adam at 0.01")
figure.colorbar(picture, label="score (negative log loss)")
