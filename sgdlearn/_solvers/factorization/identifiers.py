"""Ids of users and items, and the rows that they stand for.

Two ids are one where Python says so: 1, 1.0, True and np.int64(1), but not "1". Rows are numbered
in the order in which their ids came first.
"""

from contextlib import suppress
from numbers import Number

import numpy as np

from ..._kernels.identifiers import add_keys, fill_table, find_rows, remove_keys

UNKNOWN = -1
# Values of a column that become Python objects at a time.
PART = 1 << 16
# Floats beyond are not all integers that a float tells apart.
EXACT = 2.0**53


class Identifiers:
    """Rows by ids, and ids by rows; integers lie in a table of their own, all others in a dict."""

    def __init__(self):
        self.n = 0
        self._others = {}
        self._ids = np.empty(16, dtype=np.int64)  # of each row that an integer stands for
        self._make_table(64)

    def _make_table(self, size):
        self._keys = np.empty(size, dtype=np.int64)
        self._rows = np.full(size, UNKNOWN, dtype=np.int32)

    def __len__(self):
        return self.n

    def __getstate__(self):
        return {"ids": self._ids[: self.n].copy(), "others": self._others}

    def __setstate__(self, state):
        self.__init__()
        self._others = dict(state["others"])
        self.n, self._ids = len(state["ids"]), np.array(state["ids"])
        self._rebuild(1 << max(6, int(2 * self.n).bit_length()))

    def values(self):
        """The id of each row: an array of int64 where all are integers, of objects else."""
        if not self._others:
            return self._ids[: self.n].copy()
        ids = self._ids[: self.n].astype(object)
        for value, row in self._others.items():
            ids[row] = value
        return ids

    def find(self, column):
        """The rows of a `Column`, UNKNOWN where an id is not known."""
        out = np.empty(len(column), dtype=np.int32)
        for start, integers, others in column.parts():
            part = out[start : start + len(others if integers is None else integers)]
            if others is None:
                find_rows(integers, self._keys, self._rows, part)
            else:
                get = self._others.get
                plain = [value for value in others if type(value) is int]
                rows = np.empty(len(plain), dtype=np.int32)
                if plain:
                    find_rows(np.array(plain), self._keys, self._rows, rows)
                known = iter(rows.tolist())
                part[:] = [
                    next(known) if type(value) is int else get(value, UNKNOWN) for value in others
                ]
        return out

    def find_values(self, values):
        """The same of any array or list of ids."""
        return self.find(Column(values, "ids"))

    def add(self, column):
        """The rows of a `Column`; ids that are not known get the next ones."""
        out = np.empty(len(column), dtype=np.int32)
        for start, integers, others in column.parts():
            if others is None:
                self._add_integers(integers, out[start : start + len(integers)])
                continue
            for i, value in enumerate(others, start):
                if type(value) is int:
                    self._add_integers(np.array([value]), out[i : i + 1])
                    continue
                row = self._others.get(value)
                if row is None:
                    row = self._others[value] = self._next_row()
                out[i] = row
        return out

    def add_numbers(self, n):
        """The numbers 0 .. n - 1 are ids."""
        self._add_integers(np.arange(n, dtype=np.int64), np.empty(n, dtype=np.int32))

    def copy(self):
        """The same, apart from this one."""
        other = Identifiers.__new__(Identifiers)
        other.__setstate__(self.__getstate__())
        return other

    def _next_row(self):
        """The row of one more id, which is no integer."""
        self._ids = grown(self._ids, self.n + 1)
        self._ids[self.n] = 0
        self.n += 1
        return self.n - 1

    def _add_integers(self, wanted, out):
        stop = 0
        while True:
            stop, added = add_keys(
                wanted, stop, self.n, self._keys, self._rows, out, self._ids[self.n :]
            )
            self.n += added
            if stop == len(wanted):
                return
            self._ids = grown(self._ids, self.n + 1)
            if 2 * (self.n + 1) > len(self._keys):
                self._rebuild(2 * len(self._keys))

    def _rebuild(self, size):
        """A table of this size with the integers that are known."""
        self._make_table(size)
        rows = np.arange(self.n, dtype=np.int32)
        if self._others:
            rows = np.setdiff1d(rows, list(self._others.values())).astype(np.int32)
        fill_table(self._ids, rows, self._keys, self._rows)

    def forget_from(self, n):
        """Take back all ids whose rows are n or more."""
        if n == self.n:
            return
        gone = {value: row for value, row in self._others.items() if row >= n}
        for value in gone:
            del self._others[value]
        rows = np.setdiff1d(np.arange(n, self.n), list(gone.values()))
        remove_keys(self._ids[rows], self._keys, self._rows)
        self.n = n


