/* Low-bit quantisation: the codebooks' promises, where codes lie, nearest rounding against brute force, weights that
   are on a grid already, error compensation against nearest rounding, and its factor against plain Cholesky. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/second_order.h"
#include "quant/weights.h"
#include "tests/plain_lapack.h"
#include "tests/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_K = 320, GUARD = 0xA5 };

static void *need(void *block)
{
    if (!block)
        abort();
    return block;
}

static double uniform(struct rng *r) /* -1 .. 1 */
{
    return (double)rng_between(r, -1000000, 1000000) / 1000000;
}

static double bell(struct rng *r)
{
    return uniform(r) + uniform(r) + uniform(r) + uniform(r);
}

/* The codes that a format uses. */
static int codes_of(enum tern_format format)
{
    return format == TERN_FORMAT_TERNARY ? 3 : 1 << tern_format_bits(format);
}

/* ---- Codebooks -------------------------------------------------------------------------------------------------- */

static void test_codebooks(void **state)
{
    (void)state;
    static const char *const names[] = {"int8", "int4", "nf4", "fp4", "int3", "int2", "ternary", "binary"};
    static const int bits[] = {8, 4, 4, 4, 3, 2, 2, 1};
    assert_int_equal(sizeof names / sizeof *names, TERN_N_FORMATS);
    assert_null(tern_codebook(TERN_FORMAT_INT8));
    for (int f = 0; f < TERN_N_FORMATS; f++) {
        const struct tern_codebook *book = tern_codebook((enum tern_format)f);
        assert_string_equal(tern_format_name((enum tern_format)f), names[f]);
        assert_int_equal(tern_format_bits((enum tern_format)f), bits[f]);
        if (!book)
            continue;
        assert_int_equal(book->bits, bits[f]);
        assert_true(book->most_mul >= 1);
        assert_int_equal(tern_format_grouped((enum tern_format)f), book->most_mul > 1);
        assert_true(book->step || book->bits == 4); /* gemm_lut knows lines alone */
        int least = 127, largest = 0;
        for (int code = 0; code < codes_of((enum tern_format)f); code++) {
            const int value = book->value[code];
            least = value < least ? value : least;
            largest = abs(value) > largest ? abs(value) : largest;
            assert_true(value + book->offset >= 0);
            if (book->bits == 4)
                assert_true(abs(value) <= 15 && value + book->offset <= 30);
            if (book->step)
                assert_int_equal(value, book->step * code - book->offset);
            for (int mul = 1; mul <= book->most_mul; mul++)
                assert_true(abs(value * mul) <= 127 && (value + book->offset) * mul <= 255);
        }
        assert_int_equal(book->offset, -least);
        assert_true(largest > 0);
        if (book->most_mul > 1) /* no larger multiplier would do */
            assert_true(largest * (book->most_mul + 1) > 127 || (largest + book->offset) * (book->most_mul + 1) > 255);
    }
}

/* Where every plane of a code lies: no two share a bit, and all bits of the lines are used. */
static void check_places(int bits, int k4)
{
    const size_t bytes = (size_t)tern_code_lines(bits, k4) * TERN_LINE;
    uint8_t *panel = need(calloc(bytes + 1, 1)), *alone = need(calloc(bytes, 1));
    const int steps = bits == 4 ? (k4 + 1) / 2 * 2 : tern_blocks(k4) * TERN_BLOCK_STEPS;
    panel[bytes] = GUARD;
    for (int step = 0; step < steps; step++)
        for (int channel = 0; channel < TERN_PANEL; channel++)
            for (int input = 0; input < TERN_PANEL_K; input++) {
                int set = 0;
                memset(alone, 0, bytes);
                tern_code_put(alone, bits, step, channel, input, (1 << bits) - 1);
                for (size_t i = 0; i < bytes; i++) {
                    set += __builtin_popcount(alone[i]);
                    assert_int_equal(panel[i] & alone[i], 0); /* another code's bits */
                    panel[i] |= alone[i];
                }
                assert_int_equal(set, bits);
                for (int code = 0; code < 1 << bits; code++) { /* the bits of one code, as it was put */
                    memset(alone, 0, bytes);
                    tern_code_put(alone, bits, step, channel, input, code);
                    assert_int_equal(tern_code_get(alone, bits, step, channel, input), code);
                }
            }
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(panel[i], 255);
    assert_int_equal(panel[bytes], GUARD);
    free(alone);
    free(panel);
}

