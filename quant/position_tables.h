/* Makes the tables that layers know positions by (struct tern_table_spec): their numbers follow from the config, or
   from a few numbers of the checkpoint. */
#ifndef TERN_POSITION_TABLES_H
#define TERN_POSITION_TABLES_H

#include "quant/checkpoint.h"

/* out[count] = table number `table` of the checkpoint's config, of shape tern_part_shape. `t` is the tensor that it is
   made of, if there is one. */
tern_status tern_position_table_make(const struct tern_checkpoint *checkpoint, int table, const struct tern_tensor *t,
                                     float *out, size_t count, tern_error *err);

#endif
