/* Quantised linear layers against double arithmetic on the very same int8 numbers, within bounds that are derived here;
   the row scales' ranges; the static bound of a layer behind a LayerNorm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/scheme.h"
#include "quant/quantize_weights.h"
#include "tests/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tern_error err;

static void *need(void *block)
{
    if (!block)
        abort();
    return block;
}

/* ---- A layer with all that is known of it ----------------------------------------------------------------------- */

enum kind { REQUANT, RESIDUAL, LOGITS };
enum fill { PLAIN, ZERO, ZERO_CHANNEL, OUTLIER_CHANNEL, OUTLIER_ROW, HUGE_GAMMA, SMALL_GAMMA, BIG_BIAS, N_FILLS };
static const char *const fill_names[] = {"plain",       "all zero",   "a zero channel", "an outlier channel",
                                         "outlier row", "huge gamma", "small gamma",    "big bias"};

struct layer {
    int n, k;
    float *w, *b, *gamma, *beta;
    struct tern_input in;
    struct tern_linear_out out;
    struct tern_linear linear;
    double *scale, *bias; /* real scale and folded bias of a channel */
};

static void fill_floats(struct layer *l, enum fill fill, struct rng *r)
{
    for (int i = 0; i < l->n * l->k; i++)
        l->w[i] = fill == ZERO ? 0 : (float)(0.05 * rng_bell(r));
    for (int j = 0; j < l->n; j++)
        l->b[j] = (float)(fill == BIG_BIAS ? 50 * rng_bell(r) : 0.05 * rng_bell(r));
    for (int i = 0; i < l->k; i++) {
        const double g = fill == HUGE_GAMMA ? 3000 : fill == SMALL_GAMMA ? 1e-5 : 1;
        l->gamma[i] = (float)(g * (0.9 + 0.1 * rng_bell(r)));
        l->beta[i] = (float)(0.1 * rng_bell(r));
    }
    for (int i = 0; i < l->k; i++) {
        if (fill == ZERO_CHANNEL)
            l->w[(l->n / 2) * l->k + i] = 0;
        if (fill == OUTLIER_CHANNEL)
            l->w[(l->n / 3) * l->k + i] *= 400;
    }
    for (int j = 0; fill == OUTLIER_ROW && j < l->n; j++)
        l->w[j * l->k + l->k / 2] *= 100;
}

/* What the code does to a row: gamma in float, beta's part of the bias in double. */
static void survey_channel(struct layer *l, int j)
{
    float amax = 0;
    double bias = l->b[j];
    for (int i = 0; i < l->k; i++) {
        const float w = l->w[j * l->k + i], folded = l->in.gamma ? w * l->in.gamma[i] : w;
        amax = fmaxf(amax, fabsf(folded));
        bias += l->in.beta ? (double)w * (double)l->in.beta[i] : 0;
    }
    l->scale[j] = (double)amax / 127;
    l->bias[j] = bias;
}

static struct layer make_layer(enum kind kind, enum fill fill, int n, int k, uint64_t seed)
{
    struct rng r = rng_seeded(seed, "layer");
    struct layer l = {.n = n, .k = k};
    const size_t padded = (size_t)tern_round_up(n, TERN_PANEL);
    const int behind_norm = kind == REQUANT || (kind == LOGITS && seed % 2);
    l.w = need(malloc((size_t)n * (size_t)k * sizeof *l.w));
    l.b = need(malloc((size_t)n * sizeof *l.b));
    l.gamma = need(malloc((size_t)k * sizeof *l.gamma));
    l.beta = need(malloc((size_t)k * sizeof *l.beta));
    l.scale = need(malloc((size_t)n * sizeof *l.scale));
    l.bias = need(malloc((size_t)n * sizeof *l.bias));
    fill_floats(&l, fill, &r);
    if (behind_norm)
        l.in = (struct tern_input){.unit = sqrt(k) / 32768, .norm = sqrt(k), .gamma = l.gamma, .beta = l.beta};
    else
        l.in = (struct tern_input){.unit = 0.0007, .norm = 0.0007 * 16384 * sqrt(k)};
    for (int j = 0; j < n; j++)
        survey_channel(&l, j);

