/* Packs the values of an attention head with AVX2, as pack_v_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/pack_v_template.h"

void tern_pack_v_avx2(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    vi_pack_v(x, ld_x, scale, b, m, n);
}
