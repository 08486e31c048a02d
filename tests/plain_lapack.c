/* LAPACK's few routines in plain C, for tests on machines without it and to compare with. */
#include "tests/plain_lapack.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

static int plain_factor(const struct tern_lapack *lapack, char triangle, int n, double *a)
{
    (void)lapack;
    if (triangle != 'U')
        abort();
    for (int j = 0; j < n; j++)
        for (int i = 0; i <= j; i++) {
            double sum = a[i + j * n];
            for (int l = 0; l < i; l++)
                sum -= a[l + i * n] * a[l + j * n];
            if (i == j && !(sum > 0))
                return j + 1;
            a[i + j * n] = i == j ? sqrt(sum) : sum / a[i + i * n];
        }
    return 0;
}

/* Column by column: U^T U x = e. */
static int plain_invert(const struct tern_lapack *lapack, char triangle, int n, double *a)
{
    double *inverse = calloc((size_t)n * (size_t)n, sizeof *inverse);
    (void)lapack;
    if (triangle != 'U' || !inverse)
        abort();
    for (int column = 0; column < n; column++) {
        double *x = inverse + (ptrdiff_t)column * n;
        for (int i = 0; i < n; i++) {
            x[i] = i == column;
            for (int l = 0; l < i; l++)
                x[i] -= a[l + i * n] * x[l];
            x[i] /= a[i + i * n];
        }
        for (int i = n - 1; i >= 0; i--) {
            for (int l = i + 1; l < n; l++)
                x[i] -= a[i + l * n] * x[l];
            x[i] /= a[i + i * n];
        }
    }
    for (int j = 0; j < n; j++)
        for (int i = 0; i <= j; i++)
            a[i + j * n] = inverse[i + j * n];
    free(inverse);
    return 0;
}

static void plain_add(const struct tern_lapack *lapack, int n, int k, const float *x, float *c)
{
    (void)lapack;
    for (int row = 0; row < k; row++)
        for (int j = 0; j < n; j++)
            for (int i = 0; i <= j; i++)
                c[i + j * n] += x[row * n + i] * x[row * n + j];
}

const struct tern_lapack test_plain_lapack = {.factor = plain_factor, .invert = plain_invert, .add_moments = plain_add};
