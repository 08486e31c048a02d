/* Quantisers to codes: nearest value of a scale that is searched for (bytes: the largest weight's), or second order.
   Host side only: floats. */
#ifndef TERN_LOWBIT_H
#define TERN_LOWBIT_H

#include "models/copies.h"
#include "simd/codebook.h"

/* What is known of a layer's inputs: moment[k], their second moments over the mean, weighs errors in the search for
   scales; order[k] puts them by falling moment, and factor[k][k] is, in that order, the upper Cholesky factor of the
   inverse of all second moments. */
struct tern_second_order {
    const float *moment;
    const int32_t *order;
    const float *factor;
};

struct tern_coding {
    enum tern_format format;
    int group;      /* inputs of a group: 32, 64 or 128; ignored by formats without groups */
    int keep_zeros; /* weights that are 0 stay 0, where `second` would change them: pruned ones */
    int plain;      /* scales from the largest weight instead of a search: for weights that stand for none */
    const struct tern_second_order *second; /* NULL: every weight to its nearest value */
    const struct tern_copies *copies;       /* NULL: none */
};

/* Up to 16 channels, rows[count][K], K = k inputs and their copies, whose weights become value * multiplier * scale:
   codes[count][K], one multiplier per group and channel in mul[groups][16], scale[count]. With `second` the error of
   each weight is made good in those of its channel that come later (GPTQ: Frantar et al. 2022; the order by importance
   is its "act order"), which changes rows; the scales are found before. A column with copies is as fine as these are
   many: the mean of its codes is what stands for it. A channel that lies on the grid, to what f32 keeps of it, stays
   there: in formats with groups those that all its weights are values times multipliers of, whatever scale they have
   (unless `plain`). Codes of bytes are their values. scratch holds 2 K floats. Thread-safe. */
void tern_quantize_panel(const struct tern_coding *coding, float *rows, int count, int k, uint8_t *codes, uint8_t *mul,
                         double *scale, float *scratch);

/* What tern_quantize_panel's code of a channel and an input stands for, in units of the channel's scale. */
int tern_coded_value(const struct tern_coding *coding, int code, const uint8_t *mul, int channel, int input);
/* From sums over all places of each column to their means: sum[k]. `copies` may be NULL: none. */
void tern_sums_to_means(float *sum, const struct tern_copies *copies);

/* One row of an embedding table to codes[n] of int4 (with multipliers of 1) or ternary. Returns its scale. A row on
   the grid stays there. */
double tern_quantize_row_codes(enum tern_format format, int plain, const float *w, int n, uint8_t *codes);

#endif
