/* Block-sparse weights: of each panel only the blocks that are not all zero, with the k steps that they belong to. */
#ifndef TERN_SPARSE_H
#define TERN_SPARSE_H

#include "simd/codes.h"

/* Outputs x inputs. Blocks of one shape have the same place in their panel whatever the k step: a panel is cut into
   strips of as many outputs as a block has. A line (64 bytes) holds 1, 4, 16 and 4 blocks. Blocks of 4x1 come in fours
   of one strip that are stored as one 4x4 block, each column with an input of its own: a block of 4 x any four inputs.
 */
enum tern_block_shape {
#define SHAPE(id, ...) TERN_BLOCK_##id,
#include "simd/shapes.def"
#undef SHAPE
    TERN_N_BLOCK_SHAPES
};

/* The blocks of a matrix: those of a panel by strips, within a strip by inputs, ascending; the next panel begins at a
   line of its own.
     value[lines][64]        int8, block after block, [outputs][4 inputs]
     index[lines][indices]   of each block: its k step; 4x1: four inputs. A strip's last block of 4x1 may have fewer:
                             its last columns are zero, and repeat the input before them
     count[panels][strips]   blocks of each strip
     first[panels + 1]       lines before each panel
   With 4-bit codes (struct tern_codes) there are no values, value is NULL: a panel's lines come in pairs, the last of
   an odd number padded, whose codes are one line of 64 bytes, those of the first in the low nibbles. The multiplier is
   that of the block's k step, mul[panels][groups][16] as in dense weights. Blocks of 4x1, whose columns may lie in
   different groups, have no codes. */
struct tern_sparse {
    const int8_t *value;
    const uint16_t *index;
    const uint16_t *count;
    const int32_t *first;
    enum tern_block_shape shape;
};

static inline int tern_block_outputs(enum tern_block_shape shape)
{
    return shape == TERN_BLOCK_16X4 ? 16 : shape == TERN_BLOCK_1X4 ? 1 : 4;
}
static inline int tern_block_strips(enum tern_block_shape shape)
{
    return TERN_PANEL / tern_block_outputs(shape);
}
/* Blocks of a line. */
static inline int tern_line_blocks(enum tern_block_shape shape)
{
    return TERN_PANEL / tern_block_outputs(shape);
}
/* Indices of a block, and of a line. */
static inline int tern_block_indices(enum tern_block_shape shape)
{
    return shape == TERN_BLOCK_4X1 ? 4 : 1;
}
static inline int tern_line_indices(enum tern_block_shape shape)
{
    return tern_line_blocks(shape) * tern_block_indices(shape);
}

/* The blocks of one panel. */
struct tern_sparse_panel {
    const int8_t *value;
    const uint16_t *index;
    const uint16_t *count; /* [strips] */
};
static inline struct tern_sparse_panel tern_sparse_panel_at(const struct tern_sparse *w, int panel)
{
    const ptrdiff_t line = w->first[panel] - w->first[0];
    const struct tern_sparse_panel at = {w->value ? w->value + line * TERN_LINE : NULL,
                                         w->index + line * tern_line_indices(w->shape),
                                         w->count + (ptrdiff_t)panel * tern_block_strips(w->shape)};
    return at;
}

/* `w` from panel `panel` on: its value and index begin there. */
static inline struct tern_sparse tern_sparse_at(const struct tern_sparse *w, int panel)
{
    const struct tern_sparse_panel p = tern_sparse_panel_at(w, panel);
    const struct tern_sparse at = {p.value, p.index, p.count, w->first + panel, w->shape};
    return at;
}

/* The codes of `w`'s panels from panel `panel` on. */
static inline struct tern_codes tern_sparse_codes_at(const struct tern_sparse *w, const struct tern_codes *codes,
                                                     int panel, int k4)
{
    struct tern_codes at = *codes;
    at.line += (ptrdiff_t)(w->first[panel] - w->first[0]) / 2 * TERN_LINE;
    at.mul += (ptrdiff_t)panel * tern_code_groups(codes, k4) * TERN_PANEL;
    return at;
}

/* The code of value `at` of a panel, whose codes begin at `line`. */
static inline int tern_sparse_code(const uint8_t *line, ptrdiff_t at)
{
    return line[at / (2 * TERN_LINE) * TERN_LINE + at % TERN_LINE] >> at / TERN_LINE % 2 * 4 & 15;
}

/* Rows of one spmm call, and the scratch that it takes. */
enum { TERN_SPMM_ROWS = 64 };
static inline ptrdiff_t tern_spmm_scratch(int m, int k4)
{
    return (ptrdiff_t)((m + TERN_PANEL - 1) / TERN_PANEL) * TERN_PANEL * k4 * TERN_PANEL_K * 2;
}

#endif
