"""Ratings made up as people give them."""

from numbers import Integral, Real

import numpy as np
from scipy.special import expit
from sklearn.utils import Bunch, check_random_state

# Pairs that are proposed at a time: their factors are gathered into arrays of this length.
BATCH = 1 << 14
# From this share of all pairs on, they are drawn from the list of them all.
DENSE = 0.1


def make_ratings(
    n_users=1000,
    n_items=500,
    n_ratings=50_000,
    *,
    n_factors=8,
    noise=0.8,
    user_spread=0.45,
    item_spread=0.5,
    factor_spread=0.6,
    user_skew=0.8,
    item_skew=0.9,
    taste=1.0,
    rating_range=(1.0, 5.0),
    step=1.0,
    return_truth=False,
    random_state=None,
):
    """Ratings of items by users: a few of each have most of them, and people pick what they like.

    User u would rate item i

        z_ui = mean + b_u + c_i + <p_u, q_i> + noise

    with normal biases and factors, rounded to the grid of stars. Activity of users and popularity
    of items fall off as powers of their rank (Zipf), and of the pairs so met those with a high
    <p_u, q_i> + c_i are the likelier to be rated: ratings are not missing at random (Marlin & Zemel
    2009). The defaults are near to film ratings in spread, skew and noise.

    Parameters
    ----------
    n_users : int, default=1000
        Ids are 0 .. n - 1, in no order of activity. Not every user need have a rating.
    n_items : int, default=500
        Ids are 0 .. n - 1, in no order of popularity. Not every item need have a rating.
    n_ratings : int, default=50_000
        Different (user, item) pairs, at most ``n_users * n_items``.
    n_factors : int, default=8
        The length of p_u and q_i; 0 leaves the biases alone.
    noise : float, default=0.8
        Standard deviation of the noise, in stars.
    user_spread : float, default=0.45
        Standard deviation of the users' biases b_u, in stars.
    item_spread : float, default=0.5
        Standard deviation of the items' biases c_i, in stars.
    factor_spread : float, default=0.6
        Standard deviation of <p_u, q_i>, in stars.
    user_skew : float, default=0.8
        The weight of the r-th most active user is (r + a hundredth of all) to the power of minus
        this; 0 means all alike.
    item_skew : float, default=0.9
        The same for the r-th most popular item.
    taste : float, default=1.0
        How much users pick what they like; 0 means by activity and popularity alone.
    rating_range : tuple (lowest, highest), default=(1.0, 5.0)
        Where ratings are clipped; their mean is a little above the middle, as that of film ratings.
    step : float or None, default=1.0
        Ratings are rounded to ``lowest``, ``lowest + step``, ...; None neither rounds nor clips.
    return_truth : bool, default=False
        Whether to return what the ratings were made from as well.
    random_state : int, RandomState instance or None, default=None
        An int gives the same ratings again.

    Returns
    -------
    X : ndarray of shape (n_ratings, 2), int64
        The pairs (user, item), in random order.
    y : ndarray of shape (n_ratings,), float64
        The ratings.
    truth : Bunch
        Only with ``return_truth=True``: ``mean``, ``user_bias`` (n_users,), ``item_bias``
        (n_items,), ``user_factors`` (n_users, n_factors), ``item_factors`` (n_items, n_factors),
        ``expected`` (n_ratings,), which is z_ui without the noise.

    Raises
    ------
    ValueError
        If a number is out of range, or there are fewer pairs than ratings.

    Examples
    --------
    >>> from sgdlearn.datasets import make_ratings
    >>> X, y = make_ratings(n_users=100, n_items=40, n_ratings=1000, random_state=0)
    >>> X.shape, sorted(set(y.tolist()))
    ((1000, 2), [1.0, 2.0, 3.0, 4.0, 5.0])
    """
    _check_sizes(n_users, n_items, n_ratings, n_factors)
    spreads = {
        "noise": noise,
        "user_spread": user_spread,
        "item_spread": item_spread,
        "factor_spread": factor_spread,
        "user_skew": user_skew,
        "item_skew": item_skew,
        "taste": taste,
    }
    for name, value in spreads.items():
        if not isinstance(value, Real) or not 0 <= value < np.inf:
            raise ValueError(f"{name} must be a number in [0, inf), got {value!r}.")
    lowest, highest = rating_range
    if not -np.inf < lowest < highest < np.inf:
        raise ValueError(f"rating_range must be (lowest, highest), got {rating_range!r}.")
    if step is not None and not 0 < step <= highest - lowest:
        raise ValueError(f"step must be in (0, {highest - lowest:g}] or None, got {step!r}.")

    rng = np.random.default_rng(check_random_state(random_state).randint(2**31))
    people = _People(rng, n_users, n_items, n_factors, spreads)
    keys = people.pairs(n_ratings)
    order = rng.permutation(len(keys))[:n_ratings]
    users, items = np.divmod(keys, n_items)
    mean = lowest + 0.55 * (highest - lowest)
    expected = (mean + people.opinion(users, items))[order]
    X = np.column_stack([users[order], items[order]])
    y = expected + noise * rng.standard_normal(n_ratings)
    if step is not None:
        n_steps = np.floor((highest - lowest) / step + 1e-9)
        y = lowest + step * np.clip(np.rint((y - lowest) / step), 0, n_steps)
    if not return_truth:
        return X, y
    return X, y, Bunch(mean=mean, expected=expected, **people.truth)


