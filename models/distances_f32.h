/* What distances add to scores in disentangled attention, in floats. */
#ifndef TERN_DISTANCES_F32_H
#define TERN_DISTANCES_F32_H

#include "models/weights.h"
#include "simd/table.h"

/* Some queries of one head of a text, and the keys that they see. */
struct tern_f32_scores {
    const struct tern_ops *ops;
    const struct tern_config *config;
    const struct tern_layer_spec *layer;
    const float *rows;         /* the layer's table of positions: the row of each distance */
    const float *const *table; /* its tables of distances, by enum tern_layer_table */
    const float *query, *key;  /* the first ones, rows of the attention's width apart */
    int head, first_query, n_queries, first_key, n_keys;
};

/* Floats of scratch that tern_add_distances needs beside as many scores as there are, for texts of up to `longest`
   tokens. */
size_t tern_distances_f32_scratch(int longest);
/* score[n_queries][n_keys] += the products with distances, before they are scaled. */
void tern_add_distances(const struct tern_f32_scores *s, float *score, float *scratch);

#endif
