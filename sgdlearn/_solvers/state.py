"""The arrays of a stochastic run: all there is to put away and to resume."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._kernels.clock import (
    AVERAGED,
    AVERAGED_SHRINKAGE,
    DISTANCE,
    DOG,
    ELAPSED,
    SCHEDULE_FREE,
    SHRINKAGE,
    THRESHOLD,
    UPDATES,
    model_of,
    new_clock,
)
from .._kernels.dtypes import FLOATING
from .._kernels.finite import all_finite
from .._kernels.stochastic_csr import csr_coefficients
from .arrays import writeable

# Arrays whose last axis are the columns of X.
OF_COLUMNS = ("W", "slots", "since", "average")
# The axis of the outputs.
OF_OUTPUTS = {"W": 0, "b": 0, "slots": 1, "b_slots": 1, "average": 0, "b_average": 0}


@dataclass
class State:
    """Coefficients, slots and clock of a run, in the coordinates that the run works in.

    Attributes
    ----------
    W : ndarray of shape (k, p)
        In the type of X.
    b : ndarray of shape (k,)
    slots : ndarray of shape (n_slots, k, p)
        The update rule's memory of every coefficient.
    b_slots : ndarray of shape (n_slots, k)
    clock : ndarray of shape (12,)
    since : ndarray of shape (p,) or None
        When a coordinate was last brought up to date; None where nothing is put off.
    average : ndarray of shape (k, p) or None
        The sum of the averaged iterates.
    b_average : ndarray of shape (k,) or None
    custom
        The state of an optimizer written in Python.
    """

    W: np.ndarray
    b: np.ndarray
    slots: np.ndarray
    b_slots: np.ndarray
    clock: np.ndarray
    since: np.ndarray | None = None
    average: np.ndarray | None = None
    b_average: np.ndarray | None = None
    custom: Any = None

    @classmethod
    def at(cls, W, b, *, n_slots, dtype, averaged):
        """The state before the first update from (W, b)."""
        k, p = W.shape
        return cls(
            W=np.array(W, dtype=dtype, order="C"),
            b=np.array(b, dtype=np.float64),
            slots=np.zeros((n_slots, k, p), dtype=dtype),
            b_slots=np.zeros((n_slots, k)),
            clock=new_clock(),
            average=np.zeros((k, p)) if averaged else None,
            b_average=np.zeros(k) if averaged else None,
        )

    def __setstate__(self, values):
        """Arrays that come read-only, mapped from a file or other memory, are copied."""
        for name, value in values.items():
            setattr(self, name, writeable(value))

    @property
    def t(self):
        """Updates made."""
        return int(self.clock[UPDATES])

    def arrays(self):
        """What the kernels update in place."""
        return (
            self.W,
            self.b,
            self.slots,
            self.b_slots,
            self.clock,
            self.since,
            self.average,
            self.b_average,
        )

    def copy(self):
        """A state that later updates do not reach."""
        arrays = (None if array is None else array.copy() for array in self.arrays())
        return State(*arrays, None if self.custom is None else deepcopy(self.custom))

    def of_outputs(self, outputs):
        """A copy of the state of these outputs alone."""
        arrays = {name: value for name, value in vars(self).items() if value is not None}
        for name, value in arrays.items():
            if name in OF_OUTPUTS:
                arrays[name] = np.ascontiguousarray(np.take(value, outputs, OF_OUTPUTS[name]))
            else:
                arrays[name] = value.copy()
        return State(**arrays)

    @classmethod
    def joined(cls, parts):
        """The state whose outputs are those of all parts, which share one clock."""
        arrays = {name: value for name, value in vars(parts[0]).items() if value is not None}
        for name in OF_OUTPUTS.keys() & arrays.keys():
            arrays[name] = np.concatenate([getattr(p, name) for p in parts], OF_OUTPUTS[name])
        return cls(**arrays)

    @classmethod
    def mean(cls, states):
        """The mean of several states with nothing put off, summed in their order."""
        arrays = {name: value for name, value in vars(states[0]).items() if value is not None}
        for name, value in arrays.items():
            total = sum((getattr(s, name) for s in states[1:]), value.astype(np.float64))
            arrays[name] = (total / len(states)).astype(value.dtype)
        arrays["clock"][UPDATES] = max(state.clock[UPDATES] for state in states)
        return cls(**arrays)

    def checkpoint(self, columns=None):
        """What `restore` needs, once, to undo later updates.

        Parameters
        ----------
        columns : ndarray of int, default=None
            All columns that the updates will change; None for any.
        """
        kept = {}
        for name, value in vars(self).items():
            if value is not None:
                if columns is not None and name in OF_COLUMNS:
                    value = value[..., columns]
                else:
                    value = value.copy() if name != "custom" else deepcopy(value)
            kept[name] = value
        return columns, kept

    def restore(self, checkpoint):
        """Go back to a checkpoint."""
        columns, kept = checkpoint
        for name, value in kept.items():
            if columns is None or value is None or name not in OF_COLUMNS:
                setattr(self, name, value)
            else:
                getattr(self, name)[..., columns] = value

    def is_finite(self, columns=None):
        """Whether the coefficients, of these columns, are numbers."""
        W = self.W if columns is None else self.W.take(columns, axis=1)
        return all_finite[FLOATING[W.dtype]](W) and all_finite["double"](self.b[None])

    def average_from_now_on(self, averaged):
        """Begin to average, or leave off, if that is not how it was."""
        if averaged != (self.average is not None):
            self.average = np.zeros(self.W.shape) if averaged else None
            self.b_average = np.zeros(len(self.b)) if averaged else None
            self.clock[AVERAGED] = 0

    def interpolate_anew(self, before, after):
        """Schedule-free's w between the z and x that it is between, at another momentum."""
        for w, z in (self.W, self.slots[1]), (self.b, self.b_slots[1]):
            w += (after / before - 1.0) * (w - z)

    def put_off(self, method):
        """Prepare for rows that put off what they do not touch (sparse ones)."""
        if self.since is None:
            _, (code, *_), (*_, in_gradient), *_ = method
            shrinking = code == 0 and in_gradient  # plain SGD owes thresholds, not elapsed rates
            now = 0.0 if shrinking else self.clock[ELAPSED]
            self.since = np.full(self.W.shape[1], now)
            if code == DOG:
                away = self.W.astype(np.float64) - self.slots[0]
                self.clock[DISTANCE] = np.sum(away**2)

    def settle(self, method, size):
        """Carry out all that has been put off."""
        if self.since is None:
            return
        if self.clock[AVERAGED_SHRINKAGE]:
            self.average += self.clock[AVERAGED_SHRINKAGE] * self.W
            self.clock[AVERAGED_SHRINKAGE] = 0.0
        self._catch_up(self.W, self.slots, method, size)
        self.clock[SHRINKAGE] = 1.0
        self.clock[THRESHOLD] = 0.0
        self.since = None

    def coefficients(self, method, size):
        """(W, b) as they are with nothing put off, or their average; the state stays as it is."""
        count = self.clock[AVERAGED]
        if count:
            total = self.average + self.clock[AVERAGED_SHRINKAGE] * self.W
            return total / count, self.b_average / count
        W, slots, rule = self.W.copy(), self.slots, method[1]
        if self.since is not None:
            slots = slots.copy() if rule[0] in (SCHEDULE_FREE, DOG) else slots
            self._catch_up(W, slots, method, size)
        return model_of(rule, W, slots), model_of(rule, self.b.copy(), self.b_slots)

    def _catch_up(self, W, slots, method, size):
        _, rule, penalty, *_ = method
        csr_coefficients[FLOATING[W.dtype]](
            W, slots, self.clock, self.since.copy(), size, rule, penalty
        )
