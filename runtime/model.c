/* Opens a .tern file: checks version, configuration, weights and tokenizer in this order, and beside them the checksum.
 */
#include "runtime/model.h"

#include "models/checksum.h"
#include "models/format.h"
#include "models/load.h"
#include "models/scheme.h"
#include "simd/ops.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* From this size on a checksum takes longer than a thread takes to start, which is 10 to 60 us. */
enum { LARGE_FILE = 1 << 19 };

/* Weights and biases; a layer that shares an earlier one's counts once. */
static uint64_t count_parameters(const struct tern_config *c)
{
    uint64_t n = 0;
    for (const struct tern_part *p = tern_parts; p < tern_parts + TERN_N_PARTS; p++) {
        const int bias = p->kind != TERN_KIND_TABLE, n_parts = tern_part_count(c, p);
        for (int i = 0; i < n_parts; i++) {
            const struct tern_shape s = tern_part_shape(c, p, i);
            const int layered = p->place == TERN_PLACE_LAYER && p->kind == TERN_KIND_MATRIX;
            const uint64_t rank = layered ? (uint64_t)tern_matrix_rank(c, (enum tern_matrix)p->index, i) : 0;
            if (tern_part_owned(c, p, i) && rank)
                n += rank * (uint64_t)(s.n + s.k + 1) + (uint64_t)s.n;
            else if (tern_part_owned(c, p, i))
                n += (uint64_t)s.n * (uint64_t)((s.k ? s.k : 1) + bias);
        }
    }
    return n;
}

static void fill_info(tern_model *m, uint64_t bytes, uint64_t checksum)
{
    const struct tern_config *c = &m->config;
    m->info = (tern_model_info){
        .architecture = tern_architecture_name(c->architecture),
        .weights = tern_weights_name(c->weights),
        .activation = tern_activation_name(c->layer[0].activation),
        .layers = c->layers,
        .hidden = c->hidden,
        .heads = tern_largest_number(c, offsetof(struct tern_layer_spec, heads)),
        .intermediate = tern_largest_number(c, offsetof(struct tern_layer_spec, intermediate)),
        .vocab = c->vocab,
        .max_tokens = c->max_tokens,
        .token_types = c->token_types,
        .n_labels = c->n_labels,
        .pooling = c->pooling,
        .normalize = c->normalize,
        .file_bytes = bytes,
        .parameters = count_parameters(c),
        .checksum = checksum,
        .head = tern_head_kinds[c->head].name,
        .of_tokens = tern_head_kinds[c->head].gives == TERN_GIVES_TOKENS,
        .output = c->n_labels ? tern_output_name(c->output) : "none",
        .dimensions = c->vectors == TERN_VECTORS_SPARSE ? c->vocab : tern_vector_width(c),
        .embedding = m->embedding,
        .n_prompts = c->n_prompts,
        .default_prompt = c->default_prompt ? c->prompts[c->default_prompt - 1].name : NULL,
    };
    tern_embedding_words(m->embedding, sizeof m->embedding, c);
}

static int is_known_scheme(const char *version)
{
    static const char *const before[] = TERN_SCHEMES_BEFORE;
    int known = !strcmp(version, TERN_SCHEME);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        known |= !strcmp(version, before[i]);
    return known;
}

static tern_status check_version(const struct tern_safetensors *st, const char *label, tern_error *err)
{
    const char *version = tern_safetensors_metadata(st, "tern.scheme");
    if (!version)
        return tern_fail(err, TERN_FORMAT, "%s: not a .tern file; make one from a checkpoint with `tern convert`",
                         label);
    if (!is_known_scheme(version))
        return tern_fail(err, TERN_FORMAT, "%s: made for scheme %.16s, this is scheme %s; convert the checkpoint again",
                         label, version, TERN_SCHEME);
    return TERN_OK;
}

static tern_status open_tokenizer(tern_model *m, const char *label, tern_error *err)
{
    const struct tern_tensor *vocabulary = tern_safetensors_find(&m->tensors, "vocabulary");
    const char *settings = tern_safetensors_metadata(&m->tensors, "tern.tokenizer");
    const char *bytes = tern_safetensors_metadata(&m->tensors, "tern.vocabulary_bytes");
    if (!vocabulary)
        return TERN_OK;
    char *end = NULL;
    unsigned long long size = bytes ? strtoull(bytes, &end, 10) : 0;
    if (!settings || !bytes || end == bytes || *end || vocabulary->dtype != TERN_U8 || size > vocabulary->bytes)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary's description is missing or wrong", label);
    tern_status status = tern_tokenizer_from_parts(&m->tokenizer, vocabulary->data, (size_t)size, settings, label, err);
    if (!status && tern_tokenizer_rows(m->tokenizer) > m->config.vocab)
        status = tern_fail(err, TERN_FORMAT, "%s: the vocabulary has %d pieces, the model %d", label,
                           tern_tokenizer_rows(m->tokenizer), m->config.vocab);
    return status;
}

