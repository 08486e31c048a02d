/* Gated attention and clipped softmax of checkpoints (Bondarenko et al., "Quantizable Transformers", NeurIPS 2023). */
#ifndef TERN_ATTENTION_EXTRAS_H
#define TERN_ATTENTION_EXTRAS_H

#include "quant/checkpoint.h"

#include <jansson.h>

/* The keys of config.json that tern_read_attention_extras honours. They are called as the arguments of the authors'
   code (github.com/Qualcomm-AI-research/outlier-free-transformers), whose checkpoints do not say them:
     attn_gate_type   "none", "unconditional_per_head" or "conditional_per_token"
     attn_gate_init   with fine_tuning (true): what comes out of the gates is divided by it
     attn_softmax     "vanilla" or "clipped(GAMMA:ETA)"
     alpha            with max_seq_length: clipped, GAMMA = -alpha / max_seq_length, ETA = 1 */
#define TERN_ATTENTION_EXTRAS                                                                                          \
    "attn_gate_type", "attn_gate_init", "fine_tuning", "attn_softmax", "alpha", "max_seq_length"
tern_status tern_read_attention_extras(struct tern_config *out, const json_t *root, const char *path, tern_error *err);

/* Whether a gate's matrix is given as a vector for each head, of that head's part of the input. */
int tern_gate_is_list(const struct tern_checkpoint *checkpoint, struct tern_key key);
tern_status tern_gate_check(const struct tern_checkpoint *checkpoint, int layer, uint8_t *used, const char *path,
                            tern_error *err);
tern_status tern_gate_read(const struct tern_checkpoint *checkpoint, struct tern_key key, float *out, size_t count,
                           tern_error *err);

/* Checks the gates that are one number for each head, and marks them as used. */
tern_status tern_fixed_gates_check(const struct tern_checkpoint *checkpoint, uint8_t *used, const char *path,
                                   tern_error *err);
/* Multiplies what attn_out reads of each head, w[n][columns], by its fixed gate and by what all gates are divided by.
 */
tern_status tern_scale_heads(const struct tern_checkpoint *checkpoint, struct tern_key key, float *w, size_t count,
                             tern_error *err);

#endif
