# cython: language_level=3
"""What every loop over ratings shares: factor_ratings.h, sampling.h, and how Python passes them."""

from sgdlearn._kernels.losses cimport LossSpec, loss_and_slope

cdef extern from "factor_ratings.h" nogil:
    ctypedef struct FactorRatings:
        const int* users
        const int* items
        Py_ssize_t n
        const double* rates
        Py_ssize_t rate_step
        unsigned long long first_update
    ctypedef struct Constant:
        double mean
        double weight
        int odds
    double NEGATIVE
    double constant_of(const Constant* constant) noexcept
    double follow_constant(Constant* constant, double y, double s) noexcept

cdef extern from "sampling.h" nogil:
    ctypedef struct Seen:
        const long long* start
        const int* items
        int n_users
        const int* last
        const int* before
        const int* logged
    ctypedef struct Sampler:
        Seen seen
        unsigned long long seed
        const int* items
        int count
        int n
    unsigned long long counter_hash(
        unsigned long long seed, unsigned long long t, unsigned long long trial) noexcept
    int draw_below(
        unsigned long long seed, unsigned long long t, unsigned long long trial, int n) noexcept
    bint has_seen(const Seen* seen, int user, int item) noexcept
    int draw_negative(
        const Sampler* sampler, int user, unsigned long long t, int which) noexcept


cdef inline FactorRatings ratings_of(
    const int[::1] users, const int[::1] items, const double[::1] rates,
    unsigned long long first_update, Py_ssize_t start, Py_ssize_t stop,
):
    """The ratings start .. stop - 1, the first of which is update number first_update.

    rates holds one rate for all of them, or one for each.
    """
    cdef FactorRatings ratings
    ratings.users = &users[0] + start
    ratings.items = &items[0] + start
    ratings.n = stop - start
    ratings.rates = &rates[0]
    ratings.rate_step = rates.shape[0] > 1
    ratings.first_update = first_update
    return ratings


cdef inline Constant constant_at(const double[::1] running):
    """From (mean, weight, odds)."""
    cdef Constant constant
    constant.mean, constant.weight, constant.odds = running[0], running[1], <int> running[2]
    return constant


cdef inline Sampler sampler_of(tuple sampler):
    """From (seed, count, items or their number, seen), seen (start, items) or with log arrays."""
    cdef Sampler chosen
    cdef tuple seen = sampler[3]
    cdef const int[::1] drawn
    cdef const long long[::1] start = seen[0]
    cdef const int[::1] items = seen[1]
    cdef const int[::1] last, before, logged
    chosen.seed, chosen.count = sampler[:2]
    chosen.items = NULL
    if isinstance(sampler[2], int):
        chosen.n = sampler[2]
    else:
        drawn = sampler[2]
        chosen.items, chosen.n = &drawn[0], <int> drawn.shape[0]
    chosen.seen.start = &start[0]
    chosen.seen.items = &items[0] if items.shape[0] > 0 else NULL
    chosen.seen.n_users = <int> (start.shape[0] - 1)
    chosen.seen.last = chosen.seen.before = chosen.seen.logged = NULL
    if len(seen) > 2:
        last, before, logged = seen[2], seen[3], seen[4]
        chosen.seen.last = &last[0]
        chosen.seen.before = &before[0]
        chosen.seen.logged = &logged[0]
    return chosen


cdef inline double loss_function(
    const void* spec, double y, double z, double* slope
) noexcept nogil:
    """The losses of losses.pxd as a C function."""
    return loss_and_slope((<const LossSpec*> spec)[0], y, z, slope)
