"""How well scores rank the items that users went on to choose.

With the items of a user in order of falling score, rel_i = 1 where the i-th is among the n that
were held out (g_i its gain, for NDCG), and hits(i) = rel_1 + ... + rel_i:

========= ===================================================================================
precision hits(k) / k
recall    hits(k) / n
NDCG      sum_{i<=k} g_i / log2(i + 1), over the same of the best order
          (Järvelin & Kekäläinen 2002)
MAP       sum_{i<=k} rel_i hits(i) / i, over min(k, n)
AUC       the share of pairs (held out, not held out) that stand in the right order; a tie is half
          of one (Mann & Whitney 1947)
========= ===================================================================================

Tied items stand in no order: each number is the mean over all orders of the ties (McSherry & Najork
2008, "Computing information retrieval performance measures efficiently in the presence of tied
scores"), so that no model gains from the order in which items are numbered.
"""

import warnings
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.exceptions import UndefinedMetricWarning

# Scores that are worked on at a time, so that no copy is of the size of all of them.
BLOCK = 1 << 21


@dataclass
class Places:
    """The first k places of the ranking of each user, and what is expected to stand there."""

    rel: np.ndarray  # (m, k) the chance that the item there is relevant
    gain: np.ndarray  # (m, k) the mean gain of the item there
    hits: np.ndarray  # (m, k) hits(i), where the item there is relevant: its mean
    n_relevant: np.ndarray  # (m,)


def precision_at_k(relevant, scores, *, k=10, seen=None, per_user=False):
    """The share of the first k places that hold a relevant item.

    Parameters
    ----------
    relevant : array-like or sparse matrix of shape (n_users, n_items)
        The held-out interactions: what is greater than 0 is relevant.
    scores : array-like of shape (n_users, n_items)
        What the model thinks of each item, in any unit: more is better. An item with -inf stands
        last and is never recommended.
    k : int, default=10
        How many items are recommended. There are never more places than items, but `k` divides.
    seen : array-like or sparse matrix of shape (n_users, n_items), default=None
        Interactions that the model was trained on, entries other than 0: these items do not take
        part, also where they are held out a second time.
    per_user : bool, default=False
        Whether to return one number for each user instead of the mean.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        A user without relevant items has nan, and no part in the mean. The mean over no users is
        nan, with an `UndefinedMetricWarning`.

    Raises
    ------
    ValueError
        If shapes differ, there is a NaN somewhere, or `k` is not a positive integer.

    Examples
    --------
    >>> from sgdlearn.metrics import precision_at_k
    >>> held_out = [[1, 0, 1, 0], [0, 0, 0, 1]]
    >>> scores = [[0.9, 0.8, 0.1, 0.2], [0.1, 0.2, 0.3, 0.4]]
    >>> precision_at_k(held_out, scores, k=2)
    0.5
    """
    return _over_users(_precision, relevant, scores, k, seen, per_user)


def recall_at_k(relevant, scores, *, k=10, seen=None, per_user=False):
    """The share of the relevant items that stand in the first k places.

    Parameters
    ----------
    relevant : array-like or sparse matrix of shape (n_users, n_items)
        The held-out interactions.
    scores : array-like of shape (n_users, n_items)
        What the model thinks of each item.
    k : int, default=10
        How many items are recommended.
    seen : array-like or sparse matrix of shape (n_users, n_items), default=None
        Interactions that the model was trained on; they do not take part.
    per_user : bool, default=False
        Whether to return one number for each user instead of the mean.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        All is read, and nan and errors are, as for `precision_at_k`.

    Raises
    ------
    ValueError
        If shapes differ, there is a NaN somewhere, or `k` is not a positive integer.
    """
    return _over_users(_recall, relevant, scores, k, seen, per_user)


