/* One small checkpoint of every family (tests/golden/make_zoo.py): its floats against PyTorch's answers, its integers
   against those, and the same bits on every row of this CPU, in shares of rows, and on every other CPU. */
/* LDFLAGS: -Wl,--wrap=tern_pool_shares */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/json.h"
#include "quant/checkpoint.h"
#include "quant/convert.h"
#include "runtime/session.h"
#include "tests/e2e.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names and the integers' digests. A digest changes with the numbers alone, and then with the scheme's version. */
static const struct golden {
    const char *name;
    uint64_t digest;
} goldens[] = {
#include "tests/golden/zoo.def"
};
enum { N_GOLDENS = sizeof goldens / sizeof goldens[0], TEXTS = 3, MOST = 512, VOCAB = 96 };
static const char folder[] = "tests/golden/zoo";
static tern_error err;

/* Shares of a run, whatever the pool has found to be fastest; 0: as it likes. */
static int forced;

int __real_tern_pool_shares(const struct tern_pool *pool);
int __wrap_tern_pool_shares(const struct tern_pool *pool);

int __wrap_tern_pool_shares(const struct tern_pool *pool)
{
    return forced ? forced : __real_tern_pool_shares(pool);
}

struct answers {
    int n;
    float x[MOST];
};

static tern_status read_part(void *context, struct tern_key key, float *out, size_t count, tern_error *e)
{
    return tern_checkpoint_read(context, key, out, count, e);
}

/* The checkpoint with weights of that kind, in memory that *bytes owns. */
static tern_model *build(struct tern_checkpoint *checkpoint, enum tern_weights weights, void **bytes)
{
    struct tern_config config = checkpoint->config;
    tern_model *model = NULL;
    config.weights = weights;
    const struct tern_source source = {.config = &config, .read = read_part, .context = checkpoint};
    assert_ok(tern_build_model(&model, bytes, &source, NULL, &err));
    return model;
}

static int numbers(const json_t *list, int32_t *out)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        out[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return (int)json_array_size(list);
}

/* The words for the token in the middle of a text. */
static tern_status take_words(void *context, int i, const float *logits)
{
    float *const to = context;
    for (int j = 0; j < VOCAB; j++)
        to[i * VOCAB + j] = logits[j];
    return TERN_OK;
}

static void fill(tern_session *session, const tern_batch *batch, float *to)
{
    const int32_t middle = batch->offsets[1] / 2;
    const struct tern_asked asked = {&middle, 1, to, take_words};
    assert_ok(tern_session_words(session, batch, &asked, &err));
}

/* Whether a logit is one of those of a question that have 10^6 less, of which floats keep but 4 fraction bits. */
static int is_apart(double x)
{
    return x < -5e5;
}

/* Those are compared here, and 0 for what follows. */
static void check_apart(struct answers *a, const json_t *expected)
{
    size_t i, j;
    json_t *text, *number;
    int at = 0;
    json_array_foreach(json_object_get(expected, "answers"), i, text) json_array_foreach(text, j, number)
    {
        if (is_apart(json_number_value(number))) {
            assert_true(fabs(json_number_value(number) - (double)a->x[at]) < 8); /* the list has six digits */
            a->x[at] = 0;
        }
        at++;
    }
}

/* All texts, one at a time. */
static void run(const tern_model *model, const json_t *expected, const char *isa, int32_t threads, struct answers *out)
{
    const char *const kind = json_string_value(json_object_get(expected, "kind"));
    const tern_session_options options = {
        .struct_bytes = sizeof options,
        .threads = threads,
        .isa = isa,
        .ffn_width = (int32_t)json_integer_value(json_object_get(expected, "ffn_width"))}; /* of a model in a model */
    tern_session *session = NULL;
    assert_ok(tern_session_open(&session, model, &options, &err));
    out->n = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        int32_t ids[128], types[128], offsets[2] = {0, 0};
        const json_t *of_types = json_array_get(json_object_get(expected, "types"), i);
        offsets[1] = numbers(json_array_get(json_object_get(expected, "ids"), i), ids);
        const tern_batch batch = {
            .n_texts = 1, .ids = ids, .types = numbers(of_types, types) ? types : NULL, .offsets = offsets};
        float *const to = out->x + out->n;
        out->n += (int)json_array_size(json_array_get(json_object_get(expected, "answers"), i));
        assert_true(out->n <= MOST);
        if (!strcmp(kind, "embed"))
            assert_ok(tern_embed(session, &batch, to, &err));
        else if (!strcmp(kind, "fill"))
            fill(session, &batch, to);
        else
            assert_ok(tern_classify(session, &batch, to, &err));
    }
    tern_session_close(session);
    check_apart(out, expected);
}

