"""A primal-dual interior point method for losses made of ramps.

Hinge, quantile, absolute, insensitive and Huber's loss are sums of ramps of the prediction z, and
so is an L1 penalty in the coefficients:

    sum_r C_r max(0, v_r),   v_r = offset_r + sign_r z      (rounded off over a width m for Huber)

A ramp is the value of a small linear program with multiplier a in [0, 1], t its height:

    min  C t   over t >= 0, e >= 0      with      e = t - v + m a,    b = 1 - a

so that the optimum has a b-weighted and an a-weighted complement, t b = 0 and e a = 0, and the
multipliers balance the L2 penalty: D u + A' sum_r sign_r C_r a_r = 0. The method follows
t b = e a = mu towards mu = 0 (Mehrotra 1992; Portnoy, Koenker 1997 for quantiles): with

    theta = C / (t / b + e / a + m),     (D + A' theta A) du = right-hand side,

every iteration is one weighted least-squares fit, and some twenty are enough whatever the scales.
sum C (t b + e a) is the duality gap once the multipliers balance: the certificate, relative to F
of the zero model. F need not fall in every iteration, and rounding may lead far astray where no
penalty holds coefficients: a run that does not arrive ends where F was least.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..losses import AbsoluteError, EpsilonInsensitive, Hinge, Huber, Quantile
from .certificate import allowed_excess
from .design import EPS, NOISE, Design, solve, syrk
from .result import Result

HIGH = 10.0  # how far inside it starts, in typical values of v
BACK = 0.995  # share of the way to the nearest bound
SHORT = 1e-8  # steps below this lead nowhere
ROUNDING = 1e-14  # the least gap that means anything
STALLED = 5  # iterations that did not bring such a gap down by a tenth
LOST = 15  # iterations that did not do so with a larger gap
RESTARTS = 4
FLOOR = 1e-8  # a gap that is good enough where rounding allows no smaller one


def interior(objective, certificate, W, b, *, tol, max_iter, monitor):
    """Minimise a loss made of ramps; arguments as for `solve_batch`."""
    problem = _Problem(objective, certificate, W, b, max(tol, ROUNDING))
    n_iter, stop, arrived, gap = 0, False, False, np.inf
    least, since, restarts, begun = np.inf, 0, 0, None
    value = problem.value()
    best = value, value / problem.reference, problem.coefficients()  # F* is no less than 0
    while not (stop or arrived) and n_iter < max_iter:
        n_iter += 1
        monitor.begin_epoch()
        length = problem.iterate()
        gaps, value = problem.gaps(), problem.value()
        gap = float(np.sum(gaps)) / problem.reference
        stop = monitor.record(value, gap, problem.coefficients)
        problem.allow(value)
        if value < best[0]:
            best = value, gap, problem.coefficients()
        if gap < 0.9 * least:
            least, since = gap, n_iter
        small = gap <= FLOOR
        at_end = length < SHORT or n_iter - since >= (STALLED if small else LOST)
        arrived = np.all(gaps <= problem.allowed) or (at_end and small)
        if at_end and not arrived:  # rounding has led it astray, as coefficients far out do
            if restarts == RESTARTS or best is begun:
                break
            begun = best
            problem = _Problem(objective, certificate, *best[2], problem.tol)
            least, since, restarts = np.inf, n_iter, restarts + 1
    W, b = problem.coefficients()
    if not arrived:
        monitor.curve[-1], gap, (W, b) = best
    return Result(
        W,
        b,
        n_iter,
        bool(arrived and not stop),
        n_iter,
        optimality=gap,
        dual_gap=gap * problem.reference,
    )


def row_ramps(objective):
    """[(offset, sign, height, width)] of the loss, arrays that broadcast over (n, k)."""
    loss, y = objective.loss, objective.block_targets(0, objective.rows.n)
    if isinstance(loss, Hinge):
        return [(np.ones_like(y), -y, 1.0, 0.0)]
    if isinstance(loss, Quantile):
        return [(y, -1.0, loss.quantile, 0.0), (-y, 1.0, 1.0 - loss.quantile, 0.0)]
    if isinstance(loss, EpsilonInsensitive | AbsoluteError):
        return [(y - loss.parameter, -1.0, 1.0, 0.0), (-y - loss.parameter, 1.0, 1.0, 0.0)]
    if isinstance(loss, Huber):
        return [(y, -1.0, loss.epsilon, loss.epsilon), (-y, 1.0, loss.epsilon, loss.epsilon)]
    raise NotImplementedError(f"loss {loss.name!r} is not made of ramps")


@dataclass
class _Ramp:
    """One ramp of every row (or coefficient) and output: arrays of shape (n, k) or (p, k)."""

    v: np.ndarray
    sign: np.ndarray | float
    C: np.ndarray
    width: float

    def begin(self, height):
        self.a = np.full_like(self.v, 0.5)
        self.b = np.full_like(self.v, 0.5)  # 1 - a, with digits of its own
        self.t = np.maximum(self.v - 0.5 * self.width, 0.0) + height

    @property
    def e(self):
        return self.t - self.v + self.width * self.a

    def complement(self):
        """sum C (t b + e a) of each output."""
        return np.sum(self.C * (self.t * self.b + self.e * self.a), axis=0)

    def theta(self):
        return self.C / (self.t / self.b + self.e / self.a + self.width)

    def aim(self, mu, correct):
        """Newton's step is to make t b and e a equal mu; dt and da of a trial correct for db dt."""
        R1 = R2 = mu
        if correct:
            R1, R2 = mu + self.dt * self.da, mu - self.de * self.da
        self.R1 = R1
        self.fixed = self.theta() * (R2 / self.a - self.e - R1 / self.b + self.t)
        return self.sign * self.fixed

    def respond(self, dz):
        """The step in v, a, t and e that a step dz of the predictions brings with it."""
        self.dv = self.sign * dz
        self.da = (self.fixed + self.theta() * self.dv) / self.C
        self.dt = (self.R1 - self.t * self.b + self.t * self.da) / self.b
        self.de = self.dt - self.dv + self.width * self.da

    def pull(self):
        """One over how far the step of each output can go before t, e, a or b is zero."""
        changes = (self.t, self.dt), (self.e, self.de), (self.a, self.da), (self.b, -self.da)
        with np.errstate(divide="ignore"):  # what has come to zero lets no step be made: inf
            return np.max([np.max(-d / x, axis=0) for x, d in changes], axis=0)

    def after(self, length):
        """`complement` once the step is made."""
        a, b = self.a + length * self.da, self.b - length * self.da
        t, e = self.t + length * self.dt, self.e + length * self.de
        return np.sum(self.C * (t * b + e * a), axis=0)

    def move(self, length):
        self.v = self.v + length * self.dv
        self.a = self.a + length * self.da
        self.b = self.b - length * self.da
        self.t = self.t + length * self.dt


