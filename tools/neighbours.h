/* The nearest neighbours of vectors by cosine: all pairs are compared, in blocks. */
#ifndef TERN_NEIGHBOURS_H
#define TERN_NEIGHBOURS_H

#include "runtime/base/tern.h"

/* How many are found for each vector, and the most vectors that are compared: 20,000 of 384 numbers are 1.5e11
   multiplications. */
enum { NEIGHBOURS = 10, NEIGHBOURS_MOST = 20000 };

/* nearest[n][NEIGHBOURS]: of each of the vectors values[rows[i]][dimensions] (rows NULL: values[i]), the others of
   greatest cosine, the nearest first, as places in rows[n]; of equal cosines the first counts. n is NEIGHBOURS + 1 to
   NEIGHBOURS_MOST. A vector of zeros has the cosine 0 with all. Sums are in single precision, in one order on every
   CPU. `threads` as in tern_session_options. Errors: TERN_USAGE (n), TERN_NOMEM. */
tern_status neighbours_find(int32_t *nearest, const float *values, const size_t *rows, size_t n, int32_t dimensions,
                            int32_t threads, tern_error *err);

/* The mean part, 0 to 1, of a vector's neighbours in a[n][NEIGHBOURS] that it has in b[n][NEIGHBOURS] too. */
double neighbours_kept(const int32_t *a, const int32_t *b, size_t n);

#endif
