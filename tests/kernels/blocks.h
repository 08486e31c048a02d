/* Block-sparse weights for the tests of their ops: which blocks there are, and where. */
#ifndef TESTS_KERNELS_BLOCKS_H
#define TESTS_KERNELS_BLOCKS_H

#include "tests/kernels/check.h"

#include <string.h>

/* How many of the places of a strip are taken. */
enum density { EMPTY, FEW, FIFTH, HALF, ALL, MIXED, N_DENSITIES };

static inline int test_taken(struct check *t, enum density density, int strip)
{
    const int percent[] = {0, 3, 20, 50, 100};
    if (density == MIXED)
        density = (enum density)((strip * 7 + 4) % 5);
    return rng_between(&t->rng, 0, 99) < percent[density];
}

/* The places of one strip: index[], as the format has it. Returns the blocks. */
static inline int test_strip(struct check *t, uint16_t *index, enum tern_block_shape shape, enum density density,
                             int strip, int k4)
{
    const int places = shape == TERN_BLOCK_4X1 ? k4 * TERN_PANEL_K : k4, each = tern_block_indices(shape);
    int n = 0;
    for (int i = 0; i < places; i++)
        if (test_taken(t, density, strip))
            index[n++] = (uint16_t)i;
    for (; n % each; n++)
        index[n] = index[n - 1];
    return n / each;
}

/* index, count and first of struct tern_sparse. */
enum { TEST_MOST_LINES = 40000 };
struct test_blocks {
    uint16_t index[TEST_MOST_LINES * 16], count[64 * 16];
    int32_t first[65];
    int panels, strips, lines, indices;
};

/* Every list of every strip, so that the sizes of buffers are known. A panel has a multiple of `lines` lines. */
static inline void test_blocks(struct check *t, struct test_blocks *b, enum tern_block_shape shape,
                               enum density density, int panels, int k4, int lines)
{
    const int per_line = tern_line_indices(shape), each = tern_block_indices(shape);
    memset(b, 0, sizeof *b);
    b->panels = panels;
    b->strips = tern_block_strips(shape);
    for (int p = 0; p < panels; p++) {
        int blocks = 0;
        b->first[p] = b->lines;
        for (int s = 0; s < b->strips; s++) {
            uint16_t *at = b->index + b->lines * per_line + blocks * each;
            b->count[p * b->strips + s] = (uint16_t)test_strip(t, at, shape, density, s + p, k4);
            blocks += b->count[p * b->strips + s];
        }
        b->lines += tern_round_up((blocks + tern_line_blocks(shape) - 1) / tern_line_blocks(shape), lines);
    }
    b->first[panels] = b->lines;
    b->indices = b->lines ? b->lines * per_line : 1;
}

static inline void test_blocks_bufs(struct check *t, const struct test_blocks *b, int index, int count, int first)
{
    const int counts = b->panels * b->strips, n = b->indices;
    memcpy(check_buf(t, index, "indices", CHECK_IN, 2, 1, n, n), b->index, (size_t)n * 2);
    memcpy(check_buf(t, count, "counts", CHECK_IN, 2, 1, counts, counts), b->count, (size_t)counts * 2);
    memcpy(check_buf(t, first, "first", CHECK_IN, 4, 1, b->panels + 1, b->panels + 1), b->first,
           (size_t)(b->panels + 1) * 4);
}

#endif