    l.out.weight = need(calloc((size_t)tern_panels(n) * (size_t)tern_k4(k), TERN_PANEL * TERN_PANEL_K));
    l.out.mul = need(calloc(padded, sizeof *l.out.mul));
    if (kind == REQUANT)
        l.out.bias16 = need(calloc(padded, sizeof *l.out.bias16));
    else
        l.out.bias32 = need(calloc(padded, sizeof *l.out.bias32));
    float *scratch = need(malloc(tern_quantize_scratch(n, k) * sizeof *scratch));
    const struct tern_float_linear f = {l.w, l.b, n, k, {NULL, 0}};
    if (kind == REQUANT)
        tern_quantize_requant(&l.out, &f, &l.in, 0, scratch);
    else if (kind == RESIDUAL)
        tern_quantize_residual(&l.out, &f, &l.in, 0.001, scratch);
    else
        tern_quantize_logits(&l.out, &f, &l.in, TERN_LOGIT_BITS, scratch);
    free(scratch);
    l.linear = (struct tern_linear){.weight = l.out.weight,
                                    .mul = l.out.mul,
                                    .bias16 = l.out.bias16,
                                    .bias32 = l.out.bias32,
                                    .kappa = l.out.kappa,
                                    .wnorm2 = l.out.wnorm2,
                                    .up = l.out.up,
                                    .n = n,
                                    .k = k};
    return l;
}

static void free_layer(struct layer *l)
{
    free(l->w);
    free(l->b);
    free(l->gamma);
    free(l->beta);
    free(l->scale);
    free(l->bias);
    free(l->out.weight);
    free(l->out.mul);
    free(l->out.bias16);
    free(l->out.bias32);
}

static int weight_at(const struct layer *l, int j, int i)
{
    const ptrdiff_t group = (ptrdiff_t)(j / TERN_PANEL) * tern_k4(l->k) + i / TERN_PANEL_K;
    return l->out.weight[(group * TERN_PANEL + j % TERN_PANEL) * TERN_PANEL_K + i % TERN_PANEL_K];
}

/* ---- Rows, the machinery that runs them ------------------------------------------------------------------------- */

enum { MOST_ROWS = 100, THREADS = 2 };

static struct tern_ops ops;
static struct tern_pool *pools[THREADS + 1];
static struct tern_row_scale row_scale[3 * MOST_ROWS];
static int32_t tile[THREADS * TERN_TILE];

struct rows {
    int8_t *q;
    struct tern_row *row;
    struct tern_rows view;
};

/* m rows of several kinds, within what `in` says of them: unit length behind a norm, up to `range` a number else. */
static struct rows make_rows(int m, int k, int unit_length, int range, uint64_t seed)
{
    struct rng r = rng_seeded(seed, "rows");
    const int ld = tern_round_up(k, 64);
    struct rows x = {need(calloc((size_t)m, (size_t)ld)), need(calloc((size_t)m, sizeof(struct tern_row))), {0}};
    double *d = need(malloc((size_t)k * sizeof *d));
    int16_t *row = need(malloc((size_t)k * sizeof *row));
    for (int i = 0; i < m; i++) {
        double norm = 0;
        for (int j = 0; j < k; j++) {
            d[j] = i % 5 == 1 ? j == i % k : i % 5 == 2 ? 1 - 2 * (j & 1) : i % 5 == 3 && j % 7 ? 0 : rng_bell(&r);
            if (i % 5 == 4 && j == k / 3)
                d[j] *= 30;
            norm += d[j] * d[j];
        }
        if (i == 10)
            memset(d, 0, (size_t)k * sizeof *d);
        for (int j = 0; j < k; j++) {
            double v = unit_length ? (norm > 0 ? d[j] / sqrt(norm) * 32768 : 0) : d[j] / 4 * range;
            row[j] = (int16_t)lrint(fmax(-32767, fmin(32767, v)));
            if (!unit_length)
                row[j] = (int16_t)(row[j] > range ? range : row[j] < -range ? -range : row[j]);
        }
        ops.quantize(row, x.q + (ptrdiff_t)i * ld, &x.row[i], k);
    }
    free(row);
    free(d);
    x.view = (struct tern_rows){x.q, x.row, ld, m, NULL};
    return x;
}

