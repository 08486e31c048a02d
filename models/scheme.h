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
 *   RMSNorm is the same with 0 in place of the mean, so that |n| = sqrt(H) and all bounds hold for it; its beta is 0.
 *
 * Activations into a GEMM: int8 per token, q ~ 127 x / amax, amax the row's own largest magnitude. A text never sees
 *   its neighbours. BERT's normalised rows have a few columns of up to sqrt(H) where the median stays below 3, the same
 *   in every text: a matrix may repeat such a column, which then counts 1 / r in amax and is split into r parts
 *   (models/copies.h). Nothing is clipped, sums are exact, and norms count the parts, so that every bound holds.
 *
 * Weights: int8 per output channel, w ~ q * s[n].
 *
 * Embeddings: int8 per row and column, w ~ q * s[row] * c[column]. BERT's tables have a few wide columns, which a
 *   scale per row alone lets spoil all others: with c the root of a column's rms the squared error halves.
 *
 * Accumulator to 16 bits: by Cauchy-Schwarz |acc| <= |q_x| |q_w|, both norms known as integers, so the smallest right
 *   shift that makes int16 safe is known per token before the GEMM runs. What is lost is 2^-15 of that bound, some
 *   1e-3 of a typical value: the eight-bit operands have lost ten times as much. Where channels differ much in shape, a
 *   channel of few large weights has a scale far above the others' and sums far below: such sums are first shifted to
 *   the left, as far as the channel's own |q_w| allows.
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
 * Layers that normalise what they read: the residual stream is int32 in a unit of its own, the embeddings' in the
 *   beginning, and the sum of the bounds of all that was added stays below 2^30 units: where one more would not, the
 *   stream first loses as many bits. That is settled at conversion, matrix by matrix. LayerNorm reads it as it reads
 *   sums.
 *
 * Rotary positions: cosines and sines in Q14, so that position 0 turns by nothing; a turned query or key is at most
 *   sqrt(2) times its unit's range, 22,628 of 32,767. Biases of scores: both in octaves with 14 fraction bits, the
 *   score's 16 bits long as a residual's.
 *
 * ALIBI: a head's slope is a real number of octaves, below 2, and what a distance costs a score is rounded to 14
 *   fraction bits; the largest of 16,642 tokens is below 2^30. A global token's queries, keys and values have units of
 *   their own; its context is brought to the unit of the others' values, which is at least that of its own.
 *
 * Disentangled attention: a layer's vectors of distances are int8 with a scale per head. Their products with queries
 *   and keys become octaves with 14 fraction bits as scores do, each of the three below 2^28 + 1, before they are
 * added.
 *
 * A gate: the product of two int16 rows has 32 bits, of which its own largest decides the 16 that are kept; amax takes
 *   them back to the product of the two units.
 *
 * GELU (and gelu_new, I-BERT's polynomial, ReLU): max(y, 0) - D(|y|), D(z) = z Phi(-z), an even bump that is 0 from
 *   z = 4 on to within 1.3e-4; one polynomial of degree 7 in x = z / 2 - 1, error 2.3e-4.
 *
 * Models that normalise nothing (MobileBERT's NoNorm): nothing bounds their rows, so that no unit is known at
 * conversion. Each row of the stream is int32 with an exponent of its own, which a run chooses: 30 bits of its largest
 * number. A matrix's sums, its biases and gamma times the stream are brought to the largest of their three exponents
 * plus 2, at which 32 bits hold their sum; that of the products follows from |acc| <= |q_x| |q_w|. beta is part of the
 * biases, gamma of the weights too. Int8 rows are made of the upper 16 bits. Queries have an exponent for each token,
 * keys and values for each text.
 *
 * Dynamic convolution (ConvBERT): depthwise sums of y times int16 kernels, so small that 32 bits hold all taps, keep
 *   the 15 bits of their row's largest as a gate's products do; the kernels' logits are Q16, as a head's; their softmax
 *   is attention's.
 *
 * Linear attention: features are int16 in a unit that a text's largest query or key of the head chooses (with elu + 1
 *   exp is tern_exp2's), and cancel. Keys become int8 with a scale per text and head, and S and z are exact sums. The
 *   rows S_c / z_c, less the mean of all values, become int8 with one scale for the head; a query's weights phi(q)_c
 *   z_c become 15 bits, then int8. What leaves is a weighted mean of these rows plus that mean: int8 S and z, each
 *   with a scale of its own, would be as near (docs/decisions.md), but may leave the values' range.
 *
 * Fourier transforms (FNet): of columns by a matrix of int8 cosines and sines; of tokens by int8 ones from a stored
 * wave and int8 columns with a scale for each 16 of a text. What rounding makes of constant columns leaks into other
 * tokens' sums by 2^-8 of them. The sums with y are 64 bits, of which LayerNorm reads the 29 that the largest leaves.
 *
 * Pooling: sums of y in its unit, brought to Q16 in 64 bits: means, the largest, one token's; weighted sums keep 8 bits
 *   below y's unit, and the root of a text's length comes from tern_rsqrt.
 *
 * Dense layers behind the pooling: a text's vector, int32, becomes int16 by the one shift that fits it, then int8 as
 * any row; its unit is 2^-16 or 2^-30 times that power of two, which is added to kappa's exponent. Sums leave in Q16 as
 *   logits do; tanh and the logistic function are exact to Q30, by a series for exp.
 *
 * Logits leave as int32 in Q16, embeddings of which no number is above 1 in Q30: multiplied by 2^-16 or 2^-30 they are
 * the user's floats.
 */
#ifndef TERN_SCHEME_H
#define TERN_SCHEME_H

/* Version of the bits. Scheme 2 has outlier columns; scheme 3 has sums that are shifted channel by channel, and layers
   and embeddings of other kinds than BERT's. A file of an earlier scheme is one of the last without any of these. A
   file that says another number is refused. */
#define TERN_SCHEME "3"
#define TERN_SCHEMES_BEFORE                                                                                            \
    {                                                                                                                  \
        "1", "2"                                                                                                       \
    }

enum {
    /* Largest magnitude of an int16 output. Half the type's range: a context row, 127 * 127 for a single token, is
       brought to its values' unit by a multiplier below 1. */
    TERN_OUT_RANGE = 16000,
    TERN_MUL_ONE = 32767,       /* per-channel multiplier of the channel with the largest scale */
    TERN_UP_MAX = 8,            /* most fraction bits that the residual sum keeps below y's unit */
    TERN_MOST_LEFT = 15,        /* most bits by which a channel's sums are shifted to the left */
    TERN_MOST_DOWN = 15,        /* most bits that a stream which is not normalised loses before a sum */
    TERN_LOGIT_BITS = 16,       /* logits, and embeddings that are not normalised */
    TERN_POOLED_BITS = 12,      /* what tanh reads where rows have exponents: beyond 8 it is 1 */
    TERN_SCALED_NORM_EXP = -20, /* of the unit of a norm's eps, behind rows with exponents */
    TERN_SCALED_BITS =
        6, /* embeddings and logits of models that normalise nothing: MobileBERT's states go up to 2.5e7 */
    TERN_UNIT_BITS = 30, /* embeddings that are normalised, or come from tanh or the logistic function */
};

/* Room in the static units for what the bounds leave out: the int8 row is a little longer than the row it stands for.
 */
#define TERN_SLACK 1.03

#endif
