/* Reads config.json of both DeBERTas: attention that knows distances by vectors of them. */
#include "models/json.h"
#include "quant/distances.h"
#include "quant/family_readers.h"

#include <stdio.h>
#include <string.h>

/* pos_att_type: a list, or in old files "c2p|p2c". */
static tern_status read_kinds(struct tern_table_spec *t, const json_t *root, const char *path, tern_error *err)
{
    const json_t *kinds = json_object_get(root, "pos_att_type"), *text = json_is_string(kinds) ? kinds : NULL;
    const size_t n = text ? 8 : json_array_size(kinds);
    const char *at = text ? json_string_value(text) : "";
    if (kinds && !json_is_null(kinds) && !text && !json_is_array(kinds))
        return tern_fail(err, TERN_FORMAT, "%s: pos_att_type is no list", path);
    for (size_t i = 0; i < n && (!text || *at); i++) {
        char kind[16] = "";
        if (text) {
            const size_t length = strcspn(at, "|");
            snprintf(kind, sizeof kind, "%.*s", (int)(length < 15 ? length : 15), at);
            at += length + (at[length] != 0);
        } else if (json_is_string(json_array_get(kinds, i))) {
            snprintf(kind, sizeof kind, "%s", json_string_value(json_array_get(kinds, i)));
        }
        if (!strcmp(kind, "c2p"))
            t->c2p = 1;
        else if (!strcmp(kind, "p2c"))
            t->p2c = 1;
        else
            return tern_fail(err, TERN_FORMAT, "%s: pos_att_type %s is not supported; c2p and p2c are", path, kind);
    }
    return TERN_OK;
}

/* Refuses what is not computed, by its key. */
static tern_status refuse(const struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const struct {
        const char *key, *what;
    } off[] = {
        {"conv_kernel_size", "a convolution behind the first layer"},
        {"talking_head", "heads that are mixed"},
        {"z_steps", "a last layer that runs more than once"},
    };
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        const json_t *value = json_object_get(root, off[i].key);
        if (json_is_true(value) || (json_is_number(value) && json_number_value(value) > 0))
            return tern_fail(err, TERN_FORMAT, "%s: %s asks for %s, which is not supported", path, off[i].key,
                             off[i].what);
    }
    const struct {
        const char *key;
        int32_t is;
    } same[] = {{"pooler_hidden_size", out->hidden}, {"attention_head_size", out->layer[0].head_dim}};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        int32_t value = same[i].is;
        const tern_status status = tern_json_get_int(root, same[i].key, 0, 1, TERN_MAX_HIDDEN, &value, path, err);
        if (status)
            return status;
        if (value != same[i].is)
            return tern_fail(err, TERN_FORMAT, "%s: %s is %d; only the model's own, %d, is supported", path,
                             same[i].key, value, same[i].is);
    }
    return TERN_OK;
}

static tern_status read_pooler(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const char *name = "gelu";
    const tern_status status = tern_json_get_string(root, "pooler_hidden_act", 0, &name, path, err);
    out->pooler = !strcmp(name, "tanh")   ? TERN_POOLER_TANH
                  : !strcmp(name, "relu") ? TERN_POOLER_RELU
                                          : TERN_POOLER_GELU;
    if (!status && out->pooler == TERN_POOLER_GELU && strcmp(name, "gelu") != 0)
        return tern_fail(err, TERN_FORMAT, "%s: pooler_hidden_act %.40s is not supported; gelu, tanh and relu are",
                         path, name);
    return status;
}

/* Sizes, embeddings and pooler, and what of distances the classes have in common. */
static tern_status read_common(struct tern_config *out, const json_t *root, int32_t *relative, const char *path,
                               tern_error *err)
{
    struct tern_table_spec *t = &out->table[0];
    int32_t positions = 1, width = 0;
    out->layer_norm_eps = 1e-7;
    tern_status status = tern_read_sizes_and_eps(out, root, path, err);
    if (!status)
        status = refuse(out, root, path, err);
    if (!status)
        status = tern_read_types(out, root, 0, path, err);
    if (!status)
        status = read_pooler(out, root, path, err);
    if (!status)
        status = tern_json_get_bool(root, "position_biased_input", 0, &positions, path, err);
    if (!status)
        status = tern_json_get_int(root, "embedding_size", 0, 1, TERN_MAX_HIDDEN, &width, path, err);
    if (!status)
        status = tern_json_get_bool(root, "relative_attention", 0, relative, path, err);
    if (!status)
        status = tern_json_get_int(root, "max_relative_positions", 0, -1, TERN_MAX_SPAN, &t->far, path, err);
    if (!status)
        status = read_kinds(t, root, path, err);
    if (!status && t->far < 1)
        t->far = out->max_positions;
    out->folded = width == out->hidden ? 0 : width;
    out->no_positions = !positions;
    t->span = t->far;
    return status;
}

/* What layers do with the table, now that all of it is known. */
static tern_status settle(struct tern_config *out, int32_t relative, const char *path, tern_error *err)
{
    struct tern_table_spec *t = &out->table[0];
    const int any = t->c2p || t->p2c;
    if (any != relative)
        return tern_fail(err, TERN_FORMAT,
                         "%s: relative_attention is %s, but pos_att_type names %s kinds; that is not supported", path,
                         relative ? "true" : "false", any ? "some" : "no");
    if (!any) {
        *t = (struct tern_table_spec){.kind = TERN_POSITION_ABSOLUTE};
        return TERN_OK;
    }
    t->kind = TERN_POSITION_DISENTANGLED;
    if (t->span > TERN_MAX_SPAN || !tern_distance_rows_fit(t, out->max_positions))
        return tern_fail(err, TERN_FORMAT,
                         "%s: max_relative_positions %d with %d position_buckets is not supported: more than %d, or "
                         "neighbouring distances are more than one bucket apart",
                         path, t->far, t->buckets, TERN_MAX_SPAN);
    for (int32_t i = 0; i < out->layers; i++)
        out->layer[i].position = TERN_POSITION_DISENTANGLED;
    out->n_tables = 1;
    return TERN_OK;
}

tern_status tern_read_deberta(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t relative = 0;
    const tern_status status = read_common(out, root, &relative, path, err);
    return status ? status : settle(out, relative, path, err);
}

tern_status tern_read_deberta_v2(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    struct tern_table_spec *t = &out->table[0];
    int32_t relative = 0, buckets = -1;
    const char *norm = "none";
    tern_status status = read_common(out, root, &relative, path, err);
    if (!status)
        status = tern_json_get_int(root, "position_buckets", 0, -1, TERN_MAX_SPAN, &buckets, path, err);
    if (!status)
        status = tern_json_get_bool(root, "share_att_key", 0, &t->shared, path, err);
    if (!status)
        status = tern_json_get_string(root, "norm_rel_ebd", 0, &norm, path, err);
    if (status)
        return status;
    if (strcmp(norm, "none") != 0 && strcmp(norm, "layer_norm") != 0)
        return tern_fail(err, TERN_FORMAT, "%s: norm_rel_ebd %.40s is not supported; none and layer_norm are", path,
                         norm);
    t->normed = !strcmp(norm, "layer_norm");
    if (buckets > 0) {
        t->span = t->buckets = buckets;
        if (buckets < 4 || t->far <= buckets / 2 + 1)
            return tern_fail(err, TERN_FORMAT,
                             "%s: position_buckets %d with max_relative_positions %d is not supported", path, buckets,
                             t->far);
    }
    return settle(out, relative, path, err);
}
