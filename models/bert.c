/* The steps of the encoder's forward pass in integers, for rows that are given. models/bert_forward.c calls them. */
#include "models/bert_steps.h"

#include "models/fourier.h"
#include "models/linear_attention.h"
#include "models/row_blocks.h"
#include "models/seen.h"
#include "models/span_conv.h"
#include "models/token_dropout.h"

#include <string.h>

/* ---- Row-wise steps: tasks of TERN_ROW_BLOCK tokens ---------------------------------------------------------------
 */

static void reads(struct tern_rows_job *j, int layer, enum tern_layer_input input)
{
    j->layer = layer < j->b->config->layers ? layer : -1;
    j->input = input;
}

void tern_bert_quantize(const struct tern_bert *b, int layer, enum tern_layer_input input, int16_t *x, int8_t *q,
                        struct tern_row *row, int k)
{
    const struct tern_outliers *outliers = layer < 0 ? NULL : &b->weights->layers[layer].outliers[input];
    if (b->observer.input && layer >= 0)
        b->observer.input(b->observer.context, layer, input, x, k);
    if (outliers && outliers->n)
        tern_quantize_outliers(b->run.ops, outliers, x, q, row, k);
    else
        b->run.ops->quantize(x, q, row, k);
}

static void quantize(const struct tern_rows_job *j, int16_t *x, int8_t *q, struct tern_row *row, int k)
{
    tern_bert_quantize(j->b, j->layer, j->input, x, q, row, k);
}

/* from[tokens][h] -> y, if that is kept, and x */
static void norm_rows(const struct tern_rows_job *j, const struct tern_norm *norm, const int32_t *from, int h,
                      int first, int last, int keeps, int thread)
{
    const struct tern_bert *b = j->b;
    int16_t *const n16 = b->n16 + (ptrdiff_t)thread * 2 * TERN_ROW_BLOCK * h, *const y =
                                                                                  keeps ? b->y + (ptrdiff_t)first * h
                                                                                        : n16 + TERN_ROW_BLOCK * h;
    b->run.ops->layernorm(from + (ptrdiff_t)first * h, h, norm->gamma, norm->beta, norm->eps,
                          tern_config_is_rms(b->config), y, n16, h, last - first, h);
    for (int i = first; i < last; i++)
        quantize(j, (norm->affine ? y : n16) + (ptrdiff_t)(i - first) * h, b->x_q + i * b->x.ld, &b->x_row[i], h);
}

/* Of a cache line. */
enum { LINE_INTS = 16 };

/* sum, or the stream with it -> y, x */
static void norm_task(void *context, int task, int thread)
{
    struct tern_rows_job *j = context;
    const struct tern_bert *b = j->b;
    const int first = task * TERN_ROW_BLOCK, last = tern_last_row(j->tokens, task), h = b->config->hidden;
    const int64_t time = tern_profile_start(b->run.profile);
    if (b->stream) /* comes from memory: the next task's rows are asked for while these are normalised */
        for (ptrdiff_t k = (ptrdiff_t)last * h; k < (ptrdiff_t)tern_last_row(j->tokens, task + 1) * h; k += LINE_INTS)
            __builtin_prefetch(b->stream + k, 1, 2);
    if (j->added)
        b->run.ops->accumulate(b->stream + (ptrdiff_t)first * h, b->sum + (ptrdiff_t)first * h, j->added->up,
                               (last - first) * h);
    /* What reads y is the residual sum, which a stream replaces, and what follows the last layer. */
    norm_rows(j, j->norm, b->stream ? b->stream : b->sum, h, first, last,
              !b->stream || j->norm == &b->weights->final_norm, thread);
    tern_charge_rows(j->b, j->tokens, task, thread, TERN_STAGE_layernorm, time, (b->stream ? 15 : 7) * h);
}

