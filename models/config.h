/* What a checkpoint is: hyper-parameters, heads, pooling, labels. Read from Hugging Face's files, and written to and
   read back from a .tern file's metadata as one JSON object. */
#ifndef TERN_CONFIG_H
#define TERN_CONFIG_H

#include "models/scheme.h"
#include "runtime/base/status.h"
#include "simd/codebook.h"

/* The family of checkpoints that a model came from, for its name and for what its files leave unsaid: see
   models/families.def. Nothing that runs a model asks for it. */
enum tern_architecture {
#define FAMILY(id, ...) TERN_##id,
#include "models/families.def"
#undef FAMILY
    TERN_N_FAMILIES
};
enum tern_activation {
    TERN_GELU,
    TERN_GELU_NEW,
    TERN_RELU,
    TERN_GELU_IBERT,
    TERN_SILU,
    TERN_QUICK_GELU,
    TERN_N_ACTIVATIONS
};
/* The kinds of parts that a layer is made of. A file that names another is refused by that name. A new kind is a value
   here, its name in models/config_json.c, and the code that runs it. */
enum tern_norm_kind {
    TERN_NORM_LAYER, /* LayerNorm with gamma and beta */
    TERN_NORM_RMS,   /* RMSNorm: the same without the mean; beta is 0 */
    TERN_NORM_SCALE, /* gamma x + beta: nothing is normalised (MobileBERT's NoNorm) */
    TERN_N_NORM_KINDS
};
enum tern_norm_place {
    TERN_NORM_POST, /* behind the residual sum */
    TERN_NORM_PRE,  /* in front of attention and feed-forward; the stream itself is normalised behind the last layer */
    TERN_N_PLACES
};
enum tern_mixer {
    TERN_MIXER_SOFTMAX, /* softmax attention, of layers with heads */
    TERN_MIXER_FOURIER, /* the real part of a Fourier transform over tokens and columns, which layers have instead */
    /* Linear attention (models/linear_attention.h), of layers with heads, by its feature map: */
    TERN_MIXER_ELU,       /* elu(x) + 1 (Katharopoulos et al. 2020) */
    TERN_MIXER_RELU,      /* max(x, 0) */
    TERN_MIXER_COSFORMER, /* the same, times the cosine and the sine of the token's place (Qin et al. 2022) */
    TERN_N_MIXERS
};
/* How a layer knows where a token stands. */
enum tern_position_kind {
    TERN_POSITION_ABSOLUTE,     /* only by a table that is added to the words' */
    TERN_POSITION_ROTARY,       /* queries and keys are turned by angles that grow with the position */
    TERN_POSITION_BIAS,         /* a number of the head and of the distance is added to each score */
    TERN_POSITION_DISENTANGLED, /* products of query and key with vectors of the distance are added to each score */
    TERN_POSITION_ALIBI,        /* a number of the head times the distance is taken from each score */
    TERN_N_POSITIONS
};
enum tern_gate {
    TERN_GATE_NONE,    /* ffn_down reads act(ffn_up) */
    TERN_GATE_PRODUCT, /* ffn_down reads act(ffn_gate) times ffn_up, element by element */
    TERN_N_GATES
};
/* The dense layer over [CLS], by its activation. */
enum tern_pooler {
    TERN_POOLER_NONE,
    TERN_POOLER_TANH,
    TERN_POOLER_RELU,
    TERN_POOLER_GELU,
    TERN_POOLER_GELU_NEW,
    TERN_POOLER_SILU,
    TERN_N_POOLERS
};
/* What a classifier of texts makes of a text's states. */
enum tern_head_reads {
    TERN_READS_FIRST, /* it reads the first token's */
    TERN_READS_MEAN,  /* their mean */
    TERN_READS_LATE,  /* the mean of what the pooler makes of each: of its logits, too, as they are linear in it */
    TERN_N_HEAD_READS
};
/* What reads the encoder's states beside the pooling of embeddings: models/heads.def. */
enum tern_head {
    TERN_HEAD_NONE,
#define HEAD_KIND(id, ...) TERN_HEAD_##id,
#include "models/heads.def"
#undef HEAD_KIND
    TERN_N_HEADS
};
/* What makes a head's logits the answer: over all labels together, for each label by itself, or nothing. */
enum tern_output { TERN_OUTPUT_SOFTMAX, TERN_OUTPUT_SIGMOID, TERN_OUTPUT_RAW, TERN_N_OUTPUTS };
/* What a head has rows of logits for. */
enum tern_gives {
    TERN_GIVES_TEXT,   /* each text: of labels */
    TERN_GIVES_TOKENS, /* each token: of labels */
    TERN_GIVES_WORDS   /* each token that is asked for: of the whole vocabulary */
};
struct tern_head_kind {
    const char *name, *run; /* in a file; of its command */
    enum tern_gives gives;
    int pooled;
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
    TERN_MAX_HIDDEN = 8192,        /* also heads * head_dim */
    TERN_MAX_INTERMEDIATE = 32768, /* with a norm behind it TERN_MAX_HIDDEN */
    TERN_MAX_HEAD_DIM = 512,
    TERN_MAX_POSITIONS = 16642, /* as many probabilities times values have room in 32 bits (models/bounds.h) */
    TERN_MAX_TYPES = 16,
    TERN_MAX_VOCAB = 1 << 24,
    TERN_MAX_LABELS = 4096,
    TERN_MAX_WIDTH = 32768, /* of a vector: poolings together, outputs of a dense layer */
    TERN_MAX_POOLINGS = 8,
    TERN_MAX_DENSE = 8,
    TERN_MAX_PROMPTS = 256,
    TERN_MAX_SKIP = 256,
    TERN_MAX_ADAPTER = 64,                          /* bytes of a name */
    TERN_MAX_CONV = 127,                            /* tokens of a kernel */
    TERN_MAX_TABLES = 8,                            /* of positions */
    TERN_MAX_SPAN = 16383,                          /* its rows have int16 numbers */
    TERN_MAX_REPEATS = 64,                          /* of the first block's keys */
    TERN_MAX_COSFORMER_DIM = TERN_MAX_HEAD_DIM / 2, /* its features are twice as many */
};

