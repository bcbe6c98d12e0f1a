"""The running metric of a stream: what learning_rate="auto" knows in partial_fit.

Moments of the columns and of y are merged chunk by chunk. As a column's size s_j drifts, the
coefficient in the metric v_j = s_j w_j is what is kept: predictions on rows of the new size are as
large as those on rows of the old one were, so that a drifting scale cannot blow them up (Ross,
Mineiro, Langford 2013, "Normalized Online Learning"). A few rows far out of scale are no drift:
they are learnt from with little weight.
"""

from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np

from .automatic_rate import AutomaticRate, curvature_of, spread_of
from .classes import Classes
from .lengths import Lengths
from .moments import ColumnSums
from .rows import DenseRows
from .scaling import Scaling, check_squares
from .units import LATE_ROWS, Units

# Updates that count as an epoch on a stream that did not begin with a fit.
UPDATES_PER_EPOCH = 1000
# The metric is renewed when this much more has been seen.
GROWTH = 1.2
# A row this much longer than any before is doubtful; so many of them in succession are no accident.
LONGER = 2.0
BELIEVED = 20
# Rows that are longer or shorter on the whole are looked at as soon as they are this share of all.
LATE_SHARE = 0.01
# A target so many deviations from the mean is learnt from as if it were no farther.
FAR = 100.0
# What `Stream.doubting` and `Stream.clipped` have found in a first chunk.
NO_SIGNS = 0, None, 0