/* A panel full of codes, put in a shuffled order, reads back. */
static void check_round_trip(int bits, int k4)
{
    struct rng r = rng_seeded((uint64_t)(bits * 1000 + k4), "codes");
    const int count = k4 * TERN_LINE;
    const size_t bytes = (size_t)tern_code_lines(bits, k4) * TERN_LINE;
    int *order = need(malloc((size_t)count * sizeof *order)), *code = need(malloc((size_t)count * sizeof *code));
    uint8_t *panel = need(calloc(bytes, 1));
    for (int i = 0; i < count; i++) {
        const int j = (int)rng_between(&r, 0, i);
        order[i] = order[j];
        order[j] = i;
        code[i] = (int)rng_between(&r, 0, (1 << bits) - 1);
    }
    for (int i = 0; i < count; i++) {
        const int at = order[i];
        tern_code_put(panel, bits, at / TERN_LINE, at / TERN_PANEL_K % TERN_PANEL, at % TERN_PANEL_K, code[at]);
    }
    for (int at = 0; at < count; at++)
        assert_int_equal(tern_code_get(panel, bits, at / TERN_LINE, at / TERN_PANEL_K % TERN_PANEL, at % TERN_PANEL_K),
                         code[at]);
    free(panel);
    free(code);
    free(order);
}

static void test_code_places(void **state)
{
    (void)state;
    static const int k4s[] = {1, 2, 7, 8, 9, 19};
    for (int bits = 1; bits <= 4; bits++)
        for (size_t i = 0; i < sizeof k4s / sizeof *k4s; i++) {
            check_places(bits, k4s[i]);
            check_round_trip(bits, k4s[i]);
        }
}

/* ---- A panel of weights and what became of it ------------------------------------------------------------------- */

struct panel {
    int count, k, groups;
    float w[TERN_PANEL * MOST_K];
    uint8_t codes[(TERN_PANEL + 1) * MOST_K]; /* the last row is a guard */
    uint8_t mul[(MOST_K / 32 + 1) * TERN_PANEL];
    double scale[TERN_PANEL + 1];
};

static struct panel *new_panel(int count, int k)
{
    struct panel *p = need(calloc(1, sizeof *p));
    p->count = count;
    p->k = k;
    return p;
}

static double value_at(const struct tern_coding *c, const struct panel *p, int j, int i, int code)
{
    const int mul = tern_format_grouped(c->format) ? p->mul[i / c->group * TERN_PANEL + j] : 1;
    return tern_codebook(c->format)->value[code] * mul * p->scale[j];
}

