/* Makes the tables that layers know positions by (struct tern_table_spec): their numbers follow from the config, or
   from a few numbers of the checkpoint. */
#ifndef TERN_POSITION_TABLES_H
#define TERN_POSITION_TABLES_H

#include "models/config.h"
#include "models/safetensors.h"

/* out[count] = table number `table` of a checkpoint's config, of shape tern_part_shape. `t` is the tensor that it is
   made of, if there is one; `path` is for messages. TERN_FORMAT: there is none where one is needed, `count` is another,
   or a number is not finite. */
tern_status tern_position_table_make(const struct tern_config *config, int table, const struct tern_tensor *t,
                                     const char *path, float *out, size_t count, tern_error *err);

#endif
