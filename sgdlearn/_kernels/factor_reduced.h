/* One rating's update of its two rows by AdaGrad with one rate for each row (Chin, Zhuang, Juan &
 * Lin 2015).
 *
 * A row is [k factors, zeros up to whole lanes | bias, A, G, ...]: beside the factors p lie their
 * bias and the accumulators of both.  With z = mean + b_u + b_i + <p, q>, l' the slope of the loss
 * at z, s the rating's weight and r the rate:
 *
 *     g = s (l' q + alpha p)             G <- G + |g|^2 / k      p <- p - r / sqrt(G) g
 *     a = s (l' + alpha_bias b_u)        A <- A + a^2          b_u <- b_u - beta r / sqrt(A) a
 *
 * for the user, and with p and q exchanged for the item, both from the rows as they were met.
 * |g|^2 = s^2 (l'^2 |q|^2 + 2 l' alpha <p, q> + alpha^2 |p|^2) takes no pass of its own.
 */
#ifndef SGDLEARN_FACTOR_REDUCED_H
#define SGDLEARN_FACTOR_REDUCED_H

#include "factor_ratings.h"
#include "sampling.h"
#include "squared_error.h"

/* loss(y, z), its slope in z to *slope */
typedef double (*LossFunction)(const void *spec, double y, double z, double *slope);

typedef struct {
    double alpha, alpha_bias;
    double bias_rate;    /* beta: the rate of biases, over that of factors; 0: there are none */
    double lower;        /* 0 for factors that are not negative, else -infinity */
    double mean;
    ptrdiff_t k, width;  /* factors; the same with the zeros */
    ptrdiff_t stride;    /* numbers of a row */
    LossFunction loss;   /* NULL: the squared error, of which there is no call */
    const void *spec;
} ReducedMethod;

/* Places of a row after the factors. */
#define BIAS 0
#define BIAS_SQUARES 1
#define SQUARES 2
/* Ratings whose rows are asked for ahead. */
#define AHEAD 8

/* The sum over a register's lanes, half onto half, by shuffles where the compiler has them. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
INLINED float sum_float(const float_lanes x)
{
    float_four a = __builtin_shufflevector(x, x, 0, 1, 2, 3);
    a += __builtin_shufflevector(x, x, 4, 5, 6, 7);
    a += __builtin_shufflevector(a, a, 2, 3, 0, 1);
    return a[0] + a[1];
}

INLINED double sum_double(double_lanes x)
{
    x += __builtin_shufflevector(x, x, 2, 3, 0, 1);
    return x[0] + x[1];
}
#else
#define DEFINE_SUM(T)                                                                          \
    INLINED T sum_##T(const T##_lanes x)                                                       \
    {                                                                                          \
        T sum;                                                                                 \
        SUM_LANES(T, sizeof(T##_lanes) / sizeof(T), x, sum);                                   \
        return sum;                                                                            \
    }

DEFINE_SUM(float)
DEFINE_SUM(double)
#endif

#define T float
#define NAME(name) name##_float
#define SQRT sqrtf
#include "factor_reduced_typed.h"
#undef T
#undef NAME
#undef SQRT

#define T double
#define NAME(name) name##_double
#define SQRT sqrt
#include "factor_reduced_typed.h"
#undef T
#undef NAME
#undef SQRT

#endif
