/* Embeddings, in integers: the tokens' states are pooled, dense layers follow, the vector is brought to length 1. */
#include "models/heads.h"

#include "models/scheme.h"
#include "models/static.h"

#include <string.h>

/* A pooled vector and what comes of it are int32 in units of 2^-bits: Q16, or Q30 where no number is above 1. */
struct vector {
    int32_t *v;
    int n, bits;
};

static int32_t saturate(int64_t v)
{
    return (int32_t)(v > INT32_MAX ? INT32_MAX : v < -INT32_MAX ? -INT32_MAX : v);
}

/* ---- Pooling: y[tokens][n], of which those before `from` are left out, to Q16 -------------------------------------
 */

struct pooling {
    const struct tern_ops *ops;
    const int16_t *y;
    int from, tokens, n;
    struct tern_real unit;
};
typedef void pool_fn(const struct pooling *p, int32_t *v);

/* Sums over `tokens` rows in `unit` to their mean in Q16. Eight guard bits until the division. */
static void mean_q16(int32_t *v, int n, int tokens, struct tern_real unit)
{
    const int guard = 8, up = unit.exp - TERN_LOGIT_BITS - guard,
              shift = up < 62 ? up : 62; /* the loader has up >= 0 */
    for (int j = 0; j < n; j++) {
        int64_t t = tern_rshift64((int64_t)v[j] * unit.mul, shift);
        v[j] = saturate(tern_floor_div(t + ((int64_t)tokens << (guard - 1)), (int64_t)tokens << guard));
    }
}

static void pool_token(const struct pooling *p, int token, int32_t *v)
{
    p->ops->pool(p->y + (ptrdiff_t)token * p->n, p->n, v, 1, p->n);
    mean_q16(v, p->n, 1, p->unit);
}

static void pool_cls(const struct pooling *p, int32_t *v)
{
    pool_token(p, p->from, v);
}

static void pool_last(const struct pooling *p, int32_t *v)
{
    pool_token(p, p->tokens - 1, v);
}

static void pool_mean(const struct pooling *p, int32_t *v)
{
    const int tokens = p->tokens - p->from;
    p->ops->pool(p->y + (ptrdiff_t)p->from * p->n, p->n, v, tokens, p->n);
    mean_q16(v, p->n, tokens, p->unit);
}

/* The sum over the root of their number: the mean times that root, in Q16 too. */
static void pool_mean_sqrt_len(const struct pooling *p, int32_t *v)
{
    const uint32_t tokens = (uint32_t)(p->tokens - p->from);
    const int h = (tern_bits(tokens) + 1) / 2; /* 2^(2h - 2) <= tokens < 2^2h */
    const int64_t root = (int64_t)((uint64_t)tokens * tern_rsqrt(tokens << (32 - 2 * h)) >> (14 + h));
    pool_mean(p, v);
    for (int j = 0; j < p->n; j++)
        v[j] = saturate(tern_rshift64(v[j] * root, 16)); /* root < 2^23 */
}

static void pool_max(const struct pooling *p, int32_t *v)
{
    for (int j = 0; j < p->n; j++)
        v[j] = INT16_MIN;
    for (int i = p->from; i < p->tokens; i++) {
        const int16_t *row = p->y + (ptrdiff_t)i * p->n;
        for (int j = 0; j < p->n; j++)
            v[j] = v[j] > row[j] ? v[j] : row[j];
    }
    mean_q16(v, p->n, 1, p->unit);
}

/* Token i has the weight i + 1, also where tokens before it are left out. The mean keeps 8 bits below y's unit. */
static void pool_weighted_mean(const struct pooling *p, int32_t *v)
{
    enum { COLUMNS = 64 };
    const int64_t all = ((int64_t)p->tokens * (p->tokens + 1) - (int64_t)p->from * (p->from + 1)) / 2;
    for (int first = 0; first < p->n; first += COLUMNS) {
        const int columns = p->n - first < COLUMNS ? p->n - first : COLUMNS;
        int64_t sum[COLUMNS] = {0}; /* below 16642^2 / 2 * 2^15 < 2^43 */
        for (int i = p->from; i < p->tokens; i++) {
            const int16_t *row = p->y + (ptrdiff_t)i * p->n + first;
            for (int j = 0; j < columns; j++)
                sum[j] += (int64_t)row[j] * (i + 1);
        }
        for (int j = 0; j < columns; j++)
            v[first + j] = (int32_t)tern_floor_div(sum[j] * 256 + all / 2, all);
    }
    mean_q16(v, p->n, 1, (struct tern_real){p->unit.mul, p->unit.exp + 8});
}

_Static_assert((int64_t)TERN_MAX_POSITIONS *TERN_MAX_POSITIONS *INT16_MAX * 256 < INT64_MAX, "weighted sums");

