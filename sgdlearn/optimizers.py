"""Optimizers: the way down.

Each class holds the parameters of one way to minimise the objective; the work is done in compiled
loops. There are four families:

``stochastic``
    One update a row or mini-batch, by a rule that turns the gradient g of each coefficient w into
    its step: `SGD`, `AdaGrad`, `AdaDelta`, `RMSProp`, `Adam`, `AdamW`, `NAdam`, `FTRL`,
    `ScheduleFree`, `DoG`. They learn from streams (`partial_fit`) and take a learning rate r, here
    a number for the update t.
``variance_reduced``
    One update a row, by a better estimate of the whole gradient: `SAG`, `SAGA`, `SVRG`, `PSVRG`.
``dual``
    One slope a visit, the best for its row: `SDCA`. No learning rate.
``batch``
    One update a pass, no learning rate: `LBFGS`, `Newton`, `Cholesky`,
    `CoordinateDescent`.
``factorization``
    `RPCS`, for the rows of `GDMatrixFactorization` alone, which the stochastic rules move too.

An optimizer of your own subclasses `Optimizer`. The stochastic ones also serve a training loop of
your own, by `init` and `update`, and `sgdlearn.minimize`.
"""

from inspect import isclass

import numpy as np

from sgdlearn._parameters import Parameters
from sgdlearn._solvers import array_rule
from sgdlearn._solvers.state import FARTHEST

__all__ = [
    "FTRL",
    "LBFGS",
    "PSVRG",
    "RPCS",
    "SAG",
    "SAGA",
    "SDCA",
    "SGD",
    "SVRG",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Cholesky",
    "CoordinateDescent",
    "DoG",
    "NAdam",
    "Newton",
    "Optimizer",
    "RMSProp",
    "ScheduleFree",
]


class Optimizer(Parameters):
    """Base class of optimizers; subclass it to write your own update rule.

    A subclass gives `init` and `update`, in NumPy, for one array of parameters at a time. Neither
    may keep anything in the object: what an update needs from the one before is its `state`, made
    of plain arrays and numbers, so that it pickles and `partial_fit` resumes.

    Attributes
    ----------
    name : str
        The name in error messages, and in the registry for the built-in optimizers.
    family : {"stochastic", "variance_reduced", "dual", "batch", "factorization"}
    n_slots : int
        Numbers of memory a coefficient; stochastic, built-in ones only.
    kernel_code : int or None
        The number of the update rule in the compiled loops (`_kernels/update_rules.h`); None for
        an optimizer written in Python and for those that have a loop of their own.

    Examples
    --------
    The sign of a running mean of the gradient (Lion without its interpolation):

    >>> import numpy as np
    >>> from sgdlearn.optimizers import Optimizer
    >>> class SignMomentum(Optimizer):
    ...     name = "sign_momentum"
    ...     domains = {"beta": "a number in [0, 1)"}
    ...
    ...     def __init__(self, beta=0.9):
    ...         self.beta = beta
    ...
    ...     def init(self, params):
    ...         return {"mean": np.zeros_like(params)}
    ...
    ...     def update(self, params, grads, state, rate):
    ...         mean = self.beta * state["mean"] + (1 - self.beta) * grads
    ...         return params - rate * np.sign(mean), {"mean": mean}
    >>> rule = SignMomentum(beta=0.5)
    >>> w = np.array([1.0, -1.0])
    >>> w, state = rule.update(w, np.array([3.0, -4.0]), rule.init(w), 0.25)
    >>> w
    array([ 0.75, -0.75])
    >>> state
    {'mean': array([ 1.5, -2. ])}
    """

    name = "optimizer"
    family = "stochastic"
    n_slots = 0
    kernel_code = None

    def init(self, params):
        """The state before the first update of an array of parameters.

        Parameters
        ----------
        params : ndarray
            The parameters in their first shape; not changed.

        Returns
        -------
        state : object
            Plain arrays and numbers, so that it pickles.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define init(params).")

    def update(self, params, grads, state, rate):
        """One update.

        Parameters
        ----------
        params : ndarray
            The parameters; not changed.
        grads : ndarray, like params
            The mean gradient over the batch, the L2 penalty included. The L1 penalty and
            `positive` follow the update, as a proximal step at `rate`.
        state : object
            What `init` or the last update returned.
        rate : float
            The learning rate of this update.

        Returns
        -------
        new_params : ndarray
            A new array.
        new_state : object
            For the next update.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not define update(params, grads, state, rate)."
        )

    def solution(self, params, state):
        """The parameters to use in the end, which may be others than those that move.

        Parameters
        ----------
        params, state : ndarray, object
            What the last update returned.

        Returns
        -------
        ndarray, like params
            The parameters of the model.
        """
        return params


