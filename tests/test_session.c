/* Sessions end to end on synthetic checkpoints: the integer path against the f32 path, the same bits however texts are
   grouped, ordered and spread over threads and ISA rows, every refused argument, and no allocation in a run. */
/* LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free -Wl,--wrap=aligned_alloc -Wl,--wrap=posix_memalign */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "simd/table.h"
#include "tests/e2e.h"
#include "tests/emulated.h"
#include "tests/malloc_count.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 10, LONGEST = 22 };

static tern_error err;

static const struct shape {
    const char *name;
    struct test_checkpoint_spec spec;
} shapes[] = {
    {"bert 264, heads of 22",
     {.seed = 1, .hidden = 264, .heads = 12, .intermediate = 528, .pooler = 1, .n_labels = 3, .pooling = "mean"}},
    {"distilbert 312, heads of 26",
     {.seed = 2,
      .architecture = TERN_DISTILBERT,
      .hidden = 312,
      .heads = 12,
      .intermediate = 600,
      .pooler = 1,
      .n_labels = 2,
      .dtype = TERN_F16}},
    {"tiny", {.seed = 3, .hidden = 8, .heads = 2, .intermediate = 20, .pooler = 1, .n_labels = 5, .vocab = 120}},
    {"odd and one head", {.seed = 4, .hidden = 17, .heads = 1, .intermediate = 33, .pooling = "cls", .normalize = 1}},
    {"one layer, cls, unit length",
     {.seed = 5, .layers = 1, .hidden = 96, .heads = 3, .intermediate = 200, .pooling = "cls", .normalize = 1}},
    {"one layer, mean, unit length",
     {.seed = 6, .layers = 1, .hidden = 64, .heads = 4, .pooling = "mean", .normalize = 1, .dtype = TERN_BF16}},
    {"gelu_new", {.seed = 7, .activation = "gelu_new", .pooler = 1, .n_labels = 17}},
    {"relu, no head", {.seed = 8, .activation = "relu", .pooler = 1, .pooling = "cls"}},
    {"six layers", {.seed = 9, .layers = 6, .hidden = 72, .heads = 6, .intermediate = 100, .pooler = 1, .n_labels = 2}},
    {"heads of one", {.seed = 10, .hidden = 12, .heads = 12, .intermediate = 5, .token_types = 1}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };
static tern_model *models[SHAPES];

static void *need(void *block)
{
    if (!block)
        abort();
    return block;
}

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        models[i] = e2e_model(&shapes[i].spec, "int8", NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        tern_model_close(models[i]);
    return 0;
}

/* ---- The integer path against the f32 path ---------------------------------------------------------------------- */

static void compare_with_f32(const struct shape *shape, const tern_model *model)
{
    tern_model *exact = e2e_model(&shape->spec, "f32", NULL);
    struct e2e_texts t = e2e_random_texts(model, TEXTS, LONGEST, 21);
    const struct e2e_run how = {NULL, 1, 5, 0, E2E_EMBED};
    const int32_t h = e2e_width(model, E2E_EMBED), labels = e2e_width(model, E2E_CLASSIFY);
    const size_t room = (size_t)TEXTS * (size_t)(h > labels ? h : labels);
    float *a = need(malloc(room * sizeof *a)), *b = need(malloc(room * sizeof *b));
    e2e_run(model, &t, &how, a, NULL);
    e2e_run(exact, &t, &how, b, NULL);
    double sum = 0, least = 1, worst = 0, spread = 0;
    for (int32_t i = 0; i < TEXTS; i++) {
        const double cosine = e2e_cosine(a + (ptrdiff_t)i * h, b + (ptrdiff_t)i * h, h);
        sum += cosine / TEXTS;
        least = fmin(least, cosine);
    }
    if (labels) {
        const struct e2e_run classify = {NULL, 1, 5, 0, E2E_CLASSIFY};
        e2e_run(model, &t, &classify, a, NULL);
        e2e_run(exact, &t, &classify, b, NULL);
        for (int32_t i = 0; i < TEXTS * labels; i++) {
            worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
            spread = fmax(spread, fabs((double)b[i]));
        }
    }
    printf("%-30s cosine %.6f, least %.6f; logits within %.4f of at most %.3f\n", shape->name, sum, least, worst,
           spread);
    /* Eight bits leave about 1e-4; with few dimensions single texts scatter more. */
    assert_true(sum >= (h >= 64 ? 0.9995 : 0.999) && least >= 0.995);
    assert_true(worst <= 0.03 + 0.05 * spread);
    free(b);
    free(a);
    e2e_free_texts(&t);
    tern_model_close(exact);
}

static void test_int8_against_f32(void **state)
{
    (void)state;
    not_emulated();
    for (int i = 0; i < SHAPES; i++)
        compare_with_f32(&shapes[i], models[i]);
}

/* ---- The same bits ---------------------------------------------------------------------------------------------- */

static void check_same(const tern_model *model, const struct e2e_texts *t, const struct e2e_run *how,
                       const int32_t *expected, int32_t *got, float *floats, const char *name)
{
    const size_t count = (size_t)t->n * (size_t)e2e_width(model, how->task);
    memset(got, 0x55, count * sizeof *got);
    e2e_run(model, t, how, floats, got);
    if (memcmp(got, expected, count * sizeof *got))
        fail_msg("%s: other bits on %s, %d threads, groups of %d%s", name, how->isa, how->threads, how->group,
                 how->shuffle ? ", shuffled" : "");
}

static void check_all_ways(const tern_model *model, enum e2e_task task, const char *name)
{
    static const struct e2e_run ways[] = {
        {NULL, 1, 1, 0, 0}, {NULL, 2, 7, 0, 0}, {NULL, 3, TEXTS, 0, 0}, {NULL, 1, 5, 13, 0}, {NULL, 2, 3, 8, 0}};
    const int n_texts = emulated() ? 4 : TEXTS; /* plain C takes long there */
    struct e2e_texts t = e2e_random_texts(model, n_texts, LONGEST, 22);
    const size_t count = (size_t)n_texts * (size_t)e2e_width(model, task);
    float *floats = need(malloc(count * sizeof *floats));
    int32_t *expected = need(malloc(count * sizeof *expected)), *got = need(malloc(count * sizeof *got));
    const char *isas[16];
    const int n = e2e_isas(isas);
    const struct e2e_run first = {isas[0], 1, n_texts, 0, task};
    assert_string_equal(isas[0], "scalar");
    e2e_run(model, &t, &first, floats, expected);
    /* Under an emulator plain C is not tried again, and the others in two of the ways. */
    for (int isa = emulated() && n > 1; isa < n; isa++)
        for (size_t i = isa && task == E2E_EMBED ? 0 : 3; i < sizeof ways / sizeof *ways; /* else two of them */
             i += (size_t)stride_emulated(4)) {
            struct e2e_run how = ways[i];
            how.isa = isas[isa];
            how.task = task;
            check_same(model, &t, &how, expected, got, floats, name);
        }
    free(got);
    free(expected);
    free(floats);
    e2e_free_texts(&t);
}

static void test_same_bits(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i += stride_emulated(3)) {
        check_all_ways(models[i], E2E_EMBED, shapes[i].name);
        if (e2e_width(models[i], E2E_CLASSIFY))
            check_all_ways(models[i], E2E_CLASSIFY, shapes[i].name);
    }
}

