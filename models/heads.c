/* The last step of a run, in integers: states through the pooler and classifier to logits. */
#include "models/heads.h"

#include "models/scheme.h"

#include <string.h>

/* Rows that go through the pooler, or are chosen among the states. */
static size_t most_rows(const struct tern_heads *heads)
{
    const struct tern_config *c = heads->bert->config;
    if (tern_gives_words(c))
        return TERN_WORD_ROWS;
    const int tokens = tern_head_kinds[c->head].gives == TERN_GIVES_TOKENS && c->pooler != TERN_POOLER_NONE;
    return (size_t)(tokens || c->head_reads == TERN_READS_LATE ? heads->bert->max_tokens : heads->max_texts);
}

void tern_heads_plan(struct tern_heads *heads, struct tern_arena *arena)
{
    const struct tern_config *c = heads->bert->config;
    const int32_t given = tern_head_width(c), widest = given > c->hidden ? given : c->hidden;
    const size_t rows = most_rows(heads), h = (size_t)widest;
    heads->ld = tern_round_up(widest, TERN_PANEL_K);
    heads->ld = heads->ld > heads->bert->x.ld ? heads->ld : heads->bert->x.ld;
    heads->q = tern_arena_take(arena, rows, (size_t)heads->ld);
    heads->row = tern_arena_take(arena, rows, sizeof *heads->row);
    heads->pooled = tern_arena_take(arena, rows, h * sizeof *heads->pooled);
    heads->normed = tern_arena_take(arena, h, sizeof *heads->normed);
    const int scaled = tern_config_is_scaled(c);
    heads->sum = tern_arena_take(arena, scaled ? rows : 1, h * sizeof *heads->sum);
    heads->exp = scaled ? tern_arena_take(arena, rows, sizeof *heads->exp) : NULL;
    const int wide = tern_widest_vector(c), logits = tern_logits_width(c), most = logits > wide ? logits : wide;
    heads->acc = tern_arena_take(arena, (size_t)tern_round_up(most, TERN_PANEL), sizeof *heads->acc);
    for (int i = 0; i < 2; i++)
        heads->vector[i] = tern_arena_take(arena, (size_t)wide, sizeof *heads->vector[i]);
    heads->narrow = tern_arena_take(arena, (size_t)wide, sizeof *heads->narrow);
    heads->dense_q = tern_arena_take(arena, (size_t)tern_round_up(wide, TERN_PANEL_K), sizeof *heads->dense_q);
}

/* The mean of x[tokens][hidden], in its unit, as row `to`; x may be the pooled rows from `to` or a later one on. */
static void mean_row(const struct tern_heads *heads, const int16_t *x, int tokens, int to)
{
    const struct tern_bert *b = heads->bert;
    const int h = b->config->hidden;
    int16_t *const mean = heads->pooled + (ptrdiff_t)to * h;
    b->run.ops->pool(x, h, heads->sum, tokens, h);
    for (int j = 0; j < h; j++)
        mean[j] = (int16_t)tern_floor_div((int64_t)heads->sum[j] + tokens / 2, tokens);
    b->run.ops->quantize(mean, heads->q + to * heads->ld, &heads->row[to], h);
}

/* A token's state becomes row `to`. */
static void take_state(const struct tern_heads *heads, int token, int to)
{
    const struct tern_bert *b = heads->bert;
    memcpy(heads->q + to * heads->ld, b->x.q + token * b->x.ld, (size_t)tern_round_up(b->config->hidden, TERN_PANEL_K));
    heads->row[to] = b->x.row[token];
    if (heads->exp)
        heads->exp[to] = b->x.exp[token];
}

/* One row for each text: the mean of its tokens' in `x`, or its first state; x NULL: that. */
static struct tern_rows rows_of_texts(const struct tern_heads *heads, const tern_batch *batch, const int16_t *x)
{
    const struct tern_bert *b = heads->bert;
    const int h = b->config->hidden;
    for (int i = 0; i < batch->n_texts; i++) {
        const int first = batch->offsets[i];
        if (x) {
            mean_row(heads, x + (ptrdiff_t)first * h, batch->offsets[i + 1] - first, i);
            continue;
        }
        take_state(heads, first, i);
    }
    return (struct tern_rows){heads->q, heads->row, heads->ld, batch->n_texts, heads->exp};
}

/* The norm's eps in units of a row with an exponent, squared. */
static uint64_t scaled_eps(uint64_t eps, int32_t exp)
{
    const int64_t shift = 2 * ((int64_t)exp - TERN_SCALED_NORM_EXP);
    if (shift >= 0)
        return shift > 63 ? 0 : eps >> shift;
    return tern_bits(eps) - shift > 62 ? 1ull << 62 : eps << -shift;
}

