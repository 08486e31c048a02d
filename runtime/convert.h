/* The steps of a conversion that other host-side code (the benchmark's seeded models) uses too. */
#ifndef TERN_RUNTIME_CONVERT_H
#define TERN_RUNTIME_CONVERT_H

#include "models/store.h"
#include "runtime/model.h"

/* Builds a whole .tern file in memory: tensors, config, and the tokenizer unless it is NULL. The result is finished. */
tern_status tern_build(struct tern_builder **out, const struct tern_source *source, const tern_tokenizer *tokenizer,
                       tern_error *err);
/* The same as an opened model; free(*bytes) after closing it. */
tern_status tern_build_model(tern_model **out, void **bytes, const struct tern_source *source,
                             const tern_tokenizer *tokenizer, tern_error *err);

#endif
