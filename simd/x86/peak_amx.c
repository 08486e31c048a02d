/* Measures how fast AMX could multiply int8, by TDPBSSD of full tiles: 16 rows x 16 channels x 64 k each. */
#if !defined __AMX_INT8__ && !defined __AMXINT8__ /* gcc's name, clang 14's */
#error "compile with -mamx-tile -mamx-int8"
#endif
#include "simd/barrier.h"
#include "simd/peak.h"

#include <immintrin.h>

uint64_t tern_peak_amx(uint64_t n)
{
    /* Palette 1; 16 rows of 64 bytes in each of 8 tiles (Intel SDM volume 1, 18.2). */
    uint8_t configuration[64] = {1};
    for (int i = 0; i < 8; i++) {
        configuration[16 + 2 * i] = 64;
        configuration[48 + i] = 16;
    }
    TERN_KEEP_ORDER();
    _tile_loadconfig(configuration);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
    for (uint64_t i = 0; i < n; i++) {
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    _tile_release();
    return n * 4 * 16 * 16 * 64;
}
