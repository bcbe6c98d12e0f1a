"""
Digits: what a softmax model looks at
=====================================

Ten classes, 64 pixels of 0 to 16, no scaler. The coefficients of a linear model are pictures
themselves: one for each digit, of where ink speaks for it and where against.
"""

# %%
# The penalty decides how the pictures look. Under a heavy one they are soft, not far from the mean
# image of each digit; the strength that cross-validation chooses leaves room for single strokes
# that tell one digit from another; L1 keeps a dozen pixels or two for each.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from sgdlearn import GDLogisticRegression

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)

search = GridSearchCV(
    GDLogisticRegression(tol=1e-3), {"alpha": [0.01, 0.1, 1.0]}, scoring="neg_log_loss", cv=3
).fit(X_train, y_train)
chosen = search.best_estimator_
models = {
    "alpha = 100": GDLogisticRegression(alpha=100.0, tol=1e-3),
    f"alpha = {chosen.alpha:g}, chosen": chosen,
    "L1, alpha = 0.02": GDLogisticRegression(penalty="l1", alpha=0.02, tol=1e-3),
}

figure, axes = plt.subplots(3, 10, figsize=(10, 4.2), layout="constrained")
for row, (name, model) in zip(axes, models.items()):
    model.fit(X_train, y_train)
    accuracy, used = model.score(X_test, y_test), np.mean(model.coef_ != 0)
    print(f"{name:22} accuracy {accuracy:.3f}, {used:.0%} of the coefficients are not zero")
    largest = np.quantile(np.abs(model.coef_), 0.99)
    for digit, panel in enumerate(row):
        image = model.coef_[digit].reshape(8, 8)
        panel.imshow(image, cmap="RdBu", vmin=-largest, vmax=largest)
        panel.set(xticks=(), yticks=())
    row[0].set_ylabel(name.replace(", ", ",\n"), fontsize="small")
for digit, panel in enumerate(axes[0]):
    panel.set_title(digit)
figure.suptitle("Coefficients: ink here speaks for the digit (blue), or against it (red)")

# %%
# The probabilities tell which digits of the other half the model is least sure of.

probabilities = chosen.predict_proba(X_test)
unsure = np.argsort(probabilities.max(axis=1))[:10]

figure, axes = plt.subplots(2, 10, figsize=(10, 2.9), layout="constrained", height_ratios=(1, 0.8))
for i, (image, bars) in zip(unsure, axes.T):
    image.imshow(X_test[i].reshape(8, 8), cmap="Greys")
    image.set(xticks=(), yticks=(), title=f"it is a {y_test[i]}")
    image.title.set_fontsize("medium")
    colors = ["C1" if digit == y_test[i] else "C0" for digit in range(10)]
    bars.bar(range(10), probabilities[i], color=colors)
    bars.set(ylim=(0, 0.75), xticks=(0, 3, 6, 9), yticks=(0, 0.5))
    if bars is not axes[1, 0]:
        bars.set_yticklabels(())
axes[1, 0].set_ylabel("probability")
figure.suptitle("The least certain answers (orange: the digit that it is)")
