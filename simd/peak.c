/* Finds the loop that measures an ISA's peak, and measures that of plain C. */
#include "simd/peak.h"
#include "simd/barrier.h"

#include <stddef.h>

tern_peak_fn *tern_peak_of(enum tern_isa isa)
{
#define PEAK(name)                                                                                                     \
    if (isa == TERN_ISA_##name)                                                                                        \
        return tern_peak_##name;
#include "simd/peak.def"
#undef PEAK
    return NULL;
}

uint64_t tern_peak_scalar(uint64_t n)
{
    /* What the compiler makes of the reference's inner loop, on data that stays in L1; it may use the baseline's SIMD.
     */
    enum { K = 512 };
    static const int8_t x[K] = {1, 2, 3}, w[K] = {3, 2, 1};
    int32_t sink = 0;
    for (uint64_t i = 0; i < n; i++) {
        const int8_t *a = x, *b = w;
        TERN_PIN_SCALAR(a);
        TERN_PIN_SCALAR(b);
        int32_t sum = 0;
        for (int k = 0; k < K; k++)
            sum += a[k] * b[k];
        sink ^= sum;
        TERN_PIN_SCALAR(sink);
    }
    return n * K;
}
