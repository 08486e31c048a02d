/* The tensors of a state dictionary as torch pickles them: views of storages, with strides. */
#include "quant/torch_tensors.h"

#include "models/unicode.h"

#include <stdlib.h>
#include <string.h>

/* ---- Storages --------------------------------------------------------------------------------------------------- */

static const struct tern_pickle_value *tuple_item(const struct tern_pickle *pickle, const struct tern_pickle_value *of,
                                                  uint32_t at, enum tern_pickle_type type)
{
    const struct tern_pickle_value *item = tern_pickle_item(pickle, &pickle->values[of->is.of], at);
    return item && item->type == type ? item : NULL;
}

/* Keys are numbers in decimals. Longer ones are refused because they are compared: a few megabytes, named by each of a
   million storages, would take hours. */
enum { MAX_KEY = 64 };

/* ("storage", torch.FloatStorage, key, device, number of elements), and a view in the old format: always None. */
static tern_status read_storage(struct tern_storage *out, const struct tern_pickle *pickle,
                                const struct tern_pickle_value *value, const char *label, tern_error *err)
{
    const struct tern_pickle_value *word = tuple_item(pickle, value, 0, TERN_PICKLE_STRING),
                                   *class = tuple_item(pickle, value, 1, TERN_PICKLE_GLOBAL),
                                   *key = tuple_item(pickle, value, 2, TERN_PICKLE_STRING),
                                   *count = tuple_item(pickle, value, 4, TERN_PICKLE_INT);
    const uint32_t n = pickle->values[value->is.of].n;
    if (n < 5 || n > 6 || !word || !tern_pickle_is(word, "storage") || !class || !key || key->n > MAX_KEY || !count ||
        count->is.integer < 0 || !tern_pickle_storage_class(class, &out->dtype))
        return tern_fail(err, TERN_FORMAT, "%s: the pickle has a persistent id that is no storage of torch", label);
    if (n == 6 && !tuple_item(pickle, value, 5, TERN_PICKLE_NONE))
        return tern_fail(err, TERN_FORMAT,
                         "%s: a storage that is a view of another is not supported; load the file with torch.load and "
                         "save it again",
                         label);
    out->key = key->is.bytes;
    out->key_bytes = key->n;
    out->count = (uint64_t)count->is.integer;
    out->data = NULL;
    return TERN_OK;
}

static int by_key(const void *a, const void *b)
{
    const struct tern_storage *x = a, *y = b;
    const uint32_t n = x->key_bytes < y->key_bytes ? x->key_bytes : y->key_bytes;
    const int order = n ? memcmp(x->key, y->key, n) : 0;
    return order ? order : (x->key_bytes > y->key_bytes) - (x->key_bytes < y->key_bytes);
}

tern_status tern_storages_list(struct tern_storages *out, const struct tern_pickle *pickle, const char *label,
                               tern_error *err)
{
    tern_status status = TERN_OK;
    size_t n = 0, kept = 0;

    out->items = NULL;
    out->n = 0;
    for (uint32_t i = 0; i < pickle->n_values; i++)
        n += pickle->values[i].type == TERN_PICKLE_STORAGE;
    if (n == 0)
        return TERN_OK;
    out->items = calloc(n, sizeof out->items[0]);
    if (!out->items)
        return tern_fail_nomem(err, label, n * sizeof out->items[0]);
    for (uint32_t i = 0; !status && i < pickle->n_values; i++)
        if (pickle->values[i].type == TERN_PICKLE_STORAGE)
            status = read_storage(&out->items[out->n++], pickle, &pickle->values[i], label, err);
    if (status)
        return status;
    qsort(out->items, n, sizeof out->items[0], by_key);
    for (size_t i = 0; i < n; i++) {
        const struct tern_storage *last = kept ? &out->items[kept - 1] : NULL, *s = &out->items[i];
        if (!last || by_key(last, s))
            out->items[kept++] = *s;
        else if (last->dtype != s->dtype || last->count != s->count)
            return tern_fail(err, TERN_FORMAT, "%s: the storage %.*s has two sizes or types", label,
                             (int)(s->key_bytes > 60 ? 60 : s->key_bytes), (const char *)s->key);
    }
    out->n = kept;
    return TERN_OK;
}