class UpdateRule(Optimizer):
    """A compiled update rule."""

    def init(self, params):
        """The state before the first update.

        Parameters
        ----------
        params : ndarray of float32 or float64, of any shape; or a list, tuple or dict of them
            Of several arrays each is optimised as if it were alone, by `update` in one call.

        Returns
        -------
        dict
            ``{"slots": ndarray (n_slots, *shape), "clock": ndarray}``, plain arrays that pickle:
            the memory of every parameter, and the scalars of the run. For several arrays, a
            list, tuple or dict of such states.
        """
        return array_rule.init(self, params)

    def update(self, params, grads, state, rate, out=None):
        """One update, by the same compiled rule that the estimators use.

        Parameters
        ----------
        params : ndarray of float32 or float64, of any shape; or a list, tuple or dict of them
            The parameters; changed only as `out`.
        grads : like params
            The gradient of what is to be minimised, at `params`.
        state : dict, or a list, tuple or dict of them
            What `init` or the last update returned.
        rate : float
            Positive; the learning rate of this update.
        out : like params, default=None
            Where to write the new parameters; `params` itself will do. The state, too, is then
            updated in place, and nothing is allocated.

        Returns
        -------
        new_params : like params
            `out`, if given, else new arrays.
        new_state : like state
            For the next update.

        Raises
        ------
        ValueError
            For arrays of another type or shape, or a rate that is not positive and finite.

        Examples
        --------
        Least squares on two arrays, by Adam:

        >>> import numpy as np
        >>> from sgdlearn.optimizers import Adam
        >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> y = X @ [2.0, -1.0] + 3.0
        >>> params = {"w": np.zeros(2), "b": np.zeros(())}
        >>> rule = Adam()
        >>> state = rule.init(params)
        >>> for _ in range(2000):
        ...     r = X @ params["w"] + params["b"] - y
        ...     grads = {"w": X.T @ r, "b": r.sum()}
        ...     params, state = rule.update(params, grads, state, 0.05)
        >>> params["w"].round(2), float(params["b"].round(2))
        (array([ 2., -1.]), 3.0)
        """
        return array_rule.update(self, params, grads, state, rate, out)

    def solution(self, params, state):
        return array_rule.model(self, params, state)

    def begin(self, clock, *parts):
        """Prepare the clock and the slots of the parameters, which are all zero.

        Parameters
        ----------
        clock : ndarray
            The scalars of a run.
        *parts : tuple of ndarray
            Parameters w and their slots.
        """

    def kernel_parameters(self):
        """What the compiled loops know the rule's parameters by.

        Returns
        -------
        beta1, beta2, epsilon, extra : float
            0.0 what the rule does not have. Momentum counts as a beta1, rho as a beta2.
        """
        beta1 = getattr(self, "beta1", getattr(self, "momentum", 0.0))
        beta2 = getattr(self, "beta2", getattr(self, "rho", 0.0))
        extra = getattr(self, "momentum_decay", getattr(self, "beta", 0.0))
        return float(beta1), float(beta2), float(getattr(self, "epsilon", 0.0)), float(extra)


class SGD(UpdateRule):
    """Stochastic gradient descent (Robbins & Monro 1951), with momentum if wanted.

    | plain: w <- w - r g
    | momentum (Polyak 1964): m <- momentum m + g;  w <- w - r m
    | Nesterov's (1983; in this form Sutskever et al. 2013): w <- w - r (g + momentum m)

    With `batch_size="full"` it is gradient descent.

    Parameters
    ----------
    momentum : float, default=0.0
        The share of the last step that is kept, in [0, 1).
    nesterov : bool, default=False
        Look ahead along the momentum; without momentum it changes nothing.
    """

    name = "sgd"
    domains = {"momentum": "a number in [0, 1)", "nesterov": "a bool"}

    def __init__(self, momentum=0.0, nesterov=False):
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def kernel_code(self):
        if self.momentum == 0.0:
            return 0
        return 2 if self.nesterov else 1

    @property
    def n_slots(self):
        return int(self.momentum > 0.0)


