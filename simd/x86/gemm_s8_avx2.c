/* Multiplies int8 matrices with AVX2. One row: with flipped signs, as gemm_s8_flip_template.h says, 32 products in four
   instructions. Widening both to 16 bits for pmaddwd takes as many and was 12 % slower at many rows, 40 % at one;
   psignb instead of the flip wants a multiplier port too (Zen 5). More rows: as gemm_bounded_256_template.h says, two k
   steps at a time: 64 products in five instructions, and what is left out. Half a panel (8 channels x 4 inputs) is a
   register, for all rows of the tile. */
#include "simd/x86/int_256.h"

#define GEMM_BOUND 127
#define DEEP_STEPS 2
#include "simd/x86/deep_256_template.h"

/* Below, to lay rows out takes longer than it saves: attention's products are so small. */
enum { LEAST_PANELS = 8, LEAST_STEPS = 16 };

#define DEEP_ROWS 4 /* 8 sums, two k steps of a panel and four products are the 16 registers */
// clang-format off
#define EACH_DEEP(do) do(1) do(2) do(3) do(4)
#define DEEP_ALL(do) do(0) do(1) do(2) do(3)
// clang-format on

#define DEEP_START(i) vi d##i##_0 = zero, d##i##_1 = zero;

#define DEEP_MULTIPLY(i)                                                                                               \
    if (i < rows) {                                                                                                    \
        const vi x = vi_four(a + i * LD_A), y = vi_four(a + i * LD_A + TERN_PANEL_K);                                  \
        add_widened(&d##i##_0, two_steps(w0, x, v0, y));                                                               \
        add_widened(&d##i##_1, two_steps(w1, x, v1, y));                                                               \
    }

#define DEEP_STORE(i)                                                                                                  \
    if (i < rows) {                                                                                                    \
        store(t->c + i * t->ld_c, d##i##_0, less[i], t->add);                                                          \
        store(t->c + i * t->ld_c + VI_S32, d##i##_1, less[i], t->add);                                                 \
    }

static ALWAYS_INLINE vi two_steps(vi w, vi x, vi v, vi y)
{
    return VI(add_epi16)(VI(maddubs_epi16)(w, x), VI(maddubs_epi16)(v, y));
}

/* In place by assembly, as gcc 12 would copy the sum at every step. The ones come from memory: no register is left. */
static ALWAYS_INLINE void add_widened(vi *sum, vi words)
{
    static const _Alignas(VI_BYTES) int16_t ones[VI_S16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    __asm__ volatile("vpmaddwd %2, %1, %1\n\tvpaddd %1, %0, %0" : "+x"(*sum), "+x"(words) : "m"(ones));
}

static ALWAYS_INLINE void deep(const struct deep_tile *t, const int rows, const int ready)
{
    const vi zero = vi_zero();
    DEEP_ALL(DEEP_START)
    const int8_t *a = t->rows->a + t->first * LD_A;
    const int32_t *const less = t->rows->less + t->first;
    const uint8_t *b = ready ? t->rows->b : (const uint8_t *)t->b;
    const uint8_t *ahead = ready ? (const uint8_t *)t->ahead : b + AHEAD;
    uint8_t *copy = t->rows->b;
    int left = t->k4;
    for (; left >= 2; left -= 2) {
        const vi w0 = weights(b, copy, ready), w1 = weights(b + VI_BYTES, copy + VI_BYTES, ready);
        const vi v0 = weights(b + STEP, copy + STEP, ready);
        const vi v1 = weights(b + STEP + VI_BYTES, copy + STEP + VI_BYTES, ready);
        DEEP_ALL(DEEP_MULTIPLY)
        _mm_prefetch((const char *)ahead, _MM_HINT_T0);
        _mm_prefetch((const char *)ahead + STEP, _MM_HINT_T0);
        b += 2 * STEP, copy += 2 * STEP, ahead += 2 * STEP, a += 2 * TERN_PANEL_K;
    }
    if (left) { /* the step after the last is of zeros in a */
        const vi w0 = weights(b, copy, ready), w1 = weights(b + VI_BYTES, copy + VI_BYTES, ready), v0 = w0, v1 = w1;
        DEEP_ALL(DEEP_MULTIPLY)
    }
    DEEP_ALL(DEEP_STORE)
}

#include "simd/x86/gemm_bounded_256_template.h"

void tern_gemm_s8_avx2(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4, struct tern_ahead ahead)
{
    (void)ahead;
    if (m < 2 || panels < LEAST_PANELS || k4 < LEAST_STEPS)
        gemm_s8(a, ld_a, b, c, ld_c, m, panels, k4);
    else
        gemm_bounded(a, ld_a, b, c, ld_c, m, panels, k4);
}
