/* The steps of a conversion that other host-side code (the benchmark's seeded models) uses too. */
#ifndef TERN_CONVERT_H
#define TERN_CONVERT_H

#include "quant/store.h"
#include "quant/tern_convert.h"
#include "runtime/base/writer.h"
#include "runtime/model.h"

/* Builds a whole .tern file in memory: tensors, config, and the tokenizer unless it is NULL. The result is finished. */
tern_status tern_build(struct tern_builder **out, const struct tern_source *source, const tern_tokenizer *tokenizer,
                       tern_error *err);
/* The same as an opened model; free(*bytes) after closing it. */
tern_status tern_build_model(tern_model **out, void **bytes, const struct tern_source *source,
                             const tern_tokenizer *tokenizer, tern_error *err);

/* tern_convert into a file that the caller has opened with a spool. What is written was checked, and is the
   caller's to commit or to discard. */
tern_status tern_convert_into(const char *directory, struct tern_writer *writer, const tern_convert_options *options,
                              tern_error *err);

/* Hands a line to options->report, if there are options and it is one of them; up to 319 bytes of it. */
void tern_say(const tern_convert_options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Opens what was written, holds it against the f32 path on sample texts, and reports how near it is. TERN_DIFFERENT:
   it is broken, or less near than options->least_cosine. */
tern_status tern_verify(struct tern_writer *written, const struct tern_source *source, const tern_tokenizer *tokenizer,
                        const tern_convert_options *o, tern_error *err);

#endif
