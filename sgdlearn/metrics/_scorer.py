"""What a fitted recommender is worth on ratings that were held out."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from .._parameters import Parameters
from .._solvers.factorization.identifiers import Column, Identifiers
from . import _ranking

METRICS = {
    "precision": _ranking.precision_at_k,
    "recall": _ranking.recall_at_k,
    "ndcg": _ranking.ndcg_at_k,
    "map": _ranking.map_at_k,
    "auc": _ranking.auc,
}


def ranking_metrics(model, X, y=None, *, k=10, relevant_from=None, exclude_seen=True):
    """Precision, recall, NDCG, MAP at k and AUC of a recommender over held-out interactions.

    Every item that the model knows is ranked for every user of X, best first. Held-out items that
    it does not know stand last; users that it does not know get the order that the items' biases
    give.

    Parameters
    ----------
    model : GDMatrixFactorization
        Fitted.
    X : array-like or frame of shape (n, 2), or sparse matrix
        Held-out pairs (user, item), as the model takes them.
    y : array-like of shape (n,), default=None
        Their ratings. None: every pair is relevant, or every entry of a sparse X that is.
    k : int, default=10
        How many items are recommended to each user.
    relevant_from : float, default=None
        The rating from which on an item is relevant; None is any above 0.
    exclude_seen : bool, default=True
        Whether what the model has been trained on is left out of the ranking.

    Returns
    -------
    dict
        ``{"precision": ..., "recall": ..., "ndcg": ..., "map": ..., "auc": ...}``: means over the
        users with a relevant item in X, nan (with an `UndefinedMetricWarning`) if there are none.

    Raises
    ------
    ValueError
        If the model is not fitted, or pairs or parameters cannot be used.
    """
    return _means(METRICS, model, X, y, k, relevant_from, exclude_seen)


class RankingScorer(Parameters):
    """A scorer for ``scoring=`` in `GridSearchCV` and the like: how well a recommender ranks.

    Parameters
    ----------
    metric : {"ndcg", "precision", "recall", "map", "auc"}, default="ndcg"
        Greater is better in all of them. The functions' names, such as "ndcg_at_k", mean the same.
    k : int, default=10
        How many items are recommended; "auc" does not read it.
    relevant_from : float, default=None
        The rating from which on a held-out item is relevant; None is any above 0.

    See Also
    --------
    ranking_metrics : All of them at once. For errors of predicted ratings scikit-learn has scorers,
        such as ``scoring="neg_root_mean_squared_error"``.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sgdlearn import GDMatrixFactorization
    >>> from sgdlearn.datasets import make_ratings
    >>> from sgdlearn.metrics import RankingScorer
    >>> X, y = make_ratings(100, 60, 2000, random_state=0)
    >>> search = GridSearchCV(
    ...     GDMatrixFactorization(n_factors=4, tol=None, random_state=0),
    ...     {"alpha": [0.01, 0.1]},
    ...     scoring=RankingScorer("ndcg", k=5, relevant_from=4),
    ...     cv=3,
    ... ).fit(X, y)
    >>> bool(0 < search.best_score_ < 1)
    True
    """

    domains = {"k": "an integer in [1, inf)", "relevant_from": "None or a number"}

    def __init__(self, metric="ndcg", *, k=10, relevant_from=None):
        self.metric = metric
        self.k = k
        self.relevant_from = relevant_from

    def __call__(self, estimator, X, y=None):
        """The score of a fitted estimator, or of a `Pipeline` that ends with one.

        Parameters
        ----------
        estimator : GDMatrixFactorization or Pipeline
            Fitted.
        X : {array-like, sparse matrix}
            The held-out interactions, as `fit` takes them.
        y : array-like of shape (n_samples,), default=None
            Their ratings, where X are pairs.

        Returns
        -------
        float
            The mean over users; larger is better.

        Raises
        ------
        ValueError
            On parameters or interactions that cannot be used.
        """
        self.validate()
        named = {**METRICS, **{metric.__name__: metric for metric in METRICS.values()}}
        if self.metric not in named:
            raise ValueError(f"metric must be one of {list(METRICS)}, got {self.metric!r}.")
        chosen = {self.metric: named[self.metric]}
        return _means(chosen, estimator, X, y, self.k, self.relevant_from, True)[self.metric]


@dataclass
class Users:
    """The users of held-out pairs and, row by row, the items that each is to be recommended."""

    ids: Column
    relevant: sparse.csr_matrix  # columns: the model's items, then those it does not know


def _means(metrics, model, X, y, k, relevant_from, exclude_seen):
    model, X = _last_step(model, X)
    check_is_fitted(model)
    users = _users(model, X, y, relevant_from)
    n_users, n_columns = users.relevant.shape
    values = {name: np.empty(n_users) for name in metrics}
    for which, scores, seen in model._blocks_of_scores(users.ids):
        n_new = n_columns - scores.shape[1]
        scores = np.pad(scores, ((0, 0), (0, n_new)), constant_values=-np.inf)
        out = None
        if exclude_seen:
            out = sparse.csr_matrix((np.ones(len(seen[0])), seen), shape=scores.shape)
        for name, metric in metrics.items():
            at_k = {} if metric is _ranking.auc else {"k": k}
            values[name][which] = metric(
                users.relevant[which], scores, seen=out, per_user=True, **at_k
            )
    return {name: _ranking.mean_over_users(of_users) for name, of_users in values.items()}


def _last_step(model, X):
    """The recommender at the end of a pipeline, and what reaches it."""
    while isinstance(model, Pipeline):
        if len(model.steps) > 1:
            X = model[:-1].transform(X)
        model = model[-1]
    return model, X


def _users(model, X, y, relevant_from):
    users, items, values = model._pairs(X)
    if values is not None:
        y = values
    if y is not None:
        y = np.asarray(y, dtype=np.float64)
        check_consistent_length(users, y)
        kept = np.flatnonzero(y > 0 if relevant_from is None else y >= relevant_from)
        users, items = users.take(kept), items.take(kept)
    known, unknown = Identifiers(), Identifiers()
    rows, columns = known.add(users), model._items.find(items)
    new = np.flatnonzero(columns < 0)
    columns[new] = len(model._items) + unknown.add(items.take(new))
    shape = len(known), len(model._items) + len(unknown)
    relevant = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    relevant.data[:] = 1.0  # a pair that comes twice is one
    return Users(Column(known.values(), "users"), relevant)
