/* Quantised tokens for pack_k and pack_v: rows of a matrix, VI_S16 columns at a time. Tokens and columns that lack are
   0, which packs as 0. Included after the header of vectors. */
#ifndef TERN_X86_PACK_INT_H
#define TERN_X86_PACK_INT_H

#include <string.h>

struct vi_tokens {
    const int16_t *x;
    ptrdiff_t ld_x;
    int rows, columns;
    struct vi_s8 scale;
};

/* VI_S16 columns of token i, int8 values in 16 bits. */
static ALWAYS_INLINE vi vi_token(const struct vi_tokens *s, int i)
{
    if (i >= s->rows || s->columns <= 0)
        return vi_zero();
    const int16_t *x = s->x + i * s->ld_x;
    if (s->columns >= VI_S16)
        return vi_to_s8(vi_load(x), s->scale);
    int16_t padded[VI_S16] = {0};
    memcpy(padded, x, (size_t)s->columns * sizeof *x);
    return vi_to_s8(vi_load(padded), s->scale);
}

#endif
