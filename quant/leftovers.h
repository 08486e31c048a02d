/* Accounts for every tensor of a checkpoint. */
#ifndef TERN_LEFTOVERS_H
#define TERN_LEFTOVERS_H

#include "models/safetensors.h"
#include "quant/families.h"
#include "quant/purpose.h"

/* Whether the tensor gives every model the same answers, by its name alone: a weight of the loss, say. */
int tern_is_harmless(const char *name);

/* Takes wrappers out of the names: what torch.compile and others put in front of a module's name, at any depth, and
   "model." and the like in front of all names but those of harmless tensors. The tensors are sorted again. *pool owns
   new names; free() it after the tensors. TERN_FORMAT: two names have become one. */
tern_status tern_unwrap_names(struct tern_tensor *tensors, size_t n, char **pool, const struct tern_purpose *purpose,
                              const char *path, tern_error *err);

/* used[n]: whether a part of the model is made of the tensor. All others are harmless, dropped aloud, or TERN_FORMAT by
   name. `encoder` is the encoder's prefix in names ("bert.", or empty). */
tern_status tern_account(const struct tern_tensor *tensors, const uint8_t *used, size_t n, const char *encoder,
                         const struct tern_checkpoint_family *family, const struct tern_purpose *purpose,
                         const char *path, tern_error *err);

#endif
