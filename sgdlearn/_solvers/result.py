"""What a solver gives back."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Result:
    """The end of a solver's run.

    Attributes
    ----------
    W : ndarray of shape (k, p)
    b : ndarray of shape (k,)
        In the user's coordinates.
    n_iter : int
        Units of ``max_iter`` used: passes over the rows, or iterations of a batch solver.
    converged : bool
        Whether the certificate came to ``tol``.
    t : int
        Updates made.
    optimality : float or None
        The certificate at the end; None where the solver has none.
    dual_gap : float or None
        A bound on F - F* from the dual problem, where the solver knows one.
    diverged : bool
        Whether the run left all bounds; W and b are then the last good iterate.
    lost_to_rounding : bool
        Whether it had converged, but not to coefficients that the type of X holds.
    """

    W: np.ndarray
    b: np.ndarray
    n_iter: int
    converged: bool
    t: int = 0
    diverged: bool = False
    optimality: float | None = None
    dual_gap: float | None = None
    lost_to_rounding: bool = False
