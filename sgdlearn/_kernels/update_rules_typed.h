/* The body of update_rules.h, for one element type T. */

/* RuleStep in the type of the coordinates: local, so that no store aliases it. */
typedef struct {
    T rate, per_rate, l2, prox1, prox2, lower;
    T beta1, rest1, beta2, rest2, epsilon, bias1, bias2, lead, shrink, total, base, mix;
} NAME(Constants);

INLINED NAME(Constants) NAME(constants)(const RuleStep *step)
{
    const NAME(Constants) k = {
        (T)step->rate,  (T)(1.0 / step->rate), (T)step->l2,    (T)step->prox1, (T)step->prox2,
        (T)step->lower, (T)step->beta1,        (T)(1.0 - step->beta1),
        (T)step->beta2, (T)(1.0 - step->beta2), (T)step->epsilon,
        (T)step->bias1, (T)step->bias2,        (T)step->lead,  (T)step->shrink,
        (T)step->total, (T)step->base,         (T)step->mix,
    };
    return k;
}

/* argmin_w  s/2 w^2 - u w + t1 |w|,  w >= lower,   = max(lower, sign(u) max(|u| - t1, 0) / s) */
INLINED T NAME(proximal)(T u, T t1, T s, T lower)
{
    T clipped = u > t1 ? t1 : u; /* comparisons are so written that nan stays nan */
    clipped = clipped < -t1 ? -t1 : clipped;
    const T w = (u - clipped) / s;
    return w < lower ? lower : w;
}

/* FTRL-proximal: argmin_w  z w + (base + q) w^2 / 2 + total (l1 |w| + l2 w^2 / 2) */
INLINED T NAME(ftrl_weight)(T z, T q, T l1, T l2, const NAME(Constants) k)
{
    return NAME(proximal)(-z, k.total * l1, k.base + q + k.total * l2, k.lower);
}

/* Schedule-free: the average x of which w = (1 - beta) z + beta x, and back */
INLINED T NAME(averaged)(T w, T z, const NAME(Constants) k)
{
    return (w - k.rest1 * z) / k.beta1;
}

INLINED T NAME(interpolated)(T x, T z, const NAME(Constants) k)
{
    return k.rest1 * z + k.beta1 * x;
}

/* By what the rate of a coordinate is divided whose slots stand as they are */
INLINED T NAME(denominator)(const int code, T a, T b, T c, const NAME(Constants) k)
{
    switch (code) {
    case MOMENTUM: /* a steady gradient comes to act at r / (1 - mu), so the penalty must too */
    case NESTEROV:
        return k.rest1;
    case ADAGRAD:
    case SCHEDULE_FREE:
    case RMSPROP:
        return SQRT(a) + k.epsilon;
    case ADADELTA:
        return SQRT(a + k.epsilon) / SQRT(b + k.epsilon);
    case ADAM:
    case ADAMW:
    case NADAM:
        return SQRT(b) * k.bias2 + k.epsilon;
    case AMSGRAD:
    case ADAMW_AMSGRAD:
        return SQRT(c) * k.bias2 + k.epsilon;
    default:
        return 1;
    }
}

/* A coordinate with its slots, the direction d of its step and the denominator s of its rate:
 *
 *     w <- argmin_w  s/2 w^2 - (s w - r d) w + r penalty(w),   without a penalty w - r d / s
 *
 * All by value: what has an address is not vectorised. */
typedef struct {
    T w, a, b, c, d, s;
} NAME(Coordinate);

