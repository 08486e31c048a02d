/* The ops: one function type each, with its contract. The reference in simd/ref defines every result; each kernel in
   simd/x86 and simd/arm gives the same bits.
 *
 * Rules for all of them:
 * - Elements outside those named are neither read nor written. Pointers are aligned to their element only.
 * - Inputs and outputs do not overlap unless "in place" is said.
 * - int8 values lie in [-127, 127]; int16 activations in [-32767, 32767]. Sizes are at least 1 unless said.
 * - `ld_x` is the distance in elements between two rows of x.
 * - mulr, adds, rshift, sat16 are those of simd/fixed.h.
 */
#ifndef TERN_OPS_H
#define TERN_OPS_H

/* Floats are IEEE 754's, each operation rounded once to its type, else the bits differ between builds. */
#if defined __FAST_MATH__ || (defined __FINITE_MATH_ONLY__ && __FINITE_MATH_ONLY__)
#error "-ffast-math, -Ofast and -ffinite-math-only change answers: take them out of CFLAGS"
#endif
#if defined __FLT_EVAL_METHOD__ && __FLT_EVAL_METHOD__ != 0
#error "floats are computed in another precision than their own: for 32-bit x86 add -msse2 -mfpmath=sse to CFLAGS"
#endif

_Static_assert(sizeof 1.0 == sizeof(double), "-fsingle-precision-constant changes answers: take it out of CFLAGS");

#include "simd/codes.h"
#include "simd/fixed.h"
#include "simd/sparse.h"

/* Softmax's largest probability: 127 in the high factor, 3 bits in the low one. */
enum { TERN_P_MAX = 127 * 8, TERN_P_LOW_BITS = 3 };

