/* The parts of a BERT: what Tern and Hugging Face's checkpoints call them, and which shapes they have. */
#ifndef TERN_PARTS_H
#define TERN_PARTS_H

#include "models/config.h"

/* A weight with or without a bias. A dimension is named by a letter: h hidden, i intermediate, v vocab,
   p max_positions, t token_types, l n_labels. */
struct tern_part {
    const char *name;       /* canonical: "embed.word", or "query" of layer N */
    const char *bert;       /* Hugging Face's, without the prefix and "encoder.layer.N."; NULL: not in this model */
    const char *distilbert;
    char rows;              /* of the weight, and the length of the bias */
    char columns;           /* 0: the weight is a vector (a norm's) */
    uint8_t has_bias;
    uint8_t in_layer;
    uint8_t at_root;        /* a head: outside of the encoder's prefix */
    uint8_t optional;
};

enum { TERN_N_PARTS = 14 };
extern const struct tern_part tern_parts[TERN_N_PARTS];

/* The part and layer (-1: in none) of a canonical name such as "layer.3.query.bias"; NULL when it is none. */
const struct tern_part *tern_part_parse(const char *name, int32_t *layer, int *is_bias);

/* The number a dimension's letter stands for. */
int32_t tern_part_dimension(const struct tern_config *config, char letter);

#endif
