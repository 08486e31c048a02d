/* Prunes one matrix by second order: chooses blocks, compensates with the weights that stay, and repeats. */
#include "quant/prune_second.h"

#include "quant/second_order.h"

#include <math.h>
#include <string.h>

/* Steps of compensation after each pass but the last, and the gain below which another is not worth it; the last pass
   goes on to within about a thousandth of the least error (which most matrices reach within 30 steps). */
enum { PASS_STEPS = 5, LAST_STEPS = 100 };
static const double pass_gain = 1e-2, last_gain = 1e-4;

/* In place, a[n][ld] symmetric and positive definite, n <= 4: Gauss-Jordan without pivots. Nonzero when it is not. */
static int invert_small(double *a, int n)
{
    for (int p = 0; p < n; p++) {
        const double pivot = a[p * n + p];
        if (!(pivot > 0))
            return -1;
        a[p * n + p] = 1;
        for (int j = 0; j < n; j++)
            a[p * n + j] /= pivot;
        for (int i = 0; i < n; i++) {
            const double factor = a[i * n + p];
            if (i == p)
                continue;
            a[i * n + p] = 0;
            for (int j = 0; j < n; j++)
                a[i * n + j] -= factor * a[p * n + j];
        }
    }
    return 0;
}

int tern_hessian_make(struct tern_hessian *h, const struct tern_lapack *lapack, double *scratch)
{
    const ptrdiff_t k = h->k;
    double mean = 0;
    int finite = 1; /* OpenBLAS factors NaN without a word */
    for (ptrdiff_t i = 0; i < k; i++)
        mean += (double)h->moments[i * k + i] / (double)k;
    for (ptrdiff_t i = 0; i < k; i++)
        h->moments[i * k + i] += (float)tern_damping(mean, 0.01);
    for (ptrdiff_t i = 0; i < k * k; i++) {
        scratch[i] = (double)h->moments[i];
        finite &= isfinite(h->moments[i]) != 0;
    }
    if (!finite || lapack->factor(lapack, 'U', h->k, scratch) || lapack->invert(lapack, 'U', h->k, scratch))
        return -1;
    for (ptrdiff_t j = 0; j < k; j++)
        for (ptrdiff_t i = 0; i <= j; i++)
            h->inverse[i * k + j] = h->inverse[j * k + i] = (float)scratch[i + j * k];
    return 0;
}

/* Calls for all blocks, by rows. */
#define FOR_BLOCKS(p, i, j)                                                                                            \
    for (int i = 0; i < (p)->n; i += tern_block_outputs((p)->shape))                                                   \
        for (int j = 0; j < (p)->k; j += tern_block_inputs((p)->shape))

static int is_zero(const struct tern_pruner *p, int row, int column)
{
    for (int i = row; i < p->n && i < row + tern_block_outputs(p->shape); i++)
        for (int j = column; j < p->k && j < column + tern_block_inputs(p->shape); j++)
            if (p->w[(ptrdiff_t)i * p->k + j] != 0)
                return 0;
    return 1;
}

static void drop(struct tern_pruner *p, int row, int column)
{
    for (int i = row; i < p->n && i < row + tern_block_outputs(p->shape); i++)
        for (int j = column; j < p->k && j < column + tern_block_inputs(p->shape); j++) {
            p->w[(ptrdiff_t)i * p->k + j] = 0;
            p->keep[(ptrdiff_t)i * p->k + j] = 0;
        }
}

int tern_pruner_start(struct tern_pruner *p)
{
    const int width = tern_block_inputs(p->shape);
    for (int first = 0; first < p->k; first += width) {
        const int n = p->k - first < width ? p->k - first : width;
        double block[TERN_PANEL_K * TERN_PANEL_K];
        for (int i = 0; i < n * n; i++)
            block[i] = (double)p->hessian->inverse[(ptrdiff_t)(first + i / n) * p->k + first + i % n];
        if (invert_small(block, n))
            return -1;
        for (int i = 0; i < n * n; i++)
            p->loss[(ptrdiff_t)first * width + i] = (float)block[i];
    }
    memset(p->keep, 1, (size_t)p->n * (size_t)p->k);
    FOR_BLOCKS(p, i, j)
    if (is_zero(p, i, j))
        drop(p, i, j);
    return 0;
}

/* Blocks that are gone come first of all. */
static double loss_of(const struct tern_pruner *p, int row, int column)
{
    const int most = tern_block_inputs(p->shape), width = p->k - column < most ? p->k - column : most;
    const float *block = p->loss + (ptrdiff_t)column * most;
    double loss = 0;
    if (!p->keep[(ptrdiff_t)row * p->k + column])
        return -1;
    for (int i = row; i < p->n && i < row + tern_block_outputs(p->shape); i++) {
        const float *w = p->w + (ptrdiff_t)i * p->k + column;
        for (int a = 0; a < width; a++)
            for (int b = 0; b < width; b++)
                loss += (double)w[a] * (double)block[a * width + b] * (double)w[b];
    }
    return loss > 0 ? loss : 0;
}

static double compensate(const struct tern_pruner *p, float *w, int steps, double least)
{
    const struct tern_compensation c = {p->host, p->hessian->moments, p->target, p->keep, p->n, p->k, p->scratch};
    return tern_compensate(&c, w, steps, least);
}

double tern_pruner_error(const struct tern_pruner *p, float *w)
{
    return compensate(p, w, 0, 0);
}

static double prune_pass(struct tern_pruner *p, double fraction, int steps, double least)
{
    struct tern_block_score *at = p->score;
    FOR_BLOCKS(p, i, j)
    *at++ = (struct tern_block_score){loss_of(p, i, j), i, j};
    const size_t zero = tern_least_blocks(p->score, (size_t)(at - p->score), fraction);
    for (at = p->score; at < p->score + zero; at++)
        drop(p, at->row, at->column);
    return compensate(p, p->w, steps, least);
}

static double fraction_gone(const struct tern_pruner *p)
{
    size_t gone = 0, blocks = 0;
    FOR_BLOCKS(p, i, j)
    {
        gone += !p->keep[(ptrdiff_t)i * p->k + j];
        blocks++;
    }
    return (double)gone / (double)blocks;
}

double tern_pruner_to(struct tern_pruner *p, double fraction, int passes)
{
    const double from = fraction_gone(p);
    for (int i = 1; i < passes && fraction > from; i++)
        prune_pass(p, from + (fraction - from) * i / passes, PASS_STEPS, pass_gain);
    return prune_pass(p, fraction, LAST_STEPS, last_gain);
}
