/* The last step of a run, in integers: states to pooled embeddings, through the pooler and classifier to logits. */
#include "models/heads.h"

#include "models/scheme.h"

#include <string.h>

void tern_heads_plan(struct tern_heads *heads, struct tern_arena *arena)
{
    const struct tern_config *c = heads->bert->config;
    const size_t texts = (size_t)heads->max_texts;
    heads->q = tern_arena_take(arena, texts, (size_t)heads->bert->x.ld);
    heads->row = tern_arena_take(arena, texts, sizeof *heads->row);
    heads->pooled = tern_arena_take(arena, texts, (size_t)c->hidden * sizeof *heads->pooled);
    heads->acc = tern_arena_take(arena, (size_t)tern_round_up(c->n_labels + 1, TERN_PANEL), sizeof *heads->acc);
}

void tern_heads_classify(struct tern_heads *heads, const tern_batch *batch, int32_t *result)
{
    struct tern_bert *b = heads->bert;
    const struct tern_int8_weights *w = b->weights;
    const int texts = batch->n_texts, h = b->config->hidden;
    const struct tern_rows first = {heads->q, heads->row, b->x.ld, texts};
    for (int i = 0; i < texts; i++) {
        memcpy(heads->q + i * b->x.ld, b->x.q + batch->offsets[i] * b->x.ld, (size_t)tern_round_up(h, TERN_PANEL_K));
        heads->row[i] = b->x.row[batch->offsets[i]];
    }
    if (b->config->pooler != TERN_POOLER_NONE) {
        const struct tern_linear *const pooler[1] = {&w->pooler};
        tern_linear_run(&b->run, TERN_STAGE_head, pooler, &heads->pooled, 1, h, &first);
        for (int i = 0; i < texts; i++) {
            int16_t *row = heads->pooled + (ptrdiff_t)i * h;
            if (b->config->pooler == TERN_POOLER_TANH)
                b->run.ops->tanh(row, &w->pooler_act, h);
            else
                b->run.ops->gelu(row, &w->pooler_act, h); /* an all-zero polynomial: ReLU */
            b->run.ops->quantize(row, heads->q + i * b->x.ld, &heads->row[i], h);
        }
    }
    tern_linear_logits(&b->run, &w->classifier, result, heads->acc, &first);
}

static int32_t saturate(int64_t v)
{
    return (int32_t)(v > INT32_MAX ? INT32_MAX : v < -INT32_MAX ? -INT32_MAX : v);
}

/* Sums over `tokens` rows in `unit` to their mean in Q16. Eight guard bits until the division. */
static void mean_q16(int32_t *v, int n, int tokens, struct tern_real unit)
{
    const int guard = 8, shift = unit.exp - TERN_LOGIT_BITS - guard; /* the loader has 0 <= shift <= 62 */
    for (int j = 0; j < n; j++) {
        int64_t t = tern_rshift64((int64_t)v[j] * unit.mul, shift);
        v[j] = saturate(tern_floor_div(t + ((int64_t)tokens << (guard - 1)), (int64_t)tokens << guard));
    }
}

/* v to unit length in Q30; a zero vector stays zero. */
static void unit_length(int32_t *v, int n)
{
    uint32_t largest = 0;
    for (int j = 0; j < n; j++)
        largest |= (uint32_t)(v[j] < 0 ? -v[j] : v[j]);
    int down = tern_bits(largest) - 24; /* 24 bits: squares of 8,192 of them add up within 2^61 */
    down = down > 0 ? down : 0;
    uint64_t sum = 0;
    for (int j = 0; j < n; j++) {
        int64_t t = v[j] >> down;
        sum += (uint64_t)(t * t);
    }
    if (!sum)
        return;
    const int h = (tern_bits(sum) + 1) / 2; /* 2^(2h - 2) <= sum < 2^2h */
    const uint32_t root = tern_rsqrt((uint32_t)(h > 16 ? sum >> (2 * h - 32) : sum << (32 - 2 * h)));
    for (int j = 0; j < n; j++)
        v[j] = saturate(tern_rshift64((int64_t)(v[j] >> down) * root, h));
}

void tern_heads_embed(struct tern_heads *heads, const tern_batch *batch, int32_t *result)
{
    struct tern_bert *b = heads->bert;
    const int h = b->config->hidden, layers = b->config->layers;
    const struct tern_real unit = b->weights->layers[layers - 1].norm[TERN_FFN_NORM].unit;
    for (int i = 0; i < batch->n_texts; i++) {
        int32_t *v = result + (ptrdiff_t)i * h;
        int tokens = b->config->pooling == TERN_POOL_CLS ? 1 : batch->offsets[i + 1] - batch->offsets[i];
        b->run.ops->pool(b->y + (ptrdiff_t)batch->offsets[i] * h, h, v, tokens, h);
        mean_q16(v, h, tokens, unit);
        if (b->config->normalize)
            unit_length(v, h);
    }
}

int tern_heads_embed_bits(const struct tern_config *config)
{
    return config->normalize ? TERN_UNIT_BITS : TERN_LOGIT_BITS;
}
