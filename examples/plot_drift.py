"""
A stream that drifts
====================

Customers change their minds, sensors age. A model that learns from a stream goes on learning; how
fast it forgets is the choice of its optimizer and learning rate.
"""

# %%
# Two classes in twenty columns. The direction that tells them apart turns slowly from row 8,000 to
# 12,000, and jumps to another at row 16,000. Every chunk of 100 rows is first guessed and then
# learnt from, so each accuracy is one of rows not seen before.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import SGDClassifier

from sgdlearn import GDLogisticRegression

rng = np.random.default_rng(0)
n, p, size = 24_000, 20, 100
first, second, third = np.linalg.qr(rng.normal(size=(p, 3)))[0].T
turned = np.clip((np.arange(n) - 8_000) / 4_000, 0.0, 1.0)[:, None] * np.pi / 2
direction = np.cos(turned) * first + np.sin(turned) * second
direction[16_000:] = third
X = rng.normal(size=(n, p))
y = (4.0 * np.sum(X * direction, axis=1) + rng.logistic(size=n) > 0).astype(int)

# %%
# Schedule-free AdaGrad, which ``optimizer="auto"`` takes, shortens its steps with all that it has
# seen, and averages: best in a world that stays as it is, slow to turn round in one that does not.
# At a rate that is a number the steps of the other rules stay as long as they are: that costs some
# accuracy while nothing happens, and is soon where the new direction is.

models = {
    "fitted once, to the first 4000": GDLogisticRegression(),
    "auto (schedule-free AdaGrad)": GDLogisticRegression(),
    "sgd, rate 0.1": GDLogisticRegression(optimizer="sgd", learning_rate=0.1),
    "SGDClassifier": SGDClassifier(loss="log_loss", random_state=0),
}
hits = {name: [] for name in models}
for start in range(0, n, size):
    chunk = slice(start, start + size)
    for name, model in models.items():
        if start > 0:
            hits[name].append(model.score(X[chunk], y[chunk]))
        if start < 4000 or "once" not in name:
            model.partial_fit(X[chunk], y[chunk], classes=[0, 1])

figure, axis = plt.subplots(figsize=(10, 4.2), layout="constrained")
axis.axvspan(8_000, 12_000, color="grey", alpha=0.2, linewidth=0)
axis.axvline(16_000, color="grey")
axis.text(8_200, 0.2, "the direction turns", fontsize="small")
axis.text(16_200, 0.2, "the direction jumps", fontsize="small")
window = np.ones(10) / 10
for (name, accuracy), style in zip(hits.items(), (":", "--", "-", "-.")):
    smooth = np.convolve(accuracy, window, mode="valid")
    axis.plot(size * (np.arange(len(smooth)) + 10), smooth, style, linewidth=2, label=name)
axis.set(xlabel="rows seen", ylabel="accuracy on the next rows, mean of 1000", ylim=(0.15, 1.0))
axis.legend(loc="lower left", fontsize="small")

print(f"{'model':32}{'all rows':>9}{'last 4000':>11}")
for name, accuracy in hits.items():
    print(f"{name:32}{np.mean(accuracy):9.3f}{np.mean(accuracy[-40:]):11.3f}")
