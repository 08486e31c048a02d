/* Quantised tokens for pack_k and pack_v with 512-bit registers: rows of a matrix, 32 columns at a time. Tokens and
   columns that lack load as 0, which packs as 0. */
#ifndef TERN_X86_PACK_512_H
#define TERN_X86_PACK_512_H

#include "simd/x86/avx512.h"

struct tern_tokens512 {
    const int16_t *x;
    ptrdiff_t ld_x;
    int rows;
    __mmask32 columns;
    struct tern_s8_512 scale;
};

/* 32 columns of token i, int8 values in 16 bits. */
static ALWAYS_INLINE __m512i tern_token512(const struct tern_tokens512 *s, int i)
{
    if (i >= s->rows)
        return _mm512_setzero_si512();
    return tern_to_s8_512(_mm512_maskz_loadu_epi16(s->columns, s->x + i * s->ld_x), s->scale);
}

#endif
