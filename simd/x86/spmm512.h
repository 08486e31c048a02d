/* Block-sparse products with 16 rows in the lanes of 512 bits: transposes, gathering, and how sums are brought back. */
#ifndef TERN_X86_SPMM512_H
#define TERN_X86_SPMM512_H

#include "simd/x86/avx512.h"
#include "simd/x86/spmm_rows.h"

/* The transpose of 4 x 4 lanes of 32 bits within each 128, in place. */
static ALWAYS_INLINE void tern_transpose4(__m512i *r)
{
    const __m512i a = _mm512_unpacklo_epi32(r[0], r[1]), b = _mm512_unpackhi_epi32(r[0], r[1]);
    const __m512i c = _mm512_unpacklo_epi32(r[2], r[3]), d = _mm512_unpackhi_epi32(r[2], r[3]);
    r[0] = _mm512_unpacklo_epi64(a, c), r[1] = _mm512_unpackhi_epi64(a, c);
    r[2] = _mm512_unpacklo_epi64(b, d), r[3] = _mm512_unpackhi_epi64(b, d);
}

/* The transpose of 16 x 16 lanes of 32 bits, in place. */
static ALWAYS_INLINE void tern_transpose16(__m512i *r)
{
    TERN_UNROLL
    for (int i = 0; i < 16; i += 4)
        tern_transpose4(r + i);
    TERN_UNROLL
    for (int i = 0; i < 4; i++) { /* 4 x 4 of 128 bits */
        const __m512i a = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88), b = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
        const __m512i c = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88),
                      d = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
        r[i] = _mm512_shuffle_i32x4(a, c, 0x88), r[i + 8] = _mm512_shuffle_i32x4(a, c, 0xDD);
        r[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88), r[i + 12] = _mm512_shuffle_i32x4(b, d, 0xDD);
    }
}

/* The 4 x 4 transpose of 128 bits. */
static ALWAYS_INLINE void tern_transpose_quarters(__m512i *r)
{
    const __m512i a = _mm512_shuffle_i32x4(r[0], r[1], 0x88), b = _mm512_shuffle_i32x4(r[0], r[1], 0xDD);
    const __m512i c = _mm512_shuffle_i32x4(r[2], r[3], 0x88), d = _mm512_shuffle_i32x4(r[2], r[3], 0xDD);
    r[0] = _mm512_shuffle_i32x4(a, c, 0x88), r[2] = _mm512_shuffle_i32x4(a, c, 0xDD);
    r[1] = _mm512_shuffle_i32x4(b, d, 0x88), r[3] = _mm512_shuffle_i32x4(b, d, 0xDD);
}

/* The transpose of 4 x 4 bytes within each 128 bits. */
static ALWAYS_INLINE __m512i tern_transpose_bytes(__m512i x)
{
    return _mm512_shuffle_epi8(
        x, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
}

/* 128 bits from each of four places, side by side: loads in place of half of a transpose's shuffles (64 rows of
   768 x 768, 1x4, Zen 5: 1 us of 35 less). */
static ALWAYS_INLINE __m512i tern_load_quarters(const void *from, ptrdiff_t step)
{
    const char *p = from;
    __m512i x = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)p));
    x = _mm512_mask_broadcast_i32x4(x, 0x00F0, _mm_loadu_si128((const __m128i *)(p + step)));
    x = _mm512_mask_broadcast_i32x4(x, 0x0F00, _mm_loadu_si128((const __m128i *)(p + 2 * step)));
    return _mm512_mask_broadcast_i32x4(x, 0xF000, _mm_loadu_si128((const __m128i *)(p + 3 * step)));
}

/* sums[16 outputs][TERN_SPMM_ROWS] to c[m][16]. `mixed`: in tern_gather64's order of rows. */
static inline void tern_spmm512_store(const int32_t *sums, int m, int mixed, int32_t *c, ptrdiff_t ld_c)
{
    for (int i = 0; i < (mixed ? TERN_SPMM_ROWS : m); i += 4) {
        const int row = mixed ? i / 4 % 4 * 16 + i / 16 * 4 : i;
        __m512i r[4]; /* of each, outputs j, 4 + j, 8 + j, 12 + j */
        TERN_UNROLL
        for (int j = 0; j < 4; j++)
            r[j] = tern_load_quarters(sums + j * TERN_SPMM_ROWS + i, 4 * TERN_SPMM_ROWS * (ptrdiff_t)sizeof *sums);
        tern_transpose4(r);
        TERN_UNROLL
        for (int j = 0; j < 4; j++)
            if (row + j < m)
                _mm512_storeu_si512(c + (row + j) * ld_c, r[j]);
    }
}