/* How a text's states are pooled: models/poolings.def. */
enum {
#define POOLING(id, ...) TERN_POOLING_##id,
#include "models/poolings.def"
#undef POOLING
    TERN_N_POOLINGS
};
/* A dense layer behind the pooling, which is a row of TERN_PART_DENSE. */
enum tern_dense_activation {
    TERN_DENSE_IDENTITY,
    TERN_DENSE_TANH,
    TERN_DENSE_RELU,
    TERN_DENSE_SIGMOID,
    TERN_N_DENSE_ACTIVATIONS
};
struct tern_dense_spec {
    int32_t outputs;
    enum tern_dense_activation activation;
    int32_t normalize; /* what it reads is brought to length 1 before */
};
/* What the vectors of a text are: one that is pooled, weights of words, or one for each token. */
enum tern_vector_kind { TERN_VECTORS_TEXT, TERN_VECTORS_SPARSE, TERN_VECTORS_TOKENS };
/* SPARSE: each word of the vocabulary weighs log(1 + max(0, logit)), of a head that gives words. Vectors of such heads
   are made so too where the file says nothing: the largest of the tokens' weights. */
struct tern_sparse_spec {
    int32_t sum;       /* 1: the sum of the tokens' weights */
    int32_t twice;     /* 1: a token's weight is log(1 + weight) once more */
    int32_t looked_up; /* 1: queries are not run: their tokens have weights of their own, tensor "query_weights" */
};
/* TOKENS: the dense layers read the state of each token, in place of a pooled one. */
struct tern_late_spec {
    /* Tokens that are put behind the first special one of a query and of a document: their ids plus 1; 0: none. */
    int32_t query_prefix, document_prefix;
    int32_t query_tokens, document_tokens; /* of a text, at most; 0: what the model takes */
    /* Queries are filled up to so many tokens with that id, which no token sees unless fill_seen; 0: they are not. */
    int32_t fill_to, fill, fill_seen;
    int32_t skip[TERN_MAX_SKIP]; /* [n_skip] ids whose vectors are left out of documents, of queries too with that */
    int32_t n_skip, skip_queries;
    int32_t beside; /* in a checkpoint: the dense layer's weights are among the encoder's. Not in a .tern file */
};
/* What is put before a text, and what that is called. */
struct tern_prompt {
    char *name, *text;
};

