/* Reads config.json of encoders that normalise what they read and know positions by angles: ModernBERT, EuroBERT and
   UltraBERT. */
#include "quant/family_readers.h"

#include "models/config_private.h"
#include "models/json.h"

#include <string.h>

/* Which layers see all tokens, and which only `radius` on either side: layer_types, or layer `first` and every n-th
   behind it see all. */
static tern_status set_windows(struct tern_config *out, const json_t *root, int32_t first, int32_t every,
                               int32_t radius, const char *path, tern_error *err)
{
    const json_t *types = json_object_get(root, "layer_types");
    if (json_is_array(types) && json_array_size(types) != (size_t)out->layers)
        return tern_fail(err, TERN_FORMAT, "%s: layer_types names %zu layers of %d", path, json_array_size(types),
                         out->layers);
    for (int32_t i = 0; i < out->layers; i++) {
        const char *const type = json_string_value(json_array_get(types, (size_t)i));
        const int full = type ? !strcmp(type, "full_attention") : i % every == first;
        if (type && !full && strcmp(type, "sliding_attention") != 0)
            return tern_fail(err, TERN_FORMAT, "%s: layer type %.60s is not supported", path, type);
        out->layer[i].table = !full;
        out->layer[i].before = out->layer[i].after = full ? TERN_ALL_TOKENS : radius;
    }
    return TERN_OK;
}

static tern_status read_windows(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t every = 3, window = 128;
    tern_status status =
        tern_json_get_int(root, "global_attn_every_n_layers", 0, 1, TERN_MAX_LAYERS, &every, path, err);
    if (!status)
        status = tern_json_get_int(root, "local_attention", 0, 0, TERN_ALL_TOKENS, &window, path, err);
    return status ? status : set_windows(out, root, 0, every, window / 2, path, err);
}

/* Angles of layers that see all tokens, then of those with a window: by rope_parameters, or by these bases. */
static tern_status read_two_rotaries(struct tern_config *out, const json_t *root, const double theta[2],
                                     const char *path, tern_error *err)
{
    static const char *const types[2] = {"full_attention", "sliding_attention"};
    const json_t *rope = json_object_get(root, "rope_parameters");
    tern_status status = TERN_OK;
    for (int i = 0; i < 2 && !status; i++) {
        const json_t *own = json_object_get(rope, types[i]);
        status = tern_read_rotary(out, rope, json_is_object(own) ? own : NULL, theta[i], 1, path, err);
    }
    return status;
}

/* The dense layer in front of a classifier, and what a classifier of texts reads: `names` by enum tern_head_reads. */
static tern_status read_head(struct tern_config *out, const json_t *root, const char *key, const char *const *names,
                             const char *usual, const char *path, tern_error *err)
{
    tern_status status = tern_json_get_string(root, key, 0, &usual, path, err);
    const int reads = tern_name_index(names, TERN_N_HEAD_READS, usual);
    if (!status && reads < 0)
        status = tern_fail(err, TERN_FORMAT, "%s: %s %.40s is not supported; %s%s are", path, key, usual,
                           names[TERN_READS_FIRST], *names[TERN_READS_LATE] ? ", mean and late" : " and mean");
    out->head_reads = reads < 0 ? TERN_READS_FIRST : (enum tern_head_reads)reads;
    out->pooler = TERN_POOLER_GELU;
    return status;
}

tern_status tern_read_modernbert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const struct tern_reader_keys keys = {"vocab_size",          "hidden_size",       "num_hidden_layers",
                                                 "num_attention_heads", "intermediate_size", "max_position_embeddings",
                                                 "hidden_activation"};
    static const char *const pooling[TERN_N_HEAD_READS] = {"cls", "mean", ""};
    const char *activation = "gelu";
    double theta[2] = {160000, 10000};
    tern_status status = tern_read_sizes(out, root, &keys, path, err);
    out->no_positions = 1;
    out->layer_norm_eps = 1e-5;
    tern_set_layers(out, TERN_POSITION_ROTARY, TERN_GATE_PRODUCT, TERN_NORM_PRE);
    out->layer[0].skip_norm = 1; /* the embeddings' norm is in front of it already */
    if (!status)
        status = tern_read_eps(out, root, "norm_eps", path, err);
    if (!status)
        status = read_windows(out, root, path, err);
    if (!status)
        status = tern_json_get_real(root, "global_rope_theta", 0, 1, 1e12, &theta[0], path, err);
    if (!status)
        status = tern_json_get_real(root, "local_rope_theta", 0, 1, 1e12, &theta[1], path, err);
    if (!status)
        status = read_two_rotaries(out, root, theta, path, err);
    if (!status)
        status = read_head(out, root, "classifier_pooling", pooling, "cls", path, err);
    if (!status)
        status = tern_json_get_string(root, "classifier_activation", 0, &activation, path, err);
    if (!status && strcmp(activation, "gelu") != 0)
        status =
            tern_fail(err, TERN_FORMAT, "%s: classifier_activation %.40s is not supported; gelu is", path, activation);
    out->pooler_norm = 1;
    return status;
}

