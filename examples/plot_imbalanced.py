"""
Rare classes: weights, or another threshold
===========================================

One row in fifty is a fraud. A model trained on the plain mean loss is well calibrated and hardly
ever says "fraud"; with ``class_weight="balanced"`` both classes count the same. It is worth knowing
what the weights change.
"""

# %%
# Two columns can be looked at. The weights multiply the rows of the rare class by what they are
# rarer: here about fifty. The line moves towards the many.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve

from sgdlearn import GDLogisticRegression

rng = np.random.default_rng(0)


def draw(n, share=0.02):
    y = (rng.random(n) < share).astype(int)
    X = rng.normal(size=(n, 2)) * [1.0, 0.6] + y[:, None] * [1.6, 0.9]
    return X, y


X_train, y_train = draw(5_000)
X_test, y_test = draw(100_000)

models = {
    "no weights": GDLogisticRegression(alpha=1e-6),
    "balanced": GDLogisticRegression(alpha=1e-6, class_weight="balanced"),
    "a fraud costs 10": GDLogisticRegression(alpha=1e-6, class_weight={1: 10.0}),
}
styles = {"no weights": "-", "balanced": "--", "a fraud costs 10": "-."}

figure, (data, ranking, calibration) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for label, color, marker, size in ((0, "C0", "o", 4), (1, "C3", "^", 18)):
    data.scatter(*X_train[y_train == label].T, s=size, color=color, marker=marker, alpha=0.6)
ends = np.array([-3.0, 4.5])
for name, model in models.items():
    model.fit(X_train, y_train)
    w, b = model.coef_[0], model.intercept_[0]
    data.plot(ends, -(w[0] * ends + b) / w[1], styles[name], color="black", label=name)

    found = model.predict(X_test) == 1
    caught = np.mean(found[y_test == 1])
    right = np.mean(y_test[found])
    print(f"{name:18} finds {caught:4.0%} of the frauds; {right:4.0%} of its alarms are right")

    probability = model.predict_proba(X_test)[:, 1]
    precision, recall, threshold = precision_recall_curve(y_test, probability)
    ranking.plot(recall, precision, styles[name], label=name, linewidth=2)
    half = np.searchsorted(threshold, 0.5)
    ranking.plot(recall[half], precision[half], "ko", markersize=5)
    said, was = calibration_curve(y_test, probability, n_bins=12, strategy="quantile")[::-1]
    calibration.loglog(said, was, styles[name], marker="o", markersize=3, label=name)

data.set(xlim=ends, ylim=(-3.4, 3.5), xlabel="first column", ylabel="second column")
data.set_title("Frauds among payments, and p = 1/2")
data.legend(loc="lower left", fontsize="small")
ranking.set(xlabel="recall: share of frauds found", ylabel="precision: share of alarms right")
ranking.set_title("The ranking is the same (dots: p = 1/2)")
ranking.legend(loc="upper right", fontsize="small")
calibration.plot([1e-4, 1], [1e-4, 1], ":", color="grey")
calibration.set(xlabel="predicted probability", ylabel="share of frauds", ylim=(1e-4, 1))
calibration.set_title("The probabilities are not")
calibration.legend(loc="upper left", fontsize="small")

# %%
# The weights move along one and the same curve: they choose a threshold, and give up the
# probabilities for it. Where a mistake has a price, the model without weights and a threshold of
# one's own does the same: an alarm pays if p > 1 / 11 when a fraud missed costs ten false alarms.

alarm = models["no weights"].predict_proba(X_test)[:, 1] > 1 / 11
same = np.mean(alarm == (models["a fraud costs 10"].predict(X_test) == 1))
print(f"Threshold 1 / 11 and weight 10 agree on {same:.1%} of the payments.")
