/* The encoder's forward pass in integers, from token ids to the last layer's states. A session calls it. */
#include "models/bert.h"

/* Rows that one task of a row-wise op takes: enough to hide the cost of handing a task out. */
enum { ROW_BLOCK = 8, LINE = 64 };

static int has_sparse(const struct tern_bert *b)
{
    int any = 0;
    for (int i = 0; i < b->config->layers; i++)
        for (int j = 0; j < TERN_N_MATRICES; j++)
            any |= b->weights->layers[i].matrix[j].sparse.first != NULL;
    return any;
}

/* Whether any matrix has codes: each says so itself, the config's name for the weights is a label. */
static int has_codes(const struct tern_bert *b)
{
    int any = b->weights->pooler.codes.line != NULL;
    for (int i = 0; i < b->config->layers; i++)
        for (int j = 0; j < TERN_N_MATRICES; j++)
            any |= b->weights->layers[i].matrix[j].codes.line != NULL;
    return any;
}

void tern_bert_plan(struct tern_bert *b, struct tern_arena *arena)
{
    const size_t tokens = (size_t)b->max_tokens, h = (size_t)b->config->hidden,
                 wide = (size_t)tern_largest_number(b->config, offsetof(struct tern_layer_spec, intermediate)),
                 a = (size_t)tern_widest_attention(b->config);
    const size_t threads = (size_t)tern_pool_threads(b->run.pool);
    b->run.scale = tern_arena_take(arena, tokens, 3 * sizeof *b->run.scale);
    b->run.tile = tern_arena_take(arena, threads, TERN_TILE * sizeof *b->run.tile);

    const int deepest = tern_k4(tern_widest_input(b->config)), sparse = has_sparse(b), codes = has_codes(b);
    if (sparse) {
        b->run.packed_bytes = tern_spmm_scratch(TERN_TILE_ROWS, deepest);
        const size_t tiles = (tokens + TERN_TILE_ROWS - 1) / TERN_TILE_ROWS;
        b->run.packed = tern_arena_take(arena, tiles, (size_t)b->run.packed_bytes);
    }
    if (sparse || codes) {
        const size_t blocks = (size_t)tern_blocks(deepest);
        b->run.panels_bytes = (ptrdiff_t)(2 * TERN_PANEL * TERN_BLOCK_K * blocks);
        if (b->run.panels_bytes < TERN_UNPACKED_BYTES)
            b->run.panels_bytes = TERN_UNPACKED_BYTES;
        b->run.panels = tern_arena_take(arena, threads, (size_t)b->run.panels_bytes);
    }
    if (codes) {
        const size_t blocks = (size_t)tern_blocks(deepest);
        b->run.table = tern_arena_take(arena, TERN_LUT_ROWS, TERN_LUT_BLOCK * blocks);
        b->run.table_sum = tern_arena_take(arena, TERN_LUT_ROWS, blocks * sizeof *b->run.table_sum);
    }

    b->y = tern_arena_take(arena, tokens, h * sizeof *b->y);
    b->x.ld = tern_round_up((int)(h > a ? h : a), LINE);
    b->x_q = tern_arena_take(arena, tokens, (size_t)b->x.ld);
    b->x_row = tern_arena_take(arena, tokens, sizeof *b->x_row);
    b->x.q = b->x_q;
    b->x.row = b->x_row;
    b->sum = tern_arena_take(arena, tokens, h * sizeof *b->sum);

    if (!b->weights->word.q) {
        b->word_bytes = (b->weights->word.steps + TERN_BLOCK_STEPS) * TERN_LINE;
        b->word = tern_arena_take(arena, threads, (size_t)b->word_bytes);
    }
    const size_t shared = 4 * a > wide ? 4 * a : wide;
    b->wide = tern_arena_take(arena, tokens, shared * sizeof *b->wide);
    b->query = b->wide;
    b->key = b->wide ? b->query + tokens * a : NULL;
    b->value = b->wide ? b->key + tokens * a : NULL;
    b->context = b->wide ? b->value + tokens * a : NULL;
    b->wide_q = tern_arena_take(arena, tokens, (size_t)tern_round_up((int)wide, LINE));
    b->wide_row = tern_arena_take(arena, tokens, sizeof *b->wide_row);

    b->attention.ops = b->run.ops;
    b->attention.pool = b->run.pool;
    tern_attention_plan(&b->attention, arena, b->config, b->longest);
}

