/* Multiplies 4-bit weights with the 512-bit pmaddubsw, unpacked in registers: unsigned values (value + offset) times
   signed activations. A run of k steps is summed in 16 bits, so that a step costs a multiplication and an addition for
   64 products where int8 needs four instructions; pmaddwd by the group's multipliers then takes the sums to 32 bits.
   What the offset adds, offset * (sum of the group's activations) * multiplier, comes off at the group's end.

   When the codebook is a line of slope 1 (int4) a code is its value, nothing is looked up, and a run is twice as long:
   values end at 15 instead of 30. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/x86/gemm_s4_512_template.h"

enum {
    ROWS = MOST_FEW,
    RUN = 4, /* k steps that are summed in 16 bits; of int4 LINE_RUN */
    LINE_RUN = 8,
    AHEAD = 64 * TERN_LINE, /* bytes that are brought in before they are read */
};
_Static_assert(RUN * 2 * 30 * 127 <= INT16_MAX && LINE_RUN * 2 * 15 * 127 <= INT16_MAX, "a run in 16 bits");

// clang-format off
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)
// clang-format on

#define TOTAL(i)                                                                                                       \
    __m512i total##i = i < rows && t->add ? _mm512_loadu_si512(t->c + i * t->ld_c) : zero;                             \
    const int8_t *a##i = t->a + (i < rows ? i : 0) * t->ld_a;

/* Even and odd steps have sums of their own: one waits for its last addition. */
#define CLEAR(i) __m512i even##i = zero, odd##i = zero;

#define MULTIPLY_TWO(i)                                                                                                \
    if (i < rows) {                                                                                                    \
        even##i = _mm512_add_epi16(even##i, _mm512_maddubs_epi16(low, tern_four512(a##i)));                            \
        odd##i = _mm512_add_epi16(odd##i, _mm512_maddubs_epi16(high, tern_four512(a##i + TERN_PANEL_K)));              \
        a##i += 2 * TERN_PANEL_K;                                                                                      \
    }

#define MULTIPLY_ONE(i)                                                                                                \
    if (i < rows) {                                                                                                    \
        even##i = _mm512_add_epi16(even##i, _mm512_maddubs_epi16(low, tern_four512(a##i)));                            \
        a##i += TERN_PANEL_K;                                                                                          \
    }

#define WIDEN(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        total##i = _mm512_add_epi32(total##i, _mm512_madd_epi16(_mm512_add_epi16(even##i, odd##i), pairs));

#define TAKE_OFF(i)                                                                                                    \
    if (i < rows)                                                                                                      \
        total##i = _mm512_add_epi32(total##i, _mm512_mullo_epi32(_mm512_set1_epi32(t->start[i * GROUPS + group]), mul));

#define STORE(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        _mm512_storeu_si512(t->c + i * t->ld_c, total##i);

static ALWAYS_INLINE __m512i values(const struct few *t, __m512i codes, const int linear)
{
    codes = _mm512_and_si512(codes, _mm512_set1_epi8(15));
    return linear ? codes : _mm512_shuffle_epi8(t->value, codes);
}

static ALWAYS_INLINE void tile(const struct few *t, const int rows, const int linear)
{
    const __m512i zero = _mm512_setzero_si512();
    const int run = linear ? LINE_RUN : RUN;
    const uint8_t *line = t->line, *muls = t->mul;
    ALL_ROWS(TOTAL)
    for (int step = 0, group = 0; step < t->steps; step += t->group, group++) {
        int left = t->steps - step < t->group ? t->steps - step : t->group;
        __m512i mul = _mm512_set1_epi32(1);
        if (muls) {
            mul = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)muls));
            muls += TERN_PANEL;
        }
        const __m512i pairs = _mm512_or_si512(mul, _mm512_slli_epi32(mul, 16)); /* in both halves of 32 bits */
        while (left > 0) {
            ALL_ROWS(CLEAR)
            const int count = left < run ? left : run;
            left -= count;
            for (int i = 0; i + 2 <= count; i += 2, line += TERN_LINE) {
                const __m512i codes = _mm512_loadu_si512(line);
                const __m512i low = values(t, codes, linear), high = values(t, _mm512_srli_epi16(codes, 4), linear);
                _mm_prefetch((const char *)((uintptr_t)line + AHEAD), _MM_HINT_T1);
                ALL_ROWS(MULTIPLY_TWO)
            }
            if (count % 2) {
                const __m512i low = values(t, _mm512_loadu_si512(line), linear);
                line += TERN_LINE;
                ALL_ROWS(MULTIPLY_ONE)
            }
            ALL_ROWS(WIDEN)
        }
        ALL_ROWS(TAKE_OFF)
    }
    ALL_ROWS(STORE)
}

// clang-format off
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const struct few *t)                                                                       \
    {                                                                                                                  \
        tile(t, rows, 0);                                                                                              \
    }                                                                                                                  \
    static void line_##rows(const struct few *t)                                                                       \
    {                                                                                                                  \
        tile(t, rows, 1);                                                                                              \
    }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8)
static few_fn *const tiles[2][ROWS] = {{tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8},
                                        {line_1, line_2, line_3, line_4, line_5, line_6, line_7, line_8}};
// clang-format on

/* Sum of n activations. */
static int32_t sum_of(const int8_t *a, int n)
{
    const __m512i bytes = _mm512_set1_epi8(1), words = _mm512_set1_epi16(1);
    __m512i sum = _mm512_setzero_si512();
    for (int j = 0; j < n; j += 64) {
        const __m512i pairs = _mm512_maddubs_epi16(bytes, _mm512_maskz_loadu_epi8(tern_mask64(n - j), a + j));
        sum = _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, words));
    }
    return _mm512_reduce_add_epi32(sum);
}

void tern_gemm_s4_avx512bw(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c,
                           int m, int panels, int k4)
{
    struct few t = few_of(w, a, ld_a, c, ld_c);
    const struct tern_tiling tiling = tern_tiling_of(m, ROWS);
    for (int block = 0, i = 0, rows; block < tiling.tiles; block++, i += rows) {
        rows = tern_tile_rows(tiling, block);
        t.a = a + i * ld_a;
        t.c = c + i * ld_c;
        few_rows(t, tiles[w->book->step == 1][rows - 1], sum_of, w, rows, panels, k4);
    }
}
