/* Full unrolling, for loops over arrays of vectors: gcc -O2 leaves them as loops, and an index that is no constant
   sends the arrays through memory. The count must be a constant, as clang warns where it cannot unroll: what a shorter
   array lacks is left out by a condition inside. */
#ifndef TERN_UNROLL_H
#define TERN_UNROLL_H

#ifdef __clang__
#define TERN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TERN_UNROLL _Pragma("GCC unroll 16")
#endif

#endif