struct tern_storage *tern_storages_find(const struct tern_storages *storages, const struct tern_pickle_value *key)
{
    const struct tern_storage wanted = {.key = key->is.bytes, .key_bytes = key->n};
    if (key->type != TERN_PICKLE_STRING || storages->n == 0)
        return NULL;
    return bsearch(&wanted, storages->items, storages->n, sizeof wanted, by_key);
}

/* ---- Tensors ---------------------------------------------------------------------------------------------------- */

struct view {
    const uint8_t *first; /* element */
    uint64_t stride[TERN_MAX_DIMS];
    int contiguous;
};

#define BAD(...) tern_fail(err, TERN_FORMAT, "%s: tensor %.100s: " __VA_ARGS__)

/* Shape and strides, which are sizes. */
static tern_status read_shape(struct tern_tensor *t, struct view *view, const struct tern_pickle *pickle,
                              const struct tern_pickle_value *const tuples[2], const char *label, tern_error *err)
{
    t->n_dims = (int)tuples[0]->n;
    for (uint32_t i = 0; i < tuples[0]->n; i++) {
        const struct tern_pickle_value *dim = tern_pickle_item(pickle, tuples[0], i),
                                       *stride = tern_pickle_item(pickle, tuples[1], i);
        if (dim->type != TERN_PICKLE_INT || dim->is.integer < 0 || stride->type != TERN_PICKLE_INT ||
            stride->is.integer < 0)
            return BAD("dimension %u, or its stride, is negative or no integer", label, t->name, i);
        t->shape[i] = dim->is.integer;
        view->stride[i] = (uint64_t)stride->is.integer;
    }
    return TERN_OK;
}

static int is_empty(const struct tern_tensor *t)
{
    int empty = 0;
    for (int i = 0; i < t->n_dims; i++)
        empty |= t->shape[i] == 0;
    return empty;
}

/* t's bytes, and whether all its elements lie in the storage. */
static tern_status place(struct tern_tensor *t, struct view *view, const struct tern_storage *storage, uint64_t offset,
                         const char *label, tern_error *err)
{
    uint64_t last = offset;
    size_t product = tern_dtype_bytes(t->dtype), packed = 1;

    t->bytes = 0;
    view->contiguous = 1;
    view->first = storage->data;
    if (is_empty(t))
        return TERN_OK;
    for (int i = 0; i < t->n_dims; i++) {
        const uint64_t d = (uint64_t)t->shape[i], s = view->stride[i];
        if (d > SIZE_MAX / product)
            return BAD("shape overflows", label, t->name);
        product *= (size_t)d;
        if (last >= storage->count || (d > 1 && s > (storage->count - 1 - last) / (d - 1)))
            return BAD("lies outside of its storage of %llu elements", label, t->name,
                       (unsigned long long)storage->count);
        last += s * (d - 1);
    }
    if (last >= storage->count)
        return BAD("lies outside of its storage of %llu elements", label, t->name, (unsigned long long)storage->count);
    t->bytes = product;
    for (int i = t->n_dims - 1; i >= 0; packed *= (size_t)t->shape[i--])
        view->contiguous &= t->shape[i] == 1 || view->stride[i] == packed;
    view->first += (size_t)offset * tern_dtype_bytes(t->dtype);
    return TERN_OK;
}

/* The arguments of torch._utils._rebuild_tensor(_v2): (storage, offset, shape, strides, whether gradients are kept,
   hooks, metadata). Metadata is rare, and may say that the numbers are to be negated. t->name is there. */
static tern_status read_tensor(struct tern_tensor *t, struct view *view, const struct tern_pickle *pickle,
                               const struct tern_pickle_value *value, const struct tern_storages *storages,
                               const char *label, tern_error *err)
{
    const struct tern_pickle_value *of = tuple_item(pickle, value, 0, TERN_PICKLE_STORAGE),
                                   *offset = tuple_item(pickle, value, 1, TERN_PICKLE_INT),
                                   *tuples[2] = {tuple_item(pickle, value, 2, TERN_PICKLE_TUPLE),
                                                 tuple_item(pickle, value, 3, TERN_PICKLE_TUPLE)};
    if (!of || !offset || offset->is.integer < 0 || !tuples[0] || !tuples[1] || tuples[0]->n != tuples[1]->n)
        return BAD("not the arguments that torch rebuilds a tensor from", label, t->name);
    const struct tern_pickle_value *metadata = tern_pickle_item(pickle, &pickle->values[value->is.of], 6);
    if (metadata && metadata->type != TERN_PICKLE_NONE && (metadata->type != TERN_PICKLE_DICT || metadata->n > 0))
        return BAD("has torch's metadata, such as a negation, which is not supported; save a .clone() of it", label,
                   t->name);
    if (tuples[0]->n > TERN_MAX_DIMS)
        return BAD("%u dimensions, the limit is %d", label, t->name, tuples[0]->n, TERN_MAX_DIMS);
    const struct tern_storage *storage = tern_storages_find(storages, tuple_item(pickle, of, 2, TERN_PICKLE_STRING));
    t->dtype = storage->dtype;
    const tern_status status = read_shape(t, view, pickle, tuples, label, err);
    return status ? status : place(t, view, storage, (uint64_t)offset->is.integer, label, err);
}