/* A session keeps nothing between runs: the same batch again, after others, gives the same. */
static void test_runs_do_not_touch_each_other(void **state)
{
    (void)state;
    const tern_model *model = models[0];
    struct e2e_texts t = e2e_random_texts(model, 3, 20, 23), u = e2e_random_texts(model, 8, 30, 24);
    const tern_session_options o = {.struct_bytes = sizeof o, .threads = 2, .max_tokens = 300, .max_texts = 8};
    const tern_batch a = {t.ids, t.types, t.offsets, 3}, b = {u.ids, u.types, u.offsets, 8};
    float first[9], other[24], *vectors = need(malloc(8 * 264 * sizeof *vectors)), again[9];
    tern_session *s;
    assert_ok(tern_session_open(&s, model, &o, &err));
    assert_ok(tern_classify(s, &a, first, &err));
    assert_ok(tern_classify(s, &b, other, &err));
    assert_ok(tern_embed(s, &b, vectors, &err));
    assert_ok(tern_classify(s, &a, again, &err));
    assert_memory_equal(first, again, sizeof first);
    tern_session_close(s);
    free(vectors);
    e2e_free_texts(&t);
    e2e_free_texts(&u);
}

/* types NULL is all zeros; a model without types ignores them. */
static void test_types(void **state)
{
    (void)state;
    int32_t ids[6] = {5, 9, 30, 31, 60, 7}, zeros[6] = {0}, ones[6] = {1, 1, 1, 1, 1, 1};
    int32_t far[6] = {900, -4, 0, 0, 0, 0};
    const int32_t offsets[2] = {0, 6};
    for (int i = 0; i < 2; i++) {
        const tern_session_options o = {.struct_bytes = sizeof o, .threads = 1};
        float plain[3], with_zeros[3], with_ones[3];
        tern_session *s;
        assert_ok(tern_session_open(&s, models[i], &o, &err));
        assert_ok(tern_classify(s, &(tern_batch){ids, NULL, offsets, 1}, plain, &err));
        assert_ok(tern_classify(s, &(tern_batch){ids, zeros, offsets, 1}, with_zeros, &err));
        assert_ok(tern_classify(s, &(tern_batch){ids, ones, offsets, 1}, with_ones, &err));
        const size_t bytes = (size_t)e2e_width(models[i], E2E_CLASSIFY) * sizeof(float);
        assert_memory_equal(plain, with_zeros, bytes);
        if (i == 0)
            assert_memory_not_equal(plain, with_ones, bytes);
        else
            assert_memory_equal(plain, with_ones, bytes);
        const tern_batch wrong = {ids, far, offsets, 1};
        assert_int_equal(tern_classify(s, &wrong, plain, &err), i == 0 ? TERN_USAGE : TERN_OK);
        tern_session_close(s);
    }
}

