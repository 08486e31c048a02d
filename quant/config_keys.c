/* Accounts for every key of config.json, by the rows of quant/config_keys.def. */
#include "quant/config_keys.h"

#include "quant/families.h"

#include <fnmatch.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum rule { READ, ANY, OFF, ONLY, SAME };
static const struct row {
    const char *pattern;
    enum rule rule;
    const char *detail, *reason;
} rows[] = {
#define KEY(pattern, rule, detail, reason) {pattern, rule, detail, reason},
#include "quant/config_keys.def"
#undef KEY
    {"*", OFF, "", "Tern does not know it, and it may change the answer; remove it if the model does without"},
};

/* null, false, 0, and empty strings, lists and objects. */
static int is_off(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_NULL:
    case JSON_FALSE: return 1;
    case JSON_TRUE: return 0;
    case JSON_INTEGER:
    case JSON_REAL: return json_number_value(value) == 0;
    case JSON_STRING: return json_string_length(value) == 0;
    case JSON_ARRAY: return json_array_size(value) == 0;
    case JSON_OBJECT: return json_object_size(value) == 0;
    }
    return 0;
}

static int is_string(const json_t *value, const char *text)
{
    return json_is_string(value) && !strcmp(json_string_value(value), text);
}

/* The number of the model that a row's detail names. */
static int32_t number_of(const struct tern_config *c, const char *name)
{
    const struct {
        const char *name;
        int32_t value;
    } numbers[] = {
        {"hidden", c->hidden},
        {"layers", c->layers},
        {"heads", c->layer[0].heads},
        {"head_dim", c->layer[0].head_dim},
        {"vocab", c->vocab},
        {"intermediate", c->layer[0].intermediate},
        {"max_positions", c->max_positions},
    };
    size_t i = 0;
    while (strcmp(numbers[i].name, name))
        i++;
    return numbers[i].value;
}

static int is_read(const struct tern_checkpoint_family *family, const char *key)
{
    for (const char *const *k = family->keys; *k; k++)
        if (!strcmp(*k, key))
            return 1;
    return 0;
}

static tern_status refuse(const char *path, const char *key, const json_t *value, const char *why, tern_error *err)
{
    char text[64];
    const size_t n = json_dumpb(value, text, sizeof text - 1, JSON_ENCODE_ANY | JSON_COMPACT);
    const int whole = n < sizeof text;
    text[whole ? n : sizeof text - 4] = 0;
    return tern_fail(err, TERN_FORMAT, "%s: %.60s is %s%s; %s", path, key, text, whole ? "" : "...", why);
}

static tern_status check(const char *key, const json_t *value, const struct tern_config *config, const char *path,
                         tern_error *err)
{
    const struct row *row = rows;
    char why[64];
    if (is_read(&tern_checkpoint_families[config->architecture], key))
        return TERN_OK;
    while (fnmatch(row->pattern, key, 0))
        row++;
    switch (row->rule) {
    case READ:
    case ANY: return TERN_OK;
    case ONLY:
        if (is_string(value, row->detail))
            return TERN_OK;
        break;
    case SAME:
        if (json_is_integer(value) && json_integer_value(value) == number_of(config, row->detail))
            return TERN_OK;
        snprintf(why, sizeof why, "the model has %d (%s)", number_of(config, row->detail), row->detail);
        return is_off(value) ? TERN_OK : refuse(path, key, value, why, err);
    case OFF: break;
    }
    return is_off(value) ? TERN_OK : refuse(path, key, value, row->reason, err);
}

tern_status tern_config_keys_check(const json_t *root, const struct tern_config *config, const char *path,
                                   tern_error *err)
{
    const char *key;
    json_t *value;
    tern_status status = TERN_OK;
    json_object_foreach((json_t *)(uintptr_t)root, key, value)
    {
        if (!status)
            status = check(key, value, config, path, err);
    }
    return status;
}
