/* Multi-head self-attention: one task is one head of one text. */
#include "models/attention.h"

#include <string.h>

void tern_attention_plan(struct tern_attention *a, struct tern_arena *arena, const struct tern_config *config,
                         int longest)
{
    const int threads = tern_pool_threads(a->pool),
              distances = tern_config_has_position(config, TERN_POSITION_DISENTANGLED);
    const int dim = tern_largest_number(config, offsetof(struct tern_layer_spec, head_dim));
    const int keys = tern_round_up(longest, TERN_PANEL), width = tern_round_up(dim, TERN_PANEL);
    const int tokens4 = tern_round_up(longest, TERN_PANEL_K), dim4 = tern_round_up(dim, TERN_PANEL_K);
    struct tern_attention_scratch *scratch = tern_arena_take(arena, (size_t)threads, sizeof *scratch), one;
    for (int t = 0; t < threads; t++) {
        struct tern_attention_scratch *s = scratch ? &scratch[t] : &one;
        s->keys = tern_arena_take(arena, (size_t)keys, (size_t)dim4);
        s->values = tern_arena_take(arena, (size_t)width, (size_t)tokens4);
        s->query = tern_arena_take(arena, TERN_ATTENTION_ROWS, (size_t)dim4);
        s->score = tern_arena_take(arena, (size_t)keys, TERN_ATTENTION_ROWS * sizeof *s->score);
        s->p = tern_arena_take(arena, (size_t)tokens4, 2 * TERN_ATTENTION_ROWS);
        s->edge = tern_arena_take(arena, (size_t)tokens4, 2);
        s->acc = tern_arena_take(arena, (size_t)width, 2 * TERN_ATTENTION_ROWS * sizeof *s->acc);
        s->row = tern_arena_take(arena, TERN_ATTENTION_ROWS, sizeof *s->row);
        s->scale = tern_arena_take(arena, TERN_ATTENTION_ROWS, sizeof *s->scale);
        if (distances || tern_config_has_position(config, TERN_POSITION_BIAS)) {
            s->biased = tern_arena_take(arena, (size_t)keys, sizeof *s->biased);
            s->none = tern_arena_take(arena, (size_t)keys, sizeof *s->none);
            s->one = tern_arena_take(arena, (size_t)keys, sizeof *s->one);
            for (int i = 0; s->one && i < keys; i++) {
                s->none[i] = 0;
                s->one[i] = 32767;
            }
        }
        if (distances)
            tern_distances_plan(&s->distance, arena, config, longest, TERN_ATTENTION_ROWS);
    }
    a->scratch = scratch;
}

struct job {
    const struct tern_attention *a;
    const struct tern_layer_spec *layer;
    const struct tern_layer *weights;
    const int16_t *query, *key, *value;
    int16_t *context;
    const tern_batch *batch;
};

/* Tokens first to last - 1 of a text: those that a row sees, or all that the rows of a block see. */
struct span {
    int first, last;
};

static struct span seen_by(const struct tern_layer_spec *layer, int first_row, int rows, int tokens)
{
    const int first = first_row - layer->before, last = first_row + rows + layer->after;
    return (struct span){first > 0 ? first : 0, last < tokens ? last : tokens};
}

/* A head of a text, and what is packed of it. */
struct head {
    const struct job *j;
    struct tern_attention_scratch *s;
    ptrdiff_t at, ld; /* the head's first column in the text's first row; from row to row */
    int tokens, number, thread;
    struct span packed;
    int32_t amax_k, amax_v; /* of the packed keys and values */
};

static int64_t pack(struct head *h, struct span span, int64_t time)
{
    const struct job *j = h->j;
    const struct tern_ops *ops = j->a->ops;
    const int n = span.last - span.first, d = j->layer->head_dim;
    const ptrdiff_t at = h->at + span.first * h->ld;
    h->packed = span;
    h->amax_k = ops->amax(j->key + at, h->ld, n, d);
    h->amax_v = ops->amax(j->value + at, h->ld, n, d);
    ops->pack_k(j->key + at, h->ld, tern_s8_scale_of(h->amax_k), h->s->keys, n, d);
    ops->pack_v(j->value + at, h->ld, tern_s8_scale_of(h->amax_v), h->s->values, n, d);
    return tern_profile_charge(j->a->profile, h->thread, TERN_STAGE_pack, time, 0, (int64_t)10 * n * d);
}

