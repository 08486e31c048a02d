/* Prunes a whole model on texts, matrix by matrix: `--sparse SHAPE:FRACTION --calibrate`. */
#include "quant/sparsify.h"

#include "quant/calibrate.h"
#include "quant/convert.h"
#include "quant/sparsify_private.h"
#include "simd/libraries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES = 8 }; /* more gave no better models, 1 clearly worse ones */

static void plan(struct tern_sparsifier *s)
{
    const struct tern_config *c = s->source->config;
    const size_t h = (size_t)c->hidden, k = (size_t)tern_widest_input(c);
    const size_t tokens = (size_t)s->sample->offsets[s->sample->n], matrix = tern_largest_matrix(c);
    s->bert.config = s->models->model[TERN_DENSE] ? &s->models->model[TERN_DENSE]->config : c;
    s->bert.ops = &s->ops;
    s->bert.pool = s->host.pool;
    s->bert.max_tokens = TERN_SPARSIFY_BATCH;
    s->bert.longest = TERN_SPARSIFY_TOKENS;
    tern_bert_f32_plan(&s->bert, &s->arena);
    for (int i = 0; i < TERN_MODELS; i++) {
        s->state[i] = tern_arena_take(&s->arena, tokens, h * sizeof(float));
        s->context[i] = tern_arena_take(&s->arena, tokens, (size_t)tern_widest_attention(c) * sizeof(float));
        s->seen[i] = tern_arena_take(&s->arena, k, TERN_SPARSIFY_BATCH * sizeof(float));
    }
    s->fraction = tern_arena_take(&s->arena, (size_t)c->layers, TERN_N_MATRICES * sizeof(double));
    s->cross = tern_arena_take(&s->arena, k, k * sizeof(float));
    s->product = tern_arena_take(&s->arena, k, k * sizeof(float));
    s->hessian.moments = tern_arena_take(&s->arena, k, k * sizeof(float));
    s->hessian.inverse = tern_arena_take(&s->arena, k, k * sizeof(float));
    s->factor = tern_arena_take(&s->arena, k, k * sizeof(double));
    s->pruner.w = tern_arena_take(&s->arena, matrix, sizeof(float));
    s->target = tern_arena_take(&s->arena, matrix, sizeof(float));
    s->spare = tern_arena_take(&s->arena, matrix, sizeof(float));
    s->pruner.keep = tern_arena_take(&s->arena, matrix, 1);
    s->pruner.loss = tern_arena_take(&s->arena, k, TERN_PANEL_K * sizeof(float));
    size_t scratch = 0, blocks = 0;
    for (int i = 0; i < c->layers * TERN_N_MATRICES; i++) {
        const struct tern_shape shape = tern_matrix_shape(c, i);
        const size_t needed = tern_compensation_scratch(shape.n, shape.k),
                     count = tern_count_blocks(s->source->block, shape.n, shape.k);
        scratch = needed > scratch ? needed : scratch;
        blocks = count > blocks ? count : blocks;
    }
    s->pruner.scratch = tern_arena_take(&s->arena, scratch, sizeof(float));
    s->pruner.score = tern_arena_take(&s->arena, blocks, sizeof *s->pruner.score);
}

/* ---- What the matrices read ---------------------------------------------------------------------------------------
 */

static int observe(void *context, int layer, enum tern_layer_input which, const float *x, int rows)
{
    struct tern_sparsifier *s = context;
    const int k = s->hessian.k;
    float *seen = s->seen[s->side];
    (void)layer;
    if (which != s->which)
        return 0;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < k; j++)
            seen[(ptrdiff_t)j * TERN_SPARSIFY_BATCH + i] = x[(ptrdiff_t)i * k + j];
    return 1;
}

