/* Where questions end, and what goes by it; ESM's token dropout in integers against its formula; and what is refused of
   the keys of both in a file's configuration. Answers of such models are those of tests/test_zoo.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/question.h"
#include "models/token_dropout.h"
#include "tests/e2e.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static tern_error err;

/* Types that a tokenizer gave stay; others are 1 behind the first separator, and behind the first token without one. */
static void test_types(void **state)
{
    (void)state;
    static const int32_t ids[] = {2, 8, 3, 9, 3, /**/ 2, 8, 8, /**/ 2, 3, 8, 3, /**/ 3}, offsets[] = {0, 5, 8, 12, 13},
                         types[] = {0, 0, 0, 0, 0, /**/ 0, 0, 0, /**/ 0, 0, 0, 1, /**/ 0},
                         right[] = {0, 0, 0, 1, 1, /**/ 0, 1, 1, /**/ 0, 0, 0, 1, /**/ 0},
                         bare[] = {0, 0, 0, 1, 1, /**/ 0, 1, 1, /**/ 0, 0, 1, 1, /**/ 0};
    static struct tern_config config;
    int32_t out[13];
    tern_batch batch = {.ids = ids, .types = types, .offsets = offsets, .n_texts = 4};
    config.question_end = 3 + 1;
    assert_int_equal(tern_question_tokens(&config, &batch, 0), 2);
    assert_int_equal(tern_question_tokens(&config, &batch, 1), -1);
    assert_int_equal(tern_question_tokens(&config, &batch, 2), 1);
    assert_int_equal(tern_question_tokens(&config, &batch, 3), 0);
    tern_question_types(&config, &batch, out);
    assert_memory_equal(out, right, sizeof right);
    batch.types = NULL;
    tern_question_types(&config, &batch, out);
    assert_memory_equal(out, bare, sizeof bare);
}

/* Sums of all sizes, of texts with no masks, some, and nothing else, in parts of any rows. */
static void test_dropout(void **state)
{
    (void)state;
    enum { TOKENS = 1300, WIDE = 3, MASK = 7 };
    static int32_t ids[TOKENS], sum[TOKENS * WIDE], stream[TOKENS * WIDE];
    static const int32_t offsets[] = {0, 1, 40, 80, TOKENS};
    static const double limit[] = {0.88, 0.88 * 39 / 26, 0.88 * 40, 1 << TERN_DROPOUT_MOST_FACTOR};
    static struct tern_config config;
    const tern_batch batch = {.ids = ids, .offsets = offsets, .n_texts = 4};
    config.token_dropout = MASK + 1;
    config.hidden = WIDE;
    for (int i = 0; i < TOKENS; i++)
        ids[i] = i >= 40 || (i && i % 3 == 0) ? MASK : 1;
    for (int i = 0; i < TOKENS * WIDE; i++)
        sum[i] = i % 3 == 0 ? 1 << 30 : i % 3 == 1 ? -(1 << 30) : i * 977 - 500000;
    for (int i = 0; i < TOKENS; i += 7)
        tern_dropout_scale(&config, &batch, sum + i * config.hidden, stream + i * config.hidden,
                           TERN_DROPOUT_MOST_FACTOR, i, i + 7 < TOKENS ? i + 7 : TOKENS);
    for (int text = 0; text < 4; text++)
        for (int i = offsets[text] * WIDE; i < offsets[text + 1] * WIDE; i++) {
            const double right = ldexp(sum[i] * limit[text], -TERN_DROPOUT_MOST_FACTOR);
            assert_true(fabs(stream[i] - right) <= 0.5 + fabs(right) * 0x1p-16);
        }
}

static void expect(const char *more, const char *says)
{
    static struct tern_config config;
    char json[1024];
    snprintf(
        json, sizeof json,
        "{\"layers\":1,\"hidden\":8,\"heads\":2,\"intermediate\":8,\"vocab\":10,\"max_positions\":16,"
        "\"token_types\":2,\"max_tokens\":16,\"architecture\":\"bert\",\"activation\":\"gelu\",\"weights\":\"int8\","
        "\"layer_norm_eps\":1e-12,\"has_pooler\":false,\"pooling\":\"mean\",\"normalize\":false%s}",
        more);
    const tern_status status = tern_config_from_json(&config, json, "a file", &err);
    if (says) {
        assert_int_equal(status, TERN_FORMAT);
        if (!strstr(err.message, says))
            fail_msg("%s: %s", more, err.message);
    } else {
        assert_ok(status);
        tern_config_free(&config);
    }
}

static void test_keys(void **state)
{
    (void)state;
#define ANSWERER ",\"labels\":[\"start\",\"end\"],\"head\":\"answerer\""
    expect(ANSWERER ",\"question_end\":9,\"question_apart\":true", NULL);
    expect(ANSWERER ",\"question_end\":10", "question_end");
    expect(ANSWERER ",\"question_end\":-1", "question_end");
    expect(ANSWERER ",\"question_end\":\"3\"", "question_end");
    expect(ANSWERER ",\"question_apart\":true", "question_apart is of a head that finds answers, with question_end");
    expect(ANSWERER ",\"question_end\":9,\"question_apart\":1", "question_apart must be true or false");
    expect(",\"labels\":[],\"question_end\":9,\"question_apart\":true", "question_apart is of a head");
    expect(",\"labels\":[],\"token_dropout\":10", "token_dropout");
    expect(",\"labels\":[],\"token_dropout\":4", "token_dropout is supported only where words' embeddings alone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_dropout),
                                       cmocka_unit_test(test_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
