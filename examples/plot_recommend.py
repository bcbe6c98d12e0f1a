"""
Ratings of films: the penalty, newcomers, a map
===============================================

Users rate films; the model predicts what they would give to others, recommends, and learns from
each new rating as it comes. X holds pairs of ids, y the ratings: so the folds of a cross-validation
split ratings.
"""

# %%
# Made-up ratings of five hundred films by a thousand users, some of each far more active than
# others (``sgdlearn.datasets.fetch_movielens`` has real ones).

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split, validation_curve

from sgdlearn import GDMatrixFactorization
from sgdlearn.datasets import make_ratings

X, y = make_ratings(1000, 500, 50_000, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
print(f"{len(y)} ratings, mean {y.mean():.2f}")

# %%
# How strong a penalty? Too weak a one and the factors learn the noise by heart.

alphas = np.logspace(-2.5, 0, 6)
model = GDMatrixFactorization(n_factors=16, max_iter=20, tol=None, random_state=0)
seen, unseen = validation_curve(
    model, X_train, y_train, param_name="alpha", param_range=alphas, cv=3,
    scoring="neg_root_mean_squared_error",
)  # fmt: skip
best = alphas[np.argmax(unseen.mean(axis=1))]

# %%
# A new user has rated nothing, and is predicted the mean of each film. Rating by rating, through
# ``partial_fit``, the model gets to know two hundred of them; what is predicted of their other
# ratings gets better each time.

users, counts = np.unique(X[:, 0], return_counts=True)
newcomers = users[counts >= 60][:200]
is_new = np.isin(X[:, 0], newcomers)
model = GDMatrixFactorization(n_factors=16, alpha=best, max_iter=20, tol=None, random_state=0)
model.fit(X[~is_new], y[~is_new])
of_user = [np.flatnonzero(X[:, 0] == user) for user in newcomers]
later = np.concatenate([rows[20:] for rows in of_user])
errors = [np.sqrt(np.mean((model.predict(X[later]) - y[later]) ** 2))]
for k in range(20):
    now = np.array([rows[k] for rows in of_user])
    model.partial_fit(X[now], y[now])
    errors.append(np.sqrt(np.mean((model.predict(X[later]) - y[later]) ** 2)))

figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
axes[0].semilogx(alphas, -seen.mean(axis=1), "o-", label="ratings learnt from")
axes[0].semilogx(alphas, -unseen.mean(axis=1), "s--", label="ratings held out")
axes[0].axvline(best, color="grey", linestyle=":")
axes[0].set(xlabel="alpha", ylabel="root mean squared error (stars)", title="How strong a penalty?")
axes[0].legend()
axes[1].plot(errors, "o-", markersize=4)
axes[1].set(xlabel="ratings of each new user so far", ylabel="error on their later ratings")
axes[1].set(title="Getting to know 200 new users", xticks=range(0, 21, 5))

# sphinx_gallery_defer_figures

# %%
# Films that are liked by the same users lie near each other. The first two principal axes of the
# factors of all films, and one film with those most like it:

factors = model.item_factors_ - model.item_factors_.mean(axis=0)
places = factors @ np.linalg.svd(factors, full_matrices=False)[2][:2].T
film = model.items_[0]
alike = model.similar_items([film], n=8)[0][0]
row_of = {item: row for row, item in enumerate(model.items_.tolist())}
near = [row_of[item] for item in alike.tolist()]
shade = axes[2].scatter(*places.T, c=model.item_bias_, s=12, cmap="coolwarm")
axes[2].plot(*places[near].T, "ko", markerfacecolor="none", markersize=9, label="the most similar")
axes[2].plot(*places[row_of[film]], "k*", markersize=15, label="a film")
axes[2].set(xlabel="first axis", ylabel="second axis", title="500 films", xticks=(), yticks=())
low, high = np.quantile(places, [0.005, 0.995], axis=0)
axes[2].set(xlim=(1.1 * low[0], 1.1 * high[0]), ylim=(1.3 * low[1], 1.1 * high[1]))
axes[2].legend(fontsize="small", loc="lower left", ncols=2)
figure.colorbar(shade, label="bias: stars above the mean")

# %%
# And that is what it is for:

items, stars = model.recommend(newcomers[:2], n=3)
for user, some, predicted in zip(newcomers, items, stars):
    print(f"user {user}: " + ", ".join(f"{i} ({s:.1f} stars)" for i, s in zip(some, predicted)))
