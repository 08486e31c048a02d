/* Answers to questions and missing words: what transformers' pipelines say of the same checkpoints
   (tests/golden/make_answers.py), and the same bits on every row of this CPU, in any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/config.h"
#include "models/json.h"
#include "quant/tern_convert.h"
#include "tests/e2e.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 16, MASKS = 8 };
static tern_error err;
static char dir[] = "/tmp/tern-answers-XXXXXX";
static json_t *expected;

/* Opens the checkpoint of that kind, and reads what is expected of it. */
static tern_model *open_model(const char *kind, const char *weights)
{
    char from[64], to[64], path[96];
    tern_model *model = NULL;
    const tern_convert_options options = {.struct_bytes = sizeof options, .weights = weights, .outliers = "off"};
    snprintf(from, sizeof from, "tests/golden/tasks/%s", kind);
    snprintf(to, sizeof to, "%s/%s-%s.tern", dir, kind, weights);
    snprintf(path, sizeof path, "%s/expected.json", from);
    assert_ok(tern_convert(from, to, &options, &err));
    assert_ok(tern_model_open(&model, to, &err));
    unlink(to);
    json_decref(expected);
    assert_ok(tern_json_read_file(&expected, path, 1 << 20, 0, &err));
    return model;
}

static tern_session *open_session(const tern_model *model, const char *isa, int32_t threads, int32_t texts)
{
    tern_session *session = NULL;
    const tern_session_options options = {
        .struct_bytes = sizeof options, .threads = threads, .isa = isa, .max_texts = texts};
    assert_ok(tern_session_open(&session, model, &options, &err));
    return session;
}

static int32_t number(const json_t *object, const char *key, int32_t usual)
{
    const json_t *const value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : value ? (int32_t)json_integer_value(value) : usual;
}

static tern_text text_of(const json_t *text, const json_t *pair)
{
    return (tern_text){.text = json_string_value(text),
                       .text_bytes = json_string_length(text),
                       .pair = json_string_value(pair),
                       .pair_bytes = json_string_length(pair)};
}

/* The bytes of the first characters. */
static size_t bytes_of(const char *text, json_int_t characters)
{
    size_t at = 0;
    for (json_int_t i = 0; i < characters; i++)
        for (at++; ((uint8_t)text[at] & 0xC0) == 0x80;)
            at++;
    return at;
}

/* ---- Questions ---- */

static size_t find(tern_session *session, const json_t *c, tern_found *found)
{
    const tern_text text = text_of(json_object_get(c, "question"), json_object_get(c, "context"));
    const tern_find_options options = {.struct_bytes = sizeof options,
                                       .max_length = number(c, "max_answer_len", 0),
                                       .window = number(c, "max_seq_len", 0),
                                       .stride = number(c, "doc_stride", 0),
                                       .may_be_empty = number(c, "handle_impossible_answer", 0),
                                       .by_tokens = !number(c, "align_to_words", 1)};
    size_t n = 99;
    assert_ok(tern_find_answers(session, &text, &options, found, (size_t)number(c, "top_k", 1), &n, &err));
    return n;
}

/* Wrong once: answers were of whole tokens, and those of two windows were not one. */
static void test_find(void **state)
{
    (void)state;
    tern_model *const model = open_model("answer", "f32");
    tern_session *const session = open_session(model, NULL, 1, 3);
    const json_t *const cases = json_object_get(expected, "cases");
    assert_true(json_array_size(cases) >= 15);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *const c = json_array_get(cases, i), *const answers = json_object_get(c, "answers");
        const char *const context = json_string_value(json_object_get(c, "context"));
        tern_found found[MOST];
        const size_t n = find(session, c, found);
        assert_int_equal(n, json_array_size(answers));
        for (size_t k = 0; k < n; k++) {
            const json_t *const a = json_array_get(answers, k);
            assert_true(fabs(found[k].score - json_number_value(json_object_get(a, "score"))) < 1e-4);
            assert_int_equal(found[k].start, bytes_of(context, json_integer_value(json_object_get(a, "start"))));
            assert_int_equal(found[k].end, bytes_of(context, json_integer_value(json_object_get(a, "end"))));
        }
    }
    tern_session_close(session);
    tern_model_close(model);
}

/* Whatever the row, the threads and the number of windows that run together. */
static void test_find_alike(void **state)
{
    (void)state;
    tern_model *const model = open_model("answer", "int8");
    const json_t *const cases = json_object_get(expected, "cases");
    const char *isas[16];
    const int n_isas = e2e_isas(isas);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        tern_found first[MOST], again[MOST];
        size_t n = 0;
        for (int isa = 0; isa < n_isas; isa++) {
            tern_session *const session = open_session(model, isas[isa], 1 + isa % 2, isa % 3 + 1);
            const size_t m = find(session, json_array_get(cases, i), isa ? again : first);
            assert_true(!isa || m == n);
            n = m;
            for (size_t k = 0; isa && k < n; k++)
                assert_true(first[k].start == again[k].start && first[k].end == again[k].end &&
                            memcmp(&first[k].score, &again[k].score, sizeof first[k].score) == 0);
            tern_session_close(session);
        }
    }
    tern_model_close(model);
}

