/* What every loop over ratings goes by: which rows, in which order, at which rates. */
#ifndef SGDLEARN_FACTOR_RATINGS_H
#define SGDLEARN_FACTOR_RATINGS_H

#include "vector.h"

typedef struct {
    const int *users, *items;
    ptrdiff_t n;
    const double *rates;
    ptrdiff_t rate_step;             /* 1: a rate for each; 0: one for all */
    unsigned long long first_update; /* t of the first */
} FactorRatings;

/* The constant of a model that has met nothing but a stream: the running mean of the ratings, or
 * the log odds of the running mean m of +1 and -1,
 *
 *     W <- W + s,    m <- m + s (y - m) / W,    mean = m  or  log((1 + m) / (1 - m)) */
typedef struct {
    double mean, weight;
    int odds;
} Constant;

/* Target of a negative that was drawn. */
#define NEGATIVE -1.0

INLINED double constant_of(const Constant *constant)
{
    const double m = constant->mean;
    return constant->odds ? log((1.0 + m) / (1.0 - m)) : m;
}

INLINED double follow_constant(Constant *constant, double y, double s)
{
    constant->weight += s;
    constant->mean += s * (y - constant->mean) / constant->weight;
    return constant_of(constant);
}

#endif
