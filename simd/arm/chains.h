/* Chains of products that are added in 16 bits and then widened pairwise, in assembly, for gemm_chains_template.h. A
   tile is one row, of a panel on 64 bits and of half of one on 32, since sums of 16 bits need registers as well. Two
   rows of half a panel would take as many registers and load half as many weights, but both rows would have to allow
   a chain, and 8 steps would take two instructions more. Weights of the next k step are loaded between the products of
   one, for cores that run in order. The macros' names hold only where this is included, which is in kernels. */
#ifndef TERN_ARM_CHAINS_H
#define TERN_ARM_CHAINS_H

#include "simd/arm/neon.h"

enum { STEP = TERN_PANEL * TERN_PANEL_K };

/* How the steps of a unit are divided into chains. END follows the last unit. The values are bits, which the assembly
   looks at. */
enum { UNIT = 12 };
enum code { TWELVE = 0, SIXES = 1, FOURS = 2, THREES = 4, TWOS = 8, END = 16 };

/* Where the assembly reads: it moves on as the k steps are done. */
struct at {
    const int8_t *a, *b;
    const uint8_t *code;
};

// clang-format off
#ifdef __aarch64__

enum { TILE_CHANNELS = TERN_PANEL };

/* Two partial sums of each channel. No arrays of vectors: clang 14 would keep them in memory. */
struct tile {
    int32x4_t s0, s1, s2, s3, s4, s5, s6, s7;
};

TERN_INLINE void tile_store(const struct tile *s, int32_t *c)
{
    vst1q_s32(c, vpaddq_s32(s->s0, s->s1));
    vst1q_s32(c + 4, vpaddq_s32(s->s2, s->s3));
    vst1q_s32(c + 8, vpaddq_s32(s->s4, s->s5));
    vst1q_s32(c + 12, vpaddq_s32(s->s6, s->s7));
}

#define NEW "smull"
#define ADD "smlal"

/* Four k of the row in every lane, of four steps, of two and of one. */
#define ROW_4 "ld4r {v28.4s, v29.4s, v30.4s, v31.4s}, [%[a]], #16\n"
#define ROW_2 "ld2r {v28.4s, v29.4s}, [%[a]], #8\n"
#define ROW_1 "ld1r {v28.4s}, [%[a]], #4\n"
/* Weights of a step: even and odd ones have registers of their own. */
#define EVEN "ld1 {v24.16b, v25.16b, v26.16b, v27.16b}, [%[b]], #64\n"
#define ODD "ld1 {v0.16b, v1.16b, v2.16b, v3.16b}, [%[b]], #64\n"
/* Sums of 16 bits are v16 .. v23. `load` stands in between. */
#define STEP_OF(mul, w0, w1, w2, w3, x, load)                                                                          \
    mul "  v16.8h, v" w0 ".8b, v" x ".8b\n"                                                                            \
    mul "2 v17.8h, v" w0 ".16b, v" x ".16b\n"                                                                          \
    load                                                                                                               \
    mul "  v18.8h, v" w1 ".8b, v" x ".8b\n"                                                                            \
    mul "2 v19.8h, v" w1 ".16b, v" x ".16b\n"                                                                          \
    mul "  v20.8h, v" w2 ".8b, v" x ".8b\n"                                                                            \
    mul "2 v21.8h, v" w2 ".16b, v" x ".16b\n"                                                                          \
    mul "  v22.8h, v" w3 ".8b, v" x ".8b\n"                                                                            \
    mul "2 v23.8h, v" w3 ".16b, v" x ".16b\n"
#define EVEN_STEP(mul, x, load) STEP_OF(mul, "24", "25", "26", "27", x, load)
#define ODD_STEP(mul, x, load) STEP_OF(mul, "0", "1", "2", "3", x, load)

#define WIDEN                                                                                                          \
    "sadalp %[s0].4s, v16.8h\n"                                                                                        \
    "sadalp %[s1].4s, v17.8h\n"                                                                                        \
    "sadalp %[s2].4s, v18.8h\n"                                                                                        \
    "sadalp %[s3].4s, v19.8h\n"                                                                                        \
    "sadalp %[s4].4s, v20.8h\n"                                                                                        \
    "sadalp %[s5].4s, v21.8h\n"                                                                                        \
    "sadalp %[s6].4s, v22.8h\n"                                                                                        \
    "sadalp %[s7].4s, v23.8h\n"

