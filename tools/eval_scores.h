/* The figures of `tern eval`, out of numbers. */
#ifndef TERN_EVAL_SCORES_H
#define TERN_EVAL_SCORES_H

#include <stddef.h>
#include <stdint.h>

/* The cosine of a[n] and b[n], -1 to 1; 0 when one of them is all zeros, NaN when one is not finite. A build that only
   runs models has it too, which quant/probe.h's is not in. */
double eval_cosine(const float *a, const float *b, int32_t n);
/* Pearson's correlation of x[n] and y[n], -1 to 1; NAN where it is not defined: all of x, or all of y, are equal. */
double eval_pearson(const double *x, const double *y, size_t n);
/* Spearman's: Pearson's of the ranks, where equal values share the mean of theirs. 0, or -1 when memory is out. */
int eval_spearman(double *out, const double *x, const double *y, size_t n);
/* Of classes 0 and 1: F1 of class 1, 0 where it is nowhere; and Matthews' correlation, 0 where all of one side are of
   one class. */
double eval_f1(const double *gold, const double *predicted, size_t n);
double eval_matthews(const double *gold, const double *predicted, size_t n);
/* Sorts values[n], n > 0, and returns the percentile (0 to 100) between them: linear between the two that enclose it,
   as NumPy's default. */
double eval_percentile(double *values, size_t n, double percentile);

#endif
