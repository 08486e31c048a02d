/* What a checkpoint is: hyper-parameters, heads, pooling, labels. Read from Hugging Face's files, and written to and
   read back from a .tern file's metadata as one JSON object. */
#ifndef TERN_CONFIG_H
#define TERN_CONFIG_H

#include "runtime/base/status.h"

enum tern_architecture { TERN_BERT, TERN_DISTILBERT };
enum tern_activation { TERN_GELU, TERN_GELU_NEW, TERN_RELU, TERN_GELU_IBERT };
/* Of the encoder's matrices. From int8 on: simd/codebook.h's formats in their order. */
enum tern_weights {
    TERN_WEIGHTS_F32,
    TERN_WEIGHTS_INT8,
    TERN_WEIGHTS_MIXED = 9, /* each matrix its own format */
    TERN_N_WEIGHTS
};

/* Limits; every one is checked when a config is read, and bounds.h builds on them. */
enum {
    TERN_MAX_LAYERS = 256,
    TERN_MAX_HIDDEN = 8192,       /* also heads * head_dim */
    TERN_MAX_INTERMEDIATE = 32768,
    TERN_MAX_HEAD_DIM = 512,
    TERN_MAX_POSITIONS = 8192,
    TERN_MAX_TYPES = 16,
    TERN_MAX_VOCAB = 1 << 24,
    TERN_MAX_LABELS = 4096,
};

struct tern_config {
    enum tern_architecture architecture;
    enum tern_activation activation;
    enum tern_weights weights;
    int32_t layers, hidden, heads, intermediate;
    int32_t vocab, max_positions, token_types; /* DistilBERT: token_types 0 */
    double layer_norm_eps;                     /* 1e-12 unless the checkpoint says otherwise */
    int32_t has_pooler;                        /* BERT: dense + tanh on [CLS]; DistilBERT: pre_classifier + ReLU */
    int32_t n_labels;                          /* 0: no classification head */
    char **labels;                             /* [n_labels], from id2label, else "LABEL_0" ... */
    tern_pooling pooling;
    int32_t normalize;
    int32_t max_tokens; /* min of max_positions and the tokenizer's or sentence_bert_config's limit */
};

/* The JSON object of a .tern file; free() the string. NULL when out of memory. */
char *tern_config_to_json(const struct tern_config *config);
tern_status tern_config_from_json(struct tern_config *out, const char *json, const char *label, tern_error *err);
void tern_config_free(struct tern_config *config);

const char *tern_activation_name(enum tern_activation activation);
const char *tern_architecture_name(enum tern_architecture architecture);
const char *tern_weights_name(enum tern_weights weights);
/* The weights of that name that a user may ask for, or -1. "auto:BITS", BITS from 2 to 8, is mixed. */
int tern_weights_find(const char *name);
/* BITS of "auto:BITS", or 0. */
double tern_weights_bits(const char *name);

#endif
