/* Masked-language heads: a dense layer, its activation and norm, and a decoder whose weights most often are the table
   of words, so that a checkpoint need not have them. And heads that find answers: two labels, start and end. */
#include "quant/fill_head.h"

#include "models/config_private.h"
#include "quant/checkpoint_names.h"
#include "quant/convert.h"
#include "quant/tensor_numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES(name, ...)                                                                                               \
    static const struct tern_fill_names name = {__VA_ARGS__};                                                          \
    const struct tern_fill_names *const tern_fill_##name[] = {&name, NULL}
#define PREDICTIONS "/cls.predictions.transform.dense", "/cls.predictions.transform.LayerNorm"

NAMES(predictions, PREDICTIONS, "/cls.predictions.decoder", "/cls.predictions.bias", 0, NULL);
NAMES(mobilebert, PREDICTIONS, "/cls.predictions.decoder", "/cls.predictions.bias", 0, "cls.predictions.dense.weight");
NAMES(lm_head, "/lm_head.dense", "/lm_head.layer_norm", "/lm_head.decoder", "/lm_head.bias", 1, NULL);
NAMES(vocab, "/vocab_transform", "/vocab_layer_norm", "/vocab_projector", "/vocab_projector.bias", 0, NULL);
NAMES(generator, "/generator_predictions.dense", "/generator_predictions.LayerNorm", "/generator_lm_head",
      "/generator_lm_head.bias", 1, NULL);
NAMES(nomic, "/cls.predictions.transform.dense", "/cls.predictions.transform.layer_norm", "/cls.predictions.decoder",
      "/cls.predictions.bias", 0, NULL);
NAMES(modernbert, "/head.dense", "/head.norm", "/decoder", "/decoder.bias", 1, NULL);
NAMES(decoder, NULL, NULL, "/lm_head", "/lm_head.bias", 0, NULL);
NAMES(albert, "/predictions.dense", "/predictions.LayerNorm", "/predictions.decoder", "/predictions.bias", 0, NULL);

NAMES(rembert, "/cls.predictions.dense", "/cls.predictions.LayerNorm", "/cls.predictions.decoder",
      "/cls.predictions.decoder.bias", 0, NULL);
/* As GTE's are saved. */
static const struct tern_fill_names lm_head_norm = {
    "/lm_head.dense", "/lm_head.norm", "/lm_head.decoder", "/lm_head.decoder.bias", 1, NULL};
const struct tern_fill_names *const tern_fill_gte[] = {&lm_head_norm, &lm_head, NULL};

/* Where config.json says legacy, and what Microsoft's own checkpoints have. */
static const struct tern_fill_names lm_predictions = {"/lm_predictions.lm_head.dense",
                                                      "/lm_predictions.lm_head.LayerNorm",
                                                      "/lm_predictions.lm_head.decoder",
                                                      "/lm_predictions.lm_head.bias",
                                                      0,
                                                      NULL};
const struct tern_fill_names *const tern_fill_deberta[] = {&predictions, &lm_predictions, NULL};

const struct tern_fill_names *tern_fill_names(const struct tern_config *config)
{
    const struct tern_checkpoint_family *family = &tern_checkpoint_families[config->architecture];
    return tern_gives_words(config) && config->fill_names ? family->fill[config->fill_names - 1] : NULL;
}

static const struct tern_tensor *find(const struct tern_checkpoint *c, enum tern_part_id part, int is_bias)
{
    char shown[256];
    return tern_part_find(&c->weights, &c->config, (struct tern_key){part, -1, is_bias, 0}, shown, sizeof shown);
}

/* The first of the family's rows of names whose tensors are there: of a head that is but a decoder its own, or the
   config says that the table of words is it. */
static const struct tern_fill_names *settle_names(struct tern_checkpoint *c)
{
    const struct tern_fill_names *const *const rows = tern_checkpoint_families[c->config.architecture].fill;
    for (int i = 0; rows && rows[i]; i++) {
        c->config.fill_names = i + 1;
        if (find(c, rows[i]->dense ? TERN_PART_POOLER_NORM : TERN_PART_CLASSIFIER, 0))
            return rows[i];
    }
    c->config.fill_names = 0;
    return NULL;
}

static enum tern_pooler activation_of(const struct tern_config *config, const struct tern_fill_names *names)
{
    static const enum tern_pooler poolers[TERN_N_ACTIVATIONS] = {[TERN_GELU] = TERN_POOLER_GELU,
                                                                 [TERN_GELU_NEW] = TERN_POOLER_GELU_NEW,
                                                                 [TERN_RELU] = TERN_POOLER_RELU,
                                                                 [TERN_SILU] = TERN_POOLER_SILU};
    return names->gelu ? TERN_POOLER_GELU : poolers[config->layer[0].activation]; /* others: TERN_POOLER_NONE */
}

const char *tern_fill_rest(const struct tern_config *config, struct tern_key key)
{
    const struct tern_fill_names *const names = tern_fill_names(config);
    return names && key.part == TERN_PART_CLASSIFIER && !key.is_bias && config->trigram < config->hidden ? names->rest
                                                                                                         : NULL;
}

