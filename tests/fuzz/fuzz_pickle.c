/* Any bytes as a file of torch.save, in either of its containers; with another first byte than theirs, as the pickle of
   one tensor. What is accepted must hold: every tensor's bytes can be read, and copies stay within twice the file. */
/* COVERS: quant/pickle.c quant/pickle_objects.c quant/torch_file.c quant/torch_tensors.c quant/zip.c */

#include "quant/torch_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Around the bytes: the old format's preamble before them, a list of one storage and its four floats behind them. */
static const char before[] = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
                             "\x80\x02}X\x0d\0\0\0little_endian\x88s.";
static const char behind[] = "\x80\x02]U\x01"
                             "0a.\x04\0\0\0\0\0\0\0................";

static void check(const uint8_t *data, size_t size)
{
    struct tern_torch_file file;
    tern_error err = {TERN_OK, ""};
    volatile uint8_t sum = 0;
    const tern_status status = tern_torch_open(&file, data, size, "fuzz", &err);

    if (status != TERN_OK) {
        if (status != TERN_FORMAT || err.code != status || !strlen(err.message) || file.tensors || file.copies)
            abort();
        return;
    }
    for (size_t i = 0; i < file.n_tensors; i++) {
        const struct tern_tensor *t = &file.tensors[i];
        uint64_t product = tern_dtype_bytes(t->dtype);
        const uint8_t *bytes = t->data;
        for (int d = 0; d < t->n_dims; d++)
            product *= (uint64_t)t->shape[d];
        if (product != t->bytes || tern_tensor_name_is_bad(t->name))
            abort();
        if (t->bytes > size && t->bytes / 2 > size)
            abort();
        if (t->bytes) /* a tensor may be empty */
            sum = (uint8_t)(sum + bytes[0] + bytes[t->bytes / 2] + bytes[t->bytes - 1]);
    }
    tern_torch_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 1 && data[0] != 'P' && data[0] != 0x80) {
        const size_t first = sizeof before - 1, last = sizeof behind - 1;
        uint8_t *file = malloc(first + size - 1 + last);
        if (!file)
            abort();
        memcpy(file, before, first);
        memcpy(file + first, data + 1, size - 1);
        memcpy(file + first + size - 1, behind, last);
        check(file, first + size - 1 + last);
        free(file);
        return 0;
    }
    check(data, size);
    return 0;
}