static void refused(tern_status status, tern_status wanted, const char *about)
{
    assert_int_equal(status, wanted);
    if (!strstr(err.message, about))
        fail_msg("'%s' is not about '%s'", err.message, about);
}

static void test_find_refuses(void **state)
{
    (void)state;
    tern_model *const model = open_model("answer", "int8");
    tern_session *const session = open_session(model, NULL, 1, 1);
    tern_text text = {.text = "who", .text_bytes = 3, .pair = "it was he", .pair_bytes = 9};
    tern_find_options options = {.struct_bytes = sizeof options};
    tern_found found[2];
    size_t n;
    refused(tern_find_answers(session, &text, NULL, found, 0, &n, &err), TERN_USAGE, "no answer");
    options.window = 97;
    refused(tern_find_answers(session, &text, &options, found, 1, &n, &err), TERN_USAGE, "take 96 tokens");
    options.window = 8;
    options.stride = 4;
    refused(tern_find_answers(session, &text, &options, found, 1, &n, &err), TERN_INPUT, "leave no room");
    options.struct_bytes = 3;
    refused(tern_find_answers(session, &text, &options, found, 1, &n, &err), TERN_USAGE, "struct_bytes");
    text.pair = NULL;
    refused(tern_find_answers(session, &text, NULL, found, 1, &n, &err), TERN_USAGE, "no context");
    text = (tern_text){.text = "who", .text_bytes = 3, .pair = "\xff", .pair_bytes = 1};
    refused(tern_find_answers(session, &text, NULL, found, 1, &n, &err), TERN_INPUT, "not UTF-8");
    assert_int_equal(n, 0);
    text = (tern_text){.text = "who", .text_bytes = 3, .pair = "", .pair_bytes = 0};
    assert_ok(tern_find_answers(session, &text, NULL, found, 1, &n, &err));
    assert_int_equal(n, 0); /* an empty context has no answer */
    double sum;
    refused(tern_pseudo_likelihood(session, &text, TERN_TRUNCATE_ERROR, &sum, NULL, &err), TERN_USAGE,
            "no masked-language head");
    tern_session_close(session);
    tern_model_close(model);
}

/* ---- Words ---- */

static tern_masks room_for(tern_candidate *candidates, int32_t top)
{
    return (tern_masks){.struct_bytes = sizeof(tern_masks), .capacity = MASKS, .top = top, .candidates = candidates};
}

static void test_fill(void **state)
{
    (void)state;
    tern_model *const model = open_model("fill", "f32");
    tern_session *const session = open_session(model, NULL, 1, 4);
    const json_t *const texts = json_object_get(expected, "texts");
    tern_candidate candidates[MASKS * 4];
    tern_span spans[MASKS];
    assert_int_equal(tern_mask_id(tern_model_tokenizer(model)), 4);
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *const text = json_array_get(texts, i), *const masks = json_object_get(text, "masks");
        const tern_text t = text_of(json_object_get(text, "text"), NULL);
        tern_masks m = room_for(candidates, 4);
        m.spans = spans;
        assert_ok(tern_fill(session, &t, TERN_TRUNCATE_ERROR, &m, &err));
        assert_int_equal(m.count, json_array_size(masks));
        assert_int_equal(m.n_candidates, 4);
        for (size_t k = 0; k < 4 * m.count; k++) {
            const json_t *const word = json_array_get(json_array_get(masks, k / 4), k % 4);
            assert_int_equal(candidates[k].id, json_integer_value(json_array_get(word, 0)));
            assert_true(fabs(candidates[k].probability - json_number_value(json_array_get(word, 1))) < 1e-5);
            assert_memory_equal(t.text + spans[k / 4].start, "[MASK]", 6);
        }
    }
    const json_t *const likely = json_object_get(expected, "likelihood");
    for (size_t i = 0; i < json_array_size(likely); i++) {
        const tern_text t = text_of(json_array_get(json_array_get(likely, i), 0), NULL);
        const double wanted = json_number_value(json_array_get(json_array_get(likely, i), 1));
        double sum = 0;
        size_t n = 0;
        assert_ok(tern_pseudo_likelihood(session, &t, TERN_TRUNCATE_ERROR, &sum, &n, &err));
        assert_true(n > 3 && fabs(sum - wanted) < 1e-5 * fabs(wanted));
    }
    tern_session_close(session);
    tern_model_close(model);
}