def grown(array, n):
    """The array, or a longer copy, with room for n."""
    if n <= len(array):
        return array
    longer = np.empty((max(n, 2 * len(array)), *array.shape[1:]), dtype=array.dtype)
    longer[: len(array)] = array
    return longer


class Column:
    """The ids of one column as they came, checked: an array of int64, or any sequence.

    Raises ValueError where an id is missing (None, NaN), infinite or cannot be hashed.
    """

    def __init__(self, values, name):
        self.name = name
        if type(values) is not list and values.dtype == object:
            values = values.tolist()
        if type(values) is list and set(map(type, values)) <= {int}:
            with suppress(OverflowError):
                values = np.array(values, dtype=np.int64)
        self.values = values

    def __len__(self):
        return len(self.values)

    def take(self, rows):
        """The ids of these positions."""
        values = self.values
        chosen = [values[i] for i in rows] if type(values) is list else values[rows]
        return Column(chosen, self.name)

    def parts(self):
        """(start, array of int64, None) or (start, None, list of objects), all of the column."""
        values = self.values
        if type(values) is not list and values.dtype == np.int64:
            yield 0, values, None
            return
        for start in range(0, len(values), PART):
            part = values[start : start + PART]
            integers = None if type(part) is list else integers_of(part)
            if integers is not None:
                yield start, integers, None
                continue
            part = part if type(part) is list else objects_of(part)
            yield start, None, [self._plain(value) for value in part]

    def _plain(self, value):
        """The id in its plain form: an int if it equals one."""
        if type(value) is str:
            return value
        try:
            missing = value is None or bool(value != value)
        except (TypeError, ValueError):  # pandas.NA, arrays
            missing = True
        if missing or (isinstance(value, (float, np.floating)) and np.isinf(value)):
            raise ValueError(
                f"The column of {self.name} holds a missing or infinite id (None, NaN or inf): "
                f"{value!r}."
            )
        if isinstance(value, (Number, np.bool_)):
            try:
                whole = int(value)
            except (TypeError, ValueError, OverflowError):
                return value
            if whole == value:
                return whole if -(2**63) <= whole < 2**63 else Large(whole)
            return value
        try:
            hash(value)
        except TypeError:
            raise ValueError(
                f"The column of {self.name} holds an id that cannot be hashed: {value!r}."
            ) from None
        return value


class IntegerColumn(Column):
    """The same of an array of int64, which needs no check."""

    def __init__(self, values):
        self.name, self.values = "ids", values


class Large(int):
    """An integer beyond 64 bits."""


def integers_of(values):
    """The array as one of int64, if all its values are integers that fit; else None."""
    kind = values.dtype.kind
    if kind in "bi" or (kind == "u" and (values.itemsize < 8 or values.max(initial=0) < 2**63)):
        return values.astype(np.int64, copy=False)
    if kind == "f" and np.abs(values).max(initial=0.0) < EXACT:
        whole = values.astype(np.int64)
        if (whole == values).all():
            return whole
    return None


def objects_of(values):
    """The Python objects of an array of any kind."""
    return list(values) if values.dtype.kind in "Mm" else values.tolist()
