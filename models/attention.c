/* Multi-head self-attention: one task is some heads of a text. */
#include "models/attention.h"

#include "models/bounds.h"
#include "models/seen.h"

#include <string.h>

/* From one row's factors to the next one's: behind those of a window that ends a row, softmax writes zeros that the row
   has no place for. */
static int ld_factors(int tokens4)
{
    return tokens4 + TERN_PANEL_K;
}

void tern_attention_plan(struct tern_attention *a, struct tern_arena *arena, const struct tern_config *config,
                         int longest)
{
    const int threads = tern_pool_threads(a->pool),
              distances = tern_config_has_position(config, TERN_POSITION_DISENTANGLED),
              alibi = tern_config_has_position(config, TERN_POSITION_ALIBI);
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
        s->p = tern_arena_take(arena, (size_t)ld_factors(tokens4), 2 * TERN_ATTENTION_ROWS);
        s->edge = tern_arena_take(arena, (size_t)tokens4, 2);
        s->acc = tern_arena_take(arena, (size_t)width, 2 * TERN_ATTENTION_ROWS * sizeof *s->acc);
        s->row = tern_arena_take(arena, TERN_ATTENTION_ROWS, sizeof *s->row);
        s->scale = tern_arena_take(arena, TERN_ATTENTION_ROWS, sizeof *s->scale);
        if (tern_config_gathers(config)) {
            for (int i = 0; i < 2; i++)
                s->gathered[i] = tern_arena_take(arena, (size_t)longest, (size_t)dim * sizeof *s->gathered[i]);
            s->seen = tern_arena_take(arena, (size_t)longest, sizeof *s->seen);
        }
        if (alibi)
            s->ramp = tern_arena_take(arena, (size_t)keys, 2 * sizeof *s->ramp);
        if (distances || alibi || tern_config_has_position(config, TERN_POSITION_BIAS)) {
            s->biased = tern_arena_take(arena, (size_t)keys, sizeof *s->biased);
            s->none = tern_arena_take(arena, (size_t)keys, sizeof *s->none);
            s->one = tern_arena_take(arena, (size_t)keys, sizeof *s->one);
            s->zero = tern_arena_take(arena, (size_t)keys, sizeof *s->zero);
            for (int i = 0; s->zero && i < keys; i++) {
                s->none[i] = s->zero[i] = 0;
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
    struct tern_attended local, global;
    int16_t *context;
    const tern_batch *batch;
    int first_block; /* of layers in windows */
    int heads;       /* of a task */
};

/* A head of a text, and what is packed of it. */
struct head {
    const struct job *j;
    struct tern_attention_scratch *s;
    const struct tern_attended *of;    /* the text's own, or those of its global tokens */
    ptrdiff_t at, ld;                  /* the head's first column in the text's first row; from row to row */
    int tokens, number, thread, start; /* start: the text's first token */
    int keys;                          /* its tokens that are seen */
    int globals;                       /* its first tokens, which are global */
    struct tern_seen packed;
    int32_t amax_k, amax_v; /* of the packed keys and values */
};

static int is_global(const struct head *h)
{
    return h->of == &h->j->global;
}

/* Rows of keys or values that do not lie one behind the other, as if they did. */
static void gather(const struct head *h, const int16_t *from, int16_t *to, int n, int d)
{
    for (int i = 0; i < n; i++)
        memcpy(to + (ptrdiff_t)i * d, from + h->at + tern_seen_token(&h->packed, i) * h->ld, (size_t)d * sizeof *to);
}

static int64_t pack(struct head *h, const struct tern_seen *seen, int64_t time)
{
    const struct job *j = h->j;
    const struct tern_ops *ops = j->a->ops;
    const int n = tern_seen_keys(seen), d = j->layer->head_dim;
    ptrdiff_t ld = h->ld;
    const int16_t *key = h->of->key + h->at + tern_seen_start(seen) * ld,
                  *value = h->of->value + h->at + tern_seen_start(seen) * ld;
    h->packed = *seen;
    if (!tern_seen_together(seen)) {
        gather(h, h->of->key, h->s->gathered[0], n, d);
        gather(h, h->of->value, h->s->gathered[1], n, d);
        key = h->s->gathered[0];
        value = h->s->gathered[1];
        ld = d;
    }
    h->amax_k = ops->amax(key, ld, n, d);
    h->amax_v = ops->amax(value, ld, n, d);
    ops->pack_k(key, ld, tern_s8_scale_of(h->amax_k), h->s->keys, n, d);
    ops->pack_v(value, ld, tern_s8_scale_of(h->amax_v), h->s->values, n, d);
    return tern_profile_charge(j->a->profile, h->thread, TERN_STAGE_pack, time, 0, (int64_t)10 * n * d);
}

/* The factors of one row, which sees all packed keys but those of the window outside of `span`. Returns their sum. Up
   to TERN_PANEL_K - 1 bytes behind the row's factors are written too: see ld_factors. */
static int32_t softmax_row(const struct head *h, struct tern_stretch span, const int32_t *score,
                           struct tern_row_scale scale, int8_t *high, int8_t *low)
{
    const struct tern_ops *ops = h->j->a->ops;
    const struct tern_seen *seen = &h->packed;
    const int all = tern_seen_keys(seen), all4 = tern_round_up(all, TERN_PANEL_K), front = tern_seen_front(seen);
    const int window = span.last - span.first, before = front + span.first - seen->window.first,
              behind = before + window;
    if (window == seen->window.last - seen->window.first)
        return ops->softmax(score, scale.shift, scale.mul, high, low, all);
    /* Only a window that counts tokens is seen in part, and then nothing is behind it. */
    int32_t sum;
    if (front) {
        int8_t *const edge = h->s->edge, *const edge_low = edge + tern_round_up(front + window, TERN_PANEL_K);
        memcpy(h->s->seen, score, (size_t)front * sizeof *score);
        memcpy(h->s->seen + front, score + before, (size_t)window * sizeof *score);
        sum = ops->softmax(h->s->seen, scale.shift, scale.mul, edge, edge_low, front + window);
        memcpy(high, edge, (size_t)front);
        memcpy(low, edge_low, (size_t)front);
        memcpy(high + before, edge + front, (size_t)window);
        memcpy(low + before, edge_low + front, (size_t)window);
    } else {
        sum = ops->softmax(score + before, scale.shift, scale.mul, high + before, low + before, window);
    }
    memset(high + front, 0, (size_t)(before - front));
    memset(low + front, 0, (size_t)(before - front));
    memset(high + behind, 0, (size_t)(all4 - behind));
    memset(low + behind, 0, (size_t)(all4 - behind));
    return sum;
}

/* softmax's codes p[n], whose sum is `sum`, to those of clip((eta - gamma) p / sum + gamma, 0, 1):
     p = min(max(p - sum (-gamma) / (eta - gamma), 0), sum / (eta - gamma)), each rounded
   Returns what p's values are parts of: sum eta / (eta - gamma), so that eta is a factor of the context's unit, and no
   less than the sum of p. */
static int32_t clip_row(const struct tern_layer_spec *layer, int8_t *high, int8_t *low, int n, int64_t sum)
{
    const int64_t one = 1 << TERN_CLIP_BITS, wide = one + layer->clip_low + layer->clip_high;
    const int32_t cut = (int32_t)((sum * layer->clip_low + wide / 2) / wide),
                  top = (int32_t)((sum * one + wide / 2) / wide),
                  all = (int32_t)((sum * (one + layer->clip_high) + wide / 2) / wide);
    int32_t left = 0;
    for (int i = 0; i < n; i++) {
        int32_t p = 8 * high[i] + low[i] - cut;
        p = p < 0 ? 0 : p > top ? top : p;
        high[i] = (int8_t)(p >> 3);
        low[i] = (int8_t)(p & 7);
        left += p;
    }
    return left > all ? left : all;
}

/* The sum of up to TERN_MAX_POSITIONS codes of 1016, times less than 2^31. */
_Static_assert((int64_t)TERN_MAX_POSITIONS * 1016 < 1 << 25, "clipped sums");

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
                                        .first_key = h->packed.window.first,
                                        .n_keys = tern_seen_keys(&h->packed)};
}

