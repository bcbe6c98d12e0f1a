"""What a rating costs: the losses of a factorisation, and the loops that go down them.

    F = sum_i s_i (loss(y_i, z_i) + alpha / 2 (|p_u|^2 + |q_i|^2)
                   + alpha_bias / 2 (b_u^2 + b_i^2)) / sum_i s_i
    z = mean + b_u + b_i + <p_u, q_i>

so that a row's penalty grows with its number of ratings (Zhou, Wilkinson, Schreiber & Pan 2008).

A loss that knows ratings one by one is a `Pointwise`; one of another kind subclasses `RatingLoss`,
with a loop of its own (`pairs.py`).
"""

import numpy as np
from scipy.special import expit

from ... import losses
from ..._kernels.factor_reduced import reduced_updates
from ..._kernels.factor_rules import rule_updates
from .rows import FLOATING


class RatingLoss:
    """What the estimator and the loops ask of a loss.

    Attributes
    ----------
    name : str
    loss : Loss
        Of one rating.
    samples : bool
        Whether it draws items that the user has not met.
    compares : bool
        Whether it knows pairs of items alone, so that predictions are scores without a unit.
    n_negatives : int
        Items drawn for each rating, at most.
    """

    name = "rating_loss"
    samples = compares = False
    n_negatives = 0

    @property
    def counts(self):
        """(losses, updates of its item, updates of items drawn) that a rating means."""
        return 1 + self.n_negatives, 1, self.n_negatives

    def encode(self, y, non_negative):
        """Targets from validated y; ValueError where it takes no such values."""
        raise NotImplementedError

    def spread_of(self, moments):
        """The size of predictions, from the moments of the targets: automatic rates go by it."""
        return 1.0

    def constant(self, targets, weights, n_negatives):
        """The best constant prediction."""
        raise NotImplementedError

    def running_constant(self, n_negatives):
        """(mean, weight, odds) at which the constant of a stream begins; None: it stays put."""
        return None

    def decode(self, z):
        """What `predict` returns."""
        return z

    def held_out(self, users, items, targets, weights, n_items, rng):
        """What ratings held out cost in the mean: a function of ``predict(users, items)``."""
        if self.samples:  # drawn once, as 0
            times = self.n_negatives
            drawn = rng.integers(n_items, size=times * len(users)).astype(np.int32)
            users, items = np.tile(users, 1 + times), np.concatenate([items, drawn])
            targets = np.concatenate([targets, np.full(len(drawn), -1.0)])
            weights = None if weights is None else np.tile(weights, 1 + times)

        def score(predict):
            losses = self.loss.value(targets, predict(users, items))
            return float(np.average(losses, weights=weights))

        return score

    def of_one_user(self, Q, item_bias, targets, weights, items, rows, rng):
        """What `fold_in` fits a user to: (Q, item_bias, targets, weights), with the items drawn.

        Parameters
        ----------
        Q : ndarray of shape (n, k)
        item_bias, targets, weights : ndarray of shape (n,)
            Of the user's ratings.
        items : ndarray of shape (n,)
            Rows of the items, -1 for unknown ones.
        rows : Rows
            Of all items.
        rng : Generator
        """
        if not self.samples:
            return Q, item_bias, targets, weights
        drawn = rng.integers(rows.n, size=self.n_negatives * len(items))
        drawn = drawn[~np.isin(drawn, items)]
        share = self.n_negatives * weights.sum() / max(1, len(drawn))
        return (
            np.concatenate([Q, rows.factors[drawn]]),
            np.concatenate([item_bias, rows.bias[drawn]]),
            np.concatenate([targets, np.full(len(drawn), -1.0)]),
            np.concatenate([weights, np.full(len(drawn), share)]),
        )

    def visit(self, method, ratings, pieces, rates, samplers, model, running, sums):
        """Visit the pieces in order; sums[i] <- the sum of s_i loss_i over piece i.

        Parameters
        ----------
        method : Method
        ratings : tuple (users, items, targets, weights)
        pieces : ndarray of shape (n, 3)
            (start, stop, number of the first update) of each.
        rates : list of ndarray
            Each piece's rate, or one for each of its ratings.
        samplers : list of tuple or None
            (seed, count, items to draw from or their number, arrays of `Seen`) of each.
        model : Model
        running : ndarray or None
            The constant that a stream follows.
        sums : ndarray of shape (n,)
        """
        raise NotImplementedError


class Pointwise(RatingLoss):
    """A loss of `sgdlearn.losses`, rating by rating."""

    def __init__(self, loss):
        self.loss, self.name = loss, loss.name

    def encode(self, y, non_negative):
        if non_negative and (y < 0).any():
            raise ValueError(
                f"non_negative=True takes ratings y >= 0 alone. Got {y.min():g} among them."
            )
        return y

    def spread_of(self, moments):
        return moments.deviation

    def constant(self, targets, weights, n_negatives):
        return float(self.loss.baseline(targets, weights))

    def running_constant(self, n_negatives):
        return np.array([0.0, 0.0, 0.0])

    def visit(self, method, ratings, pieces, rates, samplers, model, running, sums):
        P, Q = model.users, model.items
        given = (*ratings, pieces, rates, samplers)
        numbers = self.loss.spec, model.mean
        if method.rule.name == "rpcs":
            kernel = reduced_updates[FLOATING[P.dtype]]
            kernel(*given, method.reduced(P), numbers, P.values, Q.values, running, sums)
        else:
            kernel = rule_updates[FLOATING[P.dtype]]
            rows = P.values, Q.values, P.clocks, Q.clocks
            kernel(*given, method.by_rule(P), numbers, *rows, running, sums)


class Binary(Pointwise):
    """The log loss of 0 and 1; or of 1 alone, with items drawn as 0."""

    def __init__(self, loss, n_negatives):
        super().__init__(loss)
        self.n_negatives, self.samples = n_negatives, n_negatives > 0

    def encode(self, y, non_negative):
        wrong = (y != 0) & (y != 1)
        if wrong.any():
            raise ValueError(
                f"loss='log_loss' takes ratings 0 and 1 alone. Got {y[wrong][0]:g} among them."
            )
        return 2.0 * y - 1.0

    def spread_of(self, moments):
        return 1.0

    def constant(self, targets, weights, n_negatives):
        weights = np.ones(len(targets)) if weights is None else weights
        positive = weights[targets > 0].sum()
        negative = weights.sum() - positive + n_negatives * positive
        return self.loss.baseline(np.array([1.0, -1.0]), np.array([positive, negative]))

    def running_constant(self, n_negatives):
        # as if one rating of each kind had come before
        return None if n_negatives else np.array([0.0, 2.0, 1.0])

    def decode(self, z):
        return expit(z)


def squared_error(n_negatives):
    return Pointwise(losses.SquaredError())


def absolute_error(n_negatives):
    return Pointwise(losses.AbsoluteError())


def log_loss(n_negatives):
    return Binary(losses.LogLoss(), n_negatives)


# From the name to what makes the loss, given the number of negatives for each positive.
RATING_LOSSES = {
    "squared_error": squared_error,
    "absolute_error": absolute_error,
    "log_loss": log_loss,
}