/* For each of 16 rows the bytes of four inputs side by side; x[input][16]. */
static ALWAYS_INLINE __m512i tern_spread16(void)
{
    /* the first of four bytes from rows 4 l .. 4 l + 3 in the l-th 128 bits */
    const __m512i row = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_or_si512(row, _mm512_set1_epi32((int32_t)0x80808000));
}
static ALWAYS_INLINE __m512i spread(const uint8_t *x, __m512i places)
{
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)x)), places);
}
static ALWAYS_INLINE __m512i tern_gather16(const uint8_t *x, ptrdiff_t step, const uint16_t *index, __m512i places)
{
    const __m512i x0 = spread(x + index[0] * step, places);
    const __m512i x1 = spread(x + index[1] * step, _mm512_rol_epi32(places, 8));
    const __m512i x2 = spread(x + index[2] * step, _mm512_rol_epi32(places, 16));
    const __m512i x3 = spread(x + index[3] * step, _mm512_rol_epi32(places, 24));
    return _mm512_or_si512(_mm512_ternarylogic_epi32(x0, x1, x2, 0xFE), x3);
}

/* The same for 64 rows: *xv holds rows 16 l + 4 v .. 16 l + 4 v + 3 in its l-th 128 bits. */
static ALWAYS_INLINE void tern_gather64(const uint8_t *x, ptrdiff_t step, const uint16_t *index, __m512i *x0,
                                        __m512i *x1, __m512i *x2, __m512i *x3)
{
    const __m512i a = _mm512_loadu_si512(x + index[0] * step), b = _mm512_loadu_si512(x + index[1] * step);
    const __m512i c = _mm512_loadu_si512(x + index[2] * step), d = _mm512_loadu_si512(x + index[3] * step);
    const __m512i low01 = _mm512_unpacklo_epi8(a, b), low23 = _mm512_unpacklo_epi8(c, d);
    const __m512i high01 = _mm512_unpackhi_epi8(a, b), high23 = _mm512_unpackhi_epi8(c, d);
    *x0 = _mm512_unpacklo_epi16(low01, low23), *x1 = _mm512_unpackhi_epi16(low01, low23);
    *x2 = _mm512_unpacklo_epi16(high01, high23), *x3 = _mm512_unpackhi_epi16(high01, high23);
}

/* The blocks of a strip, and where its sums go: out[outputs][TERN_SPMM_ROWS]. */
struct tern_strip512 {
    const uint8_t *x;
    ptrdiff_t step; /* bytes of a k step; 4x1: of an input */
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    int32_t *out;
};
typedef void tern_strip512_fn(const struct tern_strip512 *s);

/* A panel of narrow blocks, strip by strip: `strips` by shape and vectors of 16 rows. */
static ALWAYS_INLINE void tern_spmm512_narrow_panel(tern_strip512_fn *const (*strips)[4],
                                                    const struct tern_sparse_panel *p, enum tern_block_shape shape,
                                                    const uint8_t *packed, int m, int32_t *c, ptrdiff_t ld_c)
{
    int32_t sums[TERN_PANEL * TERN_SPMM_ROWS] __attribute__((aligned(64)));
    const int outputs = tern_block_outputs(shape), columns = shape == TERN_BLOCK_4X1;
    const int rows = tern_spmm512_rows(shape, m);
    tern_strip512_fn *const run = strips[shape][rows / 16 - 1];
    struct tern_strip512 s = {packed, columns ? rows : rows * TERN_PANEL_K, p->value, p->index, 0, sums};
    for (int i = 0; i < tern_block_strips(shape); i++) {
        s.blocks = p->count[i];
        run(&s);
        s.value += s.blocks * outputs * TERN_PANEL_K;
        s.index += s.blocks * tern_block_indices(shape);
        s.out += outputs * TERN_SPMM_ROWS;
    }
    tern_spmm512_store(sums, m, columns && rows > 16, c, ld_c);
}

#endif
