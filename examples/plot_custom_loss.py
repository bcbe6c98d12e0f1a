"""
A custom loss: counts
=====================

How many will come in the next hour? Counts are not negative, and vary the more the larger they are.
Poisson regression says so with the loss

.. math::

    \\ell(y, z) = e^z - y z + y \\log y - y

with exp(z) for the prediction; the last two terms make its least value zero. It is not built in; in
NumPy it is a class of three methods, which goes through the same optimizers, penalties, streams and
grids as the built-in losses.
"""

# %%
# ``value`` and ``gradient`` are all that first-order rules need; with ``curvature``, the second
# derivative, Newton's method takes it too.

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import xlogy
from sklearn.linear_model import PoissonRegressor
from sklearn.preprocessing import SplineTransformer

from sgdlearn import GDLinearRegression
from sgdlearn.losses import Loss


class Poisson(Loss):
    name = "poisson"

    def value(self, y, z):
        return np.exp(z) - y * z + xlogy(y, y) - y

    def gradient(self, y, z):
        return np.exp(z) - y

    def curvature(self, y, z):
        return np.exp(z)


# %%
# Two weeks of arrivals, a few by night and many in the morning.

rng = np.random.default_rng(0)
hour = np.tile(np.arange(24.0), 14)
expected = 0.3 + 25.0 * np.exp(-((hour - 8.0) ** 2) / 3.0) + 9.0 * np.exp(-((hour - 17.0) ** 2) / 8)
y = rng.poisson(expected).astype(float)
splines = SplineTransformer(n_knots=10, extrapolation="periodic").fit([[0.0], [24.0]])
X = splines.transform(hour[:, None])

squares = GDLinearRegression(alpha=1e-4).fit(X, y)
counts = GDLinearRegression(loss=Poisson(), alpha=1e-4, optimizer="newton", tol=1e-10).fit(X, y)
theirs = PoissonRegressor(alpha=1e-4, tol=1e-10, max_iter=1000).fit(X, y)
print("as scikit-learn's, to", np.max(np.abs(counts.predict(X) - np.log(theirs.predict(X)))))

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
fine = np.linspace(0.0, 23.0, 300)
Z = splines.transform(fine[:, None])
left.plot(hour + rng.uniform(-0.2, 0.2, len(hour)), y, ".", color="grey", markersize=4)
left.plot(fine, squares.predict(Z), "--", label="squared error")
left.plot(fine, np.exp(counts.predict(Z)), "-", label="Poisson(), exp of the prediction")
left.axhline(0.0, color="black", linewidth=0.8)
left.set(xlabel="hour", ylabel="arrivals in an hour", ylim=(-4, 40), xticks=range(0, 25, 4))
left.legend(loc="upper right", fontsize="small")

# sphinx_gallery_defer_figures

# %%
# Stochastic rules take it as well. The rate of Adam has a meaning without knowing the curvature of
# the loss, which for this one has no bound. (Its curve is the loss of the rows as they were
# visited; the last value alone is that of the final model on all rows.)

runs = {
    "newton": GDLinearRegression(loss=Poisson(), alpha=1e-4, optimizer="newton", max_iter=12),
    "lbfgs": GDLinearRegression(loss=Poisson(), alpha=1e-4, optimizer="lbfgs", max_iter=60),
    "adam, 16 rows an update": GDLinearRegression(
        loss=Poisson(), alpha=1e-4, optimizer="adam", batch_size=16, max_iter=60, random_state=0
    ),
}
least = counts.loss_curve_[-1]
for (name, model), style in zip(runs.items(), ("o-", "s-", "^-")):
    curve = np.array(model.set_params(tol=None).fit(X, y).loss_curve_) - least
    right.semilogy(np.arange(1, len(curve) + 1), curve, style, markersize=3, label=name)
right.set(xlabel="iterations, or passes over the data", ylabel="objective above its minimum")
right.set(ylim=(1e-9, None))
right.legend(loc="upper right", fontsize="small")
