/* Two sessions on one model in two threads, each with two threads of its own: the same answers as one alone. Made for
   ThreadSanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/thread.h"
#include "tests/e2e.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TEXTS = 12, LONGEST = 30, ROUNDS = 6, CALLERS = 2, HIDDEN = 48, LABELS = 3 };

static tern_error err;
static const struct test_checkpoint_spec spec = {.seed = 61, .hidden = HIDDEN, .heads = 4, .intermediate = 96,
                                                 .pooler = 1, .n_labels = LABELS, .pooling = "mean", .normalize = 1};
static const char text[] = "Baba, the ebo -- coca!";

struct caller {
    const tern_model *model;
    struct e2e_texts texts;
    float logits[TEXTS * LABELS], vectors[TEXTS * HIDDEN];
    int32_t ids[32];
    size_t n_ids;
    int group, failed;
};

/* Opens a session of its own and runs everything several times; what differs between rounds counts as failed. */
static void *call(void *argument)
{
    struct caller *c = argument;
    const struct e2e_run classify = {NULL, 2, c->group, 0, E2E_CLASSIFY}, embed = {NULL, 2, c->group, 0, E2E_EMBED};
    float logits[TEXTS * LABELS], vectors[TEXTS * HIDDEN];
    for (int round = 0; round < ROUNDS; round++) {
        e2e_run(c->model, &c->texts, &classify, logits, NULL);
        e2e_run(c->model, &c->texts, &embed, vectors, NULL);
        c->failed |= tern_tokenize(tern_model_tokenizer(c->model), text, sizeof text - 1, NULL, 0, TERN_TRUNCATE_HEAD,
                                   c->ids, NULL, 32, &c->n_ids, NULL) != TERN_OK;
        if (round)
            c->failed |= memcmp(logits, c->logits, sizeof logits) || memcmp(vectors, c->vectors, sizeof vectors);
        memcpy(c->logits, logits, sizeof logits);
        memcpy(c->vectors, vectors, sizeof vectors);
    }
    return NULL;
}

static void check_model(const char *weights)
{
    static struct caller callers[CALLERS];
    static float logits[TEXTS * LABELS], vectors[TEXTS * HIDDEN];
    const struct e2e_run alone[] = {{NULL, 1, TEXTS, 0, E2E_CLASSIFY}, {NULL, 1, TEXTS, 0, E2E_EMBED}};
    tern_model *model = e2e_model(&spec, weights, NULL);
    struct e2e_texts texts = e2e_random_texts(model, TEXTS, LONGEST, 62);
    pthread_t threads[CALLERS];
    e2e_run(model, &texts, &alone[0], logits, NULL);
    e2e_run(model, &texts, &alone[1], vectors, NULL);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.model = model, .texts = texts, .group = i ? 5 : 3};
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(callers[i].failed, 0);
        assert_memory_equal(callers[i].logits, logits, sizeof logits);
        assert_memory_equal(callers[i].vectors, vectors, sizeof vectors);
        assert_int_equal(callers[i].n_ids, callers[0].n_ids);
        assert_memory_equal(callers[i].ids, callers[0].ids, callers[0].n_ids * sizeof(int32_t));
    }
    e2e_free_texts(&texts);
    tern_model_close(model);
}

static void test_int8(void **state)
{
    (void)state;
    check_model("int8");
}

static void test_f32(void **state)
{
    (void)state;
    check_model("f32"); /* on one machine, with one row of kernels, floats repeat too */
}

/* A session may move from thread to thread, one at a time. */
static void *run_once(void *session)
{
    static const int32_t ids[4] = {2, 70, 71, 3}, offsets[2] = {0, 4};
    static _Thread_local float out[LABELS];
    return tern_classify(session, &(tern_batch){ids, NULL, offsets, 1}, out, NULL) == TERN_OK ? session : NULL;
}

static void test_session_moves(void **state)
{
    (void)state;
    tern_model *model = e2e_model(&spec, "int8", NULL);
    const tern_session_options o = {.struct_bytes = sizeof o, .threads = 2};
    tern_session *s;
    assert_ok(tern_session_open(&s, model, &o, &err));
    for (int i = 0; i < 6; i++) {
        pthread_t thread;
        void *result;
        assert_int_equal(pthread_create(&thread, NULL, run_once, s), 0);
        assert_int_equal(pthread_join(thread, &result), 0);
        assert_ptr_equal(result, s);
        assert_ptr_equal(run_once(s), s);
    }
    tern_session_close(s);
    tern_model_close(model);
}

/* ---- The pool --------------------------------------------------------------------------------------------------- */

struct tasks {
    atomic_int count[1000], in_use[257], wrong;
    int threads;
    int plain[1000]; /* written by the task, read after the run: no lock is needed */
};

static void count_task(void *context, int task, int thread)
{
    struct tasks *t = context;
    if (thread < 0 || thread >= t->threads || atomic_fetch_add(&t->in_use[thread], 1) != 0)
        atomic_store(&t->wrong, 1);
    atomic_fetch_add(&t->count[task], 1);
    t->plain[task] += task + 1;
    atomic_fetch_sub(&t->in_use[thread], 1);
}

static void test_pool(void **state)
{
    (void)state;
    static const int sizes[] = {0, 1, 2, 3, 7, 64, 1000};
    for (int threads = 1; threads <= 4; threads++) {
        struct tern_pool *pool;
        assert_ok(tern_pool_open(&pool, threads, &err));
        assert_int_equal(tern_pool_threads(pool), threads);
        for (int round = 0; round < 30; round++) {
            static struct tasks t;
            const int n = sizes[round % 7];
            if (round % 10 == 3)
                tern_pool_begin(pool);
            if (round % 10 == 8)
                tern_pool_end(pool);
            memset(&t, 0, sizeof t);
            t.threads = threads;
            tern_pool_run(pool, count_task, &t, n);
            assert_int_equal(t.wrong, 0);
            for (int i = 0; i < 1000; i++) {
                assert_int_equal(t.count[i], i < n);
                assert_int_equal(t.plain[i], i < n ? i + 1 : 0);
            }
        }
        tern_pool_close(pool);
    }
    tern_pool_close(NULL);
    assert_true(tern_threads_allowed() >= 1 && tern_threads_allowed() <= 256);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What the process computes in a tenth of a second in which nothing runs: a thread that spins would show. */
static double idle_cpu_seconds(void)
{
    usleep(1000); /* the last to finish falls asleep */
    const double start = cpu_seconds();
    usleep(100000);
    return cpu_seconds() - start;
}

static void test_idle_threads_sleep(void **state)
{
    (void)state;
    const int allowed = tern_threads_allowed();
    const int threads[2] = {2, allowed + 1}; /* the latter are too many, and sleep even within */
    for (int i = 0; i < 2; i++) {
        static struct tasks t;
        struct tern_pool *pool;
        assert_ok(tern_pool_open(&pool, threads[i], &err));
        memset(&t, 0, sizeof t);
        t.threads = threads[i];
        tern_pool_begin(pool);
        tern_pool_run(pool, count_task, &t, 1000);
        if (threads[i] <= allowed)
            tern_pool_end(pool);
        assert_true(idle_cpu_seconds() < 0.002);
        tern_pool_close(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pool), cmocka_unit_test(test_idle_threads_sleep),
                                       cmocka_unit_test(test_int8), cmocka_unit_test(test_f32),
                                       cmocka_unit_test(test_session_moves)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
