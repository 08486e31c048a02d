/* Reads the safetensors container, for checkpoints and .tern files alike, and trusts no number in it. */
#include "models/safetensors.h"

#include "models/json.h"
#include "runtime/base/file_kind.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_HEADER = 100 * 1000 * 1000, /* the limit of Hugging Face's own reader */
    /* JSON values of one entry: object, dtype, shape with its dims, offsets with two numbers; as many for metadata */
    MAX_VALUES = TERN_MAX_TENSORS * (TERN_MAX_DIMS + 6),
};

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
    [TERN_F32] = {"F32", 4},   [TERN_F16] = {"F16", 2}, [TERN_BF16] = {"BF16", 2}, [TERN_I64] = {"I64", 8},
    [TERN_I32] = {"I32", 4},   [TERN_I16] = {"I16", 2}, [TERN_I8] = {"I8", 1},     [TERN_U8] = {"U8", 1},
    [TERN_BOOL] = {"BOOL", 1}, [TERN_F64] = {"F64", 8},
};

enum { N_DTYPES = (int)(sizeof dtypes / sizeof dtypes[0]) };

size_t tern_dtype_bytes(enum tern_dtype dtype)
{
    return dtypes[dtype].bytes;
}

const char *tern_dtype_name(enum tern_dtype dtype)
{
    return dtypes[dtype].name;
}

/* The place of an entry, for messages. The name is cut: a line has 320 bytes. */
#define BAD(...) tern_fail(err, TERN_FORMAT, "%s: tensor %.100s: " __VA_ARGS__)

static tern_status parse_dtype(struct tern_tensor *t, const json_t *value, const char *label, tern_error *err)
{
    const char *name = json_string_value(value);
    if (!name)
        return BAD("dtype is missing or not a string", label, t->name);
    for (int i = 0; i < N_DTYPES; i++)
        if (strcmp(dtypes[i].name, name) == 0) {
            t->dtype = (enum tern_dtype)i;
            return TERN_OK;
        }
    return BAD("dtype %.20s is not supported", label, t->name, name);
}

/* Reads the shape and sets t->bytes to its product with the dtype's size. A dimension of 0 is refused: nothing that
   Tern loads may be empty, and every later product can rely on it. */
static tern_status parse_shape(struct tern_tensor *t, const json_t *value, const char *label, tern_error *err)
{
    size_t product = tern_dtype_bytes(t->dtype);
    size_t n = json_array_size(value);

    if (!json_is_array(value))
        return BAD("shape is missing or not an array", label, t->name);
    if (n > TERN_MAX_DIMS)
        return BAD("%zu dimensions, the limit is %d", label, t->name, n, TERN_MAX_DIMS);
    t->n_dims = (int)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *dim = json_array_get(value, i);
        json_int_t d = json_integer_value(dim);
        if (!json_is_integer(dim) || d < 0)
            return BAD("dimension %zu is negative or no integer", label, t->name, i);
        if (product && (uint64_t)d > SIZE_MAX / product)
            return BAD("shape overflows", label, t->name);
        product *= (size_t)d;
        t->shape[i] = d;
    }
    t->bytes = product;
    return TERN_OK;
}

static tern_status parse_offsets(struct tern_tensor *t, const json_t *value, const uint8_t *data, size_t data_bytes,
                                 const char *label, tern_error *err)
{
    const json_t *first = json_array_get(value, 0), *second = json_array_get(value, 1);
    json_int_t begin = json_integer_value(first), end = json_integer_value(second);

    if (json_array_size(value) != 2 || !json_is_integer(first) || !json_is_integer(second))
        return BAD("data_offsets are missing or not two integers", label, t->name);
    if (begin < 0 || end < begin || (uint64_t)end > data_bytes)
        return BAD("data_offsets [%lld, %lld] lie outside of the %zu bytes of data", label, t->name, (long long)begin,
                   (long long)end, data_bytes);
    if ((uint64_t)(end - begin) != t->bytes)
        return BAD("%lld bytes, its shape and dtype need %zu", label, t->name, (long long)(end - begin), t->bytes);
    t->data = data + (size_t)begin;
    return TERN_OK;
}

int tern_tensor_name_is_bad(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > TERN_MAX_TENSOR_NAME)
        return 1;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return 1;
    return 0;
}

static tern_status parse_tensor(struct tern_tensor *t, const char *name, const json_t *entry, const uint8_t *data,
                                size_t data_bytes, const char *label, tern_error *err)
{
    tern_status status;

    if (tern_tensor_name_is_bad(name))
        return tern_fail(err, TERN_FORMAT,
                         "%s: a tensor's name is empty, longer than %d bytes or has control characters", label,
                         TERN_MAX_TENSOR_NAME);
    t->name = name;
    if (!json_is_object(entry))
        return BAD("entry is not an object", label, name);
    if (json_object_size(entry) != 3)
        return BAD("entry must have dtype, shape and data_offsets and nothing else", label, name);
    status = parse_dtype(t, json_object_get(entry, "dtype"), label, err);
    if (status == TERN_OK)
        status = parse_shape(t, json_object_get(entry, "shape"), label, err);
    if (status == TERN_OK)
        status = parse_offsets(t, json_object_get(entry, "data_offsets"), data, data_bytes, label, err);
    return status;
}

/* Of tensors at one place all but the last must be empty. */
static int by_offset(const void *a, const void *b)
{
    const struct tern_tensor *t = a, *u = b;
    const uint8_t *x = t->data, *y = u->data;
    return x == y ? (t->bytes > u->bytes) - (t->bytes < u->bytes) : (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tern_tensor *)a)->name, ((const struct tern_tensor *)b)->name);
}

