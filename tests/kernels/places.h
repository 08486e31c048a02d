/* Places that only grow, as gather and skew take them. */
#ifndef TESTS_KERNELS_PLACES_H
#define TESTS_KERNELS_PLACES_H

#include "tests/kernels/check.h"

enum check_places { PLACES_ONE, PLACES_EACH, PLACES_MIXED, PLACES_LOG, N_PLACES };

/* Declares buffer i with n places, which begin anywhere that int16 leaves room for. Returns how many numbers they name.
 */
static inline int check_places(struct check *t, int i, enum check_places kind, int n)
{
    int16_t *const at = check_buf(t, i, "at", CHECK_IN, sizeof *at, 1, n, n);
    at[0] = (int16_t)check_param(t, -32768, 32767 - n);
    for (int j = 1; j < n; j++) {
        const int in_the_middle = 3 * j > n && 3 * j < 2 * n;
        const int step = kind == PLACES_ONE     ? 0
                         : kind == PLACES_EACH  ? 1
                         : kind == PLACES_MIXED ? (int)(rng_next(&t->rng) % 2)
                                                : in_the_middle || rng_next(&t->rng) % 4 == 0;
        at[j] = (int16_t)(at[j - 1] + step);
    }
    return at[n - 1] - at[0] + 1;
}

#endif
