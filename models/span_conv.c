/* ConvBERT's span-based dynamic convolution (Jiang et al. 2020), in integers. Per token: a depthwise convolution over
   the tokens around it, whose outputs go through a matrix and are multiplied with its query; another matrix makes of
   that the logits of a kernel for each head; and this kernel's softmax weighs the rows of a third matrix. */
#include "models/span_conv.h"

#include "models/row_blocks.h"

#include <string.h>

enum { CODES = 8 }; /* of a softmax that are written at a time */

void tern_span_conv_plan(struct tern_bert *b, struct tern_arena *arena)
{
    const size_t tokens = (size_t)b->max_tokens, h = (size_t)b->config->hidden,
                 a = (size_t)tern_widest_attention(b->config), threads = (size_t)tern_pool_threads(b->run.pool);
    const size_t wide = 2 * a > h ? 2 * a : h;
    b->conv.key = tern_arena_take(arena, tokens, a * sizeof *b->conv.key);
    b->conv.out = tern_arena_take(arena, tokens, a * sizeof *b->conv.out);
    const int logits = tern_largest_number(b->config, offsetof(struct tern_layer_spec, conv)) *
                       tern_largest_number(b->config, offsetof(struct tern_layer_spec, heads));
    b->conv.logit = tern_arena_take(arena, tokens, (size_t)logits * sizeof *b->conv.logit);
    b->conv.acc_width = tern_round_up(logits, TERN_PANEL);
    b->conv.acc =
        tern_arena_take(arena, (size_t)tern_pool_threads(b->run.pool), (size_t)b->conv.acc_width * sizeof *b->conv.acc);
    b->conv.sum = tern_arena_take(arena, threads, wide * sizeof *b->conv.sum);
    b->conv.row = tern_arena_take(arena, threads, wide * sizeof *b->conv.row);
    b->conv.wide = (int)wide;
    b->conv.kernel_size =
        tern_largest_number(b->config, offsetof(struct tern_layer_spec, conv)) *
        tern_round_up(tern_largest_number(b->config, offsetof(struct tern_layer_spec, head_dim)), CODES);
    b->conv.kernel = tern_arena_take(arena, threads, (size_t)b->conv.kernel_size * sizeof *b->conv.kernel);
    b->conv.taps =
        tern_arena_take(arena, (size_t)tern_largest_number(b->config, offsetof(struct tern_layer_spec, value_conv)),
                        a * sizeof *b->conv.taps);
}

struct job {
    struct tern_bert *b;
    const tern_batch *batch;
    int tokens, layer;
};

/* The tokens of a text that a kernel around token i covers: first to last - 1, and which of the kernel's is the first.
 */
struct cover {
    int first, last, tap;
};

static struct cover cover_of(const struct job *j, int i)
{
    const struct tern_layer_spec *spec = &j->b->config->layer[j->layer];
    const int taps = spec->conv ? spec->conv : spec->value_conv, text = tern_text_of(j->batch, i);
    const int start = j->batch->offsets[text], end = j->batch->offsets[text + 1], from = i - taps / 2;
    struct cover c = {from > start ? from : start, from + taps < end ? from + taps : end, 0};
    c.tap = c.first - from;
    return c;
}