/* The factors of one row, which sees `span` of the packed keys. Returns their sum. */
static int32_t softmax_row(const struct head *h, struct span span, const int32_t *score, struct tern_row_scale scale,
                           int8_t *high, int8_t *low)
{
    const struct tern_ops *ops = h->j->a->ops;
    const int n = span.last - span.first, before = span.first - h->packed.first;
    const int all = h->packed.last - h->packed.first, all4 = tern_round_up(all, TERN_PANEL_K);
    if (n == all)
        return ops->softmax(score, scale.shift, scale.mul, high, low, n);
    int8_t *const edge_low = h->s->edge + tern_round_up(n, TERN_PANEL_K);
    const int32_t sum = ops->softmax(score + before, scale.shift, scale.mul, h->s->edge, edge_low, n);
    memset(high, 0, (size_t)all4);
    memset(low, 0, (size_t)all4);
    memcpy(high + before, h->s->edge, (size_t)n);
    memcpy(low + before, edge_low, (size_t)n);
    return sum;
}

/* What the positions of a block add to its scores, and where it is. */
static struct tern_distance_block distances_of(const struct head *h, int first, int rows)
{
    const struct job *j = h->j;
    const int there = j->layer->position == TERN_POSITION_DISENTANGLED;
    const int16_t *const distance_0 = there ? j->a->table[j->layer->table].q + j->a->config->max_positions - 1 : NULL;
    return (struct tern_distance_block){.ops = j->a->ops,
                                        .rows = distance_0,
                                        .vectors = j->weights->distances,
                                        .query = h->s->query,
                                        .keys = h->s->keys,
                                        .head = h->number,
                                        .span = j->a->config->table[j->layer->table].span,
                                        .head_dim = j->layer->head_dim,
                                        .first_query = first,
                                        .n_queries = rows,
                                        .first_key = h->packed.first,
                                        .n_keys = h->packed.last - h->packed.first};
}

/* The scores of the query at place `row` of its block with its biases or its products with distances added, in
   softmax's terms: *scale becomes what that op takes. */
static const int32_t *biased_row(const struct head *h, const struct tern_distance_block *b, struct span span, int row,
                                 struct tern_row_scale *scale)
{
    const struct job *j = h->j;
    const struct tern_attention_scratch *s = h->s;
    const struct tern_position_table *table = &j->a->table[j->layer->table];
    const int before = span.first - h->packed.first, n = span.last - span.first,
              origin = j->a->config->max_positions - 1;
    const int keys = tern_round_up(h->packed.last - h->packed.first, TERN_PANEL);
    const struct tern_row k = {h->amax_k, 127 * 127 * j->layer->head_dim};
    const struct tern_row_scale octaves = tern_biased_scale(s->row[row], k, j->weights->score);
    const int bias = j->layer->position == TERN_POSITION_BIAS;
    const int16_t *const first =
        bias ? table->q + (ptrdiff_t)h->number * (2 * origin + 1) + origin + span.first - (b->first_query + row)
             : s->distance.zero;
    const int32_t *const more =
        bias ? s->none : tern_distances_row(b, &s->distance, row, span.first, n, s->row[row], k, s->one, s->none);
    j->a->ops->residual(s->score + (ptrdiff_t)row * keys + before, keys, first, n, s->biased + before, keys, &octaves,
                        NULL, s->one, more, bias ? table->up : 0, 1, n);
    *scale = (struct tern_row_scale){.shift = TERN_BIASED_BITS - 10, .mul = 32767};
    return s->biased;
}

