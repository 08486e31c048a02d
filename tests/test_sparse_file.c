/* Block-sparse files that are well-formed and checksummed but lie: each is refused with one line that names the matrix
   and the fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/blocks.h"
#include "quant/builder.h"
#include "quant/tern_convert.h"
#include "runtime/model.h"
#include "tests/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tern_error err;
static char dir[256], paths[TERN_N_BLOCK_SHAPES][300];

/* query: 5 panels of 19 k steps, the last panel half empty. */
enum { HIDDEN = 76, HEADS = 4, PANELS = 5, K4 = 19 };
static const struct test_checkpoint_spec spec = {.seed = 61,
                                                 .layers = 1,
                                                 .hidden = HIDDEN,
                                                 .heads = HEADS,
                                                 .intermediate = 90,
                                                 .vocab = 60,
                                                 .pooler = 1,
                                                 .n_labels = 2};

/* One element of one tensor becomes something else; `tensor` NULL: nothing does. */
struct lie {
    const char *tensor;
    int index;
    int64_t value;
    const char *says; /* beside the matrix's name */
    int drop;         /* the whole tensor instead */
};

static void poke(void *data, enum tern_dtype dtype, int index, int64_t value)
{
    const size_t bytes = tern_dtype_bytes(dtype); /* little-endian: the low bytes come first */
    memcpy((uint8_t *)data + (size_t)index * bytes, &value, bytes);
}

static void add_copy(struct tern_builder *b, const char *name, const struct tern_tensor *t, const struct lie *lie)
{
    const int hit = lie->tensor && !strcmp(name, lie->tensor);
    if (hit && lie->drop)
        return;
    uint8_t *data = tern_builder_add(b, name, t->dtype, t->n_dims, t->shape);
    if (!data)
        abort();
    memcpy(data, t->data, t->bytes);
    if (hit)
        poke(data, t->dtype, lie->index, lie->value);
}

/* The model with the lie in it; with `pooler` the query's blocks are the pooler's too. */
static void *told(const tern_model *m, const struct lie *lie, int pooler, size_t *size)
{
    static const char *const keys[] = {"tern.version", "tern.scheme", "tern.config", "tern.tokenizer",
                                       "tern.vocabulary_bytes"};
    struct tern_builder *b;
    void *bytes = NULL;
    assert_ok(tern_builder_open(&b, &err));
    for (size_t i = 0; i < m->tensors.n_tensors; i++) {
        const struct tern_tensor *t = &m->tensors.tensors[i];
        char name[64];
        const int query = !strncmp(t->name, "layer.0.query.", 14);
        snprintf(name, sizeof name, "pooler.%s", query ? t->name + 14 : "");
        const int blocks =
            query && (strstr(name, "index") || strstr(name, "count") || strstr(name, "first") || strstr(name, "value"));
        if (pooler && (blocks || !strcmp(name, "pooler.param")))
            add_copy(b, name, t, lie);
        if (!pooler || strcmp(t->name, "pooler.param"))
            add_copy(b, t->name, t, lie);
    }
    for (int i = 0; i < 5; i++)
        if (tern_safetensors_metadata(&m->tensors, keys[i]))
            tern_builder_metadata(b, keys[i], tern_safetensors_metadata(&m->tensors, keys[i]));
    assert_ok(tern_builder_finish(b, &err));
    *size = tern_builder_bytes(b);
    if (posix_memalign(&bytes, 64, *size))
        abort();
    tern_builder_copy(b, bytes);
    tern_builder_close(b);
    return bytes;
}

static tern_model *opened(int shape)
{
    tern_model *m;
    assert_ok(tern_model_open(&m, paths[shape], &err));
    return m;
}

static void check(const tern_model *m, const struct lie *lie, int pooler)
{
    size_t size;
    char matrix[64];
    void *bytes = told(m, lie, pooler, &size);
    tern_model *model = NULL;
    err = (tern_error){TERN_OK, ""};
    snprintf(matrix, sizeof matrix, "tensor %s", pooler ? "pooler" : "layer.0.query");
    const tern_status status = tern_model_open_memory(&model, bytes, size, &err);
    if (status != TERN_FORMAT || model || strchr(err.message, '\n') || !strstr(err.message, matrix) ||
        !strstr(err.message, lie->says))
        fail_msg("%s [%d] = %lld: %s: '%s' is not one line that says '%s' and '%s'", lie->tensor ? lie->tensor : "",
                 lie->index, (long long)lie->value, tern_status_name(status), err.message, matrix, lie->says);
    free(bytes);
}

#define BIG INT64_C(2147483647)