static pool_fn *const pool_fns[TERN_N_POOLINGS] = {
#define POOLING(id, name, run) pool_##run,
#include "models/poolings.def"
#undef POOLING
};

/* ---- Length 1 -----------------------------------------------------------------------------------------------------
 */

_Static_assert(TERN_MAX_WIDTH <= 1 << 15, "so many squares of 24 bits add up within 2^63");

/* To unit length in Q30; a zero vector stays zero. */
static void unit_length(struct vector *x)
{
    int32_t *v = x->v;
    uint32_t largest = 0;
    x->bits = TERN_UNIT_BITS;
    for (int j = 0; j < x->n; j++)
        largest |= (uint32_t)(v[j] < 0 ? -v[j] : v[j]);
    int down = tern_bits(largest) - 24; /* 24 bits are left */
    down = down > 0 ? down : 0;
    uint64_t sum = 0;
    for (int j = 0; j < x->n; j++) {
        int64_t t = v[j] >> down;
        sum += (uint64_t)(t * t);
    }
    if (!sum)
        return;
    const int h = (tern_bits(sum) + 1) / 2; /* 2^(2h - 2) <= sum < 2^2h */
    const uint32_t root = tern_rsqrt((uint32_t)(h > 16 ? sum >> (2 * h - 32) : sum << (32 - 2 * h)));
    for (int j = 0; j < x->n; j++)
        v[j] = saturate(tern_rshift64((int64_t)(v[j] >> down) * root, h));
}

/* ---- Dense layers -------------------------------------------------------------------------------------------------
 */

/* exp(-x) in Q30 for x >= 0 in Q16: 2^-(whole + part), the power of the part by ten terms of exp's series, whose
   remainder is below 2^-30. */
static int64_t exp_minus(int64_t x)
{
    const int64_t one = 1 << 30, log2e = 1549082005, ln2 = 744261118; /* Q30 */
    const int64_t t = (x * log2e) >> 16, whole = t >> 30, z = ((t & (one - 1)) * ln2) >> 30;
    int64_t r = one;
    for (int k = 10; k > 0; k--)
        r = one - ((z * r) >> 30) / k;
    return whole < 31 ? r >> whole : 0;
}

static int32_t activate(enum tern_dense_activation activation, int32_t v)
{
    const int64_t one = 1 << 30, x = v < 0 ? -(int64_t)v : v, e = exp_minus(activation == TERN_DENSE_TANH ? 2 * x : x);
    int64_t y = v;
    switch (activation) {
    case TERN_DENSE_TANH: y = ((one - e) << 30) / (one + e), y = v < 0 ? -y : y; break;
    case TERN_DENSE_SIGMOID: y = (one << 30) / (one + e), y = v < 0 ? one - y : y; break;
    case TERN_DENSE_RELU: y = v > 0 ? v : 0; break;
    case TERN_DENSE_IDENTITY:
    case TERN_N_DENSE_ACTIVATIONS: break;
    }
    return (int32_t)y;
}

static int dense_bits(const struct tern_dense_spec *spec)
{
    const int below_one = spec->activation == TERN_DENSE_TANH || spec->activation == TERN_DENSE_SIGMOID;
    return below_one ? TERN_UNIT_BITS : TERN_LOGIT_BITS;
}

/* x->v to the 15 bits and the sign of int16; returns the shift to the right that this took. */
static int narrow(const struct vector *x, int16_t *out)
{
    uint32_t largest = 0;
    for (int j = 0; j < x->n; j++)
        largest |= (uint32_t)(x->v[j] < 0 ? -x->v[j] : x->v[j]);
    const int shift = tern_bits(largest) - 15;
    for (int j = 0; j < x->n; j++) {
        const int32_t v = shift > 0 ? (int32_t)tern_rshift64(x->v[j], shift) : (int32_t)((uint32_t)x->v[j] << -shift);
        out[j] = (int16_t)(v > 32767 ? 32767 : v < -32767 ? -32767 : v);
    }
    return shift;
}

/* One text's vector: the weights are quantised for inputs in units of 2^-16, which these are times a power of two. */
static void run_dense(struct tern_heads *heads, int i, struct vector *x)
{
    const struct tern_dense_spec *spec = &heads->bert->config->dense[i];
    struct tern_linear w = heads->bert->weights->dense[i];
    struct tern_row row;
    const struct tern_rows rows = {heads->dense_q, &row, tern_round_up(x->n, TERN_PANEL_K), 1, NULL};
    const int shift = narrow(x, heads->narrow);
    heads->bert->run.ops->quantize(heads->narrow, heads->dense_q, &row, x->n);
    w.kappa.exp -= w.kappa.mul ? shift - (x->bits - TERN_LOGIT_BITS) : 0;
    x->v = x->v == heads->vector[0] ? heads->vector[1] : heads->vector[0];
    x->n = spec->outputs;
    tern_linear_logits(&heads->bert->run, &w, x->v, heads->acc, &rows);
    for (int j = 0; spec->activation != TERN_DENSE_IDENTITY && j < x->n; j++)
        x->v[j] = activate(spec->activation, x->v[j]);
    x->bits = dense_bits(spec);
}

