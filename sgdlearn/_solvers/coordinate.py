"""Coordinate descent on working sets: for penalties with an L1 part.

Every iteration looks at all columns once, and takes for its working set those whose coefficients
are not zero and those whose slopes say that they should not be. In them the mean loss is replaced
by its quadratic model, which coordinate descent goes down (Friedman, Hastie, Tibshirani 2010; for
other losses than the squared one as in newGLMNET: Yuan, Ho, Lin 2012; working sets: Massias,
Gramfort, Salmon 2018), and the step to its minimum is shortened until F falls. The model of squared
loss is the loss itself. Where it is not, or where columns are many, a visit of them and some steps
of conjugate gradients are all that is asked of a model; the next one knows better.

Outputs take their turns in every iteration, the classes of a softmax too.
"""

import numpy as np

from .._kernels.full_pass import losses_to_slopes
from ..losses import Loss, Multinomial, SquaredError
from .certificate import Stopping
from .columns import DenseColumns, SparseColumns
from .result import Result

# The model's minimum is sought until a visit of its columns gains less than this share of the most
# that one has gained.
ACCURACY = 1e-2
EXACT_ACCURACY = 1e-6
# The share that conjugate gradients may leave of a squared gradient: so many times the norm of the
# certificate, which is 1 at the zero model, and no less than that. Where the model is the loss
# itself, and cheap to visit, its minimum is sought.
CLOSER, TIGHTEST = 0.5, 1e-3
# A column with slopes too steep costs the duality gap their excess, as a share of the penalty. They
# are mended where that is more than this share of the gap that tol allows.
ALLOWED = 0.2
# Rows have at least this share of the greatest curvature that the loss has: it rises where a model
# foretold too much, and falls where it did not.
FIRST_DAMPING = 1e-3
LEAST_DAMPING = 1e-15
# A step is short enough if F falls by this share of what the slope along it promises.
ENOUGH = 0.01
# One that is shorter than this has met rows that were flat where it began: the next model has their
# curvatures from where it was to end; if that is no help, all rows are made stiffer.
SHORT = 0.25
HALVINGS = 40
# Losses of so many rows are summed at a time, so that the sum of all stays exact.
TOGETHER = 4096
# What is promised below this share of F is lost in its rounding; an optimum is where the
# certificate then is below FLOOR.
ROUNDING = 1e-15
FLOOR = 1e-6


def coordinate_descent(objective, certificate, W, b, *, tol, max_iter, monitor):
    """Minimise a smooth loss with an elastic penalty; arguments as for `solve_batch`."""
    run = _Run(objective, certificate, W, b)
    stopping = Stopping(certificate, tol)

    def arrived(n_iter, last=False):
        norm = run.look()
        if n_iter == 0:
            monitor.start_value(run.value)
        slack = ALLOWED * stopping.allowed(run.value) / (run.penalty or 1.0)
        if last or (stopping.due(n_iter, norm) and run.mendable(slack)):
            slopes, lower = run.mended_slopes(slack)
            if last or lower <= stopping.allowed(run.value):  # or else it is too soon
                stopping.confirm(n_iter, norm, run.value, run.W, run.b, slopes)
        return stopping.converged

    n_iter, moved, converged = 0, True, arrived(0)
    while not converged and moved and n_iter < max_iter:
        monitor.begin_epoch()
        n_iter += 1
        moved = run.iterate()
        converged = arrived(n_iter, last=not moved or n_iter == max_iter)
        converged = converged or (not moved and min(run.norm, stopping.optimality) <= FLOOR)
        if monitor.record(run.value, stopping.optimality, run.coefficients):
            break
    if n_iter == 0:  # the start was all that is needed
        n_iter = 1
        monitor.record(run.value, stopping.optimality, run.coefficients)
    return Result(
        run.W,
        run.b,
        n_iter,
        converged,
        n_iter,
        optimality=stopping.optimality,
        dual_gap=stopping.gap,
    )


