/* Linear attention in integers: one task is one head of one text.

   Features of keys are int8 with a scale for each text and head, as values are, and S and z are exact sums. A query's
   answer is a weighted mean of the rows S_c / z_c, what the values are on average under feature c, with the weights
   phi(q)_c z_c. So the rows, less the mean of all values, become int8 with one scale, a query's weights int8 with
   another, and the answer is the mean of the values plus a weighted mean of rows that no rounding takes out of their
   range. Units of features cancel. Sums of a text's tokens do not depend on the blocks that they are made in. */
#include "models/linear_attention.h"

#include "models/bounds.h"

#include <string.h>

/* TOKENS: a block of keys, whose rows and panels stay in a small first cache beside S. CODE: the means of values are in
   parts of 1 / CODE of their int8 step. */
enum { TOKENS = 256, ROWS = TERN_ATTENTION_ROWS, CODE = 128 };
/* |S| of all tokens, and z: 127 times that bound is what tern_context_scale takes as the bound of S. */
_Static_assert((int64_t)TERN_BOUND_TOKENS * 127 * 127 <= INT32_MAX, "sums of features times values");
/* A row's mean, of at most 127 steps, less that of all values. */
_Static_assert(2 * 127 * CODE <= INT16_MAX, "means of values");

static int features(const struct tern_layer_spec *layer)
{
    return layer->head_dim * (layer->mixer == TERN_MIXER_COSFORMER ? 2 : 1);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

void tern_linear_attention_plan(struct tern_attention *a, struct tern_arena *arena, const struct tern_config *config,
                                int longest)
{
    const int threads = tern_pool_threads(a->pool), block = smaller(tern_round_up(longest, TERN_PANEL_K), TOKENS);
    int most = 0, dim = 0, cosformer = 0;
    for (int i = 0; i < config->layers; i++) {
        const struct tern_layer_spec *const l = &config->layer[i];
        if (!tern_is_linear(l))
            continue;
        most = features(l) > most ? features(l) : most;
        dim = l->head_dim > dim ? l->head_dim : dim;
        cosformer |= l->mixer == TERN_MIXER_COSFORMER;
    }
    const int width = tern_round_up(dim, TERN_PANEL), deep = tern_round_up(most, TERN_PANEL_K);
    const size_t rows = (size_t)(most > ROWS ? most : ROWS), wide = (size_t)width, d = (size_t)most;
    struct tern_linear_scratch *scratch = tern_arena_take(arena, (size_t)threads, sizeof *scratch), one;
    for (int t = 0; t < threads; t++) {
        struct tern_linear_scratch *s = scratch ? &scratch[t] : &one;
        memset(s, 0, sizeof *s);
        if (cosformer) {
            s->wave = tern_arena_take(arena, (size_t)longest + 1, sizeof *s->wave);
            s->cosine = tern_arena_take(arena, (size_t)block, sizeof *s->cosine);
            s->feature = tern_arena_take(arena, (size_t)block, d * sizeof *s->feature);
        }
        s->rows = tern_arena_take(arena, (size_t)block, d);
        s->values = tern_arena_take(arena, (size_t)block, wide);
        s->product = tern_arena_take(arena, rows, wide * sizeof *s->product);
        s->sum = tern_arena_take(arena, d, wide * sizeof *s->sum);
        s->z = tern_arena_take(arena, d, sizeof *s->z);
        s->z16 = tern_arena_take(arena, d, sizeof *s->z16);
        s->column = tern_arena_take(arena, wide, sizeof *s->column);
        s->mean = tern_arena_take(arena, d, wide * sizeof *s->mean);
        s->means = tern_arena_take(arena, (size_t)deep, wide);
        s->bias = tern_arena_take(arena, wide, sizeof *s->bias);
        s->mul = tern_arena_take(arena, wide, sizeof *s->mul);
        s->left = tern_arena_take(arena, wide, sizeof *s->left);
        s->query = tern_arena_take(arena, ROWS, (size_t)deep);
        s->ones = tern_arena_take(arena, d, 1);
        s->weight = tern_arena_take(arena, ROWS, sizeof *s->weight);
        s->row = tern_arena_take(arena, ROWS, sizeof *s->row);
        s->scale = tern_arena_take(arena, rows, sizeof *s->scale);
        for (int j = 0; s->mul && j < width; j++) {
            s->mul[j] = TERN_MUL_ONE;
            s->left[j] = 1;
        }
        if (s->ones)
            memset(s->ones, 1, d);
    }
    a->linear = scratch;
}

/* ---- Features ---------------------------------------------------------------------------------------------------- */

/* x (pi/2 - x^2 (...)) in Q30, of the series for sin(pi x / 2): what is left out is below 6e-8. */
int16_t tern_quarter_sine(int i, int n)
{
    static const int64_t c[] = {1686629713, -693598668, 85569306, -5026995, 172272, -3864};
    const int64_t x = ((int64_t)i << 30) / n, x2 = x * x >> 30;
    int64_t y = c[5];
    for (int k = 4; k >= 0; k--)
        y = c[k] + (y * x2 >> 30);
    const int64_t sine = ((y * x >> 30) * 32767 + (1 << 29)) >> 30;
    return (int16_t)(sine > 32767 ? 32767 : sine);
}

struct tern_phi tern_phi_of(const struct tern_elu *elu, int32_t amax)
{
    enum { MOST_ONE = 16383 };
    struct tern_phi f = {.up = (int16_t)(15 - tern_bits((uint64_t)amax)), .mul = 32767};
    if (!elu)
        return f;
    /* The largest x, below 2^15 once it is shifted, and 1 share 15 bits: half of each, or less where 1 is larger. */
    const int64_t one = tern_real_apply(1, elu->one, f.up, (int64_t)1 << 40);
    f.one = (int16_t)tern_real_apply(1, elu->one, f.up - 1, MOST_ONE);
    f.mul = (int16_t)(one <= 2 * MOST_ONE ? 1 << 14 : ((int64_t)MOST_ONE << 15) / one);
    while (f.shift < 14 && tern_real_apply(1, elu->octaves, 15 - f.shift, 1 << 15) > 32767)
        f.shift++;
    f.octaves = (int16_t)tern_real_apply(1, elu->octaves, 15 - f.shift, 32767);
    f.limit = (int16_t)(32767 >> f.shift);
    f.top = (int16_t)((f.one * 32768 + TERN_EXP2_C0 / 2) / TERN_EXP2_C0);
    f.least = 1; /* no query whose numbers are all far below 0 is left without a weight */
    return f;
}

/* ---- A head of a text -------------------------------------------------------------------------------------------- */

struct job {
    const struct tern_attention *a;
    const struct tern_layer_spec *layer;
    const struct tern_layer *weights;
    int16_t *query, *key;
    const int16_t *value;
    int16_t *context;
    const tern_batch *batch;
};

struct head {
    const struct job *j;
    struct tern_linear_scratch *s;
    ptrdiff_t at, ld;       /* its first column in the text's first row; from row to row */
    int tokens, keys;       /* of the text; those that are seen */
    int d, features, width; /* width: of accumulators */
    int thread;
    int32_t amax_v, amax_mean;
};

/* n rows of queries or keys, in place. */
static void map(const struct head *h, int16_t *x, const struct tern_elu *elu, int n)
{
    const struct tern_ops *ops = h->j->a->ops;
    const struct tern_phi f =
        tern_phi_of(h->j->layer->mixer == TERN_MIXER_ELU ? elu : NULL, ops->amax(x, h->ld, n, h->d));
    ops->phi(x, h->ld, &f, n, h->d);
}

/* The text's sines. */
static void fill_wave(const struct head *h)
{
    struct tern_linear_scratch *const s = h->s;
    if (h->j->layer->mixer != TERN_MIXER_COSFORMER || s->wave_tokens == h->tokens)
        return;
    for (int i = 0; i <= h->tokens; i++)
        s->wave[i] = tern_quarter_sine(i, h->tokens);
    s->wave_tokens = h->tokens;
}

/* Features of n rows from token `first` on: x as it is, or of cosformer what the places make of it; *ld is x's. */
static int16_t *placed(const struct head *h, int16_t *x, ptrdiff_t *ld, int first, int n)
{
    const struct tern_linear_scratch *const s = h->s;
    if (h->j->layer->mixer != TERN_MIXER_COSFORMER)
        return x;
    for (int i = 0; i < n; i++) /* cos(pi i / 2 n) is the sine of what is left of the quarter turn */
        s->cosine[i] = s->wave[h->tokens - first - i - 1];
    h->j->a->ops->weigh(x, *ld, s->cosine, s->wave + first + 1, s->feature, h->features, n, h->d);
    *ld = h->features;
    return s->feature;
}

/* S and z. */
static int64_t add_keys(const struct head *h, int64_t time)
{
    const struct job *j = h->j;
    const struct tern_ops *ops = j->a->ops;
    const struct tern_linear_scratch *const s = h->s;
    const struct tern_ahead none = {NULL, 0};
    int16_t *const key = j->key + h->at;
    const int16_t *const value = j->value + h->at;
    map(h, key, &j->weights->elu_key, h->keys);
    const struct tern_s8_scale of_keys = tern_s8_scale_of(ops->amax(key, h->ld, h->keys, h->d)),
                               of_values = tern_s8_scale_of(h->amax_v);
    memset(s->z, 0, (size_t)h->features * sizeof *s->z);
    for (int first = 0, n; first < h->keys; first += n) {
        n = smaller(h->keys - first, TOKENS);
        const int k4 = tern_k4(n);
        ptrdiff_t ld = h->ld;
        const int16_t *const x = placed(h, key + first * h->ld, &ld, first, n);
        ops->pack_t(x, ld, of_keys, s->rows, (ptrdiff_t)k4 * TERN_PANEL_K, s->z, n, h->features);
        ops->pack_v(value + first * h->ld, h->ld, of_values, s->values, n, h->d);
        time = tern_profile_charge(j->a->profile, h->thread, TERN_STAGE_pack, time, 0,
                                   (int64_t)8 * n * (h->d + h->features));
        ops->gemm_s8(s->rows, (ptrdiff_t)k4 * TERN_PANEL_K, s->values, first ? s->product : s->sum, h->width,
                     h->features, h->width / TERN_PANEL, k4, none);
        if (first)
            ops->accumulate(s->sum, s->product, 0, h->features * h->width);
        time = tern_profile_charge(j->a->profile, h->thread, TERN_STAGE_scores, time, (int64_t)n * h->features * h->d,
                                   (int64_t)n * (h->features + h->d) + 4 * h->features * h->d);
    }
    return time;
}

static int32_t divided(int64_t a, int32_t b) /* to the nearest */
{
    return (int32_t)tern_floor_div(2 * a + b, 2 * b);
}

/* S and z -> panels of the means' differences, the factors of weights, and the mean of all values. */
static int64_t divide(struct head *h, int64_t time)
{
    const struct tern_ops *ops = h->j->a->ops;
    const struct tern_linear_scratch *const s = h->s;
    const int32_t step = 127 * CODE; /* of amax_v */
    const struct tern_row_scale none = {0, 0, 0};
    int32_t most = 1;
    ops->pool(h->j->value + h->at, h->ld, s->column, h->keys, h->d);
    for (int j = 0; j < h->d; j++) {
        s->column[j] = divided(s->column[j], h->keys);
        s->bias[j] = (int16_t)(h->amax_v ? -divided((int64_t)s->column[j] * step, h->amax_v) : 0);
    }
    for (int c = 0; c < h->features; c++) {
        const int few = s->z[c] < CODE; /* then a step of the sum is more than one of the mean */
        for (int j = 0; few && j < h->width; j++)
            s->sum[(ptrdiff_t)c * h->width + j] *= CODE;
        s->scale[c] = s->z[c] ? tern_context_scale(few ? s->z[c] * CODE : s->z[c], step) : none;
        most = s->z[c] > most ? s->z[c] : most;
    }
    ops->requant(s->sum, h->width, s->mean, h->d, s->scale, NULL, s->mul, s->bias, h->features, h->d);
    const int bits = tern_bits((uint64_t)most), shift = bits > 15 ? bits - 15 : 0;
    for (int c = 0; c < h->features; c++) {
        s->z16[c] = (int16_t)(s->z[c] && !(s->z[c] >> shift) ? 1 : s->z[c] >> shift);
        if (!s->z[c]) /* no token has it */
            memset(s->mean + (ptrdiff_t)c * h->d, 0, (size_t)h->d * sizeof *s->mean);
    }
    h->amax_mean = ops->amax(s->mean, h->d, h->features, h->d);
    ops->pack_v(s->mean, h->d, tern_s8_scale_of(h->amax_mean), s->means, h->features, h->d);
    for (int j = 0; j < h->d; j++)
        s->bias[j] = (int16_t)s->column[j];
    return tern_profile_charge(h->j->a->profile, h->thread, TERN_STAGE_context, time, 0,
                               (int64_t)10 * h->features * h->d);
}

/* The context of queries from token `first` on. */
static int64_t block(const struct head *h, int first, int rows, int64_t time)
{
    const struct job *j = h->j;
    const struct tern_ops *ops = j->a->ops;
    struct tern_profile *const profile = j->a->profile;
    const struct tern_linear_scratch *const s = h->s;
    const struct tern_ahead none = {NULL, 0};
    const int deep = tern_round_up(h->features, TERN_PANEL_K);
    int16_t *const context = j->context + h->at + first * h->ld;
    ptrdiff_t ld = h->ld;
    int16_t *const x = placed(h, j->query + h->at + first * h->ld, &ld, first, rows);
    for (int i = 0; i < rows; i++) {
        ops->gate(x + i * ld, s->z16, h->features);
        ops->quantize(x + i * ld, s->query + (ptrdiff_t)i * deep, &s->row[i], h->features);
    }
    ops->dot_s8(s->ones, s->query, deep, s->weight, rows, h->features);
    time = tern_profile_charge(profile, h->thread, TERN_STAGE_softmax, time, 0, (int64_t)8 * rows * h->features);
    ops->gemm_s8(s->query, deep, s->means, s->product, h->width, rows, h->width / TERN_PANEL, deep / TERN_PANEL_K,
                 none);
    time = tern_profile_charge(profile, h->thread, TERN_STAGE_values, time, (int64_t)rows * h->features * h->d,
                               (int64_t)(rows + h->d) * h->features + 4 * rows * h->d);
    /* At most twice that of the values, so that sums of weights, 127 or more, are doubled as the products are. */
    const int32_t amax = divided((int64_t)h->amax_mean * h->amax_v, 127 * CODE);
    for (int i = 0; i < rows; i++)
        s->scale[i] = s->weight[i] ? tern_context_scale(2 * s->weight[i], amax) : (struct tern_row_scale){0, 0, 0};
    ops->requant(s->product, h->width, context, h->ld, s->scale, s->left, s->mul, s->bias, rows, h->d);
    for (int i = 0; i < rows; i++)
        if (!s->weight[i])
            memset(context + i * h->ld, 0, (size_t)h->d * sizeof *context);
    return tern_profile_charge(profile, h->thread, TERN_STAGE_context, time, 0, (int64_t)6 * rows * h->d);
}

static void head_task(void *context, int task, int thread)
{
    const struct job *j = context;
    const int text = task / j->layer->heads, number = task % j->layer->heads, start = j->batch->offsets[text];
    struct head h = {.j = j,
                     .s = &j->a->linear[thread],
                     .ld = tern_attention_width(j->layer),
                     .tokens = j->batch->offsets[text + 1] - start,
                     .d = j->layer->head_dim,
                     .features = features(j->layer),
                     .width = tern_round_up(j->layer->head_dim, TERN_PANEL),
                     .thread = thread};
    int64_t time = tern_profile_start(j->a->profile);
    h.at = start * h.ld + (ptrdiff_t)number * h.d;
    h.keys = h.tokens - (j->a->unseen ? j->a->unseen[text] : 0);
    h.amax_v = j->a->ops->amax(j->value + h.at, h.ld, h.keys, h.d);
    fill_wave(&h);
    time = divide(&h, add_keys(&h, time));
    map(&h, j->query + h.at, &j->weights->elu_query, h.tokens);
    const int queries = j->a->first_only ? 1 : h.tokens;
    for (int first = 0; first < queries; first += ROWS)
        time = block(&h, first, smaller(h.tokens - first, ROWS), time);
}

void tern_linear_attention_run(const struct tern_attention *a, const struct tern_layer_spec *layer,
                               const struct tern_layer *weights, int16_t *query, int16_t *key, const int16_t *value,
                               int16_t *context, const tern_batch *batch)
{
    struct job j = {a, layer, weights, query, key, value, context, batch};
    tern_pool_run(a->pool, head_task, &j, batch->n_texts * layer->heads);
}
