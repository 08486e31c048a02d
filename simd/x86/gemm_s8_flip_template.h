/* Template: the int8 GEMM by pmaddubsw, exactly for any int8. The instruction multiplies unsigned by signed bytes and
   saturates sums of two at 16 bits, so it is given the activations' magnitudes, and weights whose bits are flipped
   where the activation is negative: |a| (-w - 1) = a w - |a|. No sum of two leaves 16 bits then (at most 2 * 128 * 128,
   and below zero), and what is missing is one number per row, the sum of its negative activations' magnitudes. A
   register of products is four instructions, of which only two want the multiplier ports. Gives gemm_s8().

   The activations of a block of rows are split once into a buffer in L1, so that four magnitudes are one broadcast from
   memory, and their signs another.

   Parameters, before this is included:
     vi and what int_256.h defines of it, PANELS of which are two registers of weights of a k step: 1 or 2
     enum { TILE_ROWS, K_BLOCK, PANEL_BLOCK }                most rows of a tile; k steps and panels at a time
     EACH_TILE(do)                                           do(1) to do(TILE_ROWS)
   Included by bounded_256.h and bounded_512.h. */
#ifndef TERN_X86_GEMM_S8_FLIP_TEMPLATE_H
#define TERN_X86_GEMM_S8_FLIP_TEMPLATE_H

#include "simd/tiling.h"
#include "simd/x86/avx2.h"

enum {
    STEP = TERN_PANEL * TERN_PANEL_K,
    SPLIT = 2 * TERN_PANEL_K, /* bytes of a k step of a row: four magnitudes, four signs */
    LD_SPLIT = K_BLOCK * SPLIT,
    NARROW_ROWS = 4, /* up to here one panel at a time: their weights come from memory, best as one stream */
};

struct rows {
    uint8_t a[TILE_ROWS * LD_SPLIT]; /* [row][k step][magnitudes, signs] */
    int32_t excess[TILE_ROWS];       /* sum of the negative activations' magnitudes */
};

struct tile {
    const struct rows *rows;
    const int8_t *b;
    int32_t *c;
    ptrdiff_t ld_c;
    ptrdiff_t next; /* bytes from one register of weights of a k step to the other */
    int k4, add;    /* add to what c holds, from the earlier k steps */
};

// clang-format off
/* Sums are s<row>_<register>; what a tile lacks vanishes, as its size is constant. */
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4) do(5)
// clang-format on

#define START(i) vi s##i##_0 = zero, s##i##_1 = zero;

#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const vi x = vi_four(a + i * LD_SPLIT), sign = vi_four(a + i * LD_SPLIT + TERN_PANEL_K);                       \
        s##i##_0 = VI(add_epi32)(s##i##_0, product(x, sign, w0));                                                      \
        if (registers > 1)                                                                                             \
            s##i##_1 = VI(add_epi32)(s##i##_1, product(x, sign, w1));                                                  \
        if (rows > 1) { /* one row's sums stay where they are, and the next step's loads start early */                \
            TERN_PIN(s##i##_0);                                                                                        \
            TERN_PIN(s##i##_1);                                                                                        \
        }                                                                                                              \
    }

/* Two panels side by side are two streams, which the CPU's own prefetcher does not follow from pair to pair (41 MB of
   weights by 6 rows, Zen 4: 1.30 times AVX2's time without, 0.89 with). */
#define MULTIPLY_STEP                                                                                                  \
    {                                                                                                                  \
        const vi w0 = vi_load(b), w1 = registers > 1 ? vi_load(b + next) : w0;                                         \
        if (PANELS > 1 && registers > 1) {                                                                             \
            _mm_prefetch((const char *)((uintptr_t)b + 2 * (uintptr_t)next), _MM_HINT_T0);                             \
            _mm_prefetch((const char *)((uintptr_t)b + 3 * (uintptr_t)next), _MM_HINT_T0);                             \
        }                                                                                                              \
        ALL_ROWS(MULTIPLY)                                                                                             \
        b += STEP, a += SPLIT;                                                                                         \
    }

#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        store(t->c + i * t->ld_c, s##i##_0, excess[i], t->add);                                                        \
        if (registers > 1)                                                                                             \
            store(t->c + i * t->ld_c + VI_S32, s##i##_1, excess[i], t->add);                                           \
    }

static ALWAYS_INLINE vi product(vi x, vi sign, vi w)
{
    return VI(madd_epi16)(VI(maddubs_epi16)(x, vi_xor(w, sign)), VI(set1_epi16)(1));
}

static ALWAYS_INLINE void store(int32_t *c, vi sum, int32_t excess, int add)
{
    sum = VI(add_epi32)(sum, VI(set1_epi32)(excess));
    if (add)
        sum = VI(add_epi32)(sum, vi_load(c));
    vi_store(c, sum);
}

static ALWAYS_INLINE void tile(const struct tile *t, const int rows, const int registers)
{
    const vi zero = vi_zero();
    ALL_ROWS(START)
    const ptrdiff_t next = PANELS == 1 ? VI_BYTES : t->next;
    const uint8_t *a = t->rows->a;
    const int32_t *excess = t->rows->excess;
    const int8_t *b = t->b, *end = b + (ptrdiff_t)t->k4 * STEP;
    while (rows == 1 && end - b >= 2 * STEP) { /* one step is too short a loop */
        MULTIPLY_STEP
        MULTIPLY_STEP
    }
    while (b < end)
        MULTIPLY_STEP
    ALL_ROWS(STORE)
}

typedef void tile_fn(const struct tile *t);

// clang-format off
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows, 2);                                                                                              \
    }
