"""Which way down: optimizer="auto", and which pairs of parameters go together.

optimizer="auto" chooses, in this order:

=============================================== =========================================
where                                           optimizer
=============================================== =========================================
a learning rate is given                        SGD: the textbook update
a stream (partial_fit)                          ScheduleFree: AdaGrad's bounded steps, averaged
a mini-batch size, iterates to be averaged      AdaGrad
a penalty written in Python                     SGD, for its prox
a loss in Python without a bound on curvature   AdaGrad
few coefficients, smooth loss, L2 or no penalty Newton
few coefficients and rows, huber or kinks       Newton in its interior point form
everything else                                 LBFGS; losses with kinks are smoothed, ever less
=============================================== =========================================

On small problems Newton goes on from `tol` to `EXACT`, a few iterations more, so that the model is
the optimum to rounding, whatever the order and the copies of its rows.
"""

from math import isfinite
from numbers import Real

from sklearn.base import clone

from .. import optimizers
from ..losses import Loss, SquaredError
from ..penalties import ElasticPenalty

# Up to this many unknowns a Hessian is formed and factored: no dearer than a pass or two.
NEWTON_UNKNOWNS = 300
# Up to this many rows times outputs the interior point method may keep its memory for each.
INTERIOR_ROWS = 100_000
# What counts as a small problem (rows x columns x outputs), and how far Newton carries it.
SMALL = 1_000_000
EXACT = 1e-12
AS_GIVEN = "as given"


def choose(parameters, *, loss, penalty, n_rows, n_features, n_outputs, stream):
    """The optimizer object to use, and in words why."""
    if parameters["optimizer"] != "auto":
        # a copy: the user's object may change under a run that goes on
        return clone(optimizers.resolve(parameters["optimizer"])), AS_GIVEN
    if parameters["learning_rate"] != "auto":
        return optimizers.SGD(), "a learning rate is given"
    if not isinstance(penalty, ElasticPenalty):
        return optimizers.SGD(), "the penalty is known by its prox"
    if stream:
        return optimizers.ScheduleFree(), "a stream"
    if parameters["batch_size"] not in ("auto", "full"):
        return optimizers.AdaGrad(), "a batch size is given"
    if parameters["average"]:
        return optimizers.AdaGrad(), "iterates are averaged"
    if parameters["n_replicas"] > 1:
        return optimizers.AdaGrad(), "replicas are asked for"
    if loss.spec is None and not (loss.smooth and isfinite(loss.curvature_bound)):
        return optimizers.AdaGrad(), "the loss is written in Python, its curvature not bounded"
    unknowns = n_features * (n_outputs if loss.name == "multinomial" else 1)
    if unknowns <= NEWTON_UNKNOWNS and not penalty.positive and loss.spec is not None:
        interior = not loss.smooth or loss.name == "huber"  # its memory is some numbers a row
        if interior and n_rows * n_outputs > INTERIOR_ROWS:
            return optimizers.LBFGS(), "many rows for an interior point method"
        if not loss.smooth or penalty.l1 == 0:
            return optimizers.Newton(), "few coefficients"
    return optimizers.LBFGS(), "the default"


