/* Every format of weights and of embeddings, and every shape of blocks, on a small model of awkward sizes: one stored
   digest, whatever the ISA (TERN_ISA, or the emulated CPU), the threads and the neighbours in the batch. The digests
   were taken from the scalar references; `TERN_PRINT=1 test_formats` prints them anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/blocks.h"
#include "quant/convert.h"
#include "quant/prune.h"
#include "tests/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

static const struct {
    enum tern_weights weights;
    enum tern_format embeddings;
    int group;
    const char *sparse;
    uint64_t digest;
} cases[] = {
    {TERN_WEIGHTS_INT8, TERN_FORMAT_INT8, 0, NULL, 0x2bc7f1645c2e8989},
    {TERN_WEIGHTS_INT4, TERN_FORMAT_INT8, 32, NULL, 0x672d05411fb929c5},
    {TERN_WEIGHTS_INT4, TERN_FORMAT_INT4, 64, NULL, 0x0a60917046b98d98},
    {TERN_WEIGHTS_INT4, TERN_FORMAT_INT8, 128, NULL, 0xfa7de4583b24309b},
    {TERN_WEIGHTS_NF4, TERN_FORMAT_INT8, 64, NULL, 0x00fe1d9ef0143718},
    {TERN_WEIGHTS_FP4, TERN_FORMAT_INT8, 32, NULL, 0x77a2edb1566689b9},
    {TERN_WEIGHTS_INT3, TERN_FORMAT_INT4, 64, NULL, 0xf2cc456e57d7c3bd},
    {TERN_WEIGHTS_INT2, TERN_FORMAT_TERNARY, 32, NULL, 0xee5dc66b28281f19},
    {TERN_WEIGHTS_TERNARY, TERN_FORMAT_TERNARY, 0, NULL, 0xd61eda9bc33b2c50},
    {TERN_WEIGHTS_BINARY, TERN_FORMAT_INT4, 0, NULL, 0x40187ab921a3ba37},
    {TERN_WEIGHTS_INT7, TERN_FORMAT_INT8, 0, NULL, 0xbc89dcbe1b8349dc},
    {TERN_WEIGHTS_INT6, TERN_FORMAT_INT4, 0, NULL, 0x3ab09f1414f1a490},
    {TERN_WEIGHTS_INT8, TERN_FORMAT_INT8, 0, "16x4:0.6", 0x165aac2440c12708},
    {TERN_WEIGHTS_INT8, TERN_FORMAT_INT8, 0, "4x4:0.8", 0x494a886490fcdc63},
    {TERN_WEIGHTS_INT8, TERN_FORMAT_INT4, 0, "1x4:0.5", 0x4e277ad69751a181},
    {TERN_WEIGHTS_INT8, TERN_FORMAT_INT8, 0, "4x1:0.7", 0x0bedb97c2fdb5016},
    {TERN_WEIGHTS_INT8, TERN_FORMAT_INT8, 0, "16x4:0.99", 0x6c4be4a166a3e3ce},
    {TERN_WEIGHTS_INT8, TERN_FORMAT_INT8, 0, "4x1", 0x2bc7f1645c2e8989}, /* nothing pruned: the dense digest */
    {TERN_WEIGHTS_INT7, TERN_FORMAT_INT8, 0, "4x1:0.7", 0xba640ffe3049e354},
    {TERN_WEIGHTS_INT4, TERN_FORMAT_INT8, 32, "16x4:0.7", 0x64b189a2a2ea89dc},
    {TERN_WEIGHTS_NF4, TERN_FORMAT_INT4, 64, "16x4:0.4", 0x4bca2a36b6594d35},
    {TERN_WEIGHTS_FP4, TERN_FORMAT_INT8, 128, "4x4:0.6", 0xc70ce0446e0a844d},
    {TERN_WEIGHTS_INT4, TERN_FORMAT_INT8, 64, "1x4:0.8", 0x06336ff0f8b2d6f7},
    {TERN_WEIGHTS_INT4, TERN_FORMAT_INT8, 64, "16x4:0.99", 0xa64781962c0bef26},
    {TERN_WEIGHTS_INT4, TERN_FORMAT_INT8, 32, "16x4", 0x672d05411fb929c5}, /* likewise */
};
enum { N_CASES = sizeof cases / sizeof *cases };

/* Texts on both sides of where kernels change their ways, the last longer than a tile's rows. */
static const int lengths[] = {1, 2, 3, 5, 8, 13, 17, 33, 70};
enum { TEXTS = sizeof lengths / sizeof *lengths, MOST = 80, HIDDEN = 72, WIDE = 300, VOCAB = 70 };

static int ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

static tern_status read_weights(void *context, struct tern_key key, float *out, size_t count, tern_error *err)
{
    char name[TERN_KEY_NAME];
    (void)err;
    tern_key_name(name, key);
    const struct tern_pruning *pruning = context;
    struct rng r = rng_seeded(7, name);
    const double mean = ends_with(name, "norm.weight") ? 0.9 : 0;
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (int k = 0; k < 4; k++)
            sum += (double)rng_between(&r, -1000, 1000);
        out[i] = (float)(mean + sum * 4e-5);
    }
    if (pruning && tern_is_encoder_matrix(key)) {
        const int n = strstr(name, "ffn_up") ? WIDE : HIDDEN;
        assert_int_equal(tern_prune(out, n, (int)count / n, pruning), 0);
    }
    return TERN_OK;
}

