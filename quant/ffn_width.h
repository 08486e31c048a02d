/* Nested feed-forward layers (MatFormer: Devvrit et al., NeurIPS 2024): a model of the first neurons of each. */
#ifndef TERN_FFN_WIDTH_H
#define TERN_FFN_WIDTH_H

#include "quant/checkpoint.h"

/* `out` is the config with feed-forward layers of so many neurons; it owns nothing. TERN_USAGE: a layer has fewer. */
tern_status tern_ffn_narrow(struct tern_config *out, const struct tern_config *config, int32_t width, tern_error *err);
/* tern_checkpoint_read for such a config: the part of the tensor that its neurons have. */
tern_status tern_ffn_read(const struct tern_checkpoint *checkpoint, const struct tern_config *narrow,
                          struct tern_key key, float *out, size_t count, tern_error *err);

#endif
