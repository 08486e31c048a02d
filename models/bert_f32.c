/* The same forward pass in float32: what a conversion is checked against, and what `--weights f32` runs. */
#include "models/bert_f32.h"

#include <math.h>

/* COLUMNS: outputs that one task of a linear layer computes, whole panels of every kernel. SCORES: floats of a block of
   scores. WINDOWED_ROWS: its queries where not all see the same keys. */
enum { COLUMNS = 96, SCORES = 32 * 1024, WINDOWED_ROWS = 32 };
/* A score so low that its probability is nothing. */
#define NOT_SEEN (-1e30f)

/* So many queries at a time that their scores stay in L2. */
static int query_rows(int tokens)
{
    const int rows = SCORES / tokens;
    return rows > 16 ? rows : 16;
}

/* Floats of a thread's scores, for texts of up to so many tokens. */
static size_t scores(int longest)
{
    const size_t few = (size_t)16 * (size_t)longest;
    return few > SCORES ? few : SCORES;
}

void tern_bert_f32_plan(struct tern_bert_f32 *b, struct tern_arena *arena)
{
    const size_t tokens = (size_t)b->max_tokens, h = (size_t)b->config->hidden,
                 widest = (size_t)tern_widest_input(b->config), a = (size_t)tern_widest_attention(b->config);
    const size_t rows = a > h ? a : h; /* query also holds what the matrices behind attention and feed-forward give */
    b->x = tern_arena_take(arena, tokens, h * sizeof(float));
    b->query = tern_arena_take(arena, tokens, rows * sizeof(float));
    b->key = tern_arena_take(arena, tokens, rows * sizeof(float));
    b->value = tern_arena_take(arena, tokens, rows * sizeof(float));
    b->context = tern_arena_take(arena, tokens, rows * sizeof(float));
    b->wide = tern_arena_take(arena, tokens, widest * sizeof(float));
    b->score = tern_arena_take(arena, (size_t)tern_pool_threads(b->pool), scores(b->longest) * sizeof(float));
}

/* ---- Linear layers ------------------------------------------------------------------------------------------------
 */

struct linear_job {
    const struct tern_bert_f32 *b;
    const struct tern_f32_linear *w;
    const float *x;
    float *out;
    int rows;
    float *turned;                          /* NULL, or where the outputs go transposed: [n][rows] */
    const enum tern_activation *activation; /* NULL: none */
};

static float activate(enum tern_activation activation, float z)
{
    switch (activation) {
    case TERN_GELU_NEW: return 0.5f * z * (1 + tanhf(0.79788456f * (z + 0.044715f * z * z * z)));
    case TERN_GELU:
    case TERN_RELU: break;
    case TERN_GELU_IBERT: { /* Kim et al. 2021, a = -0.2888, b = -1.769 */
        float s = fminf(fabsf(z) * 0.70710678f, 1.769f) - 1.769f;
        return 0.5f * z * (1 + copysignf(1 - 0.2888f * s * s, z));
    }
    }
    return z > 0 ? z : 0;
}

static void activate_all(const struct tern_ops *ops, enum tern_activation activation, float *x, ptrdiff_t ld, int rows,
                         int n)
{
    if (activation == TERN_GELU) {
        ops->gelu_f32(x, ld, rows, n);
        return;
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < n; j++)
            x[i * ld + j] = activate(activation, x[i * ld + j]);
}

/* turned[n][rows] = x[rows][n], in strips of rows that fill a line of the cache. */
static void turn(const float *x, ptrdiff_t ld, float *turned, int rows, int n)
{
    for (int i = 0; i < rows; i += 16)
        for (int j = 0; j < n; j++)
            for (int r = i; r < rows && r < i + 16; r++)
                turned[(ptrdiff_t)j * rows + r] = x[r * ld + j];
}

static void linear_task(void *context, int task, int thread)
{
    (void)thread;
    const struct linear_job *j = context;
    const struct tern_f32_linear *w = j->w;
    const int first = task * COLUMNS, n = w->n - first < COLUMNS ? w->n - first : COLUMNS;
    float *out = j->out + first;
    tern_gemm_f32_for(j->b->ops, j->rows, n, w->k)(j->x, w->k, w->w + (ptrdiff_t)first * w->k, w->k, w->b + first, out,
                                                   w->n, j->rows, n, w->k);
    if (j->activation)
        activate_all(j->b->ops, *j->activation, out, w->n, j->rows, n);
    if (j->turned)
        turn(out, w->n, j->turned + (ptrdiff_t)first * j->rows, j->rows, n);
}

static void linear_run(struct linear_job *j)
{
    tern_pool_run(j->b->pool, linear_task, j, (j->w->n + COLUMNS - 1) / COLUMNS);
}

