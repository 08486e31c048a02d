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
/* The same of an I16 vector of `count` numbers, none below `least`; of `count` multipliers of groups, 1 to `most`,
   padded to 64 of them; of I8 weights, none of which is -128, or above `bound` in magnitude; and of one of the structs
   of models/format.h, all of 64 bytes. */
const int16_t *tern_load_i16(struct tern_loader *loader, const char *name, int count, int least);
const uint8_t *tern_load_multipliers(struct tern_loader *loader, const char *name, int64_t count, int most);
const int8_t *tern_load_s8(struct tern_loader *loader, const char *name, int n_dims, const int64_t *shape);
const int8_t *tern_load_bounded(struct tern_loader *loader, const char *name, int n_dims, const int64_t *shape,
                                int bound);
const void *tern_load_params(struct tern_loader *loader, const char *name);
void tern_load_fail(struct tern_loader *loader, const char *name, const char *what);

#endif
