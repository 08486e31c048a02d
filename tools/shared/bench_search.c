/* Time and recall of a search among many passages, beside an exact search in floats.
     bench_search VECTORS.npy PASSAGES INDEX [THREADS [CANDIDATES...]]
   The last 200 rows of VECTORS.npy are queries, the others passages. If PASSAGES are more than those, the rest are sums
   of two of them, a + u * b with u in 0.3 .. 1, which stand for passages nobody has written. INDEX is written anew and
   stays. Built and run by `make bench-search`. A query's time is the least of several runs in turn; the median and the
   largest over all queries are printed. Recall is the part of the exact ten nearest that the search finds. */
#include "runtime/base/tern_search.h"
#include "simd/table.h"
#include "tools/cli.h"
#include "tools/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { QUERIES = 200, TOP = 10, ROWS = 250, ROUNDS = 7, MOST_CANDIDATES = 16 };

struct bench {
    float *real; /* [n_real][dimensions] */
    size_t n_real, n_passages;
    int dimensions;
    const float *queries;
    uint64_t seed;
    float (*scores)[ROWS]; /* [QUERIES] */
    float best[QUERIES][TOP];
    size_t best_at[QUERIES][TOP];
};

const struct cli_command cli_commands[] = {{0}};
void cli_help(FILE *out, const char *command)
{
    (void)out;
    (void)command;
}

static void *take(size_t bytes)
{
    void *p = malloc(bytes);
    if (!p)
        exit(cli_nomem(bytes));
    return p;
}

static void must(tern_status status, const tern_error *err)
{
    if (status)
        exit(cli_status(err));
}

/* A passage's vector, of length 1. */
static void passage(struct bench *b, size_t i, float *out)
{
    const size_t n = (size_t)b->dimensions;
    const float *a = b->real + i % b->n_real * n, *more = a;
    float u = 0;
    if (i >= b->n_real) {
        a = b->real + cli_random(&b->seed) % b->n_real * n;
        more = b->real + cli_random(&b->seed) % b->n_real * n;
        u = 0.3f + 0.7f * (float)(cli_random(&b->seed) >> 40) * 0x1p-24f;
    }
    double sum = 0;
    for (size_t j = 0; j < n; j++) {
        out[j] = a[j] + u * more[j];
        sum += (double)out[j] * (double)out[j];
    }
    for (size_t j = 0; j < n; j++)
        out[j] = (float)((double)out[j] / sqrt(sum));
}

static void remember(struct bench *b, int query, float score, size_t at)
{
    if (score <= b->best[query][TOP - 1])
        return;
    int i = TOP - 1;
    for (; i > 0 && b->best[query][i - 1] < score; i--) {
        b->best[query][i] = b->best[query][i - 1];
        b->best_at[query][i] = b->best_at[query][i - 1];
    }
    b->best[query][i] = score;
    b->best_at[query][i] = at;
}

