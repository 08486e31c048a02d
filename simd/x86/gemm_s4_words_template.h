/* Template: 4-bit weights by pmaddubsw, unpacked in registers: unsigned values (value + offset <= 30) times signed
   activations. Four pairs of products fit 16 bits (4 * 2 * 30 * 127 = 30,480), so one step costs a multiplication and
   an addition for a register of products where int8 needs four instructions and more. pmaddwd by the group's
   multipliers then takes the sums to 32 bits. What the offset adds, offset * (sum of the group's activations) *
   multiplier, comes off at the group's end. Gives gemm_s4(), by gemm_s4_walk_template.h.

   Parameters, before this is included:
     enum { FOUR }                                         bytes from one step's four activations to the next step's
     static ALWAYS_INLINE vi four_at(const int8_t *a)      four activations in every lane of 32 bits
   and, after it, those of gemm_s4_walk_template.h but `tile`.
   Included by gemm_s4_avx2.c and gemm_s4_sse41.c, after their header of vectors. */
#ifndef TERN_X86_GEMM_S4_WORDS_TEMPLATE_H
#define TERN_X86_GEMM_S4_WORDS_TEMPLATE_H

#include "simd/x86/gemm_s4_walk_template.h"

_Static_assert(4 * 2 * 30 * 127 <= INT16_MAX, "four steps in 16 bits");

enum { STEPS = 4 /* in 16 bits */ };

#define TOTAL(i)                                                                                                       \
    vi total##i = i < rows && t->add ? vi_load(t->c + i * t->ld_c) : zero;                                             \
    vi words##i = zero;                                                                                                \
    const int8_t *a##i = t->a + (i < rows ? i : 0) * t->ld_a;

#define CLEAR(i) words##i = zero;

/* The sums of 16 bits are negative ones: psubw cannot overwrite a product, as gcc would let SSE's paddw do and then
   copy the sum back. */
#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        words##i = VI(add_epi16)(words##i, VI(maddubs_epi16)(w, four_at(a##i)));                                       \
        a##i += FOUR;                                                                                                  \
    }

#define WIDEN(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        total##i = VI(add_epi32)(total##i, VI(madd_epi16)(words##i, pairs));

// clang-format off
#define TAKE_OFF(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const vi start = VI(set1_epi32)(t->start[i * GROUPS + group]);                                         \
        total##i = VI(add_epi32)(total##i, VI(mullo_epi32)(start, mul));                  \
    }
// clang-format on

#define STORE(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        vi_store(t->c + i * t->ld_c, total##i);

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const vi zero = vi_zero(), low = VI(set1_epi8)(15), value = t->value;
    ALL_ROWS(TOTAL)
    for (int step = 0, group = 0; step < t->steps; step += t->group, group++) {
        const int count = t->steps - step < t->group ? t->steps - step : t->group;
        const vi mul = multipliers(t->mul ? t->mul + group * TERN_PANEL : NULL);
        const vi pairs = vi_or(mul, VI(slli_epi32)(mul, 16)); /* in both halves of 32 bits */
        const uint8_t *line = t->line + (ptrdiff_t)(step / 2) * TERN_LINE;
        for (int left = count; left > 0; left -= STEPS) {
            ALL_ROWS(CLEAR)
            TERN_UNROLL
            for (int i = 0; i < STEPS && i < left; i += 2, line += TERN_LINE) {
                const vi codes = vi_load(line);
                _mm_prefetch((const char *)((uintptr_t)line + AHEAD), _MM_HINT_T0);
                vi w = VI(shuffle_epi8)(value, vi_and(codes, low));
                ALL_ROWS(MULTIPLY)
                if (i + 1 < left) {
                    w = VI(shuffle_epi8)(value, vi_and(VI(srli_epi16)(codes, 4), low));
                    ALL_ROWS(MULTIPLY)
                }
            }
            ALL_ROWS(WIDEN)
        }
        ALL_ROWS(TAKE_OFF)
    }
    ALL_ROWS(STORE)
}

#endif
