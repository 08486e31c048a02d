/* The body of gemm_s7_avx2.c and gemm_s6_avx2.c, which define
     GEMM_NAME    the kernel's name
     GEMM_BOUND   the weights' largest magnitude: 63 or 31

   Weights become unsigned by adding the bound, so that pmaddubsw takes them beside signed activations as they are, and
   its sums of two products are added in 16 bits, wrapping, over several k steps before they are widened. What the
   addition brings, GEMM_BOUND times the sum of the activations, is subtracted in 16 bits as well, where the true sum
   fits: of 63 over two steps whatever the values (4 * 127 * 63 = 32,004), of 31 over four (8 * 127 * 31 = 31,496), and
   over more if these activations' magnitudes add up to 32,767 / GEMM_BOUND at most. That they are looked at for, tile
   by tile: those of a text's rows nearly always allow twice as many. 256 products are then 18 or 20 instructions, where
   gemm_s8 has 32.

   A block of rows is laid out once. A panel's first tile keeps the weights with the bound added in a buffer in L1, from
   which the others read them. It asks for its weights ahead, and the others for the next panel's: beside those stores,
   and with a pause for the other tiles, the hardware does not, and 16 rows of weights that come from the third-level
   cache took 1.4 times as long. */
#ifndef GEMM_NAME
#error "include it from a kernel"
#endif
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/x86/int_256.h"

enum {
    TILE_ROWS = 6,  /* 12 sums of 16 bits, half a panel twice and what a product needs are the 16 registers */
    ROW_BLOCK = 36, /* rows that are laid out together */
    K_BLOCK = 128,  /* k steps: 18 KiB of activations, up to 9 KiB of what comes off, 8 KiB of weights */
    STEP = TERN_PANEL * TERN_PANEL_K,
    AHEAD = 24 * STEP,                    /* of the weights, which a first tile asks for so far ahead */
    LD_A = K_BLOCK * TERN_PANEL_K + 40,   /* rows begin in different banks of L1 */
    SAFE_DEPTH = GEMM_BOUND > 31 ? 2 : 4, /* k steps that are added in 16 bits whatever the values */
    MOST_DEPTH = 8,
    LD_LESS = K_BLOCK / SAFE_DEPTH,
    MOST_SUM = 32767 / GEMM_BOUND, /* of the magnitudes of activations whose products are added in 16 bits */
};
_Static_assert(SAFE_DEPTH * 2 * 127 <= MOST_SUM, "the true sums fit 16 bits");
_Static_assert(2 * 127 * 2 * GEMM_BOUND <= 32767, "pmaddubsw does not saturate");
_Static_assert(K_BLOCK % MOST_DEPTH == 0, "a row is whole registers of 8 k steps");

struct rows {
    int8_t a[ROW_BLOCK * LD_A];        /* [row][k step], filled up with 0 to whole registers */
    int32_t less[ROW_BLOCK * LD_LESS]; /* [row][steps that are added]: what is too much, negated, for two inputs */
    int depth[ROW_BLOCK];              /* of each tile: k steps that are added in 16 bits */
    uint8_t b[K_BLOCK * STEP];         /* a panel's weights with the bound added */
};

struct tile {
    struct rows *rows;
    const int8_t *b, *ahead; /* the weights; those of the next panel */
    int32_t *c;
    ptrdiff_t ld_c;
    int first, depth, k4, add; /* the row; add to what c holds, from the earlier k steps */
};

// clang-format off
/* Sums of 16 bits are t<row>_<half>; what a tile lacks vanishes, as its size is constant. */
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4) do(5)
// clang-format on

#define DECLARE(i) __m256i t##i##_0 = zero, t##i##_1 = zero;

#define CLEAR(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        tern_store256(c + i * t->ld_c, zero);                                                                          \
        tern_store256(c + i * t->ld_c + 8, zero);                                                                      \
    }

#define START(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        t##i##_0 = t##i##_1 = _mm256_set1_epi32(less[i * LD_LESS]);

