/* Searches an index. All passages are compared by the signs of their vectors, and the best of them again by int8; or
   all by int8. Scores are whole numbers up to the last line, so that hits are the same on every CPU and with any number
   of threads. */
#include "runtime/best.h"
#include "runtime/index.h"
#include "runtime/vectors.h"

#include "runtime/base/arena.h"
#include "runtime/base/thread.h"
#include "simd/table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 512,       /* rows that are compared by one call */
    TASK = 16 * BLOCK, /* rows of a task */
    RESCORED = 64,     /* candidates of a task */
    MOST_TOP = 1 << 16,
    MOST_CANDIDATES = 1 << 20,
    DEFAULT_TOP = 10,
    BINARY_FROM = 1 << 17, /* passages from which on bits are faster than int8: docs/search.md */
    BINARY_PER_HIT = 50,   /* default candidates for each hit */
    BINARY_MORE = 500,     /* and so many more */
    BINARY_OF = 1024,      /* and one of so many passages */
};
/* With a row's -128, which only a damaged file has, |product| is at most 127 * 128 * 2^16 < 2^31. */
_Static_assert((int64_t)127 * 128 * TERN_INDEX_DIMENSIONS < INT32_MAX, "products fit 32 bits");

struct tern_searcher {
    const tern_index *index;
    struct tern_ops ops;
    struct tern_pool *pool;
    struct tern_arena arena;
    int top, candidates, binary;
    int8_t *int8;           /* [dimensions] the query */
    uint8_t *bits;          /* its signs */
    struct tern_best *best; /* [threads] */
    struct tern_best found; /* of all threads */
};

static void plan(tern_searcher *s)
{
    const int n = s->index->info.dimensions, threads = tern_pool_threads(s->pool);
    const size_t room = 2 * (size_t)s->candidates;
    s->int8 = tern_arena_take(&s->arena, (size_t)n, 1);
    s->bits = tern_arena_take(&s->arena, tern_bit_bytes(n), 1);
    s->best = tern_arena_take(&s->arena, (size_t)threads, sizeof *s->best);
    s->found.at = tern_arena_take(&s->arena, room, sizeof *s->found.at);
    s->found.most = s->candidates;
    for (int t = 0; t < threads; t++) {
        struct tern_ranked *at = tern_arena_take(&s->arena, room, sizeof *at);
        if (s->best)
            s->best[t] = (struct tern_best){.at = at, .most = s->candidates};
    }
}

static tern_status read_options(tern_searcher_options *o, const tern_searcher_options *given, tern_error *err)
{
    *o = (tern_searcher_options){.struct_bytes = sizeof *o};
    if (given) {
        if (given->struct_bytes < sizeof given->struct_bytes || given->struct_bytes > sizeof *o)
            return tern_fail(err, TERN_USAGE, "searcher options of %zu bytes; set struct_bytes to the struct's size",
                             given->struct_bytes);
        memcpy(o, given, given->struct_bytes);
    }
    o->top = o->top ? o->top : DEFAULT_TOP;
    if (o->threads < 0 || o->threads > TERN_MOST_THREADS)
        return tern_fail(err, TERN_USAGE, "%d threads; the limits are 1 and %d", o->threads, TERN_MOST_THREADS);
    if (o->top < 1 || o->top > MOST_TOP)
        return tern_fail(err, TERN_USAGE, "the best %d of a search; the limits are 1 and %d", o->top, MOST_TOP);
    if (o->candidates && (o->candidates < o->top || o->candidates > MOST_CANDIDATES))
        return tern_fail(err, TERN_USAGE, "%d candidates; the limits are the %d hits and %d", o->candidates, o->top,
                         MOST_CANDIDATES);
    if ((int)o->vectors < TERN_SEARCH_AUTO || o->vectors > TERN_SEARCH_BINARY)
        return tern_fail(err, TERN_USAGE, "vectors of kind %d; there are 0, 1 and 2", (int)o->vectors);
    return TERN_OK;
}

static void set_limits(tern_searcher *s, const tern_searcher_options *o)
{
    const size_t n = s->index->info.n_passages;
    s->binary = o->vectors == TERN_SEARCH_AUTO ? n > BINARY_FROM : o->vectors == TERN_SEARCH_BINARY;
    int64_t candidates = s->binary ? o->candidates : o->top;
    if (!candidates)
        candidates = (int64_t)o->top * BINARY_PER_HIT + BINARY_MORE + (int64_t)(n / BINARY_OF);
    const int64_t most = n < MOST_CANDIDATES ? (int64_t)n : MOST_CANDIDATES;
    candidates = candidates < most ? candidates : most;
    s->candidates = candidates > 0 ? (int)candidates : 1;
    s->top = o->top;
}

