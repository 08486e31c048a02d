/* The same forward pass in float32: what a conversion is checked against, and what `--weights f32` runs. */
#include "models/bert_f32.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 32 }; /* outputs that one task of a linear layer computes */

void tern_bert_f32_plan(struct tern_bert_f32 *b, struct tern_arena *arena)
{
    const size_t tokens = (size_t)b->max_tokens, h = (size_t)b->config->hidden,
                 widest = (size_t)tern_widest_input(b->config);
    b->x = tern_arena_take(arena, tokens, h * sizeof(float));
    b->query = tern_arena_take(arena, tokens, widest * sizeof(float));
    b->key = tern_arena_take(arena, tokens, widest * sizeof(float));
    b->value = tern_arena_take(arena, tokens, widest * sizeof(float));
    b->context = tern_arena_take(arena, tokens, widest * sizeof(float));
    b->wide = tern_arena_take(arena, tokens, widest * sizeof(float));
    b->score = tern_arena_take(arena, (size_t)tern_pool_threads(b->pool), (size_t)b->longest * sizeof(float));
}

/* ---- Linear layers ------------------------------------------------------------------------------------------------
 */

struct linear_job {
    const struct tern_bert_f32 *b;
    const struct tern_f32_linear *w;
    const float *x;
    float *out;
    int rows;
};

static void linear_task(void *context, int task, int thread)
{
    (void)thread;
    const struct linear_job *j = context;
    const struct tern_f32_linear *w = j->w;
    const int first = task * COLUMNS, n = w->n - first < COLUMNS ? w->n - first : COLUMNS;
    j->b->ops->gemm_f32(j->x, w->k, w->w + (ptrdiff_t)first * w->k, w->k, j->out + first, w->n, j->rows, n, w->k);
    for (int i = 0; i < j->rows; i++)
        for (int l = 0; l < n; l++)
            j->out[(ptrdiff_t)i * w->n + first + l] += w->b[first + l];
}

/* out[rows][n] = x[rows][k] w^T + b */
static void linear(const struct tern_bert_f32 *b, const struct tern_f32_linear *w, const float *x, float *out, int rows)
{
    struct linear_job j = {b, w, x, out, rows};
    tern_pool_run(b->pool, linear_task, &j, (w->n + COLUMNS - 1) / COLUMNS);
}

/* ---- Row-wise steps -----------------------------------------------------------------------------------------------
 */

/* x = LayerNorm(x + add); add may be NULL. */
static void norm(const struct tern_bert_f32 *b, const struct tern_f32_norm *p, float *x, const float *add, int rows)
{
    const int h = b->config->hidden;
    for (int i = 0; i < rows; i++, x += h) {
        double mean = 0, variance = 0;
        for (int j = 0; j < h; j++) {
            x[j] += add ? add[(ptrdiff_t)i * h + j] : 0;
            mean += (double)x[j];
        }
        mean /= h;
        for (int j = 0; j < h; j++)
            variance += ((double)x[j] - mean) * ((double)x[j] - mean);
        const double scale = 1 / sqrt(variance / h + b->config->layer_norm_eps);
        for (int j = 0; j < h; j++)
            x[j] = (float)(((double)x[j] - mean) * scale * (double)p->gamma[j] + (double)p->beta[j]);
    }
}

static float activate(enum tern_activation activation, float z)
{
    switch (activation) {
    case TERN_GELU: return 0.5f * z * (1 + erff(z * 0.70710678f));
    case TERN_GELU_NEW: return 0.5f * z * (1 + tanhf(0.79788456f * (z + 0.044715f * z * z * z)));
    case TERN_RELU: break;
    case TERN_GELU_IBERT: { /* Kim et al. 2021, a = -0.2888, b = -1.769 */
        float s = fminf(fabsf(z) * 0.70710678f, 1.769f) - 1.769f;
        return 0.5f * z * (1 + copysignf(1 - 0.2888f * s * s, z));
    }
    }
    return z > 0 ? z : 0;
}

struct layer_job {
    const struct tern_bert_f32 *b;
    const struct tern_layer_spec *layer;
    const tern_batch *batch;
};

static void activation_task(void *context, int task, int thread)
{
    (void)thread;
    const struct layer_job *job = context;
    const struct tern_layer_spec *layer = job->layer;
    float *row = job->b->wide + (ptrdiff_t)task * layer->intermediate;
    for (int j = 0; j < layer->intermediate; j++)
        row[j] = activate(layer->activation, row[j]);
}

/* ---- Attention ----------------------------------------------------------------------------------------------------
 */

static float softmax(float *score, int n)
{
    float max = score[0], sum = 0;
    for (int j = 1; j < n; j++)
        max = fmaxf(max, score[j]);
    for (int j = 0; j < n; j++)
        sum += score[j] = expf(score[j] - max);
    return sum;
}

/* One head of one text. */
static void head_task(void *context, int task, int thread)
{
    const struct layer_job *j = context;
    const struct tern_layer_spec *layer = j->layer;
    const struct tern_bert_f32 *b = j->b;
    const int h = tern_attention_width(layer), d = layer->head_dim, text = task / layer->heads;
    const int tokens = j->batch->offsets[text + 1] - j->batch->offsets[text];
    const ptrdiff_t at = (ptrdiff_t)j->batch->offsets[text] * h + task % layer->heads * d;
    float *score = b->score + (ptrdiff_t)thread * b->longest, scale = 1 / sqrtf((float)d);
    for (int i = 0; i < tokens; i++) {
        const int first = i > layer->before ? i - layer->before : 0;
        const int n = (i + layer->after < tokens - 1 ? i + layer->after + 1 : tokens) - first; /* keys that i sees */
        const float *query = b->query + at + (ptrdiff_t)i * h, *key = b->key + at + (ptrdiff_t)first * h;
        const float *value = b->value + at + (ptrdiff_t)first * h;
        float *out = b->context + at + (ptrdiff_t)i * h;
        b->ops->gemm_f32(query, d, key, h, score, n, 1, n, d);
        for (int l = 0; l < n; l++)
            score[l] *= scale;
        const float sum = softmax(score, n);
        memset(out, 0, (size_t)d * sizeof *out);
        for (int l = 0; l < n; l++)
            for (int c = 0; c < d; c++)
                out[c] += score[l] / sum * value[(ptrdiff_t)l * h + c];
    }
}