class _People:
    """Users and items: what they are like, and who meets what."""

    def __init__(self, rng, n_users, n_items, n_factors, spreads):
        self.rng = rng
        self.n_users, self.n_items = n_users, n_items
        self.taste = spreads["taste"]
        self.activity = _falling(rng, n_users, spreads["user_skew"])
        self.popularity = _falling(rng, n_items, spreads["item_skew"])
        size = np.sqrt(spreads["factor_spread"]) / max(n_factors, 1) ** 0.25
        self.truth = {
            "user_bias": spreads["user_spread"] * rng.standard_normal(n_users),
            "item_bias": spreads["item_spread"] * rng.standard_normal(n_items),
            "user_factors": size * rng.standard_normal((n_users, n_factors)),
            "item_factors": size * rng.standard_normal((n_items, n_factors)),
        }

    def liking(self, users, items):
        """c_i + <p_u, q_i>."""
        p, q = self.truth["user_factors"], self.truth["item_factors"]
        liking = self.truth["item_bias"][items]
        for start in range(0, len(users), BATCH):
            some = slice(start, start + BATCH)
            liking[some] += np.einsum("ij,ij->i", p[users[some]], q[items[some]])
        return liking

    def opinion(self, users, items):
        """b_u + c_i + <p_u, q_i>."""
        return self.truth["user_bias"][users] + self.liking(users, items)

    def chance(self, users, items):
        """That a pair that meets is rated."""
        return expit(2.0 * self.taste * self.liking(users, items))

    def pairs(self, n):
        """n different pairs or a few more, as user * n_items + item, in rising order."""
        if n > DENSE * self.n_users * self.n_items:
            return self.pairs_of_all(n)
        per_rating = 2.1 if self.taste > 0.0 else 1.05
        taken = np.empty(0, dtype=np.int64)
        while len(taken) < n:
            users, items = self.meetings(int(per_rating * (n - len(taken))) + 100)
            met = users * self.n_items + items
            if self.taste > 0.0:
                met = met[self.rng.random(len(met)) < self.chance(users, items)]
            taken = np.sort(np.concatenate([taken, met]))
            taken = taken[np.append(True, taken[1:] != taken[:-1])]  # np.unique may hash: slow
        return taken

    def meetings(self, n):
        """n pairs, by activity and popularity."""
        users, items = (
            np.repeat(np.arange(len(weights)), self.rng.multinomial(n, weights))
            for weights in (self.activity, self.popularity)
        )
        return users, self.rng.permutation(items)

    def pairs_of_all(self, n):
        """The n that come first, each pair waiting for an exponential time at its own rate."""
        keys = np.arange(self.n_users * self.n_items)
        users, items = np.divmod(keys, self.n_items)
        rate = self.activity[users] * self.popularity[items]
        if self.taste > 0.0:
            rate *= self.chance(users, items)
        waiting = self.rng.standard_exponential(len(keys)) / rate
        return np.sort(np.argpartition(waiting, n - 1)[:n])


def _falling(rng, n, skew):
    """The shares of n users or items, a power of their rank, in random order."""
    weights = (np.arange(n) + 1.0 + 0.01 * n) ** -skew
    return rng.permutation(weights / weights.sum())


def _check_sizes(n_users, n_items, n_ratings, n_factors):
    sizes = {
        "n_users": n_users,
        "n_items": n_items,
        "n_ratings": n_ratings,
        "n_factors": n_factors,
    }
    for name, value in sizes.items():
        least = 0 if name == "n_factors" else 1
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}.")
    if n_ratings > n_users * n_items:
        raise ValueError(
            f"n_ratings={n_ratings} is more than the {n_users} x {n_items} pairs there are."
        )