def ndcg_at_k(relevant, scores, *, k=10, seen=None, per_user=False):
    """Normalised discounted cumulative gain of the first k places.

    The entries of `relevant` are the gains, so ones for choices without a grade. scikit-learn's
    ``ndcg_score`` is the same number where every item takes part.

    Parameters
    ----------
    relevant : array-like or sparse matrix of shape (n_users, n_items)
        The held-out interactions.
    scores : array-like of shape (n_users, n_items)
        What the model thinks of each item.
    k : int, default=10
        How many items are recommended.
    seen : array-like or sparse matrix of shape (n_users, n_items), default=None
        Interactions that the model was trained on; they do not take part.
    per_user : bool, default=False
        Whether to return one number for each user instead of the mean.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        All is read, and nan and errors are, as for `precision_at_k`.

    Raises
    ------
    ValueError
        If shapes differ, there is a NaN somewhere, or `k` is not a positive integer.
    """
    return _over_users(_ndcg, relevant, scores, k, seen, per_user)


def map_at_k(relevant, scores, *, k=10, seen=None, per_user=False):
    """Mean average precision of the first k places.

    Parameters
    ----------
    relevant : array-like or sparse matrix of shape (n_users, n_items)
        The held-out interactions.
    scores : array-like of shape (n_users, n_items)
        What the model thinks of each item.
    k : int, default=10
        How many items are recommended.
    seen : array-like or sparse matrix of shape (n_users, n_items), default=None
        Interactions that the model was trained on; they do not take part.
    per_user : bool, default=False
        Whether to return one number for each user instead of the mean.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        All is read, and nan and errors are, as for `precision_at_k`.

    Raises
    ------
    ValueError
        If shapes differ, there is a NaN somewhere, or `k` is not a positive integer.
    """
    return _over_users(_average_precision, relevant, scores, k, seen, per_user)


def auc(relevant, scores, *, seen=None, per_user=False):
    """The chance that a relevant item scores higher than one that is not, for the same user.

    A user all of whose items are relevant has nan too.

    Parameters
    ----------
    relevant : array-like or sparse matrix of shape (n_users, n_items)
        The held-out interactions.
    scores : array-like of shape (n_users, n_items)
        What the model thinks of each item.
    seen : array-like or sparse matrix of shape (n_users, n_items), default=None
        Interactions that the model was trained on; they do not take part.
    per_user : bool, default=False
        Whether to return one number for each user instead of the mean.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        All is read, and nan and errors are, as for `precision_at_k`.

    Raises
    ------
    ValueError
        If shapes differ, or there is a NaN somewhere.
    """
    return _over_users(_auc, relevant, scores, None, seen, per_user)


# The numbers of a block of users: gain and scores of shape (m, n), items that do not take part
# having gain 0 and being marked in `out`


def _precision(gain, scores, out, k):
    return _places(gain, scores, out, k).rel.sum(axis=1) / k


def _recall(gain, scores, out, k):
    places = _places(gain, scores, out, k)
    return places.rel.sum(axis=1) / places.n_relevant


def _ndcg(gain, scores, out, k):
    k = min(k, gain.shape[1])
    best = -np.sort(np.partition(-gain, k - 1, axis=1)[:, :k], axis=1)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    return (_places(gain, scores, out, k).gain @ discount) / (best @ discount)


def _average_precision(gain, scores, out, k):
    places = _places(gain, scores, out, k)
    precision = places.hits / np.arange(1, places.hits.shape[1] + 1)
    return (places.rel * precision).sum(axis=1) / np.minimum(k, places.n_relevant)


def _auc(gain, scores, out, k):
    # Both counts below, of a user's relevant items over all (themselves included) and over the
    # relevant ones, give half for a tie; the latter is n^2 / 2 whatever their order.
    scores = np.where(out, np.inf, np.maximum(scores, np.finfo(scores.dtype).min))
    above = np.empty(len(scores))
    for user, (row, relevant) in enumerate(zip(np.sort(scores, axis=1), gain > 0.0)):
        chosen = np.sort(scores[user, relevant])
        row = row[: len(row) - np.count_nonzero(out[user])]
        above[user] = 0.5 * (row.searchsorted(chosen) + row.searchsorted(chosen, "right")).sum()
    n = np.count_nonzero(gain > 0.0, axis=1)
    return (above - 0.5 * n**2) / (n * (gain.shape[1] - np.count_nonzero(out, axis=1) - n))


