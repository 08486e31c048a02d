/* Quantises a row to int8 with AVX2. It takes two passes over a row, which the first brings into L1: the largest
   magnitude, then 32 bytes at a time. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

static int32_t row_amax(const int16_t *x, int n)
{
    __m256i a = _mm256_setzero_si256(), b = a;
    int32_t amax = 0;
    int j = 0;
    for (; j + 32 <= n; j += 32) {
        a = _mm256_max_epu16(a, _mm256_abs_epi16(tern_load256(x + j)));
        b = _mm256_max_epu16(b, _mm256_abs_epi16(tern_load256(x + j + 16)));
    }
    if (j + 16 <= n) {
        a = _mm256_max_epu16(a, _mm256_abs_epi16(tern_load256(x + j)));
        j += 16;
    }
    for (; j < n; j++) {
        int32_t magnitude = x[j] < 0 ? -x[j] : x[j];
        amax = magnitude > amax ? magnitude : amax;
    }
    int32_t most = tern_max_u16_256(_mm256_max_epu16(a, b));
    return most > amax ? most : amax;
}

void tern_quantize_avx2(const int16_t *x, int8_t *q, struct tern_row *row, int n)
{
    row->amax = row_amax(x, n);
    const struct tern_s8_scale scale = tern_s8_scale_of(row->amax);
    const struct tern_s8_256 s = tern_s8_256_of(scale);
    __m256i sum = _mm256_setzero_si256();
    int32_t norm2 = 0;
    int j = 0;
    for (; j + 32 <= n; j += 32) {
        __m256i a = tern_to_s8_256(tern_load256(x + j), s), b = tern_to_s8_256(tern_load256(x + j + 16), s);
        sum = _mm256_add_epi32(sum, _mm256_add_epi32(_mm256_madd_epi16(a, a), _mm256_madd_epi16(b, b)));
        tern_store256(q + j, tern_narrow256(a, b));
    }
    if (j + 16 <= n) {
        __m256i a = tern_to_s8_256(tern_load256(x + j), s);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, a));
        tern_store_s8_256(q + j, a);
        j += 16;
    }
    for (; j < n; j++) {
        q[j] = tern_to_s8(x[j], scale);
        norm2 += q[j] * q[j];
    }
    for (; j < tern_round_up(n, TERN_PANEL_K); j++)
        q[j] = 0;
    row->norm2 = norm2 + (int32_t)tern_sum256(sum);
}
