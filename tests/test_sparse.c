/* Block-sparse weights: what is made from panels and back, and what a file may not hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/make_blocks.h"
#include "quant/prune.h"
#include "runtime/base/decimal.h"
#include "simd/table.h"
#include "tests/rng.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

enum { PANELS = 3, K4 = 21, STEP = 64, DENSE = PANELS * K4 * STEP };

struct matrix {
    int8_t dense[DENSE], value[DENSE * 4];
    uint16_t index[DENSE], count[PANELS * 16];
    int32_t first[PANELS + 1];
    struct tern_sparse w;
    int64_t blocks;
    int lines;
};

/* Bytes that are zero but for some per cent; panel 1 is empty. */
static void make(struct matrix *m, enum tern_block_shape shape, int percent, struct rng *r)
{
    memset(m, 0, sizeof *m);
    for (int i = 0; i < DENSE; i++)
        if (rng_between(r, 0, 99) < percent && i / (K4 * STEP) != 1)
            m->dense[i] = (int8_t)rng_between(r, -127, 127);
    m->w = (struct tern_sparse){m->value, m->index, m->count, m->first, shape};
    m->blocks = tern_sparse_survey(m->dense, PANELS, K4, shape, m->count, m->first);
    m->lines = m->first[PANELS];
    tern_sparse_fill(m->dense, PANELS, K4, &m->w, m->value, m->index);
}

static void test_there_and_back(void **state)
{
    (void)state;
    static struct matrix m;
    static int8_t back[DENSE];
    struct rng r = rng_seeded(1, "sparse");
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++)
        for (int percent = 0; percent <= 100; percent += percent < 10 ? 1 : 15) {
            make(&m, (enum tern_block_shape)shape, percent, &r);
            tern_sparse_expand(&m.w, back, PANELS, K4);
            assert_memory_equal(back, m.dense, DENSE);
            assert_null(tern_sparse_fault(&m.w, PANELS, K4, m.lines));
            const struct tern_sparse rest = tern_sparse_at(&m.w, 2);
            tern_sparse_expand(&rest, back, 1, K4);
            assert_memory_equal(back, m.dense + 2 * K4 * STEP, K4 * STEP);
        }
}

/* One fault at a time in a good matrix. */
static void test_faults(void **state)
{
    (void)state;
    static struct matrix good, m;
    struct rng r = rng_seeded(2, "sparse");
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++) {
        make(&good, (enum tern_block_shape)shape, 60, &r);
        const int limit = shape == TERN_BLOCK_4X1 ? K4 * 4 : K4;
        for (int fault = 0; fault < 8; fault++) {
            m = good;
            m.w = (struct tern_sparse){m.value, m.index, m.count, m.first, (enum tern_block_shape)shape};
            int64_t lines = m.lines;
            switch (fault) {
            case 0: m.index[0] = (uint16_t)limit; break;
            case 1: m.index[1] = m.index[0]; break;
            case 2: m.index[0] = 65535; break;
            case 3: m.index[1] = m.index[0], m.index[0] = good.index[1]; break;
            case 4: m.count[0] = (uint16_t)(m.count[0] + tern_line_blocks((enum tern_block_shape)shape)); break;
            case 5: m.first[0] = 1; break;
            case 6: m.first[1] = -1; break;
            case 7: lines--; break;
            }
            if (!tern_sparse_fault(&m.w, PANELS, K4, lines))
                fail_msg("fault %d of %s was accepted", fault, tern_block_shape_name((enum tern_block_shape)shape));
        }
        assert_non_null(tern_sparse_fault(&good.w, PANELS, K4, good.lines + 1));
    }
}

/* Blocks of codes: lines in pairs, the values of the dense matrix whose codes they are; and what a file may not
   hold. */
