/* What `tern embed` writes: rounded numbers as sentence-transformers has them, and files of Arrow, whose digests are of
   files that pyarrow reads and validates. */
/* SOURCES: tools/precision.c tools/npy.c tools/arrow.c tools/output.c tools/signals.c tools/cli.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/half.h"
#include "tools/arrow.h"
#include "tools/precision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every half is itself; between two of them the nearer one counts, half way the even one. */
static void test_halves(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        const float value = tern_from_half((uint16_t)h);
        if (isnan(value))
            assert_true((tern_to_half(value) & 0x7c00) == 0x7c00 && (tern_to_half(value) & 0x3ff));
        else
            assert_int_equal(tern_to_half(value), h);
    }
    for (uint32_t h = 0; h < 0x7bff; h++) {
        const float low = tern_from_half((uint16_t)h), high = tern_from_half((uint16_t)(h + 1));
        const float middle = low + (high - low) / 2; /* exact */
        assert_int_equal(tern_to_half(middle), h + (h & 1));
        assert_int_equal(tern_to_half(nextafterf(middle, low)), h);
        assert_int_equal(tern_to_half(nextafterf(middle, high)), h + 1);
        assert_int_equal(tern_to_half(-middle), 0x8000 | (h + (h & 1)));
    }
    assert_int_equal(tern_to_half(65519.996f), 0x7bff);
    assert_int_equal(tern_to_half(65520), 0x7c00);
    assert_int_equal(tern_to_half(1e30f), 0x7c00);
    assert_int_equal(tern_to_half(1e-30f), 0);
}

enum { COLUMNS = 10 };
static const float vectors[3][COLUMNS] = {{0.5f, -1, 0, 2, 0.1f, -0.1f, 7, -7, 0.25f, 3},
                                          {-0.5f, 1, 0, -2, 0.3f, -0.7f, -1, 7, 0.5f, 3},
                                          {0.1f, 0.2f, 0, 0.3f, 0.2f, -0.3f, 2, 1, -1, 3}};

/* By quantize_embeddings of sentence-transformers 6.2. */
static void test_rounding(void **state)
{
    static const struct {
        enum precision kind;
        size_t numbers;
        int of_last[COLUMNS];
    } cases[] = {{PRECISION_INT8, 10, {25, 25, -128, 18, -1, 42, -33, 17, -128, -128}},
                 {PRECISION_UINT8, 10, {153, 153, 0, 146, 127, 170, 95, 145, 0, 0}},
                 {PRECISION_BINARY, 2, {91, -64}},
                 {PRECISION_UBINARY, 2, {219, 64}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rounding r = {.kind = cases[i].kind, .columns = COLUMNS};
        uint8_t out[COLUMNS];
        assert_int_equal(precision_numbers(&r), cases[i].numbers);
        for (int k = 0; k < 3; k++)
            assert_int_equal(rounding_take(&r, vectors[k]), 0);
        rounding_apply(&r, vectors[2], out);
        for (size_t k = 0; k < cases[i].numbers; k++)
            assert_int_equal(out[k], (uint8_t)cases[i].of_last[k]);
        rounding_apply(&r, NULL, out);
        assert_int_equal(out[0], 0);
        rounding_free(&r);
    }
}

/* FNV-1a of what the stream has. */
static uint64_t digest_of(FILE *file)
{
    uint64_t digest = 0xcbf29ce484222325;
    rewind(file);
    for (int c; (c = getc(file)) != EOF;)
        digest = (digest ^ (uint64_t)c) * 0x100000001b3;
    return digest;
}

/* Rows of texts, of an empty one, of one without a vector; of so many that there are two batches. With KEEP_ARROW the
   files are kept there, for pyarrow to read. */
static void test_arrow(void **state)
{
    static const struct {
        enum arrow_type type;
        size_t rows;
        uint64_t digest;
    } cases[] = {{ARROW_FLOAT, 3, 0x229eab8e29fad70c},
                 {ARROW_HALF, 0, 0x8912a71588c093bf},
                 {ARROW_INT8, 1500, 0xb8b12e4b5b8a2356},
                 {ARROW_UINT8, 9, 0xce93791b08fa6761}};
    const char *const folder = getenv("KEEP_ARROW");
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[300];
        snprintf(name, sizeof name, "%s/%zu.arrow", folder ? folder : "", i);
        FILE *const file = folder ? fopen(name, "w+be") : tmpfile();
        assert_non_null(file);
        struct arrow a = {.out = file, .type = cases[i].type, .numbers = 3};
        assert_int_equal(arrow_begin(&a), 0);
        for (size_t k = 0; k < cases[i].rows; k++) {
            char text[32];
            const int n = k % 4 == 1 ? 0 : snprintf(text, sizeof text, "text %zu", k);
            const float row[3] = {(float)k, -0.5f, 1};
            assert_int_equal(arrow_row(&a, k % 4 == 2 ? NULL : text, (size_t)n * (k % 4 != 2), k % 4 == 2 ? NULL : row),
                             0);
        }
        assert_int_equal(arrow_end(&a), 0);
        const uint64_t digest = digest_of(file);
        if (digest != cases[i].digest)
            print_error("file %zu has the digest 0x%016llx\n", i, (unsigned long long)digest);
        wrong |= digest != cases[i].digest;
        arrow_free(&a);
        fclose(file);
    }
    assert_false(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_halves), cmocka_unit_test(test_rounding),
                                       cmocka_unit_test(test_arrow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
