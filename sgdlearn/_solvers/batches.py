"""Mini-batches through matrix products, and the loop for pieces written in Python.

The meaning is that of the compiled loop over dense rows: for a batch B

    Z = X_B W' + b,      G = (1 / |B|) sum_{i in B} s_i slope_i x_i,      W <- update(W, G + l2 W)

A batch of the whole data goes through `Objective`, which reads X in place.
"""

import numpy as np

from .._kernels.clock import AVERAGED, UPDATES
from .._kernels.dtypes import FLOATING
from .._kernels.stochastic_dense import gradient_update
from ..penalties import ElasticPenalty
from .objective import Objective

ALIGNMENT = 64


def visit(run, rows, targets, weights, order, rates):
    """Go over the rows in this order, one update a batch; return the sum of s_i loss_i."""
    method = run.method
    if method.batch_size == "full":
        return _whole(run, rows, targets, weights, order, rates)
    total = 0.0
    batch_size = run.batch_size(len(order))
    block = _Block(run, rows, batch_size)
    for u, start in enumerate(range(0, len(order), batch_size)):
        chosen = order[start : start + batch_size]
        X = block.gather(chosen)
        s = np.ones(len(chosen)) if weights is None else weights[chosen]
        Z = X @ run.state.W.T + run.state.b
        values, slopes = losses_and_slopes(method.loss, targets[chosen], Z)
        total += float(s @ values)
        slopes *= (s / len(chosen))[:, None]
        G = np.ascontiguousarray(block.transposed_product(X, slopes))
        move(run, G, slopes.sum(axis=0), float(rates[u]), float(s.mean()))
    return total


def _whole(run, rows, targets, weights, order, rates):
    """One update from all rows."""
    method, scaling = run.method, run.scaling
    if len(order) != rows.n:
        team, rows, targets = rows.team, rows.take(order), targets[order]
        rows.team = team
        weights = None if weights is None else weights[order]
    objective = Objective(
        rows,
        targets,
        weights,
        method.loss,
        method.penalty,
        method.n_outputs,
        method.fit_intercept,
    )
    W, b = run.state.W.astype(np.float64), run.state.b
    if scaling is not None:
        W, b = scaling.to_user(W, b)
    loss, GW, gb = objective.loss_value_and_gradient(W, b)
    if scaling is not None:
        GW, gb = scaling.gradient(GW, gb)
    # the kernels' mean is over rows, weights being multiplicities; Objective's over the weights
    mean_weight = objective.total_weight / rows.n
    G = np.ascontiguousarray(GW * mean_weight, dtype=run.state.W.dtype)
    move(run, G, gb * mean_weight, float(rates[0]), mean_weight)
    return loss * objective.total_weight


class _Block:
    """Rows of a batch in the coordinates of the run, dense ones in one fixed piece of memory."""

    def __init__(self, run, rows, batch_size):
        self.rows = rows
        self.shift, self.scale, _ = run.kernel_scaling
        if not rows.sparse:
            self.scratch = aligned_empty((min(batch_size, rows.n), rows.p), rows.dtype)

    def gather(self, chosen):
        if self.rows.sparse:
            X = self.rows.matrix[chosen]
            return X if self.scale is None else X.multiply(self.scale).tocsr()
        X = self.scratch[: len(chosen)]
        np.take(self.rows.values, chosen, axis=0, out=X, mode="clip")
        if self.scale is not None:
            X -= self.shift
            X *= self.scale
        return X

    def transposed_product(self, X, slopes):
        """slopes' X, in the type of X."""
        if self.rows.sparse:
            return (X.T @ slopes.astype(X.dtype)).T
        return slopes.astype(X.dtype).T @ X


def move(run, G, gb, rate, mean_weight):
    """One update of the run's state from a batch's gradient."""
    method, state = run.method, run.state
    if method.rule.kernel_code is None:
        _move_by_python(run, G, gb, rate, mean_weight)
    else:
        kernel = gradient_update[FLOATING[state.W.dtype]]
        gb = np.ascontiguousarray(gb, dtype=np.float64)
        kernel(G, gb, rate, mean_weight, method.numbers, run.kernel_scaling, state.arrays())
    if not isinstance(method.penalty, ElasticPenalty):
        W = method.penalty.prox(state.W, rate * mean_weight)
        state.W[:] = like(state.W, W, "prox of the penalty", "W")
    if 0 < method.average_from <= state.t:
        state.clock[AVERAGED] += 1
        state.average += state.W
        state.b_average += state.b


def _move_by_python(run, G, gb, rate, mean_weight):
    """The same by an optimizer written in Python; L1's prox at the plain rate."""
    method, state = run.method, run.state
    rule, penalty = method.rule, method.penalty
    W, b = state.W, state.b
    if state.custom is None:
        state.custom = rule.init(W.copy()), rule.init(b.copy())
    W_memory, b_memory = state.custom
    elastic = isinstance(penalty, ElasticPenalty)
    l2 = penalty.l2 * mean_weight if elastic else 0.0
    if run.scaling is not None:
        l2 = l2 * run.kernel_scaling[2] ** 2
    new_W, W_memory = updated(rule, W, G + l2 * W, W_memory, rate)
    if elastic and (penalty.l1 > 0 or penalty.lower > -np.inf):
        only_l1 = ElasticPenalty(penalty.l1, 0.0, penalty.positive)
        size = 1.0 if run.scaling is None else run.kernel_scaling[2]
        new_W = only_l1.prox(new_W, rate * mean_weight, size)
    W[:] = new_W
    if method.fit_intercept:
        b[:], b_memory = updated(rule, b, gb, b_memory, rate)
    state.custom = W_memory, b_memory
    state.clock[UPDATES] += 1


def updated(rule, params, grads, memory, rate):
    """(new params, new memory) by an optimizer written in Python, which may answer anything."""
    answer = rule.update(params.copy(), grads, memory, rate)
    if not (isinstance(answer, tuple) and len(answer) == 2):
        raise ValueError(
            f"{type(rule).__name__}.update must return a tuple (new_params, new_state). "
            f"Got {type(answer).__name__}."
        )
    return like(params, answer[0], f"{type(rule).__name__}.update", "new_params"), answer[1]


def like(array, answer, function, name):
    """What a user's function answered, if it is an array of the shape that was asked for."""
    if np.shape(answer) != array.shape:
        raise ValueError(
            f"{function} must return {name} of shape {array.shape}. Got shape {np.shape(answer)}."
        )
    return answer


def losses_and_slopes(loss, targets, Z):
    """The loss of every row over its outputs, and the slopes like Z, in double."""
    Z = np.ascontiguousarray(Z, dtype=np.float64)
    if loss.name == "multinomial":
        return loss.value_and_gradient(targets[:, 0], Z)
    if targets.shape[1] < Z.shape[1]:  # one-vs-rest: a class number says which output is +1
        targets = np.where(targets == np.arange(Z.shape[1]), 1.0, -1.0)
    values, slopes = loss.value_and_gradient(targets, Z)
    return values.sum(axis=1), np.array(slopes, dtype=np.float64)


def aligned_empty(shape, dtype):
    """An array at an aligned address, so that BLAS takes the same path wherever it is."""
    dtype = np.dtype(dtype)
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(n_bytes + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + n_bytes].view(dtype).reshape(shape)
