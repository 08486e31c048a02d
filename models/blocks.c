#include "models/blocks.h"

#include "runtime/base/decimal.h"

#include <string.h>

enum { STEP = TERN_PANEL * TERN_PANEL_K };

static const char *const names[TERN_N_BLOCK_SHAPES] = {"16x4", "4x4", "1x4", "4x1"};

const char *tern_block_shape_name(enum tern_block_shape shape)
{
    return names[shape];
}

int tern_block_shape_find(const char *name)
{
    for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

int tern_sparse_parse(const char *text, enum tern_block_shape *shape, double *fraction)
{
    char name[8] = "";
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

/* Places of a strip: its k steps, or for 4x1 its inputs. */
static int places(enum tern_block_shape shape, int k4)
{
    return shape == TERN_BLOCK_4X1 ? k4 * TERN_PANEL_K : k4;
}

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
            for (int i = 0; i < places(shape, k4); i++)
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

const char *tern_sparse_unfit(enum tern_format format, enum tern_block_shape shape)
{
    if (format == TERN_FORMAT_INT8)
        return NULL;
    if (tern_format_bits(format) != 4)
        return "block-sparse weights are int8, int4, nf4 or fp4";
    return shape == TERN_BLOCK_4X1 ? "blocks of 4x1 are int8; 4-bit weights take 16x4, 4x4 and 1x4" : NULL;
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
                                places(w->shape, k4));
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