tern_batch tern_sparsify_batch(const struct tern_sparsifier *s, int first, int32_t *offset)
{
    const int32_t *offsets = s->sample->offsets;
    int n = 0;
    offset[0] = 0;
    while (first + n < s->sample->n && offsets[first + n + 1] - offsets[first] <= TERN_SPARSIFY_BATCH) {
        offset[n + 1] = offsets[first + n + 1] - offsets[first];
        n++;
    }
    return (tern_batch){s->sample->ids + offsets[first], NULL, offset, n};
}

/* sum[k][k] += a w^T; of a symmetric one only what lies on the diagonal and left of it. */
static void add_product(const struct tern_sparsifier *s, float *sum, const float *a, const float *w, int rows)
{
    const int k = s->hessian.k, symmetric = a == w;
    const struct tern_gemm_f32 product = {a, w,    s->product, TERN_SPARSIFY_BATCH, TERN_SPARSIFY_BATCH, k, k,
                                          k, rows, symmetric};
    tern_gemm_f32_run(&s->host, &product);
    for (ptrdiff_t i = 0; i < k; i++)
        for (ptrdiff_t j = 0; j < (symmetric ? i + 1 : k); j++)
            sum[i * k + j] += s->product[i * k + j];
}

static void mirror(const struct tern_hessian *h)
{
    for (ptrdiff_t i = 0; i < h->k; i++)
        for (ptrdiff_t j = 0; j < i; j++)
            h->moments[j * h->k + i] = h->moments[i * h->k + j];
}

/* One batch of `side` through a part of a layer: see tern_sparsify_run. */
static void run_batch(struct tern_sparsifier *s, int side, const tern_batch *batch, int first, int layer)
{
    const struct tern_config *c = s->source->config;
    const ptrdiff_t h = c->hidden, start = s->sample->offsets[first], tokens = batch->offsets[batch->n_texts];
    const ptrdiff_t width = layer < 0 ? 0 : tern_attention_width(&c->layer[layer]);
    const size_t bytes = (size_t)(tokens * h) * sizeof(float), context_bytes = (size_t)(tokens * width) * sizeof(float);
    float *state = s->state[side] + start * h, *context = s->context[side] + start * width;
    enum tern_layer_input from = TERN_INPUT_FFN_UP;
    if (s->which <= TERN_INPUT_ATTN_OUT)
        from = TERN_INPUT_QKV;
    else if (s->which == TERN_INPUT_FFN_UP)
        from = TERN_INPUT_ATTN_OUT;
    s->side = side;
    s->bert.weights = &s->models->model[side]->f32;
    memcpy(s->bert.x, state, bytes);
    if (from == TERN_INPUT_ATTN_OUT)
        memcpy(s->bert.context, context, context_bytes);
    if (layer < 0)
        tern_bert_f32_begin(&s->bert, batch);
    else
        tern_bert_f32_layer(&s->bert, batch, layer, from);
    if (s->which == TERN_INPUT_ATTN_OUT)
        memcpy(context, s->bert.context, context_bytes);
    if (s->which == TERN_INPUT_FFN_UP || s->which == TERN_N_INPUTS)
        memcpy(state, s->bert.x, bytes);
}

void tern_sparsify_run(struct tern_sparsifier *s, int layer, enum tern_layer_input which)
{
    const struct tern_config *c = s->source->config;
    const size_t k = which == TERN_N_INPUTS ? 0 : (size_t)tern_input_width(c, layer, which);
    int32_t offset[TERN_SPARSIFY_BATCH + 1];
    s->which = which;
    s->hessian.k = (int)k;
    memset(s->hessian.moments, 0, k * k * sizeof(float));
    memset(s->cross, 0, k * k * sizeof(float));
    for (int first = 0, n; first < s->sample->n; first += n) {
        const tern_batch batch = tern_sparsify_batch(s, first, offset);
        n = batch.n_texts;
        for (int side = s->same ? TERN_PRUNED : 0; side < TERN_MODELS; side++)
            run_batch(s, side, &batch, first, layer);
        if (which == TERN_N_INPUTS)
            continue;
        add_product(s, s->hessian.moments, s->seen[TERN_PRUNED], s->seen[TERN_PRUNED], offset[n]);
        if (!s->same)
            add_product(s, s->cross, s->seen[TERN_PRUNED], s->seen[TERN_DENSE], offset[n]);
    }
    mirror(&s->hessian);
    for (size_t i = 0; i < k * k; i++)
        s->cross[i] = s->same ? 0 : s->cross[i] - s->hessian.moments[i];
}

