/* Text in, answer out: the same bits as one text at a time through tern_tokenize and tern_classify, however texts are
   put together; order, truncation, pairs, refused texts by number, streams, and no allocation in a run. */
/* LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free -Wl,--wrap=aligned_alloc -Wl,--wrap=posix_memalign */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/model.h"
#include "tests/e2e.h"
#include "tests/malloc_count.h"

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 60, LONGEST = 400, WIDTH = 40, TOKENS = 64 };

static tern_error err;
static char bytes[TEXTS][2][LONGEST + 1];
static tern_text texts[TEXTS];

/* Small, as thousands of texts go through them: how texts are put together is tried, not arithmetic. */
#define SMALL .layers = 1, .intermediate = 20
static const struct {
    const char *weights;
    struct test_checkpoint_spec spec;
} kinds[] = {
    {"int8", {.seed = 1, SMALL, .hidden = 36, .pooler = 1, .n_labels = 3, .pooling = "mean"}},
    {"int8", {.seed = 2, SMALL, .architecture = TERN_DISTILBERT, .hidden = 24, .pooler = 1, .n_labels = 1}},
    {"int8", {.seed = 3, SMALL, .hidden = 20, .pooling = "cls", .normalize = 1}},
    {"f32", {.seed = 4, SMALL, .hidden = 20, .pooler = 1, .n_labels = 2}},
};
enum { KINDS = sizeof kinds / sizeof *kinds, PLAIN = 0, ONE_LABEL = 1, NO_HEAD = 2, F32 = 3 };
static tern_model *models[KINDS];

/* What one text after the other gives. */
struct reference {
    float values[TEXTS][WIDTH];
    int32_t integers[TEXTS][WIDTH];
    size_t n_tokens[TEXTS], n_needed[TEXTS];
};

static size_t write_words(char *out, struct rng *rng)
{
    static const char *const words[] = {"bab", "Ebo",  "coca",         "THE",    "!",  "12:30", "d'ufu", "\xc3\xa9",
                                        "do",  "zzzz", "\xe4\xb8\xad", "[MASK]", "--", "cac",   "abo",   "fi"};
    const int64_t n = rng_between(rng, 0, 9) ? rng_between(rng, 0, 12) : rng_between(rng, 30, 60);
    size_t at = 0;
    for (int64_t i = 0; i < n; i++)
        at += (size_t)sprintf(out + at, "%s ", words[rng_between(rng, 0, 15)]);
    return at;
}

static int setup(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(7, "texts");
    for (int i = 0; i < KINDS; i++)
        models[i] = e2e_model(&kinds[i].spec, kinds[i].weights, NULL);
    for (int i = 0; i < TEXTS; i++) {
        texts[i] = (tern_text){.text = bytes[i][0], .text_bytes = write_words(bytes[i][0], &rng)};
        if (i % 3 != 1)
            continue;
        texts[i].pair = bytes[i][1];
        texts[i].pair_bytes = write_words(bytes[i][1], &rng);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++)
        tern_model_close(models[i]);
    return 0;
}

static int32_t width_of(const tern_model *model, tern_task task)
{
    return e2e_width(model, task == TERN_CLASSIFY ? E2E_CLASSIFY : E2E_EMBED);
}

static tern_session *open_session(const tern_model *model, int32_t threads, int32_t tokens, int32_t n_texts)
{
    const tern_session_options o = {
        .struct_bytes = sizeof o, .threads = threads, .max_tokens = tokens, .max_texts = n_texts};
    tern_session *s;
    assert_ok(tern_session_open(&s, model, &o, &err));
    return s;
}

static void run_one(struct reference *r, int i, tern_session *s, const tern_model *model, tern_task task,
                    tern_truncate truncate)
{
    int32_t ids[TOKENS], types[TOKENS], bits;
    size_t n;
    tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = TOKENS, .ids = ids, .types = types};
    assert_ok(tern_tokenize(tern_model_tokenizer(model), &texts[i], truncate, &tokens, &err));
    const int32_t offsets[2] = {0, (int32_t)tokens.count};
    const tern_batch batch = {ids, types, offsets, 1};
    if (task == TERN_CLASSIFY)
        assert_ok(tern_classify(s, &batch, r->values[i], &err));
    else
        assert_ok(tern_embed(s, &batch, r->values[i], &err));
    const int32_t *integers = tern_session_integers(s, &n, &bits);
    if (integers)
        memcpy(r->integers[i], integers, n * sizeof *integers);
    r->n_tokens[i] = tokens.count;
    r->n_needed[i] = tokens.needed;
}

