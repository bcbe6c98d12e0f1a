"""SVRG in the metric of a subsampled Hessian (Frangella, Rathore, Zhao, Udell 2023, "PROMISE").

In the unknowns x of `Preconditioner`, in which the Hessian M of some rows is the identity, with
mini-batches B, and the whole gradient g~ taken at a snapshot x~ once a pass (Johnson, Zhang 2013),

    g = mean over B of (grad loss_i(x) - grad loss_i(x~)) + grad penalty(x) - grad penalty(x~) + g~
    x <- x - rate g

A step is a few products of a block of rows with the coefficients and a solve with the factor of M.
With about p rows in a block the two cost alike, and all of it is BLAS. The rate is

    1 / rate = SAFE max over some B of the largest eigenvalue of the Hessian of B in x,

found by power iterations; a pass that ends higher than it began is undone, and halves the rate.

The certificate is that of `SampledCertificate`.
"""

from dataclasses import replace

import numpy as np

from .certificate import Certificate
from .preconditioned_lbfgs import CLOSER
from .preconditioner import Preconditioner
from .result import Result
from .sampled_certificate import SampledCertificate
from .scaling import Scaling

FEWEST = 128  # rows in a batch
PROBED = 4  # batches whose largest eigenvalue is looked at
POWERS = 10
SAFE = 1.3  # power iterations end below the eigenvalue
NEARBY = 1e-2  # the step of a difference of gradients, in which F changes by its square
SLOWEST = 1e-6  # a rate at which nothing moves


def psvrg(objective, W, b, *, batch_size, tol, max_iter, rng, shuffle, monitor):
    """Minimise a smooth loss with an L2 penalty or none.

    Parameters
    ----------
    objective : Objective
    W, b : ndarray of shape (k, p) and (k,)
        Where to start.
    batch_size : int or "auto"
    tol : float or None
        What the certificate has to come to; None runs all passes.
    max_iter : int
        Passes.
    rng : numpy.random.Generator
        Draws the batches.
    shuffle : bool
        Whether a pass takes the rows in another order than the one before.
    monitor : Monitor

    Returns
    -------
    Result
    """
    run = _Run(objective, W, b, batch_size, rng if shuffle else None, tol)
    monitor.start_value(run.value)
    monitor.updates = lambda: run.t
    n_iter, converged, stop = 0, False, False
    while n_iter < max_iter and not (stop or converged):
        n_iter += 1
        monitor.begin_epoch()
        if run.decrement <= CLOSER * run.made:
            run.renew()
        run.visit_all()
        stop = monitor.record(run.value, run.certificate, run.coefficients)
        if run.has_arrived() and run.decrement <= CLOSER * run.made:
            run.renew()  # a stale metric is not believed
        converged = run.has_arrived()
        if run.rate < SLOWEST:
            break
    monitor.certificate = run.certificate
    return Result(run.W, run.b, n_iter, converged, run.t, optimality=run.certificate)


class _Run(SampledCertificate):
    """The snapshot, the metric and the rate."""

    def __init__(self, objective, W, b, batch_size, rng, tol=None):
        rows, weights = objective.rows, objective.weights
        scaling = Scaling.from_rows(rows, weights, centre=objective.fit_intercept)
        super().__init__(objective, Certificate(objective, scaling), tol)
        self.rng = rng
        self.batch_size = max(rows.p, FEWEST) if batch_size == "auto" else batch_size
        self.t = 0
        self.dtype = np.float32  # of the sums of the metric, until that is too little
        self.W, self.b = self.scaling.to_user(*self.scaling.from_user(W, b))
        self.value, self.GW, self.gb = self.whole(self.W, self.b)
        self.path = [self.value]
        self.renew()

    def whole(self, W, b):
        value, GW, gb = self.objective.loss_value_and_gradient(W, b)
        return value + self.objective.penalty.value(W), GW, gb

    def renew(self):
        """A metric made at the snapshot, and the rate that goes with it."""
        self.metric = Preconditioner(self.objective, self.scaling, self.W, self.b, self.dtype)
        self.dtype = self.metric.dtype
        self.x = self.metric.to_round(self.W, self.b)
        self.measure(self.metric, self.metric.gradient(self.W, self.GW, self.gb))
        self.made = self.decrement
        step = max(1, -(-self.objective.rows.n // self.batch_size) // PROBED)
        probed = list(self.batches())[::step][:PROBED]
        self.rate = 1.0 / (SAFE * max(self.largest_eigenvalue(some) for some in probed))

    def coefficients(self):
        return self.W.copy(), self.b.copy()

    def batches(self):
        """The rows of a pass, batch by batch, as objectives of their own."""
        n = self.objective.rows.n
        order = np.arange(n) if self.rng is None else self.rng.permutation(n)
        for start in range(0, n, self.batch_size):
            some = np.sort(order[start : start + self.batch_size])
            weights = self.objective.weights
            yield replace(
                self.objective,
                rows=self.objective.rows.take(some),
                targets=self.objective.targets[some],
                weights=None if weights is None else weights[some],
            )

    def slopes(self, some, W, b):
        """The derivative of the losses of some rows in their predictions, (m, k)."""
        return some.losses_to_slopes(0, some.rows.n, some.predictions(W, b))[1].copy()

    def gradient(self, some, W, S, more=0.0, more_b=0.0):
        """The gradient in x for slopes S of some rows, with more of the loss's gradient added."""
        share = self.objective.rows.n / (some.rows.n * self.objective.total_weight)
        GW = share * (some.rows.block(0, some.rows.n).T @ S).T + more
        gb = share * S.sum(axis=0) + more_b
        return self.metric.gradient(W, GW, gb if self.objective.fit_intercept else 0.0 * gb)

    def largest_eigenvalue(self, some):
        """The largest eigenvalue of the Hessian of a batch in x at the snapshot."""
        here = self.gradient(some, self.W, self.slopes(some, self.W, self.b))
        h = NEARBY * np.sqrt(max(self.value, NEARBY * self.reference))
        # not one of the vectors that make a pattern of the columns
        v = np.cos(np.arange(1.0, 1.0 + self.x.size)).reshape(self.x.shape)
        size = 0.0
        for _ in range(POWERS):
            v /= np.linalg.norm(v)
            W, b = self.metric.from_round(self.x + h * v)
            v = (self.gradient(some, W, self.slopes(some, W, b)) - here) / h
            size = np.linalg.norm(v)
            if size == 0.0:
                break
        return max(size, 1.0)

    def visit_all(self):
        """One pass of steps, and the next snapshot; or the old one, at half the rate."""
        x, W, b = self.x, self.W, self.b
        for some in self.batches():
            S = self.slopes(some, W, b) - self.slopes(some, self.W, self.b)
            x = x - self.rate * self.gradient(some, W, S, self.GW, self.gb)
            W, b = self.metric.from_round(x)
            self.t += 1
        value, GW, gb = self.whole(W, b)
        if not value <= self.value * (1.0 + 1e-12):
            self.rate *= 0.5
            return
        self.x, self.W, self.b = x, W, b
        self.value, self.GW, self.gb = value, GW, gb
        self.path.append(value)
        self.measure(self.metric, self.metric.gradient(W, GW, gb))