static void free_rows(struct rows *x)
{
    free(x->q);
    free(x->row);
}

static int64_t dot(const struct layer *l, const struct rows *x, int i, int j)
{
    int64_t sum = 0;
    for (int c = 0; c < l->k; c++)
        sum += x->q[(ptrdiff_t)i * x->view.ld + c] * weight_at(l, j, c);
    return sum;
}

/* Real value of an output on the int8 numbers, with the channel's own scale. */
static double real_value(const struct layer *l, const struct rows *x, int i, int j)
{
    return (double)dot(l, x, i, j) * x->row[i].amax / 127 * l->in.unit * l->scale[j] + l->bias[j];
}

static const struct {
    int n, k;
} sizes[] = {{1, 1}, {3, 1}, {16, 4}, {17, 5}, {5, 64}, {66, 30}, {64, 64}, {100, 257}, {130, 312}, {9, 1200}};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const int row_counts[] = {1, 11, 48, 49, 100};

/* ---- Requantised outputs ---------------------------------------------------------------------------------------- */

/* In units of the output: the accumulator's rounding is 1/2 times a factor below 1; the factor itself is made of three
   roundings of 2^-16 (channel, row, product) times up to 2^15: 3/2; the last product 1/2, the bias 1/2. */
static const double requant_error = 3.0;

static void check_requant(enum fill fill, int n, int k, int m, int threads, uint64_t seed)
{
    struct layer l[3];
    struct rows x = make_rows(m, k, 1, 0, seed);
    const int ld = n + 3;
    int16_t *out[3];
    const struct tern_linear *w[3];
    for (int i = 0; i < 3; i++) {
        l[i] = make_layer(REQUANT, fill, n, k, seed + (uint64_t)i);
        out[i] = need(malloc((size_t)m * (size_t)ld * sizeof(int16_t)));
        memset(out[i], 0x11, (size_t)m * (size_t)ld * sizeof(int16_t));
        w[i] = &l[i].linear;
    }
    const struct tern_runner run = {.ops = &ops, .pool = pools[threads], .scale = row_scale, .tile = tile};
    tern_linear_run(&run, TERN_STAGE_qkv, w, out, 1 + (int)(seed % 3), ld, &x.view);
    for (int which = 0; which < 1 + (int)(seed % 3); which++) {
        const double unit = l[which].out.unit;
        for (int i = 0; i < m; i++)
            for (int j = 0; j < ld; j++) {
                const int got = out[which][i * ld + j];
                if (j >= n) {
                    assert_int_equal(got, 0x1111); /* nothing written beside the columns */
                    continue;
                }
                const double exact = unit > 0 ? real_value(&l[which], &x, i, j) / unit : 0;
                if (fabs(got - exact) > requant_error + 1e-6 * fabs(exact))
                    fail_msg("%s [%d, %d], row %d, column %d: %d instead of %.2f", fill_names[fill], n, k, i, j, got,
                             exact);
                /* Cauchy-Schwarz, and what rounding to int8 may add to either vector's length: amax is at most the
                   length, so each number's error is at most length / 254. */
                const double slack = 1 + sqrt(k) / 254;
                assert_true(abs(got) <= TERN_OUT_RANGE * slack * slack + requant_error);
            }
    }
    for (int i = 0; i < 3; i++) {
        free(out[i]);
        free_layer(&l[i]);
    }
    free_rows(&x);
}

