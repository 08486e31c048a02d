/* usage: bench_shared [--seconds S] [--rounds N] [--shape NAME] [--texts short|long] [--busy none|one|all]
 * What Tern does on a machine that it shares: several processes, or several sessions in one process, with one, two and
 * the default number of threads, alone and beside other programs. `make bench-shared` builds and runs it.
 *
 * Prints for every arrangement the texts per second of all sessions together and the CPU seconds that a text took, and
 * last the worst ratio of default threads to single-threaded sessions. The three numbers of threads take turns within a
 * round, so that what others do on the machine meets all of them; a figure is the median of the rounds.
 */
#include "tools/cli.h"
#include "tools/host.h"
#include "tools/seeded.h"

#include "runtime/base/cpus.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 8, MOST_ROUNDS = 15, THREAD_CHOICES = 3, LONG = 128, SHORT = 12, MOST_BATCH = 8 };

/* Threads of a session; 0 is the default. */
static const int thread_choices[THREAD_CHOICES] = {1, 2, 0};

struct arrangement {
    int processes, sessions; /* sessions of each process */
    int busy;                /* other programs that compute */
    int tokens, batch;
};

/* Shared by all processes. */
struct board {
    atomic_int ready, stage; /* stage: 0 warm up, 1 count, 2 stop */
    atomic_llong texts;
    atomic_int failed;
};

static struct board *board;
static const tern_model *model;
static int32_t *ids;

struct worker {
    const struct arrangement *a;
    int threads;
};

/* One session, which runs batches until it is told to stop. */
static void *run_session(void *argument)
{
    const struct worker *w = argument;
    const int tokens = w->a->tokens, batch = w->a->batch;
    const tern_session_options options = {
        .struct_bytes = sizeof options, .threads = w->threads, .max_tokens = tokens * batch, .max_texts = batch};
    tern_session *session;
    tern_error err;
    int32_t offsets[MOST_BATCH + 1];
    for (int i = 0; i <= batch; i++)
        offsets[i] = i * tokens;
    float *out = malloc((size_t)batch * 4096 * sizeof *out);
    const tern_batch texts = {ids, NULL, offsets, batch};
    if (!out || tern_session_open(&session, model, &options, &err)) {
        atomic_store(&board->failed, 1);
        atomic_fetch_add(&board->ready, 1);
        free(out);
        return NULL;
    }
    atomic_fetch_add(&board->ready, 1);
    while (atomic_load(&board->stage) < 2) {
        const int counts = atomic_load(&board->stage) == 1;
        if (tern_embed(session, &texts, out, &err))
            atomic_store(&board->failed, 1);
        if (counts)
            atomic_fetch_add(&board->texts, batch);
    }
    tern_session_close(session);
    free(out);
    return NULL;
}

static void run_process(const struct arrangement *a, int threads)
{
    pthread_t started[MOST];
    struct worker w = {a, threads};
    for (int i = 1; i < a->sessions; i++)
        if (pthread_create(&started[i], NULL, run_session, &w))
            _exit(1);
    run_session(&w);
    for (int i = 1; i < a->sessions; i++)
        pthread_join(started[i], NULL);
    _exit(0);
}

/* Another program that never sleeps. */
static void run_busy(void)
{
    for (volatile unsigned n = 0; atomic_load_explicit(&board->stage, memory_order_relaxed) < 2;)
        n = n + 1;
    _exit(0);
}

static double cpu_seconds(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) * 1e-6;
}

struct figure {
    double texts_per_s, cpu_ms; /* CPU milliseconds of a text */
};

/* Starts the arrangement's processes, lets them warm up for a fifth of the time, counts for `seconds`. CPU time is that
   of whole processes, so it is divided among all their texts. */
