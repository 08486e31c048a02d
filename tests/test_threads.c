/* Threads: many sessions on one model give the answers of one alone; a pool's threads sleep when there is nothing to
   do, and the caller needs none of them. Also run under ThreadSanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/base/thread.h"
#include "tests/e2e.h"

#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

enum { TEXTS = 12, LONGEST = 30, ROUNDS = 6, CALLERS = 2, HIDDEN = 48, LABELS = 3 };

static tern_error err;
static const struct test_checkpoint_spec spec = {.seed = 61,
                                                 .hidden = HIDDEN,
                                                 .heads = 4,
                                                 .intermediate = 96,
                                                 .pooler = 1,
                                                 .n_labels = LABELS,
                                                 .pooling = "mean",
                                                 .normalize = 1};
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
    const tern_text whole = {.text = text, .text_bytes = sizeof text - 1};
    tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = 32, .ids = c->ids};
    for (int round = 0; round < ROUNDS; round++) {
        e2e_run(c->model, &c->texts, &classify, logits, NULL);
        e2e_run(c->model, &c->texts, &embed, vectors, NULL);
        c->failed |=
            tern_tokenize(tern_model_tokenizer(c->model), &whole, TERN_TRUNCATE_HEAD, &tokens, NULL) != TERN_OK;
        c->n_ids = tokens.count;
        if (round)
            c->failed |= memcmp(logits, c->logits, sizeof logits) || memcmp(vectors, c->vectors, sizeof vectors);
        memcpy(c->logits, logits, sizeof logits);
        memcpy(c->vectors, vectors, sizeof vectors);
    }
    return NULL;
}

/* Integers are the same however texts are grouped; floats are added in an order that depends on the rows of a run. */
static void assert_same(const float *a, const float *b, size_t count, int exact)
{
    for (size_t i = 0; i < count; i++)
        if (exact ? memcmp(&a[i], &b[i], sizeof a[i]) != 0 : fabsf(a[i] - b[i]) > 2e-6f * (1 + fabsf(b[i])))
            fail_msg("%zu: %.9g and %.9g", i, (double)a[i], (double)b[i]);
}

static void check_model(const char *weights)
{
    const int exact = strcmp(weights, "f32") != 0;
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
        assert_same(callers[i].logits, logits, TEXTS * LABELS, exact);
        assert_same(callers[i].vectors, vectors, TEXTS * HIDDEN, exact);
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
    check_model("f32");
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
                tern_pool_begin(pool, INT64_MAX, 0);
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
    usleep(10000); /* the last to finish falls asleep */
    const double start = cpu_seconds();
    usleep(100000);
    return cpu_seconds() - start;
}

/* ---- A pool whose helpers are known by their thread ids ---------------------------------------------------------- */

enum { MOST_HELPERS = 8 };

struct meeting {
    atomic_int present, expected;
    long tid[MOST_HELPERS + 1]; /* by thread index */
};

/* Holds its thread until all threads have come, or for two seconds. */
static void meet_task(void *context, int task, int thread)
{
    (void)task;
    struct meeting *m = context;
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGUSR1); /* for test_stopped_helpers; helpers take no signals */
    pthread_sigmask(SIG_UNBLOCK, &stop, NULL);
    m->tid[thread] = syscall(SYS_gettid);
    atomic_fetch_add(&m->present, 1);
    for (int i = 0; i < 20000 && atomic_load(&m->present) < atomic_load(&m->expected); i++)
        usleep(100);
}

/* Runs a task on every thread. 0 when one was not scheduled in two seconds. */
static int meet(struct tern_pool *pool, struct meeting *m, int threads)
{
    memset(m, 0, sizeof *m);
    m->expected = threads;
    tern_pool_run(pool, meet_task, m, threads);
    for (int i = 0; i < threads; i++)
        if (!m->tid[i])
            return 0;
    return 1;
}