class _Run:
    """Coefficients, the predictions that they make, and the slopes there.

    Attributes
    ----------
    W, b : ndarray of shape (k, p) and (k,)
    Z, A : ndarray of shape (k, n)
        Predictions, and the slopes of the rows' losses, weighted by their shares.
    G : ndarray of shape (k, p)
        The gradient of the mean loss.
    value, penalty : float
        F, and the penalty's part of it.
    """

    def __init__(self, objective, certificate, W, b):
        rows, penalty = objective.rows, objective.penalty
        self.objective, self.certificate = objective, certificate
        self.scaling = certificate.scaling
        self.columns = (SparseColumns if rows.sparse else DenseColumns)(objective, self.scaling)
        self.softmax = isinstance(objective.loss, Multinomial)
        self.exact = isinstance(objective.loss, SquaredError)
        self.t1 = np.broadcast_to(penalty.thresholds(), rows.p).astype(np.float64)
        self.t2 = np.broadcast_to(penalty.ridge(), rows.p).astype(np.float64)
        # Columns that say nothing take no part; their coefficients become zero.
        idle = self.scaling.scale == 0.0
        self.W = np.maximum(W, penalty.lower)
        self.b = b + self.W[:, idle] @ self.scaling.shift[idle]
        self.W[:, idle] = 0.0
        self.shares = np.ones(rows.n) if objective.weights is None else objective.weights
        self.shares = self.shares / objective.total_weight
        self.Z = np.repeat(self.b[:, None], rows.n, axis=1)
        self.G = None
        if self.W.any():
            self.Z = np.ascontiguousarray(objective.predictions(self.W, self.b).T)
        else:  # the certificate has just been there
            self.G = objective.loss_value_and_gradient(self.W, self.b)[1]
        self.damping = np.full(objective.n_outputs, FIRST_DAMPING)
        self.ahead = np.zeros((objective.n_outputs, rows.n))

    def coefficients(self):
        return self.W.copy(), self.b.copy()

    def look(self):
        """Look at all columns; returns the certificate's norm."""
        losses, self.A = self.losses_and_slopes()
        if self.G is None:
            self.G = np.array([self.columns.slopes(a) for a in self.A])
        self.penalty = self.objective.penalty.value(self.W)
        self.value = losses + self.penalty
        gb = self.A.sum(axis=1) * self.objective.fit_intercept
        self.norm = self.certificate.relative(self.W, self.G, gb)
        return self.norm

    def losses_and_slopes(self):
        """The mean loss over all outputs, and A."""
        if self.softmax:
            Z = np.array(self.Z.T, order="C")
            return self.to_slopes(0, Z), np.ascontiguousarray(Z.T)
        A = self.Z.copy()
        return sum(self.to_slopes(c, a[:, None]) for c, a in enumerate(A)), A

    def to_slopes(self, c, Z):
        """The mean loss of output c, of all together for the softmax, at the predictions Z.

        Z, of shape (n, 1) or (n, k), then holds the slopes.
        """
        loss, y, total = self.objective.loss, self.targets(c), 0.0
        for start in range(0, len(Z), TOGETHER):
            rows = slice(start, start + TOGETHER)
            if loss.spec is None:
                shape = -1 if Z.shape[1] == 1 else Z[rows].shape
                values, slopes = loss.value_and_gradient(y[rows], Z[rows].reshape(shape))
                total += float(self.shares[rows] @ values)
                Z[rows] = self.shares[rows, None] * slopes.reshape(Z[rows].shape)
            else:
                total += losses_to_slopes(loss.spec, y[rows, None], self.shares[rows], Z[rows])
        return total

    def targets(self, c):
        return self.objective.targets[:, 0] if self.softmax else self.objective.output_targets(c)

    def iterate(self):
        """A step of every output; returns whether any moved."""
        moved = False
        for c in range(len(self.W)):
            if self.softmax and c > 0:
                _, self.A = self.losses_and_slopes()
                self.G[c] = self.columns.slopes(self.A[c])
            moved = self.step(c) or moved
        self.G = None
        if self.softmax and self.objective.fit_intercept:  # all intercepts may shift alike
            self.Z -= self.b.mean()
            self.b -= self.b.mean()
        return moved

    def step(self, c):
        """Towards the minimum of the model of output c; returns whether F fell."""
        w, a, g = self.W[c], self.A[c], self.G[c]
        D = self.curvatures(c)
        which = self.working_set(w, g)
        model = self.columns.model(which, D)
        accuracy = EXACT_ACCURACY if self.exact else ACCURACY
        if not (self.exact and self.columns.fit(which)):
            model.approximates(max(CLOSER * self.norm, TIGHTEST), 1 + self.exact)
        lower = self.objective.penalty.lower
        delta = np.zeros_like(w)
        delta[which] = model.minimise(w, g, a, self.t1, self.t2, lower, accuracy) - w[which]
        dz, db = model.moved(), 0.0
        if self.objective.fit_intercept:
            db = -(a.sum() + D @ dz) / D.sum()
            dz += db
        promised = a @ dz + self.penalty_of(w + delta) - self.penalty_of(w)
        if not np.isfinite(promised):  # no row is curved, so that nothing ends the step
            self.stiffen(c)
            return True
        if promised >= -ROUNDING * abs(self.value):
            return False
        length = 1.0 if self.exact else self.length(c, delta, dz, promised)
        w += length * delta
        self.b[c] += length * db
        self.Z[c] += length * dz
        return length > 0.0

    def curvatures(self, c):
        """D: the curvatures of the rows' losses, weighted by their shares."""
        loss = self.objective.loss
        if self.exact:
            return self.shares
        bound, damping = self.certificate.curvature, self.damping[c]
        if type(loss).curvature is Loss.curvature:
            return bound * self.shares
        if self.softmax:
            curvatures = loss.curvature(self.targets(c), self.Z.T)[:, c]
        else:
            curvatures = loss.curvature(self.targets(c), self.Z[c])
        curvatures = np.maximum(curvatures, self.ahead[c])
        return self.shares * (damping * bound + (1.0 - damping) * curvatures)

    def working_set(self, w, g):
        """The columns whose coefficients are not zero, or should not be."""
        slopes = -g if self.objective.penalty.positive else np.abs(g)
        excess = np.where(w == 0.0, (slopes - self.t1) * self.scaling.scale, 0.0)
        new = np.flatnonzero(excess > 0.0)
        support = np.flatnonzero(w)
        most = self.columns.most_new(len(support))
        if len(new) > most:
            new = new[np.argpartition(-excess[new], most)[:most]]
        return np.sort(np.concatenate([support, new]))

    def length(self, c, delta, dz, promised):
        """The first length of 1, 1/2, 1/4, ... for which F falls enough; 0 where there is none.

        `promised` is the slope of F along the step.
        """
        w, z = self.W[c], self.Z[c].copy()
        start, loss = self.penalty_of(w), self.loss_of(c)
        length = 1.0
        for _ in range(HALVINGS):
            self.Z[c] = z + length * dz
            fallen = loss - self.loss_of(c) + start - self.penalty_of(w + length * delta)
            if fallen >= -ENOUGH * length * promised - ROUNDING * abs(self.value):
                break
            length *= 0.5
        else:
            length = 0.0
        self.Z[c] = z
        knows = not self.softmax and type(self.objective.loss).curvature is not Loss.curvature
        if length < SHORT and knows and not self.ahead[c].any():
            self.ahead[c] = self.objective.loss.curvature(self.targets(c), z + dz)
            return length
        self.ahead[c] = 0.0
        if length < SHORT:
            self.stiffen(c)
        elif length == 1.0:
            self.damping[c] = max(0.1 * self.damping[c], LEAST_DAMPING)
        return length

    def stiffen(self, c):
        self.damping[c] = min(1.0, max(10.0 * self.damping[c], FIRST_DAMPING))

    def excess(self, c):
        """By what share of t1 the columns violate the constraint of a dual point, (p,).

        There are no constraints where there is L2. The slopes of a softmax do not come one by one.
        """
        g, penalty = self.G[c], self.objective.penalty
        if penalty.l2 > 0.0 or self.softmax:
            return np.zeros_like(g)
        excess = (-g if penalty.positive else np.abs(g)) - self.t1
        return np.divide(excess, self.t1, out=np.zeros_like(g), where=self.t1 > 0.0)

    def mendable(self, slack):
        """Whether the columns that are too steep are few enough to be mended."""
        steep = (np.flatnonzero(self.excess(c) > slack) for c in range(len(self.W)))
        return all(map(self.columns.fit, steep))

    def mended_slopes(self, slack):
        """Slopes of the losses (n, k) where no column is too steep, None if none was; how far down.

        The steepest column costs all others: a dual point is made feasible by one factor. So the
        model is gone down in the steep columns alone, which makes those flat enough. F is at least
        as far from F* as the model falls there, where the model is the loss, or about so far.
        """
        mended, fit, lower = {}, self.columns.fit, 0.0
        for c, (w, a, g) in enumerate(zip(self.W, self.A, self.G, strict=True)):
            excess = self.excess(c)
            steep = np.flatnonzero(excess > slack)
            if steep.size and fit(steep):
                all_steep = np.flatnonzero(excess > 0.0)
                which, D = all_steep if fit(all_steep) else steep, self.curvatures(c)
                model, there = self.columns.model(which, D), w.copy()
                model.approximates(TIGHTEST)
                least = self.objective.penalty.lower
                there[which] = model.minimise(w, g, a, self.t1, self.t2, least, EXACT_ACCURACY)
                mended[c] = model.row_slopes()
                del model
                change = 0.5 * (mended[c] - a)  # D dz / 2
                lower += self.penalty_of(w) - self.penalty_of(there)
                lower -= 2.0 * (a + change) @ (change / D)
        if not mended:
            return None, lower
        A = self.A / self.shares
        for c, slopes in mended.items():
            np.divide(slopes, self.shares, out=A[c])
        return A.T, lower

    def loss_of(self, c):
        """The mean loss of output c; of all together for the softmax."""
        Z = self.Z.T if self.softmax else self.Z[c, :, None]
        return self.to_slopes(c, np.array(Z, order="C"))

    def penalty_of(self, w):
        return float(self.t1 @ np.abs(w) + 0.5 * self.t2 @ np.square(w))
