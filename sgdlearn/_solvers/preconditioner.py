"""The Hessian of some of the rows, factored: a metric in which ill-conditioned data are round.

In the scaled and centred coordinates u of `Design`, with a_i the rows there and c_i their
curvatures at a point,

    M = (1 / m) sum_{i in S} c_i a_i a_i' + D + tiny I = L L',      S of m rows,      x = L' u

(one M for each output). Once m is some times the effective dimension of the data, M is within a
small factor of the whole Hessian in every direction (Roosta-Khorasani, Mahoney 2019; Frangella,
Rathore, Zhao, Udell 2023, "PROMISE"), and so the Hessian in x is close to the identity, whatever
it was in u. What a gradient g foretells about how far F can fall, half the squared decrement

    g' M^-1 g / 2 = |L^-1 g|^2 / 2,

is known to the same factor.

S is drawn evenly along the weights, a row of weight 2 as two copies of it in succession would be.
M is an estimate, whose sums take half the time in single precision; their rounding is small beside
what a pivot of L tells of the columns alone, or else they are made anew in double precision.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError, cholesky
from scipy.linalg.lapack import dtrtrs

from ..losses import Multinomial
from .blas import SPOILT, plus_gram
from .design import Design
from .objective import BLOCK, gram_borders
from .scaling import Scaling

ROWS_PER_UNKNOWN, MANY_ROWS_PER_UNKNOWN = 4, 32
# A Hessian is made as fast as this many passes would read as many multiplications.
FASTER = 50.0
CHEAP = 0.2  # rows beyond those needed are taken while they cost no more passes than this,
FEW_PRODUCTS = 3e6  # or no more multiplications
FLAT = 1e-3  # least curvature, as a share of its bound: a row that is flat here may not be there
TINY = 1e-9
MOST_UNKNOWNS = 4000
SMALL = 100_000  # rows x columns x outputs below which no metric pays
FEW_ENTRIES = 32.0  # of a row up to which products of its entries are worth forming
BESIDE = 4.0  # products in the time in which a pass reads an entry
SPARSE = 0.2  # the density up to which products by entries are faster than BLAS
FAR = 1e4  # deviations from zero beyond which products of entries lose too many digits
# More numbers than both of these in all blocks, and outputs share one, which is sooner made.
SHARE_OF_X, FEW_NUMBERS = 0.1, 2**16
ROWS_AT_ONCE = 256  # fewer would not keep BLAS busy


def rows_needed(objective):
    """m, the number of rows that the Hessian is made from."""
    n, q = objective.rows.n, objective.rows.p + 1
    if by_entries(objective):
        m = MANY_ROWS_PER_UNKNOWN * q
    else:
        cheap = max(CHEAP * FASTER * objective.rows.size, FEW_PRODUCTS)
        m = int(max(ROWS_PER_UNKNOWN * q, cheap / q**2))
    return m if m < n // 2 else n


def by_entries(objective):
    """Whether the products of all rows' entries are a few passes' work, and may be centred last."""
    rows = objective.rows
    if not rows.sparse or rows.size > SPARSE * rows.n * rows.p:
        return False
    if objective.fit_intercept:
        moments = rows.column_moments(objective.weights)
        if np.any(moments.mean**2 > FAR**2 * moments.variance):
            return False
    return length_of_rows(rows) <= FEW_ENTRIES


def length_of_rows(rows):
    """The entries of sparse rows, with each of which an entry is multiplied."""
    lengths = np.diff(rows.indptr).astype(float)
    return float(lengths @ lengths) / max(rows.size, 1)


def price(objective):
    """What the factor costs, in passes; inf where it is not to be had, or the problem small."""
    q, loss = objective.rows.p + 1, objective.loss
    if q > MOST_UNKNOWNS or objective.rows.n < ROWS_PER_UNKNOWN * q:
        return np.inf
    if objective.rows.n * objective.rows.p * objective.n_outputs < SMALL or loss.spec is None:
        return np.inf
    m, size = rows_needed(objective), objective.rows.size
    if by_entries(objective):
        products = length_of_rows(objective.rows) * m / objective.rows.n / BESIDE
        return objective.n_outputs * (products + q**3 / (3.0 * FASTER * size))
    return m * q**2 / (FASTER * size)


def draw(objective, m):
    """The numbers of m rows drawn evenly along the weights; None for all rows, where m is n."""
    if m == objective.rows.n:
        return None
    places = (np.arange(m) + 0.5) * (objective.total_weight / m)
    if objective.weights is None:
        return np.ceil(places).astype(np.intp) - 1
    return np.searchsorted(np.cumsum(objective.weights), places)


def pieces(objective, drawn, start, stop, step):
    """Of the rows drawn start .. stop - 1, `step` at a time.

    They are objectives that weigh their rows alike; or one, weighted, of all rows there.
    """
    if drawn is None:
        yield objective.between(start, stop)
        return
    for first in range(start, stop, step):
        some = drawn[first : min(first + step, stop)]
        targets = objective.targets[some]
        yield replace(objective, rows=objective.rows.take(some), targets=targets, weights=None)


@dataclass(frozen=True)
class Made:
    """A metric without the data, for another fit on the same data.

    Attributes
    ----------
    factors : list of ndarray
    scaling : Scaling
    ridge : float or ndarray of shape (p,)
        The L2 penalty in it, in the units of X.
    end : tuple
        (W, b) where a run in it ended, and the gradient of the mean loss there.
    """

    factors: list
    scaling: Scaling
    ridge: float | np.ndarray
    end: tuple

    def stiffness(self, ridge):
        """How many times as stiff it is as with this L2 penalty instead: at least, and at most."""
        with np.errstate(divide="ignore", invalid="ignore"):
            times = self.ridge / np.asarray(ridge, dtype=np.float64)
        least, most = (f.reduce(times, axis=None, initial=1.0) for f in (np.fmin, np.fmax))
        return float(least), float(most)


class Preconditioner:
    """M at (W, b), and the unknowns x = L' u in which it is the identity.

    Parameters
    ----------
    objective : Objective
    scaling : Scaling
    W, b : ndarray
        Where curvatures are taken.
    dtype : {np.float32, np.float64}, default=np.float32
        In what precision to sum at first.
    made : Made, default=None
        A metric of before, in the place of one made here; its scaling is that of the unknowns.

    Attributes
    ----------
    factors : list of ndarray of shape (q, q)
        L for each output, or one for all.
    dtype : type
        In what precision they were summed.
    """

    def __init__(self, objective, scaling, W, b, dtype=np.float32, made=None):
        self.design = Design(objective, scaling if made is None else made.scaling)
        self.softmax = isinstance(objective.loss, Multinomial)
        m = rows_needed(objective)
        self.whole = m == objective.rows.n
        self.dtype = dtype
        if made is not None:
            self.factors, self.ridge = made.factors, made.ridge
            return
        self.ridge = objective.penalty.ridge()
        self.factors = self.factored(hessians(objective, scaling, W, b, m, dtype))
        if self.factors is None:
            self.dtype = np.float64
            self.factors = self.factored(hessians(objective, scaling, W, b, m, self.dtype))

    def made(self, end):
        """What it takes to have this metric again, for a run that came to this end."""
        return Made(self.factors, self.design.scaling, self.ridge, end)

    def factored(self, hessians):
        """L of each, in its place; None where single precision was too little."""
        diagonal = self.design.ridge + self.design.idle
        factors = []
        for H in hessians:
            H[np.diag_indices(len(H))] += diagonal
            sizes = np.diag(H).copy()
            H[...] = factor(H).T
            if self.dtype == np.float32 and np.any(np.diag(H) ** 2 < SPOILT * sizes):
                return None
            factors.append(H.T)
        return factors

    @property
    def rough(self):
        """Whether the outputs have less than the Hessian that is theirs."""
        return self.softmax or len(self.factors) < self.design.k

    def each(self, values, product):
        """product(L, values of its outputs) for every block, (k, q)."""
        if len(self.factors) == 1:
            return product(self.factors[0], values)
        found = np.empty_like(values)
        for c, L in enumerate(self.factors):
            found[c] = product(L, values[c])
        return found

    def to_round(self, W, b):
        """x of (W, b), (k, q)."""
        return self.each(self.told_apart(self.design.pack(W, b)), lambda L, v: v @ L)

    def from_round(self, x):
        """(W, b) of x."""
        u = self.each(x, lambda L, v: dtrtrs(L, v.T, lower=1, trans=1)[0].T)
        return self.design.unpack(self.told_apart(u))

    def told_apart(self, u):
        """The softmax does not see one vector added to all classes, M would: it goes."""
        return u - u.sum(axis=0) / len(u) if self.softmax else u

    def gradient(self, W, GW, gb):
        """The gradient of F in x at W, from that of the mean loss."""
        objective, scaling = self.design.objective, self.design.scaling
        G, gb = scaling.gradient(GW + objective.penalty.ridge() * W, gb)
        g = self.told_apart(np.column_stack([G, gb]) if objective.fit_intercept else G)
        return self.each(g, lambda L, v: dtrtrs(L, v.T, lower=1)[0].T)


def hessians(objective, scaling, W, b, m, dtype):
    """The mean Hessians of the loss in u over m rows, one for each output, or one for all.

    Sums are taken in `dtype`, but for those of products of entries, in double precision always.
    """
    k, q = objective.n_outputs, objective.rows.p + objective.fit_intercept
    shared = k > 1 and k * q**2 > max(SHARE_OF_X * objective.rows.size, FEW_NUMBERS)
    floor = FLAT * objective.loss.curvature_bound
    drawn = draw(objective, m)
    if by_entries(objective):
        (some,) = pieces(objective, drawn, 0, m, m)
        return sparse_hessians(some, scaling, W, b, floor, shared)
    blocks, step = 1 if shared else k, max(ROWS_AT_ONCE, BLOCK // q)

    def part(first, last):
        total, weight = [None] * blocks, 0.0
        rooted = np.empty((step, q), dtype=dtype)
        for some in pieces(objective, drawn, first, last, step):
            design = Design(some, scaling)
            u = design.pack(W, b)
            weight += some.total_weight
            for start, stop, A in design.blocks(least=step):
                curvatures = some.loss.curvature(some.block_targets(start, stop), A @ u.T)
                curvatures = np.maximum(curvatures, floor)
                if shared:
                    curvatures = curvatures.mean(axis=1, keepdims=True)
                if some.weights is not None:
                    curvatures *= some.weights[start:stop, None]
                for place, c in enumerate(np.sqrt(curvatures).T):
                    np.multiply(A, c[:, None], out=rooted[: len(A)], casting="same_kind")
                    total[place] = plus_gram(total[place], rooted[: len(A)])
        return *total, weight

    *total, weight = objective.team.total(part, gram_borders(m, blocks * q**2, objective.rows.size))
    return [np.divide(H, weight, dtype=np.float64) for H in total]


def sparse_hessians(objective, scaling, W, b, floor, shared):
    """`hessians` over these rows, from the products of their entries; centred at the end."""
    y = objective.block_targets(0, objective.rows.n)
    C = np.maximum(objective.loss.curvature(y, objective.predictions(W, b)), floor)
    C = objective.weighted(C.mean(axis=1, keepdims=True) if shared else C)
    shift, scale = scaling.shift, scaling.scale
    found = []
    for c in C.T:
        H, total = objective.rows.gram(c), c.sum()
        if objective.fit_intercept:
            means = objective.transpose_times(c[:, None])[0]
            H += total * np.outer(shift, shift) - np.outer(means, shift) - np.outer(shift, means)
            beside = (means - total * shift) * scale
            H = H * np.outer(scale, scale)
            H = np.block([[H, beside[:, None]], [beside, total]])
        else:
            H = H * np.outer(scale, scale)
        found.append(H)
    return np.array(found)


def factor(H):
    """L of H + t I, t just enough for rounding; H is overwritten."""
    diagonal = np.diag(H).copy()
    tiny = TINY * np.mean(diagonal)
    while True:
        H[np.diag_indices(len(H))] = diagonal + tiny
        try:
            return cholesky(H, lower=True, check_finite=False)
        except LinAlgError:
            tiny *= 100.0
