/* Fetches typed fields from parsed JSON. Every error names the file, the field and the limit. */
#include "models/json.h"

#include "runtime/base/file.h"
#include "runtime/base/file_kind.h"

#include <stdlib.h>
#include <string.h>

/* A tokenizer.json of the largest vocabulary has some 2^19 values; a value takes up to 40 bytes of memory. */
enum { MAX_VALUES = 1 << 23 };

tern_status tern_json_read_file(json_t **out, const char *path, size_t limit, int optional, tern_error *err)
{
    char *text = NULL;
    size_t size = 0;
    tern_status status = tern_read_text(&text, &size, path, limit, optional, err);

    *out = NULL;
    if (status != TERN_OK || !text)
        return status;
    status = tern_fail_kind(tern_json_parse(out, text, size, MAX_VALUES, path, err), text, size, path, err);
    free(text);
    return status;
}

/* The member; NULL with *status settled when it is absent or null. */
static const json_t *member(const json_t *object, const char *key, int required, const char *label, tern_status *status,
                            tern_error *err)
{
    const json_t *value = json_object_get(object, key);
    *status = TERN_OK;
    if (value && !json_is_null(value))
        return value;
    if (required)
        *status = tern_fail(err, TERN_FORMAT, "%s: %s is missing", label, key);
    return NULL;
}

tern_status tern_json_get_int(const json_t *object, const char *key, int required, int32_t min, int32_t max,
                              int32_t *out, const char *label, tern_error *err)
{
    tern_status status;
    const json_t *value = member(object, key, required, label, &status, err);

    if (!value)
        return status;
    if (!json_is_integer(value))
        return tern_fail(err, TERN_FORMAT, "%s: %s must be an integer in %d .. %d", label, key, min, max);
    if (json_integer_value(value) < min || json_integer_value(value) > max)
        return tern_fail(err, TERN_FORMAT, "%s: %s is %lld, the limits are %d .. %d", label, key,
                         (long long)json_integer_value(value), min, max);
    *out = (int32_t)json_integer_value(value);
    return TERN_OK;
}

tern_status tern_json_get_real(const json_t *object, const char *key, int required, double min, double max, double *out,
                               const char *label, tern_error *err)
{
    tern_status status;
    const json_t *value = member(object, key, required, label, &status, err);

    if (!value)
        return status;
    if (!json_is_number(value))
        return tern_fail(err, TERN_FORMAT, "%s: %s must be a number", label, key);
    if (!(json_number_value(value) >= min && json_number_value(value) <= max))
        return tern_fail(err, TERN_FORMAT, "%s: %s is %g, the limits are %g .. %g", label, key,
                         json_number_value(value), min, max);
    *out = json_number_value(value);
    return TERN_OK;
}

tern_status tern_json_get_id(int32_t *out, const json_t *object, const char *key, int32_t count, const char *label,
                             tern_error *err)
{
    int32_t id = -1;
    const tern_status status = tern_json_get_int(object, key, 0, 0, count - 1, &id, label, err);
    *out = id + 1;
    return status;
}

tern_status tern_json_get_bool(const json_t *object, const char *key, int required, int32_t *out, const char *label,
                               tern_error *err)
{
    tern_status status;
    const json_t *value = member(object, key, required, label, &status, err);

    if (!value)
        return status;
    if (!json_is_boolean(value))
        return tern_fail(err, TERN_FORMAT, "%s: %s must be true or false", label, key);
    *out = json_is_true(value);
    return TERN_OK;
}

tern_status tern_json_get_string(const json_t *object, const char *key, int required, const char **out,
                                 const char *label, tern_error *err)
{
    tern_status status;
    const json_t *value = member(object, key, required, label, &status, err);

    if (!value)
        return status;
    if (!json_is_string(value))
        return tern_fail(err, TERN_FORMAT, "%s: %s must be a string", label, key);
    *out = json_string_value(value);
    return TERN_OK;
}

tern_status tern_json_known_keys(const json_t *object, const char *const *known, int n, const char *what,
                                 const char *label, tern_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        int i = 0;
        while (i < n && strcmp(known[i], key) != 0)
            i++;
        if (i == n)
            return tern_fail(err, TERN_FORMAT,
                             "%s: %s says %.60s, which this version of Tern does not know; use a newer one", label,
                             what, key);
    }
    return TERN_OK;
}
