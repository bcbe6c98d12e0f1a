"""float32 rows: coefficients are found in double precision, and come in the type of X.

What rounding d does to them, F may show. The intercept, a double, takes up what it does to the
means; what is left moves predictions by no more than sum_j |d_j| s_j, s_j the deviation of column
j, so that in most models F cannot tell. In others, whose coefficients are large and cancel each
other, a pass over the rows tells by how much F has risen, and the certificate is raised by it.
"""

from dataclasses import replace

import numpy as np

from .certificate import allowed_excess
from .stochastic import value_of_intercepts

# Of the excess that tol allows, the share that needs no look, and the share that rounding may take.
NOTHING, SHARE = 0.01, 1.0


def rounded(W, dtype):
    """A copy of W in this type, within its range."""
    largest = np.finfo(dtype).max
    return np.clip(W, -largest, largest).astype(dtype, copy=False)


def in_type_of_rows(objective, result, tol):
    """The result with coefficients that the type of X holds, and a certificate that holds for them.

    Only a certificate is made true. A model without one stays as it is.
    """
    rows = objective.rows
    if rows.dtype == np.float64 or result.optimality is None or not result.converged:
        return result
    W = rounded(result.W, rows.dtype).astype(np.float64)
    moments, lost = rows.column_moments(objective.weights), result.W - W
    b = result.b + lost @ moments.mean if objective.fit_intercept else result.b
    square = moments.variance if objective.fit_intercept else moments.mean_square
    moved = np.max(np.abs(lost) @ np.sqrt(square))
    curvature = objective.loss.curvature_bound
    rise = 0.5 * curvature * moved**2 if np.isfinite(curvature) else moved
    reference = value_of_intercepts(objective, objective.baseline()) or 1.0
    if rise <= NOTHING * allowed_excess(0.0, reference, tol or 0.0):
        return replace(result, W=W, b=b)
    value = objective.value(result.W, result.b)
    rise = max(objective.value(W, b) - value, 0.0)
    held = rise <= SHARE * allowed_excess(value, reference, tol or 0.0)
    gap = None if result.dual_gap is None else result.dual_gap + rise
    return replace(
        result,
        W=W,
        b=b,
        optimality=result.optimality + rise / reference,
        dual_gap=gap,
        converged=held,
        lost_to_rounding=not held,
    )
