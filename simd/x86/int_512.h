/* Of the vectors of integers that int_256.h describes, what the templates want that also serve AVX-512: AVX-512BW. */
#ifndef TERN_X86_INT_512_H
#define TERN_X86_INT_512_H

#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

typedef __m512i vi;
#define VI(name) _mm512_##name
enum { VI_BYTES = 64, VI_S32 = VI_BYTES / 4 };

static ALWAYS_INLINE vi vi_load(const void *p)
{
    return _mm512_loadu_si512(p);
}
static ALWAYS_INLINE void vi_store(void *p, vi x)
{
    _mm512_storeu_si512(p, x);
}
static ALWAYS_INLINE vi vi_zero(void)
{
    return _mm512_setzero_si512();
}
static ALWAYS_INLINE vi vi_xor(vi a, vi b)
{
    return _mm512_xor_si512(a, b);
}

#endif
