/* Template: quantises a row to int8. It takes two passes over a row, which the first brings into L1: the largest
   magnitude, then two registers at a time. Gives vi_quantize().

   Included by quantize_avx2.c and quantize_sse41.c, after their header of vectors. */
#ifndef TERN_X86_QUANTIZE_TEMPLATE_H
#define TERN_X86_QUANTIZE_TEMPLATE_H

static int32_t row_amax(const int16_t *x, int n)
{
    vi a = vi_zero(), b = a;
    int32_t amax = 0;
    int j = 0;
    for (; j + 2 * VI_S16 <= n; j += 2 * VI_S16) {
        a = VI(max_epu16)(a, VI(abs_epi16)(vi_load(x + j)));
        b = VI(max_epu16)(b, VI(abs_epi16)(vi_load(x + j + VI_S16)));
    }
    if (j + VI_S16 <= n) {
        a = VI(max_epu16)(a, VI(abs_epi16)(vi_load(x + j)));
        j += VI_S16;
    }
    for (; j < n; j++) {
        int32_t magnitude = x[j] < 0 ? -x[j] : x[j];
        amax = magnitude > amax ? magnitude : amax;
    }
    int32_t most = vi_max_u16(VI(max_epu16)(a, b));
    return most > amax ? most : amax;
}

static ALWAYS_INLINE void vi_quantize(const int16_t *x, int8_t *q, struct tern_row *row, int n)
{
    row->amax = row_amax(x, n);
    const struct tern_s8_scale scale = tern_s8_scale_of(row->amax);
    const struct vi_s8 s = vi_s8_of(scale);
    vi sum = vi_zero();
    int32_t norm2 = 0;
    int j = 0;
    for (; j + 2 * VI_S16 <= n; j += 2 * VI_S16) {
        vi a = vi_to_s8(vi_load(x + j), s), b = vi_to_s8(vi_load(x + j + VI_S16), s);
        sum = VI(add_epi32)(sum, VI(add_epi32)(VI(madd_epi16)(a, a), VI(madd_epi16)(b, b)));
        vi_store(q + j, vi_pack_s8(a, b));
    }
    if (j + VI_S16 <= n) {
        vi a = vi_to_s8(vi_load(x + j), s);
        sum = VI(add_epi32)(sum, VI(madd_epi16)(a, a));
        vi_store_s8(q + j, a);
        j += VI_S16;
    }
    for (; j < n; j++) {
        q[j] = tern_to_s8(x[j], scale);
        norm2 += q[j] * q[j];
    }
    for (; j < tern_round_up(n, TERN_PANEL_K); j++)
        q[j] = 0;
    row->norm2 = norm2 + (int32_t)vi_sum_s32(sum);
}

#endif