/* ---- Integers and floats ---------------------------------------------------------------------------------------- */

static void test_floats_are_the_integers(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        struct e2e_texts t = e2e_random_texts(models[i], 6, 12, 25);
        const tern_session_options o = {.struct_bytes = sizeof o, .max_tokens = 80, .max_texts = 6};
        const tern_batch batch = {t.ids, t.types, t.offsets, 6};
        const int32_t h = e2e_width(models[i], E2E_EMBED);
        float *out = need(malloc(6 * (size_t)h * sizeof *out));
        tern_session *s;
        size_t count = 77;
        int32_t bits = 77;
        assert_ok(tern_session_open(&s, models[i], &o, &err));
        assert_null(tern_session_integers(s, &count, &bits));
        assert_int_equal(count, 0);
        assert_ok(tern_embed(s, &batch, out, &err));
        const int32_t *q = tern_session_integers(s, &count, &bits);
        assert_non_null(q);
        assert_int_equal(count, 6 * h);
        assert_int_equal(bits, tern_model_get_info(models[i])->normalize ? 30 : 16);
        for (size_t j = 0; j < count; j++)
            assert_true(out[j] == (float)ldexp(q[j], -bits));
        if (tern_model_get_info(models[i])->normalize)
            for (int text = 0; text < 6; text++) {
                double norm2 = 0;
                for (int j = 0; j < h; j++)
                    norm2 += ldexp(q[text * h + j], -30) * ldexp(q[text * h + j], -30);
                assert_true(fabs(norm2 - 1) < 1e-6);
            }
        /* A refused run leaves no old result behind. */
        assert_int_equal(tern_embed(s, &(tern_batch){t.ids, NULL, t.offsets, 7}, out, &err), TERN_USAGE);
        assert_null(tern_session_integers(s, &count, &bits));
        tern_session_close(s);
        free(out);
        e2e_free_texts(&t);
    }
    /* The f32 path has no integers. */
    tern_model *exact = e2e_model(&shapes[2].spec, "f32", NULL);
    const int32_t ids[3] = {2, 6, 3}, offsets[2] = {0, 3};
    float logits[5];
    tern_session *s;
    size_t count;
    int32_t bits;
    assert_ok(tern_session_open(&s, exact, NULL, &err));
    assert_ok(tern_classify(s, &(tern_batch){ids, NULL, offsets, 1}, logits, &err));
    assert_null(tern_session_integers(s, &count, &bits));
    tern_session_close(s);
    tern_model_close(exact);
}

