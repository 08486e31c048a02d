/* Rows in shares, each on one thread from one mixing of rows to the next, give the bits of one thread: every format of
   weights, sparse ones too, on every row of this CPU, in batches of more rows than shares have; so do the smaller tasks
   of CPUs that differ in speed. Also run under ThreadSanitizer. */
/* LDFLAGS: -Wl,--wrap=tern_pool_begin -Wl,--wrap=tern_pool_shares -Wl,--wrap=tern_pool_is_unequal */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/checkpoint.h"
#include "quant/convert.h"
#include "quant/tern_convert.h"
#include "runtime/base/thread.h"
#include "tests/e2e.h"
#include "tests/emulated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_THREAD__)
enum { TAKES_LONG = 1 };
#else
enum { TAKES_LONG = 0 };
#endif
enum { TEXTS = 12, LONGEST = 60, HIDDEN = 64, LABELS = 3, MOST_THREADS = 5 };

static tern_error err;
static int forced, unequal, asked;

void __wrap_tern_pool_begin(struct tern_pool *pool, int64_t products, int has_shares);
int __wrap_tern_pool_shares(const struct tern_pool *pool);
int __wrap_tern_pool_is_unequal(const struct tern_pool *pool);

/* All threads work in every pass, however busy the machine is. */
void __wrap_tern_pool_begin(struct tern_pool *pool, int64_t products, int has_shares)
{
    (void)pool, (void)products, (void)has_shares;
}

/* Whatever the pool has found to be fastest. */
int __wrap_tern_pool_shares(const struct tern_pool *pool)
{
    (void)pool;
    asked += forced > 0;
    return forced;
}

int __wrap_tern_pool_is_unequal(const struct tern_pool *pool)
{
    (void)pool;
    return unequal;
}

static tern_model *convert(const char *weights, const char *sparse)
{
    static const struct test_checkpoint_spec spec = {.seed = 71,
                                                     .layers = 2,
                                                     .hidden = HIDDEN,
                                                     .heads = 4,
                                                     .intermediate = 160,
                                                     .pooler = 1,
                                                     .n_labels = LABELS,
                                                     .pooling = "mean"};
    const tern_convert_options options = {
        .struct_bytes = sizeof options, .weights = weights, .sparse = sparse, .outliers = "off"};
    char folder[256], path[300];
    tern_model *model;
    test_temp_dir(folder, sizeof folder);
    assert_int_equal(test_write_checkpoint(folder, &spec), 0);
    snprintf(path, sizeof path, "%s/model.tern", folder);
    assert_ok(tern_convert(folder, path, &options, &err));
    assert_ok(tern_model_open(&model, path, &err));
    test_remove_dir(folder);
    return model;
}

static void check(const char *weights, const char *sparse)
{
    static int32_t alone[TEXTS * HIDDEN], shared[TEXTS * HIDDEN];
    static float floats[TEXTS * HIDDEN];
    static const enum e2e_task tasks[] = {E2E_EMBED, E2E_CLASSIFY}; /* the latter needs the first rows alone */
    const char *isas[16] = {NULL};
    const int n_isas = TAKES_LONG ? 1 : e2e_isas(isas);
    tern_model *model = convert(weights, sparse);
    struct e2e_texts texts = e2e_random_texts(model, TEXTS, LONGEST, 72);
    for (int task = 0; task < 2; task++) {
        const size_t bytes = TEXTS * (size_t)e2e_width(model, tasks[task]) * sizeof *alone;
        const struct e2e_run one = {NULL, 1, TEXTS, 0, tasks[task]};
        forced = 0;
        e2e_run(model, &texts, &one, floats, alone);
        for (int i = 0; i < n_isas; i++)
            for (int threads = 2; threads <= MOST_THREADS; threads += 1 + (threads > 2)) {
                const struct e2e_run how = {isas[i], threads, threads == 3 ? 1 : TEXTS, 0, tasks[task]};
                forced = threads;
                asked = 0;
                e2e_run(model, &texts, &how, floats, shared);
                assert_true(asked > 0);
                if (memcmp(shared, alone, bytes) != 0)
                    fail_msg("%s, %s: other bits in %d shares with %s", weights ? weights : "int8",
                             sparse ? sparse : "dense", threads, isas[i] ? isas[i] : "the best");
            }
    }
    forced = 0;
    unequal = 1;
    for (int threads = 2; threads <= 4; threads++) {
        const struct e2e_run how = {NULL, threads, TEXTS, 0, E2E_CLASSIFY};
        e2e_run(model, &texts, &how, floats, shared);
        assert_memory_equal(shared, alone, TEXTS * LABELS * sizeof *alone); /* the last task's above */
    }
    unequal = 0;
    e2e_free_texts(&texts);
    tern_model_close(model);
}

static tern_status read_part(void *context, struct tern_key key, float *out, size_t count, tern_error *e)
{
    return tern_checkpoint_read(context, key, out, count, e);
}

/* Embeddings that are wider than the hidden size have longer rows than what becomes of them: one thread's once reached
   into another's. */
static void test_wide_embeddings(void **state)
{
    (void)state;
    enum { N = 24, WIDTH = 24 };
    static int32_t alone[N * WIDTH], shared[N * WIDTH];
    static float floats[N * WIDTH];
    struct tern_checkpoint checkpoint;
    tern_model *model;
    void *bytes;
    assert_ok(tern_checkpoint_open(&checkpoint, "tests/golden/zoo/electra-wide", NULL, &err));
    checkpoint.config.weights = TERN_WEIGHTS_INT8;
    const struct tern_source source = {.config = &checkpoint.config, .read = read_part, .context = &checkpoint};
    assert_ok(tern_build_model(&model, &bytes, &source, NULL, &err));
    struct e2e_texts texts = e2e_random_texts(model, N, 40, 73);
    e2e_run(model, &texts, &(struct e2e_run){NULL, 1, N, 0, E2E_EMBED}, floats, alone);
    for (forced = 2; forced <= MOST_THREADS; forced++) {
        asked = 0;
        e2e_run(model, &texts, &(struct e2e_run){NULL, forced, N, 0, E2E_EMBED}, floats, shared);
        assert_true(asked > 0);
        assert_memory_equal(shared, alone, sizeof alone);
    }
    forced = 0;
    e2e_free_texts(&texts);
    tern_model_close(model);
    free(bytes);
    tern_checkpoint_close(&checkpoint);
}

static void test_dense(void **state)
{
    (void)state;
    static const char *const formats[] = {"int8", "int7", "int6", "int4", "int3", "int2", "ternary", "binary"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i += (size_t)stride_emulated(3))
        check(formats[i], NULL);
}

static void test_sparse(void **state)
{
    (void)state;
    check("int8", "16x4:0.5");
    check("int8", "4x1:0.5");
    check("int4", "16x4:0.8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dense), cmocka_unit_test(test_sparse),
                                       cmocka_unit_test(test_wide_embeddings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
