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
#include <string.h>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && \
    !defined(__clang__) && __GNUC__ >= 12
#define CLONED __attribute__((target_clones("arch=x86-64-v3", "default"), unused))
#elif defined(__GNUC__)
#define CLONED __attribute__((unused))
#else
#define CLONED
#endif

/* Numbers side by side, anywhere in memory: float_lanes and double_lanes, as many as an AVX2 register
 * holds; float_four and double_four, four. A compiler without vectors takes one at a time. */
#if defined(__GNUC__)
#define INLINED static inline __attribute__((always_inline, unused))
#define SIMD _Pragma("omp simd")
#define SIMD_SUM _Pragma("omp simd reduction(+ : sum)")
#define PREFETCH(address) __builtin_prefetch(address)
#define PREFETCH_FAR(address) __builtin_prefetch(address, 0, 2)
#define VECTOR(T, SIZE) __attribute__((vector_size(SIZE), aligned(sizeof(T)), may_alias))
#define FOUR 4
typedef float float_lanes VECTOR(float, 32);
typedef float float_four VECTOR(float, 16);
typedef double double_lanes VECTOR(double, 32);
typedef double_lanes double_four;
#define WIDENED(x) __builtin_convertvector(*(const float_four *)(x), double_four)
#define PICKED(T, w, index)                                                    \
    ((T##_four){(w)[(index)[0]], (w)[(index)[1]], (w)[(index)[2]], (w)[(index)[3]]})
#else
#define INLINED static inline
#define SIMD
#define SIMD_SUM
#define PREFETCH(address) ((void)0)
#define PREFETCH_FAR(address) ((void)0)
#define FOUR 1
typedef float float_lanes, float_four;
typedef double double_lanes, double_four;
#define WIDENED(x) ((double)*(x))
#define PICKED(T, w, index) ((w)[(index)[0]])
#endif
#define FLOATS(x) (*(const float_lanes *)(x))
#define DOUBLES(x) (*(const double_lanes *)(x))

/* sum <- that of n lanes, n a power of 2, in pairs */
#define SUM_LANES(T, n, lanes, sum)                                            \
    do {                                                                       \
        T lane[n];                                                             \
        memcpy(lane, &(lanes), sizeof lane);                                   \
        for (int half = (n) / 2; half > 0; half /= 2)                          \
            for (int l = 0; l < half; l++)                                     \
                lane[l] += lane[l + half];                                     \
        (sum) = lane[0];                                                       \
    } while (0)

#define CACHE_LINE 64

/* Ask for memory: SOON, what is read next, to be at hand (L1); LATER, what comes after, to be near
 * (L2), where far more may be on its way.  Macros, since gcc takes a function that does nothing else
 * for one that does nothing. */
#define PREFETCH_SOON(start, size)                                             \
    for (ptrdiff_t at = 0; at < (size); at += CACHE_LINE)                      \
        PREFETCH((const char *)(start) + at)
#define PREFETCH_LATER(start, size)                                            \
    for (ptrdiff_t at = 0; at < (size); at += CACHE_LINE)                      \
        PREFETCH_FAR((const char *)(start) + at)

/* Sums of float products are kept in float over this many terms, then added
 * up in double: fast, and no less exact for long rows than for short ones. */
#define SUM_BLOCK 2048

/* sum_j x_j w_j: four running sums, each of a register's lanes, so that an addition need not wait
 * for the one before it.  NAME_ahead asks, line by line on its way, for n_later numbers of a later
 * row to be near: all at once such requests would stand in each other's way. */
#define DEFINE_DOT(NAME, X, W, SUM, XS, WS)                                    \
    INLINED double NAME##_asking(ptrdiff_t n, const X *x, const W *w,          \
                                 const X *later, ptrdiff_t n_later)            \
    {                                                                          \
        enum { WIDTH = sizeof(SUM##_lanes) / sizeof(SUM), LINE = CACHE_LINE / sizeof(X) }; \
        double total = 0.0;                                                    \
        ptrdiff_t asked = 0;                                                   \
        for (ptrdiff_t j = 0; j < n;) {                                        \
            const ptrdiff_t stop = n - j < SUM_BLOCK ? n : j + SUM_BLOCK;      \
            SUM##_lanes a = {0}, b = {0}, c = {0}, d = {0};                    \
            SUM sum, rest = 0;                                                 \
            for (; j + 4 * WIDTH <= stop; j += 4 * WIDTH) {                    \
                for (; asked < n_later && asked < j + 4 * WIDTH; asked += LINE) \
                    PREFETCH_FAR(later + asked);                               \
                a += XS(x + j) * WS(w + j);                                    \
                b += XS(x + j + WIDTH) * WS(w + j + WIDTH);                    \
                c += XS(x + j + 2 * WIDTH) * WS(w + j + 2 * WIDTH);            \
                d += XS(x + j + 3 * WIDTH) * WS(w + j + 3 * WIDTH);            \
            }                                                                  \
            for (; j + WIDTH <= stop; j += WIDTH)                              \
                a += XS(x + j) * WS(w + j);                                    \
            for (; j < stop; j++)                                              \
                rest += (SUM)x[j] * (SUM)w[j];                                 \
            a = (a + b) + (c + d);                                             \
            SUM_LANES(SUM, WIDTH, a, sum);                                     \
            total += (double)(sum + rest);                                     \
        }                                                                      \
        for (; asked < n_later; asked += LINE)                                 \
            PREFETCH_FAR(later + asked);                                       \
        return total;                                                          \
    }                                                                          \
    CLONED static double NAME(ptrdiff_t n, const X *x, const W *w)             \
    {                                                                          \
        return NAME##_asking(n, x, w, x, 0);                                   \
    }                                                                          \
    CLONED static double NAME##_ahead(ptrdiff_t n, const X *x, const W *w,     \
                                      const X *later, ptrdiff_t n_later)       \
    {                                                                          \
        return NAME##_asking(n, x, w, later, n_later);                         \
    }

DEFINE_DOT(dot_float_float, float, float, float, FLOATS, FLOATS)
DEFINE_DOT(dot_double_double, double, double, double, DOUBLES, DOUBLES)
DEFINE_DOT(dot_float_double, float, double, double, WIDENED, DOUBLES)

/* sum_j (x_j - y_j)^2 */
#define DEFINE_DISTANCE(NAME, T)                                               \
    CLONED static double NAME(ptrdiff_t n, const T *x, const T *y)             \
    {                                                                          \
        double sum = 0.0;                                                      \
        SIMD_SUM                                                               \
        for (ptrdiff_t j = 0; j < n; j++)                                      \
            sum += ((double)x[j] - (double)y[j]) * ((double)x[j] - (double)y[j]); \
        return sum;                                                            \
    }

DEFINE_DISTANCE(square_distance_float, float)
DEFINE_DISTANCE(square_distance_double, double)

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

/* sum_i x_i w_{index_i}, over the entries of a sparse row, in two running sums of four lanes; and
 * w_{index_i} <- w_{index_i} + a x_i */
#define DEFINE_SPARSE(SUFFIX, T, INDEX)                                        \
    CLONED static double gather_dot_##SUFFIX(ptrdiff_t n, const INDEX *index,  \
                                             const T *x, const T *w)           \
    {                                                                          \
        T##_four a = {0}, b = {0};                                             \
        T sum, rest = 0;                                                       \
        ptrdiff_t i = 0;                                                       \
        for (; i + 2 * FOUR <= n; i += 2 * FOUR) {                             \
            a += *(const T##_four *)(x + i) * PICKED(T, w, index + i);         \
            b += *(const T##_four *)(x + i + FOUR) * PICKED(T, w, index + i + FOUR); \
        }                                                                      \
        if (i + FOUR <= n) {                                                   \
            a += *(const T##_four *)(x + i) * PICKED(T, w, index + i);         \
            i += FOUR;                                                         \
        }                                                                      \
        for (; i < n; i++)                                                     \
            rest += x[i] * w[index[i]];                                        \
        a += b;                                                                \
        SUM_LANES(T, FOUR, a, sum);                                            \
        return (double)(sum + rest);                                           \
    }                                                                          \
    CLONED static void scatter_axpy_##SUFFIX(ptrdiff_t n, double a,            \
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
