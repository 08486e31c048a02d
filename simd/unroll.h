/* Full unrolling, for loops over arrays of vectors: gcc -O2 leaves them as loops, and an index that is no constant sends
   the arrays through memory. */
#ifndef TERN_UNROLL_H
#define TERN_UNROLL_H

#ifdef __clang__
#define TERN_UNROLL _Pragma("unroll")
#else
#define TERN_UNROLL _Pragma("GCC unroll 16")
#endif

#endif
