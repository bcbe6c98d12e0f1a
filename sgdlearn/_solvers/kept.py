"""What is found out about the data of a fit, kept for the next one on the same data.

A path over alphas, and any fit with ``warm_start=True``, meets the same rows again and again. What
follows from them alone need not be found anew: moments, Gram matrices, the gradient at a point.
One law says when it may be used: the `fingerprint` of all bytes of rows, targets and weights, taken
in every fit as they are validated, has to be what it was. It is not asked whether the arrays are the
same objects, whose numbers may have been changed in place.

What is asked for under a key is a function of the data and of the key, to the last bit, so that no
result tells whether it has been kept; a `last` thing is but a start.
"""

import numpy as np


class Kept:
    """What has been found so far.

    Attributes
    ----------
    fingerprint : tuple or None
        Of the data that it is about; None where no other fit will ask.
    """

    def __init__(self, fingerprint=None):
        self.fingerprint, self._found, self._place = fingerprint, {}, ()

    def part(self, place):
        """What is kept of a part of the data, under keys of its own."""
        part = Kept(self.fingerprint)
        part._found, part._place = self._found, (*self._place, place)
        return part

    def of(self, key, make):
        """What there is under this key, made if there is nothing; None is no key."""
        if key is None:
            return make()
        place = *self._place, key
        if place not in self._found:
            self._found[place] = make()
        return self._found[place]

    def last(self, key):
        """What has last been `put` under this key, or None."""
        return self._found.get((*self._place, key))

    def put(self, key, value):
        """Keep this in the place of what was under the key."""
        self._found[*self._place, key] = value

    def for_data(self, fingerprint):
        """What a fit on data of this fingerprint knows from the start."""
        kept = Kept(fingerprint)
        if fingerprint == self.fingerprint:
            kept._found.update(self._found)
        return kept

    def within(self, room):
        """The same, without the largest things where all are more than so many bytes."""
        kept = Kept(self.fingerprint)
        for place, value in sorted(self._found.items(), key=lambda item: size(item[1])):
            room -= size(value)
            if room >= 0:
                kept._found[place] = value
        return kept


def size(value):
    """The bytes of the arrays in a value."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, tuple | list):
        return sum(map(size, value))
    return size(list(vars(value).values())) if hasattr(value, "__dict__") else 0
