/* Multiplies 4-bit weights with NEON, as gemm_s8_neon.c does int8. tbl makes values out of nibbles, in registers.
   Values are so small that the products of sixteen k steps add up in 16 bits, where int8 weights allow two. Then they
   go, pairwise, into 32 bits and meet their channel's multiplier. Rows of a tile share the values: sixteen of 32
   registers hold sums. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/four_k.h"

// clang-format off
/* A piece is four channels, 16 bytes of codes. */
enum { PIECES = 4, SEGMENT = 16 /* k steps */, MOST_VALUE = 15 };
enum { TILE_ROWS = TERN_NEON_REGS == 32 ? 4 : 2 };
_Static_assert(SEGMENT * MOST_VALUE * 127 <= INT16_MAX, "a segment's products fit in 16 bits");
// clang-format on

/* The constants that make a tile. */
struct kind {
    int rows, pieces;
};

/* The sums of a piece for a row: two channels each, four inputs apart. */
struct sums {
    int16x8_t low, high;
};

TERN_INLINE struct sums mac(struct sums s, int8x16_t even, int8x16_t odd, struct two_groups a)
{
    s.low = vmlal_s8(s.low, vget_low_s8(even), low_half(a.k0));
    s.high = mla_high(s.high, even, a.k0);
    s.low = vmlal_s8(s.low, vget_low_s8(odd), low_half(a.k1));
    s.high = mla_high(s.high, odd, a.k1);
    return s;
}

/* Multiplies two k steps; at the end of K the second may lack. */
TERN_INLINE void mac_line(struct sums *s, const int8_t *a, ptrdiff_t ld_a, const uint8_t *line, int8x16_t value,
                          int steps, struct kind kind)
{
    struct two_groups k[TILE_ROWS];
    TERN_KEEP_ORDER();
    TERN_UNROLL
    for (int i = 0; i < kind.rows; i++) {
        if (steps > 1) {
            k[i] = broadcast2(a + i * ld_a);
        } else {
            k[i].k0 = broadcast1(a + i * ld_a);
            k[i].k1 = none_of_four();
        }
    }
    TERN_UNROLL
    for (int j = 0; j < kind.pieces; j++) {
        if (kind.rows > 2)
            TERN_KEEP_ORDER(); /* gcc would keep more values than registers are left */
        const uint8x16_t code = vld1q_u8(line + 16 * j);
        const int8x16_t even = vqtbl1q_s8(value, tern_neon_nibble(code, 0));
        const int8x16_t odd = vqtbl1q_s8(value, tern_neon_nibble(code, 1));
        TERN_UNROLL
        for (int i = 0; i < kind.rows; i++)
            s[i * kind.pieces + j] = mac(s[i * kind.pieces + j], even, odd, k[i]);
    }
}

/* total += mul * sums */
TERN_INLINE int32x4_t settle1(int32x4_t total, struct sums s, uint16x4_t mul)
{
    const int32x4_t sum = vpaddq_s32(vpaddlq_s16(s.low), vpaddlq_s16(s.high));
    return vmlaq_s32(total, sum, vreinterpretq_s32_u32(vmovl_u16(mul)));
}

TERN_INLINE void settle(int32x4_t *total, const struct sums *s, const uint8_t *mul, struct kind kind)
{
    TERN_UNROLL
    for (int j = 0; j < kind.pieces; j += 2) {
        const uint16x8_t m = vmovl_u8(mul ? vld1_u8(mul + 4 * j) : vdup_n_u8(1));
        TERN_UNROLL
        for (int i = j; i < kind.rows * kind.pieces; i += kind.pieces) {
            total[i] = settle1(total[i], s[i], vget_low_u16(m));
            total[i + 1] = settle1(total[i + 1], s[i + 1], vget_high_u16(m));
        }
    }
}

/* Rows by `kind.pieces` of a panel, from piece `first` on. */
TERN_INLINE void part(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int k4,
                      int first, struct kind kind)
{
    const int most = w->mul && w->group < SEGMENT ? w->group : SEGMENT, sums = kind.rows * kind.pieces;
    const int8x16_t value = vld1q_s8(w->book->value);
    const uint8_t *line = w->line + 16 * first;
    int32x4_t total[TILE_ROWS * PIECES / 2];
    TERN_UNROLL
    for (int i = 0; i < sums; i++)
        total[i] = vdupq_n_s32(0);
    const uint8_t *mul = w->mul ? w->mul + 4 * first : NULL;
    for (int at = 0; at < k4;) {
        struct sums s[TILE_ROWS * PIECES / 2];
        int steps = k4 - at < most ? k4 - at : most;
        TERN_UNROLL
        for (int i = 0; i < sums; i++)
            s[i].low = s[i].high = vdupq_n_s16(0);
        for (; steps >= 2; steps -= 2, a += 2 * TERN_PANEL_K, line += TERN_LINE)
            mac_line(s, a, ld_a, line, value, 2, kind);
        if (steps)
            mac_line(s, a, ld_a, line, value, 1, kind);
        settle(total, s, mul, kind);
        at += most;
        if (mul && (at & (w->group - 1)) == 0) /* a power of two */
            mul += TERN_PANEL;
    }
    TERN_UNROLL
    for (int i = 0; i < sums; i++)
        vst1q_s32(c + i / kind.pieces * ld_c + 4 * (first + i % kind.pieces), total[i]);
}

typedef void tile_fn(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int k4);

// clang-format off
#define TILE(rows, pieces)                                                                                             \
    static void tile_##rows(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c,   \
                            int k4)                                                                                    \
    {                                                                                                                  \
        for (int first = 0; first < PIECES; first += pieces)                                                           \
            part(a, ld_a, w, c, ld_c, k4, first, (struct kind){rows, pieces});                                         \
    }
#ifdef __aarch64__
TILE(1, 4) TILE(2, 4) TILE(3, 2) TILE(4, 2)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4};
#else
TILE(1, 2) TILE(2, 2)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2};
#endif
// clang-format on

/* Each panel is swept by all rows, in tiles of as equal heights as can be. */
void tern_gemm_s4_neon(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m,
                       int panels, int k4)
{
    const struct tern_tiling tiling = tern_tiling_of(m, TILE_ROWS);
    for (int panel = 0; panel < panels; panel++, c += TERN_PANEL) {
        const struct tern_codes at = tern_codes_at(w, panel, k4);
        for (int block = 0, i = 0; block < tiling.tiles; block++) {
            const int rows = tern_tile_rows(tiling, block);
            tiles[rows - 1](a + i * ld_a, ld_a, &at, c + i * ld_c, ld_c, k4);
            i += rows;
        }
    }
}
