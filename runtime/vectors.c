/* Rounds vectors to integers, takes their signs and lengths, and turns products into cosines. */
#include "runtime/vectors.h"

#include <math.h>
#include <string.h>

int tern_vector_round(int8_t *q, int64_t *norm2, const float *v, int n)
{
    double largest = 0;
    *norm2 = 0;
    for (int i = 0; i < n; i++) {
        const double magnitude = fabs((double)v[i]);
        if (!isfinite(magnitude))
            return -1;
        largest = magnitude > largest ? magnitude : largest;
    }
    const double scale = largest > 0 ? 127 / largest : 0;
    for (int i = 0; i < n; i++) {
        q[i] = (int8_t)floor((double)v[i] * scale + 0.5);
        *norm2 += q[i] * q[i];
    }
    return 0;
}

uint32_t tern_vector_scale(int64_t norm2)
{
    return norm2 ? (uint32_t)floor(0x1p32 / sqrt((double)norm2) + 0.5) : 0;
}

float tern_vector_cosine(int64_t scaled, int64_t norm2)
{
    return norm2 ? (float)((double)scaled / (sqrt((double)norm2) * 0x1p32)) : 0;
}

void tern_vector_signs(uint8_t *bits, const int8_t *q, int n)
{
    memset(bits, 0, ((size_t)n + 7) / 8);
    for (int i = 0; i < n; i++)
        bits[i / 8] = (uint8_t)(bits[i / 8] | (q[i] < 0) << i % 8);
}