class _Problem:
    """The ramps, the coefficients u (k, q) and the step that is made on both.

    The outputs are problems of their own, which share the passes over the rows: each goes its own
    length, and stays where it is once it has arrived.
    """

    def __init__(self, objective, certificate, W, b, tol):
        self.objective, penalty = objective, objective.penalty
        self.design = Design(objective, certificate.scaling)
        self.u = self.design.pack(W, b)
        self.Z = self.design.times(self.u)
        k = objective.n_outputs
        weights = np.ones(objective.rows.n) if objective.weights is None else objective.weights
        share = np.tile(weights[:, None] / objective.total_weight, k)
        made_of = row_ramps(objective)
        self.rows = [
            _Ramp(offset + sign * self.Z, sign, height * share, width)
            for offset, sign, height, width in made_of
        ]
        self.coordinates = []
        if penalty.l1 > 0.0:
            # |w_j|; a column that says nothing stays at 0 under any penalty
            scale = np.where(certificate.scaling.scale > 0.0, certificate.scaling.scale, 1.0)
            C = np.tile(penalty.thresholds(scale)[:, None], k)
            self.coordinates = [_Ramp(sign * self.V, sign, C, 0.0) for sign in (1.0, -1.0)]
        self.ramps = self.rows + self.coordinates
        self.mass = 2.0 * sum(np.sum(ramp.C, axis=0) for ramp in self.ramps)
        # A coefficient in the metric moves predictions by its own size: one height serves all.
        mass = sum(np.sum(ramp.C, axis=0) for ramp in self.rows)
        typical = sum(np.sum(ramp.C * np.abs(ramp.v), axis=0) for ramp in self.rows) / mass
        for ramp in self.ramps:
            ramp.begin(HIGH * np.where(typical > 0.0, typical, 1.0))
        # What v is rounded by: a gap that says nothing, as where all targets are one number.
        self.rounding = EPS * sum(
            np.sum(ramp.C * np.abs(offset)) for ramp, (offset, *_) in zip(self.rows, made_of)
        )
        self.reference = max(certificate.reference_value, self.rounding / FLOOR)
        self.tol = tol
        self.allow(self.value())

    def allow(self, value):
        """The gap that each output may have where F is `value`."""
        excess = allowed_excess(value, self.reference, self.tol)
        self.allowed = max(excess, self.rounding) / self.objective.n_outputs

    @property
    def V(self):
        return self.u[:, : self.design.p].T

    def iterate(self):
        """One predictor-corrector step; returns the greatest length that an output went."""
        self.theta = theta = sum(ramp.theta() for ramp in self.rows)
        hessian = self.design.gram(theta) + np.diag(self.design.ridge + self.design.idle)
        diagonal = np.arange(self.design.p)
        for ramp in self.coordinates:
            hessian[:, diagonal, diagonal] += ramp.theta().T
        balance, here = self.imbalance(), self.complement()
        self.direction(hessian, balance, 0.0, correct=False)
        trial = self.length(1.0)
        there = sum(ramp.after(trial) for ramp in self.ramps)
        mu = np.minimum(there / here, 1.0) ** 3 * here / self.mass
        self.direction(hessian, balance, mu, correct=True)
        length = np.where(self.gaps() > self.allowed, self.length(BACK), 0.0)
        if not np.all(np.isfinite(self.du)):  # rounding has made the system singular: the end
            return 0.0
        self.u = self.u + length[:, None] * self.du
        self.Z += length * self.dZ
        for ramp in self.ramps:
            ramp.move(length)
        return float(np.max(length))

    def direction(self, hessian, balance, mu, *, correct):
        """du, dZ and the ramps' responses."""
        nowhere = np.full(self.u.shape[1], np.nan)
        S = sum(ramp.aim(mu, correct) for ramp in self.rows)
        rhs = -balance - self.design.transpose_times(S)
        for ramp in self.coordinates:
            rhs[:, : self.design.p] -= ramp.aim(mu, correct).T
        noise = NOISE * EPS * (np.linalg.norm(S, axis=0)[:, None] + np.abs(balance))
        error = np.max(self.design.far())
        steps = (
            solve(
                H,
                rhs[c, :, None],
                0.0,
                in_range=True,
                gram=partial(self.gram, c),
                noise=noise[c, :, None],
                error=error,
            )
            for c, H in enumerate(hessian)
        )
        self.du = np.array([nowhere if du is None else du[:, 0] for du in steps])
        self.dZ = self.design.times(self.du)
        for ramp in self.rows:
            ramp.respond(self.dZ)
        for ramp in self.coordinates:
            ramp.respond(self.du[:, : self.design.p].T)

    def gram(self, c, T):
        """T' H T for output c without H: from the columns that T makes of the rows."""
        design, p = self.design, self.design.p
        stiffness = design.ridge + design.idle
        for ramp in self.coordinates:
            stiffness[:p] += ramp.theta()[:, c]
        total = syrk(np.sqrt(stiffness)[:, None] * T)
        for start, stop, A in design.blocks():
            total += syrk(np.sqrt(self.theta[start:stop, c, None]) * (A @ T))
        return total

    def length(self, back):
        """How far each output goes: all the way, or `back` of the way to its nearest bound."""
        pull = np.max([ramp.pull() for ramp in self.ramps], axis=0)
        return np.minimum(1.0, back / np.maximum(pull, EPS))

    def imbalance(self):
        """D u + A' sum_r sign_r C_r a_r."""
        S = sum(ramp.sign * ramp.C * ramp.a for ramp in self.rows)
        out = self.design.ridge * self.u + self.design.transpose_times(S)
        for ramp in self.coordinates:
            out[:, : self.design.p] += (ramp.sign * ramp.C * ramp.a).T
        return out

    def complement(self):
        return sum(ramp.complement() for ramp in self.ramps)

    def gaps(self):
        """For each output a bound on F - F*, if its multipliers balance."""
        return self.complement() + np.abs(np.sum(self.u * self.imbalance(), axis=1))

    def value(self):
        """F."""
        loss, _ = self.objective.losses_to_slopes(0, self.objective.rows.n, self.Z.copy())
        W, _ = self.coefficients()
        return loss / self.objective.total_weight + self.objective.penalty.value(W)

    def coefficients(self):
        return self.design.unpack(self.u)
