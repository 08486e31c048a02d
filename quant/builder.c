/* Collects tensors and metadata, and writes them as a safetensors file with a checksum, for assemble.c. */
#include "quant/builder.h"

#include "models/checksum.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

static const char checksum_key[] = TERN_CHECKSUM_KEY;
enum { DIGITS = TERN_CHECKSUM_DIGITS, ALIGNMENT = 64 };

struct part {
    void *data;
    size_t bytes;
};

struct tern_builder {
    json_t *header, *metadata;
    struct part *parts;
    size_t n_parts, capacity, data_bytes;
    char *text; /* the 8-byte length and the padded JSON */
    size_t text_bytes;
    int failed;
};

tern_status tern_builder_open(struct tern_builder **out, tern_error *err)
{
    *out = NULL;
    struct tern_builder *b = calloc(1, sizeof *b);
    if (!b)
        return tern_fail_nomem(err, "a file builder", sizeof *b);
    b->header = json_object();
    b->metadata = json_object();
    if (!b->header || !b->metadata || json_object_set(b->header, "__metadata__", b->metadata)) {
        tern_builder_close(b);
        return tern_fail_nomem(err, "a file header", 2 * sizeof(json_t));
    }
    *out = b;
    return TERN_OK;
}

void tern_builder_close(struct tern_builder *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n_parts; i++)
        free(b->parts[i].data);
    free(b->parts);
    free(b->text);
    json_decref(b->metadata);
    json_decref(b->header);
    free(b);
}

size_t tern_builder_tensor_bytes(enum tern_dtype dtype, int n_dims, const int64_t *shape)
{
    size_t bytes = tern_dtype_bytes(dtype);
    for (int i = 0; i < n_dims; i++) {
        if ((uint64_t)shape[i] > SIZE_MAX / bytes)
            return SIZE_MAX;
        bytes *= (size_t)shape[i];
    }
    return bytes;
}

void *tern_builder_add(struct tern_builder *b, const char *name, enum tern_dtype dtype, int n_dims,
                       const int64_t *shape)
{
    const size_t bytes = tern_builder_tensor_bytes(dtype, n_dims, shape);
    json_t *dims = json_array();
    for (int i = 0; i < n_dims; i++)
        if (json_array_append_new(dims, json_integer(shape[i])))
            goto fail;
    if (b->n_parts == b->capacity) {
        size_t capacity = b->capacity ? 2 * b->capacity : 64;
        struct part *grown = realloc(b->parts, capacity * sizeof *grown);
        if (!grown)
            goto fail;
        b->parts = grown;
        b->capacity = capacity;
    }
    void *data = calloc(1, bytes);
    if (!data)
        goto fail;
    json_t *entry = json_pack("{s:s, s:O, s:[I, I]}", "dtype", tern_dtype_name(dtype), "shape", dims, "data_offsets",
                              (json_int_t)b->data_bytes, (json_int_t)(b->data_bytes + bytes));
    if (json_object_set_new(b->header, name, entry)) { /* takes entry, and NULL as a failure */
        free(data);
        goto fail;
    }
    json_decref(dims);
    b->parts[b->n_parts++] = (struct part){data, bytes};
    b->data_bytes += bytes;
    return data;
fail:
    json_decref(dims);
    b->failed = 1;
    return NULL;
}

void tern_builder_metadata(struct tern_builder *b, const char *key, const char *value)
{
    if (!value || json_object_set_new(b->metadata, key, json_string(value)))
        b->failed = 1;
}

static uint64_t checksum_of(const struct tern_builder *b)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, b->text, b->text_bytes);
    for (size_t i = 0; i < b->n_parts; i++)
        XXH3_64bits_update(&state, b->parts[i].data, b->parts[i].bytes);
    return XXH3_64bits_digest(&state);
}

tern_status tern_builder_finish(struct tern_builder *b, tern_error *err)
{
    static const char zeros[DIGITS + 1] = "0000000000000000";
    tern_builder_metadata(b, "tern.checksum", zeros);
    size_t length = b->failed ? 0 : json_dumpb(b->header, NULL, 0, JSON_COMPACT); /* 0: out of memory */
    b->text_bytes = (8 + length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    b->text = length ? malloc(b->text_bytes) : NULL;
    if (!b->text)
        return tern_fail_nomem(err, "the file's header", b->text_bytes);
    memset(b->text, ' ', b->text_bytes);
    if (json_dumpb(b->header, b->text + 8, length, JSON_COMPACT) != length)
        return tern_fail_nomem(err, "the file's header", b->text_bytes);
    uint64_t header_bytes = b->text_bytes - 8;
    for (int i = 0; i < 8; i++)
        b->text[i] = (char)(header_bytes >> 8 * i & 0xff);

    char digits[DIGITS + 1];
    snprintf(digits, sizeof digits, "%016" PRIx64, checksum_of(b));
    char *place = memmem(b->text, b->text_bytes, checksum_key, sizeof checksum_key - 1);
    memcpy(place + sizeof checksum_key - 1, digits, DIGITS);
    return TERN_OK;
}

size_t tern_builder_bytes(const struct tern_builder *b)
{
    return b->text_bytes + b->data_bytes;
}

void tern_builder_copy(const struct tern_builder *b, uint8_t *out)
{
    memcpy(out, b->text, b->text_bytes);
    out += b->text_bytes;
    for (size_t i = 0; i < b->n_parts; out += b->parts[i++].bytes)
        memcpy(out, b->parts[i].data, b->parts[i].bytes);
}

tern_status tern_builder_write(const struct tern_builder *b, FILE *stream, tern_error *err)
{
    int bad = fwrite(b->text, 1, b->text_bytes, stream) != b->text_bytes;
    for (size_t i = 0; i < b->n_parts && !bad; i++)
        bad = fwrite(b->parts[i].data, 1, b->parts[i].bytes, stream) != b->parts[i].bytes;
    return bad ? tern_fail(err, TERN_IO, "cannot write the model: is the disk full?") : TERN_OK;
}
