"""
Why scaling matters, and why you need no scaler
===============================================

The columns of real data have units: years, dollars, cells per litre. Nothing in a linear model asks
for them to be alike, but plain stochastic gradient descent does. One learning rate has to serve all
coefficients; along a column of large numbers the same rate is far too long a step, along one of
small numbers far too short. ``learning_rate="auto"`` works in a metric in which every column has
unit size, and leaves the objective what it is.
"""

# %%
# The progression of diabetes in 442 patients, their measurements in the units of the clinic: age in
# years, blood pressure in mm Hg, cholesterol in mg/dl. Each model is asked for twenty passes, one
# at a time.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, SGDRegressor
from sklearn.model_selection import train_test_split

from sgdlearn import GDLinearRegression

X, y = load_diabetes(return_X_y=True, scaled=False)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


def error(model):
    """Root mean squared error on the rows held out."""
    return np.sqrt(np.mean((model.predict(X_test) - y_test) ** 2))


passes = np.arange(1, 21)
curves = {}
for name, model in {
    "SGDRegressor": SGDRegressor(random_state=0),
    "GDLinearRegression, optimizer='sgd'": GDLinearRegression(optimizer="sgd", random_state=0),
    "GDLinearRegression, optimizer='adam'": GDLinearRegression(optimizer="adam", random_state=0),
}.items():
    model.set_params(tol=None)
    curves[name] = []
    for n in passes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # few passes, on purpose
            curves[name].append(error(model.set_params(max_iter=n).fit(X_train, y_train)))
best = error(LinearRegression().fit(X_train, y_train))

# %%
# How different may the units be? Below, the columns are first made alike and then multiplied by
# numbers from 1 to 10\ :sup:`s`, so that for s = 4 one column counts in millimetres and another in
# tens of metres. The best linear model is the same for every s.

Z_train = (X_train - X_train.mean(axis=0)) / X_train.std(axis=0)
Z_test = (X_test - X_train.mean(axis=0)) / X_train.std(axis=0)
powers = np.linspace(0.0, 4.0, 17)
scores = {"SGDRegressor()": [], "GDLinearRegression(optimizer='sgd')": []}
for power in powers:
    units = np.logspace(0.0, power, X.shape[1])
    for name, model in zip(scores, (SGDRegressor(), GDLinearRegression(optimizer="sgd"))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(random_state=0).fit(Z_train * units, y_train)
        scores[name].append(model.score(Z_test * units, y_test))

figure, axes = plt.subplot_mosaic(
    [["far", "units"], ["near", "units"]], figsize=(10, 4.2), layout="constrained"
)
for (name, curve), color, style in zip(curves.items(), ("C0", "C1", "C2"), ("o-", "s-", "^-")):
    panel = axes["far" if name == "SGDRegressor" else "near"]
    panel.plot(passes, curve, style, color=color, markersize=4, label=name)
axes["near"].axhline(best, color="black", linestyle=":", label="LinearRegression")
axes["far"].set(yscale="log", ylim=(1e11, 1e17), xticks=(1, 5, 10, 15, 20), xticklabels=())
axes["far"].set(title="In the units of the clinic: error on new patients")
axes["near"].set(xlabel="passes over the data", ylim=(50, 80), xticks=(1, 5, 10, 15, 20))
for panel in (axes["far"], axes["near"]):
    panel.legend(loc="upper right", fontsize="small")
for (name, score), style in zip(scores.items(), ("o-", "s-")):
    axes["units"].plot(powers, np.maximum(score, -0.4), style, markersize=4, label=name)
axes["units"].axhline(0.0, color="black", linestyle=":", linewidth=1)
axes["units"].text(0.0, 0.01, "as good as the mean", fontsize="small")
axes["units"].set(xlabel="units from 1 to 10$^s$:  s", ylabel="R² on new patients, cut off at -0.4")
axes["units"].set(title="The same data in other units", ylim=(-0.43, 0.5))
axes["units"].legend(loc="center right", fontsize="small", bbox_to_anchor=(1.0, 0.65))

# %%
# ``SGDRegressor`` goes to numbers with many digits, and does not warn. Where a rate is given,
# sgdlearn means the textbook update too, so this may happen here as well; but it is noticed: the
# last good model is kept, and a warning says what to do.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model = GDLinearRegression(optimizer="sgd", learning_rate=0.01, random_state=0)
    model.fit(X_train, y_train)
print(caught[0].message)

# %%
# A model that has converged is the same in all units. Six orders of magnitude, and the
# coefficients, each in the unit of its column, agree with those of even columns to a dozen digits.

units = np.logspace(0.0, 6.0, X.shape[1])
even = GDLinearRegression().fit(Z_train, y_train)
uneven = GDLinearRegression().fit(Z_train * units, y_train)
print(np.max(np.abs(uneven.coef_ * units - even.coef_) / np.abs(even.coef_)))
