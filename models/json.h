/* Strict JSON into jansson's values: one way to parse, one way to report. Used by everything under models/. */
#ifndef TERN_JSON_H
#define TERN_JSON_H

#include "runtime/base/status.h"

#include <jansson.h>

/* Parses text[size] as one RFC 8259 value with no duplicate keys; at most `max_values` values are made, so that a
   hostile file cannot ask for gigabytes. Integers beyond int64 become reals (Hugging Face writes 1e30 as 31 digits).
   On success json_decref(*out). TERN_FORMAT (the message names `label`, line and column), TERN_NOMEM. */
tern_status tern_json_parse(json_t **out, const char *text, size_t size, size_t max_values, const char *label,
                            tern_error *err);

/* What becomes of an object's members, one after the other. */
struct tern_json_members {
    /* May read the value at `at`, which is valid JSON without white space around, and says where it ends. NULL: it is
       to be parsed. */
    const char *(*take)(void *context, const char *key, const char *at, const char *end);
    /* Owns the value. */
    tern_status (*value)(void *context, const char *key, json_t *value);
    void *context;
};
/* The same of an object whose values need not all be there at once. That no key is there twice is the caller's to see.
   A failed `value` ends it. */
tern_status tern_json_each(const struct tern_json_members *members, const char *text, size_t size, size_t max_values,
                           const char *label, tern_error *err);

/* Reads the file `path` of at most `limit` bytes and parses it. An absent file leaves *out NULL, with TERN_OK if
   `optional`, else TERN_IO. */
tern_status tern_json_read_file(json_t **out, const char *path, size_t limit, int optional, tern_error *err);

/* Typed members of an object. Absent and null are the same: an error if `required`, else *out keeps its value.
   Any other type, or a number outside of min .. max, is TERN_FORMAT, and the message names `label` and the key. */
tern_status tern_json_get_int(const json_t *object, const char *key, int required, int32_t min, int32_t max,
                              int32_t *out, const char *label, tern_error *err);
tern_status tern_json_get_real(const json_t *object, const char *key, int required, double min, double max, double *out,
                               const char *label, tern_error *err);
tern_status tern_json_get_bool(const json_t *object, const char *key, int required, int32_t *out, const char *label,
                               tern_error *err);
/* An optional id below `count`, plus 1; 0: it is not there. */
tern_status tern_json_get_id(int32_t *out, const json_t *object, const char *key, int32_t count, const char *label,
                             tern_error *err);
/* Refuses members that are none of known[n]: what a newer file says may change the answer. `what` says it: "the
   configuration". TERN_FORMAT by the key; anything but an object has none. */
tern_status tern_json_known_keys(const json_t *object, const char *const *known, int n, const char *what,
                                 const char *label, tern_error *err);
/* The string belongs to the object. */
tern_status tern_json_get_string(const json_t *object, const char *key, int required, const char **out,
                                 const char *label, tern_error *err);

#endif
