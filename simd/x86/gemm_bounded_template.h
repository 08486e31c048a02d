/* Template: the int8 GEMM of weights of at most GEMM_BOUND with sums of 16 bits over DEEP_STEPS k steps, as
   deep_template.h lays them out. Of 2, 4 or 8 that takes 20, 18 or 17 instructions for 8 registers of products, where
   flipped signs (gemm_s8_flip_template.h) take 32; with SSE4.1, whose instructions overwrite an operand, of 2 or 4 it
   takes 28 or 26, where these take 48. Steps that are left out take another 8 each: of texts' rows up to one in eight
   with a bound of 127, next to none with the others. Where they would be too many (noise), signs are flipped instead.
   What the bound brings is GEMM_BOUND times the sum of a row's activations. Gives gemm_bounded() and gemm_s8_bounded().

   A block of rows is laid out once. A panel's first tile keeps the weights with the bound added in a buffer in L1, from
   which the others read them. It asks for its weights ahead, and the others for the next panel's: beside those stores,
   and with a pause for the other tiles, the hardware does not, and 16 rows of weights that come from the third-level
   cache took 1.4 times as long.

   Parameters, before this is included: deep_template.h, and
     static ALWAYS_INLINE void deep(const struct deep_tile *t, const int rows, const int ready)
     DEEP_ROWS                      most rows of a tile
     EACH_DEEP(do)                  do(1) to do(DEEP_ROWS)
   Included by gemm_s8, gemm_s7 and gemm_s6 of SSE4.1, AVX2 and AVX-512BW. */
#ifndef TERN_X86_GEMM_BOUNDED_TEMPLATE_H
#define TERN_X86_GEMM_BOUNDED_TEMPLATE_H

typedef void deep_fn(const struct deep_tile *t);

// clang-format off
#define DEEP(rows)                                                                                                     \
    static void first_##rows(const struct deep_tile *t)                                                                \
    {                                                                                                                  \
        deep(t, rows, 0);                                                                                              \
    }                                                                                                                  \
    static void next_##rows(const struct deep_tile *t)                                                                 \
    {                                                                                                                  \
        deep(t, rows, 1);                                                                                              \
    }
#define FIRST_NAME(rows) first_##rows,
#define NEXT_NAME(rows) next_##rows,
EACH_DEEP(DEEP)
static deep_fn *const first_tile[DEEP_ROWS] = {EACH_DEEP(FIRST_NAME)};
static deep_fn *const next_tile[DEEP_ROWS] = {EACH_DEEP(NEXT_NAME)};
// clang-format on

/* One block of rows that is laid out, k4 <= DEEP_BLOCK steps of all panels, which lie ld_b bytes apart. */
static void deep_block(struct deep_tile t, int rows, int panels, ptrdiff_t ld_b)
{
    const struct tern_tiling tiling = tern_tiling_of(rows, DEEP_ROWS);
    int32_t *c = t.c;
    for (int p = 0; p < panels; p++, t.b += ld_b, c += TERN_PANEL) {
        t.ahead = t.b + (p + 1 < panels ? ld_b : 0);
        for (int i = 0; i < tiling.tiles; i++) {
            t.first = tern_tile_start(tiling, i);
            t.c = c + t.first * t.ld_c;
            const int last = tern_tile_rows(tiling, i) - 1;
            if (i) /* a conditional array is misread by the object-size sanitizer */
                next_tile[last](&t);
            else
                first_tile[last](&t);
        }
    }
}

static void gemm_bounded(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                         int panels, int k4)
{
    struct deep_rows rows;
    const ptrdiff_t ld_b = (ptrdiff_t)k4 * STEP;
    const struct tern_tiling blocks = tern_tiling_of(m, ROW_BLOCK);
    /* Of as equal depths as can be, in whole registers of activations. */
    const struct tern_tiling depths = tern_tiling_of((k4 + LOADED - 1) / LOADED, DEEP_BLOCK / LOADED);
    for (int block = 0; block < depths.tiles; block++) {
        const int k = tern_tile_start(depths, block) * LOADED, most = tern_tile_rows(depths, block) * LOADED;
        const int steps = k4 - k < most ? k4 - k : most;
        const int8_t *const w = b + (ptrdiff_t)k * STEP;
        for (int i = 0; i < blocks.tiles; i++) {
            const int row = tern_tile_start(blocks, i), count = tern_tile_rows(blocks, i);
            const int8_t *const x = a + row * ld_a + k * TERN_PANEL_K;
            const struct deep_tile t = {
                .rows = &rows, .b = w, .c = c + row * ld_c, .ld_c = ld_c, .k4 = steps, .add = k > 0};
            if (!lay_out(&rows, x, ld_a, count, steps)) {
                flip_steps(x, ld_a, w, ld_b, t.c, ld_c, count, panels, steps, t.add);
                continue;
            }
            deep_block(t, count, panels, ld_b);
            for (int j = 0; j < count; j++)
                add_alone(&rows, j, x + j * ld_a, w, ld_b, t.c + j * ld_c, panels);
        }
    }
}

/* Of int8, few rows, few panels and few steps are multiplied with flipped signs: to lay rows out takes longer there
   than it saves. Attention's products are so small. */
enum { LEAST_ROWS = 2, LEAST_PANELS = 8, LEAST_STEPS = 16 };

static ALWAYS_INLINE void gemm_s8_bounded(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c,
                                          int m, int panels, int k4)
{
    if (m < LEAST_ROWS || panels < LEAST_PANELS || k4 < LEAST_STEPS)
        gemm_s8(a, ld_a, b, c, ld_c, m, panels, k4);
    else
        gemm_bounded(a, ld_a, b, c, ld_c, m, panels, k4);
}

#endif
