"""Quadratic models of the mean loss in some columns, and the way to their minimum.

About the present coefficients w0 the model is

    1/2 (w - w0)' H (w - w0) + g . (w - w0),      H = X' diag(D) X,  g = X' a,

with the best intercept put in: with it columns count as centred, by their means under D. The
penalty is kept as it is. Coordinate descent visits the whole working set and then, where a minimum
is sought, its support, the coefficients that are not zero, some times. Where that is slow the
support jumps:

- with H at hand to the minimum that it would have if no sign changed, as far as none does, from
  there on without the coefficient that came to zero, and so on;
- else to where some steps of conjugate gradients lead (Hestenes, Stiefel 1952), its diagonal taken
  for a metric; coefficients that would change their sign become zero, and the model has to be lower
  there.

Coordinate descent finds the signs, and conjugate gradients what is slow in it: along directions in
which many columns look alike.
"""

import numpy as np

from .._kernels import coordinate as kernels
from .design import solve
from .objective import gram_borders

# Steps of conjugate gradients in a row, at most.
MOST_STEPS = 20
# They are of no use yet where they may leave more than this of the squared gradient.
FAR = 0.3
# Rows that are looked at together, so that no more of their number is held.
TOGETHER = 2**14
# Rounds of both; what is left then is for the next model.
ROUNDS = 50


def descend(model, accuracy):
    """Visit until a visit of all gains but this share of the most that one has gained."""
    most, rounds = 0.0, 0
    while rounds < model.rounds:
        rounds += 1
        gain = model.visit(model.order)
        most = max(most, gain)
        if gain <= accuracy * most:
            break
        support = model.support()
        for _ in range(model.support_visits):
            if model.visit(support) <= accuracy * most:
                break
        else:
            if not model.jump(model.support()):
                model.rounds, model.support_visits = ROUNDS, max(model.support_visits, 1)


def centred(a, D, intercept):
    """Slopes a of the rows, under an intercept in the best place."""
    return a - D * (a.sum() / D.sum()) if intercept else a


class Gram:
    """X' diag(D) X of the columns asked for so far, in the coordinates of the metric."""

    def __init__(self, columns, D):
        self.columns, self.D = columns, D
        self.known = np.empty(0, dtype=np.intp)
        self.place = np.full(columns.p, -1)
        self.G, self.sums = np.empty((0, 0)), np.empty(0)

    @property
    def made(self):
        """What it takes to have this again, in another fit on the same data."""
        return self.columns.scaling, self.known, self.place.copy(), self.G, self.sums

    def take_up(self, made):
        """Begin with what there was, if it is in the same metric."""
        if made is not None and made[0].same_as(self.columns.scaling):
            _, self.known, self.place, self.G, self.sums = made
            self.place = self.place.copy()

    def size_with(self, which):
        return len(self.known) + np.count_nonzero(self.place[which] < 0)

    def of(self, which):
        """H and X' D in these columns."""
        new = which[self.place[which] < 0]
        if new.size:
            self.extend(new)
        at = self.place[which]
        return self.G[np.ix_(at, at)], self.sums[at]

    def extend(self, new):
        """Add columns: one pass over the rows."""
        columns, old, m = self.columns, len(self.known), len(new)
        objective = columns.objective

        def part(first, last):
            cross, square, sums = np.zeros((old, m)), np.zeros((m, m)), np.zeros(m)
            for start, stop in objective.blocks(first, last, width=old + m):
                root = np.sqrt(self.D[start:stop])
                A = columns.block(start, stop, new) * root[:, None]
                square += A.T @ A
                sums += root @ A
                if old:
                    B = columns.block(start, stop, self.known) * root[:, None]
                    cross += B.T @ A
            return cross, square, sums

        borders = gram_borders(columns.n, (old + m) * m, objective.rows.size)
        cross, square, sums = objective.team.total(part, borders)
        self.G = np.block([[self.G, cross], [cross.T, square]])
        self.sums = np.append(self.sums, sums)
        self.place[new] = np.arange(old, old + m)
        self.known = np.append(self.known, new)