static void test_requant(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int fill = 0; fill < N_FILLS; fill++)
        for (int s = 0; s < SIZES; s++, seed++)
            check_requant((enum fill)fill, sizes[s].n, sizes[s].k, row_counts[seed % 5], 1 + (int)(seed % 2), seed);
    check_requant(PLAIN, 20, 8192, 11, 1, 99); /* the widest norm */
    check_requant(OUTLIER_ROW, 20, 8192, 11, 1, 98);
}

/* Neither weights nor bias: the output is exactly zero, and so are the stored numbers (the bias was 32767 once). */
static void test_nothing_at_all(void **state)
{
    (void)state;
    float w[12] = {0}, b[3] = {0}, scratch[200];
    int8_t weight[64] = {0};
    int16_t mul[16] = {0}, bias[16] = {0};
    struct tern_linear_out out = {.weight = weight, .mul = mul, .bias16 = bias};
    const struct tern_float_linear f = {w, b, 3, 4, {NULL, 0}};
    const struct tern_input in = {.unit = 2.0 / 32768, .norm = 2};
    tern_quantize_requant(&out, &f, &in, 0, scratch);
    for (int j = 0; j < 3; j++)
        assert_int_equal(bias[j], 0);
    assert_int_equal(out.wnorm2, 0);
    assert_int_equal(out.kappa.mul, 0);
    assert_true(isfinite(out.unit));
    assert_true(out.error == 0);
}

/* ---- Residual --------------------------------------------------------------------------------------------------- */

static void check_residual(enum fill fill, int n, int k, int m, int threads, uint64_t seed)
{
    struct layer l = make_layer(RESIDUAL, fill, n, k, seed);
    struct rows x = make_rows(m, k, 0, 16384, seed);
    struct rng r = rng_seeded(seed, "y");
    const size_t count = (size_t)m * (size_t)n;
    int16_t *y = need(malloc(count * sizeof *y));
    int32_t *sum = need(malloc(count * sizeof *sum));
    for (size_t i = 0; i < count; i++)
        y[i] = (int16_t)rng_between(&r, -32767, 32767);
    const struct tern_runner run = {.ops = &ops, .pool = pools[threads], .scale = row_scale, .tile = tile};
    tern_linear_residual(&run, TERN_STAGE_attn_out, &l.linear, sum, n, y, n, &x.view);
    for (int i = 0; i < m; i++) {
        /* In units of the sum: a product of two numbers below 2^15 is shifted by exp. The accumulator's rounding costs
           1/2 times 2^15, the factor's roundings (channel, row, its cut at 32767, product) 2 times 2^15; the shift and
           the bias 1/2 each. */
        const struct tern_row_scale s = tern_residual_scale(&l.linear, x.row[i]);
        const double tolerance = ldexp(2.5, 15 - s.exp) + 1;
        for (int j = 0; j < n; j++) {
            const double sub = real_value(&l, &x, i, j) / l.out.unit;
            const double exact = ldexp(y[i * n + j], l.linear.up) + sub, got = sum[i * n + j];
            assert_true(fabs(exact) < 2147483647.0);
            if (fabs(got - exact) > tolerance + 1e-6 * fabs(sub))
                fail_msg("%s [%d, %d], row %d, column %d: %.0f instead of %.2f, tolerance %.2f", fill_names[fill], n, k,
                         i, j, got, exact, tolerance);
        }
    }
    free(sum);
    free(y);
    free_rows(&x);
    free_layer(&l);
}

static void test_residual(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int fill = 0; fill < N_FILLS; fill++)
        for (int s = 0; s < SIZES; s++, seed++)
            check_residual((enum fill)fill, sizes[s].n, sizes[s].k, row_counts[seed % 5], 1 + (int)(seed % 2), seed);
}

