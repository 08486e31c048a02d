/* Puts a .tern file together: tensors, vocabulary, configuration, checksum; on disk or in memory. */
#include "quant/convert.h"

#include "models/format.h"
#include "models/scheme.h"
#include "simd/ops.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tern_status add_tokenizer(struct tern_builder *b, const tern_tokenizer *tokenizer, tern_error *err)
{
    size_t bytes;
    const char *vocabulary = tern_tokenizer_vocabulary(tokenizer, &bytes);
    char *settings = tern_tokenizer_settings(tokenizer), number[32];
    const int64_t shape = ((int64_t)bytes + 63) / 64 * 64;
    uint8_t *data = tern_builder_add(b, "vocabulary", TERN_U8, 1, &shape);
    tern_status status = settings && data ? TERN_OK : tern_fail_nomem(err, "the vocabulary", bytes);
    if (!status) {
        memcpy(data, vocabulary, bytes);
        snprintf(number, sizeof number, "%zu", bytes);
        tern_builder_metadata(b, "tern.tokenizer", settings);
        tern_builder_metadata(b, "tern.vocabulary_bytes", number);
    }
    free(settings);
    return status;
}

/* What tokens weigh in queries, as it is. */
static tern_status add_query_weights(struct tern_builder *b, const struct tern_config *c, tern_error *err)
{
    const int64_t shape = tern_round_up(c->vocab, TERN_PARAM32);
    float *const data = tern_builder_add(b, "query_weights", TERN_F32, 1, &shape);
    if (!data)
        return tern_fail_nomem(err, "weights of queries", (size_t)shape * sizeof *data);
    memcpy(data, c->query_weights, (size_t)c->vocab * sizeof *data);
    return TERN_OK;
}

tern_status tern_build(struct tern_builder **out, const struct tern_source *source, const tern_tokenizer *tokenizer,
                       tern_error *err)
{
    *out = NULL;
    struct tern_builder *b;
    tern_status status = tern_builder_open(&b, err);
    if (status)
        return status;
    status =
        source->config->weights == TERN_WEIGHTS_F32 ? tern_store_f32(b, source, err) : tern_store_int8(b, source, err);
    if (!status && source->config->sparse.looked_up)
        status = add_query_weights(b, source->config, err);
    if (!status && tokenizer)
        status = add_tokenizer(b, tokenizer, err);
    if (!status) {
        char *config = tern_config_to_json(source->config);
        tern_builder_metadata(b, "tern.version", TERN_VERSION);
        tern_builder_metadata(b, "tern.scheme", TERN_SCHEME);
        tern_builder_metadata(b, "tern.config", config);
        free(config);
        status = tern_builder_finish(b, err);
    }
    if (status)
        tern_builder_close(b);
    else
        *out = b;
    return status;
}

tern_status tern_build_model(tern_model **out, void **bytes, const struct tern_source *source,
                             const tern_tokenizer *tokenizer, tern_error *err)
{
    *out = NULL;
    *bytes = NULL;
    struct tern_builder *b;
    tern_status status = tern_build(&b, source, tokenizer, err);
    if (status)
        return status;
    size_t size = tern_builder_bytes(b); /* a multiple of 64 */
    *bytes = aligned_alloc(64, size);
    if (*bytes)
        tern_builder_copy(b, *bytes);
    tern_builder_close(b);
    if (!*bytes)
        return tern_fail_nomem(err, "a model in memory", size);
    status = tern_model_open_memory(out, *bytes, size, err);
    if (status) {
        free(*bytes);
        *bytes = NULL;
    }
    return status;
}