def _places(gain, scores, out, k):
    scores = np.where(out, -np.inf, scores)
    m, n = scores.shape
    k = min(k, n)
    top = np.argpartition(scores, n - k, axis=1)[:, n - k :]
    top = np.take_along_axis(
        top, np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable"), axis=1
    )
    value = np.take_along_axis(scores, top, axis=1)
    gains = np.take_along_axis(gain, top, axis=1)

    # Items of one score form a group, which begins at `start` of its row's places.
    begins = np.ones((m, k), dtype=bool)
    begins[:, 1:] = value[:, 1:] != value[:, :-1]
    start = np.maximum.accumulate(np.where(begins, np.arange(k), 0), axis=1)
    group = (np.arange(m)[:, None] * k + start).ravel()

    def over_groups(of_places, of_last):
        """Sums over the groups; the last of a row may go on after place k."""
        sums = np.bincount(group, weights=of_places.ravel(), minlength=m * k)
        sums[group.reshape(m, k)[:, -1]] = of_last
        return sums[group].reshape(m, k)

    level = scores == value[:, -1:]
    relevant, is_relevant = gains > 0.0, gain > 0.0
    size = over_groups(np.ones((m, k)), level.sum(axis=1))
    n_relevant = over_groups(relevant, (level & is_relevant).sum(axis=1))
    gain_sum = over_groups(gains, np.where(level, gain, 0.0).sum(axis=1))

    before = np.cumsum(relevant, axis=1) - relevant
    before = np.take_along_axis(before, start, axis=1)  # relevant ones in the groups before
    others = (np.arange(k) - start) * (n_relevant - 1.0) / np.maximum(size - 1.0, 1.0)
    recommended = value > -np.inf
    return Places(
        rel=np.where(recommended, n_relevant / size, 0.0),
        gain=np.where(recommended, gain_sum / size, 0.0),
        hits=1.0 + before + others,
        n_relevant=is_relevant.sum(axis=1),
    )


# From what users pass to blocks, and from blocks to a mean


def _over_users(measure, relevant, scores, k, seen, per_user):
    if k is not None and (not isinstance(k, Integral) or isinstance(k, bool) or k < 1):
        raise ValueError(f"k must be an integer of at least 1, got {k!r}.")
    scores = np.asarray(scores)
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float64)
    if scores.ndim != 2 or 0 in scores.shape:
        raise ValueError(f"scores must have the shape (n_users, n_items), got {scores.shape}.")
    relevant = _as_csr(relevant, "relevant", scores.shape)
    seen = sparse.csr_matrix(scores.shape) if seen is None else _as_csr(seen, "seen", scores.shape)
    values = np.empty(len(scores))
    rows = max(1, BLOCK // scores.shape[1])
    for start in range(0, len(scores), rows):
        block = slice(start, start + rows)
        values[block] = _of_block(
            measure, relevant[block].toarray(), scores[block], seen[block].toarray() != 0, k
        )
    return values if per_user else mean_over_users(values)


def _of_block(measure, gain, scores, out, k):
    if np.isnan(scores).any():
        raise ValueError("scores hold NaN.")
    gain = np.where(out, 0.0, np.maximum(gain, 0.0))
    values = np.full(len(scores), np.nan)
    some = (gain > 0.0).any(axis=1)
    if some.any():
        with np.errstate(invalid="ignore"):  # 0 / 0 where AUC has nothing to compare with
            values[some] = measure(gain[some], scores[some], out[some], k)
    return values


def mean_over_users(values):
    """The mean of what is not nan."""
    values = values[~np.isnan(values)]
    if len(values):
        return float(np.mean(values))
    warnings.warn(
        "No user has a held-out item to rank: the mean over users is nan.",
        UndefinedMetricWarning,
        stacklevel=4,
    )
    return np.nan


def _as_csr(matrix, name, shape):
    matrix = sparse.csr_matrix(matrix, dtype=np.float64)
    if matrix.shape != shape:
        raise ValueError(f"{name} has the shape {matrix.shape}, but scores {shape}.")
    if not np.isfinite(matrix.data).all():
        raise ValueError(f"{name} holds NaN or infinity.")
    return matrix
