"""Which way down: optimizer="auto", and which pairs of parameters go together.

optimizer="auto" chooses by the loss, the penalty and the shape of the rows; the first line that
fits decides:

================================================= ==============================================
where                                             optimizer
================================================= ==============================================
a learning rate is given                          SGD: the textbook update
a penalty written in Python                       SGD, for its prox
a stream (partial_fit) of sparse rows             FTRL: bounded steps, which L2 shortens
a stream of dense rows                            ScheduleFree: bounded steps, averaged
a batch size, averaged iterates, replicas         AdaGrad
a loss in Python, smooth, its curvature bounded   LBFGS
another loss in Python                            AdaGrad
smooth losses, L1                                 CoordinateDescent (LBFGS for the softmax)
coefficients that may not be negative             LBFGS
squared error; p or n small for the density       Cholesky: one pass of BLAS
smooth losses, small problems, few columns        Newton, to rounding
log loss, squared hinge; sparse, short rows       SDCA
smooth losses, small problems, L2, few rows       Newton, in the space of the rows
hinge; short rows, and no small problem           SDCA; Newton where that comes on slowly
huber, few columns; kinks, not too much work      Newton in its interior point form
everything else                                   LBFGS; Newton where that comes on slowly
================================================= ==============================================

Under L2 there are no more columns than rows for Newton's method in either form.

LBFGS takes the metric of a sampled Hessian where data are large, dense and not too wide, and rounds
kinks off, ever less. Where L-BFGS or SDCA has cost as much as Newton's method would on the same
problem, and that is to be had, it takes over.

Rows are short if a visit's step is not held up by its own length: kappa = c mean |x_i|^2 / (l2 n),
with c the curvature of the loss (1 for the hinge), is about how many passes SDCA takes.

What it rests on (seconds to tol=1e-4 on one 2-core machine; 2026-11-24, others at work on it):
sparse log loss 200k x 50k, kappa 0.25: SDCA .41, LBFGS .86; one-hot 150k x 300k, kappa 7.5: .92 and
4.4; flags 40k x 300, kappa 3: .50 and .03. Log loss, 200k x 100 dense: LBFGS .20, Newton .75;
squared loss 20k x 1000: Cholesky .54, LBFGS .47 to 1e-4, and 10k x 2000: 1.1 and 3.0; Lasso
20k x 1000: coordinate descent .14 to .5, LBFGS .3 to 1.1; L1 log loss, sparse 200k x 50k: 2.6 and
5.9. Hinge (2026-11-27, processor seconds): dense 5k x 500, kappa 1000: interior point 1.4, SDCA and
smoothing not there after 1000 passes (2.9, 3.2); 20k x 500, kappa 500: 5.5, 4.2 and not (8.8);
4k x 2000, kappa 500: SDCA 3.1, smoothing not (11). Squared hinge, 2000 x 320 of condition 1e6:
L-BFGS not there after 1000 iterations (2.4), Newton after it 1.1 in all.

Streams (2026-11-28): percent of F(0) - F* that are left after one pass over 50,000 rows, alpha =
1/n, `python -m benchmarks.stream_accuracy auto adagrad ftrl`, where "auto" is ScheduleFree on dense
rows and FTRL on sparse ones, with the parameters below:

========================= ======= ========= ====== ======================
stream                    auto    AdaGrad   FTRL   scikit-learn's default
========================= ======= ========= ====== ======================
dense classes             .23     .22       .24    826
numbers with heavy tails  .13     4.9       4.9    568
1 % positives             1.5     3.6       4.5    1570
.1 % positives            4.5     13        17     1400
units of a thousandth     .066    122       23     323
text                      3.0     3.0       5.7    7.2
one-hot                   4.6     5.0       7.6    204
========================= ======= ========= ====== ======================

On small problems Newton, Cholesky and coordinate descent go on from `tol` to `EXACT`, a few
iterations more, so that the model is the optimum to rounding, whatever the order and the copies of
its rows.
"""

from math import inf, isfinite
from numbers import Real

from sklearn.base import clone

from .. import optimizers
from ..losses import Loss, SquaredError
from ..penalties import ElasticPenalty
from .row_space import columns
from .scaling import squares_in_units

# Up to this many unknowns a Hessian is formed and factored in each iteration.
NEWTON_UNKNOWNS = 300
# Up to this many rows or columns a Gram matrix is, if rows are dense; fewer as they are sparser.
CHOLESKY_SIZE = 2000
# Up to this many rows times outputs the interior point method may keep its memory for each; and
# the columns, and the multiplications an iteration, that are not too many for it.
INTERIOR_ROWS = 100_000
WIDE = 2000
INTERIOR_WORK = 4e10
# SDCA goes on for at least so many passes before it hands over to it.
SDCA_PASSES = 100
# The kappa up to which rows are short: for smooth losses, for the hinge where there is the interior
# point method, and where there is only smoothing.
SHORT, SHORT_HINGE, NOT_LONG = 8.0, 20.0, 1000.0
# What counts as a small problem (rows x columns x outputs), and how far it is solved.
SMALL = 1_000_000
# FTRL's beta on a stream, whose first steps the automatic rate makes small enough.
STREAM_DAMPING = 0.1
# Schedule-free on a stream: the more of either, the sooner it follows what changes, and the more
# noise it has where nothing does.
STREAM_MOMENTUM, STREAM_POWER = 0.5, 3.0
EXACT = 1e-12
AS_GIVEN = "as given"


