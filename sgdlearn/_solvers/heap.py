"""Memory that a fit takes and gives back over and over.

glibc's malloc returns memory to the system once twice the largest block that was ever given back
lies free at the end of its heap, and takes it anew page by page, each with a fault. Vectors of rows
and columns come and go in every iteration, and on small data a third of a fit went by in faults. A
block that is taken and given back untouched, once, tells malloc of what size the next ones are.
Where memory is managed in another way it says nothing.
"""

import numpy as np

SIZE = 2**23  # bytes; larger vectors speak for themselves


def expect_vectors():
    """Tell malloc that vectors of up to so many bytes will come and go."""
    np.empty(SIZE, dtype=np.uint8)
