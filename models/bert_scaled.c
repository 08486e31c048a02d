/* The forward pass of models that normalise nothing (MobileBERT), in integers: rows have exponents. */
#include "models/bert_scaled.h"

#include "models/row_blocks.h"

#include <string.h>

void tern_bert_scaled_plan(struct tern_bert *b, struct tern_arena *arena)
{
    const struct tern_config *c = b->config;
    struct tern_bert_scaled *s = &b->scaled;
    const size_t tokens = (size_t)b->max_tokens, h = (size_t)c->hidden, a = (size_t)tern_widest_attention(c),
                 wide = (size_t)tern_largest_number(c, offsetof(struct tern_layer_spec, intermediate)),
                 inner = (size_t)tern_largest_number(c, offsetof(struct tern_layer_spec, width)),
                 most = wide > a ? wide
                        : a > h  ? a
                                 : h,
                 widest = (size_t)tern_widest_input(c);
    struct tern_scaled *const rows[] = {&s->stream, &s->inner, &s->out};
    const size_t widths[] = {h, inner ? inner : 1, most};
    for (int i = 0; i < 3; i++) {
        rows[i]->v = tern_arena_take(arena, tokens, widths[i] * sizeof(int32_t));
        rows[i]->exp = tern_arena_take(arena, tokens, sizeof(int32_t));
    }
    s->row = tern_arena_take(arena, (size_t)tern_pool_threads(b->run.pool), widest * sizeof *s->row);
    s->words = tern_arena_take(arena, (size_t)tern_pool_threads(b->run.pool), widest * sizeof *s->words);
    s->widest = (int)widest;
    s->x_exp = tern_arena_take(arena, tokens, sizeof *s->x_exp);
    s->score_exp = tern_arena_take(arena, tokens, sizeof *s->score_exp);
    s->text_exp = tern_arena_take(arena, tokens, sizeof *s->text_exp);
    b->run.scaled = tern_arena_take(arena, tokens, sizeof *b->run.scaled);
    b->x.exp = s->x_exp;
    b->attention.exp = s->score_exp;
}

struct job {
    struct tern_bert *b;
    const tern_batch *batch;
    const struct tern_scaled *from;
    int tokens, n, layer; /* n: columns; layer -1: a head */
    enum tern_layer_input input;
    int relu; /* and what it gives goes to wide_q */
    int16_t *to;
};

static void put(const struct job *j, int i, int16_t *x, int32_t exp)
{
    const struct tern_bert *b = j->b;
    if (j->relu)
        tern_bert_quantize(b, j->layer, j->input, x, b->wide_q + i * b->wide_ld, &b->wide_row[i], j->n);
    else
        tern_bert_quantize(b, j->layer, j->input, x, b->x_q + i * b->x.ld, &b->x_row[i], j->n);
    b->scaled.x_exp[i] = exp;
}

/* from -> int8 rows of their reader */
static void narrow_task(void *context, int task, int thread)
{
    struct job *j = context;
    const struct tern_bert *b = j->b;
    int16_t *const x = b->scaled.row + (ptrdiff_t)thread * b->scaled.widest;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++) {
        int32_t *const v = j->from->v + i * j->from->ld;
        j->from->exp[i] = tern_narrowed(j->from->exp[i], b->run.ops->narrow(v, x, j->relu, j->n));
        put(j, i, x, j->from->exp[i] + TERN_NARROW_BITS);
    }
    tern_charge_rows(j->b, j->tokens, task, thread, j->relu ? TERN_STAGE_activation : TERN_STAGE_quantize, time,
                     11 * j->n);
}

static void narrow(struct job *j, const struct tern_scaled *from, int n, int layer, enum tern_layer_input input,
                   int relu)
{
    j->from = from;
    j->n = n;
    j->layer = layer;
    j->input = input;
    j->relu = relu;
    tern_run_rows(j->b, j->tokens, narrow_task, j);
}

/* ---- Embeddings ---------------------------------------------------------------------------------------------------
 */

