/* Template: adds sums to a stream that loses bits first. Gives vi_accumulate().

   Included by accumulate_avx2.c and accumulate_sse41.c, after their header of vectors. */
#ifndef TERN_X86_ACCUMULATE_TEMPLATE_H
#define TERN_X86_ACCUMULATE_TEMPLATE_H

static ALWAYS_INLINE void vi_accumulate(int32_t *s, const int32_t *sum, int down, int n)
{
    const struct vi_rshift shift = vi_rshift_of(down);
    int j = 0;
    for (; j + VI_S32 <= n; j += VI_S32)
        vi_store(s + j, VI(add_epi32)(vi_rshift(vi_load(s + j), shift), vi_load(sum + j)));
    for (; j < n; j++)
        s[j] = tern_add32(tern_rshift(s[j], down), sum[j]);
}

#endif
