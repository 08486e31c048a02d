/* Chains of products that are added in 16 bits and then widened pairwise, in assembly: what gemm_s8_neon.c and
   gemm_bounded_template.h share. A tile is half a panel, of one or two rows on 64 bits and of one on 32, since sums of
   16 bits need registers as well. Weights of the next k step are loaded between the products of one, for cores that run
   in order. The macros' names hold only where this is included, which is in kernels. */
#ifndef TERN_ARM_CHAINS_H
#define TERN_ARM_CHAINS_H

#include "simd/arm/mac2.h"

enum { STEP = TERN_PANEL * TERN_PANEL_K };

/* Half a panel of up to two rows. No arrays of vectors below: clang 14 would keep them in memory. */
struct half {
    struct sums even0, odd0, even1, odd1;
};

/* Where the assembly reads: it moves on as the k steps are done. `codes` may be NULL where it reads none. */
struct at {
    const int8_t *a0, *a1, *b;
    const uint8_t *codes;
};

TERN_INLINE void half_store(const struct half *s, int32_t *c, ptrdiff_t ld_c, int rows)
{
    vst1q_s32(c, vpaddq_s32(s->even0.low, s->even0.high));
    vst1q_s32(c + 4, vpaddq_s32(s->odd0.low, s->odd0.high));
    if (rows == 2) {
        vst1q_s32(c + ld_c, vpaddq_s32(s->even1.low, s->even1.high));
        vst1q_s32(c + ld_c + 4, vpaddq_s32(s->odd1.low, s->odd1.high));
    }
}

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

/* `mul` begins the sums, or adds; `between` the second and the third step they may be widened, and `third` begins them. */
#define FOUR_STEPS_1(mul, between, third)                                                                              \
    LOAD_ROWS LOAD_EVEN                                                                                                \
    FIRST_ROW(mul, "24", "25", "28", LOAD_ODD)                                                                         \
    FIRST_ROW(ADD, "26", "27", "29", LOAD_EVEN) between                                                                \
    FIRST_ROW(third, "24", "25", "30", LOAD_ODD)                                                                       \
    FIRST_ROW(ADD, "26", "27", "31", "")
#define FOUR_STEPS_2(mul, between, third)                                                                              \
    LOAD_ROWS LOAD_EVEN LOAD_SECOND                                                                                    \
    FIRST_ROW(mul, "24", "25", "28", LOAD_ODD) SECOND_ROW(mul, "24", "25", "0")                                        \
    FIRST_ROW(ADD, "26", "27", "29", LOAD_EVEN) SECOND_ROW(ADD, "26", "27", "1") between                               \
    FIRST_ROW(third, "24", "25", "30", LOAD_ODD) SECOND_ROW(third, "24", "25", "2")                                    \
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

#define RUN_1(text)                                                                                                    \
    __asm__ volatile(text                                                                                              \
                     : SUMS(e0, s->even0), SUMS(o0, s->odd0), [a0] "+r"(at->a0), [b] "+r"(at->b), [codes] "+r"(at->codes), [n] "+r"(n)\
                     : [step] "r"((ptrdiff_t)STEP)                                                                     \
                     : "v16", "v17", "v18", "v19", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "cc",       \
                       "memory")
#define RUN_2(text)                                                                                                    \
    __asm__ volatile(text                                                                                              \
                     : SUMS(e0, s->even0), SUMS(o0, s->odd0), SUMS(e1, s->even1), SUMS(o1, s->odd1),                   \
                       [a0] "+r"(at->a0), [a1] "+r"(at->a1), [b] "+r"(at->b), [codes] "+r"(at->codes), [n] "+r"(n)     \
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
#define FOUR_STEPS_1(mul, between, third)                                                                              \
    "vld4.32 {d28[], d29[], d30[], d31[]}, [%[a0]]!\n"                                                                 \
    STEP_OF(mul, "d28") STEP_OF(ADD, "d29") between STEP_OF(third, "d30") STEP_OF(ADD, "d31")
#define ONE_STEP_1(mul) "vld1.32 {d28[]}, [%[a0]]!\n" STEP_OF(mul, "d28")
#define WIDEN_1                                                                                                        \
    "vpadal.s16 %q[e0low], q8\n"                                                                                       \
    "vpadal.s16 %q[e0high], q9\n"                                                                                      \
    "vpadal.s16 %q[o0low], q10\n"                                                                                      \
    "vpadal.s16 %q[o0high], q11\n"
#define RUN_1(text)                                                                                                    \
    __asm__ volatile(text                                                                                              \
                     : SUMS(e0, s->even0), SUMS(o0, s->odd0), [a0] "+r"(at->a0), [b] "+r"(at->b), [codes] "+r"(at->codes), [n] "+r"(n)\
                     : [step] "r"((ptrdiff_t)STEP)                                                                     \
                     : "q8", "q9", "q10", "q11", "q12", "q13", "q14", "q15", "cc", "memory")
enum { TILE_ROWS = 1 };
#endif
// clang-format on

#endif
