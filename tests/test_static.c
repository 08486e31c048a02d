/* Static embeddings (tests/golden/make_static.py): floats against the answers of model2vec and sentence-transformers,
   integers near them, with the same bits on every row of this CPU; texts that are empty, unknown or too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/json.h"
#include "quant/checkpoint.h"
#include "quant/convert.h"
#include "tests/e2e.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names, what 16-bit arithmetic of model2vec's own leaves, and digests of the answers with int8 and int4 tables. */
static const struct golden {
    const char *name;
    double floats;
    uint64_t digest[2];
} goldens[] = {
    {"bag", 1e-5, {0x7dcd8f7ca2f30b12, 0x421b69e4fe861e3d}},
    {"bytes", 1e-5, {0x6a055b9c23c2d658, 0x451e87e8ebcd789c}},
    {"dense", 1e-5, {0xcfe330c2e16d20a9, 0x144b12ae9317d0fb}},
    {"mapped", 1e-5, {0x303948524aab1987, 0xb3fcc8e558578449}},
    {"potion", 1e-5, {0xc5e164b34a274dc8, 0x02fb0e61e9a8a2c7}},
    {"short", 1e-3, {0x62126b8d5ea6a45a, 0x727ff3dd7305c81c}},
};
enum { N_GOLDENS = sizeof goldens / sizeof goldens[0], TEXTS = 9, MOST = 20 };
static const char folder[] = "tests/golden/static";
static tern_error err;

/* A checkpoint and what it should answer. */
struct fixture {
    struct tern_checkpoint checkpoint;
    tern_tokenizer *tokenizer;
    json_t *expected;
    tern_text texts[TEXTS];
    float want[TEXTS * MOST];
    int n;
};

static void open_fixture(struct fixture *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(tern_checkpoint_open(&f->checkpoint, path, NULL, &err));
    assert_ok(tern_tokenizer_open(&f->tokenizer, path, &err));
    snprintf(path, sizeof path, "%s/%s/expected.json", folder, name);
    assert_ok(tern_json_read_file(&f->expected, path, 1 << 20, 0, &err));
    f->n = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        const json_t *answer = json_array_get(json_object_get(f->expected, "answers"), i);
        const json_t *text = json_array_get(json_object_get(f->expected, "texts"), i);
        f->texts[i] = (tern_text){.text = json_string_value(text), .text_bytes = json_string_length(text)};
        for (size_t j = 0; j < json_array_size(answer); j++)
            f->want[f->n++] = (float)json_number_value(json_array_get(answer, j));
    }
}

static void close_fixture(struct fixture *f)
{
    json_decref(f->expected);
    tern_tokenizer_close(f->tokenizer);
    tern_checkpoint_close(&f->checkpoint);
}

static tern_status read_part(void *context, struct tern_key key, float *out, size_t count, tern_error *e)
{
    return tern_checkpoint_read(context, key, out, count, e);
}

static tern_model *build(struct fixture *f, enum tern_weights weights, void **bytes)
{
    struct tern_config config = f->checkpoint.config;
    tern_model *model = NULL;
    config.weights = weights;
    const struct tern_source source = {
        .config = &config, .embeddings = tern_weights_format(weights), .read = read_part, .context = &f->checkpoint};
    assert_ok(tern_build_model(&model, bytes, &source, f->tokenizer, &err));
    return model;
}

static tern_status embed(const tern_model *model, const tern_text *texts, size_t n, tern_truncate truncate,
                         const char *isa, float *out)
{
    const tern_session_options options = {.struct_bytes = sizeof options, .threads = 1, .isa = isa};
    tern_answers answers = {.struct_bytes = sizeof answers, .values = out};
    tern_session *session = NULL;
    assert_ok(tern_session_open(&session, model, &options, &err));
    const tern_status status = tern_embed_texts(session, texts, n, truncate, &answers, &err);
    tern_session_close(session);
    return status;
}

/* The largest difference, over the largest answer. */
static double difference(const float *x, const float *want, int n)
{
    double most = 0, largest = 0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs((double)x[i] - (double)want[i]));
        largest = fmax(largest, fabs((double)want[i]));
    }
    return most / largest;
}

static uint64_t digest(const float *x, int n)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        hash = (hash ^ bits) * 0x100000001b3u;
    }
    return hash;
}

static void check_integers(struct fixture *f, const struct golden *golden, int which, double most)
{
    float x[TEXTS * MOST], again[TEXTS * MOST];
    const char *isas[16];
    void *bytes = NULL;
    tern_model *model = build(f, which ? TERN_WEIGHTS_INT4 : TERN_WEIGHTS_INT8, &bytes);
    assert_ok(embed(model, f->texts, TEXTS, TERN_TRUNCATE_HEAD, NULL, x));
    const double error = 1 - e2e_cosine(x, f->want, f->n);
    printf("%-8s %s %.1e\n", golden->name, which ? "int4" : "int8", error);
    assert_true(error < most);
    for (int i = 0, n = e2e_isas(isas); i < n; i++) {
        assert_ok(embed(model, f->texts, TEXTS, TERN_TRUNCATE_HEAD, isas[i], again));
        assert_memory_equal(again, x, (size_t)f->n * sizeof *x);
    }
    if (digest(x, f->n) != golden->digest[which])
        fail_msg("%s: digest %d 0x%016llx", golden->name, which, (unsigned long long)digest(x, f->n));
    tern_model_close(model);
    free(bytes);
}

static void test_static(void **state)
{
    const struct golden *const golden = *state;
    struct fixture f;
    float x[TEXTS * MOST];
    void *bytes = NULL;
    open_fixture(&f, golden->name);
    tern_model *model = build(&f, TERN_WEIGHTS_F32, &bytes);
    assert_ok(embed(model, f.texts, TEXTS, TERN_TRUNCATE_HEAD, NULL, x));
    printf("%-8s f32 %.1e\n", golden->name, difference(x, f.want, f.n));
    assert_true(difference(x, f.want, f.n) < golden->floats);
    tern_model_close(model);
    free(bytes);
    check_integers(&f, golden, 0, 1e-4);
    check_integers(&f, golden, 1, 1e-2);
    close_fixture(&f);
}

/* Too many tokens, or characters, are refused unless truncation was asked for; what is left is then model2vec's. */
static void test_long(void **state)
{
    (void)state;
    struct fixture f;
    float x[MOST];
    void *bytes = NULL;
    open_fixture(&f, "short");
    tern_model *model = build(&f, TERN_WEIGHTS_INT8, &bytes);
    assert_int_equal(embed(model, &f.texts[6], 1, TERN_TRUNCATE_ERROR, NULL, x), TERN_INPUT);
    const char *const letters = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
    const tern_text one = {.text = letters, .text_bytes = strlen(letters)};
    assert_int_equal(embed(model, &one, 1, TERN_TRUNCATE_ERROR, NULL, x), TERN_INPUT);
    assert_non_null(strstr(err.message, "characters"));
    assert_ok(embed(model, &one, 1, TERN_TRUNCATE_TAIL, NULL, x));
    tern_model_close(model);
    free(bytes);
    close_fixture(&f);
}

int main(void)
{
    struct CMUnitTest tests[N_GOLDENS + 1];
    for (int i = 0; i < N_GOLDENS; i++)
        tests[i] = (struct CMUnitTest){
            .name = goldens[i].name, .test_func = test_static, .initial_state = (void *)(uintptr_t)&goldens[i]};
    tests[N_GOLDENS] = (struct CMUnitTest)cmocka_unit_test(test_long);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
