/* Vectors as an index has them. Floats become integers by IEEE's operations in double, each rounded once: the same on
   every CPU. */
#ifndef TERN_RUNTIME_VECTORS_H
#define TERN_RUNTIME_VECTORS_H

#include "runtime/base/status.h"

/* q[n] = v[n] * most / max|v|, rounded; returns the length of q, 0 if v is 0, and -1 if a number is not finite. */
double tern_vector_round(int16_t *q, const float *v, int n, int most);
/* A bit for each number: 1 where it is below 0. */
void tern_vector_signs(uint8_t *bits, const int16_t *q, int n);

#endif
