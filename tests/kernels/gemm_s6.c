/* Cases for the op gemm_s6: those of gemm_s8, with weights of at most 31. */
#include "tests/kernels/check.h"
#include "tests/kernels/gemm.h"

void check_gemm_s6(struct check *t)
{
    check_gemm(t, 31);
}