/* One coordinate: its slots are brought up to date, d and s found. */
INLINED NAME(Coordinate) NAME(step)(const int code, NAME(Coordinate) v, T g,
                                    const NAME(Constants) k)
{
    v.d = g;
    v.s = 1;
    switch (code) {
    case SGD:
    case DOG: /* whose rate is that of the whole model */
        break;
    case MOMENTUM: /* m = mu m + g */
        v.a = k.beta1 * v.a + g;
        v.s = NAME(denominator)(code, 0, 0, 0, k);
        v.d = v.s * v.a;
        break;
    case NESTEROV:
        v.a = k.beta1 * v.a + g;
        v.s = NAME(denominator)(code, 0, 0, 0, k);
        v.d = v.s * (g + k.beta1 * v.a);
        break;
    case ADAGRAD: /* G = G + g^2 */
    case SCHEDULE_FREE: /* AdaGrad's step, of z */
        v.a += g * g;
        v.s = NAME(denominator)(code, v.a, 0, 0, k);
        break;
    case RMSPROP: /* v = rho v + (1 - rho) g^2 */
        v.a = k.beta2 * v.a + k.rest2 * g * g;
        v.s = NAME(denominator)(code, v.a, 0, 0, k);
        break;
    case ADADELTA: { /* E as v; D = rho D + (1 - rho) d^2 of the steps d */
        v.a = k.beta2 * v.a + k.rest2 * g * g;
        v.s = NAME(denominator)(code, v.a, v.b, 0, k);
        const T moved = g / v.s;
        v.b = k.beta2 * v.b + k.rest2 * moved * moved;
        break;
    }
    case ADAMW:
    case ADAMW_AMSGRAD:
        v.w *= k.shrink; /* the decay, decoupled; then as Adam */
        /* fall through */
    case ADAM:
    case AMSGRAD: /* m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2 */
        v.a = k.beta1 * v.a + k.rest1 * g;
        v.b = k.beta2 * v.b + k.rest2 * g * g;
        if (code == AMSGRAD || code == ADAMW_AMSGRAD)
            v.c = v.c > v.b ? v.c : v.b;
        v.s = NAME(denominator)(code, v.a, v.b, v.c, k);
        v.d = k.bias1 * v.a;
        break;
    case NADAM: /* Adam with the moment seen one step ahead */
        v.a = k.beta1 * v.a + k.rest1 * g;
        v.b = k.beta2 * v.b + k.rest2 * g * g;
        v.s = NAME(denominator)(code, v.a, v.b, 0, k);
        v.d = k.lead * g + k.bias1 * v.a;
        break;
    default: { /* FTRL: z = z + g - sigma w, n = n + g^2 (b holds its root), q = q + sigma; w
                * follows from z and q (ftrl_weight) */
        const T root = SQRT(v.b * v.b + g * g);
        const T sigma = (root - v.b) * k.per_rate;
        v.a += g - sigma * v.w;
        v.b = root;
        v.c += sigma;
    }
    }
    return v;
}

/* Where the step of a coordinate at w leads, m its metric. */
INLINED T NAME(moved)(const int penalty, T w, NAME(Coordinate) v, T m, const NAME(Constants) k)
{
    if (penalty == NO_PROX)
        return w - k.rate / v.s * v.d;
    return NAME(proximal)(v.s * w - k.rate * v.d, k.rate * k.prox1 * m,
                          v.s + k.rate * k.prox2 * m * m, k.lower);
}

/* The update of coordinate j with gradient g + l2 w_j, and the prox. */
INLINED void NAME(coordinate)(const int code, const int penalty, ptrdiff_t j, T g,
                              const T *metric, T *w, T *a, T *b, T *c,
                              const NAME(Constants) k)
{
    const int n_slots = slots_of(code);
    const T m = penalty == METRIC_PROX ? metric[j] : 1;
    NAME(Coordinate) v = {
        w[j], n_slots > 0 ? a[j] : 0, n_slots > 1 ? b[j] : 0, n_slots > 2 ? c[j] : 0, 0, 0,
    };
    v = NAME(step)(code, v, g + k.l2 * v.w, k);
    if (code == FTRL)
        v.w = NAME(ftrl_weight)(v.a, v.c, k.prox1 * m, k.prox2 * m * m, k);
    else if (code == SCHEDULE_FREE) { /* x = x + c (z - x),  w = (1 - beta) z + beta x */
        const T rest = (1 - k.mix) * (v.w - k.rest1 * v.b);
        v.b = NAME(moved)(penalty, v.b, v, m, k);
        v.w = rest + (k.rest1 + k.mix * k.beta1) * v.b;
    } else
        v.w = NAME(moved)(penalty, v.w, v, m, k);
    if (code == DOG) /* x = x + c (w - x) */
        v.b += k.mix * (v.w - v.b);
    w[j] = v.w;
    if (n_slots > 0)
        a[j] = v.a;
    if (n_slots > 1)
        b[j] = v.b;
    if (n_slots > 2)
        c[j] = v.c;
}

/* All of them.  Nothing but the counter is declared inside: what is, `omp simd` turns into an
 * array, over which gcc gives up. */
INLINED void NAME(loop)(const int code, const int penalty, const RuleStep *step, ptrdiff_t n,
                        const ptrdiff_t *index, double scale, const T *x, const T *metric,
                        T *w, T *slots, ptrdiff_t stride)
{
    const NAME(Constants) k = NAME(constants)(step);
    const T factor = (T)scale;
    T *a = slots, *b = slots + stride, *c = slots + 2 * stride;
    if (index)
        for (ptrdiff_t i = 0; i < n; i++)
            NAME(coordinate)(code, penalty, index[i], factor * x[i], metric, w, a, b, c, k);
    else
        SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            NAME(coordinate)(code, penalty, i, factor * x[i], metric, w, a, b, c, k);
}