/* Added in place by assembly: gcc 12 would rotate the sums through registers, and spill. */
#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m256i x = tern_four256(a + i * LD_A);                                                                  \
        const __m256i p0 = _mm256_maddubs_epi16(w0, x), p1 = _mm256_maddubs_epi16(w1, x);                              \
        __asm__ volatile("vpaddw %1, %0, %0" : "+x"(t##i##_0) : "x"(p0));                                              \
        __asm__ volatile("vpaddw %1, %0, %0" : "+x"(t##i##_1) : "x"(p1));                                              \
    }

#define MULTIPLY_STEP                                                                                                  \
    {                                                                                                                  \
        const __m256i w0 = weights(b, copy, ready), w1 = weights(b + STEP / 2, copy + STEP / 2, ready);                \
        ALL_ROWS(MULTIPLY)                                                                                             \
        _mm_prefetch((const char *)(ready ? (const uint8_t *)ahead : b + AHEAD), _MM_HINT_T0);                         \
        b += STEP, copy += STEP, ahead += STEP, a += TERN_PANEL_K;                                                     \
    }

#define WIDEN(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        add8(c + i * t->ld_c, _mm256_madd_epi16(t##i##_0, ones));                                                      \
        add8(c + i * t->ld_c + 8, _mm256_madd_epi16(t##i##_1, ones));                                                  \
    }

static ALWAYS_INLINE void add8(int32_t *c, __m256i sum)
{
    tern_store256(c, _mm256_add_epi32(sum, tern_load256(c)));
}

/* Half a panel of a k step. A panel's first tile adds the bound, and keeps what that gives. */
static ALWAYS_INLINE __m256i weights(const uint8_t *b, uint8_t *copy, const int ready)
{
    __m256i bound = _mm256_set1_epi8(GEMM_BOUND);
    if (ready)
        return tern_load256(b);
    TERN_PIN(bound); /* loaded again each time: no register is left for it */
    const __m256i w = _mm256_add_epi8(bound, tern_load256(b));
    tern_store256(copy, w);
    return w;
}

static ALWAYS_INLINE void tile(const struct tile *t, const int rows, const int ready)
{
    const __m256i zero = _mm256_setzero_si256();
    int32_t *const c = t->c;
    const int8_t *a = t->rows->a + t->first * LD_A;
    const int32_t *less = t->rows->less + t->first * LD_LESS;
    const uint8_t *b = ready ? t->rows->b : (const uint8_t *)t->b;
    const int8_t *ahead = t->ahead;
    uint8_t *copy = t->rows->b;
    if (!t->add) {
        ALL_ROWS(CLEAR)
    }
    for (int left = t->k4; left > 0; left -= t->depth, less++) {
        int steps = left < t->depth ? left : t->depth;
        ALL_ROWS(DECLARE)
        ALL_ROWS(START)
        do
            MULTIPLY_STEP
        while (--steps);
        __m256i ones = _mm256_set1_epi16(1);
        TERN_PIN(ones); /* from here on there is a register for it */
        ALL_ROWS(WIDEN)
    }
}

typedef void tile_fn(const struct tile *t);

// clang-format off
#define TILE(rows)                                                                                                     \
    static void first_##rows(const struct tile *t)                                                                     \
    {                                                                                                                  \
        tile(t, rows, 0);                                                         \
    }                                                                                                                  \
    static void next_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows, 1);                                                                                          \
    }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
static tile_fn *const first_tile[TILE_ROWS] = {first_1, first_2, first_3, first_4, first_5, first_6};
static tile_fn *const next_tile[TILE_ROWS] = {next_1, next_2, next_3, next_4, next_5, next_6};
// clang-format on

/* 16-bit sums of 1, 2, 4 or 8 k steps, each in all lanes of its steps. */
static ALWAYS_INLINE __m256i over_steps(__m256i x, int depth)
{
    if (depth >= 2)
        x = _mm256_add_epi16(x, _mm256_shuffle_epi32(x, 0xB1));
    if (depth >= 4)
        x = _mm256_add_epi16(x, _mm256_shuffle_epi32(x, 0x4E));
    return depth >= 8 ? _mm256_add_epi16(x, _mm256_permute4x64_epi64(x, 0x4E)) : x;
}

/* Copies `steps` k steps of a row, and says over how many of them products may be added in 16 bits. */
static int copy_row(int8_t *to, const int8_t *from, int steps)
{
    const __m256i ones = _mm256_set1_epi8(1);
    __m256i most8 = _mm256_setzero_si256(), most4 = most8;
    for (int k = 0; k < steps; k += MOST_DEPTH) {
        const int all = steps - k >= MOST_DEPTH, four = k * TERN_PANEL_K;
        const __m256i x = all ? tern_load256(from + four) : tern_load_lanes256(from + four, steps - k);
        const __m256i sum = over_steps(_mm256_maddubs_epi16(_mm256_abs_epi8(x), ones), 4);
        tern_store256(to + four, x);
        most4 = _mm256_max_epi16(most4, sum);
        most8 = _mm256_max_epi16(most8, _mm256_add_epi16(sum, _mm256_permute4x64_epi64(sum, 0x4E)));
    }
    return vi_max_u16(most8) <= MOST_SUM ? 8 : vi_max_u16(most4) <= MOST_SUM ? 4 : SAFE_DEPTH;
}

/* What comes off the sums of a row that has been copied, for each `depth` k steps. */
static ALWAYS_INLINE void set_less(int32_t *less, const int8_t *a, int steps, int depth)
{
    const __m256i pick =
        depth == 2 ? _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6) : _mm256_setr_epi32(0, 4, 0, 4, 0, 4, 0, 4);
    for (int k = 0; k < steps; k += MOST_DEPTH, less += MOST_DEPTH / depth) {
        const __m256i x = _mm256_maddubs_epi16(_mm256_set1_epi8(GEMM_BOUND), tern_load256(a + k * TERN_PANEL_K));
        const __m256i sum = _mm256_sub_epi16(_mm256_setzero_si256(), over_steps(x, depth));
        const __m128i picked = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(sum, pick));
        if (depth == 2)
            _mm_storeu_si128((__m128i *)less, picked);
        else if (depth == 4)
            _mm_storel_epi64((__m128i *)less, picked);
        else
            *less = _mm_cvtsi128_si32(picked);
    }
}

