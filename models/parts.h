/* What a model is made of: the parts of parts.def, their shapes in a given model, and the key of each tensor. */
#ifndef TERN_PARTS_H
#define TERN_PARTS_H

#include "models/config.h"

/* What the matrices of a layer read: query, key and value the norm before, and so on. */
enum tern_layer_input {
    TERN_INPUT_QKV,
    TERN_INPUT_CONV_POINT,
    TERN_INPUT_CONV_KERNEL,
    TERN_INPUT_ATTN_OUT,
    TERN_INPUT_FFN_UP,
    TERN_INPUT_FFN_DOWN,
    TERN_INPUT_WIDEN,
    TERN_N_INPUTS,
    TERN_INPUT_HEAD /* of no layer: the head's own */
};
enum tern_end { TERN_END_REQUANT, TERN_END_RESIDUAL, TERN_END_LOGITS, TERN_END_SCALED };
enum tern_part_kind { TERN_KIND_TABLE, TERN_KIND_NORM, TERN_KIND_MATRIX };
/* Of a place with several copies of its parts, a layer of the encoder, a table of positions or a dense layer, each has
   a number. */
enum tern_part_place {
    TERN_PLACE_EMBEDDINGS,
    TERN_PLACE_POSITIONS,
    TERN_PLACE_LAYER,
    TERN_PLACE_HEAD,
    TERN_PLACE_MODULE
};

/* What parts have so many rows or columns of: models/sizes.def. */
enum tern_size {
    TERN_SIZE_NONE,
#define SIZE(id, value) TERN_SIZE_##id,
#include "models/sizes.def"
#undef SIZE
};

/* All parts, then those of a layer by kind: what indexes the arrays of struct tern_layer. */
enum tern_part_id {
#define TABLE(id, name, rows, columns) TERN_PART_##id,
#define POSITIONS(id, name, rows, columns) TERN_PART_##id,
#define MODEL_NORM(id, name, width) TERN_PART_##id,
#define LAYER_TABLE(id, name, rows, columns) TERN_PART_##id,
#define LAYER_NORM(id, name, width) TERN_PART_##id,
#define LAYER_MATRIX(id, name, rows, columns, reads, ends) TERN_PART_##id,
#define HEAD(id, name, rows, columns, reads, ends) TERN_PART_##id,
#define HEAD_NORM(id, name) TERN_PART_##id,
#define MODULE_MATRIX(id, name, rows, columns, reads, ends) TERN_PART_##id,
#include "models/parts.def"
#undef TABLE
#undef POSITIONS
#undef MODEL_NORM
#undef LAYER_TABLE
#undef LAYER_NORM
#undef LAYER_MATRIX
#undef HEAD
#undef HEAD_NORM
#undef MODULE_MATRIX
    TERN_N_PARTS
};
#define TABLE(id, name, rows, columns)
#define POSITIONS(id, name, rows, columns)
#define MODEL_NORM(id, name, width)
#define HEAD(id, name, rows, columns, reads, ends)
#define HEAD_NORM(id, name)
#define MODULE_MATRIX(id, name, rows, columns, reads, ends)
enum tern_matrix {
#define LAYER_TABLE(id, name, rows, columns)
#define LAYER_NORM(id, name, width)
#define LAYER_MATRIX(id, name, rows, columns, reads, ends) TERN_##id,
#include "models/parts.def"
#undef LAYER_TABLE
#undef LAYER_NORM
#undef LAYER_MATRIX
    TERN_N_MATRICES
};
enum tern_layer_norm {
#define LAYER_TABLE(id, name, rows, columns)
#define LAYER_NORM(id, name, width) TERN_##id,
#define LAYER_MATRIX(id, name, rows, columns, reads, ends)
#include "models/parts.def"
#undef LAYER_TABLE
#undef LAYER_NORM
#undef LAYER_MATRIX
    TERN_N_NORMS
};
enum tern_layer_table {
#define LAYER_TABLE(id, name, rows, columns) TERN_##id,
#define LAYER_NORM(id, name, width)
#define LAYER_MATRIX(id, name, rows, columns, reads, ends)
#include "models/parts.def"
#undef LAYER_TABLE
#undef LAYER_NORM
#undef LAYER_MATRIX
    TERN_N_LAYER_TABLES
};
#undef TABLE
#undef POSITIONS
#undef MODEL_NORM
#undef HEAD
#undef HEAD_NORM
#undef MODULE_MATRIX

