/* Lays rows out for spmm_avx512vnni.c, with 128 added, so that they are unsigned: as spmm_pack_512.h has them; for
   narrow blocks few rows lie in groups of four, whose inputs of a k step are 128 bits. */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/table.h"
#include "simd/x86/spmm_pack_512.h"

enum { GROUP = TERN_SPMM_FEW_GROUP, STEP_BYTES = GROUP * TERN_PANEL_K };

/* a[rows][4 * k4] to [rows / 4][k4][4 rows][4], or for 4x1 to [rows / 4][4 * k4][4 rows]. A group of one or two rows
   repeats them. */
static void pack_few(uint8_t *packed, const int8_t *a, ptrdiff_t ld_a, enum tern_block_shape shape, int m, int k4)
{
    const __m512i top = _mm512_set1_epi8(-128);
    for (int i = 0; i < m; i += GROUP, packed += (ptrdiff_t)k4 * STEP_BYTES)
        for (int k = 0; k < k4; k += 16) {
            const int steps = k4 - k < 16 ? k4 - k : 16, rows = m - i < GROUP ? m - i : GROUP;
            __m512i r[GROUP], t[GROUP];
            TERN_UNROLL
            for (int j = 0; j < GROUP; j++)
                r[j] = _mm512_xor_si512(_mm512_maskz_loadu_epi32(tern_mask16(steps), a + (i + j % rows) * ld_a +
                                                                                         (ptrdiff_t)k * TERN_PANEL_K),
                                        top);
            const __m512i low01 = _mm512_unpacklo_epi32(r[0], r[1]), high01 = _mm512_unpackhi_epi32(r[0], r[1]);
            const __m512i low23 = _mm512_unpacklo_epi32(r[2], r[3]), high23 = _mm512_unpackhi_epi32(r[2], r[3]);
            t[0] = _mm512_unpacklo_epi64(low01, low23), t[1] = _mm512_unpackhi_epi64(low01, low23);
            t[2] = _mm512_unpacklo_epi64(high01, high23), t[3] = _mm512_unpackhi_epi64(high01, high23);
            tern_transpose_quarters(t);
            TERN_UNROLL
            for (int j = 0; j < 16; j += 4)
                if (j < steps)
                    _mm512_mask_storeu_epi32(packed + (ptrdiff_t)(k + j) * STEP_BYTES,
                                             tern_mask16(4 * (steps - j < 4 ? steps - j : 4)),
                                             shape == TERN_BLOCK_4X1 ? tern_transpose_bytes(t[j / 4]) : t[j / 4]);
        }
}

void tern_spmm_pack_avx512vnni(const int8_t *a, ptrdiff_t ld_a, void *packed, enum tern_block_shape shape, int m,
                               int k4)
{
    if (tern_spmm_few_avx512(shape, m))
        pack_few(packed, a, ld_a, shape, m, k4);
    else
        tern_spmm512_pack(-128, packed, a, ld_a, shape, m, k4);
}
