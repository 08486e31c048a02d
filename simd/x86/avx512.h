/* What the AVX-512 kernels share. */
#ifndef TERN_X86_AVX512_H
#define TERN_X86_AVX512_H

#include "simd/ops.h"

#include <immintrin.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))
/* Unrolls the loop that follows where that costs the compiler no registers. */
#ifdef __clang__
#define UNROLL_BY2
#else
#define UNROLL_BY2 _Pragma("GCC unroll 2")
#endif
/* Keeps clang from hoisting the loads of a whole tile above its arithmetic, and spilling. */
#define KEEP_ORDER __asm__ volatile("" ::: "memory")

/* The lowest n bits, 0 <= n; all of them from the width on. */
static inline __mmask64 tern_mask64(int n)
{
    return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}
static inline __mmask32 tern_mask32(int n)
{
    return n >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << n) - 1;
}
static inline __mmask16 tern_mask16(int n)
{
    return (__mmask16)(n >= 16 ? 0xFFFF : (1 << n) - 1);
}

#endif
