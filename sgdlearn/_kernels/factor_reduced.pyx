"""The loop over ratings with one AdaGrad rate for each row: factor_reduced.h."""

from cython cimport floating

from sgdlearn._kernels.factor_ratings cimport (
    Constant, FactorRatings, Sampler, constant_at, loss_function, ratings_of, sampler_of,
)
from sgdlearn._kernels.losses cimport SQUARED_ERROR, LossSpec, loss_spec

cdef extern from "factor_reduced.h" nogil:
    ctypedef double (*LossFunction)(const void*, double, double, double*) noexcept
    ctypedef struct ReducedMethod:
        double alpha
        double alpha_bias
        double bias_rate
        double lower
        double mean
        Py_ssize_t k
        Py_ssize_t width
        Py_ssize_t stride
        LossFunction loss
        const void* spec
    double reduced_pass_float(
        const ReducedMethod* method, const FactorRatings* ratings, const float* targets,
        const float* weights, float* P, float* Q, Constant* constant, const Sampler* sampler,
    ) noexcept
    double reduced_pass_double(
        const ReducedMethod* method, const FactorRatings* ratings, const double* targets,
        const double* weights, double* P, double* Q, Constant* constant, const Sampler* sampler,
    ) noexcept


def reduced_updates(
    const int[::1] users,
    const int[::1] items,
    const floating[::1] targets,
    const floating[::1] weights,
    const Py_ssize_t[:, ::1] pieces,
    list rates,
    list samplers,
    tuple method,
    tuple numbers,
    floating[:, ::1] P,
    floating[:, ::1] Q,
    double[::1] running,
    double[::1] losses,
):
    """Visit the ratings piece by piece; losses[i] <- sum of s_i loss_i over piece i.

    A piece is (start, stop, first update), with one rate or a rate for each of its ratings, and a
    sampler (seed, count, items, seen) or None. ``method`` is (k, width, alpha,
    alpha_bias, bias_rate, lower), ``numbers`` (loss, mean), ``running`` (mean, weight, odds) of
    the constant that a stream follows or None.
    """
    cdef LossSpec loss = loss_spec(numbers[0])
    cdef ReducedMethod way
    way.k, way.width, way.alpha, way.alpha_bias, way.bias_rate, way.lower = method
    way.mean = numbers[1]
    way.stride = P.shape[1]
    way.loss = <LossFunction> loss_function if loss.code != SQUARED_ERROR else NULL
    way.spec = &loss
    cdef Constant constant
    cdef Constant* followed = NULL
    cdef Sampler sampler
    cdef Sampler* drawn = NULL
    cdef FactorRatings ratings
    cdef const double[::1] piece_rates
    cdef const floating* y = &targets[0]
    cdef const floating* s = NULL
    cdef floating* p = &P[0, 0]
    cdef floating* q = &Q[0, 0]
    cdef Py_ssize_t i, start
    if running is not None:
        constant = constant_at(running)
        followed = &constant
    for i in range(pieces.shape[0]):
        start = pieces[i, 0]
        piece_rates = rates[i]
        ratings = ratings_of(users, items, piece_rates, pieces[i, 2], start, pieces[i, 1])
        if samplers is not None:
            sampler = sampler_of(samplers[i])
            drawn = &sampler
        if weights is not None:
            s = &weights[0] + start
        with nogil:
            if floating is float:
                losses[i] = reduced_pass_float(&way, &ratings, y + start, s, p, q, followed, drawn)
            else:
                losses[i] = reduced_pass_double(&way, &ratings, y + start, s, p, q, followed, drawn)
    if running is not None:
        running[0], running[1] = constant.mean, constant.weight