/* Lays out one block of rows, tile by tile. */
static void lay_out(struct rows *r, struct tern_tiling tiling, const int8_t *a, ptrdiff_t ld_a, int steps)
{
    for (int tile = 0, row = 0; tile < tiling.tiles; tile++) {
        const int end = row + tern_tile_rows(tiling, tile);
        int depth = MOST_DEPTH;
        for (int i = row; i < end; i++) {
            const int own = copy_row(r->a + i * LD_A, a + i * ld_a, steps);
            depth = own < depth ? own : depth;
        }
        r->depth[tile] = depth;
        for (; row < end; row++) {
            int32_t *const less = r->less + row * LD_LESS;
            const int8_t *const copy = r->a + row * LD_A;
            if (depth == 8)
                set_less(less, copy, steps, 8);
            else if (depth == 4)
                set_less(less, copy, steps, 4);
            else
                set_less(less, copy, steps, 2);
        }
    }
}

/* One block of rows, k4 <= K_BLOCK steps of all panels, which lie ld_b bytes apart. */
static void row_block(struct tile t, struct rows *r, struct tern_tiling tiling, const int8_t *b, int panels,
                      ptrdiff_t ld_b)
{
    int32_t *const c = t.c;
    t.b = b;
    t.rows = r;
    for (int p = 0; p < panels; p++, t.b += ld_b) {
        t.ahead = t.b + (p + 1 < panels ? ld_b : 0);
        for (int i = 0; i < tiling.tiles; i++) {
            t.first = tern_tile_start(tiling, i);
            t.depth = r->depth[i];
            t.c = c + t.first * t.ld_c + p * TERN_PANEL;
            const int last = tern_tile_rows(tiling, i) - 1;
            if (i)
                next_tile[last](&t);
            else
                first_tile[last](&t);
        }
    }
}

void GEMM_NAME(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4,
               struct tern_ahead ahead)
{
    (void)ahead;
    struct rows rows;
    const ptrdiff_t ld_b = (ptrdiff_t)k4 * STEP;
    const struct tern_tiling blocks = tern_tiling_of(m, ROW_BLOCK);
    /* Of as equal depths as can be, in whole registers of activations. */
    const struct tern_tiling depths = tern_tiling_of((k4 + MOST_DEPTH - 1) / MOST_DEPTH, K_BLOCK / MOST_DEPTH);
    for (int block = 0; block < depths.tiles; block++) {
        const int k = tern_tile_start(depths, block) * MOST_DEPTH, most = tern_tile_rows(depths, block) * MOST_DEPTH;
        const int steps = k4 - k < most ? k4 - k : most;
        for (int i = 0; i < blocks.tiles; i++) {
            const int row = tern_tile_start(blocks, i);
            const struct tern_tiling tiling = tern_tiling_of(tern_tile_rows(blocks, i), TILE_ROWS);
            const struct tile t = {.c = c + row * ld_c, .ld_c = ld_c, .k4 = steps, .add = k > 0};
            lay_out(&rows, tiling, a + row * ld_a + k * TERN_PANEL_K, ld_a, steps);
            row_block(t, &rows, tiling, b + (ptrdiff_t)k * STEP, panels, ld_b);
        }
    }
}