/* The last text whose offset is not above i. */
int tern_text_of(const tern_batch *batch, int i)
{
    int low = 0, high = batch->n_texts;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (batch->offsets[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Queries and keys, turned by the angles of their tokens' positions. */
static void turn_task(void *context, int task, int thread)
{
    struct tern_rows_job *j = context;
    struct tern_bert *b = j->b;
    const struct tern_layer_spec *layer = &b->config->layer[j->layer];
    const int a = tern_attention_width(layer), half = b->config->table[layer->table].half;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++) {
        const ptrdiff_t position = j->first + i - j->batch->offsets[tern_text_of(j->batch, j->first + i)];
        const int16_t *turn = b->weights->table[layer->table].q + position * 2 * half;
        b->run.ops->rotate(b->query + (ptrdiff_t)i * a, turn, layer->heads, layer->head_dim, half);
        b->run.ops->rotate(b->key + (ptrdiff_t)i * a, turn, layer->heads, layer->head_dim, half);
    }
    tern_charge_rows(j->b, j->tokens, task, thread, TERN_STAGE_rotate, time, 8 * a);
}

/* A row of 16 bits behind the norm in front of its matrix; without one the row itself. The row lacks `shift` bits of
   what the norm's eps is in the unit of. */
static int16_t *sub_normed(const struct tern_rows_job *j, int16_t *row, int shift, int thread)
{
    const struct tern_bert *b = j->b;
    const struct tern_norm *const norm = j->sub_norm;
    const int n = j->width;
    if (!norm)
        return row;
    int32_t *const sum = b->sub_sum + (ptrdiff_t)thread * b->sub_width;
    int16_t *const n16 = b->sub_n16 + (ptrdiff_t)thread * b->sub_width;
    for (int i = 0; i < n; i++)
        sum[i] = row[i];
    b->run.ops->layernorm(sum, n, norm->gamma, norm->beta, norm->eps >> 2 * shift, tern_config_is_rms(b->config), row,
                          n16, n, 1, n);
    return norm->affine ? row : n16;
}

/* Each head of a context row times the logistic function of its gate: (1 + tanh(y / 2)) / 2 in Q15. */
static void gate_heads(const struct tern_rows_job *j, int row)
{
    const struct tern_layer_spec *layer = &j->b->config->layer[j->layer];
    const int heads = layer->heads, d = layer->head_dim;
    int16_t *const gate = j->b->gates + (ptrdiff_t)row * heads, *const context = j->from + (ptrdiff_t)row * j->width;
    j->b->run.ops->tanh(gate, j->head_gate, heads);
    for (int head = 0; head < heads; head++) {
        const int16_t open = (int16_t)((gate[head] + 32768) >> 1);
        for (int i = head * d; i < (head + 1) * d; i++)
            context[i] = tern_mulr(context[i], open);
    }
}

/* from (16 bits) -> x */
static void quantize_task(void *context, int task, int thread)
{
    struct tern_rows_job *j = context;
    struct tern_bert *b = j->b;
    const int n = j->width;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; j->head_gate && i < tern_last_row(j->tokens, task); i++)
        gate_heads(j, i);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++)
        quantize(j, sub_normed(j, j->from + (ptrdiff_t)i * n, 0, thread), b->x_q + i * b->x.ld, &b->x_row[i], n);
    tern_charge_rows(j->b, j->tokens, task, thread, TERN_STAGE_quantize, time, 3 * n);
}

