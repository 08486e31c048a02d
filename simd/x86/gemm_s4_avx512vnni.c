/* 4-bit weights by vpdpbusd, unpacked in registers: codes are looked up as unsigned values (value + offset), a group's
   products are summed by themselves and multiplied by its multipliers at its end. A group's sum starts at
   -offset * (sum of its activations).

   A line of codes is two k steps. When the codebook is a line of slope 1 (int4) nothing is looked up: the low nibbles
   multiply as they are, the high ones as 16 times themselves, in sums of their own that are shifted at the end. */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

#include <string.h>

enum { ROWS = 4, GROUPS = 64 /* whose activations' sums are kept at a time */ };

struct tile {
    const int8_t *a;
    ptrdiff_t ld_a;
    const uint8_t *line, *mul; /* of the panel, from the first group on */
    int32_t *c;
    ptrdiff_t ld_c;
    const int32_t *start; /* [rows][GROUPS] -offset * (sum of a group's activations) */
    __m512i value;        /* value + offset of each code */
    int steps, group, add; /* k steps, k steps of a group; add to what c holds */
};

#define ALL_ROWS(do) do(0) do(1) do(2) do(3)

#define TOTAL(i)                                                                                                       \
    __m512i total##i = i < rows && t->add ? _mm512_loadu_si512(t->c + i * t->ld_c) : zero;                             \
    const int8_t *a##i = t->a + (i < rows ? i : 0) * t->ld_a;

#define START(i)                                                                                                       \
    __m512i even##i = i < rows ? _mm512_set1_epi32(t->start[i * GROUPS + group]) : zero, odd##i = zero;

#define MULTIPLY_TWO(i)                                                                                                \
    if (i < rows) {                                                                                                    \
        even##i = _mm512_dpbusd_epi32(even##i, low, four(a##i));                                                       \
        odd##i = _mm512_dpbusd_epi32(odd##i, high, four(a##i + TERN_PANEL_K));                                         \
        a##i += 2 * TERN_PANEL_K;                                                                                      \
    }

#define MULTIPLY_ONE(i)                                                                                                \
    if (i < rows) {                                                                                                    \
        even##i = _mm512_dpbusd_epi32(even##i, low, four(a##i));                                                       \
        a##i += TERN_PANEL_K;                                                                                          \
    }

#define FINISH(i)                                                                                                      \
    if (i < rows) {                                                                                                    \
        const __m512i both = _mm512_add_epi32(even##i, linear ? _mm512_srai_epi32(odd##i, 4) : odd##i);                \
        total##i = _mm512_add_epi32(total##i, t->mul ? _mm512_mullo_epi32(both, mul) : both);                          \
    }

#define STORE(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        _mm512_storeu_si512(t->c + i * t->ld_c, total##i);

static ALWAYS_INLINE __m512i four(const int8_t *a)
{
    int32_t bytes;
    memcpy(&bytes, a, sizeof bytes);
    return _mm512_set1_epi32(bytes);
}

static ALWAYS_INLINE __m512i low_values(const struct tile *t, __m512i codes, const int linear)
{
    const __m512i low = _mm512_and_si512(codes, _mm512_set1_epi8(15));
    return linear ? low : _mm512_shuffle_epi8(t->value, low);
}

/* Of int4, 16 times the code. */
static ALWAYS_INLINE __m512i high_values(const struct tile *t, __m512i codes, const int linear)
{
    if (linear)
        return _mm512_and_si512(codes, _mm512_set1_epi8(-16));
    return _mm512_shuffle_epi8(t->value, _mm512_and_si512(_mm512_srli_epi16(codes, 4), _mm512_set1_epi8(15)));
}

static ALWAYS_INLINE void tile(const struct tile *t, const int rows, const int linear)
{
    const __m512i zero = _mm512_setzero_si512();
    const uint8_t *line = t->line, *muls = t->mul;
    ALL_ROWS(TOTAL)
    for (int step = 0, group = 0; step < t->steps; step += t->group, group++) {
        const int count = t->steps - step < t->group ? t->steps - step : t->group;
        ALL_ROWS(START)
        for (int i = 0; i + 2 <= count; i += 2, line += TERN_LINE) {
            const __m512i codes = _mm512_loadu_si512(line);
            const __m512i low = low_values(t, codes, linear), high = high_values(t, codes, linear);
            _mm_prefetch((const char *)((uintptr_t)line + 64 * TERN_LINE), _MM_HINT_T1);
            ALL_ROWS(MULTIPLY_TWO)
        }
        if (count % 2) {
            const __m512i low = low_values(t, _mm512_loadu_si512(line), linear);
            line += TERN_LINE;
            ALL_ROWS(MULTIPLY_ONE)
        }
        __m512i mul = zero;
        if (t->mul) {
            mul = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)muls));
            muls += TERN_PANEL;
        }
        ALL_ROWS(FINISH)
    }
    ALL_ROWS(STORE)
}

