/* Reads config.json of families whose layers have something else in them than attention and a feed-forward: a
   convolution, a Fourier transform, or more feed-forwards, each of which but the first becomes a layer without
   attention. */
#include "quant/family_readers.h"

#include "models/config_private.h"
#include "models/json.h"

#include <string.h>

/* Behind each layer `more` without attention, like it but for that, come to stand. */
static tern_status stack(struct tern_config *out, int32_t more, const char *path, tern_error *err)
{
    if (out->layers > TERN_MAX_LAYERS / (1 + more))
        return tern_fail(err, TERN_FORMAT, "%s: %d layers of %d feed-forwards, together at most %d", path, out->layers,
                         1 + more, TERN_MAX_LAYERS);
    const int32_t layers = out->layers * (1 + more);
    for (int32_t i = layers - 1; i >= 0; i--) { /* from the last on, since layers only move up */
        out->layer[i] = out->layer[i / (1 + more)];
        out->layer[i].weights = i;
        if (i % (1 + more))
            out->layer[i].heads = out->layer[i].head_dim = 0;
    }
    out->layers = layers;
    return TERN_OK;
}

/* Where the norms around an adapter are, as the class computes them:
     post, before    s = N(s + F(s));    s = N'(s + A(s))     what the adapter adds to is what its norm gives
     pre, not before s = s + F(N(s));    s = s + A(N'(s))     the adapter's norm is in front of it alone */
static tern_status read_adapter_norms(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t pre = 0, reuse = 1, before = 1;
    tern_status status = tern_json_get_bool(root, "pre_norm", 0, &pre, path, err);
    if (!status)
        status = tern_json_get_bool(root, "adapter_layer_norm", 0, &out->adapter_norm, path, err);
    if (!status)
        status = tern_json_get_bool(root, "adapter_reuse_layer_norm", 0, &reuse, path, err);
    if (!status)
        status = tern_json_get_bool(root, "ln_before_adapter", 0, &before, path, err);
    if (!status && !out->adapter_norm && !reuse)
        status = tern_fail(err, TERN_FORMAT,
                           "%s: adapter_layer_norm and adapter_reuse_layer_norm are false; adapters behind a norm are "
                           "supported",
                           path);
    if (!status && pre == before)
        status = tern_fail(err, TERN_FORMAT,
                           "%s: ln_before_adapter is %s and pre_norm %s; true with false, and false with true, are "
                           "supported",
                           path, before ? "true" : "false", pre ? "true" : "false");
    for (int32_t i = 0; i < out->layers; i++)
        out->layer[i].place = pre ? TERN_NORM_PRE : TERN_NORM_POST;
    return status;
}

tern_status tern_read_xmod(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t factor = 2;
    tern_status status = tern_read_roberta(out, root, path, err);
    if (!status)
        status = read_adapter_norms(out, root, path, err);
    if (!status)
        status = tern_json_get_int(root, "adapter_reduction_factor", 0, 1, out->hidden, &factor, path, err);
    if (!status)
        status = stack(out, 1, path, err);
    for (int32_t i = 1; i < out->layers && !status; i += 2)
        out->layer[i].intermediate = out->hidden / factor;
    return status;
}

/* What the class computes by switches that published checkpoints leave as they are. */
static tern_status read_switches(const json_t *root, const char *path, tern_error *err)
{
    const char *norm = "no_norm";
    int32_t trigram = 1;
    tern_status status = tern_json_get_string(root, "normalization_type", 0, &norm, path, err);
    if (!status && strcmp(norm, "no_norm") != 0)
        status = tern_fail(err, TERN_FORMAT, "%s: normalization_type %.40s is not supported; no_norm is", path, norm);
    if (!status)
        status = tern_json_get_bool(root, "trigram_input", 0, &trigram, path, err);
    if (!status && !trigram)
        status =
            tern_fail(err, TERN_FORMAT, "%s: trigram_input is false; embeddings of three words are supported", path);
    return status;
}

/* Of layers that are not stacked yet: the bottleneck around each, and what queries, keys and values are made of. */
static tern_status read_bottleneck(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t used = 1, width = 128, attention = 0, shared = 1, own = 0;
    tern_status status = tern_json_get_bool(root, "use_bottleneck", 0, &used, path, err);
    if (!status)
        status = tern_json_get_int(root, "intra_bottleneck_size", 0, 1, out->hidden, &width, path, err);
    if (!status)
        status = tern_json_get_bool(root, "use_bottleneck_attention", 0, &attention, path, err);
    if (!status)
        status = tern_json_get_bool(root, "key_query_shared_bottleneck", 0, &shared, path, err);
    const int32_t inner = own = used ? width : out->hidden;
    if (!status)
        status = tern_json_get_int(root, "true_hidden_size", 0, 1, TERN_MAX_HIDDEN, &own, path, err);
    if (!status && own != inner)
        status = tern_fail(err, TERN_FORMAT, "%s: true_hidden_size is %d, use_bottleneck and the widths say %d", path,
                           own, inner);
    if (!status && used && !attention && !shared)
        status = tern_fail(err, TERN_FORMAT,
                           "%s: use_bottleneck_attention and key_query_shared_bottleneck are false; one is true where "
                           "there are bottlenecks",
                           path);
    if (!status)
        status = tern_config_check_heads(inner, out->layer[0].heads, path, err);
    out->through_keys = used && shared;
    out->through_values = used && attention;
    for (int32_t i = 0; i < out->layers && !status; i++) {
        out->layer[i].norm = TERN_NORM_SCALE;
        out->layer[i].head_dim = inner / out->layer[0].heads;
        out->layer[i].width = used ? inner : 0;
    }
    return status;
}