static void test_fill_alike(void **state)
{
    (void)state;
    tern_model *const model = open_model("fill", "int8");
    const tern_text t = text_of(json_object_get(json_array_get(json_object_get(expected, "texts"), 1), "text"), NULL);
    const char *isas[16];
    const int n_isas = e2e_isas(isas);
    tern_candidate first[MASKS * 4], again[MASKS * 4];
    double sums[2];
    for (int isa = 0; isa < n_isas; isa++) {
        tern_session *const session = open_session(model, isas[isa], 1 + isa % 2, 1 + isa);
        tern_masks m = room_for(isa ? again : first, 4);
        assert_ok(tern_fill(session, &t, TERN_TRUNCATE_ERROR, &m, &err));
        assert_ok(tern_pseudo_likelihood(session, &t, TERN_TRUNCATE_ERROR, &sums[isa > 0], NULL, &err));
        for (size_t k = 0; isa && k < 4 * m.count; k++)
            assert_true(first[k].id == again[k].id && memcmp(&first[k].logit, &again[k].logit, sizeof(float)) == 0);
        assert_true(!isa || memcmp(&sums[0], &sums[1], sizeof sums[0]) == 0);
        tern_session_close(session);
    }
    tern_model_close(model);
}

static void test_fill_refuses(void **state)
{
    (void)state;
    tern_model *const model = open_model("fill", "int8");
    tern_session *const session = open_session(model, NULL, 1, 1);
    tern_candidate candidates[MASKS * 2];
    tern_masks m = room_for(candidates, 2);
    const tern_text none = {.text = "no word", .text_bytes = 7}, one = {.text = "a [MASK] [MASK]", .text_bytes = 15};
    static const int32_t targets[] = {9, 7}, beyond[] = {7, 1000};
    refused(tern_fill(session, &none, TERN_TRUNCATE_ERROR, &m, &err), TERN_INPUT, "write [MASK]");
    assert_int_equal(m.count, 0);
    m.targets = beyond;
    m.n_targets = 2;
    refused(tern_fill(session, &one, TERN_TRUNCATE_ERROR, &m, &err), TERN_USAGE, "target 1 has id 1000");
    m.targets = targets;
    m.top = 4;
    m.capacity = 1;
    assert_ok(tern_fill(session, &one, TERN_TRUNCATE_ERROR, &m, &err));
    assert_int_equal(m.n_candidates, 2); /* of two targets */
    assert_int_equal(m.count, 2);        /* of which one has a place */
    assert_true(candidates[0].id + candidates[1].id == 16 && candidates[0].logit >= candidates[1].logit);
    m.top = 0;
    refused(tern_fill(session, &one, TERN_TRUNCATE_ERROR, &m, &err), TERN_USAGE, "1 or more");
    float logits[1];
    const int32_t ids[] = {2, 3}, offsets[] = {0, 2};
    const tern_batch batch = {ids, NULL, offsets, 1};
    refused(tern_classify(session, &batch, logits, &err), TERN_USAGE, "no classification head");
    tern_session_close(session);
    tern_model_close(model);
}

/* Files that lie about their heads; they were read, and what ran them wrote beyond its arrays. */
static void test_lies(void **state)
{
    static const char flat[] =
        "{\"layers\":%s,\"hidden\":24,\"heads\":1,\"intermediate\":1,\"vocab\":9,\"max_positions\":9,"
        "\"token_types\":0,\"max_tokens\":9,\"activation\":\"gelu\",\"weights\":\"int8\","
        "\"layer_norm_eps\":1e-12,\"has_pooler\":false,\"pooling\":\"mean\",\"normalize\":false,%s}";
    static const char *const bad[][3] = {
        {"0",
         "\"architecture\":\"static\",\"labels\":[],\"no_positions\":true,\"no_embed_norm\":true,\"head\":\"filler\"",
         "is a table of words"},
        {"1", "\"architecture\":\"bert\",\"labels\":[\"a\",\"b\",\"c\"],\"head\":\"answerer\"",
         "an answerer has 3 labels"},
        {"1", "\"architecture\":\"bert\",\"labels\":[],\"head_width\":16", "head_width 16 is of a head of words only"},
        {"1", "\"architecture\":\"bert\",\"labels\":[],\"head\":\"filler\",\"head_width\":16",
         "head_width 16 needs a pooler"},
        {"1", "\"architecture\":\"bert\",\"labels\":[],\"head\":\"filler\",\"logit_bits\":17", "logit_bits"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tern_config config;
        char json[800];
        snprintf(json, sizeof json, flat, bad[i][0], bad[i][1]);
        refused(tern_config_from_json(&config, json, "m.tern", &err), TERN_FORMAT, bad[i][2]);
    }
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int end(void **state)
{
    (void)state;
    json_decref(expected);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find), cmocka_unit_test(test_find_alike), cmocka_unit_test(test_find_refuses),
        cmocka_unit_test(test_fill), cmocka_unit_test(test_fill_alike), cmocka_unit_test(test_fill_refuses),
        cmocka_unit_test(test_lies),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
