/* Vector primitives: the loops in which the time goes.
 *
 * Each is compiled twice where the platform can choose at load time (x86-64
 * with glibc and gcc): once for AVX2 + FMA and once for the baseline.  Sums are
 * reordered only where `omp simd reduction` says so, and always in the same
 * way for the same length, so that equal rows give equal bits wherever they
 * stand in memory.
 */
#ifndef SGDLEARN_VECTOR_H
#define SGDLEARN_VECTOR_H

#include <math.h>
#include <stddef.h>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && \
    !defined(__clang__) && __GNUC__ >= 12
#define CLONED __attribute__((target_clones("arch=x86-64-v3", "default"), unused))
#elif defined(__GNUC__)
#define CLONED __attribute__((unused))
#else
#define CLONED
#endif

#if defined(__GNUC__)
#define SIMD_SUM(...) _Pragma("omp simd reduction(+ : sum)")
#define SIMD _Pragma("omp simd")
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define SIMD_SUM(...)
#define SIMD
#define PREFETCH(address) ((void)0)
#endif

/* Sums of float products are kept in float over this many terms, then added
 * up in double: fast, and no less exact for long rows than for short ones. */
#define SUM_BLOCK 2048

/* sum_j x_j w_j */
#define DEFINE_DOT(NAME, X, W, SUM)                                            \
    CLONED static double NAME(ptrdiff_t n, const X *x, const W *w)             \
    {                                                                          \
        double total = 0.0;                                                    \
        for (ptrdiff_t start = 0; start < n; start += SUM_BLOCK) {             \
            const ptrdiff_t stop = n - start < SUM_BLOCK ? n : start + SUM_BLOCK; \
            SUM sum = 0;                                                       \
            SIMD_SUM()                                                         \
            for (ptrdiff_t j = start; j < stop; j++)                           \
                sum += (SUM)x[j] * (SUM)w[j];                                  \
            total += (double)sum;                                              \
        }                                                                      \
        return total;                                                          \
    }

DEFINE_DOT(dot_float_float, float, float, float)
DEFINE_DOT(dot_double_double, double, double, double)
DEFINE_DOT(dot_float_double, float, double, double)

/* y_j <- y_j + a x_j */
#define DEFINE_AXPY(NAME, X, Y)                                                \
    CLONED static void NAME(ptrdiff_t n, double a, const X *x, Y *restrict y)  \
    {                                                                          \
        const Y scale = (Y)a;                                                  \
        SIMD                                                                   \
        for (ptrdiff_t j = 0; j < n; j++)                                      \
            y[j] += scale * (Y)x[j];                                           \
    }

DEFINE_AXPY(axpy_float_float, float, float)
DEFINE_AXPY(axpy_double_double, double, double)
DEFINE_AXPY(axpy_float_double, float, double)

/* out_j <- (x_j - shift_j) scale_j: a row in the coordinates of the metric */
#define DEFINE_STANDARDIZE(NAME, T)                                            \
    CLONED static void NAME(ptrdiff_t n, const T *x, const T *shift,           \
                            const T *scale, T *restrict out)                   \
    {                                                                          \
        SIMD                                                                   \
        for (ptrdiff_t j = 0; j < n; j++)                                      \
            out[j] = (x[j] - shift[j]) * scale[j];                             \
    }

DEFINE_STANDARDIZE(standardize_float, float)
DEFINE_STANDARDIZE(standardize_double, double)

/* sum_i x_i w_{index_i}, over the entries of a sparse row, in four interleaved sums; and
 * w_{index_i} <- w_{index_i} + a x_i */
#define DEFINE_SPARSE(SUFFIX, T, INDEX)                                        \
    static inline double gather_dot_##SUFFIX(ptrdiff_t n, const INDEX *index,  \
                                             const T *x, const T *w)           \
    {                                                                          \
        T a = 0, b = 0, c = 0, d = 0;                                          \
        ptrdiff_t i = 0;                                                       \
        for (; i + 4 <= n; i += 4) {                                           \
            a += x[i] * w[index[i]];                                           \
            b += x[i + 1] * w[index[i + 1]];                                   \
            c += x[i + 2] * w[index[i + 2]];                                   \
            d += x[i + 3] * w[index[i + 3]];                                   \
        }                                                                      \
        for (; i < n; i++)                                                     \
            a += x[i] * w[index[i]];                                           \
        return (double)(a + b) + (double)(c + d);                              \
    }                                                                          \
    static inline void scatter_axpy_##SUFFIX(ptrdiff_t n, double a,            \
                                             const INDEX *index, const T *x,   \
                                             T *w)                             \
    {                                                                          \
        const T scale = (T)a;                                                  \
        for (ptrdiff_t i = 0; i < n; i++)                                      \
            w[index[i]] += scale * x[i];                                       \
    }

DEFINE_SPARSE(float_int, float, int)
DEFINE_SPARSE(float_long, float, long long)
DEFINE_SPARSE(double_int, double, int)
DEFINE_SPARSE(double_long, double, long long)

#endif