/* wide -> activation -> wide_q */
static void activation_task(void *context, int task, int thread)
{
    struct tern_rows_job *j = context;
    struct tern_bert *b = j->b;
    const int n = j->width;
    const int64_t time = tern_profile_start(b->run.profile);
    const int ran = b->ffn_width ? b->ffn_width : n;
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++) {
        int16_t *row = b->wide + (ptrdiff_t)i * n;
        memset(row + ran, 0, (size_t)(n - ran) * sizeof *row);
        b->run.ops->gelu(row, j->act, ran);
        /* A product's 16 bits are its row's own: amax takes it back to the product's unit. */
        const int shift = j->gated ? b->run.ops->gate(row, b->gate + (ptrdiff_t)i * n, ran) : 0;
        quantize(j, sub_normed(j, row, shift, thread), b->wide_q + i * b->wide_ld, &b->wide_row[i], n);
        b->wide_row[i].amax <<= j->sub_norm ? 0 : shift; /* what is normalised has no unit of its own */
    }
    tern_charge_rows(j->b, j->tokens, task, thread, TERN_STAGE_activation, time, (j->gated ? 13 : 5) * n);
}

const int8_t *tern_bert_word(const struct tern_bert *b, int word, int thread)
{
    const struct tern_embedding *e = &b->weights->word;
    const int h = tern_part_shape(b->config, &tern_parts[TERN_PART_WORD], -1).k;
    if (e->q)
        return e->q + (ptrdiff_t)word * h;
    const struct tern_row_place place = tern_row_place(e->codes.book, e->steps, word);
    struct tern_codes row = e->codes;
    row.line += place.line * TERN_LINE;
    int8_t *const unpacked = b->word + (ptrdiff_t)thread * b->word_bytes;
    b->run.ops->unpack(&row, unpacked, 1, place.before + e->steps);
    return unpacked + place.before * TERN_LINE;
}

/* y, or the sum where there is no norm, in the stream's unit. */
static void begin_stream(const struct tern_rows_job *j, int first, int last)
{
    const struct tern_bert *b = j->b;
    const ptrdiff_t h = b->config->hidden;
    const int shift = b->weights->stream_shift;
    for (ptrdiff_t i = first * h; i < last * h; i++) {
        const int32_t x = b->config->no_embed_norm ? b->sum[i] : b->y[i];
        b->stream[i] = shift < 0 ? tern_rshift(x, -shift) : x * (1 << shift);
    }
}

/* word + (position and type) -> sum -> y, x or the stream */
static void embed_task(void *context, int task, int thread)
{
    struct tern_rows_job *j = context;
    struct tern_bert *b = j->b;
    const struct tern_int8_weights *w = b->weights;
    const int32_t *types = b->config->token_types ? j->batch->types : NULL; /* a model without types ignores them */
    const ptrdiff_t h = tern_embedding_size(b->config);
    const int first = task * TERN_ROW_BLOCK, last = tern_last_row(j->tokens, task),
              positions = b->config->no_positions ? 1 : b->config->max_positions;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = first; i < last; i++) {
        const int token = j->first + i, word = j->batch->ids[token], type = types ? types[token] : 0;
        const int at = b->config->no_positions ? 0 : token - j->batch->offsets[tern_text_of(j->batch, token)];
        const ptrdiff_t position = (ptrdiff_t)type * positions + at;
        b->run.ops->embed(tern_bert_word(b, word, thread), w->position.q + position * h,
                          tern_is_dropped(b->config, word) ? 0 : w->word.mul[word], w->position.mul[position],
                          w->column, b->sum + i * h, (int)h);
    }
    /* Rows that another matrix reads first may be wider than y's, which it makes. */
    if (!b->config->no_embed_norm)
        norm_rows(j, &w->embed_norm, b->sum, (int)h, first, last, !b->config->embedding, thread);
    if (b->stream && b->config->token_dropout)
        tern_dropout_scale(b->config, j->batch, b->sum + first * h, b->stream + first * h, -w->stream_shift,
                           j->first + first, j->first + last);
    else if (b->stream)
        begin_stream(j, first, last);
    tern_charge_rows(j->b, j->tokens, task, thread, TERN_STAGE_embed, time, (int)(13 * h));
}

/* ---- What an observer sees --------------------------------------------------------------------------------------- */

