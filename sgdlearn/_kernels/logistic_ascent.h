/* The log loss in dual coordinate ascent: what one row does, given its margin m = y z.
 *
 * Its best slope is -y p, where p = 1 / (1 + e^m) at the root of
 *
 *     g(m) = m - u - q p(m),        u = (the margin that is) - q (the p that is)
 *
 * (Yu, Huang, Lin 2011).  g rises, is steepest and bends at 0, and its root lies in [u, u + q].  With
 * Newton's step r = -g / g', f = p (1 - p), w = q f / g', and g'', g''', ... as they follow from
 *
 *     p(m + t) = p - f (t + a t^2 + b t^3 + c t^4 + ...),
 *     a = -(1 - 2 p) / 2,    b = (1 - 6 f) / 6,    c = a (1 - 12 f) / 12,
 *
 * the root lies at m + t with t = r - w a r^2 + ..., the series of g reversed, and what p becomes
 * follows from p = (m + t - u) / q.  Its first terms make the steps to where r is small; there some
 * more of them are all that is needed, and save one more exponential. */
#ifndef SGDLEARN_LOGISTIC_ASCENT_H
#define SGDLEARN_LOGISTIC_ASCENT_H

#include "logistic.h"

#define SHORT_STEP 0.03 /* the series then is good to r^5, 2e-8 of the change */
#define MOST_STEPS 60

/* The new p; *loss is what the row was met with, *gap about its part of the duality gap by then:
 * the divergence of `old` from p, for close ones half the square of their difference over p (1 - p).
 * It is no more than the whole gap of the row, whose conjugate is never above 0. */
CLONED static double logistic_ascent(double m, double old, double q, double *loss, double *gap)
{
    const double u = m - q * old;
    double low = u, high = u + q, met = m;
    for (int step = 0;; step++) {
        const double e = exp(-fabs(m)), both = 1.0 + e;
        const double share = 1.0 / both, p = m > 0.0 ? e * share : share, f = e * share * share;
        const double per_slope = both * both / (both * both + q * e); /* 1 / g' */
        const double g = m - u - q * p, r = -g * per_slope;
        const double a = p - 0.5, b = (1.0 - 6.0 * f) * (1.0 / 6), w = q * f * per_slope;
        if (step == 0) {
            const double apart = (old - p) * (old - p), spread = f + old * (1.0 - old);
            *loss = logistic_value(m, e);
            *gap = *loss + old * met;
            *gap = apart < *gap * spread ? apart / spread : *gap;
            if (u + 0.5 * q > 0.0)
                low = low > 0.0 ? low : 0.0;
            else
                high = high < 0.0 ? high : 0.0;
        }
        if (fabs(r) <= SHORT_STEP || step == MOST_STEPS) {
            const double c = a * (1.0 - 12.0 * f) * (1.0 / 12), wa = w * a;
            const double third = 2.0 * wa * a - b, fourth = 5.0 * wa * (wa * a - b) + c;
            return p - f * r * (1.0 + per_slope * r * (a - r * (third - r * fourth)));
        }
        const double longer = 1.0 - w * a * r;
        double next = m + r * (longer < 0.5 ? 0.5 : longer > 2.0 ? 2.0 : longer);
        if (g < 0.0)
            low = low > m ? low : m;
        else
            high = high < m ? high : m;
        m = next < low ? low : next > high ? high : next;
    }
}

#endif
