/* A bound of a matrix's largest singular value. */
#ifndef TERN_SINGULAR_H
#define TERN_SINGULAR_H

#include "runtime/base/status.h"

/* What no |w x| / |x| exceeds for a matrix w[n][k], nor for one whose elements are rounded to 8 bits per row; at most 9
   % and what rounding adds above the largest. *status: TERN_NOMEM. */
double tern_singular_bound(const float *w, int n, int k, tern_status *status, tern_error *err);

#endif
