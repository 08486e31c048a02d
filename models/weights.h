/* A model's weights as the encoder sees them: structures of pointers into the mapped .tern file. */
#ifndef TERN_MODEL_WEIGHTS_H
#define TERN_MODEL_WEIGHTS_H

#include "models/config.h"
#include "models/linear.h"
#include "models/parts.h"
#include "models/safetensors.h"
#include "simd/codebook.h"

struct tern_norm {
    const int16_t *gamma, *beta; /* [hidden] */
    uint64_t eps;
    struct tern_real unit; /* real value of 1 in the norm's 16-bit output */
    int affine;            /* the matrices behind it read its output, not the row before gamma and beta */
};

/* An embedding table: int8 rows, or codes of int4 or ternary, each with a multiplier in the sum's unit. */
struct tern_embedding {
    const int8_t *q;         /* [rows][hidden]; NULL: codes */
    struct tern_codes codes; /* one panel of rows * steps k steps: value 64 s + 4 c + i of a row is channel c, input i
                                of its step s */
    int steps;               /* of a row */
    const int16_t *mul;
    int rows;
};

/* By enum tern_matrix and enum tern_layer_norm. A layer that shares an earlier one's weights points to the same. */
struct tern_layer {
    struct tern_linear matrix[TERN_N_MATRICES];
    struct tern_norm norm[TERN_N_NORMS];
    struct tern_real score; /* Q10 octaves per step of q * k accumulators, per amax_q * amax_k */
    struct tern_poly act;
};

struct tern_int8_weights {
    struct tern_embedding word;
    struct tern_embedding position; /* row type * max_positions + position: the two tables' sum */
    const int16_t *column;          /* [hidden] the scale of each column, common to both tables */
    struct tern_norm embed_norm;
    struct tern_layer *layers; /* owned */
    struct tern_linear pooler, classifier;
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
};
struct tern_f32_norm {
    const float *gamma, *beta;
};
struct tern_f32_layer {
    struct tern_f32_linear matrix[TERN_N_MATRICES];
    struct tern_f32_norm norm[TERN_N_NORMS];
};

struct tern_f32_weights {
    const float *word, *position, *type;
    struct tern_f32_norm embed_norm;
    struct tern_f32_layer *layers; /* owned */
    struct tern_f32_linear pooler, classifier;
};

/* The LayerNorm whose output the matrices with that input read; NULL: they read no LayerNorm's. */
const struct tern_f32_norm *tern_f32_norm_before(const struct tern_f32_weights *w, int layer,
                                                 enum tern_layer_input input);

/* Finds and checks every tensor of the config in the container: dtype, shape, range of every small number, and no
   int8 weight of -128. TERN_FORMAT, TERN_NOMEM. */
tern_status tern_int8_load(struct tern_int8_weights *out, const struct tern_config *config,
                           const struct tern_safetensors *st, const char *label, tern_error *err);
tern_status tern_f32_load(struct tern_f32_weights *out, const struct tern_config *config,
                          const struct tern_safetensors *st, const char *label, tern_error *err);

#endif