/* Matrices that may be given as two (models/parts.c), in this order: query, key, value, attn_out, ffn_up, ffn_gate,
   ffn_down. */
enum { TERN_N_RANKS = 7 };
enum { TERN_CLIP_BITS = 30, TERN_MOST_CLIP = 1 << 29 };

/* One layer. Its parts are those of models/parts.def: attention and feed-forward, a LayerNorm behind each. A layer
   without attention is a feed-forward alone, as an adapter is. */
struct tern_layer_spec {
    int32_t weights; /* the layer whose tensors these are: its own number, or that of an earlier one it shares */
    int32_t heads, head_dim; /* fewer heads than hidden / head_dim: the others were pruned; both 0: no attention */
    int32_t intermediate;
    int32_t before, after;           /* tokens of the text that a token sees on either side; TERN_ALL_TOKENS: all */
    enum tern_activation activation; /* of the feed-forward */
    enum tern_norm_kind norm;
    enum tern_norm_place place;
    enum tern_mixer mixer;
    enum tern_position_kind position;
    enum tern_gate gate;
    int32_t conv; /* tokens, an odd number, of the kernels of a dynamic convolution beside attention, as wide as that
                     (models/span_conv.h); 0: there is none */
    int32_t value_conv; /* the same of kernels, one for each head, by which tokens' values are added to its context */
    /* Of a bottleneck, with TERN_NORM_SCALE: a stream of another width than hidden, 0: there is none. The layer that
       has `narrow` begins it with a matrix, those behind go on in it, and the one that has `widen` adds it to the wide
       stream by a matrix, with a norm behind. Queries, keys and values are made of the wide stream. */
    int32_t width, narrow, widen;
    int32_t table;              /* of positions: the model's table that `position` goes by */
    int32_t rank[TERN_N_RANKS]; /* tern_matrix_rank */
    /* 1: what attention gives each token is multiplied, head by head, by the logistic function of what the matrix
       attn_gate makes of the layer's input (Bondarenko et al. 2023). */
    int32_t attn_gate;
    /* Probabilities p become clip((eta - gamma) p + gamma, 0, 1): -gamma and eta - 1, TERN_CLIP_BITS fraction bits. */
    int32_t clip_low, clip_high;
    int32_t sub_norm;  /* 1: norms are in front of attn_out and ffn_down too, as of BitNet */
    int32_t skip_norm; /* 1: nothing is normalised in front of attention, which reads what the embeddings' norm gives */
    /* Longformer's global attention. 1: the text's first token, or its question, sees all tokens, by queries, keys and
       values of matrices of its own, and all tokens see it, whatever their window. */
    int32_t global;
    /* BigBird's sparse attention, in blocks of so many tokens, of texts of more than 5 + 2 repeats blocks; 0: none. The
       first and the last block see all tokens. Others see these two, themselves and their neighbours; and the first
       block's keys count `repeats` times more (models/seen.h). */
    int32_t block, repeats;
};
enum { TERN_ALL_TOKENS = 1 << 20 };

