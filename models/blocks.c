/* Block-sparse matrices: names their shapes, checks what a file says of them, expands them to int8 panels. */
#include "models/blocks.h"

#include "runtime/base/decimal.h"

#include <stdio.h>
#include <string.h>

enum { STEP = TERN_PANEL * TERN_PANEL_K };

static const struct {
    const char *name;
    int columns; /* each column of a stored block has an input of its own */
} shapes[TERN_N_BLOCK_SHAPES] = {
#define SHAPE(id, name, outputs, columns) {name, columns},
#include "simd/shapes.def"
#undef SHAPE
};

#define SHAPE(id, name, outputs, columns)                                                                              \
    _Static_assert(sizeof name <= TERN_BLOCK_NAME, "tern_sparse_parse has room for it");
#include "simd/shapes.def"
#undef SHAPE

const char *tern_block_shape_name(enum tern_block_shape shape)
{
    return shapes[shape].name;
}

int tern_block_shape_find(const char *name)
{
    for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++)
        if (!strcmp(shapes[i].name, name))
            return i;
    return -1;
}

/* Shapes whose columns are as wanted (-1: all). */
static struct tern_words shape_words(int columns, const char *conjunction)
{
    const char *names[TERN_N_BLOCK_SHAPES];
    int n = 0;
    for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++)
        if (columns < 0 || shapes[i].columns == columns)
            names[n++] = shapes[i].name;
    return tern_words(names, n, conjunction);
}

struct tern_words tern_block_shape_words(const char *conjunction)
{
    return shape_words(-1, conjunction);
}

int tern_sparse_parse(const char *text, enum tern_block_shape *shape, double *fraction)
{
    char name[TERN_BLOCK_NAME] = "";
    const char *colon = strchr(text, ':');
    const size_t length = colon ? (size_t)(colon - text) : strlen(text);
    if (length >= sizeof name)
        return -1;
    memcpy(name, text, length);
    const int found = tern_block_shape_find(name);
    *fraction = 0;
    if (found < 0)
        return -1;
    *shape = (enum tern_block_shape)found;
    if (!colon)
        return 0;
    return tern_decimal(colon + 1, fraction) || *fraction > 1 ? -1 : 0;
}

int tern_sparse_fits(enum tern_format format, enum tern_block_shape shape, char why[TERN_SPARSE_WHY])
{
    if (why)
        why[0] = 0;
    if (tern_format_is_bytes(format) || (tern_format_in_blocks(format) && !shapes[shape].columns))
        return 1;
    if (why && tern_format_in_blocks(format))
        snprintf(why, TERN_SPARSE_WHY, "blocks of %s are int8; 4-bit weights take %s", shapes[shape].name,
                 shape_words(0, "and").text);
    else if (why)
        snprintf(why, TERN_SPARSE_WHY, "block-sparse weights are %s",
                 tern_format_words(NULL, tern_format_in_blocks, NULL, "or").text);
    return 0;
}

static void expand_block(int8_t *strip, enum tern_block_shape shape, const int8_t *value, const uint16_t *index)
{
    const int bytes = tern_block_outputs(shape) * TERN_PANEL_K;
    if (shape != TERN_BLOCK_4X1) {
        memcpy(strip + (ptrdiff_t)*index * STEP, value, (size_t)bytes);
        return;
    }
    for (int j = 4; j-- > 0;) /* backwards: a column repeated at the end is zero, and comes first */
        for (int o = 0; o < 4; o++)
            strip[(ptrdiff_t)(index[j] / TERN_PANEL_K) * STEP + o * 4 + index[j] % TERN_PANEL_K] = value[o * 4 + j];
}

