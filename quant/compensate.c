/* Solves for the weights that best replace pruned ones (conjugate gradients), for second-order pruning. */
#include "quant/compensate.h"

/* Conjugate gradients, each row of weights a system of its own, (w - target) moments = 0 where it keeps its weights,
   preconditioned by the moments' diagonal. All rows share one product with the moments per step, so that the cost does
   not depend on how many masks there are: solving for each row of 1x4 blocks by itself would take n k^3 / 24
   multiplications at half the weights, a step takes n k^2. */

struct job {
    const struct tern_compensation *c;
    float *w, *residual, *direction, *image; /* [n][k]; image = direction moments */
    double *length, *gain;                   /* [n] residual in the preconditioner's norm; what a row has won or has */
};

size_t tern_compensation_scratch(int n, int k)
{
    return 3 * (size_t)n * (size_t)k + 2 * (size_t)n * (sizeof(double) / sizeof(float));
}

static void run(struct job *j, void (*row_task)(void *context, int row, int thread))
{
    const int n = j->c->n, k = j->c->k;
    const struct tern_gemm_f32 product = {j->direction, j->c->moments, j->image, k, k, k, n, k, k, 0};
    tern_gemm_f32_run(j->c->host, &product);
    tern_pool_run(j->c->host->pool, row_task, j, n);
}

static double diagonal(const struct tern_compensation *c, int i)
{
    return (double)c->moments[(ptrdiff_t)i * c->k + i];
}

/* `direction` is target - w and becomes the first direction; gain is the row's error. */
static void start_row(void *context, int row, int thread)
{
    (void)thread;
    const struct job *j = context;
    const int k = j->c->k;
    const ptrdiff_t at = (ptrdiff_t)row * k;
    const uint8_t *keep = j->c->keep + at;
    float *residual = j->residual + at, *direction = j->direction + at, *image = j->image + at;
    double length = 0, error = 0;
    for (int i = 0; i < k; i++) {
        error += (double)direction[i] * (double)image[i];
        residual[i] = keep[i] ? image[i] : 0;
        direction[i] = (float)((double)residual[i] / diagonal(j->c, i));
        length += (double)residual[i] * (double)direction[i];
    }
    j->length[row] = length;
    j->gain[row] = error;
}

static void step_row(void *context, int row, int thread)
{
    (void)thread;
    const struct job *j = context;
    const int k = j->c->k;
    const ptrdiff_t at = (ptrdiff_t)row * k;
    const uint8_t *keep = j->c->keep + at;
    float *w = j->w + at, *residual = j->residual + at, *direction = j->direction + at;
    const float *image = j->image + at;
    double curvature = 0, length = 0;
    for (int i = 0; i < k; i++)
        curvature += (double)direction[i] * (double)image[i];
    /* Not more than 0 only when the row has arrived, but for rounding. */
    const double step = curvature > 0 ? j->length[row] / curvature : 0;
    for (int i = 0; i < k; i++) {
        w[i] += (float)step * direction[i];
        residual[i] -= keep[i] ? (float)step * image[i] : 0;
        length += (double)residual[i] * (double)residual[i] / diagonal(j->c, i);
    }
    const double turn = step > 0 ? length / j->length[row] : 0;
    for (int i = 0; i < k; i++)
        direction[i] = (float)((double)residual[i] / diagonal(j->c, i) + turn * (double)direction[i]);
    j->gain[row] = step * j->length[row];
    j->length[row] = step > 0 ? length : 0;
}

static double total(const struct job *j)
{
    double sum = 0;
    for (int i = 0; i < j->c->n; i++)
        sum += j->gain[i];
    return sum;
}

double tern_compensate(const struct tern_compensation *c, float *w, int steps, double least)
{
    const ptrdiff_t size = (ptrdiff_t)c->n * c->k;
    double *rows = (double *)(void *)c->scratch; /* first: aligned for doubles */
    float *arrays = (float *)(void *)(rows + 2 * (ptrdiff_t)c->n);
    struct job j = {c, w, arrays, arrays + size, arrays + 2 * size, rows, rows + c->n};
    for (ptrdiff_t i = 0; i < size; i++)
        j.direction[i] = c->target[i] - w[i];
    run(&j, start_row);
    double error = total(&j);
    for (int i = 0; i < steps; i++) {
        run(&j, step_row);
        const double gain = total(&j);
        error -= gain;
        if (!(gain > least * error))
            break;
    }
    return error > 0 ? error : 0;
}
