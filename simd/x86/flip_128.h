/* The int8 GEMM of SSE4.1 by pmaddubsw with flipped signs, as gemm_s8_flip_template.h has it for wider registers: gives
   STEP, flip_steps() and gemm_s8(). 16 products are six instructions, as two of them overwrite an operand; widening
   both to 16 bits for pmaddwd takes six too, but twice as many sums, and 5 % more in all (a tile of 5 rows: 6.5
   against 6.8).

   There is no broadcast from memory: the activations of a block of rows are split and written four times over into a
   buffer in L1. A quarter of a panel (4 channels x 4 inputs) is a register. */
#ifndef TERN_X86_FLIP_128_H
#define TERN_X86_FLIP_128_H

#include "simd/x86/int_128.h"

enum {
    TILE_ROWS = 5,    /* 10 sums, and what a product needs */
    WIDE_ROWS = 2,    /* up to here four quarters' sums fit the registers */
    K_BLOCK = 96,     /* k steps; the split activations take 15 KiB, of 24 KiB of L1 in the smallest of these CPUs */
    PANEL_BLOCK = 16, /* with K_BLOCK 96 KiB of weights, which stay in L2 while all rows pass */
    STEP = TERN_PANEL * TERN_PANEL_K,
    QUARTER = STEP / 4,
    SPLIT = 2 * QUARTER, /* bytes of a k step of a row: four magnitudes four times, then their signs */
    LD_SPLIT = K_BLOCK * SPLIT,
};

struct rows {
    _Alignas(16) uint8_t a[TILE_ROWS * LD_SPLIT]; /* [row][k step][magnitudes, signs] */
    int32_t excess[TILE_ROWS];                    /* sum of the negative activations' magnitudes */
};

struct tile {
    const struct rows *rows;
    const int8_t *b;
    int32_t *c;
    ptrdiff_t ld_c;
    int k4, add; /* add to what c holds, from the earlier k steps */
};

// clang-format off
/* Sums are s<row>_<quarter>; what a tile lacks vanishes, as its size is constant. */
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4)
// clang-format on

#define START(i) __m128i s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;

#define MULTIPLY(i, quarter)                                                                                           \
    if (i < rows) {                                                                                                    \
        s##i##_##quarter = _mm_sub_epi32(s##i##_##quarter, negated_product(a + i * LD_SPLIT, w));                      \
        TERN_PIN(s##i##_##quarter); /* else gcc copies sums at every step, and spills */                               \
    }
#define MULTIPLY_0(i) MULTIPLY(i, 0)
#define MULTIPLY_1(i) MULTIPLY(i, 1)
#define MULTIPLY_2(i) MULTIPLY(i, 2)
#define MULTIPLY_3(i) MULTIPLY(i, 3)

#define MULTIPLY_QUARTER(quarter)                                                                                      \
    if (quarter < quarters) {                                                                                          \
        const __m128i w = tern_load128(b + quarter * QUARTER);                                                         \
        ALL_ROWS(MULTIPLY_##quarter)                                                                                   \
    }

#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        int32_t *c = t->c + i * t->ld_c;                                                                               \
        store(c, s##i##_0, t->rows->excess[i], t->add);                                                                \
        store(c + 4, s##i##_1, t->rows->excess[i], t->add);                                                            \
        if (quarters > 2) {                                                                                            \
            store(c + 8, s##i##_2, t->rows->excess[i], t->add);                                                        \
            store(c + 12, s##i##_3, t->rows->excess[i], t->add);                                                       \
        }                                                                                                              \
    }

/* Negated, since psubd cannot overwrite it: gcc would make paddd do so, and copy the sum back. */
static ALWAYS_INLINE __m128i negated_product(const uint8_t *a, __m128i w)
{
    const __m128i flipped = _mm_xor_si128(w, _mm_load_si128((const __m128i *)(a + QUARTER)));
    const __m128i pairs = _mm_maddubs_epi16(_mm_load_si128((const __m128i *)a), flipped);
    return _mm_madd_epi16(pairs, _mm_set1_epi16(-1));
}

static ALWAYS_INLINE void store(int32_t *c, __m128i sum, int32_t excess, int add)
{
    sum = _mm_add_epi32(sum, _mm_set1_epi32(excess));
    tern_store128(c, add ? _mm_add_epi32(tern_load128(c), sum) : sum);
}

static ALWAYS_INLINE void tile(const struct tile *t, const int rows, const int quarters)
{
    const __m128i zero = _mm_setzero_si128();
    ALL_ROWS(START)
    const uint8_t *a = t->rows->a;
    for (const int8_t *b = t->b, *end = b + (ptrdiff_t)t->k4 * STEP; b < end; b += STEP, a += SPLIT) {
        MULTIPLY_QUARTER(0)
        MULTIPLY_QUARTER(1)
        MULTIPLY_QUARTER(2)
        MULTIPLY_QUARTER(3)
    }
    ALL_ROWS(STORE)
}

typedef void tile_fn(const struct tile *t);

// clang-format off
#define TILE(rows, quarters)                                                                                           \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows, quarters);                                                                                       \
    }
TILE(1, 4) TILE(2, 4) TILE(3, 2) TILE(4, 2) TILE(5, 2)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5};
// clang-format on

/* One k step: four activations, four times over. */
static ALWAYS_INLINE void put(uint8_t *to, __m128i magnitude, __m128i sign)
{
    _mm_store_si128((__m128i *)to, magnitude);
    _mm_store_si128((__m128i *)(to + QUARTER), sign);
}

/* Splits `steps` k steps of one row into magnitudes and signs. Returns the sum of the negative activations' magnitudes,
   which the products leave out. */
static int32_t split(uint8_t *to, const int8_t *from, int steps)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i excess = zero;
    for (int k = 0; k < steps; k += 4, from += 4 * TERN_PANEL_K, to += 4 * SPLIT) {
        int8_t last[16] = {0};
        const int left = steps - k;
        if (left < 4)
            memcpy(last, from, (size_t)left * TERN_PANEL_K);
        const __m128i x = tern_load128(left < 4 ? last : from);
        const __m128i sign = _mm_cmpgt_epi8(zero, x), magnitude = _mm_abs_epi8(x);
        excess = _mm_add_epi64(excess, _mm_sad_epu8(_mm_and_si128(magnitude, sign), zero));
        put(to, _mm_shuffle_epi32(magnitude, 0x00), _mm_shuffle_epi32(sign, 0x00));
        put(to + SPLIT, _mm_shuffle_epi32(magnitude, 0x55), _mm_shuffle_epi32(sign, 0x55));
        put(to + 2 * SPLIT, _mm_shuffle_epi32(magnitude, 0xAA), _mm_shuffle_epi32(sign, 0xAA));
        put(to + 3 * SPLIT, _mm_shuffle_epi32(magnitude, 0xFF), _mm_shuffle_epi32(sign, 0xFF));
    }
    return (int32_t)(_mm_cvtsi128_si64(excess) + _mm_extract_epi64(excess, 1));
}

/* One block of rows, k4 <= K_BLOCK steps of `panels` panels, which lie ld_b bytes apart. */
static void row_block(struct tile t, int rows, int panels, ptrdiff_t ld_b)
{
    for (int p = 0; p < panels; p++, t.b += ld_b, t.c += TERN_PANEL) {
        tiles[rows - 1](&t);
        if (rows > WIDE_ROWS) {
            struct tile half = t;
            half.b += 2 * QUARTER;
            half.c += TERN_PANEL / 2;
            tiles[rows - 1](&half);
        }
    }
}

#include "simd/x86/flip_walk.h"

#endif
