/* Runs two float models side by side over texts, part by part, for pruning and for quantising in the order in which
   matrices run. */
#include "quant/pair.h"

#include "quant/convert.h"
#include "quant/folded_norm.h"
#include "simd/libraries.h"

#include <stdlib.h>
#include <string.h>

/* ---- What the matrices read -------------------------------------------------------------------------------------- */

enum { COLUMNS = 16 }; /* that are turned at a time: their lines stay in the first-level cache */

static const float *observe(void *context, int layer, enum tern_layer_input which, const float *x, int rows)
{
    struct tern_pair *p = context;
    const int k = p->k;
    if (which != p->which)
        return x;
    const struct tern_f32_norm *norm =
        p->unfolded ? tern_folded_norm(p->source, &p->model[TERN_WHOLE]->f32, layer, which) : NULL;
    for (int first = 0; first < k; first += COLUMNS) {
        const int n = k - first < COLUMNS ? k - first : COLUMNS;
        const struct tern_f32_norm part = {norm ? norm->gamma + first : NULL, norm ? norm->beta + first : NULL};
        float *const seen = p->seen[p->side] + (ptrdiff_t)first * TERN_PAIR_BATCH;
        for (int i = 0; i < rows; i++) {
            const float *from = x + (ptrdiff_t)i * k + first;
            float before[COLUMNS];
            if (norm) {
                tern_before_affine(before, &part, from, 1, n);
                from = before;
            }
            for (int j = 0; j < n; j++)
                seen[(ptrdiff_t)j * TERN_PAIR_BATCH + i] = from[j];
        }
    }
    return NULL;
}

tern_batch tern_pair_batch(const struct tern_pair *p, int first, int32_t *offset)
{
    const int32_t *offsets = p->sample->offsets;
    int n = 0;
    offset[0] = 0;
    while (first + n < p->sample->n && offsets[first + n + 1] - offsets[first] <= TERN_PAIR_BATCH) {
        offset[n + 1] = offsets[first + n + 1] - offsets[first];
        n++;
    }
    return (tern_batch){p->sample->ids + offsets[first], NULL, offset, n};
}

/* sum[n][k] += a w^T; of a symmetric one only what lies on the diagonal and left of it. */
static void add_product(const struct tern_pair *p, float *sum, const float *a, const float *w, int n, int rows)
{
    const int k = p->k, symmetric = a == w;
    const struct tern_gemm_f32 product = {a, w, p->product, TERN_PAIR_BATCH, TERN_PAIR_BATCH, k, n, k, rows, symmetric};
    tern_gemm_f32_run(&p->host, &product);
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t j = 0; j < (symmetric ? i + 1 : k); j++)
            sum[i * k + j] += p->product[i * k + j];
}

static int32_t widest_stream(const struct tern_config *c)
{
    const int32_t inner = tern_largest_number(c, offsetof(struct tern_layer_spec, width));
    return inner > c->hidden ? inner : c->hidden;
}

/* What the changed model's residual stream lacks, where a matrix reads x and gives what is added to it. */
static void add_lag(struct tern_pair *p, int layer, int start, int rows)
{
    const int inside = p->source->config->layer[layer].width && p->which != TERN_INPUT_WIDEN;
    const int h = inside ? p->source->config->layer[layer].width : p->source->config->hidden;
    float *const *const streams = inside ? p->inner : p->state;
    const float *whole = streams[TERN_WHOLE] + (ptrdiff_t)start * h,
                *changed = streams[TERN_CHANGED] + (ptrdiff_t)start * h;
    for (int first = 0; first < h; first += COLUMNS)
        for (int i = 0; i < rows; i++)
            for (int j = first; j < h && j < first + COLUMNS; j++)
                p->lag[(ptrdiff_t)j * TERN_PAIR_BATCH + i] =
                    whole[(ptrdiff_t)i * h + j] - changed[(ptrdiff_t)i * h + j];
    add_product(p, p->behind, p->lag, p->seen[TERN_CHANGED], h, rows);
}

static void mirror(float *moments, int k)
{
    for (ptrdiff_t i = 0; i < k; i++)
        for (ptrdiff_t j = 0; j < i; j++)
            moments[j * k + i] = moments[i * k + j];
}

