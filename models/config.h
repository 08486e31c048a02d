/* What a checkpoint is: hyper-parameters, heads, pooling, labels. Read from Hugging Face's files, and written to and
   read back from a .tern file's metadata as one JSON object. */
#ifndef TERN_CONFIG_H
#define TERN_CONFIG_H

#include "runtime/base/status.h"
#include "simd/codebook.h"

/* The family of checkpoints that a model came from, for its name and for what its files leave unsaid: see
   models/families.def. Nothing that runs a model asks for it. */
enum tern_architecture {
#define FAMILY(id, name, pooler, has_types) TERN_##id,
#include "models/families.def"
#undef FAMILY
    TERN_N_FAMILIES
};
enum tern_activation { TERN_GELU, TERN_GELU_NEW, TERN_RELU, TERN_GELU_IBERT };
/* The kinds of parts that a layer is made of. One of each runs today; a file that names another is refused by that
   name. A new kind is a value here, its name in models/config_json.c, and the code that runs it. */
enum tern_norm_kind { TERN_NORM_LAYER };            /* LayerNorm with gamma and beta */
enum tern_norm_place { TERN_NORM_POST };            /* behind the residual sum */
enum tern_mixer { TERN_MIXER_SOFTMAX };             /* softmax attention */
enum tern_position_kind { TERN_POSITION_ABSOLUTE }; /* a table that is added to the words' */
enum tern_gate { TERN_GATE_NONE };                  /* nothing multiplies the feed-forward's activation */
/* The dense layer over [CLS], by its activation. */
enum tern_pooler { TERN_POOLER_NONE, TERN_POOLER_TANH, TERN_POOLER_RELU };
/* What reads the encoder's states beside the pooling of embeddings: models/heads.def. */
enum tern_head {
    TERN_HEAD_NONE,
#define HEAD_KIND(id, ...) TERN_HEAD_##id,
#include "models/heads.def"
#undef HEAD_KIND
    TERN_N_HEADS
};
struct tern_head_kind {
    const char *name;
    int of_tokens, pooled;
};
extern const struct tern_head_kind tern_head_kinds[TERN_N_HEADS];
/* Of the encoder's matrices: floats, one of the formats, or each matrix its own format. */
enum tern_weights {
    TERN_WEIGHTS_F32,
#define FORMAT(id, ...) TERN_WEIGHTS_##id,
#include "simd/formats.def"
#undef FORMAT
    TERN_WEIGHTS_MIXED,
    TERN_N_WEIGHTS
};

/* Limits; every one is checked when a config is read, and bounds.h builds on them. */
enum {
    TERN_MAX_LAYERS = 256,
    TERN_MAX_HIDDEN = 8192, /* also heads * head_dim */
    TERN_MAX_INTERMEDIATE = 32768,
    TERN_MAX_HEAD_DIM = 512,
    TERN_MAX_POSITIONS = 8192,
    TERN_MAX_TYPES = 16,
    TERN_MAX_VOCAB = 1 << 24,
    TERN_MAX_LABELS = 4096,
};

/* One layer. Its parts are those of models/parts.def: attention and feed-forward, a LayerNorm behind each. */
struct tern_layer_spec {
    int32_t weights; /* the layer whose tensors these are: its own number, or that of an earlier one it shares */
    int32_t heads, head_dim; /* fewer heads than hidden / head_dim: the others were pruned */
    int32_t intermediate;
    int32_t before, after;           /* tokens of the text that a token sees on either side; TERN_ALL_TOKENS: all */
    enum tern_activation activation; /* of the feed-forward */
    enum tern_norm_kind norm;
    enum tern_norm_place place;
    enum tern_mixer mixer;
    enum tern_position_kind position;
    enum tern_gate gate;
};
enum { TERN_ALL_TOKENS = 1 << 20 };

struct tern_config {
    enum tern_architecture architecture;
    enum tern_weights weights;
    int32_t layers, hidden;
    struct tern_layer_spec layer[TERN_MAX_LAYERS]; /* [layers] */
    int32_t vocab, max_positions, token_types;     /* token_types 0: the model has none */
    double layer_norm_eps;                         /* 1e-12 unless the checkpoint says otherwise */
    enum tern_pooler pooler;
    enum tern_head head;
    int32_t n_labels; /* of the head's classifier, else 0 */
    char **labels;    /* [n_labels], from id2label, else "LABEL_0" ... */
    tern_pooling pooling;
    int32_t normalize;
    int32_t max_tokens; /* min of max_positions and the tokenizer's or sentence_bert_config's limit */
};

/* The JSON object of a .tern file; free() the string. NULL when out of memory. */
char *tern_config_to_json(const struct tern_config *config);
tern_status tern_config_from_json(struct tern_config *out, const char *json, const char *label, tern_error *err);
void tern_config_free(struct tern_config *config);

/* Makes `layers` layers that are all alike, each with weights of its own and attention over the whole text. */
void tern_config_set_layers(struct tern_config *config, int32_t layers, int32_t heads, int32_t intermediate,
                            enum tern_activation activation);
/* Whether tern_config_set_layers could have made them. */
int tern_config_layers_alike(const struct tern_config *config);
/* Whether a layer uses the tensors of an earlier one. */
int tern_config_shares_layers(const struct tern_config *config);
/* Columns of a layer's query, key, value and context. */
static inline int32_t tern_attention_width(const struct tern_layer_spec *layer)
{
    return layer->heads * layer->head_dim;
}

/* Rows of logits for a batch. */
static inline int32_t tern_label_rows(const struct tern_config *config, const tern_batch *batch)
{
    return tern_head_kinds[config->head].of_tokens ? batch->offsets[batch->n_texts] : batch->n_texts;
}

const char *tern_activation_name(enum tern_activation activation);
const char *tern_architecture_name(enum tern_architecture architecture);
const char *tern_weights_name(enum tern_weights weights);
/* The weights that have that format throughout, and back: int8 for f32 and mixed weights, which have no format. */
static inline enum tern_weights tern_weights_of(enum tern_format format)
{
    return (enum tern_weights)((int)TERN_WEIGHTS_F32 + 1 + (int)format);
}
static inline int tern_weights_are_one_format(enum tern_weights weights)
{
    return weights != TERN_WEIGHTS_F32 && weights != TERN_WEIGHTS_MIXED;
}
static inline enum tern_format tern_weights_format(enum tern_weights weights)
{
    const int format = tern_weights_are_one_format(weights) ? (int)weights - (int)TERN_WEIGHTS_F32 - 1 : 0;
    return (enum tern_format)format;
}
/* Fewer than eight bits, be it in some matrices. */
static inline int tern_weights_are_low_bit(enum tern_weights weights)
{
    return weights != TERN_WEIGHTS_F32 && weights != TERN_WEIGHTS_INT8;
}
/* "f32, int8, ... and auto:BITS": all that tern_weights_find knows. */
struct tern_words tern_weights_words(const char *conjunction);
/* The weights of that name that a user may ask for, or -1. "auto:BITS", BITS from 2 to 8, is mixed. */
int tern_weights_find(const char *name);
/* BITS of "auto:BITS", or 0. */
double tern_weights_bits(const char *name);

#endif