/* What holds for every shape. A shape of -5 was once taken for a place in a table. */
static const struct lie lies[] = {
    {"layer.0.query.param", 6, 5, "names blocks that do not exist", 0},
    {"layer.0.query.param", 6, -1, "names blocks that do not exist", 0},
    {"layer.0.query.param", 6, -5, "names blocks that do not exist", 0},
    {"layer.0.query.param", 6, -BIG - 1, "names blocks that do not exist", 0},
    {"layer.0.query.param", 6, 0, "layer.0.query.weight is missing", 0}, /* says dense */
    {"layer.0.query.param", 4, -1, "format of weights", 0},
    {"layer.0.query.param", 7, 0, "names blocks that do not exist", 0},
    {"layer.0.query.param", 7, -1, "names blocks that do not exist", 0},
    {"layer.0.query.param", 7, BIG, "wrong type or shape", 0},
    {"layer.0.query.param", 7, 1, "wrong type or shape", 0},
    {"layer.0.query.index", 0, 65535, "index that is out of range", 0},
    {"layer.0.query.count", 0, 65535, "counts more or fewer blocks", 0},
    {"layer.0.query.first", 0, 1, "does not begin at line 0", 0},
    {"layer.0.query.first", 1, -1, "has a panel that ends before it begins", 0},
    {"layer.0.query.first", 1, BIG, "or behind the last line", 0},
    {"layer.0.query.first", PANELS, BIG, "or behind the last line", 0},
    {"layer.0.query.first", PANELS, -BIG - 1, "has a panel that ends before it begins", 0},
    {"layer.0.query.value", 0, -128, "-128", 0},
    {"layer.0.query.index", 0, 0, "query.index is missing", 1},
    {"layer.0.query.count", 0, 0, "query.count is missing", 1},
    {"layer.0.query.first", 0, 0, "query.first is missing", 1},
    {"layer.0.query.value", 0, 0, "query.value is missing", 1},
    {"layer.0.query.param", 0, 0, "query.param is missing", 1},
};

static void test_lies(void **state)
{
    (void)state;
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++) {
        tern_model *m = opened(shape);
        for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
            check(m, &lies[i], 0);
        tern_model_close(m);
    }
}

/* Faults that depend on what the matrix holds. */
static void test_lies_about_blocks(void **state)
{
    (void)state;
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++) {
        tern_model *m = opened(shape);
        const struct tern_sparse *w = &m->int8.layers[0].matrix[TERN_QUERY].sparse;
        const int limit = shape == TERN_BLOCK_4X1 ? K4 * 4 : K4, line = tern_line_blocks(w->shape);
        const int strips = tern_block_strips(w->shape), each = tern_block_indices(w->shape);
        assert_true(w->count[0] >= 2 && w->index[1] > w->index[0] && (each > 1 || w->index[1] > 0));
        check(m, &(struct lie){"layer.0.query.index", 0, limit, "index that is out of range", 0}, 0);
        check(m, &(struct lie){"layer.0.query.index", 0, w->index[1], "index that is there twice", 0}, 0);
        check(m, &(struct lie){"layer.0.query.index", 1, w->index[0], "index that is there twice", 0}, 0);
        check(m, &(struct lie){"layer.0.query.index", 0, w->index[1] + 1, "indices that do not ascend", 0}, 0);
        check(m, &(struct lie){"layer.0.query.count", 0, w->count[0] + line, "counts more or fewer blocks", 0}, 0);
        check(m, &(struct lie){"layer.0.query.first", 2, w->first[1], "counts more or fewer blocks", 0}, 0);
        check(m, &(struct lie){"layer.0.query.param", 7, w->first[PANELS] + 1, "wrong type or shape", 0}, 0);
        int blocks = 0, panel = 0; /* a panel whose last line has room */
        for (; panel < PANELS && (blocks == 0 || blocks % line == 0); panel++) {
            blocks = 0;
            for (int s = 0; s < strips; s++)
                blocks += w->count[panel * strips + s];
        }
        const int at = w->first[panel - 1] * line + blocks;
        if (shape != TERN_BLOCK_16X4) {
            assert_true(blocks % line != 0);
            const int value = at * (TERN_LINE / line);
            check(m, &(struct lie){"layer.0.query.index", at * each, 1, "something behind the last block", 0}, 0);
            check(m, &(struct lie){"layer.0.query.value", value, 1, "something behind the last block", 0}, 0);
        }
        tern_model_close(m);
    }
}

/* A matrix without any block has a line that no panel owns, as no tensor is empty. It says nothing. */
static void test_lies_of_no_blocks(void **state)
{
    (void)state;
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++) {
        char sparse[16], path[300];
        snprintf(path, sizeof path, "%s/empty.tern", dir);
        snprintf(sparse, sizeof sparse, "%s:1", tern_block_shape_name((enum tern_block_shape)shape));
        const tern_convert_options o = {.struct_bytes = sizeof o, .outliers = "off", .sparse = sparse};
        tern_model *m;
        assert_ok(tern_convert(dir, path, &o, &err));
        assert_ok(tern_model_open(&m, path, &err));
        assert_int_equal(m->int8.layers[0].matrix[TERN_QUERY].sparse.first[PANELS], 0);
        check(m, &(struct lie){"layer.0.query.value", 63, 1, "something behind the last block", 0}, 0);
        check(m, &(struct lie){"layer.0.query.index", 0, 1, "something behind the last block", 0}, 0);
        tern_model_close(m);
    }
}

/* A model whose pooler has blocks was once given no room to pack its rows. */
static void test_sparse_pooler(void **state)
{
    (void)state;
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++) {
        tern_model *m = opened(shape);
        check(m, &(struct lie){NULL, 0, 0, "block-sparse; only the layers' matrices may be", 0}, 1);
        tern_model_close(m);
    }
}

static int set_up(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir);
    if (test_write_checkpoint(dir, &spec))
        return -1;
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++) {
        char sparse[16];
        const char *name = tern_block_shape_name((enum tern_block_shape)shape);
        snprintf(paths[shape], sizeof paths[shape], "%s/%s.tern", dir, name);
        snprintf(sparse, sizeof sparse, "%s:0.45", name);
        const tern_convert_options o = {.struct_bytes = sizeof o, .outliers = "off", .sparse = sparse};
        if (tern_convert(dir, paths[shape], &o, &err))
            return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lies), cmocka_unit_test(test_lies_about_blocks),
                                       cmocka_unit_test(test_lies_of_no_blocks), cmocka_unit_test(test_sparse_pooler)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
