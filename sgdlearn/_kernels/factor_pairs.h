/* The update of three rows, a user's and those of an item i that it has met and of a j that it has
 * not, by AdaGrad with one rate for each row (`factor_reduced.h`).
 *
 * With x = b_i - b_j + <p, q_i - q_j>, l' the slope of the loss at x and s the weight:
 *
 *     g_u = s (l' (q_i - q_j) + alpha p)      a_i =  s (l' + alpha_bias b_i)
 *     g_i = s ( l' p + alpha q_i)             a_j =  s (-l' + alpha_bias b_j)
 *     g_j = s (-l' p + alpha q_j)
 *
 * all from the rows as they were met; the bias of the user is in no x and stays.
 */
#ifndef SGDLEARN_FACTOR_PAIRS_H
#define SGDLEARN_FACTOR_PAIRS_H

#include "vector.h"

typedef struct {
    double alpha, alpha_bias;
    double bias_rate; /* the rate of biases, over that of factors; 0: there are none */
    double lower;     /* 0 for factors that are not negative, else -infinity */
    ptrdiff_t k, width;
} PairMethod;

#if defined(__GNUC__)
#define SIMD_THREE_SUMS _Pragma("omp simd reduction(+ : user, own, other)")
#else
#define SIMD_THREE_SUMS
#endif

/* Places of a row after the factors, as in `factor_reduced.h`. */
enum { PAIR_BIAS, PAIR_BIAS_SQUARES, PAIR_SQUARES };

#define DEFINE_REDUCED_PAIR(T, SQRT)                                                           \
    INLINED void reduced_bias_##T(const PairMethod *method, T *after, T slope, T s, T rate)    \
    {                                                                                          \
        const T a = slope + s * (T)method->alpha_bias * after[PAIR_BIAS];                      \
        after[PAIR_BIAS_SQUARES] += a * a;                                                     \
        after[PAIR_BIAS] -= (T)method->bias_rate * rate / SQRT(after[PAIR_BIAS_SQUARES]) * a;  \
    }                                                                                          \
    CLONED static void reduced_pair_##T(const PairMethod *method, double given, double weight, \
                                        double given_rate, T *p, T *q, T *w)                   \
    {                                                                                          \
        const T s = (T)weight, slope = s * (T)given, rate = (T)given_rate;                     \
        const T alpha = s * (T)method->alpha, per = 1 / (T)method->k;                          \
        const ptrdiff_t width = method->width;                                                 \
        T user = 0, own = 0, other = 0;                                                        \
        SIMD_THREE_SUMS                                                                        \
        for (ptrdiff_t j = 0; j < width; j++) {                                                \
            const T a = slope * (q[j] - w[j]) + alpha * p[j];                                  \
            const T b = slope * p[j] + alpha * q[j], c = alpha * w[j] - slope * p[j];          \
            user += a * a, own += b * b, other += c * c;                                       \
        }                                                                                      \
        p[width + PAIR_SQUARES] += user * per;                                                 \
        q[width + PAIR_SQUARES] += own * per;                                                  \
        w[width + PAIR_SQUARES] += other * per;                                                \
        const T p_rate = rate / SQRT(p[width + PAIR_SQUARES]);                                 \
        const T q_rate = rate / SQRT(q[width + PAIR_SQUARES]);                                 \
        const T w_rate = rate / SQRT(w[width + PAIR_SQUARES]);                                 \
        const T lower = (T)method->lower;                                                      \
        SIMD                                                                                   \
        for (ptrdiff_t j = 0; j < width; j++) {                                                \
            const T x = p[j], y = q[j], z = w[j];                                              \
            const T a = x - p_rate * (slope * (y - z) + alpha * x);                            \
            const T b = y - q_rate * (slope * x + alpha * y);                                  \
            const T c = z - w_rate * (alpha * z - slope * x);                                  \
            p[j] = a < lower ? lower : a;                                                      \
            q[j] = b < lower ? lower : b;                                                      \
            w[j] = c < lower ? lower : c;                                                      \
        }                                                                                      \
        if (method->bias_rate > 0.0) {                                                         \
            reduced_bias_##T(method, q + width, slope, s, rate);                               \
            reduced_bias_##T(method, w + width, -slope, s, rate);                              \
        }                                                                                      \
    }

DEFINE_REDUCED_PAIR(float, sqrtf)
DEFINE_REDUCED_PAIR(double, sqrt)

#endif