/* The residual keeps fraction bits: what a layer adds is known far better than y's own unit. */
static void test_residual_precision(void **state)
{
    (void)state;
    struct layer l = make_layer(RESIDUAL, PLAIN, 64, 64, 5);
    assert_in_range(l.linear.up, 1, TERN_UP_MAX);
    struct rows x = make_rows(20, 64, 0, 16384, 5);
    for (int i = 0; i < 20; i++) {
        const struct tern_row_scale s = tern_residual_scale(&l.linear, x.row[i]);
        /* of the largest value that the row can have, 2^30 >> exp, the error is 2.5 * 2^-15 */
        assert_true(x.row[i].amax == 0 || s.mul >= 1 << 14);
    }
    free_rows(&x);
    free_layer(&l);
}

/* ---- Logits ----------------------------------------------------------------------------------------------------- */

static void check_logits(enum fill fill, int n, int k, int m, uint64_t seed)
{
    struct layer l = make_layer(LOGITS, fill, n, k, seed);
    struct rows x = make_rows(m, k, seed % 2, 32767, seed);
    int32_t *q16 = need(malloc((size_t)m * (size_t)n * sizeof *q16));
    int32_t *acc = need(malloc((size_t)tern_round_up(n, TERN_PANEL) * sizeof *acc));
    double largest = 0;
    for (int j = 0; j < n; j++)
        largest = fmax(largest, l.scale[j]);
    const struct tern_runner run = {.ops = &ops, .pool = pools[1], .scale = row_scale, .tile = tile};
    tern_linear_logits(&run, &l.linear, q16, acc, &x.view);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            /* step: one accumulator step of the widest channel, in Q16. A channel's multiplier is within 2^-16; the
               first shift rounds by 1/2 step, the last shift and the bias by 1/2 each, the 31 bits by 2^-29. */
            const double step = largest * l.in.unit / 127 * 65536, exact = real_value(&l, &x, i, j) * 65536;
            const double part = fabs((double)dot(&l, &x, i, j)) * x.row[i].amax * step;
            const double tolerance = part * 0.51 / 32767 + 0.5 * step + 1.001 + fabs(exact) * 0x1p-28;
            const double cut = fmax(-2147483647.0, fmin(2147483647.0, exact));
            if (fabs(q16[i * n + j] - cut) > tolerance && fabs(l.bias[j]) < 8000)
                fail_msg("%s [%d, %d], row %d, column %d: %d instead of %.2f, tolerance %.2f", fill_names[fill], n, k,
                         i, j, q16[i * n + j], cut, tolerance);
        }
    free(acc);
    free(q16);
    free_rows(&x);
    free_layer(&l);
}

static void test_logits(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int fill = 0; fill < N_FILLS; fill++)
        for (int s = 0; s < SIZES; s++, seed++)
            check_logits((enum fill)fill, sizes[s].n, sizes[s].k, row_counts[seed % 3], seed);
}

/* ---- Row scales: never out of their contract, whatever a file and a row say ------------------------------------- */

static int32_t pick(struct rng *r, int32_t limit)
{
    switch (rng_between(r, 0, 5)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return limit;
    case 3: return limit - 1;
    default: return (int32_t)(rng_between(r, 0, limit) >> rng_between(r, 0, 30));
    }
}

static struct tern_real pick_real(struct rng *r)
{
    struct tern_real real = {(int32_t)rng_between(r, 1 << 30, INT32_MAX), (int32_t)rng_between(r, -128, 256)};
    switch (rng_between(r, 0, 7)) {
    case 0: return (struct tern_real){0, 0};
    case 1: real.mul = INT32_MAX; break;
    case 2: real.mul = 1 << 30; break;
    case 3: real.exp = -128; break;
    case 4: real.exp = 256; break;
    default: real.exp = (int32_t)rng_between(r, 10, 90); break;
    }
    return real;
}

static void check_range(struct tern_row_scale s, int least_shift)
{
    assert_true(s.shift >= least_shift && s.shift <= 31);
    assert_true(s.mul >= 0 && s.mul <= 32767);
    assert_true(s.exp >= 0 && s.exp <= 31);
}