static void make_reference(struct reference *r, const tern_model *model, tern_task task, tern_truncate truncate)
{
    tern_session *s = open_session(model, 1, TOKENS, 1);
    memset(r, 0, sizeof *r);
    for (int i = 0; i < TEXTS; i++)
        run_one(r, i, s, model, task, truncate);
    tern_session_close(s);
}

/* ---- The same bits, in order ------------------------------------------------------------------------------------- */

static tern_status answer_all(tern_session *s, tern_task task, tern_truncate truncate, tern_answers *out)
{
    return task == TERN_CLASSIFY ? tern_classify_texts(s, texts, TEXTS, truncate, out, &err)
                                 : tern_embed_texts(s, texts, TEXTS, truncate, out, &err);
}

/* The same bits; of a float model the same numbers, since its sums' order depends on how many texts run together. */
static void assert_values(const float *values, const float *expected, size_t n, int is_f32)
{
    if (!is_f32)
        assert_memory_equal(values, expected, n * sizeof *values);
    for (size_t i = 0; i < n; i++)
        assert_true(fabsf(values[i] - expected[i]) <= 1e-5f * (1 + fabsf(expected[i])));
}

static void check_session(tern_session *s, const tern_model *model, tern_task task, tern_truncate truncate,
                          const struct reference *r)
{
    static float values[TEXTS * WIDTH];
    static int32_t integers[TEXTS * WIDTH];
    size_t n_tokens[TEXTS], n_needed[TEXTS];
    const int is_f32 = !strcmp(tern_model_get_info(model)->weights, "f32");
    const size_t width = (size_t)width_of(model, task), row = width * sizeof *values;
    tern_answers out = {sizeof out, values, integers, n_tokens, n_needed, 99};
    const long before = malloc_calls;
    assert_ok(answer_all(s, task, truncate, &out));
    assert_int_equal(malloc_calls, before);
    assert_int_equal(out.n_answered, TEXTS);
    for (size_t i = 0; i < TEXTS; i++) {
        assert_values(values + i * width, r->values[i], width, is_f32);
        if (!is_f32)
            assert_memory_equal(integers + i * width, r->integers[i], row);
    }
    assert_memory_equal(n_tokens, r->n_tokens, sizeof n_tokens);
    assert_memory_equal(n_needed, r->n_needed, sizeof n_needed);
    /* What is not wanted is left out. */
    tern_answers least = {.struct_bytes = sizeof least, .values = values};
    assert_ok(answer_all(s, task, truncate, &least));
    assert_values(values + (TEXTS - 1) * width, r->values[TEXTS - 1], width, is_f32);
}

static void test_same_bits(void **state)
{
    static const int32_t limits[][3] = {{1, 64, 1}, {1, 64, 3}, {1, 100, 7}, {1, 0, 0}, {2, 2000, 1000}, {2, 0, 5}};
    static struct reference r;
    (void)state;
    for (int k = 0; k < KINDS; k++)
        for (int task = k == NO_HEAD ? TERN_EMBED : TERN_CLASSIFY; task <= TERN_EMBED; task++)
            for (int truncate = TERN_TRUNCATE_HEAD; truncate <= TERN_TRUNCATE_TAIL; truncate++) {
                make_reference(&r, models[k], (tern_task)task, (tern_truncate)truncate);
                for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
                    tern_session *s = open_session(models[k], limits[i][0], limits[i][1], limits[i][2]);
                    check_session(s, models[k], (tern_task)task, (tern_truncate)truncate, &r);
                    tern_session_close(s);
                }
            }
    size_t cut = 0;
    for (int i = 0; i < TEXTS; i++)
        cut += r.n_needed[i] > r.n_tokens[i];
    assert_true(cut > 3 && cut < TEXTS / 2);
}