/* ---- Row-wise steps: tasks of ROW_BLOCK tokens ------------------------------------------------------------------ */

struct rows_job {
    struct tern_bert *b;
    const tern_batch *batch;
    const struct tern_norm *norm;
    const struct tern_poly *act;
    int tokens, width; /* columns of the rows that a context or activation task reads */
};

static int last_row(const struct rows_job *j, int task)
{
    int last = (task + 1) * ROW_BLOCK;
    return last < j->tokens ? last : j->tokens;
}

static void run_rows(struct rows_job *j, void (*task)(void *, int, int))
{
    tern_pool_run(j->b->run.pool, task, j, (j->tokens + ROW_BLOCK - 1) / ROW_BLOCK);
}

static void charge_rows(const struct rows_job *j, int task, int thread, enum tern_stage stage, int64_t time,
                        int bytes_per_row)
{
    const int64_t rows = last_row(j, task) - task * ROW_BLOCK;
    tern_profile_charge(j->b->run.profile, thread, stage, time, 0, rows * bytes_per_row);
}

/* sum -> y, x */
static void norm_rows(struct tern_bert *b, const struct tern_norm *norm, int first, int last)
{
    const int h = b->config->hidden;
    b->run.ops->layernorm(b->sum + (ptrdiff_t)first * h, h, norm->gamma, norm->beta, norm->eps,
                          b->y + (ptrdiff_t)first * h, b->x_q + first * b->x.ld, b->x.ld, &b->x_row[first],
                          last - first, h);
    for (int i = first; norm->affine && i < last; i++)
        b->run.ops->quantize(b->y + (ptrdiff_t)i * h, b->x_q + i * b->x.ld, &b->x_row[i], h);
}

static void norm_task(void *context, int task, int thread)
{
    struct rows_job *j = context;
    const int64_t time = tern_profile_start(j->b->run.profile);
    norm_rows(j->b, j->norm, task * ROW_BLOCK, last_row(j, task));
    charge_rows(j, task, thread, TERN_STAGE_layernorm, time, 7 * j->b->config->hidden);
}

/* context (16 bits) -> x */
static void context_task(void *context, int task, int thread)
{
    struct rows_job *j = context;
    struct tern_bert *b = j->b;
    const int n = j->width;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * ROW_BLOCK; i < last_row(j, task); i++)
        b->run.ops->quantize(b->context + (ptrdiff_t)i * n, b->x_q + i * b->x.ld, &b->x_row[i], n);
    charge_rows(j, task, thread, TERN_STAGE_quantize, time, 3 * n);
}

/* wide -> activation -> wide_q */
static void activation_task(void *context, int task, int thread)
{
    struct rows_job *j = context;
    struct tern_bert *b = j->b;
    const int n = j->width, ld = tern_round_up(n, LINE);
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * ROW_BLOCK; i < last_row(j, task); i++) {
        int16_t *row = b->wide + (ptrdiff_t)i * n;
        b->run.ops->gelu(row, j->act, n);
        b->run.ops->quantize(row, b->wide_q + (ptrdiff_t)i * ld, &b->wide_row[i], n);
    }
    charge_rows(j, task, thread, TERN_STAGE_activation, time, 5 * n);
}

/* The text that holds token `i`: the last whose offset is not above i. */
static int text_of(const tern_batch *batch, int i)
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