def check_pairs(rule, parameters, *, loss, penalty, stream=False):
    """Raise ValueError where two parameters exclude each other, naming both."""

    def refuse(name, why):
        value = parameters.get(name, loss.name)  # some estimators have one loss
        raise ValueError(f"optimizer={rule.name!r} does not go with {name}={value!r}: {why}.")

    own_penalty = not isinstance(penalty, ElasticPenalty)
    if own_penalty and parameters["standardize"]:
        raise ValueError(
            f"standardize=True does not go with penalty={parameters['penalty']!r}: it measures the "
            "coefficients of built-in penalties in other units."
        )
    if stream and parameters["standardize"] and parameters["learning_rate"] != "auto":
        raise ValueError(
            "standardize=True does not go with learning_rate="
            f"{parameters['learning_rate']!r} in partial_fit: the deviations of the columns, in "
            "which the updates would be made, are known at the end of a stream alone. "
            "learning_rate='auto' follows them."
        )
    if own_penalty and rule.name != "sgd" and rule.kernel_code is not None:
        refuse("penalty", "a penalty of your own is taken by its prox, which needs 'sgd'")
    if parameters["n_replicas"] > 1:
        if rule.family != "stochastic":
            refuse("n_replicas", "it is one run; the stochastic rules have replicas")
        if rule.kernel_code is None or own_penalty or loss.spec is None:
            refuse("n_replicas", "what is written in Python has no replicas")
        if parameters["batch_size"] == "full":
            raise ValueError(
                f"n_replicas={parameters['n_replicas']!r} does not go with batch_size='full': "
                "n_jobs shares the rows of a full gradient out."
            )
    if rule.family == "stochastic":
        return
    if parameters["average"]:
        refuse("average", "it has no iterates to average; the stochastic rules do")
    if own_penalty:
        refuse("penalty", "a penalty of your own is taken by its prox, which needs 'sgd'")
    if rule.family == "dual":
        check_dual(refuse, parameters, loss=loss, penalty=penalty)
        return
    if parameters["optimizer"] != "auto" and not loss.smooth:
        refuse("loss", "it needs a smooth loss; 'auto' and the stochastic rules do not")
    if rule.name == "psvrg":
        if parameters["learning_rate"] != "auto":
            refuse("learning_rate", "it finds its own step")
        if parameters["batch_size"] == "full":
            refuse("batch_size", "it takes mini-batches")
    elif rule.family == "variance_reduced":
        if parameters["batch_size"] not in ("auto", 1):
            refuse("batch_size", "it visits single rows")
        rate = parameters["learning_rate"]
        if not (rate == "auto" or isinstance(rate, Real)):
            refuse("learning_rate", "its rate is one number, or 'auto'")
        return
    else:
        if parameters["learning_rate"] != "auto":
            refuse("learning_rate", "it finds its own step")
        if parameters["batch_size"] not in ("auto", "full"):
            refuse("batch_size", "each iteration reads the whole data")
    if rule.name == "psvrg" and loss.spec is None:
        refuse("loss", "it knows the built-in losses alone")
    if rule.name == "newton" and type(loss).curvature is Loss.curvature:
        refuse("loss", "it needs a loss that defines curvature(y, z)")
    if rule.name == "cholesky" and not isinstance(loss, SquaredError):
        refuse("loss", "it solves least squares; 'newton' and 'lbfgs' take every smooth loss")
    if rule.name == "cd" and not (
        isfinite(loss.curvature_bound) or type(loss).curvature is not Loss.curvature
    ):
        refuse("loss", "it needs a loss that defines curvature(y, z) or curvature_bound")
    if rule.name in ("newton", "cholesky", "psvrg") and penalty.positive:
        refuse("positive", "it takes L2 alone; 'lbfgs' takes all")
    if rule.name in ("newton", "cholesky", "psvrg") and penalty.l1 > 0 and loss.smooth:
        refuse("penalty", "it takes L2 alone; 'lbfgs' takes all")


def check_dual(refuse, parameters, *, loss, penalty):
    """`check_pairs` for dual coordinate ascent."""
    if parameters["learning_rate"] != "auto":
        refuse("learning_rate", "it finds its own step")
    if parameters["batch_size"] not in ("auto", 1):
        refuse("batch_size", "it visits single rows")
    if penalty.l2 == 0.0:
        name = "alpha" if parameters["alpha"] == 0.0 else "penalty"
        refuse(name, "it needs an L2 part in the penalty, which makes the dual problem")
    if loss.name == "multinomial":
        refuse("multi_class", "it has no softmax; 'ovr' fits one class after the other")
    if loss.spec is None:
        refuse("loss", "it needs a built-in loss")
