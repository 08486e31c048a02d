/* The passes into which each ISA of ARM cuts the rows of a block-sparse product. spmm_pack lays rows out for them and
   spmm multiplies by them: both make the table out of one list. */
#ifndef TERN_ARM_SPMM_PASSES_H
#define TERN_ARM_SPMM_PASSES_H

#include "simd/ops.h"

enum { TERN_MOST_PASSES = 6 };

/* Panels of w, from its first on, for the rows of one pass: sums to c[rows][16 * panels]. */
typedef void tern_panels_fn(const struct tern_sparse *w, const int8_t *x, int32_t *c, ptrdiff_t ld_c, int rows,
                            int panels);

/* A pass has lanes for so many rows; the first of a shape's list that asks for no more rows than are left is taken.
   Lanes without a row repeat the last one; up to four of them. */
struct tern_pass {
    int lanes, least;
    tern_panels_fn *panels; /* NULL for spmm_pack */
};

static inline const struct tern_pass *tern_pass_of(const struct tern_pass *pass, int rows)
{
    while (rows < pass->least)
        pass++;
    return pass;
}

/* The lists, by the instructions that a pass takes: PASS(lanes, least rows, function of spmm_<isa>.c). */
#ifdef __aarch64__
#define TERN_PASSES_NEON(PASS)                                                                                         \
    {                                                                                                                  \
        [TERN_BLOCK_16X4] = {PASS(2, 2, wide_2), PASS(1, 1, wide_1)},                                                  \
        [TERN_BLOCK_4X4] = {PASS(8, 8, block_8), PASS(4, 4, block_4), PASS(2, 2, block_2), PASS(1, 1, block_1)},       \
        [TERN_BLOCK_1X4] = {PASS(16, 13, one_16), PASS(8, 6, one_8), PASS(4, 3, one_4), PASS(2, 2, one_2),             \
                            PASS(1, 1, one_1)},                                                                        \
        [TERN_BLOCK_4X1] = {PASS(16, 13, column_16), PASS(8, 5, column_8), PASS(4, 2, column_4),                       \
                            PASS(1, 1, column_1)},                                                                     \
    }
#else
#define TERN_PASSES_NEON(PASS)                                                                                         \
    {                                                                                                                  \
        [TERN_BLOCK_16X4] = {PASS(2, 2, wide_2), PASS(1, 1, wide_1)},                                                  \
        [TERN_BLOCK_4X4] = {PASS(4, 4, block_4), PASS(2, 2, block_2), PASS(1, 1, block_1)},                            \
        [TERN_BLOCK_1X4] = {PASS(8, 6, one_8), PASS(4, 3, one_4), PASS(2, 2, one_2), PASS(1, 1, one_1)},               \
        [TERN_BLOCK_4X1] = {PASS(8, 5, column_8), PASS(4, 2, column_4), PASS(1, 1, column_1)},                         \
    }
#endif

// clang-format off
/* Three rows are laid out as four. */
#define TERN_PASSES_DOTPROD(PASS)                                                                                      \
    {                                                                                                                  \
        [TERN_BLOCK_16X4] = {PASS(4, 4, wide_4), PASS(4, 3, wide_3), PASS(2, 2, wide_2), PASS(1, 1, wide_1)},          \
        [TERN_BLOCK_4X4] = {PASS(16, 16, block_16), PASS(8, 8, block_8), PASS(4, 4, block_4), PASS(4, 3, block_3),     \
                            PASS(2, 2, block_2), PASS(1, 1, block_1)},                                                 \
        [TERN_BLOCK_1X4] = {PASS(32, 25, one_32), PASS(16, 11, one_16), PASS(8, 5, one_8), PASS(4, 3, one_4),          \
                            PASS(2, 2, one_2), PASS(1, 1, one_1)},                                                     \
        [TERN_BLOCK_4X1] = {PASS(16, 16, column_16), PASS(4, 4, column_4), PASS(4, 3, column_3),                       \
                            PASS(4, 2, column_2), PASS(1, 1, column_1)},                                               \
    }
// clang-format on

// clang-format off
/* i8mm has passes of four rows for blocks of 16x4; what is left goes to dotprod. */
enum { TERN_I8MM_ROWS = 4 };
static inline int tern_i8mm_rows(enum tern_block_shape shape, int m)
{
    return shape == TERN_BLOCK_16X4 ? m / TERN_I8MM_ROWS * TERN_I8MM_ROWS : 0;
}
#define TERN_PASSES_I8MM(PASS) {PASS(TERN_I8MM_ROWS, TERN_I8MM_ROWS, wide_4)}
// clang-format on

#endif