/* A word's row, unpacked when it is stored as codes. */
static const int8_t *word_row(const struct tern_bert *b, int word, int thread)
{
    const struct tern_embedding *e = &b->weights->word;
    const int h = b->config->hidden;
    if (e->q)
        return e->q + (ptrdiff_t)word * h;
    const struct tern_row_place place = tern_row_place(e->codes.book, e->steps, word);
    struct tern_codes row = e->codes;
    row.line += place.line * TERN_LINE;
    int8_t *const unpacked = b->word + (ptrdiff_t)thread * b->word_bytes;
    b->run.ops->unpack(&row, unpacked, 1, place.before + e->steps);
    return unpacked + place.before * TERN_LINE;
}

/* word + (position and type) -> sum -> y, x */
static void embed_task(void *context, int task, int thread)
{
    struct rows_job *j = context;
    struct tern_bert *b = j->b;
    const struct tern_int8_weights *w = b->weights;
    const int32_t *types = b->config->token_types ? j->batch->types : NULL; /* a model without types ignores them */
    const ptrdiff_t h = b->config->hidden;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * ROW_BLOCK; i < last_row(j, task); i++) {
        const int word = j->batch->ids[i], type = types ? types[i] : 0;
        const int position = type * b->config->max_positions + i - j->batch->offsets[text_of(j->batch, i)];
        b->run.ops->embed(word_row(b, word, thread), w->position.q + position * h, w->word.mul[word],
                          w->position.mul[position], w->column, b->sum + i * h, (int)h);
    }
    norm_rows(b, &w->embed_norm, task * ROW_BLOCK, last_row(j, task));
    charge_rows(j, task, thread, TERN_STAGE_embed, time, (int)(13 * h));
}

/* ---- The forward pass -------------------------------------------------------------------------------------------- */

void tern_bert_forward(struct tern_bert *b, const tern_batch *batch)
{
    const int h = b->config->hidden, tokens = batch->offsets[batch->n_texts];
    struct rows_job rows = {.b = b, .batch = batch, .tokens = tokens};
    b->x.m = tokens;
    run_rows(&rows, embed_task); /* y, x: [tokens, hidden] */

    for (int i = 0; i < b->config->layers; i++) {
        const struct tern_layer *layer = &b->weights->layers[i];
        const struct tern_linear *const matrix = layer->matrix;
        const int attention = tern_attention_width(&b->config->layer[i]), wide = b->config->layer[i].intermediate;

        const struct tern_linear *const qkv[3] = {&matrix[TERN_QUERY], &matrix[TERN_KEY], &matrix[TERN_VALUE]};
        int16_t *const out[3] = {b->query, b->key, b->value};
        tern_linear_run(&b->run, TERN_STAGE_qkv, qkv, out, 3, attention, &b->x); /* each [tokens, attention] */
        tern_attention_run(&b->attention, &b->config->layer[i], layer->score, b->query, b->key, b->value, b->context,
                           batch);
        rows.width = attention;
        run_rows(&rows, context_task); /* x: [tokens, attention] */
        tern_linear_residual(&b->run, TERN_STAGE_attn_out, &matrix[TERN_ATTN_OUT], b->sum, b->y, h, &b->x); /* sum */
        rows.norm = &layer->norm[TERN_ATTN_NORM];
        run_rows(&rows, norm_task); /* y, x: [tokens, hidden] */

        const struct tern_linear *const up[1] = {&matrix[TERN_FFN_UP]};
        tern_linear_run(&b->run, TERN_STAGE_ffn_up, up, &b->wide, 1, wide, &b->x); /* wide: [tokens, intermediate] */
        rows.act = &layer->act;
        rows.width = wide;
        run_rows(&rows, activation_task); /* wide_q: [tokens, intermediate] */
        const struct tern_rows activated = {b->wide_q, b->wide_row, tern_round_up(wide, LINE), tokens};
        tern_linear_residual(&b->run, TERN_STAGE_ffn_down, &matrix[TERN_FFN_DOWN], b->sum, b->y, h, &activated);
        rows.norm = &layer->norm[TERN_FFN_NORM];
        run_rows(&rows, norm_task); /* y, x */
    }
}
