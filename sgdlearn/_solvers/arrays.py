"""Arrays that are updated in place."""

import numpy as np


def writeable(value):
    """A copy of an array that is read-only; anything else as it is."""
    frozen = isinstance(value, np.ndarray) and not value.flags.writeable
    return np.array(value) if frozen else value
