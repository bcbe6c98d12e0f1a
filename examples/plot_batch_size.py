"""
Stochastic, mini-batch, batch: by epochs and by seconds
=======================================================

One update for each row, for some rows, or for all of them. The smaller the batch, the more updates
a pass; the larger, the less noise. How they compare depends on whether one counts passes, seconds
or updates.
"""

# %%
# Logistic regression on 20,000 rows of 50 columns, the same objective for all; the rate is "auto",
# which knows the batch size. A callback looks at the objective of all rows after each pass; the
# seconds are those of a fit that nobody looks at.

import matplotlib.pyplot as plt
import numpy as np

from sgdlearn import GDLogisticRegression

rng = np.random.default_rng(0)
mixing = np.eye(50) + 0.3 * rng.normal(size=(50, 50)) / np.sqrt(50)
X = rng.normal(size=(20_000, 50)) @ mixing
y = (X @ rng.normal(size=50) / 3 + rng.logistic(size=20_000) > 0).astype(int)


def objective(model):
    margins = (2 * y - 1) * model.decision_function(X)
    return np.mean(np.logaddexp(0.0, -margins)) + 0.5 * model.alpha * np.sum(model.coef_**2)


class Watch:
    def __init__(self):
        self.values = []

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.values.append(objective(fitted_estimator))


optimum = objective(GDLogisticRegression(alpha=1e-4, tol=1e-12).fit(X, y))
sizes = {1: "1 row", 32: "32 rows", 1000: "1000 rows", "full": "all rows"}

figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained", sharey=True)
for (batch_size, name), style in zip(sizes.items(), ("o-", "s--", "^-.", "D:")):
    model = GDLogisticRegression(
        optimizer="sgd", batch_size=batch_size, alpha=1e-4, max_iter=30, tol=None, random_state=0
    )
    seconds = model.fit(X, y).seconds_curve_
    watch = Watch()
    model.set_callbacks(watch).fit(X, y)
    excess = np.array(watch.values[:30]) - optimum
    passes = np.arange(1, 31)
    for axis, along in zip(axes, (passes, seconds, passes * model.t_ / 30)):
        axis.plot(along, excess, style, markersize=4, label=f"{name} an update")
    print(f"{name:10} {model.t_:7} updates, {seconds[-1]:.3f} s, {excess[-1]:.1e} above minimum")
axes[0].set(xlabel="Epochs", ylabel="Objective − optimum", yscale="log")
axes[1].set(xlabel="Time (s)", xscale="log")
axes[1].xaxis.set_minor_formatter("")
axes[2].set(xlabel="Updates", xscale="log")
axes[0].legend(fontsize="small")
for axis in axes:
    axis.grid(alpha=0.3)

# %%
# A pass costs about the same in batches of any size, so the first two pictures are alike. In the
# first passes small batches are ahead: many steps, each a little wrong, beat few in the right
# direction. Then noise is what is left, and larger batches, with less of it, come nearer. All rows
# at once make thirty steps in thirty passes; that is a matter for a batch solver, which knows the
# curvature and is what ``optimizer="auto"`` takes here.
