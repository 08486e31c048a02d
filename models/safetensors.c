/* Reads the safetensors container, for checkpoints and .tern files alike, and trusts no number in it. */
#include "models/safetensors.h"

#include "models/json.h"
#include "runtime/base/file_kind.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

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

#define METADATA "__metadata__" /* the entry that is no tensor */

enum { N_DTYPES = (int)(sizeof dtypes / sizeof dtypes[0]) };

size_t tern_dtype_bytes(enum tern_dtype dtype)
{
    return dtypes[dtype].bytes;
}

const char *tern_dtype_name(enum tern_dtype dtype)
{
    return dtypes[dtype].name;
}

/* A header that is being read. What is wrong with an entry counts only if the JSON is right to its end. */
struct reader {
    struct tern_safetensors *out;
    const uint8_t *data;
    size_t data_bytes, capacity; /* tensors that there is room for */
    size_t count;                /* entries, those that are wrong included */
    char *name;                  /* where the next name goes */
    const char *label;
    tern_error fault, metadata_fault; /* the first of the entries, and that of the metadata */
};

/* An entry's fields, before anything is known of them. */
struct entry {
    const char *dtype;
    size_t dtype_bytes;
    int n_dims;
    int64_t shape[TERN_MAX_DIMS], begin, end;
};

/* An entry's fault. The name is cut: a line has 320 bytes. */
#define BAD(...) tern_fail(err, TERN_FORMAT, "%s: tensor %.100s: " __VA_ARGS__)

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

static tern_status check_dtype(struct tern_tensor *t, const struct entry *e, const char *label, tern_error *err)
{
    for (int i = 0; i < N_DTYPES; i++)
        if (strlen(dtypes[i].name) == e->dtype_bytes && memcmp(dtypes[i].name, e->dtype, e->dtype_bytes) == 0) {
            t->dtype = (enum tern_dtype)i;
            return TERN_OK;
        }
    return BAD("dtype %.*s is not supported", label, t->name, (int)(e->dtype_bytes < 20 ? e->dtype_bytes : 20),
               e->dtype);
}

/* Sets t->bytes to the shape's product with the dtype's size. */
static tern_status check_shape(struct tern_tensor *t, const struct entry *e, const char *label, tern_error *err)
{
    size_t product = tern_dtype_bytes(t->dtype);

    t->n_dims = e->n_dims;
    for (int i = 0; i < e->n_dims; i++) {
        if (product && (uint64_t)e->shape[i] > SIZE_MAX / product)
            return BAD("shape overflows", label, t->name);
        product *= (size_t)e->shape[i];
        t->shape[i] = e->shape[i];
    }
    t->bytes = product;
    return TERN_OK;
}

static tern_status check_offsets(struct tern_tensor *t, const struct entry *e, const struct reader *r, tern_error *err)
{
    if (e->begin < 0 || e->end < e->begin || (uint64_t)e->end > r->data_bytes)
        return BAD("data_offsets [%lld, %lld] lie outside of the %zu bytes of data", r->label, t->name,
                   (long long)e->begin, (long long)e->end, r->data_bytes);
    if ((uint64_t)(e->end - e->begin) != t->bytes)
        return BAD("%lld bytes, its shape and dtype need %zu", r->label, t->name, (long long)(e->end - e->begin),
                   t->bytes);
    t->data = r->data + (size_t)e->begin;
    return TERN_OK;
}

/* Checks an entry, and keeps the tensor. */
static tern_status add(struct reader *r, const char *name, const struct entry *e, tern_error *err)
{
    struct tern_safetensors *const st = r->out;
    struct tern_tensor t = {.name = name};
    tern_status status;

    if (tern_tensor_name_is_bad(name))
        return tern_fail(err, TERN_FORMAT,
                         "%s: a tensor's name is empty, longer than %d bytes or has control characters", r->label,
                         TERN_MAX_TENSOR_NAME);
    status = check_dtype(&t, e, r->label, err);
    if (status == TERN_OK)
        status = check_shape(&t, e, r->label, err);
    if (status == TERN_OK)
        status = check_offsets(&t, e, r, err);
    if (status != TERN_OK || st->n_tensors == r->capacity) /* of more than there may be nobody asks for the last */
        return status;
    const size_t n = strlen(name) + 1;
    st->tensors[st->n_tensors] = t;
    st->tensors[st->n_tensors++].name = memcpy(r->name, name, n);
    r->name += n;
    return TERN_OK;
}

/* ---- Entries as Hugging Face writes them ------------------------------------------------------------------------- */

static int take_text(const char **at, const char *end, const char *text)
{
    const size_t n = strlen(text);
    if ((size_t)(end - *at) < n || memcmp(*at, text, n) != 0)
        return 0;
    *at += n;
    return 1;
}

