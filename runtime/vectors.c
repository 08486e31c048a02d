/* Rounds vectors to integers and takes their signs. */
#include "runtime/vectors.h"

#include <math.h>
#include <string.h>

double tern_vector_round(int16_t *q, const float *v, int n, int most)
{
    double largest = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        const double magnitude = fabs((double)v[i]);
        if (!isfinite(magnitude))
            return -1;
        largest = magnitude > largest ? magnitude : largest;
    }
    const double scale = largest > 0 ? most / largest : 0;
    for (int i = 0; i < n; i++) {
        q[i] = (int16_t)floor((double)v[i] * scale + 0.5);
        sum += (double)q[i] * q[i]; /* whole, below 2^53: exact */
    }
    return sqrt(sum);
}

void tern_vector_signs(uint8_t *bits, const int16_t *q, int n)
{
    memset(bits, 0, ((size_t)n + 7) / 8);
    for (int i = 0; i < n; i++)
        bits[i / 8] = (uint8_t)(bits[i / 8] | (q[i] < 0) << i % 8);
}
