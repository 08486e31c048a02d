#include "simd/peak.h"

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
    int32_t s[4] = {0, 0, 0, 0}, x = 3;
    for (uint64_t i = 0; i < n; i++) {
        __asm__ volatile("" : "+r"(x));
        for (int j = 0; j < 4; j++) {
            s[j] += x * x;
            __asm__ volatile("" : "+r"(s[j]));
        }
    }
    return n * 4;
}
