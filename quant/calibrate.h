/* Calibration: the f32 path runs over the user's texts, and what every layer reads is summed up. Host side. */
#ifndef TERN_CALIBRATE_H
#define TERN_CALIBRATE_H

#include "quant/lapack.h"
#include "quant/sample_texts.h"
#include "quant/store.h"

struct tern_calibration;

/* The whole model runs over texts of up to TERN_CALIBRATION_TOKENS, and what its matrices read is summed up. TERN_USAGE
   (no LAPACK), TERN_NOMEM. Takes 4 bytes per pair of inputs: 3 hidden^2 + intermediate^2 for each layer. */
enum { TERN_CALIBRATION_TEXTS = 1024, TERN_CALIBRATION_TOKENS = 128 };
tern_status tern_calibrate(struct tern_calibration **out, const struct tern_source *source,
                           const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err);
/* The same, but matrix by matrix in the order in which they run: what one reads comes from the model whose matrices
   before are quantised as the source's coding says, and it is fitted to what the whole model computes, that is added to
   the residual stream to the stream's sum. What earlier matrices have lost is made good as well. The source's layers
   share no weights. TERN_FORMAT: the moments say nothing. Takes two float models and four vectors per token more. */
tern_status tern_calibrate_sequence(struct tern_calibration **out, const struct tern_source *source,
                                    const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err);
/* The source with the calibration; after tern_calibrate_sequence it is read from the fitted weights. Valid until
   closing. */
struct tern_source tern_calibrated_source(struct tern_calibration *calibration, const struct tern_source *source);
/* Opens LAPACK. TERN_USAGE: it is missing, and the message says where to get it. TERN_NOMEM: it would not find room. */
tern_status tern_lapack_need(struct tern_lapack *out, tern_error *err);
/* Accepts NULL. */
void tern_calibration_close(struct tern_calibration *calibration);
/* For tern_source.second: valid until the next call. NULL when the moments have no factor. */
const struct tern_second_order *tern_calibration_second(void *calibration, int layer, enum tern_layer_input which);

#endif