/* Keys and values of fewer heads than there are, which share them. */
static tern_status read_key_heads(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const int32_t heads = out->layer[0].heads;
    const tern_status status = tern_json_get_int(root, "num_key_value_heads", 0, 1, heads, &out->key_heads, path, err);
    if (!status && out->key_heads && heads % out->key_heads)
        return tern_fail(err, TERN_FORMAT, "%s: num_key_value_heads is %d, of which %d heads are no multiple", path,
                         out->key_heads, heads);
    for (int32_t i = 0; i < out->layers && !status && out->key_heads; i++)
        if (out->layer[i].heads != heads || json_object_size(json_object_get(root, "pruned_heads")))
            return tern_fail(err, TERN_FORMAT, "%s: pruned_heads and num_key_value_heads are both there", path);
    return status;
}

/* Pre-norm layers with RMSNorm, gates and turned heads, which keys and values may share, of EuroBERT and UltraBERT. */
static tern_status read_rms_layers(struct tern_config *out, const json_t *root, double eps, const char *path,
                                   tern_error *err)
{
    tern_status status = tern_read_sizes(out, root, &tern_usual_keys, path, err);
    int32_t dim = out->layer[0].head_dim;
    out->no_positions = out->no_embed_norm = 1;
    out->layer_norm_eps = eps;
    if (!status)
        status = tern_json_get_int(root, "head_dim", 0, 1, TERN_MAX_HEAD_DIM, &dim, path, err);
    tern_set_layers(out, TERN_POSITION_ROTARY, TERN_GATE_PRODUCT, TERN_NORM_PRE);
    for (int32_t i = 0; i < out->layers; i++) {
        out->layer[i].norm = TERN_NORM_RMS;
        out->layer[i].head_dim = dim;
    }
    if (!status)
        status = read_key_heads(out, root, path, err);
    return status ? status : tern_read_eps(out, root, "rms_norm_eps", path, err);
}

tern_status tern_read_eurobert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    /* The class's own name for it, and that of the code which published checkpoints come with. */
    static const char *const keys[] = {"classifier_pooling", "clf_pooling"};
    static const char *const pooling[TERN_N_HEAD_READS] = {"bos", "mean", "late"};
    const json_t *rope = json_object_get(root, "rope_parameters");
    tern_status status = read_rms_layers(out, root, 1e-5, path, err);
    if (!status)
        status = tern_read_rotary(out, root, json_is_object(rope) ? rope : NULL, 10000, 1, path, err);
    return status ? status
                  : read_head(out, root, keys[json_object_get(root, keys[0]) == NULL], pooling, "late", path, err);
}

/* Its checkpoints' first configs have lists by layer: rope_theta, and attention_windows with null or 0 for layers that
   see all. */
static tern_status read_lists(struct tern_config *out, const json_t *root, int32_t *radius, double theta[2],
                              const char *path, tern_error *err)
{
    const json_t *const windows = json_object_get(root, "attention_windows"), *const bases =
                                                                                  json_object_get(root, "rope_theta");
    const size_t layers = (size_t)out->layers;
    if ((json_is_array(windows) && json_array_size(windows) != layers) ||
        (json_is_array(bases) && json_array_size(bases) != layers))
        return tern_fail(err, TERN_FORMAT, "%s: attention_windows or rope_theta is no list of %zu layers", path,
                         layers);
    for (size_t i = layers; i-- > 0 && json_is_array(windows);) { /* the first of each kind counts */
        const json_int_t window = json_integer_value(json_array_get(windows, i));
        if (window < 0 || window > TERN_ALL_TOKENS)
            return tern_fail(err, TERN_FORMAT, "%s: attention_windows has a number beyond 0 to %d", path,
                             TERN_ALL_TOKENS);
        *radius = window ? (int32_t)window : *radius;
        out->layer[i].table = window != 0;
    }
    for (size_t i = layers; i-- > 0 && json_is_array(bases);) {
        const double base = json_number_value(json_array_get(bases, i));
        if (!(base >= 1 && base <= 1e12))
            return tern_fail(err, TERN_FORMAT, "%s: rope_theta has a number beyond 1 to 1e12", path);
        theta[out->layer[i].table] = base;
    }
    return TERN_OK;
}

tern_status tern_read_ultrabert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const char *const pooling[TERN_N_HEAD_READS] = {"cls", "mean", ""};
    double theta[2] = {2560000, 10000};
    int32_t radius = 128;
    tern_status status = read_rms_layers(out, root, 1e-6, path, err);
    if (!status)
        status = tern_json_get_int(root, "sliding_window", 0, 1, TERN_ALL_TOKENS, &radius, path, err);
    if (!status)
        status = set_windows(out, root, 2, 3, radius, path, err);
    if (!status)
        status = read_lists(out, root, &radius, theta, path, err);
    for (int32_t i = 0; i < out->layers; i++)
        out->layer[i].before = out->layer[i].after = out->layer[i].table ? radius : TERN_ALL_TOKENS;
    if (!status)
        status = read_two_rotaries(out, root, theta, path, err);
    if (!status)
        status = read_head(out, root, "classifier_pooling", pooling, "cls", path, err);
    out->pooler = TERN_POOLER_NONE;
    return status;
}
