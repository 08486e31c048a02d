/* A model's weights as the encoder sees them: structures of pointers into the mapped .tern file. */
#ifndef TERN_MODEL_WEIGHTS_H
#define TERN_MODEL_WEIGHTS_H

#include "models/config.h"
#include "models/copies.h"
#include "models/format.h"
#include "models/linear.h"
#include "models/parts.h"
#include "models/safetensors.h"
#include "simd/codebook.h"

struct tern_norm {
    const int16_t *gamma, *beta; /* [hidden], of the embeddings [embedding size] */
    uint64_t eps;
    struct tern_real unit; /* real value of 1 in the norm's 16-bit output */
    int affine;            /* the matrices behind it read its output, not the row before gamma and beta */
};

/* An embedding table: int8 rows, or codes of int4 or ternary, each with a multiplier in the sum's unit. */
struct tern_embedding {
    const int8_t *q;         /* [rows][embedding size]; NULL: codes */
    struct tern_codes codes; /* one panel of rows * steps k steps: value 64 s + 4 c + i of a row is channel c, input i
                                of its step s */
    int steps;               /* of a row */
    const int16_t *mul;
    int rows;
};

/* A layer's vectors of distances, of queries' products (TERN_POSITION_KEY) or of keys' (TERN_POSITION_QUERY). */
struct tern_distances {
    const int8_t *q; /* [heads] panels of 2 span vectors; of keys' products [heads][2 span][dim4]; NULL: none */
    const struct tern_row *row; /* [heads] amax of all of a head's, and the largest norm2 of one */
    struct tern_real score;     /* Q10 octaves per step of accumulators, per amax of both operands */
};

/* By enum tern_matrix and enum tern_layer_norm. A layer that shares an earlier one's weights points to the same. */
struct tern_layer {
    struct tern_linear matrix[TERN_N_MATRICES], inner[TERN_N_MATRICES]; /* inner: what those point to */
    struct tern_outliers outliers[TERN_N_INPUTS];                       /* owned by the layer whose weights they are */
    struct tern_norm norm[TERN_N_NORMS];
    struct tern_real score;             /* Q10 octaves per step of q * k accumulators, per amax_q * amax_k */
    struct tern_elu elu_query, elu_key; /* of TERN_MIXER_ELU; its layers have no score */
    /* Of the global token: the same, and what a unit of its context is of the others' unit, in 2^-15. */
    struct tern_real global_score;
    int32_t global_unit;
    struct tern_distances distances[TERN_N_LAYER_TABLES];
    struct tern_poly act, gate; /* gate: tanh of half of what attn_gate gives */
    const int16_t *conv_value;  /* [heads][value_conv] in units of 2^-conv_bits; NULL: values are not convolved */
    int conv_bits;
    const int16_t *conv_depth; /* [conv][hidden]; NULL: the layer has no convolution */
};

/* A table of positions (struct tern_table_spec). */
struct tern_position_table {
    const int16_t *q; /* ROTARY: Q14; BIAS: octaves with TERN_BIASED_BITS - up fraction bits; DISENTANGLED: rows */
    int up;
    const struct tern_real *slope; /* ALIBI: [heads] octaves for a step of distance */
};

/* Of static embeddings: the real value of 1 in a row's integer times its multiplier times a column's scale, and the
   fraction bits of a text's mean. */
struct tern_static {
    struct tern_real unit;
    int bits;
};

struct tern_int8_weights {
    struct tern_embedding word;
    struct tern_embedding position; /* row type * positions + position: the two tables' sum; without a table of
                                       positions there is one for each type */
    const int16_t *column;          /* [embedding size] the scale of each column, common to both tables */
    struct tern_position_table table[TERN_MAX_TABLES];
    struct tern_norm embed_norm, final_norm, pooler_norm; /* those that there are */
    struct tern_linear mix, project, fourier;
    const int8_t *fourier_wave;     /* [TERN_WAVE] (models/fourier.h) */
    struct tern_real fourier_ratio; /* what y is multiplied by to be in units of its transform's sums */
    int position_exp;               /* of a model that normalises nothing: position's rows are in units of 2^this */
    int stream_shift; /* TERN_NORM_PRE: bits to the left (below 0: right, rounded) that take what the embeddings give to
                         the stream's unit */
    struct tern_layer *layers; /* owned */
    struct tern_linear pooler, classifier, dense[TERN_MAX_DENSE];
    struct tern_static fixed;
    struct tern_poly pooler_act;
};

