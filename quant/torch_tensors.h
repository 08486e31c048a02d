/* Between the two halves of the reader of torch's files. Only for quant/torch_*.c. */
#ifndef TERN_TORCH_TENSORS_H
#define TERN_TORCH_TENSORS_H

#include "quant/pickle.h"
#include "quant/torch_file.h"

/* The elements that tensors are views of. */
struct tern_storage {
    const uint8_t *key;
    uint32_t key_bytes;
    enum tern_dtype dtype;
    uint64_t count;
    const uint8_t *data;
};

struct tern_storages {
    struct tern_storage *items; /* sorted by key, each key once */
    size_t n;
};

/* All storages that the pickle names, without data. */
tern_status tern_storages_list(struct tern_storages *out, const struct tern_pickle *pickle, const char *label,
                               tern_error *err);
/* NULL when there is none of that key, a string. */
struct tern_storage *tern_storages_find(const struct tern_storages *storages, const struct tern_pickle_value *key);

/* Fills `out` with the tensors of the pickle's state dictionary. `limit` bounds the bytes that are copied. */
tern_status tern_torch_tensors(struct tern_torch_file *out, const struct tern_pickle *pickle,
                               const struct tern_storages *storages, size_t limit, const char *label, tern_error *err);

#endif
