"""Stochastic dual coordinate ascent: no learning rate, and the duality gap for a certificate.

Shalev-Shwartz, Zhang 2013: with slopes a_i, one a row, the dual problem (see duality.py) makes

    v = -sum_i c_i a_i x_i,      w = argmin_u penalty(u) - v . u,

and is solved one a_i at a time, in a new order each epoch. Rows whose slope has come to an end of
its range and is held there are left out until the others have settled (Hsieh et al. 2008).

An unpenalised intercept demands sum_i c_i a_i = 0, which no a_i can keep alone. So it is found by
the method of multipliers (Hestenes 1969; Powell 1969): within an epoch b moves as the coefficient
of a constant column would, penalised by its distance from a centre,

    b = centre - coupling sum_i c_i a_i,

and each sweep begins with b for the new centre: at rest, the sum is 0. That penalty has to be
weaker than the curvature of F in b, or b takes many sweeps to arrive; if it is weaker by far, every
single row throws b about. That curvature is small where columns can stand in for the intercept, as
the levels of a factor do, so the coupling starts in the middle and learns from how b moves.
"""

import numpy as np

from .._kernels import dual_coordinate as kernels
from .certificate import allowed_excess
from .duality import dual_point, feasible, minimiser, square, sum_of_slopes, value_gap_and_length
from .kept import mark
from .order import draw_order
from .result import Result
from .scaling import check_squares, squares_in_units
from .stochastic import value_of_zero_model

# A kernel call may take this long, so that Ctrl-C is heard, at these rough costs in seconds.
CALL = 0.05
COST_OF_VISIT = 1e-7
COST_OF_NUMBER = 4e-9

# What is left of the gap when the rows that do not rest have settled, and the others are visited
# again; and how many sweeps over the few a pass may hold.
SETTLED = 1e-3
MOST_SWEEPS = 20

# The true gap is looked at when the estimate, most often a few times as large, is at most so many
# times what is allowed; after a look, as many times as it was then, though no more than the second.
TRUST, LEAST_TRUST, MOST_TRUST = 1.5, 0.3, 4.0

COUPLING = 100.0  # at the start, where slopes are about as large as predictions
LEAST_COUPLING = 1.0


def solve_dual(objective, W0, b0, *, tol, max_iter, rng, monitor, shuffle=True):
    """Minimise an objective with an L2 part by SDCA.

    Parameters
    ----------
    objective : Objective
        With a built-in loss other than the softmax, and an `ElasticPenalty` of l2 > 0. Its outputs
        are problems of their own; they go side by side.
    W0 : ndarray of shape (k, p)
    b0 : ndarray of shape (k,)
        The start: the dual point that belongs to it, scaled for the best. Where another fit on the
        same data has ended here (`kept.py`), that is the one it had come to.
    tol : float or None
        Converged when the duality gap of each output is small enough (`allowed_excess`). None runs
        all `max_iter` passes.
    max_iter : int
        Passes over the rows (those that do not rest).
    rng : numpy.random.Generator
        Draws the visiting order.
    monitor : Monitor
    shuffle : bool, default=True
        False visits the rows as they stand.

    Returns
    -------
    Result
    """
    runs = [
        DualRun(objective.output(c), W0[c], b0[c], tol) for c in range(objective.n_outputs)
    ]
    monitor.start_value(sum(run.value for run in runs))
    monitor.updates = lambda: sum(run.t for run in runs)

    def coefficients():
        W, b = zip(*(run.coefficients() for run in runs))
        return np.concatenate(W), np.concatenate(b)

    reference = sum(run.reference for run in runs)
    for n_iter in range(1, max_iter + 1):
        monitor.begin_epoch()
        for run in runs:
            if not run.converged:
                run.epoch(rng if shuffle else None)
                if n_iter == max_iter:
                    run.look()
        gap = sum(run.gap for run in runs)
        stop = monitor.record(sum(run.value for run in runs), gap / reference, coefficients)
        converged = all(run.converged for run in runs)
        if stop or converged:
            break
    confirmed = all(run.confirmed for run in runs)
    return Result(
        *coefficients(),
        n_iter,
        converged,
        monitor.updates(),
        optimality=gap / reference,
        dual_gap=gap if confirmed else None,
    )


