/* Factors the second moments of a layer's inputs, for error compensation in lowbit.c. */
#include "quant/second_order.h"

#include <math.h>

/* A tenth: with GPTQ's hundredth, what was made good fitted the texts of calibration too well, and single other texts
   lost more (docs/accuracy.md). */
static const double damping_share = 0.1;

void tern_moments_add(struct tern_moments *m, const struct tern_lapack *lapack, const float *rows, int n)
{
    lapack->add_moments(lapack, m->k, n, rows, m->sum);
}

static double moment(const struct tern_moments *m, int i, int j)
{
    const ptrdiff_t row = i < j ? i : j, column = i < j ? j : i;
    return (double)m->sum[row + column * m->k];
}

/* Inputs by falling moments: insertion into a sorted list would take k^2 / 4 moves, so heap sort. */
static void sift(const struct tern_moments *m, int32_t *order, int at, int n)
{
    for (int child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && moment(m, order[child + 1], order[child + 1]) < moment(m, order[child], order[child]))
            child++;
        if (moment(m, order[at], order[at]) <= moment(m, order[child], order[child]))
            return;
        const int32_t held = order[at];
        order[at] = order[child];
        order[child] = held;
    }
}

static void sort(const struct tern_moments *m, int32_t *order)
{
    for (int i = 0; i < m->k; i++)
        order[i] = i;
    for (int i = m->k / 2; i-- > 0;)
        sift(m, order, i, m->k);
    for (int n = m->k - 1; n > 0; n--) { /* the least goes to the end */
        const int32_t held = order[0];
        order[0] = order[n];
        order[n] = held;
        sift(m, order, 0, n);
    }
}

int tern_second_order_make(const struct tern_moments *m, const struct tern_lapack *lapack, float *moments,
                           int32_t *order, float *factor, float *inverse, double *scratch)
{
    const ptrdiff_t k = m->k;
    double mean = 0;
    for (int i = 0; i < k; i++)
        mean += moment(m, i, i) / (double)k;
    if (!isfinite(mean))
        return -1;
    const double damping = tern_damping(mean, damping_share);
    sort(m, order);
    for (int i = 0; i < k; i++)
        moments[i] = mean > 0 ? (float)(moment(m, i, i) / mean) : 1;
    int finite = 1; /* OpenBLAS factors NaN without a word */
    for (ptrdiff_t j = 0; j < k; j++)
        for (ptrdiff_t i = 0; i <= j; i++) {
            scratch[i + j * k] = moment(m, order[i], order[j]) + (i == j ? damping : 0);
            finite &= isfinite(scratch[i + j * k]) != 0;
        }
    if (!finite || lapack->factor(lapack, 'U', m->k, scratch) || lapack->invert(lapack, 'U', m->k, scratch))
        return -1;
    for (ptrdiff_t j = 0; inverse && j < k; j++)
        for (ptrdiff_t i = 0; i <= j; i++)
            inverse[order[i] * k + order[j]] = inverse[order[j] * k + order[i]] = (float)scratch[i + j * k];
    if (lapack->factor(lapack, 'U', m->k, scratch))
        return -1;
    for (ptrdiff_t i = 0; i < k; i++)
        for (ptrdiff_t j = 0; j < k; j++)
            factor[i * k + j] = j < i ? 0 : (float)scratch[i + j * k];
    return 0;
}
