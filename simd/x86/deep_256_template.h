/* Template: how gemm_bounded_256_template.h lays rows of activations and panels of weights out. Weights become unsigned
   by adding GEMM_BOUND, so that pmaddubsw takes them beside signed activations as they are; its sums of two products
   are added in 16 bits over DEEP_STEPS k steps before they are widened. Neither pmaddubsw nor a sum leaves 16 bits
   where the positive activations that meet there add up to at most 32767 / (2 GEMM_BOUND), and the negative ones too.
   Where they do not, the step with the largest magnitudes is left out: it counts as 0, and is multiplied alone. Gives
   lay_out(), weights() and add_alone(), and what gemm_s8_flip_template.h gives: blocks of which too many steps would be
   left out are multiplied with flipped signs.

   Parameters, before this is included:
     GEMM_BOUND               the weights' largest magnitude: 127, 63 or 31
     DEEP_STEPS               k steps that are added in 16 bits: 2, 4 or 8
   after int_256.h. Included by gemm_s8_avx2.c, gemm_s7_avx2.c and gemm_s6_avx2.c. */
#ifndef TERN_X86_DEEP_256_TEMPLATE_H
#define TERN_X86_DEEP_256_TEMPLATE_H

#define PANELS 1
// clang-format off
#define EACH_TILE(do) do(1) do(2) do(3) do(4) do(5)
// clang-format on
enum {
    TILE_ROWS = 5,   /* 10 sums and what a product needs are the 16 registers */
    K_BLOCK = 256,   /* k steps; the split activations take 10 KiB */
    PANEL_BLOCK = 8, /* with K_BLOCK 128 KiB of weights, which stay in L2 while all rows pass */
};

static ALWAYS_INLINE vi vi_four(const void *bytes)
{
    return tern_four256(bytes);
}

#include "simd/x86/gemm_s8_flip_template.h"

#define ROW_BLOCK 36                          /* rows that are laid out together */
#define DEEP_BLOCK 128                        /* k steps: 18 KiB of activations, 8 KiB of weights */
#define LOADED 8                              /* k steps in a register of activations */
#define LD_A (DEEP_BLOCK * TERN_PANEL_K + 40) /* rows begin in different banks of L1 */
#define AHEAD (24 * STEP)                     /* of the weights, which a first tile asks for so far ahead */
#define MOST_SUM (32767 / (2 * GEMM_BOUND))   /* of the activations of one sign whose products are added in 16 bits */
#define FLIP_AT 6                             /* of so many steps one left out is the most */
#define LOOK_ROWS 4                           /* rows that are looked at before it is said that they are too many */
_Static_assert(MOST_SUM >= 127, "the products of one input fit");
_Static_assert(DEEP_BLOCK <= UINT8_MAX, "a step's number is a byte");
_Static_assert(2 * 127 * 127 <= INT16_MAX, "a step alone does not saturate");
_Static_assert(DEEP_BLOCK % LOADED == 0 && LOADED % DEEP_STEPS == 0, "a row is whole registers of whole sums");

struct deep_rows {
    int8_t a[ROW_BLOCK * LD_A];         /* [row][k step], filled up with 0 to whole registers */
    int32_t less[ROW_BLOCK];            /* of each row: what the bound brings, negated */
    int alone[ROW_BLOCK];               /* of each row: steps that are left out */
    uint8_t at[ROW_BLOCK * DEEP_BLOCK]; /* [row]: which they are */
    uint8_t b[DEEP_BLOCK * STEP];       /* a panel's weights with the bound added */
};

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

/* The sums of 16 bits, or the largest number of 32, of DEEP_STEPS k steps, in all lanes of these steps. */
static ALWAYS_INLINE __m256i over_steps(__m256i x)
{
    x = _mm256_add_epi16(x, _mm256_shuffle_epi32(x, 0xB1));
    if (DEEP_STEPS >= 4)
        x = _mm256_add_epi16(x, _mm256_shuffle_epi32(x, 0x4E));
    return DEEP_STEPS >= 8 ? _mm256_add_epi16(x, _mm256_permute4x64_epi64(x, 0x4E)) : x;
}
static ALWAYS_INLINE __m256i largest_step(__m256i x)
{
    x = _mm256_max_epi32(x, _mm256_shuffle_epi32(x, 0xB1));
    if (DEEP_STEPS >= 4)
        x = _mm256_max_epi32(x, _mm256_shuffle_epi32(x, 0x4E));
    return DEEP_STEPS >= 8 ? _mm256_max_epi32(x, _mm256_permute4x64_epi64(x, 0x4E)) : x;
}