/* One batch of `side` through a part of a layer: see tern_pair_run. */
static void run_batch(struct tern_pair *p, int side, const tern_batch *batch, int first, int layer)
{
    const struct tern_config *c = p->source->config;
    const ptrdiff_t h = c->hidden, start = p->sample->offsets[first], tokens = batch->offsets[batch->n_texts];
    const ptrdiff_t width = layer < 0 ? 0 : tern_context_width(&c->layer[layer]);
    const size_t bytes = (size_t)(tokens * h) * sizeof(float), context_bytes = (size_t)(tokens * width) * sizeof(float);
    const ptrdiff_t narrow = layer < 0 ? 0 : c->layer[layer].width;
    const size_t inner_bytes = (size_t)(tokens * narrow) * sizeof(float);
    float *state = p->state[side] + start * h, *context = p->context[side] + start * width,
          *inner = p->inner[side] + start * narrow;
    enum tern_layer_input from = TERN_INPUT_FFN_UP;
    if (p->which <= TERN_INPUT_ATTN_OUT)
        from = TERN_INPUT_QKV;
    else if (p->which == TERN_INPUT_FFN_UP)
        from = TERN_INPUT_ATTN_OUT;
    p->side = side;
    p->bert.weights = &p->model[side]->f32;
    memcpy(p->bert.x, state, bytes);
    if (narrow)
        memcpy(p->bert.inner, inner, inner_bytes);
    if (from == TERN_INPUT_ATTN_OUT)
        memcpy(p->bert.context, context, context_bytes);
    if (layer < 0)
        tern_bert_f32_begin(&p->bert, batch);
    else
        tern_bert_f32_layer(&p->bert, batch, layer, from);
    const int moved = p->which == TERN_INPUT_FFN_UP || p->which == TERN_N_INPUTS;
    if (p->which == TERN_INPUT_ATTN_OUT)
        memcpy(context, p->bert.context, context_bytes);
    if (moved)
        memcpy(state, p->bert.x, bytes);
    if (narrow && (moved || p->which == TERN_INPUT_ATTN_OUT)) /* which begins it */
        memcpy(inner, p->bert.inner, inner_bytes);
}

void tern_pair_run(struct tern_pair *p, int layer, enum tern_layer_input which)
{
    const struct tern_config *c = p->source->config;
    const size_t k = which == TERN_N_INPUTS ? 0 : (size_t)tern_input_width(c, layer, which);
    const int lags =
        p->unfolded && (which == TERN_INPUT_ATTN_OUT || which == TERN_INPUT_FFN_DOWN || which == TERN_INPUT_WIDEN);
    int32_t offset[TERN_PAIR_BATCH + 1];
    p->which = which;
    p->k = (int)k;
    memset(p->moments, 0, k * k * sizeof(float));
    memset(p->cross, 0, k * k * sizeof(float));
    if (lags)
        memset(p->behind, 0, (size_t)widest_stream(c) * k * sizeof(float));
    for (int first = 0, n; first < p->sample->n; first += n) {
        const tern_batch batch = tern_pair_batch(p, first, offset);
        n = batch.n_texts;
        for (int side = p->same ? TERN_CHANGED : 0; side < TERN_MODELS; side++)
            run_batch(p, side, &batch, first, layer);
        if (which == TERN_N_INPUTS)
            continue;
        add_product(p, p->moments, p->seen[TERN_CHANGED], p->seen[TERN_CHANGED], p->k, offset[n]);
        if (!p->same)
            add_product(p, p->cross, p->seen[TERN_CHANGED], p->seen[TERN_WHOLE], p->k, offset[n]);
        if (lags)
            add_lag(p, layer, p->sample->offsets[first], offset[n]);
    }
    mirror(p->moments, p->k);
    for (size_t i = 0; i < k * k; i++)
        p->cross[i] = p->same ? 0 : p->cross[i] - p->moments[i];
}

tern_status tern_pair_layer(struct tern_pair *p, int layer, const struct tern_pair_visitor *v, tern_error *err)
{
    tern_status status = TERN_OK;
    for (int i = 0; i < TERN_N_MATRICES && !status; i++) {
        const enum tern_layer_input reads = tern_matrix_part((enum tern_matrix)i)->reads;
        if (!tern_matrix_shape(p->source->config, layer * TERN_N_MATRICES + i).n)
            continue;
        if (i == 0 || reads != tern_matrix_part((enum tern_matrix)(i - 1))->reads) {
            tern_pair_run(p, layer, reads);
            status = v->ready(v->context, layer, reads, err);
        }
        if (!status)
            status = v->visit(v->context, layer, i, err);
        if (p->source->progress)
            p->source->progress(p->source->listener, (size_t)(layer * TERN_N_MATRICES + i + 1),
                                (size_t)p->source->config->layers * TERN_N_MATRICES);
    }
    return status;
}

struct tern_pair_matrix tern_pair_matrix(const struct tern_pair *p, int side, int layer, int i)
{
    const struct tern_f32_linear *w = &p->model[side]->f32.layers[layer].matrix[i];
    /* The bytes are ours. */
    return (struct tern_pair_matrix){(float *)(uintptr_t)w->w, (float *)(uintptr_t)w->b, w->n, w->k};
}

/* ---- Setting up -------------------------------------------------------------------------------------------------- */

