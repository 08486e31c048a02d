/* Cases for the op gemm_s7: those of gemm_s8, with weights of at most 63. */
#include "tests/kernels/check.h"
#include "tests/kernels/gemm.h"

void check_gemm_s7(struct check *t)
{
    check_gemm(t, 63);
}