/* Leaves steps of x out until all sums fit, one of each sum in each round. Returns the others, their sums in *sum, and
   bits that say which were left out. The first round is done without a look where most registers need one. */
static ALWAYS_INLINE __m256i fitting(__m256i x, __m256i *sum, unsigned *bits)
{
    const __m256i zero = _mm256_setzero_si256(), ones = _mm256_set1_epi8(1), ones16 = _mm256_set1_epi16(1);
    *bits = 0;
    for (int look = GEMM_BOUND < 127;; look = 1) {
        const __m256i both = _mm256_maddubs_epi16(_mm256_abs_epi8(x), ones);
        const __m256i up = _mm256_maddubs_epi16(_mm256_max_epi8(x, zero), ones), down = _mm256_sub_epi16(both, up);
        const __m256i most = _mm256_max_epi16(over_steps(up), over_steps(down));
        const __m256i over = _mm256_cmpgt_epi16(most, _mm256_set1_epi16(MOST_SUM));
        if (look && _mm256_testz_si256(over, over)) {
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(_mm256_sub_epi16(up, down), ones16));
            return x;
        }
        const __m256i magnitude = _mm256_madd_epi16(both, ones16), fits = _mm256_cmpeq_epi32(over, zero);
        const __m256i leave = _mm256_andnot_si256(fits, _mm256_cmpeq_epi32(magnitude, largest_step(magnitude)));
        *bits |= (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(leave));
        x = _mm256_andnot_si256(leave, x);
    }
}

/* Lays out `steps` k steps of a row. Returns how many are left out. */
static int lay_out_row(struct deep_rows *r, int row, const int8_t *from, int steps)
{
    int8_t *const to = r->a + row * LD_A;
    uint8_t *const first = r->at + row * DEEP_BLOCK, *at = first;
    __m256i sum = _mm256_setzero_si256();
    for (int k = 0; k < steps; k += LOADED) {
        const int four = k * TERN_PANEL_K;
        const __m256i x = steps - k >= LOADED ? tern_load256(from + four) : tern_load_lanes256(from + four, steps - k);
        unsigned bits;
        tern_store256(to + four, fitting(x, &sum, &bits));
        for (; bits; bits &= bits - 1)
            *at++ = (uint8_t)(k + __builtin_ctz(bits));
    }
    r->less[row] = -GEMM_BOUND * (int32_t)tern_sum256(sum);
    return r->alone[row] = (int)(at - first);
}

/* Lays out a block of rows. Returns 0 as soon as it is clear that too many steps are left out. */
static int lay_out(struct deep_rows *r, const int8_t *a, ptrdiff_t ld_a, int rows, int steps)
{
    int alone = 0;
    for (int i = 0; i < rows; i++) {
        alone += lay_out_row(r, i, a + i * ld_a, steps);
        const int counted = i + LOOK_ROWS < rows ? i + LOOK_ROWS : rows;
        if (alone * FLIP_AT > counted * steps)
            return 0;
    }
    return 1;
}

static ALWAYS_INLINE __m256i alone_sum(__m256i sum, __m256i magnitude, __m256i x, const int8_t *w)
{
    const __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(tern_load256(w), x));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* Adds the products of the steps of a row that are left out, magnitudes by weights with their signs. Panel by panel:
   the length of the inner loop stays the same, and the CPU foretells its end. */
static void add_alone(const struct deep_rows *r, int row, const int8_t *a, const int8_t *b, ptrdiff_t ld_b, int32_t *c,
                      int panels)
{
    const uint8_t *const at = r->at + row * DEEP_BLOCK, *const end = at + r->alone[row];
    for (int p = 0; at < end && p < panels; p++, b += ld_b, c += TERN_PANEL) {
        __m256i s0 = tern_load256(c), s1 = tern_load256(c + TERN_PANEL / 2);
        for (const uint8_t *step = at; step < end; step++) {
            const __m256i x = tern_four256(a + *step * TERN_PANEL_K), magnitude = _mm256_abs_epi8(x);
            s0 = alone_sum(s0, magnitude, x, b + *step * STEP);
            s1 = alone_sum(s1, magnitude, x, b + *step * STEP + STEP / 2);
        }
        tern_store256(c, s0);
        tern_store256(c + TERN_PANEL / 2, s1);
    }
}

struct deep_tile {
    struct deep_rows *rows;
    const int8_t *b, *ahead; /* the weights; those of the next panel */
    int32_t *c;
    ptrdiff_t ld_c;
    int first, k4, add; /* the row; add to what c holds, from the earlier k steps */
};

#endif
