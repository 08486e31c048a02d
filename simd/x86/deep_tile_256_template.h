/* Template: a tile of gemm_bounded_template.h whose sums of 16 bits are so deep that those of 32 bits may lie in
   memory. Gives deep(), DEEP_ROWS and EACH_DEEP().

   Included by gemm_s7_avx2.c and gemm_s6_avx2.c, after deep_template.h. */
#ifndef TERN_X86_DEEP_TILE_256_TEMPLATE_H
#define TERN_X86_DEEP_TILE_256_TEMPLATE_H

#define DEEP_ROWS 6 /* 12 sums of 16 bits, half a panel twice and what a product needs are the 16 registers */
// clang-format off
#define EACH_DEEP(do) do(1) do(2) do(3) do(4) do(5) do(6)

/* Sums of 16 bits are t<row>_<half>; what a tile lacks vanishes, as its size is constant. */
#define DEEP_ALL(do) do(0) do(1) do(2) do(3) do(4) do(5)
// clang-format on

#define DEEP_DECLARE(i) __m256i t##i##_0 = zero, t##i##_1 = zero;

#define DEEP_BEGIN(i)                                                                                                  \
    if (i < rows)                                                                                                      \
        begin(c + i * ld_c, less[i], add);

#define DEEP_FIRST(i)                                                                                                  \
    if (i < rows) {                                                                                                    \
        const __m256i x = tern_four256(a + i * LD_A);                                                                  \
        t##i##_0 = _mm256_maddubs_epi16(w0, x);                                                                        \
        t##i##_1 = _mm256_maddubs_epi16(w1, x);                                                                        \
        TERN_PIN_PAIR(t##i##_0, t##i##_1);                                                                             \
    }

/* Added in place by assembly: gcc 12 would rotate the sums through registers, and spill. */
#define DEEP_ADD(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m256i x = tern_four256(a + i * LD_A);                                                                  \
        const __m256i p0 = _mm256_maddubs_epi16(w0, x), p1 = _mm256_maddubs_epi16(w1, x);                              \
        __asm__ volatile("vpaddw %1, %0, %0" : "+x"(t##i##_0) : "x"(p0));                                              \
        __asm__ volatile("vpaddw %1, %0, %0" : "+x"(t##i##_1) : "x"(p1));                                              \
    }

#define DEEP_STEP(MULTIPLY_ROW)                                                                                        \
    {                                                                                                                  \
        const __m256i w0 = weights(b, copy, ready), w1 = weights(b + STEP / 2, copy + STEP / 2, ready);                \
        DEEP_ALL(MULTIPLY_ROW)                                                                                         \
        _mm_prefetch((const char *)(ready ? (const uint8_t *)ahead : b + AHEAD), _MM_HINT_T0);                         \
        b += STEP, copy += STEP, ahead += STEP, a += TERN_PANEL_K;                                                     \
    }

#define DEEP_WIDEN(i)                                                                                                  \
    if (i < rows) {                                                                                                    \
        add8(c + i * ld_c, _mm256_madd_epi16(t##i##_0, ones));                                                         \
        add8(c + i * ld_c + 8, _mm256_madd_epi16(t##i##_1, ones));                                                     \
    }

static ALWAYS_INLINE void add8(int32_t *c, __m256i sum)
{
    tern_store256(c, _mm256_add_epi32(sum, tern_load256(c)));
}

static ALWAYS_INLINE void begin(int32_t *c, int32_t less, int add)
{
    const __m256i x = _mm256_set1_epi32(less);
    tern_store256(c, add ? _mm256_add_epi32(x, tern_load256(c)) : x);
    tern_store256(c + 8, add ? _mm256_add_epi32(x, tern_load256(c + 8)) : x);
}

static ALWAYS_INLINE void deep(const struct deep_tile *t, const int rows, const int ready)
{
    const __m256i zero = _mm256_setzero_si256();
    int32_t *const c = t->c;
    const ptrdiff_t ld_c = t->ld_c;
    const int add = t->add;
    const int8_t *a = t->rows->a + t->first * LD_A;
    const int32_t *const less = t->rows->less + t->first;
    const uint8_t *b = ready ? t->rows->b : (const uint8_t *)t->b;
    const int8_t *ahead = t->ahead;
    uint8_t *copy = t->rows->b;
    DEEP_ALL(DEEP_BEGIN)
    for (int left = t->k4; left > 0; left -= DEEP_STEPS) {
        DEEP_ALL(DEEP_DECLARE)
        DEEP_STEP(DEEP_FIRST)
        if (left >= DEEP_STEPS) {
            TERN_UNROLL
            for (int i = 1; i < DEEP_STEPS; i++)
                DEEP_STEP(DEEP_ADD)
        } else
            for (int i = 1; i < left; i++)
                DEEP_STEP(DEEP_ADD)
        __m256i ones = _mm256_set1_epi16(1);
        TERN_PIN(ones); /* from here on there is a register for it */
        DEEP_ALL(DEEP_WIDEN)
    }
}

#endif
