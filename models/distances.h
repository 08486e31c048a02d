/* What distances add to scores in disentangled attention, in integers: products of queries and of keys with the vectors
   of distances, which are constants of a layer. */
#ifndef TERN_DISTANCES_H
#define TERN_DISTANCES_H

#include "models/weights.h"
#include "runtime/base/arena.h"

/* What one thread needs. */
struct tern_distance_scratch {
    int32_t *by_query; /* [rows of a block][columns]: queries times vectors */
    int32_t *tile;     /* [rows of a block + 15][16]: vectors times a panel of keys */
    int32_t *by_key;   /* [rows of a block][longest rounded up to 16]: of these what belongs to each query and key */
    int32_t *row, *sum[2]; /* [longest rounded up to 16] */
    int16_t *zero;
    int columns;
};
/* Takes what texts of up to `longest` tokens need; run once to count and once to hand out (runtime/base/arena.h). */
void tern_distances_plan(struct tern_distance_scratch *s, struct tern_arena *arena, const struct tern_config *config,
                         int longest, int rows);

/* Some queries of one head of a text, and the keys that are packed. */
struct tern_distance_block {
    const struct tern_ops *ops;
    const int16_t *rows;                  /* rows[key - query]: of that distance, from 1 - max_positions on */
    const struct tern_distances *vectors; /* the layer's two */
    const int8_t *query, *keys;           /* [n_queries][dim4]; panels */
    int head, span, head_dim, first_query, n_queries, first_key, n_keys;
};
/* Fills by_query and by_key. */
void tern_distances_multiply(const struct tern_distance_block *block, struct tern_distance_scratch *scratch);
/* What is added to the scores of query `i` of the block and n keys from the text's key `first` on, in octaves with
   TERN_BIASED_BITS fraction bits; `q` is the query's row, `k` the bound of the packed keys, `one` and `none` n largest
   multipliers and zeros. Each of the sum's two terms is at most 2^28. */
const int32_t *tern_distances_row(const struct tern_distance_block *block, const struct tern_distance_scratch *scratch,
                                  int i, int first, int n, struct tern_row q, struct tern_row k, const int16_t *one,
                                  const int32_t *none);

#endif
