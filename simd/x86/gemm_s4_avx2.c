/* Multiplies 4-bit weights with AVX2, as gemm_s4_words_template.h says. Four activations are broadcast from where they
 * lie. */
#include "simd/x86/int_256.h"

enum { FOUR = TERN_PANEL_K };

static ALWAYS_INLINE vi four_at(const int8_t *a)
{
    return tern_four256(a);
}

#include "simd/x86/gemm_s4_words_template.h"

static ALWAYS_INLINE int depth_of(int group)
{
    return GROUPS * group;
}

static ALWAYS_INLINE void lay_out(struct tile *t, int rows)
{
    (void)t, (void)rows;
}

void tern_gemm_s4_avx2(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m,
                       int panels, int k4)
{
    gemm_s4(a, ld_a, w, c, ld_c, m, panels, k4, NULL);
}
