/* Collects the multipliers of narrow 4-bit blocks, one for four values, strip by strip: within a strip the channels
   stay the same, so that a block's multiplier is one look-up by its k step. */
#ifndef TERN_X86_BLOCK_MULS_H
#define TERN_X86_BLOCK_MULS_H

#include "simd/codes.h"
#include "simd/sparse.h"

#include <string.h>

static inline void tern_muls_of_ones(uint8_t *to, const uint8_t *mul, const uint16_t *index, int blocks, int shift)
{
    for (int i = 0; i < blocks; i++)
        to[i] = mul[(ptrdiff_t)(index[i] >> shift) * TERN_PANEL];
}

static inline void tern_muls_of_fours(uint8_t *to, const uint8_t *mul, const uint16_t *index, int blocks, int shift)
{
    for (int i = 0; i < blocks; i++, to += 4)
        memcpy(to, mul + (ptrdiff_t)(index[i] >> shift) * TERN_PANEL, 4);
}

/* How many fours of values a panel of narrow blocks has. */
static inline int tern_panel_fours(const struct tern_sparse_panel *p, enum tern_block_shape shape)
{
    int blocks = 0;
    for (int i = 0; i < tern_block_strips(shape); i++)
        blocks += p->count[i];
    return blocks * tern_block_outputs(shape);
}

/* They are collected in the last quarter of the panel's values, where nothing else is yet. Lines of values,
   written from the first one on, each after its multipliers have been read, never reach those of the next. */
static inline uint8_t *tern_muls_place(int8_t *value, int fours)
{
    return (uint8_t *)value + (ptrdiff_t)fours * (TERN_PANEL_K - 1);
}

static inline const uint8_t *tern_collect_muls(const struct tern_sparse_panel *p, enum tern_block_shape shape,
                                               const struct tern_codes *c, int8_t *value, int fours)
{
    const int shift = __builtin_ctz((unsigned)c->group), outputs = tern_block_outputs(shape);
    uint8_t *const first = tern_muls_place(value, fours), *to = first;
    const uint16_t *index = p->index;
    for (int i = 0; i < tern_block_strips(shape); i++) {
        const int blocks = p->count[i];
        if (outputs == 1)
            tern_muls_of_ones(to, c->mul + i, index, blocks, shift);
        else
            tern_muls_of_fours(to, c->mul + i * outputs, index, blocks, shift);
        to += blocks * outputs;
        index += blocks;
    }
    return first;
}

#endif