/* ---- All of it ----------------------------------------------------------------------------------------------------
 */

/* The unit of a text's rows. Where they have an exponent of their own, pooling goes by 1, with some bits left for what
   the root of a length multiplies, and the vector's bits take the exponent. */
enum { ROOM = 8 };
static struct tern_real unit_of(const struct tern_bert *b)
{
    if (tern_config_is_scaled(b->config))
        return (struct tern_real){1 << 30, 30 + ROOM};
    return tern_last_norm(b->weights, b->config)->unit;
}

static void pool_text(const struct tern_heads *heads, int first, int tokens, struct vector *x)
{
    const struct tern_bert *b = heads->bert;
    const struct tern_config *c = b->config;
    const struct pooling p = {.ops = b->run.ops,
                              .y = b->y + (ptrdiff_t)first * c->hidden,
                              .from = heads->skip < tokens ? heads->skip : tokens - 1,
                              .tokens = tokens,
                              .n = c->hidden,
                              .unit = unit_of(b)};
    x->v = heads->vector[0];
    x->n = tern_pooled_width(c);
    x->bits = TERN_LOGIT_BITS;
    if (tern_config_is_scaled(c))
        x->bits -= ROOM + b->scaled.text_exp[first];
    for (int i = 0; i <= c->n_joined; i++)
        pool_fns[tern_pooling_at(c, i)](&p, x->v + (ptrdiff_t)i * c->hidden);
}

static struct vector mean_of_words(const struct tern_heads *heads, const int32_t *ids, int tokens)
{
    tern_static_mean(heads, ids, tokens, heads->vector[0]);
    return (struct vector){heads->vector[0], heads->bert->config->hidden, heads->bert->weights->fixed.bits};
}

/* To units of 2^-bits, as far as these hold the vector. */
static void to_bits(struct vector *x, int bits)
{
    const int down = x->bits - bits;
    for (int j = 0; down && j < x->n; j++) {
        if (down > 0)
            x->v[j] = down > 31 ? 0 : tern_rshift(x->v[j], down);
        else
            x->v[j] = x->v[j] ? saturate((int64_t)x->v[j] * ((int64_t)1 << (down < -31 ? 31 : -down))) : 0;
    }
    x->bits = bits;
}

/* What follows the pooling, into result[dimensions]. */
static void finish(struct tern_heads *heads, struct vector x, int32_t *result)
{
    const struct tern_config *c = heads->bert->config;
    for (int k = 0; k < c->n_dense; k++) {
        if (c->dense[k].normalize)
            unit_length(&x);
        run_dense(heads, k, &x);
    }
    if (c->normalize)
        unit_length(&x);
    x.n = heads->dimensions;
    if (heads->normalize)
        unit_length(&x);
    to_bits(&x, tern_heads_embed_bits(heads));
    memcpy(result, x.v, (size_t)x.n * sizeof *result);
}

void tern_heads_embed(struct tern_heads *heads, const tern_batch *batch, int32_t *result)
{
    for (int i = 0; i < batch->n_texts; i++, result += heads->dimensions) {
        const int first = batch->offsets[i];
        struct vector x;
        if (tern_config_is_static(heads->bert->config))
            x = mean_of_words(heads, batch->ids + first, batch->offsets[i + 1] - first);
        else
            pool_text(heads, first, batch->offsets[i + 1] - first, &x);
        finish(heads, x, result);
    }
}

void tern_heads_embed_tokens(struct tern_heads *heads, const tern_batch *batch, int32_t *result)
{
    for (int i = 0; i < batch->offsets[batch->n_texts]; i++, result += heads->dimensions) {
        struct vector x;
        pool_text(heads, i, 1, &x);
        finish(heads, x, result);
    }
}

int tern_heads_embed_bits(const struct tern_heads *heads)
{
    const struct tern_config *c = heads->bert->config;
    if (c->normalize || heads->normalize)
        return TERN_UNIT_BITS;
    if (c->n_dense)
        return dense_bits(&c->dense[c->n_dense - 1]);
    if (tern_config_is_static(c))
        return heads->bert->weights->fixed.bits;
    return tern_config_is_scaled(c) ? TERN_SCALED_BITS : TERN_LOGIT_BITS;
}
