/* LayerNorm of rows, for kernels that define the three passes over one:
     static struct moments moments(const int32_t *s, int n);
     static uint64_t scale_row(const int32_t *s, uint32_t mean, int shift, const int right, int16_t *d16, int n);
     static int32_t finish_row(struct tern_layernorm_scale unit, const enum reach reach, struct tern_s8_scale scale,
                               const int16_t *gamma, const int16_t *beta, int16_t *y, int8_t *q, int n);
   and include layernorm_rows.h then. Three passes over a row in L1 instead of the reference's five, because every step
   is monotone in s: the largest and the smallest s give max|d| and, through the scalar steps, the row's amax, so y and
   q come out of one pass. Monotone means that no sum wraps; a row that spreads over 2^30 and more is left to the
   reference. y holds d16 between passes. */
#ifndef TERN_X86_LAYERNORM_H
#define TERN_X86_LAYERNORM_H

#include "simd/table.h"

struct moments {
    int64_t sum;
    int32_t min, max;
};

/* How rshift(d16 * mul, exp) is found. From 16 on the upper half of the product decides, as floor(floor(x / 2^16) /
   2^k) is floor(x / 2^(16 + k)): with exp = 16 the half is the lower half's top bit, with more it is added to the upper
   one. No result is below -32767 then. */
enum reach { UP_TO_15, AT_16, FROM_17 };

#endif
