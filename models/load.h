/* What the two loaders share: finding a tensor of an expected dtype and shape. Messages name file and tensor. */
#ifndef TERN_LOAD_H
#define TERN_LOAD_H

#include "models/safetensors.h"

/* A loader's state: the first failure sticks, so that a loader reads as a list and checks once. */
struct tern_loader {
    const struct tern_safetensors *st;
    const char *label;
    const char *prefix; /* of the group being read, "layer.3." */
    tern_status status;
    tern_error *err;
};

/* The data of tensor prefix + name with exactly this dtype and shape; NULL after a failure. */
const void *tern_load_tensor(struct tern_loader *loader, const char *name, enum tern_dtype dtype, int n_dims,
                             const int64_t *shape);
void tern_load_fail(struct tern_loader *loader, const char *name, const char *what);

#endif
