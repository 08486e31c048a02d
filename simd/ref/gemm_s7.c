/* Defines gemm_s7, which is gemm_s8 of weights that are at most 63. */
#include "simd/table.h"

void tern_gemm_s7_ref(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                      int k4, struct tern_ahead ahead)
{
    tern_gemm_s8_ref(a, ld_a, b, c, ld_c, m, panels, k4, ahead);
}