tern_status tern_read_mobilebert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t feeds = 4, activates = 1;
    tern_status status = tern_read_bert(out, root, path, err);
    out->no_embed_norm = 1; /* it is multiplied into the tables and the matrix */
    out->trigram = 128;
    if (!status)
        status = read_switches(root, path, err);
    if (!status)
        status = tern_json_get_int(root, "embedding_size", 0, 1, TERN_MAX_HIDDEN, &out->trigram, path, err);
    if (!status)
        status = read_bottleneck(out, root, path, err);
    if (!status)
        status = tern_json_get_int(root, "num_feedforward_networks", 0, 1, TERN_MAX_LAYERS, &feeds, path, err);
    if (!status)
        status = tern_json_get_bool(root, "classifier_activation", 0, &activates, path, err);
    if (!status)
        status = stack(out, feeds - 1, path, err);
    out->pooler = activates ? TERN_POOLER_TANH : TERN_POOLER_NONE;
    for (int32_t i = 0; i < out->layers && !status; i++) {
        out->layer[i].narrow = out->layer[i].width && i % feeds == 0;
        out->layer[i].widen = out->layer[i].width && i % feeds == feeds - 1;
    }
    return status;
}

/* A classifier of texts has the layers' activation too. */
static tern_status check_head_activation(const struct tern_config *out, const char *path, tern_error *err)
{
    const enum tern_activation a = out->layer[0].activation;
    return a == TERN_GELU || a == TERN_GELU_NEW || a == TERN_RELU
               ? TERN_OK
               : tern_fail(err, TERN_FORMAT,
                           "%s: hidden_act %s is not supported of this family; gelu, gelu_new and relu are", path,
                           tern_activation_name(a));
}

/* A dynamic convolution takes half of the width, and `head_ratio` of the heads. */
tern_status tern_read_convbert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t ratio = 2, taps = 9, groups = 1;
    tern_status status = tern_read_electra(out, root, path, err);
    if (!status && !json_is_integer(json_object_get(root, "embedding_size")))
        status = tern_fail(err, TERN_FORMAT, "%s: embedding_size is missing", path);
    if (!status)
        status = tern_json_get_int(root, "head_ratio", 0, 1, TERN_MAX_HIDDEN, &ratio, path, err);
    if (!status)
        status = tern_json_get_int(root, "conv_kernel_size", 0, 1, TERN_MAX_CONV, &taps, path, err);
    if (!status)
        status = tern_json_get_int(root, "num_groups", 0, 1, TERN_MAX_HIDDEN, &groups, path, err);
    if (!status && (groups > 1 || taps % 2 == 0))
        status =
            tern_fail(err, TERN_FORMAT, "%s: num_groups is %d and conv_kernel_size %d; 1 and odd numbers are supported",
                      path, groups, taps);
    if (!status)
        status = check_head_activation(out, path, err);
    for (int32_t i = 0; i < out->layers && !status; i++) {
        struct tern_layer_spec *l = &out->layer[i];
        l->heads = l->heads / ratio > 0 ? l->heads / ratio : 1;
        if (out->hidden % (2 * l->heads))
            return tern_fail(err, TERN_FORMAT, "%s: hidden size %d is not divisible by twice %d heads", path,
                             out->hidden, l->heads);
        l->head_dim = out->hidden / l->heads / 2;
        l->conv = taps;
    }
    out->pooler = TERN_POOLER_GELU;
    return status;
}

/* Layers without heads, of which config.json says nothing. */
tern_status tern_read_fnet(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)root);
    if (!copy || json_object_set_new(copy, "num_attention_heads", json_integer(1))) {
        json_decref(copy);
        return tern_fail_nomem(err, path, 1024);
    }
    tern_status status = tern_read_bert(out, copy, path, err);
    json_decref(copy);
    out->embedding = out->hidden; /* a matrix comes in front of the layers */
    for (int32_t i = 0; i < out->layers && !status; i++) {
        out->layer[i].heads = out->layer[i].head_dim = 0;
        out->layer[i].mixer = TERN_MIXER_FOURIER;
    }
    return status;
}

/* With as many landmarks as positions, as published checkpoints have them, the class computes softmax attention. Values
   are convolved beside it. */
tern_status tern_read_nystromformer(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t landmarks = 64, length = 64, taps = 65;
    tern_status status = tern_read_bert(out, root, path, err);
    if (!status)
        status = tern_json_get_int(root, "num_landmarks", 0, 1, TERN_MAX_POSITIONS, &landmarks, path, err);
    if (!status)
        status = tern_json_get_int(root, "segment_means_seq_len", 0, 1, TERN_MAX_POSITIONS, &length, path, err);
    if (!status && landmarks != length)
        status = tern_fail(err, TERN_FORMAT,
                           "%s: num_landmarks is %d and segment_means_seq_len %d; attention by fewer landmarks than "
                           "positions is not supported",
                           path, landmarks, length);
    if (!status && json_is_null(json_object_get(root, "conv_kernel_size")))
        taps = 0;
    else if (!status)
        status = tern_json_get_int(root, "conv_kernel_size", 0, 1, TERN_MAX_CONV, &taps, path, err);
    if (!status && taps && taps % 2 == 0)
        status = tern_fail(err, TERN_FORMAT, "%s: conv_kernel_size is %d; odd numbers are supported", path, taps);
    if (!status)
        status = check_head_activation(out, path, err);
    for (int32_t i = 0; i < out->layers && !status; i++)
        out->layer[i].value_conv = taps;
    out->pooler = TERN_POOLER_GELU;
    return status;
}