/* ramp[distance + n - 1], of distances 1 - n to n - 1: what ALIBI's head adds to scores, in octaves with
   TERN_BIASED_BITS fraction bits, at least -2^30 (models/bounds.h). */
static void make_ramp(const struct head *h)
{
    const struct job *j = h->j;
    const struct tern_real slope = j->a->table[j->layer->table].slope[h->number];
    const int shift = slope.exp - TERN_BIASED_BITS, n = h->tokens;
    for (int i = 0; i < n; i++) {
        const int64_t cost = ((int64_t)i * slope.mul + (1LL << (shift - 1))) >> shift;
        h->s->ramp[n - 1 + i] = h->s->ramp[n - 1 - i] = (int32_t)-cost;
    }
}

/* The scores of the query at place `row` of its block with what its positions add, of keys that are all in the window,
   in softmax's terms: *scale becomes what that op takes. */
static const int32_t *biased_row(const struct head *h, const struct tern_distance_block *b, struct tern_stretch span,
                                 int row, struct tern_row_scale *scale)
{
    const struct job *j = h->j;
    const struct tern_attention_scratch *s = h->s;
    const struct tern_position_table *table = &j->a->table[j->layer->table];
    const int before = span.first - h->packed.window.first, n = span.last - span.first,
              origin = j->a->config->max_positions - 1, query = b->first_query + row;
    const int keys = tern_round_up(tern_seen_keys(&h->packed), TERN_PANEL);
    const struct tern_row k = {h->amax_k, 127 * 127 * j->layer->head_dim};
    const struct tern_row_scale octaves = tern_biased_scale(s->row[row], k, j->weights->score);
    const enum tern_position_kind kind = j->layer->position;
    const int bias = kind == TERN_POSITION_BIAS;
    const int16_t *const first =
        bias ? table->q + (ptrdiff_t)h->number * (2 * origin + 1) + origin + span.first - query : s->zero;
    const int32_t *const more = bias                          ? s->none
                                : kind == TERN_POSITION_ALIBI ? s->ramp + h->tokens - 1 + span.first - query
                                                              : tern_distances_row(b, &s->distance, row, span.first, n,
                                                                                   s->row[row], k, s->one, s->none);
    j->a->ops->residual(s->score + (ptrdiff_t)row * keys + before, keys, first, n, s->biased + before, keys, &octaves,
                        NULL, s->one, more, bias ? table->up : 0, 1, n);
    *scale = (struct tern_row_scale){.shift = TERN_BIASED_BITS - 10, .mul = 32767};
    return s->biased;
}