/* ---- The forward pass ---------------------------------------------------------------------------------------------
 */

static void embed(const struct tern_bert_f32 *b, const tern_batch *batch)
{
    const struct tern_f32_weights *w = b->weights;
    const ptrdiff_t h = b->config->hidden;
    for (int text = 0; text < batch->n_texts; text++) {
        for (int i = batch->offsets[text]; i < batch->offsets[text + 1]; i++) {
            const float *word = w->word + batch->ids[i] * h, *position = w->position + (i - batch->offsets[text]) * h;
            const float *type = w->type ? w->type + (batch->types ? batch->types[i] : 0) * h : NULL;
            for (int j = 0; j < h; j++)
                b->x[i * h + j] = word[j] + position[j] + (type ? type[j] : 0);
        }
    }
}

static int show(const struct tern_bert_f32 *b, int layer, enum tern_layer_input which, const float *x, int rows)
{
    return b->observer.observe && b->observer.observe(b->observer.context, layer, which, x, rows);
}

void tern_bert_f32_begin(struct tern_bert_f32 *b, const tern_batch *batch)
{
    embed(b, batch);
    norm(b, &b->weights->embed_norm, b->x, NULL, batch->offsets[batch->n_texts]); /* x: [tokens, hidden] */
}

void tern_bert_f32_layer(struct tern_bert_f32 *b, const tern_batch *batch, int i, enum tern_layer_input from)
{
    const struct tern_f32_layer *layer = &b->weights->layers[i];
    const int tokens = batch->offsets[batch->n_texts];
    struct layer_job job = {b, &b->config->layer[i], batch};
    if (from == TERN_INPUT_QKV) {
        if (show(b, i, TERN_INPUT_QKV, b->x, tokens))
            return;
        linear(b, &layer->matrix[TERN_QUERY], b->x, b->query, tokens);
        linear(b, &layer->matrix[TERN_KEY], b->x, b->key, tokens);
        linear(b, &layer->matrix[TERN_VALUE], b->x, b->value, tokens);
        tern_pool_run(b->pool, head_task, &job, batch->n_texts * job.layer->heads);
    }
    if (from <= TERN_INPUT_ATTN_OUT) {
        if (show(b, i, TERN_INPUT_ATTN_OUT, b->context, tokens))
            return;
        linear(b, &layer->matrix[TERN_ATTN_OUT], b->context, b->query, tokens);
        norm(b, &layer->norm[TERN_ATTN_NORM], b->x, b->query, tokens);
    }
    if (show(b, i, TERN_INPUT_FFN_UP, b->x, tokens))
        return;
    linear(b, &layer->matrix[TERN_FFN_UP], b->x, b->wide, tokens); /* wide: [tokens, intermediate] */
    tern_pool_run(b->pool, activation_task, &job, tokens);
    if (show(b, i, TERN_INPUT_FFN_DOWN, b->wide, tokens))
        return;
    linear(b, &layer->matrix[TERN_FFN_DOWN], b->wide, b->query, tokens);
    norm(b, &layer->norm[TERN_FFN_NORM], b->x, b->query, tokens);
}

void tern_bert_f32_forward(struct tern_bert_f32 *b, const tern_batch *batch)
{
    tern_bert_f32_begin(b, batch);
    for (int i = 0; i < b->config->layers; i++)
        tern_bert_f32_layer(b, batch, i, TERN_INPUT_QKV);
}

void tern_bert_f32_classify(struct tern_bert_f32 *b, const tern_batch *batch, float *logits)
{
    const int h = b->config->hidden;
    for (int i = 0; i < batch->n_texts; i++) {
        const float *first = b->x + (ptrdiff_t)batch->offsets[i] * h;
        if (b->config->pooler != TERN_POOLER_NONE) {
            linear(b, &b->weights->pooler, first, b->query, 1);
            for (int j = 0; j < h; j++)
                b->query[j] = b->config->pooler == TERN_POOLER_TANH ? tanhf(b->query[j]) : fmaxf(b->query[j], 0);
            first = b->query;
        }
        linear(b, &b->weights->classifier, first, logits + (ptrdiff_t)i * b->config->n_labels, 1);
    }
}

void tern_bert_f32_embed(struct tern_bert_f32 *b, const tern_batch *batch, float *vectors)
{
    const int h = b->config->hidden;
    for (int i = 0; i < batch->n_texts; i++) {
        float *v = vectors + (ptrdiff_t)i * h;
        const int tokens = b->config->pooling == TERN_POOL_CLS ? 1 : batch->offsets[i + 1] - batch->offsets[i];
        double norm2 = 0;
        for (int j = 0; j < h; j++) {
            double sum = 0;
            for (int t = 0; t < tokens; t++)
                sum += (double)b->x[(ptrdiff_t)(batch->offsets[i] + t) * h + j];
            v[j] = (float)(sum / tokens);
            norm2 += (double)v[j] * (double)v[j];
        }
        for (int j = 0; b->config->normalize && norm2 > 0 && j < h; j++)
            v[j] = (float)((double)v[j] / sqrt(norm2));
    }
}
