"""Rules for the rows of factors alone."""

from ._base import Optimizer


class RPCS(Optimizer):
    """AdaGrad with one rate for each row of factors (Chin, Zhuang, Juan & Lin 2015).

    For the k factors p of a user or an item, g their gradient, and likewise for the bias alone:

    | G <- G + abs(g)^2 / k
    | p <- p - r / sqrt(G) g

    "Reduced per-coordinate schedule": the rates cost next to nothing to keep. For
    `GDMatrixFactorization`.
    """

    name = "rpcs"
    family = "factorization"