static void show_outputs(const struct tern_bert *b, int layer, enum tern_matrix first, int16_t *const *out, int count,
                         int tokens, int n)
{
    const struct tern_row_observer *o = &b->observer;
    for (int i = 0; o->input && i < count; i++)
        for (int row = 0; row < tokens; row++)
            o->output(o->context, layer, (enum tern_matrix)((int)first + i), out[i] + (ptrdiff_t)row * n, n);
}

static void show_sums(const struct tern_bert *b, int layer, enum tern_matrix matrix, int tokens)
{
    const struct tern_row_observer *o = &b->observer;
    const ptrdiff_t h = b->config->hidden;
    for (int row = 0; o->input && row < tokens && !b->stream; row++)
        o->sum(o->context, layer, matrix, b->sum + row * h, b->y + row * h, b->weights->layers[layer].matrix[matrix].up,
               (int)h);
    for (int row = 0; o->input && row < tokens && b->stream; row++)
        o->added(o->context, layer, matrix, b->sum + row * h, b->stream + row * h,
                 b->weights->layers[layer].matrix[matrix].up, (int)h);
}

/* ---- The steps of the forward pass ------------------------------------------------------------------------------- */

/* From the embeddings to x, and to y or the stream. */
static void begin(struct tern_bert *b, struct tern_rows_job *rows)
{
    const int h = b->config->hidden;
    /* Not layer 0's, where a matrix or a norm of its own comes in between. */
    const int between = b->config->embedding || (b->stream && !b->config->layer[0].skip_norm);
    reads(rows, between ? -1 : 0, tern_first_input(b->config, 0));
    tern_run_rows(rows->b, rows->tokens, embed_task, rows);
    if (!b->config->embedding)
        return;
    const struct tern_linear *const project[1] = {&b->weights->project};
    tern_linear_run(&b->run, TERN_STAGE_embed, project, &b->y, 1, h, &b->x); /* [tokens, hidden] */
    rows->from = b->y;
    rows->width = h;
    reads(rows, 0, tern_first_input(b->config, 0));
    tern_run_rows(rows->b, rows->tokens, quantize_task, rows);
}

/* The norm in front of a layer that normalises what it reads. */
static const struct tern_norm *norm_before(const struct tern_bert *b, int layer)
{
    const int attends = tern_first_input(b->config, layer) == TERN_INPUT_QKV;
    return &b->weights->layers[layer].norm[attends ? TERN_ATTN_NORM : TERN_FFN_NORM];
}

/* x = the rows behind a norm, for a reader of that layer; `added`: what the stream takes before. */
static void normalise(struct tern_rows_job *rows, const struct tern_norm *norm, const struct tern_linear *added,
                      int layer, enum tern_layer_input input)
{
    rows->norm = norm;
    rows->added = rows->b->stream ? added : NULL;
    reads(rows, layer, input);
    tern_run_rows(rows->b, rows->tokens, norm_task, rows);
}

/* sum = y and what the matrix gives, or that alone where the stream takes it later. */
static void add(struct tern_bert *b, enum tern_stage stage, const struct tern_linear *w, const struct tern_rows *x)
{
    const int h = b->config->hidden;
    tern_linear_residual(&b->run, stage, w, b->sum, h, b->stream ? b->zero : b->y, b->stream ? 0 : h, x);
}

/* x -> what layer i's global tokens have of their own: keys and values of all tokens, queries of theirs. */
static void run_global(struct tern_bert *b, const tern_batch *batch, int i)
{
    const struct tern_layer_spec *const spec = &b->config->layer[i];
    const struct tern_linear *const matrix = b->weights->layers[i].matrix;
    const int width = tern_attention_width(spec);
    const struct tern_linear *const key_value[2] = {&matrix[TERN_KEY_GLOBAL], &matrix[TERN_VALUE_GLOBAL]},
                                    *const query[1] = {&matrix[TERN_QUERY_GLOBAL]};
    tern_linear_run(&b->run, TERN_STAGE_qkv, key_value, &b->global[1], 2, width, &b->x);
    for (int text = 0; text < batch->n_texts; text++) {
        const ptrdiff_t first = batch->offsets[text];
        const int globals = tern_seen_globals(b->config, spec, batch, text);
        const struct tern_rows rows = {b->x.q + first * b->x.ld, b->x.row + first, b->x.ld, globals, NULL};
        int16_t *out[1] = {b->global[0] + first * width};
        if (globals)
            tern_linear_run(&b->run, TERN_STAGE_qkv, query, out, 1, width, &rows);
    }
}