#define TILE_NAME(rows) tile_##rows,
EACH_TILE(TILE)
static tile_fn *const tiles[TILE_ROWS] = {EACH_TILE(TILE_NAME)};

#if PANELS == 2 /* for few rows, and for the last one of an odd number */
#define SINGLE(rows)                                                                                                     \
    static void single_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows, 1);                                                                                              \
    }
#define SINGLE_NAME(rows) single_##rows,
EACH_TILE(SINGLE)
static tile_fn *const single[TILE_ROWS] = {EACH_TILE(SINGLE_NAME)};
#endif
// clang-format on

/* Splits `steps` k steps of one row into magnitudes and signs. Returns the sum of the negative activations' magnitudes,
   which the products leave out. */
static int32_t split(uint8_t *to, const int8_t *from, int steps)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i excess = zero;
    int k = 0;
    for (; k + 8 <= steps; k += 8, from += 8 * TERN_PANEL_K, to += 8 * SPLIT) {
        const __m256i x = tern_load256(from), sign = _mm256_cmpgt_epi8(zero, x), magnitude = _mm256_abs_epi8(x);
        const __m256i low = _mm256_unpacklo_epi32(magnitude, sign), high = _mm256_unpackhi_epi32(magnitude, sign);
        tern_store256(to, _mm256_permute2x128_si256(low, high, 0x20));
        tern_store256(to + 32, _mm256_permute2x128_si256(low, high, 0x31));
        excess = _mm256_add_epi64(excess, _mm256_sad_epu8(_mm256_and_si256(magnitude, sign), zero));
    }
    int32_t sum = (int32_t)tern_sum_i64_256(excess);
    for (; k < steps; k++, from += TERN_PANEL_K, to += SPLIT)
        for (int i = 0; i < TERN_PANEL_K; i++) {
            const int negative = from[i] < 0;
            to[i] = (uint8_t)(negative ? -from[i] : from[i]);
            to[TERN_PANEL_K + i] = negative ? 0xFF : 0;
            sum += negative ? to[i] : 0;
        }
    return sum;
}

/* One block of rows, k4 <= K_BLOCK steps of `panels` panels, which lie ld_b bytes apart. */
static void row_block(struct tile t, int rows, int panels, ptrdiff_t ld_b)
{
    t.next = ld_b;
    int p = 0;
    for (; (PANELS == 1 || rows > NARROW_ROWS) && p + PANELS <= panels;
         p += PANELS, t.b += PANELS * ld_b, t.c += PANELS * TERN_PANEL)
        tiles[rows - 1](&t);
#if PANELS == 2
    for (; p < panels; p++, t.b += ld_b, t.c += TERN_PANEL)
        single[rows - 1](&t);
#endif
}

#include "simd/x86/flip_walk.h"

#endif
