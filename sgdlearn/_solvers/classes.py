"""What a stream has shown of its classes: their shares, and where the rows of a rare one lie.

The first is by what intercepts can be moved at once, as no gradient would move them: of a class
with N_k rows among N so far, to the best constant prediction for N_k + 1/2 rows of it and N - N_k +
1/2 others. For the log loss that is the logarithm of their ratio. Whenever it is seen anew,
intercepts rise by its change (`rise`).

The second is where rows are to be centred. The objective is curved by its rows in proportion to
h_i, which is p_i (1 - p_i) for the log loss. Where a class is rare h_i is about p_i, and the mean
of the rows so weighed is that of the rows of the class, m, many deviations from the mean of all it
may be. About the latter, coefficients and intercept would go hand in hand, and gradient descent
slowly, along m: it is about m that they do not. Of n rows in p columns of unit size m has a noise
of p / n, by which it is drawn towards the mean of all rows (James & Stein 1961):

    m (1 - p / (n |m|^2))_+
"""

from dataclasses import dataclass, replace

import numpy as np

from ..losses import Multinomial
from .arrays import writeable

# From this share of all rows on a class is not rare at all.
RARE = 0.1
UNSEEN = 0.5
SIGNS = np.array([-1.0, 1.0])
# So small a share of the curvature is left where a class is rare, if it is its rows that curve.
SMALL = 0.25


@dataclass
class Classes:
    """Of the rows so far.

    Attributes
    ----------
    flattens : bool
        Whether the loss is hardly curved at rows of the other class, where one is rare.
    weights : ndarray of shape (n_classes,)
        The sum of the weights of each class.
    odds : ndarray of shape (k,)
        As the intercepts have taken them up.
    members : ndarray of shape (2,)
        Of two classes, the rows of each that the sums are of, while it was the rarer.
    sums : ndarray of shape (2, p + 1), or None
        Of s_i x~_i and s_i, x~_i about the mean, in the metric of its time. None while
        there was no rare class.
    """

    flattens: bool
    weights: np.ndarray
    odds: np.ndarray
    members: np.ndarray
    sums: np.ndarray | None = None

    @classmethod
    def begin(cls, n_outputs, loss):
        """No rows yet; None in regression, and for a loss with kinks."""
        if loss.kind != "classification" or not loss.smooth:
            return None
        weights = np.zeros(max(2, n_outputs))
        return cls(
            n_outputs == 1 and flattens(loss),
            weights,
            np.zeros(n_outputs),
            np.zeros(2),
        )

    def __setstate__(self, values):
        """An array that comes read-only is copied."""
        for name, value in values.items():
            setattr(self, name, writeable(value))

    def copy(self):
        """What rows that are counted later do not reach."""
        arrays = {name: getattr(self, name).copy() for name in ("weights", "members")}
        if self.sums is not None:
            arrays["sums"] = self.sums.copy()
        return replace(self, **arrays)

    def count(self, targets, weights):
        """Count the rows of a chunk, given as +-1 or as class numbers."""
        y = targets[:, 0]
        if len(self.odds) > 1:
            self.weights += np.bincount(y.astype(np.intp), weights, len(self.weights))
        elif len(y) == 1:  # the usual chunk on a stream
            self.weights[int(y[0] > 0.0)] += 1.0 if weights is None else weights[0]
        else:
            positive = y > 0.0
            of_one = np.count_nonzero(positive) if weights is None else weights @ positive
            self.weights[0] += (len(y) if weights is None else weights.sum()) - of_one
            self.weights[1] += of_one

    def locate(self, rows, targets, weights, scaling):
        """See where the rows of a rare class lie; whether there are any. All have been counted."""
        number, rarity = self.rarer()
        if rarity == 0.0 or rows.sparse:
            return False
        members = targets[:, 0] > 0.0 if number else targets[:, 0] <= 0.0
        found = members.nonzero()[0]
        if len(found) == 0:
            return False
        away = (rows.values[found] - scaling.shift) * scaling.scale
        if weights is None:
            total, weight = away.sum(axis=0), len(found)
        else:
            s = weights[found]
            total, weight = s @ away, s.sum()
        if scaling.aside is not None:
            total += weight * scaling.aside
        if self.sums is None:
            self.sums = np.zeros((2, rows.p + 1))
        self.members[number] += len(found)
        self.sums[number, :-1] += total
        self.sums[number, -1] += weight
        return True

    def rarer(self):
        """(The rarer of two classes, how rare it is: 1 if it hardly has a row, 0 if many)."""
        if not self.flattens:
            return 0, 0.0
        zeros, ones = self.weights.tolist()
        share = min(zeros, ones) / ((zeros + ones) or 1.0)
        return int(ones < zeros), max(0.0, 1.0 - share / RARE)

    def centred(self, scaling):
        """The metric, centred on the rows of a rare class as far as it is known where they lie."""
        number, rarity = self.rarer()
        n = self.members[number]
        if rarity == 0.0 or n == 0.0:
            return scaling.centred_aside(None)
        known = scaling.scale > 0.0
        mean = known * self.sums[number, :-1] / self.sums[number, -1]
        signal, noise = n * (mean @ mean), np.count_nonzero(known)
        far = signal > noise
        return scaling.centred_aside(mean * ((1.0 - noise / signal) * rarity) if far else None)

    def rise(self, loss, middle=None):
        """By how much the best constant predictions have risen since they were last asked for.

        And no farther than to them, from the mean predictions that a model has come to by itself.
        """
        seen = self.weights + UNSEEN
        if isinstance(loss, Multinomial):
            odds = np.log(seen)
            odds -= odds.mean()
        else:  # two classes have one output, that of the second
            others = self.weights.sum() + 2.0 * UNSEEN - seen
            pairs = np.column_stack([others, seen])[-len(self.odds) :]
            odds = np.array([loss.baseline(SIGNS, pair) for pair in pairs])
        risen, self.odds = odds - self.odds, odds
        if middle is None:
            return risen
        if isinstance(loss, Multinomial):
            middle = middle - middle.mean()
        return np.clip(odds - middle, np.minimum(risen, 0.0), np.maximum(risen, 0.0))


def flattens(loss):
    """Whether the mean curvature at the best constant is small where a class is rare."""
    shares, step = np.array([1.0 - 0.1 * RARE, 0.1 * RARE]), 1e-4
    z = loss.baseline(SIGNS, shares)
    high, low = (shares @ loss.gradient(SIGNS, np.full(2, z + move)) for move in (step, -step))
    return bool(high - low < 2.0 * step * SMALL * loss.curvature_bound)