/* y -> x: the depthwise convolution, whose sums keep the 15 bits of their row's largest */
static void depth_task(void *context, int task, int thread)
{
    struct job *j = context;
    struct tern_bert *b = j->b;
    const int h = b->config->hidden;
    int32_t *const sum = b->conv.sum + (ptrdiff_t)thread * b->conv.wide;
    int16_t *const row = b->conv.row + (ptrdiff_t)thread * b->conv.wide;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++) {
        const struct cover c = cover_of(j, i);
        const int16_t *w = b->weights->layers[j->layer].conv_depth + (ptrdiff_t)c.tap * h;
        uint32_t most = 0;
        memset(sum, 0, (size_t)h * sizeof *sum);
        /* |w| * taps <= 32767, so that a sum stays below 2^30 */
        b->run.ops->taps(b->y + (ptrdiff_t)c.first * h, h, w, h, sum, c.last - c.first, h);
        for (int k = 0; k < h; k++)
            most |= (uint32_t)(sum[k] < 0 ? -sum[k] : sum[k]);
        const int shift = tern_gate_shift(most);
        for (int k = 0; k < h; k++)
            row[k] = (int16_t)tern_rshift(sum[k], shift);
        tern_bert_quantize(b, j->layer, TERN_INPUT_CONV_POINT, row, b->x_q + i * b->x.ld, &b->x_row[i], h);
        b->x_row[i].amax <<= shift;
    }
    tern_charge_rows(b, j->tokens, task, thread, TERN_STAGE_quantize, time, 20 * h);
}

/* key times query -> x */
static void product_task(void *context, int task, int thread)
{
    struct job *j = context;
    struct tern_bert *b = j->b;
    const int a = tern_attention_width(&b->config->layer[j->layer]);
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++) {
        int16_t *const row = b->conv.key + (ptrdiff_t)i * a;
        const int shift = b->run.ops->gate(row, b->query + (ptrdiff_t)i * a, a);
        tern_bert_quantize(b, j->layer, TERN_INPUT_CONV_KERNEL, row, b->x_q + i * b->x.ld, &b->x_row[i], a);
        b->x_row[i].amax <<= shift;
    }
    tern_charge_rows(b, j->tokens, task, thread, TERN_STAGE_quantize, time, 9 * a);
}

/* The most taps of which one int32 holds a sum: codes of up to 1016 times rows of `key`. */
enum { SUMMED = 64, SUMS = (TERN_MAX_CONV + SUMMED - 1) / SUMMED };
_Static_assert((int64_t)SUMMED *TERN_P_MAX * 32767 <= INT32_MAX && SUMS <= 2, "sums of a dynamic kernel");
_Static_assert(TERN_MAX_CONV *TERN_P_MAX < 1 << 17, "a dynamic kernel's softmax");

/* Rounded quotients by one divisor. From x, |x| <= 32767 all, it makes n = x + all / 2 + 32768 all, 0 <= n < 2^16 all.
   n * mul < 2^(46 + bits(all)) <= 2^63 is below n / all * 2^shift by less than n < 2^shift: the quotient is right or
   one too small, which the remainder tells. */
struct divisor {
    int64_t add;
    uint64_t mul;
    uint32_t all;
    int shift;
};

static struct divisor divisor_of(int32_t all)
{
    const int shift = 30 + tern_bits((uint64_t)all);
    return (struct divisor){all / 2 + 32768 * (int64_t)all, ((uint64_t)1 << shift) / (uint64_t)all, (uint32_t)all,
                            shift};
}

static inline int16_t divided(int64_t x, struct divisor by)
{
    const uint64_t n = (uint64_t)(x + by.add), q = n * by.mul >> by.shift;
    return (int16_t)((int32_t)q + (n - q * by.all >= by.all) - 32768);
}

/* A softmax's codes, each so often as a row has columns: kernel[taps][columns], 8 of which are written at a time. */
static void spread_codes(const int8_t *high, const int8_t *low, int16_t *kernel, int taps, int columns)
{
    for (int t = 0; t < taps; t++) {
        const int16_t p = (int16_t)(high[t] * 8 + low[t]), eight[CODES] = {p, p, p, p, p, p, p, p};
        for (int k = 0; k < columns; k += CODES)
            memcpy(kernel + t * columns + k, eight, sizeof eight);
    }
}

/* Of each head the kernel's softmax, and what it makes of the rows of `key`, which by now are conv_out's -> out; taps
   beyond the text see zeros */
