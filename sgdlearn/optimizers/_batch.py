"""One update a pass, by the curvature of the objective."""

from ._base import Optimizer


class LBFGS(Optimizer):
    """L-BFGS (Liu & Nocedal 1989): a model of the curvature from the last few steps.

    On large data with up to some thousand columns, no L1 and no `positive`, the steps are seen in
    the metric of the Hessian of a sample of rows (Roosta-Khorasani & Mahoney 2019), as soon as that
    is worth its price.

    Parameters
    ----------
    memory : int, default=10
        How many steps.
    """

    name = "lbfgs"
    family = "batch"
    domains = {"memory": "an integer in [1, inf)"}

    def __init__(self, memory=10):
        self.memory = memory


class Newton(Optimizer):
    """Newton's method: the curvature itself, for few features and smooth losses.

    Where a step does not descend as foretold, a multiple of the identity is added to the Hessian
    (Levenberg 1944; Marquardt 1963).
    """

    name = "newton"
    family = "batch"


class Cholesky(Optimizer):
    """The normal equations of least squares with an L2 penalty or none (Cholesky 1910).

    | (A' A + l2 I) W' = A' Y, A and Y the centred rows and targets; one pass makes A' A

    With fewer rows than columns it is W' = A' U with (A A' + l2 I) U = Y. Where columns depend on
    each other and nothing penalises them, the solution is the one of least norm. For some
    thousand columns, or rows, at most. Products of large data are summed in single precision where
    the pivots allow it, and the solution is refined in double precision (Wilkinson 1963).
    """

    name = "cholesky"
    family = "batch"


class CoordinateDescent(Optimizer):
    """Coordinate descent on working sets, for smooth losses and penalties with an L1 part.

    | Q: the quadratic model of the mean loss at w, h_j its second derivatives
    | w_j <- prox(w_j - Q'_j / h_j; penalty_j / h_j), over and over, j where w_j is not or should
      not be 0; then F is made to fall along the step from the old w

    Friedman, Hastie & Tibshirani 2010 (glmnet); Yuan, Ho & Lin 2012 (newGLMNET); Massias, Gramfort
    & Salmon 2018 (working sets). Columns of sparse X are gathered, an eighth
    of X at a time.
    """

    name = "cd"
    family = "batch"
