/* Prunes a whole model on texts, matrix by matrix: `--sparse SHAPE:FRACTION --calibrate`. */
#include "quant/sparsify.h"

#include "quant/calibrate.h"
#include "quant/sparsify_private.h"

#include <stdlib.h>
#include <string.h>

enum { PASSES = 8 }; /* more gave no better models, 1 clearly worse ones */

static void plan(void *context)
{
    struct tern_sparsifier *s = context;
    struct tern_arena *arena = &s->pair->arena;
    const struct tern_config *c = s->source->config;
    const size_t k = (size_t)tern_widest_input(c), matrix = tern_largest_matrix(c);
    s->fraction = tern_arena_take(arena, (size_t)c->layers, TERN_N_MATRICES * sizeof(double));
    s->hessian.moments = s->pair->moments;
    s->hessian.inverse = tern_arena_take(arena, k, k * sizeof(float));
    s->factor = tern_arena_take(arena, k, k * sizeof(double));
    s->pruner.w = tern_arena_take(arena, matrix, sizeof(float));
    s->target = tern_arena_take(arena, matrix, sizeof(float));
    s->spare = tern_arena_take(arena, matrix, sizeof(float));
    s->pruner.keep = tern_arena_take(arena, matrix, 1);
    s->pruner.loss = tern_arena_take(arena, k, TERN_PANEL_K * sizeof(float));
    size_t scratch = 0, blocks = 0;
    for (int i = 0; i < c->layers * TERN_N_MATRICES; i++) {
        const struct tern_shape shape = tern_matrix_shape(c, i);
        const size_t needed = tern_compensation_scratch(shape.n, shape.k),
                     count = tern_count_blocks(s->source->block, shape.n, shape.k);
        scratch = needed > scratch ? needed : scratch;
        blocks = count > blocks ? count : blocks;
    }
    s->pruner.scratch = tern_arena_take(arena, scratch, sizeof(float));
    s->pruner.score = tern_arena_take(arena, blocks, sizeof *s->pruner.score);
}

/* ---- Pruning ------------------------------------------------------------------------------------------------------
 */

/* The weights that give, on what the pruned model lets the matrix read, the outputs nearest to those of the whole
   model: w + w (cross - moments) moments^-1. */
static void make_target(struct tern_sparsifier *s, const float *w, int n, int k)
{
    const struct tern_gemm_f32 difference = {w, s->pair->cross, s->spare, k, k, k, n, k, k, 0};
    const struct tern_gemm_f32 change = {s->spare, s->hessian.inverse, s->target, k, k, k, n, k, k, 0};
    tern_gemm_f32_run(&s->pair->host, &difference);
    tern_gemm_f32_run(&s->pair->host, &change);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n * k; i++)
        s->target[i] += w[i];
}

tern_status tern_sparsify_start(struct tern_sparsifier *s, int layer, int i, float **weights, tern_error *err)
{
    struct tern_pruner *p = &s->pruner;
    const struct tern_pair_matrix m = tern_pair_matrix(s->pair, TERN_CHANGED, layer, i);
    float *w = *weights = m.w;
    p->n = m.n;
    p->k = m.k;
    const ptrdiff_t size = (ptrdiff_t)p->n * p->k;
    make_target(s, w, p->n, p->k);
    p->host = &s->pair->host;
    p->hessian = &s->hessian;
    p->shape = s->source->block;
    p->target = s->target;
    memcpy(p->w, w, (size_t)size * sizeof *w); /* with its zeros */
    if (tern_pruner_start(p))
        return tern_fail(err, TERN_FORMAT, "layer.%d: the calibration's second moments are singular", layer);
    for (ptrdiff_t j = 0; j < size; j++)
        p->w[j] = p->keep[j] ? s->target[j] : 0;
    return TERN_OK;
}

