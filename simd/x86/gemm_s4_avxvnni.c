/* Multiplies 4-bit weights with the 256-bit vpdpbusd, unpacked in registers: unsigned values (value + offset) times
   signed activations. A group is summed by itself, from -offset * (sum of its activations) on, and multiplied by its
   multipliers at its end. One or two rows have sums of their own for odd steps, as a product waits for the one before.
   */
#ifndef __AVXVNNI__
#error "compile with -mavxvnni"
#endif
#include "simd/x86/int_256.h"

#include "simd/x86/gemm_s4_walk_template.h"

#define TOTAL(i)                                                                                                       \
    __m256i total##i = i < rows && t->add ? tern_load256(t->c + i * t->ld_c) : zero;                                   \
    const int8_t *a##i = t->a + (i < rows ? i : 0) * t->ld_a;

// clang-format off
#define START(i)                                                                                                       \
    __m256i s##i = i < rows ? _mm256_set1_epi32(t->start[i * GROUPS + group]) : zero, odd##i = zero;
// clang-format on

#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        s##i = _mm256_dpbusd_avx_epi32(s##i, w, tern_four256(a##i));                                                   \
        a##i += TERN_PANEL_K;                                                                                          \
    }

#define MULTIPLY_ODD(i)                                                                                                \
    if (i < rows) {                                                                                                    \
        if (rows <= 2)                                                                                                 \
            odd##i = _mm256_dpbusd_avx_epi32(odd##i, w, tern_four256(a##i));                                           \
        else                                                                                                           \
            s##i = _mm256_dpbusd_avx_epi32(s##i, w, tern_four256(a##i));                                               \
        a##i += TERN_PANEL_K;                                                                                          \
    }

#define FINISH(i)                                                                                                      \
    if (i < rows)                                                                                                      \
        total##i = _mm256_add_epi32(total##i, _mm256_mullo_epi32(_mm256_add_epi32(s##i, odd##i), mul));

#define STORE(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        tern_store256(t->c + i * t->ld_c, total##i);

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const __m256i zero = _mm256_setzero_si256(), nibble = _mm256_set1_epi8(15), value = t->value;
    const uint8_t *line = t->line;
    ALL_ROWS(TOTAL)
    for (int step = 0, group = 0; step < t->steps; step += t->group, group++) {
        const __m256i mul = multipliers(t->mul ? t->mul + group * TERN_PANEL : NULL);
        ALL_ROWS(START)
        for (int left = t->steps - step < t->group ? t->steps - step : t->group; left > 0; left -= 2) {
            const __m256i codes = tern_load256(line);
            _mm_prefetch((const char *)((uintptr_t)line + AHEAD), _MM_HINT_T0);
            __m256i w = _mm256_shuffle_epi8(value, _mm256_and_si256(codes, nibble));
            line += TERN_LINE;
            ALL_ROWS(MULTIPLY)
            if (left == 1)
                break;
            w = _mm256_shuffle_epi8(value, _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble));
            ALL_ROWS(MULTIPLY_ODD)
        }
        ALL_ROWS(FINISH)
    }
    ALL_ROWS(STORE)
}

static ALWAYS_INLINE int depth_of(int group)
{
    return GROUPS * group;
}

static ALWAYS_INLINE void lay_out(struct tile *t, int rows)
{
    (void)t, (void)rows;
}

void tern_gemm_s4_avxvnni(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c,
                          int m, int panels, int k4)
{
    gemm_s4(a, ld_a, w, c, ld_c, m, panels, k4, NULL);
}
