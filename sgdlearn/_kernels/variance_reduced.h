/* The two ways in which a coordinate moves in the variance-reduced loops.
 *
 *     w <- prox(w - rate (direct x + g)),      prox(u) = max(lower, S(u, t1) / (1 + t2))
 *
 * S(u, t) = sign(u) max(|u| - t, 0), g the running average of the gradients. A
 * dense row moves every coordinate, in one sweep; a sparse row leaves most of
 * them behind, with x = 0 and g standing still, and so they can make up for any
 * number of steps at once.
 */
#ifndef SGDLEARN_VARIANCE_REDUCED_H
#define SGDLEARN_VARIANCE_REDUCED_H

#include "update_rules.h"
#include "vector.h"

/* out_j <- (x_j - shift_j) scale_j, in double whatever the type of the row */
#define DEFINE_LOAD_ROW(NAME, X)                                               \
    CLONED static void NAME(ptrdiff_t n, const X *x, const double *shift,      \
                            const double *scale, double *restrict out)         \
    {                                                                          \
        SIMD                                                                   \
        for (ptrdiff_t j = 0; j < n; j++)                                      \
            out[j] = ((double)x[j] - shift[j]) * scale[j];                     \
    }

DEFINE_LOAD_ROW(load_row_float, float)
DEFINE_LOAD_ROW(load_row_double, double)

/* w_j <- prox(w_j - rate (direct x_j + g_j)),   g_j <- g_j + step x_j,
 * with shrink_j = 1 / (1 + t2_j): a division less, for a bound of 0 or -infinity */
CLONED static void move_dense(ptrdiff_t n, double rate, double direct, double step,
                              double lower, const double *x, const double *t1,
                              const double *shrink, double *restrict w, double *restrict g)
{
    SIMD
    for (ptrdiff_t j = 0; j < n; j++) {
        const double u = w[j] - rate * (direct * x[j] + g[j]);
        w[j] = proximal_double(u, t1[j], 1.0, lower) * shrink[j];
        g[j] += step * x[j];
    }
}

/* The same without a threshold or a bound: w_j <- (w_j - ...) / (1 + t2_j). */
CLONED static void move_dense_smooth(ptrdiff_t n, double rate, double direct, double step,
                                     const double *x, const double *shrink,
                                     double *restrict w, double *restrict g)
{
    SIMD
    for (ptrdiff_t j = 0; j < n; j++) {
        w[j] = (w[j] - rate * (direct * x[j] + g[j])) * shrink[j];
        g[j] += step * x[j];
    }
}

/* What a sparse run knows of one coordinate. In memory its n_outputs coefficients and its
 * n_outputs entries of g follow: with a single output, all of it within a cache line.          */
typedef struct {
    double seen;   /* updates it has been through */
    double scale;  /* of the metric: the row's entry is x scale */
    double size;   /* by which the penalty measures it: its threshold is threshold size */
    double decay;  /* log(1 + t2), of one step */
    double pull;   /* decay / t2; 1 where t2 = 0 */
    double shrink; /* 1 / (1 + t2) */
} Coordinate;

/* What all coordinates have in common. */
typedef struct {
    double rate;
    double threshold; /* rate l1 */
    double lower;     /* 0 or -infinity */
} Motion;

/* k steps of w <- (w - h) / (1 + t2):
 *
 *     w_k = q w - (1 - q) / t2 h,     q = (1 + t2)^-k = exp(-k decay)          */
INLINED double affine_steps(const Coordinate *at, double k, double w, double h)
{
    const double a = k * at->decay;
    if (a < 1.0 / 128) { /* (1 - q) / a by its series, exact to rounding */
        const double mean = 1 - a * (1.0 / 2 - a * (1.0 / 6 - a * (1.0 / 24 - a * (1.0 / 120))));
        return w - mean * (a * w + k * at->pull * h);
    }
    const double lost = -expm1(-a); /* 1 - q */
    return w - lost * (w + at->pull / at->decay * h);
}

/* k steps of w <- prox(w - g) = S(w - g, t1) / (1 + t2) across zero: from a w on the side of
 * `sign` to the other one, where it stays. Whole steps up to just before zero go at once.       */
static double coast_across(const Coordinate *at, double k, double w, double g, double t1,
                           double sign)
{
    const double h = t1 + sign * g, size = fabs(w);
    const double meets = at->decay > 0.0 ? log1p(size * at->decay / (at->pull * h)) / at->decay
                                         : size / h;
    const double whole = fmin(fmax(ceil(meets) - 2.0, 0.0), k);
    w = sign * affine_steps(at, whole, size, h);
    for (k -= whole; k > 0.0 && sign * w > 0.0; k -= 1.0)
        w = proximal_double(w - g, t1, 1.0, -INFINITY) * at->shrink;
    return -sign * affine_steps(at, k, fabs(w), t1 - sign * g);
}

