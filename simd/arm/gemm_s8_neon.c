/* Multiplies int8 matrices with NEON, by widening multiplies: the four k of a row stand in every 32-bit lane and meet
   four channels of a panel at once. Products of two k steps fit 16 bits whatever they are (2 * 127 * 127 = 32,258), and
   those of more do where the magnitudes of the activations that meet in a lane add up to 32,767 / 127 = 258 (254 here,
   below what saturates a byte). Of every eight k steps it is looked at once for all panels whether the products of all
   eight may be added in 16 bits, of each four, or only of two; a text's rows allow four nearly everywhere. Then they
   are widened pairwise: 512 products take 86, 94 or 110 instructions on 64 bits, of which 64 multiply. The accumulation
   by two is gemmlowp's. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/chains.h"

#include <string.h>

/* Sixteen bytes are a piece: four channels. */
enum { PIECE = 4 * TERN_PANEL_K, UNIT = 8 /* k steps with one code */, MOST_SUM = 254 };
enum { CODES = 4352, MOST_K = 133144 };

_Static_assert(MOST_SUM * 127 <= INT16_MAX, "the products of a chain fit 16 bits");
_Static_assert(MOST_K / TERN_PANEL_K / UNIT + 1 <= CODES, "the codes of the longest row fit");

/* What a unit's sums of 16 bits may hold: all of it, each four steps, each two. END follows the last unit. */
enum code { EIGHT, FOUR, TWO, END = 4 };

// clang-format off
#define CHAIN_8(rows) FOUR_STEPS_##rows(BEGIN, "", ADD) FOUR_STEPS_##rows(ADD, "", ADD) WIDEN_##rows
#define CHAIN_4(rows) FOUR_STEPS_##rows(BEGIN, "", ADD) WIDEN_##rows
#define CHAIN_2(rows) FOUR_STEPS_##rows(BEGIN, WIDEN_##rows, BEGIN) WIDEN_##rows

/* Each kind of unit looks for one of its own kind first. IF_TWO comes last: on 32 bits it loses the flags that the
   others read. */
#ifdef __aarch64__
#define NEXT "ldrb %w[n], [%[codes]], #1\n"
#define IF_EIGHT(label) "cbz %w[n], " label "\n"
#define IF_FOUR(label) "tbnz %w[n], #0, " label "\n"
#define IF_TWO(label) "tbnz %w[n], #1, " label "\n"
#else
#define NEXT "ldrb %[n], [%[codes]], #1\n" "cmp %[n], #1\n"
#define IF_EIGHT(label) "blo " label "\n"
#define IF_FOUR(label) "beq " label "\n"
#define IF_TWO(label) "cmp %[n], #2\n" "beq " label "\n"
#endif
#define UNITS(rows)                                                                                                    \
    NEXT IF_FOUR("2f") IF_TWO("3f")                                                                                    \
    "1:\n" CHAIN_8(rows) NEXT IF_EIGHT("1b") IF_FOUR("2f") IF_TWO("3f") "b 4f\n"                                       \
    "2:\n" CHAIN_4(rows) CHAIN_4(rows) NEXT IF_FOUR("2b") IF_EIGHT("1b") IF_TWO("3f") "b 4f\n"                         \
    "3:\n" CHAIN_2(rows) CHAIN_2(rows) NEXT IF_FOUR("2b") IF_EIGHT("1b") IF_TWO("3b")                                  \
    "4:\n"
// clang-format on

/* The steps after the last unit, two at a time. */
TERN_INLINE void mac2_half(struct half *s, struct at *at, int rows)
{
    const struct two_groups a0 = broadcast2(at->a0), a1 = rows == 2 ? broadcast2(at->a1) : a0;
    TERN_KEEP_ORDER();
    int8x16_t b0 = vld1q_s8(at->b), b1 = vld1q_s8(at->b + STEP);
    s->even0 = mac2(s->even0, b0, b1, a0);
    if (rows == 2)
        s->even1 = mac2(s->even1, b0, b1, a1);
    if (TERN_NEON_REGS < 32)
        TERN_KEEP_ORDER();
    b0 = vld1q_s8(at->b + PIECE);
    b1 = vld1q_s8(at->b + STEP + PIECE);
    s->odd0 = mac2(s->odd0, b0, b1, a0);
    if (rows == 2)
        s->odd1 = mac2(s->odd1, b0, b1, a1);
    at->a0 += 2 * TERN_PANEL_K, at->a1 += 2 * TERN_PANEL_K, at->b += 2 * STEP;
}

TERN_INLINE void mac1_half(struct half *s, const struct at *at, int rows)
{
    const four_k a0 = broadcast1(at->a0);
    const int8x16_t even = vld1q_s8(at->b), odd = vld1q_s8(at->b + PIECE);
    s->even0 = mac1(s->even0, even, a0);
    s->odd0 = mac1(s->odd0, odd, a0);
    if (rows == 2) {
        const four_k a1 = broadcast1(at->a1);
        s->even1 = mac1(s->even1, even, a1);
        s->odd1 = mac1(s->odd1, odd, a1);
    }
}

