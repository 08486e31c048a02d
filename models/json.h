/* Strict JSON into jansson's values: one way to parse, one way to report. Used by everything under models/. */
#ifndef TERN_JSON_H
#define TERN_JSON_H

#include "runtime/status.h"

#include <jansson.h>

/* Parses text[size] as one RFC 8259 value with no duplicate keys; at most `max_values` values are made, so that a hostile
   file cannot ask for gigabytes. Integers beyond int64 become reals (Hugging Face writes 1e30 as 31 digits).
   On success json_decref(*out). TERN_FORMAT (the message names `label`, line and column), TERN_NOMEM. */
tern_status tern_json_parse(json_t **out, const char *text, size_t size, size_t max_values, const char *label,
                            tern_error *err);

#endif
