/* The layouts in which spmm_pack_sse41.c and spmm_sse41.c agree, 16 bits to an input: 16x4, 4x4 and 1x4 [k
   step][row][4], with an even number of rows; 4x1 with few rows [row][4 * k4], else [input][row], of which there are
   whole registers. */
#ifndef TERN_X86_SPMM_SSE41_H
#define TERN_X86_SPMM_SSE41_H

#include "simd/table.h"
#include "simd/x86/sse41.h"

enum {
    TERN_SPMM_SSE41_LANES = 8, /* rows of a register of inputs */
    TERN_SPMM_SSE41_FEW = 4,   /* up to so many rows of 4x1 take their inputs one by one */
};

static inline int tern_spmm_sse41_rows(enum tern_block_shape shape, int m)
{
    if (shape == TERN_BLOCK_4X1)
        return m <= TERN_SPMM_SSE41_FEW ? m : tern_round_up(m, TERN_SPMM_SSE41_LANES);
    return tern_round_up(m, 2);
}

#endif