class GramModel:
    """A model with H at hand, in the coordinates of the metric.

    Parameters
    ----------
    gram : Gram
    which : ndarray of int
        The columns of X in it.
    """

    support_visits = 5  # between two of the whole working set, at most
    rounds = ROUNDS

    def __init__(self, gram, which):
        self.which, self.order = which, np.arange(len(which))
        self.columns, self.scaling = gram.columns, gram.columns.scaling
        self.D = gram.D
        self.H, self.sums = gram.of(which)
        self.centred, self.total = self.columns.centred, gram.D.sum()
        if self.centred:
            self.H -= np.outer(self.sums, self.sums) / self.total

    def minimise(self, w, g, a, t1, t2, lower, accuracy):
        """The coefficients of the minimum, from w, where X' a is g; g, w, t1, t2 of all columns."""
        scale = self.scaling.scale[self.which]
        self.w, self.lower = w[self.which] / scale, lower
        self.start, self.a = self.w.copy(), a
        self.t1, self.t2 = t1[self.which] * scale, t2[self.which] * scale**2
        S = a.sum()
        self.g = (g[self.which] - S * self.scaling.shift[self.which]) * scale
        if self.centred:
            self.g -= self.sums * (S / self.total)
        descend(self, accuracy)
        return self.w * scale

    def moved(self):
        """X times the way that the coefficients have gone in `minimise`, (n,)."""
        way = np.zeros(self.scaling.scale.shape)
        way[self.which] = (self.w - self.start) * self.scaling.scale[self.which]
        return self.columns.predictions(way)

    def row_slopes(self):
        """a there, with the best intercept."""
        return centred(self.a + self.D * self.moved(), self.D, self.centred)

    def approximates(self, share, rounds=1):
        """The minimum need not be exact; with H at hand it costs next to nothing, though."""

    def support(self):
        return np.flatnonzero(self.w)

    def visit(self, order):
        return kernels.gram_visits(self.H, order, self.t1, self.t2, self.lower, self.w, self.g)

    def jump(self, support):
        """To the minimum on the support with these signs; what would change its sign drops out.

        Returns whether it got there.
        """
        while support.size:
            w = self.w[support]
            slopes = self.g[support] + self.t1[support] * np.sign(w) + self.t2[support] * w
            H = self.H[np.ix_(support, support)] + np.diag(self.t2[support])
            delta = solve(H, -slopes[:, None], 0.0, True)
            if delta is None:
                return False
            delta = delta[:, 0]
            against = w * delta < 0.0
            lengths = np.divide(-w, delta, out=np.full_like(w, np.inf), where=against)
            length = min(1.0, np.min(lengths, initial=1.0))
            ends = np.where(lengths <= length, 0.0, w + length * delta)
            self.w[support] = ends
            self.g += self.H[:, support] @ (ends - w)
            if length == 1.0:
                break
            support = support[ends != 0.0]
        return True


