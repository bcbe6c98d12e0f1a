"""The slow, obvious twin of the factorisation: one rating after another, in plain Python.

    z = mean + b_u + b_i + <p, q>,    p <- step(p, s (l' q + alpha p)),    b_u <- step(b_u, ...)

and the same for the item, from the rows as they were met. Every row has a rule of its own for its
factors and one for its bias, each with its own memory and its own count of updates.
"""

from copy import deepcopy

import numpy as np

MASK = 2**64 - 1


def counter_hash(seed, t, trial):
    """SplitMix64 of a counter."""
    h = (seed + t * 0x9E3779B97F4A7C15 + trial * 0xD1B54A32D192ED03) & MASK
    h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & MASK
    return h ^ (h >> 31)


def draw_below(seed, t, trial, n):
    return ((counter_hash(seed, t, trial) >> 32) * n) >> 32


def first_factors(seed, row, k, low, span):
    return np.array([low + span * ((counter_hash(seed, row, j) >> 40) / 2**24) for j in range(k)])


def draw_negative(seed, t, which, items, seen, tries=8):
    """One of the items that is not among the seen ones, or None."""
    for draw in range(tries):
        item = items[draw_below(seed, t, which * tries + draw, len(items))]
        if item not in seen:
            return item
    return None


class Reduced:
    """AdaGrad with one rate for all coordinates."""

    def __init__(self, squares):
        self.squares = squares

    def init(self, size):
        return self

    def start_at(self, w):
        pass

    def update(self, w, g, r, t, sbar=1.0, l2=0.0, lower=-np.inf):
        g = g + sbar * l2 * w
        self.squares += np.mean(g**2)
        return np.maximum(lower, w - r / np.sqrt(self.squares) * g)

    def shown(self, w):
        return w


class Row:
    """The factors and the bias of a user or an item, each with its rule."""

    def __init__(self, factors, rule, bias_rule):
        self.p, self.b, self.t = np.array(factors), np.zeros(1), 0
        self.rule = deepcopy(rule).init(len(factors))
        self.bias_rule = deepcopy(bias_rule).init(1)
        self.rule.start_at(self.p)
        self.bias_rule.start_at(self.b)

    def move(self, slope, other, s, rate, twin):
        self.t += 1
        self.p = self.rule.update(
            self.p, s * slope * other, rate, self.t, sbar=s, l2=twin.alpha, lower=twin.lower
        )
        if twin.bias_rate:
            self.b = self.bias_rule.update(
                self.b, s * slope * np.ones(1), twin.bias_rate * rate, self.t, sbar=s,
                l2=twin.alpha_bias,
            )  # fmt: skip


class Twin:
    """A factorisation on its way.

    Parameters
    ----------
    loss : reference.Loss
    users, items : list of Row
    mean, alpha, alpha_bias, bias_rate, lower : float
    """

    def __init__(self, loss, users, items, mean, alpha, alpha_bias, bias_rate=1.0, lower=-np.inf):
        self.loss, self.users, self.items, self.mean = loss, users, items, mean
        self.alpha, self.alpha_bias, self.bias_rate = alpha, alpha_bias, bias_rate
        self.lower = lower

    def meet(self, user, item, y, s, rate):
        """One rating; its loss before the update."""
        u, v = self.users[user], self.items[item]
        z = np.array([self.mean + u.b[0] + v.b[0] + u.p @ v.p])
        y = np.array([y])
        value, slope = self.loss.value(y, z)[0], self.loss.gradient(y, z)[0]
        p = u.p.copy()
        u.move(slope, v.p, s, rate, self)
        v.move(slope, p, s, rate, self)
        return s * value

    def visit(
        self, ratings, rates, *, first_update=1, negatives=0, seed=0, seen=None, drawn_from=None
    ):
        """Ratings (user, item, y, s) in their order; the sum of s_i loss_i."""
        total = 0.0
        for i, ((user, item, y, s), rate) in enumerate(zip(ratings, rates)):
            total += self.meet(user, item, y, s, rate)
            for which in range(negatives if y > 0 else 0):
                drawn = draw_negative(seed, first_update + i, which, drawn_from(i), seen[user])
                if drawn is not None:
                    total += self.meet(user, drawn, -1.0, s, rate)
        return total

    def factors(self, side):
        return np.array([row.rule.shown(row.p) for row in getattr(self, side)])

    def bias(self, side):
        return np.array([row.bias_rule.shown(row.b)[0] for row in getattr(self, side)])