static tern_status prune(void *context, int layer, int i, tern_error *err)
{
    struct tern_sparsifier *s = context;
    struct tern_pruner *p = &s->pruner;
    float *w;
    const tern_status status = tern_sparsify_start(s, layer, i, &w, err);
    if (status)
        return status;
    const ptrdiff_t size = (ptrdiff_t)p->n * p->k;
    const double error = tern_pruner_to(p, s->fraction[layer * TERN_N_MATRICES + i], PASSES);
    memcpy(w, p->w, (size_t)size * sizeof *w);
    for (ptrdiff_t j = 0; j < size; j++)
        s->spare[j] = p->keep[j] ? s->target[j] : 0;
    const double masked = tern_pruner_error(p, s->spare);
    memset(s->spare, 0, (size_t)size * sizeof *w);
    const double whole = tern_pruner_error(p, s->spare);
    s->models->report[layer * TERN_N_MATRICES + i] =
        (struct tern_pruned_matrix){whole > 0 ? error / whole : 0, whole > 0 ? masked / whole : 0};
    return TERN_OK;
}

struct visit {
    struct tern_sparsifier *s;
    tern_sparsify_visit *visit;
    void *context;
};

/* The moments' inverse. */
static tern_status ready(void *context, int layer, enum tern_layer_input which, tern_error *err)
{
    struct tern_sparsifier *s = ((const struct visit *)context)->s;
    (void)which;
    s->hessian.k = s->pair->k;
    if (tern_hessian_make(&s->hessian, &s->lapack, s->factor))
        return tern_fail(err, TERN_FORMAT,
                         "layer.%d: the calibration's second moments are not finite or not positive; calibrate on more "
                         "or other texts",
                         layer);
    return TERN_OK;
}

static tern_status visit(void *context, int layer, int i, tern_error *err)
{
    const struct visit *v = context;
    return v->visit(v->context, layer, i, err);
}

tern_status tern_sparsify_layer(struct tern_sparsifier *s, int layer, tern_sparsify_visit *visit_matrix, void *context,
                                tern_error *err)
{
    struct visit v = {s, visit_matrix, context};
    return tern_pair_layer(s->pair, layer, &(struct tern_pair_visitor){ready, visit, &v}, err);
}

static tern_status prune_model(struct tern_sparsifier *s, tern_error *err)
{
    const int matrices = s->source->config->layers * TERN_N_MATRICES;
    tern_status status = TERN_OK;
    for (int i = 0; i < matrices; i++)
        s->fraction[i] = s->source->prune;
    if (s->source->allocate)
        status = tern_sparsify_allocate(s, err);
    tern_pair_run(s->pair, -1, TERN_N_INPUTS);
    for (int layer = 0; layer < s->source->config->layers && !status; layer++) {
        status = tern_sparsify_layer(s, layer, prune, s, err);
        if (layer + 1 < s->source->config->layers)
            tern_pair_run(s->pair, layer, TERN_N_INPUTS);
    }
    return status;
}

tern_status tern_sparsify(struct tern_sparsified **out, const struct tern_source *source,
                          const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err)
{
    struct tern_sparsifier s = {.source = source};
    const size_t matrices = (size_t)source->config->layers * TERN_N_MATRICES;
    *out = NULL;
    if (tern_config_shares_layers(source->config))
        return tern_fail(err, TERN_USAGE,
                         "layers that share their weights cannot be pruned on texts; prune them by magnitude, without "
                         "--calibrate");
    s.models = calloc(1, sizeof *s.models);
    if (s.models)
        s.models->report = calloc(matrices, sizeof *s.models->report);
    if (!s.models || !s.models->report) {
        free(s.models);
        return tern_fail_nomem(err, "a pruned model", sizeof *s.models + matrices * sizeof *s.models->report);
    }
    s.pair = &s.models->pair;
    tern_status status = tern_lapack_need(&s.lapack, err);
    if (!status)
        status = tern_pair_open(s.pair, source, tokenizer, sample, plan, &s, err);
    if (!status)
        status = prune_model(&s, err);
    tern_pair_end(s.pair, TERN_CHANGED); /* what follows takes room of its own */
    if (status)
        tern_sparsified_close(s.models);
    else
        *out = s.models;
    return status;
}

void tern_sparsified_close(struct tern_sparsified *s)
{
    if (!s)
        return;
    tern_pair_close(&s->pair);
    free(s->report);
    free(s);
}

struct tern_source tern_sparsified_source(const struct tern_sparsified *s, const struct tern_source *source)
{
    struct tern_source pruned = tern_pair_source(&s->pair, source);
    pruned.pruned = s->report;
    return pruned;
}
