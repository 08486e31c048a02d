/* Models whose layers differ: pruned heads, widths of their own, shared weights, windows. Each is compared with a model
   of equal layers that computes the same, and its integers with its floats, on every ISA and in every grouping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/convert.h"
#include "runtime/model.h"
#include "tests/e2e.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
enum { HIDDEN = 48, HEADS = 4, HEAD_DIM = HIDDEN / HEADS, WIDE = 96, LAYERS = 3, VOCAB = 60, POSITIONS = 128, TEXTS = 8 };
// clang-format on

static tern_error err;

struct reading {
    const struct tern_config *config;
    int padded;         /* layers are as wide as HIDDEN and WIDE, and what `config` lacks is zero */
    int same_positions; /* all rows of the position table are alike */
    int same_global;    /* a global token's matrices are those of all tokens */
};

/* A tensor of equal layers: its numbers depend on its name alone. */
static void draw(struct tern_key key, float *out, size_t count)
{
    char name[TERN_KEY_NAME];
    tern_key_name(name, key);
    struct rng r = rng_seeded(5, name);
    const int norm = tern_parts[key.part].kind == TERN_KIND_NORM && !key.is_bias;
    for (size_t i = 0; i < count; i++)
        out[i] = (float)((norm ? 0.9 : 0) + 0.12 * rng_uniform(&r));
}

/* Of each tensor the part that a narrower layer has: its first rows and columns. */
static tern_status read_part(void *context, struct tern_key key, float *out, size_t count, tern_error *error)
{
    static float whole[WIDE * HIDDEN];
    const struct reading *r = context;
    const struct tern_part *part = &tern_parts[key.part];
    (void)error;
    if (part->place != TERN_PLACE_LAYER) {
        draw(key, out, count);
        for (size_t i = HIDDEN; r->same_positions && key.part == TERN_PART_POSITION && i < count; i++)
            out[i] = out[i % HIDDEN];
        return TERN_OK;
    }
    struct tern_config equal = {.hidden = HIDDEN};
    tern_config_set_layers(&equal, LAYERS, HEADS, WIDE, TERN_GELU);
    const int layer = key.layer, globals = TERN_PART_QUERY_GLOBAL - TERN_PART_QUERY;
    equal.layer[layer].global = 1;
    if (r->same_global && key.part >= TERN_PART_QUERY_GLOBAL && key.part <= TERN_PART_VALUE_GLOBAL)
        key.part = (enum tern_part_id)((int)key.part - globals);
    const struct tern_shape all = tern_part_shape(&equal, part, layer), own = tern_part_shape(r->config, part, layer);
    const int columns = key.is_bias || !all.k ? 1 : all.k, kept = key.is_bias || !own.k ? 1 : own.k;
    key.layer = r->config->layer[layer].weights;
    draw(key, whole, (size_t)all.n * (size_t)columns);
    memset(out, 0, count * sizeof *out);
    for (int i = 0; i < own.n; i++)
        memcpy(out + (ptrdiff_t)i * (r->padded ? columns : kept), whole + (ptrdiff_t)i * columns,
               (size_t)kept * sizeof *out);
    return TERN_OK;
}

struct built {
    tern_model *model;
    void *bytes;
};

static struct tern_config equal_layers(void)
{
    struct tern_config c = {.architecture = TERN_BERT,
                            .hidden = HIDDEN,
                            .vocab = VOCAB,
                            .max_positions = POSITIONS,
                            .token_types = 2,
                            .layer_norm_eps = 1e-12,
                            .pooling = TERN_POOL_MEAN,
                            .max_tokens = POSITIONS};
    tern_config_set_layers(&c, LAYERS, HEADS, WIDE, TERN_GELU);
    return c;
}