/* Where a row of codes begins: the line, and the steps before it in that line or block. */
struct tern_row_place {
    ptrdiff_t line;
    int before;
};
static inline struct tern_row_place tern_row_place(const struct tern_codebook *book, int steps, int row)
{
    const int64_t first = (int64_t)row * steps;
    const int bits = book->bits, unit = bits == 4 ? 2 : TERN_BLOCK_STEPS, lines = bits == 4 ? 1 : bits;
    const struct tern_row_place place = {(ptrdiff_t)(first / unit * lines), (int)(first % unit)};
    return place;
}
/* Lines of a table of `rows` rows, a multiple of 64 and so of whole blocks. */
static inline int64_t tern_table_lines(const struct tern_codebook *book, int steps, int64_t rows)
{
    return rows * steps / TERN_BLOCK_STEPS * (book->bits == 4 ? TERN_BLOCK_STEPS / 2 : book->bits);
}

/* The float path: HF's own tensors. [outputs][inputs] row-major. */
struct tern_f32_linear {
    const float *w, *b;
    int n, k;
    const struct tern_f32_linear *inner; /* what the rows go through first; NULL: nothing */
};
struct tern_f32_norm {
    const float *gamma, *beta;
};
struct tern_f32_layer {
    struct tern_f32_linear matrix[TERN_N_MATRICES], inner[TERN_N_MATRICES];
    struct tern_f32_norm norm[TERN_N_NORMS];
    const float *table[TERN_N_LAYER_TABLES]; /* NULL: the layer has none */
};

struct tern_f32_weights {
    const float *word, *position, *type, *table[TERN_MAX_TABLES];
    struct tern_f32_norm embed_norm, final_norm, pooler_norm;
    struct tern_f32_layer *layers; /* owned */
    struct tern_f32_linear mix, fourier, project, pooler, classifier, dense[TERN_MAX_DENSE];
};

/* Which LayerNorm's output the matrices with that input read, and of which layer (-1: the embeddings' norm).
   TERN_N_PARTS: no LayerNorm's. `layer` = layers: what a head reads. */
enum tern_part_id tern_norm_before(const struct tern_config *config, int layer, enum tern_layer_input input, int *of);
/* The same, of a float model; NULL: no LayerNorm's. */
const struct tern_f32_norm *tern_f32_norm_before(const struct tern_f32_weights *w, const struct tern_config *config,
                                                 int layer, enum tern_layer_input input);
/* The norm whose output is the encoder's result; of models that normalise nothing there is none. */
static inline const struct tern_norm *tern_last_norm(const struct tern_int8_weights *w,
                                                     const struct tern_config *config)
{
    return tern_config_is_pre_norm(config) ? &w->final_norm : &w->layers[config->layers - 1].norm[TERN_FFN_NORM];
}

/* Finds and checks every tensor of the config in the container: dtype, shape, range of every small number, and no
   int8 weight of -128. TERN_FORMAT, TERN_NOMEM. */
tern_status tern_int8_load(struct tern_int8_weights *out, const struct tern_config *config,
                           const struct tern_safetensors *st, const char *label, tern_error *err);
/* Frees what is owned; safe on a zeroed struct. */
void tern_int8_close(struct tern_int8_weights *weights, const struct tern_config *config);
tern_status tern_f32_load(struct tern_f32_weights *out, const struct tern_config *config,
                          const struct tern_safetensors *st, const char *label, tern_error *err);

#endif
