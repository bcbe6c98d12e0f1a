/* The update rules: how one coordinate moves, each formula once.
 *
 * A rule turns the gradient g of a coordinate into a direction d and a
 * denominator s, both functions of g and its slots; the step, at the rate r, is
 *
 *     w <- prox(w - (r / s) d),    the penalty's proximal map at the rate r / s
 *
 * and takes one division, that of (s w - r d) by s + r l2.
 *
 * The same function serves dense rows (contiguous), the touched coordinates of
 * sparse rows (indexed) and the intercept (one coordinate in double).
 */
#ifndef SGDLEARN_UPDATE_RULES_H
#define SGDLEARN_UPDATE_RULES_H

#include "vector.h"

enum RuleCode {
    SGD = 0,
    MOMENTUM,
    NESTEROV,
    ADAGRAD,
    ADADELTA,
    RMSPROP,
    ADAM,
    AMSGRAD,
    ADAMW,
    ADAMW_AMSGRAD,
    NADAM,
    FTRL,
    SCHEDULE_FREE,
    DOG
};

/* What follows the step: nothing; a prox of one strength; a prox whose strength
 * is weighed, coordinate by coordinate, by the metric (w_j = metric_j v_j). */
enum PenaltyKind { NO_PROX = 0, UNIFORM_PROX, METRIC_PROX };

/* The constants of one update. */
typedef struct {
    int code;
    int penalty;
    double rate;          /* r_t */
    double l2;            /* penalty that enters the gradient: g + l2 w */
    double prox1, prox2;  /* penalty taken as a prox, per unit of effective rate */
    double lower;         /* 0 for non-negative coefficients, else -infinity */
    double beta1, beta2, epsilon;
    double bias1, bias2;  /* 1 / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
    double lead;          /* NAdam: weight of the gradient itself */
    double shrink;        /* AdamW: 1 - r_t l2 */
    double total;         /* FTRL: the penalty's weight, summed over the updates */
    double base;          /* FTRL: beta / r_1 */
    double mix;           /* schedule-free, DoG: the share of z_t, or w_t, in the average x_t */
    double order;         /* schedule-free: 1 + power */
} RuleStep;

/* Numbers of memory a coordinate. */
INLINED int slots_of(const int code)
{
    switch (code) {
    case SGD:
        return 0;
    case ADADELTA:
    case ADAM:
    case ADAMW:
    case NADAM:
    case SCHEDULE_FREE:
    case DOG:
        return 2;
    case AMSGRAD:
    case ADAMW_AMSGRAD:
    case FTRL:
        return 3;
    default:
        return 1;
    }
}

/* A block of coordinates and the state that lives with them. */
#define T float
#define NAME(name) name##_float
#define SQRT sqrtf
#include "update_rules_typed.h"
#undef T
#undef NAME
#undef SQRT

#define T double
#define NAME(name) name##_double
#define SQRT sqrt
#include "update_rules_typed.h"
#undef T
#undef NAME
#undef SQRT

#endif
