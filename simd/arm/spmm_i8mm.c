/* Multiplies block-sparse weights with smmla, those in blocks of 16x4 by four rows at a time, 2 rows x 8 k by 8 k x 2
   channels: two blocks of a panel, whose k steps need not be neighbours, zip into eight such operands, and the four
   rows' inputs of both steps into two. 34 instructions for two blocks where sdot takes 42. Narrow blocks, and up to
   three rows, go to the kernel of sdot: there the zips take what the products save. */
#ifndef __ARM_FEATURE_MATMUL_INT8
#error "compile with -march=armv8.2-a+dotprod+i8mm"
#endif
#include "simd/arm/spmm.h"

enum { PIECE = 16, PIECES = 4, ROWS = TERN_I8MM_ROWS, STEP = ROWS * TERN_PANEL_K };

/* In assembly, in the order that is written: compilers zip all weights first, and spill sums. */
TERN_INLINE void zip(int8x16_t *low, int8x16_t *high, int8x16_t a, int8x16_t b)
{
    __asm__ volatile("zip1 %0.4s, %1.4s, %2.4s" : "=w"(*low) : "w"(a), "w"(b));
    __asm__ volatile("zip2 %0.4s, %1.4s, %2.4s" : "=w"(*high) : "w"(a), "w"(b));
}

// clang-format off
/* The inputs of the strip's next index. In assembly: compilers shift the index by itself. */
TERN_INLINE int8x16_t next_inputs(struct strip *s)
{
    int8x16_t v;
    const uint32_t step = (uint32_t)next(s);
    __asm__("ldr %q0, [%1, %w2, uxtw #4]" : "=w"(v) : "r"(s->x), "r"(step), "m"(*(const int8_t(*)[1 << 20])s->x));
    return v;
}
_Static_assert(STEP == 1 << 4, "next_inputs' shift");
// clang-format on

/* Rows 0 and 1 in `low`, 2 and 3 in `high`, two channels in each. */
struct sums {
    int32x4_t low[2 * PIECES], high[2 * PIECES];
};

/* Blocks with inputs x0 and x1 and weights w0 and w1. */
TERN_INLINE void add_pair(struct sums *sum, int8x16_t x0, int8x16_t x1, const int8x16x4_t *w0, const int8x16x4_t *w1)
{
    int8x16_t low, high;
    zip(&low, &high, x0, x1);
    TERN_UNROLL
    for (int i = 0; i < PIECES; i++) {
        int8x16_t w01, w23;
        zip(&w01, &w23, w0->val[i], w1->val[i]);
        sum->low[2 * i] = vmmlaq_s32(sum->low[2 * i], low, w01);
        sum->high[2 * i] = vmmlaq_s32(sum->high[2 * i], high, w01);
        sum->low[2 * i + 1] = vmmlaq_s32(sum->low[2 * i + 1], low, w23);
        sum->high[2 * i + 1] = vmmlaq_s32(sum->high[2 * i + 1], high, w23);
        TERN_PIN(sum->high[2 * i + 1]);
    }
}

/* Two rows of four channels. */
TERN_INLINE void store_rows(int32_t *c, ptrdiff_t ld_c, int32x4_t a, int32x4_t b)
{
    const int64x2_t ab = vreinterpretq_s64_s32(a), cd = vreinterpretq_s64_s32(b);
    vst1q_s32(c, vreinterpretq_s32_s64(vzip1q_s64(ab, cd)));
    vst1q_s32(c + ld_c, vreinterpretq_s32_s64(vzip2q_s64(ab, cd)));
}

TERN_INLINE void wide(struct strip *s)
{
    struct sums sum;
    TERN_UNROLL
    for (int i = 0; i < 2 * PIECES; i++)
        sum.low[i] = sum.high[i] = vdupq_n_s32(0);
    int n = s->blocks;
    for (n -= 2; n >= 0; n -= 2) {
        const int8x16_t x0 = next_inputs(s), x1 = next_inputs(s);
        const int8x16x4_t w0 = vld1q_s8_x4(s->value);
        advance(s, TERN_LINE);
        const int8x16x4_t w1 = vld1q_s8_x4(s->value);
        advance(s, TERN_LINE);
        add_pair(&sum, x0, x1, &w0, &w1);
    }
    if (n & 1) {
        const int8x16_t zero = vdupq_n_s8(0);
        const int8x16x4_t w0 = vld1q_s8_x4(s->value), none = {{zero, zero, zero, zero}};
        add_pair(&sum, next_inputs(s), zero, &w0, &none);
    }
    TERN_UNROLL
    for (int i = 0; i < PIECES; i++) {
        store_rows(s->c + 4 * i, s->ld_c, sum.low[2 * i], sum.low[2 * i + 1]);
        store_rows(s->c + 2 * s->ld_c + 4 * i, s->ld_c, sum.high[2 * i], sum.high[2 * i + 1]);
    }
}

PANELS(wide_4, TERN_BLOCK_16X4, 0, wide(&s))

// clang-format off
#define MULTIPLIED(lanes, least, panels) {lanes, least, panels}
static const struct tern_pass passes[] = TERN_PASSES_I8MM(MULTIPLIED);
// clang-format on

void tern_spmm_i8mm(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                    int k4)
{
    const int here = tern_i8mm_rows(w->shape, m);
    if (here)
        spmm(passes, packed, w, c, ld_c, here, panels, k4);
    if (here < m)
        tern_spmm_dotprod((const int8_t *)packed + (ptrdiff_t)here * k4 * TERN_PANEL_K, w, c + here * ld_c, ld_c,
                          m - here, panels, k4);
}
