/* The encoder's forward pass in integers, from token ids to the last layer's states. A session calls it. Which rows go
   through which steps together, and on which thread. */
#include "models/bert_steps.h"

#include "models/bert_scaled.h"
#include "models/row_blocks.h"
#include "models/seen.h"

#include <string.h>

enum { ALL_THREADS = -1 };

/* b, with the rows of a part in place of all. What a mixing reads or gives lies where all rows have it, everything else
   where the part before had it. */
static struct tern_bert part_of(const struct tern_bert *b, int layer, ptrdiff_t first, int rows)
{
    const struct tern_config *const c = b->config;
    const ptrdiff_t h = c->hidden, a = layer < 0 ? 0 : tern_attention_width(&c->layer[layer]);
    struct tern_bert part = *b;
    part.y += first * h;
    part.stream = b->stream ? b->stream + first * h : NULL;
    part.x_q += first * b->x.ld;
    part.x_row += first;
    part.x.q = part.x_q;
    part.x.row = part.x_row;
    part.x.m = rows;
    part.gates = b->gates && layer >= 0 ? b->gates + first * c->layer[layer].heads : NULL;
    part.query += first * a;
    part.key += first * a;
    part.value += first * a;
    part.context += first * a;
    return part;
}

/* Rows of each part but the last. */
static int each_part(const struct tern_bert *b, const tern_batch *batch)
{
    const int tokens = batch->offsets[batch->n_texts], parts = tern_quotient_up(tokens, b->part_rows);
    return tern_round_up(tern_quotient_up(tokens, parts), TERN_PART_STEP);
}

/* Some of a layer's steps, of the embeddings' for -1, for some rows: on all threads, or on the one whose task this is.
 */
static void run_rows(const struct tern_bert *b, const tern_batch *batch, tern_steps_fn *steps, int layer,
                     struct tern_stretch s, int thread)
{
    struct tern_bert part = part_of(b, layer, s.first, s.last - s.first);
    struct tern_rows_job job = {.b = &part, .batch = batch, .first = s.first, .tokens = part.x.m};
    if (thread != ALL_THREADS)
        tern_bert_take_own(&part, thread);
    steps(&part, &job, layer);
}

/* The part from `first` on; nothing behind the last row. */
static void run_part(const struct tern_bert *b, const tern_batch *batch, tern_steps_fn *steps, int layer, int first)
{
    const int tokens = batch->offsets[batch->n_texts], each = each_part(b, batch);
    if (first < tokens)
        run_rows(b, batch, steps, layer, (struct tern_stretch){first, tokens - first < each ? tokens : first + each},
                 ALL_THREADS);
}

/* Whether layer i may leave out all rows but the first one of each text. */
static int leaves_out(const struct tern_bert *b, int i)
{
    const struct tern_layer_spec *const layer = &b->config->layer[i];
    return b->first_only && i == b->config->layers - 1 && !b->observer.input && layer->heads && !layer->conv &&
           !layer->value_conv;
}

/* Whether the rows of a part see no more, in layer i, than the parts on either side. */
static int sees_near(const struct tern_bert *b, const tern_batch *batch, int i)
{
    const struct tern_layer_spec *const layer = &b->config->layer[i];
    return !leaves_out(b, i) && layer->heads && !layer->conv && !layer->value_conv &&
           tern_attention_in_windows(layer) && layer->after + TERN_ATTENTION_ROWS <= each_part(b, batch);
}

/* Whether layer i finds its queries, keys and values made. */
static int is_projected(const struct tern_bert *b, const tern_batch *batch, int i)
{
    return i < b->config->layers && b->config->layer[i].heads && !sees_near(b, batch, i);
}

/* A layer whose tokens see only those near them: its queries, keys and values, too, are read while they are still in a
   cache. */
static void run_windows(struct tern_bert *b, const tern_batch *batch, int i)
{
    const int tokens = batch->offsets[batch->n_texts], each = each_part(b, batch);
    const struct tern_attended local = {b->query, b->key, b->value};
    run_part(b, batch, tern_bert_project, i, 0);
    for (int first = 0; first < tokens; first += each) {
        const int last = tokens - first < each ? tokens : first + each;
        run_part(b, batch, tern_bert_project, i, last);
        tern_attention_run_windows(&b->attention, &b->config->layer[i], &b->weights->layers[i], &local, b->context,
                                   batch, first, last);
        run_part(b, batch, tern_bert_layer, i, first);
    }
    /* Not before all rows have seen the keys and values whose place the next layer's take. */
    for (int first = 0; is_projected(b, batch, i + 1) && first < tokens; first += each)
        run_part(b, batch, tern_bert_project, i + 1, first);
}

