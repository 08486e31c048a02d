/* Files of torch.save: a state dictionary's tensors where they lie, in the zip archive of torch 1.6 and later and in
   the stream of pickles before it. No code of the file is run: see pickle.h. */
#ifndef TERN_TORCH_FILE_H
#define TERN_TORCH_FILE_H

#include "models/safetensors.h"

struct tern_torch_file {
    struct tern_tensor *tensors; /* in the file's order, contiguous; names may be equal */
    size_t n_tensors;
    char *names;
    uint8_t *copies; /* of tensors that are not contiguous in the file, such as transposed views */
};

/* Reads the file in bytes[size]: a dictionary of tensors, or one in a dictionary under the name that training scripts
   give it. Every number is checked against the storages, and these against the file. The bytes must outlive *out.
   TERN_FORMAT, TERN_NOMEM. */
tern_status tern_torch_open(struct tern_torch_file *out, const uint8_t *bytes, size_t size, const char *label,
                            tern_error *err);
void tern_torch_close(struct tern_torch_file *file);

#endif