/* out[rows][n] = x[rows][k] w^T + b */
static void linear(const struct tern_bert_f32 *b, const struct tern_f32_linear *w, const float *x, float *out, int rows)
{
    struct linear_job j = {b, w, x, out, rows, NULL, NULL};
    linear_run(&j);
}

/* x = LayerNorm(x + add); add may be NULL. */
static void norm(const struct tern_bert_f32 *b, const struct tern_f32_norm *p, float *x, const float *add, int rows)
{
    const int h = b->config->hidden;
    b->ops->layernorm_f32(x, h, add, h, p->gamma, p->beta, (float)b->config->layer_norm_eps, rows, h);
}

/* ---- Attention ----------------------------------------------------------------------------------------------------
 */

struct attention_job {
    const struct tern_bert_f32 *b;
    const struct tern_layer_spec *layer;
    const tern_batch *batch;
};

/* The keys that token i of a text sees. */
struct span {
    int first, end;
};

static struct span seen(const struct tern_layer_spec *layer, int i, int tokens)
{
    const struct span s = {i > layer->before ? i - layer->before : 0,
                           i + layer->after < tokens - 1 ? i + layer->after + 1 : tokens};
    return s;
}

/* score[rows][n] of the queries from i on and the keys from `first` on: what a query does not see gets no part. */
static void hide(const struct tern_layer_spec *layer, float *score, int i, int rows, int first, int n, int tokens)
{
    for (int r = 0; r < rows; r++, score += n) {
        const struct span s = seen(layer, i + r, tokens);
        for (int l = 0; l < s.first - first; l++)
            score[l] = NOT_SEEN;
        for (int l = s.end - first; l < n; l++)
            score[l] = NOT_SEEN;
    }
}

/* One head of one text: so many queries at a time that their scores stay in L2, and that they see much the same. */
static void head_task(void *context, int task, int thread)
{
    const struct attention_job *j = context;
    const struct tern_layer_spec *layer = j->layer;
    const struct tern_bert_f32 *b = j->b;
    const int h = tern_attention_width(layer), d = layer->head_dim, text = task / layer->heads;
    const int head = task % layer->heads, start = j->batch->offsets[text];
    const int tokens = j->batch->offsets[text + 1] - start, all = j->batch->offsets[j->batch->n_texts];
    const int windowed = layer->before < tokens || layer->after < tokens;
    const int most = windowed && WINDOWED_ROWS < query_rows(tokens) ? WINDOWED_ROWS : query_rows(tokens);
    const ptrdiff_t at = (ptrdiff_t)start * h + head * d;
    const float *value = b->value + (ptrdiff_t)head * d * all + start, scale = 1 / sqrtf((float)d);
    float *score = b->score + (ptrdiff_t)thread * (ptrdiff_t)scores(b->longest);
    for (int i = 0, rows; i < tokens; i += rows) {
        rows = tokens - i < most ? tokens - i : most;
        const int first = seen(layer, i, tokens).first, n = seen(layer, i + rows - 1, tokens).end - first;
        const ptrdiff_t from = at + (ptrdiff_t)i * h;
        tern_gemm_f32_for(b->ops, rows, n, d)(b->query + from, h, b->key + at + (ptrdiff_t)first * h, h, NULL, score, n,
                                              rows, n, d);
        if (windowed)
            hide(layer, score, i, rows, first, n, tokens);
        b->ops->softmax_f32(score, n, scale, rows, n);
        tern_gemm_f32_for(b->ops, rows, d, n)(score, n, value + first, all, NULL, b->context + from, h, rows, d, n);
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
    const struct tern_layer_spec *spec = &b->config->layer[i];
    if (from == TERN_INPUT_QKV) {
        if (show(b, i, TERN_INPUT_QKV, b->x, tokens))
            return;
        linear(b, &layer->matrix[TERN_QUERY], b->x, b->query, tokens);
        linear(b, &layer->matrix[TERN_KEY], b->x, b->key, tokens);
        struct linear_job value = {b, &layer->matrix[TERN_VALUE], b->x, b->context, tokens, b->value, NULL};
        linear_run(&value);
        struct attention_job attention = {b, spec, batch};
        tern_pool_run(b->pool, head_task, &attention, batch->n_texts * spec->heads);
    }
    if (from <= TERN_INPUT_ATTN_OUT) {
        if (show(b, i, TERN_INPUT_ATTN_OUT, b->context, tokens))
            return;
        linear(b, &layer->matrix[TERN_ATTN_OUT], b->context, b->query, tokens);
        norm(b, &layer->norm[TERN_ATTN_NORM], b->x, b->query, tokens);
    }
    if (show(b, i, TERN_INPUT_FFN_UP, b->x, tokens))
        return;
    struct linear_job up = {b, &layer->matrix[TERN_FFN_UP], b->x, b->wide, tokens, NULL, &spec->activation};
    linear_run(&up); /* wide: [tokens, intermediate] */
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
