/* Shares a product of float matrices among threads, for calibration and pruning. */
#include "quant/threaded_gemm.h"

enum { ROWS = 32 }; /* of a task: at k = 3072 they take 400 KB, which L2 holds while w streams by */

struct job {
    const struct tern_host *host;
    const struct tern_gemm_f32 *gemm;
};

static void rows_task(void *context, int task, int thread)
{
    (void)thread;
    const struct job *j = context;
    const struct tern_gemm_f32 *g = j->gemm;
    const int first = task * ROWS, m = g->m - first < ROWS ? g->m - first : ROWS;
    const int n = g->symmetric ? first + m : g->n;
    tern_gemm_f32_for(j->host->ops, m, n, g->k)(g->a + first * g->ld_a, g->ld_a, g->w, g->ld_w, NULL,
                                                g->c + first * g->ld_c, g->ld_c, m, n, g->k);
}

void tern_gemm_f32_run(const struct tern_host *host, const struct tern_gemm_f32 *gemm)
{
    struct job j = {host, gemm};
    tern_pool_run(host->pool, rows_task, &j, (gemm->m + ROWS - 1) / ROWS);
}
