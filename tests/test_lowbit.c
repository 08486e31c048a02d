/* Low-bit quantisation: the codebooks' promises, where codes lie, nearest rounding against brute force, and weights
   that are on a grid already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/panel.h"

#include <stdio.h>

/* ---- Codebooks -------------------------------------------------------------------------------------------------- */

static void test_codebooks(void **state)
{
    (void)state;
    /* A format's number is in files: it stays. */
    static const char *const first[] = {"int8", "int4",    "nf4",    "fp4",  "int3",
                                        "int2", "ternary", "binary", "int7", "int6"};
    for (int f = 0; f < 10; f++)
        assert_string_equal(tern_format_name((enum tern_format)f), first[f]);
    assert_null(tern_codebook(TERN_FORMAT_INT8));
    assert_int_equal(tern_format_bound(TERN_FORMAT_INT8), 127);
    assert_int_equal(tern_format_bound(TERN_FORMAT_INT7), 63);
    assert_int_equal(tern_format_bound(TERN_FORMAT_INT6), 31);
    for (int f = 0; f < TERN_N_FORMATS; f++) {
        const struct tern_codebook *book = tern_codebook((enum tern_format)f);
        if (!book)
            continue;
        assert_int_equal(book->bits, tern_format_bits((enum tern_format)f));
        assert_in_range(book->bits, 1, 4);
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
    return !tern_codebook(format)->value[tern_code_of_zero(format)];
}

static void test_nearest(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int f = next_coded(-1); f < TERN_N_FORMATS; f = next_coded(f))
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
    for (int f = next_coded(-1); f < TERN_N_FORMATS; f = next_coded(f)) {
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
    for (int f = next_coded(-1); f < TERN_N_FORMATS; f = next_coded(f))
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
    for (int f = next_coded(-1); f < TERN_N_FORMATS; f = next_coded(f))
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codebooks), cmocka_unit_test(test_code_places),     cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_search),    cmocka_unit_test(test_grids_come_back), cmocka_unit_test(test_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
