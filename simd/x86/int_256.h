/* Vectors of integers as the templates simd/x86/..._template.h want them that serve AVX2 and SSE4.1: AVX2.
   VI(add_epi32) is the intrinsic of this width; what is named vi_... differs by more than the width, or by its suffix.
 */
#ifndef TERN_X86_INT_256_H
#define TERN_X86_INT_256_H

#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

typedef __m256i vi;
#define VI(name) _mm256_##name
enum { VI_BYTES = 32, VI_S16 = VI_BYTES / 2, VI_S32 = VI_BYTES / 4 };

static ALWAYS_INLINE vi vi_load(const void *p)
{
    return tern_load256(p);
}
static ALWAYS_INLINE void vi_store(void *p, vi x)
{
    tern_store256(p, x);
}
static ALWAYS_INLINE vi vi_zero(void)
{
    return _mm256_setzero_si256();
}
static ALWAYS_INLINE vi vi_and(vi a, vi b)
{
    return _mm256_and_si256(a, b);
}
static ALWAYS_INLINE vi vi_or(vi a, vi b)
{
    return _mm256_or_si256(a, b);
}
static ALWAYS_INLINE vi vi_xor(vi a, vi b)
{
    return _mm256_xor_si256(a, b);
}
/* The bits of b that a has not. */
static ALWAYS_INLINE vi vi_andnot(vi a, vi b)
{
    return _mm256_andnot_si256(a, b);
}
static ALWAYS_INLINE int vi_is_zero(vi x)
{
    return _mm256_testz_si256(x, x);
}
/* All ones where a > b, or a = b. */
static ALWAYS_INLINE vi vi_greater16(vi a, vi b)
{
    return _mm256_cmpgt_epi16(a, b);
}
static ALWAYS_INLINE vi vi_equal32(vi a, vi b)
{
    return _mm256_cmpeq_epi32(a, b);
}
/* The topmost bit of each 32. */
static ALWAYS_INLINE unsigned vi_tops32(vi x)
{
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(x));
}
/* x negated where `sign` is negative; anything where that is 0. */
static ALWAYS_INLINE vi vi_with_sign8(vi x, vi sign)
{
    return _mm256_sign_epi8(x, sign);
}
/* Four bytes in every 32-bit lane; and the four of the i-th 32 bits, i a constant of at most 3. */
static ALWAYS_INLINE vi vi_four(const void *bytes)
{
    return tern_four256(bytes);
}
static ALWAYS_INLINE vi vi_four_of(const int8_t *bytes, int i)
{
    return tern_four256(bytes + i * 4);
}
/* The first n lanes of 32 bits, the others 0. */
static ALWAYS_INLINE vi vi_load_first(const void *p, int n)
{
    return tern_load_lanes256(p, n);
}
/* VI_S32 numbers of 16 bits, widened. */
static ALWAYS_INLINE vi vi_load_s16(const int16_t *p)
{
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)p));
}
/* VI_S16 bytes, widened to 16 bits. */
static ALWAYS_INLINE vi vi_load_s8(const int8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
}
/* VI_S32 bytes, widened to 32 bits. */
static ALWAYS_INLINE vi vi_load_u8(const uint8_t *p)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
}
/* 0, 1, 2 ... */
static ALWAYS_INLINE vi vi_iota32(void)
{
    return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
}
/* Sixteen bytes, the others 0. */
static ALWAYS_INLINE vi vi_load16(const void *p)
{
    return _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *)p));
}
/* Eight bytes to every 128 bits, twice. */
static ALWAYS_INLINE vi vi_load_twice(const void *p)
{
    return _mm256_permute4x64_epi64(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p)), 0x50);
}
/* The same VI_S32 bytes at the start of every 128 bits. */
static ALWAYS_INLINE vi vi_load_bytes(const uint8_t *p)
{
    return _mm256_broadcastsi128_si256(_mm_loadl_epi64((const __m128i *)p));
}
/* Sixteen bytes in every 128 bits: what pshufb looks up. */
static ALWAYS_INLINE vi vi_table(__m128i x)
{
    return _mm256_broadcastsi128_si256(x);
}

