/* Vectors of integers as int_256.h has them, which says what each does: SSE4.1. */
#ifndef TERN_X86_INT_128_H
#define TERN_X86_INT_128_H

#ifndef __SSE4_1__
#error "compile with -msse4.1"
#endif
#include "simd/table.h"
#include "simd/x86/sse41.h"

typedef __m128i vi;
#define VI(name) _mm_##name
enum { VI_BYTES = 16, VI_S16 = VI_BYTES / 2, VI_S32 = VI_BYTES / 4 };

static ALWAYS_INLINE vi vi_load(const void *p)
{
    return tern_load128(p);
}
static ALWAYS_INLINE void vi_store(void *p, vi x)
{
    tern_store128(p, x);
}
static ALWAYS_INLINE vi vi_zero(void)
{
    return _mm_setzero_si128();
}
static ALWAYS_INLINE vi vi_and(vi a, vi b)
{
    return _mm_and_si128(a, b);
}
static ALWAYS_INLINE vi vi_or(vi a, vi b)
{
    return _mm_or_si128(a, b);
}
static ALWAYS_INLINE vi vi_xor(vi a, vi b)
{
    return _mm_xor_si128(a, b);
}
static ALWAYS_INLINE vi vi_andnot(vi a, vi b)
{
    return _mm_andnot_si128(a, b);
}
static ALWAYS_INLINE int vi_is_zero(vi x)
{
    return _mm_testz_si128(x, x);
}
static ALWAYS_INLINE vi vi_greater16(vi a, vi b)
{
    return _mm_cmpgt_epi16(a, b);
}
static ALWAYS_INLINE vi vi_equal32(vi a, vi b)
{
    return _mm_cmpeq_epi32(a, b);
}
static ALWAYS_INLINE unsigned vi_tops32(vi x)
{
    return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(x));
}
static ALWAYS_INLINE vi vi_with_sign8(vi x, vi sign)
{
    return _mm_sign_epi8(x, sign);
}
static ALWAYS_INLINE vi vi_four(const void *bytes)
{
    return _mm_shuffle_epi32(tern_load32(bytes), 0);
}
/* Of sixteen bytes, which are loaded once. */
static ALWAYS_INLINE vi vi_four_of(const int8_t *bytes, int i)
{
    const vi x = tern_load128(bytes);
    return i == 0   ? _mm_shuffle_epi32(x, 0x00)
           : i == 1 ? _mm_shuffle_epi32(x, 0x55)
           : i == 2 ? _mm_shuffle_epi32(x, 0xAA)
                    : _mm_shuffle_epi32(x, 0xFF);
}
static ALWAYS_INLINE vi vi_load_first(const void *p, int n)
{
    int32_t lanes[4] = {0};
    memcpy(lanes, p, (size_t)n * sizeof *lanes);
    return tern_load128(lanes);
}
static ALWAYS_INLINE vi vi_load_s16(const int16_t *p)
{
    return _mm_cvtepi16_epi32(_mm_loadl_epi64((const __m128i *)p));
}
static ALWAYS_INLINE vi vi_load_s8(const int8_t *p)
{
    return _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)p));
}
static ALWAYS_INLINE vi vi_load_u8(const uint8_t *p)
{
    return _mm_cvtepu8_epi32(tern_load32(p));
}
static ALWAYS_INLINE vi vi_iota32(void)
{
    return _mm_setr_epi32(0, 1, 2, 3);
}
static ALWAYS_INLINE vi vi_load16(const void *p)
{
    return tern_load128(p);
}
static ALWAYS_INLINE vi vi_load_twice(const void *p)
{
    return tern_eight128(p);
}
static ALWAYS_INLINE vi vi_load_bytes(const uint8_t *p)
{
    return tern_load32(p);
}
static ALWAYS_INLINE vi vi_table(__m128i x)
{
    return x;
}

/* ---- Lanes of 128 bits: there is one ---------------------------------------------------------------------------- */

static ALWAYS_INLINE vi vi_straight(vi x)
{
    return x;
}
static ALWAYS_INLINE vi vi_straight_twice(vi x)
{
    return x;
}
static ALWAYS_INLINE vi vi_unpacked_first(vi low, vi high)
{
    (void)high;
    return low;
}
static ALWAYS_INLINE vi vi_unpacked_second(vi low, vi high)
{
    (void)low;
    return high;
}
static ALWAYS_INLINE vi vi_swap_lanes(vi x)
{
    return x;
}
static ALWAYS_INLINE __m128i vi_first_lane(vi x)
{
    return x;
}
static ALWAYS_INLINE __m128i vi_last_lane(vi x)
{
    return x;
}
static ALWAYS_INLINE __m128i vi_fold(vi x)
{
    return x;
}
static ALWAYS_INLINE void vi_store_s8(int8_t *q, vi x)
{
    _mm_storel_epi64((__m128i *)q, _mm_packs_epi16(x, x));
}

/* ---- Over all lanes --------------------------------------------------------------------------------------------- */

static inline __m128i vi_max_u16_halves(vi x)
{
    return x;
}
static inline __m128i vi_max_s32_halves(vi x)
{
    return x;
}
static inline int64_t vi_sum_s64(vi x)
{
    return _mm_cvtsi128_si64(x) + _mm_extract_epi64(x, 1);
}
static inline int64_t vi_sum_s32(vi x)
{
    return vi_sum_s64(_mm_add_epi64(_mm_cvtepi32_epi64(x), _mm_cvtepi32_epi64(_mm_srli_si128(x, 8))));
}

/* ---- Shifts ----------------------------------------------------------------------------------------------------- */

typedef __m128i vi_count;
static ALWAYS_INLINE vi_count vi_count32(int count)
{
    return _mm_cvtsi32_si128(count);
}
static ALWAYS_INLINE vi_count vi_count64(int count)
{
    return _mm_cvtsi32_si128(count);
}
static ALWAYS_INLINE vi vi_sll32(vi x, vi_count count)
{
    return _mm_sll_epi32(x, count);
}
static ALWAYS_INLINE vi vi_srl32(vi x, vi_count count)
{
    return _mm_srl_epi32(x, count);
}
static ALWAYS_INLINE vi vi_sra32(vi x, vi_count count)
{
    return _mm_sra_epi32(x, count);
}
static ALWAYS_INLINE vi vi_srl64(vi x, vi_count count)
{
    return _mm_srl_epi64(x, count);
}
/* There is no such shift: 2^count, looked up byte by byte, is a factor. `count` is 0 to 15; an index below 0 gives 0.
 */
static ALWAYS_INLINE vi vi_sllv32(vi x, vi count)
{
    const __m128i table = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i twice = _mm_or_si128(count, _mm_slli_epi32(count, 8));
    const __m128i index = _mm_sub_epi8(twice, _mm_set1_epi32((int32_t)0x80800800));
    return _mm_mullo_epi32(x, _mm_shuffle_epi8(table, index));
}

/* ---- 64 bits ---------------------------------------------------------------------------------------------------- */

/* Comparing 64 bits is SSE4.2's: this takes the sign of the difference. */
static ALWAYS_INLINE vi vi_greater64(vi a, vi b)
{
    return _mm_srai_epi32(_mm_shuffle_epi32(_mm_sub_epi64(b, a), 0xF5), 31);
}
static ALWAYS_INLINE vi vi_blend_odd32(vi even, vi odd)
{
    return _mm_blend_epi16(even, odd, 0xCC);
}

#include "simd/x86/int_fixed.h"

#endif