/* The words behind, at and before a token, side by side -> x; its position and type -> the stream */
static void embed_task(void *context, int task, int thread)
{
    struct job *j = context;
    struct tern_bert *b = j->b;
    const struct tern_int8_weights *w = b->weights;
    const int32_t *types = b->config->token_types ? j->batch->types : NULL;
    const int e = b->config->trigram, h = b->config->hidden;
    int32_t *const words = b->scaled.words + (ptrdiff_t)thread * b->scaled.widest;
    int16_t *const x = b->scaled.row + (ptrdiff_t)thread * b->scaled.widest;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++) {
        const int text = tern_text_of(j->batch, i), first = j->batch->offsets[text], end = j->batch->offsets[text + 1];
        const ptrdiff_t place = (ptrdiff_t)(types ? types[i] : 0) * b->config->max_positions + i - first;
        for (int k = 0; k < 3; k++) {
            const int from = i + 1 - k, there = from >= first && from < end, id = there ? j->batch->ids[from] : 0;
            const int8_t *const q = tern_bert_word(b, id, thread);
            b->run.ops->embed(q, q, there ? w->word.mul[id] : 0, 0, w->column, words + k * e, e);
        }
        const int32_t exp = tern_narrowed(0, b->run.ops->narrow(words, x, 0, 3 * e));
        put(j, i, x, exp + TERN_NARROW_BITS);
        for (int k = 0; k < h; k++)
            b->scaled.stream.v[(ptrdiff_t)i * h + k] = w->position.q[place * h + k] * w->position.mul[place];
        b->scaled.stream.exp[i] = w->position_exp;
    }
    tern_charge_rows(j->b, j->tokens, task, thread, TERN_STAGE_embed, time, 20 * e + 6 * h);
}

/* ---- Layers -------------------------------------------------------------------------------------------------------
 */

/* from -> to, each row by an exponent of its own */
static void out_task(void *context, int task, int thread)
{
    struct job *j = context;
    const int64_t time = tern_profile_start(j->b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++)
        j->from->exp[i] = tern_narrowed(
            j->from->exp[i], j->b->run.ops->narrow(j->from->v + i * j->from->ld, j->to + (ptrdiff_t)i * j->n, 0, j->n));
    tern_charge_rows(j->b, j->tokens, task, thread, TERN_STAGE_requant, time, 10 * j->n);
}

/* from -> to, rows whose exponent is below their text's */
static void shift_task(void *context, int task, int thread)
{
    struct job *j = context;
    const int64_t time = tern_profile_start(j->b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++)
        if (j->from->exp[i] + TERN_NARROW_BITS < j->b->scaled.text_exp[i])
            tern_scaled_shift(j->from->v + i * j->from->ld, j->to + (ptrdiff_t)i * j->n,
                              j->b->scaled.text_exp[i] - j->from->exp[i], j->n);
    tern_charge_rows(j->b, j->tokens, task, thread, TERN_STAGE_requant, time, 6 * j->n);
}

/* Every row of `out` to 16 bits, to[tokens][n], times 2^(its exponent + TERN_NARROW_BITS). */
static void narrow_out(struct job *j, const struct tern_scaled *out, int n, int16_t *to)
{
    j->from = out;
    j->n = n;
    j->to = to;
    tern_run_rows(j->b, j->tokens, out_task, j);
}

/* The same, but of each text by one exponent, text_exp. */
static void align(struct job *j, const struct tern_scaled *out, int n, int16_t *to)
{
    narrow_out(j, out, n, to);
    for (int text = 0; text < j->batch->n_texts; text++) {
        const int first = j->batch->offsets[text], end = j->batch->offsets[text + 1];
        int32_t most = TERN_SCALED_ZERO;
        for (int i = first; i < end; i++)
            most = out->exp[i] > most ? out->exp[i] : most;
        for (int i = first; i < end; i++)
            j->b->scaled.text_exp[i] = most + TERN_NARROW_BITS;
    }
    tern_run_rows(j->b, j->tokens, shift_task, j);
}

/* The context -> x */
static void context_task(void *context, int task, int thread)
{
    struct job *j = context;
    const int64_t time = tern_profile_start(j->b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++)
        put(j, i, j->b->context + (ptrdiff_t)i * j->n, j->b->scaled.text_exp[i]);
    tern_charge_rows(j->b, j->tokens, task, thread, TERN_STAGE_quantize, time, 3 * j->n);
}

