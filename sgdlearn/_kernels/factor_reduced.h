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
#define AHEAD 12

#if defined(__GNUC__)
#define EACH_OF(count) _Pragma("GCC unroll 2") for (int e = 0; e < (count); e++)
typedef float_four float_four_numbers;
typedef double_four double_four_numbers;
#else
#define EACH_OF(count) for (int e = 0; e < (count); e++)
typedef float float_four_numbers[4];
typedef double double_four_numbers[4];
#endif

/* The sums over the lanes of three registers, half onto half, by shuffles where the compiler has
 * them. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define SHUFFLE __builtin_shufflevector
#define DEFINE_SUMS_OF_FOUR(T, NAME)                                                           \
    INLINED void NAME(const T##_four a, const T##_four b, const T##_four c, T *x, T *y, T *z)  \
    {                                                                                          \
        const T##_four d = SHUFFLE(b, c, 0, 4, 1, 5) + SHUFFLE(b, c, 2, 6, 3, 7);              \
        const T##_four e = a + SHUFFLE(a, a, 2, 3, 0, 1);                                      \
        const T##_four f = SHUFFLE(d, e, 0, 1, 4, 4) + SHUFFLE(d, e, 2, 3, 5, 5);              \
        *x = f[2], *y = f[0], *z = f[1];                                                       \
    }

DEFINE_SUMS_OF_FOUR(float, sums_four_float)
DEFINE_SUMS_OF_FOUR(double, sums_double)

INLINED float_four halves(const float_lanes x)
{
    return SHUFFLE(x, x, 0, 1, 2, 3) + SHUFFLE(x, x, 4, 5, 6, 7);
}

INLINED void sums_float(const float_lanes a, const float_lanes b, const float_lanes c, float *x,
                        float *y, float *z)
{
    sums_four_float(halves(a), halves(b), halves(c), x, y, z);
}
#else
#define DEFINE_SUMS(T)                                                                         \
    INLINED void sums_##T(const T##_lanes a, const T##_lanes b, const T##_lanes c, T *x, T *y, \
                          T *z)                                                                \
    {                                                                                          \
        SUM_LANES(T, sizeof(T##_lanes) / sizeof(T), a, *x);                                    \
        SUM_LANES(T, sizeof(T##_lanes) / sizeof(T), b, *y);                                    \
        SUM_LANES(T, sizeof(T##_lanes) / sizeof(T), c, *z);                                    \
    }

DEFINE_SUMS(float)
DEFINE_SUMS(double)
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
