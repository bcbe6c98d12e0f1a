"""Ranking losses: an item that a user has met should score above one that it has not.

    F = sum_i s_i (cost(x) + alpha / 2 (|p_u|^2 + |q_i|^2 + |q_j|^2)
                   + alpha_bias / 2 (b_i^2 + b_j^2)) / sum_i s_i
    x = b_i - b_j + <p_u, q_i - q_j>

in the mean over the items j that are drawn (`factor_pairs.pyx`). The mean of the ratings and the
users' biases change no x, and are 0.
"""

import numpy as np

from ... import losses
from ..._kernels.factor_pairs import PairLossCode, pair_updates
from .objective import RatingLoss
from .rows import FLOATING

# Items that `fold_in` draws for each that the user has met.
FOLD_IN_DRAWS = 20


class PairLoss(RatingLoss):
    """A loss of pairs; `n_negatives` items are drawn for each rating."""

    samples = compares = True
    code = None
    loss = losses.LogLoss()  # of `fold_in`

    def __init__(self, n_negatives):
        self.n_negatives = n_negatives

    def encode(self, y, non_negative):
        if (y != 1).any():
            raise ValueError(
                f"loss={self.name!r} takes what users chose, ratings of 1 alone, or y=None. Got "
                f"{y[y != 1][0]:g} among them: select the rows that mean a choice, and give some "
                "more weight by sample_weight."
            )
        return y

    def constant(self, targets, weights, n_negatives):
        return 0.0

    def cost(self, x, n_items):
        """What pairs with this x cost in the mean: what a validation set is judged by."""
        raise NotImplementedError

    def held_out(self, users, items, targets, weights, n_items, rng):
        other = rng.integers(n_items, size=len(users)).astype(np.int32)

        def score(predict):
            x = predict(users, items) - predict(users, other)
            return float(np.average(self.cost(x, n_items), weights=weights))

        return score

    def of_one_user(self, Q, item_bias, targets, weights, items, rows, rng):
        """The pairs' log loss is what the user's factors are fitted to."""
        drawn = rng.integers(rows.n, size=FOLD_IN_DRAWS * len(items))
        own = np.repeat(np.arange(len(items)), FOLD_IN_DRAWS)
        new = ~np.isin(drawn, items)
        own, drawn = own[new], drawn[new]
        share = weights.sum() / max(weights[own].sum(), np.finfo(float).tiny)
        return (
            Q[own] - rows.factors[drawn],
            item_bias[own] - rows.bias[drawn],
            np.ones(len(own)),
            weights[own] * share,
        )

    def visit(self, method, ratings, pieces, rates, samplers, model, running, sums):
        users, items, _, weights = ratings
        P, Q = model.users, model.items
        way = method.reduced(P) if method.reduced_rule else method.by_rule(P)
        pair_updates[FLOATING[P.dtype]](
            users, items, weights, pieces, rates, samplers, (int(self.code), Q.n), way,
            method.reduced_rule, P.values, Q.values, P.clocks, Q.clocks, sums,
        )  # fmt: skip


class BPR(PairLoss):
    """log(1 + exp(-x)) for each of the items drawn, one by default."""

    name = "bpr"
    code = PairLossCode.BPR

    def __init__(self, n_negatives):
        super().__init__(n_negatives or 1)

    @property
    def counts(self):
        return self.n_negatives, self.n_negatives, self.n_negatives

    def cost(self, x, n_items):
        return np.logaddexp(0.0, -x)


class WARP(PairLoss):
    """log(rank) / log(n_items) max(0, 1 - x) for the first item drawn that comes too near."""

    name = "warp"
    code = PairLossCode.WARP

    def __init__(self, n_negatives):
        super().__init__(n_negatives or 30)

    @property
    def counts(self):
        return 1, 1, 1

    def cost(self, x, n_items):
        return np.maximum(0.0, 1.0 - x)


PAIR_LOSSES = {"bpr": BPR, "warp": WARP}