struct fixture {
    tern_model *model;
    void *bytes;
};

/* `dense`: the zeros of a sparse model are in the tensors that are read, and stored like all weights. */
static struct fixture build(int i, int dense)
{
    struct tern_config config = {
        .architecture = TERN_BERT,
        .weights = cases[i].weights,
        .hidden = HIDDEN,
        .vocab = VOCAB,
        .max_positions = MOST,
        .token_types = 2,
        .layer_norm_eps = 1e-12,
        .pooling = TERN_POOL_MEAN,
        .max_tokens = MOST,
    };
    tern_config_set_layers(&config, 2, 3, WIDE, TERN_GELU);
    struct tern_source source = {
        .config = &config, .embeddings = cases[i].embeddings, .group = cases[i].group, .read = read_weights};
    struct tern_pruning pruning = {TERN_BLOCK_16X4, 0};
    if (cases[i].sparse) {
        assert_int_equal(tern_sparse_parse(cases[i].sparse, &pruning.shape, &pruning.fraction), 0);
        source.sparse = !dense;
        source.block = pruning.shape;
        source.prune = pruning.fraction;
        source.context = dense ? &pruning : NULL;
    }
    struct fixture f;
    tern_error err;
    if (tern_build_model(&f.model, &f.bytes, &source, NULL, &err))
        fail_msg("%s", err.message);
    return f;
}

static void make_ids(int32_t *ids, int32_t *offsets)
{
    struct rng r = rng_seeded(3, "ids");
    offsets[0] = 0;
    for (int i = 0; i < TEXTS; i++) {
        offsets[i + 1] = offsets[i] + lengths[i];
        for (int k = offsets[i]; k < offsets[i + 1]; k++)
            ids[k] = (int32_t)rng_between(&r, 0, VOCAB - 1);
    }
}

/* All texts, so many to a run. */
static void run(const tern_model *model, int threads, int per_run, int32_t *out)
{
    int32_t ids[TEXTS * MOST], offsets[TEXTS + 1], own[TEXTS + 1];
    float vectors[TEXTS * HIDDEN];
    const tern_session_options options = {
        .struct_bytes = sizeof options, .threads = threads, .max_tokens = TEXTS * MOST, .max_texts = TEXTS};
    tern_session *session;
    tern_error err;
    make_ids(ids, offsets);
    assert_int_equal(tern_session_open(&session, model, &options, &err), TERN_OK);
    for (int first = 0; first < TEXTS; first += per_run) {
        const int n = TEXTS - first < per_run ? TEXTS - first : per_run;
        for (int i = 0; i <= n; i++)
            own[i] = offsets[first + i] - offsets[first];
        const tern_batch batch = {ids + offsets[first], NULL, own, n};
        size_t count;
        int32_t bits;
        assert_int_equal(tern_embed(session, &batch, vectors, &err), TERN_OK);
        memcpy(out + first * HIDDEN, tern_session_integers(session, &count, &bits), (size_t)n * HIDDEN * sizeof *out);
        assert_int_equal(count, n * HIDDEN);
    }
    tern_session_close(session);
}

static void test_digests(void **state)
{
    (void)state;
    static const struct {
        int threads, per_run;
    } ways[] = {{1, 1}, {1, TEXTS}, {2, 4}};
    for (int i = 0; i < N_CASES; i++) {
        struct fixture f = build(i, 0);
        for (int way = 0; way < 3; way++) {
            int32_t result[TEXTS * HIDDEN];
            run(f.model, ways[way].threads, ways[way].per_run, result);
            const uint64_t digest = XXH3_64bits(result, sizeof result);
            if (getenv("TERN_PRINT"))
                printf("%s, embeddings %s, groups of %d, sparse %s: 0x%016" PRIx64 "\n",
                       tern_weights_name(cases[i].weights), tern_format_name(cases[i].embeddings), cases[i].group,
                       cases[i].sparse ? cases[i].sparse : "no", digest);
            else if (digest != cases[i].digest)
                fail_msg("%s, embeddings %s, groups of %d, sparse %s, %d threads, %d texts to a run: 0x%016" PRIx64,
                         tern_weights_name(cases[i].weights), tern_format_name(cases[i].embeddings), cases[i].group,
                         cases[i].sparse ? cases[i].sparse : "no", ways[way].threads, ways[way].per_run, digest);
        }
        tern_model_close(f.model);
        free(f.bytes);
    }
}

/* A sparse file's zeros stored densely give the same answers through the dense path. */
static void test_dense_twins(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) {
        if (!cases[i].sparse || getenv("TERN_PRINT"))
            continue;
        struct fixture f = build(i, 1);
        int32_t result[TEXTS * HIDDEN];
        run(f.model, 1, TEXTS, result);
        assert_null(f.model->int8.layers[0].matrix[TERN_QUERY].sparse.first);
        if (XXH3_64bits(result, sizeof result) != cases[i].digest)
            fail_msg("the dense twin of %s differs", cases[i].sparse);
        tern_model_close(f.model);
        free(f.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_digests), cmocka_unit_test(test_dense_twins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
