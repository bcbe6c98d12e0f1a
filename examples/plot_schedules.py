"""
Learning-rate schedules
=======================

A large rate comes near soon, a small one comes nearer: so the rate should fall. A schedule is a
function of the number of the update.
"""

# %%
# All of them from 0.1, over ten passes of 569 rows.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLogisticRegression
from sgdlearn.inspection import ScheduleDisplay
from sgdlearn.schedules import Cosine, Exponential, InverseScaling, OneCycle, Step, Warmup

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
n_passes = 10
n_steps = n_passes * len(X)

schedules = {
    "0.1": 0.1,
    "InverseScaling(0.1, 0.25)": InverseScaling(0.1, 0.25),
    "Exponential(0.1, 0.9995)": Exponential(0.1, 0.9995),
    "Step(0.1, 0.3, every=1500)": Step(0.1, 0.3, every=1500),
    "Cosine(0.1)": Cosine(0.1),
    "OneCycle(0.1)": OneCycle(0.1),
    "Warmup(Cosine(0.1), 1000)": Warmup(Cosine(0.1), 1000),
    "lambda t: 0.1 / np.sqrt(t)": lambda t: 0.1 / np.sqrt(t),
}
figure, axes = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained", width_ratios=(1, 1))
ScheduleDisplay.from_schedules(schedules, n_steps=n_steps, ax=axes[0])

# sphinx_gallery_defer_figures

# %%
# What they lead to: the distance from the minimum after each pass, for plain stochastic gradient
# descent, as a callback sees it. The schedules that know how many passes there will be are ahead
# when these are over; in the middle they need not be.


def objective(model):
    margins = np.where(y == 1, 1.0, -1.0) * model.decision_function(X)
    return np.mean(np.logaddexp(0.0, -margins)) + 0.5 * model.alpha * np.sum(model.coef_**2)


class Watch:
    """Keeps the exact objective of each epoch."""

    def __init__(self):
        self.values = []

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.values.append(objective(fitted_estimator))


best = objective(GDLogisticRegression(alpha=1e-3, tol=1e-12).fit(X, y))
for line, (name, schedule) in zip(list(axes[0].lines), schedules.items()):
    watch = Watch()
    model = GDLogisticRegression(
        alpha=1e-3, optimizer="sgd", learning_rate=schedule, max_iter=n_passes, tol=None,
        random_state=0,
    )  # fmt: skip
    model.set_callbacks(watch).fit(X, y)
    style = {"color": line.get_color(), "linestyle": line.get_linestyle(), "marker": "."}
    axes[1].semilogy(np.arange(1, n_passes + 1), np.array(watch.values[:n_passes]) - best, **style)
    print(f"{name:28} {watch.values[n_passes - 1] - best:.1e}")
axes[1].set(xlabel="Epochs", ylabel="Objective − optimum", xticks=range(1, n_passes + 1))
axes[1].grid(alpha=0.3)

# %%
# ``learning_rate="auto"`` needs no plan. It begins with a rate from the data and then follows the
# objective: up while it falls, down where noise has the upper hand. ``fit`` keeps the rates.

figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
for optimizer in ("sgd", "adagrad", "adam"):
    model = GDLogisticRegression(
        alpha=1e-3, optimizer=optimizer, batch_size=1, max_iter=40, tol=None, random_state=0
    ).fit(X, y)
    ScheduleDisplay.from_estimator(model, name=f"{optimizer}, auto", yscale="log", ax=axis)
