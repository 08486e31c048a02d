/* Of the vectors of integers that int_256.h describes, what the templates want that also serve AVX-512: AVX-512BW. */
#ifndef TERN_X86_INT_512_H
#define TERN_X86_INT_512_H

#if !defined __AVX512BW__ || !defined __AVX512DQ__
#error "compile with -mavx512bw -mavx512dq"
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
static ALWAYS_INLINE vi vi_andnot(vi a, vi b)
{
    return _mm512_andnot_si512(a, b);
}
static ALWAYS_INLINE int vi_is_zero(vi x)
{
    return !_mm512_test_epi32_mask(x, x);
}
static ALWAYS_INLINE vi vi_greater16(vi a, vi b)
{
    return _mm512_movm_epi16(_mm512_cmpgt_epi16_mask(a, b));
}
static ALWAYS_INLINE vi vi_equal32(vi a, vi b)
{
    return _mm512_movm_epi32(_mm512_cmpeq_epi32_mask(a, b));
}
static ALWAYS_INLINE unsigned vi_tops32(vi x)
{
    return _mm512_movepi32_mask(x);
}
static ALWAYS_INLINE vi vi_with_sign8(vi x, vi sign)
{
    return _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(sign), _mm512_setzero_si512(), x);
}
static ALWAYS_INLINE vi vi_four(const void *bytes)
{
    return tern_four512(bytes);
}
static ALWAYS_INLINE vi vi_four_of(const int8_t *bytes, int i)
{
    return tern_four512(bytes + i * 4);
}
static ALWAYS_INLINE vi vi_load_first(const void *p, int n)
{
    return _mm512_maskz_loadu_epi32(tern_mask16(n), p);
}
static ALWAYS_INLINE vi vi_swap_lanes(vi x)
{
    return _mm512_permutex_epi64(x, 0x4E);
}
static inline int64_t vi_sum_s32(vi x)
{
    return tern_sum512(x);
}

#endif