static int measure(struct figure *f, const struct arrangement *a, int threads, double seconds)
{
    pid_t children[2 * MOST];
    int n = 0, code = CLI_OK;
    memset(board, 0, sizeof *board);
    fflush(NULL);
    for (int i = 0; i < a->processes + a->busy; i++) {
        const pid_t child = fork();
        if (child == 0) {
            if (i < a->busy)
                run_busy();
            run_process(a, threads);
        }
        if (child < 0) {
            code = cli_fail(CLI_FAILED, "cannot start %d processes", a->processes + a->busy);
            break;
        }
        children[n++] = child;
    }
    while (!code && atomic_load(&board->ready) < a->processes * a->sessions) {
        usleep(1000);
        if (waitpid(-1, NULL, WNOHANG) > 0) /* none ends before it is told to */
            code = cli_fail(CLI_FAILED, "a process ended early");
    }
    usleep((useconds_t)(seconds * 2e5));
    const double start = cli_now_ms();
    atomic_store(&board->stage, 1);
    /* Longer where a batch takes long: each session should end six. */
    const long long least = 6LL * a->processes * a->sessions * a->batch;
    for (int i = 0; !code && i < 20 && (i == 0 || atomic_load(&board->texts) < least); i++)
        usleep((useconds_t)(seconds * 1e6));
    const double counted = (double)atomic_load(&board->texts), ms = cli_now_ms() - start;
    atomic_store(&board->stage, 2);
    double cpu = 0;
    for (int i = 0; i < n; i++) {
        struct rusage usage;
        int status = 0;
        wait4(children[i], &status, 0, &usage);
        cpu += i < a->busy ? 0 : cpu_seconds(&usage);
        if (!WIFEXITED(status) || WEXITSTATUS(status))
            code = cli_fail(CLI_FAILED, "a process ended early");
    }
    if (!code && atomic_load(&board->failed))
        code = cli_fail(CLI_FAILED, "a session could not run");
    const double all_ms = ms + seconds * 200;
    f->texts_per_s = counted * 1e3 / ms;
    f->cpu_ms = counted > 0 ? cpu * 1e3 / (counted * all_ms / ms) : 0;
    return code;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct worst {
    double ratio;
    char name[120];
};

static int measure_row(const struct arrangement *a, double seconds, int rounds, struct worst *worst)
{
    double texts[THREAD_CHOICES][MOST_ROUNDS], cpu[THREAD_CHOICES][MOST_ROUNDS], ratios[MOST_ROUNDS];
    for (int r = 0; r < rounds; r++) {
        for (int t = 0; t < THREAD_CHOICES; t++) {
            struct figure f;
            const int code = measure(&f, a, thread_choices[t], seconds);
            if (code)
                return code;
            texts[t][r] = f.texts_per_s;
            cpu[t][r] = f.cpu_ms;
        }
        ratios[r] = texts[0][r] > 0 ? texts[THREAD_CHOICES - 1][r] / texts[0][r] : 0;
    }
    char name[120];
    snprintf(name, sizeof name, "%d process%s of %d session%s, %d busy, %d tokens, batch %d", a->processes,
             a->processes > 1 ? "es" : "", a->sessions, a->sessions > 1 ? "s" : "", a->busy, a->tokens, a->batch);
    const double ratio = median(ratios, rounds);
    printf("| %9d | %8d | %4d | %6d | %5d |", a->processes, a->sessions, a->busy, a->tokens, a->batch);
    for (int t = 0; t < THREAD_CHOICES; t++)
        printf(" %8.1f |", median(texts[t], rounds));
    for (int t = 0; t < THREAD_CHOICES; t++)
        printf(" %8.3f |", median(cpu[t], rounds));
    printf(" %7.2f |\n", ratio);
    fflush(stdout);
    if (ratio < worst->ratio) {
        worst->ratio = ratio;
        snprintf(worst->name, sizeof worst->name, "%s", name);
    }
    return CLI_OK;
}

static int measure_all(double seconds, int rounds, int only_tokens, int only_busy)
{
    static const int many[][2] = {{1, 1}, {2, 1}, {4, 1}, {8, 1}, {1, 2}, {1, 4}, {1, 8}};
    const int tokens[] = {SHORT, LONG}, batches[] = {1, MOST_BATCH}, busy[] = {0, 1, tern_threads_allowed()};
    struct worst worst = {1e9, ""};
    printf("\nThreads of a session: 1, 2, and the default of %d. Texts per second of all sessions together, CPU "
           "milliseconds per text, and default : 1.\n\n",
           tern_threads_allowed());
    puts("| processes | sessions | busy | tokens | batch |   /s   1 |   /s   2 | /s deflt |  cpu   1 |  cpu   2 | "
         "cpu dflt | deflt:1 |");
    puts("|----------:|---------:|-----:|-------:|------:|---------:|---------:|---------:|---------:|---------:|"
         "---------:|--------:|");
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            for (int k = 0; k < 3; k++)
                for (int m = 0; m < 7; m++) {
                    const struct arrangement a = {many[m][0], many[m][1], busy[k] > MOST ? MOST : busy[k], tokens[i],
                                                  batches[j]};
                    if ((only_tokens && only_tokens != tokens[i]) || (only_busy >= 0 && only_busy != k))
                        continue;
                    const int code = measure_row(&a, seconds, rounds, &worst);
                    if (code)
                        return code;
                }
    printf("\nLeast ratio of default threads to single-threaded sessions: %.2f (%s)\n", worst.ratio, worst.name);
    return CLI_OK;
}

static int word(const char *given, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (!strcmp(given, words[i]))
            return i;
    return -1;
}

int main(int argc, char **argv)
{
    static const char *const texts[] = {"short", "long", NULL}, *const busy[] = {"none", "one", "all", NULL};
    double seconds = 0.4;
    int rounds = 3, tokens = 0, only_busy = -1, shape = seeded_find("minilm-l6");
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        int known = 1;
        if (!strcmp(argv[i], "--seconds"))
            known = (seconds = atof(value)) >= 0.05 && seconds <= 60;
        else if (!strcmp(argv[i], "--rounds"))
            known = (rounds = atoi(value)) >= 1 && rounds <= MOST_ROUNDS;
        else if (!strcmp(argv[i], "--shape"))
            known = (shape = seeded_find(value)) >= 0;
        else if (!strcmp(argv[i], "--texts"))
            known = word(value, texts) >= 0, tokens = word(value, texts) ? LONG : SHORT;
        else if (!strcmp(argv[i], "--busy"))
            known = (only_busy = word(value, busy)) >= 0;
        else
            known = 0;
        if (!known)
            return cli_fail(CLI_USAGE, "bench_shared: %s %s: see the head of tools/shared/bench_shared.c", argv[i],
                            value);
    }
    tern_error err;
    tern_model *built;
    void *bytes;
    if (seeded_build(&built, &bytes, shape, TERN_WEIGHTS_INT8, TERN_FORMAT_INT8, NULL, NULL, &err))
        return cli_status(&err);
    model = built;
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ids = malloc(LONG * MOST_BATCH * sizeof *ids);
    if (board == MAP_FAILED || !ids)
        return cli_nomem(sizeof *board + LONG * MOST_BATCH * sizeof *ids);
    uint64_t random = 1;
    for (int i = 0; i < LONG * MOST_BATCH; i++)
        ids[i] = 1000 + (int32_t)(cli_random(&random) % 20000);
    char cpu[128];
    host_cpu_name(cpu, sizeof cpu);
    printf("%s, int8 weights, on %s with %d CPUs\n", seeded_name(shape), cpu, tern_threads_allowed());
    const int code = measure_all(seconds, rounds, tokens, only_busy);
    tern_model_close(built);
    free(bytes);
    free(ids);
    return code;
}
