/* Lays rows out for spmm_s4_avx512vnni.c, with 128 added, so that they are unsigned: as spmm_pack_512.h has them for
   16x4, or few rows close together. */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/table.h"
#include "simd/x86/spmm_pack_512.h"

enum { FEW_ROWS = TERN_SPMM_S4_FEW };

/* packed[k4][4][4] */
static void pack_few(uint8_t *packed, const int8_t *a, ptrdiff_t ld_a, int m, int k4)
{
    for (int i = 0; i < m; i++)
        for (int k = 0; k < k4; k += 16) {
            const int steps = k4 - k < 16 ? k4 - k : 16;
            const __m512i x = _mm512_maskz_loadu_epi32(tern_mask16(steps), a + i * ld_a + (ptrdiff_t)k * TERN_PANEL_K);
            int32_t four[16];
            _mm512_storeu_si512(four, _mm512_xor_si512(x, _mm512_set1_epi8(-128)));
            for (int j = 0; j < steps; j++)
                memcpy(packed + ((ptrdiff_t)(k + j) * FEW_ROWS + i) * TERN_PANEL_K, four + j, sizeof *four);
        }
}

void tern_spmm_s4_pack_avx512vnni(const int8_t *a, ptrdiff_t ld_a, void *packed, const struct tern_codebook *book,
                                  int m, int k4)
{
    (void)book;
    if (m <= FEW_ROWS)
        pack_few(packed, a, ld_a, m, k4);
    else
        tern_spmm512_pack(-128, packed, a, ld_a, TERN_BLOCK_16X4, m, k4);
}