class AdaGrad(UpdateRule):
    """AdaGrad (Duchi, Hazan & Singer 2011): the steps shrink with the gradients seen.

    | G <- G + g^2
    | w <- w - r g / (sqrt(G) + epsilon)

    Parameters
    ----------
    epsilon : float, default=1e-10
        Keeps the first steps finite, in the units of the gradient.
    """

    name = "adagrad"
    kernel_code = 3
    n_slots = 1
    domains = {"epsilon": "a number in (0, inf)"}

    def __init__(self, epsilon=1e-10):
        self.epsilon = epsilon


class AdaDelta(UpdateRule):
    """AdaDelta (Zeiler 2012): steps in the units of the coefficients themselves.

    | E <- rho E + (1 - rho) g^2
    | d = sqrt(D + epsilon) / sqrt(E + epsilon) g
    | D <- rho D + (1 - rho) d^2
    | w <- w - r d

    Parameters
    ----------
    rho : float, default=0.9
        Decay of the two running means.
    epsilon : float, default=1e-6
        Sets the size of the first steps.
    """

    name = "adadelta"
    kernel_code = 4
    n_slots = 2
    domains = {"rho": "a number in [0, 1)", "epsilon": "a number in (0, inf)"}

    def __init__(self, rho=0.9, epsilon=1e-6):
        self.rho = rho
        self.epsilon = epsilon


class RMSProp(UpdateRule):
    """RMSProp (Tieleman & Hinton 2012): gradients over their running root mean square.

    | v <- rho v + (1 - rho) g^2
    | w <- w - r g / (sqrt(v) + epsilon)

    Parameters
    ----------
    rho : float, default=0.99
        Decay of the running mean square, in [0, 1).
    epsilon : float, default=1e-8
        Keeps the steps finite where gradients vanish, in the units of the gradient.
    """

    name = "rmsprop"
    kernel_code = 5
    n_slots = 1
    domains = {"rho": "a number in [0, 1)", "epsilon": "a number in (0, inf)"}

    def __init__(self, rho=0.99, epsilon=1e-8):
        self.rho = rho
        self.epsilon = epsilon


class Adam(UpdateRule):
    """Adam (Kingma & Ba 2015): running means of the gradient and of its square.

    | m <- beta1 m + (1 - beta1) g
    | v <- beta2 v + (1 - beta2) g^2
    | w <- w - r / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)

    Parameters
    ----------
    beta1 : float, default=0.9
        Decay of the running mean of the gradient, in [0, 1).
    beta2 : float, default=0.999
        Decay of the running mean of its square, in [0, 1).
    epsilon : float, default=1e-8
        Keeps the steps finite where gradients vanish, in the units of the gradient.
    amsgrad : bool, default=False
        Take the largest v so far in place of v (Reddi, Kale & Kumar 2018).
    """

    name = "adam"
    domains = {
        "beta1": "a number in [0, 1)",
        "beta2": "a number in [0, 1)",
        "epsilon": "a number in (0, inf)",
        "amsgrad": "a bool",
    }

    def __init__(self, beta1=0.9, beta2=0.999, epsilon=1e-8, amsgrad=False):
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    @property
    def kernel_code(self):
        return 7 if self.amsgrad else 6

    @property
    def n_slots(self):
        return 3 if self.amsgrad else 2


class AdamW(Adam):
    """AdamW (Loshchilov & Hutter 2019): Adam with the L2 penalty decoupled as weight decay.

    | w <- (1 - r l2) w
    | then Adam's update with the gradient of the loss alone

    The decay l2 is the L2 part of the estimator's penalty, alpha (1 - l1_ratio). What it
    approaches is not the minimum of the objective.

    Parameters
    ----------
    beta1 : float, default=0.9
        Decay of the running mean of the gradient, in [0, 1).
    beta2 : float, default=0.999
        Decay of the running mean of its square, in [0, 1).
    epsilon : float, default=1e-8
        Keeps the steps finite where gradients vanish, in the units of the gradient.
    amsgrad : bool, default=False
        Take the largest v so far in place of v (Reddi, Kale & Kumar 2018).
    """

    name = "adamw"

    @property
    def kernel_code(self):
        return 9 if self.amsgrad else 8