/* A session that takes fewer tokens than the model truncates to what it takes. */
static void test_small_session(void **state)
{
    float logits[3];
    size_t n_tokens, n_needed;
    const tern_text text = {.text = "bab bab bab bab bab bab", .text_bytes = 23};
    tern_answers out = {sizeof out, logits, NULL, &n_tokens, &n_needed, 0};
    (void)state;
    tern_session *s = open_session(models[PLAIN], 1, 5, 1);
    assert_ok(tern_classify_texts(s, &text, 1, TERN_TRUNCATE_HEAD, &out, &err));
    assert_int_equal(n_tokens, 5);
    assert_true(n_needed > 5);
    tern_session_close(s);
    s = open_session(models[PLAIN], 1, 2, 1);
    assert_int_equal(tern_classify_texts(s, &text, 1, TERN_TRUNCATE_HEAD, &out, &err), TERN_USAGE);
    assert_non_null(strstr(err.message, "opened for 2 tokens"));
    tern_session_close(s);
}

struct caller {
    const struct reference *reference;
    int threads, differs;
};

static void *call(void *argument)
{
    struct caller *c = argument;
    const tern_session_options o = {.struct_bytes = sizeof o, .threads = c->threads, .max_texts = 4 + c->threads};
    const size_t width = (size_t)width_of(models[PLAIN], TERN_CLASSIFY);
    float values[TEXTS * WIDTH];
    tern_session *s;
    if (tern_session_open(&s, models[PLAIN], &o, NULL)) {
        c->differs = 1;
        return NULL;
    }
    for (int round = 0; round < 5; round++) {
        tern_answers out = {.struct_bytes = sizeof out, .values = values};
        c->differs |= tern_classify_texts(s, texts, TEXTS, TERN_TRUNCATE_HEAD, &out, NULL) != TERN_OK;
        for (size_t i = 0; i < TEXTS; i++)
            c->differs |= memcmp(values + i * width, c->reference->values[i], width * sizeof *values);
    }
    tern_session_close(s);
    return NULL;
}

static void test_sessions_side_by_side(void **state)
{
    static struct reference r;
    struct caller callers[2] = {{&r, 1, 0}, {&r, 2, 0}};
    pthread_t threads[2];
    (void)state;
    make_reference(&r, models[PLAIN], TERN_CLASSIFY, TERN_TRUNCATE_HEAD);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(callers[i].differs);
    }
}

/* ---- Refused --------------------------------------------------------------------------------------------------- */

/* Text `at` is `bad`; those before it are answered, and the message names it. */
static void refuse_text(tern_text bad, size_t at, const char *says)
{
    static struct reference r;
    static float values[TEXTS * WIDTH];
    const size_t width = (size_t)width_of(models[PLAIN], TERN_CLASSIFY);
    const tern_text good = texts[at];
    char name[32];
    tern_session *s = open_session(models[PLAIN], 1, 0, 6);
    tern_answers out = {.struct_bytes = sizeof out, .values = values};
    make_reference(&r, models[PLAIN], TERN_CLASSIFY, TERN_TRUNCATE_HEAD);
    texts[at] = bad;
    snprintf(name, sizeof name, "text %zu: ", at + 1);
    memset(values, 0, sizeof values);
    assert_int_equal(tern_classify_texts(s, texts, TEXTS, TERN_TRUNCATE_HEAD, &out, &err), TERN_INPUT);
    texts[at] = good;
    assert_int_equal(out.n_answered, at);
    if (strncmp(err.message, name, strlen(name)) || !strstr(err.message, says))
        fail_msg("'%s' is not about '%s%s'", err.message, name, says);
    for (size_t i = 0; i < at; i++)
        assert_memory_equal(values + i * width, r.values[i], width * sizeof *values);
    /* The session is as good as new. */
    assert_ok(tern_classify_texts(s, texts, TEXTS, TERN_TRUNCATE_HEAD, &out, &err));
    assert_memory_equal(values + at * width, r.values[at], width * sizeof *values);
    tern_session_close(s);
}

