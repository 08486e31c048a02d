/* Blocks of 16x4 with 4-bit weights by vpdpbusd, unpacked in registers, channels in the lanes. A group has few blocks
   left, so multipliers are met block by block: values are looked up as unsigned ones (value + offset), the products of
   a block start at -offset * (sum of its four activations), which packing has laid beside them, so that they are exact
   and fit 16 bits (4 * 15 * 127), and one vpdpwssd adds them times their multipliers. */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

_Static_assert(4 * 15 * 127 <= INT16_MAX, "a block's products in 16 bits");

enum { ROWS = 4, AHEAD = 64 * TERN_LINE };

/* What a block meets of one row. */
struct input {
    int32_t four, start;
};

/* packed[k4][m] */
static void pack(struct input *packed, const int8_t *a, ptrdiff_t ld_a, int m, int k4, int offset)
{
    const __m512i ones = _mm512_set1_epi8(1), factor = _mm512_set1_epi32(-offset);
    for (int i = 0; i < m; i++)
        for (int k = 0; k < k4; k += 16) {
            const int steps = k4 - k < 16 ? k4 - k : 16;
            const __m512i x =
                _mm512_maskz_loadu_epi32(tern_mask16(steps), a + i * ld_a + (ptrdiff_t)k * TERN_PANEL_K);
            const __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), ones, x);
            int32_t four[16], start[16];
            _mm512_storeu_si512(four, x);
            _mm512_storeu_si512(start, _mm512_mullo_epi32(sum, factor));
            for (int j = 0; j < steps; j++)
                packed[(ptrdiff_t)(k + j) * m + i] = (struct input){four[j], start[j]};
        }
}

struct tile {
    const struct input *x; /* [k4][m], from the tile's first row on */
    ptrdiff_t m;
    const uint8_t *line, *mul; /* of the panel */
    const uint16_t *index;
    int blocks, shift; /* k steps of a group: 1 << shift */
    __m512i value;     /* value + offset of each code */
    int32_t *c;
    ptrdiff_t ld_c;
};

#define ALL_ROWS(do) do(0) do(1) do(2) do(3)
#define START(i) __m512i s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;
#define MULTIPLY(i, j)                                                                                                 \
    if (i < rows)                                                                                                      \
        s##i##_##j = add_scaled(s##i##_##j, x##j[i], w##j, mul##j);
#define MULTIPLY_FOUR(i) MULTIPLY(i, 0) MULTIPLY(i, 1) MULTIPLY(i, 2) MULTIPLY(i, 3)
#define MULTIPLY_ONE(i) MULTIPLY(i, 0)
#define STORE(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        _mm512_storeu_si512(t->c + i * t->ld_c, _mm512_add_epi32(_mm512_add_epi32(s##i##_0, s##i##_1),                 \
                                                                 _mm512_add_epi32(s##i##_2, s##i##_3)));

static ALWAYS_INLINE __m512i add_scaled(__m512i sum, struct input x, __m512i value, __m512i mul)
{
    const __m512i product = _mm512_dpbusd_epi32(_mm512_set1_epi32(x.start), value, _mm512_set1_epi32(x.four));
    sum = _mm512_dpwssd_epi32(sum, product, mul); /* the upper 16 bits of mul are 0 */
    __asm__ volatile("" : "+v"(sum)); /* else gcc copies sums at every step, and spills */
    return sum;
}

static ALWAYS_INLINE __m512i low_values(const struct tile *t, __m512i codes)
{
    return _mm512_shuffle_epi8(t->value, _mm512_and_si512(codes, _mm512_set1_epi8(15)));
}
static ALWAYS_INLINE __m512i high_values(const struct tile *t, __m512i codes)
{
    return low_values(t, _mm512_srli_epi16(codes, 4));
}
static ALWAYS_INLINE __m512i muls_of(const struct tile *t, int step)
{
    const uint8_t *mul = t->mul + (ptrdiff_t)(step >> t->shift) * TERN_PANEL;
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)mul));
}

/* Four blocks at a time, each with sums of its own, because a product waits for the one before. */
static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const __m512i zero = _mm512_setzero_si512();
    ALL_ROWS(START)
    const uint8_t *line = t->line;
    const uint16_t *index = t->index, *end = index + t->blocks;
    for (; end - index >= 4; index += 4, line += 2 * TERN_LINE) {
        const struct input *x0 = t->x + index[0] * t->m, *x1 = t->x + index[1] * t->m;
        const struct input *x2 = t->x + index[2] * t->m, *x3 = t->x + index[3] * t->m;
        const __m512i codes0 = _mm512_loadu_si512(line), codes1 = _mm512_loadu_si512(line + TERN_LINE);
        _mm_prefetch((const char *)((uintptr_t)line + AHEAD), _MM_HINT_T1);
        _mm_prefetch((const char *)((uintptr_t)line + AHEAD + TERN_LINE), _MM_HINT_T1);
        const __m512i w0 = low_values(t, codes0), w1 = high_values(t, codes0);
        const __m512i w2 = low_values(t, codes1), w3 = high_values(t, codes1);
        const __m512i mul0 = muls_of(t, index[0]), mul1 = muls_of(t, index[1]);
        const __m512i mul2 = muls_of(t, index[2]), mul3 = muls_of(t, index[3]);
        ALL_ROWS(MULTIPLY_FOUR)
    }
    for (int high = 0; index < end; index++, high = !high) {
        const struct input *x0 = t->x + *index * t->m;
        const __m512i codes = _mm512_loadu_si512(line), mul0 = muls_of(t, *index);
        const __m512i w0 = high ? high_values(t, codes) : low_values(t, codes);
        ALL_ROWS(MULTIPLY_ONE)
        line += high ? TERN_LINE : 0;
    }
    ALL_ROWS(STORE)
}

typedef void tile_fn(const struct tile *t);

#define TILE(rows)                                                                                                     \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows);                                                                                                 \
    }
TILE(1) TILE(2) TILE(3) TILE(4)
static tile_fn *const tiles[ROWS] = {tile_1, tile_2, tile_3, tile_4};

void tern_spmm_s4_avx512vnni(const int8_t *a, ptrdiff_t ld_a, void *packed, const struct tern_sparse *w,
                             const struct tern_codes *codes, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4)
{
    const struct tern_codebook *book = codes->book;
    if (a)
        pack(packed, a, ld_a, m, k4, book->offset);
    const __m128i value = _mm_add_epi8(_mm_loadu_si128((const __m128i *)book->value), _mm_set1_epi8(book->offset));
    struct tile t = {.m = m,
                     .shift = __builtin_ctz((unsigned)codes->group),
                     .value = _mm512_broadcast_i32x4(value),
                     .ld_c = ld_c};
    for (int j = 0; j < panels; j++) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, j);
        const struct tern_codes at = tern_sparse_codes_at(w, codes, j, k4);
        t.line = at.line;
        t.mul = at.mul;
        t.index = p.index;
        t.blocks = *p.count;
        for (int i = 0; i < m; i += ROWS) {
            t.x = (const struct input *)packed + i;
            t.c = c + i * ld_c + (ptrdiff_t)j * TERN_PANEL;
            tiles[(m - i < ROWS ? m - i : ROWS) - 1](&t);
        }
    }
}
