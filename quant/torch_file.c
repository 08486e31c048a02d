/* The containers of torch.save (torch/serialization.py): where the pickle is, and the bytes of each storage. */
#include "quant/torch_file.h"

#include "quant/torch_tensors.h"
#include "quant/zip.h"
#include "runtime/base/file_kind.h"

#include <stdlib.h>
#include <string.h>

/* ---- torch 1.6 and later: a zip archive -------------------------------------------------------------------------- */

/* The entry folder/name, where the folder is that of data.pkl. */
static const struct tern_zip_entry *find_beside(const struct tern_zip *zip, const struct tern_zip_entry *pickle,
                                                const char *name, const uint8_t *key, size_t key_bytes)
{
    const size_t folder = pickle->name_bytes - strlen("data.pkl"), n = strlen(name);
    const struct tern_zip_entry *found = NULL;
    char path[1024];
    if (key_bytes < sizeof path && folder + n < sizeof path - key_bytes) {
        memcpy(path, pickle->name, folder);
        memcpy(path + folder, name, n);
        if (key_bytes)
            memcpy(path + folder + n, key, key_bytes);
        found = tern_zip_find(zip, path, folder + n + key_bytes);
    }
    return found;
}

/* <folder>/data.pkl, where torch.save calls the folder as it likes, or data.pkl without one. */
static tern_status find_pickle(const struct tern_zip_entry **out, const struct tern_zip *zip, const char *label,
                               tern_error *err)
{
    static const char name[] = "data.pkl";
    const size_t n = sizeof name - 1;
    *out = NULL;
    for (size_t i = 0; i < zip->n_entries; i++) {
        const struct tern_zip_entry *e = &zip->entries[i];
        if (e->name_bytes < n || memcmp(e->name + e->name_bytes - n, name, n) ||
            (e->name_bytes > n && e->name[e->name_bytes - n - 1] != '/'))
            continue;
        if (*out)
            return tern_fail(err, TERN_FORMAT, "%s: the archive has two entries data.pkl", label);
        *out = e;
    }
    return *out ? TERN_OK
                : tern_fail(err, TERN_FORMAT, "%s: a zip archive without data.pkl; torch.save writes one", label);
}

static tern_status fill_from_zip(struct tern_storages *storages, const struct tern_zip *zip,
                                 const struct tern_zip_entry *pickle, const char *label, tern_error *err)
{
    for (size_t i = 0; i < storages->n; i++) {
        struct tern_storage *s = &storages->items[i];
        const struct tern_zip_entry *e = find_beside(zip, pickle, "data/", s->key, s->key_bytes);
        const int shown = s->key_bytes > 60 ? 60 : (int)s->key_bytes;
        if (!e)
            return tern_fail(err, TERN_FORMAT, "%s: the storage data/%.*s is missing", label, shown,
                             (const char *)s->key);
        if (s->count > SIZE_MAX / tern_dtype_bytes(s->dtype) || e->bytes != s->count * tern_dtype_bytes(s->dtype))
            return tern_fail(err, TERN_FORMAT, "%s: the storage data/%.*s has %zu bytes, not %llu elements of %s",
                             label, shown, (const char *)s->key, e->bytes, (unsigned long long)s->count,
                             tern_dtype_name(s->dtype));
        s->data = e->data;
    }
    return TERN_OK;
}

static tern_status read_archive(struct tern_torch_file *out, const struct tern_zip *zip, size_t size, const char *label,
                                tern_error *err)
{
    const struct tern_zip_entry *entry = NULL, *order;
    struct tern_storages storages = {NULL, 0};
    struct tern_pickle pickle = {.n_values = 0};
    tern_status status = find_pickle(&entry, zip, label, err);

    if (status)
        return status;
    order = find_beside(zip, entry, "byteorder", NULL, 0);
    if (order && (order->bytes != 6 || memcmp(order->data, "little", 6)))
        return tern_fail(err, TERN_FORMAT,
                         "%s: its byte order is not little-endian; load and save it on such a machine", label);
    status = tern_pickle_open(&pickle, entry->data, entry->bytes, label, err);
    if (!status)
        status = tern_storages_list(&storages, &pickle, label, err);
    if (!status)
        status = fill_from_zip(&storages, zip, entry, label, err);
    if (!status)
        status = tern_torch_tensors(out, &pickle, &storages, size, label, err);
    free(storages.items);
    tern_pickle_close(&pickle);
    return status;
}

/* ---- Before torch 1.6: pickles one after the other, then the storages -------------------------------------------- */

/* 0x1950a86a20f9469cfc6c as a pickle's integer. */
static const uint8_t magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

/* Reads the pickle at *at and moves behind it. */
static tern_status next_pickle(struct tern_pickle *out, const uint8_t *bytes, size_t size, size_t *at,
                               const char *label, tern_error *err)
{
    const tern_status status = tern_pickle_open(out, bytes + *at, size - *at, label, err);
    if (!status)
        *at += out->bytes;
    return status;
}