class NAdam(UpdateRule):
    """NAdam (Dozat 2016): Adam with Nesterov's momentum.

    | mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2);  P_t = mu_1 ... mu_t;  m, v as Adam's
    | d = sqrt(v) / sqrt(1 - beta2^t) + epsilon
    | w <- w - r ((1 - mu_t) / (1 - P_t) g + mu_{t+1} / (1 - P_{t+1}) m) / d

    Parameters
    ----------
    beta1 : float, default=0.9
        Decay of the running mean of the gradient, in [0, 1).
    beta2 : float, default=0.999
        Decay of the running mean of its square, in [0, 1).
    epsilon : float, default=1e-8
        Keeps the steps finite where gradients vanish, in the units of the gradient.
    momentum_decay : float, default=4e-3
        How fast the momentum mu_t rises from beta1 / 2 to beta1.
    """

    name = "nadam"
    kernel_code = 10
    n_slots = 2
    domains = {
        "beta1": "a number in [0, 1)",
        "beta2": "a number in [0, 1)",
        "epsilon": "a number in (0, inf)",
        "momentum_decay": "a number in [0, inf)",
    }

    def __init__(self, beta1=0.9, beta2=0.999, epsilon=1e-8, momentum_decay=4e-3):
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.momentum_decay = momentum_decay


class FTRL(UpdateRule):
    """FTRL-proximal (McMahan et al. 2013): exact zeros, on streams too.

    | sigma = (sqrt(n + g^2) - sqrt(n)) / r
    | z <- z + g - sigma w;  n <- n + g^2;  q <- q + sigma       (q_0 = beta / r)
    | w <- 0 where abs(z) <= T l1, else -(z - sign(z) T l1) / (q + T l2)

    where g is the gradient of the loss alone and T the number of updates (the sum of the mean
    weights of their batches). The steps shrink as AdaGrad's do.

    Parameters
    ----------
    beta : float, default=1.0
        Damps the first steps.
    """

    name = "ftrl"
    kernel_code = 11
    n_slots = 3
    domains = {"beta": "a number in (0, inf)"}

    def __init__(self, beta=1.0):
        self.beta = beta


class ScheduleFree(UpdateRule):
    """Schedule-free AdaGrad (Defazio et al. 2024): an average that needs no falling rates.

    | G <- G + g^2, the gradient g taken at w
    | z <- z - r g / (sqrt(G) + epsilon)
    | x <- x + c (z - x),    c = r_t / (r_1 + ... + r_t)
    | w <- (1 - momentum) z + momentum x

    The model is x. The rate can stay what it is: x takes the part of its fall.

    Parameters
    ----------
    momentum : float, default=0.9
        How near to the average the gradient is taken, in (0, 1); beta in the paper.
    epsilon : float, default=1e-10
        Keeps the first steps finite, in the units of the gradient.
    """

    name = "schedule_free"
    kernel_code = 12
    n_slots = 2
    domains = {"momentum": "a number in (0, 1)", "epsilon": "a number in (0, inf)"}

    def __init__(self, momentum=0.9, epsilon=1e-10):
        self.momentum = momentum
        self.epsilon = epsilon

    def begin(self, clock, *parts):
        for w, slots in parts:  # z and x begin where w does
            slots[1] = w


