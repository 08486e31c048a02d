/* Sums up how sparse a model's matrices are, for `tern info` and `tern bench`. */
#include "tools/sparsity.h"

#include "models/blocks.h"
#include "models/sparse_table.h"
#include "runtime/model.h"
#include "tools/sparse_cache.h"

/* Counts over the matrices of all layers. */
struct sparsity {
    int matrices, sparse, mixed;
    enum tern_block_shape shape; /* of the first sparse matrix */
    double zero;
};

static const struct tern_linear *matrix_of(const tern_model *m, int layer, int which)
{
    return &m->int8.layers[layer].matrix[which];
}

static struct sparsity sparsity_of(const tern_model *m)
{
    struct sparsity s = {0};
    double lines = 0, all = 0;
    for (int i = 0; m->int8.layers && i < m->config.layers * TERN_N_MATRICES; i++) {
        const struct tern_linear *w = matrix_of(m, i / TERN_N_MATRICES, i % TERN_N_MATRICES);
        const double size = (double)tern_panels(w->n) * tern_k4(w->k);
        s.matrices += w->n > 0; /* a gate may not be there */
        all += size;
        lines += w->sparse.first ? (double)w->sparse.first[tern_panels(w->n)] : size;
        if (!w->sparse.first)
            continue;
        s.shape = s.sparse ? s.shape : w->sparse.shape;
        s.mixed |= w->sparse.shape != s.shape;
        s.sparse++;
    }
    s.zero = all > 0 ? 1 - lines / all : 0;
    return s;
}

static const char *shape_name(const struct sparsity *s)
{
    return s->mixed ? "mixed" : tern_block_shape_name(s->shape);
}

void sparsity_name(char *out, size_t capacity, const tern_model *model)
{
    const struct sparsity s = sparsity_of(model);
    if (s.sparse)
        snprintf(out, capacity, "%s:%.3f", shape_name(&s), s.zero);
    else
        snprintf(out, capacity, "none");
}

void sparsity_text(char *out, size_t capacity, const tern_model *model)
{
    const struct sparsity s = sparsity_of(model);
    if (s.sparse)
        snprintf(out, capacity, "%.1f %%, %s blocks, %d of %d matrices", 100 * s.zero, shape_name(&s), s.sparse,
                 s.matrices);
    else
        snprintf(out, capacity, "none");
}

const char *sparsity_table(const tern_model *model, const char *isa)
{
    return sparsity_of(model).sparse ? sparse_cache_text(isa) : NULL;
}

/* Counts over one kind of matrix in all layers. */
struct ways {
    int count[3];
    int slower; /* than stored densely, by the table */
    double lines, all;
};

static struct ways ways_of(const tern_model *m, const struct tern_sparse_routes *routes, int which, int rows)
{
    struct ways ways = {{0}, 0, 0, 0};
    for (int i = 0; i < m->config.layers; i++) {
        const struct tern_linear *w = matrix_of(m, i, which);
        const int64_t size = (int64_t)tern_panels(w->n) * tern_k4(w->k);
        const int64_t lines = w->sparse.first ? w->sparse.first[tern_panels(w->n)] : size;
        ways.all += (double)size;
        ways.lines += (double)lines;
        ways.count[w->sparse.first ? tern_sparse_way(w, rows, routes) : TERN_WAY_DENSE]++;
        ways.slower += w->sparse.first &&
                       tern_way_open(routes, w->sparse.shape, tern_row_bucket(rows), lines, size) == TERN_WAY_DENSE;
    }
    return ways;
}

void sparsity_print_ways(FILE *out, const tern_model *model, const char *isa, int rows, int json)
{
    struct tern_ops ops;
    unsigned features;
    if (!sparsity_of(model).sparse || tern_cpu_select(&features, isa, NULL)) {
        fputs(json ? "[]" : "", out);
        return;
    }
    tern_table_build(&ops, features);
    tern_sparse_table_apply(&ops.routes.sparse, sparse_cache_text(isa), tern_isa_name(tern_table_best(features)), NULL);
    if (!json)
        fprintf(out,
                "\nOf the layers' matrices, at %d rows:\n\n| %-10s | %6s | %8s | %6s | %12s | %6s |\n"
                "|------------|-------:|---------:|-------:|-------------:|-------:|\n",
                rows, "matrix", "sparse", "expanded", "dense", "dense better", "left");
    for (int i = 0; i < TERN_N_MATRICES; i++) {
        const struct ways w = ways_of(model, &ops.routes.sparse, i, rows);
        if (!(w.all > 0)) /* no layer has it */
            continue;
        const int *n = w.count;
        if (json)
            fprintf(out, "%s{\"matrix\":\"%s\",\"sparse\":%d,\"expanded\":%d,\"dense\":%d,\"slower\":%d,\"left\":%.4f}",
                    i ? "," : "[", tern_matrix_part((enum tern_matrix)i)->name, n[TERN_WAY_SPARSE],
                    n[TERN_WAY_EXPANDED], n[TERN_WAY_DENSE], w.slower, w.lines / w.all);
        else
            fprintf(out, "| %-10s | %6d | %8d | %6d | %12d | %5.1f%% |\n", tern_matrix_part((enum tern_matrix)i)->name,
                    n[TERN_WAY_SPARSE], n[TERN_WAY_EXPANDED], n[TERN_WAY_DENSE], w.slower, 100 * w.lines / w.all);
    }
    fputs(json ? "]" : "", out);
}