struct tern_part {
    const char *name; /* canonical: "embed.word", or "query" of layer N */
    enum tern_part_kind kind;
    enum tern_part_place place;
    enum tern_size rows, columns; /* columns TERN_SIZE_NONE: a vector */
    int index;                    /* of a layer's part: enum tern_matrix, tern_layer_norm or tern_layer_table */
    enum tern_layer_input reads;
    enum tern_end ends;
};
extern const struct tern_part tern_parts[TERN_N_PARTS];

/* "qkv": what a layer's input is called in a file. */
const char *tern_input_name(enum tern_layer_input input);
/* How its sums leave in that model: where nothing is normalised, as rows with exponents. */
enum tern_end tern_part_ends(const struct tern_config *config, const struct tern_part *part);
/* The part of a layer's matrix. */
const struct tern_part *tern_matrix_part(enum tern_matrix matrix);

/* Whether a model has the part at all: token types, pooler, classifier and others may be missing. */
int tern_part_present(const struct tern_config *config, const struct tern_part *part);
/* How many of it: of a layer's part the layers, of a dense layer's the dense layers, of others one, or none. */
int tern_part_count(const struct tern_config *config, const struct tern_part *part);
/* Whether copy i has tensors of its own: a layer may use those of an earlier one, or do without the part. */
int tern_part_owned(const struct tern_config *config, const struct tern_part *part, int i);

/* [n][k] of copy `layer` of a part's weight, k = 0 for a vector. `layer` is ignored where there is one at most. */
struct tern_shape {
    int32_t n, k;
};
struct tern_shape tern_part_shape(const struct tern_config *config, const struct tern_part *part, int layer);
/* What a layer reads first: without attention it is what the feed-forward reads; a transform has no matrices of the
   layer, but counts. Of `layers`: what a head reads. */
enum tern_layer_input tern_first_input(const struct tern_config *config, int layer);
/* Whether the first neurons of its feed-forward may be run alone: not of layers that are a feed-forward alone, as an
   adapter is, nor where rows have exponents. */
int tern_ffn_may_narrow(const struct tern_config *config, int layer);
/* The width of what matrices of a layer read. */
int32_t tern_input_width(const struct tern_config *config, int layer, enum tern_layer_input input);
/* The widest of all layers, at least hidden. */
int32_t tern_widest_input(const struct tern_config *config);
/* The outputs of the first of the two matrices that a layer's matrix is given as, in place of one: out =
   second(first(x)). 0: it is one. */
int32_t tern_matrix_rank(const struct tern_config *config, enum tern_matrix matrix, int layer);
/* Where the layer has that number; NULL: such a matrix is never two. */
int32_t *tern_rank_of(struct tern_layer_spec *layer, enum tern_matrix matrix);
/* The largest of these numbers; 0: no matrix is two. */
int32_t tern_most_rank(const struct tern_config *config);
/* "query.inner": what the first of two is called in a file. */
enum { TERN_INNER_NAME = 48 };
void tern_inner_name(char out[TERN_INNER_NAME], const struct tern_part *part);
/* [n][k] of a layer's matrix by its index in an array [layers][TERN_N_MATRICES]. */
struct tern_shape tern_matrix_shape(const struct tern_config *config, int index);
/* The largest of all layers' numbers at an offset in struct tern_layer_spec, an int32_t: of heads, say. */
int32_t tern_largest_number(const struct tern_config *config, size_t offset);
/* The square of what the layer's scores are divided by: a head's dimensions times the kinds of products in a score. */
int32_t tern_score_divisor(const struct tern_config *config, int layer);
/* Columns of the widest query, key, value or context. */
int32_t tern_widest_attention(const struct tern_config *config);
/* Weights of the largest matrix of a layer. */
size_t tern_largest_matrix(const struct tern_config *config);

/* Which float tensor is meant: the weight or the bias of a part, in a layer (of the encoder, or dense) or (-1) in none.
 */
struct tern_key {
    enum tern_part_id part;
    int layer, is_bias;
    int inner; /* of the first of a pair of matrices (tern_matrix_rank) */
};
enum { TERN_KEY_NAME = 64 };
/* "layer.3." or "module.0." before the names of a part's tensors; "" where the part is of no layer. */
enum { TERN_PREFIX = 24 };
void tern_part_prefix(char out[TERN_PREFIX], const struct tern_part *part, int layer);
/* "layer.3.query.bias", the name in a .tern file with float weights. */
void tern_key_name(char out[TERN_KEY_NAME], struct tern_key key);
/* Reads such a name. 0 when it is none. */
int tern_key_parse(struct tern_key *out, const char *name);

#endif