/* A table of positions, which layers share: ROTARY [max_positions][2 half], of each position the cosines, then the
   sines, of `half` angles, by which a head's dimensions i and i + half are turned, i < half; or BIAS [heads][2
   max_positions - 1], of a head the numbers of the distances 1 - max_positions and up, key minus query; or DISENTANGLED
   [1][2 max_positions - 1], of the same distances the row of the layers' tables of 2 span rows, which from one distance
   to the next is the same or the next one; or ALIBI [heads], what a step of distance costs a head's scores. */
struct tern_table_spec {
    enum tern_position_kind kind;
    int32_t half, heads; /* ROTARY; BIAS and ALIBI */
    int32_t span;        /* DISENTANGLED */
    int32_t c2p, p2c;    /* DISENTANGLED: queries have products with distances, and keys have */
    /* What a conversion makes the table of; not in a .tern file. */
    double theta, scaling;  /* ROTARY: angle i is position * theta^(-i / half) * scaling */
    int32_t interleaved;    /* ROTARY: the checkpoint turns dimensions 2 i and 2 i + 1: rows of query and key move */
    int32_t given;          /* ROTARY: the checkpoint has the numbers, sines in front of cosines */
    int32_t buckets, far;   /* BIAS: of a checkpoint's table of so many buckets, the last for distances from `far` on.
                               DISENTANGLED: distances beyond half of `buckets` share rows, up to `far`; 0: none do */
    int32_t shared, normed; /* DISENTANGLED: the vectors of distances go through the layers' own matrices of queries and
                               keys; a LayerNorm is in front of these */
};