/* Weights that no run changes, quantised; all that must stay as it was is looked at. */
static void quantize(const struct tern_coding *c, struct panel *p)
{
    const int k = p->k;
    const struct tern_codebook *book = tern_codebook(c->format);
    float *rows = need(malloc(sizeof p->w)), *scratch = need(malloc((size_t)k * sizeof *scratch));
    memcpy(rows, p->w, sizeof p->w);
    memset(p->codes, GUARD, sizeof p->codes);
    memset(p->mul, GUARD, sizeof p->mul);
    for (int j = 0; j <= TERN_PANEL; j++)
        p->scale[j] = -77;
    p->groups = tern_format_grouped(c->format) ? (k + c->group - 1) / c->group : 0;
    tern_quantize_panel(c, rows, p->count, k, p->codes, p->mul, p->scale, scratch);
    if (!c->second)
        assert_memory_equal(rows, p->w, sizeof p->w);
    for (int j = 0; j < p->count; j++) {
        assert_true(isfinite(p->scale[j]) && p->scale[j] >= 0);
        for (int i = 0; i < k; i++)
            assert_in_range(p->codes[j * k + i], 0, codes_of(c->format) - 1);
    }
    for (size_t i = (size_t)p->count * (size_t)k; i < sizeof p->codes; i++)
        assert_int_equal(p->codes[i], GUARD);
    for (int j = p->count; j <= TERN_PANEL; j++)
        assert_true(p->scale[j] == -77);
    for (int i = 0; i < (int)sizeof p->mul; i++)
        if (i < p->groups * TERN_PANEL && i % TERN_PANEL < p->count)
            assert_in_range(p->mul[i], 1, book->most_mul);
        else
            assert_int_equal(p->mul[i], GUARD);
    free(scratch);
    free(rows);
}

static double channel_error(const struct tern_coding *c, const struct panel *p, int j)
{
    double error = 0;
    for (int i = 0; i < p->k; i++) {
        const double d = (double)p->w[j * p->k + i] - value_at(c, p, j, i, p->codes[j * p->k + i]);
        error += d * d;
    }
    return error;
}

static double channel_squares(const struct panel *p, int j)
{
    double sum = 0;
    for (int i = 0; i < p->k; i++)
        sum += (double)p->w[j * p->k + i] * (double)p->w[j * p->k + i];
    return sum;
}

static void fill(struct panel *p, uint64_t seed)
{
    struct rng r = rng_seeded(seed, "panel");
    for (int j = 0; j < p->count; j++)
        for (int i = 0; i < p->k; i++) {
            double w = 0.04 * bell(&r);
            if (j % 4 == 1) /* a few that stand out */
                w *= i % 37 == 5 ? 20 : 1;
            if (j % 4 == 2) /* groups of very different sizes */
                w *= ldexp(1, -(i / 32) % 6);
            if (j % 4 == 3) /* one sign */
                w = fabs(w);
            p->w[j * p->k + i] = (float)(j == 6 ? 0 : w);
        }
}

static const int ks[] = {312, 264, 128, 64, 33, 22, 5, 1};
static const int counts[] = {16, 7, 1, 12};
static const int groups[] = {32, 64, 128};
enum { KS = sizeof ks / sizeof *ks };

/* ---- To the nearest --------------------------------------------------------------------------------------------- */

static void check_nearest(const struct tern_coding *c, const struct panel *p)
{
    for (int j = 0; j < p->count; j++)
        for (int i = 0; i < p->k; i++) {
            const double w = p->w[j * p->k + i], got = fabs(w - value_at(c, p, j, i, p->codes[j * p->k + i]));
            for (int code = 0; code < codes_of(c->format); code++) {
                const double other = fabs(w - value_at(c, p, j, i, code));
                if (got > other + 1e-6 * (fabs(w) + p->scale[j])) /* what float loses of a tie */
                    fail_msg("%s, k %d, group %d, channel %d, input %d: code %d is nearer to %g than %d",
                             tern_format_name(c->format), p->k, c->group, j, i, code, w, p->codes[j * p->k + i]);
            }
        }
}

static int has_zero(enum tern_format format)
{
    return format != TERN_FORMAT_INT3 && format != TERN_FORMAT_INT2 && format != TERN_FORMAT_BINARY;
}

static void test_nearest(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int f = TERN_FORMAT_INT4; f < TERN_N_FORMATS; f++)
        for (int s = 0; s < KS; s++, seed++)
            for (int g = 0; g < 3; g++)
                for (int plain = 0; plain < 2; plain++) {
                    const struct tern_coding c = {.format = (enum tern_format)f, .group = groups[g], .plain = plain};
                    struct panel *p = new_panel(counts[seed % 4], ks[s]);
                    fill(p, seed);
                    quantize(&c, p);
                    check_nearest(&c, p);
                    for (int j = 0; j < p->count && has_zero(c.format); j++) /* closer than nothing at all */
                        assert_true(channel_error(&c, p, j) <= channel_squares(p, j));
                    if (p->count > 6)
                        assert_true(p->scale[6] == 0);
                    free(p);
                }
}