/* The unit of the scores of a text's token, which may have an exponent of its own. */
static struct tern_real score_unit(const struct head *h, struct tern_real unit, int token)
{
    if (h->j->a->exp)
        unit.exp -= h->j->a->exp[h->start + token];
    return unit;
}

/* Rows first to first + rows - 1 against the packed keys and values. */
static int64_t block(const struct head *h, int first, int rows, int64_t time)
{
    const struct job *j = h->j;
    const struct tern_ops *ops = j->a->ops;
    struct tern_profile *const profile = j->a->profile;
    const struct tern_attention_scratch *s = h->s;
    const struct tern_ahead none = {NULL, 0}; /* both operands have just been packed */
    const int tokens = tern_seen_keys(&h->packed), d = j->layer->head_dim;
    const int keys = tern_round_up(tokens, TERN_PANEL), tokens4 = tern_round_up(tokens, TERN_PANEL_K);
    const int width = tern_round_up(d, TERN_PANEL), dim4 = tern_round_up(d, TERN_PANEL_K);
    const ptrdiff_t at = h->at + first * h->ld;
    const int64_t scores = (int64_t)rows * tokens;
    const struct tern_real unit = is_global(h) ? j->weights->global_score : j->weights->score;
    const int biased = j->layer->position != TERN_POSITION_ABSOLUTE && j->layer->position != TERN_POSITION_ROTARY;
    int32_t sum[TERN_ATTENTION_ROWS];

    for (int i = 0; i < rows; i++)
        ops->quantize(h->of->query + at + i * h->ld, s->query + i * dim4, &s->row[i], d);
    time = tern_profile_charge(profile, h->thread, TERN_STAGE_softmax, time, 0, (int64_t)3 * rows * d);
    ops->gemm_s8(s->query, dim4, s->keys, s->score, keys, rows, keys / TERN_PANEL, dim4 / TERN_PANEL_K, none);
    time = tern_profile_charge(profile, h->thread, TERN_STAGE_scores, time, scores * d,
                               (int64_t)(rows + tokens) * d + 4 * scores);
    const struct tern_distance_block distances = distances_of(h, first, rows);
    if (j->layer->position == TERN_POSITION_DISENTANGLED) {
        tern_distances_multiply(&distances, &h->s->distance);
        time = tern_profile_charge(profile, h->thread, TERN_STAGE_distances, time, 3 * scores * d, 12 * scores);
    }
    const ptrdiff_t ld_p = ld_factors(tokens4);
    int8_t *const low = s->p + rows * ld_p;
    for (int i = 0; i < rows; i++) {
        const struct tern_stretch span =
            is_global(h) ? h->packed.window : tern_seen_window(j->layer, h->keys, h->globals, first + i);
        struct tern_row_scale scale = tern_score_scale(s->row[i].amax, h->amax_k, score_unit(h, unit, first + i));
        const int32_t *score = s->score + (ptrdiff_t)i * keys;
        if (biased)
            score = biased_row(h, &distances, span, i, &scale);
        sum[i] = softmax_row(h, span, score, scale, s->p + i * ld_p, low + i * ld_p);
        if (j->layer->clip_low || j->layer->clip_high)
            sum[i] = clip_row(j->layer, s->p + i * ld_p, low + i * ld_p, tokens, sum[i]);
    }
    for (int i = 0; i < rows; i++) {
        s->scale[i] = tern_context_scale(sum[i], h->amax_v);
        if (is_global(h)) /* its values have a finer unit than the text's */
            s->scale[i].mul = tern_mulr((int16_t)s->scale[i].mul, (int16_t)j->weights->global_unit);
    }
    time = tern_profile_charge(profile, h->thread, TERN_STAGE_softmax, time, 0, 6 * scores);
    ops->gemm_s8(s->p, ld_p, s->values, s->acc, width, 2 * rows, width / TERN_PANEL, tokens4 / TERN_PANEL_K, none);
    time = tern_profile_charge(profile, h->thread, TERN_STAGE_values, time, 2 * scores * d,
                               2 * scores + (int64_t)(8 * rows + tokens) * d);
    ops->context(s->acc, s->acc + (ptrdiff_t)rows * width, width, j->context + at, h->ld, s->scale, rows, d);
    return tern_profile_charge(profile, h->thread, TERN_STAGE_context, time, 0, (int64_t)10 * rows * d);
}