/* ---- Pruning ------------------------------------------------------------------------------------------------------
 */

static float *matrix_of(const struct tern_model *model, int layer, int i, int *n, int *k)
{
    const struct tern_f32_linear *w = &model->f32.layers[layer].matrix[i];
    *n = w->n;
    *k = w->k;
    return (float *)(uintptr_t)w->w; /* the bytes are ours */
}

/* The weights that give, on what the pruned model lets the matrix read, the outputs nearest to those of the whole
   model: w + w (cross - moments) moments^-1. */
static void make_target(struct tern_sparsifier *s, const float *w, int n, int k)
{
    const struct tern_gemm_f32 difference = {w, s->cross, s->spare, k, k, k, n, k, k, 0};
    const struct tern_gemm_f32 change = {s->spare, s->hessian.inverse, s->target, k, k, k, n, k, k, 0};
    tern_gemm_f32_run(&s->host, &difference);
    tern_gemm_f32_run(&s->host, &change);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n * k; i++)
        s->target[i] += w[i];
}

tern_status tern_sparsify_start(struct tern_sparsifier *s, int layer, int i, float **weights, tern_error *err)
{
    struct tern_pruner *p = &s->pruner;
    float *w = *weights = matrix_of(s->models->model[TERN_PRUNED], layer, i, &p->n, &p->k);
    const ptrdiff_t size = (ptrdiff_t)p->n * p->k;
    make_target(s, w, p->n, p->k);
    p->host = &s->host;
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

/* The moments' inverse. */
static tern_status invert(struct tern_sparsifier *s, int layer, tern_error *err)
{
    if (tern_hessian_make(&s->hessian, &s->lapack, s->factor))
        return tern_fail(err, TERN_FORMAT,
                         "layer.%d: the calibration's second moments are not finite or not positive; calibrate on more "
                         "or other texts",
                         layer);
    return TERN_OK;
}

tern_status tern_sparsify_layer(struct tern_sparsifier *s, int layer, tern_sparsify_visit *visit, void *context,
                                tern_error *err)
{
    tern_status status = TERN_OK;
    for (int i = 0; i < TERN_N_MATRICES && !status; i++) {
        const enum tern_layer_input reads = tern_matrix_part((enum tern_matrix)i)->reads;
        if (i == 0 || reads != tern_matrix_part((enum tern_matrix)(i - 1))->reads) {
            tern_sparsify_run(s, layer, reads);
            status = invert(s, layer, err);
        }
        if (!status)
            status = visit(context, layer, i, err);
        if (s->source->progress)
            s->source->progress(s->source->listener, (size_t)(layer * TERN_N_MATRICES + i + 1),
                                (size_t)s->source->config->layers * TERN_N_MATRICES);
    }
    return status;
}

static tern_status prune_model(struct tern_sparsifier *s, tern_error *err)
{
    const int matrices = s->source->config->layers * TERN_N_MATRICES;
    tern_status status = TERN_OK;
    for (int i = 0; i < matrices; i++)
        s->fraction[i] = s->source->prune;
    if (s->source->allocate)
        status = tern_sparsify_allocate(s, err);
    tern_sparsify_run(s, -1, TERN_N_INPUTS);
    for (int layer = 0; layer < s->source->config->layers && !status; layer++) {
        status = tern_sparsify_layer(s, layer, prune, s, err);
        if (layer + 1 < s->source->config->layers)
            tern_sparsify_run(s, layer, TERN_N_INPUTS);
    }
    return status;
}

/* ---- Setting up ---------------------------------------------------------------------------------------------------
 */

static tern_status build_models(struct tern_sparsified *out, const struct tern_source *source,
                                const tern_tokenizer *tokenizer, tern_error *err)
{
    struct tern_config config = *source->config;
    config.weights = TERN_WEIGHTS_F32;
    const struct tern_source floats = {.config = &config, .read = source->read, .context = source->context};
    const size_t matrices = (size_t)config.layers * TERN_N_MATRICES;
    tern_status status = TERN_OK;
    out->report = calloc(matrices, sizeof *out->report);
    if (!out->report)
        return tern_fail_nomem(err, "a report", matrices * sizeof *out->report);
    for (int i = 0; i < TERN_MODELS && !status; i++)
        status = tern_build_model(&out->model[i], &out->bytes[i], &floats, tokenizer, err);
    return status;
}

static tern_status set_up(struct tern_sparsifier *s, tern_error *err)
{
    unsigned features;
    tern_status status = tern_cpu_select(&features, NULL, err);
    if (status)
        return status;
    tern_table_build(&s->ops, features);
    tern_libraries_add(&s->ops, features);
    s->host.ops = &s->ops;
    status = tern_pool_open(&s->host.pool, 0, err);
    if (status)
        return status;
    plan(s);
    status = tern_arena_open(&s->arena, err);
    if (!status)
        plan(s);
    s->bert.observer = (struct tern_observer){observe, s};
    return status;
}

static void close_model(struct tern_sparsified *s, int i)
{
    tern_model_close(s->model[i]);
    free(s->bytes[i]);
    s->model[i] = NULL;
    s->bytes[i] = NULL;
}

tern_status tern_sparsify(struct tern_sparsified **out, const struct tern_source *source,
                          const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err)
{
    struct tern_sparsifier s = {.source = source, .sample = sample};
    tern_status status = TERN_OK;
    *out = NULL;
    if (tern_config_shares_layers(source->config))
        return tern_fail(err, TERN_USAGE,
                         "layers that share their weights cannot be pruned on texts; prune them by magnitude, without "
                         "--calibrate");
    s.models = calloc(1, sizeof *s.models);
    if (!s.models)
        return tern_fail_nomem(err, "a pruned model", sizeof *s.models);
    if (tern_lapack_open(&s.lapack))
        status = tern_fail_no_lapack(err);
    if (!status)
        status = build_models(s.models, source, tokenizer, err);
    if (!status)
        status = set_up(&s, err);
    if (!status)
        status = prune_model(&s, err);
    tern_arena_close(&s.arena);
    tern_pool_close(s.host.pool);
    tern_lapack_close(&s.lapack);
    if (status) {
        tern_sparsified_close(s.models);
        return status;
    }
    close_model(s.models, TERN_DENSE); /* what follows takes room of its own */
    *out = s.models;
    return TERN_OK;
}

void tern_sparsified_close(struct tern_sparsified *s)
{
    if (!s)
        return;
    for (int i = 0; i < TERN_MODELS; i++)
        close_model(s, i);
    free(s->report);
    free(s);
}

/* The float file has the checkpoint's names. */
static tern_status read_pruned(void *context, struct tern_key key, float *out, size_t count, tern_error *err)
{
    const struct tern_sparsified *s = context;
    char name[TERN_KEY_NAME];
    tern_key_name(name, key);
    const struct tern_tensor *tensor = tern_safetensors_find(&s->model[TERN_PRUNED]->tensors, name);
    if (!tensor || tensor->bytes < count * sizeof *out)
        return tern_fail(err, TERN_FORMAT, "%s: not in the pruned model", name);
    memcpy(out, tensor->data, count * sizeof *out);
    return TERN_OK;
}

struct tern_source tern_sparsified_source(const struct tern_sparsified *s, const struct tern_source *source)
{
    struct tern_source pruned = *source;
    pruned.read = read_pruned;
    pruned.context = (void *)(uintptr_t)s;
    pruned.pruned = s->report;
    return pruned;
}
