/* Linear layers of every format of weights: the same integers from every ISA row, every route (codes looked up,
   multiplied, unpacked) and any threads, and those near double arithmetic on the weights that the codes stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/scheme.h"
#include "quant/quantize_weights.h"
#include "tests/emulated.h"
#include "tests/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 40, THREADS = 2, MOST_TABLES = 3 * TERN_N_ISAS };

static tern_error err;

static void *need(void *block)
{
    if (!block)
        abort();
    return block;
}

/* ---- A layer, and the int8 weights and scales that it stands for ------------------------------------------------- */

struct layer {
    int n, k;
    struct tern_linear_out out;
    struct tern_linear linear;
    struct tern_input in;
    int8_t *q;            /* [n][k] */
    double *scale, *bias; /* [n] */
};

/* Row j with gamma folded in, in float as the quantiser does it; the bias with beta's part. */
static double fold(float *row, const struct tern_float_linear *f, const struct tern_input *in, int j)
{
    double bias = (double)f->b[j];
    for (int i = 0; i < f->k; i++) {
        const float w = f->w[j * f->k + i];
        row[i] = in->gamma ? w * in->gamma[i] : w;
        bias += in->beta ? (double)w * (double)in->beta[i] : 0;
    }
    return bias;
}

static void expect_int8(struct layer *l, const struct tern_float_linear *f)
{
    float *row = need(malloc((size_t)l->k * sizeof *row));
    for (int j = 0; j < l->n; j++) {
        l->bias[j] = fold(row, f, &l->in, j);
        l->scale[j] = tern_quantize_row(l->q + j * l->k, row, l->k);
    }
    free(row);
}

/* What tests/test_lowbit.c has examined. */
static void expect_codes(struct layer *l, const struct tern_float_linear *f)
{
    const struct tern_coding *c = &l->out.coding;
    const size_t k = (size_t)l->k;
    float *rows = need(malloc((TERN_PANEL + 1) * k * sizeof *rows));
    uint8_t *codes = need(malloc(TERN_PANEL * k)), *mul = need(malloc((k / 32 + 1) * TERN_PANEL));
    for (int first = 0; first < l->n; first += TERN_PANEL) {
        const int count = l->n - first < TERN_PANEL ? l->n - first : TERN_PANEL;
        for (int j = 0; j < count; j++)
            l->bias[first + j] = fold(rows + j * l->k, f, &l->in, first + j);
        tern_quantize_panel(c, rows, count, l->k, codes, mul, l->scale + first, rows + TERN_PANEL * k);
        for (int j = 0; j < count; j++)
            for (int i = 0; i < l->k; i++) {
                const int q = tern_coded_value(c, codes[j * l->k + i], mul, j, i);
                assert_in_range(q + 127, 0, 254);
                l->q[(first + j) * l->k + i] = (int8_t)q;
            }
    }
    free(mul);
    free(codes);
    free(rows);
}

static void make_room(struct layer *l, int residual)
{
    const size_t panels = (size_t)tern_panels(l->n), k4 = (size_t)tern_k4(l->k);
    const struct tern_codebook *book = tern_codebook(l->out.coding.format);
    const size_t lines = book ? (size_t)tern_code_lines(book->bits, (int)k4) : k4;
    if (book) {
        l->out.line = need(aligned_alloc(64, panels * lines * TERN_LINE));
        memset(l->out.line, 0, panels * lines * TERN_LINE);
        if (tern_format_grouped(l->out.coding.format))
            l->out.group_mul = need(calloc(panels * (k4 / 8 + 1), TERN_PANEL));
    } else {
        l->out.weight = need(aligned_alloc(64, panels * lines * TERN_LINE));
        memset(l->out.weight, 0, panels * lines * TERN_LINE);
    }
    l->out.mul = need(calloc(panels * TERN_PANEL, sizeof *l->out.mul));
    if (residual)
        l->out.bias32 = need(calloc(panels * TERN_PANEL, sizeof *l->out.bias32));
    else
        l->out.bias16 = need(calloc(panels * TERN_PANEL, sizeof *l->out.bias16));
    l->q = need(malloc((size_t)l->n * (size_t)l->k));
    l->scale = need(malloc((size_t)l->n * sizeof *l->scale));
    l->bias = need(malloc((size_t)l->n * sizeof *l->bias));
}