static void test_refused_texts(void **state)
{
    (void)state;
    const tern_text broken = {.text = "ab\xff", .text_bytes = 3};
    const tern_text pair = {"ab", 2, "c\xc3", 2};
    refuse_text(broken, 0, "the text is not UTF-8: invalid byte 0xFF at byte offset 2");
    refuse_text(broken, 11, "byte offset 2");
    refuse_text(pair, TEXTS - 1, "the pair is not UTF-8: invalid byte 0xC3 at byte offset 1");
    /* Too long: the first that is. */
    tern_session *s = open_session(models[PLAIN], 1, 0, 6);
    static struct reference r;
    float values[TEXTS * WIDTH];
    tern_answers out = {.struct_bytes = sizeof out, .values = values};
    size_t first = 0;
    char says[96];
    make_reference(&r, models[PLAIN], TERN_CLASSIFY, TERN_TRUNCATE_HEAD);
    while (r.n_needed[first] <= TOKENS)
        first++;
    snprintf(says, sizeof says, "text %zu: the text has %zu tokens, the limit is 64", first + 1, r.n_needed[first]);
    assert_int_equal(tern_classify_texts(s, texts, TEXTS, TERN_TRUNCATE_ERROR, &out, &err), TERN_INPUT);
    assert_non_null(strstr(err.message, says));
    assert_int_equal(out.n_answered, first);
    tern_session_close(s);
}

static void test_refused_calls(void **state)
{
    float values[WIDTH];
    const tern_text text = {.text = "a", .text_bytes = 1};
    tern_answers out = {.struct_bytes = sizeof out, .values = values};
    tern_stream stream = {.struct_bytes = 8};
    (void)state;
    tern_session *s = open_session(models[NO_HEAD], 1, 0, 1);
    assert_int_equal(tern_classify_texts(s, &text, 1, TERN_TRUNCATE_HEAD, &out, &err), TERN_USAGE);
    assert_non_null(strstr(err.message, "no classification head"));
    assert_int_equal(tern_embed_texts(s, &text, 1, (tern_truncate)3, &out, &err), TERN_USAGE);
    assert_int_equal(tern_answer_stream(s, TERN_EMBED, TERN_TRUNCATE_HEAD, &stream, &err), TERN_USAGE);
    stream.struct_bytes = sizeof stream;
    assert_int_equal(tern_answer_stream(s, (tern_task)2, TERN_TRUNCATE_HEAD, &stream, &err), TERN_USAGE);
    out.struct_bytes = 0;
    assert_int_equal(tern_embed_texts(s, &text, 1, TERN_TRUNCATE_HEAD, &out, &err), TERN_USAGE);
    assert_non_null(strstr(err.message, "struct_bytes"));
    out.struct_bytes = sizeof out;
    assert_ok(tern_embed_texts(s, NULL, 0, TERN_TRUNCATE_HEAD, &out, &err));
    assert_int_equal(out.n_answered, 0);
    tern_session_close(s);
    /* A file without a vocabulary, as only the seeded models of the benchmark are. */
    tern_model mute = *models[NO_HEAD];
    mute.tokenizer = NULL;
    s = open_session(&mute, 1, 0, 1);
    assert_int_equal(tern_embed_texts(s, &text, 1, TERN_TRUNCATE_HEAD, &out, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "no vocabulary"));
    tern_session_close(s);
}

/* ---- Streams --------------------------------------------------------------------------------------------------- */

/* Gives the texts, waits before every fifth, breaks every 13th, stops the call at answer `stop`. */
struct feed {
    const struct reference *reference;
    size_t next, answered, refused, waits, stop;
    int waited;
};

static tern_next feed_next(void *context, tern_text *text)
{
    struct feed *f = context;
    static const char broken[] = "x\xf8";
    if (f->next == TEXTS)
        return TERN_NEXT_END;
    if (f->next % 5 == 4 && !f->waited) {
        f->waited = 1;
        f->waits++;
        return TERN_NEXT_WAIT;
    }
    /* All texts before a wait have been answered by now. */
    if (f->waited)
        assert_int_equal(f->answered, f->next);
    f->waited = 0;
    *text = texts[f->next++];
    if (f->next % 13 == 0)
        *text = (tern_text){.text = broken, .text_bytes = 2};
    return TERN_NEXT_TEXT;
}