/* The letter of a thread's state in /proc: S is asleep. */
static char state_of(long tid)
{
    char path[64], line[400] = "", *end;
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    end = strrchr(line, ')');
    assert_non_null(end);
    return end[2];
}

/* Waits for two seconds at most. */
static void assert_falls_asleep(long tid)
{
    for (int i = 0; i < 2000 && state_of(tid) != 'S'; i++)
        usleep(1000);
    assert_int_equal(state_of(tid), 'S');
}

static void test_idle_threads_sleep(void **state)
{
    (void)state;
    const int allowed = tern_threads_allowed();
    const int threads[2] = {2, (allowed < MOST_HELPERS ? allowed : MOST_HELPERS) + 1}; /* the latter are too many */
    for (int i = 0; i < 2; i++) {
        static struct tasks t;
        struct meeting m;
        struct tern_pool *pool;
        assert_ok(tern_pool_open(&pool, threads[i], &err));
        assert_true(meet(pool, &m, threads[i]));
        memset(&t, 0, sizeof t);
        t.threads = threads[i];
        tern_pool_begin(pool, INT64_MAX, 0);
        tern_pool_run(pool, count_task, &t, 1000);
        if (i) /* also within a pass that goes on for long without work for them */
            tern_pool_end(pool);
        for (int h = 1; h < threads[i]; h++)
            assert_falls_asleep(m.tid[h]);
        assert_true(idle_cpu_seconds() < 0.002);
        tern_pool_close(pool);
    }
}

static sem_t stopped, go_on;

static void stop_here(int signal)
{
    (void)signal;
    sem_post(&stopped);
    while (sem_wait(&go_on))
        ;
}

/* With every helper stopped the caller finishes all tasks, and after a while counts on nobody else. */
static void test_stopped_helpers(void **state)
{
    (void)state;
    static struct tasks t;
    struct meeting m;
    struct tern_pool *pool;
    const int threads = 4;
    int alone = 0;
    assert_ok(tern_pool_open(&pool, threads, &err));
    assert_true(meet(pool, &m, threads));
    sem_init(&stopped, 0, 0);
    sem_init(&go_on, 0, 0);
    signal(SIGUSR1, stop_here);
    for (int i = 1; i < threads; i++) {
        assert_falls_asleep(m.tid[i]); /* no CPU may stop it on its way there */
        assert_int_equal(syscall(SYS_tgkill, getpid(), m.tid[i], SIGUSR1), 0);
        while (sem_wait(&stopped))
            ;
    }
    for (int round = 0; round < 10; round++) {
        memset(&t, 0, sizeof t);
        t.threads = threads;
        tern_pool_begin(pool, INT64_MAX, 0);
        alone += tern_pool_width(pool) == 1;
        tern_pool_run(pool, count_task, &t, 1000);
        tern_pool_end(pool);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(t.count[i], 1);
        usleep(2000);
    }
    assert_true(alone > 0); /* now and then it tries again */
    for (int i = 1; i < threads; i++)
        sem_post(&go_on);
    signal(SIGUSR1, SIG_DFL);
    assert_true(meet(pool, &m, threads)); /* they are back */
    tern_pool_close(pool);
}

static void compute(void)
{
    for (volatile int i = 0; i < 100000; i++)
        ;
}

static void slow_shared_task(void *context, int task, int thread)
{
    (void)context, (void)task;
    for (int i = 0; thread && i < 10; i++)
        compute();
}

static void slow_alone_task(void *context, int task, int thread)
{
    (void)context, (void)task, (void)thread;
    compute();
}

/* How many of a hundred passes are shared once the pool has had time to learn. */
static int shared_passes(struct tern_pool *pool, void (*task)(void *, int, int), int64_t products)
{
    int shared = 0;
    for (int i = 0; i < 200; i++) {
        tern_pool_begin(pool, products, 0);
        shared += i >= 100 && tern_pool_width(pool) > 1;
        tern_pool_run(pool, task, NULL, 2);
        tern_pool_end(pool);
    }
    return shared;
}