class DualRun:
    """The ascent of one output.

    Attributes
    ----------
    value : float
        The objective, as the rows were met.
    gap : float
        A bound on its distance from the least one: an estimate by the rows as they were met, until
        a full pass confirms that it is small.
    reference : float
        F of the zero model with the best intercept.
    confirmed : bool
        Whether it is so.
    converged : bool
    t : int
        Rows visited.
    """

    def __init__(self, objective, w0, b0, tol):
        self.objective, self.tol = objective, tol
        self.rows, self.penalty = objective.rows, objective.penalty
        self.reference = value_of_zero_model(objective) or 1.0
        n = self.rows.n
        if objective.weights is None:
            self.share = np.broadcast_to(1.0 / n, n)
        else:
            self.share = objective.weights / objective.total_weight
        self.squares = squares_in_units(objective)
        check_squares(self.squares)
        free = objective.loss.smooth or objective.loss.kind == "classification"
        self._unit_of_b = 1.0 if free else self.reference  # slopes have no unit, z that of y
        self._couple(COUPLING * objective.fit_intercept)
        self._move = 0.0
        self._plain = np.ndim(self.penalty.unit) == 0 and self.penalty.is_square
        scale, threshold = 1.0 / self.penalty.ridge(), None
        if not self._plain:
            ones = np.ones(self.rows.p)
            scale, threshold = 1.0 / self.penalty.ridge(ones), self.penalty.thresholds(ones)
        self._penalty = self.penalty.l2, scale, threshold, self.penalty.lower
        self.confirmed = self.converged = False
        self._start(w0[None], np.array([b0]))
        self._order = np.arange(n, dtype=np.intp)
        self._rests = np.empty(n, dtype=np.uint8)
        self._rouse()
        self._trust = TRUST
        self.t = 0
        if self.rows.sparse:
            arrays = self.rows.data, self.rows.indices, self.rows.indptr
            kernel = kernels.csr_visits[self.rows.kernel_types]
        else:
            arrays, kernel = (self.rows.values,), kernels.dense_visits[self.rows.kernel_types]
        self._visits = lambda *rest: kernel(*arrays, objective.targets[:, 0], *rest)
        cost = COST_OF_VISIT + COST_OF_NUMBER * self.rows.size / n
        self._rows_a_call = max(1, int(CALL / cost))

    def _start(self, W, b):
        objective, self.b = self.objective, b.copy()
        self.a = np.zeros(self.rows.n)
        self.v = np.zeros(self.rows.p)
        self.value = self.gap = self.reference
        self._given = None
        if not np.any(W):
            return
        W = np.maximum(W, self.penalty.lower)
        Z = objective.predictions(W, b)
        known = objective.kept.last("dual point")
        if known is not None and known[0] == mark(W, b):
            _, A, V = known
        else:
            A = dual_point(objective, Z)
            V = sum_of_slopes(objective, A)
        self.value, self.gap, t = value_gap_and_length(objective, W, Z, A, V)
        self.a, self.v = t * A[:, 0], t * V[0] * self.penalty.unit
        if self.gap <= self.allowed():
            self._given = W, b
            self.confirmed = self.converged = True

    def _rouse(self):
        """No row rests any more."""
        self.active = None
        self._roused_at = self.gap
        self._margin = np.inf
        self._resting_loss = 0.0

    def epoch(self, rng):
        """About as many visits as there are rows, to those that do not rest."""
        left = self.rows.n
        while left > 0 and not self.converged:
            order = self._draw(rng)
            self._sweep(order)
            left -= max(len(order), self.rows.n // MOST_SWEEPS)
            if self.gap <= self._trust * self.allowed():
                self.look()
            elif self.gap <= SETTLED * self._roused_at:
                self._rouse()
        if not self.confirmed:
            self.value = self._loss + self._penalty_value()

    def _draw(self, rng):
        """The rows that do not rest, in the order of their visits."""
        if rng is None:
            return self._order if self.active is None else self.active
        if self.active is None:
            draw_order(rng, self._order)
            return self._order
        order = self._order[: len(self.active)]
        draw_order(rng, order)
        return self.active[order]

    def _sweep(self, order):
        self.confirmed = False
        self._recentre()
        rests = self._rests[: len(order)]
        loss = gap = resting = pull = 0.0
        for start in range(0, len(order), self._rows_a_call):
            part = slice(start, start + self._rows_a_call)
            sums = self._visit(order[part], rests[part])
            loss, gap, resting = loss + sums[0], gap + sums[1], resting + sums[2]
            pull = max(pull, sums[3])
            self.t += len(order[part])
        self._loss = loss + self._resting_loss
        self._resting_loss += resting
        self._margin = pull
        if rests.any():
            awake = np.zeros(self.rows.n, dtype=bool)
            awake[order[rests == 0]] = True
            self.active = np.flatnonzero(awake)
        # The gap was falling meanwhile, by half of what it falls from one sweep to the next.
        gap = max(gap, 0.0)
        self.gap = gap * np.sqrt(min(gap / self.gap, 1.0)) if self.gap > 0.0 else gap

    def _recentre(self):
        """b for a centre where b is, with a coupling that lets it arrive but not swing."""
        if not self.objective.fit_intercept:
            return
        imbalance = self.share @ self.a
        move, last = self.coupling * imbalance, self._move
        if move * last < 0.0:
            self._couple(max(0.5 * self._relative_coupling, LEAST_COUPLING))
        elif abs(move) > 0.5 * abs(last) > 0.0:
            self._couple(2.0 * self._relative_coupling)
        self._move = self.coupling * imbalance
        self.b -= self._move

    def _couple(self, coupling):
        self._relative_coupling = coupling
        self.coupling = coupling * self._unit_of_b

    def _visit(self, order, rests):
        return self._visits(
            self.objective.loss.spec,
            order,
            (self.share, self.squares, self.a),
            self.v,
            self._penalty,
            self.b,
            self.coupling,
            self._margin,
            rests,
        )

    def look(self):
        """The true objective and gap; where they are not small enough, all rows go on."""
        objective, estimate = self.objective, self.gap
        A = feasible(objective, self.a[:, None])
        V = sum_of_slopes(objective, A)  # before there is a W, which is as large as all its sums
        W, b = self.coefficients()
        Z = objective.predictions(W, b)
        self.value, self.gap, _ = value_gap_and_length(objective, W, Z, A, V)
        objective.kept.hand_on("dual point", (mark(W, b), A, V))
        self.confirmed = True
        self.converged = self.gap <= self.allowed()
        if self.gap > 0.0:
            self._trust = np.clip(0.9 * estimate / self.gap, LEAST_TRUST, MOST_TRUST)
        self._rouse()

    def allowed(self):
        """The gap that is small enough."""
        return -1.0 if self.tol is None else allowed_excess(self.value, self.reference, self.tol)

    def _penalty_value(self):
        if self._plain:
            return 0.5 * square(self.v) / self.penalty.ridge()
        return self.penalty.value(self._coefficients())

    def _coefficients(self):
        if self._plain:
            return self.v / self.penalty.ridge()
        return minimiser(self.penalty, self.v / self.penalty.unit) / self.penalty.unit

    def coefficients(self):
        """(W, b), copies."""
        if self._given is not None:
            return tuple(map(np.copy, self._given))
        return self._coefficients()[None], self.b.copy()
