#include "tools/sparsity.h"

#include "quant/sparse.h"
#include "runtime/model.h"

#include <stdio.h>

/* Of the layers' matrices together. */
struct sparsity {
    int matrices, sparse, mixed;
    enum tern_block_shape shape; /* of the first sparse matrix */
    double zero;
};

static struct sparsity sparsity_of(const tern_model *m)
{
    struct sparsity s = {0};
    double lines = 0, all = 0;
    for (int i = 0; m->int8.layers && i < m->config.layers; i++) {
        const struct tern_layer *l = &m->int8.layers[i];
        const struct tern_linear *const w[] = {&l->query, &l->key, &l->value, &l->attn_out, &l->ffn_up, &l->ffn_down};
        for (int j = 0; j < TERN_N_MATRICES; j++) {
            const double size = (double)tern_panels(w[j]->n) * tern_k4(w[j]->k);
            s.matrices++;
            all += size;
            lines += w[j]->sparse.first ? (double)w[j]->sparse.first[tern_panels(w[j]->n)] : size;
            if (!w[j]->sparse.first)
                continue;
            s.shape = s.sparse ? s.shape : w[j]->sparse.shape;
            s.mixed |= w[j]->sparse.shape != s.shape;
            s.sparse++;
        }
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
