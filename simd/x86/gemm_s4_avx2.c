/* Multiplies 4-bit weights with AVX2's pmaddubsw, unpacked in registers: unsigned values (value + offset <= 30) times
   signed activations. Four pairs of products fit 16 bits (4 * 2 * 30 * 127 = 30,480), so one step costs a
   multiplication and an addition for 32 products where int8 needs four instructions. pmaddwd by the group's multipliers
   then takes the sums to 32 bits. What the offset adds, offset * (sum of the group's activations) * multiplier, comes
   off at the group's end. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/gemm_s4_256_template.h"

_Static_assert(4 * 2 * 30 * 127 <= INT16_MAX, "four steps in 16 bits");

enum { STEPS = 4 /* in 16 bits */ };

#define TOTAL(i)                                                                                                       \
    __m256i total##i = i < rows && t->add ? tern_load256(t->c + i * t->ld_c) : zero;                                   \
    __m256i words##i = zero;                                                                                           \
    const int8_t *a##i = t->a + (i < rows ? i : 0) * t->ld_a;

#define CLEAR(i) words##i = zero;

#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        words##i = _mm256_add_epi16(words##i, _mm256_maddubs_epi16(w, tern_four256(a##i)));                            \
        a##i += TERN_PANEL_K;                                                                                          \
    }

#define WIDEN(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        total##i = _mm256_add_epi32(total##i, _mm256_madd_epi16(words##i, pairs));

// clang-format off
#define TAKE_OFF(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m256i start = _mm256_set1_epi32(t->start[i * GROUPS + group]);                                         \
        total##i = _mm256_add_epi32(total##i, _mm256_mullo_epi32(start, mul));                  \
    }
// clang-format on

#define STORE(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        tern_store256(t->c + i * t->ld_c, total##i);

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const __m256i zero = _mm256_setzero_si256(), low = _mm256_set1_epi8(15), value = t->value;
    ALL_ROWS(TOTAL)
    for (int step = 0, group = 0; step < t->steps; step += t->group, group++) {
        const int count = t->steps - step < t->group ? t->steps - step : t->group;
        const __m256i mul = multipliers(t->mul ? t->mul + group * TERN_PANEL : NULL);
        const __m256i pairs = _mm256_or_si256(mul, _mm256_slli_epi32(mul, 16)); /* in both halves of 32 bits */
        const uint8_t *line = t->line + (ptrdiff_t)(step / 2) * TERN_LINE;
        for (int left = count; left > 0; left -= STEPS) {
            ALL_ROWS(CLEAR)
            TERN_UNROLL
            for (int i = 0; i < STEPS && i < left; i += 2, line += TERN_LINE) {
                const __m256i codes = tern_load256(line);
                _mm_prefetch((const char *)((uintptr_t)line + AHEAD), _MM_HINT_T0);
                __m256i w = _mm256_shuffle_epi8(value, _mm256_and_si256(codes, low));
                ALL_ROWS(MULTIPLY)
                if (i + 1 < left) {
                    w = _mm256_shuffle_epi8(value, _mm256_and_si256(_mm256_srli_epi16(codes, 4), low));
                    ALL_ROWS(MULTIPLY)
                }
            }
            ALL_ROWS(WIDEN)
        }
        ALL_ROWS(TAKE_OFF)
    }
    ALL_ROWS(STORE)
}

void tern_gemm_s4_avx2(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m,
                       int panels, int k4)
{
    gemm_s4(a, ld_a, w, c, ld_c, m, panels, k4);
}
