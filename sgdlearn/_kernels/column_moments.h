/* The inner loops of column_moments.pyx and row_squares.pyx over dense rows. */
#ifndef SGDLEARN_COLUMN_MOMENTS_H
#define SGDLEARN_COLUMN_MOMENTS_H

#include "vector.h"

/* So many rows are summed up before the running sums are touched. */
#define ROWS_AT_ONCE 4

/* weight += s,  first += s d,  second += s d^2  with d = x - reference, unless x = 0 */
#define ADD_ENTRY(X, S)                                                        \
    {                                                                          \
        const double x_ = (double)(X);                                         \
        const double s_ = x_ != 0 ? (S) : 0;                                   \
        const double d = x_ - reference[j];                                    \
        w += s_;                                                               \
        w_d += s_ * d;                                                         \
        w_d2 += s_ * d * d;                                                    \
    }

/* Add the entries of one column, column after column, to the running sums. */
#define ADD_TO_COLUMNS(ENTRIES)                                                \
    SIMD                                                                       \
    for (ptrdiff_t j = 0; j < p; j++) {                                        \
        double w = 0, w_d = 0, w_d2 = 0;                                       \
        ENTRIES                                                                \
        weight[j] += w;                                                        \
        first[j] += w_d;                                                       \
        second[j] += w_d2;                                                     \
    }

#define DEFINE_ADD_ROWS(T)                                                     \
    CLONED static void add_row_##T(ptrdiff_t p, const T *x, const double *s,   \
                                   const double *reference,                    \
                                   double *restrict weight,                    \
                                   double *restrict first,                     \
                                   double *restrict second)                    \
    {                                                                          \
        const double s0 = s[0];                                                \
        ADD_TO_COLUMNS(ADD_ENTRY(x[j], s0))                                    \
    }                                                                          \
    CLONED static void add_rows_##T(ptrdiff_t p, const T *x, const double *s,  \
                                    const double *reference,                   \
                                    double *restrict weight,                   \
                                    double *restrict first,                    \
                                    double *restrict second)                   \
    {                                                                          \
        const T *x1 = x + p, *x2 = x1 + p, *x3 = x2 + p;                       \
        const double s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3];               \
        ADD_TO_COLUMNS(ADD_ENTRY(x[j], s0) ADD_ENTRY(x1[j], s1)                \
                       ADD_ENTRY(x2[j], s2) ADD_ENTRY(x3[j], s3))              \
    }

DEFINE_ADD_ROWS(float)
DEFINE_ADD_ROWS(double)

/* sum_j ((x_j - shift_j) scale_j)^2 */
#define DEFINE_SQUARE(NAME, T)                                                 \
    CLONED static double NAME(ptrdiff_t p, const T *x, const double *shift,    \
                              const double *scale)                             \
    {                                                                          \
        double sum = 0;                                                        \
        SIMD_SUM                                                               \
        for (ptrdiff_t j = 0; j < p; j++) {                                    \
            const double v = ((double)x[j] - shift[j]) * scale[j];             \
            sum += v * v;                                                      \
        }                                                                      \
        return sum;                                                            \
    }

DEFINE_SQUARE(square_float, float)
DEFINE_SQUARE(square_double, double)

#endif