/* The largest difference of a text, over its largest answer. */
static double difference(const struct answers *a, const json_t *expected)
{
    double worst = 0;
    int at = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        const json_t *text = json_array_get(json_object_get(expected, "answers"), i);
        double largest = 0, most = 0;
        for (size_t j = 0; j < json_array_size(text); j++, at++) {
            const double x = json_number_value(json_array_get(text, j));
            if (is_apart(x))
                continue;
            largest = fmax(largest, fabs(x));
            most = fmax(most, fabs((double)a->x[at] - x));
        }
        worst = fmax(worst, most / largest);
    }
    return worst;
}

static uint64_t digest(const struct answers *a)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < a->n; i++) {
        uint32_t bits;
        memcpy(&bits, &a->x[i], sizeof bits);
        hash = (hash ^ bits) * 0x100000001b3u;
    }
    return hash;
}

static void check(const struct golden *golden)
{
    char path[256];
    struct tern_checkpoint checkpoint;
    struct answers floats, integers, again;
    json_t *expected = NULL;
    void *bytes = NULL;
    const char *isas[16];

    snprintf(path, sizeof path, "%s/%s", folder, golden->name);
    assert_ok(tern_checkpoint_open(&checkpoint, path, NULL, &err));
    snprintf(path, sizeof path, "%s/%s/expected.json", folder, golden->name);
    assert_ok(tern_json_read_file(&expected, path, 1 << 20, 0, &err));

    tern_model *model = build(&checkpoint, TERN_WEIGHTS_F32, &bytes);
    run(model, expected, NULL, 1, &floats);
    tern_model_close(model);
    free(bytes);
    if (!(difference(&floats, expected) < 2e-3))
        fail_msg("%s: floats are %.2e from PyTorch's", golden->name, difference(&floats, expected));

    model = build(&checkpoint, TERN_WEIGHTS_INT8, &bytes);
    run(model, expected, NULL, 1, &integers);
    const double error = 1 - e2e_cosine(integers.x, floats.x, floats.n);
    printf("%-22s f32 %.1e, int8 %.1e\n", golden->name, difference(&floats, expected), error);
    if (!(error < 1e-2))
        fail_msg("%s: integers have a cosine of 1 - %.2e with floats", golden->name, error);
    for (int i = 0, n = e2e_isas(isas); i < n; i++) {
        run(model, expected, isas[i], 1 + i % 2, &again);
        assert_memory_equal(again.x, integers.x, (size_t)integers.n * sizeof *integers.x);
    }
    for (forced = 2; forced <= 3; forced++) {
        run(model, expected, NULL, forced, &again);
        assert_memory_equal(again.x, integers.x, (size_t)integers.n * sizeof *integers.x);
    }
    forced = 0;
    if (digest(&integers) != golden->digest)
        fail_msg("%s: digest 0x%016llx", golden->name, (unsigned long long)digest(&integers));
    tern_model_close(model);
    free(bytes);
    json_decref(expected);
    tern_checkpoint_close(&checkpoint);
}

static void test_zoo(void **state)
{
    check(*state);
}

int main(void)
{
    struct CMUnitTest tests[N_GOLDENS];
    for (int i = 0; i < N_GOLDENS; i++)
        tests[i] = (struct CMUnitTest){
            .name = goldens[i].name, .test_func = test_zoo, .initial_state = (void *)(uintptr_t)&goldens[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
