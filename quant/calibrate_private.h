/* What the two ways of calibration share: calibrate.c sums up what the whole model reads, calibrate_sequence.c what the
   model reads whose matrices before are quantised. */
#ifndef TERN_CALIBRATE_PRIVATE_H
#define TERN_CALIBRATE_PRIVATE_H

#include "quant/calibrate.h"
#include "quant/pair.h"
#include "quant/second_order.h"

struct tern_calibration {
    struct tern_lapack lapack;
    struct tern_moments *moments; /* [layers][TERN_N_INPUTS] */
    const struct tern_config *config;
    const struct tern_f32_weights *weights; /* of the model that is being observed */
    const struct tern_source *source;       /* what it will become */
    float *rows;                            /* [TERN_CALIBRATION_TOKENS][hidden]: a norm's rows before gamma and beta */
    struct tern_pair pair;                  /* in sequence: the matrices that are to be quantised */
    /* The result of tern_calibration_second. */
    struct tern_second_order second;
    int32_t *order;
    float *moment, *factor;
    float *inverse; /* NULL: not wanted */
    double *scratch;
    int layer, which; /* that it stands for; -1: none */
};

tern_status tern_calibration_open(struct tern_calibration **out, const struct tern_config *config, tern_error *err);

#endif