/* `like`: the widths that the tensors are cut to; `config` may be wider, then the rest is zero. */
static struct built build(struct tern_config config, const struct reading *reading, enum tern_weights weights)
{
    struct built b;
    config.weights = weights;
    const struct tern_source source = {.config = &config, .read = read_part, .context = (void *)(uintptr_t)reading};
    assert_ok(tern_build_model(&b.model, &b.bytes, &source, NULL, &err));
    return b;
}

static void close_built(struct built *b)
{
    tern_model_close(b->model);
    free(b->bytes);
}

static void embed(const tern_model *model, const struct e2e_texts *texts, float *out)
{
    const struct e2e_run how = {NULL, 2, 3, 0, E2E_EMBED};
    e2e_run(model, texts, &how, out, NULL);
}

static void assert_close(const float *a, const float *b, float tolerance)
{
    for (int i = 0; i < TEXTS * HIDDEN; i++)
        if (fabsf(a[i] - b[i]) > tolerance)
            fail_msg("value %d is %g, not %g", i, (double)a[i], (double)b[i]);
}

static void assert_cosines(const float *a, const float *b, double least)
{
    for (int i = 0; i < TEXTS; i++) {
        const double c = e2e_cosine(a + (ptrdiff_t)i * HIDDEN, b + (ptrdiff_t)i * HIDDEN, HIDDEN);
        if (!(c >= least))
            fail_msg("text %d has a cosine of %f, at least %f is expected", i, c, least);
    }
}

/* The integers of a model: near its floats, and the same bits on every ISA, in every grouping, with any threads. */
static void check_integers(struct tern_config config, const struct reading *reading, const float *floats, double least)
{
    struct built b = build(config, reading, TERN_WEIGHTS_INT8);
    struct e2e_texts texts = e2e_random_texts(b.model, TEXTS, POSITIONS, 63);
    static float vectors[TEXTS * HIDDEN];
    static int32_t first[TEXTS * HIDDEN], again[TEXTS * HIDDEN];
    const char *isas[16];
    const int n = e2e_isas(isas);
    const struct e2e_run alone = {"scalar", 1, 1, 0, E2E_EMBED};
    e2e_run(b.model, &texts, &alone, vectors, first);
    assert_cosines(vectors, floats, least);
    for (int i = 0; i < n; i++)
        for (int32_t group = 1; group <= TEXTS; group += 3) {
            const struct e2e_run how = {isas[i], group % 3 + 1, group, (uint64_t)group, E2E_EMBED};
            e2e_run(b.model, &texts, &how, vectors, again);
            assert_memory_equal(again, first, sizeof first);
        }
    e2e_free_texts(&texts);
    close_built(&b);
}

/* Fewer heads and a narrower feed-forward: the same as zeros in a whole layer. */
static void test_widths(void **state)
{
    (void)state;
    struct tern_config narrow = equal_layers();
    narrow.layer[0].heads = 1;
    narrow.layer[1].heads = 3;
    narrow.layer[1].intermediate = 41;
    narrow.layer[2].intermediate = 7;
    const struct reading cut = {.config = &narrow}, padded = {.config = &narrow, .padded = 1};
    struct built a = build(narrow, &cut, TERN_WEIGHTS_F32), b = build(equal_layers(), &padded, TERN_WEIGHTS_F32);
    struct e2e_texts texts = e2e_random_texts(a.model, TEXTS, POSITIONS, 63);
    static float from_narrow[TEXTS * HIDDEN], from_padded[TEXTS * HIDDEN];
    embed(a.model, &texts, from_narrow);
    embed(b.model, &texts, from_padded);
    assert_close(from_narrow, from_padded, 1e-5f);
    assert_true(tern_model_get_info(a.model)->parameters < tern_model_get_info(b.model)->parameters);
    check_integers(narrow, &cut, from_narrow, 0.999);
    e2e_free_texts(&texts);
    close_built(&a);
    close_built(&b);
}