/* ---- Lanes of 128 bits ------------------------------------------------------------------------------------------ */

/* What packs_epi32 or packs_epi16 of two registers leaves, in order; and what packs_epi16 of two that packs_epi32 left
   does. */
static ALWAYS_INLINE vi vi_straight(vi x)
{
    return tern_straight256(x);
}
static ALWAYS_INLINE vi vi_straight_twice(vi x)
{
    return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
/* What unpacklo and unpackhi of two registers leave, in order. */
static ALWAYS_INLINE vi vi_unpacked_first(vi low, vi high)
{
    return _mm256_permute2x128_si256(low, high, 0x20);
}
static ALWAYS_INLINE vi vi_unpacked_second(vi low, vi high)
{
    return _mm256_permute2x128_si256(low, high, 0x31);
}
static ALWAYS_INLINE __m128i vi_first_lane(vi x)
{
    return _mm256_castsi256_si128(x);
}
static ALWAYS_INLINE __m128i vi_last_lane(vi x)
{
    return _mm256_extracti128_si256(x, 1);
}
/* Each lane in its neighbour's place. */
static ALWAYS_INLINE vi vi_swap_lanes(vi x)
{
    return _mm256_permute4x64_epi64(x, 0x4E);
}
/* Numbers of 32 bits of all 128-bit lanes, added. */
static ALWAYS_INLINE __m128i vi_fold(vi x)
{
    return _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}
/* VI_S16 int8 values in 16 bits, to bytes. */
static ALWAYS_INLINE void vi_store_s8(int8_t *q, vi x)
{
    _mm_storeu_si128((__m128i *)q, _mm_packs_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)));
}

/* ---- Over all lanes --------------------------------------------------------------------------------------------- */

static inline __m128i vi_max_u16_halves(vi x)
{
    return _mm_max_epu16(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}
static inline __m128i vi_max_s32_halves(vi x)
{
    return _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}
static inline int64_t vi_sum_s64(vi x)
{
    return tern_sum_i64_256(x);
}
static inline int64_t vi_sum_s32(vi x)
{
    return tern_sum256(x);
}

/* ---- Shifts, all lanes by one number. Variable ones, because one by a scalar is two instructions ----------------- */

typedef __m256i vi_count;
static ALWAYS_INLINE vi_count vi_count32(int count)
{
    return _mm256_set1_epi32(count);
}
static ALWAYS_INLINE vi_count vi_count64(int count)
{
    return _mm256_set1_epi64x(count);
}
static ALWAYS_INLINE vi vi_sll32(vi x, vi_count count)
{
    return _mm256_sllv_epi32(x, count);
}
static ALWAYS_INLINE vi vi_srl32(vi x, vi_count count)
{
    return _mm256_srlv_epi32(x, count);
}
static ALWAYS_INLINE vi vi_sra32(vi x, vi_count count)
{
    return _mm256_srav_epi32(x, count);
}
static ALWAYS_INLINE vi vi_srl64(vi x, vi_count count)
{
    return _mm256_srlv_epi64(x, count);
}
/* Each lane by its own number, 0 .. 15. */
static ALWAYS_INLINE vi vi_sllv32(vi x, vi count)
{
    return _mm256_sllv_epi32(x, count);
}

/* ---- 64 bits ---------------------------------------------------------------------------------------------------- */

/* All ones where a > b, whose difference fits 64 bits. */
static ALWAYS_INLINE vi vi_greater64(vi a, vi b)
{
    return _mm256_cmpgt_epi64(a, b);
}
/* The even lanes of 32 bits of one, the odd ones of the other. */
static ALWAYS_INLINE vi vi_blend_odd32(vi even, vi odd)
{
    return _mm256_blend_epi32(even, odd, 0xAA);
}

#include "simd/x86/int_fixed.h"

#endif
