/* Short sparse rows, some at a time: their entries lie side by side, and go through loops that do
 * not end with each row, where the processor would guess wrong. A row is summed in an order that its
 * own length alone decides.
 */
#ifndef SGDLEARN_ROW_BLOCKS_H
#define SGDLEARN_ROW_BLOCKS_H

#include "vector.h"

#define BLOCK_ROWS 32
#define SHORT_ROW 32 /* entries, at the most */
#define RUN 16       /* entries of a row that are summed at once */

#if defined(__GNUC__)
typedef long long mask_four __attribute__((vector_size(32), aligned(8), may_alias));
static const long long KEPT[2 * RUN] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};
/* the four at x, with zeros for those from n on */
#define HELD(x, n) ((double_four)(*(const mask_four *)(x) & *(const mask_four *)(KEPT + RUN - (n))))
#else
#define HELD(x, n) ((n) > 0 ? *(x) : 0.0)
#endif

/* sum_i x_i over n numbers with RUN more to be read behind them */
INLINED double sum_of_run(ptrdiff_t n, const double *x)
{
    double_four a = {0}, b = {0};
    double sum;
    for (; n > RUN; n -= RUN, x += RUN)
        for (ptrdiff_t i = 0; i < RUN; i += 2 * FOUR) {
            a += DOUBLES(x + i);
            b += DOUBLES(x + i + FOUR);
        }
    for (ptrdiff_t i = 0; i < RUN; i += 2 * FOUR) {
        a += HELD(x + i, n - i);
        b += HELD(x + i + FOUR, n - i - FOUR);
    }
    a += b;
    SUM_LANES(double, FOUR, a, sum);
    return sum;
}

/* z_i <- b + sum_e x_e w_{index_e},   g_{index_e} <- g_{index_e} + s_i x_e;   m rows of a block */
#define DEFINE_ROW_BLOCKS(SUFFIX, T, INDEX)                                    \
    CLONED static void block_dots_##SUFFIX(ptrdiff_t m, const INDEX *indptr,   \
                                           const INDEX *index, const T *x,     \
                                           const double *w, double b, double *z) \
    {                                                                          \
        const INDEX first = indptr[0];                                         \
        const ptrdiff_t n = indptr[m] - first;                                 \
        double terms[BLOCK_ROWS * SHORT_ROW + RUN];                                     \
        index += first, x += first;                                            \
        for (ptrdiff_t e = 0; e < n; e++)                                      \
            terms[e] = x[e] * w[index[e]];                                     \
        memset(terms + n, 0, RUN * sizeof(double));                            \
        for (ptrdiff_t i = 0; i < m; i++)                                      \
            z[i] = b + sum_of_run(indptr[i + 1] - indptr[i], terms + (indptr[i] - first)); \
    }                                                                          \
    CLONED static void block_axpys_##SUFFIX(ptrdiff_t m, const INDEX *indptr,  \
                                            const INDEX *index, const T *x,    \
                                            const double *s, double *g)        \
    {                                                                          \
        const INDEX first = indptr[0];                                         \
        const ptrdiff_t n = indptr[m] - first;                                 \
        double slopes[BLOCK_ROWS * SHORT_ROW + RUN];                                    \
        index += first, x += first;                                            \
        for (ptrdiff_t i = 0; i < m; i++) { /* what goes too far is written over */ \
            double *row = slopes + (indptr[i] - first);                        \
            for (ptrdiff_t left = indptr[i + 1] - indptr[i]; left > 0; left -= RUN, row += RUN) \
                for (ptrdiff_t l = 0; l < RUN; l++)                            \
                    row[l] = s[i];                                             \
        }                                                                      \
        for (ptrdiff_t e = 0; e < n; e++)                                      \
            g[index[e]] += slopes[e] * x[e];                                   \
    }

DEFINE_ROW_BLOCKS(float_int, float, int)
DEFINE_ROW_BLOCKS(float_long, float, long long)
DEFINE_ROW_BLOCKS(double_int, double, int)
DEFINE_ROW_BLOCKS(double_long, double, long long)

#endif