/* Rows first to first + rows - 1 against the packed keys and values. */
static int64_t block(const struct head *h, int first, int rows, int64_t time)
{
    const struct job *j = h->j;
    const struct tern_ops *ops = j->a->ops;
    struct tern_profile *const profile = j->a->profile;
    const struct tern_attention_scratch *s = h->s;
    const struct tern_ahead none = {NULL, 0}; /* both operands have just been packed */
    const int tokens = h->packed.last - h->packed.first, d = j->layer->head_dim;
    const int keys = tern_round_up(tokens, TERN_PANEL), tokens4 = tern_round_up(tokens, TERN_PANEL_K);
    const int width = tern_round_up(d, TERN_PANEL), dim4 = tern_round_up(d, TERN_PANEL_K);
    const ptrdiff_t at = h->at + first * h->ld;
    const int64_t scores = (int64_t)rows * tokens;
    int32_t sum[TERN_ATTENTION_ROWS];

    for (int i = 0; i < rows; i++)
        ops->quantize(j->query + at + i * h->ld, s->query + i * dim4, &s->row[i], d);
    time = tern_profile_charge(profile, h->thread, TERN_STAGE_softmax, time, 0, (int64_t)3 * rows * d);
    ops->gemm_s8(s->query, dim4, s->keys, s->score, keys, rows, keys / TERN_PANEL, dim4 / TERN_PANEL_K, none);
    time = tern_profile_charge(profile, h->thread, TERN_STAGE_scores, time, scores * d,
                               (int64_t)(rows + tokens) * d + 4 * scores);
    const struct tern_distance_block distances = distances_of(h, first, rows);
    if (j->layer->position == TERN_POSITION_DISENTANGLED) {
        tern_distances_multiply(&distances, &h->s->distance);
        time = tern_profile_charge(profile, h->thread, TERN_STAGE_distances, time, 3 * scores * d, 12 * scores);
    }
    int8_t *const low = s->p + (ptrdiff_t)rows * tokens4;
    for (int i = 0; i < rows; i++) {
        const struct span span = seen_by(j->layer, first + i, 1, h->tokens);
        struct tern_row_scale scale = tern_score_scale(s->row[i].amax, h->amax_k, j->weights->score);
        const int32_t *score = s->score + (ptrdiff_t)i * keys;
        if (j->layer->position == TERN_POSITION_BIAS || j->layer->position == TERN_POSITION_DISENTANGLED)
            score = biased_row(h, &distances, span, i, &scale);
        sum[i] = softmax_row(h, span, score, scale, s->p + (ptrdiff_t)i * tokens4, low + (ptrdiff_t)i * tokens4);
    }
    for (int i = 0; i < rows; i++)
        s->scale[i] = tern_context_scale(sum[i], h->amax_v);
    time = tern_profile_charge(profile, h->thread, TERN_STAGE_softmax, time, 0, 6 * scores);
    ops->gemm_s8(s->p, tokens4, s->values, s->acc, width, 2 * rows, width / TERN_PANEL, tokens4 / TERN_PANEL_K, none);
    time = tern_profile_charge(profile, h->thread, TERN_STAGE_values, time, 2 * scores * d,
                               2 * scores + (int64_t)(8 * rows + tokens) * d);
    ops->context(s->acc, s->acc + (ptrdiff_t)rows * width, width, j->context + at, h->ld, s->scale, rows, d);
    return tern_profile_charge(profile, h->thread, TERN_STAGE_context, time, 0, (int64_t)10 * rows * d);
}

/* Keys and values are packed once for all rows that see the same ones: for the whole text, or with a window for each
   block of rows. */
static void head_task(void *context, int task, int thread)
{
    const struct job *j = context;
    const struct tern_layer_spec *layer = j->layer;
    const int text = task / layer->heads, start = j->batch->offsets[text];
    struct head h = {.j = j,
                     .s = &j->a->scratch[thread],
                     .ld = tern_attention_width(layer),
                     .number = task % layer->heads,
                     .thread = thread};
    h.tokens = j->batch->offsets[text + 1] - start;
    h.at = start * h.ld + (ptrdiff_t)h.number * layer->head_dim;
    int64_t time = tern_profile_start(j->a->profile);
    for (int first = 0; first < h.tokens; first += TERN_ATTENTION_ROWS) {
        const int rows = h.tokens - first < TERN_ATTENTION_ROWS ? h.tokens - first : TERN_ATTENTION_ROWS;
        const struct span span = seen_by(layer, first, rows, h.tokens);
        if (span.first != h.packed.first || span.last != h.packed.last)
            time = pack(&h, span, time);
        time = block(&h, first, rows, time);
    }
}

void tern_attention_run(const struct tern_attention *a, const struct tern_layer_spec *layer,
                        const struct tern_layer *weights, const int16_t *query, const int16_t *key,
                        const int16_t *value, int16_t *context, const tern_batch *batch)
{
    struct job j = {a, layer, weights, query, key, value, context, batch};
    tern_pool_run(a->pool, head_task, &j, batch->n_texts * layer->heads);
}
