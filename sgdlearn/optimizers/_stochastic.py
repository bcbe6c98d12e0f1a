"""One update a row or mini-batch, by a rule that turns a gradient into a step."""

import numpy as np

from .._kernels.clock import FARTHEST
from ._update_rule import UpdateRule


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
    | x <- x + c (z - x),    c = 1 - ((r_1 + ... + r_{t-1}) / (r_1 + ... + r_t))^(1 + power)
    | w <- (1 - momentum) z + momentum x

    The model is x. The rate can stay what it is: x takes the part of its fall.

    Parameters
    ----------
    momentum : float, default=0.9
        How near to the average the gradient is taken, in (0, 1); beta in the paper.
    epsilon : float, default=1e-10
        Keeps the first steps finite, in the units of the gradient.
    power : float, default=0.0
        How the weights of z in the average x grow: as t^power. 0 is the plain mean, where the first
        steps count as much as the last.
    """

    name = "schedule_free"
    kernel_code = 12
    n_slots = 2
    domains = {
        "momentum": "a number in (0, 1)",
        "epsilon": "a number in (0, inf)",
        "power": "a number in [0, inf)",
    }

    def __init__(self, momentum=0.9, epsilon=1e-10, power=0.0):
        self.momentum = momentum
        self.epsilon = epsilon
        self.power = power

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