/* Weights of tokens in queries, of models that have them. */
static tern_status find_query_weights(tern_model *m, const char *label, tern_error *err)
{
    const int64_t shape = tern_round_up(m->config.vocab, TERN_PARAM32);
    struct tern_loader l = {.st = &m->tensors, .label = label, .prefix = "", .err = err};
    if (!m->config.sparse.looked_up)
        return TERN_OK;
    m->query_weights = tern_load_tensor(&l, "query_weights", TERN_F32, 1, &shape);
    for (int32_t i = 0; m->query_weights && i < m->config.vocab; i++)
        if (!isfinite(m->query_weights[i]))
            tern_load_fail(&l, "query_weights", "has a number that is not finite");
    return l.status;
}

/* What lies in the container. */
static tern_status open_parts(tern_model *m, const char *label, tern_error *err)
{
    const char *config = tern_safetensors_metadata(&m->tensors, "tern.config");
    if (!config)
        return tern_fail(err, TERN_FORMAT, "%s: the configuration is missing; convert the checkpoint again", label);
    tern_status status = tern_config_from_json(&m->config, config, label, err);
    if (!status && m->config.weights != TERN_WEIGHTS_F32)
        status = tern_int8_load(&m->int8, &m->config, &m->tensors, label, err);
    else if (!status)
        status = tern_f32_load(&m->f32, &m->config, &m->tensors, label, err);
    if (!status)
        status = find_query_weights(m, label, err);
    if (!status)
        status = open_tokenizer(m, label, err);
    return status;
}

static tern_status check_damage(tern_model *m, const char *label, uint64_t *computed, tern_error *err)
{
    uint64_t stored;
    tern_aside_finish(&m->aside);
    const tern_status status = tern_checksum_end(m->checksum, label, computed, &stored, err);
    if (!status && *computed != stored)
        return tern_fail(err, TERN_FORMAT,
                         "%s: the checksum is %016" PRIx64 ", the file says %016" PRIx64
                         "; it is damaged, copy it again",
                         label, *computed, stored);
    return status;
}

/* The checksum takes as long as all the rest, so it is computed beside it. No check of the rest relies on it, as it
   keeps no liar out. A damaged file is refused as damaged, whatever else is wrong with it, and before anybody has the
   model: nothing has to be taken back. */
static tern_status open_bytes(tern_model *m, const uint8_t *bytes, size_t size, const char *label, tern_error *err)
{
    uint64_t checksum = 0;
    tern_status status = tern_checksum_begin(&m->checksum, bytes, size, err);
    if (status)
        return status;
    tern_aside_begin(&m->aside, tern_checksum_step, m->checksum, size >= LARGE_FILE);
    status = tern_safetensors_open(&m->tensors, bytes, size, label, err);
    if (!status)
        status = check_version(&m->tensors, label, err);
    if (status)
        return status;
    status = open_parts(m, label, err);
    const tern_status damage = check_damage(m, label, &checksum, err);
    status = damage ? damage : status;
    if (!status)
        fill_info(m, size, checksum);
    return status;
}

tern_status tern_model_open_memory(tern_model **out, const void *bytes, size_t size, tern_error *err)
{
    *out = NULL;
    tern_model *m = calloc(1, sizeof *m);
    if (!m)
        return tern_fail_nomem(err, "a model", sizeof *m);
    tern_status status = open_bytes(m, bytes, size, "model in memory", err);
    if (status)
        tern_model_close(m);
    else
        *out = m;
    return status;
}

tern_status tern_model_open_mapping(tern_model **out, struct tern_mapping mapping, const char *label, tern_error *err)
{
    *out = NULL;
    tern_model *m = calloc(1, sizeof *m);
    if (!m) {
        tern_map_close(&mapping);
        return tern_fail_nomem(err, "a model", sizeof *m);
    }
    m->mapping = mapping;
    tern_status status = open_bytes(m, mapping.bytes, mapping.size, label, err);
    if (status)
        tern_model_close(m);
    else
        *out = m;
    return status;
}

tern_status tern_model_open(tern_model **out, const char *path, tern_error *err)
{
    struct tern_mapping mapping;
    *out = NULL;
    tern_status status = tern_map_open(&mapping, path, err);
    return status ? status : tern_model_open_mapping(out, mapping, path, err);
}

void tern_model_close(tern_model *m)
{
    if (!m)
        return;
    tern_tokenizer_close(m->tokenizer);
    tern_int8_close(&m->int8, &m->config);
    free(m->f32.layers);
    tern_config_free(&m->config);
    tern_safetensors_close(&m->tensors);
    tern_aside_close(&m->aside);
    tern_checksum_free(m->checksum);
    tern_map_close(&m->mapping);
    free(m);
}

const tern_model_info *tern_model_get_info(const tern_model *m)
{
    return &m->info;
}

const char *tern_model_label(const tern_model *m, int32_t label)
{
    return label >= 0 && label < m->config.n_labels ? m->config.labels[label] : NULL;
}

const char *tern_model_prompt(const tern_model *m, int32_t prompt, const char **text)
{
    if (prompt < 0 || prompt >= m->config.n_prompts)
        return NULL;
    if (text)
        *text = m->config.prompts[prompt].text;
    return m->config.prompts[prompt].name;
}

const tern_tokenizer *tern_model_tokenizer(const tern_model *m)
{
    return m->tokenizer;
}
