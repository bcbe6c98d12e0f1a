/* The losses of classes that need an exponential, and their slopes: log(1 + e^-m), and the softmax.
 *
 * The first stands in the chain from one stochastic update to the next, so it is worth a function of
 * its own: two short series, evaluated in parallel (Estrin), no table, no branch, no call.  Both
 * results are good to a few units in the last place.
 */
#ifndef SGDLEARN_LOGISTIC_H
#define SGDLEARN_LOGISTIC_H

#include <stdint.h>

#include "vector.h"

/* c0 + c1 u + ... + c7 u^7 */
#define EIGHT_TERMS(u, u2, u4, c0, c1, c2, c3, c4, c5, c6, c7)                                   \
    ((((c0) + (c1) * (u)) + (u2) * ((c2) + (c3) * (u)))                                          \
     + (u4) * (((c4) + (c5) * (u)) + (u2) * ((c6) + (c7) * (u))))

/* e^-a for a >= 0; 0 where that is below the normal numbers
 *
 *     e^-a = 2^n e^r,     n = round(-a / log 2),     |r| <= log(2) / 2,     e^r = sum_k r^k / k! */
INLINED double exp_minus(double a)
{
    const double to_integer = 0x1.8p52; /* added, it leaves the integer in the lowest bits */
    const double shifted = to_integer - a * 0x1.71547652b82fep0;
    const double n = shifted - to_integer;
    const double log2_high = 0x1.62e42fee00000p-1, log2_low = 0x1.a39ef35793c76p-33;
    const double r = (-a - n * log2_high) - n * log2_low;
    const double r2 = r * r, r4 = r2 * r2;
    const double head = EIGHT_TERMS(r, r2, r4, 1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120,
                                    1.0 / 720, 1.0 / 5040);
    const double tail = EIGHT_TERMS(r, r2, r4, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800,
                                    1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800, 0.0, 0.0);
    uint64_t bits;
    double power; /* 2^n */
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    memcpy(&power, &bits, sizeof power);
    return a > 708.0 ? 0.0 : power * (head + (r4 * r4) * tail);
}

/* log(1 + e) for 0 <= e <= 1, by log(1 + e) = 2 artanh(t), t = e / (2 + e) <= 1/3:
 *
 *     artanh(t) = t + t^3 / 3 + t^5 / 5 + ...                                                    */
INLINED double log1p_unit(double e)
{
    const double t = e / (2.0 + e), u = t * t, u2 = u * u, u4 = u2 * u2;
    const double head = EIGHT_TERMS(u, u2, u4, 1.0, 1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11,
                                    1.0 / 13, 1.0 / 15);
    const double tail = EIGHT_TERMS(u, u2, u4, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23, 1.0 / 25,
                                    1.0 / 27, 1.0 / 29, 1.0 / 31);
    return (t + t) * (head + (u4 * u4) * tail);
}

/* log(1 + e^-m) and its derivative in m, -1 / (1 + e^m), from e = e^-|m|: nothing overflows and
 * nothing cancels. */
INLINED double logistic_value(double m, double e)
{
    return log1p_unit(e) + (m > 0.0 ? 0.0 : -m);
}

INLINED double logistic_slope(double m, double e)
{
    return (m > 0.0 ? -e : -1.0) / (1.0 + e);
}

CLONED static double logistic(double m, double *slope)
{
    const double e = exp_minus(fabs(m));
    *slope = logistic_slope(m, e);
    return logistic_value(m, e);
}

/* For n rows side by side: z_i <- s_i dloss_i / dz_i (s NULL: all one); returns sum_i s_i loss_i. */
CLONED static double logistic_rows(ptrdiff_t n, const double *y, const double *s, double *z)
{
    double sum = 0.0;
    if (s) {
        SIMD_SUM
        for (ptrdiff_t i = 0; i < n; i++) {
            const double m = y[i] * z[i], e = exp_minus(fabs(m));
            sum += s[i] * logistic_value(m, e);
            z[i] = s[i] * y[i] * logistic_slope(m, e);
        }
    } else {
        SIMD_SUM
        for (ptrdiff_t i = 0; i < n; i++) {
            const double m = y[i] * z[i], e = exp_minus(fabs(m));
            sum += logistic_value(m, e);
            z[i] = y[i] * logistic_slope(m, e);
        }
    }
    return sum;
}

/* The softmax of one row: slopes_c <- softmax_c(z) - [c = y]; returns -log softmax_y(z).  The others
 * are summed up apart, where 1 - softmax_y would cancel.  `slopes` may stand in the place of z. */
CLONED static double softmax(ptrdiff_t k, ptrdiff_t y, const double *z, double *slopes)
{
    double top = z[0], sum = 0.0;
    const double own = z[y];
    for (ptrdiff_t c = 1; c < k; c++)
        top = z[c] > top ? z[c] : top;
    SIMD
    for (ptrdiff_t c = 0; c < k; c++)
        slopes[c] = exp_minus(top - z[c]);
    const double of_own = slopes[y];
    slopes[y] = 0.0;
    SIMD_SUM
    for (ptrdiff_t c = 0; c < k; c++)
        sum += slopes[c];
    const double share = 1.0 / (sum + of_own);
    SIMD
    for (ptrdiff_t c = 0; c < k; c++)
        slopes[c] *= share;
    slopes[y] = -sum * share;
    return own == top ? log1p(sum) : log(sum + of_own) + (top - own);
}

#endif
