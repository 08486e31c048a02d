/* The search for a bit width per matrix under an average budget, from measured sensitivity. Host side. */
#ifndef TERN_CHOOSE_BITS_H
#define TERN_CHOOSE_BITS_H

#include "quant/sample_texts.h"
#include "quant/store.h"

/* formats[layers][TERN_N_MATRICES] of the formats that are rungs (simd/formats.def), whose mean of bits over all
   weights is at most `bits` (2 to 8; multipliers are not counted). Each matrix by itself is rounded to each format,
   with the source's calibration and copies, and what that costs the vectors of the sample (quant/probe.h) is its
   sensitivity, as Q-BERT's is the loss's curvature (Shen et al. 2020); then bits go where they mend most for their
   size. Takes 3 runs over the sample per matrix. TERN_NOMEM, TERN_FORMAT (the calibration has no factor). */
enum { TERN_BITS_TEXTS = 48 };
tern_status tern_choose_bits(enum tern_format *formats, double bits, const struct tern_source *source,
                             const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err);

#endif
