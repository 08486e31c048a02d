/* Disentangled attention in floats: products of queries and of keys with the vectors of distances. */
#include "models/distances_f32.h"

enum { KEYS = 64 };

size_t tern_distances_f32_scratch(int longest)
{
    /* Of queries as many columns as distances, fewer than queries and keys together; of keys KEYS columns. */
    return ((size_t)longest + KEYS) * KEYS;
}

/* The row of the distance from a query to a key, both counted from the text's beginning. */
static int row_of(const struct tern_f32_scores *s, int query, int key)
{
    return (int)s->rows[s->config->max_positions - 1 + key - query];
}

static const float *vectors(const struct tern_f32_scores *s, enum tern_layer_table table, int row)
{
    return s->table[table] + (ptrdiff_t)row * tern_attention_width(s->layer) + (ptrdiff_t)s->head * s->layer->head_dim;
}

static void add_query_products(const struct tern_f32_scores *s, float *score, float *scratch)
{
    const int last_query = s->first_query + s->n_queries - 1, d = s->layer->head_dim,
              a = tern_attention_width(s->layer);
    const int low = row_of(s, last_query, s->first_key),
              n = row_of(s, s->first_query, s->first_key + s->n_keys - 1) - low + 1;
    tern_gemm_f32_for(s->ops, s->n_queries, n, d)(s->query, a, vectors(s, TERN_POSITION_KEY, low), a, NULL, scratch, n,
                                                  s->n_queries, n, d);
    for (int i = 0; i < s->n_queries; i++)
        for (int j = 0; j < s->n_keys; j++)
            score[(ptrdiff_t)i * s->n_keys + j] +=
                scratch[(ptrdiff_t)i * n + row_of(s, s->first_query + i, s->first_key + j) - low];
}

static void add_key_products(const struct tern_f32_scores *s, float *score, float *scratch)
{
    const int last_query = s->first_query + s->n_queries - 1, d = s->layer->head_dim,
              a = tern_attention_width(s->layer);
    for (int k = 0; k < s->n_keys; k += KEYS) {
        const int keys = s->n_keys - k < KEYS ? s->n_keys - k : KEYS, first = s->first_key + k;
        const int low = row_of(s, last_query, first), n = row_of(s, s->first_query, first + keys - 1) - low + 1;
        tern_gemm_f32_for(s->ops, n, keys, d)(vectors(s, TERN_POSITION_QUERY, low), a, s->key + (ptrdiff_t)k * a, a,
                                              NULL, scratch, keys, n, keys, d);
        for (int i = 0; i < s->n_queries; i++)
            for (int j = 0; j < keys; j++)
                score[(ptrdiff_t)i * s->n_keys + k + j] +=
                    scratch[(ptrdiff_t)(row_of(s, s->first_query + i, first + j) - low) * keys + j];
    }
}

void tern_add_distances(const struct tern_f32_scores *s, float *score, float *scratch)
{
    if (s->table[TERN_POSITION_KEY])
        add_query_products(s, score, scratch);
    if (s->table[TERN_POSITION_QUERY])
        add_key_products(s, score, scratch);
}
