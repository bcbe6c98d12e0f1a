"""The memory of a stochastic run, as its kernels have it: the clock, and slots that are a model."""

import numpy as np

# Places in the clock; the names are explained in stochastic.pxd.
UPDATES, WEIGHT, ELAPSED, SHRINKAGE, THRESHOLD = 0, 1, 2, 3, 4
MOMENTUM_PRODUCT, FIRST_RATE, AVERAGED, AVERAGED_SHRINKAGE = 5, 6, 7, 8
SQUARES, FARTHEST, DISTANCE = 9, 10, 11
CLOCK_SIZE = 12
# The numbers of rules whose coefficients are not the model.
SCHEDULE_FREE, DOG = 12, 13


def new_clock():
    """The scalars of a run before its first update."""
    clock = np.zeros(CLOCK_SIZE)
    clock[SHRINKAGE] = clock[MOMENTUM_PRODUCT] = 1.0
    return clock


def model_of(rule, w, slots):
    """The model that coefficients w and their slots stand for; a rule is (code, beta1, ...)."""
    code, beta, *_ = rule
    if code == SCHEDULE_FREE:  # w = (1 - beta) z + beta x, and the model is x
        return (w - (1.0 - beta) * slots[1]) / beta
    if code == DOG:
        return slots[1].copy()
    return w