/* ---- Refused arguments ------------------------------------------------------------------------------------------ */

static void refused_options(tern_session_options o, const char *says)
{
    tern_session *s = (tern_session *)&err;
    err = (tern_error){TERN_OK, ""};
    assert_int_equal(tern_session_open(&s, models[2], &o, &err), TERN_USAGE);
    assert_null(s);
    assert_int_equal(err.code, TERN_USAGE);
    if (!strstr(err.message, says) || strchr(err.message, '\n'))
        fail_msg("'%s' does not say '%s' in one line", err.message, says);
    s = (tern_session *)&err;
    assert_int_equal(tern_session_open(&s, models[2], &o, NULL), TERN_USAGE); /* the line is not wanted */
}

static void test_refused_options(void **state)
{
    (void)state;
    const size_t size = sizeof(tern_session_options);
    refused_options((tern_session_options){.struct_bytes = 0}, "struct_bytes");
    refused_options((tern_session_options){.struct_bytes = size + 1}, "struct_bytes");
    refused_options((tern_session_options){.struct_bytes = size, .threads = -1}, "-1 threads");
    refused_options((tern_session_options){.struct_bytes = size, .threads = 257}, "256");
    refused_options((tern_session_options){.struct_bytes = size, .max_tokens = -1}, "1048576");
    refused_options((tern_session_options){.struct_bytes = size, .max_tokens = (1 << 20) + 1}, "1048576");
    refused_options((tern_session_options){.struct_bytes = size, .max_texts = -5}, "65536");
    refused_options((tern_session_options){.struct_bytes = size, .max_texts = (1 << 16) + 1}, "65536");
    refused_options((tern_session_options){.struct_bytes = size, .isa = "avx9"}, "avx9");
    refused_options((tern_session_options){.struct_bytes = size, .isa = ""}, "");
    refused_options(
        (tern_session_options) {
            .struct_bytes = size,
#if defined(__x86_64__) || defined(__i386__)
            .isa = "neon"
#else
            .isa = "avx2"
#endif
        },
        "scalar"); /* names what there is */
}

static void refused_batch(tern_session *s, const tern_batch *batch, const char *says)
{
    float out[8 * 64];
    err = (tern_error){TERN_OK, ""};
    assert_int_equal(tern_classify(s, batch, out, &err), TERN_USAGE);
    if (!strstr(err.message, says) || strchr(err.message, '\n'))
        fail_msg("'%s' does not say '%s' in one line", err.message, says);
    assert_int_equal(tern_embed(s, batch, out, NULL), TERN_USAGE);
}