static void kernel_task(void *context, int task, int thread)
{
    /* Q16 to octaves in Q10: by 5 to the right, times 2^15 / (2 ln 2), rounded. */
    enum { SHIFT = 5, MUL = 23637 };
    struct job *j = context;
    struct tern_bert *b = j->b;
    const struct tern_layer_spec *spec = &b->config->layer[j->layer];
    const int taps = spec->conv, d = spec->head_dim, a = tern_attention_width(spec), columns = tern_round_up(d, CODES);
    int8_t high[TERN_MAX_CONV + 3], low[TERN_MAX_CONV + 3];
    int32_t *const sum = b->conv.sum + (ptrdiff_t)thread * b->conv.wide;
    int16_t *const kernel = b->conv.kernel + (ptrdiff_t)thread * b->conv.kernel_size;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++) {
        const struct cover c = cover_of(j, i);
        for (int head = 0; head < spec->heads; head++) {
            const int32_t *const logit = b->conv.logit + ((ptrdiff_t)i * spec->heads + head) * taps;
            const struct divisor by = divisor_of(b->run.ops->softmax(logit, SHIFT, MUL, high, low, taps));
            int16_t *const out = b->conv.out + (ptrdiff_t)i * a + head * d;
            spread_codes(high + c.tap, low + c.tap, kernel, c.last - c.first, columns);
            memset(sum, 0, (size_t)SUMS * (size_t)d * sizeof *sum);
            for (int t = c.first, part = 0; t < c.last; t += SUMMED, part++)
                b->run.ops->taps(b->conv.key + (ptrdiff_t)t * a + head * d, a, kernel + (t - c.first) * columns,
                                 columns, sum + part * d, c.last - t < SUMMED ? c.last - t : SUMMED, d);
            for (int k = 0; k < d; k++)
                out[k] = divided((int64_t)sum[k] + sum[d + k], by);
        }
    }
    tern_charge_rows(b, j->tokens, task, thread, TERN_STAGE_softmax, time, 2 * taps * a);
}

/* x -> logits */
static void logits_task(void *context, int task, int thread)
{
    struct job *j = context;
    struct tern_bert *b = j->b;
    const struct tern_linear *const kernel = &b->weights->layers[j->layer].matrix[TERN_CONV_KERNEL];
    const int first = task * TERN_ROW_BLOCK, n = tern_last_row(j->tokens, task) - first;
    const struct tern_rows x = {b->x.q + first * b->x.ld, b->x.row + first, b->x.ld, n, NULL};
    const int64_t time = tern_profile_start(b->run.profile);
    tern_linear_logits_alone(&b->run, kernel, b->conv.logit + (ptrdiff_t)first * kernel->n,
                             b->conv.acc + (ptrdiff_t)thread * b->conv.acc_width, &x);
    tern_profile_charge(b->run.profile, thread, TERN_STAGE_qkv, time, (int64_t)n * kernel->n * kernel->k,
                        (int64_t)n * (kernel->k + 4 * kernel->n));
}

void tern_span_conv_run(struct tern_bert *b, const tern_batch *batch, int layer)
{
    const struct tern_linear *const matrix = b->weights->layers[layer].matrix;
    const int a = tern_attention_width(&b->config->layer[layer]);
    struct job j = {b, batch, batch->offsets[batch->n_texts], layer};
    const struct tern_linear *const out[1] = {&matrix[TERN_CONV_OUT]}, *const point[1] = {&matrix[TERN_CONV_POINT]};
    tern_linear_run(&b->run, TERN_STAGE_qkv, out, &b->conv.out, 1, a, &b->x);
    tern_run_rows(j.b, j.tokens, depth_task, &j);
    tern_linear_run(&b->run, TERN_STAGE_qkv, point, &b->conv.key, 1, a, &b->x);
    tern_run_rows(j.b, j.tokens, product_task, &j);
    tern_run_rows(j.b, j.tokens, logits_task, &j);
    memcpy(b->conv.key, b->conv.out, (size_t)j.tokens * (size_t)a * sizeof *b->conv.key);
    tern_run_rows(j.b, j.tokens, kernel_task, &j);
}