/* unit_y: of the stream that the outputs are added to; 0: they are requantised. */
static struct layer make_layer(enum tern_format format, int n, int k, double unit_y, uint64_t seed)
{
    const int residual = unit_y > 0;
    static const int groups[] = {32, 64, 128};
    struct rng r = rng_seeded(seed, "low-bit layer");
    struct layer l = {.n = n, .k = k, .out.coding = {.format = format, .group = groups[seed % 3]}};
    const size_t weights = (size_t)n * (size_t)k;
    float *w = need(malloc(weights * sizeof *w)), *b = need(malloc((size_t)n * sizeof *b));
    float *gamma = need(malloc(2 * (size_t)k * sizeof *gamma)), *beta = gamma + k;
    float *scratch = need(malloc(tern_quantize_scratch(n, k) * sizeof *scratch));
    const struct tern_float_linear f = {w, b, n, k, {NULL, 0}};
    make_room(&l, residual);
    for (size_t i = 0; i < weights; i++) /* channels of different sizes, one of nothing */
        w[i] = (float)(i / (size_t)k == 2 ? 0 : 0.05 * rng_bell(&r) / (double)(1 + i / (size_t)k % 3));
    for (int j = 0; j < n; j++)
        b[j] = (float)(0.05 * rng_bell(&r));
    for (int i = 0; i < k; i++) {
        gamma[i] = (float)(0.9 + 0.1 * rng_bell(&r));
        beta[i] = (float)(0.1 * rng_bell(&r));
    }
    if (residual) {
        l.in = (struct tern_input){.unit = 0.0007, .norm = 0.0007 * 16384 * sqrt(k)};
        tern_quantize_residual(&l.out, &f, &l.in, unit_y, scratch);
    } else {
        l.in = (struct tern_input){.unit = sqrt(k) / 32768, .norm = sqrt(k), .gamma = gamma, .beta = beta};
        tern_quantize_requant(&l.out, &f, &l.in, 0, scratch);
    }
    if (format == TERN_FORMAT_INT8)
        expect_int8(&l, &f);
    else
        expect_codes(&l, &f);
    l.linear = (struct tern_linear){.weight = l.out.weight,
                                    .mul = l.out.mul,
                                    .bias16 = l.out.bias16,
                                    .bias32 = l.out.bias32,
                                    .kappa = l.out.kappa,
                                    .wnorm2 = l.out.wnorm2,
                                    .up = l.out.up,
                                    .n = n,
                                    .k = k};
    if (tern_format_is_bytes(format))
        l.linear.bound = tern_format_bound(format);
    else
        l.linear.codes = (struct tern_codes){l.out.line, tern_format_grouped(format) ? l.out.group_mul : NULL,
                                             tern_codebook(format), l.out.coding.group / TERN_PANEL_K};
    free(scratch);
    free(gamma);
    free(b);
    free(w);
    return l;
}

static void free_layer(struct layer *l)
{
    free(l->out.weight);
    free(l->out.line);
    free(l->out.group_mul);
    free(l->out.mul);
    free(l->out.bias16);
    free(l->out.bias32);
    free(l->q);
    free(l->scale);
    free(l->bias);
}

/* What is stored is what the quantiser of panels gives: codes, multipliers, the longest channel. */
static void check_stored(const struct layer *l)
{
    const struct tern_codes *c = &l->linear.codes;
    const int k4 = tern_k4(l->k);
    int32_t longest = 0;
    for (int j = 0; j < l->n; j++) {
        int32_t norm2 = 0;
        for (int i = 0; i < l->k; i++) {
            const int q = l->q[j * l->k + i], step = i / TERN_PANEL_K, channel = j % TERN_PANEL;
            norm2 += q * q;
            if (l->linear.weight)
                continue;
            const struct tern_codes at = tern_codes_at(c, j / TERN_PANEL, k4);
            const int code = tern_code_get(at.line, c->book->bits, step, channel, i % TERN_PANEL_K);
            const int mul = c->mul ? at.mul[step / c->group * TERN_PANEL + channel] : 1;
            assert_int_equal(c->book->value[code] * mul, q);
        }
        longest = norm2 > longest ? norm2 : longest;
    }
    assert_int_equal(l->linear.wnorm2, longest);
    if (c->mul)
        for (int i = 0; i < tern_panels(l->n) * tern_code_groups(c, k4) * TERN_PANEL; i++)
            assert_in_range(c->mul[i], 1, c->book->most_mul);
}