static void test_codes(void **state)
{
    (void)state;
    static struct matrix m;
    static int8_t apart[DENSE], lines[DENSE * 4], back[DENSE];
    static uint8_t code[DENSE * 2], mul[PANELS * 3 * TERN_PANEL];
    struct tern_ops ops;
    struct rng r = rng_seeded(5, "codes");
    tern_table_build(&ops, 0);
    for (int i = 0; i < PANELS * 3 * TERN_PANEL; i++)
        mul[i] = (uint8_t)rng_between(&r, 1, 8);
    for (int shape = 0; shape < TERN_BLOCK_4X1; shape++)
        for (int format = 0; format < TERN_N_FORMATS; format++) {
            if (tern_format_bits((enum tern_format)format) != 4)
                continue;
            const struct tern_codebook *book = tern_codebook((enum tern_format)format);
            const int zero = tern_code_of_zero((enum tern_format)format);
            const struct tern_codes codes = {code, mul, book, 8}; /* three groups of 8 steps in 21 */
            assert_int_equal(book->value[zero], 0);
            make(&m, (enum tern_block_shape)shape, 5 + 40 * (format == TERN_FORMAT_NF4), &r);
            for (int i = 0; i < DENSE; i++)
                apart[i] = (int8_t)(m.dense[i] ? (m.dense[i] & 15) ^ zero : 0);
            memset(m.value, 0, sizeof m.value);
            memset(m.index, 0, sizeof m.index);
            tern_sparse_survey(apart, PANELS, K4, m.w.shape, m.count, m.first);
            tern_sparse_pair(m.first, PANELS);
            tern_sparse_fill(apart, PANELS, K4, &m.w, m.value, m.index);
            const int n = m.first[PANELS];
            tern_sparse_codes(m.value, n, zero, code);
            struct tern_sparse w = {NULL, m.index, m.count, m.first, m.w.shape};
            assert_int_equal(n % 2, 0);
            assert_null(tern_sparse_fault(&w, PANELS, K4, n));
            assert_non_null(tern_sparse_fault(&w, PANELS, K4, n + 2));
            ops.unpack_blocks(&w, &codes, lines, PANELS, K4);
            w.value = lines;
            tern_sparse_expand(&w, back, PANELS, K4);
            for (int i = 0; i < DENSE; i++) {
                const int panel = i / (K4 * STEP), step = i / STEP % K4, channel = i % STEP / 4;
                const int scale = mul[(panel * 3 + step / 8) * TERN_PANEL + channel];
                assert_int_equal(back[i], book->value[apart[i] ^ zero] * scale);
            }
            w.value = NULL;
            m.first[1]--; /* an odd number of lines */
            assert_non_null(tern_sparse_fault(&w, PANELS, K4, n));
            m.first[1]++;
            m.index[0] = K4;
            assert_non_null(tern_sparse_fault(&w, PANELS, K4, n));
            m.index[0] = m.index[1];
            assert_non_null(tern_sparse_fault(&w, PANELS, K4, n));
        }
    char why[TERN_SPARSE_WHY];
    assert_true(tern_sparse_fits(TERN_FORMAT_INT8, TERN_BLOCK_4X1, why));
    assert_string_equal(why, "");
    assert_false(tern_sparse_fits(TERN_FORMAT_NF4, TERN_BLOCK_4X1, why));
    assert_string_equal(why, "blocks of 4x1 are int8; 4-bit weights take 16x4, 4x4 and 1x4");
    assert_false(tern_sparse_fits(TERN_FORMAT_TERNARY, TERN_BLOCK_16X4, NULL));
    assert_false(tern_sparse_fits(TERN_FORMAT_TERNARY, TERN_BLOCK_16X4, why));
    assert_non_null(strstr(why, "block-sparse weights are int8, int4, nf4"));
}

/* Columns of 4x1 that repeat the last input must be zero, and lie at the end of their strip. */
static void test_repeated_columns(void **state)
{
    (void)state;
    static struct matrix m;
    struct rng r = rng_seeded(3, "sparse");
    make(&m, TERN_BLOCK_4X1, 0, &r);
    m.dense[0] = m.dense[1] = 5; /* inputs 0 and 1 of the first strip */
    tern_sparse_survey(m.dense, PANELS, K4, TERN_BLOCK_4X1, m.count, m.first);
    tern_sparse_fill(m.dense, PANELS, K4, &m.w, m.value, m.index);
    assert_int_equal(m.count[0], 1);
    assert_int_equal(m.index[3], 1);
    assert_null(tern_sparse_fault(&m.w, PANELS, K4, 1));
    m.value[3] = 1;
    assert_non_null(tern_sparse_fault(&m.w, PANELS, K4, 1));
    m.value[3] = 0;
    m.index[1] = 0; /* a repeated column that is not zero */
    assert_non_null(tern_sparse_fault(&m.w, PANELS, K4, 1));
}

