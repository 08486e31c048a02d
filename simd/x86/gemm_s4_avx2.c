/* 4-bit weights by pmaddubsw, unpacked in registers: unsigned values (value + offset <= 30) times signed activations.
   Four pairs of products fit 16 bits (4 * 2 * 30 * 127 = 30,480), so one step costs a multiplication and an addition
   for 32 products where int8 needs four instructions. pmaddwd by the group's multipliers then takes the sums to 32
   bits. What the offset adds, offset * (sum of the group's activations) * multiplier, is taken off at the group's end. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

#include <string.h>

_Static_assert(4 * 2 * 30 * 127 <= INT16_MAX, "four steps in 16 bits");

enum {
    ROWS = 3,
    STEPS = 4,   /* in 16 bits */
    GROUPS = 64, /* whose activations' sums are kept at a time */
    HALF = TERN_LINE / 2,
    CHANNELS = TERN_PANEL / 2,
};

struct tile {
    const int8_t *a;
    ptrdiff_t ld_a;
    const uint8_t *line, *mul; /* of half a panel */
    int32_t *c;
    ptrdiff_t ld_c;
    const int32_t *start; /* [rows][GROUPS] -offset * (sum of a group's activations) */
    __m256i value;        /* value + offset of each code */
    int steps, group, add; /* k steps, k steps of a group; add to what c holds */
};

#define ALL_ROWS(do) do(0) do(1) do(2)

#define TOTAL(i)                                                                                                       \
    __m256i total##i = i < rows && t->add ? tern_load256(t->c + i * t->ld_c) : zero, words##i = zero;                                                                          \
    const int8_t *a##i = t->a + (i < rows ? i : 0) * t->ld_a;

#define CLEAR(i) words##i = zero;

#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        words##i = _mm256_add_epi16(words##i, _mm256_maddubs_epi16(w, four(a##i)));                                    \
        a##i += TERN_PANEL_K;                                                                                          \
    }

#define WIDEN(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        total##i = _mm256_add_epi32(total##i, _mm256_madd_epi16(words##i, mul));

#define TAKE_OFF(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m256i start = _mm256_set1_epi32(t->start[i * GROUPS + group]);                                         \
        total##i = _mm256_add_epi32(total##i, _mm256_mullo_epi32(start, _mm256_srli_epi32(mul, 16)));                  \
    }

#define STORE(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        tern_store256(t->c + i * t->ld_c, total##i);

static ALWAYS_INLINE __m256i four(const int8_t *a)
{
    int32_t bytes;
    memcpy(&bytes, a, sizeof bytes);
    return _mm256_set1_epi32(bytes);
}

/* Sum of n activations, n a multiple of 4. */
static int32_t sum_of(const int8_t *a, int n)
{
    __m256i sum = _mm256_setzero_si256();
    int32_t rest = 0;
    int i = 0;
    for (; i + 16 <= n; i += 16)
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(a + i))),
                                                      _mm256_set1_epi16(1)));
    for (; i < n; i++)
        rest += a[i];
    return rest + (int32_t)tern_sum256(sum);
}

/* Eight channels' multipliers, each in both halves of its 32-bit lane. */
static ALWAYS_INLINE __m256i multipliers(const uint8_t *mul)
{
    if (!mul)
        return _mm256_set1_epi16(1);
    const __m256i wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)mul));
    return _mm256_or_si256(wide, _mm256_slli_epi32(wide, 16));
}

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const __m256i zero = _mm256_setzero_si256(), low = _mm256_set1_epi8(15);
    ALL_ROWS(TOTAL)
    for (int step = 0, group = 0; step < t->steps; step += t->group, group++) {
        const int count = t->steps - step < t->group ? t->steps - step : t->group;
        const __m256i mul = multipliers(t->mul ? t->mul + group * TERN_PANEL : NULL);
        const uint8_t *line = t->line + (ptrdiff_t)(step / 2) * TERN_LINE;
        for (int left = count; left > 0; left -= STEPS) {
            ALL_ROWS(CLEAR)
            for (int i = 0; i < STEPS && i < left; i += 2, line += TERN_LINE) {
                const __m256i codes = tern_load256(line);
                __m256i w = _mm256_shuffle_epi8(t->value, _mm256_and_si256(codes, low));
                ALL_ROWS(MULTIPLY)
                if (i + 1 < left) {
                    w = _mm256_shuffle_epi8(t->value, _mm256_and_si256(_mm256_srli_epi16(codes, 4), low));
                    ALL_ROWS(MULTIPLY)
                }
            }
            ALL_ROWS(WIDEN)
        }
        ALL_ROWS(TAKE_OFF)
    }
    ALL_ROWS(STORE)
}

typedef void tile_fn(const struct tile *t);

#define TILE(rows)                                                                                                     \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows);                                                                                                 \
    }
TILE(1) TILE(2) TILE(3)
static tile_fn *const tiles[ROWS] = {tile_1, tile_2, tile_3};

/* The starts of up to ROWS rows, t->steps steps from t->a on. */
static void make_starts(const struct tile *t, int32_t *start, int rows, int offset)
{
    for (int i = 0; i < rows; i++)
        for (int step = 0; step < t->steps; step += t->group) {
            const int count = t->steps - step < t->group ? t->steps - step : t->group;
            const int8_t *a = t->a + i * t->ld_a + step * TERN_PANEL_K;
            start[i * GROUPS + step / t->group] = -offset * sum_of(a, count * TERN_PANEL_K);
        }
}

/* Up to ROWS rows by all panels, GROUPS groups at a time. */
static void few_rows(struct tile t, const struct tern_codes *w, int rows, int panels, int k4)
{
    int32_t start[ROWS * GROUPS];
    const int depth = GROUPS * t.group;
    const int8_t *a = t.a;
    int32_t *c = t.c;
    t.start = start;
    for (int k = 0, first = 0; k < k4; k += depth, first += GROUPS) {
        t.steps = k4 - k < depth ? k4 - k : depth;
        t.add = k > 0;
        t.a = a + (ptrdiff_t)k * TERN_PANEL_K;
        make_starts(&t, start, rows, w->book->offset);
        for (int half = 0; half < 2 * panels; half++) {
            const struct tern_codes panel = tern_codes_at(w, half / 2, k4);
            t.line = panel.line + (ptrdiff_t)(k / 2) * TERN_LINE + half % 2 * HALF;
            t.mul = panel.mul ? panel.mul + first * TERN_PANEL + half % 2 * CHANNELS : NULL;
            t.c = c + half * CHANNELS;
            tiles[rows - 1](&t);
        }
    }
}

void tern_gemm_s4_avx2(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m,
                       int panels, int k4)
{
    const __m128i book = _mm_loadu_si128((const __m128i *)w->book->value);
    struct tile t = {.ld_a = ld_a, .ld_c = ld_c, .group = w->mul ? w->group : 32};
    t.value = _mm256_broadcastsi128_si256(_mm_add_epi8(book, _mm_set1_epi8(w->book->offset)));
    for (int i = 0; i < m; i += ROWS) {
        t.a = a + i * ld_a;
        t.c = c + i * ld_c;
        few_rows(t, w, m - i < ROWS ? m - i : ROWS, panels, k4);
    }
}