/* x -> what a layer's attention reads, but for what its global tokens have of their own. */
void tern_bert_project(struct tern_bert *b, struct tern_rows_job *rows, int i)
{
    const struct tern_linear *const matrix = b->weights->layers[i].matrix;
    const int attention = tern_attention_width(&b->config->layer[i]);
    const struct tern_linear *const qkv[3] = {&matrix[TERN_QUERY], &matrix[TERN_KEY], &matrix[TERN_VALUE]};
    int16_t *const out[3] = {b->query, b->key, b->value};
    tern_linear_run(&b->run, TERN_STAGE_qkv, qkv, out, 3, attention, &b->x); /* each [tokens, attention] */
    show_outputs(b, i, TERN_QUERY, out, 3, rows->tokens, attention);
    const struct tern_linear *const gate[1] = {&matrix[TERN_ATTN_GATE]};
    if (b->config->layer[i].attn_gate)
        tern_linear_run(&b->run, TERN_STAGE_qkv, gate, &b->gates, 1, gate[0]->n, &b->x);
    if (b->config->layer[i].position == TERN_POSITION_ROTARY) {
        reads(rows, i, TERN_INPUT_QKV);
        tern_run_rows(rows->b, rows->tokens, turn_task, rows);
    }
}

/* A layer's steps that a row takes together with others: attention, convolutions, Fourier transforms. */
void tern_bert_mix(struct tern_bert *b, const tern_batch *batch, int i)
{
    const struct tern_layer_spec *spec = &b->config->layer[i];
    const struct tern_layer *layer = &b->weights->layers[i];
    b->x.m = batch->offsets[batch->n_texts];
    if (spec->mixer == TERN_MIXER_FOURIER)
        tern_fourier_run(b, batch, i);
    if (!spec->heads)
        return;
    if (spec->global)
        run_global(b, batch, i);
    if (spec->conv)
        tern_span_conv_run(b, batch, i);
    const struct tern_attended local = {b->query, b->key, b->value},
                               global = {b->global[0], b->global[1], b->global[2]};
    if (tern_is_linear(spec))
        tern_linear_attention_run(&b->attention, spec, layer, b->query, b->key, b->value, b->context, batch);
    else
        tern_attention_run(&b->attention, spec, layer, &local, &global, b->context, batch);
    if (spec->conv)
        tern_span_conv_join(b, batch, i);
    else if (spec->value_conv)
        tern_value_conv_join(b, batch, i);
}

/* context, or x where a convolution has joined it -> sum */
static void leave_attention(struct tern_bert *b, struct tern_rows_job *rows, int i)
{
    const struct tern_layer_spec *spec = &b->config->layer[i];
    const struct tern_layer *layer = &b->weights->layers[i];
    rows->from = b->context;
    rows->width = tern_attention_width(spec);
    rows->sub_norm = spec->sub_norm ? &layer->norm[TERN_ATTN_SUB_NORM] : NULL;
    rows->head_gate = spec->attn_gate ? &layer->gate : NULL;
    reads(rows, i, TERN_INPUT_ATTN_OUT);
    if (!spec->conv && !spec->value_conv)
        tern_run_rows(rows->b, rows->tokens, quantize_task, rows); /* x: [tokens, attention] */
    rows->head_gate = NULL;
    add(b, TERN_STAGE_attn_out, &layer->matrix[TERN_ATTN_OUT], &b->x);
    show_sums(b, i, TERN_ATTN_OUT, rows->tokens);
}

