/* Row scales for the tests of requant and residual. */
#ifndef TESTS_KERNELS_SCALE_H
#define TESTS_KERNELS_SCALE_H

#include "tests/kernels/check.h"

enum { N_SCALE_KINDS = 6 };

/* Declares buffer i as m rows of struct tern_row_scale: both ends of every field, else a shift that brings accumulators
   of `bits` bits to 16. */
static inline void scale_rows(struct check *t, int i, int m, int kind)
{
    int words = (int)(sizeof(struct tern_row_scale) / sizeof(int32_t)) * m;
    struct tern_row_scale *row = check_buf(t, i, "row", CHECK_IN, sizeof(int32_t), 1, words, words);
    for (int r = 0; r < m; r++) {
        switch (kind) {
        case 0: row[r] = (struct tern_row_scale){0, 32767, 0}; break;
        case 1: row[r] = (struct tern_row_scale){31, 32767, 31}; break;
        case 2: row[r] = (struct tern_row_scale){0, 0, 0}; break;
        case 3:
            row[r] = (struct tern_row_scale){check_param(t, 0, 31), check_param(t, 0, 32767), check_param(t, 0, 31)};
            break;
        default:
            row[r].shift = (int32_t)rng_between(&t->rng, 10, 17);
            row[r].mul = (int32_t)rng_between(&t->rng, 16384, 32767);
            row[r].exp = (int32_t)rng_between(&t->rng, 5, 16);
        }
    }
}

#endif