static void test_row_scales_stay_in_range(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1, "row scales");
    for (int i = 0; i < 400000; i++) {
        const struct tern_linear w = {.wnorm2 = pick(&r, INT32_MAX), .kappa = pick_real(&r), .n = 16, .k = 16};
        const struct tern_row row = {pick(&r, 32767), pick(&r, INT32_MAX)};
        check_range(tern_requant_scale(&w, row), 0);
        check_range(tern_residual_scale(&w, row), 0);
        check_range(tern_context_scale(127 + pick(&r, 127 * 8191), pick(&r, 32767)), 0);
        check_range(tern_score_scale(pick(&r, 32767), pick(&r, 32767), pick_real(&r)), -8);
    }
}

/* A row of zeros, or weights of zeros, add nothing. */
static void test_row_scales_of_nothing(void **state)
{
    (void)state;
    const struct tern_linear w = {.wnorm2 = 127 * 127 * 64, .kappa = tern_real_of(1e-4)}, zero = {.wnorm2 = 0};
    const struct tern_row none = {0, 0}, some = {32767, 127 * 127 * 64};
    assert_int_equal(tern_requant_scale(&w, none).mul, 0);
    assert_int_equal(tern_residual_scale(&w, none).mul, 0);
    assert_int_equal(tern_requant_scale(&zero, some).mul, 0);
    assert_int_equal(tern_residual_scale(&zero, some).mul, 0);
    assert_int_equal(tern_score_scale(0, 32767, tern_real_of(1)).mul, 0);
    assert_int_equal(tern_score_scale(32767, 32767, (struct tern_real){0, 0}).mul, 0);
    assert_int_equal(tern_context_scale(127, 0).mul, 0);
}

/* Probabilities times values: within 3.5 units (accumulator 1/2, product 1/2; factor: division 1, the unit multiplier
   32767 / 32768 1, product 1/2) of the real mean. */
static void test_context_scale(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1, "context");
    const int16_t one = TERN_MUL_ONE, zero = 0;
    for (int i = 0; i < 300000; i++) {
        const int tokens = (int)rng_between(&r, 1, i % 9 ? 64 : 8192), sharp = (int)rng_between(&r, 0, 127);
        const int32_t amax = pick(&r, 127 * 127); /* values stay below TERN_OUT_RANGE, so the factor below 1 */
        int32_t psum = 127, acc = 127 * (int32_t)rng_between(&r, -127, 127);
        for (int t = 1; t < tokens && t < 200; t++) {
            const int32_t p = (int32_t)rng_between(&r, 0, sharp);
            psum += p;
            acc += p * (int32_t)rng_between(&r, -127, 127);
        }
        if (tokens > 200) { /* all that is possible: every token as likely, every value at its end */
            psum = 127 * tokens;
            acc = psum * (i & 1 ? 127 : -127);
        }
        const struct tern_row_scale s = tern_context_scale(psum, amax);
        int16_t out;
        ops.requant(&acc, 1, &out, 1, &s, NULL, &one, &zero, 1, 1);
        const double exact = (double)acc / psum * amax / 127;
        if (fabs(out - exact) > 3.5)
            fail_msg("sum %d, acc %d, amax %d: %d instead of %.2f", psum, acc, amax, out, exact);
    }
}

