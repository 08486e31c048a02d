/* Defines spmm_pack, which lays rows out for block-sparse products. */
#include "simd/table.h"

#include <string.h>

/* packed[m][4 * k4], for every shape. */
void tern_spmm_pack_ref(const int8_t *a, ptrdiff_t ld_a, void *packed, enum tern_block_shape shape, int m, int k4)
{
    (void)shape;
    const int k = k4 * TERN_PANEL_K;
    for (int i = 0; i < m; i++)
        memcpy((int8_t *)packed + (ptrdiff_t)i * k, a + i * ld_a, (size_t)k);
}
