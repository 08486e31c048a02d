/* Extracts the nonzero blocks of int8 panels into the form that a file stores, for store_linear.c. */
#include "quant/make_blocks.h"

#include <string.h>

enum { STEP = TERN_PANEL * TERN_PANEL_K };

/* The bytes of a strip in k step 0 of its panel. */
static const int8_t *strip_at(const int8_t *panel, enum tern_block_shape shape, int strip)
{
    return panel + strip * tern_block_outputs(shape) * TERN_PANEL_K;
}

static int taken(const int8_t *strip, enum tern_block_shape shape, int place)
{
    int any = 0;
    if (shape == TERN_BLOCK_4X1) {
        const int8_t *at = strip + (ptrdiff_t)(place / TERN_PANEL_K) * STEP + place % TERN_PANEL_K;
        return at[0] || at[4] || at[8] || at[12];
    }
    for (int i = 0; i < tern_block_outputs(shape) * TERN_PANEL_K; i++)
        any |= strip[(ptrdiff_t)place * STEP + i];
    return any != 0;
}

int64_t tern_sparse_survey(const int8_t *dense, int panels, int k4, enum tern_block_shape shape, uint16_t *count,
                           int32_t *first)
{
    const int strips = tern_block_strips(shape), each = tern_block_indices(shape), line = tern_line_blocks(shape);
    int64_t all = 0;
    first[0] = 0;
    for (int p = 0; p < panels; p++) {
        int blocks = 0;
        for (int s = 0; s < strips; s++) {
            const int8_t *strip = strip_at(dense + (ptrdiff_t)p * k4 * STEP, shape, s);
            int n = 0;
            for (int i = 0; i < tern_strip_places(shape, k4); i++)
                n += taken(strip, shape, i);
            all += n;
            count[p * strips + s] = (uint16_t)((n + each - 1) / each);
            blocks += count[p * strips + s];
        }
        first[p + 1] = first[p] + (blocks + line - 1) / line;
    }
    return all;
}

void tern_sparse_pair(int32_t *first, int panels)
{
    for (int p = 0, before = 0; p < panels; p++) {
        const int lines = first[p + 1] - before;
        before = first[p + 1];
        first[p + 1] = first[p] + lines + (lines & 1);
    }
}

/* The columns of one strip, four to a block; a block's missing ones repeat the last index. Returns the blocks. */
static int fill_columns(const int8_t *strip, int k4, int8_t *value, uint16_t *index)
{
    int n = 0;
    for (int i = 0; i < k4 * TERN_PANEL_K; i++) {
        if (!taken(strip, TERN_BLOCK_4X1, i))
            continue;
        for (int o = 0; o < 4; o++)
            value[n / 4 * 16 + o * 4 + n % 4] = strip[(ptrdiff_t)(i / TERN_PANEL_K) * STEP + o * 4 + i % TERN_PANEL_K];
        index[n++] = (uint16_t)i;
    }
    for (; n % 4; n++)
        index[n] = index[n - 1];
    return n / 4;
}

static int fill_blocks(const int8_t *strip, int k4, enum tern_block_shape shape, int8_t *value, uint16_t *index)
{
    const int bytes = tern_block_outputs(shape) * TERN_PANEL_K;
    int n = 0;
    for (int i = 0; i < k4; i++)
        if (taken(strip, shape, i)) {
            memcpy(value + (ptrdiff_t)n * bytes, strip + (ptrdiff_t)i * STEP, (size_t)bytes);
            index[n++] = (uint16_t)i;
        }
    return n;
}

void tern_sparse_fill(const int8_t *dense, int panels, int k4, const struct tern_sparse *w, int8_t *value,
                      uint16_t *index)
{
    const int bytes = tern_block_outputs(w->shape) * TERN_PANEL_K, each = tern_block_indices(w->shape);
    for (int p = 0; p < panels; p++) {
        int8_t *v = value + (ptrdiff_t)w->first[p] * TERN_LINE;
        uint16_t *at = index + (ptrdiff_t)w->first[p] * tern_line_indices(w->shape);
        for (int s = 0; s < tern_block_strips(w->shape); s++) {
            const int8_t *strip = strip_at(dense + (ptrdiff_t)p * k4 * STEP, w->shape, s);
            const int n =
                w->shape == TERN_BLOCK_4X1 ? fill_columns(strip, k4, v, at) : fill_blocks(strip, k4, w->shape, v, at);
            v += n * bytes;
            at += n * each;
        }
    }
}

void tern_sparse_codes(const int8_t *value, int lines, int zero, uint8_t *code)
{
    for (int i = 0; i < lines; i += 2, value += 2 * TERN_LINE)
        for (int j = 0; j < TERN_LINE; j++)
            *code++ = (uint8_t)((value[j] ^ zero) | (value[TERN_LINE + j] ^ zero) << 4);
}