def choose(parameters, *, loss, penalty, objective=None, sparse=False):
    """The optimizer object to use, and in words why.

    Parameters
    ----------
    parameters : dict
        Those of the estimator.
    loss : Loss
    penalty : Penalty
    objective : Objective or None
        None for a stream.
    sparse : bool, default=False
        Whether the rows of a stream are; no more is known of it.
    """
    if parameters["optimizer"] != "auto":
        # a copy: the user's object may change under a run that goes on
        return clone(optimizers.resolve(parameters["optimizer"])), AS_GIVEN
    if parameters["learning_rate"] != "auto":
        return optimizers.SGD(), "a learning rate is given"
    if not isinstance(penalty, ElasticPenalty):
        return optimizers.SGD(), "the penalty is known by its prox"
    if objective is None:
        if sparse:
            return optimizers.FTRL(beta=STREAM_DAMPING), "a stream of sparse rows"
        rule = optimizers.ScheduleFree(STREAM_MOMENTUM, power=STREAM_POWER)
        return rule, "a stream of dense rows"
    if parameters["batch_size"] not in ("auto", "full"):
        return optimizers.AdaGrad(), "a batch size is given"
    if parameters["average"]:
        return optimizers.AdaGrad(), "iterates are averaged"
    if parameters["n_replicas"] > 1:
        return optimizers.AdaGrad(), "replicas are asked for"
    if loss.spec is None:
        if loss.smooth and isfinite(loss.curvature_bound):
            return optimizers.LBFGS(), "a smooth loss written in Python"
        return optimizers.AdaGrad(), "the loss is written in Python, its curvature not bounded"
    return choose_solver(loss, penalty, objective)


def choose_solver(loss, penalty, objective):
    """The same for built-in losses and penalties, where nothing but the problem decides."""
    rows, k = objective.rows, objective.n_outputs
    softmax = loss.name == "multinomial"
    small = is_small(objective)
    few = rows.p * (k if softmax else 1) <= NEWTON_UNKNOWNS
    few_left = columns(objective) * (k if softmax else 1) <= NEWTON_UNKNOWNS
    smooth, round_off = loss.smooth, loss.name == "huber"
    if smooth and penalty.l1 > 0.0 and not softmax:
        return optimizers.CoordinateDescent(), "L1 leaves few coefficients"
    if penalty.positive:
        return optimizers.LBFGS(), "coefficients are bounded"
    if isinstance(loss, SquaredError):
        narrow = min(rows.n, rows.p) * (rows.n * rows.p) <= CHOLESKY_SIZE * rows.size
        if narrow or small:
            return optimizers.Cholesky(), "least squares, and a Gram matrix that is soon made"
    if smooth and penalty.l1 == 0.0:
        if small and few and not round_off:
            return optimizers.Newton(), "a small problem"
        sharp = loss.name in ("log_loss", "squared_hinge")
        if sharp and rows.sparse and not few and kappa(objective) <= SHORT:
            return optimizers.SDCA(), "sparse, short rows"
        if small and few_left and not round_off:
            return optimizers.Newton(), "a small problem, and few rows stand for the columns"
    interior = rows.n * k <= INTERIOR_ROWS and (round_off or not smooth)
    longest = SHORT_HINGE if few and interior else NOT_LONG
    hinge = loss.name == "hinge" and penalty.l1 == 0.0
    if hinge and not (few and interior and small) and kappa(objective) <= longest:
        return optimizers.SDCA(), "a hinge, and rows that are short enough"
    if few_left and interior and (penalty.l1 == 0.0 or not smooth):
        return optimizers.Newton(), "few coefficients, by an interior point method"
    if not smooth and goes_through_interior(objective):
        return optimizers.Newton(), "a loss with kinks, by an interior point method"
    return optimizers.LBFGS(), "the default"


def goes_through_interior(objective):
    """Whether the interior point method takes no more than some seconds a time."""
    rows, k = objective.rows, objective.n_outputs
    unknowns = columns(objective) + 1
    work = float(rows.n) * k * unknowns**2
    return unknowns <= WIDE and rows.n * k <= INTERIOR_ROWS and work <= INTERIOR_WORK


def sdca_passes(objective):
    """After how many passes of SDCA over a hinge the interior point method is worth a try.

    It costs about as much as so many passes: inf where it is not to be had.
    """
    rows = objective.rows
    if objective.loss.name != "hinge" or not goes_through_interior(objective):
        return inf
    return max(SDCA_PASSES, (columns(objective) + 1) * (rows.n * rows.p / rows.size))


def is_small(objective):
    """Whether it costs little to solve a problem to rounding."""
    return objective.rows.n * objective.rows.p * objective.n_outputs <= SMALL


def kappa(objective):
    """c mean |x_i|^2 / (l2 n), in the penalty's units; inf without L2."""
    penalty = objective.penalty
    if penalty.l2 == 0.0:
        return inf
    curvature = objective.loss.curvature_bound
    squares = squares_in_units(objective)
    squares = squares.sum() if objective.weights is None else objective.weights @ squares
    total = objective.total_weight
    return (curvature if isfinite(curvature) else 1.0) * squares / total / penalty.l2 / total


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
