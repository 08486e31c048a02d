/* FNet's mixing in integers. With C - i S the transform of each token's columns, which a matrix of cosines and sines
   makes, the real part of the tokens' is the sum over s of cos(2 pi t s / n) C[s] - sin(2 pi t s / n) S[s]. C and S
   become int8 with a scale for each 16 columns of a text, cosines and sines are int8 from a stored wave, and sums are
   exact. LayerNorm forgets a row's scale, so that each row keeps the bits that its largest sum leaves. */
#include "models/fourier.h"

#include "models/row_blocks.h"

#include <string.h>

enum { ROWS = 32, QUARTER = TERN_WAVE / 4 };
/* 2 * 16642 products of 127 * 127 are below 2^30. */
_Static_assert(2 * (int64_t)TERN_MAX_POSITIONS * 127 * 127 < 1 << 30, "sums of a transform");

static int groups_of(const struct tern_bert *b)
{
    return tern_panels(b->config->hidden);
}

/* Steps of four of a text's cosines, and as many of its sines. */
static int steps_of(int tokens)
{
    return tern_k4(tokens);
}

void tern_fourier_plan(struct tern_bert *b, struct tern_arena *arena)
{
    const size_t tokens = (size_t)b->max_tokens, h = (size_t)b->config->hidden, groups = (size_t)groups_of(b),
                 threads = (size_t)tern_pool_threads(b->run.pool), k4 = (size_t)steps_of(b->longest);
    struct tern_bert_fourier *f = &b->fourier;
    f->column = tern_arena_take(arena, tokens, 2 * h * sizeof *f->column);
    f->panels = tern_arena_take(arena, 2 * k4, groups * TERN_LINE);
    f->amax = tern_arena_take(arena, groups, sizeof *f->amax);
    f->turn = tern_arena_take(arena, 2, (size_t)b->longest);
    f->wave = tern_arena_take(arena, threads, ROWS * 2 * k4 * TERN_PANEL_K);
    f->acc = tern_arena_take(arena, threads, ROWS * groups * TERN_PANEL * sizeof *f->acc);
    f->sum = tern_arena_take(arena, threads, h * sizeof *f->sum);
    f->n16 = tern_arena_take(arena, threads, h * sizeof *f->n16);
}

struct job {
    struct tern_bert *b;
    const tern_batch *batch;
    int layer, text, first, tokens;
};

/* y -> x in int8, of some rows */
static void rows_task(void *context, int task, int thread)
{
    struct job *j = context;
    struct tern_bert *b = j->b;
    const int h = b->config->hidden;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++)
        b->run.ops->quantize(b->y + (ptrdiff_t)i * h, b->x_q + i * b->x.ld, &b->x_row[i], h);
    tern_charge_rows(b, j->tokens, task, thread, TERN_STAGE_quantize, time, 3 * h);
}

/* Sixteen columns of C and of S of a text, packed one behind the other. */
static void pack_task(void *context, int group, int thread)
{
    struct job *j = context;
    struct tern_bert *b = j->b;
    const int h = b->config->hidden, k4 = steps_of(j->tokens), column = group * TERN_PANEL,
              n = h - column < TERN_PANEL ? h - column : TERN_PANEL;
    const int16_t *const c = b->fourier.column + (ptrdiff_t)j->first * 2 * h + column, *const s = c + h;
    const int64_t time = tern_profile_start(b->run.profile);
    const int32_t of_c = b->run.ops->amax(c, 2 * h, j->tokens, n), of_s = b->run.ops->amax(s, 2 * h, j->tokens, n),
                  amax = of_c > of_s ? of_c : of_s;
    int8_t *const panel = b->fourier.panels + (ptrdiff_t)group * 2 * k4 * TERN_LINE;
    b->fourier.amax[group] = amax;
    b->run.ops->pack_v(c, 2 * h, tern_s8_scale_of(amax), panel, j->tokens, n);
    b->run.ops->pack_v(s, 2 * h, tern_s8_scale_of(amax), panel + (ptrdiff_t)k4 * TERN_LINE, j->tokens, n);
    tern_profile_charge(b->run.profile, thread, TERN_STAGE_pack, time, 0, (int64_t)j->tokens * 6 * n);
}

