/* In which unit a model's logits are, of models whose states nothing bounds (MobileBERT). */
#ifndef TERN_LOGIT_BITS_H
#define TERN_LOGIT_BITS_H

#include "quant/store.h"

/* Sets config->logit_bits, where the config has them, so that 8 times the largest logit of sample texts has room in
   32 bits: from 1 to TERN_LOGIT_BITS, which goes without saying. Runs the float model. */
tern_status tern_logit_bits_settle(struct tern_config *config, const struct tern_source *source,
                                   const tern_tokenizer *tokenizer, tern_error *err);

#endif