TERN_INLINE void half_tile(struct at *at, int32_t *c, ptrdiff_t ld_c, int rows, int k4)
{
    const struct sums zero = {vdupq_n_s32(0), vdupq_n_s32(0)};
    struct half sum = {zero, zero, zero, zero}, *const s = &sum;
    int n = 0;
    if (k4 >= UNIT) {
#ifdef __aarch64__
        if (rows == 2)
            RUN_2(UNITS(2));
        else
#endif
            RUN_1(UNITS(1));
    }
    for (int k = k4 % UNIT; k > 0; k -= 2)
        if (k >= 2)
            mac2_half(s, at, rows);
        else
            mac1_half(s, at, rows);
    half_store(s, c, ld_c, rows);
}

static void tile_1(struct at at, int32_t *c, ptrdiff_t ld_c, int k4)
{
    half_tile(&at, c, ld_c, 1, k4);
}

#ifdef __aarch64__
static void tile_2(struct at at, int32_t *c, ptrdiff_t ld_c, int k4)
{
    half_tile(&at, c, ld_c, 2, k4);
}
#else
#define tile_2 tile_1
#endif

/* The magnitudes of 16 k steps: lane i of 32 bits has the sums of steps 4 * i to 4 * i + 3, by the place in a step. */
TERN_INLINE uint8x16_t magnitudes(const int8_t *a)
{
    const uint32x4x4_t v = vld4q_u32((const uint32_t *)(const void *)a);
    uint8x16_t sum[4];
    TERN_UNROLL
    for (int i = 0; i < 4; i++)
        sum[i] = vreinterpretq_u8_s8(vabsq_s8(vreinterpretq_s8_u32(v.val[i])));
    return vqaddq_u8(vqaddq_u8(sum[0], sum[1]), vqaddq_u8(sum[2], sum[3]));
}

/* The codes of two units of a tile's rows. */
TERN_INLINE void two_codes(const int8_t *a, ptrdiff_t ld_a, int rows, uint8_t *code)
{
    const uint8x16_t least = vdupq_n_u8(MOST_SUM + 1);
    uint8x16_t four = magnitudes(a),
               eight = vqaddq_u8(four, vreinterpretq_u8_u32(vrev64q_u32(vreinterpretq_u32_u8(four))));
    if (rows == 2) {
        const uint8x16_t other = magnitudes(a + ld_a);
        four = vmaxq_u8(four, other);
        eight = vmaxq_u8(eight, vqaddq_u8(other, vreinterpretq_u8_u32(vrev64q_u32(vreinterpretq_u32_u8(other)))));
    }
    const uint64x2_t not_four = vreinterpretq_u64_u8(vcgeq_u8(four, least));
    const uint64x2_t not_eight = vreinterpretq_u64_u8(vcgeq_u8(eight, least));
    code[0] = (uint8_t)((vgetq_lane_u64(not_eight, 0) != 0) + (vgetq_lane_u64(not_four, 0) != 0));
    code[1] = (uint8_t)((vgetq_lane_u64(not_eight, 1) != 0) + (vgetq_lane_u64(not_four, 1) != 0));
}

/* The codes of `units` > 0 units, and END. */
static void find_codes(const int8_t *a, ptrdiff_t ld_a, int rows, int units, uint8_t *code)
{
    enum { BYTES = UNIT * TERN_PANEL_K };
    int i = 0;
    for (; i + 2 <= units; i += 2)
        two_codes(a + (ptrdiff_t)i * BYTES, ld_a, rows, code + i);
    if (i < units) {
        int8_t last[2][2 * BYTES] = {{0}};
        for (int row = 0; row < rows; row++)
            memcpy(last[row], a + row * ld_a + (ptrdiff_t)i * BYTES, BYTES);
        two_codes(last[0], 2 * BYTES, rows, code + i);
    }
    code[units] = END;
}

void tern_gemm_s8_neon(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4, struct tern_ahead ahead)
{
    (void)ahead;
    uint8_t codes[CODES];
    const int units = k4 / UNIT, most = CODES / (units + 1) * TILE_ROWS;
    for (int row = 0; row < m; row += most, a += most * ld_a, c += most * ld_c) {
        const int rows = m - row < most ? m - row : most;
        for (int i = 0; i < rows && units; i += TILE_ROWS)
            find_codes(a + i * ld_a, ld_a, rows - i < TILE_ROWS ? 1 : TILE_ROWS, units,
                       codes + i / TILE_ROWS * (units + 1));
        for (int half = 0; half < 2 * panels; half++) {
            const int8_t *const w = b + (half / 2 * (ptrdiff_t)k4 * TERN_PANEL + half % 2 * 8) * TERN_PANEL_K;
            int32_t *const to = c + half * (TERN_PANEL / 2);
            const uint8_t *code = codes;
            int i = 0;
            for (; i + TILE_ROWS <= rows; i += TILE_ROWS, code += units + 1)
                tile_2((struct at){a + i * ld_a, a + (i + TILE_ROWS - 1) * ld_a, w, code}, to + i * ld_c, ld_c, k4);
            if (i < rows)
                tile_1((struct at){a + i * ld_a, a + i * ld_a, w, code}, to + i * ld_c, ld_c, k4);
        }
    }
}
