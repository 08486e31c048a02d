/* Reads the keys of config.json that say which tokens a layer's attention sees, and of which kind it is. */
#include "quant/mixer_keys.h"

#include "models/config_private.h"
#include "models/json.h"

#include <string.h>

/* What a key says of layer i: it has one value for all layers, or a list with one for each. NULL: nothing, or null. */
static const json_t *of_layer(const json_t *value, int32_t i)
{
    const json_t *const own = json_is_array(value) ? json_array_get(value, (size_t)i) : value;
    return json_is_null(own) ? NULL : own;
}

static tern_status check_list(const struct tern_config *config, const json_t *value, const char *key, const char *path,
                              tern_error *err)
{
    if (!json_is_array(value) || json_array_size(value) == (size_t)config->layers)
        return TERN_OK;
    return tern_fail(err, TERN_FORMAT, "%s: %s has %zu values for %d layers", path, key, json_array_size(value),
                     config->layers);
}

tern_status tern_read_windows(struct tern_config *out, const json_t *root, int32_t usual, const char *path,
                              tern_error *err)
{
    const json_t *const windows = json_object_get(root, "attention_window");
    tern_status status = check_list(out, windows, "attention_window", path, err);
    for (int32_t i = 0; i < out->layers && !status; i++) {
        const json_t *const own = of_layer(windows, i);
        const json_int_t window = own ? json_integer_value(own) : usual;
        struct tern_layer_spec *const layer = &out->layer[i];
        if (!own && !usual) {
            layer->before = layer->after = TERN_ALL_TOKENS;
            continue;
        }
        if (window < 2 || window % 2 || window > TERN_ALL_TOKENS)
            status = tern_fail(err, TERN_FORMAT, "%s: attention_window of layer %d is no even number from 2 to %d",
                               path, i, TERN_ALL_TOKENS);
        layer->before = layer->after = (int32_t)(window / 2);
    }
    return status;
}

/* One of `names`, a string of the key; -1 after a failure. */
static int find(const json_t *value, const char *const *names, int n, const char *key, const char *path,
                tern_error *err)
{
    const char *const name = json_string_value(value);
    const int found = name ? tern_name_index(names, n, name) : -1;
    if (found < 0)
        tern_fail(err, TERN_FORMAT, "%s: %s %.60s is not supported; %s%s%s%s%s are", path, key,
                  name ? name : "that is no string", names[0], n > 2 ? ", " : " and ", names[1], n > 2 ? " and " : "",
                  n > 2 ? names[2] : "");
    return found;
}

static tern_status read_kinds(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const char *const kinds[] = {"softmax", "linear"}, *const maps[] = {"elu", "relu", "cosformer"};
    static const enum tern_mixer mixers[] = {TERN_MIXER_ELU, TERN_MIXER_RELU, TERN_MIXER_COSFORMER};
    const json_t *const kind = json_object_get(root, "attention_kind"), *const map =
                                                                            json_object_get(root, "feature_map");
    const tern_status status = check_list(out, kind, "attention_kind", path, err);
    for (int32_t i = 0; i < out->layers && !status; i++) {
        const json_t *const own = of_layer(kind, i);
        struct tern_layer_spec *const layer = &out->layer[i];
        const int linear = own ? find(own, kinds, 2, "attention_kind", path, err) : 0,
                  mixer = linear > 0 ? find(map, maps, 3, "feature_map", path, err) : 0;
        if (linear < 0 || mixer < 0)
            return TERN_FORMAT;
        if (!linear)
            continue;
        layer->mixer = mixers[mixer];
        if (layer->before != TERN_ALL_TOKENS)
            return tern_fail(err, TERN_FORMAT,
                             "%s: layer %d has linear attention, which sees all tokens, and an attention_window of %d; "
                             "null is supported there",
                             path, i, 2 * layer->before);
    }
    return status;
}

tern_status tern_read_mixers(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const tern_status status = tern_read_windows(out, root, 0, path, err);
    return status ? status : read_kinds(out, root, path, err);
}
