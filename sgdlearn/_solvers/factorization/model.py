"""The arrays of a factorisation: all there is to put away and to resume."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._kernels.factor_rows import predictions
from .method import model_rows
from .rows import FLOATING, Rows


@dataclass
class Model:
    """Where a factorisation stands.

    Attributes
    ----------
    users, items : Rows
    mean : float
    t : int
        Updates made.
    seed : int
        Of new rows and of drawn items.
    running : ndarray or None
        The constant that a stream follows: (mean, weight, odds).
    schedule_state
        The memory of a schedule that has one.
    """

    users: Rows
    items: Rows
    mean: float
    seed: int
    t: int = 0
    running: Any = None
    schedule_state: Any = None

    @classmethod
    def start(cls, method, seed):
        """Without rows."""
        return cls(method.rows(seed), method.rows(seed + 1), 0.0, seed)

    def fits(self, method):
        """Whether the memory of the rows is that of this method's rule."""
        mine = self.users
        return (
            mine.k == method.k
            and mine.n_slots == method.rule.n_slots
            and mine.dtype == method.dtype
            and (mine.clocks is not None) == method.counts
            and (mine.reduced == method.reduced_rule)
        )

    def move_to(self, method, start):
        """Factors and biases go on with the memory of another rule, new."""
        for name in ("users", "items"):
            old = getattr(self, name)
            new = method.rows(old.seed)
            new.add(old.n, replace(start, slots=None))
            shared = min(old.k, new.k)
            new.factors[:, :shared] = old.factors[:, :shared]
            new.bias[:] = old.bias
            if start.slots is not None:
                start.slots(new.values, new.lot)
            setattr(self, name, new)

    def copy(self):
        """A model that later updates do not reach."""
        running = None if self.running is None else self.running.copy()
        return replace(self, users=self.users.copy(), items=self.items.copy(), running=running)

    def averaged(self, rule):
        """The model that makes predictions (`model_rows`)."""
        users, items = model_rows(self.users, rule), model_rows(self.items, rule)
        return self if users is self.users else replace(self, users=users, items=items)

    def predict(self, users, items):
        """z of pairs of rows, -1 for unknown ones."""
        out = np.empty(len(users))
        P, Q = self.users, self.items
        kernel = predictions[FLOATING[P.dtype]]
        kernel(users, items, P.values, Q.values, P.width, self.mean, out)
        return out
