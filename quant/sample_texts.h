/* Texts from a file, tokenised: what calibration and the search for bit widths look at. Host side. */
#ifndef TERN_SAMPLE_TEXTS_H
#define TERN_SAMPLE_TEXTS_H

#include "models/tokenizer.h"

/* Text i is ids[offsets[i] .. offsets[i + 1]). */
struct tern_sample {
    int32_t *ids, *offsets;
    int n;
};

/* The lines of `path` that are not blank, or of the built-in texts if it is NULL, and of the built-in sentences as well
   if it is "builtin": up to `texts` of them,
   spread over the file, cut to `tokens` each. TERN_FAILED (it cannot be read), TERN_INPUT (no text, not UTF-8, more
   than 256 MiB), TERN_NOMEM. */
tern_status tern_sample_read(struct tern_sample *out, const char *path, const tern_tokenizer *tokenizer, int texts,
                             int tokens, tern_error *err);
void tern_sample_free(struct tern_sample *sample);
/* Text i as a batch of its own; offset[2] is where its offsets go. */
tern_batch tern_sample_text(const struct tern_sample *sample, int i, int32_t *offset);

#endif