static void copy_view(uint8_t *out, const struct tern_tensor *t, const struct view *view)
{
    const size_t bytes = tern_dtype_bytes(t->dtype), n = t->bytes / bytes;
    int64_t at[TERN_MAX_DIMS] = {0};
    uint64_t element = 0;

    for (size_t i = 0; i < n; i++) {
        memcpy(out + i * bytes, view->first + (size_t)element * bytes, bytes);
        for (int d = t->n_dims - 1; d >= 0; d--) {
            element += view->stride[d];
            if (++at[d] < t->shape[d])
                break;
            element -= view->stride[d] * (uint64_t)t->shape[d];
            at[d] = 0;
        }
    }
}

/* ---- The state dictionary ---------------------------------------------------------------------------------------- */

static int holds_tensor(const struct tern_pickle *pickle, const struct tern_pickle_value *dict)
{
    uint32_t cell = dict->n ? dict->is.chain.first : 0;
    for (uint32_t i = 0; dict->type == TERN_PICKLE_DICT && i < dict->n; i++, cell = pickle->cells[cell].next)
        if (pickle->values[pickle->cells[cell].value].type == TERN_PICKLE_TENSOR)
            return 1;
    return 0;
}

/* The root, or a member of it under one of the names that training scripts use, if no other member holds tensors: what
   is beside it then tells how far the training had come. */
static tern_status find_state(const struct tern_pickle_value **out, const struct tern_pickle *pickle, const char *label,
                              tern_error *err)
{
    static const char *const names[] = {"state_dict", "model_state_dict", "model", "module"};
    enum { MAX_MEMBERS = 64 };
    const struct tern_pickle_value *root = &pickle->values[pickle->root], *found = NULL;
    int known = 0;

    *out = root;
    if (holds_tensor(pickle, root))
        return TERN_OK;
    if (root->type != TERN_PICKLE_DICT || root->n > MAX_MEMBERS)
        return tern_fail(err, TERN_FORMAT, "%s: no dictionary of tensors; save model.state_dict()", label);
    uint32_t cell = root->n ? root->is.chain.first : 0;
    for (uint32_t i = 0; i < root->n; i++, cell = pickle->cells[cell].next) {
        const struct tern_pickle_value *value = &pickle->values[pickle->cells[cell].value];
        const struct tern_pickle_value *key = &pickle->values[pickle->cells[cell].key];
        if (!holds_tensor(pickle, value))
            continue;
        known = 0;
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            known |= tern_pickle_is(key, names[k]);
        if (found || !known)
            return tern_fail(err, TERN_FORMAT,
                             "%s: tensors lie in its member \"%.*s\"%s; save the state dictionary alone, at the top",
                             label, key->type == TERN_PICKLE_STRING ? (int)(key->n > 60 ? 60 : key->n) : 1,
                             key->type == TERN_PICKLE_STRING ? (const char *)key->is.bytes : "?",
                             found ? ", and in another" : "");
        found = value;
    }
    *out = found;
    return found ? TERN_OK : tern_fail(err, TERN_FORMAT, "%s: there is no tensor in it", label);
}

/* A name in out[], with its zero; the bytes it takes, or 0. */
static size_t copy_name(char *out, const struct tern_pickle_value *key)
{
    if (key->type != TERN_PICKLE_STRING || key->n > TERN_MAX_TENSOR_NAME || memchr(key->is.bytes, 0, key->n) ||
        tern_utf8_check(key->is.bytes, key->n) != key->n)
        return 0;
    memcpy(out, key->is.bytes, key->n);
    out[key->n] = 0;
    return tern_tensor_name_is_bad(out) ? 0 : key->n + 1;
}

