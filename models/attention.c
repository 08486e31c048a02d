#include "models/attention.h"

void tern_attention_plan(struct tern_attention *a, struct tern_arena *arena, int longest)
{
    const int threads = tern_pool_threads(a->pool);
    const int keys = tern_round_up(longest, TERN_PANEL), width = tern_round_up(a->head_dim, TERN_PANEL);
    const int tokens4 = tern_round_up(longest, TERN_PANEL_K), dim4 = tern_round_up(a->head_dim, TERN_PANEL_K);
    struct tern_attention_scratch *scratch = tern_arena_take(arena, (size_t)threads, sizeof *scratch), one;
    for (int t = 0; t < threads; t++) {
        struct tern_attention_scratch *s = scratch ? &scratch[t] : &one;
        s->keys = tern_arena_take(arena, (size_t)keys, (size_t)dim4);
        s->values = tern_arena_take(arena, (size_t)width, (size_t)tokens4);
        s->query = tern_arena_take(arena, TERN_ATTENTION_ROWS, (size_t)dim4);
        s->score = tern_arena_take(arena, (size_t)keys, TERN_ATTENTION_ROWS * sizeof *s->score);
        s->p = tern_arena_take(arena, (size_t)tokens4, 2 * TERN_ATTENTION_ROWS);
        s->acc = tern_arena_take(arena, (size_t)width, 2 * TERN_ATTENTION_ROWS * sizeof *s->acc);
        s->row = tern_arena_take(arena, TERN_ATTENTION_ROWS, sizeof *s->row);
        s->scale = tern_arena_take(arena, TERN_ATTENTION_ROWS, sizeof *s->scale);
    }
    a->scratch = scratch;
}

struct job {
    const struct tern_attention *a;
    const struct tern_layer *layer;
    const int16_t *query, *key, *value;
    int16_t *context;
    const tern_batch *batch;
};

/* One task: one head of one text. Offsets at_* are those of the head's first column in the text's first row. */
static void head_task(void *context, int task, int thread)
{
    const struct job *j = context;
    const struct tern_attention *a = j->a;
    const struct tern_ops *ops = a->ops;
    const struct tern_attention_scratch *s = &a->scratch[thread];
    const int text = task / a->heads, head = task % a->heads, d = a->head_dim, h = a->hidden;
    const int tokens = j->batch->offsets[text + 1] - j->batch->offsets[text];
    const ptrdiff_t at = (ptrdiff_t)j->batch->offsets[text] * h + head * d;
    const int keys = tern_round_up(tokens, TERN_PANEL), tokens4 = tern_round_up(tokens, TERN_PANEL_K);
    const int width = tern_round_up(d, TERN_PANEL), dim4 = tern_round_up(d, TERN_PANEL_K);

    const struct tern_ahead none = {NULL, 0}; /* both operands have just been packed */
    int64_t time = tern_profile_start(a->profile);
    const int32_t amax_k = ops->amax(j->key + at, h, tokens, d), amax_v = ops->amax(j->value + at, h, tokens, d);
    ops->pack_k(j->key + at, h, tern_s8_scale_of(amax_k), s->keys, tokens, d);
    ops->pack_v(j->value + at, h, tern_s8_scale_of(amax_v), s->values, tokens, d);
    time = tern_profile_charge(a->profile, thread, TERN_STAGE_pack, time, 0, (int64_t)10 * tokens * d);

    for (int first = 0; first < tokens; first += TERN_ATTENTION_ROWS) {
        const int rows = tokens - first < TERN_ATTENTION_ROWS ? tokens - first : TERN_ATTENTION_ROWS;
        const ptrdiff_t block = at + (ptrdiff_t)first * h;
        for (int i = 0; i < rows; i++)
            ops->quantize(j->query + block + (ptrdiff_t)i * h, s->query + i * dim4, &s->row[i], d);
        const int64_t scores = (int64_t)rows * tokens;
        time = tern_profile_charge(a->profile, thread, TERN_STAGE_softmax, time, 0, (int64_t)3 * rows * d);
        ops->gemm_s8(s->query, dim4, s->keys, s->score, keys, rows, keys / TERN_PANEL, dim4 / TERN_PANEL_K,
                     none);
        time = tern_profile_charge(a->profile, thread, TERN_STAGE_scores, time, scores * d,
                                   (int64_t)(rows + tokens) * d + 4 * scores);
        int8_t *const low = s->p + (ptrdiff_t)rows * tokens4;
        for (int i = 0; i < rows; i++) {
            struct tern_row_scale scale = tern_score_scale(s->row[i].amax, amax_k, j->layer->score);
            s->row[i].norm2 = ops->softmax(s->score + (ptrdiff_t)i * keys, scale.shift, scale.mul,
                                       s->p + (ptrdiff_t)i * tokens4, low + (ptrdiff_t)i * tokens4, tokens);
        }
        for (int i = 0; i < rows; i++)
            s->scale[i] = tern_context_scale(s->row[i].norm2, amax_v);
        time = tern_profile_charge(a->profile, thread, TERN_STAGE_softmax, time, 0, 6 * scores);
        ops->gemm_s8(s->p, tokens4, s->values, s->acc, width, 2 * rows, width / TERN_PANEL, tokens4 / TERN_PANEL_K,
                     none);
        time = tern_profile_charge(a->profile, thread, TERN_STAGE_values, time, 2 * scores * d,
                                   2 * scores + (int64_t)(8 * rows + tokens) * d);
        ops->context(s->acc, s->acc + (ptrdiff_t)rows * width, width, j->context + block, h, s->scale, rows, d);
        time = tern_profile_charge(a->profile, thread, TERN_STAGE_context, time, 0, (int64_t)10 * rows * d);
    }
}

void tern_attention_run(const struct tern_attention *a, const struct tern_layer *layer, const int16_t *query,
                        const int16_t *key, const int16_t *value, int16_t *context, const tern_batch *batch)
{
    struct job j = {a, layer, query, key, value, context, batch};
    tern_pool_run(a->pool, head_task, &j, batch->n_texts * a->heads);
}