static void test_refused_batches(void **state)
{
    (void)state;
    /* 120 ids, 64 positions, 2 types */
    const tern_session_options o = {.struct_bytes = sizeof o, .threads = 1, .max_tokens = 80, .max_texts = 3};
    int32_t ids[100], types[100] = {0}, low[100] = {0}, high[100] = {0};
    for (int i = 0; i < 100; i++)
        ids[i] = 5 + i;
    const int32_t whole[2] = {0, 64}, over[2] = {0, 65}, full[4] = {0, 20, 40, 80}, much[4] = {0, 40, 60, 81};
    const int32_t late[2] = {1, 5}, empty[3] = {0, 4, 4}, falling[3] = {0, 8, 4}, wild[3] = {0, INT32_MAX, 5};
    const int32_t below[3] = {0, -5, 5}, wide[3] = {0, INT32_MIN, INT32_MAX};
    tern_session *s;
    float out[8 * 64];
    assert_ok(tern_session_open(&s, models[2], &o, &err));
    assert_ok(tern_classify(s, &(tern_batch){ids, types, whole, 1}, out, &err));
    assert_ok(tern_classify(s, &(tern_batch){ids, types, full, 3}, out, &err));
    refused_batch(s, &(tern_batch){ids, types, full, 0}, "0 texts");
    refused_batch(s, &(tern_batch){ids, types, full, -1}, "-1 texts");
    refused_batch(s, &(tern_batch){ids, types, full, 4}, "4 texts");
    refused_batch(s, &(tern_batch){ids, types, over, 1}, "65 tokens");
    refused_batch(s, &(tern_batch){ids, types, much, 3}, "81 tokens");
    refused_batch(s, &(tern_batch){ids, types, late, 1}, "first offset");
    refused_batch(s, &(tern_batch){ids, types, empty, 2}, "text 1 has 0");
    refused_batch(s, &(tern_batch){ids, types, falling, 2}, "text 1 has -4");
    refused_batch(s, &(tern_batch){ids, types, wild, 2}, "text 0");
    refused_batch(s, &(tern_batch){ids, types, below, 2}, "text 0 has -5");
    refused_batch(s, &(tern_batch){ids, types, wide, 2}, "text 0");
    low[63] = -1;
    refused_batch(s, &(tern_batch){low, types, whole, 1}, "token 63 has id -1");
    high[0] = 120;
    refused_batch(s, &(tern_batch){high, types, whole, 1}, "token 0 has id 120");
    types[9] = 2;
    refused_batch(s, &(tern_batch){ids, types, whole, 1}, "token 9 has type 2");
    types[9] = -1;
    refused_batch(s, &(tern_batch){ids, types, whole, 1}, "token 9 has type -1");
    types[9] = 0;
    ids[64] = 5000; /* behind the batch: nobody looks */
    assert_ok(tern_classify(s, &(tern_batch){ids, types, whole, 1}, out, &err));
    tern_session_close(s);

    const int32_t one[2] = {0, 3};
    assert_ok(tern_session_open(&s, models[7], NULL, &err)); /* no head; and options may be NULL */
    assert_int_equal(tern_classify(s, &(tern_batch){ids, NULL, one, 1}, out, &err), TERN_USAGE);
    assert_non_null(strstr(err.message, "no classification head"));
    assert_ok(tern_embed(s, &(tern_batch){ids, NULL, one, 1}, out, &err));
    tern_session_close(s);
}

/* What a session says of itself. A shorter options struct, as an older program has it, leaves the rest at defaults. */
static void test_accessors(void **state)
{
    (void)state;
    const char *isas[16];
    const int n = e2e_isas(isas);
    tern_session *s;
    size_t bytes = 0;
    for (int i = 0; i < n; i++) {
        const tern_session_options o = {.struct_bytes = sizeof o, .threads = i % 3 + 1, .isa = isas[i]};
        assert_ok(tern_session_open(&s, models[0], &o, &err));
        unsigned features;
        assert_ok(tern_cpu_select(&features, isas[i], &err));
        assert_string_equal(tern_session_isa(s), tern_isa_name(tern_table_best(features)));
        assert_int_equal(tern_session_threads(s), i % 3 + 1);
        assert_true(tern_session_arena_bytes(s) > 0);
        tern_session_close(s);
    }
    for (int32_t tokens = 16; tokens <= 1024; tokens *= 4) {
        const tern_session_options o = {.struct_bytes = sizeof o, .threads = 1, .max_tokens = tokens, .max_texts = 16};
        assert_ok(tern_session_open(&s, models[0], &o, &err));
        assert_true(tern_session_arena_bytes(s) > bytes);
        bytes = tern_session_arena_bytes(s);
        tern_session_close(s);
    }
    const tern_session_options old = {.struct_bytes = offsetof(tern_session_options, isa), .threads = 2, .isa = "junk"};
    assert_ok(tern_session_open(&s, models[0], &old, &err));
    assert_int_equal(tern_session_threads(s), 2);
    tern_session_close(s);
    tern_session_close(NULL);
}

