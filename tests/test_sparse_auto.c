/* `convert --sparse auto`: what each matrix's zeros are taken for, how it is stored, and that the answers are those of
   the same weights stored densely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/blocks.h"
#include "quant/prune.h"
#include "quant/tern_convert.h"
#include "runtime/model.h"
#include "tests/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tern_error err;

enum { NONE = -1, RANDOM = -2 };

/* What becomes of each matrix, in the table below: the zeros that it gets, and the shape that it is stored in. */
static const struct {
    const char *name;
    int zeros; /* a shape, NONE or RANDOM */
    double fraction;
    int stored; /* a shape or NONE: densely */
    const char *says;
} matrices[] = {
    {"layer.0.query", TERN_BLOCK_16X4, 0.8, TERN_BLOCK_16X4, "in 16x4 blocks: stored as 16x4 ("},
    {"layer.0.key", TERN_BLOCK_4X4, 0.7, TERN_BLOCK_4X4, "in 4x4 blocks: stored as 4x4 ("},
    {"layer.0.value", TERN_BLOCK_1X4, 0.75, TERN_BLOCK_1X4, "in 1x4 blocks: stored as 1x4 ("},
    {"layer.0.attn_out", TERN_BLOCK_4X1, 0.8, TERN_BLOCK_4X1, "in 4x1 blocks: stored as 4x1 ("},
    {"layer.0.ffn_up", RANDOM, 0.5, NONE, "in no blocks: stored densely ("},
    {"layer.0.ffn_down", NONE, 0, NONE, "no zeros: stored densely"},
    {"layer.1.query", NONE, 0, NONE, "no zeros: stored densely"},
    {"layer.1.key", TERN_BLOCK_1X4, 0.9, TERN_BLOCK_1X4, "in 1x4 blocks: stored as 1x4 ("},
    {"layer.1.value", TERN_BLOCK_4X1, 0.9, TERN_BLOCK_4X1, "in 4x1 blocks: stored as 4x1 ("},
    {"layer.1.attn_out", TERN_BLOCK_16X4, 1, TERN_BLOCK_16X4, "100.0 % zeros in 16x4 blocks: stored as 16x4 ("},
    {"layer.1.ffn_up", TERN_BLOCK_16X4, 0.1, NONE, "in 16x4 blocks: stored densely ("},
    {"layer.1.ffn_down", RANDOM, 0.97, TERN_BLOCK_1X4, "in no blocks: stored as 1x4 ("},
};
enum { MATRICES = sizeof matrices / sizeof *matrices };

/* Blocks of 4 do not pay for few rows. */
static const char table[] = "version " TERN_VERSION "\ncpu test\nisa scalar\n"
                            "16x4 100 100 100 100 60 60 60 60\n4x4 100 100 100 100 20 50 50 50\n"
                            "1x4 100 100 100 100 2 40 40 40\n4x1 100 100 100 100 2 39 39 39\n";

static void set_zeros(void *context, struct test_tensor *t)
{
    (void)context;
    for (int i = 0; i < MATRICES; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.weight", matrices[i].name);
        if (!t->canonical || strcmp(t->canonical, name))
            continue;
        struct rng r = rng_seeded(11, name);
        for (size_t k = 0; k < t->count && matrices[i].zeros == RANDOM; k++)
            if ((double)rng_between(&r, 0, 999) < matrices[i].fraction * 1000)
                t->values[k] = 0;
        const struct tern_pruning pruning = {(enum tern_block_shape)matrices[i].zeros, matrices[i].fraction};
        if (matrices[i].zeros >= 0)
            assert_int_equal(tern_prune(t->values, (int)t->shape[0], (int)t->shape[1], &pruning), 0);
    }
}

static const struct test_checkpoint_spec spec = {.seed = 9,
                                                 .layers = 2,
                                                 .hidden = 72,
                                                 .heads = 3,
                                                 .intermediate = 148,
                                                 .pooler = 1,
                                                 .n_labels = 3,
                                                 .edit = set_zeros};

struct said {
    char text[8192];
};

static void listen(void *context, const char *line)
{
    struct said *s = context;
    const size_t used = strlen(s->text);
    snprintf(s->text + used, sizeof s->text - used, "%s\n", line);
}

