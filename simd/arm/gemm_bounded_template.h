/* The body of gemm_s7_neon.c and gemm_s6_neon.c, which define
     GEMM_NAME    the kernel's name
     GEMM_BOUND   the weights' largest magnitude: 63 or 31
     GEMM_UNIT    k steps whose products fit 16 bits whatever the values: 4 or 8

   As gemm_s8_neon.c, but more products are added in 16 bits before they are widened pairwise: those of a unit of k
   steps, and of two where the magnitudes of the activations that meet in a lane add up to 32,767 / GEMM_BOUND at most.
   That is looked at for each row; a text's rows nearly always allow it. 128 products are 18 instructions then, or 17
   with 31, where gemm_s8 has 24. Sums of 16 bits need registers as well, so a tile is half a panel, of two rows on 64
   bits and of one on 32. Weights of the next k step are loaded between the products of one, for cores that run in
   order.
 */
#ifndef GEMM_NAME
#error "include it from a kernel"
#endif
#ifndef __ARM_NEON
#error "needs NEON"
#endif
#include "simd/arm/neon.h"

enum {
    STEP = TERN_PANEL * TERN_PANEL_K,
    MOST_SUM = 32767 / GEMM_BOUND, /* of the magnitudes of activations whose products are added in 16 bits */
    ROW_BLOCK = 64,
};
_Static_assert(GEMM_UNIT * 127 <= MOST_SUM, "a unit's products fit 16 bits");
_Static_assert(GEMM_UNIT == 4 || GEMM_UNIT == 8, "what the assembly has");

/* Two partial sums of each of four channels, to be added by vpaddq_s32(low, high); half a panel of up to two rows. */
struct sums {
    int32x4_t low, high;
};
struct half {
    struct sums even0, odd0, even1, odd1;
};

// clang-format off
#define SUMS(name, s) [name##low] "+w"((s).low), [name##high] "+w"((s).high)

#ifdef __aarch64__
#define BEGIN "smull"
#define ADD "smlal"
/* A loop over n > 0 blocks of k steps. */
#define LOOP(block) "1:\n" block "subs %w[n], %w[n], #1\n" "b.ne 1b\n"

/* Sums of 16 bits are v16 .. v19 of the first row and v20 .. v23 of the second. `load` stands in between. */
#define ROW(mul, s0, s1, s2, s3, w0, w1, x, load)                                                                      \
    mul "  v" s0 ".8h, v" w0 ".8b, v" x ".8b\n"                                                                        \
    mul "2 v" s1 ".8h, v" w0 ".16b, v" x ".16b\n"                                                                      \
    load                                                                                                               \
    mul "  v" s2 ".8h, v" w1 ".8b, v" x ".8b\n"                                                                        \
    mul "2 v" s3 ".8h, v" w1 ".16b, v" x ".16b\n"
#define FIRST_ROW(mul, w0, w1, x, load) ROW(mul, "16", "17", "18", "19", w0, w1, x, load)
#define SECOND_ROW(mul, w0, w1, x) ROW(mul, "20", "21", "22", "23", w0, w1, x, "")

#define LOAD_EVEN "ld1 {v24.16b, v25.16b}, [%[b]], %[step]\n"
#define LOAD_ODD "ld1 {v26.16b, v27.16b}, [%[b]], %[step]\n"
/* Four k of a row in every lane, of four steps. */
#define LOAD_ROWS "ld4r {v28.4s, v29.4s, v30.4s, v31.4s}, [%[a0]], #16\n"
#define LOAD_SECOND "ld4r {v0.4s, v1.4s, v2.4s, v3.4s}, [%[a1]], #16\n"

#define FOUR_STEPS_1(mul)                                                                                              \
    LOAD_ROWS LOAD_EVEN                                                                                                \
    FIRST_ROW(mul, "24", "25", "28", LOAD_ODD)                                                                         \
    FIRST_ROW(ADD, "26", "27", "29", LOAD_EVEN)                                                                    \
    FIRST_ROW(ADD, "24", "25", "30", LOAD_ODD)                                                                     \
    FIRST_ROW(ADD, "26", "27", "31", "")