/* More texts than tokens may be allowed for; one-token texts fill it. */
static void test_limits_are_reached(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        const tern_model_info *info = tern_model_get_info(models[i]);
        const tern_session_options o = {.struct_bytes = sizeof o, .threads = 2, .max_tokens = 9, .max_texts = 40};
        const tern_session_options long_one = {.struct_bytes = sizeof o, .threads = 2};
        int32_t ids[64] = {0}, offsets[10];
        const size_t widest = (size_t)(info->hidden > info->n_labels ? info->hidden : info->n_labels);
        float *out = need(malloc(40 * widest * sizeof *out));
        tern_session *s;
        for (int j = 0; j < 10; j++)
            offsets[j] = j;
        assert_ok(tern_session_open(&s, models[i], &o, &err));
        assert_ok(tern_embed(s, &(tern_batch){ids, NULL, offsets, 9}, out, &err));
        if (info->n_labels)
            assert_ok(tern_classify(s, &(tern_batch){ids, NULL, offsets, 9}, out, &err));
        tern_session_close(s);
        offsets[1] = info->max_tokens;
        assert_int_equal(info->max_tokens, 64);
        assert_ok(tern_session_open(&s, models[i], &long_one, &err));
        assert_ok(tern_embed(s, &(tern_batch){ids, NULL, offsets, 1}, out, &err));
        tern_session_close(s);
        free(out);
    }
}

/* ---- Allocations ------------------------------------------------------------------------------------------------ */

static void test_runs_allocate_nothing(void **state)
{
    (void)state;
    static const char text[] = "Bab ebo, THE coca 12:30 -- d'ufu \xc3\xa9\xe4\xb8\xad [MASK] zzzzzz!";
    for (int i = 0; i < SHAPES; i++)
        for (int threads = 1; threads <= 2; threads++) {
            struct e2e_texts t = e2e_random_texts(models[i], 6, 30, 26);
            const tern_session_options o = {
                .struct_bytes = sizeof o, .threads = threads, .max_tokens = 200, .max_texts = 6};
            const tern_batch batch = {t.ids, t.types, t.offsets, 6};
            const size_t h = (size_t)e2e_width(models[i], E2E_EMBED);
            float *out = need(malloc(6 * (h > 64 ? h : 64) * sizeof *out));
            int32_t ids[64], types[64];
            tern_span spans[64];
            const tern_text pair = {text, sizeof text - 1, text, sizeof text - 1};
            tern_tokens tokens = {
                .struct_bytes = sizeof tokens, .capacity = 64, .ids = ids, .types = types, .spans = spans};
            tern_session *s;
            assert_ok(tern_session_open(&s, models[i], &o, &err));
            const long before = malloc_calls;
            for (int run = 0; run < 3; run++) {
                assert_ok(tern_embed(s, &batch, out, &err));
                if (e2e_width(models[i], E2E_CLASSIFY))
                    assert_ok(tern_classify(s, &batch, out, &err));
                assert_ok(tern_tokenize(tern_model_tokenizer(models[i]), &pair, TERN_TRUNCATE_HEAD, &tokens, &err));
            }
            assert_int_equal(malloc_calls - before, 0);
            tern_session_close(s);
            free(out);
            e2e_free_texts(&t);
        }
    assert_true(malloc_calls > 0); /* the counter counts */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int8_against_f32),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_runs_do_not_touch_each_other),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_floats_are_the_integers),
        cmocka_unit_test(test_refused_options),
        cmocka_unit_test(test_refused_batches),
        cmocka_unit_test(test_accessors),
        cmocka_unit_test(test_limits_are_reached),
        cmocka_unit_test(test_runs_allocate_nothing),
    };
    json_set_alloc_funcs(malloc_count_malloc, malloc_count_free);
    return cmocka_run_group_tests(tests, setup, teardown);
}
