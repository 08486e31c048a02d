/* The routines of quant/lapack.h in plain C, for where there is no LAPACK, and to hold it against. Upper triangles
 * only.
 */
#ifndef TESTS_PLAIN_LAPACK_H
#define TESTS_PLAIN_LAPACK_H

#include "quant/lapack.h"

extern const struct tern_lapack test_plain_lapack;

#endif