static void multiply(struct tern_bert *b, enum tern_stage stage, const struct tern_linear *w, struct tern_scaled *sum,
                     int adds, const struct tern_rows *x)
{
    sum->ld = w->n;
    tern_linear_scaled(&b->run, stage, w, sum, adds, x);
}

static void attend(struct tern_bert *b, struct job *j, int i, struct tern_scaled *stream)
{
    const struct tern_layer_spec *spec = &b->config->layer[i];
    const struct tern_linear *const matrix = b->weights->layers[i].matrix;
    struct tern_bert_scaled *const s = &b->scaled;
    const int a = tern_attention_width(spec);
    narrow(j, &s->stream, b->config->hidden, i, TERN_INPUT_QKV, 0);
    if (spec->narrow)
        multiply(b, TERN_STAGE_qkv, &matrix[TERN_NARROW], &s->inner, 0, &b->x);
    multiply(b, TERN_STAGE_qkv, &matrix[TERN_QUERY], &s->out, 0, &b->x);
    narrow_out(j, &s->out, a, b->query);
    for (int t = 0; t < j->tokens; t++)
        s->score_exp[t] = s->out.exp[t] + TERN_NARROW_BITS;
    multiply(b, TERN_STAGE_qkv, &matrix[TERN_KEY], &s->out, 0, &b->x);
    align(j, &s->out, a, b->key);
    for (int t = 0; t < j->tokens; t++)
        s->score_exp[t] += s->text_exp[t];
    multiply(b, TERN_STAGE_qkv, &matrix[TERN_VALUE], &s->out, 0, &b->x);
    align(j, &s->out, a, b->value);
    const struct tern_attended rows = {b->query, b->key, b->value};
    tern_attention_run(&b->attention, spec, &b->weights->layers[i], &rows, &rows, b->context, j->batch);
    j->n = a;
    j->input = TERN_INPUT_ATTN_OUT;
    tern_run_rows(j->b, j->tokens, context_task, j);
    multiply(b, TERN_STAGE_attn_out, &matrix[TERN_ATTN_OUT], stream, 1, &b->x);
}

static void feed(struct tern_bert *b, struct job *j, int i, struct tern_scaled *stream)
{
    const struct tern_linear *const matrix = b->weights->layers[i].matrix;
    const int width = tern_layer_width(b->config, i);
    narrow(j, stream, width, i, TERN_INPUT_FFN_UP, 0);
    multiply(b, TERN_STAGE_ffn_up, &matrix[TERN_FFN_UP], &b->scaled.out, 0, &b->x);
    narrow(j, &b->scaled.out, b->config->layer[i].intermediate, i, TERN_INPUT_FFN_DOWN, 1);
    const struct tern_rows activated = {b->wide_q, b->wide_row, b->wide_ld, j->tokens, b->scaled.x_exp};
    multiply(b, TERN_STAGE_ffn_down, &matrix[TERN_FFN_DOWN], stream, 1, &activated);
    if (!b->config->layer[i].widen)
        return;
    narrow(j, stream, width, i, TERN_INPUT_WIDEN, 0);
    multiply(b, TERN_STAGE_ffn_down, &matrix[TERN_WIDEN], &b->scaled.stream, 1, &b->x);
}

void tern_bert_scaled_forward(struct tern_bert *b, const tern_batch *batch)
{
    struct tern_bert_scaled *const s = &b->scaled;
    struct job j = {.b = b, .batch = batch, .tokens = batch->offsets[batch->n_texts], .layer = -1};
    b->x.m = j.tokens;
    j.n = 3 * b->config->trigram;
    tern_run_rows(j.b, j.tokens, embed_task, &j);
    s->stream.ld = b->config->hidden;
    multiply(b, TERN_STAGE_embed, &b->weights->mix, &s->stream, 1, &b->x);
    for (int i = 0; i < b->config->layers; i++) {
        const struct tern_layer_spec *spec = &b->config->layer[i];
        struct tern_scaled *const stream = spec->width ? &s->inner : &s->stream;
        if (spec->heads)
            attend(b, &j, i, stream);
        feed(b, &j, i, stream);
    }
    narrow(&j, &s->stream, b->config->hidden, -1, TERN_INPUT_HEAD, 0);
    align(&j, &s->stream, b->config->hidden, b->y);
}
