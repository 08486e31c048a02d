/* The same forward pass in float32: what a conversion is checked against, and what `--weights f32` runs. */
#include "models/bert_f32.h"

#include "models/distances_f32.h"
#include "models/linear_attention_f32.h"
#include "models/mixers_f32.h"
#include "models/seen.h"
#include "models/token_dropout.h"

#include <math.h>
#include <string.h>

/* COLUMNS: outputs that one task of a linear layer computes, whole panels of every kernel. SCORES: floats of a block of
   scores. WINDOWED_ROWS: its queries where not all see the same keys. */
enum { COLUMNS = 96, SCORES = 32 * 1024, WINDOWED_ROWS = TERN_F32_ROWS };
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

/* Floats of what distances add to a thread's scores: so many queries have at most twice as many distances as keys. */
static size_t distance_scratch(int longest)
{
    const size_t columns = 2 * scores(longest), least = tern_distances_f32_scratch(longest);
    return columns > least ? columns : least;
}

/* Floats of a thread's gathered keys and values. */
static size_t gathered(const struct tern_bert_f32 *b)
{
    return 2 * (size_t)b->longest * (size_t)tern_largest_number(b->config, offsetof(struct tern_layer_spec, head_dim));
}

void tern_bert_f32_plan(struct tern_bert_f32 *b, struct tern_arena *arena)
{
    const size_t tokens = (size_t)b->max_tokens, h = (size_t)b->config->hidden,
                 e = (size_t)tern_embedding_size(b->config), widest = (size_t)tern_widest_input(b->config),
                 a = (size_t)tern_widest_attention(b->config);
    const size_t
        inner = (size_t)tern_largest_number(b->config, offsetof(struct tern_layer_spec, width)),
        given = (size_t)tern_head_width(b->config), wider = a > given ? a : given, widened = wider > h ? wider : h,
        /* query also holds what the matrices behind attention and feed-forward, and in front of a head, give */
        rows = widened > inner ? widened : inner;
    b->x = tern_arena_take(arena, tokens, (e > h ? e : h) * sizeof(float));
    if (tern_config_is_scaled(b->config))
        b->inner = tern_arena_take(arena, tokens, inner * sizeof(float));
    if (tern_config_is_pre_norm(b->config))
        b->normed = tern_arena_take(arena, tokens, h * sizeof(float));
    if (tern_config_has_gate(b->config))
        b->gate = tern_arena_take(arena, tokens, widest * sizeof(float));
    b->query = tern_arena_take(arena, tokens, rows * sizeof(float));
    b->key = tern_arena_take(arena, tokens, rows * sizeof(float));
    b->value = tern_arena_take(arena, tokens, rows * sizeof(float));
    const size_t context = tern_config_is_fourier(b->config) ? 2 * h : 2 * a;
    b->context = tern_arena_take(arena, tokens, (rows > context ? rows : context) * sizeof(float));
    for (int i = 0; tern_config_has_global(b->config) && i < 3; i++)
        b->global[i] = tern_arena_take(arena, tokens, rows * sizeof(float));
    if (tern_config_is_fourier(b->config)) {
        b->column = tern_arena_take(arena, tokens, 2 * h * sizeof(float));
        b->wave = tern_arena_take(arena, 2 * WINDOWED_ROWS, (size_t)b->longest * sizeof(float));
    }
    const size_t taps = (size_t)tern_largest_number(b->config, offsetof(struct tern_layer_spec, conv));
    for (int i = 0; taps && i < 3; i++)
        b->conv[i] = tern_arena_take(arena, tokens, (i ? 2 * rows : taps * a) * sizeof(float));
    b->wide = tern_arena_take(arena, tokens, widest * sizeof(float));
    if (tern_largest_number(b->config, offsetof(struct tern_layer_spec, attn_gate)))
        b->gates = tern_arena_take(arena, tokens,
                                   (size_t)tern_largest_number(b->config, offsetof(struct tern_layer_spec, heads)) *
                                       sizeof(float));
    b->between = tern_arena_take(arena, tokens, (size_t)tern_most_rank(b->config) * sizeof(float));
    for (int i = 0; i < 2; i++)
        b->vector[i] = tern_arena_take(arena, (size_t)tern_widest_vector(b->config), sizeof(float));
    b->score = tern_arena_take(arena, (size_t)tern_pool_threads(b->pool), scores(b->longest) * sizeof(float));
    if (tern_config_gathers(b->config))
        b->gathered = tern_arena_take(arena, (size_t)tern_pool_threads(b->pool), gathered(b) * sizeof(float));
    if (tern_config_has_linear(b->config))
        tern_f32_plan_linear_attention(b, arena);
    if (tern_config_has_position(b->config, TERN_POSITION_DISENTANGLED))
        b->distance =
            tern_arena_take(arena, (size_t)tern_pool_threads(b->pool), distance_scratch(b->longest) * sizeof(float));
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
    int used;                               /* the columns of x; 0: as many as the matrix has */
};

