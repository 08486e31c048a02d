/* Bounds a matrix's largest singular value by the trace of a power of its Gram matrix. */
#include "quant/singular.h"

#include <math.h>
#include <stdlib.h>

/* A singular value s gives s^(2 POWER) to the trace of (w^T w)^POWER, and none takes anything away. POWER is
   2^SQUARINGS: the root is then at most the rank's root of degree 2 POWER above the largest, 8192^(1/128) = 1.07. */
enum { SQUARINGS = 6, POWER = 1 << SQUARINGS };
/* Rounding to 8 bits per row changes a matrix by about a hundredth of its Frobenius norm; twice that is room enough. */
static const double rounding = 0.02;

/* g = w^T w, over the smaller of both sides. */
static void gram(double *g, const float *w, int n, int k)
{
    const int turned = n < k, d = turned ? n : k, along = turned ? k : n;
    for (int i = 0; i < d; i++)
        for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int l = 0; l < along; l++)
                sum += turned ? (double)w[(ptrdiff_t)i * k + l] * (double)w[(ptrdiff_t)j * k + l]
                              : (double)w[(ptrdiff_t)l * k + i] * (double)w[(ptrdiff_t)l * k + j];
            g[(ptrdiff_t)i * d + j] = g[(ptrdiff_t)j * d + i] = sum;
        }
}

static double trace(const double *g, int d)
{
    double sum = 0;
    for (int i = 0; i < d; i++)
        sum += g[(ptrdiff_t)i * d + i];
    return sum;
}

/* out = g g / (trace of g)^2; g is symmetric. */
static void square(double *out, const double *g, int d)
{
    const double over = 1 / trace(g, d);
    for (int i = 0; i < d; i++)
        for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int l = 0; l < d; l++)
                sum += g[(ptrdiff_t)i * d + l] * over * (g[(ptrdiff_t)j * d + l] * over);
            out[(ptrdiff_t)i * d + j] = out[(ptrdiff_t)j * d + i] = sum;
        }
}

double tern_singular_bound(const float *w, int n, int k, tern_status *status, tern_error *err)
{
    const size_t d = (size_t)(n < k ? n : k);
    double *g = *status ? NULL : malloc(2 * d * d * sizeof *g), bound = 0;
    if (!*status && !g)
        *status = tern_fail_nomem(err, "a matrix's Gram matrix", 2 * d * d * sizeof *g);
    if (!g)
        return 0;
    double *from = g, *to = g + d * d;
    gram(from, w, n, k);
    const double frobenius = trace(from, (int)d);
    /* The logarithm of trace(g^POWER): each squaring took its trace out before. */
    double taken = 0;
    for (int i = 0; i < SQUARINGS && frobenius > 0; i++) {
        taken = 2 * (taken + log(trace(from, (int)d)));
        square(to, from, (int)d);
        double *const swap = from;
        from = to;
        to = swap;
    }
    if (frobenius > 0)
        bound = exp((taken + log(trace(from, (int)d))) / (2 * POWER)) + rounding * sqrt(frobenius);
    free(g);
    return bound;
}
