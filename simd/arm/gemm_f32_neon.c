/* Both operands run along k, so a tile of ROWS x 4 dot products keeps four partial sums each and adds them pairwise at
   the end. At the edges a tile repeats the last row or column and stores only what exists. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

enum { ROWS = TERN_NEON_REGS / 8, COLUMNS = 4 };

TERN_INLINE void tile(const float *const *a, const float *const *w, float (*c)[COLUMNS], int rows, int k)
{
    float32x4_t s[ROWS][COLUMNS];
    TERN_UNROLL
    for (int i = 0; i < rows; i++) {
        TERN_UNROLL
        for (int j = 0; j < COLUMNS; j++)
            s[i][j] = vdupq_n_f32(0);
    }
    int l = 0;
    for (; l + 4 <= k; l += 4) {
        float32x4_t x[ROWS];
        TERN_UNROLL
        for (int i = 0; i < rows; i++)
            x[i] = vld1q_f32(a[i] + l);
        TERN_UNROLL
        for (int j = 0; j < COLUMNS; j++) {
            float32x4_t y = vld1q_f32(w[j] + l);
            TERN_UNROLL
            for (int i = 0; i < rows; i++)
                s[i][j] = tern_neon_madd(s[i][j], x[i], y);
        }
    }
    TERN_UNROLL
    for (int i = 0; i < rows; i++) {
        vst1q_f32(c[i], vpaddq_f32(vpaddq_f32(s[i][0], s[i][1]), vpaddq_f32(s[i][2], s[i][3])));
        for (int t = l; t < k; t++)
            for (int j = 0; j < COLUMNS; j++)
                c[i][j] += a[i][t] * w[j][t];
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
            const float *x[ROWS];
            for (int t = 0; t < ROWS; t++)
                x[t] = a + (i + (t < rows ? t : rows - 1)) * ld_a;
            float sums[ROWS][COLUMNS];
            if (rows == 1)
                tile(x, y, sums, 1, k);
            else
                tile(x, y, sums, ROWS, k);
            for (int t = 0; t < rows; t++)
                __builtin_memcpy(c + (i + t) * ld_c + j, sums[t], (size_t)columns * sizeof(float));
        }
    }
}
