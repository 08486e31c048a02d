/* Libraries that compute products of floats, where the build has them and they were measured to be faster. */
#ifndef TERN_LIBRARIES_H
#define TERN_LIBRARIES_H

#include "simd/table.h"

/* Adds the rows of libraries.def to a table that was built from `features`. A library's choice of instructions is one
   for the whole process, so that only what computes in floats asks for it: a library that has been let loose on more
   than `features` already is not used. */
void tern_libraries_add(struct tern_ops *ops, unsigned features);

#define LIBRARY(name, isa, rows, from, to)                                                                             \
    tern_gemm_f32_fn tern_gemm_f32_##name;                                                                             \
    int tern_##name##_within(unsigned features); /* 1: it uses no instruction that `features` lacks, from now on */
#include "simd/libraries.def"
#undef LIBRARY

#endif