/* Layers that use the weights of the first: the same as copies of it, and stored once. */
static void test_shared_layers(void **state)
{
    (void)state;
    struct tern_config shared = equal_layers();
    for (int i = 1; i < LAYERS; i++)
        shared.layer[i].weights = 0;
    const struct reading reading = {.config = &shared};
    struct built a = build(shared, &reading, TERN_WEIGHTS_F32), b = build(equal_layers(), &reading, TERN_WEIGHTS_F32);
    struct e2e_texts texts = e2e_random_texts(a.model, TEXTS, POSITIONS, 63);
    static float once[TEXTS * HIDDEN], copied[TEXTS * HIDDEN];
    embed(a.model, &texts, once);
    embed(b.model, &texts, copied);
    assert_memory_equal(once, copied, sizeof once);
    assert_true(tern_model_get_info(a.model)->file_bytes * 2 < tern_model_get_info(b.model)->file_bytes);
    check_integers(shared, &reading, once, 0.998);
    shared.layer[1].weights = 1; /* layer 2 shares layer 0's, layer 1 has its own */
    struct built c = build(shared, &reading, TERN_WEIGHTS_F32);
    embed(c.model, &texts, once);
    check_integers(shared, &reading, once, 0.998);
    e2e_free_texts(&texts);
    close_built(&a);
    close_built(&b);
    close_built(&c);
}

/* A window as long as the text is none; one of the token alone makes a text of each token. */
static void test_windows(void **state)
{
    (void)state;
    struct tern_config windows = equal_layers(), full = windows;
    const struct reading reading = {.config = &full, .same_positions = 1};
    for (int i = 0; i < LAYERS; i++)
        windows.layer[i].before = windows.layer[i].after = POSITIONS - 1;
    struct built a = build(windows, &reading, TERN_WEIGHTS_INT8), b = build(full, &reading, TERN_WEIGHTS_INT8);
    struct e2e_texts texts = e2e_random_texts(a.model, TEXTS, POSITIONS, 63);
    static float wide[TEXTS * HIDDEN], all[TEXTS * HIDDEN];
    embed(a.model, &texts, wide);
    embed(b.model, &texts, all);
    assert_memory_equal(wide, all, sizeof wide);
    close_built(&a);
    close_built(&b);

    for (int i = 0; i < LAYERS; i++)
        windows.layer[i].before = windows.layer[i].after = 0;
    b = build(windows, &reading, TERN_WEIGHTS_F32);
    embed(b.model, &texts, wide);
    for (int i = 0; i < TEXTS; i++) { /* the mean over the text, of each token's vector */
        float sum[HIDDEN] = {0};
        const int32_t first = texts.offsets[i], n = texts.offsets[i + 1] - first;
        for (int32_t t = 0; t < n; t++) {
            int32_t offsets[2] = {0, 1};
            struct e2e_texts one = {1, texts.ids + first + t, texts.types ? texts.types + first + t : NULL, offsets};
            float vector[HIDDEN];
            embed(b.model, &one, vector);
            for (int j = 0; j < HIDDEN; j++)
                sum[j] += vector[j] / (float)n;
        }
        for (int j = 0; j < HIDDEN; j++)
            assert_true(fabsf(sum[j] - wide[i * HIDDEN + j]) < 1e-5f);
    }
    check_integers(windows, &reading, wide, 0.999);
    close_built(&b);
    e2e_free_texts(&texts);
}

/* A global token whose matrices are those of all, in windows as long as the text, is one token more. */
static void test_global_token(void **state)
{
    (void)state;
    struct tern_config global = equal_layers(), full = global;
    for (int i = 0; i < LAYERS; i++)
        global.layer[i].global = 1;
    const struct reading reading = {.config = &global, .same_global = 1};
    struct built a = build(global, &reading, TERN_WEIGHTS_F32), b = build(full, &reading, TERN_WEIGHTS_F32);
    struct e2e_texts texts = e2e_random_texts(a.model, TEXTS, POSITIONS, 63);
    static float one[TEXTS * HIDDEN], all[TEXTS * HIDDEN];
    embed(a.model, &texts, one);
    embed(b.model, &texts, all);
    assert_close(one, all, 1e-5f);
    check_integers(global, &reading, all, 0.999);
    close_built(&b);
    global.layer[0].before = global.layer[0].after = 4;
    global.layer[1].before = 40;
    b = build(global, &reading, TERN_WEIGHTS_F32);
    embed(b.model, &texts, one);
    check_integers(global, &reading, one, 0.998);
    e2e_free_texts(&texts);
    close_built(&a);
    close_built(&b);
}

