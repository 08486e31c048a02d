/* Template: how products by flipped signs walk over rows, panels and k steps; gives gemm_s8(). Included behind struct
   tile, struct rows, split() and row_block(), by flip_128.h and gemm_s8_flip_template.h. */
#ifndef TERN_X86_FLIP_WALK_H
#define TERN_X86_FLIP_WALK_H

#include "simd/tiling.h"

/* All rows of a in blocks of as equal heights as can be. */
static void all_rows(struct tile t, struct rows *r, const int8_t *a, ptrdiff_t ld_a, int m, int panels, ptrdiff_t ld_b)
{
    const struct tern_tiling tiling = tern_tiling_of(m, TILE_ROWS);
    t.rows = r;
    for (int block = 0; block < tiling.tiles; block++) {
        const int rows = tern_tile_rows(tiling, block);
        for (int i = 0; i < rows; i++)
            r->excess[i] = split(r->a + i * LD_SPLIT, a + i * ld_a, t.k4);
        row_block(t, rows, panels, ld_b);
        a += rows * ld_a;
        t.c += rows * t.ld_c;
    }
}

/* steps <= K_BLOCK of all panels, which lie ld_b bytes apart. */
static void flip_steps(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, ptrdiff_t ld_b, int32_t *c, ptrdiff_t ld_c,
                       int m, int panels, int steps, int add)
{
    struct rows rows;
    for (int p = 0; p < panels; p += PANEL_BLOCK) {
        const int width = panels - p < PANEL_BLOCK ? panels - p : PANEL_BLOCK;
        const struct tile t = {.b = b + p * ld_b, .c = c + p * TERN_PANEL, .ld_c = ld_c, .k4 = steps, .add = add};
        all_rows(t, &rows, a, ld_a, m, width, ld_b);
    }
}

static ALWAYS_INLINE void gemm_s8(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                                  int panels, int k4)
{
    const ptrdiff_t ld_b = (ptrdiff_t)k4 * STEP;
    for (int k = 0; k < k4; k += K_BLOCK)
        flip_steps(a + k * TERN_PANEL_K, ld_a, b + (ptrdiff_t)k * STEP, ld_b, c, ld_c, m, panels,
                   k4 - k < K_BLOCK ? k4 - k : K_BLOCK, k > 0);
}

#endif
