# cython: language_level=3
"""The proximal step of the elastic-net penalty, for solvers that need nothing else of the rules.

    prox(u) = argmin_w 1/2 (w - u)^2 + t1 |w| + t2/2 w^2   over w >= lower
            = max(lower, sign(u) max(|u| - t1, 0) / (1 + t2))

with lower = 0 (coefficients that may not be negative) or -infinity.
"""

from .update_rules cimport proximal as prox
