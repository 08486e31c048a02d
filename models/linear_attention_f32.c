/* Linear attention in floats (models/linear_attention.h has the formulas): one task is one head of one text. */
#include "models/linear_attention_f32.h"

#include <math.h>
#include <string.h>

/* Tokens whose features are there at a time. */
enum { TOKENS = 64 };
/* What a query's products with all keys together are at least. */
#define LEAST 1e-6f

static int features(const struct tern_layer_spec *layer)
{
    return layer->head_dim * (layer->mixer == TERN_MIXER_COSFORMER ? 2 : 1);
}

/* Floats of a thread: features as rows, the same turned, S turned and a block's part of it, and z. */
static size_t scratch_of(const struct tern_config *config)
{
    size_t most = 0;
    for (int i = 0; i < config->layers; i++) {
        const struct tern_layer_spec *const l = &config->layer[i];
        const size_t f = (size_t)features(l), d = (size_t)l->head_dim, size = 2 * TOKENS * f + 2 * f * d + f;
        most = tern_is_linear(l) && size > most ? size : most;
    }
    return most;
}

void tern_f32_plan_linear_attention(struct tern_bert_f32 *b, struct tern_arena *arena)
{
    b->feature = tern_arena_take(arena, (size_t)tern_pool_threads(b->pool), scratch_of(b->config) * sizeof(float));
}

struct job {
    struct tern_bert_f32 *b;
    const struct tern_layer_spec *layer;
    const tern_batch *batch;
};

/* phi(x)[d or 2 d] of the token at place i, counted from 1, of n. */
static void map(const struct tern_layer_spec *layer, const float *x, int i, int n, float *out)
{
    const int d = layer->head_dim, elu = layer->mixer == TERN_MIXER_ELU;
    for (int j = 0; j < d; j++)
        out[j] = x[j] > 0 ? x[j] + (float)elu : elu ? expf(x[j]) : 0;
    if (layer->mixer != TERN_MIXER_COSFORMER)
        return;
    const double angle = 1.5707963267948966 * i / n;
    const float c = (float)cos(angle), s = (float)sin(angle);
    for (int j = 0; j < d; j++) {
        out[d + j] = out[j] * s;
        out[j] *= c;
    }
}

static void head_task(void *context, int task, int thread)
{
    const struct job *j = context;
    const struct tern_bert_f32 *b = j->b;
    const struct tern_layer_spec *layer = j->layer;
    const int text = task / layer->heads, number = task % layer->heads, start = j->batch->offsets[text],
              tokens = j->batch->offsets[text + 1] - start, keys = tokens - (b->unseen ? b->unseen[text] : 0),
              all = j->batch->offsets[j->batch->n_texts], d = layer->head_dim, f = features(layer);
    const ptrdiff_t ld = tern_attention_width(layer), at = start * ld + (ptrdiff_t)number * d;
    float *const feature = b->feature + (ptrdiff_t)thread * (ptrdiff_t)scratch_of(b->config), *const turned =
                                                                                                  feature +
                                                                                                  (ptrdiff_t)TOKENS * f;
    float *const sums = turned + (ptrdiff_t)TOKENS * f, *const part = sums + (ptrdiff_t)f * d,
                 *const z = part + (ptrdiff_t)f * d;
    memset(sums, 0, (size_t)f * (size_t)d * sizeof *sums);
    memset(z, 0, (size_t)f * sizeof *z);
    for (int first = 0, n; first < keys; first += n) {
        n = keys - first < TOKENS ? keys - first : TOKENS;
        for (int i = 0; i < n; i++) {
            map(layer, b->key + at + (first + i) * ld, first + i + 1, tokens, feature);
            for (int c = 0; c < f; c++) {
                turned[(ptrdiff_t)c * n + i] = feature[c];
                z[c] += feature[c];
            }
        }
        const float *const value = b->value + (ptrdiff_t)number * d * all + start + first;
        tern_gemm_f32_for(b->ops, d, f, n)(value, all, turned, n, NULL, part, f, d, f, n);
        for (ptrdiff_t c = 0; c < (ptrdiff_t)f * d; c++)
            sums[c] += part[c];
    }
    for (int first = 0, n; first < tokens; first += n) {
        n = tokens - first < TOKENS ? tokens - first : TOKENS;
        for (int i = 0; i < n; i++)
            map(layer, b->query + at + (first + i) * ld, first + i + 1, tokens, feature + (ptrdiff_t)i * f);
        float *const out = b->context + at + first * ld;
        tern_gemm_f32_for(b->ops, n, d, f)(feature, f, sums, f, NULL, out, ld, n, d, f);
        for (int i = 0; i < n; i++) {
            float all_keys = 0;
            for (int c = 0; c < f; c++)
                all_keys += feature[(ptrdiff_t)i * f + c] * z[c];
            for (int k = 0; k < d; k++)
                out[i * ld + k] /= fmaxf(all_keys, LEAST);
        }
    }
}

void tern_f32_linear_attention(struct tern_bert_f32 *b, const struct tern_layer_spec *layer, const tern_batch *batch)
{
    struct job j = {b, layer, batch};
    tern_pool_run(b->pool, head_task, &j, batch->n_texts * layer->heads);
}
