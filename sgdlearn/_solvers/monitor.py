"""What is watched while a model learns: the curves, the stop, the last usable iterate."""

from dataclasses import dataclass, field
from time import perf_counter

import numpy as np


@dataclass
class Plateau:
    """Stops when a curve has not fallen by more than `tol` for `patience` records.

    `tol` is relative to the `scale` that comes with each value; None never stops.
    """

    tol: float | None
    patience: int
    best: float = np.inf
    waited: int = 0

    def reached(self, value, scale=1.0):
        """Whether, with this value, the curve has come to its end."""
        if value < self.best - (self.tol or 0.0) * scale:
            self.waited = 0
        else:
            self.waited += 1
        self.best = min(self.best, value)
        return self.tol is not None and self.waited >= self.patience


@dataclass
class Settled:
    """Stops when a curve has neither fallen nor risen by more than `tol` over `patience` records.

    Where it is noisier than that, but its noise will die out, it has not come to its end.
    """

    tol: float | None
    patience: int
    last: tuple = ()

    def reached(self, value, scale=1.0):
        """Whether, with this value, the curve has come to its end."""
        self.last = (*self.last, value)[-1 - self.patience :]
        if self.tol is None or len(self.last) <= self.patience:
            return False
        return max(self.last) - min(self.last) <= self.tol * scale


@dataclass
class Validation:
    """Rows held out, to stop by and to choose the best iterate by.

    Attributes
    ----------
    score : callable
        The mean loss of (W, b) on these rows, without penalty.
    scale : float
        What it is for the best constant.
    plateau : Plateau
    curve : list of float
        The scores so far.
    best : tuple or None
        (W, b) of the best of them.
    """

    score: callable
    scale: float
    plateau: Plateau
    curve: list = field(default_factory=list)
    best: tuple = None

    def reached(self, coefficients):
        W, b = coefficients()
        value = self.score(W, b)
        if value < self.plateau.best or self.best is None:
            self.best = W, b
        self.curve.append(value)
        return self.plateau.reached(value, self.scale)


class Monitor:
    """Records a run, one call an epoch, and says when to stop.

    Parameters
    ----------
    validation : Validation, default=None
    task : object, default=None
        The callbacks: ``task.begin_epoch()`` and ``task.end_epoch(epoch, coefficients) -> bool``;
        True stops the run.
    verbose : bool, default=False
        Print one line an epoch: number, objective, certificate, seconds since the start.

    Attributes
    ----------
    started : float or None
        The objective at the start, where the solver knows it.
    curve : list of float
        The objective after each epoch.
    beside : float
        The part of the last value of the curve that the rule is not to bring down.
    seconds : list of float
        When each epoch ended, since the monitor was made.
    pace : Pace or None
        The learning rates of the epochs, where the solver has any.
    certificate : float or None
        Of the last epoch.
    last : callable or None
        Returns the coefficients (W, b) of the last usable iterate.
    updates : callable
        Returns the number of updates made.
    stopped_by : {None, "validation", "callback"}
    """

    def __init__(self, *, validation=None, task=None, verbose=False):
        self.validation = validation
        self.task = task
        self.verbose = verbose
        self.started = None
        self.curve = []
        self.beside = 0.0
        self.seconds = []
        self.pace = None
        self.certificate = None
        self.last = None
        self.updates = lambda: len(self.curve)
        self.stopped_by = None
        self._headed = False
        self._begin = perf_counter()

    def start_value(self, value):
        """Told the objective at the start of the run."""
        self.started = value
        if self.verbose:
            self._line(0, value, None, perf_counter() - self._begin)

    def say(self, news):
        """Told of a change on the way."""
        if self.verbose:
            print(news, flush=True)

    def begin_epoch(self):
        """Told before each epoch; one that has begun already goes on."""
        if self.task is not None:
            self.task.begin_epoch()

    def record(self, value, certificate, coefficients):
        """Note one epoch; True if the run is to stop here.

        Parameters
        ----------
        value : float
            The objective.
        certificate : float or None
            What `tol` bounds, where the solver knows it.
        coefficients : callable
            Returns copies of (W, b) in the user's coordinates.
        """
        self.curve.append(float(value))
        self.seconds.append(perf_counter() - self._begin)
        self.certificate = certificate
        self.last = coefficients
        if self.verbose:
            self._line(len(self.curve), value, certificate, self.seconds[-1])
        # both are always asked: a callback sees every epoch that was run
        called = self.task is not None and self.task.end_epoch(len(self.curve), coefficients)
        held_out = self.validation is not None and self.validation.reached(coefficients)
        self.stopped_by = "callback" if called else "validation" if held_out else None
        return self.stopped_by is not None

    def _line(self, epoch, value, certificate, seconds):
        if not self._headed:
            print("epoch        objective  certificate   seconds", flush=True)
            self._headed = True
        certificate = "-" if certificate is None else f"{certificate:.3e}"
        print(f"{epoch:5d}  {value:15.8e}  {certificate:>11}  {seconds:8.2f}", flush=True)
