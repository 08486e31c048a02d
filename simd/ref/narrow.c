/* Defines narrow, which brings a row that has an exponent to 30 bits, and to int16. */
#include "simd/table.h"

int tern_narrow_ref(int32_t *v, int16_t *x, int relu, int n)
{
    uint32_t most = 0;
    for (int j = 0; j < n; j++) {
        v[j] = relu && v[j] < 0 ? 0 : v[j];
        most |= (uint32_t)(v[j] < 0 ? -v[j] : v[j]);
    }
    const int up = tern_narrow_up(most);
    for (int j = 0; j < n; j++) {
        v[j] *= 1 << (up < 0 ? 0 : up);
        x[j] = tern_narrow1(v[j], TERN_NARROW_BITS);
    }
    return up;
}
