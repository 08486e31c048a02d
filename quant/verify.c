/* Compares a converted model with the f32 model on sample texts, before the file is put into place. */
#include "quant/convert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Plain sentences of several lengths and kinds: what the converted model is compared with the f32 path on. */
static const char *const samples[] = {
    "a",
    "good",
    "It was terrible.",
    "The food was cold, but the staff could not have been kinder.",
    "How do I reset my password if I no longer have access to my e-mail?",
    "An elegant, moving and often very funny film that never talks down to its audience.",
    "The train from Oslo to Bergen leaves at 8:25 and takes about seven hours through the mountains.",
    "I would not recommend this to anyone: the battery died after two days and support never answered.",
    "Transformers process all tokens of a sentence at once, which makes them well suited to parallel hardware.",
    "Dans la vallée, l'été est court; naïve façades and über-cool cafés close by 10 p.m.",
    "Prices rose by 3.4 % in March, after 2.9 % in February, while wages grew more slowly than expected.",
    "the the the the the the the the",
    "Two dogs are running along the beach, a man throws a ball into the sea, and a few gulls fight over some bread.",
};
enum { SAMPLES = sizeof samples / sizeof *samples, SAMPLE_TOKENS = 128 };

/* What is expected of a conversion, by enum tern_weights: simd/formats.def. Less is a broken conversion. */
static const double least_cosines[TERN_N_WEIGHTS] = {
    0.9999,
#define FORMAT(id, name, bits, step, offset, most_mul, embeds, rung, least, ...) least,
#include "simd/formats.def"
#undef FORMAT
    0.5,
};

/* Of weights that are kept as they were trained: only the activations are rounded, but to a LayerNorm's output, with
   its outliers. */
static const double least_trained = 0.8;

struct comparison {
    double cosine; /* mean over the samples */
    int same;      /* samples with the same best label */
};

static int best(const float *x, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

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

static tern_status run_sample(tern_session *session, const tern_model *model, const int32_t *ids, int n, float *vector,
                              float *logits, tern_error *err)
{
    const int32_t offsets[2] = {0, n};
    const tern_batch batch = {ids, NULL, offsets, 1};
    tern_status status = tern_embed(session, &batch, vector, err);
    if (!status && model->config.n_labels)
        status = tern_classify(session, &batch, logits, err);
    return status;
}

/* Rows of logits for a sample, at most. The first is compared. */
static int label_rows(const struct tern_config *config)
{
    return tern_head_kinds[config->head].of_tokens ? SAMPLE_TOKENS : 1;
}

static tern_status compare_sample(struct comparison *c, const char *text, tern_session *const *sessions,
                                  const tern_model *const *models, float *scratch, tern_error *err)
{
    const struct tern_config *config = &models[0]->config;
    const int h = config->hidden, labels = config->n_labels, rows = label_rows(config);
    float *vector[2] = {scratch, scratch + h}, *logits[2] = {scratch + 2 * h, scratch + 2 * h + labels * rows};
    int32_t ids[SAMPLE_TOKENS];
    const size_t room = config->max_tokens < SAMPLE_TOKENS ? (size_t)config->max_tokens : SAMPLE_TOKENS;
    const tern_text sample = {.text = text, .text_bytes = strlen(text)};
    tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = room, .ids = ids};
    tern_status status = tern_tokenize(models[0]->tokenizer, &sample, TERN_TRUNCATE_HEAD, &tokens, err);
    for (int i = 0; i < 2 && !status; i++)
        status = run_sample(sessions[i], models[i], ids, (int)tokens.count, vector[i], logits[i], err);
    if (status)
        return status;
    c->cosine += cosine(vector[0], vector[1], h) / SAMPLES;
    c->same += !labels || best(logits[0], labels) == best(logits[1], labels);
    return TERN_OK;
}

/* Runs both models on the samples. */
static tern_status compare(struct comparison *c, const tern_model *converted, const tern_model *exact, tern_error *err)
{
    const tern_model *const models[2] = {converted, exact};
    tern_session *sessions[2] = {NULL, NULL};
    const tern_session_options options = {.struct_bytes = sizeof options, .threads = 1, .max_tokens = SAMPLE_TOKENS};
    const struct tern_config *config = &converted->config;
    const size_t floats = 2 * (size_t)(config->hidden + label_rows(config) * config->n_labels);
    float *scratch = malloc(floats * sizeof *scratch);
    tern_status status = scratch ? TERN_OK : tern_fail_nomem(err, "the check", floats * sizeof *scratch);
    *c = (struct comparison){0, 0};
    for (int i = 0; i < 2 && !status; i++)
        status = tern_session_open(&sessions[i], models[i], &options, err);
    for (int i = 0; i < SAMPLES && !status; i++)
        status = compare_sample(c, samples[i], sessions, models, scratch, err);
    tern_session_close(sessions[0]);
    tern_session_close(sessions[1]);
    free(scratch);
    return status;
}

static int all_trained(const struct tern_source *source)
{
    const size_t matrices = (size_t)source->config->layers * TERN_N_MATRICES;
    return source->trained && !memchr(source->trained, 0, matrices);
}

/* Says in a message what the user may try instead. Trained weights leave no choice but the float path. */
static const char *remedy(const struct tern_source *source, const tern_convert_options *o)
{
    if (source->embeddings != TERN_FORMAT_INT8)
        return "keep the embeddings int8";
    if (source->config->weights == TERN_WEIGHTS_INT8 || all_trained(source))
        return "keep f32 with --weights f32";
    return o->calibrate ? "take more bits" : "calibrate, or take more bits";
}

tern_status tern_verify(const char *written, const struct tern_source *source, const tern_tokenizer *tokenizer,
                        const tern_convert_options *o, tern_error *err)
{
    struct tern_config config = *source->config;
    config.weights = TERN_WEIGHTS_F32;
    const struct tern_source floats = {.config = &config, .read = source->read, .context = source->context};
    tern_model *converted = NULL, *exact = NULL;
    void *bytes = NULL;
    struct comparison c = {0, 0};
    tern_status status = tern_model_open(&converted, written, err);
    if (!status)
        status = tern_build_model(&exact, &bytes, &floats, tokenizer, err);
    if (!status)
        status = compare(&c, converted, exact, err);
    if (!status) {
        char line[160];
        snprintf(line, sizeof line, "check against f32 on %d texts: mean cosine %.6f, same label on %d", SAMPLES,
                 c.cosine, c.same);
        if (o->report)
            o->report(o->context, line);
        double least_cosine = all_trained(source) ? least_trained : least_cosines[source->config->weights];
        if (source->prune > 0) /* what pruning loses is the user's choice */
            least_cosine = -1;
        if (source->embeddings != TERN_FORMAT_INT8 && least_cosine > 0.8) /* ternary tables: 0.97 */
            least_cosine = 0.8;
        if (!(c.cosine >= least_cosine))
            status = tern_fail(err, TERN_DIFFERENT,
                               "the converted model disagrees with the f32 path (mean cosine %.6f, at least %.4g is "
                               "expected): nothing was written; %s",
                               c.cosine, least_cosine, remedy(source, o));
    }
    tern_model_close(exact);
    free(bytes);
    tern_model_close(converted);
    return status;
}
