/* Disentangled attention in integers: products with the vectors of distances, and where each of them belongs. */
#include "models/distances.h"

#include <string.h>

static int largest_span(const struct tern_config *config)
{
    int span = 0;
    for (int i = 0; i < config->n_tables; i++)
        span = config->table[i].span > span ? config->table[i].span : span;
    return span;
}

void tern_distances_plan(struct tern_distance_scratch *s, struct tern_arena *arena, const struct tern_config *config,
                         int longest, int rows)
{
    /* A block's distances are fewer than its queries and keys together; its first panel begins before them. */
    const int vectors = 2 * largest_span(config), distances = rows + longest;
    const size_t keys = (size_t)tern_round_up(longest, TERN_PANEL);
    s->columns = tern_round_up(vectors < distances ? vectors : distances, TERN_PANEL) + TERN_PANEL;
    s->by_query = tern_arena_take(arena, (size_t)rows, (size_t)s->columns * sizeof *s->by_query);
    s->tile = tern_arena_take(arena, (size_t)(rows + TERN_PANEL - 1), TERN_PANEL * sizeof *s->tile);
    s->by_key = tern_arena_take(arena, (size_t)rows, keys * sizeof *s->by_key);
    s->row = tern_arena_take(arena, keys, sizeof *s->row);
    for (int i = 0; i < 2; i++)
        s->sum[i] = tern_arena_take(arena, keys, sizeof *s->sum[i]);
    s->zero = tern_arena_take(arena, keys, sizeof *s->zero);
    if (s->zero)
        memset(s->zero, 0, keys * sizeof *s->zero);
}

/* The rows of the vectors that some queries and keys need: those of the distances between the last query and the first
   key, and between the first query and the last key, and what is between, as rows only grow with the distance. */
struct range {
    int low, high;
};

static struct range rows_of(const struct tern_distance_block *b, int first_key, int n_keys)
{
    return (struct range){b->rows[first_key - (b->first_query + b->n_queries - 1)],
                          b->rows[first_key + n_keys - 1 - b->first_query]};
}

static int first_panel(const struct tern_distance_block *b)
{
    return rows_of(b, b->first_key, b->n_keys).low / TERN_PANEL;
}

/* Queries times all vectors that the block needs, whole panels of them. */
static void multiply_queries(const struct tern_distance_block *b, const struct tern_distance_scratch *s)
{
    const struct tern_ahead none = {NULL, 0};
    const int k4 = tern_k4(b->head_dim), first = first_panel(b);
    const int panels = rows_of(b, b->first_key, b->n_keys).high / TERN_PANEL + 1 - first;
    const int8_t *panel =
        b->vectors[TERN_POSITION_KEY].q + ((ptrdiff_t)b->head * tern_panels(2 * b->span) + first) * k4 * TERN_LINE;
    b->ops->gemm_s8(b->query, (ptrdiff_t)k4 * TERN_PANEL_K, panel, s->by_query, s->columns, b->n_queries, panels, k4,
                    none);
}

/* Panel by panel of keys the vectors of their distances to the block's queries times these keys; each sum goes to its
   query and key. */
static void multiply_keys(const struct tern_distance_block *b, const struct tern_distance_scratch *s)
{
    const struct tern_ahead none = {NULL, 0};
    const int k4 = tern_k4(b->head_dim), ld = tern_round_up(b->n_keys, TERN_PANEL);
    for (int k = 0; k < b->n_keys; k += TERN_PANEL) {
        const int keys = b->n_keys - k < TERN_PANEL ? b->n_keys - k : TERN_PANEL;
        const struct range r = rows_of(b, b->first_key + k, keys);
        const ptrdiff_t row = (ptrdiff_t)b->head * 2 * b->span + r.low;
        b->ops->gemm_s8(b->vectors[TERN_POSITION_QUERY].q + row * k4 * TERN_PANEL_K, (ptrdiff_t)k4 * TERN_PANEL_K,
                        b->keys + (ptrdiff_t)k * k4 * TERN_PANEL_K, s->tile, TERN_PANEL, r.high - r.low + 1, 1, k4,
                        none);
        b->ops->skew(s->tile, b->rows + b->first_key + k - (b->first_query + b->n_queries - 1), s->by_key + k, ld,
                     b->n_queries, keys);
    }
}

void tern_distances_multiply(const struct tern_distance_block *b, struct tern_distance_scratch *s)
{
    if (b->vectors[TERN_POSITION_KEY].q)
        multiply_queries(b, s);
    if (b->vectors[TERN_POSITION_QUERY].q)
        multiply_keys(b, s);
}

/* The products of query i with the vectors of the distances to n keys. */
static const int32_t *query_row(const struct tern_distance_block *b, const struct tern_distance_scratch *s, int i,
                                int first, int n)
{
    const int32_t *const from = s->by_query + (ptrdiff_t)i * s->columns;
    const int16_t *const at = b->rows + first - (b->first_query + i);
    const int begin = first_panel(b) * TERN_PANEL;
    if (at[n - 1] - at[0] == n - 1) /* each distance has a row of its own */
        return from + at[0] - begin;
    b->ops->gather(from + at[0] - begin, at, s->row, n);
    return s->row;
}

const int32_t *tern_distances_row(const struct tern_distance_block *b, const struct tern_distance_scratch *s, int i,
                                  int first, int n, struct tern_row q, struct tern_row k, const int16_t *one,
                                  const int32_t *none)
{
    const struct tern_distances *const v = b->vectors;
    const int32_t *sum = none;
    if (v[TERN_POSITION_KEY].q) {
        const struct tern_row_scale scale =
            tern_biased_scale(q, v[TERN_POSITION_KEY].row[b->head], v[TERN_POSITION_KEY].score);
        b->ops->residual(query_row(b, s, i, first, n), n, s->zero, n, s->sum[0], n, &scale, NULL, one, sum, 0, 1, n);
        sum = s->sum[0];
    }
    if (v[TERN_POSITION_QUERY].q) {
        const struct tern_row_scale scale =
            tern_biased_scale(v[TERN_POSITION_QUERY].row[b->head], k, v[TERN_POSITION_QUERY].score);
        const ptrdiff_t ld = tern_round_up(b->n_keys, TERN_PANEL);
        b->ops->residual(s->by_key + i * ld + first - b->first_key, n, s->zero, n, s->sum[1], n, &scale, NULL, one, sum,
                         0, 1, n);
        sum = s->sum[1];
    }
    return sum;
}
