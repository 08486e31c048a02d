/* Columns that stand several times in a matrix, so that outliers do not set the step of a whole row. */
#ifndef TERN_COPIES_H
#define TERN_COPIES_H

#include "simd/table.h"

/* What is behind the k inputs of a matrix: each of `count` more repeats one of them (outlier channel splitting:
   Zhao et al., ICML 2019). A column that stands r times is split into r int8 parts, and its weights are the means of
   what stands at its r places, which are as near to each other as rounding allows. */
struct tern_copies {
    const uint16_t *column; /* [count] below k, in rising order; a column that stands r times is named r - 1 times */
    int count;
};
/* Most copies of an input, and most times that one column stands. */
enum { TERN_MAX_COPIES = 1024, TERN_MAX_TIMES = 64 };

/* The same by column, as a run needs it. */
struct tern_outlier {
    uint16_t column, first; /* its first copy is input k + first */
    uint32_t times, reciprocal;
};
struct tern_outliers {
    struct tern_outlier *outlier; /* [n] */
    int n, copies;
};

/* What is wrong with the copies of an input of k columns; NULL: nothing. */
const char *tern_copies_fault(const struct tern_copies *copies, int k);
/* Fills out->outlier, which has room for as many as there are copies. */
void tern_outliers_of(struct tern_outliers *out, const struct tern_copies *copies);

/* The op quantize for rows with outliers: with column j standing r[j] times,
     row->amax = max ceil(|x[j]| / r[j]);  X = x[j] in steps of amax / 127, as tern_to_s8 rounds but beyond 127
     column j and its copies are the parts floor((X + i) / r[j]), i < r[j], which add up to X and lie within +-127
   row->norm2 is over all parts. q[k + copies .. rounded up to 4) is set to 0. x is changed and restored. */
void tern_quantize_outliers(const struct tern_ops *ops, const struct tern_outliers *o, int16_t *x, int8_t *q,
                            struct tern_row *row, int k);

#endif