static float activate(enum tern_activation activation, float z)
{
    switch (activation) {
    case TERN_GELU_NEW: return 0.5f * z * (1 + tanhf(0.79788456f * (z + 0.044715f * z * z * z)));
    case TERN_GELU:
    case TERN_RELU:
    case TERN_N_ACTIVATIONS: break;
    case TERN_SILU: return z / (1 + expf(-z));
    case TERN_QUICK_GELU: return z / (1 + expf(-1.702f * z));
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
    const int k = j->used ? j->used : w->k;
    tern_gemm_f32_for(j->b->ops, j->rows, n, k)(j->x, k, w->w + (ptrdiff_t)first * w->k, w->k, w->b + first, out, w->n,
                                                j->rows, n, k);
    if (j->activation)
        activate_all(j->b->ops, *j->activation, out, w->n, j->rows, n);
    if (j->turned)
        turn(out, w->n, j->turned + (ptrdiff_t)first * j->rows, j->rows, n);
}

static void linear_run(struct linear_job *j)
{
    if (j->w->inner) {
        struct linear_job inner = {j->b, j->w->inner, j->x, j->b->between, j->rows, NULL, NULL, j->used};
        linear_run(&inner);
        j->x = j->b->between;
        j->used = 0;
    }
    tern_pool_run(j->b->pool, linear_task, j, (j->w->n + COLUMNS - 1) / COLUMNS);
}

void tern_bert_f32_linear(const struct tern_bert_f32 *b, const struct tern_f32_linear *w, const float *x, float *out,
                          int rows)
{
    struct linear_job j = {b, w, x, out, rows, NULL, NULL, 0};
    linear_run(&j);
}

void tern_bert_f32_turned(const struct tern_bert_f32 *b, const struct tern_f32_linear *w, const float *x, float *out,
                          float *turned, int rows)
{
    struct linear_job j = {b, w, x, out, rows, turned, NULL, 0};
    linear_run(&j);
}

/* x[rows][h] = LayerNorm(x + add); add may be NULL. */
static void norm(const struct tern_bert_f32 *b, const struct tern_f32_norm *p, float *x, const float *add, int rows,
                 int h)
{
    b->ops->layernorm_f32(x, h, add, h, p->gamma, p->beta, (float)b->config->layer_norm_eps,
                          tern_config_is_rms(b->config), rows, h);
}

/* Behind attention or feed-forward, whose outputs are in b->query, in the stream x[rows][h]: x = LayerNorm(x +
   outputs), or the sum as it is, or scaled. */
static void join(const struct tern_bert_f32 *b, const struct tern_f32_norm *p, float *x, int rows, int h)
{
    if (!tern_config_is_pre_norm(b->config) && !tern_config_is_scaled(b->config)) {
        norm(b, p, x, b->query, rows, h);
        return;
    }
    for (ptrdiff_t i = 0; i < (ptrdiff_t)rows * h; i++)
        x[i] += b->query[i];
    for (ptrdiff_t i = 0; tern_config_is_scaled(b->config) && i < rows; i++)
        for (int j = 0; j < h; j++)
            x[i * h + j] = x[i * h + j] * p->gamma[j] + p->beta[j];
}

/* What attention or feed-forward reads: x, or LayerNorm(x) where there is a norm in front; p NULL: none is. */
static float *before(const struct tern_bert_f32 *b, const struct tern_f32_norm *p, int rows)
{
    const int h = b->config->hidden;
    if (!tern_config_is_pre_norm(b->config) || !p)
        return b->x;
    memcpy(b->normed, b->x, (size_t)rows * (size_t)h * sizeof *b->x);
    norm(b, p, b->normed, NULL, rows, h);
    return b->normed;
}

/* ---- Attention ----------------------------------------------------------------------------------------------------
 */

/* value: [heads * head_dim][tokens of all texts]. */
struct attended {
    const float *query, *key, *value;
};

struct attention_job {
    const struct tern_bert_f32 *b;
    const struct tern_layer_spec *layer;
    const tern_batch *batch;
    const float *const *table; /* the layer's */
    float scale;               /* of scores */
    struct attended local, global;
};

/* One head of one text. */
struct head {
    const struct attention_job *j;
    const struct attended *of;
    int number, start, tokens, all, thread; /* all: tokens of all texts */
    int keys, globals;                      /* its tokens that are seen; its first ones, which are global */
    float *score;
};

/* Keys that queries see, as they lie or gathered: rows `ld` apart; values [head_dim] `ld_value` apart. */
struct operands {
    const float *key, *value;
    ptrdiff_t ld, ld_value;
};

static struct operands operands_of(const struct head *h, const struct tern_seen *seen)
{
    const struct tern_bert_f32 *b = h->j->b;
    const int a = tern_attention_width(h->j->layer), d = h->j->layer->head_dim, n = tern_seen_keys(seen);
    const float *const key = h->of->key + (ptrdiff_t)h->start * a + (ptrdiff_t)h->number * d, *const value =
                                                                                                  h->of->value +
                                                                                                  (ptrdiff_t)h->number *
                                                                                                      d * h->all +
                                                                                                  h->start;
    if (tern_seen_together(seen)) {
        const ptrdiff_t start = tern_seen_start(seen);
        return (struct operands){key + start * a, value + start, a, h->all};
    }
    float *const keys = b->gathered + (ptrdiff_t)h->thread * (ptrdiff_t)gathered(b), *const values =
                                                                                         keys + (ptrdiff_t)n * d;
    for (int i = 0; i < n; i++) {
        const ptrdiff_t token = tern_seen_token(seen, i);
        memcpy(keys + (ptrdiff_t)i * d, key + token * a, (size_t)d * sizeof *keys);
        for (int l = 0; l < d; l++)
            values[(ptrdiff_t)l * n + i] = value[(ptrdiff_t)l * h->all + token];
    }
    return (struct operands){keys, values, d, n};
}

/* score[rows][n] of the queries from i on: what a query does not see of their window gets no part. */
static void hide(const struct head *h, const struct tern_seen *seen, int i, int rows)
{
    const int front = tern_seen_front(seen), n = tern_seen_keys(seen), origin = front - seen->window.first;
    float *score = h->score;
    for (int r = 0; r < rows; r++, score += n) {
        const struct tern_stretch s = tern_seen_window(h->j->layer, h->keys, h->globals, i + r);
        for (int l = front; l < s.first + origin; l++)
            score[l] = NOT_SEEN;
        for (int l = s.last + origin; l < seen->window.last + origin; l++)
            score[l] = NOT_SEEN;
    }
}

/* What the layer's positions add to score[rows][n], times what the scores will be multiplied by. They go by the
   distance from the queries, from i on, to the keys, from `first` on. */
static void add_positions(const struct head *h, const struct operands *o, int i, int rows, int first, int n)
{
    const struct tern_layer_spec *layer = h->j->layer;
    const struct tern_bert_f32 *b = h->j->b;
    const float *const table = b->weights->table[layer->table];
    if (layer->position == TERN_POSITION_BIAS || layer->position == TERN_POSITION_ALIBI) {
        const int origin = b->config->max_positions - 1, alibi = layer->position == TERN_POSITION_ALIBI;
        const float *const of_head = table + (alibi ? h->number : (ptrdiff_t)h->number * (2 * origin + 1));
        const float over = 1 / h->j->scale;
        for (int r = 0; r < rows; r++)
            for (int l = 0; l < n; l++) {
                const int distance = first + l - (i + r);
                h->score[(ptrdiff_t)r * n + l] +=
                    over * (alibi ? -*of_head * fabsf((float)distance) : of_head[origin + distance]);
            }
        return;
    }
    const struct tern_f32_scores s = {.ops = b->ops,
                                      .config = b->config,
                                      .layer = layer,
                                      .rows = table,
                                      .table = h->j->table,
                                      .query = h->of->query + (ptrdiff_t)(h->start + i) * o->ld +
                                               h->number * layer->head_dim,
                                      .key = o->key,
                                      .head = h->number,
                                      .first_query = i,
                                      .n_queries = rows,
                                      .first_key = first,
                                      .n_keys = n};
    tern_add_distances(&s, h->score, b->distance + (ptrdiff_t)h->thread * (ptrdiff_t)distance_scratch(b->longest));
}

/* The context of the queries from i on, which see `seen` and, if `partly`, each its own part of the window. */
static void attend(const struct head *h, const struct tern_seen *seen, int i, int rows, int partly)
{
    const struct tern_layer_spec *layer = h->j->layer;
    const struct tern_bert_f32 *b = h->j->b;
    const int a = tern_attention_width(layer), d = layer->head_dim, n = tern_seen_keys(seen);
    const ptrdiff_t from = (ptrdiff_t)(h->start + i) * a + (ptrdiff_t)h->number * d;
    const struct operands o = operands_of(h, seen);
    tern_gemm_f32_for(b->ops, rows, n, d)(h->of->query + from, a, o.key, o.ld, NULL, h->score, n, rows, n, d);
    if (layer->position != TERN_POSITION_ABSOLUTE && layer->position != TERN_POSITION_ROTARY)
        add_positions(h, &o, i, rows, seen->window.first, n);
    if (partly)
        hide(h, seen, i, rows);
    b->ops->softmax_f32(h->score, n, h->j->scale, rows, n);
    if (layer->clip_low || layer->clip_high)
        tern_f32_clip(layer, h->score, (ptrdiff_t)rows * n);
    tern_gemm_f32_for(b->ops, rows, d, n)(h->score, n, o.value, o.ld_value, NULL, b->context + from, a, rows, d, n);
}

/* One head of one text: so many queries at a time that their scores stay in L2, and that they see much the same. */
static void head_task(void *context, int task, int thread)
{
    const struct attention_job *j = context;
    const struct tern_layer_spec *layer = j->layer;
    const struct tern_bert_f32 *b = j->b;
    const int text = task / layer->heads;
    struct head h = {.j = j,
                     .of = &j->global,
                     .number = task % layer->heads,
                     .start = j->batch->offsets[text],
                     .tokens = j->batch->offsets[text + 1] - j->batch->offsets[text],
                     .all = j->batch->offsets[j->batch->n_texts],
                     .thread = thread,
                     .score = b->score + (ptrdiff_t)thread * (ptrdiff_t)scores(b->longest)};
    h.keys = h.tokens - (b->unseen ? b->unseen[text] : 0);
    const int partly = layer->before < h.tokens || layer->after < h.tokens;
    const int most = partly && WINDOWED_ROWS < query_rows(h.tokens) ? WINDOWED_ROWS : query_rows(h.tokens);
    h.globals = tern_seen_globals(b->config, layer, j->batch, text);
    for (int i = 0, rows; i < h.globals; i += rows) {
        const struct tern_seen all = {.window = {0, h.tokens}, .times = 1};
        rows = h.globals - i < most ? h.globals - i : most;
        attend(&h, &all, i, rows, 0);
    }
    h.of = &j->local;
    for (int i = h.globals, rows; i < h.tokens; i += rows) {
        rows = tern_seen_rows(layer, h.tokens, i, most);
        const struct tern_seen seen = tern_seen_by(layer, h.keys, h.globals, i, rows);
        attend(&h, &seen, i, rows, partly);
    }
}

/* ---- The forward pass ---------------------------------------------------------------------------------------------
 */

static void embed(const struct tern_bert_f32 *b, const tern_batch *batch)
{
    const struct tern_f32_weights *w = b->weights;
    const ptrdiff_t h = tern_embedding_size(b->config);
    for (int text = 0; text < batch->n_texts; text++) {
        const float factor = tern_f32_dropout_factor(b->config, batch, text);
        for (int i = batch->offsets[text]; i < batch->offsets[text + 1]; i++) {
            if (b->config->trigram) {
                tern_f32_embed_three(b, batch, i, batch->offsets[text], batch->offsets[text + 1]);
                continue;
            }
            const float *word = w->word + batch->ids[i] * h,
                        *position = w->position ? w->position + (i - batch->offsets[text]) * h : NULL;
            const float *type = w->type ? w->type + (batch->types ? batch->types[i] : 0) * h : NULL;
            const float times = tern_is_dropped(b->config, batch->ids[i]) ? 0 : factor;
            for (int j = 0; j < h; j++)
                b->x[i * h + j] = times * word[j] + (position ? position[j] : 0) + (type ? type[j] : 0);
        }
    }
}

/* What the matrices read instead of x; NULL: the layer ends here. */
const float *tern_f32_show(const struct tern_bert_f32 *b, int layer, enum tern_layer_input which, const float *x,
                           int rows)
{
    return b->observer.observe ? b->observer.observe(b->observer.context, layer, which, x, rows) : x;
}

void tern_bert_f32_begin(struct tern_bert_f32 *b, const tern_batch *batch)
{
    const struct tern_config *c = b->config;
    const int tokens = batch->offsets[batch->n_texts], e = tern_embedding_size(c);
    embed(b, batch);
    if (c->trigram)
        tern_f32_mix(b, batch);
    if (!c->no_embed_norm)
        norm(b, &b->weights->embed_norm, b->x, NULL, tokens, e);
    if (!c->embedding) /* x: [tokens, hidden] */
        return;
    tern_bert_f32_linear(b, &b->weights->project, b->x, b->query, tokens);
    memcpy(b->x, b->query, (size_t)tokens * (size_t)c->hidden * sizeof *b->x);
}

/* wide = act(x up^T), or act(x gate^T) times x up^T; normalised, if the layer does so. */
static void feed(const struct tern_bert_f32 *b, const struct tern_f32_layer *layer, const struct tern_layer_spec *spec,
                 const float *x, int tokens)
{
    const int gated = spec->gate != TERN_GATE_NONE, n = b->ffn_width ? b->ffn_width : spec->intermediate;
    struct tern_f32_linear first = layer->matrix[gated ? TERN_FFN_GATE : TERN_FFN_UP], up = layer->matrix[TERN_FFN_UP];
    first.n = up.n = n;
    struct linear_job job = {b, &first, x, b->wide, tokens, NULL, &spec->activation, 0};
    linear_run(&job);
    if (gated)
        tern_bert_f32_linear(b, &up, x, b->gate, tokens);
    for (ptrdiff_t i = 0; gated && i < (ptrdiff_t)tokens * n; i++)
        b->wide[i] *= b->gate[i];
    if (spec->sub_norm)
        norm(b, &layer->norm[TERN_FFN_SUB_NORM], b->wide, NULL, tokens, n);
}

void tern_bert_f32_layer(struct tern_bert_f32 *b, const tern_batch *batch, int i, enum tern_layer_input from)
{
    const struct tern_f32_layer *layer = &b->weights->layers[i];
    const int tokens = batch->offsets[batch->n_texts];
    const struct tern_layer_spec *spec = &b->config->layer[i];
    float *const stream = spec->width ? b->inner : b->x;
    const int width = tern_layer_width(b->config, i);
    const float *x; /* what the next matrices read */
    if (spec->heads && from == TERN_INPUT_QKV) {
        x = tern_f32_show(b, i, TERN_INPUT_QKV,
                          before(b, spec->skip_norm ? NULL : &layer->norm[TERN_ATTN_NORM], tokens), tokens);
        if (!x)
            return;
        tern_bert_f32_linear(b, &layer->matrix[TERN_QUERY], x, b->query, tokens);
        tern_bert_f32_linear(b, &layer->matrix[TERN_KEY], x, b->key, tokens);
        tern_bert_f32_turned(b, &layer->matrix[TERN_VALUE], x, b->context, b->value, tokens);
        if (spec->narrow)
            tern_bert_f32_linear(b, &layer->matrix[TERN_NARROW], x, b->inner, tokens);
        if (spec->position == TERN_POSITION_ROTARY)
            tern_f32_turn_heads(b, spec, batch);
        if (spec->global)
            tern_f32_run_global(b, i, x, batch);
        struct attention_job attention = {.b = b,
                                          .layer = spec,
                                          .batch = batch,
                                          .table = layer->table,
                                          .scale = 1 / sqrtf((float)tern_score_divisor(b->config, i)),
                                          .local = {b->query, b->key, b->value},
                                          .global = {b->global[0], b->global[1], b->global[2]}};
        if (spec->conv && !tern_f32_convolve(b, layer, batch, i, x))
            return;
        if (tern_is_linear(spec))
            tern_f32_linear_attention(b, spec, batch);
        else
            tern_pool_run(b->pool, head_task, &attention, batch->n_texts * spec->heads);
        if (spec->conv)
            tern_f32_join_conv(b, spec, tokens);
        if (spec->value_conv)
            tern_f32_convolve_values(b, layer, spec, batch);
        if (spec->attn_gate) {
            tern_bert_f32_linear(b, &layer->matrix[TERN_ATTN_GATE], x, b->gates, tokens);
            tern_f32_gate_heads(b, spec, tokens);
        }
        if (spec->sub_norm)
            norm(b, &layer->norm[TERN_ATTN_SUB_NORM], b->context, NULL, tokens, tern_attention_width(spec));
    }
    if (spec->mixer == TERN_MIXER_FOURIER && from <= TERN_INPUT_ATTN_OUT) {
        tern_f32_transform(b, batch, b->x);
        join(b, &layer->norm[TERN_ATTN_NORM], stream, tokens, width);
    }
    if (spec->heads && from <= TERN_INPUT_ATTN_OUT) {
        x = tern_f32_show(b, i, TERN_INPUT_ATTN_OUT, b->context, tokens);
        if (!x)
            return;
        tern_bert_f32_linear(b, &layer->matrix[TERN_ATTN_OUT], x, b->query, tokens);
        join(b, &layer->norm[TERN_ATTN_NORM], stream, tokens, width);
    }
    x = tern_f32_show(b, i, TERN_INPUT_FFN_UP, spec->width ? stream : before(b, &layer->norm[TERN_FFN_NORM], tokens),
                      tokens);
    if (!x)
        return;
    feed(b, layer, spec, x, tokens); /* wide: [tokens, intermediate] */
    x = tern_f32_show(b, i, TERN_INPUT_FFN_DOWN, b->wide, tokens);
    if (!x)
        return;
    struct linear_job down = {b, &layer->matrix[TERN_FFN_DOWN], x, b->query, tokens, NULL, NULL, b->ffn_width};
    linear_run(&down);
    join(b, &layer->norm[TERN_FFN_NORM], stream, tokens, width);
    if (!spec->widen)
        return;
    x = tern_f32_show(b, i, TERN_INPUT_WIDEN, stream, tokens);
    if (!x)
        return;
    tern_bert_f32_linear(b, &layer->matrix[TERN_WIDEN], x, b->query, tokens);
    join(b, &layer->norm[TERN_WIDEN_NORM], b->x, tokens, b->config->hidden);
}

void tern_bert_f32_forward(struct tern_bert_f32 *b, const tern_batch *batch)
{
    tern_bert_f32_begin(b, batch);
    for (int i = 0; i < b->config->layers; i++)
        tern_bert_f32_layer(b, batch, i, TERN_INPUT_QKV);
    if (tern_config_is_pre_norm(b->config))
        norm(b, &b->weights->final_norm, b->x, NULL, batch->offsets[batch->n_texts], b->config->hidden);
}

/* x[h] through the dense layer in front of a classifier, its activation and its norm; returns what that reads. */
static const float *pool_row(const struct tern_bert_f32 *b, const float *x)
{
    const int h = tern_head_width(b->config);
    if (b->config->pooler == TERN_POOLER_NONE)
        return x;
    tern_bert_f32_linear(b, &b->weights->pooler, x, b->query, 1);
    if (b->config->pooler == TERN_POOLER_GELU)
        b->ops->gelu_f32(b->query, h, 1, h);
    if (b->config->pooler == TERN_POOLER_GELU_NEW || b->config->pooler == TERN_POOLER_SILU)
        activate_all(b->ops, b->config->pooler == TERN_POOLER_SILU ? TERN_SILU : TERN_GELU_NEW, b->query, h, 1, h);
    for (int j = 0; b->config->pooler == TERN_POOLER_TANH && j < h; j++)
        b->query[j] = tanhf(b->query[j]);
    for (int j = 0; b->config->pooler == TERN_POOLER_RELU && j < h; j++)
        b->query[j] = fmaxf(b->query[j], 0);
    if (b->config->pooler_norm)
        norm(b, &b->weights->pooler_norm, b->query, NULL, 1, h);
    return b->query;
}

/* What the classifier of a text reads. The mean is that of states, or of what the pooler makes of them. */
static const float *read_text(const struct tern_bert_f32 *b, int first, int end)
{
    const enum tern_head_reads reads = b->config->head_reads;
    const int h = b->config->hidden;
    const float *const x = b->x + (ptrdiff_t)first * h;
    if (reads == TERN_READS_FIRST)
        return pool_row(b, x);
    memset(b->key, 0, (size_t)h * sizeof *b->key);
    for (int i = 0; i < end - first; i++) {
        const float *const row = reads == TERN_READS_LATE ? pool_row(b, x + (ptrdiff_t)i * h) : x + (ptrdiff_t)i * h;
        for (int j = 0; j < h; j++)
            b->key[j] += row[j];
    }
    for (int j = 0; j < h; j++)
        b->key[j] /= (float)(end - first);
    return reads == TERN_READS_LATE ? b->key : pool_row(b, b->key);
}

void tern_bert_f32_classify(struct tern_bert_f32 *b, const tern_batch *batch, float *logits)
{
    for (int i = 0; i < batch->n_texts; i++)
        tern_bert_f32_linear(b, &b->weights->classifier, read_text(b, batch->offsets[i], batch->offsets[i + 1]),
                             logits + (ptrdiff_t)i * b->config->n_labels, 1);
}

void tern_bert_f32_tag(struct tern_bert_f32 *b, const tern_batch *batch, float *logits)
{
    const int tokens = batch->offsets[batch->n_texts];
    if (b->config->pooler == TERN_POOLER_NONE)
        tern_bert_f32_linear(b, &b->weights->classifier, b->x, logits, tokens);
    for (int i = 0; b->config->pooler != TERN_POOLER_NONE && i < tokens; i++)
        tern_bert_f32_linear(b, &b->weights->classifier, pool_row(b, b->x + (ptrdiff_t)i * b->config->hidden),
                             logits + (ptrdiff_t)i * b->config->n_labels, 1);
}

void tern_bert_f32_fill(struct tern_bert_f32 *b, const tern_batch *batch, float *logits)
{
    (void)batch;
    for (int i = 0; i < b->n_asked; i++)
        tern_bert_f32_linear(b, &b->weights->classifier, pool_row(b, b->x + (ptrdiff_t)b->asked[i] * b->config->hidden),
                             logits + (ptrdiff_t)i * b->config->vocab, 1);
}
