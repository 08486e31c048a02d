/* Unpacks low-bit weights to int8 with AVX2, as unpack_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/unpack_template.h"

void tern_unpack_avx2(const struct tern_codes *w, int8_t *b, int panels, int k4)
{
    vi_unpack(w, b, panels, k4);
}
