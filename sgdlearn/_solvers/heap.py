"""Memory that a fit takes and gives back over and over.

glibc's malloc returns memory to the system once twice the largest block that was ever given back
lies free at the end of its heap, and takes it anew page by page, each with a fault. Vectors of rows
and columns come and go in every iteration, and on small data a third of a fit went by in faults.
A block that is taken and given back untouched costs two calls, and tells malloc of what size the
next ones are. Where memory is managed in another way it says nothing.
"""

import numpy as np

VECTORS, MOST = 16, 2**24  # so many of rows and columns come and go, no more than so many bytes


def expect_vectors(n, p):
    """Tell malloc that vectors of n rows and of p columns come and go."""
    np.empty(min(8 * VECTORS * (n + p), MOST), dtype=np.uint8)
