/* Stores what DeBERTa's layers multiply queries and keys by for each distance: int8 with one scale for each head. */
#include "models/format.h"
#include "quant/store_private.h"

#include <math.h>
#include <stdio.h>

/* Element [row][column] of head `head` in the stored order: panels of rows, or rows. */
static int8_t *place(int8_t *out, enum tern_layer_table table, int head, int rows, int k4, int row, int column)
{
    if (table == TERN_POSITION_QUERY)
        return out + ((ptrdiff_t)head * rows + row) * k4 * TERN_PANEL_K + column;
    const ptrdiff_t panel = (ptrdiff_t)head * tern_panels(rows) + row / TERN_PANEL;
    return out + (panel * k4 + column / TERN_PANEL_K) * TERN_LINE + row % TERN_PANEL * TERN_PANEL_K +
           column % TERN_PANEL_K;
}

/* One head of s->matrix [rows][a], in units of `unit`. Adds to the squared error and to the squares. */
static struct tern_row store_head(const struct tern_store *s, int8_t *out, enum tern_layer_table table, int head,
                                  struct tern_shape shape, double unit, double *wrong, double *all)
{
    const int d = s->config->layer[s->layer].head_dim, k4 = tern_k4(d);
    const float *const from = s->matrix + (ptrdiff_t)head * d;
    double most = 0;
    for (int r = 0; r < shape.n; r++)
        for (int i = 0; i < d; i++)
            most = fmax(most, fabs((double)from[(ptrdiff_t)r * shape.k + i]));
    struct tern_row row = {(int32_t)fmin(ceil(most / unit), 32767), 0};
    const double step = row.amax * unit / 127;
    for (int r = 0; r < shape.n && row.amax; r++) {
        int32_t norm2 = 0;
        for (int i = 0; i < d; i++) {
            const double x = (double)from[(ptrdiff_t)r * shape.k + i];
            const int q = (int)lrint(fmax(-127, fmin(127, x / step)));
            *place(out, table, head, shape.n, k4, r, i) = (int8_t)q;
            norm2 += q * q;
            *wrong += (x - q * step) * (x - q * step);
            *all += x * x;
        }
        row.norm2 = norm2 > row.norm2 ? norm2 : row.norm2;
    }
    return row;
}

static void store_table(struct tern_store *s, enum tern_part_id id, double other_unit)
{
    const struct tern_part *part = &tern_parts[id];
    const struct tern_shape shape = tern_part_shape(s->config, part, s->layer);
    const enum tern_layer_table table = (enum tern_layer_table)part->index;
    const int heads = s->config->layer[s->layer].heads, k4 = tern_k4(s->config->layer[s->layer].head_dim);
    const int64_t panels[4] = {(int64_t)heads * tern_panels(shape.n), k4, TERN_PANEL, TERN_PANEL_K},
                  rows[2] = {tern_round_up(heads * shape.n, 64), (int64_t)k4 * TERN_PANEL_K};
    const int as_rows = table == TERN_POSITION_QUERY;
    double most = 0, wrong = 0, all = 0;
    char name[64];
    if (shape.n == 0)
        return;
    tern_store_read(s, id, 0, s->matrix, (size_t)shape.n * (size_t)shape.k);
    int8_t *const q = tern_store_add(s, part->name, ".weight", TERN_I8, as_rows ? 2 : 4, as_rows ? rows : panels);
    struct tern_row *const row = tern_store_add_vector(s, part->name, ".row", TERN_I32, 2 * heads);
    for (ptrdiff_t i = 0; !s->status && i < (ptrdiff_t)shape.n * shape.k; i++)
        most = fmax(most, fabs((double)s->matrix[i]));
    const double unit = most > 0 ? most / 32767 : 1;
    for (int head = 0; !s->status && head < heads; head++)
        row[head] = store_head(s, q, table, head, shape, unit, &wrong, &all);
    snprintf(name, sizeof name, "%s.score", part->name);
    tern_store_score(s, name, unit, other_unit);
    snprintf(name, sizeof name, "int8 [%d, %d] per head", shape.n, shape.k);
    tern_store_report(s, part->name, name, 8, all > 0 ? wrong / all : 0);
    tern_store_advance(s, (size_t)shape.n * (size_t)shape.k);
}

void tern_store_distances(struct tern_store *s, double q_unit, double k_unit)
{
    store_table(s, TERN_PART_POSITION_KEY, q_unit);
    store_table(s, TERN_PART_POSITION_QUERY, k_unit);
}