/* A number of up to 18 digits, which 64 bits hold: what follows a longer one is none of what is asked for next. */
static int take_count(const char **at, const char *end, int64_t *out)
{
    const char *const start = *at;
    int64_t value = 0;
    while (*at < end && **at >= '0' && **at <= '9' && *at - start < 18)
        value = value * 10 + (*(*at)++ - '0');
    *out = value;
    return *at > start && (*start != '0' || *at - start == 1);
}

/* {"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, with nothing between: most headers have no other, and making
   jansson's values of them would take a third of the time in which a small model is opened. */
static const char *take_entry(void *context, const char *key, const char *at, const char *end)
{
    struct reader *const r = context;
    struct entry e = {.n_dims = 0};

    if (!take_text(&at, end, "{\"dtype\":\""))
        return NULL;
    e.dtype = at;
    while (at < end && ((*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9')))
        at++;
    e.dtype_bytes = (size_t)(at - e.dtype);
    if (!take_text(&at, end, "\",\"shape\":["))
        return NULL;
    while (at < end && *at != ']') {
        if (e.n_dims == TERN_MAX_DIMS || (e.n_dims && !take_text(&at, end, ",")) ||
            !take_count(&at, end, &e.shape[e.n_dims++]))
            return NULL;
    }
    if (!take_text(&at, end, "],\"data_offsets\":[") || !take_count(&at, end, &e.begin) || !take_text(&at, end, ",") ||
        !take_count(&at, end, &e.end) || !take_text(&at, end, "]}") || strcmp(key, METADATA) == 0)
        return NULL;
    tern_error *const err = &r->fault;
    tern_error next;
    r->count++;
    (void)add(r, key, &e, err->code ? &next : err);
    return at;
}

/* ---- Others ------------------------------------------------------------------------------------------------------ */

static tern_status read_shape(struct entry *e, const char *name, const json_t *value, const char *label,
                              tern_error *err)
{
    const size_t n = json_array_size(value);

    if (!json_is_array(value))
        return BAD("shape is missing or not an array", label, name);
    if (n > TERN_MAX_DIMS)
        return BAD("%zu dimensions, the limit is %d", label, name, n, TERN_MAX_DIMS);
    e->n_dims = (int)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *dim = json_array_get(value, i);
        e->shape[i] = json_integer_value(dim);
        if (!json_is_integer(dim) || e->shape[i] < 0)
            return BAD("dimension %zu is negative or no integer", label, name, i);
    }
    return TERN_OK;
}

static tern_status read_entry(struct reader *r, const char *name, const json_t *value, tern_error *err)
{
    const json_t *const dtype = json_object_get(value, "dtype"), *offsets = json_object_get(value, "data_offsets");
    const json_t *const first = json_array_get(offsets, 0), *second = json_array_get(offsets, 1);
    struct entry e = {.dtype = json_string_value(dtype),
                      .dtype_bytes = json_string_length(dtype),
                      .begin = json_integer_value(first),
                      .end = json_integer_value(second)};

    if (!json_is_object(value))
        return BAD("entry is not an object", r->label, name);
    if (json_object_size(value) != 3)
        return BAD("entry must have dtype, shape and data_offsets and nothing else", r->label, name);
    if (!e.dtype)
        return BAD("dtype is missing or not a string", r->label, name);
    const tern_status status = read_shape(&e, name, json_object_get(value, "shape"), r->label, err);
    if (status != TERN_OK)
        return status;
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(second))
        return BAD("data_offsets are missing or not two integers", r->label, name);
    return add(r, name, &e, err);
}

static tern_status check_metadata(const json_t *metadata, const char *label, tern_error *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(metadata))
        return tern_fail(err, TERN_FORMAT, "%s: __metadata__ is not an object", label);
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
    {
        if (!json_is_string(value))
            return tern_fail(err, TERN_FORMAT, "%s: __metadata__ %.100s is not a string", label, key);
    }
    return TERN_OK;
}

static tern_status read_value(void *context, const char *key, json_t *value)
{
    struct reader *const r = context;
    tern_error next;

    if (strcmp(key, METADATA) != 0) {
        r->count++;
        (void)read_entry(r, key, value, r->fault.code ? &next : &r->fault);
    } else if (r->out->json) {
        tern_fail(&r->metadata_fault, TERN_FORMAT, "%s: duplicate key %s", r->label, key);
    } else {
        r->out->json = json_incref(value);
        (void)check_metadata(value, r->label, &r->metadata_fault);
    }
    json_decref(value);
    return TERN_OK;
}

/* ---- The container ----------------------------------------------------------------------------------------------- */

/* Of tensors at one place all but the last must be empty. */
static int by_offset(const void *a, const void *b)
{
    const struct tern_tensor *t = a, *u = b;
    const uint8_t *x = t->data, *y = u->data;
    return x == y ? (t->bytes > u->bytes) - (t->bytes < u->bytes) : (x > y) - (x < y);
}