tern_status tern_fill_check_rest(const struct tern_checkpoint *c, struct tern_key key, uint8_t *used, const char *path,
                                 tern_error *err)
{
    const char *const name = tern_fill_rest(&c->config, key);
    const struct tern_tensor *const t = name ? tern_weight_find(&c->weights, name) : NULL;
    const int32_t n = c->config.hidden - c->config.trigram;
    if (!name)
        return TERN_OK;
    if (!t || (t->dtype != TERN_F32 && t->dtype != TERN_F16 && t->dtype != TERN_BF16) || t->n_dims != 2 ||
        t->shape[0] != n || t->shape[1] != c->config.vocab)
        return tern_fail(err, TERN_FORMAT, "%s: tensor %s is missing, or has not the shape [%d, %d] of floats", path,
                         name, n, c->config.vocab);
    used[t - c->weights.tensors] = 1;
    return TERN_OK;
}

tern_status tern_fill_read_rows(const struct tern_checkpoint *c, struct tern_key key, const struct tern_tensor *decoder,
                                float *out, size_t count, tern_error *err)
{
    const size_t h = (size_t)c->config.hidden, e = (size_t)c->config.trigram, vocab = count / h;
    struct tern_tensor row = *decoder, rest = *tern_weight_find(&c->weights, tern_fill_rest(&c->config, key));
    float *const columns = malloc(vocab * sizeof *columns);
    if (!columns)
        return tern_fail_nomem(err, c->weights.path, vocab * sizeof *columns);
    for (size_t i = 0; i < vocab; i++, row.data = (const char *)row.data + e * tern_dtype_bytes(row.dtype))
        tern_tensor_floats(out + i * h, &row, e);
    for (size_t j = e; j < h; j++, rest.data = (const char *)rest.data + vocab * tern_dtype_bytes(rest.dtype)) {
        tern_tensor_floats(columns, &rest, vocab);
        for (size_t i = 0; i < vocab; i++)
            out[i * h + j] = columns[i];
    }
    free(columns);
    return TERN_OK;
}

tern_status tern_fill_settle(struct tern_checkpoint *c, const struct tern_purpose *purpose, const char *path,
                             tern_error *err)
{
    struct tern_config *config = &c->config;
    const struct tern_fill_names *const names = settle_names(c);
    if (!names && purpose->alone)
        return tern_fail(
            err, TERN_FORMAT,
            "%s: the checkpoint has no masked-language head that Tern computes for %s; ask for another task", path,
            tern_architecture_name(config->architecture));
    if (!names) {
        config->head = TERN_HEAD_NONE;
        tern_say(purpose->options, "task: embed (there is no masked-language head that Tern computes)");
        return TERN_OK;
    }
    config->output = TERN_OUTPUT_SOFTMAX;
    config->head_reads = TERN_READS_FIRST;
    config->pooler_norm = names->norm != NULL;
    config->pooler = names->dense ? activation_of(config, names) : TERN_POOLER_NONE;
    if (names->dense && config->pooler == TERN_POOLER_NONE)
        return tern_fail(err, TERN_FORMAT,
                         "%s: a masked-language head with the activation %s is not supported; gelu, gelu_new, relu "
                         "and silu are; to convert the encoder alone, ask for the task 'embed' (--task embed)",
                         path, tern_activation_name(config->layer[0].activation));
    const struct tern_tensor *const dense = names->dense ? find(c, TERN_PART_POOLER, 0) : NULL;
    if (dense && (dense->n_dims != 2 || dense->shape[0] < 1 || dense->shape[0] > TERN_MAX_HIDDEN))
        return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s must be [1 to %d, hidden]", path, dense->name,
                         TERN_MAX_HIDDEN);
    config->head_width = dense && dense->shape[0] != config->hidden ? (int32_t)dense->shape[0] : 0;
    return tern_config_new_labels(config, 0, path, err);
}

/* The head's own feed-forward becomes the last layer, which has no attention. */
static tern_status add_answer_layer(struct tern_config *config, const char *path, tern_error *err)
{
    if (config->layers == TERN_MAX_LAYERS)
        return tern_fail(err, TERN_FORMAT, "%s: %d layers and that of the head, at most %d", path, config->layers,
                         TERN_MAX_LAYERS);
    if (!config->question_end || config->token_types != 2)
        return tern_fail(err, TERN_FORMAT,
                         "%s: a head that finds answers behind a layer of its own is supported only with two token "
                         "types and the separator's id in the vocabulary; set type_vocab_size and sep_token_id in "
                         "config.json to what the model was trained with",
                         path);
    struct tern_layer_spec *const last = &config->layer[config->layers];
    *last = last[-1];
    last->weights = config->layers++;
    last->heads = last->head_dim = last->block = last->repeats = 0;
    config->question_apart = 1;
    return TERN_OK;
}

tern_status tern_answer_settle(struct tern_config *config, int32_t n, const char *path, tern_error *err)
{
    config->output = TERN_OUTPUT_SOFTMAX;
    if (n != 2)
        return tern_fail(err, TERN_FORMAT, "%s: the head that finds answers has %d outputs; start and end are 2", path,
                         n);
    if (tern_checkpoint_families[config->architecture].answer.layer) {
        const tern_status added = add_answer_layer(config, path, err);
        if (added)
            return added;
    }
    tern_status status = tern_config_new_labels(config, n, path, err);
    for (int i = 0; i < n && !status; i++)
        status = tern_config_set_label(config, i, i ? "end" : "start", path, err);
    return status;
}

void tern_fill_mark_tied(const struct tern_checkpoint *c, uint8_t *used)
{
    const struct tern_fill_names *const names = tern_fill_names(&c->config);
    char name[128];
    if (!names)
        return;
    snprintf(name, sizeof name, "%s.bias", names->decoder + 1);
    const struct tern_tensor *const bias = tern_weight_find(&c->weights, name);
    if (bias)
        used[bias - c->weights.tensors] = 1;
}
