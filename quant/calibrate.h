/* Calibration: the f32 path runs over the user's texts, and what every layer reads is summed up. Host side. */
#ifndef TERN_CALIBRATE_H
#define TERN_CALIBRATE_H

#include "quant/sample_texts.h"
#include "quant/store.h"

struct tern_calibration;

/* On texts of up to TERN_CALIBRATION_TOKENS. TERN_USAGE (no LAPACK), TERN_NOMEM. Takes 4 bytes per pair of inputs:
   3 hidden^2 + intermediate^2 for each layer. */
enum { TERN_CALIBRATION_TEXTS = 1024, TERN_CALIBRATION_TOKENS = 128 };
tern_status tern_calibrate(struct tern_calibration **out, const struct tern_source *source,
                           const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err);
/* TERN_USAGE: that LAPACK is missing, and where to get it. */
tern_status tern_fail_no_lapack(tern_error *err);
/* Accepts NULL. */
void tern_calibration_close(struct tern_calibration *calibration);
/* For tern_source.second: valid until the next call. NULL when the moments have no factor. */
const struct tern_second_order *tern_calibration_second(void *calibration, int layer, enum tern_layer_input which);

#endif