/* turn[2][n]: the cosines of 2 pi i / n, then the negative sines. */
static void fill_turn(const int8_t *wave, int8_t *turn, int n)
{
    for (int i = 0; i < n; i++) {
        const int at = (int)(((int64_t)i * TERN_WAVE + n / 2) / n);
        turn[i] = wave[at % TERN_WAVE];
        turn[n + i] = wave[(at + QUARTER) % TERN_WAVE];
    }
}

/* row[2 k4 * 4]: cosines of 2 pi t s / n, then the negative sines, s < n; t < n. */
static void fill_wave(const int8_t *turn, int8_t *row, int t, int n)
{
    const int padded = steps_of(n) * TERN_PANEL_K;
    memset(row + n, 0, (size_t)(padded - n));
    memset(row + padded + n, 0, (size_t)(padded - n));
    for (int s = 0, at = 0; s < n; s++) { /* at: t s modulo n */
        row[s] = turn[at];
        row[padded + s] = turn[n + at];
        at += t;
        at -= at < n ? 0 : n;
    }
}

static void mix_task(void *context, int task, int thread)
{
    struct job *j = context;
    struct tern_bert *b = j->b;
    const struct tern_norm *norm = &b->weights->layers[j->layer].norm[TERN_ATTN_NORM];
    const struct tern_ahead none = {NULL, 0};
    const int h = b->config->hidden, groups = groups_of(b), k4 = 2 * steps_of(j->tokens), from = task * ROWS,
              rows = j->tokens - from < ROWS ? j->tokens - from : ROWS;
    int8_t *const wave = b->fourier.wave + (ptrdiff_t)thread * ROWS * 2 * steps_of(b->longest) * TERN_PANEL_K;
    int32_t *const acc = b->fourier.acc + (ptrdiff_t)thread * ROWS * groups * TERN_PANEL;
    int16_t *const n16 = b->fourier.n16 + (ptrdiff_t)thread * h;
    int64_t time = tern_profile_start(b->run.profile);
    for (int i = 0; i < rows; i++)
        fill_wave(b->fourier.turn, wave + (ptrdiff_t)i * k4 * TERN_PANEL_K, from + i, j->tokens);
    b->run.ops->gemm_s8(wave, k4 * TERN_PANEL_K, b->fourier.panels, acc, groups * TERN_PANEL, rows, groups, k4, none);
    time = tern_profile_charge(b->run.profile, thread, TERN_STAGE_values, time, (int64_t)rows * h * 2 * j->tokens,
                               (int64_t)(h + rows) * 2 * j->tokens);
    for (int i = 0; i < rows; i++) {
        const ptrdiff_t row = j->first + from + i;
        int16_t *const y = b->y + row * h;
        int32_t *const sum = b->fourier.sum + (ptrdiff_t)thread * h;
        /* sums are in units of y's unit over the stored ratio */
        const int shift = b->run.ops->mix(acc + (ptrdiff_t)i * groups * TERN_PANEL, b->fourier.amax, y,
                                          b->weights->fourier_ratio, sum, h);
        b->run.ops->layernorm(sum, h, norm->gamma, norm->beta, 2 * shift > 63 ? 0 : norm->eps >> (2 * shift), 0, y, n16,
                              h, 1, h);
        tern_bert_quantize(b, j->layer, TERN_INPUT_FFN_UP, norm->affine ? y : n16, b->x_q + row * b->x.ld,
                           &b->x_row[row], h);
    }
    tern_profile_charge(b->run.profile, thread, TERN_STAGE_layernorm, time, 0, (int64_t)rows * 20 * h);
}

void tern_fourier_run(struct tern_bert *b, const tern_batch *batch, int layer)
{
    const struct tern_linear *const matrix[1] = {&b->weights->fourier};
    struct job j = {.b = b, .batch = batch, .layer = layer, .tokens = batch->offsets[batch->n_texts]};
    tern_run_rows(b, j.tokens, rows_task, &j);
    tern_linear_run(&b->run, TERN_STAGE_qkv, matrix, &b->fourier.column, 1, 2 * b->config->hidden, &b->x);
    for (j.text = 0; j.text < batch->n_texts; j.text++) {
        j.first = batch->offsets[j.text];
        j.tokens = batch->offsets[j.text + 1] - j.first;
        fill_turn(b->weights->fourier_wave, b->fourier.turn, j.tokens);
        tern_pool_run(b->run.pool, pack_task, &j, groups_of(b));
        tern_pool_run(b->run.pool, mix_task, &j, (j.tokens + ROWS - 1) / ROWS);
    }
}