tern_status tern_searcher_open(tern_searcher **out, const tern_index *index, const tern_searcher_options *options,
                               tern_error *err)
{
    *out = NULL;
    tern_searcher_options o;
    unsigned features;
    tern_status status = read_options(&o, options, err);
    if (status)
        return status;
    tern_searcher *s = calloc(1, sizeof *s);
    if (!s)
        return tern_fail_nomem(err, "a searcher", sizeof *s);
    s->index = index;
    status = tern_cpu_select(&features, o.isa, err);
    if (!status) {
        tern_table_build(&s->ops, features);
        set_limits(s, &o);
        status = tern_pool_open(&s->pool, o.threads, err);
    }
    if (!status) {
        plan(s);
        status = tern_arena_open(&s->arena, err);
    }
    if (status) {
        tern_searcher_close(s);
        return status;
    }
    plan(s);
    *out = s;
    return TERN_OK;
}

void tern_searcher_close(tern_searcher *s)
{
    if (!s)
        return;
    tern_pool_close(s->pool);
    tern_arena_close(&s->arena);
    free(s);
}

/* A row's score, negated: keys are best when small. */
static int64_t key_of(const tern_searcher *s, int32_t product, size_t row)
{
    return -(int64_t)product * s->index->passages[row].scale;
}

static void scan(void *context, int task, int thread)
{
    tern_searcher *s = context;
    struct tern_best *best = &s->best[thread];
    const tern_index *x = s->index;
    const int n = x->info.dimensions, bits = (int)tern_bit_bytes(n);
    const size_t start = (size_t)task * TASK, rest = x->info.n_passages - start,
                 end = start + (rest < TASK ? rest : TASK);
    int32_t out[BLOCK];
    for (size_t row = start; row < end; row += BLOCK) {
        const int rows = end - row < BLOCK ? (int)(end - row) : BLOCK;
        if (s->binary)
            s->ops.hamming(s->bits, x->binary + row * (size_t)bits, bits, out, rows, bits);
        else
            s->ops.dot_s8(s->int8, x->int8 + row * (size_t)n, n, out, rows, n);
        for (int i = 0; i < rows; i++)
            tern_best_offer(best, s->binary ? out[i] : key_of(s, out[i], row + (size_t)i), (uint32_t)row + (uint32_t)i);
    }
}

/* The candidates come from anywhere in the index: the next one's row is asked for while one is multiplied. */
static void rescore(void *context, int task, int thread)
{
    (void)thread;
    enum { AHEAD = 4, LINE = 64 };
    tern_searcher *s = context;
    const tern_index *x = s->index;
    const size_t n = (size_t)x->info.dimensions;
    const int start = task * RESCORED, end = s->found.n - start < RESCORED ? s->found.n : start + RESCORED;
    for (int i = start; i < end; i++) {
        struct tern_ranked *r = &s->found.at[i];
        const int8_t *ahead = x->int8 + s->found.at[i + AHEAD < end ? i + AHEAD : i].row * n;
        for (size_t j = 0; j < n; j += LINE)
            __builtin_prefetch(ahead + j);
        int32_t product;
        s->ops.dot_s8(s->int8, x->int8 + r->row * n, (ptrdiff_t)n, &product, 1, (int)n);
        r->key = key_of(s, product, r->row);
    }
}

/* The best of all threads together. */
static void gather(tern_searcher *s)
{
    tern_best_start(&s->found);
    for (int t = 0; t < tern_pool_threads(s->pool); t++) {
        tern_best_cut(&s->best[t]);
        for (int i = 0; i < s->best[t].n; i++)
            tern_best_offer(&s->found, s->best[t].at[i].key, s->best[t].at[i].row);
    }
    tern_best_cut(&s->found);
}

/* -1: a number is not finite. */
static int take_query(tern_searcher *s, const float *query, int64_t *norm2)
{
    const int n = s->index->info.dimensions;
    if (tern_vector_round(s->int8, norm2, query, n))
        return -1;
    tern_vector_signs(s->bits, s->int8, n);
    return 0;
}

tern_status tern_search(tern_searcher *s, const float *query, tern_hit *hits, size_t *n_hits, tern_error *err)
{
    const tern_index_info *info = &s->index->info;
    *n_hits = 0;
    int64_t norm2;
    if (take_query(s, query, &norm2))
        return tern_fail(err, TERN_USAGE, "the query's vector has a number that is not finite");
    if (!info->n_passages)
        return TERN_OK;
    for (int t = 0; t < tern_pool_threads(s->pool); t++)
        tern_best_start(&s->best[t]);
    const size_t row = s->binary ? tern_bit_bytes(info->dimensions) : (size_t)info->dimensions;
    tern_pool_begin(s->pool, (int64_t)info->n_passages * (int64_t)row, 0);
    tern_pool_run(s->pool, scan, s, (int)((info->n_passages + TASK - 1) / TASK));
    gather(s);
    if (s->binary)
        tern_pool_run(s->pool, rescore, s, (s->found.n + RESCORED - 1) / RESCORED);
    tern_pool_end(s->pool);
    const int n = s->found.n < s->top ? s->found.n : s->top;
    s->found.most = n ? n : 1;
    tern_best_cut(&s->found);
    s->found.most = s->candidates;
    tern_best_sort(s->found.at, n);
    for (int i = 0; i < n; i++)
        hits[i] = (tern_hit){.passage = s->found.at[i].row, .score = tern_vector_cosine(-s->found.at[i].key, norm2)};
    *n_hits = (size_t)n;
    return TERN_OK;
}