/* The text's global tokens, which see all tokens. */
static int64_t global_tokens(struct head *h, int64_t time)
{
    const struct tern_seen all = {.window = {0, h->tokens}, .times = 1};
    h->of = &h->j->global;
    time = pack(h, &all, time);
    for (int first = 0, rows; first < h->globals; first += rows) {
        rows = h->globals - first < TERN_ATTENTION_ROWS ? h->globals - first : TERN_ATTENTION_ROWS;
        time = block(h, first, rows, time);
    }
    h->of = &h->j->local;
    h->packed = (struct tern_seen){.times = 0};
    return time;
}

static struct head head_of(const struct job *j, int text, int number, int thread)
{
    const int start = j->batch->offsets[text], tokens = j->batch->offsets[text + 1] - start;
    struct head h = {.j = j,
                     .s = &j->a->scratch[thread],
                     .of = &j->local,
                     .ld = tern_attention_width(j->layer),
                     .tokens = tokens,
                     .number = number,
                     .thread = thread,
                     .start = start,
                     .keys = tokens - (j->a->unseen ? j->a->unseen[text] : 0)};
    h.at = start * h.ld + (ptrdiff_t)number * j->layer->head_dim;
    return h;
}

/* Keys and values are packed once for all rows that see the same ones: for the whole text, or with a window for each
   block of rows. */
