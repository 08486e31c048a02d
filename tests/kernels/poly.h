/* Polynomials for the tests of gelu and tanh: random and extreme ones within the contract of struct tern_poly. */
#ifndef TESTS_KERNELS_POLY_H
#define TESTS_KERNELS_POLY_H

#include "tests/kernels/check.h"

enum { N_POLY_KINDS = 8 };

static inline struct tern_poly poly_make(struct check *t, int kind)
{
    struct tern_poly p = {0};
    if (kind == 0) /* all zero: gelu is then ReLU */
        return p;
    p.shift = (int16_t)(kind == 1 ? 0 : kind == 2 ? 14 : rng_between(&t->rng, 0, 14));
    p.limit = (int16_t)check_param(t, 0, 32767 >> p.shift);
    if (kind == 1 || kind == 2 || t->bench)
        p.limit = (int16_t)(32767 >> p.shift);
    p.mul = (int16_t)check_param(t, 0, 32767);
    p.out = (int16_t)check_param(t, 0, 32767);
    if (kind == 1)
        p.mul = p.out = 32767;
    for (int k = 0; k < 8; k++) {
        switch (kind) {
        case 1: p.c[k] = 32767; break;
        case 2: p.c[k] = -32768; break;
        case 3: p.c[k] = (int16_t)(k & 1 ? 32767 : -32768); break;
        case 4: p.c[k] = (int16_t)check_param(t, -32768, 32767); break;
        default: p.c[k] = (int16_t)rng_between(&t->rng, -32768 >> k, 32767 >> k); /* falls off, as a real fit does */
        }
    }
    return p;
}

#endif