static tern_status convert(const char *dir, const char *path, const char *sparse, const char *sparse_table,
                           struct said *said)
{
    const tern_convert_options o = {.struct_bytes = sizeof o,
                                    .sparse = sparse,
                                    .sparse_isa = sparse ? "scalar" : NULL,
                                    .sparse_table = sparse_table,
                                    .report = listen,
                                    .context = said};
    *said = (struct said){""};
    err = (tern_error){TERN_OK, ""};
    return tern_convert(dir, path, &o, &err);
}

static tern_model *converted(const char *dir, const char *path, const char *sparse, struct said *said)
{
    tern_model *model;
    assert_ok(convert(dir, path, sparse, sparse ? table : NULL, said));
    assert_ok(tern_model_open(&model, path, &err));
    return model;
}

static const struct tern_linear *linear_of(const tern_model *m, int i)
{
    static const enum tern_matrix there[] = {TERN_QUERY,    TERN_KEY,    TERN_VALUE,
                                             TERN_ATTN_OUT, TERN_FFN_UP, TERN_FFN_DOWN}; /* no gate */
    enum { N = sizeof there / sizeof there[0] };
    return &m->int8.layers[i / N].matrix[there[i % N]];
}

static int stored_shape(const tern_model *m, int i)
{
    const struct tern_linear *w = linear_of(m, i);
    assert_true(!w->weight == !!w->sparse.value);
    return w->weight ? NONE : (int)w->sparse.shape;
}

static char dir[256], path[300];

