/* What the tests of float ops share. */
#ifndef TESTS_KERNELS_FLOATS_H
#define TESTS_KERNELS_FLOATS_H

#include "tests/kernels/check.h"

#include <math.h>

/* Fills buffer `buf` with floats in [-most, most]; what lies in a gap becomes NaN, which no result survives. */
static inline void fill_floats(struct check *t, int buf, float *p, enum check_fill fill, float most)
{
    const struct check_buf *b = &t->buf[buf];
    check_fill(t, buf, fill, -(1 << 24), 1 << 24);
    for (size_t i = 0; i < b->rows; i++) {
        for (size_t j = 0; j < b->ld && i * b->ld + j < b->bytes / sizeof(float); j++) {
            float *at = p + i * b->ld + j;
            *at = j < b->n ? (float)*(const int32_t *)(const void *)at * 0x1p-24f * most : NAN;
        }
    }
}

#endif