/* ffn_down, or the first of two that stand for it, reads `used` of `wide` inputs. Repeated columns lie behind all of
   these; where there are any, zeros are multiplied. */
static void use_first(struct tern_linear *down, struct tern_linear *inner, int used, int wide)
{
    if (!down->inner) {
        down->used = down->k == wide ? used : 0;
        return;
    }
    *inner = *down->inner;
    inner->used = inner->k == wide ? used : 0;
    down->inner = inner;
}

/* x -> sum */
static void feed(struct tern_bert *b, struct tern_rows_job *rows, int i)
{
    const struct tern_layer *layer = &b->weights->layers[i];
    const struct tern_linear *const matrix = layer->matrix;
    const int wide = b->config->layer[i].intermediate;
    rows->gated = b->config->layer[i].gate != TERN_GATE_NONE;
    /* Without a gate the first is all there is. */
    const struct tern_linear *up[2] = {&matrix[rows->gated ? TERN_FFN_GATE : TERN_FFN_UP], &matrix[TERN_FFN_UP]};
    int16_t *const out[2] = {b->wide, b->gate}; /* each [tokens, intermediate] */
    struct tern_linear narrow[2], inner;
    for (int k = 0; b->ffn_width && k < 2; k++) {
        narrow[k] = *up[k];
        narrow[k].n = b->ffn_width;
        up[k] = &narrow[k];
    }
    tern_linear_run(&b->run, TERN_STAGE_ffn_up, up, out, rows->gated ? 2 : 1, wide, &b->x);
    show_outputs(b, i, TERN_FFN_UP, &out[rows->gated], 1, rows->tokens, wide);
    if (rows->gated)
        show_outputs(b, i, TERN_FFN_GATE, out, 1, rows->tokens, wide);
    rows->act = &layer->act;
    rows->sub_norm = b->config->layer[i].sub_norm ? &layer->norm[TERN_FFN_SUB_NORM] : NULL;
    rows->width = wide;
    reads(rows, i, TERN_INPUT_FFN_DOWN);
    tern_run_rows(rows->b, rows->tokens, activation_task, rows); /* wide_q: [tokens, intermediate] */
    const struct tern_rows activated = {b->wide_q, b->wide_row, b->wide_ld, rows->tokens, NULL};
    struct tern_linear down = matrix[TERN_FFN_DOWN];
    if (b->ffn_width)
        use_first(&down, &inner, b->ffn_width, wide);
    add(b, TERN_STAGE_ffn_down, &down, &activated);
    show_sums(b, i, TERN_FFN_DOWN, rows->tokens);
}

void tern_bert_begin(struct tern_bert *b, struct tern_rows_job *rows, int layer)
{
    (void)layer;
    begin(b, rows);
    if (b->stream && !b->config->layer[0].skip_norm)
        normalise(rows, norm_before(b, 0), NULL, 0, tern_first_input(b->config, 0));
}

void tern_bert_layer(struct tern_bert *b, struct tern_rows_job *rows, int i)
{
    const struct tern_layer *layer = &b->weights->layers[i];
    const int pre = b->stream != NULL, last = b->config->layers - 1;
    if (b->config->layer[i].heads) {
        leave_attention(b, rows, i);
        normalise(rows, &layer->norm[pre ? TERN_FFN_NORM : TERN_ATTN_NORM], &layer->matrix[TERN_ATTN_OUT], i,
                  TERN_INPUT_FFN_UP);
    }
    feed(b, rows, i);
    normalise(rows,
              !pre       ? &layer->norm[TERN_FFN_NORM]
              : i < last ? norm_before(b, i + 1)
                         : &b->weights->final_norm,
              &layer->matrix[TERN_FFN_DOWN], i + 1, tern_first_input(b->config, i + 1)); /* y, x: [tokens, hidden] */
}
