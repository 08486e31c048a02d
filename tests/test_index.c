/* The index of passages and searches in it: what was written comes back, damaged and lying files are refused, an index
   is replaced whole or not at all, and hits are the nearest whatever the threads and kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/index.h"
#include "tests/e2e.h"
#include "tests/emulated.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOP = 10, QUERIES = 20 };

static char dir[256], path[300];
static tern_error err;

static int begin(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/index", dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

/* Vectors around a few directions, so that some are near each other. */
static float *random_vectors(size_t n, int dimensions, uint64_t seed)
{
    struct rng rng = rng_seeded(seed, "vectors");
    float *v = malloc(n * (size_t)dimensions * sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        for (int j = 0; j < dimensions; j++) {
            const float centre = (float)((int)((i % 17 * 31 + (size_t)j * 7) % 13) - 6);
            v[i * (size_t)dimensions + (size_t)j] = centre + (float)rng_between(&rng, -1000, 1000) / 150.0f;
        }
    return v;
}

/* An index of one file with n passages. */
static void write_index(const float *vectors, size_t n, int dimensions)
{
    tern_index_writer *w;
    tern_passage *p = calloc(n + 1, sizeof *p);
    const tern_index_info plan = {.model = 7, .settings = 9, .dimensions = dimensions, .n_files = 1, .n_passages = n};
    const tern_index_file file = {.path = "/a", .modified = -5, .bytes = n, .hash = 3, .n_passages = n};
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (tern_passage){.start = i, .bytes = 1, .line = (uint32_t)i + 1};
    assert_ok(tern_index_writer_open(&w, path, &plan, &err));
    assert_ok(tern_index_writer_file(w, &file, &err));
    assert_ok(tern_index_writer_add(w, p, vectors, n / 3, &err));
    assert_ok(tern_index_writer_add(w, p + n / 3, vectors + n / 3 * (size_t)dimensions, n - n / 3, &err));
    assert_ok(tern_index_writer_commit(w, &err));
    free(p);
}

static void search(const tern_index *x, tern_searcher_options o, const float *queries, tern_hit *hits, size_t *n)
{
    tern_searcher *s;
    o.struct_bytes = sizeof o;
    o.top = TOP;
    assert_ok(tern_searcher_open(&s, x, &o, &err));
    for (int q = 0; q < QUERIES; q++)
        assert_ok(tern_search(s, queries + q * x->info.dimensions, hits + q * TOP, n, &err));
    tern_searcher_close(s);
}

/* ---- The file ------------------------------------------------------------------------------------------------------
 */

static void round_trip(void **state)
{
    (void)state;
    static const tern_index_file files[] = {{.path = "/empty", .modified = 1, .bytes = 0, .n_passages = 0},
                                            {.path = "/one", .modified = 2, .bytes = 10, .hash = 4, .n_passages = 1},
                                            {.path = "/two", .modified = -3, .bytes = 1ull << 40, .n_passages = 2}};
    static const tern_passage passages[] = {{.start = 3, .bytes = 7, .line = 2},
                                            {.start = 1ull << 39, .bytes = 5, .line = 9},
                                            {.start = 1ull << 40, .bytes = 0, .line = 10}};
    static const float vectors[] = {1, -2, 0.5f, 0, 0, 0, -1e-30f, 1e-30f, 0};
    static const int8_t int8[] = {64, -127, 32, 0, 0, 0, -127, 127, 0};
    static const uint8_t bits[] = {2, 0, 1};
    const tern_index_info plan = {.model = 1, .settings = 2, .dimensions = 3, .n_files = 3, .n_passages = 3};
    tern_index_writer *w;
    tern_index *x;
    tern_index_file f;
    tern_passage p;
    assert_ok(tern_index_writer_open(&w, path, &plan, &err));
    for (int i = 0; i < 3; i++)
        assert_ok(tern_index_writer_file(w, &files[i], &err));
    assert_ok(tern_index_writer_add(w, passages, vectors, 3, &err));
    assert_ok(tern_index_writer_commit(w, &err));
    for (int copied = 0; copied < 2; copied++) {
        assert_ok(tern_index_open(&x, path, &err));
        assert_ok(tern_index_verify(x, &err));
        const tern_index_info *info = tern_index_get_info(x);
        assert_true(info->model == 1 && info->settings == 2 && info->dimensions == 3);
        assert_true(info->n_files == 3 && info->n_passages == 3);
        for (size_t i = 0; i < 3; i++) {
            assert_ok(tern_index_get_file(x, i, &f));
            assert_string_equal(f.path, files[i].path);
            assert_true(f.modified == files[i].modified && f.bytes == files[i].bytes && f.hash == files[i].hash);
            assert_true(f.n_passages == files[i].n_passages && f.first == (i == 2));
            assert_ok(tern_index_get_passage(x, i, &p));
            assert_true(p.start == passages[i].start && p.bytes == passages[i].bytes && p.line == passages[i].line);
            assert_int_equal(p.file, i ? 2 : 1);
        }
        assert_int_equal(tern_index_get_file(x, 3, &f), TERN_USAGE);
        assert_int_equal(tern_index_get_passage(x, 3, &p), TERN_USAGE);
        assert_memory_equal(x->int8, int8, sizeof int8);
        assert_memory_equal(x->binary, bits, sizeof bits);
        assert_int_equal(x->passages[1].scale, 0);
        /* The same by copying, over the one that is open. */
        assert_ok(tern_index_writer_open(&w, path, &plan, &err));
        for (int i = 0; i < 3; i++)
            assert_ok(tern_index_writer_file(w, &files[i], &err));
        assert_ok(tern_index_writer_copy(w, x, 0, 1, &err));
        assert_int_equal(tern_index_writer_copy(w, x, 2, 2, &err), TERN_USAGE);
        assert_ok(tern_index_writer_copy(w, x, 1, 2, &err));
        assert_ok(tern_index_writer_commit(w, &err));
        tern_index_close(x);
    }
    assert_int_equal(tern_index_open(&x, "/nowhere/at/all", &err), TERN_IO);
}

static void damaged(void **state)
{
    (void)state;
    size_t size;
    tern_index *x;
    float *v = random_vectors(40, 20, 1);
    write_index(v, 40, 20);
    char *bytes = test_read_file(path, &size), *copy = aligned_alloc(64, size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    assert_ok(tern_index_open_memory(&x, copy, size, &err));
    const size_t vectors = (size_t)x->layout.at[TERN_SECTION_BINARY];
    assert_int_equal(size, x->layout.at[TERN_N_SECTIONS]);
    tern_index_close(x);
    for (size_t i = 0; i < size; i += (size_t)stride_emulated(7)) {
        copy[i] = (char)(bytes[i] ^ 1 << i % 8);
        tern_status status = tern_index_open_memory(&x, copy, size, &err);
        assert_int_equal(status, i < vectors ? TERN_FORMAT : TERN_OK);
        if (!status)
            assert_int_equal(tern_index_verify(x, &err), TERN_FORMAT);
        if (!status)
            tern_index_close(x);
        copy[i] = bytes[i];
    }
    for (size_t n = 0; n < size; n += n < 200 ? 1 : 97)
        assert_int_equal(tern_index_open_memory(&x, copy, n, &err), TERN_FORMAT);
    free(copy);
    free(bytes);
    free(v);
}

/* Files that lie with the right checksum: each number out of its range, alone. */
static void lies(void **state)
{
    (void)state;
    size_t size;
    float *v = random_vectors(4, 8, 1);
    write_index(v, 4, 8);
    char *bytes = test_read_file(path, &size);
    for (int lie = 0; lie < 15; lie++) {
        char *copy = aligned_alloc(64, size);
        assert_non_null(copy);
        memcpy(copy, bytes, size);
        struct tern_index_header *h = (void *)copy;
        struct tern_index_layout layout;
        assert_int_equal(tern_index_lay_out(&layout, h), 0);
        struct tern_index_file_record *f = (void *)(copy + layout.at[TERN_SECTION_FILES]);
        struct tern_passage_record *p = (void *)(copy + layout.at[TERN_SECTION_PASSAGES]);
        switch (lie) {
        case 0: h->version = 2; break;
        case 1: h->dimensions = 0; break;
        case 2: h->dimensions = 1 << 17; break;
        case 3: h->n_files = UINT64_MAX; break;
        case 4: h->n_passages = UINT64_MAX / 8 + 2; break;
        case 5: h->name_bytes = UINT64_MAX - 63; break;
        case 6: f->name = 100; break;
        case 7: f->name_bytes = 3; break;
        case 8: f->name_bytes = 0; break;
        case 9: f->n_passages = UINT32_MAX; break;
        case 10: f->n_passages = 3; break;
        case 11: p[1].file = 1; break;
        case 12: p[2].start = UINT64_MAX; break;
        case 13: p[3].line = 0; break;
        case 14: p[0].scale = TERN_INDEX_SCALE + 1; break;
        }
        h->sum = tern_index_sum(h, h + 1, (size_t)layout.at[TERN_SECTION_BINARY] - sizeof *h);
        tern_index *x;
        if (tern_index_open_memory(&x, copy, size, &err) != TERN_FORMAT)
            fail_msg("lie %d was believed", lie);
        free(copy);
    }
    free(bytes);
    free(v);
}

/* ---- The writer ----------------------------------------------------------------------------------------------------
 */

static void refusals(void **state)
{
    (void)state;
    tern_index_writer *w;
    tern_index_info plan = {.dimensions = 2, .n_files = 1, .n_passages = 2};
    const tern_index_file file = {.path = "/f", .bytes = 4, .n_passages = 1}, wide = {.path = "/g", .n_passages = 3};
    const tern_passage good = {.bytes = 4, .line = 1}, outside = {.start = 1, .bytes = 4, .line = 1};
    const float finite[] = {1, 2}, infinite[] = {1, INFINITY}, nan[] = {NAN, 1};
    for (int i = 0; i < 3; i++) {
        tern_index_info bad = plan;
        bad.dimensions = i == 0 ? 0 : i == 1 ? 65537 : 2;
        bad.n_passages = i == 2 ? (size_t)INT32_MAX + 1 : 2;
        assert_int_equal(tern_index_writer_open(&w, path, &bad, &err), TERN_USAGE);
    }
    assert_int_equal(tern_index_writer_open(&w, "/nowhere/at/all", &plan, &err), TERN_IO);
    assert_ok(tern_index_writer_open(&w, path, &plan, &err));
    assert_int_equal(tern_index_writer_add(w, &good, finite, 1, &err), TERN_USAGE); /* before its file */
    assert_int_equal(tern_index_writer_file(w, &wide, &err), TERN_USAGE);
    assert_ok(tern_index_writer_file(w, &file, &err));
    assert_int_equal(tern_index_writer_file(w, &file, &err), TERN_USAGE);
    assert_int_equal(tern_index_writer_add(w, &outside, finite, 1, &err), TERN_USAGE);
    assert_int_equal(tern_index_writer_commit(w, &err), TERN_USAGE);
    assert_int_equal(access(path, F_OK), -1);
    plan.n_passages = 1;
    for (int i = 0; i < 2; i++) {
        assert_ok(tern_index_writer_open(&w, path, &plan, &err));
        assert_ok(tern_index_writer_file(w, &file, &err));
        assert_int_equal(tern_index_writer_add(w, &good, i ? nan : infinite, 1, &err), TERN_USAGE);
        tern_index_writer_discard(w);
    }
    assert_int_equal(access(path, F_OK), -1);
}

/* A writer that is killed with all written but its name leaves the index as it was. */
static void killed(void **state)
{
    (void)state;
    tern_index *x;
    float *v = random_vectors(50, 16, 1);
    write_index(v, 50, 16);
    const pid_t child = fork();
    if (!child) {
        tern_index_writer *w;
        const tern_index_info plan = {.dimensions = 16, .n_files = 1, .n_passages = 1};
        const tern_index_file file = {.path = "/new", .bytes = 1, .n_passages = 1};
        const tern_passage p = {.bytes = 1, .line = 1};
        if (!tern_index_writer_open(&w, path, &plan, NULL) && !tern_index_writer_file(w, &file, NULL) &&
            !tern_index_writer_add(w, &p, v, 1, NULL))
            raise(SIGKILL);
        _exit(1);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    assert_ok(tern_index_open(&x, path, &err));
    assert_ok(tern_index_verify(x, &err));
    assert_int_equal(x->info.n_passages, 50);
    tern_index_close(x);
    free(v);
}

/* ---- Searches ------------------------------------------------------------------------------------------------------
 */

static double cosine(const float *a, const float *b, int n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* How many of the hits are among the nearest by brute force; their scores are cosines. */
static int among_nearest(const float *vectors, size_t n, int dimensions, const float *query, const tern_hit *hits)
{
    int found = 0;
    for (int i = 0; i < TOP; i++) {
        const double score = cosine(query, vectors + hits[i].passage * (size_t)dimensions, dimensions);
        size_t better = 0;
        assert_true(fabs(score - (double)hits[i].score) < 0.01);
        assert_true(i == 0 || hits[i].score <= hits[i - 1].score);
        for (size_t j = 0; j < n; j++)
            better += cosine(query, vectors + j * (size_t)dimensions, dimensions) > score;
        found += better < TOP;
    }
    return found;
}

static void recall(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        int dimensions;
    } sizes[] = {{3000, 384}, {9000, 100}, {8193, 33}, {600, 1000}};
    static tern_hit hits[QUERIES * TOP], all[QUERIES * TOP];
    for (size_t i = 0; i < 4; i++) {
        const size_t n = sizes[i].n;
        const int k = sizes[i].dimensions;
        float *v = random_vectors(n + QUERIES, k, i), *queries = v + n * (size_t)k;
        tern_index *x;
        size_t n_hits;
        write_index(v, n, k);
        assert_ok(tern_index_open(&x, path, &err));
        for (int kind = TERN_SEARCH_INT8; kind <= TERN_SEARCH_BINARY; kind++) {
            int found = 0, all_of_them = 0;
            search(x, (tern_searcher_options){.vectors = (tern_search_vectors)kind}, queries, hits, &n_hits);
            assert_int_equal(n_hits, TOP);
            for (int q = 0; q < QUERIES; q += stride_emulated(3), all_of_them += TOP)
                found += among_nearest(v, n, k, queries + q * k, hits + q * TOP);
            if (found < all_of_them * 9 / 10)
                fail_msg("%d dimensions, vectors %d: %d of %d", k, kind, found, all_of_them);
        }
        /* With every passage a candidate, bits and int8 cannot differ. */
        search(x, (tern_searcher_options){.vectors = TERN_SEARCH_INT8, .candidates = (int)n}, queries, hits, &n_hits);
        search(x, (tern_searcher_options){.vectors = TERN_SEARCH_BINARY, .candidates = (int)n}, queries, all, &n_hits);
        for (int h = 0; h < QUERIES * TOP; h++)
            assert_true(hits[h].passage == all[h].passage && hits[h].score == all[h].score);
        tern_index_close(x);
        free(v);
    }
}

static void same_everywhere(void **state)
{
    (void)state;
    enum { N = 40000, K = 70 };
    static tern_hit first[QUERIES * TOP], hits[QUERIES * TOP];
    const char *isas[16];
    const int n_isas = e2e_isas(isas);
    float *v = random_vectors(N + QUERIES, K, 5), *queries = v + N * K;
    tern_index *x;
    size_t n;
    write_index(v, N, K);
    assert_ok(tern_index_open(&x, path, &err));
    for (int kind = TERN_SEARCH_INT8; kind <= TERN_SEARCH_BINARY; kind++) {
        search(x, (tern_searcher_options){.vectors = (tern_search_vectors)kind, .threads = 1}, queries, first, &n);
        for (int i = 0; i < n_isas; i++)
            for (int threads = 1; threads <= 4; threads++) {
                const tern_searcher_options o = {
                    .vectors = (tern_search_vectors)kind, .threads = threads, .isa = isas[i]};
                search(x, o, queries, hits, &n);
                for (int h = 0; h < QUERIES * TOP; h++)
                    assert_true(first[h].passage == hits[h].passage && first[h].score == hits[h].score);
            }
    }
    tern_index_close(x);
    free(v);
}

/* Of equal passages the first ones; fewer than were asked for; none; a query of zeros, and one that is not finite. */
static void edges(void **state)
{
    (void)state;
    tern_index *x;
    tern_hit hits[TOP];
    tern_searcher *s;
    size_t n;
    float v[100 * 4], query[4] = {0, 0, 0, 0};
    for (int i = 0; i < 100 * 4; i++)
        v[i] = i % 4 == 1 ? 1 : 0.25f;
    write_index(v, 100, 4);
    for (int kind = TERN_SEARCH_AUTO; kind <= TERN_SEARCH_BINARY; kind++) {
        const tern_searcher_options o = {.struct_bytes = sizeof o, .vectors = (tern_search_vectors)kind, .threads = 2};
        assert_ok(tern_index_open(&x, path, &err));
        assert_ok(tern_searcher_open(&s, x, &o, &err));
        for (int q = 0; q < 2; q++) {
            assert_ok(tern_search(s, q ? v : query, hits, &n, &err));
            assert_int_equal(n, TOP);
            for (size_t i = 0; i < n; i++)
                assert_true(hits[i].passage == i && fabs((double)hits[i].score - q) < 1e-3);
        }
        query[2] = NAN;
        assert_int_equal(tern_search(s, query, hits, &n, &err), TERN_USAGE);
        query[2] = 0;
        tern_searcher_close(s);
        tern_index_close(x);
    }
    for (size_t few = 0; few < 4; few++) {
        write_index(v, few, 4);
        assert_ok(tern_index_open(&x, path, &err));
        assert_ok(tern_searcher_open(&s, x, NULL, &err));
        assert_ok(tern_search(s, v, hits, &n, &err));
        assert_int_equal(n, few);
        tern_searcher_close(s);
        const tern_searcher_options bad[] = {{.struct_bytes = 1},
                                             {.struct_bytes = sizeof *bad, .top = -1},
                                             {.struct_bytes = sizeof *bad, .top = 9, .candidates = 8},
                                             {.struct_bytes = sizeof *bad, .threads = 257},
                                             {.struct_bytes = sizeof *bad, .vectors = (tern_search_vectors)3},
                                             {.struct_bytes = sizeof *bad, .isa = "none"}};
        for (int i = 0; i < 6; i++)
            assert_int_equal(tern_searcher_open(&s, x, &bad[i], &err), TERN_USAGE);
        tern_index_close(x);
    }
}

struct job {
    const tern_index *index;
    const float *queries;
    tern_hit hits[QUERIES * TOP];
};

static void *search_in_thread(void *context)
{
    struct job *job = context;
    tern_searcher *s;
    size_t n;
    const tern_searcher_options o = {.struct_bytes = sizeof o, .threads = 2, .top = TOP};
    if (tern_searcher_open(&s, job->index, &o, NULL))
        return NULL;
    for (int i = 0; i < 3 * QUERIES; i++)
        tern_search(s, job->queries + i % QUERIES * job->index->info.dimensions, job->hits + i % QUERIES * TOP, &n,
                    NULL);
    tern_searcher_close(s);
    return NULL;
}

static void several_threads(void **state)
{
    (void)state;
    enum { N = 20000, K = 40, THREADS = 4 };
    static struct job jobs[THREADS];
    pthread_t threads[THREADS];
    float *v = random_vectors(N + QUERIES, K, 6);
    tern_index *x;
    write_index(v, N, K);
    assert_ok(tern_index_open(&x, path, &err));
    for (int i = 0; i < THREADS; i++) {
        jobs[i].index = x;
        jobs[i].queries = v + N * K;
        assert_int_equal(pthread_create(&threads[i], NULL, search_in_thread, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < THREADS; i++)
        for (int h = 0; h < QUERIES * TOP; h++)
            assert_true(jobs[i].hits[h].passage == jobs[0].hits[h].passage && jobs[0].hits[h].score > 0);
    tern_index_close(x);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, begin, end),
        cmocka_unit_test_setup_teardown(damaged, begin, end),
        cmocka_unit_test_setup_teardown(lies, begin, end),
        cmocka_unit_test_setup_teardown(refusals, begin, end),
        cmocka_unit_test_setup_teardown(killed, begin, end),
        cmocka_unit_test_setup_teardown(recall, begin, end),
        cmocka_unit_test_setup_teardown(same_everywhere, begin, end),
        cmocka_unit_test_setup_teardown(edges, begin, end),
        cmocka_unit_test_setup_teardown(several_threads, begin, end),
    };
    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