static inline int tern_panels(int n)
{
    return (n + TERN_PANEL - 1) / TERN_PANEL;
}
static inline int tern_k4(int k)
{
    return (k + TERN_PANEL_K - 1) / TERN_PANEL_K;
}
static inline int tern_quotient_up(int a, int b)
{
    return (a + b - 1) / b;
}
static inline int tern_round_up(int n, int multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* A row that was quantised: |x| <= amax, x ~ q * amax / 127; norm2 = sum of q^2. */
struct tern_row {
    int32_t amax;  /* 0 .. 32767 */
    int32_t norm2; /* < 127^2 * k */
};

/* The scale that takes a row of accumulators to fixed point: see requant and residual. Made by models/linear.c. */
struct tern_row_scale {
    int32_t shift; /* 0 .. 31; softmax -8 .. 31 */
    int32_t mul;   /* 0 .. 32767 */
    int32_t exp;   /* 0 .. 31; residual only */
};

/* An activation as a polynomial of degree 7 in x = 2 min(|y|, limit) / limit - 1 (see models/scheme.h). */
struct tern_poly {
    int16_t limit; /* 0 .. 32767, limit << shift <= 32767 */
    int16_t shift; /* 0 .. 14 */
    int16_t mul;   /* 0 .. 32767: u = min(|y|, limit) << shift; w = adds(u, mulr(u, mul)) is limit at 32767 */
    int16_t out;   /* 0 .. 32767: unit of the polynomial's value in units of y */
    int16_t c[8];  /* c[0] + c[1] x + ...; Horner's sums saturate */
};

/* A hint: memory that a GEMM may bring into the caches while it computes, so many bytes for each of its panels. The
   GEMM does not read it, and it need not exist. at == NULL: no hint. */
struct tern_ahead {
    const void *at;
    ptrdiff_t panel;
};

/* c[m][16 * panels] = a[m][4 * k4] times the panels b, both of -127 to 127; exact while 4 * k4 <= 133,144. */
typedef void tern_gemm_s8_fn(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                             int panels, int k4, struct tern_ahead ahead);

/* gemm_s8 with weights of at most 63 (gemm_s7) or 31 (gemm_s6): sums of several products fit 16 bits. */
typedef tern_gemm_s8_fn tern_gemm_s7_fn;
typedef tern_gemm_s8_fn tern_gemm_s6_fn;

/* Low-bit weights to int8 panels: b[panels][k4][16][4] = value * multiplier. */
typedef void tern_unpack_fn(const struct tern_codes *w, int8_t *b, int panels, int k4);

/* gemm_s8 with 4-bit weights, for few rows: what unpacking would give is multiplied without being stored. */
typedef void tern_gemm_s4_fn(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c,
                             int m, int panels, int k4);

/* The sums of every choice among four activations, for gemm_lut: T(step, bits) = sum of a[4 * step + i] over the bits i
   that are set, as T & 63 (low) and T >> 6 (high, -8 .. 7):
     table[block][half][low, high][pair][bits] for step = 8 * block + 2 * pair + half
   and sum[block], the sum of its 32 activations. Steps from k4 on count as 0. */
typedef void tern_lut_fn(const int8_t *a, uint8_t *table, int32_t *sum, int k4);

/* gemm_s8 with weights of 1 to 3 bits whose codebook is a line, for few rows, which come as tables (`lut`): m of them,
   ld_table bytes and ld_sum elements apart. */
typedef void tern_gemm_lut_fn(const uint8_t *table, ptrdiff_t ld_table, const int32_t *sum, ptrdiff_t ld_sum,
                              const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4);

/* Lays out the rows a[m][4 * k4], m <= TERN_SPMM_ROWS, for products with blocks of `shape`: `packed` has
   tern_spmm_scratch(m, k4) bytes at a multiple of 64. Each kernel has a layout of its own, which only the spmm of the
   same ISA reads. */
typedef void tern_spmm_pack_fn(const int8_t *a, ptrdiff_t ld_a, void *packed, enum tern_block_shape shape, int m,
                               int k4);

/* gemm_s8 with block-sparse weights: c[m][16 * panels] = the rows that spmm_pack has laid out in `packed` times the
   blocks of w. m, k4 and w's shape are those that it was called with. */
typedef void tern_spmm_fn(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m,
                          int panels, int k4);

/* Block-sparse weights of 4 bits to int8: the values of w's blocks, value[lines][64] as struct tern_sparse has them,
   from the codes of the same panels. What pads a panel's lines is not written. */
typedef void tern_unpack_blocks_fn(const struct tern_sparse *w, const struct tern_codes *codes, int8_t *value,
                                   int panels, int k4);

/* spmm_pack for spmm_s4 and weights of codebook `book`. */
typedef void tern_spmm_s4_pack_fn(const int8_t *a, ptrdiff_t ld_a, void *packed, const struct tern_codebook *book,
                                  int m, int k4);

/* spmm with blocks of 16x4 of 4-bit weights, for few rows: what unpack_blocks would give is multiplied without being
   stored. m, k4 and the codebook are those that spmm_s4_pack was called with. */
typedef void tern_spmm_s4_fn(const void *packed, const struct tern_sparse *w, const struct tern_codes *codes,
                             int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4);

/* Accumulators to int16, in a common unit:
     a = sat16(rshift(acc[i][j] << left[j], row[i].shift)), the left shift wrapping; left == NULL: by 0
     out[i][j] = max(adds(mulr(a, mulr(mul[j], row[i].mul)), bias[j]), -32767)
   for i < m, j < n. left[j] in 0 .. 15, mul[j] in [0, 32767], bias[j] in [-32767, 32767]. */
typedef void tern_requant_fn(const int32_t *acc, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                             const struct tern_row_scale *row, const int32_t *left, const int16_t *mul,
                             const int16_t *bias, int m, int n);

/* Accumulators and the residual stream to int32, the sums wrapping:
     a = sat16(rshift(acc[i][j] << left[j], row[i].shift)), as in requant
     out[i][j] = (y[i][j] << up) + rshift(a * mulr(mul[j], row[i].mul), row[i].exp) + bias[j]
   for i < m, j < n; up in 0 .. 15. */
typedef void tern_residual_fn(const int32_t *acc, ptrdiff_t ld_acc, const int16_t *y, ptrdiff_t ld_y, int32_t *out,
                              ptrdiff_t ld_out, const struct tern_row_scale *row, const int32_t *left,
                              const int16_t *mul, const int32_t *bias, int up, int m, int n);

/* The stream of layers that normalise what they read takes what a matrix gives: s[j] = rshift(s[j], down) + sum[j],
   wrapping; down in 0 .. 31. In place in s. */
typedef void tern_accumulate_fn(int32_t *s, const int32_t *sum, int down, int n);

/* A depthwise convolution at one token: sum[j] = sum[j] + sum over i < m of w[i][j] * x[i][j], for j < n. No sum of
   some of these terms leaves int32. In place in sum. */
typedef void tern_taps_fn(const int16_t *x, ptrdiff_t ld_x, const int16_t *w, ptrdiff_t ld_w, int32_t *sum, int m,
                          int n);

/* Numbers at places that only grow: out[j] = x[at[j] - at[0]] for j < n. From one place to the next it is 0 or 1. */
typedef void tern_gather_fn(const int32_t *x, const int16_t *at, int32_t *out, int n);

/* Diagonals of rows of 16, each column one place further than the column before: out[i][j] = x[at[m - 1 - i + j] -
   at[0]][j] for i < m, j < n <= 16. From one place to the next it is 0 or 1. Of each row of x that is named all 16 may
   be read. */
typedef void tern_skew_fn(const int32_t *x, const int16_t *at, int32_t *out, ptrdiff_t ld_out, int m, int n);

/* Accumulators whose panels have units of their own, plus a row times a real number, kept in 30 bits: with
     w[j] = acc[j] * unit[j / 16] + y[j] * real, the last rounded, halves away from zero
     s = max(0, bits(max|w|) - 29)
     sum[j] = rshift(w[j], s)
   Returns s. |acc[j]| < 2^30, unit[] in 0 .. 32767, real.exp in 1 .. TERN_MIX_EXP. */
typedef int tern_mix_fn(const int32_t *acc, const int32_t *unit, const int16_t *y, struct tern_real real, int32_t *sum,
                        int n);

/* LayerNorm of each row of s[m][n], integer throughout; rms 1: RMSNorm, which leaves the mean where it is:
     d = s - floor((sum + n / 2) / n), rms ? d = s     (wrapping)
     d16 = d scaled by a power of two so that 2^14 <= max|d16| < 2^15, rounded, within [-32767, 32767]
     n16 = d16 * 2^15 / sqrt(sum of d16^2 + eps)       unit length in Q15, by tern_layernorm_scale
     x[j] = n16;  y[j] = max(adds(mulr(n16, gamma[j]), beta[j]), -32767)
   A row whose d are all 0 gives n16 = 0. eps <= 2^62. |gamma[j]|, |beta[j]| <= 32767. eps is in units of s squared.
   1 <= n <= 8192. Rows of s and y begin every `ld` elements, those of x every ld_x. */
typedef void tern_layernorm_fn(const int32_t *s, ptrdiff_t ld, const int16_t *gamma, const int16_t *beta, uint64_t eps,
                               int rms, int16_t *y, int16_t *x, ptrdiff_t ld_x, int m, int n);

/* x[n] to int8: row->amax = max|x|, q = tern_to_s8(x, tern_s8_scale_of(amax)), row->norm2 = sum of q^2;
   q[n .. n rounded up to 4) is set to 0. n <= 32768. */
typedef void tern_quantize_fn(const int16_t *x, int8_t *q, struct tern_row *row, int n);

/* max|x[i][j]| over i < m, j < n. */
typedef int32_t tern_amax_fn(const int16_t *x, ptrdiff_t ld_x, int m, int n);

/* Quantises and packs the keys of one head: x[m][n] (m tokens, n = head dim) becomes panels whose output channels are
   the tokens: b[m16 / 16][k4][16][4], k4 = n rounded up / 4; all that pads is 0. */
typedef void tern_pack_k_fn(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n);

/* The same for the values: output channels are the n columns, inputs the m tokens:
   b[n16 / 16][m rounded up to 4 / 4][16][4]; all that pads is 0. */
typedef void tern_pack_v_fn(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n);

/* The same as rows, for a product over tokens: of x[m][n] (m tokens), row j is column j's numbers:
     b[j][i] = tern_to_s8(x[i][j], scale), b[j][m .. m rounded up to 4) = 0
     sum[j] = sum[j] + sum over i < m of b[j][i], which stays within int32 */
typedef void tern_pack_t_fn(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, ptrdiff_t ld_b,
                            int32_t *sum, int m, int n);

/* Softmax of one row of int32 scores, not normalised: with D = max - score[j] (wrapping, as unsigned),
     t = mulr(min(shift >= 0 ? D >> shift : D << -shift, 32767), mul)     log2 of the ratio, in Q10 (D first cut so
                                                                          that the left shift cannot overflow)
     p = (tern_exp2(t) + 16) >> 5                                         in 0 .. 1016, 1016 for the largest score
     high[j] = p >> 3, low[j] = p & 7                                     two int8 factors for the GEMM with the values
   Returns the sum of p; sets high and low [n .. n rounded up to 4) to 0. shift in -8 .. 31, mul in 0 .. 32767. */
typedef int32_t tern_softmax_fn(const int32_t *score, int shift, int mul, int8_t *high, int8_t *low, int n);

/* Accumulators of softmax's two factors times the values, to int16:
     a = sat16(rshift(8 * high[i][j] + low[i][j], row[i].shift)), the sum wrapping; out[i][j] = mulr(a, row[i].mul)
   for i < m, j < n. */
typedef void tern_context_fn(const int32_t *high, const int32_t *low, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                             const struct tern_row_scale *row, int m, int n);

/* y[j] = max(y[j], 0) - mulr(poly(|y[j]|), out), saturated and at least -32767; in place. All-zero c makes it ReLU. */
typedef void tern_gelu_fn(int16_t *y, const struct tern_poly *poly, int n);

/* y[j] = sign(y[j]) * (32767 - max(poly(|y[j]|), 0)); in place. */
typedef void tern_tanh_fn(int16_t *y, const struct tern_poly *poly, int n);

/* A gated layer's product, kept in 16 bits: with p[j] = a[j] * b[j],
     s = max(0, bits(max|p|) - 14)
     a[j] = rshift(p[j], s)                               within [-2^14, 2^14]
   Returns s, 0 .. 16. In place in a. n <= 32768. */
typedef int tern_gate_fn(int16_t *a, const int16_t *b, int n);

/* What linear attention makes of a query or key before it multiplies them, a feature map: relu(x), or elu(x) + 1, in a
   unit that fits the numbers. Made by models/linear_attention.c. */
struct tern_phi {
    int16_t up, mul;               /* 0 .. 15, |x| << up <= 32767; 0 .. 32767 - one */
    int16_t one;                   /* 0 .. 16384 */
    int16_t limit, shift, octaves; /* limit << shift <= 32767, shift 0 .. 14; 0 .. 32767 */
    int16_t top;                   /* 0 .. 32767 */
    int16_t least;                 /* 0 or 1 */
};

/* A feature map of x[m][n]:
     x >= 0: one + mulr(x << up, mul)
     x < 0:  mulr(tern_exp2(mulr(min(-x, limit) << shift, octaves)), top)
   and at least `least`. In place. */
typedef void tern_phi_fn(int16_t *x, ptrdiff_t ld, const struct tern_phi *map, int m, int n);

/* Rows twice, each time with a factor of the row, as cosFormer's features have it:
     out[i][j] = mulr(x[i][j], cosine[i]);  out[i][n + j] = mulr(x[i][j], sine[i])
   for i < m, j < n; factors in 0 .. 32767. */
typedef void tern_weigh_fn(const int16_t *x, ptrdiff_t ld_x, const int16_t *cosine, const int16_t *sine, int16_t *out,
                           ptrdiff_t ld_out, int m, int n);

/* How a row's accumulators become numbers of 32 bits with an exponent. Made by models/scaled.c. */
struct tern_scaled_scale {
    int32_t factor;  /* 2^30 .. 2^31 - 1; 0: the row is 0 */
    int32_t down;    /* -15 .. 15: takes acc * mul within +-2^30; below 0 to the left */
    int32_t product; /* 33 .. 62 */
    int32_t bias;    /* 2 .. 31 */
    int32_t added;   /* 2 .. 62; -1: nothing is added */
    int32_t exp;     /* of the sums; no op reads it */
};

/* The sums of a row that has an exponent, of which scale says how each of the three terms is brought to it, within
   +-2^28:
     t = down > 0 ? rshift(acc[j] * mul[j], down) : acc[j] * mul[j] << -down      within +-2^30
     sum[j] = rshift(t * factor, product) + rshift(bias[j], bias) + rshift(sum[j] * gamma[j], added)
   in 64 bits; gamma == NULL: by 1. In place in sum, |sum[j]| <= 2^30, |bias[j]| <= 2^29, |gamma[j]| <= 32767. */
typedef void tern_scaled_fn(const int32_t *acc, int32_t *sum, const int16_t *mul, const int16_t *gamma,
                            const int32_t *bias, const struct tern_scaled_scale *scale, int n);

/* A row of numbers within +-2^30 that has an exponent, whose negative numbers relu sets to 0: with up = 30 -
   bits(max|v|), v[j] = v[j] << up;  x[j] = max(sat16(rshift(v[j], 15)), -32767) Returns up, or -1 if all are 0. In
   place in v. */
typedef int tern_narrow_fn(int32_t *v, int16_t *x, int relu, int n);

/* Rotary positions: turns each head of one token, x[heads][dim], by the token's angles. `turn` holds cos[half], then
   sin[half], in Q14, within [-2^14, 2^14]: angle 0 changes nothing. For each head and i < half, with u = x[i] and
   v = x[i + half]:
     x[i] = max(sat16(rshift(u * cos[i] - v * sin[i], 14)), -32767)
     x[i + half] = max(sat16(rshift(v * cos[i] + u * sin[i], 14)), -32767)
   x[2 * half .. dim) is neither read nor written. In place in x. 2 * half <= dim <= 512, heads * dim <= 8192. */
typedef void tern_rotate_fn(int16_t *x, const int16_t *turn, int heads, int dim, int half);

/* A word's row and a position's: out[j] = rshift(a[j] * mul_a + b[j] * mul_b, 8) * column[j]; mul_a, mul_b and
   column[j] in [0, 32767], so that the shifted sum fits int16. */
typedef void tern_embed_fn(const int8_t *a, const int8_t *b, int mul_a, int mul_b, const int16_t *column, int32_t *out,
                           int n);

/* out[j] = sum over i < m of x[i][j]; m <= 65,536. */
typedef void tern_pool_fn(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, int n);

/* One vector against n others: out[i] = sum of q[j] * x[i][j] over j < k, for i < n; exact while k <= 133,144. */
typedef void tern_dot_s8_fn(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k);

/* The same with bits: out[i] = how many bits of q's k bytes differ from those of x[i], for i < n; k <= 65,536. */
typedef void tern_hamming_fn(const uint8_t *q, const uint8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k);

/* The ops on floats, whose bits may differ from kernel to kernel. Values are finite. */

/* c[m][n] = a[m][k] times w[n][k] transposed, plus bias[n] in each row; bias == NULL: none. */
typedef void tern_gemm_f32_fn(const float *a, ptrdiff_t ld_a, const float *w, ptrdiff_t ld_w, const float *bias,
                              float *c, ptrdiff_t ld_c, int m, int n, int k);

/* Softmax of each row of scale * x[m][n], scale > 0. In place. */
typedef void tern_softmax_f32_fn(float *x, ptrdiff_t ld, float scale, int m, int n);

/* x / 2 (1 + erf(x / sqrt(2))) for x[m][n]. In place. */
typedef void tern_gelu_f32_fn(float *x, ptrdiff_t ld, int m, int n);

/* Each row of x[m][n] becomes LayerNorm(x + add) times gamma plus beta; add == NULL: LayerNorm(x). rms 1: RMSNorm. In
   place. */
typedef void tern_layernorm_f32_fn(float *x, ptrdiff_t ld_x, const float *add, ptrdiff_t ld_add, const float *gamma,
                                   const float *beta, float eps, int rms, int m, int n);

/* ---- Scalars that belong to one op, shared by its reference and its kernels' tails and set-up. ----------------- */

/* 127 * 256 * 2^(-t / 1024) for t >= 0 in Q10: a cubic for 2^-x on [0, 1), fitted with its value at 0 fixed so that
   the largest probability is 127 (error below 7e-5 of 127 * 256; tests/golden/fit_poly.py), then a shift that cuts. */
enum { TERN_EXP2_C0 = 127 * 256, TERN_EXP2_C1 = -22493, TERN_EXP2_C2 = 7540, TERN_EXP2_C3 = -1306 };
static inline int16_t tern_exp2(int16_t t)
{
    int16_t x = (int16_t)((t & 1023) << 5);
    int16_t e = (int16_t)(TERN_EXP2_C2 + tern_mulr(TERN_EXP2_C3, x));
    e = (int16_t)(TERN_EXP2_C1 + tern_mulr(e, x));
    e = (int16_t)(TERN_EXP2_C0 + tern_mulr(e, x));
    int shift = t >> 10;
    return (int16_t)(shift > 15 ? 0 : e >> shift);
}

/* The largest D whose scaled value stays below 2^15 when it is shifted left by -shift. */
static inline uint32_t tern_softmax_cut(int shift)
{
    return shift < 0 ? 32767u >> -shift : 0xFFFFFFFFu;
}

/* p of one score: d is how far it is below the row's largest. */
static inline int16_t tern_probability(uint32_t d, int shift, int mul)
{
    uint32_t cut = tern_softmax_cut(shift);
    d = d < cut ? d : cut;
    d = shift < 0 ? d << -shift : d >> shift;
    int16_t t = tern_mulr((int16_t)(d < 32767 ? d : 32767), (int16_t)mul);
    return (int16_t)((tern_exp2(t) + 16) >> 5);
}

static inline int16_t tern_poly_eval(int16_t y, const struct tern_poly *p)
{
    int32_t z = y < 0 ? -y : y;
    int16_t u = (int16_t)((z < p->limit ? z : p->limit) << p->shift);
    int16_t w = tern_adds(u, tern_mulr(u, p->mul));
    int16_t x = (int16_t)(w - (32767 - w));
    int16_t h = p->c[7];
    for (int k = 6; k >= 0; k--)
        h = tern_adds(tern_mulr(h, x), p->c[k]);
    return h;
}

static inline int16_t tern_max16(int16_t a, int16_t b)
{
    return a > b ? a : b;
}

static inline int16_t tern_gelu1(int16_t y, const struct tern_poly *p)
{
    int32_t v = tern_max16(y, 0) - tern_mulr(tern_poly_eval(y, p), p->out);
    return tern_max16(tern_sat16(v), -32767);
}

static inline int16_t tern_tanh1(int16_t y, const struct tern_poly *p)
{
    int16_t t = (int16_t)(32767 - tern_max16(tern_poly_eval(y, p), 0));
    return (int16_t)(y < 0 ? -t : t);
}

/* An accumulator as requant and residual shift it to the left. */
static inline int32_t tern_shifted(const int32_t *acc, const int32_t *left, ptrdiff_t j)
{
    return left ? (int32_t)((uint32_t)acc[j] << left[j]) : acc[j];
}

static inline int16_t tern_requant1(int32_t acc, const struct tern_row_scale *row, int16_t mul, int16_t bias)
{
    int16_t a = tern_sat16(tern_rshift(acc, row->shift));
    return tern_max16(tern_adds(tern_mulr(a, tern_mulr(mul, (int16_t)row->mul)), bias), -32767);
}

static inline int16_t tern_context1(int32_t high, int32_t low, const struct tern_row_scale *row)
{
    int32_t acc = tern_add32((int32_t)((uint32_t)high * 8), low);
    return tern_mulr(tern_sat16(tern_rshift(acc, row->shift)), (int16_t)row->mul);
}

static inline int32_t tern_residual1(int32_t acc, int16_t y, const struct tern_row_scale *row, int16_t mul,
                                     int32_t bias, int up)
{
    int16_t a = tern_sat16(tern_rshift(acc, row->shift));
    int32_t sub = tern_rshift(a * tern_mulr(mul, (int16_t)row->mul), row->exp);
    return tern_add32(tern_add32(y * (1 << up), sub), bias);
}

static inline int32_t tern_embed1(int8_t a, int8_t b, int mul_a, int mul_b, int16_t column)
{
    return tern_rshift(a * mul_a + b * mul_b, 8) * column;
}

/* gate's shift from max|p|, or from any number of as many bits: |p| <= 32767^2 < 2^30, and the rounding adds 2^15. */
enum { TERN_GATE_BITS = 14 };
_Static_assert(32767 * 32767 < 1 << 30, "a product fits 32 bits with its rounding");
static inline int tern_gate_shift(uint32_t most)
{
    int bits = tern_bits(most);
    return bits > TERN_GATE_BITS ? bits - TERN_GATE_BITS : 0;
}

static inline int16_t tern_gate1(int16_t a, int16_t b, int shift)
{
    return (int16_t)tern_rshift(a * b, shift);
}

/* What takes the 30 bits of a row that has an exponent to the 15 of int16. */
enum { TERN_NARROW_BITS = 15 };
static inline int tern_narrow_up(uint32_t most)
{
    return most ? (tern_bits(most) < 30 ? 30 - tern_bits(most) : 0) : -1;
}
static inline int16_t tern_narrow1(int32_t v, int shift)
{
    return tern_max16(tern_sat16(tern_rshift(v, shift)), -32767);
}

static inline int32_t tern_scaled1(int32_t acc, int32_t added, int16_t mul, int16_t gamma, int32_t bias,
                                   const struct tern_scaled_scale *s)
{
    const int64_t wide = (int64_t)acc * mul, any = s->down > 0 ? tern_rshift64(wide, s->down) : wide * (1 << -s->down);
    /* A file whose wnorm2 is too small must not reach more than its own answers. */
    const int64_t t = any > 1 << 30 ? 1 << 30 : any < -(1 << 30) ? -(1 << 30) : any;
    int64_t sum = tern_rshift64(t * s->factor, s->product) + tern_rshift(bias, s->bias);
    if (s->added >= 0)
        sum += tern_rshift64((int64_t)added * gamma, s->added);
    return (int32_t)sum;
}

static inline int16_t tern_phi1(int16_t x, const struct tern_phi *f)
{
    int16_t y;
    if (x >= 0) {
        y = (int16_t)(f->one + tern_mulr((int16_t)(x * (1 << f->up)), f->mul));
    } else {
        const int32_t z = -x < f->limit ? -x : f->limit;
        y = tern_mulr(tern_exp2(tern_mulr((int16_t)(z * (1 << f->shift)), f->octaves)), f->top);
    }
    return tern_max16(y, f->least);
}

/* One pair of rotate. |u * c| + |v * s| <= 2 * 32767 * 2^14 < 2^30, to which the rounding adds 2^13. */
enum { TERN_TURN_BITS = 14 };
_Static_assert(2 * 32767 * (1 << TERN_TURN_BITS) < 1 << 30, "a turn's sum fits 32 bits with its rounding");
static inline void tern_rotate1(int16_t *u, int16_t *v, int16_t c, int16_t s)
{
    int32_t first = *u * c - *v * s, second = *v * c + *u * s;
    *u = tern_max16(tern_sat16(tern_rshift(first, TERN_TURN_BITS)), -32767);
    *v = tern_max16(tern_sat16(tern_rshift(second, TERN_TURN_BITS)), -32767);
}

/* One sum of mix, and its shift from the magnitudes' bits. |w| <= 2^45 + 2^45. */
enum { TERN_MIX_EXP = 62 };
static inline int64_t tern_mix1(int32_t acc, int32_t unit, int16_t y, struct tern_real real)
{
    const uint64_t product = (uint64_t)(uint32_t)(y < 0 ? -y : y) * (uint32_t)real.mul;
    const int64_t own = (int64_t)((product + (1ull << (real.exp - 1))) >> real.exp);
    return (int64_t)acc * unit + (y < 0 ? -own : own);
}
static inline uint64_t tern_magnitude64(int64_t w)
{
    return (uint64_t)(w < 0 ? -w : w);
}
static inline int tern_mix_shift(uint64_t most)
{
    return tern_bits(most) > 29 ? tern_bits(most) - 29 : 0;
}

/* rotate for the pairs from `from` on: what is left of every head where registers end. */
static inline void tern_rotate_rest(int16_t *x, const int16_t *turn, int heads, int dim, int half, int from)
{
    for (int head = 0; from < half && head < heads; head++, x += dim) {
        for (int i = from; i < half; i++)
            tern_rotate1(&x[i], &x[i + half], turn[i], turn[half + i]);
    }
}

/* d (as two's complement) scaled by 2^-shift (a left shift when negative), rounded and kept within +-32767. */
static inline int16_t tern_layernorm_d16(int32_t d, int shift)
{
    if (shift <= 0)
        return (int16_t)((uint32_t)d << -shift);
    return tern_max16(tern_sat16(tern_rshift(d, shift)), -32767);
}

/* The shift for tern_layernorm_d16 from max|d| (as unsigned, > 0). */
static inline int tern_layernorm_shift(uint32_t dmax)
{
    return tern_bits(dmax) - 15;
}

/* n16 = max(sat16(rshift(d16 * mul, exp)), -32767) is d16 * 2^15 / sqrt(sum2 + eps), eps brought to d16's scale. */
struct tern_layernorm_scale {
    int16_t mul;
    int16_t exp;
};

static inline struct tern_layernorm_scale tern_layernorm_scale_of(uint64_t sum2, uint64_t eps, int shift)
{
    int up = -2 * shift;
    if (up > 0)
        eps = tern_bits(eps) + up > 62 ? 1ull << 62 : eps << up;
    else
        eps = -up > 63 ? 0 : eps >> -up;
    uint64_t sum = sum2 + eps;
    int h = (tern_bits(sum) + 1) / 2; /* 2^(2h - 2) <= sum < 2^2h */
    uint32_t x = (uint32_t)(h > 16 ? sum >> (2 * h - 32) : sum << (32 - 2 * h));
    uint32_t y = (tern_rsqrt(x) + (1u << 15)) >> 16; /* 1 / sqrt in Q14, 2^14 .. 2^15 */
    struct tern_layernorm_scale s = {(int16_t)(y > 32767 ? 32767 : y), (int16_t)(h - 1)};
    return s;
}

static inline int16_t tern_layernorm_n16(int16_t d16, struct tern_layernorm_scale s)
{
    return tern_max16(tern_sat16(tern_rshift(d16 * s.mul, s.exp)), -32767);
}

#endif
