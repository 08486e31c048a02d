/* Turns float tensors into those of a .tern file. Host side. */
#ifndef TERN_STORE_H
#define TERN_STORE_H

#include "models/builder.h"
#include "models/weights.h"

/* Where float tensors come from: a checkpoint, or a seeded generator. Names are those of models/checkpoint.h. */
struct tern_source {
    const struct tern_config *config;
    int plain; /* low-bit scales are not searched for: the weights stand for none */
    enum tern_format embeddings; /* of the word table: int8, int4 or ternary */
    const enum tern_format *formats; /* [layers][TERN_N_MATRICES] for mixed weights, else NULL */
    int group; /* inputs that share a multiplier: 32, 64 or 128; 0: 64 */
    /* Second-order quantisation of low-bit weights; NULL: to the nearest. May return NULL, which fails. */
    const struct tern_second_order *(*second)(void *calibration, int layer, enum tern_layer_input which);
    void *calibration;
    tern_status (*read)(void *context, const char *name, float *out, size_t count, tern_error *err);
    void *context;
    /* The report and the progress of tern_convert_options; either may be NULL. */
    void (*report)(void *context, const char *line);
    void (*progress)(void *context, size_t done, size_t total);
    void *listener;
};

/* Adds all tensors of the config to the builder, int8 or f32 as config->weights says; the metadata is the caller's. */
tern_status tern_store_int8(struct tern_builder *builder, const struct tern_source *source, tern_error *err);
tern_status tern_store_f32(struct tern_builder *builder, const struct tern_source *source, tern_error *err);

#endif
