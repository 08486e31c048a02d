/* An opened model: the container, its config, its tokenizer and its weights. */
#ifndef TERN_RUNTIME_MODEL_H
#define TERN_RUNTIME_MODEL_H

#include "models/checksum.h"
#include "models/tokenizer.h"
#include "models/weights.h"
#include "runtime/base/aside.h"
#include "runtime/base/file.h"

struct tern_model {
    struct tern_mapping mapping; /* {NULL, 0} for a model in memory that is the caller's */
    struct tern_checksum *checksum;
    struct tern_aside aside; /* at the checksum, while the model is opened */
    struct tern_safetensors tensors;
    struct tern_config config;
    tern_tokenizer *tokenizer; /* NULL when the file has no vocabulary */
    struct tern_int8_weights int8;
    struct tern_f32_weights f32;
    const float *query_weights; /* [vocab] of sparse vectors of queries; NULL: these are run as documents are */
    char embedding[640];        /* tern_model_info's */
    tern_model_info info;
};

/* tern_model_open on a file that is mapped already; the mapping is the model's from here on, also when this fails. */
tern_status tern_model_open_mapping(tern_model **out, struct tern_mapping mapping, const char *label, tern_error *err);

#endif