struct tern_config {
    enum tern_architecture architecture;
    enum tern_weights weights;
    int32_t layers, hidden; /* layers 0: static embeddings (models/static.h) */
    /* Heads of the checkpoint's keys and values, each of which so many heads in a row share; 0: every head has its own.
       A conversion repeats their rows, and a .tern file does not know: the answers are the same, at the cost of key and
       value matrices, and of their products, as large as the query's. */
    int32_t key_heads;
    char adapter[TERN_MAX_ADAPTER];                /* the name of the adapter that the layers have; "": none */
    struct tern_layer_spec layer[TERN_MAX_LAYERS]; /* [layers] */
    int32_t vocab, max_positions, token_types;     /* token_types 0: the model has none */
    /* The embeddings' width where it is not `hidden` (a matrix brings them there, behind their norm); 0: it is. */
    int32_t embedding;
    int32_t folded;   /* in a checkpoint: of the tables that a matrix brings to `hidden` in front of their norm, which a
                         conversion does; 0: there is no such matrix. Not in a .tern file */
    double gate_init; /* in a checkpoint: what gates are divided by; 0: nothing. Not in a .tern file */
    int32_t fixed_gates; /* in a checkpoint: 1: each head has a gate that no token changes. Not in a .tern file */
    /* In a checkpoint: queries and keys are made through a bottleneck of their own, or with the values through the
       layer's. Not in a .tern file, where it is multiplied into their matrices */
    int32_t through_keys, through_values;
    /* In a checkpoint with low-rank adapters: their rank (0: it has none), how many tasks there are, which of them
       `adapter` is, and what the products of its factors are multiplied by. Not in a .tern file */
    int32_t lora_rank, lora_tasks, lora_task;
    double lora_scale;
    int32_t adapter_norm; /* in a checkpoint: adapters have a norm of their own. Not in a .tern file */
    /* Words' embeddings are so wide, and a matrix makes what positions and types are added to of those of the word
       behind, of the word itself and of the word before (zeros beyond the text); 0: they are added to the word's. */
    int32_t trigram;
    /* The id, plus 1, of the token that ends a question, the first one of a text: all tokens before it are global in
       layers that have global tokens; 0: the text's first token is. A text without it has the first one too. */
    int32_t question_end;
    /* 1: of a head that finds answers, texts without types have type 0 up to the end of the question and 1 behind, and
       the logits of the question, but for the first token's, are 10^6 lower (models/question.h). */
    int32_t question_apart;
    /* The id, plus 1, of the token that is embedded as zeros, for which all others' embeddings are larger
       (models/token_dropout.h); 0: there is none. Of models without an embeddings' norm. */
    int32_t token_dropout;
    int32_t no_positions;  /* 1: no table of positions is added to the words' */
    int32_t no_embed_norm; /* 1: the embeddings' sum is the stream as it is; of TERN_NORM_PRE only */
    struct tern_table_spec table[TERN_MAX_TABLES]; /* [n_tables] */
    int32_t n_tables;
    double layer_norm_eps; /* 1e-12 unless the checkpoint says otherwise */
    enum tern_pooler pooler;
    int32_t pooler_norm; /* 1: a LayerNorm is behind the pooler's activation */
    int32_t logit_bits;  /* fraction bits of its logits, which a conversion settles (quant/logit_bits.c); 0:
                            TERN_LOGIT_BITS */
    int32_t head_width;  /* outputs of the pooler, which the classifier reads; 0: hidden */
    /* In a checkpoint: the row of its names in tern_checkpoint_family.fill, plus 1, of a head that gives words; and
       whether its classifier is not the table of words. Not in a .tern file. */
    int32_t fill_names, untied;
    enum tern_head_reads head_reads;
    enum tern_head head;
    int32_t n_labels; /* of the head's classifier, else 0 */
    enum tern_output output;
    char **labels; /* [n_labels], from id2label, else "LABEL_0" ... */
    /* Embeddings: the tokens are pooled, in more ways than one if their vectors are joined; dense layers follow; the
       vector is brought to length 1, and cut off. All zero: the mean of all tokens. */
    tern_pooling pooling, joined[TERN_MAX_POOLINGS - 1]; /* joined[n_joined] */
    int32_t n_joined;
    int32_t leave_out_prompt; /* the prompt's tokens are not pooled */
    struct tern_dense_spec dense[TERN_MAX_DENSE];
    int32_t n_dense;
    int32_t normalize;
    int32_t dimensions;          /* of which so many are kept; 0: all */
    struct tern_prompt *prompts; /* [n_prompts] */
    int32_t n_prompts;
    int32_t default_prompt; /* its index plus 1; 0: none */
    enum tern_vector_kind vectors;
    struct tern_sparse_spec sparse;
    struct tern_late_spec late;
    /* [vocab] in a checkpoint: what `sparse.looked_up` says. Not in a .tern file's configuration. */
    float *query_weights;
    int32_t max_tokens; /* min of max_positions and the tokenizer's or sentence-transformers' limit */
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
/* Whether any layer knows positions that way. */
int tern_config_has_position(const struct tern_config *config, enum tern_position_kind position);
/* Whether some queries see keys that do not lie one behind the other; and whether any layer has a global token. */
int tern_config_gathers(const struct tern_config *config);
int tern_config_has_global(const struct tern_config *config);
/* Whether any layer has a gate. */
int tern_config_has_gate(const struct tern_config *config);
/* Whether a layer uses the tensors of an earlier one. */
int tern_config_shares_layers(const struct tern_config *config);
/* Whether a layer's attention is linear; and whether any layer's is. */
static inline int tern_is_linear(const struct tern_layer_spec *layer)
{
    return layer->mixer >= TERN_MIXER_ELU;
}
int tern_config_has_linear(const struct tern_config *config);
/* Columns of a layer's query, key, value and context. */
static inline int32_t tern_attention_width(const struct tern_layer_spec *layer)
{
    return layer->heads * layer->head_dim;
}

/* Columns of what the matrix behind attention reads. */
static inline int32_t tern_context_width(const struct tern_layer_spec *layer)
{
    return tern_attention_width(layer) * (layer->conv ? 2 : 1);
}

/* Numbers of a row of the embedding tables. */
static inline int32_t tern_embedding_size(const struct tern_config *config)
{
    return config->embedding ? config->embedding : config->hidden;
}
/* Whether there are no layers: a text's vector is the mean of its tokens'. */
static inline int tern_config_is_static(const struct tern_config *config)
{
    return config->layers == 0;
}
/* The width of the stream that a layer's feed-forward reads and adds to. */
static inline int32_t tern_layer_width(const struct tern_config *config, int layer)
{
    return config->layer[layer].width ? config->layer[layer].width : config->hidden;
}
/* Whether layers have a Fourier transform in place of attention. */
static inline int tern_config_is_fourier(const struct tern_config *config)
{
    return config->layer[0].mixer == TERN_MIXER_FOURIER;
}
/* Whether nothing is normalised, so that rows have exponents (models/scaled.h). */
static inline int tern_config_is_scaled(const struct tern_config *config)
{
    return config->layer[0].norm == TERN_NORM_SCALE;
}
/* Whether the layers normalise what they read, and not what they add to. */
static inline int tern_config_is_pre_norm(const struct tern_config *config)
{
    return config->layer[0].place == TERN_NORM_PRE;
}

/* Whether the model's norms, those of the embeddings and heads too, are RMSNorms. */
static inline int tern_config_is_rms(const struct tern_config *config)
{
    return config->layer[0].norm == TERN_NORM_RMS;
}

/* Rows of logits for a batch. */
static inline int32_t tern_label_rows(const struct tern_config *config, const tern_batch *batch)
{
    return tern_head_kinds[config->head].gives == TERN_GIVES_TEXT ? batch->n_texts : batch->offsets[batch->n_texts];
}

/* Whether the head's logits are of the vocabulary, and it has no labels. */
static inline int tern_gives_words(const struct tern_config *config)
{
    return tern_head_kinds[config->head].gives == TERN_GIVES_WORDS;
}

/* Logits of a row. */
static inline int32_t tern_logits_width(const struct tern_config *config)
{
    return tern_gives_words(config) ? config->vocab : config->n_labels;
}

/* Fraction bits of the head's logits. */
static inline int tern_logit_bits(const struct tern_config *config)
{
    return config->logit_bits ? config->logit_bits : TERN_LOGIT_BITS;
}

/* What the classifier reads, and a pooler in front of it gives. */
static inline int32_t tern_head_width(const struct tern_config *config)
{
    return config->head_width ? config->head_width : config->hidden;
}

/* Of a head of so many labels whose checkpoint says nothing: softmax, or the logistic function of a single one. */
static inline enum tern_output tern_usual_output(int32_t n_labels)
{
    return n_labels == 1 ? TERN_OUTPUT_SIGMOID : TERN_OUTPUT_SOFTMAX;
}

const char *tern_output_name(enum tern_output output);
/* The pooling at place i, 0 <= i <= n_joined. */
static inline tern_pooling tern_pooling_at(const struct tern_config *config, int32_t i)
{
    return i ? config->joined[i - 1] : config->pooling;
}
/* Numbers of the pooled vector, of what dense layer `i` reads (n_dense: of what comes out of the last), of the widest
   of these, and of the vector that the model's users get. */
int32_t tern_pooled_width(const struct tern_config *config);
int32_t tern_dense_inputs(const struct tern_config *config, int32_t i);
int32_t tern_widest_vector(const struct tern_config *config);
int32_t tern_vector_width(const struct tern_config *config);
const char *tern_pooling_name(tern_pooling pooling);
const char *tern_dense_activation_name(enum tern_dense_activation activation);
/* Describes how an embedding is made, in words: "mean, dense to 64 with tanh, length 1, first 32". */
void tern_embedding_words(char *out, size_t capacity, const struct tern_config *config);

const char *tern_mixer_name(enum tern_mixer mixer);
const char *tern_activation_name(enum tern_activation activation);
const char *tern_architecture_name(enum tern_architecture architecture);
/* Published checkpoints of a family, and what of it is refused ("": nothing), in words. */
const char *tern_architecture_known(enum tern_architecture architecture);
const char *tern_architecture_refused(enum tern_architecture architecture);
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