#define FOUR_STEPS_2(mul)                                                                                              \
    LOAD_ROWS LOAD_EVEN LOAD_SECOND                                                                                    \
    FIRST_ROW(mul, "24", "25", "28", LOAD_ODD) SECOND_ROW(mul, "24", "25", "0")                                        \
    FIRST_ROW(ADD, "26", "27", "29", LOAD_EVEN) SECOND_ROW(ADD, "26", "27", "1")                               \
    FIRST_ROW(ADD, "24", "25", "30", LOAD_ODD) SECOND_ROW(ADD, "24", "25", "2")                                \
    FIRST_ROW(ADD, "26", "27", "31", "") SECOND_ROW(ADD, "26", "27", "3")

#define ONE_STEP_1(mul)                                                                                                \
    "ld1r {v28.4s}, [%[a0]], #4\n" LOAD_EVEN FIRST_ROW(mul, "24", "25", "28", "")
#define ONE_STEP_2(mul)                                                                                                \
    "ld1r {v28.4s}, [%[a0]], #4\n" LOAD_EVEN "ld1r {v0.4s}, [%[a1]], #4\n"                                             \
    FIRST_ROW(mul, "24", "25", "28", "") SECOND_ROW(mul, "24", "25", "0")

#define WIDEN_1                                                                                                        \
    "sadalp %[e0low].4s, v16.8h\n"                                                                                     \
    "sadalp %[e0high].4s, v17.8h\n"                                                                                    \
    "sadalp %[o0low].4s, v18.8h\n"                                                                                     \
    "sadalp %[o0high].4s, v19.8h\n"
#define WIDEN_2                                                                                                        \
    WIDEN_1                                                                                                            \
    "sadalp %[e1low].4s, v20.8h\n"                                                                                     \
    "sadalp %[e1high].4s, v21.8h\n"                                                                                    \
    "sadalp %[o1low].4s, v22.8h\n"                                                                                     \
    "sadalp %[o1high].4s, v23.8h\n"

#define RUN_1(block)                                                                                                   \
    __asm__ volatile(LOOP(block)                                                                                       \
                     : SUMS(e0, s->even0), SUMS(o0, s->odd0), [a0] "+r"(at->a0), [b] "+r"(at->b), [n] "+r"(n)           \
                     : [step] "r"((ptrdiff_t)STEP)                                                                     \
                     : "v16", "v17", "v18", "v19", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "cc",       \
                       "memory")