/* Passes of a size that sharing makes slower stay on the caller's thread; those of another size are shared. Helpers
   that find no CPU are taken away besides, so that the second figure has no lower limit on a busy machine. */
static void test_sharing_is_learned(void **state)
{
    (void)state;
    struct tern_pool *pool;
    assert_ok(tern_pool_open(&pool, 2, &err));
    assert_int_equal(tern_pool_width(pool), 2);
    assert_true(shared_passes(pool, slow_shared_task, 1 << 20) < 20);
    const int shared = shared_passes(pool, slow_alone_task, 1 << 24);
    print_message("%d of 100 passes that pay are shared\n", shared);
    assert_int_equal(tern_pool_width(pool), 2);
    tern_pool_close(pool);
}

static void slow_tasks_task(void *context, int task, int thread)
{
    const int *const shares = context;
    (void)task, (void)thread;
    for (int i = 0; !*shares && i < 10; i++)
        compute();
}

/* Whether one of up to `most` passes ran in shares. */
static int runs_in_shares(struct tern_pool *pool, int has_shares, int most)
{
    int shares = 0;
    for (int i = 0; i < most && !shares; i++) {
        tern_pool_begin(pool, 1 << 22, has_shares);
        shares = tern_pool_shares(pool);
        assert_true(shares == 0 || shares == tern_pool_width(pool));
        tern_pool_run(pool, slow_tasks_task, &shares, 2);
        tern_pool_end(pool);
        assert_int_equal(tern_pool_shares(pool), 0);
    }
    return shares;
}

/* A pass runs in shares only if it can, and what runs inside of a task is run by that task's thread. */
static void test_shares(void **state)
{
    (void)state;
    static struct tasks t;
    struct tern_pool *pool;
    assert_ok(tern_pool_open(&pool, 2, &err));
    assert_int_equal(runs_in_shares(pool, 0, 60), 0);
    print_message("shares were %stried\n", runs_in_shares(pool, 1, 2000) ? "" : "not "); /* they need every CPU */
    for (int thread = 0; thread < 2; thread++) {
        struct tern_pool *const alone = tern_pool_alone(pool, thread);
        assert_int_equal(tern_pool_width(alone), 1);
        assert_int_equal(tern_pool_shares(alone), 0);
        memset(&t, 0, sizeof t);
        t.threads = 2;
        atomic_store(&t.in_use[1 - thread], 1); /* the other one would be wrong */
        tern_pool_run(alone, count_task, &t, 1000);
        assert_int_equal(t.wrong, 0);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(t.count[i], 1);
    }
    tern_pool_close(pool);
    assert_ok(tern_pool_open(&pool, 1, &err));
    assert_int_equal(runs_in_shares(pool, 1, 60), 0);
    tern_pool_close(pool);
}

/* A pool that idled before fork still shares work in the child. */
static void test_pool_after_fork(void **state)
{
    (void)state;
#if !defined(__SANITIZE_THREAD__) && !__has_feature(thread_sanitizer)
    struct tern_pool *pool;
    int status, before;
    assert_ok(tern_pool_open(&pool, 2, &err));
    usleep(20000);
    tern_pool_begin(pool, INT64_MAX, 0); /* tries one more, if there was no idle CPU at first */
    before = tern_pool_width(pool);
    tern_pool_end(pool);
    usleep(5000);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        tern_pool_begin(pool, INT64_MAX, 0);
        _exit(tern_pool_width(pool) < before);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    tern_pool_close(pool);
#endif
}

