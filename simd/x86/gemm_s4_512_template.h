/* Template: gemm_s4 with 512-bit registers, a tile of a few rows by one panel; the sums of groups of activations are
   made once for all panels. Gives struct few, few_of() and few_rows().

   Parameters: those of few_rows(), the kernel's tile and its sum of activations. Included by gemm_s4_avx512bw.c and
   gemm_s4_avx512vnni.c. */
#ifndef TERN_X86_GEMM_S4_512_TEMPLATE_H
#define TERN_X86_GEMM_S4_512_TEMPLATE_H

#include "simd/table.h"
#include "simd/x86/avx512.h"

#include <string.h>

enum {
    MOST_FEW = 8, /* rows of a tile */
    GROUPS = 64,  /* whose activations' sums are kept at a time */
};

struct few {
    const int8_t *a;
    ptrdiff_t ld_a;
    const uint8_t *line, *mul; /* of the panel, from the first group on */
    int32_t *c;
    ptrdiff_t ld_c;
    const int32_t *start;  /* [rows][GROUPS] -offset * (sum of a group's activations) */
    __m512i value;         /* value + offset of each code */
    int steps, group, add; /* k steps, k steps of a group; add to what c holds */
};
typedef void few_fn(const struct few *t);

static inline struct few few_of(const struct tern_codes *w, const int8_t *a, ptrdiff_t ld_a, int32_t *c, ptrdiff_t ld_c)
{
    const __m128i value = _mm_loadu_si128((const __m128i *)w->book->value);
    const struct few t = {.a = a,
                          .ld_a = ld_a,
                          .c = c,
                          .ld_c = ld_c,
                          .value = _mm512_broadcast_i32x4(_mm_add_epi8(value, _mm_set1_epi8(w->book->offset))),
                          .group = w->mul ? w->group : 32};
    return t;
}

/* `rows` rows by all panels, GROUPS groups at a time. `tile` is for so many rows, sum_of the sum of n activations. */
static inline void few_rows(struct few t, few_fn *tile, int32_t (*sum_of)(const int8_t *a, int n),
                            const struct tern_codes *w, int rows, int panels, int k4)
{
    int32_t start[MOST_FEW * GROUPS];
    const int depth = GROUPS * t.group;
    const int8_t *const a = t.a;
    int32_t *const c = t.c;
    t.start = start;
    for (int k = 0, first = 0; k < k4; k += depth, first += GROUPS) {
        t.steps = k4 - k < depth ? k4 - k : depth;
        t.add = k > 0;
        t.a = a + (ptrdiff_t)k * TERN_PANEL_K;
        for (int i = 0; i < rows; i++)
            for (int step = 0; step < t.steps; step += t.group) {
                const int count = t.steps - step < t.group ? t.steps - step : t.group;
                start[i * GROUPS + step / t.group] =
                    -w->book->offset * sum_of(t.a + i * t.ld_a + step * TERN_PANEL_K, count * TERN_PANEL_K);
            }
        for (int p = 0; p < panels; p++) {
            const struct tern_codes panel = tern_codes_at(w, p, k4);
            t.line = panel.line + (ptrdiff_t)(k / 2) * TERN_LINE;
            t.mul = panel.mul ? panel.mul + first * TERN_PANEL : NULL;
            t.c = c + p * TERN_PANEL;
            tile(&t);
        }
    }
}

#endif
