# cython: language_level=3
"""The proximal step of the elastic-net penalty, for solvers that need nothing else of the rules.

    prox(u; t1, s) = argmin_w s/2 w^2 - u w + t1 |w|   over w >= lower
                   = max(lower, sign(u) max(|u| - t1, 0) / s)

with lower = 0 (coefficients that may not be negative) or -infinity.
"""

from .update_rules cimport proximal as prox
