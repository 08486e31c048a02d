/* Quantised tokens for pack_k and pack_v with 256-bit registers: rows of a matrix, 16 columns at a time. Tokens and
   columns that lack are 0, which packs as 0. */
#ifndef TERN_X86_PACK_256_H
#define TERN_X86_PACK_256_H

#include "simd/x86/avx2.h"

struct tern_tokens256 {
    const int16_t *x;
    ptrdiff_t ld_x;
    int rows, columns;
    struct tern_s8_256 scale;
};

/* 16 columns of token i, int8 values in 16 bits. */
static ALWAYS_INLINE __m256i tern_token256(const struct tern_tokens256 *s, int i)
{
    if (i >= s->rows)
        return _mm256_setzero_si256();
    const int16_t *x = s->x + i * s->ld_x;
    if (s->columns >= 16)
        return tern_to_s8_256(tern_load256(x), s->scale);
    int16_t padded[16] = {0};
    memcpy(padded, x, (size_t)s->columns * sizeof *x);
    return tern_to_s8_256(tern_load256(padded), s->scale);
}

#endif