static void join_task(void *context, int task, int thread)
{
    struct job *j = context;
    struct tern_bert *b = j->b;
    const int a = tern_attention_width(&b->config->layer[j->layer]);
    int16_t *const row = b->conv.row + (ptrdiff_t)thread * b->conv.wide;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++) {
        memcpy(row, b->context + (ptrdiff_t)i * a, (size_t)a * sizeof *row);
        memcpy(row + a, b->conv.out + (ptrdiff_t)i * a, (size_t)a * sizeof *row);
        tern_bert_quantize(b, j->layer, TERN_INPUT_ATTN_OUT, row, b->x_q + i * b->x.ld, &b->x_row[i], 2 * a);
    }
    tern_charge_rows(b, j->tokens, task, thread, TERN_STAGE_quantize, time, 10 * a);
}

void tern_span_conv_join(struct tern_bert *b, const tern_batch *batch, int layer)
{
    struct job j = {b, batch, batch->offsets[batch->n_texts], layer};
    tern_run_rows(j.b, j.tokens, join_task, &j);
}

/* context and values -> x, in units of the values' times 2^-conv_bits: with the context's factor and all taps below
   2^15 a sum stays below 2^30 */
static void value_task(void *context, int task, int thread)
{
    struct job *j = context;
    struct tern_bert *b = j->b;
    const struct tern_layer_spec *spec = &b->config->layer[j->layer];
    const struct tern_layer *layer = &b->weights->layers[j->layer];
    const int a = tern_attention_width(spec);
    int32_t *const sum = b->conv.sum + (ptrdiff_t)thread * b->conv.wide;
    int16_t *const row = b->conv.row + (ptrdiff_t)thread * b->conv.wide;
    const int64_t time = tern_profile_start(b->run.profile);
    for (int i = task * TERN_ROW_BLOCK; i < tern_last_row(j->tokens, task); i++) {
        const struct cover c = cover_of(j, i);
        uint32_t most = 0;
        for (int k = 0; k < a; k++)
            sum[k] = b->context[(ptrdiff_t)i * a + k] * (1 << layer->conv_bits);
        b->run.ops->taps(b->value + (ptrdiff_t)c.first * a, a, b->conv.taps + (ptrdiff_t)c.tap * a, a, sum,
                         c.last - c.first, a);
        for (int k = 0; k < a; k++)
            most |= (uint32_t)(sum[k] < 0 ? -sum[k] : sum[k]);
        const int shift = tern_gate_shift(most);
        for (int k = 0; k < a; k++)
            row[k] = (int16_t)tern_rshift(sum[k], shift);
        tern_bert_quantize(b, j->layer, TERN_INPUT_ATTN_OUT, row, b->x_q + i * b->x.ld, &b->x_row[i], a);
        b->x_row[i].amax <<= shift;
    }
    tern_charge_rows(b, j->tokens, task, thread, TERN_STAGE_quantize, time, 20 * a);
}

/* Each head's taps, for every column of it. */
static void spread_taps(struct tern_bert *b, int layer)
{
    const struct tern_layer_spec *const spec = &b->config->layer[layer];
    const int a = tern_attention_width(spec), taps = spec->value_conv;
    for (int t = 0; t < taps; t++)
        for (int k = 0; k < a; k++)
            b->conv.taps[(ptrdiff_t)t * a + k] = b->weights->layers[layer].conv_value[k / spec->head_dim * taps + t];
}

void tern_value_conv_join(struct tern_bert *b, const tern_batch *batch, int layer)
{
    spread_taps(b, layer);
    struct job j = {b, batch, batch->offsets[batch->n_texts], layer};
    tern_run_rows(j.b, j.tokens, value_task, &j);
}