/* Names and views of all members; *copied counts the bytes of those that are not contiguous, whose data stays NULL. */
static tern_status read_state(struct tern_torch_file *out, const struct tern_pickle *pickle,
                              const struct tern_storages *storages, const struct tern_pickle_value *state,
                              size_t *copied, const char *label, tern_error *err)
{
    uint32_t cell = state->is.chain.first;
    char *name = out->names;

    for (; out->n_tensors < state->n; out->n_tensors++, cell = pickle->cells[cell].next) {
        const struct tern_pickle_value *value = &pickle->values[pickle->cells[cell].value];
        struct tern_tensor *t = &out->tensors[out->n_tensors];
        struct view view;
        const size_t taken = copy_name(name, &pickle->values[pickle->cells[cell].key]);
        if (taken == 0)
            return tern_fail(err, TERN_FORMAT,
                             "%s: a tensor's name is no text, empty, longer than %d bytes or has control characters",
                             label, TERN_MAX_TENSOR_NAME);
        t->name = name;
        name += taken;
        if (value->type != TERN_PICKLE_TENSOR)
            return BAD("no tensor of torch's; save model.state_dict() alone", label, t->name);
        const tern_status status = read_tensor(t, &view, pickle, value, storages, label, err);
        if (status)
            return status;
        if (view.contiguous)
            t->data = view.first;
        else if (t->bytes > SIZE_MAX - *copied)
            return BAD("shape overflows", label, t->name);
        else
            *copied += t->bytes;
    }
    return TERN_OK;
}

/* Transposed weights are as long as their storage: more than twice the file is no model but a few bytes, repeated. */
static tern_status copy_views(struct tern_torch_file *out, const struct tern_pickle *pickle,
                              const struct tern_storages *storages, const struct tern_pickle_value *state,
                              size_t copied, size_t limit, const char *label, tern_error *err)
{
    uint32_t cell = state->is.chain.first;
    uint8_t *to;

    if (copied / 2 > limit)
        return tern_fail(err, TERN_FORMAT,
                         "%s: tensors that are not contiguous take %zu bytes, the limit is twice the file; call "
                         ".contiguous() on them before saving",
                         label, copied);
    to = out->copies = malloc(copied ? copied : 1);
    if (!to)
        return tern_fail_nomem(err, label, copied);
    for (size_t i = 0; i < out->n_tensors; i++, cell = pickle->cells[cell].next) {
        struct tern_tensor *t = &out->tensors[i];
        struct view view;
        if (t->data)
            continue;
        const tern_status status =
            read_tensor(t, &view, pickle, &pickle->values[pickle->cells[cell].value], storages, label, err);
        if (status)
            return status;
        copy_view(to, t, &view);
        t->data = to;
        to += t->bytes;
    }
    return TERN_OK;
}

tern_status tern_torch_tensors(struct tern_torch_file *out, const struct tern_pickle *pickle,
                               const struct tern_storages *storages, size_t limit, const char *label, tern_error *err)
{
    const struct tern_pickle_value *state = NULL;
    size_t copied = 0, names = 0;
    tern_status status = find_state(&state, pickle, label, err);

    if (status)
        return status;
    if (state->n > TERN_MAX_TENSORS)
        return tern_fail(err, TERN_FORMAT, "%s: %u tensors, the limit is %d", label, state->n, TERN_MAX_TENSORS);
    uint32_t cell = state->is.chain.first;
    for (uint32_t i = 0; i < state->n; i++, cell = pickle->cells[cell].next) {
        const struct tern_pickle_value *key = &pickle->values[pickle->cells[cell].key];
        names += key->type == TERN_PICKLE_STRING && key->n <= TERN_MAX_TENSOR_NAME ? key->n + 1 : 1;
    }
    out->tensors = calloc(state->n, sizeof out->tensors[0]);
    out->names = malloc(names);
    if (!out->tensors || !out->names)
        return tern_fail_nomem(err, label, state->n * sizeof out->tensors[0] + names);
    status = read_state(out, pickle, storages, state, &copied, label, err);
    return status ? status : copy_views(out, pickle, storages, state, copied, limit, label, err);
}
