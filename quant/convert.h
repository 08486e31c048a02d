/* The steps of a conversion that other host-side code (the benchmark's seeded models) uses too. */
#ifndef TERN_CONVERT_H
#define TERN_CONVERT_H

#include "quant/store.h"
#include "quant/tern_convert.h"
#include "runtime/model.h"

/* Builds a whole .tern file in memory: tensors, config, and the tokenizer unless it is NULL. The result is finished. */
tern_status tern_build(struct tern_builder **out, const struct tern_source *source, const tern_tokenizer *tokenizer,
                       tern_error *err);
/* The same as an opened model; free(*bytes) after closing it. */
tern_status tern_build_model(tern_model **out, void **bytes, const struct tern_source *source,
                             const tern_tokenizer *tokenizer, tern_error *err);

/* Opens what was written and holds it against the f32 path on a few plain sentences: TERN_DIFFERENT when it disagrees
   by more than its weights explain. */
tern_status tern_verify(const char *written, const struct tern_source *source, const tern_tokenizer *tokenizer,
                        const tern_convert_options *o, tern_error *err);

#endif