/* Tensors that follow each other exactly neither overlap nor leave bytes that nobody checks. */
static tern_status check_layout(struct tern_safetensors *st, const uint8_t *data, size_t data_bytes, const char *label,
                                tern_error *err)
{
    size_t expected = 0;

    if (st->n_tensors > 1)
        qsort(st->tensors, st->n_tensors, sizeof st->tensors[0], by_offset);
    for (size_t i = 0; i < st->n_tensors; i++) {
        const struct tern_tensor *t = &st->tensors[i];
        size_t begin = (size_t)((const uint8_t *)t->data - data);
        if (begin != expected)
            return BAD("begins at byte %zu of the data, %s the tensor before it, which ends at %zu", label, t->name,
                       begin, begin < expected ? "overlapping" : "leaving a hole after", expected);
        expected = begin + t->bytes;
    }
    if (expected != data_bytes)
        return tern_fail(err, TERN_FORMAT, "%s: %zu bytes of data, but the tensors end at %zu", label, data_bytes,
                         expected);
    if (st->n_tensors > 1)
        qsort(st->tensors, st->n_tensors, sizeof st->tensors[0], by_name);
    return TERN_OK;
}

static tern_status check_metadata(const json_t *metadata, const char *label, tern_error *err)
{
    const char *key;
    json_t *value;

    if (!metadata)
        return TERN_OK;
    if (!json_is_object(metadata))
        return tern_fail(err, TERN_FORMAT, "%s: __metadata__ is not an object", label);
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
    {
        if (!json_is_string(value))
            return tern_fail(err, TERN_FORMAT, "%s: __metadata__ %.100s is not a string", label, key);
    }
    return TERN_OK;
}

/* Fills st->tensors from the parsed header. */
static tern_status parse_entries(struct tern_safetensors *st, const uint8_t *data, size_t data_bytes, const char *label,
                                 tern_error *err)
{
    json_t *root = st->json, *entry;
    const json_t *metadata = json_object_get(root, "__metadata__");
    size_t n = json_object_size(root) - (metadata ? 1 : 0);
    const char *name;
    tern_status status = check_metadata(metadata, label, err);

    if (status != TERN_OK)
        return status;
    if (n > TERN_MAX_TENSORS)
        return tern_fail(err, TERN_FORMAT, "%s: %zu tensors, the limit is %d", label, n, TERN_MAX_TENSORS);
    if (n > 0) {
        st->tensors = calloc(n, sizeof st->tensors[0]);
        if (!st->tensors)
            return tern_fail_nomem(err, label, n * sizeof st->tensors[0]);
    }
    json_object_foreach(root, name, entry)
    {
        if (entry == metadata)
            continue;
        status = parse_tensor(&st->tensors[st->n_tensors], name, entry, data, data_bytes, label, err);
        if (status != TERN_OK)
            return status;
        st->n_tensors++;
    }
    return check_layout(st, data, data_bytes, label, err);
}

static tern_status open_container(struct tern_safetensors *out, const void *bytes, size_t size, const char *label,
                                  tern_error *err)
{
    const uint8_t *file = bytes;
    uint64_t header = 0;
    json_t *json = NULL;
    tern_status status;

    memset(out, 0, sizeof *out);
    if (size < 8)
        return tern_fail(err, TERN_FORMAT, "%s: %zu bytes, too short for a safetensors file", label, size);
    for (int i = 7; i >= 0; i--)
        header = header << 8 | file[i];
    if (header > MAX_HEADER)
        return tern_fail(err, TERN_FORMAT, "%s: header of %llu bytes, the limit is %d; is this a safetensors file?",
                         label, (unsigned long long)header, MAX_HEADER);
    if (header > size - 8)
        return tern_fail(err, TERN_FORMAT, "%s: header of %llu bytes in a file of %zu: the file is truncated", label,
                         (unsigned long long)header, size);
    if (header == 0 || file[8] != '{')
        return tern_fail(err, TERN_FORMAT, "%s: the header does not begin with '{'; is this a safetensors file?",
                         label);
    status = tern_json_parse(&json, (const char *)file + 8, (size_t)header, MAX_VALUES, label, err);
    if (status != TERN_OK)
        return status;
    out->file = file;
    out->file_bytes = size;
    out->json = json;
    status = parse_entries(out, file + 8 + header, size - 8 - (size_t)header, label, err);
    if (status != TERN_OK)
        tern_safetensors_close(out);
    return status;
}

tern_status tern_safetensors_open(struct tern_safetensors *out, const void *bytes, size_t size, const char *label,
                                  tern_error *err)
{
    return tern_fail_kind(open_container(out, bytes, size, label, err), bytes, size, label, err);
}

void tern_safetensors_close(struct tern_safetensors *st)
{
    if (!st)
        return;
    free(st->tensors);
    json_decref(st->json);
    memset(st, 0, sizeof *st);
}

const struct tern_tensor *tern_safetensors_find(const struct tern_safetensors *st, const char *name)
{
    struct tern_tensor key = {.name = name};
    if (st->n_tensors == 0)
        return NULL;
    return bsearch(&key, st->tensors, st->n_tensors, sizeof st->tensors[0], by_name);
}

const char *tern_safetensors_metadata(const struct tern_safetensors *st, const char *key)
{
    return json_string_value(json_object_get(json_object_get(st->json, "__metadata__"), key));
}
