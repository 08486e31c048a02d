/* The helpers that the AMX kernels share. */
#ifndef TERN_X86_AMX_H
#define TERN_X86_AMX_H

#include "simd/barrier.h"
#include "simd/ops.h"

#include <immintrin.h>

enum { TERN_AMX_ROWS = 16, TERN_AMX_LINE = 64 }; /* a tile, and the bytes of its row */

/* The memory operand of LDTILECFG, palette 1 (Intel SDM volume 1, 18.2). */
struct tern_amx_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};
_Static_assert(sizeof(struct tern_amx_configuration) == 64, "LDTILECFG reads 64 bytes");

/* Tiles before `full` have `rows` rows, the others 16. All of them are zero afterwards. */
static inline void tern_amx_configure(int rows, int full)
{
    struct tern_amx_configuration c = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        c.row_bytes[i] = TERN_AMX_LINE;
        c.rows[i] = (uint8_t)(i < full ? rows : TERN_AMX_ROWS);
    }
    TERN_KEEP_ORDER();
    _tile_loadconfig(&c);
}

#endif
