/* Vectors as an index has them. Only here floats become integers, and an integer a score: by IEEE's operations in
   double, each rounded once, so that all are the same on every CPU. */
#ifndef TERN_RUNTIME_VECTORS_H
#define TERN_RUNTIME_VECTORS_H

#include "runtime/base/status.h"

/* q[n] = 127 * v[n] / max|v|, rounded; *norm2 is the sum of q^2, 0 if v is 0. -1: a number is not finite. */
int tern_vector_round(int8_t *q, int64_t *norm2, const float *v, int n);
/* 2^32 over the length, rounded; 0 for a vector of zeros. The length is at least 127. */
uint32_t tern_vector_scale(int64_t norm2);
/* The cosine of a query with this norm2 and a row, from their product times the row's scale. */
float tern_vector_cosine(int64_t scaled, int64_t norm2);
/* A bit for each number: 1 where it is below 0. */
void tern_vector_signs(uint8_t *bits, const int8_t *q, int n);

#endif
