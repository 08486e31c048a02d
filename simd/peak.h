/* Measures how fast the registers alone could multiply int8, by loops of independent multiply-adds without a load, one
   per ISA, for a roofline (Williams, Waterman, Patterson, "Roofline: an insightful visual performance model", CACM
   52(4), 2009). */
#ifndef TERN_PEAK_H
#define TERN_PEAK_H

#include "simd/cpu.h"

#include <stdint.h>

/* Runs n rounds and returns the multiply-adds of int8 that were done. The CPU has the ISA, AMX's permission included.
 */
typedef uint64_t tern_peak_fn(uint64_t n);

#define PEAK(isa) tern_peak_fn tern_peak_##isa;
#include "simd/peak.def"
#undef PEAK

// clang-format off
/* Named sums s0 .. s11, enough to hide the latency of any of them: an array would lie in memory. */
#define TERN_PEAK_SUMS(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11)
enum { TERN_PEAK_N_SUMS = 12 };
// clang-format on

/* NULL for an ISA that is not there in this build. */
tern_peak_fn *tern_peak_of(enum tern_isa isa);

#endif
