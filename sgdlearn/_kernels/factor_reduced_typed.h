/* The body of factor_reduced.h, for one element type T. */

#define LANES NAME_TYPE(T, lanes)
#define FOURS NAME_TYPE(T, four_numbers)
#define NAME_TYPE(T, kind) NAME_TYPE_(T, kind)
#define NAME_TYPE_(T, kind) T##_##kind
#define AT(x) (*(LANES *)(x))

/* A rating that is met: its rows, its target and the mean that it adds to. */
typedef struct {
    T *p, *q;
    double y, mean;
    T s, rate;
} NAME(Met);

/* The update of `count` ratings, 1 or 2, that share no row; returns the sum of s loss.  Two side by
 * side, since one waits for its own numbers most of the time. */
INLINED double NAME(reduced_update)(const ReducedMethod *method, const int squared,
                                    const int bounded, const int count, const NAME(Met) *met)
{
    enum { WIDTH = sizeof(LANES) / sizeof(T) };
    const ptrdiff_t width = method->width;
    T dot[2], p_square[2], q_square[2];
    EACH_OF(count) {
        const T *p = met[e].p, *q = met[e].q;
        LANES pq = {0}, pp = {0}, qq = {0}, pq2 = {0}, pp2 = {0}, qq2 = {0};
        ptrdiff_t j = 0;
        for (; j + 2 * WIDTH <= width; j += 2 * WIDTH) {
            const LANES a = AT(p + j), b = AT(q + j), c = AT(p + j + WIDTH), d = AT(q + j + WIDTH);
            pq += a * b, pp += a * a, qq += b * b;
            pq2 += c * d, pp2 += c * c, qq2 += d * d;
        }
        if (j < width) {
            const LANES a = AT(p + j), b = AT(q + j);
            pq += a * b, pp += a * a, qq += b * b;
        }
        NAME(sums)(pq + pq2, pp + pp2, qq + qq2, &dot[e], &p_square[e], &q_square[e]);
    }

    double total = 0.0;
    T p_keep[2], p_add[2], q_keep[2], q_add[2];
    EACH_OF(count) {
        const T s = met[e].s, rate = met[e].rate, bias_rate = rate * (T)method->bias_rate;
        T *u = met[e].p + width, *v = met[e].q + width;
        const T b_u = u[BIAS], b_v = v[BIAS];
        double value, slope;
        if (squared)
            value = squared_error((double)((T)(met[e].mean - met[e].y) + (b_u + b_v) + dot[e]),
                                  &slope);
        else
            value = method->loss(method->spec, met[e].y,
                                 met[e].mean + (double)b_u + (double)b_v + (double)dot[e], &slope);
        total += s * value;

        /* Of p, q, b_u and b_v side by side, 1 being a bias's other and its k:
         * |g|^2 / k = (l^2 |other|^2 + 2 l alpha <own, other> + alpha^2 |own|^2) / k */
        const T l = s * (T)slope, per = 1 / (T)method->k;
        const T a = s * (T)method->alpha, a_bias = s * (T)method->alpha_bias;
        const FOURS alpha = {a, a, a_bias, a_bias}, share = {per, per, 1, 1};
        const FOURS rates = {rate, rate, bias_rate, bias_rate};
        const FOURS other = {q_square[e], p_square[e], 1, 1}, both = {dot[e], dot[e], b_u, b_v};
        const FOURS own = {p_square[e], q_square[e], b_u * b_u, b_v * b_v};
        FOURS squares = {u[SQUARES], v[SQUARES], u[BIAS_SQUARES], v[BIAS_SQUARES]};
        FOURS keep, add;
        SIMD
        for (int i = 0; i < 4; i++) {
            const T cross = 2 * alpha[i] * share[i] * both[i];
            const T penalty = alpha[i] * alpha[i] * share[i] * own[i];
            const T square = (share[i] * other[i] * l + cross) * l + penalty;
            /* rounding can leave the square of nearly nothing below it; nan stays nan */
            squares[i] += square < 0 ? 0 : square;
            const T step = rates[i] / SQRT(squares[i]);
            keep[i] = 1 - step * alpha[i];
            add[i] = step * l;
        }
        u[BIAS] = keep[2] * b_u - add[2];
        v[BIAS] = keep[3] * b_v - add[3];
        u[SQUARES] = squares[0];
        v[SQUARES] = squares[1];
        u[BIAS_SQUARES] = squares[2];
        v[BIAS_SQUARES] = squares[3];
        p_keep[e] = keep[0], p_add[e] = add[0];
        q_keep[e] = keep[1], q_add[e] = add[1];
    }

    EACH_OF(count) {
        T *p = met[e].p, *q = met[e].q;
        for (ptrdiff_t j = 0; j < width; j += WIDTH) {
            const LANES x = AT(p + j), w = AT(q + j);
            AT(p + j) = p_keep[e] * x - p_add[e] * w;
            AT(q + j) = q_keep[e] * w - q_add[e] * x;
        }
        if (bounded) {
            const T lower = (T)method->lower;
            SIMD
            for (ptrdiff_t j = 0; j < width; j++) {
                p[j] = p[j] < lower ? lower : p[j];
                q[j] = q[j] < lower ? lower : q[j];
            }
        }
    }
    return total;
}