/* Magic number, version 1001, and what the machine was like. */
static tern_status read_preamble(const uint8_t *bytes, size_t size, size_t *at, const char *label, tern_error *err)
{
    struct tern_pickle pickle = {.n_values = 0};
    tern_status status = TERN_OK;
    for (int i = 0; !status && i < 3; i++) {
        status = next_pickle(&pickle, bytes, size, at, label, err);
        if (status)
            break;
        const struct tern_pickle_value *root = &pickle.values[pickle.root];
        const struct tern_pickle_value *little =
            i == 2 && root->type == TERN_PICKLE_DICT ? tern_pickle_get(&pickle, root, "little_endian") : NULL;
        if (i == 0 && (root->type != TERN_PICKLE_LONG || root->n != sizeof magic ||
                       memcmp(root->is.bytes, magic, sizeof magic) != 0))
            status = tern_fail(err, TERN_FORMAT, "%s: a pickle, but no file of torch.save", label);
        if (i == 1 && (root->type != TERN_PICKLE_INT || root->is.integer != 1001))
            status = tern_fail(err, TERN_FORMAT, "%s: another version of torch's old format than 1001", label);
        if (i == 2 && (!little || little->type != TERN_PICKLE_BOOL || !little->is.integer))
            status = tern_fail(err, TERN_FORMAT,
                               "%s: its byte order is not little-endian; load and save it on such a machine", label);
        tern_pickle_close(&pickle);
    }
    return status;
}

/* Each storage, in the order of `keys`: the number of its elements in 8 bytes, and these. */
static tern_status fill_from_stream(struct tern_storages *storages, const struct tern_pickle *keys,
                                    const uint8_t *bytes, size_t size, size_t at, const char *label, tern_error *err)
{
    const struct tern_pickle_value *list = &keys->values[keys->root];
    if (list->type != TERN_PICKLE_LIST)
        return tern_fail(err, TERN_FORMAT, "%s: the list of storages is missing", label);
    uint32_t cell = list->n ? list->is.chain.first : 0;
    for (uint32_t i = 0; i < list->n; i++, cell = keys->cells[cell].next) {
        struct tern_storage *s = tern_storages_find(storages, &keys->values[keys->cells[cell].value]);
        uint64_t count = 0;
        if (!s || s->data)
            return tern_fail(err, TERN_FORMAT, "%s: storage %u is that of no tensor, or is there twice", label, i);
        for (int b = 8; size - at >= 8 && b-- > 0;)
            count = count << 8 | bytes[at + (size_t)b];
        if (size - at < 8 || s->count > (size - at - 8) / tern_dtype_bytes(s->dtype))
            return tern_fail(err, TERN_FORMAT, "%s: storage %u does not lie in the file: the file is truncated", label,
                             i);
        if (count != s->count)
            return tern_fail(err, TERN_FORMAT, "%s: storage %u has %llu elements, its tensors say %llu", label, i,
                             (unsigned long long)count, (unsigned long long)s->count);
        s->data = bytes + at + 8;
        at += 8 + (size_t)s->count * tern_dtype_bytes(s->dtype);
    }
    for (size_t i = 0; i < storages->n; i++)
        if (!storages->items[i].data)
            return tern_fail(err, TERN_FORMAT, "%s: the storage %.*s is missing", label,
                             (int)(storages->items[i].key_bytes > 60 ? 60 : storages->items[i].key_bytes),
                             (const char *)storages->items[i].key);
    if (at != size)
        return tern_fail(err, TERN_FORMAT, "%s: %zu bytes follow the last storage", label, size - at);
    return TERN_OK;
}

static tern_status read_stream(struct tern_torch_file *out, const uint8_t *bytes, size_t size, const char *label,
                               tern_error *err)
{
    struct tern_storages storages = {NULL, 0};
    struct tern_pickle pickle = {.n_values = 0}, keys = {.n_values = 0};
    size_t at = 0;
    tern_status status = read_preamble(bytes, size, &at, label, err);

    if (!status)
        status = next_pickle(&pickle, bytes, size, &at, label, err);
    if (!status)
        status = next_pickle(&keys, bytes, size, &at, label, err);
    if (!status)
        status = tern_storages_list(&storages, &pickle, label, err);
    if (!status)
        status = fill_from_stream(&storages, &keys, bytes, size, at, label, err);
    if (!status)
        status = tern_torch_tensors(out, &pickle, &storages, size, label, err);
    free(storages.items);
    tern_pickle_close(&pickle);
    tern_pickle_close(&keys);
    return status;
}

/* ---- Both -------------------------------------------------------------------------------------------------------- */

tern_status tern_torch_open(struct tern_torch_file *out, const uint8_t *bytes, size_t size, const char *label,
                            tern_error *err)
{
    struct tern_zip zip = {NULL, 0};
    tern_status status;

    memset(out, 0, sizeof *out);
    if (size >= 4 && !memcmp(bytes, "PK\3\4", 4)) {
        status = tern_zip_open(&zip, bytes, size, label, err);
        if (!status)
            status = read_archive(out, &zip, size, label, err);
        tern_zip_close(&zip);
    } else if (size >= 2 && bytes[0] == 0x80) {
        status = read_stream(out, bytes, size, label, err);
    } else {
        status = tern_fail(err, TERN_FORMAT,
                           "%s: neither a zip archive nor a pickle, as torch.save writes; safetensors are called "
                           "model.safetensors",
                           label);
        status = tern_fail_kind(status, bytes, size, label, err);
    }
    if (status)
        tern_torch_close(out);
    return status;
}

void tern_torch_close(struct tern_torch_file *file)
{
    free(file->tensors);
    free(file->names);
    free(file->copies);
    memset(file, 0, sizeof *file);
}
