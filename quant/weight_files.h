/* Where a checkpoint's weights lie: one file or several, of safetensors or of torch.save. Whoever reads the weights
   sees one list of named tensors. */
#ifndef TERN_WEIGHT_FILES_H
#define TERN_WEIGHT_FILES_H

#include "models/safetensors.h"

struct tern_weight_file;

struct tern_weight_files {
    char *path;                  /* the file that was opened first: that of the weights, or the index of several */
    struct tern_tensor *tensors; /* of all files, sorted by name, each name once */
    size_t n_tensors;
    struct tern_weight_file *files;
    size_t n_files;
};

/* Opens the weights in `directory`: the first of model.safetensors, model.safetensors.index.json, pytorch_model.bin and
   pytorch_model.bin.index.json that is there. An index names a file of the same folder for each tensor; every tensor
   must be where it says, and there must be no other. TERN_IO, TERN_FORMAT, TERN_NOMEM. */
tern_status tern_weight_files_open(struct tern_weight_files *out, const char *directory, tern_error *err);
void tern_weight_files_close(struct tern_weight_files *files);

/* NULL when there is no such tensor. */
const struct tern_tensor *tern_weight_find(const struct tern_weight_files *files, const char *name);
/* The path of the file that a tensor of the list lies in, for messages. */
const char *tern_weight_path(const struct tern_weight_files *files, const struct tern_tensor *tensor);

#endif
