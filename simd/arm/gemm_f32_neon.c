/* Multiplies float matrices with NEON. Both operands run along k, so a tile of rows by four columns keeps four partial
   sums of each dot product and adds them pairwise at the end: as many accumulators as leave room for the operands. At
   the edges a tile repeats the last row or column and stores only what exists. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

enum { ROWS = TERN_NEON_REGS / 8, COLUMNS = 4 };

/* One row by four columns; a struct and no array, which clang 14 would keep in memory. */
struct sums {
    float32x4_t c0, c1, c2, c3;
};

TERN_INLINE struct sums madd(struct sums s, const float *x, struct sums w)
{
    float32x4_t v = vld1q_f32(x);
    s.c0 = tern_neon_madd(s.c0, v, w.c0);
    s.c1 = tern_neon_madd(s.c1, v, w.c1);
    s.c2 = tern_neon_madd(s.c2, v, w.c2);
    s.c3 = tern_neon_madd(s.c3, v, w.c3);
    return s;
}

/* Adds the lanes, and the last k % 4 products from l on. */
TERN_INLINE void finish(struct sums s, const float *x, const float *const *w, float *c, int l, int k)
{
    vst1q_f32(c, vpaddq_f32(vpaddq_f32(s.c0, s.c1), vpaddq_f32(s.c2, s.c3)));
    for (; l < k; l++)
        for (int j = 0; j < COLUMNS; j++)
            c[j] += x[l] * w[j][l];
}

/* rows is 1, 2 or 4, and at most ROWS. */
TERN_INLINE void tile(const float *const *a, const float *const *w, float (*c)[COLUMNS], int rows, int k)
{
    float32x4_t zero = vdupq_n_f32(0);
    struct sums s0 = {zero, zero, zero, zero}, s1 = s0, s2 = s0, s3 = s0;
    int l = 0;
    for (; l + 4 <= k; l += 4) {
        struct sums y = {vld1q_f32(w[0] + l), vld1q_f32(w[1] + l), vld1q_f32(w[2] + l), vld1q_f32(w[3] + l)};
        s0 = madd(s0, a[0] + l, y);
        if (rows > 1)
            s1 = madd(s1, a[1] + l, y);
        if (rows > 2) {
            s2 = madd(s2, a[2] + l, y);
            s3 = madd(s3, a[3] + l, y);
        }
    }
    finish(s0, a[0], w, c[0], l, k);
    if (rows > 1)
        finish(s1, a[1], w, c[1], l, k);
    if (rows > 2) {
        finish(s2, a[2], w, c[2], l, k);
        finish(s3, a[3], w, c[3], l, k);
    }
}

void tern_gemm_f32_neon(const float *a, ptrdiff_t ld_a, const float *w, ptrdiff_t ld_w, float *c, ptrdiff_t ld_c, int m,
                        int n, int k)
{
    for (int j = 0; j < n; j += COLUMNS) {
        int columns = n - j < COLUMNS ? n - j : COLUMNS;
        const float *y[COLUMNS];
        for (int t = 0; t < COLUMNS; t++)
            y[t] = w + (j + (t < columns ? t : columns - 1)) * ld_w;
        for (int i = 0; i < m; i += ROWS) {
            int rows = m - i < ROWS ? m - i : ROWS;
            const float *x[4];
            for (int t = 0; t < 4; t++)
                x[t] = a + (i + (t < rows ? t : rows - 1)) * ld_a;
            float sums[4][COLUMNS];
            if (rows == 1)
                tile(x, y, sums, 1, k);
            else
                tile(x, y, sums, ROWS, k);
            for (int t = 0; t < rows; t++)
                __builtin_memcpy(c + (i + t) * ld_c + j, sums[t], (size_t)columns * sizeof(float));
        }
    }
}
