"""Update rules whose parameters are confined to a convex set, or sent back to an earlier point."""

import numpy as np

from .._kernels.clock import ELAPSED, FARTHEST


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
    mix = 1.0 - (before["clock"][ELAPSED] / elapsed) ** (1.0 + rule.power)
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