/* ---- Tables: every ISA row with its own routes, with every matrix unpacked, and with none ------------------------ */

static struct {
    struct tern_ops ops;
    char name[40];
} tables[MOST_TABLES];
static int n_tables;
static struct tern_pool *pools[THREADS + 1];

static void add_table(const struct tern_ops *ops, const char *isa, const char *route)
{
    tables[n_tables].ops = *ops;
    snprintf(tables[n_tables++].name, sizeof tables[0].name, "%s%s", isa, route);
}

static int setup(void **state)
{
    (void)state;
    for (int isa = 0; isa < TERN_N_ISAS; isa++) {
        unsigned features;
        struct tern_ops ops;
        const char *name = tern_isa_name((enum tern_isa)isa);
        if (tern_cpu_select(&features, name, NULL))
            continue;
        tern_table_build(&ops, features);
        add_table(&ops, name, "");
        ops.routes = (struct tern_routes){.s4 = 0};
        add_table(&ops, name, ", unpacked");
        ops.routes = (struct tern_routes){.s4 = TERN_ANY_ROWS,
                                          .lut = {TERN_ANY_ROWS, TERN_ANY_ROWS},
                                          .lut_group = {TERN_ANY_ROWS, TERN_ANY_ROWS, TERN_ANY_ROWS}};
        add_table(&ops, name, ", as codes");
    }
    return tern_pool_open(&pools[1], 1, &err) || tern_pool_open(&pools[2], 2, &err) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    tern_pool_close(pools[1]);
    tern_pool_close(pools[2]);
    return 0;
}

/* ---- Rows and the machinery ------------------------------------------------------------------------------------- */

struct rows {
    int8_t *q;
    struct tern_row *row;
    struct tern_rows view;
};

