#include "simd/table.h"

void tern_embed_ref(const int8_t *const *q, const int16_t *mul, int rows, int32_t *out, int n)
{
    for (int j = 0; j < n; j++) {
        out[j] = 0;
        for (int r = 0; r < rows; r++)
            out[j] += q[r][j] * mul[r];
    }
}
