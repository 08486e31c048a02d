/* What one quantiser at a time costs: the float model with a single rounding switched on. Host side. */
#ifndef TERN_PROBE_H
#define TERN_PROBE_H

#include "quant/sample_texts.h"
#include "quant/store.h"

/* A float copy of the source's model, and the vectors that it gives for a sample's texts, which have up to
   TERN_PROBE_TOKENS tokens each. The source (with its copies, its trained matrices and its calibration) and the sample
   are the caller's and outlive it. A cost is 1 - the mean cosine of the texts' vectors with those, 0 to 2. TERN_NOMEM,
   and what building a model can fail with. */
enum { TERN_PROBE_TOKENS = 64 };
struct tern_probe;
tern_status tern_probe_open(struct tern_probe **out, const struct tern_source *source, const tern_tokenizer *tokenizer,
                            const struct tern_sample *sample, tern_error *err);
/* Accepts NULL. */
void tern_probe_close(struct tern_probe *probe);

/* The cost of the int8 rows that the matrices of one layer, and of those that share its weights, read from `input`.
   Each row has a step of its own, as in the integer model; `copies` lower it (NULL: none). */
tern_status tern_probe_rows(struct tern_probe *probe, int layer, enum tern_layer_input input,
                            const struct tern_copies *copies, double *cost, tern_error *err);
/* The cost of one matrix's weights in that coding, whose copies are the source's. */
tern_status tern_probe_weights(struct tern_probe *probe, int layer, enum tern_matrix matrix,
                               const struct tern_coding *coding, double *cost, tern_error *err);

/* The most copies that any input of the source's layers has. */
int tern_most_copies(const struct tern_source *source);
/* The cosine of two vectors of n numbers; 1 if both are 0, which a conversion keeps so, and 0 if one is. */
double tern_cosine(const float *a, const float *b, int n);

#endif
