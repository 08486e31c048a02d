/* Defines gate, which multiplies the two halves of a gated layer. */
#include "simd/table.h"

int tern_gate_ref(int16_t *a, const int16_t *b, int n)
{
    uint32_t most = 0;
    for (int j = 0; j < n; j++) {
        int32_t p = a[j] * b[j];
        uint32_t magnitude = (uint32_t)(p < 0 ? -p : p);
        most = magnitude > most ? magnitude : most;
    }
    int shift = tern_gate_shift(most);
    for (int j = 0; j < n; j++)
        a[j] = tern_gate1(a[j], b[j], shift);
    return shift;
}