static void test_parse(void **state)
{
    (void)state;
    enum tern_block_shape shape;
    double fraction;
    assert_int_equal(tern_sparse_parse("4x1:0.25", &shape, &fraction), 0);
    assert_int_equal(shape, TERN_BLOCK_4X1);
    assert_true(fraction == 0.25);
    assert_int_equal(tern_sparse_parse("16x4", &shape, &fraction), 0);
    assert_true(shape == TERN_BLOCK_16X4 && fraction == 0);
    static const char *const bad[] = {"",         "8x4",       "16x4:",     "16x4:1.5",       "16x4:-0.1",
                                      "16x4:nan", "16x4:0.5x", "16x4: 0.5", "16x4 16x4 16x4", "16x4:."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!tern_sparse_parse(bad[i], &shape, &fraction))
            fail_msg("'%s' was accepted", bad[i]);
}

/* strtod took what it takes: hexadecimal, exponents, and under a German locale no point. */
static void test_decimal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},  {"3", 3},     {"3.5", 3.5},   {".5", 0.5},
                {"5.", 5}, {"0.8", 0.8}, {"00.10", 0.1}, {"2.71828182845904", 2.71828182845904}};
    static const char *const bad[] = {"",    ".",   "..5", "1.2.3", "0x3",
                                      "1e1", "-1",  "+1",  " 1",    "1 ",
                                      "3,5", "nan", "inf", "3junk", "1234567890123456"};
    const char *const before = setlocale(LC_NUMERIC, "de_DE.UTF-8"); /* where it is installed */
    double value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(tern_decimal(good[i].text, &value), 0);
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!tern_decimal(bad[i], &value))
            fail_msg("'%s' was accepted", bad[i]);
    if (before)
        setlocale(LC_NUMERIC, "C");
}

/* Exactly so many blocks become zero, the least ones; the others stay. Sizes that no block divides. */
static void test_prune(void **state)
{
    (void)state;
    enum { N = 70, K = 26 };
    static float w[N * K], before[N * K];
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++) {
        const struct tern_pruning pruning = {(enum tern_block_shape)shape, 0.37};
        const int height = tern_block_outputs(pruning.shape), width = shape == TERN_BLOCK_4X1 ? 1 : 4;
        struct rng r = rng_seeded(4, "prune");
        for (int i = 0; i < N * K; i++)
            before[i] = w[i] = (float)rng_between(&r, 1, 1000);
        assert_int_equal(tern_prune(w, N, K, &pruning), 0);
        int blocks = 0, zero = 0;
        double most_zero = 0, least_kept = 1e30;
        for (int i = 0; i < N; i += height)
            for (int j = 0; j < K; j += width) {
                double squares = 0;
                int left = 0;
                for (int y = i; y < N && y < i + height; y++)
                    for (int x = j; x < K && x < j + width; x++) {
                        squares += (double)before[y * K + x] * (double)before[y * K + x];
                        left += w[y * K + x] != 0;
                        assert_true(w[y * K + x] == 0 || w[y * K + x] == before[y * K + x]);
                    }
                blocks++;
                zero += !left;
                if (left)
                    least_kept = squares < least_kept ? squares : least_kept;
                else
                    most_zero = squares > most_zero ? squares : most_zero;
            }
        assert_int_equal(zero, (int)(0.37 * blocks + 0.5));
        assert_true(most_zero <= least_kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_faults),
                                       cmocka_unit_test(test_codes),          cmocka_unit_test(test_repeated_columns),
                                       cmocka_unit_test(test_parse),          cmocka_unit_test(test_decimal),
                                       cmocka_unit_test(test_prune)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
