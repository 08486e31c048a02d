/* Template: adds accumulators to the residual stream. The 16 x 16 bit product to 32 bits is mullo, mulhi and two
   unpacks, which undo exactly the lane order that packssdw made; so only the multipliers are permuted. The last,
   incomplete group is done again from column n - VI_S16 on, as nothing is in place. Gives vi_residual().

   Included by residual_avx2.c and residual_sse41.c, after their header of vectors. */
#ifndef TERN_X86_RESIDUAL_TEMPLATE_H
#define TERN_X86_RESIDUAL_TEMPLATE_H

struct scale {
    struct vi_rshift shift, exp;
    vi mul;
    vi_count up;
};

static ALWAYS_INLINE void total_group(int32_t *out, const int16_t *y, const int32_t *bias, vi sub,
                                      const struct scale *s)
{
    vi stream = vi_load_s16(y);
    stream = vi_sll32(stream, s->up);
    vi_store(out, VI(add_epi32)(VI(add_epi32)(stream, sub), vi_load(bias)));
}

static ALWAYS_INLINE void residual_group(const int32_t *acc, const int16_t *y, int32_t *out, const int32_t *left,
                                         const int16_t *mul, const int32_t *bias, const struct scale *s)
{
    vi low = vi_rshift(vi_shifted(acc, left, 0), s->shift), high = vi_rshift(vi_shifted(acc, left, VI_S32), s->shift);
    vi a = VI(packs_epi32)(low, high);
    vi b = vi_straight(VI(mulhrs_epi16)(vi_load(mul), s->mul));
    low = VI(mullo_epi16)(a, b);
    high = VI(mulhi_epi16)(a, b);
    total_group(out, y, bias, vi_rshift(VI(unpacklo_epi16)(low, high), s->exp), s);
    total_group(out + VI_S32, y + VI_S32, bias + VI_S32, vi_rshift(VI(unpackhi_epi16)(low, high), s->exp), s);
}

static ALWAYS_INLINE void residual(const int32_t *acc, ptrdiff_t ld_acc, const int16_t *y, ptrdiff_t ld_y, int32_t *out,
                                   ptrdiff_t ld_out, const struct tern_row_scale *row, const int32_t *left,
                                   const int16_t *mul, const int32_t *bias, int up, int m, int n)
{
    for (int i = 0; i < m; i++, acc += ld_acc, y += ld_y, out += ld_out) {
        const struct scale s = {vi_rshift_of(row[i].shift), vi_rshift_of(row[i].exp),
                                VI(set1_epi16)((int16_t)row[i].mul), vi_count32(up)};
        int j = 0;
        for (; j + VI_S16 <= n; j += VI_S16)
            residual_group(acc + j, y + j, out + j, left ? left + j : NULL, mul + j, bias + j, &s);
        if (j < n) {
            j = n - VI_S16;
            residual_group(acc + j, y + j, out + j, left ? left + j : NULL, mul + j, bias + j, &s);
        }
    }
}

static ALWAYS_INLINE void vi_residual(const int32_t *acc, ptrdiff_t ld_acc, const int16_t *y, ptrdiff_t ld_y,
                                      int32_t *out, ptrdiff_t ld_out, const struct tern_row_scale *row,
                                      const int32_t *left, const int16_t *mul, const int32_t *bias, int up, int m,
                                      int n)
{
    if (n < VI_S16)
        tern_residual_ref(acc, ld_acc, y, ld_y, out, ld_out, row, left, mul, bias, up, m, n);
    else if (left)
        residual(acc, ld_acc, y, ld_y, out, ld_out, row, left, mul, bias, up, m, n);
    else
        residual(acc, ld_acc, y, ld_y, out, ld_out, row, NULL, mul, bias, up, m, n);
}

#endif
