/* Proofs that nothing overflows, for the limits in models/config.h; included by models/linear.c, so every build checks
   them. The limits are repeated here as numbers, since the linear layer knows no configuration; models/load_int8.c
   asserts that they agree. */
#ifndef TERN_BOUNDS_H
#define TERN_BOUNDS_H

#include <stdint.h>

enum { TERN_BOUND_K = 32768, TERN_BOUND_TOKENS = 16642 };

/* Two products of values within +-127 fit int16: what maddubs (through sign) and smull + smlal rest on. */
_Static_assert(2 * 127 * 127 <= INT16_MAX, "pairs of int8 products fit int16");
/* GEMM sums, with room for the rounding constant of the shift that follows. */
_Static_assert((int64_t)TERN_BOUND_K * 127 * 127 + (1 << 30) <= INT32_MAX, "int32 accumulators");
/* norm2 of a row, and its product with a weight row's norm2. */
_Static_assert((int64_t)TERN_BOUND_K * 127 * 127 <= INT32_MAX, "norm2");
/* VNNI: u8 weights (w + 128) times s8 activations, and the correction 128 * sum(a). */
_Static_assert((int64_t)TERN_BOUND_K * 255 * 127 <= INT32_MAX, "u8 x s8 sums");
/* Scores and P*V. */
_Static_assert((int64_t)TERN_BOUND_TOKENS * 127 * 8 * 127 + (1 << 15) <= INT32_MAX, "probabilities times values");
/* Largest magnitude times its multiplier, in tern_s8_scale_of. */
_Static_assert(127LL * 128 * 32768 + 16384 <= INT32_MAX, "s8 scale");
/* Residual: y << up, the sublayer's 2^30, the bias within 2^29. */
_Static_assert((32767LL << 8) + (1 << 30) + (1 << 29) <= INT32_MAX, "residual sum");
/* Scores in octaves: three products of int16, shifted by 2 at least, or one and a bias that was shifted left by 14. */
enum { TERN_BIASED_LEAST_EXP = 2 };
_Static_assert((3LL << (30 - TERN_BIASED_LEAST_EXP)) <= INT32_MAX, "sums with distances");
_Static_assert((1LL << (30 - TERN_BIASED_LEAST_EXP)) + (32767LL << 14) <= INT32_MAX, "sums with biases");
/* ALIBI: a step costs less than 2 octaves. */
_Static_assert((1LL << (30 - TERN_BIASED_LEAST_EXP)) + (2LL * TERN_BOUND_TOKENS << 14) <= INT32_MAX, "sums with ALIBI");
/* Embeddings: two rows, shifted by 8, fit int16; their product with a column's factor fits int32. */
_Static_assert((2LL * 127 * 32767 + 128) >> 8 <= INT16_MAX && 32767LL * 32767 <= INT32_MAX, "embedding sum");
/* Mean pooling. */
_Static_assert((int64_t)TERN_BOUND_TOKENS * 32767 <= INT32_MAX, "pooled sum");

#endif
