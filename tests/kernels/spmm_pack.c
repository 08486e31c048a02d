/* Cases for the op spmm_pack, with spmm behind it: the layout between them is each row's own. */
#include "tests/kernels/check.h"

/* With the product that reads what is packed: see call() in spmm.c. */
void check_spmm_pack(struct check *t)
{
    check_spmm(t);
}
