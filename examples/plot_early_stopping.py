"""
Early stopping and callbacks
============================

When there are more columns than the rows can pay for, the training objective goes on falling while
new rows are predicted worse and worse. Early stopping keeps the best iterate; callbacks see every
epoch, and may stop for reasons of their own.
"""

# %%
# 600 rows, 300 columns, ten of which matter. A quarter of the rows is held out from the start and
# passed as validation set; without ``X_val`` a share of the rows is split off.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from sgdlearn import GDLogisticRegression
from sgdlearn.inspection import LossCurveDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(4600, 300))
truth = np.zeros(300)
truth[:10] = rng.choice([-1.0, 1.0], 10) * rng.uniform(0.5, 1.5, 10)
y = (X @ truth + rng.logistic(size=4600) > 0).astype(int)
X, X_test, y, y_test = train_test_split(X, y, test_size=4000, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.25, random_state=0)

run = {"optimizer": "adam", "learning_rate": 0.002, "alpha": 0.0, "random_state": 0}
validation = {"X_val": X_val, "y_val": y_val}
stopped = GDLogisticRegression(early_stopping=True, max_iter=200, **run)
stopped.fit(X_train, y_train, **validation)
patient = GDLogisticRegression(
    early_stopping=True, n_iter_no_change=200, max_iter=200, tol=None, **run
).fit(X_train, y_train, **validation)
to_the_end = GDLogisticRegression(max_iter=200, tol=None, **run).fit(X_train, y_train)

for name, model in {"early": stopped, "patient": patient, "to the end": to_the_end}.items():
    loss = -np.mean(model.predict_log_proba(X_test)[np.arange(len(y_test)), y_test])
    print(f"{name:12} {model.n_iter_:4} epochs, log loss on 4,000 new rows {loss:.3f}")

# %%
# ``validation_curve_`` is the mean loss on the validation set; the filled mark is where the
# coefficients are from.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
LossCurveDisplay.from_estimator(patient, ax=left)
left.axvline(stopped.n_iter_, color="grey", linestyle=":")
left.set_title(f"dotted: early stopping ended at epoch {stopped.n_iter_}")

# sphinx_gallery_defer_figures

# %%
# A callback is an object with four methods, as in scikit-learn 1.9. This one draws nothing itself:
# it keeps how the coefficients go, and stops the fit when the largest one has grown beyond a bound.


class Keep:
    def __init__(self, largest):
        self.largest = largest
        self.path = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.path.append(fitted_estimator.coef_[0])
        return np.abs(self.path[-1]).max() > self.largest


keep = Keep(largest=0.5)
model = GDLogisticRegression(max_iter=200, tol=None, **run)
model.set_callbacks(keep).fit(X_train, y_train)
path = np.array(keep.path[: model.n_iter_])
epochs = np.arange(1, len(path) + 1)
right.plot(epochs, path[:, 10:60], color="grey", linewidth=0.5)
right.plot(epochs, path[:, :10], color="C0", linewidth=2)
right.set(xlabel="Epochs", ylabel="coefficients")
right.set_title(f"Ten that matter, fifty that do not: stopped at {model.n_iter_}")