/* Most headers list their tensors as they lie. */
static void sort(struct tern_safetensors *st)
{
    size_t i = 1;
    while (i < st->n_tensors && by_offset(&st->tensors[i - 1], &st->tensors[i]) <= 0)
        i++;
    if (i < st->n_tensors)
        qsort(st->tensors, st->n_tensors, sizeof st->tensors[0], by_offset);
}

/* The slot of a name: that of its tensor, or a free one. The hash begins with an address, which nobody knows who writes
   a file whose names are to meet in one slot. */
static uint32_t *slot_of(const struct tern_safetensors *st, const char *name)
{
    const uint64_t hash = XXH3_64bits_withSeed(name, strlen(name), (uintptr_t)st->slots);
    for (uint32_t i = (uint32_t)hash & st->mask;; i = (i + 1) & st->mask)
        if (!st->slots[i] || strcmp(st->tensors[st->slots[i] - 1].name, name) == 0)
            return &st->slots[i];
}

static tern_status index_names(struct tern_safetensors *st, const char *label, tern_error *err)
{
    size_t n_slots = 4;
    while (n_slots < 2 * st->n_tensors) /* at most half full, so that a search always ends */
        n_slots *= 2;
    st->mask = (uint32_t)n_slots - 1;
    st->slots = calloc(n_slots, sizeof *st->slots);
    if (!st->slots)
        return tern_fail_nomem(err, label, n_slots * sizeof *st->slots);
    for (uint32_t i = 0; i < st->n_tensors; i++) {
        uint32_t *const slot = slot_of(st, st->tensors[i].name);
        if (*slot)
            return tern_fail(err, TERN_FORMAT, "%s: duplicate key %.100s", label, st->tensors[i].name);
        *slot = i + 1;
    }
    return TERN_OK;
}

/* Tensors that follow each other exactly neither overlap nor leave bytes that nobody checks. */
static tern_status check_layout(struct tern_safetensors *st, const uint8_t *data, size_t data_bytes, const char *label,
                                tern_error *err)
{
    size_t expected = 0;

    sort(st);
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
    return TERN_OK;
}

/* Fills *out from the header's text. */
static tern_status read_header(struct tern_safetensors *out, const char *text, size_t bytes, const uint8_t *data,
                               size_t data_bytes, const char *label, tern_error *err)
{
    struct reader r = {.out = out, .data = data, .data_bytes = data_bytes, .label = label};
    const struct tern_json_members members = {take_entry, read_value, &r};

    /* No entry that is right is shorter, and no name is longer than its text with the quotes. */
    r.capacity = bytes / (sizeof "\"\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,0]}" - 1);
    r.capacity = r.capacity < TERN_MAX_TENSORS ? r.capacity : TERN_MAX_TENSORS;
    out->tensors = malloc((r.capacity + 1) * sizeof out->tensors[0]);
    out->names = r.name = malloc(bytes);
    if (!out->tensors || !out->names)
        return tern_fail_nomem(err, label, (r.capacity + 1) * sizeof out->tensors[0] + bytes);
    const tern_status status = tern_json_each(&members, text, bytes, MAX_VALUES, label, err);
    if (status != TERN_OK)
        return status;
    if (r.count > TERN_MAX_TENSORS && !r.metadata_fault.code)
        return tern_fail(err, TERN_FORMAT, "%s: %zu tensors, the limit is %d", label, r.count, TERN_MAX_TENSORS);
    const tern_error *const fault = r.metadata_fault.code ? &r.metadata_fault : &r.fault;
    if (fault->code) {
        if (err)
            *err = *fault;
        return fault->code;
    }
    const tern_status layout = check_layout(out, data, data_bytes, label, err);
    return layout ? layout : index_names(out, label, err);
}

static tern_status open_container(struct tern_safetensors *out, const void *bytes, size_t size, const char *label,
                                  tern_error *err)
{
    const uint8_t *file = bytes;
    uint64_t header = 0;

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
    const tern_status status = read_header(out, (const char *)file + 8, (size_t)header, file + 8 + header,
                                           size - 8 - (size_t)header, label, err);
    if (status != TERN_OK) {
        tern_safetensors_close(out);
        return status;
    }
    out->file = file;
    out->file_bytes = size;
    return TERN_OK;
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
    free(st->names);
    free(st->slots);
    json_decref(st->json);
    memset(st, 0, sizeof *st);
}

const struct tern_tensor *tern_safetensors_find(const struct tern_safetensors *st, const char *name)
{
    const uint32_t at = st->slots ? *slot_of(st, name) : 0;
    return at ? &st->tensors[at - 1] : NULL;
}

const char *tern_safetensors_metadata(const struct tern_safetensors *st, const char *key)
{
    return json_string_value(json_object_get(st->json, key));
}