/* w_j <- the rule's update with gradient scale x_j + l2 w_j, for j = 0 .. n-1 or for
 * j = index_0 .. index_{n-1}.  The slots of one rule lie `stride` apart. */
#define RULE(CODE, INDEX)                                                                    \
    case CODE:                                                                               \
        if (step->penalty == NO_PROX)                                                        \
            NAME(loop)(CODE, NO_PROX, step, n, INDEX, scale, x, metric, w, slots, stride);   \
        else if (step->penalty == UNIFORM_PROX)                                              \
            NAME(loop)(CODE, UNIFORM_PROX, step, n, INDEX, scale, x, metric, w, slots, stride); \
        else                                                                                 \
            NAME(loop)(CODE, METRIC_PROX, step, n, INDEX, scale, x, metric, w, slots, stride); \
        break;

#define EVERY_RULE(INDEX)                                                                 \
    switch (step->code) {                                                                 \
        RULE(SGD, INDEX)                                                                  \
        RULE(MOMENTUM, INDEX)                                                             \
        RULE(NESTEROV, INDEX)                                                             \
        RULE(ADAGRAD, INDEX)                                                              \
        RULE(ADADELTA, INDEX)                                                             \
        RULE(RMSPROP, INDEX)                                                              \
        RULE(ADAM, INDEX)                                                                 \
        RULE(AMSGRAD, INDEX)                                                              \
        RULE(ADAMW, INDEX)                                                                \
        RULE(ADAMW_AMSGRAD, INDEX)                                                        \
        RULE(NADAM, INDEX)                                                                \
        RULE(FTRL, INDEX)                                                                 \
        RULE(SCHEDULE_FREE, INDEX)                                                        \
        RULE(DOG, INDEX)                                                                  \
    }

CLONED static void NAME(update)(const RuleStep *step, ptrdiff_t n, double scale, const T *x,
                                const T *metric, T *w, T *slots, ptrdiff_t stride)
{
    EVERY_RULE(NULL)
}

static inline void NAME(update_indexed)(const RuleStep *step, ptrdiff_t n,
                                        const ptrdiff_t *index, double scale, const T *x,
                                        const T *metric, T *w, T *slots, ptrdiff_t stride)
{
    EVERY_RULE(index)
}

#undef RULE
#undef EVERY_RULE

/* Bring coordinate j to the present: the penalty of the updates it has missed since `since_j`, as
 * one prox at its standing denominator (FTRL: its weight as of now).  Schedule-free: that of z; x
 * has come nearer to it by the factors 1 - c_t = ((r_1 + ... + r_t-1) / (r_1 + ... + r_t))^order,
 * whose product is (since_j / now)^order. */
static inline void NAME(catch_up)(const RuleStep *step, ptrdiff_t j, double now, double since,
                                  const T *metric, T *w, T *slots, ptrdiff_t stride)
{
    const NAME(Constants) k = NAME(constants)(step);
    const T m = step->penalty == METRIC_PROX ? metric[j] : 1;
    const int n_slots = slots_of(step->code);
    const T a = n_slots > 0 ? slots[j] : 0;
    const T b = n_slots > 1 ? slots[j + stride] : 0;
    const T c = n_slots > 2 ? slots[j + 2 * stride] : 0;
    if (step->code == FTRL) {
        w[j] = NAME(ftrl_weight)(a, c, k.prox1 * m, k.prox2 * m * m, k);
        return;
    }
    const T missed = (T)(now - since);
    const T s = NAME(denominator)(step->code, a, b, c, k);
    const T t1 = missed * k.prox1 * m, t2 = missed * k.prox2 * m * m;
    if (step->code == SCHEDULE_FREE) {
        const T x = NAME(averaged)(w[j], b, k);
        const T z = NAME(proximal)(s * b, t1, s + t2, k.lower);
        const T left = now > 0 ? (T)pow(since / now, step->order) : 1;
        slots[j + stride] = z;
        w[j] = NAME(interpolated)(z + left * (x - z), z, k);
        return;
    }
    const int decoupled = step->code == ADAMW || step->code == ADAMW_AMSGRAD;
    w[j] = NAME(proximal)(s * w[j], t1, s + (decoupled ? s * missed * k.prox2 : t2),
                          k.lower);
    if (step->code == DOG)
        slots[j + stride] = w[j];
}