/* k steps of w <- prox(w - g), g standing still.
 *
 * On one side of zero the step is affine in |w|, with h = t1 + sign(w) g. Where that would end
 * beyond zero it has met zero on its way, and either stays there or goes on to the other side.  */
INLINED double coast(const Coordinate *at, const Motion *motion, double k, double w, double g)
{
    if (motion->threshold == 0.0 && motion->lower < 0.0)
        return affine_steps(at, k, w, g);
    const double t1 = motion->threshold * at->size;
    if (motion->lower == 0.0)
        return fmax(affine_steps(at, k, w, t1 + g), 0.0);
    const double sign = w > 0.0 || (w == 0.0 && g <= 0.0) ? 1.0 : -1.0;
    const double end = affine_steps(at, k, fabs(w), t1 + sign * g);
    if (end > 0.0)
        return sign * end;
    return fabs(g) <= t1 ? 0.0 : coast_across(at, k, w, g, t1, sign);
}

/* Bring a coordinate to the present update. */
INLINED void catch_up_coordinate(Coordinate *at, const Motion *motion, double clock,
                                 const ptrdiff_t k)
{
    const double missed = clock - at->seen;
    double *w = (double *)(at + 1), *g = w + k;
    if (missed > 0.0)
        for (ptrdiff_t c = 0; c < k; c++)
            w[c] = coast(at, motion, missed, w[c], motion->rate * g[c]);
    at->seen = clock;
}

/* z_c <- z_c + sum_j w_cj x_j over a row's entries, brought to the present update first */
#define PREDICT_SPARSE(K)                                                      \
    for (ptrdiff_t entry = 0; entry < n; entry++) {                            \
        Coordinate *at = (Coordinate *)(records + index[entry] * stride);      \
        const double *w = (const double *)(at + 1);                            \
        const double x = at->scale * (double)data[entry];                      \
        catch_up_coordinate(at, motion, clock, K);                             \
        for (ptrdiff_t c = 0; c < K; c++)                                      \
            z[c] += x * w[c];                                                  \
    }

/* w_cj <- prox(w_cj - rate (direct_c x_j + g_cj)),   g_cj <- g_cj + step_c x_j over a row's
 * entries; at rate 0 only g moves                                              */
#define MOVE_SPARSE(K)                                                         \
    for (ptrdiff_t entry = 0; entry < n; entry++) {                            \
        Coordinate *at = (Coordinate *)(records + index[entry] * stride);      \
        double *w = (double *)(at + 1), *g = w + K;                            \
        const double x = at->scale * (double)data[entry];                      \
        const double t1 = motion->threshold * at->size;                       \
        if (motion->rate != 0.0) {                                             \
            at->seen += 1.0;                                                   \
            for (ptrdiff_t c = 0; c < K; c++) {                                \
                const double u = w[c] - motion->rate * (direct[c] * x + g[c]); \
                w[c] = proximal_double(u, t1, 1.0, motion->lower) * at->shrink; \
            }                                                                  \
        }                                                                      \
        for (ptrdiff_t c = 0; c < K; c++)                                      \
            g[c] += step[c] * x;                                               \
    }

#define DEFINE_SPARSE_VISIT(SUFFIX, X, INDEX)                                  \
    CLONED static void predict_sparse_##SUFFIX(                                \
        ptrdiff_t n, const X *data, const INDEX *index, double *records,       \
        ptrdiff_t stride, ptrdiff_t k, const Motion *motion, double clock,     \
        double *restrict z)                                                    \
    {                                                                          \
        if (k == 1)                                                            \
            PREDICT_SPARSE(1)                                                  \
        else                                                                   \
            PREDICT_SPARSE(k)                                                  \
    }                                                                          \
    CLONED static void move_sparse_##SUFFIX(                                   \
        ptrdiff_t n, const X *data, const INDEX *index, double *records,       \
        ptrdiff_t stride, ptrdiff_t k, const Motion *motion,                   \
        const double *restrict direct, const double *restrict step)            \
    {                                                                          \
        if (k == 1)                                                            \
            MOVE_SPARSE(1)                                                     \
        else                                                                   \
            MOVE_SPARSE(k)                                                     \
    }

DEFINE_SPARSE_VISIT(float_int, float, int)
DEFINE_SPARSE_VISIT(float_long, float, long long)
DEFINE_SPARSE_VISIT(double_int, double, int)
DEFINE_SPARSE_VISIT(double_long, double, long long)

#endif