#define RUN_2(block)                                                                                                   \
    __asm__ volatile(LOOP(block)                                                                                       \
                     : SUMS(e0, s->even0), SUMS(o0, s->odd0), SUMS(e1, s->even1), SUMS(o1, s->odd1),                   \
                       [a0] "+r"(at->a0), [a1] "+r"(at->a1), [b] "+r"(at->b), [n] "+r"(n)                              \
                     : [step] "r"((ptrdiff_t)STEP)                                                                     \
                     : "v0", "v1", "v2", "v3", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",   \
                       "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory")
enum { TILE_ROWS = 2 };
#else
#define BEGIN "vmull.s8"
#define ADD "vmlal.s8"
#define LOOP(block) "1:\n" block "subs %[n], %[n], #1\n" "bne 1b\n"

/* Sums of 16 bits are q8 .. q11. */
#define STEP_OF(mul, x)                                                                                                \
    "vld1.8 {d24, d25, d26, d27}, [%[b]], %[step]\n"                                                                   \
    mul " q8, d24, " x "\n"                                                                                            \
    mul " q9, d25, " x "\n"                                                                                            \
    mul " q10, d26, " x "\n"                                                                                           \
    mul " q11, d27, " x "\n"
/* Four k of the row in every lane, of four steps; the load asks for no alignment. */
#define FOUR_STEPS_1(mul)                                                                                              \
    "vld4.32 {d28[], d29[], d30[], d31[]}, [%[a0]]!\n"                                                                 \
    STEP_OF(mul, "d28") STEP_OF(ADD, "d29") STEP_OF(ADD, "d30") STEP_OF(ADD, "d31")
#define ONE_STEP_1(mul) "vld1.32 {d28[]}, [%[a0]]!\n" STEP_OF(mul, "d28")
#define WIDEN_1                                                                                                        \
    "vpadal.s16 %q[e0low], q8\n"                                                                                       \
    "vpadal.s16 %q[e0high], q9\n"                                                                                      \
    "vpadal.s16 %q[o0low], q10\n"                                                                                      \
    "vpadal.s16 %q[o0high], q11\n"
#define RUN_1(block)                                                                                                   \
    __asm__ volatile(LOOP(block)                                                                                       \
                     : SUMS(e0, s->even0), SUMS(o0, s->odd0), [a0] "+r"(at->a0), [b] "+r"(at->b), [n] "+r"(n)           \
                     : [step] "r"((ptrdiff_t)STEP)                                                                     \
                     : "q8", "q9", "q10", "q11", "q12", "q13", "q14", "q15", "cc", "memory")
enum { TILE_ROWS = 1 };
#endif

#if GEMM_UNIT == 4
#define UNIT(rows, mul) FOUR_STEPS_##rows(mul)
#else
#define UNIT(rows, mul) FOUR_STEPS_##rows(mul) FOUR_STEPS_##rows(ADD)
#endif
// clang-format on

struct at {
    const int8_t *a0, *a1, *b;
};

/* How k steps are widened together: n blocks of two units, of one, of four steps, and what is left. */
struct depth {
    int two_units, units, fours, rest;
};

static struct depth depth_of(int k4, int twice)
{
    struct depth d = {twice ? k4 / (2 * GEMM_UNIT) : 0, 0, 0, 0};
    k4 -= d.two_units * 2 * GEMM_UNIT;
    d.units = k4 / GEMM_UNIT;
    d.fours = k4 % GEMM_UNIT / 4;
    d.rest = k4 % 4;
    return d;
}

#define RUN_ALL(rows)                                                                                                  \
    do {                                                                                                               \
        int n = d->two_units;                                                                                          \
        if (n)                                                                                                         \
            RUN_##rows(UNIT(rows, BEGIN) UNIT(rows, ADD) WIDEN_##rows);                                                \
        n = d->units;                                                                                                  \
        if (n)                                                                                                         \
            RUN_##rows(UNIT(rows, BEGIN) WIDEN_##rows);                                                                \
        n = d->fours;                                                                                                  \
        if (GEMM_UNIT > 4 && n)                                                                                        \
            RUN_##rows(FOUR_STEPS_##rows(BEGIN) WIDEN_##rows);                                                         \
        n = 1;                                                                                                         \
        if (d->rest == 1)                                                                                              \
            RUN_##rows(ONE_STEP_##rows(BEGIN) WIDEN_##rows);                                                           \
        else if (d->rest == 2)                                                                                         \
            RUN_##rows(ONE_STEP_##rows(BEGIN) ONE_STEP_##rows(ADD) WIDEN_##rows);                                      \
        else if (d->rest == 3)                                                                                         \
            RUN_##rows(ONE_STEP_##rows(BEGIN) ONE_STEP_##rows(ADD) ONE_STEP_##rows(ADD) WIDEN_##rows);                 \
    } while (0)

TERN_INLINE void half_tile(struct at *at, int32_t *c, ptrdiff_t ld_c, int rows, const struct depth *d)
{
    const struct sums zero = {vdupq_n_s32(0), vdupq_n_s32(0)};
    struct half sum = {zero, zero, zero, zero}, *const s = &sum;
#ifdef __aarch64__
    if (rows == 2)
        RUN_ALL(2);
    else
#endif
        RUN_ALL(1);
    vst1q_s32(c, vpaddq_s32(s->even0.low, s->even0.high));
    vst1q_s32(c + 4, vpaddq_s32(s->odd0.low, s->odd0.high));
    if (rows == 2) {
        vst1q_s32(c + ld_c, vpaddq_s32(s->even1.low, s->even1.high));
        vst1q_s32(c + ld_c + 4, vpaddq_s32(s->odd1.low, s->odd1.high));
    }
}

static void tile_1(struct at at, int32_t *c, ptrdiff_t ld_c, const struct depth *d)
{
    half_tile(&at, c, ld_c, 1, d);
}

#ifdef __aarch64__
static void tile_2(struct at at, int32_t *c, ptrdiff_t ld_c, const struct depth *d)
{
    half_tile(&at, c, ld_c, 2, d);
}
#else
#define tile_2 tile_1
#endif

/* The sums of magnitudes of 8 k steps, for each of the four inputs of a step. */
TERN_INLINE uint16x4_t magnitudes(const int8_t *a)
{
    const uint8x16_t sum = vaddq_u8(vreinterpretq_u8_s8(vabsq_s8(vld1q_s8(a))),
                                    vreinterpretq_u8_s8(vabsq_s8(vld1q_s8(a + 4 * TERN_PANEL_K))));
    const uint16x8_t two = vaddl_u8(vget_low_u8(sum), vget_high_u8(sum));
    return vadd_u16(vget_low_u16(two), vget_high_u16(two));
}

/* Whether a row's products over two units fit 16 bits, wherever two are taken together. */
static int fits_twice(const int8_t *a, int k4)
{
    uint16x4_t most = vdup_n_u16(0);
    for (; k4 >= 2 * GEMM_UNIT; k4 -= 2 * GEMM_UNIT, a += 2 * GEMM_UNIT * TERN_PANEL_K) {
        uint16x4_t sum = magnitudes(a);
        if (GEMM_UNIT == 8)
            sum = vadd_u16(sum, magnitudes(a + 8 * TERN_PANEL_K));
        most = vmax_u16(most, sum);
    }
    most = vpmax_u16(most, most);
    most = vpmax_u16(most, most);
    return vget_lane_u16(most, 0) <= MOST_SUM;
}

void GEMM_NAME(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4,
               struct tern_ahead ahead)
{
    (void)ahead;
    const struct depth depth[2] = {depth_of(k4, 0), depth_of(k4, 1)};
    uint8_t twice[ROW_BLOCK];
    for (int row = 0; row < m; row += ROW_BLOCK, a += ROW_BLOCK * ld_a, c += ROW_BLOCK * ld_c) {
        const int rows = m - row < ROW_BLOCK ? m - row : ROW_BLOCK;
        for (int i = 0; i < rows; i++)
            twice[i] = (uint8_t)fits_twice(a + i * ld_a, k4);
        for (int half = 0; half < 2 * panels; half++) {
            const int8_t *const w = b + (half / 2 * (ptrdiff_t)k4 * TERN_PANEL + half % 2 * 8) * TERN_PANEL_K;
            int32_t *const to = c + half * (TERN_PANEL / 2);
            int i = 0;
            for (; i + TILE_ROWS <= rows; i += TILE_ROWS)
                tile_2((struct at){a + i * ld_a, a + (i + TILE_ROWS - 1) * ld_a, w}, to + i * ld_c, ld_c,
                       &depth[twice[i] & twice[i + TILE_ROWS - 1]]);
            for (; i < rows; i++)
                tile_1((struct at){a + i * ld_a, a + i * ld_a, w}, to + i * ld_c, ld_c, &depth[twice[i]]);
        }
    }
}