typedef void tile_fn(const struct tile *t);

#define TILE(rows)                                                                                                     \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows, 0);                                                                                              \
    }                                                                                                                  \
    static void line_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows, 1);                                                                                              \
    }
TILE(1) TILE(2) TILE(3) TILE(4)
static tile_fn *const tiles[2][ROWS] = {{tile_1, tile_2, tile_3, tile_4}, {line_1, line_2, line_3, line_4}};

/* Sum of n activations. */
static int32_t sum_of(const int8_t *a, int n)
{
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sum = _mm512_setzero_si512();
    int j = 0;
    for (; j + 64 <= n; j += 64)
        sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(a + j));
    sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(tern_mask64(n - j), a + j));
    return _mm512_reduce_add_epi32(sum);
}

/* Up to ROWS rows by all panels, GROUPS groups at a time. */
static void few_rows(struct tile t, const struct tern_codes *w, int m, int panels, int k4)
{
    int32_t start[ROWS * GROUPS];
    const ptrdiff_t panel = (ptrdiff_t)tern_code_lines(4, k4) * TERN_LINE;
    const ptrdiff_t panel_muls = (ptrdiff_t)tern_code_groups(w, k4) * TERN_PANEL;
    const int depth = GROUPS * t.group, linear = w->book->step == 1;
    const int8_t *a = t.a;
    int32_t *c = t.c;
    t.start = start;
    for (int k = 0, first = 0; k < k4; k += depth, first += GROUPS) {
        t.steps = k4 - k < depth ? k4 - k : depth;
        t.add = k > 0;
        t.a = a + (ptrdiff_t)k * TERN_PANEL_K;
        for (int i = 0; i < m; i++)
            for (int step = 0; step < t.steps; step += t.group) {
                const int count = t.steps - step < t.group ? t.steps - step : t.group;
                start[i * GROUPS + step / t.group] =
                    -w->book->offset * sum_of(t.a + i * t.ld_a + step * TERN_PANEL_K, count * TERN_PANEL_K);
            }
        for (int p = 0; p < panels; p++) {
            t.line = w->line + p * panel + (ptrdiff_t)(k / 2) * TERN_LINE;
            t.mul = w->mul ? w->mul + p * panel_muls + first * TERN_PANEL : NULL;
            t.c = c + p * TERN_PANEL;
            tiles[linear][m - 1](&t);
        }
    }
}

void tern_gemm_s4_avx512vnni(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c,
                             int m, int panels, int k4)
{
    const __m128i value = _mm_loadu_si128((const __m128i *)w->book->value);
    struct tile t = {.ld_a = ld_a, .ld_c = ld_c, .group = w->mul ? w->group : 32};
    t.value = _mm512_broadcast_i32x4(_mm_add_epi8(value, _mm_set1_epi8(w->book->offset)));
    for (int i = 0; i < m; i += ROWS) {
        t.a = a + i * ld_a;
        t.c = c + i * ld_c;
        few_rows(t, w, m - i < ROWS ? m - i : ROWS, panels, k4);
    }
}