/* Writes the index and finds each query's nearest passages in floats. */
static void build(struct bench *b, const char *path)
{
    struct tern_ops ops;
    tern_error err;
    tern_index_writer *w;
    tern_passage *passages = take(ROWS * sizeof *passages);
    float *vectors = take(ROWS * (size_t)b->dimensions * sizeof *vectors);
    const tern_index_info plan = {.dimensions = b->dimensions, .n_files = 1, .n_passages = b->n_passages};
    const tern_index_file file = {.path = "none", .bytes = 1, .n_passages = b->n_passages};
    tern_table_build(&ops, tern_cpu_features());
    b->scores = take(QUERIES * sizeof *b->scores);
    must(tern_index_writer_open(&w, path, &plan, &err), &err);
    must(tern_index_writer_file(w, &file, &err), &err);
    for (size_t i = 0; i < b->n_passages; i += ROWS) {
        const size_t n = b->n_passages - i < ROWS ? b->n_passages - i : ROWS;
        for (size_t j = 0; j < n; j++) {
            passage(b, i + j, vectors + j * (size_t)b->dimensions);
            passages[j] = (tern_passage){.bytes = 1, .line = 1};
        }
        must(tern_index_writer_add(w, passages, vectors, n, &err), &err);
        ops.gemm_f32(b->queries, b->dimensions, vectors, b->dimensions, NULL, b->scores[0], ROWS, QUERIES, (int)n,
                     b->dimensions);
        for (int q = 0; q < QUERIES; q++)
            for (size_t j = 0; j < n; j++)
                remember(b, q, b->scores[q][j], i + j);
    }
    must(tern_index_writer_commit(w, &err), &err);
    free(passages);
    free(vectors);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(const struct bench *b, const tern_index *index, const tern_searcher_options *options)
{
    static double ms[QUERIES];
    tern_searcher *s;
    tern_error err;
    tern_hit hits[TOP];
    size_t n, found = 0;
    must(tern_searcher_open(&s, index, options, &err), &err);
    for (int round = 0; round < ROUNDS; round++) {
        for (int q = 0; q < QUERIES; q++) {
            const double start = cli_now_ms();
            must(tern_search(s, b->queries + (size_t)q * (size_t)b->dimensions, hits, &n, &err), &err);
            const double took = cli_now_ms() - start;
            ms[q] = round && ms[q] < took ? ms[q] : took;
            for (size_t i = 0; !round && i < n; i++)
                for (int j = 0; j < TOP; j++)
                    found += hits[i].passage == b->best_at[q][j];
        }
    }
    tern_searcher_close(s);
    qsort(ms, QUERIES, sizeof *ms, by_size);
    printf("| %-6s | %10d | %7d | %6.4f | %6.2f | %6.2f |\n",
           options->vectors == TERN_SEARCH_BINARY ? "binary" : "int8", options->candidates, options->threads,
           (double)found / (QUERIES * TOP), ms[QUERIES / 2], ms[QUERIES - 1]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct npy npy;
    tern_error err;
    tern_index *index;
    if (argc < 4)
        return cli_fail(CLI_USAGE, "usage: bench_search VECTORS.npy PASSAGES INDEX [THREADS [CANDIDATES...]]");
    must(npy_open(&npy, argv[1], &err), &err);
    b.real = take(npy.rows * npy.columns * sizeof *b.real);
    must(npy_read(&npy, b.real, &err), &err);
    npy_close(&npy);
    if (npy.rows <= QUERIES)
        return cli_fail(CLI_USAGE, "%s: %zu rows; %d are queries", argv[1], npy.rows, QUERIES);
    b.n_real = npy.rows - QUERIES;
    b.dimensions = (int)npy.columns;
    b.queries = b.real + b.n_real * npy.columns;
    b.n_passages = strtoul(argv[2], NULL, 10);
    for (int q = 0; q < QUERIES; q++)
        for (int i = 0; i < TOP; i++)
            b.best[q][i] = -2;
    build(&b, argv[3]);
    const double start = cli_now_ms();
    must(tern_index_open(&index, argv[3], &err), &err);
    printf("%zu passages, %zu of them real; opened in %.1f ms\n\n"
           "| vectors | candidates | threads | recall@10 | median ms | largest ms |\n|---|---:|---:|---:|---:|---:|\n",
           b.n_passages, b.n_real < b.n_passages ? b.n_real : b.n_passages, cli_now_ms() - start);
    tern_searcher_options o = {.struct_bytes = sizeof o, .top = TOP};
    o.threads = argc > 4 ? atoi(argv[4]) : 0;
    for (int i = 5; i == 5 || i < argc; i++) {
        o.candidates = i < argc ? atoi(argv[i]) : 0;
        o.vectors = TERN_SEARCH_BINARY;
        measure(&b, index, &o);
    }
    o.candidates = 0;
    o.vectors = TERN_SEARCH_INT8;
    measure(&b, index, &o);
    tern_index_close(index);
    free(b.real);
    free(b.scores);
    return 0;
}