class DoG(UpdateRule):
    """Distance over gradients (Ivgi, Hinder & Carmon 2023): SGD that finds its own rate.

    | D <- max(D, abs(w - w_0)),    G <- G + abs(g)^2,    norms over the whole model
    | w <- w - r D / sqrt(G) g
    | x <- x + 9 / (t + 8) (w - x)

    The model is x, an average that forgets the early iterates; on sparse rows it is w. The rate r,
    1 with `learning_rate="auto"`, multiplies what is there without it.

    Parameters
    ----------
    initial : float or None, default=None
        D at first, over 1 + abs(w_0). It should be less than the way to go, by how much matters
        little: D doubles every few updates. None is 1e-6, and with `learning_rate="auto"` what
        the data say.
    """

    name = "dog"
    kernel_code = 13
    n_slots = 2
    domains = {"initial": "None or a number in (0, inf)"}

    def __init__(self, initial=None):
        self.initial = initial

    def begin(self, clock, *parts):
        square = sum(np.sum(np.square(w, dtype=np.float64)) for w, _ in parts)
        initial = 1e-6 if self.initial is None else self.initial
        clock[FARTHEST] = initial * (1.0 + np.sqrt(square))
        for w, slots in parts:  # w_0, and where x begins
            slots[:] = w


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


class PSVRG(Optimizer):
    """Preconditioned SVRG (Frangella, Rathore, Zhao & Udell 2023, "PROMISE").

    | g = mean over B of (l'_i(w) - l'_i(w~)) x_i + G(w~);  w <- w - r M^-1 (g + l2 w)

    with mini-batches B of about as many rows as there are columns, and M the Hessian of a sample of
    rows, factored. For dense, ill-conditioned data of up to some thousand columns.
    """

    name = "psvrg"
    family = "variance_reduced"


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


class Cholesky(Optimizer):
    """The normal equations of least squares with an L2 penalty or none (Cholesky 1910).

    | (A' A + l2 I) W' = A' Y, A and Y the centred rows and targets; one pass makes A' A

    With fewer rows than columns it is W' = A' U with (A A' + l2 I) U = Y. Where columns depend on
    each other and nothing penalises them, the solution is the one of least norm. For some
    thousand columns, or rows, at most.
    """

    name = "cholesky"
    family = "batch"


class Newton(Optimizer):
    """Newton's method: the curvature itself, for few features and smooth losses."""

    name = "newton"
    family = "batch"


class CoordinateDescent(Optimizer):
    """Coordinate descent on working sets, for smooth losses and penalties with an L1 part.

    | Q: the quadratic model of the mean loss at w, h_j its second derivatives
    | w_j <- prox(w_j - Q'_j / h_j; penalty_j / h_j), over and over, j where w_j is not or should
      not be 0; then F is made to fall along the step from the old w

    Friedman, Hastie & Tibshirani 2010 (glmnet); Yuan, Ho & Lin 2012 (newGLMNET); Massias, Gramfort
    & Salmon 2018 (working sets). Sparse X is converted to CSC, once.
    """

    name = "cd"
    family = "batch"


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


OPTIMIZERS = {
    optimizer.name: optimizer
    for optimizer in (
        SGD,
        AdaGrad,
        AdaDelta,
        RMSProp,
        Adam,
        AdamW,
        NAdam,
        FTRL,
        ScheduleFree,
        DoG,
        SAG,
        SAGA,
        SVRG,
        PSVRG,
        SDCA,
        LBFGS,
        Newton,
        Cholesky,
        CoordinateDescent,
    )
}


def resolve(optimizer, also=(), listed=None):
    """The `Optimizer` that an estimator's parameter means, validated.

    Parameters
    ----------
    optimizer : str or Optimizer
        A name stands for the class with its defaults. "auto" is not among them: it is a policy,
        not an optimizer.
    also : sequence of classes
        What this estimator takes besides `OPTIMIZERS`.
    listed : sequence of str, default=None
        The names that an error lists; None is all of them.

    Returns
    -------
    Optimizer
    """
    names = {**OPTIMIZERS, **{kind.name: kind for kind in also}}
    own = getattr(optimizer, "family", None) != RPCS.family or isinstance(optimizer, tuple(also))
    if isinstance(optimizer, Optimizer) and own:
        return optimizer.validate()
    if isinstance(optimizer, str) and optimizer in names:
        return names[optimizer]()
    instead = ""
    if isclass(optimizer) and issubclass(optimizer, Optimizer):
        instead = f" Pass an object: {optimizer.__name__}()."
    raise ValueError(
        f"The 'optimizer' parameter must be 'auto', one of {listed or list(names)} or an Optimizer "
        "object (a grid over a parameter of the optimizer, such as optimizer__beta1, needs an "
        f"object in the estimator: optimizer=Adam()). Got {optimizer!r} instead.{instead}"
    )