static void test_found_and_stored(void **state)
{
    (void)state;
    struct said said;
    tern_model *model = converted(dir, path, "auto:128", &said);
    for (int i = 0; i < MATRICES; i++) {
        char line[160];
        const char *at = strstr(said.text, matrices[i].name);
        snprintf(line, sizeof line, "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
        if (!strstr(line, matrices[i].says))
            fail_msg("%s: the report says '%s', not '%s'", matrices[i].name, line, matrices[i].says);
        if (stored_shape(model, i) != matrices[i].stored)
            fail_msg("%s is stored as %d, not as %d", matrices[i].name, stored_shape(model, i), matrices[i].stored);
    }
    tern_model_close(model);
}

/* Without a number of tokens a shape must pay for any; at one or two rows blocks of four do not, here. */
static void test_any_rows(void **state)
{
    (void)state;
    struct said said;
    tern_model *any = converted(dir, path, "auto", &said);
    for (int i = 0; i < MATRICES; i++)
        assert_int_equal(stored_shape(any, i), matrices[i].stored == TERN_BLOCK_16X4 ? TERN_BLOCK_16X4 : NONE);
    tern_model_close(any);
    tern_model *few = converted(dir, path, "auto:2", &said);
    assert_int_equal(stored_shape(few, 0), TERN_BLOCK_16X4);
    assert_int_equal(stored_shape(few, 1), NONE);
    tern_model_close(few);
}

/* The same integers as from dense storage: every ISA, texts on both sides of where the ways cross, whatever the
   table. */
static void test_same_as_dense(void **state)
{
    (void)state;
    struct said said;
    char dense_path[300];
    const char *isas[16];
    snprintf(dense_path, sizeof dense_path, "%s/dense.tern", dir);
    tern_model *dense = converted(dir, dense_path, NULL, &said), *sparse = converted(dir, path, "auto:128", &said);
    for (int i = 0; i < MATRICES; i++)
        assert_int_equal(stored_shape(dense, i), NONE);
    struct e2e_texts texts = e2e_random_texts(dense, 12, 40, 3);
    const int width = e2e_width(dense, E2E_CLASSIFY), n = e2e_isas(isas);
    int32_t want[12 * 8], got[12 * 8];
    float floats[12 * 8];
    e2e_run(dense, &texts, &(struct e2e_run){"scalar", 1, 1, 0, E2E_CLASSIFY}, floats, want);
    for (int i = 0; i < n; i++)
        for (int group = 1; group <= 12; group += 11) {
            const struct e2e_run how = {isas[i], 1 + i % 2, group, 0, E2E_CLASSIFY};
            e2e_run(sparse, &texts, &how, floats, got);
            if (memcmp(want, got, (size_t)(12 * width) * sizeof *want))
                fail_msg("%s, %d texts to a run: not the dense model's integers", isas[i], group);
        }
    e2e_free_texts(&texts);
    tern_model_close(dense);
    tern_model_close(sparse);
}

/* A session's table changes the way and not one bit of the answer. */
static void test_table_of_a_session(void **state)
{
    (void)state;
    static const char *const limits[] = {"0 0 0 0 0 0 0 0", "100 100 100 100 100 100 100 100", "0 100 0 100 0 0 0 0"};
    struct said said;
    tern_model *sparse = converted(dir, path, "auto:128", &said);
    int32_t ids[20], want[3] = {0};
    const int32_t offsets[2] = {0, 20};
    for (int i = 0; i < 20; i++)
        ids[i] = 5 + i;
    for (int i = 0; i < 3; i++) {
        char text[400];
        float logits[3];
        size_t count;
        int32_t bits;
        tern_session *session;
        snprintf(text, sizeof text, "version " TERN_VERSION "\ncpu any\nisa scalar\n16x4 %s\n4x4 %s\n1x4 %s\n4x1 %s\n",
                 limits[i], limits[i], limits[i], limits[i]);
        const tern_session_options o = {.struct_bytes = sizeof o, .threads = 1, .isa = "scalar", .sparse_table = text};
        assert_ok(tern_session_open(&session, sparse, &o, &err));
        const tern_batch batch = {ids, NULL, offsets, 1};
        assert_ok(tern_classify(session, &batch, logits, &err));
        const int32_t *got = tern_session_integers(session, &count, &bits);
        assert_int_equal(count, 3);
        if (i == 0)
            memcpy(want, got, sizeof want);
        assert_memory_equal(want, got, sizeof want);
        tern_session_close(session);
    }
    static const char *const bad[] = {"", "nonsense\n", "version 0.0.0\ncpu c\nisa scalar\n", NULL};
    for (int i = 0; bad[i]; i++) {
        tern_session *session;
        char text[400];
        snprintf(text, sizeof text, "%s%s", bad[i],
                 i == 2 ? "16x4 1 1 1 1 1 1 1 1\n4x4 1 1 1 1 1 1 1 1\n1x4 1 1 1 1 1 1 1 1\n4x1 1 1 1 1 1 1 1 1\n" : "");
        const tern_session_options o = {.struct_bytes = sizeof o, .isa = "scalar", .sparse_table = text};
        assert_int_equal(tern_session_open(&session, sparse, &o, &err), TERN_USAGE);
        assert_non_null(strstr(err.message, "sparse table"));
    }
    tern_model_close(sparse);
}

static void test_asked_though_slower(void **state)
{
    (void)state;
    struct said said;
    tern_model *model = converted(dir, path, "16x4:0.2", &said);
    for (int i = 0; i < MATRICES; i++)
        assert_int_equal(stored_shape(model, i), TERN_BLOCK_16X4);
    assert_non_null(strstr(said.text, "as asked, though dense would be faster"));
    const char *query = strstr(said.text, "layer.0.query"); /* four fifths of it are zero already */
    assert_false(!strncmp(query + 21, "is stored", 9));
    tern_model_close(model);
}

static void test_refused(void **state)
{
    (void)state;
    struct said said;
    static const char *const bad[] = {"auto:", "auto:0", "auto:x", "auto:2000000", "automatic", "auto:16x"};
    for (int i = 0; i < 6; i++)
        if (convert(dir, path, bad[i], NULL, &said) != TERN_USAGE)
            fail_msg("'%s' was accepted", bad[i]);
    const tern_convert_options o = {.struct_bytes = sizeof o, .sparse = "auto", .sparse_isa = "sparc"};
    assert_int_equal(tern_convert(dir, path, &o, &err), TERN_USAGE);
    assert_non_null(strstr(err.message, "'sparc' is unknown"));
    assert_int_equal(convert(dir, path, "auto", "16x4 1 2 3\n", &said), TERN_USAGE);
}

static int set_up(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/model.tern", dir);
    return test_write_checkpoint(dir, &spec);
}

static int tear_down(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_and_stored),    cmocka_unit_test(test_any_rows),
        cmocka_unit_test(test_same_as_dense),       cmocka_unit_test(test_table_of_a_session),
        cmocka_unit_test(test_asked_though_slower), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