/* One group: a searched scale is never worse than one from the largest weight. Several: the search is group by group,
   and what the multipliers' grid then costs may fall on either side, but not over a panel. */
static void check_search(enum tern_format format, int group, int k, uint64_t seed, double *all)
{
    struct tern_coding c = {.format = format, .group = group};
    struct panel *p = new_panel(16, k), *q = new_panel(16, k);
    double sums[2] = {0, 0};
    fill(p, seed);
    fill(q, seed);
    quantize(&c, p);
    c.plain = 1;
    quantize(&c, q);
    for (int j = 0; j < 16; j++) {
        const double squares = channel_squares(p, j);
        const double searched = channel_error(&c, p, j), from_largest = channel_error(&c, q, j);
        if (!tern_format_grouped(format))
            assert_true(searched == from_largest); /* neither is for them */
        if (k <= group && searched > from_largest + 1e-6 * squares)
            fail_msg("%s, k %d, channel %d: squared error %g, from the largest %g", tern_format_name(format), k, j,
                     searched, from_largest);
        sums[0] += squares > 0 ? searched / squares : 0;
        sums[1] += squares > 0 ? from_largest / squares : 0;
    }
    if (sums[0] > sums[1] + 1e-6)
        fail_msg("%s, k %d, group %d: squared error %g, from the largest %g", tern_format_name(format), k, group,
                 sums[0] / 15, sums[1] / 15);
    all[0] += sums[0] / 15;
    all[1] += sums[1] / 15;
    free(p);
    free(q);
}

static void test_search(void **state)
{
    (void)state;
    for (int f = TERN_FORMAT_INT4; f < TERN_N_FORMATS; f++) {
        double all[2] = {0, 0};
        for (int s = 0; s < KS; s++)
            for (int g = 0; g < 3; g++)
                check_search((enum tern_format)f, groups[g], ks[s], (uint64_t)(100 * f + s), all);
        printf("%-8s relative squared error %.5f searched, %.5f from the largest\n",
               tern_format_name((enum tern_format)f), all[0] / (KS * 3), all[1] / (KS * 3));
    }
}

/* ---- What is on a grid already comes back ----------------------------------------------------------------------- */

/* Values times group multipliers times `unit`; the largest value is in every group, so that its scale is seen. */
static void fill_grid(const struct tern_coding *c, struct panel *p, double unit, struct rng *r)
{
    const struct tern_codebook *book = tern_codebook(c->format);
    const int n = codes_of(c->format);
    int largest = 0;
    for (int code = 0; code < n; code++)
        if (abs(book->value[code]) > abs(book->value[largest]))
            largest = code;
    for (int j = 0; j < p->count; j++)
        for (int i = 0, mul = 1; i < p->k; i++) {
            const int first = tern_format_grouped(c->format) ? i % c->group == 0 : i == 0;
            if (first && tern_format_grouped(c->format)) /* the first group is the widest */
                mul = i ? (int)rng_between(r, 1, book->most_mul) : book->most_mul;
            const int code = first ? largest : (int)rng_between(r, 0, n - 1);
            p->w[j * p->k + i] = (float)(book->value[code] * mul * unit);
        }
}

