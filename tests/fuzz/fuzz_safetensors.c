/* Any bytes as a container. What the reader accepts must hold: every tensor's bytes lie in the file and can be read,
   every name can be found. */
/* COVERS: models/safetensors.c runtime/base/file_kind.c */
#include "models/safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tern_safetensors st;
    tern_error err;
    uint64_t total = 0;
    volatile uint8_t sum = 0;
    tern_status status = tern_safetensors_open(&st, data, size, "fuzz", &err);

    if (status != TERN_OK) {
        if (status != TERN_FORMAT || err.code != status || !strlen(err.message) || st.json || st.tensors)
            abort();
        return 0;
    }
    for (size_t i = 0; i < st.n_tensors; i++) {
        const struct tern_tensor *t = &st.tensors[i];
        uint64_t product = tern_dtype_bytes(t->dtype);
        for (int d = 0; d < t->n_dims; d++)
            product *= (uint64_t)t->shape[d];
        if (product != t->bytes || tern_safetensors_find(&st, t->name) != t)
            abort();
        for (size_t k = 0; k < t->bytes; k++)
            sum = (uint8_t)(sum + ((const uint8_t *)t->data)[k]);
        total += t->bytes;
    }
    if (total > size)
        abort();
    (void)tern_safetensors_metadata(&st, "format");
    tern_safetensors_close(&st);
    return 0;
}
