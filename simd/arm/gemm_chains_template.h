/* The body of gemm_s8_neon.c, gemm_s7_neon.c and gemm_s6_neon.c, which define
     GEMM_NAME    the kernel's name
     GEMM_BOUND   the weights' largest magnitude: 127, 63 or 31

   Multiplies int8 matrices with NEON, by widening multiplies: the four k of a row stand in every 32-bit lane and meet
   four channels of a panel at once. As many products are added in 16 bits as the row's activations allow
   (chain_plan.h), and then they are widened pairwise: of every 12 k steps all, 6, 4, 3, or 2, which always fit. For
   768 products that takes 119 to 159 instructions on 64 bits, of which 96 multiply. The accumulation by two is
   gemmlowp's. */
#ifndef GEMM_NAME
#error "include it from a kernel"
#endif
#ifndef __ARM_NEON
#error "needs NEON"
#endif
#include "simd/arm/chain_plan.h"

_Static_assert(MOST_K / TERN_PANEL_K / UNIT + 3 + UNITS <= CODES, "the codes of the longest row fit");

// clang-format off
/* Each kind of unit looks for its like first. */
#if GEMM_BOUND > 63
#define AFTER_DEEP NEXT IF_TWELVE IF_SIXES IF_FOURS IF_THREES IF_TWOS
#ifdef __aarch64__
#define AFTER_FLAT NEXT IF_FOURS IF_SIXES IF_THREES IF_TWELVE IF_TWOS
#else
#define AFTER_FLAT AFTER_DEEP
#endif
#define FLAT_UNITS                                                                                                     \
    ".Lfours%=:\n" UNIT_FOURS AFTER_FLAT "b .Lend%=\n"                                                                 \
    ".Lthrees%=:\n" UNIT_THREES AFTER_FLAT "b .Lend%=\n"                                                               \
    ".Ltwos%=:\n" UNIT_TWOS AFTER_FLAT
#elif GEMM_BOUND > 31
#define AFTER_DEEP NEXT IF_TWELVE IF_SIXES IF_FOURS
#define FLAT_UNITS ".Lfours%=:\n" UNIT_FOURS AFTER_DEEP
#else
#define AFTER_DEEP NEXT IF_TWELVE IF_SIXES
#define FLAT_UNITS
#endif
#define ALL_UNITS                                                                                                      \
    AFTER_DEEP                                                                                                         \
    ".Ltwelve%=:\n" UNIT_TWELVE AFTER_DEEP "b .Lend%=\n"                                                               \
    ".Lsixes%=:\n" UNIT_SIXES AFTER_DEEP "b .Lend%=\n"                                                                 \
    FLAT_UNITS                                                                                                         \
    ".Lend%=:\n"
// clang-format on

TERN_INLINE void run_tile(struct at *at, int32_t *c, int k4)
{
    const int32x4_t zero = vdupq_n_s32(0);
#ifdef __aarch64__
    struct tile sum = {zero, zero, zero, zero, zero, zero, zero, zero}, *const s = &sum;
#else
    struct tile sum = {zero, zero, zero, zero}, *const s = &sum;
#endif
    int n;
    if (k4 >= UNIT)
        RUN(ALL_UNITS);
    else
        at->code++;
    int rest = k4 % UNIT;
    for (; rest >= 4; rest -= 4)
        if (GEMM_BOUND <= 63 || *at->code++ == FOURS)
            RUN(ONE_FOUR);
        else
            RUN(TWO_TWOS);
    if (rest >= 2)
        RUN(ONE_TWO);
    if (rest % 2)
        RUN(ONE_STEP);
    tile_store(s, c);
}

void GEMM_NAME(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4,
               struct tern_ahead ahead)
{
    (void)ahead;
    uint8_t codes[CODES];
    const int of_row = codes_of(k4), most = (CODES - UNITS) / of_row;
    for (int row = 0; row < m; row += most, a += most * ld_a, c += most * ld_c) {
        const int rows = m - row < most ? m - row : most;
        for (int i = 0; i < rows; i++)
            find_codes(a + i * ld_a, k4, codes + i * of_row);
        for (int panel = 0; panel < panels; panel++)
            for (int at = 0; at < TERN_PANEL; at += TILE_CHANNELS) {
                const int8_t *const w = b + (panel * (ptrdiff_t)k4 * TERN_PANEL + at) * TERN_PANEL_K;
                int32_t *const to = c + panel * TERN_PANEL + at;
                for (int i = 0; i < rows; i++)
                    run_tile(&(struct at){a + i * ld_a, w, codes + i * of_row}, to + i * ld_c, k4);
            }
    }
}
