/* The squared error of a residual r, and its slope. */
#ifndef SGDLEARN_SQUARED_ERROR_H
#define SGDLEARN_SQUARED_ERROR_H

#include "vector.h"

INLINED double squared_error(const double r, double *slope)
{
    *slope = r;
    return 0.5 * r * r;
}

#endif
