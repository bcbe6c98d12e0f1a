"""The compiled update rules on arrays of any shape, for training loops of a user's own.

The state of an array is {"slots": (n_slots, *shape), "clock": the scalars of the run}, as the runs
of estimators have it; that of a list, tuple or dict of arrays is one of states.
"""

import numpy as np

from .._kernels.stochastic_dense import gradient_update
from .rows import FLOATING
from .state import ELAPSED, FARTHEST, FIRST_RATE, model_of, new_clock

NO_COORDINATES = None, None, None
NO_PENALTY = 0.0, 0.0, -np.inf, False


def init(rule, params):
    """The state before the first update."""
    if is_container(params):
        return like(params, [init(rule, params[key]) for key in keys(params)])
    params = checked("params", params)
    slots, clock = np.zeros((rule.n_slots, *params.shape), dtype=params.dtype), new_clock()
    rule.begin(clock, (params, slots))
    return {"slots": slots, "clock": clock}


def update(rule, params, grads, state, rate, out=None):
    """(new params, new state) after one update."""
    if is_container(params):
        outs = dict.fromkeys(keys(params)) if out is None else out
        for name, parts in (("grads", grads), ("state", state), ("out", outs)):
            check_keys(name, parts, params)
        pairs = [
            update(rule, params[key], grads[key], state[key], rate, outs[key])
            for key in keys(params)
        ]
        return tuple(like(params, parts) for parts in zip(*pairs, strict=True))
    params, grads, rate = checked("params", params), np.asarray(grads), float(rate)
    if grads.shape != params.shape:
        raise ValueError(
            f"grads must have the shape of params, {params.shape}. Got shape {grads.shape}."
        )
    if not 0.0 < rate < np.inf:
        raise ValueError(f"rate must be a number in (0, inf). Got {rate!r} instead.")
    slots, clock = state["slots"], state["clock"]
    if out is None:
        w, slots, clock = np.array(params, order="C"), slots.copy(), clock.copy()
    else:
        w = checked("out", out)
        if (w.shape, w.dtype) != (params.shape, params.dtype):
            raise ValueError(
                f"out must be like params, {params.shape} {params.dtype}. Got {w.shape} {w.dtype}."
            )
        if w is not params:
            w[...] = params
    if w.size:
        _move(rule, w, grads.astype(w.dtype, copy=False), slots, clock, rate)
    return w, {"slots": slots, "clock": clock}


def model(rule, params, state):
    """The parameters that are the result."""
    if is_container(params):
        return like(params, [model(rule, params[key], state[key]) for key in keys(params)])
    # NumPy 1 takes numbers of dimension 0 for double ones
    return np.asarray(model_of(rule_numbers(rule), params, state["slots"]), dtype=params.dtype)


def _move(rule, w, grads, slots, clock, rate):
    """One update in place."""
    if rule.name == "ftrl" and clock[FIRST_RATE] == 0.0:  # z, from which w follows
        clock[FIRST_RATE] = rate
        slots[0] = w * (-rule.beta / rate)
    flat = np.ascontiguousarray(w).reshape(1, -1)
    gradient_update[FLOATING[w.dtype]](
        np.ascontiguousarray(grads).reshape(1, -1),
        np.zeros(1),
        rate,
        1.0,
        (None, rule_numbers(rule), NO_PENALTY, False, 0),
        NO_COORDINATES,
        (flat, np.zeros(1), slots.reshape(-1, 1, w.size), np.zeros((rule.n_slots, 1)), clock),
    )
    if not w.flags.c_contiguous:
        w[...] = flat.reshape(w.shape)


def rule_numbers(rule):
    """A rule as the kernels read it."""
    return rule.kernel_code, *rule.kernel_parameters()


def checked(name, array):
    """An array of a type that there are kernels for."""
    array = np.asarray(array)
    if array.dtype not in FLOATING:
        raise ValueError(f"{name} must be of float32 or float64. Got {array.dtype}.")
    return array


def is_container(params):
    """Whether this is a list, tuple or dict of arrays."""
    return isinstance(params, (dict, list, tuple))


def keys(container):
    """By which its parts are found."""
    return list(container) if isinstance(container, dict) else range(len(container))


def check_keys(name, parts, params):
    """Raise ValueError unless `parts` has one for each of the params."""
    found = keys(parts) if is_container(parts) else type(parts).__name__
    if not is_container(parts) or set(found) != set(keys(params)):
        raise ValueError(
            f"{name} must have a part for each of params, {list(keys(params))}. "
            f"Got {found if isinstance(found, str) else list(found)}."
        )


def like(container, parts):
    """A container of the same kind."""
    if isinstance(container, dict):
        return dict(zip(container, parts, strict=True))
    return type(container)(parts)


def confined(rule, params, state, before, project):
    """(params, state) after an update from the state `before`, projected onto a convex set.

    For schedule-free it is z that the projection confines; the average x of all z follows. What is
    farthest from DoG's start is a point of the set, and so is its average.
    """
    if rule.name == "dog":
        inside = project(params)
        away = np.linalg.norm(np.asarray(inside - state["slots"][0], dtype=np.float64).ravel())
        state["clock"][FARTHEST] = max(before["clock"][FARTHEST], away)
        state["slots"][1] = project(state["slots"][1])
        return inside, state
    if rule.name != "schedule_free":
        return project(params), state
    z = state["slots"][1]
    inside = project(z)
    elapsed = state["clock"][ELAPSED]
    mix = 1.0 - before["clock"][ELAPSED] / elapsed
    x = rule.solution(params, state) + mix * (inside - z)
    z[...] = inside
    return (1.0 - rule.momentum) * z + rule.momentum * x, state


def averaged_anew(rule, params, state):
    """Schedule-free from its average on, as if it began there, save AdaGrad's sums."""
    x = rule.solution(params, state)
    state = {"slots": state["slots"].copy(), "clock": state["clock"].copy()}
    state["slots"][1] = x
    state["clock"][ELAPSED] = 0.0
    return x, state