static void test_grids_come_back(void **state)
{
    (void)state;
    static const double units[] = {1, 0x1p-10, 0.0123, 3e-20, 7e15};
    struct rng r = rng_seeded(1, "grids");
    for (int f = TERN_FORMAT_INT4; f < TERN_N_FORMATS; f++)
        for (int s = 0; s < KS; s++)
            for (int u = 0; u < 5; u++)
                for (int plain = 0; plain < 2; plain++) {
                    const struct tern_coding c = {
                        .format = (enum tern_format)f, .group = groups[(s + u) % 3], .plain = plain};
                    struct panel *p = new_panel(counts[s % 4], ks[s]);
                    fill_grid(&c, p, units[u], &r);
                    quantize(&c, p);
                    for (int j = 0; j < p->count; j++) {
                        const double error = channel_error(&c, p, j), squares = channel_squares(p, j);
                        if (error > 1e-12 * squares)
                            fail_msg("%s, k %d, group %d, unit %g, channel %d: relative squared error %g",
                                     tern_format_name(c.format), p->k, c.group, units[u], j, error / squares);
                    }
                    free(p);
                }
}

/* Channels of nothing stay nothing. */
static void test_zeros(void **state)
{
    (void)state;
    for (int f = TERN_FORMAT_INT4; f < TERN_N_FORMATS; f++)
        for (int s = 0; s < KS; s++) {
            const struct tern_coding c = {.format = (enum tern_format)f, .group = 64, .plain = s % 2};
            struct panel *p = new_panel(counts[s % 4], ks[s]);
            quantize(&c, p);
            for (int j = 0; j < p->count; j++)
                assert_true(p->scale[j] == 0);
            for (int i = 64; i < p->k; i++) /* only the first group is zero */
                p->w[i] = 1;
            if (p->k > 64) {
                quantize(&c, p);
                check_nearest(&c, p);
            }
            free(p);
        }
}

/* ---- Second order ----------------------------------------------------------------------------------------------- */

static struct tern_lapack found;
static const struct tern_lapack *lapacks[2] = {&test_plain_lapack, NULL};

/* The system's LAPACK as well, or a word that it is missing. */
static int n_lapacks(void)
{
    if (lapacks[1])
        return 2;
    printf("no LAPACK here: with plain C only\n");
    return 1;
}

struct second {
    struct tern_moments moments;
    struct tern_second_order order;
    int32_t *index;
    float *moment, *factor;
    double *scratch;
};

static struct second new_second(int k)
{
    const size_t square = (size_t)k * (size_t)k;
    struct second s = {.moments = {need(calloc(square, sizeof(float))), k}};
    s.index = need(malloc((size_t)k * sizeof *s.index));
    s.factor = need(malloc(square * sizeof *s.factor));
    s.scratch = need(malloc(square * sizeof *s.scratch));
    s.moment = need(malloc((size_t)k * sizeof *s.moment));
    s.order = (struct tern_second_order){s.moment, s.index, s.factor};
    return s;
}

static void free_second(struct second *s)
{
    free(s->moments.sum);
    free(s->index);
    free(s->moment);
    free(s->factor);
    free(s->scratch);
}

static int make(struct second *s, const struct tern_lapack *lapack)
{
    for (int i = 0; i < s->moments.k * s->moments.k; i++)
        s->factor[i] = NAN;
    return tern_second_order_make(&s->moments, lapack, s->moment, s->index, s->factor, s->scratch);
}

/* rows[n][k] of inputs that go together, of quite different sizes. */
static float *correlated(int n, int k, uint64_t seed)
{
    struct rng r = rng_seeded(seed, "inputs");
    const int causes = k / 4 + 1;
    float *rows = need(malloc((size_t)n * (size_t)k * sizeof *rows));
    double *mix = need(malloc((size_t)causes * (size_t)k * sizeof *mix));
    double *cause = need(malloc((size_t)causes * sizeof *cause));
    for (int i = 0; i < causes * k; i++)
        mix[i] = bell(&r);
    for (int row = 0; row < n; row++) {
        for (int c = 0; c < causes; c++)
            cause[c] = bell(&r);
        for (int i = 0; i < k; i++) {
            double x = 0.3 * bell(&r);
            for (int c = 0; c < causes; c++)
                x += mix[c * k + i] * cause[c] / causes;
            rows[row * k + i] = (float)(x * (1 + i % 5));
        }
    }
    free(cause);
    free(mix);
    return rows;
}

