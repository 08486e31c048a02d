/* The buffers of a forward pass in integers, and how many rows go through it together. */
#include "models/bert.h"

#include "models/bert_scaled.h"
#include "models/fourier.h"
#include "models/linear_attention.h"
#include "models/row_blocks.h"
#include "models/span_conv.h"

#include <string.h>

enum { LINE = 64, PART_ROWS = 256 };

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
            any |= b->weights->layers[i].matrix[j].codes.line != NULL ||
                   (b->weights->layers[i].matrix[j].inner && b->weights->layers[i].matrix[j].inner->codes.line != NULL);
    return any;
}

/* The widest rows that go into FFN_DOWN, or into any other matrix. */
static int widest_rows(const struct tern_bert *b, int ffn_down)
{
    const int h = b->config->hidden, e = tern_embedding_size(b->config), three = 3 * b->config->trigram;
    int widest = ffn_down ? 0 : e > h ? e : h > three ? h : three;
    for (int i = 0; i < b->config->layers; i++)
        for (int j = 0; j < TERN_N_MATRICES; j++) {
            const struct tern_linear *const w = &b->weights->layers[i].matrix[j];
            const int k = w->inner ? w->inner->k : w->k;
            if ((j == TERN_FFN_DOWN) == ffn_down && k > widest)
                widest = k;
        }
    return widest;
}

/* Rows of buffers that are the run's own, or each share's. */
static size_t own_rows(const struct tern_bert *b, size_t rows, size_t threads)
{
    const size_t shares = threads * (size_t)b->share_rows;
    return rows > shares ? rows : shares;
}

/* What the matrices' products need: int8 rows' widths, packed rows, unpacked panels, look-up tables, and what a pair's
   first matrix gives. */
static void plan_products(struct tern_bert *b, struct tern_arena *arena, size_t tokens, size_t threads)
{
    const size_t rows = own_rows(b, tokens, threads);
    b->run.scale = tern_arena_take(arena, rows, 3 * sizeof *b->run.scale);
    b->run.tile = tern_arena_take(arena, threads, TERN_TILE * sizeof *b->run.tile);

    b->x.ld = tern_round_up(widest_rows(b, 0), LINE);
    b->wide_ld = tern_round_up(widest_rows(b, 1), LINE);
    const ptrdiff_t widest = b->x.ld > b->wide_ld ? b->x.ld : b->wide_ld, behind = tern_most_rank(b->config);
    const int deepest = tern_k4((int)(widest > behind ? widest : behind)), sparse = has_sparse(b), codes = has_codes(b);
    if (sparse) {
        b->run.packed_bytes = tern_spmm_scratch(TERN_TILE_ROWS, deepest);
        const size_t tiles = (tokens + TERN_TILE_ROWS - 1) / TERN_TILE_ROWS + (b->share_rows ? threads : 0);
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
        const size_t tables = b->share_rows ? threads : 1;
        b->run.table_blocks = TERN_LUT_ROWS * (ptrdiff_t)tern_blocks(deepest);
        b->run.table = tern_arena_take(arena, tables, TERN_LUT_BLOCK * (size_t)b->run.table_blocks);
        b->run.table_sum = tern_arena_take(arena, tables, (size_t)b->run.table_blocks * sizeof *b->run.table_sum);
    }
    const size_t between = (size_t)behind;
    b->run.between_ld = tern_round_up((int)between, LINE);
    if (between) {
        b->run.between = tern_arena_take(arena, rows, between * sizeof *b->run.between);
        b->run.between_q = tern_arena_take(arena, rows, (size_t)b->run.between_ld);
        b->run.between_row = tern_arena_take(arena, rows, sizeof *b->run.between_row);
    }
}

/* Between the norms. Where all rows are one part, and go through it together, they are done with queries, keys, values
   and contexts when the feed-forward layer begins. */
static void plan_between(struct tern_bert *b, struct tern_arena *arena, size_t tokens, size_t a, size_t wide)
{
    const size_t part = own_rows(b, (size_t)b->part_rows, (size_t)tern_pool_threads(b->run.pool)),
                 rows = tern_config_has_global(b->config) ? 7 : 4;
    const int together = part == tokens && !b->share_rows;
    const size_t shared = together && wide > rows * a ? wide : rows * a;
    b->query = tern_arena_take(arena, tokens, shared * sizeof *b->query);
    b->key = b->query ? b->query + tokens * a : NULL;
    b->value = b->query ? b->key + tokens * a : NULL;
    b->context = b->query ? b->value + tokens * a : NULL;
    for (size_t i = 0; i < rows - 4; i++)
        b->global[i] = b->query ? b->context + (1 + i) * tokens * a : NULL;
    b->wide = together ? b->query : tern_arena_take(arena, part, wide * sizeof *b->wide);
    if (tern_config_has_gate(b->config))
        b->gate = tern_arena_take(arena, part, wide * sizeof *b->gate);
    b->wide_q = tern_arena_take(arena, part, (size_t)b->wide_ld);
    b->wide_row = tern_arena_take(arena, part, sizeof *b->wide_row);
}

/* As many rows as share a part (models/bert_forward.c): so few that what a thread writes of one stays near a
   second-level cache of 1 MiB. Weights that are unpacked first are so for all rows at once. */
