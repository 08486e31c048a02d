/* Template: lays rows out for spmm_s4_template.h: of each k step, all rows' four activations and what the codebook's
   offset adds to each two. Gives vi_spmm_s4_pack().

   Included by spmm_s4_pack_avx2.c and spmm_s4_pack_sse41.c, after their header of vectors. */
#ifndef TERN_X86_SPMM_S4_PACK_TEMPLATE_H
#define TERN_X86_SPMM_S4_PACK_TEMPLATE_H

#include "simd/x86/spmm_rows.h"

static ALWAYS_INLINE int32_t four_of(const int8_t *a)
{
    int32_t bytes;
    memcpy(&bytes, a, sizeof bytes);
    return bytes;
}

static void pack(struct tern_spmm_s4_input *packed, const int8_t *a, ptrdiff_t ld_a, int m, int k4, int offset)
{
    const vi ones = VI(set1_epi8)(1), factor = VI(set1_epi16)((int16_t)offset);
    for (int i = 0; i < m; i++) {
        const int8_t *row = a + i * ld_a;
        int k = 0;
        for (; k + VI_S32 <= k4; k += VI_S32) {
            int32_t four[VI_S32], excess[VI_S32];
            const vi x = vi_load(row + k * TERN_PANEL_K);
            vi_store(four, x);
            vi_store(excess, VI(mullo_epi16)(VI(maddubs_epi16)(ones, x), factor));
            for (int j = 0; j < VI_S32; j++)
                packed[(ptrdiff_t)(k + j) * m + i] = (struct tern_spmm_s4_input){four[j], excess[j]};
        }
        for (; k < k4; k++) {
            const int8_t *x = row + k * TERN_PANEL_K;
            const int16_t two[2] = {(int16_t)(offset * (x[0] + x[1])), (int16_t)(offset * (x[2] + x[3]))};
            struct tern_spmm_s4_input in = {four_of(x), 0};
            memcpy(&in.excess, two, sizeof two);
            packed[(ptrdiff_t)k * m + i] = in;
        }
    }
}

static ALWAYS_INLINE void vi_spmm_s4_pack(const int8_t *a, ptrdiff_t ld_a, void *packed,
                                          const struct tern_codebook *book, int m, int k4)
{
    pack(packed, a, ld_a, m, k4, book->offset);
}

#endif