static double moment(const struct tern_moments *m, int i, int j)
{
    return (double)(i < j ? m->sum[i + j * m->k] : m->sum[j + i * m->k]);
}

/* The factor times its transpose times what it was made of is 1, and the order falls. */
static void check_factor(const struct second *s, double tolerance)
{
    const int k = s->moments.k;
    double mean = 0;
    for (int i = 0; i < k; i++)
        mean += moment(&s->moments, i, i) / k;
    const double damping = mean > 0 ? 0.01 * mean : 1;
    int seen[MOST_K] = {0};
    for (int i = 0; i < k; i++) {
        assert_in_range(s->index[i], 0, k - 1);
        assert_int_equal(seen[s->index[i]]++, 0);
        if (i)
            assert_true(moment(&s->moments, s->index[i], s->index[i]) <=
                        moment(&s->moments, s->index[i - 1], s->index[i - 1]));
        for (int j = 0; j < k; j++)
            assert_true(j < i ? s->factor[i * k + j] == 0 : isfinite(s->factor[i * k + j]));
    }
    for (int i = 0; i < k; i++)
        for (int j = 0; j < k; j++) {
            double product = 0;
            for (int l = 0; l < k; l++) {
                double inverse = 0; /* (U^T U)[i][l] */
                for (int m = 0; m < k; m++)
                    inverse += (double)s->factor[m * k + i] * (double)s->factor[m * k + l];
                product += inverse * (moment(&s->moments, s->index[l], s->index[j]) + (l == j ? damping : 0));
            }
            if (fabs(product - (i == j)) > tolerance)
                fail_msg("k %d: [%d, %d] of the product is %.9f", k, i, j, product);
        }
}

static void test_factor(void **state)
{
    (void)state;
    for (int which = 0; which < n_lapacks(); which++)
        for (int seed = 1; seed <= 20; seed++) {
            const int k = seed % 3 ? 7 : seed;
            struct second s = new_second(k);
            float *rows = correlated(30, k, (uint64_t)seed);
            tern_moments_add(&s.moments, lapacks[which], rows, 11);
            tern_moments_add(&s.moments, lapacks[which], rows + 11 * k, 19);
            for (int i = 0; i < k; i++)
                for (int j = 0; j < k; j++) { /* the sum itself, and nothing below it */
                    double sum = 0;
                    for (int row = 0; row < 30 && i <= j; row++)
                        sum += (double)rows[row * k + i] * (double)rows[row * k + j];
                    assert_true(fabs((double)s.moments.sum[i + j * k] - sum) <= 1e-3);
                }
            assert_int_equal(make(&s, lapacks[which]), 0);
            check_factor(&s, 1e-5); /* floats of 6e-8, and what the condition makes of them */
            free(rows);
            free_second(&s);
        }
}

static void test_factor_is_refused(void **state)
{
    (void)state;
    for (int which = 0; which < n_lapacks(); which++)
        for (int kind = 0; kind < 6; kind++) {
            struct second s = new_second(7);
            float *const a = s.moments.sum;
            for (int i = 0; i < 7; i++)
                a[i + i * 7] = kind == 5 ? 0 : 2;
            if (kind == 0)
                a[3 + 3 * 7] = NAN;
            if (kind == 1)
                a[2 + 5 * 7] = NAN; /* beside the diagonal */
            if (kind == 2)
                a[6 + 6 * 7] = INFINITY;
            if (kind == 3)
                a[0 + 6 * 7] = INFINITY;
            if (kind == 4)
                a[1 + 4 * 7] = 3; /* no moments: more than both their own */
            if (kind == 5) { /* nothing seen: as good as identity */
                assert_int_equal(make(&s, lapacks[which]), 0);
                check_factor(&s, 1e-6);
            } else if (make(&s, lapacks[which]) != -1) {
                fail_msg("kind %d was taken by %s", kind, which ? "LAPACK" : "plain C");
            }
            free_second(&s);
        }
}

