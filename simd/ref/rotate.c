/* Defines rotate, which turns the heads of a token by its position's angles. */
#include "simd/table.h"

void tern_rotate_ref(int16_t *x, const int16_t *turn, int heads, int dim, int half)
{
    for (int head = 0; head < heads; head++, x += dim) {
        for (int i = 0; i < half; i++)
            tern_rotate1(&x[i], &x[i + half], turn[i], turn[half + i]);
    }
}
