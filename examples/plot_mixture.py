"""
A tiny generative model
=======================

A mixture of Gaussians learns where points are likely, and draws new ones. It is usually fitted by
the EM algorithm; here by Adam, on mini-batches, with the gradient written by hand and the training
loop our own. All that is asked of the optimizer is ``init`` and ``update``.
"""

# %%
# log p(x) is the logarithm of a sum over twelve components, each with a share, a centre and a width
# for either axis. Shares are a softmax and widths exponentials, so that the parameters may be any
# numbers.

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import log_softmax, logsumexp, softmax
from sklearn.datasets import make_moons

from sgdlearn.optimizers import SGD, Adam

X, _ = make_moons(2000, noise=0.08, random_state=0)


def log_density(params, X):
    """The logarithms of share times density, (n, k), and of the density, (n,)."""
    scaled = (X[:, None] - params["centre"]) / np.exp(params["log_width"])
    log_normal = -0.5 * np.sum(scaled**2 + np.log(2 * np.pi), axis=2)
    joint = log_softmax(params["logit"]) + log_normal - params["log_width"].sum(axis=1)
    return joint, logsumexp(joint, axis=1)


def gradient(params, X):
    """Of the mean of -log p(x)."""
    joint, total = log_density(params, X)
    belongs = np.exp(joint - total[:, None]) / len(X)  # to which component a point belongs
    width = np.exp(params["log_width"])
    scaled = (X[:, None] - params["centre"]) / width
    return {
        "logit": softmax(params["logit"]) - belongs.sum(axis=0),
        "centre": -np.einsum("nk,nkj->kj", belongs, scaled) / width,
        "log_width": np.einsum("nk,nkj->kj", belongs, 1.0 - scaled**2),
    }


def train(rule, rate, n_updates=1500, watch=()):
    rng = np.random.default_rng(0)
    params = {
        "logit": np.zeros(12),
        "centre": rng.normal(scale=0.3, size=(12, 2)) + X.mean(axis=0),
        "log_width": np.full((12, 2), np.log(0.5)),
    }
    state = rule.init(params)
    losses, seen = [], []
    for t in range(n_updates):
        if t in watch:
            seen.append(params)
        batch = X[rng.integers(len(X), size=64)]
        params, state = rule.update(params, gradient(params, batch), state, rate)
        if t % 20 == 0:
            losses.append(-np.mean(log_density(params, X)[1]))
    return losses, [*seen, params]


# %%
# The density on its way, from one cloud to two moons; beside it points drawn from the model.

_, ways = train(Adam(), 0.02, watch=(0, 50, 200))
figure, axes = plt.subplots(1, 5, figsize=(14, 2.2), layout="constrained", sharey=True)
x, y = np.meshgrid(np.linspace(-1.7, 2.7, 90), np.linspace(-1.1, 1.6, 70))
points = np.column_stack([x.ravel(), y.ravel()])
for axis, params, t in zip(axes, ways, (0, 50, 200, 1500)):
    density = np.exp(log_density(params, points)[1]).reshape(x.shape)
    axis.contourf(x, y, np.sqrt(density), 12, cmap="Blues")
    axis.plot(*params["centre"].T, "+", color="C1")
    axis.set(title=f"after {t} updates", aspect="equal", xticks=(), yticks=())
rng = np.random.default_rng(1)
which = rng.choice(12, size=500, p=softmax(ways[-1]["logit"]))
width = np.exp(ways[-1]["log_width"][which])
axes[4].plot(*(ways[-1]["centre"][which] + width * rng.normal(size=(500, 2))).T, ".", markersize=3)
axes[4].set(title="drawn from the model", aspect="equal", xlim=(-1.7, 2.7), ylim=(-1.1, 1.6))

# %%
# Plain gradient descent is still on its way: the gradients of shares, centres and widths are of
# different sizes, which Adam does not mind.

figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
for rule, rate, style in ((Adam(), 0.02, "-"), (SGD(), 0.1, "--"), (SGD(), 0.02, "-.")):
    losses, _ = train(rule, rate)
    axis.plot(20 * np.arange(len(losses)), losses, style, label=f"{rule.name}, rate {rate}")
axis.set(xlabel="updates of 64 points", ylabel="mean of -log p(x)")
axis.legend()
