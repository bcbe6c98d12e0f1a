"""
Losses: what a mistake costs
============================

A loss is a function of the prediction z and the target y of one row. What the learnt model cares
for follows from its shape.
"""

# %%
# For classes, with m = y z positive where the answer is right. All of them punish wrong answers;
# they differ in how much a gross mistake counts, and in whether an answer that is right by far
# still pulls (the logarithm does, a little: that is where its probabilities come from).

import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression, losses

of_classes = [losses.LogLoss(), losses.Hinge(), losses.SquaredHinge()]
of_numbers = [
    losses.SquaredError(),
    losses.Huber(epsilon=1.0),
    losses.AbsoluteError(),
    losses.EpsilonInsensitive(epsilon=0.5),
    losses.SquaredEpsilonInsensitive(epsilon=0.5),
    losses.Quantile(quantile=0.8),
]
styles = ["-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1))]

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
m = np.linspace(-2.5, 2.5, 501)
left.plot(m, m <= 0.0, color="grey", linewidth=1, label="number of mistakes")
for loss, style in zip(of_classes, styles):
    left.plot(m, loss.value(np.ones_like(m), m), linestyle=style, linewidth=2, label=loss.name)
left.set(xlabel="m = y z", ylabel="loss", ylim=(-0.1, 5), title="Classes: y is -1 or +1")
left.legend()
for loss, style in zip(of_numbers, styles):
    right.plot(m, loss.value(np.zeros_like(m), m), linestyle=style, linewidth=2, label=loss.name)
right.set(xlabel="r = z - y", ylabel="loss", ylim=(-0.1, 3.5), title="Numbers")
right.legend(loc="upper center", fontsize="small")

# %%
# In regression the shape decides what is estimated: the mean, the median, a quantile; and what a
# few wild rows can do. Here one measurement in ten has gone wrong, at the right end of the line.

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(0.0, 10.0, 100))
y = 1.0 + 0.5 * x + rng.normal(scale=0.5, size=100)
wild = rng.choice(np.flatnonzero(x > 6.0), 10, replace=False)
y[wild] -= rng.uniform(5.0, 10.0, 10)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.scatter(x, y, s=12, color="grey")
shown = ["squared_error", "huber", "absolute_error", "quantile"]
for name, style in zip(shown, styles):
    model = GDLinearRegression(loss=name, quantile=0.8, tol=1e-6).fit(x[:, None], y)
    label = "quantile, 0.8" if name == "quantile" else name
    left.plot(x, model.predict(x[:, None]), linestyle=style, linewidth=2, label=label)
left.set(xlabel="x", ylabel="y", title="One row in ten is wild")
left.legend(loc="lower left", fontsize="small")

# For classes it decides where the border lies: rows far on the right side are of no concern to the
# hinge, and of little to the others.
centres = np.repeat([[-1.0, 0.0], [1.0, 0.0]], 60, axis=0)
X = centres + rng.normal(scale=0.6, size=(120, 2)) * [1.0, 1.5]
labels = np.repeat([-1, 1], 60)
X[:15] = [-6.0, 3.0] + rng.normal(scale=0.5, size=(15, 2))
X = StandardScaler().fit_transform(X)
right.scatter(*X.T, c=labels, cmap="coolwarm", s=14, alpha=0.7)
grid = np.linspace(-2.5, 2.5, 100)
for model, style, name in (
    (GDLinearRegression(), ":", "squared_error"),
    (GDLogisticRegression(alpha=1e-3), "-", "log_loss"),
    (GDLinearSVC(alpha=1e-3), "--", "hinge"),
):
    model.fit(X, labels)
    w, b = model.coef_.ravel(), np.ravel(model.intercept_)[0]
    right.plot(-(w[1] * grid + b) / w[0], grid, linestyle=style, color="black", label=name)
right.set(xlim=X[:, 0].min() - 0.2, ylim=(-2.5, 2.9), title="Fifteen rows are easy, and far away")
right.set(xlabel="first column", ylabel="second column")
right.legend(loc="lower left", fontsize="small")
