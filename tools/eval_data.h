/* The tasks of `tern eval`: their files, and their figures. */
#ifndef TERN_EVAL_DATA_H
#define TERN_EVAL_DATA_H

#include "tools/texts.h"

struct eval_row {
    size_t text[2], bytes[2]; /* offset into `pool`, length; one or two texts */
    double gold;              /* label or score */
};

struct eval_data {
    int per_row; /* texts: 1 for sst2, 2 for stsb */
    struct eval_row *rows;
    size_t n, capacity;
    char *pool;
    size_t pool_used, pool_capacity;
};

/* Reads FILE; a line that does not fit the task is CLI_INPUT and named. A first line whose label is no number is the
   header. sst2's labels are 0 .. n_labels - 1. */
int eval_read_sst2(struct eval_data *d, const char *path, int32_t n_labels);
int eval_read_stsb(struct eval_data *d, const char *path);
void eval_data_free(struct eval_data *d);

double eval_pearson(const double *x, const double *y, size_t n);
/* Pearson of the ranks, equal values sharing theirs; NAN when out of memory. */
double eval_spearman(const double *x, const double *y, size_t n);

#endif
