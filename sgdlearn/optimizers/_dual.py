"""One slope a visit, the best for its row."""

from ._base import Optimizer


class SDCA(Optimizer):
    """Stochastic dual coordinate ascent (Shalev-Shwartz & Zhang 2013).

    | a_i <- argmin_a loss*_i(a) - a z_i + q_i / 2 (a - a_i)^2
    | w = argmin_u penalty(u) + u . sum_i c_i a_i x_i

    with ``loss*_i`` the convex conjugate of row i's loss, c_i its share of the weight and q_i the
    curvature ``c_i |x_i|^2 / l2``. It needs an L2 part in the penalty, takes all built-in losses
    but the softmax, and stops on the duality gap, which bounds the distance from the optimum. The
    slopes of the log loss are found by a bracketed Newton's method (Yu, Huang & Lin 2011); rows
    whose slopes have come to the end of their range are left out for a while (shrinking: Hsieh et
    al. 2008).
    """

    name = "sdca"
    family = "dual"
