/* The cases of gemm_s8 for weights of at most `bound`: of gemm_s8.c, for the ops that differ in that alone. */
#ifndef TESTS_KERNELS_GEMM_H
#define TESTS_KERNELS_GEMM_H

struct check;
void check_gemm(struct check *t, int bound);

#endif
