"""The slow, obvious twin of sgdlearn: the oracle of its tests.

Everything here is written from the definitions, in double precision and with dense rows, and
shares no line with the package. Throughout

    X (n, p) rows,   Y (n, n_targets) targets,   weights (n,) multiplicities s_i
    W (k, p), b (k,) the model of k outputs,   z = W x + b

    F(W, b) = sum_i s_i loss(y_i, z_i) / sum_i s_i + l1 |W|_1 + l2/2 |W|^2

Targets are one number for each output, or (n_targets = 1 < k) a class number, which stands for
+1 for the own class and -1 for the others, save with `softmax`.

Inside the loops the intercept is one more column of ones, whose l1 and l2 are zero: `theta` is
(k, p + 1). `l1` and `l2` may be arrays of one number for each column; so the rows of a diagonal
metric, x_j scale_j, with l1 scale_j and l2 scale_j^2, need no code of their own.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from scipy import optimize, sparse, special
from threadpoolctl import threadpool_limits

# ------------------------------------------------------------------------------------- losses


@dataclass(frozen=True)
class Loss:
    """value(y, z) and its derivatives in z, for arrays of equal shape.

    `pieces(y)` is there for the piecewise linear losses: pairs (slope, offset) with
    loss = max over the pairs of slope z + offset. `bound` is the largest curvature.
    """

    value: Callable
    gradient: Callable
    curvature: Callable | None = None
    bound: float = np.inf
    pieces: Callable | None = None


squared_error = Loss(
    value=lambda y, z: (z - y) ** 2 / 2,
    gradient=lambda y, z: z - y,
    curvature=lambda y, z: np.ones_like(z),
    bound=1.0,
)

log_loss = Loss(
    value=lambda y, z: np.logaddexp(0, -y * z),
    gradient=lambda y, z: -y * special.expit(-y * z),
    curvature=lambda y, z: special.expit(z) * special.expit(-z),
    bound=0.25,
)

squared_hinge = Loss(
    value=lambda y, z: np.maximum(0, 1 - y * z) ** 2,
    gradient=lambda y, z: -2 * y * np.maximum(0, 1 - y * z),
    curvature=lambda y, z: 2.0 * (y * z < 1),
    bound=2.0,
)

hinge = Loss(
    value=lambda y, z: np.maximum(0, 1 - y * z),
    gradient=lambda y, z: np.where(y * z < 1, -y, 0.0),
    pieces=lambda y: [(0 * y, 0 * y), (-y, 1 + 0 * y)],
)

absolute_error = Loss(
    value=lambda y, z: np.abs(z - y),
    gradient=lambda y, z: np.sign(z - y),
    pieces=lambda y: [(1 + 0 * y, -y), (-1 + 0 * y, y)],
)


def huber(epsilon):
    return Loss(
        value=lambda y, z: np.where(
            np.abs(z - y) <= epsilon,
            (z - y) ** 2 / 2,
            epsilon * np.abs(z - y) - epsilon**2 / 2,
        ),
        gradient=lambda y, z: np.clip(z - y, -epsilon, epsilon),
        curvature=lambda y, z: 1.0 * (np.abs(z - y) <= epsilon),
        bound=1.0,
    )


def quantile(q):
    return Loss(
        value=lambda y, z: np.maximum(q * (y - z), (q - 1) * (y - z)),
        gradient=lambda y, z: np.where(z < y, -q, np.where(z > y, 1 - q, 0.0)),
        pieces=lambda y: [(-q + 0 * y, q * y), (1 - q + 0 * y, (q - 1) * y)],
    )


def epsilon_insensitive(epsilon):
    return Loss(
        value=lambda y, z: np.maximum(0, np.abs(z - y) - epsilon),
        gradient=lambda y, z: np.sign(z - y) * (np.abs(z - y) > epsilon),
        pieces=lambda y: [
            (0 * y, 0 * y),
            (1 + 0 * y, -y - epsilon),
            (-1 + 0 * y, y - epsilon),
        ],
    )


def squared_epsilon_insensitive(epsilon):
    return Loss(
        value=lambda y, z: np.maximum(0, np.abs(z - y) - epsilon) ** 2,
        gradient=lambda y, z: 2 * np.sign(z - y) * np.maximum(0, np.abs(z - y) - epsilon),
        curvature=lambda y, z: 2.0 * (np.abs(z - y) > epsilon),
        bound=2.0,
    )


def _softmax_curvature(y, z):
    p = special.softmax(z, axis=1)
    return p[:, :, None] * np.eye(z.shape[1]) - p[:, :, None] * p[:, None, :]


# y (n,) class numbers, z (n, K): the one loss that does not split into outputs.
softmax = Loss(
    value=lambda y, z: special.logsumexp(z, axis=1) - z[np.arange(len(z)), y],
    gradient=lambda y, z: special.softmax(z, axis=1) - (y[:, None] == np.arange(z.shape[1])),
    curvature=_softmax_curvature,
    bound=0.5,
)

REGRESSION = {
    "squared_error": squared_error,
    "huber": huber(1.35),
    "quantile": quantile(0.3),
    "absolute_error": absolute_error,
    "epsilon_insensitive": epsilon_insensitive(0.1),
    "squared_epsilon_insensitive": squared_epsilon_insensitive(0.1),
}
BINARY = {"log_loss": log_loss, "hinge": hinge, "squared_hinge": squared_hinge}


# ---------------------------------------------------------------------------------- objective


def output_targets(Y, k):
    """Targets (n, k): as they are, or +-1 out of class numbers."""
    return Y if Y.shape[1] == k else np.where(np.arange(k) == Y, 1.0, -1.0)


def row_losses(loss, Y, Z):
    """The loss of each row (n,), summed over its outputs, and the slopes (n, k)."""
    if loss is softmax:
        y = Y[:, 0].astype(int)
        return softmax.value(y, Z), softmax.gradient(y, Z)
    Y = output_targets(Y, Z.shape[1])
    return loss.value(Y, Z).sum(axis=1), loss.gradient(Y, Z)


def penalty_value(W, l1=0.0, l2=0.0):
    return np.sum(l1 * np.abs(W)) + np.sum(l2 * W**2) / 2


def objective(X, Y, W, b, loss, l1=0.0, l2=0.0, weights=None):
    """F(W, b)."""
    X, Y, s = _arrays(X, Y, weights)
    values, _ = row_losses(loss, Y, X @ W.T + b)
    return s @ values / s.sum() + penalty_value(W, l1, l2)


def gradient(X, Y, W, b, loss, l2=0.0, weights=None):
    """The gradient of F with l1 = 0, as (GW, gb)."""
    X, Y, s = _arrays(X, Y, weights)
    _, slopes = row_losses(loss, Y, X @ W.T + b)
    slopes = s[:, None] * slopes / s.sum()
    return slopes.T @ X + l2 * W, slopes.sum(axis=0)


def prox(u, t1, t2, lower=-np.inf):
    """argmin_w (w - u)^2 / 2 + t1 |w| + t2 w^2 / 2 over w >= lower (0 or -inf)."""
    return np.maximum(lower, np.sign(u) * np.maximum(np.abs(u) - t1, 0) / (1 + t2))


def _arrays(X, Y, weights):
    X = X.toarray() if sparse.issparse(X) else np.asarray(X)
    Y = np.asarray(Y, dtype=float)
    Y = Y[:, None] if Y.ndim == 1 else Y
    s = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=float)
    return X.astype(float), Y, s


# ------------------------------------------------------------------------------- update rules


class Rule:
    """An update rule: memory `slots` (n_slots, *shape) and one step.

    `step` takes gradient g and rate r at update t = 1, 2, ... and returns the new w, before any
    prox, and the per-coordinate rates eta that the prox goes by. `relative` is eta / r for the
    slots as they stand.
    """

    n_slots = 0
    has_moments = False  # on sparse rows, only the coordinates present are touched
    decoupled = False  # weight decay beside the gradient
    total = 0.0  # what is summed up over the updates

    def init(self, shape):
        self.slots = np.zeros((self.n_slots, *np.atleast_1d(shape)))
        return self

    def start_at(self, w):
        """Told the coefficients before the first update."""

    def own_rate(self, w, g, r, sbar=1.0, l2=0.0, l2_by_prox=False):
        """The rate of the update to come along g, told before it is made."""
        return r

    def measure(self, w):
        """Told all coefficients after every update."""

    def at(self, columns):
        """The rule restricted to some columns: a copy."""
        part = deepcopy(self)
        part.slots = part.slots[..., columns]
        return part

    def relative(self, t):
        return np.ones(self.slots.shape[1:])

    def catch_up(self, w, missed, since, t, l1, l2, lower):
        """w after the penalty of the updates missed (the sum of r sbar), in one prox at the
        rates of the standing slots and of the last of those updates."""
        eta = missed * self.relative(t)
        return prox(w, eta * l1, (missed if self.decoupled else eta) * l2, lower)

    def shown(self, w):
        """The model."""
        return w

    def update(self, w, g, r, t, sbar=1.0, l1=0.0, l2=0.0, lower=-np.inf, l2_by_prox=False):
        """A step with the penalty, of which the batch holds sbar = sum s_i / b on average."""
        if l2_by_prox:
            u, eta = self.step(w, g, r, t)
            return prox(u, eta * sbar * l1, eta * sbar * l2, lower)
        u, eta = self.step(w, g + sbar * l2 * w, r, t)
        return prox(u, eta * sbar * l1, 0, lower)


class SGD(Rule):
    def __init__(self, momentum=0.0, nesterov=False):
        self.momentum, self.nesterov = momentum, nesterov
        self.n_slots = 1
        self.has_moments = momentum > 0

    def relative(self, t):
        """A steady gradient comes to act at r / (1 - momentum), so the penalty must too."""
        return np.full(self.slots.shape[1:], 1 / (1 - self.momentum))

    def step(self, w, g, r, t):
        (m,) = self.slots
        m[...] = self.momentum * m + g
        direction = g + self.momentum * m if self.nesterov else m
        return w - r * direction, r * self.relative(t)


class AdaGrad(Rule):
    n_slots = 1

    def __init__(self, epsilon=1e-10):
        self.epsilon = epsilon

    def relative(self, t):
        (G,) = self.slots
        return 1 / (np.sqrt(G) + self.epsilon)

    def step(self, w, g, r, t):
        (G,) = self.slots
        G += g**2
        eta = r * self.relative(t)
        return w - eta * g, eta


class AdaDelta(Rule):
    n_slots = 2
    has_moments = True

    def __init__(self, rho=0.9, epsilon=1e-6):
        self.rho, self.epsilon = rho, epsilon

    def relative(self, t):
        E, D = self.slots
        return np.sqrt(D + self.epsilon) / np.sqrt(E + self.epsilon)

    def step(self, w, g, r, t):
        E, D = self.slots
        E[...] = self.rho * E + (1 - self.rho) * g**2
        eta = r * self.relative(t)
        d = self.relative(t) * g
        D[...] = self.rho * D + (1 - self.rho) * d**2
        return w - r * d, eta


class RMSProp(Rule):
    n_slots = 1
    has_moments = True

    def __init__(self, rho=0.99, epsilon=1e-8):
        self.rho, self.epsilon = rho, epsilon

    def relative(self, t):
        (v,) = self.slots
        return 1 / (np.sqrt(v) + self.epsilon)

    def step(self, w, g, r, t):
        (v,) = self.slots
        v[...] = self.rho * v + (1 - self.rho) * g**2
        eta = r * self.relative(t)
        return w - eta * g, eta


class Adam(Rule):
    n_slots = 3
    has_moments = True

    def __init__(self, beta1=0.9, beta2=0.999, epsilon=1e-8, amsgrad=False):
        self.beta1, self.beta2, self.epsilon, self.amsgrad = beta1, beta2, epsilon, amsgrad

    def relative(self, t):
        _, v, largest = self.slots
        second = largest if self.amsgrad else v
        return 1 / (np.sqrt(second) / np.sqrt(1 - self.beta2**t) + self.epsilon)

    def moments(self, g):
        m, v, largest = self.slots
        m[...] = self.beta1 * m + (1 - self.beta1) * g
        v[...] = self.beta2 * v + (1 - self.beta2) * g**2
        largest[...] = np.maximum(largest, v)
        return m

    def step(self, w, g, r, t):
        m = self.moments(g)
        eta = r * self.relative(t)
        return w - eta * m / (1 - self.beta1**t), eta


class AdamW(Adam):
    decoupled = True

    def update(self, w, g, r, t, sbar=1.0, l1=0.0, l2=0.0, lower=-np.inf, l2_by_prox=False):
        u, eta = self.step((1 - r * sbar * l2) * w, g, r, t)
        return prox(u, eta * sbar * l1, 0, lower)


class NAdam(Adam):
    def __init__(self, beta1=0.9, beta2=0.999, epsilon=1e-8, momentum_decay=4e-3):
        super().__init__(beta1, beta2, epsilon)
        self.momentum_decay = momentum_decay

    def step(self, w, g, r, t):
        m = self.moments(g)
        eta = r * self.relative(t)
        mu = self.beta1 * (1 - 0.5 * 0.96 ** (np.arange(1, t + 2) * self.momentum_decay))
        now, ahead = np.prod(mu[:t]), np.prod(mu)
        return w - eta * ((1 - mu[t - 1]) / (1 - now) * g + mu[t] / (1 - ahead) * m), eta


class FTRL(Rule):
    """w = argmin z w + q w^2 / 2 + T penalty(w), T the sum of the sbar of all updates."""

    n_slots = 3

    def __init__(self, beta=1.0):
        self.beta = beta

    def update(self, w, g, r, t, sbar=1.0, l1=0.0, l2=0.0, lower=-np.inf, l2_by_prox=False):
        z, n, q = self.slots
        if t == 1:  # from z = 0, or from what gives the w that is there
            q += self.beta / r
            z -= self.beta / r * w
        self.total += sbar
        sigma = (np.sqrt(n + g**2) - np.sqrt(n)) / r
        z += g - sigma * w
        n += g**2
        q += sigma
        w = -(z - np.sign(z) * self.total * l1) / (q + self.total * l2)
        return np.maximum(lower, np.where(np.abs(z) <= self.total * l1, 0.0, w))

    def step(self, w, g, r, t):
        return self.update(w, g, r, t), None


class ScheduleFree(Rule):
    """z goes AdaGrad's way, x is a mean of all z; w lies between the two.

    Their weights are r sbar for power 0, else as the (1 + power)th power of its sum grows.
    """

    n_slots = 2
    has_moments = True

    def __init__(self, momentum=0.9, epsilon=1e-10, power=0.0):
        self.momentum, self.epsilon, self.power = momentum, epsilon, power

    def relative(self, t):
        G, _ = self.slots
        return 1 / (np.sqrt(G) + self.epsilon)

    def start_at(self, w):
        self.slots[1] = w

    def shown(self, w):
        _, z = self.slots
        return (w - (1 - self.momentum) * z) / self.momentum

    def between(self, x, z):
        return (1 - self.momentum) * z + self.momentum * x

    def update(self, w, g, r, t, sbar=1.0, l1=0.0, l2=0.0, lower=-np.inf, l2_by_prox=False):
        G, z = self.slots
        x = self.shown(w)
        g = g if l2_by_prox else g + sbar * l2 * w
        G += g**2
        eta = r * self.relative(t)
        z[...] = prox(z - eta * g, eta * sbar * l1, eta * sbar * l2 * l2_by_prox, lower)
        before, self.total = self.total, self.total + r * sbar
        left = (before / self.total) ** (1 + self.power)
        return self.between(z + left * (x - z), z)

    def catch_up(self, w, missed, since, t, l1, l2, lower):
        """Meanwhile z stood, but for the penalty, and x came nearer to it with every update."""
        _, z = self.slots
        now = since + missed
        x = self.shown(w)
        eta = missed * self.relative(t)
        z[...] = prox(z, eta * l1, eta * l2, lower)
        left = np.divide(since, now, out=np.ones_like(now), where=now > 0) ** (1 + self.power)
        return self.between(z + left * (x - z), z)

    def step(self, w, g, r, t):
        return self.update(w, g, r, t), None


class DoG(Rule):
    """SGD at rate r farthest / sqrt(squares), norms over all that is touched."""

    n_slots = 2
    has_moments = True
    averages = True  # on sparse rows it does not

    def __init__(self, initial=1e-6):
        self.initial = initial

    def start_at(self, w):
        self.slots[:] = w
        self.farthest = self.initial * (1 + np.linalg.norm(w))
        self.squares = 0.0

    def shown(self, w):
        _, x = self.slots
        return x.copy()

    def own_rate(self, w, g, r, sbar=1.0, l2=0.0, l2_by_prox=False):
        self.squares += np.sum((g + sbar * l2 * w * (not l2_by_prox)) ** 2)
        return r * self.farthest / np.sqrt(self.squares) if self.squares > 0 else 0.0

    def measure(self, w):
        start, _ = self.slots
        self.farthest = max(self.farthest, np.linalg.norm(w - start))

    def update(self, w, g, r, t, sbar=1.0, l1=0.0, l2=0.0, lower=-np.inf, l2_by_prox=False):
        w = super().update(w, g, r, t, sbar, l1, l2, lower, l2_by_prox)
        _, x = self.slots
        x += (9 / (t + 8) if self.averages else 1.0) * (w - x)
        return w

    def catch_up(self, w, missed, since, t, l1, l2, lower):
        w = super().catch_up(w, missed, since, t, l1, l2, lower)
        self.slots[1] = w
        return w

    def step(self, w, g, r, t):
        return w - r * g, np.full_like(w, r)


RULES = {
    "sgd": SGD(),
    "momentum": SGD(momentum=0.9),
    "nesterov": SGD(momentum=0.9, nesterov=True),
    "adagrad": AdaGrad(),
    "adadelta": AdaDelta(),
    "rmsprop": RMSProp(),
    "adam": Adam(),
    "amsgrad": Adam(amsgrad=True),
    "adamw": AdamW(),
    "nadam": NAdam(),
    "ftrl": FTRL(),
    "schedule_free": ScheduleFree(),
    "dog": DoG(0.1),  # a first step that shows
}


def take_step(rule, w, g, r, t):
    """w after update t, without a penalty."""
    w = rule.update(w, g, rule.own_rate(w, g, r), t)
    rule.measure(w)
    return w


# --------------------------------------------------------------------------- stochastic loops


@dataclass
class State:
    """All that a stream has to remember; a pass over it continues where the last one ended."""

    theta: np.ndarray  # (k, p + 1), the iterate itself, never the average
    rule: Rule
    t: int = 0  # updates made
    mean: np.ndarray | None = None  # of the iterates averaged so far
    n_averaged: int = 0
    clock: float = 0.0  # sum of r * sbar over the updates
    since: np.ndarray | None = None  # the clock when each column was last touched


def stochastic(
    X, Y, loss, rule, rate, order, batch_size=1, l1=0.0, l2=0.0, positive=False, weights=None,
    average=False, fit_intercept=True, W0=None, b0=None, state=None, n_outputs=None,
    l2_by_prox=False, sparse_rows=False,
):  # fmt: skip
    """Mini-batch descent by `rule` through the rows in the given order.

    For each batch B of b rows, update t = 1, 2, ... with rate r = rate(t):

        g = (1/b) sum_{i in B} s_i (dloss_i (x_i, 1) + l2 (w, 0)),   sbar = (1/b) sum_{i in B} s_i
        theta <- prox_{eta sbar l1}(theta - the rule's step along g)

    Parameters
    ----------
    rule : Rule
        A fresh copy of it is used; the one that ran is in the state.
    rate : float or callable on an array of step numbers
    order : array of row numbers, or a list of them, one for each pass
        Batches do not reach over the end of a pass; its last one may be smaller.
    average : bool or int
        The number of the first update whose result enters the average; True is 1.
    l2_by_prox : bool
        L2 by the prox, with t2 = eta sbar l2, and not through g.
    sparse_rows : bool
        See `stochastic_sparse`.

    Returns
    -------
    W, b : the model: the average once that has begun
    history : (n_passes,), the weighted mean loss of the rows of a pass, each before its update
    state : State, to go on from (`W0`, `b0` are not read then)
    """
    X, Y, s = _arrays(X, Y, weights)
    A, l1, l2, lower, theta = _augmented(X, Y, l1, l2, positive, fit_intercept, W0, b0, n_outputs)
    if state is None:
        state = State(theta, deepcopy(rule).init(theta.shape), since=np.zeros(A.shape[1]))
        state.rule.start_at(theta)
    state = deepcopy(state)
    rule = state.rule
    rule.averages = not sparse_rows

    def caught_up(columns):
        """Those columns of theta, and of the rule, after the updates that they missed."""
        part, since = rule.at(columns), state.since[columns]
        theta = part.catch_up(
            state.theta[:, columns], state.clock - since, since, max(state.t, 1),
            l1[columns], l2[columns], lower[columns],
        )  # fmt: skip
        return theta, part

    history = []
    for rows in _passes(order):
        lost = 0.0
        for batch in np.split(rows, range(batch_size, len(rows), batch_size)):
            x, sbar = A[batch], s[batch].sum() / len(batch)
            touched = (x != 0).any(axis=0) if sparse_rows else np.full(A.shape[1], True)
            if sparse_rows:
                state.theta[:, touched], part = caught_up(touched)
                rule.slots[..., touched] = part.slots

            state.t += 1
            r = float(np.ravel(rate(np.array([float(state.t)])))[0]) if callable(rate) else rate
            values, slopes = row_losses(loss, Y[batch], x @ state.theta.T)
            lost += s[batch] @ values
            g = (s[batch, None] * slopes).T @ x / len(batch)

            theta, g = state.theta[:, touched], g[:, touched]
            r = rule.own_rate(theta, g, r, sbar, l2[touched], l2_by_prox)
            part = rule.at(touched)
            state.theta[:, touched] = part.update(
                theta, g, r, state.t, sbar, l1[touched], l2[touched], lower[touched], l2_by_prox
            )
            rule.slots[..., touched] = part.slots
            rule.total = part.total
            rule.measure(state.theta)
            state.clock += r * sbar
            state.since[touched] = state.clock

            if average and state.t >= average:
                if sparse_rows:
                    state.theta, rule = caught_up(slice(None))
                    state.rule = rule
                    state.since[:] = state.clock
                state.n_averaged += 1
                before = 0.0 if state.mean is None else state.mean
                state.mean = before + (state.theta - before) / state.n_averaged
        history.append(lost / s[rows].sum())

    if state.n_averaged:
        theta = state.mean
    elif sparse_rows:
        theta, part = caught_up(slice(None))
        theta = part.shown(theta)
    else:
        theta = rule.shown(state.theta)
    return *_split(theta, fit_intercept), np.array(history), state


def stochastic_sparse(X, Y, loss, rule, rate, order, **keywords):
    """`stochastic` as rules with moments mean it on sparse rows.

    An update touches the columns that are not zero in its batch (and the intercept), slots
    included. Before that it lets them catch up with the penalty of the updates they missed. The
    model that is shown has caught up everywhere; the state has not, save that an average needs
    whole iterates: while it runs, all columns catch up after each update. Stored zeros are zeros.

    The other rules (sgd, adagrad, ftrl) mean the same on sparse rows as on dense ones, so for
    them `stochastic` is the oracle.
    """
    assert rule.has_moments, "without moments, dense and sparse rows mean the same"
    return stochastic(X, Y, loss, rule, rate, order, sparse_rows=True, **keywords)


def variance_reduced(
    X, Y, loss, method, rate, order, l1=0.0, l2=0.0, positive=False, weights=None,
    fit_intercept=True, W0=None, b0=None, n_outputs=None, snapshot_every=1,
):  # fmt: skip
    """Descent by method "sag", "saga" or "svrg", one row an update, with a constant rate r.

    The table of slopes c_i starts at (W0, b0), and G = (1/n) sum_i s_i c_i (x_i, 1), the weights
    taken to a mean of one. For row i, delta = s_i (dloss_i - c_i):

        SAGA   theta <- prox_r(theta - r (delta (x_i, 1) + G)), then c_i and G are renewed
        SAG    c_i and G are renewed, then theta <- prox_r(theta - r G)
        SVRG   as SAGA, but c and G are those of a snapshot, taken before every
               `snapshot_every`-th pass

    Returns (W, b, history) as `stochastic` does.
    """
    X, Y, s = _arrays(X, Y, weights)
    A, l1, l2, lower, theta = _augmented(X, Y, l1, l2, positive, fit_intercept, W0, b0, n_outputs)
    n = len(A)
    s = s * n / s.sum()

    def snapshot():
        c = row_losses(loss, Y, A @ theta.T)[1]
        return c, (s[:, None] * c).T @ A / n

    c, G = snapshot()
    history = []
    for number, rows in enumerate(_passes(order)):
        if method == "svrg" and number % snapshot_every == 0:
            c, G = snapshot()
        lost = 0.0
        for i in rows:
            values, slopes = row_losses(loss, Y[[i]], A[[i]] @ theta.T)
            lost += s[i] * values[0]
            change = s[i] * np.outer(slopes[0] - c[i], A[i])
            if method == "sag":
                G = G + change / n
                c[i] = slopes[0]
                direction = G
            else:
                direction = change + G
            theta = prox(theta - rate * direction, rate * l1, rate * l2, lower)
            if method == "saga":
                G = G + change / n
                c[i] = slopes[0]
        history.append(lost / s[rows].sum())
    return *_split(theta, fit_intercept), np.array(history)


def _augmented(X, Y, l1, l2, positive, fit_intercept, W0, b0, n_outputs):
    """Rows with a column of ones, penalties by column, and the start."""
    n, p = X.shape
    k = len(W0) if W0 is not None else n_outputs or Y.shape[1]
    W = np.zeros((k, p)) if W0 is None else np.array(W0, dtype=float)
    b = np.zeros(k) if b0 is None else np.array(b0, dtype=float)
    l1, l2 = np.full(p, l1, dtype=float), np.full(p, l2, dtype=float)
    lower = np.full(p, 0.0 if positive else -np.inf)
    if not fit_intercept:
        return X, l1, l2, lower, W
    return (
        np.column_stack([X, np.ones(n)]),
        np.append(l1, 0.0),
        np.append(l2, 0.0),
        np.append(lower, -np.inf),
        np.column_stack([W, b]),
    )


def _split(theta, fit_intercept):
    """(W, b) as copies."""
    if fit_intercept:
        return theta[:, :-1].copy(), theta[:, -1].copy()
    return theta.copy(), np.zeros(len(theta))


def _passes(order):
    """A list of orders; a lone order is one pass."""
    return [np.asarray(order)] if np.ndim(order[0]) == 0 else [np.asarray(rows) for rows in order]


# ------------------------------------------------------------------------------------ optimum


@threadpool_limits.wrap(limits=1)  # threads only hinder one another on matrices this small
def optimum(
    X, Y, loss, l1=0.0, l2=0.0, weights=None, fit_intercept=True, positive=False, n_outputs=None
):
    """(W, b, F) at the minimum of F: exact to about 1e-9 where it is unique, else one of them.

    Works on columns whose curvature, L2 included, is about one, so that the scales of X do not
    matter. Outputs are solved one by one, except under softmax; there the intercepts add up to
    zero.
    """
    X, Y, s = _arrays(X, Y, weights)
    s = s / s.sum()
    k = n_outputs or Y.shape[1]
    targets = [Y[:, 0].astype(int)] if loss is softmax else list(output_targets(Y, k).T)

    shift = s @ X if fit_intercept else np.zeros(X.shape[1])
    deviation = np.sqrt(s @ (X - shift) ** 2)
    constant = deviation <= 1e-12 * np.sqrt(s @ X**2)
    size = np.sqrt(np.where(constant, 0.0, deviation**2) + l2)
    scale = 1 / np.where(size == 0.0, 1.0, size)
    A, l1_in_metric, l2_in_metric, lower, _ = _augmented(
        (X - shift) * scale, Y, l1 * scale, l2 * scale**2, positive, fit_intercept, None, None, k
    )
    if loss.pieces:
        solve = _linear_or_quadratic_program
    elif np.any(l1_in_metric) or positive:
        solve = _fista
    else:
        solve = _newton
    width = k if loss is softmax else 1
    theta = np.vstack(
        [solve(A, y, s, loss, l1_in_metric, l2_in_metric, lower, width) for y in targets]
    )
    V, b = _split(theta, fit_intercept)
    W = V * scale
    b = b - W @ shift
    if loss is softmax and fit_intercept:
        b = b - b.mean()
    return W, b, objective(X, Y, W, b, loss, l1, l2, s)


def _smooth_part(A, y, s, loss, l2, theta):
    """The smooth part of F, its gradient, and (n, k) predictions as the loss wants them."""
    z = A @ theta.T
    z = z if loss is softmax else z[:, 0]
    slopes = loss.gradient(y, z).reshape(len(y), -1)
    value = s @ loss.value(y, z) + penalty_value(theta, 0.0, l2)
    return value, (s[:, None] * slopes).T @ A + l2 * theta, z


def _newton(A, y, s, loss, l1, l2, lower, k):
    """Newton's method; steps that do not help are halved, and make for a larger damping."""
    theta = np.zeros((k, A.shape[1]))
    damping = 1.0
    for _ in range(500):
        value, g, z = _smooth_part(A, y, s, loss, l2, theta)
        if not g.any():
            return theta
        curvature = loss.curvature(y, z).reshape(len(y), k, k)
        H = np.empty((k, A.shape[1], k, A.shape[1]))
        for c, d in np.ndindex(k, k):
            H[c, :, d] = (A.T * (s * curvature[:, c, d])) @ A
        H = H.reshape(theta.size, theta.size) + np.diag(np.tile(l2, k))
        root = np.sqrt(np.diag(H))
        root[root == 0.0] = 1.0
        H = H / np.outer(root, root) + damping * np.eye(len(H))
        step = -np.linalg.solve(H, g.ravel() / root) / root
        step = step.reshape(theta.shape)
        fall = -np.sum(g * step)
        if fall < (1e-15 if damping < 1e-14 else 1e-25) * value:
            return theta + step
        length = 1.0
        rounding = 1e-14 * abs(value)
        while length > 1e-10:
            trial = _smooth_part(A, y, s, loss, l2, theta + length * step)[0]
            if trial <= value - 1e-4 * length * fall + rounding:
                break
            length /= 2
        theta = theta + length * step
        damping = max(damping / 30, 1e-15) if length == 1.0 else min(10 * damping, 1.0)
    raise AssertionError(f"Newton's method ended before a fall by {fall} from {value}")


def _fista(A, y, s, loss, l1, l2, lower, k):
    """Accelerated proximal gradient descent, restarted where the momentum points uphill."""
    lipschitz = loss.bound * np.linalg.norm(np.sqrt(s)[:, None] * A, 2) ** 2
    r = 1 / lipschitz
    theta = ahead = np.zeros((k, A.shape[1]))
    t = 1.0
    for _ in range(500_000):
        _, g, _ = _smooth_part(A, y, s, loss, 0.0, ahead)
        before, theta = theta, prox(ahead - r * g, r * l1, r * l2, lower)
        size = np.abs(ahead - theta).max() / r
        if size < 1e-13 * max(1.0, np.abs(theta).max() / r):
            break
        if np.sum((ahead - theta) * (theta - before)) > 0:
            t, ahead = 1.0, theta
        else:
            t, t_before = (1 + np.sqrt(1 + 4 * t**2)) / 2, t
            ahead = theta + (t_before - 1) / t * (theta - before)
    assert size < 1e-9, f"FISTA ended with a prox-gradient of {size}"
    return theta


def _linear_or_quadratic_program(A, y, s, loss, l1, l2, lower, k):
    """min  s.xi + l1.a + theta' diag(l2) theta / 2   over (theta, a, xi)

    with xi >= each piece of the loss and a >= |theta|; for theta >= 0, a is theta itself.
    """
    n, q = A.shape
    eye, bounded = np.eye(q), np.flatnonzero(lower == 0)
    penalised = np.flatnonzero((l1 > 0) & (lower < 0))
    m, m_bounded = len(penalised), len(bounded)
    G = [[slope[:, None] * A, np.zeros((n, m)), -np.eye(n)] for slope, _ in loss.pieces(y)]
    G += [[sign * eye[penalised], -np.eye(m), np.zeros((m, n))] for sign in (1, -1)]
    G += [[-eye[bounded], np.zeros((m_bounded, m)), np.zeros((m_bounded, n))]]
    h = [-offset for _, offset in loss.pieces(y)] + [np.zeros(2 * m + m_bounded)]
    G, h = np.block(G), np.concatenate(h)
    cost = np.concatenate([np.where(lower == 0, l1, 0.0), l1[penalised], s])
    if np.any(l2):
        solution = quadratic_program(np.append(l2, np.zeros(m + n)), cost, G, h)
    else:
        solution = optimize.linprog(cost, G, h, bounds=(None, None), method="highs").x
    return solution[None, :q]


def quadratic_program(P, c, G, h):
    """argmin_x x' diag(P) x / 2 + c.x  subject to  G x <= h.

    Mehrotra's predictor-corrector interior point method: Newton steps towards

        P x + c + G' u = 0,   G x + v = h,   u v = mu,   u, v > 0,   mu -> 0

    until it is clear which constraints are active; they are then solved for as equations.
    """
    x, u, v = np.zeros(len(c)), np.ones(len(h)), np.maximum(1.0, np.abs(h))

    def newton_step(complementarity):
        K = np.diag(P) + (G.T * (u / v)) @ G
        right = -(P * x + c + G.T @ u) - G.T @ ((u * (G @ x + v - h) - complementarity) / v)
        dx = np.linalg.solve(K, right)
        dv = h - v - G @ (x + dx)
        return dx, -(complementarity + u * dv) / v, dv

    def longest(a, da):
        return min(1.0, np.min(-a[da < 0] / da[da < 0], initial=np.inf))

    for _ in range(100):
        mu = u @ v / len(h)
        if mu < 1e-11:
            break
        _, du, dv = newton_step(u * v)
        ahead = (u + longest(u, du) * du) @ (v + longest(v, dv) * dv) / len(h)
        dx, du, dv = newton_step(u * v + du * dv - mu * (ahead / mu) ** 3)
        length = 0.995 * min(longest(u, du), longest(v, dv))
        x, u, v = x + length * dx, u + length * du, v + length * dv
    error = max(mu, np.abs(P * x + c + G.T @ u).max(), np.abs(G @ x + v - h).max())
    assert error < 1e-5, f"the interior point method ended with an error of {error}"

    def value(x):
        return P @ x**2 / 2 + c @ x

    active = u > v
    none = np.zeros((active.sum(), active.sum()))
    equations = np.block([[np.diag(P), G[active].T], [G[active], none]])
    right = np.append(-c - P * x, (h - G @ x)[active])
    exact = x + np.linalg.lstsq(equations, right, rcond=1e-14)[0][: len(c)]
    found = (G @ exact - h).max() < 1e-9 and value(exact) < value(x) + 1e-9
    return exact if found else x  # x, where a constraint is on the verge of being active
