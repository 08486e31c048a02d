/* Int8 GEMM by widening to int16 and pmaddwd: 16 products in two instructions, exact for any int8. pmaddubsw with the
   signs moved over makes 32 products in four, of which three want the two multiplier ports: 4 % slower, measured.

   The activations of a block of rows are widened once into a buffer in L1, so that four of them are one broadcast from
   memory; the weights are widened as they are loaded, a quarter panel (4 channels x 4 inputs) per register, for all
   rows of the tile. Each channel gets two partial sums side by side, which phaddd joins at the end. A tile of 6 rows x
   2 quarters or 3 x 4 has 12 sums; additions take one cycle, so fewer sums do no harm. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

#include <string.h>

enum {
    TILE_ROWS = 6,
    WIDE_ROWS = 3,  /* up to here four quarters' sums fit the registers */
    K_BLOCK = 256,  /* k steps; the widened activations take 12 KiB */
    PANEL_BLOCK = 8, /* with K_BLOCK 128 KiB of weights, which stay in L2 while all rows pass */
    STEP = TERN_PANEL * TERN_PANEL_K,
    LD_WIDE = K_BLOCK * TERN_PANEL_K,
};

struct tile {
    const int16_t *a; /* [rows][LD_WIDE] */
    const int8_t *b;
    int32_t *c;
    ptrdiff_t ld_c;
    int k4, add; /* add to what c holds, from the earlier k steps */
};

/* Sums are s<row>_<quarter>; what a tile lacks vanishes, as its size is constant. */
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4) do(5)

#define START(i) __m256i s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;

#define ADD_PRODUCT(sum, w, x) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(w, x))

#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m256i x = four(a + i * LD_WIDE);                                                                       \
        ADD_PRODUCT(s##i##_0, w0, x);                                                                                  \
        ADD_PRODUCT(s##i##_1, w1, x);                                                                                  \
        PIN(s##i##_0, s##i##_1);                                                                                       \
    }
#define MULTIPLY_HIGH(i)                                                                                               \
    if (i < rows) {                                                                                                    \
        const __m256i x = four(a + i * LD_WIDE);                                                                       \
        ADD_PRODUCT(s##i##_2, w2, x);                                                                                  \
        ADD_PRODUCT(s##i##_3, w3, x);                                                                                  \
        PIN(s##i##_2, s##i##_3);                                                                                       \
    }

#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        store8(t->c + i * t->ld_c, s##i##_0, s##i##_1, t->add);                                                        \
        if (quarters == 4)                                                                                             \
            store8(t->c + i * t->ld_c + 8, s##i##_2, s##i##_3, t->add);                                                \
    }

static ALWAYS_INLINE __m256i four(const int16_t *a)
{
    int64_t words;
    memcpy(&words, a, sizeof words);
    return _mm256_set1_epi64x(words);
}

static ALWAYS_INLINE __m256i quarter(const int8_t *b)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)b));
}

static ALWAYS_INLINE void store8(int32_t *c, __m256i low, __m256i high, int add)
{
    __m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high), 0xD8);
    if (add)
        sum = _mm256_add_epi32(sum, tern_load256(c));
    tern_store256(c, sum);
}

static ALWAYS_INLINE void tile(const struct tile *t, const int rows, const int quarters)
{
    const __m256i zero = _mm256_setzero_si256();
    ALL_ROWS(START)
    const int16_t *a = t->a;
    const int8_t *b = t->b, *end = b + (ptrdiff_t)t->k4 * STEP;
    for (; b < end; b += STEP, a += TERN_PANEL_K) {
        const __m256i w0 = quarter(b), w1 = quarter(b + 16);
        ALL_ROWS(MULTIPLY)
        if (quarters == 4) {
            const __m256i w2 = quarter(b + 32), w3 = quarter(b + 48);
            ALL_ROWS(MULTIPLY_HIGH)
        }
    }
    ALL_ROWS(STORE)
}

typedef void tile_fn(const struct tile *t);

#define TILE(rows, quarters)                                                                                           \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows, quarters);                                                                                       \
    }
TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 2) TILE(5, 2) TILE(6, 2)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};

static void widen(int16_t *to, const int8_t *from, int n)
{
    int j = 0;
    for (; j + 16 <= n; j += 16)
        tern_store256(to + j, quarter(from + j));
    for (; j < n; j++)
        to[j] = from[j];
}

/* One block of rows, k4 <= K_BLOCK steps of `panels` panels, which lie ld_b bytes apart. */
static void row_block(struct tile t, int rows, int panels, ptrdiff_t ld_b)
{
    for (int p = 0; p < panels; p++) {
        struct tile u = t;
        u.b += p * ld_b;
        u.c += p * TERN_PANEL;
        tiles[rows - 1](&u);
        if (rows > WIDE_ROWS) {
            u.b += STEP / 2;
            u.c += TERN_PANEL / 2;
            tiles[rows - 1](&u);
        }
    }
}

/* All rows of a in blocks of as equal heights as can be. */
static void all_rows(struct tile t, int16_t *wide, const int8_t *a, ptrdiff_t ld_a, int m, int panels, ptrdiff_t ld_b)
{
    const int blocks = (m + TILE_ROWS - 1) / TILE_ROWS, low = m / blocks, higher = m % blocks;
    t.a = wide;
    for (int block = 0; block < blocks; block++) {
        const int rows = low + (block < higher);
        for (int r = 0; r < rows; r++)
            widen(wide + r * LD_WIDE, a + r * ld_a, t.k4 * TERN_PANEL_K);
        row_block(t, rows, panels, ld_b);
        a += rows * ld_a;
        t.c += rows * t.ld_c;
    }
}

void tern_gemm_s8_avx2(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4, struct tern_ahead ahead)
{
    (void)ahead;
    int16_t wide[TILE_ROWS * LD_WIDE];
    const ptrdiff_t ld_b = (ptrdiff_t)k4 * STEP;
    for (int k = 0; k < k4; k += K_BLOCK) {
        for (int p = 0; p < panels; p += PANEL_BLOCK) {
            const int steps = k4 - k < K_BLOCK ? k4 - k : K_BLOCK;
            const int width = panels - p < PANEL_BLOCK ? panels - p : PANEL_BLOCK;
            const struct tile t = {0, b + p * ld_b + (ptrdiff_t)k * STEP, c + p * TERN_PANEL, ld_c, steps, k > 0};
            all_rows(t, wide, a + k * TERN_PANEL_K, ld_a, m, width, ld_b);
        }
    }
}
