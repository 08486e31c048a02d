/* Multiplies 4-bit weights with vpdpbusd, unpacked in registers: codes are looked up as unsigned values (value +
   offset), a group's products are summed by themselves and multiplied by its multipliers at its end. A group's sum
   starts at -offset * (sum of its activations).

   A line of codes is two k steps. When the codebook is a line of slope 1 (int4) nothing is looked up: the low nibbles
   multiply as they are, the high ones as 16 times themselves, in sums of their own that are shifted at the end. */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/x86/gemm_s4_512_template.h"
#include "simd/x86/product_512_vnni.h"

enum {
    ROWS = 4,
    MOST_ROWS = 12, /* of a tile of more */
};
_Static_assert((int)ROWS <= (int)MOST_FEW, "rows");

// clang-format off
#define FEW_ROWS(do) do(0) do(1) do(2) do(3)
// clang-format on

#define TOTAL(i)                                                                                                       \
    __m512i total##i = i < rows && t->add ? _mm512_loadu_si512(t->c + i * t->ld_c) : zero;                             \
    const int8_t *a##i = t->a + (i < rows ? i : 0) * t->ld_a;

#define START_GROUP(i)                                                                                                 \
    __m512i even##i = i < rows ? _mm512_set1_epi32(t->start[i * GROUPS + group]) : zero, odd##i = zero;

#define MULTIPLY_TWO(i)                                                                                                \
    if (i < rows) {                                                                                                    \
        even##i = _mm512_dpbusd_epi32(even##i, low, tern_four512(a##i));                                               \
        odd##i = _mm512_dpbusd_epi32(odd##i, high, tern_four512(a##i + TERN_PANEL_K));                                 \
        a##i += 2 * TERN_PANEL_K;                                                                                      \
    }

#define MULTIPLY_ONE(i)                                                                                                \
    if (i < rows) {                                                                                                    \
        even##i = _mm512_dpbusd_epi32(even##i, low, tern_four512(a##i));                                               \
        a##i += TERN_PANEL_K;                                                                                          \
    }

#define FINISH(i)                                                                                                      \
    if (i < rows) {                                                                                                    \
        const __m512i both = _mm512_add_epi32(even##i, linear ? _mm512_srai_epi32(odd##i, 4) : odd##i);                \
        total##i = _mm512_add_epi32(total##i, t->mul ? _mm512_mullo_epi32(both, mul) : both);                          \
    }

#define STORE_TOTAL(i)                                                                                                 \
    if (i < rows)                                                                                                      \
        _mm512_storeu_si512(t->c + i * t->ld_c, total##i);

static ALWAYS_INLINE __m512i low_values(const struct few *t, __m512i codes, const int linear)
{
    const __m512i low = _mm512_and_si512(codes, _mm512_set1_epi8(15));
    return linear ? low : _mm512_shuffle_epi8(t->value, low);
}

/* The values of the high nibbles; of int4 (`linear`) 16 times the values. */
static ALWAYS_INLINE __m512i high_values(const struct few *t, __m512i codes, const int linear)
{
    if (linear)
        return _mm512_and_si512(codes, _mm512_set1_epi8(-16));
    return _mm512_shuffle_epi8(t->value, _mm512_and_si512(_mm512_srli_epi16(codes, 4), _mm512_set1_epi8(15)));
}

static ALWAYS_INLINE void few(const struct few *t, const int rows, const int linear)
{
    const __m512i zero = _mm512_setzero_si512();
    const uint8_t *line = t->line, *muls = t->mul;
    FEW_ROWS(TOTAL)
    for (int step = 0, group = 0; step < t->steps; step += t->group, group++) {
        const int count = t->steps - step < t->group ? t->steps - step : t->group;
        FEW_ROWS(START_GROUP)
        for (int i = 0; i + 2 <= count; i += 2, line += TERN_LINE) {
            const __m512i codes = _mm512_loadu_si512(line);
            const __m512i low = low_values(t, codes, linear), high = high_values(t, codes, linear);
            _mm_prefetch((const char *)((uintptr_t)line + 64 * TERN_LINE), _MM_HINT_T1);
            FEW_ROWS(MULTIPLY_TWO)
        }
        if (count % 2) {
            const __m512i low = low_values(t, _mm512_loadu_si512(line), linear);
            line += TERN_LINE;
            FEW_ROWS(MULTIPLY_ONE)
        }
        __m512i mul = zero;
        if (t->mul) {
            mul = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)muls));
            muls += TERN_PANEL;
        }
        FEW_ROWS(FINISH)
    }
    FEW_ROWS(STORE_TOTAL)
}

