/* Reads config.json of the families that were made for long texts: Longformer, BigBird and Jina's second. */
#include "models/json.h"
#include "quant/family_readers.h"
#include "quant/mixer_keys.h"

#include <string.h>

tern_status tern_read_longformer(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t separator = 2;
    tern_status status = tern_read_roberta(out, root, path, err);
    if (!status)
        status = tern_json_get_int(root, "sep_token_id", 0, 0, out->vocab - 1, &separator, path, err);
    if (status)
        return status;
    out->question_end = separator < out->vocab ? separator + 1 : 0; /* of a head for answers, which is settled later */
    return tern_read_windows(out, root, 512, path, err);
}

/* In training blocks are drawn at random. transformers' class (5.24) draws none in evaluation: each of the
   num_random_blocks is the first block, which all see anyway and which so counts as often more. */
tern_status tern_read_big_bird(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const char *type = "block_sparse";
    int32_t block = 64, random = 3, scaled = 0, biases = 1, separator = 66;
    tern_status status = tern_read_bert(out, root, path, err);
    if (!status)
        status = tern_json_get_string(root, "attention_type", 0, &type, path, err);
    const int sparse = !strcmp(type, "block_sparse");
    if (!status && !sparse && strcmp(type, "original_full") != 0)
        status = tern_fail(err, TERN_FORMAT,
                           "%s: attention_type %.40s is not supported; block_sparse and original_full are", path, type);
    if (!status)
        status = tern_json_get_int(root, "block_size", 0, 1, TERN_MAX_POSITIONS, &block, path, err);
    if (!status)
        status = tern_json_get_int(root, "num_random_blocks", 0, 0, TERN_MAX_REPEATS, &random, path, err);
    if (!status)
        status = tern_json_get_bool(root, "rescale_embeddings", 0, &scaled, path, err);
    if (!status)
        status = tern_json_get_bool(root, "use_bias", 0, &biases, path, err);
    if (!status && (scaled || !biases))
        status = tern_fail(err, TERN_FORMAT, "%s: %s is not supported", path,
                           scaled ? "rescale_embeddings" : "use_bias, if it is false,");
    if (!status)
        status = tern_json_get_int(root, "sep_token_id", 0, 0, TERN_MAX_VOCAB, &separator, path, err);
    out->question_end = separator < out->vocab ? separator + 1 : 0; /* of a head for answers, which is settled later */
    const enum tern_activation act = out->layer[0].activation;
    if (!status && act != TERN_GELU && act != TERN_GELU_NEW && act != TERN_RELU) /* the head has it too */
        status = tern_fail(err, TERN_FORMAT, "%s: hidden_act of a BigBird must be gelu, gelu_new or relu", path);
    for (int32_t i = 0; i < out->layers && sparse; i++) {
        out->layer[i].block = block;
        out->layer[i].repeats = random;
    }
    return status;
}

/* The code that Jina's checkpoints come with has two forms; the later one, whose queries and keys have norms, is
   another model. */
static tern_status refuse_later(const json_t *root, const char *path, tern_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(root, "auto_map"), key, value)
    {
        const char *const code = json_string_value(value);
        if (code && strstr(code, "qk-post-norm"))
            return tern_fail(
                err, TERN_FORMAT,
                "%s: auto_map says %.80s, whose queries and keys have norms; of Jina's second models those "
                "of jina-bert-implementation are supported",
                path, code);
    }
    return TERN_OK;
}

/* Scores lose by the distance, and the feed-forward has a gate, whose activation hidden_act does not say. */
tern_status tern_read_jina2(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const char *position = "absolute", *feed = "original", *pooler = "mean";
    tern_status status = tern_read_bert(out, root, path, err);
    if (!status)
        status = refuse_later(root, path, err);
    if (!status)
        status = tern_json_get_string(root, "position_embedding_type", 0, &position, path, err);
    if (!status && strcmp(position, "alibi") != 0)
        status =
            tern_fail(err, TERN_FORMAT, "%s: position_embedding_type %.40s of a JinaBert is not supported; alibi is",
                      path, position);
    if (!status)
        status = tern_json_get_string(root, "feed_forward_type", 0, &feed, path, err);
    const int gelu = !strcmp(feed, "geglu");
    if (!status && !gelu && strcmp(feed, "reglu") != 0)
        status =
            tern_fail(err, TERN_FORMAT,
                      "%s: feed_forward_type %.40s of a JinaBert is not supported; geglu and reglu are", path, feed);
    if (!status)
        status = tern_json_get_string(root, "emb_pooler", 0, &pooler, path, err);
    if (!status && strcmp(pooler, "mean") != 0)
        status = tern_fail(err, TERN_FORMAT, "%s: emb_pooler %.40s is not supported; mean is", path, pooler);
    out->no_positions = 1;
    for (int32_t i = 0; i < out->layers; i++) {
        out->layer[i].position = TERN_POSITION_ALIBI;
        out->layer[i].gate = TERN_GATE_PRODUCT;
        out->layer[i].activation = gelu ? TERN_GELU : TERN_RELU;
    }
    out->table[out->n_tables++] = (struct tern_table_spec){.kind = TERN_POSITION_ALIBI, .heads = out->layer[0].heads};
    return status;
}