static int part_rows(const struct tern_bert *b, size_t threads)
{
    const int64_t rows = (int64_t)threads * PART_ROWS;
    return tern_config_is_scaled(b->config) || has_codes(b) || has_sparse(b) || rows > b->max_tokens ? b->max_tokens
                                                                                                     : (int)rows;
}

/* Rows of a share at most. None: a single thread has none, and neither have models whose rows' exponents or gates of
   heads the layers lay out in ways of their own. */
static int share_rows(const struct tern_bert *b, int threads)
{
    return threads < 2 || tern_config_is_scaled(b->config) ||
                   tern_largest_number(b->config, offsetof(struct tern_layer_spec, attn_gate))
               ? 0
               : tern_quotient_up(b->part_rows, threads);
}

void tern_bert_plan(struct tern_bert *b, struct tern_arena *arena)
{
    const size_t tokens = (size_t)b->max_tokens, e = (size_t)tern_embedding_size(b->config),
                 h = e > (size_t)b->config->hidden ? e : (size_t)b->config->hidden,
                 wide = (size_t)tern_largest_number(b->config, offsetof(struct tern_layer_spec, intermediate)),
                 a = (size_t)tern_widest_attention(b->config);
    const size_t threads = (size_t)tern_pool_threads(b->run.pool);
    b->part_rows = part_rows(b, threads);
    b->most_heads = tern_largest_number(b->config, offsetof(struct tern_layer_spec, heads));
    b->share_rows = share_rows(b, (int)threads);
    const size_t part = own_rows(b, (size_t)b->part_rows, threads);
    b->sum_width = (ptrdiff_t)h;
    b->wide_width = (ptrdiff_t)wide;
    plan_products(b, arena, tokens, threads);

    if (tern_largest_number(b->config, offsetof(struct tern_layer_spec, sub_norm))) {
        b->sub_width = (ptrdiff_t)(a > wide ? a : wide);
        b->sub_sum = tern_arena_take(arena, threads, (size_t)b->sub_width * sizeof *b->sub_sum);
        b->sub_n16 = tern_arena_take(arena, threads, (size_t)b->sub_width * sizeof *b->sub_n16);
    }
    if (tern_largest_number(b->config, offsetof(struct tern_layer_spec, attn_gate)))
        b->gates = tern_arena_take(arena, tokens, (size_t)b->most_heads * sizeof *b->gates);
    b->y = tern_arena_take(arena, tokens, h * sizeof *b->y);
    b->x_q = tern_arena_take(arena, tokens, (size_t)b->x.ld);
    b->x_row = tern_arena_take(arena, tokens, sizeof *b->x_row);
    b->x.q = b->x_q;
    b->x.row = b->x_row;
    b->sum = tern_arena_take(arena, part, h * sizeof *b->sum);
    b->n16 = tern_arena_take(arena, threads, 2 * TERN_ROW_BLOCK * h * sizeof *b->n16);
    if (tern_config_is_pre_norm(b->config)) {
        b->stream = tern_arena_take(arena, tokens, h * sizeof *b->stream);
        int16_t *zero = tern_arena_take(arena, h, sizeof *zero);
        if (zero)
            memset(zero, 0, h * sizeof *zero);
        b->zero = zero;
    }

    if (!b->weights->word.q) {
        b->word_bytes = (b->weights->word.steps + TERN_BLOCK_STEPS) * TERN_LINE;
        b->word = tern_arena_take(arena, threads, (size_t)b->word_bytes);
    }
    plan_between(b, arena, tokens, a, wide);

    b->attention.ops = b->run.ops;
    b->attention.pool = b->run.pool;
    b->attention.config = b->config;
    b->attention.table = b->weights->table;
    tern_attention_plan(&b->attention, arena, b->config, b->longest);
    if (tern_config_has_linear(b->config))
        tern_linear_attention_plan(&b->attention, arena, b->config, b->longest);
    if (tern_config_is_scaled(b->config))
        tern_bert_scaled_plan(b, arena);
    if (tern_largest_number(b->config, offsetof(struct tern_layer_spec, conv)) ||
        tern_largest_number(b->config, offsetof(struct tern_layer_spec, value_conv)))
        tern_span_conv_plan(b, arena);
    if (tern_config_is_fourier(b->config))
        tern_fourier_plan(b, arena);
}

void tern_bert_take_own(struct tern_bert *part, int thread)
{
    const ptrdiff_t first = (ptrdiff_t)thread * part->share_rows;
    struct tern_runner *const run = &part->run;
    part->sum += first * part->sum_width;
    part->wide += first * part->wide_width;
    part->gate = part->gate ? part->gate + first * part->wide_width : NULL;
    part->wide_q += first * part->wide_ld;
    part->wide_row += first;
    run->pool = tern_pool_alone(run->pool, thread);
    run->scale += 3 * first;
    if (run->packed)
        run->packed += thread * ((part->share_rows + TERN_TILE_ROWS - 1) / TERN_TILE_ROWS) * run->packed_bytes;
    if (run->table) {
        run->table += thread * run->table_blocks * TERN_LUT_BLOCK;
        run->table_sum += thread * run->table_blocks;
    }
    if (run->between) {
        run->between += first * tern_most_rank(part->config);
        run->between_q += first * run->between_ld;
        run->between_row += first;
    }
}
