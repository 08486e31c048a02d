/* Unpacks the 4-bit blocks of sparse weights to int8 with AVX2, as unpack_blocks_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/unpack_blocks_template.h"

void tern_unpack_blocks_avx2(const struct tern_sparse *w, const struct tern_codes *codes, int8_t *value, int panels,
                             int k4)
{
    vi_unpack_blocks(w, codes, value, panels, k4);
}