/* Where inputs say nothing of each other, errors cannot be made good. */
static void test_identity(void **state)
{
    (void)state;
    for (int which = 0; which < n_lapacks(); which++)
        for (int f = TERN_FORMAT_INT4; f < TERN_N_FORMATS; f++)
            for (int s = 0; s < KS; s++) {
                struct second second = new_second(ks[s]);
                struct tern_coding c = {.format = (enum tern_format)f, .group = 64};
                struct panel *p = new_panel(counts[s % 4], ks[s]), *q = new_panel(counts[s % 4], ks[s]);
                for (int i = 0; i < ks[s]; i++)
                    second.moments.sum[i + i * ks[s]] = 3;
                fill(p, (uint64_t)s);
                fill(q, (uint64_t)s);
                quantize(&c, p);
                assert_int_equal(make(&second, lapacks[which]), 0);
                c.second = &second.order;
                quantize(&c, q);
                assert_memory_equal(p->codes, q->codes, sizeof p->codes);
                assert_memory_equal(p->mul, q->mul, sizeof p->mul);
                for (int j = 0; j < p->count; j++)
                    assert_true(p->scale[j] == q->scale[j]);
                free(p);
                free(q);
                free_second(&second);
            }
}

/* sum ((W - Wq) x)^2 over the rows */
static double output_error(const struct tern_coding *c, const struct panel *p, const float *rows, int n)
{
    double sum = 0;
    for (int j = 0; j < p->count; j++) {
        double wrong[MOST_K];
        for (int i = 0; i < p->k; i++)
            wrong[i] = (double)p->w[j * p->k + i] - value_at(c, p, j, i, p->codes[j * p->k + i]);
        for (int row = 0; row < n; row++) {
            double y = 0;
            for (int i = 0; i < p->k; i++)
                y += wrong[i] * (double)rows[row * p->k + i];
            sum += y * y;
        }
    }
    return sum;
}

static void check_compensation(const struct tern_lapack *lapack, enum tern_format format, int k, double *worst)
{
    enum { ROWS = 400 };
    struct rng r = rng_seeded((uint64_t)k, "weights");
    struct second second = new_second(k);
    struct tern_coding c = {.format = format, .group = 32};
    struct panel *p = new_panel(16, k);
    float *rows = correlated(ROWS, k, (uint64_t)k);
    for (int i = 0; i < 16 * k; i++)
        p->w[i] = (float)(0.04 * bell(&r));
    tern_moments_add(&second.moments, lapack, rows, ROWS);
    assert_int_equal(make(&second, lapack), 0);
    quantize(&c, p);
    const double nearest = output_error(&c, p, rows, ROWS);
    c.second = &second.order;
    quantize(&c, p);
    const double ratio = output_error(&c, p, rows, ROWS) / nearest;
    *worst = fmax(*worst, ratio);
    free(rows);
    free(p);
    free_second(&second);
}

static void test_compensation(void **state)
{
    (void)state;
    for (int which = 0; which < n_lapacks(); which++)
        for (int f = TERN_FORMAT_INT4; f < TERN_N_FORMATS; f++) {
            double worst = 0;
            check_compensation(lapacks[which], (enum tern_format)f, 64, &worst);
            check_compensation(lapacks[which], (enum tern_format)f, 150, &worst);
            printf("%-8s error of the outputs: at most %.3f of nearest rounding's\n",
                   tern_format_name((enum tern_format)f), worst);
            assert_true(worst < 0.9);
        }
}

static int setup(void **state)
{
    (void)state;
    if (!tern_lapack_open(&found))
        lapacks[1] = &found;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tern_lapack_close(&found);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codebooks),
        cmocka_unit_test(test_code_places),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_grids_come_back),
        cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_factor),
        cmocka_unit_test(test_factor_is_refused),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_compensation),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
