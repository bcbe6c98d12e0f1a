"""Columns that come to other units: each by itself, or all of them by one factor.

From time to time the mean square of a column's late entries is held against that of its earlier
ones. Where it is many times as large or small, the earlier ones are forgotten; a column with too
few late ones to tell is judged when there are more. If most columns have changed alike, and the
rows with them (`Lengths`), so have those of few entries: then the units of all are renamed.
"""

from dataclasses import dataclass

import numpy as np

from .lengths import LENGTH
from .moments import FULL, ColumnSums

# A column whose square is so many times larger or smaller over the last rows, of which there have
# to be so many, with so many entries, has come to other units. Below ROUNDING it is constant for a
# while, or what rounding left.
LATE_ROWS = 100
LATE_ENTRIES = 20
OTHER = 16.0
MANY, OTHER_OF_MANY = 1000, 4.0
ROUNDING = 1e-12
# So few entries will do where all that a column has had lie about a mean.
RARE = 3
# Columns have changed together if there are so many, half of them by factors no farther apart.
COLUMNS, APART = 5, 4.0
# Entries of so little weight are what rounding left.
NONE = 1e-9


@dataclass(frozen=True)
class Units:
    """What was known at the last look.

    Attributes
    ----------
    earlier : ColumnSums or None
        Of all rows by then, of which there were `n_rows`.
    n_rows : int
    unjudged : ColumnSums or None
        Of entries that were late, and too few to tell.
    unsure : ndarray of shape (p,) or None
        Columns whose new units are known from a few rows alone.
    drifting : bool
        Whether rows had become longer or shorter.
    """

    earlier: ColumnSums | None = None
    n_rows: int = 0
    unjudged: ColumnSums | None = None
    unsure: np.ndarray | None = None
    drifting: bool = False

    def look(self, columns, n_rows, *, drifted, believed=None):
        """See which columns have come to other units.

        Parameters
        ----------
        columns : ColumnSums
            Of all rows.
        n_rows : int
        drifted : bool
            Whether the late rows are longer or shorter than those before.
        believed : ColumnSums, default=None
            Of the last rows, far longer than any before, at their full weight.

        Returns
        -------
        units : Units
        columns : ColumnSums
            As if all rows had been in the units of now.
        factor : float
            By which all columns have grown together, 1 if they have not.
        """
        late_rows = n_rows - self.n_rows
        if late_rows < LATE_ROWS and believed is None:
            return self, columns, 1.0
        if self.earlier is None:
            return Units(columns.copy(), n_rows), columns, 1.0
        before, since, unjudged = self.earlier, columns.since(self.earlier), self.unjudged
        window, factor = since, 1.0
        if believed is not None:
            window, late_rows, drifted = believed, believed.weight, True
        one = window.weight / late_rows
        if drifted:
            least = LENGTH if believed is None else OTHER_OF_MANY
            factor = common_factor(before, window, RARE * one, least)
        if factor != 1.0:
            before = before.resized(factor)
            columns = before.copy().join(since)
            since = since.about(columns.sums[0])
        if unjudged is not None:
            unjudged = unjudged.resized(factor)
            before, since = before.since(unjudged), since.copy().join(unjudged)
        late = since if believed is None else believed
        full = window.sums[1] >= FULL * window.weight
        known, new = judged(before, late, full, one, factor)
        if self.unsure is not None and believed is None:
            new |= self.unsure & known
        if new.any():
            columns.become(late, new)
        unsure = new if late_rows < LATE_ROWS else None
        unjudged = None
        if self.drifting or not drifted:  # else what was late until now was so in the old units
            unjudged = since.without(known)
        return Units(columns.copy(), n_rows, unjudged, unsure, drifted), columns, factor


def judged(before, late, full, one, factor):
    """Which columns have entries enough to tell, and which of them are in other units than before.

    Parameters
    ----------
    before, late : ColumnSums
    full : ndarray of shape (p,)
        Whether a column has no zeros.
    one : float
        The mean weight of a row.
    factor : float
        By which all columns together have grown since `before`, and which is seen to; but for
        columns of far means, of which it says too little.
    """
    entries = late.sums[1] / one
    (mean, then), (late_mean, now) = before.entries(), late.entries()
    near = late_mean**2 < now
    rare = (entries >= RARE) & ~near & (mean**2 >= then)
    then = np.where(full, then, then + mean**2)
    now = np.where(full, now, now + late_mean**2)
    known = rare | (entries >= LATE_ENTRIES)
    known &= (before.sums[1] > NONE * late.sums[1]) & (then > 0.0)
    share = np.divide(now, then, out=np.ones_like(now), where=known)
    if factor != 1.0:
        share[full & ~near] *= factor**2
    other = np.where(entries >= MANY, OTHER_OF_MANY, OTHER)
    return known, known & ((share > other) | ((share * other < 1.0) & (share > ROUNDING)))


def common_factor(before, late, few, least):
    """By which the units of most columns have grown, 1 if they have not together.

    Median and trimmed mean of the columns' shares have to say so, and the less of the two is
    believed: columns with heavy tails look smaller while no large entry has come.

    Parameters
    ----------
    before, late : ColumnSums
    few : float
        The weight of the entries without which a column has no say.
    least : float
        Shares nearer to 1 are no change.
    """
    then, now = before.spreads(), late.spreads()
    known = (late.sums[1] >= few) & (then > 0.0) & (now > 0.0)
    share = np.sort(now[known] / then[known])
    if len(share) < COLUMNS:
        return 1.0
    low, median, high = np.quantile(share, (0.25, 0.5, 0.75))
    tenth = len(share) // 10
    mean = share[tenth : len(share) - tenth].mean()
    if high > APART * low or (mean - 1.0) * (median - 1.0) <= 0.0:
        return 1.0
    common = min(mean, median) if mean > 1.0 else max(mean, median)
    return 1.0 if 1.0 / least < common < least else float(np.sqrt(common))
