/* The numbers' specification.
 *
 * Every stored quantity is an integer times a unit that is known when a model is converted or follows from integers at
 * run time. Nothing is calibrated: each static unit comes from a bound that holds for every input.
 *
 * LayerNorm. d, the row minus its mean, is brought to unit length: n16 = 2^15 d / |d|. That needs no sqrt(H) and
 *   cannot overflow, and the affine part is then y = gamma n + beta with n = n16 * sqrt(H) / 2^15. The GEMM behind a
 *   LayerNorm reads n itself (quantised to int8 per token); gamma and beta are folded into its weights and bias:
 *   W' = W diag(gamma), b' = b + W beta. (Gamma migration: Wei et al., "Outlier Suppression", NeurIPS 2022, who find
 *   that gamma is what makes BERT's outliers.) The residual stream reads y, 16 bits. Weights that were trained ternary
 *   or binary would leave their grid by that: where one of the matrices behind a LayerNorm is such a one, they all read
 *   y, quantised to int8 per token, with |y| <= sqrt(H) max|gamma| + |beta|.
 *
 * Activations into a GEMM: int8 per token, q ~ 127 x / amax, amax the row's own largest magnitude. A text never sees
 *   its neighbours.
 *
 * Weights: int8 per output channel, w ~ q * s[n].
 *
 * Embeddings: int8 per row and column, w ~ q * s[row] * c[column]. BERT's tables have a few wide columns, which a
 *   scale per row alone lets spoil all others: with c the root of a column's rms the squared error halves.
 *
 * Accumulator to 16 bits: by Cauchy-Schwarz |acc| <= |q_x| |q_w|, both norms known as integers, so the smallest right
 *   shift that makes int16 safe is known per token before the GEMM runs. What is lost is 2^-15 of that bound, some
 *   1e-3 of a typical value: the eight-bit operands have lost ten times as much.
 *
 * Unit of a linear layer's int16 output that reads n: |W' n + b'| <= sqrt(H) max|W'_row| + max|b'| =: B, because
 *   |n| = sqrt(H) whatever the text; the unit is B / TERN_OUT_RANGE, or larger where channels differ so much in shape
 *   that the shift for the longest int8 row and the scale of the spikiest one ask for it (quant/quantize_weights.c).
 *
 * Residual: s = y * 2^up + sublayer, in units of y's unit / 2^up, 32 bits; LayerNorm takes it from there.
 *
 * Attention: q per token and head, k and v per text and head, to int8. exp by tern_exp2 on differences from the row's
 *   largest score; probabilities stay unnormalised in 0..1016, as two int8 factors 8 * high + low, and the division by
 *   their sum is part of the requantisation of the context. (7-bit probabilities were a quarter of the variance of the
 *   shipped model's logits; the second, small GEMM costs 1 % of the encoder's products at 128 tokens.)
 *
 * GELU (and gelu_new, I-BERT's polynomial, ReLU): max(y, 0) - D(|y|), D(z) = z Phi(-z), an even bump that is 0 from
 *   z = 4 on to within 1.3e-4; one polynomial of degree 7 in x = z / 2 - 1, error 2.3e-4.
 *
 * Logits leave as int32 in Q16, normalised embeddings in Q30: multiplied by 2^-16 or 2^-30 they are the user's floats.
 */
#ifndef TERN_SCHEME_H
#define TERN_SCHEME_H

/* Version of the bits: a file that says another number is refused. */
#define TERN_SCHEME "1"

enum {
    /* Largest magnitude of an int16 output. Half the type's range: a context row, 127 * 127 for a single token, is
       brought to its values' unit by a multiplier below 1. */
    TERN_OUT_RANGE = 16000,
    TERN_MUL_ONE = 32767, /* per-channel multiplier of the channel with the largest scale */
    TERN_UP_MAX = 8,      /* most fraction bits that the residual sum keeps below y's unit */
    TERN_LOGIT_BITS = 16, /* logits, and embeddings that are not normalised */
    TERN_UNIT_BITS = 30,  /* normalised embeddings */
};

/* Room in the static units for what the bounds leave out: the int8 row is a little longer than the row it stands for.
 */
#define TERN_SLACK 1.03

#endif
