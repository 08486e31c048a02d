/* Multiplies 4-bit weights with SSE4.1, as gemm_s4_words_template.h says. There is no broadcast from memory: the
   activations of a block of rows are written four times over into a buffer in L1, so that 16 products are a copy, a
   multiplication and an addition. */
#include "simd/x86/int_128.h"

enum {
    FOUR = VI_BYTES,
    DEPTH = 128, /* k steps; four rows take 8 KiB */
};

static ALWAYS_INLINE vi four_at(const int8_t *a)
{
    return _mm_load_si128((const __m128i *)a);
}

#include "simd/x86/gemm_s4_words_template.h"

_Static_assert(DEPTH / 8 <= GROUPS, "groups are of 8 steps at least");

static ALWAYS_INLINE int depth_of(int group)
{
    return DEPTH / group * group;
}

static ALWAYS_INLINE void lay_out(struct tile *t, int rows)
{
    for (int i = 0; i < rows; i++)
        for (int step = 0; step < t->steps; step++) {
            const vi four = tern_load32(t->a + i * t->ld_a + step * TERN_PANEL_K);
            _mm_store_si128((__m128i *)(t->laid + (i * DEPTH + step) * FOUR), _mm_shuffle_epi32(four, 0));
        }
    t->a = t->laid;
    t->ld_a = DEPTH * FOUR;
}

void tern_gemm_s4_sse41(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m,
                        int panels, int k4)
{
    _Alignas(16) int8_t laid[ROWS * DEPTH * FOUR];
    gemm_s4(a, ld_a, w, c, ld_c, m, panels, k4, laid);
}