static tern_status feed_answer(void *context, const tern_answer *a)
{
    struct feed *f = context;
    assert_int_equal(a->index, f->answered);
    f->answered++;
    if (f->answered == f->stop)
        return TERN_DIFFERENT;
    assert_int_equal(a->count, 3);
    if (f->answered % 13 == 0) {
        assert_non_null(a->error);
        assert_int_equal(a->error->code, TERN_INPUT);
        assert_null(a->values);
        assert_int_equal(a->n_tokens + a->n_needed, 0);
        f->refused++;
        return TERN_OK;
    }
    assert_null(a->error);
    assert_memory_equal(a->values, f->reference->values[a->index], 3 * sizeof *a->values);
    assert_memory_equal(a->integers, f->reference->integers[a->index], 3 * sizeof *a->integers);
    assert_int_equal(a->n_needed, f->reference->n_needed[a->index]);
    return TERN_OK;
}

static void test_stream(void **state)
{
    static struct reference r;
    (void)state;
    make_reference(&r, models[PLAIN], TERN_CLASSIFY, TERN_TRUNCATE_TAIL);
    for (int32_t n = 1; n < 9; n += 3) {
        struct feed feed = {.reference = &r};
        const tern_stream stream = {
            .struct_bytes = sizeof stream, .context = &feed, .next = feed_next, .answer = feed_answer};
        tern_session *s = open_session(models[PLAIN], 1, 0, n);
        const long before = malloc_calls;
        assert_ok(tern_answer_stream(s, TERN_CLASSIFY, TERN_TRUNCATE_TAIL, &stream, &err));
        assert_int_equal(malloc_calls, before);
        assert_int_equal(feed.answered, TEXTS);
        assert_int_equal(feed.refused, TEXTS / 13);
        assert_int_equal(feed.waits, TEXTS / 5);
        /* The callback ends the call with a status of its own, wherever: then the session begins anew. */
        for (size_t stop = 1; stop <= TEXTS; stop += 7) {
            feed = (struct feed){.reference = &r, .stop = stop};
            assert_int_equal(tern_answer_stream(s, TERN_CLASSIFY, TERN_TRUNCATE_TAIL, &stream, &err), TERN_DIFFERENT);
            assert_int_equal(feed.answered, stop);
        }
        tern_session_close(s);
    }
}

/* ---- Meaning --------------------------------------------------------------------------------------------------- */

static void test_probabilities(void **state)
{
    static const float logits[][3] = {{0, 0, 0}, {-3, 2.5f, 1}, {900, -900, 899}, {-1e4f, -1e4f, -1e4f}};
    static const int32_t best[] = {0, 1, 0, 0};
    double p[3] = {7, 7, 7};
    const float one = 1.5f;
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tern_probabilities(models[PLAIN], logits[i], p), best[i]);
        assert_true(fabs(p[0] + p[1] + p[2] - 1) < 1e-12);
        for (int k = 0; k < 3; k++)
            assert_true(p[k] >= 0 && p[k] <= p[best[i]]);
        assert_int_equal(tern_probabilities(models[PLAIN], logits[i], NULL), best[i]);
    }
    assert_true(fabs(p[1] - 1.0 / 3) < 1e-12);
    assert_int_equal(tern_probabilities(models[ONE_LABEL], &one, p), 0);
    assert_true(fabs(p[0] - 1 / (1 + exp(-1.5))) < 1e-12);
    assert_int_equal(tern_probabilities(models[NO_HEAD], NULL, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_small_session),
        cmocka_unit_test(test_refused_texts),
        cmocka_unit_test(test_refused_calls),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_sessions_side_by_side),
    };
    json_set_alloc_funcs(malloc_count_malloc, malloc_count_free);
    return cmocka_run_group_tests(tests, setup, teardown);
}