// clang-format off
#define FEW(rows)                                                                                                      \
    static void few_##rows(const struct few *t)                                                                        \
    {                                                                                                                  \
        few(t, rows, 0);                                                                                               \
    }                                                                                                                  \
    static void line_##rows(const struct few *t)                                                                       \
    {                                                                                                                  \
        few(t, rows, 1);                                                                                               \
    }
FEW(1) FEW(2) FEW(3) FEW(4)
static few_fn *const fews[2][ROWS] = {{few_1, few_2, few_3, few_4}, {line_1, line_2, line_3, line_4}};
// clang-format on

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

/* ---- More rows: a group's multipliers are applied before the product ------------------------------------------------

   The values begin at 0, so that a 16-bit multiplication takes two of them times their multiplier without a carry, and
   one addition makes the flipped weights of product_512_vnni.h: value * mul + 128 - offset * mul. For up to 16 rows or
   so that is cheaper than storing unpacked panels and reading them again; beyond, every instruction of the unpacking
   takes a cycle from the products. */

struct coded {
    const int8_t *a;
    ptrdiff_t ld_a;
    const uint8_t *line, *mul; /* of the panel */
    int32_t *c;
    ptrdiff_t ld_c;
    const int32_t *start;        /* of row_starts */
    __m512i value;               /* value + offset of each code */
    ptrdiff_t panel, panel_muls; /* from one panel to the next */
    int panels, k4, group, offset;
};

struct factors {
    __m512i mul, add;
};

static ALWAYS_INLINE struct factors factors_of(const uint8_t *mul, int offset)
{
    if (!mul) {
        const struct factors ones = {_mm512_set1_epi16(1), _mm512_set1_epi8((char)(128 - offset))};
        return ones;
    }
    const __m512i wide = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)mul));
    const __m512i pairs = _mm512_or_si512(wide, _mm512_slli_epi32(wide, 16));
    const __m512i both = _mm512_set1_epi16((short)(offset * 257));
    const struct factors f = {pairs, _mm512_sub_epi8(_mm512_set1_epi8(-128), _mm512_mullo_epi16(pairs, both))};
    return f;
}

static ALWAYS_INLINE struct weights raise(__m512i value, struct factors f)
{
    const struct weights w = {_mm512_add_epi8(_mm512_mullo_epi16(value, f.mul), f.add)};
    return w;
}

// clang-format off
#define MANY_ROWS(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11)
// clang-format on

#define START_ROW(i) __m512i s##i##_0 = i < rows ? _mm512_set1_epi32(t->start[i]) : zero, s##i##_1 = s##i##_0;

#define PRODUCT(i, base, strides)                                                                                      \
    if (i < rows) {                                                                                                    \
        const __m512i x = tern_four512(base + strides * ld_a);                                                         \
        s##i##_0 = add_product(s##i##_0, w0, x);                                                                       \
        s##i##_1 = add_product(s##i##_1, w1, x);                                                                       \
        TERN_KEEP_ORDER();                                                                                             \
    }
/* A base for every third row: base + 0, 1 or 2 strides is one address. */
#define THREE(i, j, k, base) PRODUCT(i, base, 0) PRODUCT(j, base, 1) PRODUCT(k, base, 2)
#define PRODUCTS                                                                                                       \
    THREE(0, 1, 2, r0)                                                                                                 \
    THREE(3, 4, 5, r3)                                                                                                 \
    THREE(6, 7, 8, r6)                                                                                                 \
    THREE(9, 10, 11, r9)                                                                                               \
    r0 += TERN_PANEL_K, r3 += TERN_PANEL_K, r6 += TERN_PANEL_K, r9 += TERN_PANEL_K;

