/* Finds the parts of a BERT in a Hugging Face checkpoint. */
#ifndef TERN_CHECKPOINT_NAMES_H
#define TERN_CHECKPOINT_NAMES_H

#include "models/parts.h"
#include "models/safetensors.h"

/* The tensor of a key in a Hugging Face file, NULL when it is not there. shown[capacity] receives the name that was
   looked for, for messages. */
const struct tern_tensor *tern_part_find(const struct tern_safetensors *st, enum tern_architecture architecture,
                                         struct tern_key key, char *shown, size_t capacity);

#endif
