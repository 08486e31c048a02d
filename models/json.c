#include "models/json.h"

#include <string.h>

tern_status tern_json_parse(json_t **out, const char *text, size_t size, size_t max_values, const char *label,
                            tern_error *err)
{
    json_error_t error;
    (void)max_values;
    memset(&error, 0, sizeof error);
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (*out)
        return TERN_OK;
    if (json_error_code(&error) == json_error_out_of_memory || error.text[0] == '\0')
        return tern_fail_nomem(err, label, size);
    return tern_fail(err, TERN_FORMAT, "%s: bad JSON at line %d column %d: %s", label, error.line, error.column,
                     error.text);
}
