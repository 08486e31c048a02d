/* Finds the parts of an encoder in a Hugging Face checkpoint. */
#ifndef TERN_CHECKPOINT_NAMES_H
#define TERN_CHECKPOINT_NAMES_H

#include "models/parts.h"
#include "quant/weight_files.h"

/* Where a part's numbers are: rows [piece n, piece n + n) of a tensor [pieces n + skip], behind its first `skip` rows;
   or, `by_head`, of each head's pieces times head_dim rows those of that piece. */
struct tern_place {
    char stem[96];
    int at_root; /* outside of the encoder */
    int whole;   /* the stem is the whole name */
    int piece, pieces, skip, by_head;
};
/* As the family of the config has it, for its head; 0: the family has no such part. */
int tern_place_of(struct tern_place *out, const struct tern_config *config, enum tern_part_id part, int is_bias);

/* The tensor of a key in a Hugging Face file, NULL when it is not there. shown[capacity] receives the name that was
   looked for, for messages. */
const struct tern_tensor *tern_part_find(const struct tern_weight_files *files, const struct tern_config *config,
                                         struct tern_key key, char *shown, size_t capacity);

/* The same of the two matrices that a matrix is given as, `key.inner` the first. NULL: it is not there. */
const struct tern_tensor *tern_pair_find(const struct tern_weight_files *files, const struct tern_config *config,
                                         struct tern_key key, char *shown, size_t capacity);

/* How a family calls a tensor, without what stands before the encoder's names: for messages. */
void tern_part_name(char *out, size_t capacity, const struct tern_config *config, struct tern_key key);

/* A tensor of the encoder that is no part: "encoder.LayerNorm" with "weight". NULL: it is not there. */
const struct tern_tensor *tern_encoder_tensor(const struct tern_weight_files *files, const struct tern_config *config,
                                              const char *stem, const char *kind);

/* A tensor of a layer that is no part: "A.B.KIND". NULL: it is not there; `shown` receives its name. */
const struct tern_tensor *tern_layer_tensor(const struct tern_weight_files *files, const struct tern_config *config,
                                            int layer, const char *a, const char *b, const char *kind, char *shown,
                                            size_t capacity);

/* What stands before the names of a layer's tensors, behind the encoder's prefix; "" for layer -1. */
void tern_layer_prefix(char *out, size_t capacity, const struct tern_config *config, int layer);

enum { TERN_ENCODER_PREFIX = 40 };
/* What stands before the encoder's names in this file: "bert.", or nothing. */
void tern_encoder_prefix(char out[TERN_ENCODER_PREFIX], const struct tern_weight_files *files,
                         enum tern_architecture architecture);

#endif
