"""
==================
Recommending films
==================

Ratings of films by users, cross-validated like any other data; recommendations; and a new user who
rates five films and gets recommendations at once. Then the same from what users watched alone.

MovieLens 100K is used if ``sgdlearn.datasets.fetch_movielens`` has it in its cache already, else
ratings and film titles are made up.

Run it as ``python examples/recommend_movies.py``.
"""

# %%
# Ratings
# -------
# X holds pairs (user, film), y the stars. Ids are of any kind: here films go by their titles.

from itertools import product
from time import perf_counter

import numpy as np
from sklearn.model_selection import GridSearchCV, KFold, train_test_split

from sgdlearn import GDMatrixFactorization
from sgdlearn.datasets import fetch_movielens, make_ratings
from sgdlearn.metrics import RankingScorer, ranking_metrics

FIRST = ["Silent", "Crimson", "Last", "Hidden", "Golden", "Broken", "Midnight", "Paper", "Lonely"]
SECOND = ["River", "Garden", "Empire", "Letter", "Summer", "Shadow", "Harbour", "Orchestra"]
THIRD = ["", " II", " of Love", " in Winter", ", Revisited", " at Dawn"]


def film_ratings():
    """(pairs of user and title, stars, where they are from)."""
    try:
        films = fetch_movielens("100k", download_if_missing=False)
    except OSError:
        titles = np.array([f"The {a} {b}{c}" for c, a, b in product(THIRD, FIRST, SECOND)])
        X, y = make_ratings(1000, len(titles), 60_000, random_state=0)
        return pairs(X[:, 0], titles[X[:, 1]]), y, "made up"
    titles = dict(zip(films.movies.item, films.movies.title))
    users, items = films.data.T
    return pairs(users, [titles[item] for item in items]), films.target, "MovieLens 100K"


def pairs(users, titles):
    X = np.empty((len(users), 2), dtype=object)
    X[:, 0], X[:, 1] = users, titles
    return X


X, y, source = film_ratings()
n_users, n_films = (len(set(column)) for column in X.T)
print(f"{len(y)} ratings of {n_films} films by {n_users} users ({source}), mean {y.mean():.2f}")

# %%
# How good, and how strong a penalty
# ----------------------------------
# Folds split ratings, so scikit-learn's own tools do. The error is judged on ratings held out, next
# to that of predicting the mean.

X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
begin = perf_counter()
search = GridSearchCV(
    GDMatrixFactorization(n_factors=16, max_iter=20, tol=None, random_state=0),
    {"alpha": [0.05, 0.1, 0.2, 0.4]},
    scoring="neg_root_mean_squared_error",
    cv=KFold(3, shuffle=True, random_state=0),
).fit(X_train, y_train)
print(f"\nGridSearchCV, 13 fits in {perf_counter() - begin:.1f} s: {search.best_params_}")
model = search.best_estimator_
for name, z in (("factors", model.predict(X_test)), ("the mean", y_train.mean())):
    print(f"  RMSE of {name:9} {np.sqrt(np.mean((z - y_test) ** 2)):.3f}")

# %%
# Recommendations
# ---------------
# Ids in, ids out; what a user has rated is left out.

user = X_train[0, 0]
films, stars = model.recommend([user], n=5)
print(f"\nFor user {user}:")
for film, star in zip(films[0], stars[0]):
    print(f"  {star:.1f}  {film}")
film = films[0, 0]
alike, _ = model.similar_items([film], n=3)
print(f"Like {film}: {'; '.join(alike[0])}")

# %%
# A new user, online
# ------------------
# Each rating goes into the model by ``partial_fit`` when it comes. ``fold_in`` finds a user's
# factors without touching the model.

taste = {title: 5.0 if i % 2 == 0 else 2.0 for i, title in enumerate(model.items_[:5])}
print("\nA new user rates five films:")
learnt = []
for title, star in taste.items():
    begin = perf_counter()
    model.partial_fit([("newcomer", title)], [star])
    learnt.append(perf_counter() - begin)
begin = perf_counter()
films, stars = model.recommend(["newcomer"], n=3)
asked = perf_counter() - begin
for title, star in taste.items():
    print(f"  {star:.0f} stars for {title}")
middle = np.median(learnt)
print(f"learnt in {1e6 * middle:.0f} us a rating, recommended in {1e3 * asked:.1f} ms:")
for film, star in zip(films[0], stars[0]):
    print(f"  {star:.1f}  {film}")
begin = perf_counter()
folded = model.fold_in([("guest", title) for title in taste], list(taste.values()))
films, _ = model.recommend(folded, n=3)
print(f"fold_in and recommend in {1e3 * (perf_counter() - begin):.1f} ms: {'; '.join(films[0])}")

# %%
# From what was watched alone
# ---------------------------
# With a ranking loss there are no stars: the four- and five-star ratings are what users chose. The
# scorer of a ranking stands in the place of the RMSE.

liked, liked_test = X_train[y_train >= 4], X_test[y_test >= 4]
begin = perf_counter()
search = GridSearchCV(
    GDMatrixFactorization(n_factors=16, loss="warp", max_iter=10, tol=None, random_state=0),
    {"alpha": [0.03, 0.06, 0.12]},
    scoring=RankingScorer("ndcg", k=10),
    cv=KFold(3, shuffle=True, random_state=0),
).fit(liked)
print(f"\nWARP, GridSearchCV in {perf_counter() - begin:.1f} s: {search.best_params_}")
for name, ranker in (("WARP", search.best_estimator_), ("squared error", model)):
    metrics = ranking_metrics(ranker, liked_test)
    print(f"  {name:14}" + "  ".join(f"{key} {value:.3f}" for key, value in metrics.items()))