@dataclass
class Stream:
    """What has been seen of a stream; a chunk is added once it has been learnt from.

    Attributes
    ----------
    columns : ColumnSums
    targets : ColumnSums or None
        Of y, in regression.
    n_rows : int
    longest : float
        The largest s_i (|x~_i|^2 + 1), each in the metric of its time.
    renewed : float
        The weight at which the metric was made.
    loss : float or None
        The mean loss in the end, if these rows began with those of a `fit`.
    suspects : int
        Rows far longer than those before that the last ones were.
    pending : ColumnSums or None
        Of those rows, at their full weight.
    units : Units
        Of the columns, when they were last looked at.
    lengths : Lengths
        Of the rows since the metric was made.
    limits : tuple of ndarray of shape (n_targets,), or None
        The least and the largest target that is believed; None for all.
    strangers : int
        Rows with targets beyond them that the last ones were.
    classes : Classes or None
        None in regression, and for losses with kinks.
    """

    columns: ColumnSums
    targets: ColumnSums | None
    n_rows: int = 0
    longest: float = 0.0
    renewed: float = 0.0
    loss: float | None = None
    suspects: int = 0
    pending: ColumnSums | None = None
    units: Units = field(default_factory=Units)
    lengths: Lengths = field(default_factory=Lengths)
    limits: tuple | None = None
    strangers: int = 0
    classes: Classes | None = None

    @classmethod
    def begin(cls, p, n_targets, n_outputs, loss):
        """Nothing seen yet."""
        return cls._beside(ColumnSums.begin(p), n_targets, n_outputs, loss)

    @classmethod
    def _beside(cls, columns, n_targets, n_outputs, loss):
        """These columns seen, and no targets yet."""
        targets = ColumnSums.begin(n_targets) if loss.kind == "regression" else None
        classes = Classes.begin(n_outputs, loss)
        return cls(columns, targets, classes=classes)

    @classmethod
    def of(cls, objective):
        """All rows of a fit seen; it takes over the sums that the rows have, unless they last."""
        columns = objective.rows.column_sums(objective.weights)
        columns = columns.copy() if objective.rows.kept.lasts else columns
        n_targets, n_outputs = objective.targets.shape[1], objective.n_outputs
        stream = cls._beside(columns, n_targets, n_outputs, objective.loss)
        if stream.targets is not None:
            stream.targets.add(DenseRows(objective.targets), objective.weights)
        if stream.classes is not None:
            stream.classes.count(objective.targets, objective.weights)
            stream.classes.rise(objective.loss)
        stream.n_rows = objective.rows.n
        stream.limit_targets()
        return stream

    def copy(self):
        """A stream that what is seen later does not reach."""
        kept = {
            name: None if sums is None else sums.copy()
            for name, sums in (
                *(("targets", self.targets), ("pending", self.pending)),
                ("classes", self.classes),
            )
        }
        return replace(self, columns=self.columns.copy(), **kept)

    def see(self, rows, targets, weights, signs=NO_SIGNS):
        """Add a chunk; one of a new scale is kept apart from the rows before it."""
        suspects, lengths, self.strangers = signs
        if lengths is not None:
            self.lengths = lengths
        if suspects == 0:
            self.pending = None
        else:
            self.pending = (self.pending or ColumnSums.begin(rows.p)).add(rows)
            if suspects >= BELIEVED and self.n_rows > 0:
                self.units = replace(self.units, earlier=self.columns.copy(), n_rows=self.n_rows)
        self.columns.add(rows, weights)
        if self.targets is not None:
            self.targets.add(DenseRows(targets), weights)
        if self.classes is not None:
            self.classes.count(targets, weights)
        self.n_rows += rows.n
        self.suspects = suspects
        return self

    @property
    def weight(self):
        """Of the rows seen."""
        return self.columns.weight

    @property
    def spread(self):
        """The size of predictions: 1 for classes."""
        return 1.0 if self.targets is None else spread_of(self.targets.moments())

    def scaling(self, *, sparse, centre):
        """The metric as of now."""
        moments = self.columns.moments()
        scaling = Scaling.from_moments(moments, self.weight, centre=centre, per_row=sparse)
        return self.classes.centred(scaling) if centre and self.classes is not None else scaling

    def is_due(self, rows, weights, signs):
        """Whether the metric is to be renewed before this chunk is learnt from."""
        added = rows.n if weights is None else weights.sum()
        suspects, lengths, _ = signs
        if suspects >= BELIEVED or self.weight + added >= GROWTH * self.renewed:
            return True
        late_rows = self.n_rows + rows.n - self.units.n_rows
        if lengths is None or late_rows < max(LATE_ROWS, LATE_SHARE * self.n_rows):
            return False
        return lengths.drifted

    def doubting(self, rows, weights, scaling, same_kind=True):
        """(weights, signs) by which to learn from this chunk; weights None for all one.

        The signs are the number of suspects and the `Lengths` since the metric was made, which the
        rows of another storage than its do not tell.

        A few broken rows must not undo the model: those far longer than any before weigh as if
        they were not, unless it is most rows that are so now.
        """
        lengths = rows.row_squares(scaling, weights, last=1.0)
        longest, limit = float(lengths.max() if rows.n > 1 else lengths[0]), LONGER * self.longest
        if not isfinite(longest):
            check_squares(longest)
        if self.suspects == 0 and (longest <= limit or limit == 0.0):
            return weights, (0, self.lengths.joined(lengths, weights) if same_kind else None)
        doubtful = np.count_nonzero(lengths > limit)
        suspects = self.suspects + doubtful if 2 * doubtful > rows.n else 0
        if suspects < BELIEVED:
            trust = np.minimum(1.0, limit / lengths)
            weights = trust if weights is None else weights * trust
        known = self.lengths.joined(np.minimum(lengths, limit), None) if same_kind else None
        return weights, (suspects, known)

    def limit_targets(self):
        """See how far targets may be from those so far."""
        if self.targets is not None and self.n_rows >= LATE_ROWS:
            moments = self.targets.moments()
            reach = np.where(moments.variance > 0.0, FAR * np.sqrt(moments.variance), np.inf)
            self.limits = moments.mean - reach, moments.mean + reach

    def clipped(self, targets):
        """The targets to learn from, and how many strangers there were to the last.

        A few that are far beyond all others must not undo the model, unless it is most that are.
        """
        if self.limits is None:
            return targets, 0
        near = (targets >= self.limits[0]) & (targets <= self.limits[1])
        if near.all():
            return targets, 0
        far = np.count_nonzero(~near.all(axis=1))
        strangers = self.strangers + far if 2 * far > len(targets) else 0
        return targets if strangers >= BELIEVED else np.clip(targets, *self.limits), strangers

    def renew(self, rows, weights, scaling):
        """Bring the record up to date by a chunk that has been seen, in the new metric."""
        longest = rows.row_squares(scaling, weights, last=1.0).max()
        self.longest = max(self.longest, float(longest))
        self.renewed = self.weight
        self.limit_targets()
        self.lengths = self.lengths.renewed(float(self.mean_squares(scaling).sum()) + 1.0)
        if self.suspects >= BELIEVED:  # look again soon
            soon = self.weight * (1.0 + LATE_ROWS / self.n_rows) / GROWTH
            self.renewed = min(self.renewed, soon)

    def forget(self):
        """Forget the units that columns were in before.

        Returns
        -------
        factor : float
            By which all columns have grown together, 1 if they have not.
        """
        self.units, self.columns, factor = self.units.look(
            self.columns,
            self.n_rows,
            drifted=self.lengths.drifted,
            believed=self.pending if self.suspects >= BELIEVED else None,
        )
        return factor

    def mean_squares(self, scaling):
        """The mean of x~_ij^2, (p,): for dense rows one, for sparse ones a rare column's share."""
        columns = self.columns.moments()
        return (columns.variance + (columns.mean - scaling.shift) ** 2) * scaling.scale**2

    def first_square(self, method, n_together):
        """AdaGrad's sums before the first row: as if one had come, its slope one.

        Where a class is rare, the first gradients tell nothing of what its rows are like.
        """
        batch_size = 1 if method.batch_size == "full" else min(method.batch_size, n_together)
        return (self.weight / self.n_rows / batch_size) ** 2

    def squared_gradients(self, method, scaling, n_together):
        """AdaGrad's sums, had it been through the rows of the `fit`: (p,) and one.

        It would have been so with the batches of now, of `n_together` rows at most. With nothing
        summed up, its first steps would lead far away from the optimum. The squared
        slopes of a loss with curvature c are at most 2 c loss, those of a loss with kinks 1.
        """
        curvature, squares = method.loss.curvature_bound, self.mean_squares(scaling)
        batch_size = 1 if method.batch_size == "full" else min(method.batch_size, n_together)
        batches = self.n_rows * (self.weight / self.n_rows / batch_size) ** 2
        if np.isinf(curvature):
            return batches * squares, batches
        # With less than `least` a step along a row might overshoot: rate c |x~|^2 > sqrt(G).
        least = (2.0 * curvature * self.spread) ** 2 * (squares.sum() + 1.0)
        total = max(2.0 * curvature * self.loss * batches, least)
        return total * squares, total

    def rate(self, method, scaling, epoch=UPDATES_PER_EPOCH, run=None):
        """The rate as of now; the longest row so far bounds the curvature.

        Parameters
        ----------
        epoch : float
            Updates that count as one, for rates that fall with epochs.
        run : Run, default=None
            By whose coefficients the size of predictions is known where targets do not tell.
        """
        if epoch == 1:  # whole batches have ended with the fit
            epoch = UPDATES_PER_EPOCH
        square = float(self.mean_squares(scaling).sum()) + 1.0
        curvature = curvature_of(method, square * self.weight / self.n_rows, self.longest)
        spread = self.spread
        if self.targets is not None and method.fit_intercept:  # which begins at their mean
            spread = spread_of(self.targets.moments(), centred=True)
        if run is not None and self.targets is None and follows_the_model(run):
            variance = self.columns.moments().variance * scaling.scale**2
            rare = self.classes is not None and self.classes.rarer()[1] > 0.0
            spread = max(spread, float(np.sqrt((run.outlook(rare) ** 2 @ variance).max())))
        return AutomaticRate(method.rule, curvature, square, spread, epoch, follows=False)


def follows_the_model(run):
    """Whether the rate may grow with the model: those of the rules that "auto" takes.

    Others have no average to take the noise of larger steps.
    """
    return run.method.rule.name == ("ftrl" if run.sparse_metric else "schedule_free")
