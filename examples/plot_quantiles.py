"""
Bands of quantiles
==================

How long will it take? A mean is half an answer. With the pinball loss (Koenker & Bassett 1978) the
same linear model estimates the time that is kept in nine cases of ten, and with a few levels a
whole band, wider where less is known.
"""

# %%
# Times that vary more, and more to the late side, in the rush hours. Splines of the hour make a
# curve of a line.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from sgdlearn import GDLinearRegression

rng = np.random.default_rng(0)


def draw(n):
    hour = rng.uniform(5.0, 23.0, n)
    rush = np.exp(-((hour - 8.0) ** 2) / 2) + 0.8 * np.exp(-((hour - 17.5) ** 2) / 4)
    minutes = 20.0 + 12.0 * rush + (1.5 + 6.0 * rush) * rng.gamma(2.0, size=n)
    return hour[:, None], minutes


X_train, y_train = draw(3000)
X_test, y_test = draw(30_000)

levels = [0.05, 0.25, 0.5, 0.75, 0.95]
models = {
    level: make_pipeline(
        SplineTransformer(n_knots=12, extrapolation="constant"),
        GDLinearRegression(loss="quantile", quantile=level, alpha=1e-4),
    ).fit(X_train, y_train)
    for level in levels
}

# %%
# A level of q is right if a share q of new journeys takes less. In each hour, too.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
hours = np.linspace(5.0, 23.0, 200)[:, None]
curves = {level: model.predict(hours) for level, model in models.items()}
left.scatter(X_train, y_train, s=2, color="grey", alpha=0.5)
for low, high, shade in ((0.05, 0.95, 0.25), (0.25, 0.75, 0.45)):
    label = f"{high - low:.0%} of the journeys"
    left.fill_between(hours[:, 0], curves[low], curves[high], color="C0", alpha=shade, label=label)
left.plot(hours, curves[0.5], color="C1", linewidth=2, label="median")
left.set(xlabel="hour of the day", ylabel="minutes", ylim=(15, 90), xticks=range(5, 24, 3))
left.legend(loc="upper right", fontsize="small")

bins = np.arange(5, 24)
middle = (bins[1:] + bins[:-1]) / 2
hour_of = np.digitize(X_test[:, 0], bins) - 1
for (level, model), marker in zip(models.items(), "v<o>^"):
    below = y_test <= model.predict(X_test)
    share = np.bincount(hour_of, below) / np.bincount(hour_of)
    right.axhline(level, color="grey", linewidth=0.8)
    right.plot(middle, share, marker, markersize=5, label=f"{level:g}: {below.mean():.3f} in all")
    print(f"level {level:g}: {below.mean():.3f} of new journeys are shorter")
right.set(xlabel="hour of the day", ylabel="share of new journeys below", ylim=(-0.02, 1.02))
right.set(xticks=range(5, 24, 3), yticks=levels)
right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