/* All that lies between two mixings: layer i's steps behind its own, or the embeddings for -1, and what the next
   layer's reads, but where that layer makes it itself. */
static void run_between(const struct tern_bert *b, const tern_batch *batch, int i, struct tern_stretch s, int thread)
{
    run_rows(b, batch, i < 0 ? tern_bert_begin : tern_bert_layer, i, s, thread);
    if (is_projected(b, batch, i + 1))
        run_rows(b, batch, tern_bert_project, i + 1, s, thread);
}

struct shares {
    const struct tern_bert *b;
    const tern_batch *batch;
    int layer, each;
};

static void share_task(void *context, int task, int thread)
{
    const struct shares *j = context;
    const int tokens = j->batch->offsets[j->batch->n_texts], first = task * j->each;
    run_between(j->b, j->batch, j->layer,
                (struct tern_stretch){first, tokens - first < j->each ? tokens : first + j->each}, thread);
}

/* Shares need one hand-over for all steps between two mixings, and rows stay in the caches of one CPU; parts share
   every step's tasks, so that CPUs of any speed end together. */
static void run_parts(const struct tern_bert *b, const tern_batch *batch, int i)
{
    const int tokens = batch->offsets[batch->n_texts], threads = b->share_rows ? tern_pool_shares(b->run.pool) : 0;
    if (threads) {
        const int rounds = tern_quotient_up(tokens, threads * b->share_rows);
        struct shares j = {b, batch, i, tern_quotient_up(tokens, rounds * threads)};
        tern_pool_run(b->run.pool, share_task, &j, tern_quotient_up(tokens, j.each));
        return;
    }
    const int each = each_part(b, batch);
    for (int first = 0; first < tokens; first += each)
        run_between(b, batch, i, (struct tern_stretch){first, tokens - first < each ? tokens : first + each},
                    ALL_THREADS);
}

/* The first rows of all texts, which lie where the texts begin, to rows 0, 1, ..., or back from there. */
static void move_firsts(void *rows, size_t bytes, const tern_batch *batch, int back)
{
    for (int k = 0; rows && k < batch->n_texts; k++) {
        const int text = back ? batch->n_texts - 1 - k : k;
        uint8_t *const close = (uint8_t *)rows + (size_t)text * bytes, *const apart =
                                                                           (uint8_t *)rows +
                                                                           (size_t)batch->offsets[text] * bytes;
        memmove(back ? apart : close, back ? close : apart, bytes);
    }
}

/* The last layer behind its keys and values: contexts, and all else, of the texts' first tokens. */
static void run_firsts(struct tern_bert *b, const tern_batch *batch, int i)
{
    const struct tern_layer_spec *spec = &b->config->layer[i];
    const size_t h = (size_t)b->config->hidden, a = (size_t)tern_attention_width(spec);
    b->attention.first_only = 1;
    tern_bert_mix(b, batch, i);
    b->attention.first_only = 0;
    move_firsts(b->context, a * sizeof *b->context, batch, 0);
    move_firsts(b->y, h * sizeof *b->y, batch, 0);
    move_firsts(b->stream, h * sizeof *b->stream, batch, 0);
    move_firsts(b->gates, (size_t)spec->heads * sizeof *b->gates, batch, 0);
    for (int first = 0, rows; first < batch->n_texts; first += rows) {
        rows = batch->n_texts - first < b->part_rows ? batch->n_texts - first : b->part_rows;
        struct tern_bert part = part_of(b, i, first, rows);
        struct tern_rows_job job = {.b = &part, .batch = batch, .first = first, .tokens = rows};
        tern_bert_layer(&part, &job, i);
    }
    move_firsts(b->y, h * sizeof *b->y, batch, 1);
    move_firsts(b->x_q, (size_t)b->x.ld, batch, 1);
    move_firsts(b->x_row, sizeof *b->x_row, batch, 1);
}

void tern_bert_forward(struct tern_bert *b, const tern_batch *batch)
{
    if (tern_config_is_scaled(b->config)) {
        tern_bert_scaled_forward(b, batch);
        return;
    }
    run_parts(b, batch, -1);
    for (int i = 0; i < b->config->layers; i++) {
        if (sees_near(b, batch, i)) {
            run_windows(b, batch, i);
        } else if (leaves_out(b, i)) {
            run_firsts(b, batch, i);
        } else {
            tern_bert_mix(b, batch, i);
            run_parts(b, batch, i);
        }
    }
    b->x.m = batch->offsets[batch->n_texts];
}