/* Rating i, with the rows of one that comes later asked for. */
INLINED NAME(Met) NAME(meet)(const ReducedMethod *method, const FactorRatings *ratings,
                             const T *targets, const T *weights, T *P, T *Q, Constant *constant,
                             const ptrdiff_t i)
{
    const int *users = ratings->users, *items = ratings->items;
    const ptrdiff_t n = ratings->n, ahead = i + AHEAD < n ? i + AHEAD : n - 1;
    const ptrdiff_t stride = method->stride;
    const ptrdiff_t bytes = (method->width + SQUARES + 1) * (ptrdiff_t)sizeof(T);
    PREFETCH_SOON(P + stride * users[ahead], bytes);
    PREFETCH_SOON(Q + stride * items[ahead], bytes);
    NAME(Met) met = {P + stride * users[i], Q + stride * items[i], targets[i], method->mean, 1,
                     (T)ratings->rates[ratings->rate_step * i]};
    if (weights)
        met.s = weights[i];
    if (constant)
        met.mean = follow_constant(constant, met.y, met.s);
    return met;
}

/* Ratings in their order; update number t is the first.  Returns sum_i s_i loss_i. */
INLINED double NAME(reduced_loop)(const ReducedMethod *given, const int squared,
                                  const int bounded, const ptrdiff_t width,
                                  const FactorRatings *given_ratings, const T *targets,
                                  const T *weights, T *P, T *Q, Constant *constant,
                                  const Sampler *sampler)
{
    ReducedMethod method = *given;
    method.width = width; /* which the compiler may know */
    const FactorRatings ratings = *given_ratings;
    const int *users = ratings.users, *items = ratings.items;
    const ptrdiff_t n = ratings.n;
    double total = 0.0;
    for (ptrdiff_t i = 0; i < n;) {
        NAME(Met) met[2];
        met[0] = NAME(meet)(&method, &ratings, targets, weights, P, Q, constant, i);
        if (!sampler && i + 1 < n && users[i] != users[i + 1] && items[i] != items[i + 1]) {
            met[1] = NAME(meet)(&method, &ratings, targets, weights, P, Q, constant, i + 1);
            total += NAME(reduced_update)(&method, squared, bounded, 2, met);
            i += 2;
            continue;
        }
        total += NAME(reduced_update)(&method, squared, bounded, 1, met);
        if (sampler && targets[i] > 0)
            for (int which = 0; which < sampler->count; which++) {
                const int item = draw_negative(sampler, users[i], ratings.first_update + i, which);
                if (item < 0)
                    continue;
                met[0].q = Q + method.stride * item, met[0].y = NEGATIVE;
                total += NAME(reduced_update)(&method, squared, bounded, 1, met);
            }
        i++;
    }
    return total;
}

CLONED static double NAME(reduced_pass)(const ReducedMethod *method, const FactorRatings *ratings,
                                        const T *targets, const T *weights, T *P, T *Q,
                                        Constant *constant, const Sampler *sampler)
{
    const int bounded = method->lower == 0.0;
    const ptrdiff_t width = method->width;
    if (method->loss)
        return NAME(reduced_loop)(method, 0, bounded, width, ratings, targets, weights, P, Q,
                                  constant, sampler);
    if (bounded || constant || weights)
        return NAME(reduced_loop)(method, 1, bounded, width, ratings, targets, weights, P, Q,
                                  constant, NULL);
#define PLAIN(width)                                                                           \
    NAME(reduced_loop)(method, 1, 0, width, ratings, targets, NULL, P, Q, NULL, NULL)
    switch (width) {
    case 16:
        return PLAIN(16);
    case 32:
        return PLAIN(32);
    case 64:
        return PLAIN(64);
    default:
        return PLAIN(width);
    }
#undef PLAIN
}

#undef LANES
#undef FOURS
#undef NAME_TYPE
#undef NAME_TYPE_
#undef AT