static void plan_all(struct tern_pair *p, tern_pair_plan *plan, void *context)
{
    const struct tern_config *c = p->source->config;
    const size_t h = (size_t)c->hidden, streams = (size_t)widest_stream(c), k = (size_t)tern_widest_input(c),
                 widest = streams > k ? streams : k;
    const size_t tokens = (size_t)p->sample->offsets[p->sample->n];
    p->bert.config = &p->model[TERN_WHOLE]->config;
    p->bert.ops = &p->ops;
    p->bert.pool = p->host.pool;
    p->bert.max_tokens = TERN_PAIR_BATCH;
    p->bert.longest = TERN_PAIR_TOKENS;
    p->bert.dimensions = tern_vector_width(c);
    tern_bert_f32_plan(&p->bert, &p->arena);
    for (int i = 0; i < TERN_MODELS; i++) {
        p->state[i] = tern_arena_take(&p->arena, tokens, h * sizeof(float));
        p->inner[i] = tern_arena_take(
            &p->arena, tokens, (size_t)tern_largest_number(c, offsetof(struct tern_layer_spec, width)) * sizeof(float));
        p->context[i] = tern_arena_take(&p->arena, tokens, 2 * (size_t)tern_widest_attention(c) * sizeof(float));
        p->seen[i] = tern_arena_take(&p->arena, k, TERN_PAIR_BATCH * sizeof(float));
    }
    p->moments = tern_arena_take(&p->arena, k, k * sizeof(float));
    p->cross = tern_arena_take(&p->arena, k, k * sizeof(float));
    p->product = tern_arena_take(&p->arena, widest, k * sizeof(float));
    if (p->unfolded) {
        p->behind = tern_arena_take(&p->arena, streams, k * sizeof(float));
        p->lag = tern_arena_take(&p->arena, streams, TERN_PAIR_BATCH * sizeof(float));
    }
    plan(context);
}

static tern_status build_models(struct tern_pair *p, const tern_tokenizer *tokenizer, tern_error *err)
{
    struct tern_config config = *p->source->config;
    config.weights = TERN_WEIGHTS_F32;
    const struct tern_source floats = {.config = &config, .read = p->source->read, .context = p->source->context};
    tern_status status = TERN_OK;
    for (int i = 0; i < TERN_MODELS && !status; i++)
        status = tern_build_model(&p->model[i], &p->bytes[i], &floats, tokenizer, err);
    return status;
}

tern_status tern_pair_open(struct tern_pair *p, const struct tern_source *source, const tern_tokenizer *tokenizer,
                           const struct tern_sample *sample, tern_pair_plan *plan, void *context, tern_error *err)
{
    unsigned features;
    p->source = source;
    p->sample = sample;
    tern_status status = build_models(p, tokenizer, err);
    if (!status)
        status = tern_cpu_select(&features, NULL, err);
    if (status)
        return status;
    tern_table_build(&p->ops, features);
    tern_libraries_add(&p->ops, features);
    p->host.ops = &p->ops;
    status = tern_pool_open(&p->host.pool, 0, err);
    if (status)
        return status;
    plan_all(p, plan, context);
    status = tern_arena_open(&p->arena, err);
    if (!status)
        plan_all(p, plan, context);
    p->bert.observer = (struct tern_observer){observe, p};
    return status;
}

void tern_pair_end(struct tern_pair *p, int kept)
{
    for (int i = 0; i < TERN_MODELS; i++) {
        if (i == kept)
            continue;
        tern_model_close(p->model[i]);
        free(p->bytes[i]);
        p->model[i] = NULL;
        p->bytes[i] = NULL;
    }
    tern_arena_close(&p->arena);
    tern_pool_close(p->host.pool);
    p->host.pool = NULL;
    p->kept = kept;
}

void tern_pair_close(struct tern_pair *p)
{
    tern_pair_end(p, TERN_MODELS);
}

/* The float file has the checkpoint's names. */
static tern_status read_kept(void *context, struct tern_key key, float *out, size_t count, tern_error *err)
{
    const struct tern_pair *p = context;
    char name[TERN_KEY_NAME];
    tern_key_name(name, key);
    const struct tern_tensor *tensor = tern_safetensors_find(&p->model[p->kept]->tensors, name);
    if (!tensor || tensor->bytes < count * sizeof *out)
        return tern_fail(err, TERN_FORMAT, "%s: not in the changed model", name);
    memcpy(out, tensor->data, count * sizeof *out);
    return TERN_OK;
}

struct tern_source tern_pair_source(const struct tern_pair *p, const struct tern_source *source)
{
    struct tern_source kept = *source;
    kept.read = read_kept;
    kept.context = (void *)(uintptr_t)p;
    return kept;
}
