"""What is found out about the data of a fit, kept for the next one on the same data.

A path over alphas, and any fit with ``warm_start=True``, meets the same rows again and again. What
follows from them alone need not be found anew: moments, Gram matrices, the gradient at a point.
One law says when it may be used: the `fingerprint`, of all bytes of rows, targets and weights and
taken in every fit as they are validated, has to be what it was. It is not asked whether arrays are
the same objects, whose numbers may have been changed in place.

What there is `of` a key follows from the data, to the last bit, so that no result tells whether it
had been kept. What was `handed_on` is a start, as the coefficients are.
"""

from copy import deepcopy

import numpy as np

from .._kernels.fingerprint import fingerprint


class Kept:
    """What has been found so far.

    Parameters
    ----------
    fingerprint : tuple, default=None
        Of the data that it is about; None where no other fit will ask.
    room : float, default=0
        So many bytes another fit may find here.
    """

    def __init__(self, fingerprint=None, room=0):
        self.fingerprint, self.room = fingerprint, room
        self._found, self._place = {}, ()

    @property
    def lasts(self):
        """Whether another fit may ask."""
        return self.fingerprint is not None

    def part(self, place):
        """What is kept of a part of the data, under keys of its own."""
        part = Kept(self.fingerprint, self.room)
        part._found, part._place = self._found, (*self._place, place)
        return part

    def of(self, key, make):
        """What there is under this key, made if there is nothing; None is no key."""
        if key is None:
            return make()
        if self.last(key) is None:
            self.put(key, make())
        return self.last(key)

    def copy_of(self, key, make):
        """The same for the caller to overwrite; kept, if small enough, for another fit alone."""
        value = self.last(key)
        if value is None:
            value = make()
            if size(value) > self.room:
                return value
            self.put(key, value)
        return deepcopy(value)

    def last(self, key):
        """What has last been put under this key, or None."""
        return self._found.get((*self._place, key))

    def put(self, key, value):
        """Keep this in the place of what was under the key."""
        self._found[(*self._place, key)] = value

    def hand_on(self, key, value):
        """The same for another fit alone, if it is small enough."""
        if size(value) <= self.room:
            self.put(key, value)

    def for_data(self, fingerprint, room):
        """What a fit on data of this fingerprint knows from the start."""
        kept = Kept(fingerprint, room)
        if fingerprint == self.fingerprint:
            kept._found.update(self._found)
        return kept

    def for_next(self):
        """What the next fit may find: the smaller things first, while there is room."""
        kept, left = Kept(self.fingerprint, self.room), self.room
        sizes = {place: size(value) for place, value in self._found.items()}
        for place in sorted(sizes, key=sizes.get):
            left -= sizes[place]
            if left >= 0:
                kept._found[place] = self._found[place]
        return kept


def mark(*arrays):
    """What tells these arrays from others, in a few bytes."""
    return tuple(
        (a.shape, fingerprint(np.ascontiguousarray(a).reshape(-1).view("u1"))) for a in arrays
    )


def size(value):
    """The bytes of the arrays in a value."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, tuple | list):
        return sum(map(size, value))
    return size(list(vars(value).values())) if hasattr(value, "__dict__") else 0