#define RUN(text)                                                                                                      \
    __asm__ volatile(text                                                                                              \
                     : [s0] "+w"(s->s0), [s1] "+w"(s->s1), [s2] "+w"(s->s2), [s3] "+w"(s->s3), [s4] "+w"(s->s4),       \
                       [s5] "+w"(s->s5), [s6] "+w"(s->s6), [s7] "+w"(s->s7), [a] "+r"(at->a), [b] "+r"(at->b),         \
                       [code] "+r"(at->code), [n] "=&r"(n)                                                             \
                     :                                                                                                 \
                     : "v0", "v1", "v2", "v3", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",   \
                       "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory")

#define NEXT "ldrb %w[n], [%[code]], #1\n"
#define IF_TWELVE "cbz %w[n], .Ltwelve%=\n"
#define IF_SIXES "tbnz %w[n], #0, .Lsixes%=\n"
#define IF_FOURS "tbnz %w[n], #1, .Lfours%=\n"
#define IF_THREES "tbnz %w[n], #2, .Lthrees%=\n"
#define IF_TWOS "tbnz %w[n], #3, .Ltwos%=\n"
#else

enum { TILE_CHANNELS = TERN_PANEL / 2 };

struct tile {
    int32x4_t s0, s1, s2, s3;
};

TERN_INLINE void tile_store(const struct tile *s, int32_t *c)
{
    vst1q_s32(c, vpaddq_s32(s->s0, s->s1));
    vst1q_s32(c + 4, vpaddq_s32(s->s2, s->s3));
}

#define NEW "vmull.s8"
#define ADD "vmlal.s8"

/* These ask for no alignment. */
#define ROW_4 "vld4.32 {d28[], d29[], d30[], d31[]}, [%[a]]!\n"
#define ROW_2 "vld2.32 {d28[], d29[]}, [%[a]]!\n"
#define ROW_1 "vld1.32 {d28[]}, [%[a]]!\n"
#define EVEN ""
#define ODD ""
/* Sums of 16 bits are q8 .. q11. */
#define EVEN_STEP(mul, x, load)                                                                                        \
    "vld1.8 {d24, d25, d26, d27}, [%[b]], %[step]\n"                                                                   \
    mul " q8, d24, d" x "\n"                                                                                           \
    mul " q9, d25, d" x "\n"                                                                                           \
    mul " q10, d26, d" x "\n"                                                                                          \
    mul " q11, d27, d" x "\n"
#define ODD_STEP EVEN_STEP

#define WIDEN                                                                                                          \
    "vpadal.s16 %q[s0], q8\n"                                                                                          \
    "vpadal.s16 %q[s1], q9\n"                                                                                          \
    "vpadal.s16 %q[s2], q10\n"                                                                                         \
    "vpadal.s16 %q[s3], q11\n"

#define RUN(text)                                                                                                      \
    __asm__ volatile(text                                                                                              \
                     : [s0] "+w"(s->s0), [s1] "+w"(s->s1), [s2] "+w"(s->s2), [s3] "+w"(s->s3), [a] "+r"(at->a),        \
                       [b] "+r"(at->b), [code] "+r"(at->code), [n] "=&r"(n)                                            \
                     : [step] "r"((ptrdiff_t)STEP)                                                                     \
                     : "q8", "q9", "q10", "q11", "q12", "q13", "q14", "q15", "cc", "memory")

/* These stand in this order: flags that the earlier read do for the later as well. */
#define NEXT "ldrb %[n], [%[code]], #1\n" "cmp %[n], #1\n"
#define IF_TWELVE "blo .Ltwelve%=\n"
#define IF_SIXES "beq .Lsixes%=\n"
#define IF_FOURS "cmp %[n], #4\n" "blo .Lfours%=\n"
#define IF_THREES "beq .Lthrees%=\n"
#define IF_TWOS "cmp %[n], #8\n" "beq .Ltwos%=\n"
#endif

/* Four steps, the first of which finds its weights loaded; `last` loads for the step after them. m0 .. m3 begin sums or
   add to them, and before a step that begins them `w0` .. `w2` widen those before. */
#define GROUP(m0, w0, m1, w1, m2, w2, m3, last)                                                                        \
    ROW_4 EVEN_STEP(m0, "28", ODD) w0 ODD_STEP(m1, "29", EVEN) w1 EVEN_STEP(m2, "30", ODD) w2 ODD_STEP(m3, "31", last)

#define UNIT_TWELVE                                                                                                    \
    EVEN GROUP(NEW, "", ADD, "", ADD, "", ADD, EVEN) GROUP(ADD, "", ADD, "", ADD, "", ADD, EVEN)                       \
    GROUP(ADD, "", ADD, "", ADD, "", ADD, "") WIDEN
#define UNIT_SIXES                                                                                                     \
    EVEN GROUP(NEW, "", ADD, "", ADD, "", ADD, EVEN) GROUP(ADD, "", ADD, WIDEN, NEW, "", ADD, EVEN)                    \
    GROUP(ADD, "", ADD, "", ADD, "", ADD, "") WIDEN
#define UNIT_FOURS                                                                                                     \
    EVEN GROUP(NEW, "", ADD, "", ADD, "", ADD, EVEN) WIDEN GROUP(NEW, "", ADD, "", ADD, "", ADD, EVEN) WIDEN           \
    GROUP(NEW, "", ADD, "", ADD, "", ADD, "") WIDEN
#define UNIT_THREES                                                                                                    \
    EVEN GROUP(NEW, "", ADD, "", ADD, WIDEN, NEW, EVEN) GROUP(ADD, "", ADD, WIDEN, NEW, "", ADD, EVEN)                 \
    GROUP(ADD, WIDEN, NEW, "", ADD, "", ADD, "") WIDEN
#define UNIT_TWOS                                                                                                      \
    EVEN GROUP(NEW, "", ADD, WIDEN, NEW, "", ADD, EVEN) WIDEN GROUP(NEW, "", ADD, WIDEN, NEW, "", ADD, EVEN) WIDEN     \
    GROUP(NEW, "", ADD, WIDEN, NEW, "", ADD, "") WIDEN

/* Steps after the last unit. */
#define ONE_FOUR EVEN GROUP(NEW, "", ADD, "", ADD, "", ADD, "") WIDEN
#define TWO_TWOS EVEN GROUP(NEW, "", ADD, WIDEN, NEW, "", ADD, "") WIDEN
#define ONE_TWO ROW_2 EVEN EVEN_STEP(NEW, "28", ODD) ODD_STEP(ADD, "29", "") WIDEN
#define ONE_STEP ROW_1 EVEN EVEN_STEP(NEW, "28", "") WIDEN
// clang-format on

#endif
