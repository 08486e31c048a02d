/* Turns float tensors into those of a .tern file. Host side. */
#ifndef TERN_STORE_H
#define TERN_STORE_H

#include "models/weights.h"
#include "quant/builder.h"
#include "quant/lowbit.h"
#include "quant/sparse_costs.h"
#include "quant/trained.h"

/* The relative squared error of a matrix's outputs after pruning on texts: with compensation and without. */
struct tern_pruned_matrix {
    double error, masked;
};

/* Where float tensors come from: a checkpoint, or a seeded generator. See models/parts.h for their keys. */
struct tern_source {
    const struct tern_config *config;
    int plain;                       /* low-bit scales are not searched for: the weights stand for none */
    enum tern_format embeddings;     /* of the word table: int8, int4 or ternary */
    const enum tern_format *formats; /* [layers][TERN_N_MATRICES] for mixed weights, else NULL */
    /* [layers][TERN_N_MATRICES] 1 if a matrix was trained on the grid of its format and stays on it; NULL: none was.
       The LayerNorm before one keeps its gamma and beta to itself (models/scheme.h). From tern_find_trained. */
    const uint8_t *trained;
    /* Everything was trained on the grids of `config->weights`, `embeddings` and `group`, with the columns in `copies`,
       and must be kept; columns: the word table's scales, [its width], or NULL. */
    int on_grid;
    const int16_t *columns;
    int rest_asked; /* the user accepts int8 for tensors that cannot have the types of `weights` and `embeddings` */
    /* Block-sparse layers: `sparse` of the shape `block`, after pruning that fraction of every matrix's blocks (0: the
       zeros that are there). The weights are int8 or have 4 bits. */
    int sparse;
    enum tern_block_shape block;
    double prune;
    /* Where blocks pay, on the ISA of that name, for rows of a bucket (or TERN_ANY_BUCKET). With `find_blocks` it
       decides for every matrix whether it is stored sparse and in which shape, otherwise the report goes by it; NULL:
       neither. */
    const struct tern_sparse_routes *routes;
    const char *routes_isa;
    int rows_bucket, find_blocks;
    int allocate; /* on texts: `prune` counts over all matrices, and those that matter less lose more */
    /* [layers][TERN_N_MATRICES] of matrices that `read` gives pruned already; NULL: they are not. */
    const struct tern_pruned_matrix *pruned;
    int group; /* inputs that share a multiplier: 32, 64 or 128; 0: 64 */
    /* [layers][TERN_N_INPUTS] columns that the matrices with that input repeat; NULL: none. */
    const struct tern_copies *copies;
    /* Second-order quantisation; NULL: to the nearest. May return NULL, which fails. */
    const struct tern_second_order *(*second)(void *calibration, int layer, enum tern_layer_input which);
    void *calibration;
    /* Copies the float tensor of a key into out[count]. */
    tern_status (*read)(void *context, struct tern_key key, float *out, size_t count, tern_error *err);
    void *context;
    /* The report and the progress of tern_convert_options; either may be NULL. */
    void (*report)(void *context, const char *line);
    void (*progress)(void *context, size_t done, size_t total);
    void *listener;
};

/* Looks for matrices on the grid of the config's weights, ternary or binary: trained[layers][TERN_N_MATRICES]. */
tern_status tern_find_trained(uint8_t *trained, const struct tern_source *source, tern_error *err);
/* Whether matrices with that input read a LayerNorm's output y: one of them, at least, was trained. */
int tern_reads_affine(const struct tern_source *source, int layer, enum tern_layer_input which);
/* The first tensor that will have another type than was asked for; NULL: none. The pooler and the classifier have no
   low-bit form, the position table has neither that nor int4. */
const char *tern_stored_otherwise(const struct tern_source *source);
/* Whether a key is that of the weights of one of the encoder's matrices. */
int tern_is_encoder_matrix(struct tern_key key);

/* How a layer's matrix is quantised, but for its columns' copies and the zeros of pruning. What the calibration says is
   valid until it is asked again. TERN_FORMAT: it has no factor. */
tern_status tern_source_coding(struct tern_coding *out, const struct tern_source *source, int layer,
                               enum tern_matrix matrix, tern_error *err);

/* Adds all tensors of the config to the builder, int8 or f32 as config->weights says; the metadata is the caller's. */
tern_status tern_store_int8(struct tern_builder *builder, const struct tern_source *source, tern_error *err);
tern_status tern_store_f32(struct tern_builder *builder, const struct tern_source *source, tern_error *err);

#endif
