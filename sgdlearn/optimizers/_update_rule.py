"""Compiled update rules, on arrays of any shape too, for training loops of a user's own.

The state of an array is {"slots": (n_slots, *shape), "clock": the scalars of the run}, as the runs
of estimators have it; that of a list, tuple or dict of arrays is one of states.
"""

import numpy as np

from .._kernels.clock import FIRST_RATE, model_of, new_clock
from .._kernels.dtypes import FLOATING
from .._kernels.stochastic_dense import gradient_update
from ._base import Optimizer

NO_COORDINATES = None, None, None
NO_PENALTY = 0.0, 0.0, -np.inf, False


class UpdateRule(Optimizer):
    """A compiled update rule."""

    def init(self, params):
        """The state before the first update.

        Parameters
        ----------
        params : ndarray of float32 or float64, of any shape; or a list, tuple or dict of them
            Of several arrays each is optimised as if it were alone, by `update` in one call.

        Returns
        -------
        dict
            ``{"slots": ndarray (n_slots, *shape), "clock": ndarray}``, plain arrays that pickle:
            the memory of every parameter, and the scalars of the run. For several arrays, a
            list, tuple or dict of such states.

        Raises
        ------
        ValueError
            For arrays that are neither of float32 nor of float64.
        """
        return init(self, params)

    def update(self, params, grads, state, rate, out=None):
        """One update, by the same compiled rule that the estimators use.

        Parameters
        ----------
        params : ndarray of float32 or float64, of any shape; or a list, tuple or dict of them
            The parameters; changed only as `out`.
        grads : like params
            The gradient of what is to be minimised, at `params`.
        state : dict, or a list, tuple or dict of them
            What `init` or the last update returned.
        rate : float
            Positive; the learning rate of this update.
        out : like params, default=None
            Where to write the new parameters; `params` itself will do. The state, too, is then
            updated in place, and nothing is allocated.

        Returns
        -------
        new_params : like params
            `out`, if given, else new arrays.
        new_state : like state
            For the next update.

        Raises
        ------
        ValueError
            For arrays of another type or shape, or a rate that is not positive and finite.

        Examples
        --------
        Least squares on two arrays, by Adam:

        >>> import numpy as np
        >>> from sgdlearn.optimizers import Adam
        >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> y = X @ [2.0, -1.0] + 3.0
        >>> params = {"w": np.zeros(2), "b": np.zeros(())}
        >>> rule = Adam()
        >>> state = rule.init(params)
        >>> for _ in range(2000):
        ...     r = X @ params["w"] + params["b"] - y
        ...     grads = {"w": X.T @ r, "b": r.sum()}
        ...     params, state = rule.update(params, grads, state, 0.05)
        >>> params["w"].round(2), float(params["b"].round(2))
        (array([ 2., -1.]), 3.0)
        """
        return update(self, params, grads, state, rate, out)

    def solution(self, params, state):
        return model(self, params, state)

    def begin(self, clock, *parts):
        """Prepare the clock and the slots of the parameters, which are all zero.

        Parameters
        ----------
        clock : ndarray
            The scalars of a run.
        *parts : tuple of ndarray
            Parameters w and their slots.
        """

    def kernel_parameters(self):
        """What the compiled loops know the rule's parameters by.

        Returns
        -------
        beta1, beta2, epsilon, extra : float
            0.0 what the rule does not have. Momentum counts as a beta1, rho as a beta2.
        """
        beta1 = getattr(self, "beta1", getattr(self, "momentum", 0.0))
        beta2 = getattr(self, "beta2", getattr(self, "rho", 0.0))
        extra = getattr(self, "momentum_decay", getattr(self, "beta", getattr(self, "power", 0.0)))
        return float(beta1), float(beta2), float(getattr(self, "epsilon", 0.0)), float(extra)


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