/* A session opened before fork works in the child, with threads of the child's own, and in the parent. */
static void test_fork(void **state)
{
    (void)state;
#if !defined(__SANITIZE_THREAD__) && !__has_feature(thread_sanitizer)
    tern_model *model = e2e_model(&spec, "int8", NULL);
    for (int threads = 1; threads <= 3; threads++) {
        const tern_session_options o = {.struct_bytes = sizeof o, .threads = threads};
        static const int32_t ids[4] = {2, 70, 71, 3}, offsets[2] = {0, 4};
        float before[LABELS], after[LABELS];
        tern_session *s;
        assert_ok(tern_session_open(&s, model, &o, &err));
        assert_ok(tern_classify(s, &(tern_batch){ids, NULL, offsets, 1}, before, &err));
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(60);
            int bad = 0;
            for (int i = 0; i < 20; i++)
                bad |= tern_classify(s, &(tern_batch){ids, NULL, offsets, 1}, after, NULL) != TERN_OK ||
                       memcmp(before, after, sizeof before);
            tern_session_close(s);
            _exit(bad);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_ok(tern_classify(s, &(tern_batch){ids, NULL, offsets, 1}, after, &err));
        assert_memory_equal(before, after, sizeof before);
        tern_session_close(s);
    }
    tern_model_close(model);
#endif
}

/* ---- Many sessions ----------------------------------------------------------------------------------------------- */

enum { SESSIONS = 16, EACH = 40, WORDS = 64 };

struct crowd {
    const tern_model *model;
    int32_t ids[WORDS], offsets[2];
    int threads;
    float first[HIDDEN];
    atomic_int wrong;
};

static void *embed_each(void *argument)
{
    struct crowd *c = argument;
    const tern_session_options o = {.struct_bytes = sizeof o, .threads = c->threads};
    const tern_batch batch = {c->ids, NULL, c->offsets, 1};
    float out[HIDDEN];
    tern_session *s;
    if (tern_session_open(&s, c->model, &o, NULL)) {
        atomic_store(&c->wrong, 1);
        return NULL;
    }
    for (int i = 0; i < EACH; i++)
        if (tern_embed(s, &batch, out, NULL) || memcmp(out, c->first, sizeof out))
            atomic_store(&c->wrong, 1);
    tern_session_close(s);
    return NULL;
}

static double crowd_cpu_seconds(struct crowd *c, int sessions)
{
    pthread_t threads[SESSIONS];
    const double start = cpu_seconds();
    for (int i = 0; i < sessions; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, embed_each, c), 0);
    for (int i = 0; i < sessions; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    return cpu_seconds() - start;
}

/* Sixteen sessions with the default number of threads take little more CPU time than the same texts one after another:
   their threads do not burn it while they wait for each other. Before threads slept, it was over twenty times as much.
 */
static void test_crowd(void **state)
{
    (void)state;
    static struct crowd c;
    const tern_session_options one = {.struct_bytes = sizeof one, .threads = 1};
    tern_session *s;
    c.model = e2e_model(&spec, "int8", NULL);
    c.offsets[1] = WORDS;
    for (int i = 0; i < WORDS; i++)
        c.ids[i] = 5 + i % 40;
    assert_ok(tern_session_open(&s, c.model, &one, &err));
    assert_ok(tern_embed(s, &(tern_batch){c.ids, NULL, c.offsets, 1}, c.first, &err));
    tern_session_close(s);
    c.threads = 1;
    double alone = 0;
    for (int i = 0; i < SESSIONS; i++)
        alone += crowd_cpu_seconds(&c, 1);
    c.threads = 0;
    const double together = crowd_cpu_seconds(&c, SESSIONS);
    assert_int_equal(c.wrong, 0);
    assert_true(together < 4 * alone + 0.2);
    tern_model_close((tern_model *)(uintptr_t)c.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pool),
                                       cmocka_unit_test(test_idle_threads_sleep),
                                       cmocka_unit_test(test_stopped_helpers),
                                       cmocka_unit_test(test_sharing_is_learned),
                                       cmocka_unit_test(test_shares),
                                       cmocka_unit_test(test_fork),
                                       cmocka_unit_test(test_pool_after_fork),
                                       cmocka_unit_test(test_crowd),
                                       cmocka_unit_test(test_int8),
                                       cmocka_unit_test(test_f32),
                                       cmocka_unit_test(test_session_moves)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
