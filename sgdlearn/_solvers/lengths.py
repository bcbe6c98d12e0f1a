"""Whether rows are as long as the metric lets expect: the first sign that units drift.

With l_i = |x~_i|^2 + 1 in the metric, m what that is in the mean over the rows the metric was made
from, and s_i the weights, the rows since then have drifted if

    |mean_i l_i - m|  >  max((1 - 1 / LENGTH) m, SURE m v / sqrt(sum_i s_i)),

v^2 being the variance of l_i / m over all rows ever judged, each by the metric of its time. The
entries of a row may be large or small together: it takes many rows to be sure, not many columns.
"""

from dataclasses import dataclass, replace

# How much longer or shorter rows have to be for a look at the metric, and by how many standard
# errors.
LENGTH = 1.1
SURE = 4.0


@dataclass
class Lengths:
    """Of the rows since the metric was made.

    Attributes
    ----------
    expected : float
        m.
    weight, total : float
        The sums of s_i and of s_i l_i.
    all_weight, all_total, all_squares : float
        Those of s_i, s_i l_i / m and s_i (l_i / m)^2 over all rows ever judged.
    """

    expected: float = 1.0
    weight: float = 0.0
    total: float = 0.0
    all_weight: float = 0.0
    all_total: float = 0.0
    all_squares: float = 0.0

    def joined(self, lengths, weights):
        """These with those of a chunk, given as s_i l_i."""
        if len(lengths) == 1:  # the usual chunk on a stream, and no time for sums
            total = float(lengths[0])
            weight = 1.0 if weights is None else float(weights[0])
            squares = total * total / weight
        else:
            total = float(lengths.sum())
            weight = float(len(lengths) if weights is None else weights.sum())
            squares = float(lengths @ (lengths if weights is None else lengths / weights))
        return Lengths(
            self.expected,
            self.weight + weight,
            self.total + total,
            self.all_weight + weight,
            self.all_total + total / self.expected,
            self.all_squares + squares / self.expected**2,
        )

    def renewed(self, expected):
        """None yet in the new metric."""
        return replace(self, expected=expected, weight=0.0, total=0.0)

    @property
    def drifted(self):
        """Whether that many rows cannot be so long, or short, by chance."""
        if self.weight == 0.0:
            return False
        away = abs(self.total / self.weight / self.expected - 1.0)
        if away <= 1.0 - 1.0 / LENGTH:
            return False
        variance = self.all_squares / self.all_weight - (self.all_total / self.all_weight) ** 2
        return away**2 * self.weight > SURE**2 * variance