/* Octaves in Q10: of the scale's product at most 1 is lost by cutting, 1/2 by rounding, 2^-15 of it by the 15 bits. */
static void test_score_scale(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1, "scores");
    int checked = 0;
    for (int i = 0; i < 300000; i++) {
        const int32_t q = (int32_t)rng_between(&r, 1, 32767), k = (int32_t)rng_between(&r, 1, 32767);
        const double unit = ldexp(1 + (double)rng_between(&r, 0, 1 << 20) / (1 << 20), (int)rng_between(&r, -50, -18));
        const struct tern_row_scale s = tern_score_scale(q, k, tern_real_of(unit));
        if (unit * q * k > 250) /* a quarter octave a step: no head has such scores */
            continue;
        const uint32_t d = (uint32_t)(rng_between(&r, 0, 2 * 127 * 127 * 512) >> rng_between(&r, 0, 24));
        const uint32_t least = d < tern_softmax_cut(s.shift) ? d : tern_softmax_cut(s.shift);
        const uint32_t shifted = s.shift < 0 ? least << -s.shift : least >> s.shift;
        const int t = tern_mulr((int16_t)(shifted < 32767 ? shifted : 32767), (int16_t)s.mul);
        const double exact = (double)d * unit * q * k;
        if (exact > 16000) { /* 2^-15.6: no probability is left, and the cut may begin */
            assert_true(t >= 15000 || s.shift == -8);
            continue;
        }
        checked++;
        if (fabs(t - exact) > 1.5 + exact / 16384 + (s.shift < 0 ? 0.5 : 0))
            fail_msg("amax %d %d, unit %g, difference %u: %d instead of %.2f", q, k, unit, d, t, exact);
    }
    assert_true(checked > 50000);
}

/* ---- Small pieces ----------------------------------------------------------------------------------------------- */

static void test_real_of(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1, "reals");
    for (int i = 0; i < 100000; i++) {
        const double x = ldexp(1 + (double)rng_between(&r, 0, INT32_MAX) / INT32_MAX, (int)rng_between(&r, -200, 100));
        const struct tern_real real = tern_real_of(x);
        assert_true(real.mul >= 1 << 30);
        assert_true(fabs(ldexp(real.mul, -real.exp) / x - 1) <= 0x1p-31);
    }
    assert_int_equal(tern_real_of(0).mul, 0);
    assert_int_equal(tern_real_of(-1).mul, 0);
    assert_int_equal(tern_real_of(NAN).mul, 0);
    assert_int_equal(tern_real_of(0).exp, 0);
    assert_int_equal(tern_real_of(1).mul, 1 << 30);
    assert_int_equal(tern_real_of(1).exp, 30);
    assert_true(tern_real_of(nextafter(1, 0)).mul == 1 << 30); /* rounds up into the next power */
}

static void test_quantize_row(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1, "rows of tables");
    float w[40];
    int8_t q[40];
    for (int i = 0; i < 5000; i++) {
        const int n = (int)rng_between(&r, 1, 40);
        const double size = ldexp(1, (int)rng_between(&r, -120, 120));
        for (int j = 0; j < n; j++)
            w[j] = (float)(size * rng_uniform(&r));
        const double scale = tern_quantize_row(q, w, n);
        int largest = 0;
        for (int j = 0; j < n; j++) {
            assert_true(q[j] >= -127);
            assert_true(fabs((double)w[j] - q[j] * scale) <= 0.5001 * scale);
            largest = abs(q[j]) > largest ? abs(q[j]) : largest;
        }
        assert_true(largest == 127 || scale == 0);
    }
    memset(w, 0, sizeof w);
    assert_true(tern_quantize_row(q, w, 40) == 0);
    for (int j = 0; j < 40; j++)
        assert_int_equal(q[j], 0);
}

static int setup(void **state)
{
    (void)state;
    unsigned features;
    if (tern_cpu_select(&features, NULL, &err))
        return -1;
    tern_table_build(&ops, features);
    return tern_pool_open(&pools[1], 1, &err) || tern_pool_open(&pools[2], 2, &err) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    tern_pool_close(pools[1]);
    tern_pool_close(pools[2]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requant),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_residual),
        cmocka_unit_test(test_residual_precision),
        cmocka_unit_test(test_logits),
        cmocka_unit_test(test_row_scales_stay_in_range),
        cmocka_unit_test(test_row_scales_of_nothing),
        cmocka_unit_test(test_context_scale),
        cmocka_unit_test(test_score_scale),
        cmocka_unit_test(test_real_of),
        cmocka_unit_test(test_quantize_row),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
