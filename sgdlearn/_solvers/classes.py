"""What a stream has shown of its classes: their shares, and where the rows of a rare one lie.

The first is by what intercepts can be moved at once, as no gradient would move them: a class of
which there are N_k rows among N so far has, of all constant predictions, as the best

    log (N_k + 1/2) / (N - N_k + 1/2);      for the softmax log (N_k + 1/2), centred.

Whenever that is seen anew, intercepts rise by its change (`rise`).

The second is where rows are to be centred. The objective is curved by its rows in proportion to
h_i = p_i (1 - p_i). Where a class is rare h_i is about p_i, and the mean of the rows so weighed is
that of the rows of the class, m, many deviations from the mean of all it may be. About the latter,
coefficients and intercept would go hand in hand, and gradient descent slowly, along m: it is about
m that they do not. Of n rows in p columns of unit size m has a noise of p / n, by which it is drawn
towards the mean of all rows (James & Stein 1961):

    m (1 - p / (n |m|^2))_+
"""

from dataclasses import dataclass, replace

import numpy as np

from ..losses import LogLoss, Multinomial

# From this share of all rows on a class is not rare at all.
RARE = 0.1
UNSEEN = 0.5


@dataclass
class Classes:
    """Of the rows so far.

    Attributes
    ----------
    softmax : bool
    weights : ndarray of shape (n_classes,)
        The sum of the weights of each class.
    odds : ndarray of shape (k,)
        As the intercepts have taken them up.
    members : ndarray of shape (2,)
        Of two classes, the rows of each that the sums are of, while it was the rarer.
    sums : ndarray of shape (2, p + 1)
        Of s_i x~_i and s_i, x~_i about the mean, in the metric of its time.
    """

    softmax: bool
    weights: np.ndarray
    odds: np.ndarray
    members: np.ndarray
    sums: np.ndarray

    @classmethod
    def begin(cls, p, n_outputs, loss):
        """No rows yet; None for a loss that has no log odds."""
        if not isinstance(loss, (LogLoss, Multinomial)):
            return None
        weights = np.zeros(max(2, n_outputs))
        return cls(
            isinstance(loss, Multinomial),
            weights,
            np.zeros(n_outputs),
            np.zeros(2),
            np.zeros((2, p + 1)),
        )

    def copy(self):
        """What rows that are counted later do not reach."""
        arrays = {name: getattr(self, name).copy() for name in ("weights", "members", "sums")}
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
        self.members[number] += len(found)
        self.sums[number, :-1] += total
        self.sums[number, -1] += weight
        return True

    def rarer(self):
        """(The rarer of two classes, how rare it is: 1 if it hardly has a row, 0 if many)."""
        if len(self.odds) > 1:
            return 0, 0.0
        zeros, ones = self.weights.tolist()
        share = min(zeros, ones) / (zeros + ones)
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

    def rise(self):
        """By how much the best constant predictions have risen since they were last asked for."""
        seen = self.weights + UNSEEN
        if self.softmax:
            odds = np.log(seen)
            odds -= odds.mean()
        else:  # two classes have one output, that of the second
            odds = np.log(seen / (self.weights.sum() + 2.0 * UNSEEN - seen))[-len(self.odds) :]
        risen, self.odds = odds - self.odds, odds
        return risen