static struct rows make_rows(int m, int k, int unit_length, uint64_t seed)
{
    struct rng r = rng_seeded(seed, "rows");
    const int ld = tern_round_up(k, 64);
    struct rows x = {
        need(aligned_alloc(64, (size_t)m * (size_t)ld)), need(calloc((size_t)m, sizeof(struct tern_row))), {0}};
    double *d = need(malloc((size_t)k * sizeof *d));
    int16_t *row = need(malloc((size_t)k * sizeof *row));
    memset(x.q, 0, (size_t)m * (size_t)ld);
    for (int i = 0; i < m; i++) {
        double norm = 0;
        for (int j = 0; j < k; j++) {
            d[j] = i % 4 == 1 ? 1 - 2 * (j & 1) : i == 6 ? 0 : rng_bell(&r);
            d[j] *= i % 4 == 2 && j == k / 3 ? 30 : 1; /* an outlier */
            norm += d[j] * d[j];
        }
        for (int j = 0; j < k; j++) {
            const double v = unit_length ? (norm > 0 ? d[j] / sqrt(norm) * 32768 : 0) : d[j] / 4 * 16384;
            const double most = unit_length ? 32767 : 16384;
            row[j] = (int16_t)lrint(fmax(-most, fmin(most, v)));
        }
        tables[0].ops.quantize(row, x.q + (ptrdiff_t)i * ld, &x.row[i], k);
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

/* Blocks of just the size that the longest k needs, as models/bert.c plans them. */
static struct tern_runner new_runner(int k)
{
    const size_t blocks = (size_t)tern_blocks(tern_k4(k));
    struct tern_runner run = {.panels_bytes = (ptrdiff_t)(2 * TERN_PANEL * TERN_BLOCK_K * blocks)};
    if (run.panels_bytes < TERN_UNPACKED_BYTES)
        run.panels_bytes = TERN_UNPACKED_BYTES;
    run.scale = need(malloc(3 * MOST_ROWS * sizeof *run.scale));
    run.tile = need(aligned_alloc(64, THREADS * TERN_TILE * sizeof *run.tile));
    run.panels = need(aligned_alloc(64, THREADS * (size_t)run.panels_bytes));
    run.table = need(aligned_alloc(64, TERN_LUT_ROWS * TERN_LUT_BLOCK * blocks));
    run.table_sum = need(malloc(TERN_LUT_ROWS * blocks * sizeof *run.table_sum));
    return run;
}

static void free_runner(struct tern_runner *run)
{
    free(run->scale);
    free(run->tile);
    free(run->panels);
    free(run->table);
    free(run->table_sum);
}

static double real_value(const struct layer *l, const struct rows *x, int i, int j)
{
    int64_t dot = 0;
    for (int c = 0; c < l->k; c++)
        dot += x->q[(ptrdiff_t)i * x->view.ld + c] * l->q[j * l->k + c];
    return (double)dot * x->row[i].amax / 127 * l->in.unit * l->scale[j] + l->bias[j];
}

static const struct {
    int n, k;
} sizes[] = {{48, 768}, {1, 1}, {17, 5}, {66, 22}, {40, 264}, {130, 312}, {9, 1200}};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const int row_counts[] = {1, 3, 7, 17, 40};

/* ---- Requantised outputs ---------------------------------------------------------------------------------------- */

/* As in tests/test_linear.c: the accumulator 1/2, its factor 3/2, the last product 1/2, the bias 1/2. */
static const double requant_error = 3.0;

static void check_values(const struct layer *l, const struct rows *x, const int16_t *out, int ld)
{
    for (int i = 0; i < x->view.m; i++)
        for (int j = 0; j < ld; j++) {
            if (j >= l->n) {
                assert_int_equal(out[i * ld + j], 0x1111); /* nothing written beside the columns */
                continue;
            }
            const double exact = real_value(l, x, i, j) / l->out.unit;
            if (fabs(out[i * ld + j] - exact) > requant_error + 1e-6 * fabs(exact))
                fail_msg("%s [%d, %d], %d rows, row %d, column %d: %d instead of %.2f",
                         tern_format_name(l->out.coding.format), l->n, l->k, x->view.m, i, j, out[i * ld + j], exact);
        }
}

/* Three matrices that read the same rows, of formats that take different routes; then the first alone. */
static void check_requant(enum tern_format format, int n, int k, int m, uint64_t seed)
{
    struct layer l[3];
    const struct tern_linear *w[3];
    struct rows x = make_rows(m, k, 1, seed);
    struct tern_runner run = new_runner(k);
    const int ld = n + 3;
    const size_t size = (size_t)m * (size_t)ld * sizeof(int16_t);
    int16_t *first = need(malloc(3 * size)), *got = need(malloc(3 * size)), *out[3];
    for (int i = 0; i < 3; i++) {
        l[i] = make_layer((enum tern_format)(((int)format + 3 * i) % TERN_N_FORMATS), n, k, 0, seed + (uint64_t)i);
        w[i] = &l[i].linear;
        check_stored(&l[i]);
    }
    for (int t = 0; t < n_tables; t++)
        for (int threads = 1; threads <= THREADS; threads++)
            for (int count = 3; count >= 1; count -= 2) {
                int16_t *const to = t || threads > 1 || count < 3 ? got : first;
                for (int i = 0; i < 3; i++)
                    out[i] = to + (size_t)i * size / sizeof **out;
                memset(to, 0x11, 3 * size);
                run.ops = &tables[t].ops;
                run.pool = pools[threads];
                tern_linear_run(&run, TERN_STAGE_qkv, w, out, count, ld, &x.view);
                if (memcmp(to, first, (size_t)count * size))
                    fail_msg("%s [%d, %d], %d rows: other bits on %s, %d threads, %d matrices",
                             tern_format_name(format), n, k, m, tables[t].name, threads, count);
            }
    for (int i = 0; i < 3; i++) {
        check_values(&l[i], &x, first + (size_t)i * size / sizeof *first, ld);
        free_layer(&l[i]);
    }
    free(got);
    free(first);
    free_runner(&run);
    free_rows(&x);
}

static void test_requant(void **state)
{
    const int stride = stride_emulated(3);
    (void)state;
    uint64_t seed = 1;
    for (int f = 0; f < TERN_N_FORMATS; f++)
        for (int s = 0; s < SIZES; s++)
            for (int r = s % stride; r < 5; r += stride, seed++)
                check_requant((enum tern_format)f, sizes[s].n, sizes[s].k, row_counts[r], seed);
}

/* ---- Residual --------------------------------------------------------------------------------------------------- */

static void check_sums(const struct layer *l, const struct rows *x, const int16_t *y, const int32_t *sum)
{
    for (int i = 0; i < x->view.m; i++) {
        /* As in tests/test_linear.c. */
        const double tolerance = ldexp(2.5, 15 - tern_residual_scale(&l->linear, x->row[i]).exp) + 1;
        for (int j = 0; j < l->n; j++) {
            const double sub = real_value(l, x, i, j) / l->out.unit;
            const double exact = ldexp(y[i * l->n + j], l->linear.up) + sub, got = sum[i * l->n + j];
            if (fabs(got - exact) > tolerance + 1e-6 * fabs(sub))
                fail_msg("%s [%d, %d], row %d, column %d: %.0f instead of %.2f, tolerance %.2f",
                         tern_format_name(l->out.coding.format), l->n, l->k, i, j, got, exact, tolerance);
        }
    }
}

static void check_residual(enum tern_format format, int n, int k, int m, uint64_t seed)
{
    struct layer l = make_layer(format, n, k, 0.001, seed);
    struct rows x = make_rows(m, k, 0, seed);
    struct tern_runner run = new_runner(k);
    struct rng r = rng_seeded(seed, "y");
    const size_t count = (size_t)m * (size_t)n;
    int16_t *y = need(malloc(count * sizeof *y));
    int32_t *first = need(malloc(count * sizeof *first)), *got = need(malloc(count * sizeof *got));
    check_stored(&l);
    for (size_t i = 0; i < count; i++)
        y[i] = (int16_t)rng_between(&r, -32767, 32767);
    for (int t = 0; t < n_tables; t++)
        for (int threads = 1; threads <= THREADS; threads++) {
            int32_t *const to = t || threads > 1 ? got : first;
            run.ops = &tables[t].ops;
            run.pool = pools[threads];
            tern_linear_residual(&run, TERN_STAGE_attn_out, &l.linear, to, n, y, n, &x.view);
            if (memcmp(to, first, count * sizeof *to))
                fail_msg("%s [%d, %d], %d rows: other sums on %s, %d threads", tern_format_name(format), n, k, m,
                         tables[t].name, threads);
        }
    check_sums(&l, &x, y, first);
    free(got);
    free(first);
    free(y);
    free_runner(&run);
    free_rows(&x);
    free_layer(&l);
}

static void test_residual(void **state)
{
    const int stride = stride_emulated(3);
    (void)state;
    uint64_t seed = 1;
    for (int f = 0; f < TERN_N_FORMATS; f++)
        for (int s = 0; s < SIZES; s++)
            for (int r = s % stride; r < 5; r += stride, seed++)
                check_residual((enum tern_format)f, sizes[s].n, sizes[s].k, row_counts[r], seed);
}

/* A row that is one number has a short int8 form, and with small weights small sums: not even they may need a
   multiplier above what 15 bits hold. It saturated, and ternary and binary layers of few inputs added a fraction. */
static void test_residual_of_one_input(void **state)
{
    (void)state;
    enum { N = 16, K = 40 };
    int16_t row[K] = {0}, y[N] = {0};
    int32_t sum[N];
    struct rows x = make_rows(1, K, 0, 1);
    struct tern_runner run = new_runner(K);
    run.ops = &tables[0].ops;
    run.pool = pools[1];
    row[5] = 16384;
    tables[0].ops.quantize(row, x.q, x.row, K);
    for (int f = 0; f < TERN_N_FORMATS; f++)
        for (int i = 0; i < 16; i++) {
            struct layer l = make_layer((enum tern_format)f, N, K, ldexp(0.001, -i), 1);
            if (l.out.up > 0) { /* else y's unit is too small for any of these sums */
                tern_linear_residual(&run, TERN_STAGE_attn_out, &l.linear, sum, N, y, N, &x.view);
                check_sums(&l, &x, y, sum);
            }
            free_layer(&l);
        }
    free_runner(&run);
    free_rows(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requant), cmocka_unit_test(test_residual),
                                       cmocka_unit_test(test_residual_of_one_input)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
