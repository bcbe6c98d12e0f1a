"""One update a row or mini-batch, by a better estimate of the whole gradient."""

from ._base import Optimizer


class SAG(Optimizer):
    """Stochastic average gradient (Schmidt, Le Roux & Bach 2017).

    | G <- G + (l'_i(w) - c_i) x_i / n;  c_i <- l'_i(w)
    | w <- prox_r(w - r G)
    """

    name = "sag"
    family = "variance_reduced"


class SAGA(Optimizer):
    """SAGA (Defazio, Bach & Lacoste-Julien 2014): SAG without its bias.

    | w <- prox_r(w - r ((l'_i(w) - c_i) x_i + G))
    | G <- G + (l'_i(w) - c_i) x_i / n;  c_i <- l'_i(w)
    """

    name = "saga"
    family = "variance_reduced"


class SVRG(Optimizer):
    """Stochastic variance-reduced gradient (Johnson & Zhang 2013): no memory of each row's slope.

    | w <- prox_r(w - r ((l'_i(w) - l'_i(w~)) x_i + G(w~)))

    with the whole gradient G taken at a snapshot w~.

    Parameters
    ----------
    snapshot_every : int, default=1
        Passes from one snapshot to the next.
    """

    name = "svrg"
    family = "variance_reduced"
    domains = {"snapshot_every": "an integer in [1, inf)"}

    def __init__(self, snapshot_every=1):
        self.snapshot_every = snapshot_every


class PSVRG(Optimizer):
    """Preconditioned SVRG (Frangella, Rathore, Zhao & Udell 2023, "PROMISE").

    | g = mean over B of (l'_i(w) - l'_i(w~)) x_i + G(w~);  w <- w - r M^-1 (g + l2 w)

    with mini-batches B of about as many rows as there are columns, and M the Hessian of a sample of
    rows, factored. For dense, ill-conditioned data of up to some thousand columns.
    """

    name = "psvrg"
    family = "variance_reduced"
