/* Template: one int8 vector times many without VNNI: pmaddubsw of the rows' magnitudes by q with the rows' signs, exact
   as 2 * 127 * 127 < 2^15; then pmaddwd by ones adds pairs. Gives dot_rows(), by dot_template.h.

   Included by dot_s8_avx2.c and dot_s8_sse41.c, after their header of vectors. */
#ifndef TERN_X86_DOT_SIGNS_TEMPLATE_H
#define TERN_X86_DOT_SIGNS_TEMPLATE_H

_Static_assert(2 * 127 * 127 <= INT16_MAX, "pmaddubsw does not saturate");

static ALWAYS_INLINE vi dot_add(vi sum, vi row, vi q)
{
    const vi pairs = VI(maddubs_epi16)(VI(abs_epi8)(row), VI(sign_epi8)(q, row));
    return VI(add_epi32)(sum, VI(madd_epi16)(pairs, VI(set1_epi16)(1)));
}

static ALWAYS_INLINE int32_t dot_start(const int8_t *q, int k)
{
    (void)q;
    (void)k;
    return 0;
}

#include "simd/x86/dot_template.h"

#endif
