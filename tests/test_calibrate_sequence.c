/* Calibration in the order in which matrices run: against calibration of each matrix by itself, on other texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/calibrate.h"
#include "quant/convert.h"
#include "quant/probe.h"
#include "runtime/session.h"
#include "tests/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 4, HIDDEN = 64, WIDE = 128, VOCAB = 200, TEXTS = 150, OTHER = 50, TOKENS = 12 };

static const struct tern_copies copies[LAYERS * TERN_N_INPUTS] = {{(const uint16_t[]){3, 3, 3, 9}, 4}};

/* As in models of people: gammas and betas that differ, one of gamma that is 0, inputs that go together. */
static tern_status read_weights(void *context, struct tern_key key, float *out, size_t count, tern_error *err)
{
    char name[TERN_KEY_NAME];
    (void)context, (void)err;
    tern_key_name(name, key);
    struct rng r = rng_seeded(21, name);
    const int gamma = strstr(name, "norm.weight") != NULL, beta = strstr(name, "norm.bias") != NULL;
    for (size_t i = 0; i < count; i++) {
        const double u = rng_bell(&r);
        out[i] = (float)(gamma ? 1 + 0.2 * u : beta ? 0.5 * u : 0.12 * u);
    }
    if (gamma)
        out[7] = 0;
    return TERN_OK;
}

static void draw_texts(struct tern_sample *s, int n, const char *name)
{
    struct rng r = rng_seeded(22, name);
    s->n = n;
    s->ids = malloc((size_t)n * TOKENS * sizeof *s->ids);
    s->offsets = calloc((size_t)n + 1, sizeof *s->offsets);
    if (!s->ids || !s->offsets)
        abort();
    for (int i = 0; i < n * TOKENS; i++)
        s->ids[i] = (int32_t)rng_between(&r, 0, VOCAB - 1);
    for (int i = 0; i <= n; i++)
        s->offsets[i] = i * TOKENS;
}

/* vectors[OTHER][HIDDEN] of a model of the source. */
static void embed(const struct tern_source *source, float *vectors)
{
    struct tern_sample texts;
    tern_model *model;
    tern_session *session;
    tern_error err;
    void *bytes;
    draw_texts(&texts, OTHER, "other texts");
    if (tern_build_model(&model, &bytes, source, NULL, &err) || tern_session_open(&session, model, NULL, &err))
        fail_msg("%s", err.message);
    for (int i = 0; i < OTHER; i++) {
        int32_t offset[2];
        const tern_batch batch = tern_sample_text(&texts, i, offset);
        assert_int_equal(tern_embed(session, &batch, vectors + (ptrdiff_t)i * HIDDEN, &err), TERN_OK);
    }
    tern_session_close(session);
    tern_model_close(model);
    free(bytes);
    tern_sample_free(&texts);
}

static double distance(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < OTHER; i++)
        sum += 1 - tern_cosine(a + (ptrdiff_t)i * HIDDEN, b + (ptrdiff_t)i * HIDDEN, HIDDEN);
    return sum / OTHER;
}

typedef tern_status calibrate(struct tern_calibration **out, const struct tern_source *source,
                              const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err);

/* The mean distance of the low-bit model's vectors from the float model's. NULL: not calibrated. */
static double lost(struct tern_config *config, enum tern_weights weights, calibrate *way)
{
    static float exact[OTHER * HIDDEN], low[OTHER * HIDDEN];
    struct tern_source source = {.config = config, .read = read_weights, .group = 32};
    struct tern_calibration *calibration = NULL;
    struct tern_sample texts;
    tern_error err;
    config->weights = TERN_WEIGHTS_F32;
    embed(&source, exact);
    config->weights = weights;
    source.copies = copies;
    draw_texts(&texts, TEXTS, "texts");
    if (way && way(&calibration, &source, NULL, &texts, &err))
        fail_msg("%s", err.message);
    const struct tern_source calibrated = calibration ? tern_calibrated_source(calibration, &source) : source;
    embed(&calibrated, low);
    tern_calibration_close(calibration);
    tern_sample_free(&texts);
    return distance(exact, low);
}

static void test_nearer(void **state)
{
    (void)state;
    static const enum tern_weights weights[] = {TERN_WEIGHTS_INT4, TERN_WEIGHTS_INT3, TERN_WEIGHTS_INT2,
                                                TERN_WEIGHTS_TERNARY, TERN_WEIGHTS_BINARY};
    struct tern_config config = {.architecture = TERN_BERT,
                                 .hidden = HIDDEN,
                                 .vocab = VOCAB,
                                 .max_positions = 16,
                                 .token_types = 2,
                                 .layer_norm_eps = 1e-12,
                                 .pooling = TERN_POOL_MEAN,
                                 .max_tokens = 16};
    tern_config_set_layers(&config, LAYERS, 2, WIDE, TERN_GELU);
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        const double nearest = lost(&config, weights[i], NULL), alone = lost(&config, weights[i], tern_calibrate),
                     sequence = lost(&config, weights[i], tern_calibrate_sequence);
        printf("%-8s 1 - cosine: nearest %.5f, calibrated %.5f, in sequence %.5f\n", tern_weights_name(weights[i]),
               nearest, alone, sequence);
        assert_true(alone < nearest);
        assert_true(sequence < 0.85 * alone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nearer)};
    struct tern_lapack lapack;
    if (tern_lapack_open(&lapack)) {
        printf("no LAPACK here: nothing is calibrated\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
