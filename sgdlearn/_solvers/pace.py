"""The learning rates of a fit, kept by what they followed from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Pace:
    """How far the updates of each epoch went.

    Attributes
    ----------
    rates : callable
        ``rates(t, memory)`` on arrays of step numbers.
    scaled : bool
        Whether they are rates for columns brought to another size than they have in X.
    epochs : list of (int, int, object)
        Of each epoch: the updates made before it, those made in it, and what the schedule
        remembered then.
    """

    rates: Any
    scaled: bool
    epochs: list = field(default_factory=list)

    def in_full(self):
        """(numbers of the updates, their rates); an epoch that was taken back counts too."""
        rates = np.concatenate(
            [self.rates(np.arange(t + 1, t + made + 1), memory) for t, made, memory in self.epochs]
        )
        first = self.epochs[0][0]
        return np.arange(first + 1, first + len(rates) + 1), rates
