/* Lays rows out for spmm_s4_avx2.c: of each k step, all rows' four activations and what the codebook's offset adds to
   each two. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"
#include "simd/x86/spmm_rows.h"

static ALWAYS_INLINE int32_t four_of(const int8_t *a)
{
    int32_t bytes;
    memcpy(&bytes, a, sizeof bytes);
    return bytes;
}

static void pack(struct tern_spmm_s4_input *packed, const int8_t *a, ptrdiff_t ld_a, int m, int k4, int offset)
{
    const __m256i ones = _mm256_set1_epi8(1), factor = _mm256_set1_epi16((int16_t)offset);
    for (int i = 0; i < m; i++) {
        const int8_t *row = a + i * ld_a;
        int k = 0;
        for (; k + 8 <= k4; k += 8) {
            int32_t four[8], excess[8];
            const __m256i x = tern_load256(row + k * TERN_PANEL_K);
            tern_store256(four, x);
            tern_store256(excess, _mm256_mullo_epi16(_mm256_maddubs_epi16(ones, x), factor));
            for (int j = 0; j < 8; j++)
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

void tern_spmm_s4_pack_avx2(const int8_t *a, ptrdiff_t ld_a, void *packed, const struct tern_codebook *book, int m,
                            int k4)
{
    pack(packed, a, ld_a, m, k4, book->offset);
}
