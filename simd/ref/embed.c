/* Defines embed, which adds a word's row and a position's. */
#include "simd/table.h"

void tern_embed_ref(const int8_t *a, const int8_t *b, int mul_a, int mul_b, const int16_t *column, int32_t *out, int n)
{
    for (int j = 0; j < n; j++)
        out[j] = tern_embed1(a[j], b[j], mul_a, mul_b, column[j]);
}
