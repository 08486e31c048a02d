/* Defines weigh, which multiplies rows by two factors each. */
#include "simd/table.h"

void tern_weigh_ref(const int16_t *x, ptrdiff_t ld_x, const int16_t *cosine, const int16_t *sine, int16_t *out,
                    ptrdiff_t ld_out, int m, int n)
{
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            out[i * ld_out + j] = tern_mulr(x[i * ld_x + j], cosine[i]);
            out[i * ld_out + n + j] = tern_mulr(x[i * ld_x + j], sine[i]);
        }
    }
}