void tern_sparse_expand(const struct tern_sparse *w, int8_t *dense, int panels, int k4)
{
    const int bytes = tern_block_outputs(w->shape) * TERN_PANEL_K, each = tern_block_indices(w->shape);
    memset(dense, 0, (size_t)panels * (size_t)k4 * STEP);
    for (int p = 0; p < panels; p++) {
        const struct tern_sparse_panel panel = tern_sparse_panel_at(w, p);
        int block = 0;
        for (int s = 0; s < tern_block_strips(w->shape); s++) {
            int8_t *strip = dense + (ptrdiff_t)p * k4 * STEP + s * bytes;
            for (int end = block + panel.count[s]; block < end; block++)
                expand_block(strip, w->shape, panel.value + block * bytes, panel.index + block * each);
        }
    }
}

/* What is wrong with the indices of one strip, which ascend within `limit`. Only the last block of 4x1 may repeat its
   last index, above columns of zeros. */
static const char *index_fault(const int8_t *value, const uint16_t *index, int blocks, enum tern_block_shape shape,
                               int limit)
{
    const int each = tern_block_indices(shape);
    for (int i = 0; i < blocks * each; i++) {
        if (index[i] >= limit)
            return "has an index that is out of range";
        if (i == 0 || index[i] > index[i - 1])
            continue;
        if (index[i] < index[i - 1])
            return "has indices that do not ascend";
        if (each == 1 || i / 4 < blocks - 1 || i % 4 == 0)
            return "has an index that is there twice";
        const int8_t *column = value + (ptrdiff_t)(i / 4) * 16 + i % 4;
        if (column[0] | column[4] | column[8] | column[12])
            return "has an index that is there twice";
    }
    return NULL;
}

/* Whether all is zero behind the last of a panel's blocks, so that one matrix has one form. */
static int ends_in_zeros(const struct tern_sparse_panel *panel, enum tern_block_shape shape, int64_t blocks,
                         int64_t lines)
{
    const int bytes = tern_block_outputs(shape) * TERN_PANEL_K, each = tern_block_indices(shape);
    int any = 0;
    for (int64_t i = blocks * bytes; panel->value && i < lines * TERN_LINE; i++) /* any code may pad */
        any |= panel->value[i];
    for (int64_t i = blocks * each; i < lines * tern_line_indices(shape); i++)
        any |= panel->index[i];
    return !any;
}

const char *tern_sparse_fault(const struct tern_sparse *w, int panels, int k4, int64_t lines)
{
    const int strips = tern_block_strips(w->shape), line = tern_line_blocks(w->shape);
    const int each = tern_block_indices(w->shape), bytes = tern_block_outputs(w->shape) * TERN_PANEL_K;
    if (w->first[0] != 0)
        return "does not begin at line 0";
    for (int p = 0; p < panels; p++) {
        int64_t blocks = 0;
        for (int s = 0; s < strips; s++)
            blocks += w->count[p * strips + s];
        if (w->first[p + 1] < w->first[p] || w->first[p + 1] > lines)
            return "has a panel that ends before it begins, or behind the last line";
        const int64_t full = (blocks + line - 1) / line, due = w->value ? full : full + full % 2;
        if (w->first[p + 1] - w->first[p] != due)
            return "counts more or fewer blocks than its lines hold";
        const struct tern_sparse_panel panel = tern_sparse_panel_at(w, p);
        const char *fault = NULL;
        for (int s = 0, block = 0; s < strips && !fault; block += w->count[p * strips + s++])
            fault = index_fault(panel.value ? panel.value + (ptrdiff_t)block * bytes : NULL,
                                panel.index + (ptrdiff_t)block * each, w->count[p * strips + s], w->shape,
                                tern_strip_places(w->shape, k4));
        if (!fault && !ends_in_zeros(&panel, w->shape, blocks, w->first[p + 1] - w->first[p]))
            fault = "has something behind the last block of a panel";
        if (fault)
            return fault;
    }
    if (w->first[panels] == lines)
        return NULL;
    if (w->first[panels] != 0 || lines != (w->value ? 1 : 2)) /* a matrix without blocks: no tensor has no elements */
        return "has lines that no panel owns";
    const struct tern_sparse_panel nobody = {w->value, w->index, w->count};
    return ends_in_zeros(&nobody, w->shape, 0, lines) ? NULL : "has something behind the last block of a panel";
}
