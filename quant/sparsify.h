/* Second-order pruning of a whole model by what it does on texts. Host side. */
#ifndef TERN_SPARSIFY_H
#define TERN_SPARSIFY_H

#include "quant/sample_texts.h"
#include "quant/store.h"

struct tern_sparsified;

/* Prunes a float copy of the model to source->prune of source->block, the matrices in the order in which they run. Each
   is fitted to the outputs that the whole model has, on the inputs that the model pruned so far gives: what earlier
   matrices have lost is made good as well. TERN_USAGE (no LAPACK), TERN_FORMAT (moments that say nothing), TERN_NOMEM.
   Takes two float models, four vectors per token, and 36 bytes per pair of a matrix's inputs. */
enum { TERN_SPARSIFY_TEXTS = 1024, TERN_SPARSIFY_TOKENS = 128 };
tern_status tern_sparsify(struct tern_sparsified **out, const struct tern_source *source,
                          const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err);
/* `source`, but with the pruned matrices; valid until closing. */
struct tern_source tern_sparsified_source(const struct tern_sparsified *s, const struct tern_source *source);
/* Accepts NULL. */
void tern_sparsified_close(struct tern_sparsified *s);

#endif
