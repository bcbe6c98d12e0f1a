/* The body of factor_reduced.h, for one element type T. */

#define LANES NAME_LANES(T)
#define NAME_LANES(T) NAME_LANES_(T)
#define NAME_LANES_(T) T##_lanes
#define AT(x) (*(LANES *)(x))

/* The update of one rating; returns its loss. */
INLINED double NAME(reduced_update)(const ReducedMethod *method, const int squared,
                                    const int bounded, T *p, T *q, double y, T s, T rate)
{
    enum { WIDTH = sizeof(LANES) / sizeof(T) };
    const ptrdiff_t width = method->width;
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
    pq += pq2, pp += pp2, qq += qq2;
    const T dot = NAME(sum)(pq), pp_ = NAME(sum)(pp), qq_ = NAME(sum)(qq);
    T *u = p + width, *v = q + width;

    const T b_u = u[BIAS], b_v = v[BIAS];
    double value;
    T slope;
    if (squared) {
        double residual;
        value = squared_error((double)((T)(method->mean - y) + (b_u + b_v) + dot), &residual);
        slope = (T)residual;
    } else {
        double slope_;
        const double z = method->mean + (double)b_u + (double)b_v + (double)dot;
        value = method->loss(method->spec, y, z, &slope_);
        slope = (T)slope_;
    }
    slope *= s;
    const T alpha = s * (T)method->alpha, alpha_bias = s * (T)method->alpha_bias;
    const T bias_rate = rate * (T)method->bias_rate;
    const T cross = 2 * slope * alpha * dot, per = 1 / (T)method->k;
    const T p_square = (slope * slope * qq_ + cross + alpha * alpha * pp_) * per;
    const T q_square = (slope * slope * pp_ + cross + alpha * alpha * qq_) * per;
    const T a = slope + alpha_bias * b_u, b = slope + alpha_bias * b_v;
    /* rounding can leave the square of nearly nothing below it; nan stays nan */
    T sum[4] = {p_square < 0 ? 0 : p_square, q_square < 0 ? 0 : q_square, a * a, b * b};
    T step[4];
    sum[0] += u[SQUARES];
    sum[1] += v[SQUARES];
    sum[2] += u[BIAS_SQUARES];
    sum[3] += v[BIAS_SQUARES];
    SIMD
    for (int i = 0; i < 4; i++)
        step[i] = 1 / SQRT(sum[i]);
    const T p_rate = rate * step[0], q_rate = rate * step[1];
    u[BIAS] = b_u - bias_rate * step[2] * a;
    v[BIAS] = b_v - bias_rate * step[3] * b;
    u[SQUARES] = sum[0];
    v[SQUARES] = sum[1];
    u[BIAS_SQUARES] = sum[2];
    v[BIAS_SQUARES] = sum[3];

    const T p_keep = 1 - p_rate * alpha, q_keep = 1 - q_rate * alpha;
    const T p_add = p_rate * slope, q_add = q_rate * slope;
    for (j = 0; j < width; j += WIDTH) {
        const LANES x = AT(p + j), w = AT(q + j);
        AT(p + j) = p_keep * x - p_add * w;
        AT(q + j) = q_keep * w - q_add * x;
    }
    if (bounded) {
        const T lower = (T)method->lower;
        SIMD
        for (j = 0; j < width; j++) {
            p[j] = p[j] < lower ? lower : p[j];
            q[j] = q[j] < lower ? lower : q[j];
        }
    }
    return value;
}

/* Ratings in their order; update number t is the first.  Returns sum_i s_i loss_i. */
INLINED double NAME(reduced_loop)(const ReducedMethod *given, const int squared,
                                  const int bounded, const FactorRatings *ratings,
                                  const T *targets, const T *weights, T *P, T *Q,
                                  Constant *constant, const Sampler *sampler)
{
    ReducedMethod method = *given;
    const ptrdiff_t n = ratings->n, stride = method.stride;
    const ptrdiff_t bytes = (method.width + SQUARES + 1) * (ptrdiff_t)sizeof(T);
    double total = 0.0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const ptrdiff_t ahead = i + AHEAD < n ? i + AHEAD : n - 1;
        PREFETCH_SOON(P + stride * ratings->users[ahead], bytes);
        PREFETCH_SOON(Q + stride * ratings->items[ahead], bytes);
        const int user = ratings->users[i];
        T *p = P + stride * user;
        const T s = weights ? weights[i] : 1;
        const T rate = (T)ratings->rates[ratings->rate_step * i];
        const double y = targets[i];
        if (constant)
            method.mean = follow_constant(constant, y, s);
        total += s * NAME(reduced_update)(&method, squared, bounded, p,
                                          Q + stride * ratings->items[i], y, s, rate);
        if (sampler && y > 0)
            for (int which = 0; which < sampler->count; which++) {
                const unsigned long long t = ratings->first_update + i;
                const int item = draw_negative(sampler, user, t, which);
                if (item >= 0)
                    total += s * NAME(reduced_update)(&method, squared, bounded, p,
                                                      Q + stride * item, NEGATIVE, s, rate);
            }
    }
    return total;
}

CLONED static double NAME(reduced_pass)(const ReducedMethod *method, const FactorRatings *ratings,
                                        const T *targets, const T *weights, T *P, T *Q,
                                        Constant *constant, const Sampler *sampler)
{
    const int bounded = method->lower == 0.0;
    if (method->loss)
        return NAME(reduced_loop)(method, 0, bounded, ratings, targets, weights, P, Q, constant,
                                  sampler);
    if (bounded || constant || weights)
        return NAME(reduced_loop)(method, 1, bounded, ratings, targets, weights, P, Q, constant,
                                  NULL);
    return NAME(reduced_loop)(method, 1, 0, ratings, targets, NULL, P, Q, NULL, NULL);
}

#undef LANES
#undef NAME_LANES
#undef NAME_LANES_
#undef AT