class ColumnModel:
    """A model that goes along the columns.

    Parameters
    ----------
    columns : SparseColumns or GatheredColumns
    which, order : ndarray of int
        The columns of the model, by their numbers in X and in `columns`.
    D : ndarray of shape (n,)

    Attributes
    ----------
    closer : float
        The share that conjugate gradients leave of the squared gradient in the metric.
    """

    support_visits = 1
    rounds, closer = ROUNDS, 1e-3

    def __init__(self, columns, which, order, D):
        self.columns, self.which, self.order, self.D = columns, which, order, D
        self.total = D.sum()
        self.h, self.means = np.zeros((2, columns.p))
        self.measured = np.zeros(columns.p, dtype=bool)

    def minimise(self, w, g, a, t1, t2, lower, accuracy):
        """As for `GramModel`."""
        own = self.columns.own
        self.w, self.t1, self.t2, self.lower = own(w).copy(), own(t1), own(t2), lower
        self.a, self.S = a.copy(), np.array([a.sum()])
        self.start, self._moved = (self.w.copy(), a), None
        descend(self, accuracy)
        return self.w[self.order]

    def row_slopes(self):
        """a there, with the best intercept."""
        return centred(self.a, self.D, self.columns.centred)

    def approximates(self, share, rounds=1):
        """No more is asked than this: a visit, then conjugate gradients leave this share."""
        self.rounds, self.support_visits, self.closer = rounds, 0, share

    def moved(self):
        """X times the way that the coefficients have gone in `minimise`, (n,)."""
        if self._moved is None:
            self._moved = self.columns.predictions(self.w - self.start[0])
        return self._moved

    def support(self):
        return self.order[self.w[self.order] != 0.0]

    def visit(self, order):
        columns, moved, self._moved = self.columns, 0.0, None
        for arrays, part in columns.blocks(order):
            new = part[~self.measured[part]]
            if new.size:  # while they are at hand
                metric = self.D, self.total, columns.shift, columns.centred
                columns.curvatures(*arrays, new, *metric, self.h, self.means)
                self.measured[new] = True
            moved += columns.visits(
                *arrays, part, self.D, self.total, self.h, self.means,
                self.t1, self.t2, self.lower, self.w, self.a, self.S,
            )  # fmt: skip
        return moved

    def jump(self, support):
        """Conjugate gradients among the coefficients of the support, their signs held.

        Returns whether they led down: where signs do not fit yet they do not, and visits have to.
        """
        if self.closer > FAR:
            return True
        before = self.w[support]
        inverse, t2 = 1.0 / (self.h + self.t2)[support], self.t2[support]
        t1, step = self.t1[support] * np.sign(before), np.zeros_like(before)
        residual = -(self.slopes(support, self.a, self.S[0]) + t1 + t2 * before)
        direction = inverse * residual
        size = first = residual @ direction
        for _ in range(MOST_STEPS):
            if size <= self.closer * first:
                break
            dz, image = self.columns.image(support, self.full(support, direction), self.D)
            image += t2 * direction - self.means[support] * dz.sum()
            length = size / (direction @ image)
            step += length * direction
            residual -= length * image
            image = inverse * residual
            size, last = residual @ image, size
            direction = image + (size / last) * direction
            del dz  # as long as the rows are many
        ends = before + step
        ends[(ends * before < 0.0) | (ends < self.lower)] = 0.0
        before, self.w = self.w, self.w.copy()
        self.w[support], self._moved = ends, None
        a = self.D * self.moved()
        a += self.start[1]
        if self.rise(before, a) >= 0.0:
            self.w, self._moved = before, None
            return False
        self.a[:], self.S[0] = a, a.sum()
        return True

    def full(self, order, values):
        """These values in the columns in `order`, zeros elsewhere."""
        w = np.zeros(self.columns.p)
        w[order] = values
        return w

    def slopes(self, order, a, S):
        """sum_i (x_ij - m_j) a_i for j in `order`, S the sum of a."""
        return self.columns.slopes(a, order) - self.means[order] * S

    def rise(self, before, a):
        """By how much model and penalty have risen from where w was `before` to the slopes a."""
        t1, t2 = self.t1[self.order], self.t2[self.order]
        w, before = self.w[self.order], before[self.order]
        rise = away = 0.0
        for start in range(0, len(a), TOGETHER):
            rows = slice(start, start + TOGETHER)
            step = a[rows] - self.a[rows]  # D dz
            rise += (self.a[rows] + 0.5 * step) @ (step / self.D[rows])
            away += step.sum()
        if self.columns.centred:
            rise -= (self.S[0] + 0.5 * away) * away / self.total
        return rise + t1 @ (np.abs(w) - np.abs(before)) + 0.5 * t2 @ ((w - before) * (w + before))