#define STORE_ROW(i)                                                                                                   \
    if (i < rows) {                                                                                                    \
        _mm512_storeu_si512(t->c + i * t->ld_c, s##i##_0);                                                             \
        if (t->panels > 1)                                                                                             \
            _mm512_storeu_si512(t->c + i * t->ld_c + TERN_PANEL, s##i##_1);                                            \
    }

static ALWAYS_INLINE struct weights coded(const struct coded *t, __m512i code, struct factors f, const int linear)
{
    return raise(linear ? code : _mm512_shuffle_epi8(t->value, code), f);
}

static ALWAYS_INLINE void coded_tile(const struct coded *t, const int rows, const int linear)
{
    const __m512i nibble = _mm512_set1_epi8(15), zero = _mm512_setzero_si512();
    const uint8_t *line = t->line, *mul = t->mul;
    const ptrdiff_t ld_a = t->ld_a, other = t->panels > 1 ? t->panel : 0, other_mul = t->panels > 1 ? t->panel_muls : 0;
    const int8_t *r0 = t->a, *r3 = r0 + 3 * ld_a, *r6 = r3 + 3 * ld_a, *r9 = r6 + 3 * ld_a;
    MANY_ROWS(START_ROW)
    for (int step = 0; step < t->k4; step += t->group) {
        const struct factors f0 = factors_of(mul, t->offset), f1 = factors_of(mul ? mul + other_mul : mul, t->offset);
        int count = t->k4 - step < t->group ? t->k4 - step : t->group;
        mul = mul ? mul + TERN_PANEL : mul;
        for (; count > 0; count -= 2, line += TERN_LINE) {
            const __m512i codes0 = _mm512_loadu_si512(line), codes1 = _mm512_loadu_si512(line + other);
            _mm_prefetch((const char *)((uintptr_t)line + 2 * (uintptr_t)t->panel), _MM_HINT_T1);
            _mm_prefetch((const char *)((uintptr_t)line + 3 * (uintptr_t)t->panel), _MM_HINT_T1);
            struct weights w0 = coded(t, _mm512_and_si512(codes0, nibble), f0, linear);
            struct weights w1 = coded(t, _mm512_and_si512(codes1, nibble), f1, linear);
            PRODUCTS
            if (count == 1)
                break;
            w0 = coded(t, _mm512_and_si512(_mm512_srli_epi16(codes0, 4), nibble), f0, linear);
            w1 = coded(t, _mm512_and_si512(_mm512_srli_epi16(codes1, 4), nibble), f1, linear);
            PRODUCTS
        }
    }
    MANY_ROWS(STORE_ROW)
}

typedef void coded_fn(const struct coded *t);

// clang-format off
#define CODED(rows)                                                                                                    \
    static void coded_##rows(const struct coded *t)                                                                    \
    {                                                                                                                  \
        coded_tile(t, rows, 0);                                                                                        \
    }                                                                                                                  \
    static void linear_##rows(const struct coded *t)                                                                   \
    {                                                                                                                  \
        coded_tile(t, rows, 1);                                                                                        \
    }
CODED(5) CODED(6) CODED(7) CODED(8) CODED(9) CODED(10) CODED(11) CODED(12)
static coded_fn *const codeds[2][MOST_ROWS - ROWS] = {
    {coded_5, coded_6, coded_7, coded_8, coded_9, coded_10, coded_11, coded_12},
    {linear_5, linear_6, linear_7, linear_8, linear_9, linear_10, linear_11, linear_12}};
// clang-format on

/* m > ROWS rows in tiles of as equal heights as can be, which meet the panels in pairs. */
static void many_rows(struct coded t, const struct tern_codes *w, int m, int panels)
{
    int32_t start[MOST_ROWS];
    const struct tern_tiling tiling = tern_tiling_of(m, MOST_ROWS);
    const int linear = w->book->step == 1;
    t.panel = (ptrdiff_t)tern_code_lines(4, t.k4) * TERN_LINE;
    t.panel_muls = (ptrdiff_t)tern_code_groups(w, t.k4) * TERN_PANEL;
    t.start = start;
    for (int block = 0; block < tiling.tiles; block++) {
        const int rows = tern_tile_rows(tiling, block);
        struct coded u = t;
        row_starts(start, t.a, t.ld_a, rows, t.k4 * TERN_PANEL_K);
        for (int p = 0; p < panels; p += 2) {
            u.line = w->line + p * t.panel;
            u.mul = w->mul ? w->mul + p * t.panel_muls : NULL;
            u.c = t.c + p * TERN_PANEL;
            u.panels = panels - p;
            codeds[linear][rows - ROWS - 1](&u);
        }
        t.a += rows * t.ld_a;
        t.c += rows * t.ld_c;
    }
}

void tern_gemm_s4_avx512vnni(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c,
                             int m, int panels, int k4)
{
    const struct few t = few_of(w, a, ld_a, c, ld_c);
    if (m <= ROWS) {
        few_rows(t, fews[w->book->step == 1][m - 1], sum_of, w, m, panels, k4);
        return;
    }
    const struct coded u = {.a = a,
                            .ld_a = ld_a,
                            .c = c,
                            .ld_c = ld_c,
                            .value = t.value,
                            .k4 = k4,
                            .group = t.group,
                            .offset = w->book->offset};
    many_rows(u, w, m, panels);
}
