/* Cases for the op spmm_s4_pack, with spmm_s4 behind it: the layout between them is each row's own. */
#include "tests/kernels/check.h"

/* With the product that reads what is packed: see call() in spmm_s4.c. */
void check_spmm_s4_pack(struct check *t)
{
    check_spmm_s4(t);
}