/* LayerNorm of row i, of 16 bits; returns what its reader reads. */
static int16_t *norm_row(const struct tern_heads *heads, int16_t *row, int i)
{
    const struct tern_norm *norm = &heads->bert->weights->pooler_norm;
    const int h = tern_head_width(heads->bert->config);
    const uint64_t eps = heads->exp ? scaled_eps(norm->eps, heads->exp[i]) : norm->eps;
    for (int j = 0; j < h; j++)
        heads->sum[j] = row[j];
    heads->bert->run.ops->layernorm(heads->sum, h, norm->gamma, norm->beta, eps,
                                    tern_config_is_rms(heads->bert->config), row, heads->normed, h, 1, h);
    return norm->affine ? row : heads->normed;
}

/* Through the dense layer of a model that normalises nothing, into pooled: as the exponents of `heads` say in front of
   a norm, else in units of 2^-TERN_POOLED_BITS, beyond which tanh is 1. */
static void pool_scaled(const struct tern_heads *heads, const struct tern_rows *x)
{
    const struct tern_bert *b = heads->bert;
    const int h = b->config->hidden;
    const struct tern_scaled out = {heads->sum, heads->exp, h};
    tern_linear_scaled(&b->run, TERN_STAGE_head, &b->weights->pooler, &out, 0, x);
    for (int i = 0; i < x->m; i++) {
        int32_t *const v = out.v + (ptrdiff_t)i * h;
        int16_t *const row = heads->pooled + (ptrdiff_t)i * h;
        const int32_t narrowed = tern_narrowed(out.exp[i], b->run.ops->narrow(v, row, 0, h));
        if (b->config->pooler_norm) {
            heads->exp[i] = narrowed + TERN_NARROW_BITS;
            continue;
        }
        const int32_t exp = narrowed + TERN_POOLED_BITS;
        for (int j = 0; exp > 0 && j < h; j++) /* what is beyond int16 already is cut off below */
            v[j] = v[j] < -32767 || v[j] > 32767 ? v[j] : v[j] * (1 << (exp < 15 ? exp : 15));
        tern_scaled_shift(v, row, exp > 0 ? 0 : -exp, h);
    }
}

/* Through the dense layer, its activation and its norm, those that there are. */
static struct tern_rows pool_rows(const struct tern_heads *heads, const struct tern_rows *x)
{
    const struct tern_bert *b = heads->bert;
    const int h = tern_head_width(b->config);
    if (b->config->pooler == TERN_POOLER_NONE)
        return *x;
    const struct tern_linear *const pooler[1] = {&b->weights->pooler};
    int16_t *const out[1] = {heads->pooled};
    if (x->exp)
        pool_scaled(heads, x);
    else
        tern_linear_run(&b->run, TERN_STAGE_head, pooler, out, 1, h, x);
    for (int i = 0; i < x->m; i++) {
        int16_t *row = heads->pooled + (ptrdiff_t)i * h;
        if (b->config->pooler == TERN_POOLER_TANH)
            b->run.ops->tanh(row, &b->weights->pooler_act, h);
        else
            b->run.ops->gelu(row, &b->weights->pooler_act, h); /* an all-zero polynomial: ReLU */
        if (b->config->pooler_norm)
            row = norm_row(heads, row, i);
        b->run.ops->quantize(row, heads->q + i * heads->ld, &heads->row[i], h);
    }
    return (struct tern_rows){heads->q, heads->row, heads->ld, x->m, NULL};
}

/* To logits of tern_logit_bits: tern_linear_logits gives 2^-TERN_LOGIT_BITS. */
static void run_classifier(const struct tern_heads *heads, int32_t *result, const struct tern_rows *rows)
{
    const struct tern_bert *b = heads->bert;
    struct tern_linear w = b->weights->classifier;
    w.kappa.exp += w.kappa.mul ? TERN_LOGIT_BITS - tern_logit_bits(b->config) : 0;
    tern_linear_logits(&b->run, &w, result, heads->acc, rows);
}

void tern_heads_classify(struct tern_heads *heads, const tern_batch *batch, int32_t *result)
{
    const struct tern_bert *b = heads->bert;
    struct tern_rows rows;
    if (b->config->head_reads == TERN_READS_LATE) {
        pool_rows(heads, &b->x);
        rows = rows_of_texts(heads, batch, heads->pooled);
    } else {
        rows = rows_of_texts(heads, batch, b->config->head_reads == TERN_READS_MEAN ? b->y : NULL);
        rows = pool_rows(heads, &rows);
    }
    run_classifier(heads, result, &rows);
}

/* Of every token: the rows of the last norm are what the head reads. */
void tern_heads_tag(struct tern_heads *heads, const tern_batch *batch, int32_t *result)
{
    (void)batch;
    const struct tern_rows pooled = pool_rows(heads, &heads->bert->x);
    run_classifier(heads, result, &pooled);
}

void tern_heads_fill(struct tern_heads *heads, const tern_batch *batch, int32_t *result)
{
    (void)batch;
    for (int i = 0; i < heads->n_asked; i++)
        take_state(heads, heads->asked[i], i);
    const struct tern_rows states = {heads->q, heads->row, heads->ld, heads->n_asked, heads->exp};
    const struct tern_rows read = pool_rows(heads, &states);
    run_classifier(heads, result, &read);
}