static void run_head(const struct job *j, int text, int number, int thread)
{
    const struct tern_layer_spec *layer = j->layer;
    struct head h = head_of(j, text, number, thread);
    int64_t time = tern_profile_start(j->a->profile);
    if (layer->position == TERN_POSITION_ALIBI)
        make_ramp(&h);
    h.globals = tern_seen_globals(j->a->config, layer, j->batch, text);
    if (h.globals)
        time = global_tokens(&h, time);
    const int queries = j->a->first_only ? 1 : h.tokens;
    for (int first = h.globals, rows; first < queries; first += rows) {
        rows = tern_seen_rows(layer, h.tokens, first, TERN_ATTENTION_ROWS);
        const struct tern_seen seen = tern_seen_by(layer, h.keys, h.globals, first, rows);
        if (!tern_seen_same(&seen, &h.packed))
            time = pack(&h, &seen, time);
        time = block(&h, first, rows, time);
    }
}

static void heads_task(void *context, int task, int thread)
{
    const struct job *j = context;
    const int heads = j->layer->heads, first = task * j->heads, last = first + j->heads,
              all = j->batch->n_texts * heads;
    for (int i = first; i < last && i < all; i++)
        run_head(j, i / heads, i % heads, thread);
}

/* How many heads a task takes. Of a single text heads that lie side by side are one thread's: what two CPUs write and
   read in turn, their caches take from each other, in pairs of lines as they fetch them (two threads, 128 tokens of
   MiniLM-L6: 1.91 times faster than one, 1.84 with each head a task). Several texts differ in length. */
static int heads_of_task(const struct tern_attention *a, const tern_batch *batch, int heads)
{
    const int shares = batch->n_texts == 1 ? tern_pool_shares(a->pool) : 0;
    return shares ? tern_quotient_up(heads, shares) : 1;
}

/* Blocks of rows of a text. */
static int blocks_of(const tern_batch *batch, int text)
{
    return (batch->offsets[text + 1] - batch->offsets[text] + TERN_ATTENTION_ROWS - 1) / TERN_ATTENTION_ROWS;
}

/* Blocks, of all texts, whose first token is in front of `token`. */
static int blocks_before(const tern_batch *batch, int token)
{
    int blocks = 0, text = 0;
    for (; text < batch->n_texts && batch->offsets[text + 1] <= token; text++)
        blocks += blocks_of(batch, text);
    return text == batch->n_texts
               ? blocks
               : blocks + (token - batch->offsets[text] + TERN_ATTENTION_ROWS - 1) / TERN_ATTENTION_ROWS;
}

/* One block of rows of a text, for all heads: they share what it takes to bring the rows into the caches. */
static void window_task(void *context, int task, int thread)
{
    const struct job *j = context;
    int at = j->first_block + task, text = 0;
    for (; at >= blocks_of(j->batch, text); text++)
        at -= blocks_of(j->batch, text);
    int64_t time = tern_profile_start(j->a->profile);
    for (int number = 0; number < j->layer->heads; number++) {
        struct head h = head_of(j, text, number, thread);
        const int first = at * TERN_ATTENTION_ROWS,
                  rows = h.tokens - first < TERN_ATTENTION_ROWS ? h.tokens - first : TERN_ATTENTION_ROWS;
        const struct tern_seen seen = tern_seen_by(j->layer, h.keys, 0, first, rows);
        time = block(&h, first, rows, pack(&h, &seen, time));
    }
}

int tern_attention_in_windows(const struct tern_layer_spec *layer)
{
    return layer->before < TERN_ALL_TOKENS && layer->after < TERN_ALL_TOKENS && !layer->global &&
           layer->position != TERN_POSITION_ALIBI;
}

void tern_attention_run_windows(const struct tern_attention *a, const struct tern_layer_spec *layer,
                                const struct tern_layer *weights, const struct tern_attended *local, int16_t *context,
                                const tern_batch *batch, int first, int last)
{
    struct job j = {.a = a, .layer = layer, .weights = weights, .local = *local, .context = context, .batch = batch};
    j.first_block = blocks_before(batch, first);
    tern_pool_run(a->pool, window_task, &j, blocks_before(batch, last) - j.first_block);
}

void tern_attention_run(const struct tern_attention *a, const struct tern_layer_spec *layer,
                        const struct tern_layer *weights, const struct tern_attended *local,
                        const struct tern_attended *global, int16_t *context, const tern_batch *batch)
{
    const int heads = heads_of_task(a, batch, layer->heads);
    struct job j = {a, layer, weights, *local, *global, context, batch, 0, heads};
    tern_pool_run(a->pool, heads_task, &j, tern_quotient_up(batch->n_texts * layer->heads, heads));
}
