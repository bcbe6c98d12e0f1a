"""recommend, similar_items, similar_users and fold_in of GDMatrixFactorization."""

from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Number

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._solvers.factorization import fold_in
from .._solvers.factorization.identifiers import Column, Identifiers
from .._solvers.factorization.neighbours import SCORES, neighbours, recommendations
from ._input import read_pairs


@dataclass
class FoldedIn:
    """Users whose factors `fold_in` has found; `recommend` takes it in the place of users.

    Attributes
    ----------
    users : ndarray of shape (n_users,)
        Their ids, in the order in which they came.
    factors : ndarray of shape (n_users, n_factors)
    bias : ndarray of shape (n_users,)
    seen : tuple of two ndarrays
        (number of the user, row of the item) of all their ratings of known items.
    """

    users: np.ndarray
    factors: np.ndarray
    bias: np.ndarray
    seen: tuple


class Recommends:
    """Mixin: what is asked of the factors besides predictions."""

    def recommend(self, users, n=10, *, exclude_seen=True, candidates=None):
        """The items of highest predicted rating for each user.

        An unknown user gets the items of highest bias.

        Parameters
        ----------
        users : array-like of shape (n_users,) or FoldedIn
            Ids, or what `fold_in` returned.
        n : int, default=10
            How many.
        exclude_seen : bool, default=True
            Whether to leave out what the user has rated, in `fit` or since.
        candidates : array-like of ids, default=None
            The items to choose from; None is all of them. Unknown ones are left out.

        Returns
        -------
        items : ndarray of shape (n_users, n)
            Ids. Where a user has fewer items left, None fills the rest. There are never more
            columns than items to choose from.
        scores : ndarray of shape (n_users, n), float64
            As `predict` gives them; -inf where there is no item.

        Raises
        ------
        ValueError
            If `n` is no positive integer, or ids are of another kind than those of `fit`.
        """
        check_is_fitted(self)
        n = _number(n)
        model = self._predictor()
        chosen = self._candidates(candidates)
        place = np.full(model.items.n, -1, dtype=np.intp)
        place[chosen] = np.arange(len(chosen))
        if isinstance(users, FoldedIn):
            factors, bias, seen = users.factors, users.bias, users.seen
        else:
            rows = self._users.find(_column(users, "users"))
            known = rows >= 0
            factors = np.zeros((len(rows), model.users.k), dtype=model.users.dtype)
            bias = np.zeros(len(rows))
            factors[known] = model.users.factors[rows[known]]
            bias[known] = model.users.bias[rows[known]]
            seen = self._seen.of_users(rows) if exclude_seen else None
        if not exclude_seen:
            seen = np.empty(0, np.intp), np.empty(0, np.intp)
        who, what = seen[0], place[seen[1]]
        who, what = who[what >= 0], what[what >= 0]

        def excluded(start, stop):
            part = slice(*np.searchsorted(who, [start, stop]))
            return who[part] - start, what[part]

        columns, scores = recommendations(
            factors,
            bias,
            model.mean,
            model.items.factors[chosen],
            model.items.bias[chosen],
            excluded,
            n,
        )
        scores = np.where(scores == -np.inf, scores, self._rating_loss().decode(scores))
        return _ids(self._items, chosen[columns], scores), scores

    def _pairs(self, X):
        """(users, items, entries): `Column`s of ids, and the values of a sparse X or None."""
        return read_pairs(self, X, reset=False)[:3]

    def _blocks_of_scores(self, users):
        """(which users, what each item adds to z, (rows, items) that they have met), part by part.

        ``users`` is a `Column`.
        """
        model, rows = self._predictor(), self._users.find(users)
        step = max(1, SCORES // max(1, model.items.n))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            scores = np.tile(model.items.bias, (len(part), 1))
            known = part >= 0
            scores[known] += model.users.factors[part[known]] @ model.items.factors.T
            yield slice(start, start + len(part)), scores, self._seen.of_users(part)

    def _candidates(self, candidates):
        """The rows of the items to choose from."""
        if candidates is None:
            return np.arange(self._model.items.n)
        rows = self._items.find(_column(candidates, "candidates"))
        return np.unique(rows[rows >= 0])

    def similar_items(self, items, n=10):
        """The items whose factors point the same way.

        Parameters
        ----------
        items : array-like of shape (n_items,)
            Ids of known items.
        n : int, default=10
            How many.

        Returns
        -------
        items : ndarray of shape (n_items, n)
            Ids, without the item itself; fewer columns where there are fewer other items.
        scores : ndarray of shape (n_items, n), float64
            Cosines.

        Raises
        ------
        ValueError
            If an item is not known, or `n` is no positive integer.
        """
        check_is_fitted(self)
        return self._similar(items, n, self._items, self._predictor().items, "items")

    def similar_users(self, users, n=10):
        """The users whose factors point the same way.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            Ids of known users.
        n : int, default=10
            How many.

        Returns
        -------
        users : ndarray of shape (n_users, n)
            Ids, without the user itself; fewer columns where there are fewer other users.
        scores : ndarray of shape (n_users, n), float64
            Cosines.

        Raises
        ------
        ValueError
            If a user is not known, or `n` is no positive integer.
        """
        check_is_fitted(self)
        return self._similar(users, n, self._users, self._predictor().users, "users")

    def _similar(self, ids, n, identifiers, rows, name):
        column = _column(ids, name)
        wanted = identifiers.find(column)
        if (wanted < 0).any():
            unknown = column.values[int(np.argmax(wanted < 0))]
            raise ValueError(f"Nothing is known of {name[:-1]} {unknown!r}, nor what is like it.")
        columns, scores = neighbours(rows.factors, wanted, _number(n))
        return _ids(identifiers, columns, scores), scores

    def fold_in(self, X, y=None, sample_weight=None):
        """The factors of users from some of their ratings; the model stays what it is.

        They are where the user's part of the objective is least, given the items. A user whom the
        model knows is treated as if it did not. Items that it does not know count for the bias
        alone.

        Parameters
        ----------
        X : array-like, frame or sparse matrix
            Pairs (user, item), as in `fit`.
        y : array-like of shape (n_ratings,), default=None
            Their ratings, as in `fit`.
        sample_weight : array-like of shape (n_ratings,), default=None
            Multiplicities of the ratings.

        Returns
        -------
        FoldedIn
            With attributes `users`, `factors`, `bias`; `recommend` takes it in the place of users.

        Raises
        ------
        ValueError
            On ratings that cannot be used.
        """
        check_is_fitted(self)
        loss = self._rating_loss()
        ratings = self._ratings(X, y, sample_weight, loss, reset=False).of_positive_weight()
        folded, model = Identifiers(), self._predictor()
        users, items = folded.add(ratings.users), self._items.find(ratings.items)
        weights = np.ones(len(users)) if ratings.weights is None else ratings.weights
        order = np.argsort(users, kind="stable")
        users, items, targets = users[order], items[order], ratings.y[order]
        weights = weights[order]
        borders = np.searchsorted(users, np.arange(len(folded) + 1))
        factors = np.empty((len(folded), model.users.k), dtype=model.users.dtype)
        bias = np.empty(len(folded))
        parameters = {
            "alpha": self.alpha,
            "alpha_bias": self.alpha if self.alpha_bias is None else self.alpha_bias,
            "biases": self.biases and not loss.compares,
            "lower": 0.0 if self.non_negative else -np.inf,
        }
        rng = np.random.default_rng(model.seed)
        for user, (start, stop) in enumerate(pairwise(borders)):
            own = items[start:stop]
            known = own >= 0
            Q = np.zeros((len(own), model.items.k))
            Q[known] = model.items.factors[own[known]]
            item_bias = np.zeros(len(own))
            item_bias[known] = model.items.bias[own[known]]
            given = Q, item_bias, targets[start:stop], weights[start:stop]
            Q, item_bias, y_own, s_own = loss.of_one_user(*given, own, model.items, rng)
            factors[user], bias[user] = fold_in.fold_in(
                Q, item_bias, model.mean, y_own, s_own, loss=loss.loss, **parameters
            )
        known = items >= 0
        seen = users[known].astype(np.intp), items[known]
        return FoldedIn(folded.values(), factors, bias, seen)


def _column(ids, name):
    """A `Column` of ids in one dimension."""
    if not isinstance(ids, (list, tuple)):
        given, ids = ids, np.asarray(ids)
        if ids.ndim == 0:
            one = isinstance(given, (str, bytes, Number, np.generic))
            more = f": if that is one id, pass [{given!r}]." if one else "."
            raise ValueError(f"{name} must be ids in one dimension. Got {given!r}{more}")
        if ids.ndim != 1:
            raise ValueError(f"{name} must be ids in one dimension. Got shape {ids.shape}.")
    return Column(ids if isinstance(ids, np.ndarray) else list(ids), name)


def _number(n):
    if not isinstance(n, Integral) or n < 1:
        raise ValueError(f"n must be an integer in [1, inf). Got {n!r}.")
    return int(n)


def _ids(identifiers, rows, scores):
    """The ids of rows; None where there is no score."""
    ids, nothing = identifiers.values()[rows], scores == -np.inf
    if nothing.any():
        ids = ids.astype(object)
        ids[nothing] = None
    return ids
