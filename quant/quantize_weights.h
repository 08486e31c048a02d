/* Quantisers: float weights, as a checkpoint has them, to the stored form of models/linear.h. Host side only:
   floats. */
#ifndef TERN_QUANTIZE_WEIGHTS_H
#define TERN_QUANTIZE_WEIGHTS_H

#include "models/copies.h"
#include "models/linear.h"
#include "quant/lowbit.h"

/* A float layer: w[n][k], b[n]. What is stored has k + copies.count inputs. */
struct tern_float_linear {
    const float *w, *b;
    int n, k;
    struct tern_copies copies;
};

/* The rows that a layer reads: x = x_units * unit (times gamma plus beta, when they are given: they are folded
   into the weights), with |x_units * unit| <= norm in the Euclidean sense. */
struct tern_input {
    double unit;
    double norm;
    double tight; /* a lower bound than `norm`, for sums that cannot be held by that; 0: none */
    double most;  /* largest |x_units|; 0: 16384 */
    const float *gamma, *beta;
};

/* The place for a quantised layer; the arrays are the caller's, of the sizes in models/linear.h, zeroed. */
struct tern_linear_out {
    /* int8 panels. If the format has 4 bits and `line` is NULL, each byte holds a code XOR the code of 0, so that zero
       blocks are zero bytes: quant/make_blocks.h cuts blocks out of it. */
    int8_t *weight;
    struct tern_coding coding; /* what to make of the weights; all zero: int8 */
    uint8_t *line, *group_mul; /* low-bit: codes and multipliers, as in simd/codes.h */
    int32_t *left; /* becomes the channels' shifts; `lefts` says whether there are any. NULL: there must not be */
    int lefts;
    int16_t *mul;
    int16_t *bias16;
    int32_t *bias32;
    float *bound; /* [n] what no output's magnitude exceeds; NULL: nobody asks (16-bit outputs) */
    struct tern_real kappa;
    int32_t bias_exp;   /* biases are in units of 2^this (sums with exponents) */
    int32_t wnorm2, up; /* up -1: 32 bits cannot hold the sums */
    double unit;        /* real value of 1 of the output (16-bit outputs) */
    double error;       /* relative squared error of the weights */
    int kept;           /* 1: every weight is what was given, to what f32 keeps of it */
};

/* What is too small for a file's real numbers, and no number, is 0. */
struct tern_real tern_real_of(double x);
enum { TERN_MOST_BIAS32 = 1 << 29 }; /* larger ones are cut off */

/* The output in 16 bits, with the static unit that models/scheme.h derives; `least` is a lower limit to the unit.
   scratch holds tern_quantize_scratch(n, k) floats, where k counts copies. */
size_t tern_quantize_scratch(int n, int k);
void tern_quantize_requant(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                           double least, float *scratch);
/* The output added to a residual whose 16-bit unit is `unit_y`. Chooses out->up. */
void tern_quantize_residual(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                            double unit_y, float *scratch);
/* The output added to a stream in 32 bits that is not normalised, of `unit`, whose magnitude is below *bound: the
   stream may lose out->up bits before. out->unit and *bound become those of the sum. */
void tern_quantize_stream(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                          double unit, double *bound, float *scratch);
/* The output as rows with exponents (models/scaled.h). Chooses out->bias_exp. */
void tern_quantize_scaled(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                          float *scratch);
/* The output as logits in Q16. */
void tern_quantize_logits(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                          int bits, float *scratch);

/* LayerNorm's affine part: gamma and beta of the op, in units of the returned output unit, which is at least `least`.
 */
double tern_quantize_norm(int16_t *gamma16, int16_t *beta16, const float *gamma, const float *beta, int n,
                          double least);
/* eps in the op's terms for sums in units of `unit`. */
uint64_t tern_norm_eps(double eps, double unit, int n);

/* One row of an embedding table to int8: q[n]; returns the scale, max|w| / 127. */
double tern_quantize_row(int8_t *q, const float *w, int n);

#endif
