/* A head, or a pooling, that reads the first token's state alone gives the same bits whether or not the last layer
   makes the others, in batches of more texts than a part has rows too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/checkpoint.h"
#include "quant/convert.h"
#include "runtime/session.h"
#include "tests/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 300, MOST_TOKENS = 1500, MOST = 32 }; /* MOST: numbers of a text */
static tern_error err;

static tern_status read_part(void *context, struct tern_key key, float *out, size_t count, tern_error *e)
{
    return tern_checkpoint_read(context, key, out, count, e);
}

/* An observer, who has to see all rows, and looks at none. */
static void input(void *context, int layer, enum tern_layer_input which, const int16_t *x, int k)
{
    (void)layer, (void)which, (void)x, (void)k;
    ++*(long *)context;
}
static void output(void *context, int layer, enum tern_matrix matrix, const int16_t *out, int n)
{
    (void)context, (void)layer, (void)matrix, (void)out, (void)n;
}
static void sum(void *context, int layer, enum tern_matrix matrix, const int32_t *s, const int16_t *y, int up, int n)
{
    (void)context, (void)layer, (void)matrix, (void)s, (void)y, (void)up, (void)n;
}
static void added(void *context, int layer, enum tern_matrix matrix, const int32_t *a, const int32_t *stream, int down,
                  int n)
{
    (void)context, (void)layer, (void)matrix, (void)a, (void)stream, (void)down, (void)n;
}

static void check(const char *name)
{
    char path[256];
    struct tern_checkpoint checkpoint;
    tern_model *model = NULL;
    void *bytes = NULL;
    tern_session *session = NULL;
    static int32_t ids[MOST_TOKENS], offsets[TEXTS + 1];
    static float all[TEXTS * MOST], firsts[TEXTS * MOST];
    struct rng rng = rng_seeded(9, name);
    long seen = 0;
    const tern_session_options options = {
        .struct_bytes = sizeof options, .threads = 1, .max_texts = TEXTS, .max_tokens = MOST_TOKENS};
    const struct tern_row_observer observer = {input, output, sum, added, &seen};

    snprintf(path, sizeof path, "tests/golden/zoo/%s", name);
    assert_ok(tern_checkpoint_open(&checkpoint, path, NULL, &err));
    const int classifies = checkpoint.config.n_labels > 0,
              width = classifies ? checkpoint.config.n_labels : checkpoint.config.hidden;
    checkpoint.config.pooling = TERN_POOL_CLS;
    assert_true(width <= MOST);
    const struct tern_source source = {.config = &checkpoint.config, .read = read_part, .context = &checkpoint};
    assert_ok(tern_build_model(&model, &bytes, &source, NULL, &err));
    for (int i = 0; i < TEXTS; i++) /* now and then one that leaves windows and blocks */
        offsets[i + 1] = offsets[i] + (int32_t)rng_between(&rng, 1, i % 25 ? 3 : 40);
    assert_true(offsets[TEXTS] <= MOST_TOKENS);
    for (int i = 0; i < offsets[TEXTS]; i++)
        ids[i] = (int32_t)rng_between(&rng, 2, 95);
    const tern_batch batch = {.n_texts = TEXTS, .ids = ids, .offsets = offsets};
    assert_ok(tern_session_open(&session, model, &options, &err));
    assert_ok((classifies ? tern_classify : tern_embed)(session, &batch, firsts, &err));
    tern_session_observe_rows(session, &observer);
    assert_ok((classifies ? tern_classify : tern_embed)(session, &batch, all, &err));
    assert_true(seen >= offsets[TEXTS]);
    if (memcmp(all, firsts, (size_t)(TEXTS * width) * sizeof *all))
        fail_msg("%s: other bits", name);
    tern_session_close(session);
    tern_model_close(model);
    free(bytes);
    tern_checkpoint_close(&checkpoint);
}

static void test_first_only(void **state)
{
    static const char *const names[] = {"roberta", "roberta-prelayernorm", "albert",  "clipped-gated", "sub-norms",
                                        "deberta", "longformer",           "bigbird", "windows",       "cosformer"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check(names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
