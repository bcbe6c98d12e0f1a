"""Parameter objects: the base of losses, penalties, schedules and optimizers."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator

KINDS = {"a number": Real, "an integer": Integral, "a bool": (bool, np.bool_)}


def belongs(value, domain):
    """Whether `value` lies in `domain`, written as a message would say it.

    For instance "a number in [0, 1)", "None or an integer in [1, inf)", "a bool".
    """
    if domain.startswith("None or "):
        return value is None or belongs(value, domain.removeprefix("None or "))
    kind, _, interval = domain.partition(" in ")
    if not isinstance(value, KINDS[kind]) or (interval and isinstance(value, bool)):
        return False
    if not interval:
        return True
    low, high = map(float, interval[1:-1].split(","))
    above = low <= value if interval[0] == "[" else low < value
    below = value <= high if interval[-1] == "]" else value < high
    return bool(above and below)


def check_domain(name, owner, value, domain):
    """Raise the one error that every parameter out of its domain raises."""
    if not belongs(value, domain):
        raise ValueError(
            f"The '{name}' parameter of {owner} must be {domain}. Got {value!r} instead."
        )


class Parameters(BaseEstimator):
    """A named set of parameters: what losses, penalties, schedules and optimizers are.

    They hold parameters and nothing else. `get_params`, `set_params` and `clone` work as for
    scikit-learn's estimators, so that grids reach inside (`optimizer__beta1`).

    Attributes
    ----------
    domains : dict of str to str
        What each parameter may be, in the words of the error message: "a number in [0, 1)".
    """

    domains = {}

    def validate(self):
        """Raise ValueError if a parameter lies outside its domain.

        Returns
        -------
        self : object
            The object itself.

        Raises
        ------
        ValueError
            Where one does; the message names it.
        """
        for name, domain in self.domains.items():
            check_domain(name, type(self).__name__, getattr(self, name), domain)
        return self


def fingerprint(estimator):
    """The values of all parameters, those of parameter objects included."""
    own = vars(estimator)
    values = [own[name] for name in estimator._parameter_constraints]
    for value in values:  # grows on the way
        if isinstance(value, BaseEstimator):
            values.extend(
                part.tobytes() if isinstance(part, np.ndarray) else part
                for part in vars(value).values()
            )
    return values