/* Blocks that a text is long enough for and others, beside windows and global tokens in other layers. */
static void test_blocks(void **state)
{
    (void)state;
    struct tern_config blocks = equal_layers();
    blocks.layer[0].block = 3;
    blocks.layer[0].repeats = 2;
    blocks.layer[1].before = blocks.layer[1].after = 9;
    blocks.layer[1].global = 1;
    blocks.layer[2].block = 17;
    const struct reading reading = {.config = &blocks};
    struct built a = build(blocks, &reading, TERN_WEIGHTS_F32);
    struct e2e_texts texts = e2e_random_texts(a.model, TEXTS, POSITIONS, 63);
    static float floats[TEXTS * HIDDEN];
    embed(a.model, &texts, floats);
    check_integers(blocks, &reading, floats, 0.998);
    e2e_free_texts(&texts);
    close_built(&a);
}

/* All of it together, with windows that cut blocks of rows and lie to one side. */
static void test_all_together(void **state)
{
    (void)state;
    struct tern_config mixed = equal_layers();
    mixed.layer[0].before = 5;
    mixed.layer[0].after = 0;
    mixed.layer[0].heads = 3;
    mixed.layer[1] = mixed.layer[0];
    mixed.layer[1].before = 33;
    mixed.layer[1].after = 17;
    mixed.layer[2].after = 3;
    mixed.layer[2].intermediate = 50;
    mixed.layer[2].activation = TERN_RELU;
    const struct reading reading = {.config = &mixed};
    struct built a = build(mixed, &reading, TERN_WEIGHTS_F32);
    struct e2e_texts texts = e2e_random_texts(a.model, TEXTS, POSITIONS, 63);
    static float floats[TEXTS * HIDDEN];
    embed(a.model, &texts, floats);
    check_integers(mixed, &reading, floats, 0.998);
    e2e_free_texts(&texts);
    close_built(&a);
}

/* A run of more rows than go through the row-wise steps together: each text as alone, with windows that cross from one
   part of the rows to the next, and with layers that see all. */
static void test_parts(void **state)
{
    (void)state;
    enum { MANY = 24 };
    struct tern_config mixed = equal_layers();
    mixed.layer[0].before = 33;
    mixed.layer[0].after = 17;
    mixed.layer[2].before = 1;
    const struct reading reading = {.config = &mixed};
    struct built b = build(mixed, &reading, TERN_WEIGHTS_INT8);
    struct e2e_texts texts = e2e_random_texts(b.model, MANY, POSITIONS, 63);
    static float vectors[MANY * HIDDEN];
    static int32_t alone[MANY * HIDDEN], together[MANY * HIDDEN];
    assert_true(texts.offsets[MANY] > 3 * 256);
    const struct e2e_run one = {NULL, 1, 1, 0, E2E_EMBED}, all = {NULL, 1, MANY, 0, E2E_EMBED};
    e2e_run(b.model, &texts, &one, vectors, alone);
    e2e_run(b.model, &texts, &all, vectors, together);
    assert_memory_equal(together, alone, sizeof alone);
    e2e_free_texts(&texts);
    close_built(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_widths),  cmocka_unit_test(test_shared_layers),
                                       cmocka_unit_test(test_windows), cmocka_unit_test(test_global_token),
                                       cmocka_unit_test(test_blocks),  cmocka_unit_test(test_all_together),
                                       cmocka_unit_test(test_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
