/* Embeddings in float32, as sentence-transformers makes them: pooling, dense layers, length 1. */
#include "models/bert_f32.h"

#include <math.h>
#include <string.h>

/* x[tokens][n], of which the tokens before `from` are left out. */
struct pooling {
    const float *x;
    int from, tokens, n;
};
typedef void pool_fn(const struct pooling *p, float *v);

static void pool_cls(const struct pooling *p, float *v)
{
    memcpy(v, p->x + (ptrdiff_t)p->from * p->n, (size_t)p->n * sizeof *v);
}

static void pool_last(const struct pooling *p, float *v)
{
    memcpy(v, p->x + (ptrdiff_t)(p->tokens - 1) * p->n, (size_t)p->n * sizeof *v);
}

/* The sum of the tokens over `divisor`; token i counts i + 1 times if they are weighted. */
static void pool_sum(const struct pooling *p, int weighted, double divisor, float *v)
{
    for (int j = 0; j < p->n; j++) {
        double sum = 0;
        for (int i = p->from; i < p->tokens; i++)
            sum += (double)p->x[(ptrdiff_t)i * p->n + j] * (weighted ? i + 1 : 1);
        v[j] = (float)(sum / divisor);
    }
}

static void pool_mean(const struct pooling *p, float *v)
{
    pool_sum(p, 0, p->tokens > p->from ? p->tokens - p->from : 1, v); /* a text may have no tokens: 0 */
}

static void pool_mean_sqrt_len(const struct pooling *p, float *v)
{
    pool_sum(p, 0, sqrt(p->tokens - p->from), v);
}

static void pool_weighted_mean(const struct pooling *p, float *v)
{
    double all = 0;
    for (int i = p->from; i < p->tokens; i++)
        all += i + 1;
    pool_sum(p, 1, all, v);
}

static void pool_max(const struct pooling *p, float *v)
{
    for (int j = 0; j < p->n; j++) {
        v[j] = -INFINITY;
        for (int i = p->from; i < p->tokens; i++)
            v[j] = fmaxf(v[j], p->x[(ptrdiff_t)i * p->n + j]);
    }
}

static pool_fn *const pool_fns[TERN_N_POOLINGS] = {
#define POOLING(id, name, run) pool_##run,
#include "models/poolings.def"
#undef POOLING
};

static void unit_length(float *v, int n)
{
    double norm2 = 0;
    for (int j = 0; j < n; j++)
        norm2 += (double)v[j] * (double)v[j];
    for (int j = 0; norm2 > 0 && j < n; j++)
        v[j] = (float)((double)v[j] / sqrt(norm2));
}

static float activate(enum tern_dense_activation activation, float v)
{
    switch (activation) {
    case TERN_DENSE_TANH: return tanhf(v);
    case TERN_DENSE_RELU: return v > 0 ? v : 0;
    case TERN_DENSE_SIGMOID: return 1 / (1 + expf(-v));
    case TERN_DENSE_IDENTITY:
    case TERN_N_DENSE_ACTIVATIONS: break;
    }
    return v;
}

/* The vector of the text whose states are x[tokens][hidden]; one of b->vector. */
static float *embed_text(struct tern_bert_f32 *b, const float *x, int tokens)
{
    const struct tern_config *c = b->config;
    const struct pooling p = {x, b->skip < tokens ? b->skip : tokens ? tokens - 1 : 0, tokens, c->hidden};
    float *v = b->vector[0];
    for (int i = 0; i <= c->n_joined; i++)
        pool_fns[tern_pooling_at(c, i)](&p, v + (ptrdiff_t)i * c->hidden);
    for (int i = 0; i < c->n_dense; i++) {
        float *out = b->vector[v == b->vector[0]];
        if (c->dense[i].normalize)
            unit_length(v, tern_dense_inputs(c, i));
        tern_bert_f32_linear(b, &b->weights->dense[i], v, out, 1);
        for (int j = 0; j < c->dense[i].outputs; j++)
            out[j] = activate(c->dense[i].activation, out[j]);
        v = out;
    }
    if (c->normalize)
        unit_length(v, tern_dense_inputs(c, c->n_dense));
    return v;
}

void tern_bert_f32_embed(struct tern_bert_f32 *b, const tern_batch *batch, float *vectors)
{
    const int n = b->dimensions;
    for (int i = 0; i < batch->n_texts; i++) {
        const int first = batch->offsets[i];
        float *v = embed_text(b, b->x + (ptrdiff_t)first * b->config->hidden, batch->offsets[i + 1] - first);
        if (b->normalize)
            unit_length(v, n);
        memcpy(vectors + (ptrdiff_t)i * n, v, (size_t)n * sizeof *v);
    }
}

void tern_bert_f32_embed_tokens(struct tern_bert_f32 *b, const tern_batch *batch, float *vectors)
{
    const int n = b->dimensions, tokens = batch->offsets[batch->n_texts];
    for (int i = 0; i < tokens; i++) {
        float *v = embed_text(b, b->x + (ptrdiff_t)i * b->config->hidden, 1);
        if (b->normalize)
            unit_length(v, n);
        memcpy(vectors + (ptrdiff_t)i * n, v, (size_t)n * sizeof *v);
    }
}
