/* What the two readers of configurations share. Not for use outside of models/config*.c and
   quant/checkpoint*.c. */
#ifndef TERN_CONFIG_PRIVATE_H
#define TERN_CONFIG_PRIVATE_H

#include "models/config.h"

#include <jansson.h>

enum {
    TERN_MIN_TOKENS = 3, /* [CLS] x [SEP] */
    TERN_MAX_LABEL_BYTES = 512,
    TERN_MAX_PROMPT_BYTES = 1 << 14,
};

/* What a family's files mean where they say nothing. */
struct tern_family {
    const char *name;
    enum tern_pooler pooler;
    const char *known, *refused;
};
extern const struct tern_family tern_families[TERN_N_FAMILIES];

/* Refuses heads that do not divide the hidden size: for files that do not give the heads' dimension. */
tern_status tern_config_check_heads(int32_t hidden, int32_t heads, const char *label, tern_error *err);
/* Checks what no single field can tell: widths of heads, whose weights a layer has, token types against the family,
   max_tokens against max_positions. `label` names the file. */
tern_status tern_config_check(const struct tern_config *config, const char *label, tern_error *err);

/* The index of `name` in a list of names, or -1. */
int tern_name_index(const char *const *names, int n_names, const char *name);
extern const char *const tern_mixer_names[TERN_N_MIXERS];
extern const char *const tern_activation_names[TERN_N_ACTIVATIONS];
extern const char *const tern_output_names[TERN_N_OUTPUTS];
extern const char *const tern_pooler_names[TERN_N_POOLERS];
extern const char *const tern_weights_names[TERN_N_WEIGHTS];
extern const char *const tern_pooling_names[TERN_N_POOLINGS];
extern const char *const tern_dense_activation_names[TERN_N_DENSE_ACTIVATIONS];

/* Replaces the labels by n empty slots (n may be 0), which tern_config_set_label fills. */
tern_status tern_config_new_labels(struct tern_config *config, int32_t n, const char *label, tern_error *err);
/* Slot i must be empty. A text that is too long or has control characters is TERN_FORMAT. */
tern_status tern_config_set_label(struct tern_config *config, int32_t i, const char *text, const char *label,
                                  tern_error *err);
/* "LABEL_0" ... as transformers names labels that the config does not. */
tern_status tern_config_default_labels(struct tern_config *config, int32_t n, tern_error *err);

/* Makes room for n prompts (n may be 0), which tern_config_add_prompt fills. A name or a text that is too long, and a
   name with control characters, is TERN_FORMAT. */
tern_status tern_config_new_prompts(struct tern_config *config, size_t n, const char *label, tern_error *err);
tern_status tern_config_add_prompt(struct tern_config *config, const char *name, const char *text, const char *label,
                                   tern_error *err);
/* The index of a prompt, or -1. */
int32_t tern_config_find_prompt(const struct tern_config *config, const char *name);
/* Checks widths and dimensions. */
tern_status tern_config_check_embedding(const struct tern_config *config, const char *label, tern_error *err);
/* The keys of an embedding in the JSON object of a .tern file. -1 when out of memory. */
int tern_embedding_to_json(json_t *root, const struct tern_config *config);
tern_status tern_embedding_from_json(struct tern_config *out, const json_t *root, const char *label, tern_error *err);

/* The same of vectors that are none of a text as a whole, and what the rest of the configuration must be for them. */
int tern_vectors_to_json(json_t *root, const struct tern_config *config);
tern_status tern_vectors_from_json(struct tern_config *out, const json_t *root, const char *label, tern_error *err);
tern_status tern_vectors_check(const struct tern_config *config, const char *label, tern_error *err);
/* "largest log(1 + relu) of each word", "of each token": how they are made, in words. */
void tern_vectors_words(char *out, size_t capacity, const struct tern_config *config);

#endif
