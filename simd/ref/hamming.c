/* Defines hamming, which counts the bits in which one vector differs from many. */
#include "simd/table.h"

void tern_hamming_ref(const uint8_t *q, const uint8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    for (int i = 0; i < n; i++) {
        out[i] = 0;
        for (int j = 0; j < k; j++)
            for (int bit = 0; bit < 8; bit++)
                out[i] += (q[j] ^ x[i * ld_x + j]) >> bit & 1;
    }
}
