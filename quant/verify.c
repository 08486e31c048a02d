/* Compares a converted model with the f32 model on texts that it was not calibrated on, before the file is put into
   place. How near is near enough is the user's to say; what is refused is broken. */
#include "quant/check_texts.h"
#include "quant/convert.h"
#include "quant/probe.h"
#include "runtime/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = TERN_CHECK_TEXTS, SAMPLE_TOKENS = 128 };

/* Of weights that are kept as they were trained only the activations are rounded: a worse mean cosine says that they
   are not what they were taken for. */
static const double least_trained = 0.8;
/* Below this mean cosine, or this cosine of one text, the report says what brings the model nearer. */
static const double good_mean = 0.995, good_least = 0.98;

struct comparison {
    double cosine[SAMPLES];
    double mean;
    int worst;      /* the text of the least cosine */
    int same;       /* samples with the same best label, of every token if the head labels tokens */
    int saturated;  /* samples with a logit at the end of its range */
    int no_numbers; /* samples on which the float model's own answers are NaN or infinite */
};

static int best(const float *x, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

static int all_finite(const float *x, int n)
{
    int finite = 1;
    for (int i = 0; i < n; i++)
        finite &= isfinite(x[i]) != 0;
    return finite;
}

/* Whether any logit of the session's last run is one that stands for all beyond it. */
static int has_saturated(const tern_session *session, int labels)
{
    size_t n;
    int32_t bits;
    const int32_t *q = labels ? tern_session_integers(session, &n, &bits) : NULL;
    for (size_t i = 0; q && i < n; i++)
        if (q[i] >= INT32_MAX || q[i] <= -INT32_MAX)
            return 1;
    return 0;
}

static tern_status run_sample(tern_session *session, const tern_model *model, const int32_t *ids, int n, float *vector,
                              float *logits, tern_error *err)
{
    const int32_t offsets[2] = {0, n};
    const tern_batch batch = {ids, NULL, offsets, 1};
    tern_status status = tern_session_embed(session, &batch, 0, vector, err);
    if (!status && model->config.n_labels)
        status = tern_classify(session, &batch, logits, err);
    return status;
}

/* Rows of logits for a sample, at most. */
static int label_rows(const struct tern_config *config)
{
    return tern_head_kinds[config->head].gives == TERN_GIVES_TOKENS ? SAMPLE_TOKENS : 1;
}

static tern_status compare_sample(struct comparison *c, int at, tern_session *const *sessions,
                                  const tern_model *const *models, float *scratch, tern_error *err)
{
    const struct tern_config *config = &models[0]->config;
    const int h = tern_vector_width(config), labels = config->n_labels, rows = label_rows(config);
    float *vector[2] = {scratch, scratch + h}, *logits[2] = {scratch + 2 * h, scratch + 2 * h + labels * rows};
    int32_t ids[SAMPLE_TOKENS];
    const size_t room = config->max_tokens < SAMPLE_TOKENS ? (size_t)config->max_tokens : SAMPLE_TOKENS;
    const char *const text = tern_check_texts[at];
    const tern_text sample = {.text = text, .text_bytes = strlen(text)};
    tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = room, .ids = ids};
    tern_status status = tern_tokenize(models[0]->tokenizer, &sample, TERN_TRUNCATE_HEAD, &tokens, err);
    for (int i = 0; i < 2 && !status; i++)
        status = run_sample(sessions[i], models[i], ids, (int)tokens.count, vector[i], logits[i], err);
    if (status)
        return status;
    c->cosine[at] = tern_cosine(vector[0], vector[1], h);
    c->mean += c->cosine[at] / SAMPLES;
    c->worst = c->cosine[at] < c->cosine[c->worst] ? at : c->worst;
    c->saturated += has_saturated(sessions[0], labels);
    c->no_numbers += !all_finite(vector[1], h) || !all_finite(logits[1], labels * (rows > 1 ? (int)tokens.count : 1));
    int same = 1;
    for (int i = 0; i < (rows > 1 ? (int)tokens.count : rows) && labels; i++)
        same &= best(logits[0] + i * labels, labels) == best(logits[1] + i * labels, labels);
    c->same += same;
    return TERN_OK;
}

/* Runs both models on the samples. */
static tern_status compare(struct comparison *c, const tern_model *converted, const tern_model *exact, tern_error *err)
{
    const tern_model *const models[2] = {converted, exact};
    tern_session *sessions[2] = {NULL, NULL};
    const tern_session_options options = {.struct_bytes = sizeof options, .threads = 1, .max_tokens = SAMPLE_TOKENS};
    const struct tern_config *config = &converted->config;
    const size_t floats = 2 * (size_t)(tern_vector_width(config) + label_rows(config) * config->n_labels);
    float *scratch = malloc(floats * sizeof *scratch);
    tern_status status = scratch ? TERN_OK : tern_fail_nomem(err, "the check", floats * sizeof *scratch);
    *c = (struct comparison){.mean = 0};
    for (int i = 0; i < 2 && !status; i++)
        status = tern_session_open(&sessions[i], models[i], &options, err);
    for (int i = 0; i < SAMPLES && !status; i++)
        status = compare_sample(c, i, sessions, models, scratch, err);
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

/* What brings a model nearer to its float model, the cheapest first. Trained weights leave no choice but the float
   path. */
static const char *remedy(const struct tern_source *source, const tern_convert_options *o)
{
    const enum tern_weights weights = source->config->weights;
    if (source->prune > 0)
        return "prune less, or train what is left";
    if (source->embeddings != TERN_FORMAT_INT8)
        return "keep the embeddings int8";
    if (all_trained(source))
        return "keep f32 with --weights f32";
    if (weights == TERN_WEIGHTS_TERNARY || weights == TERN_WEIGHTS_BINARY)
        return "such weights need a model that was trained for them; without training take --weights int4";
    if (!o->calibrate)
        return "calibrate: --calibrate FILE, or --calibrate builtin";
    if (weights == TERN_WEIGHTS_INT8)
        return o->outliers && strcmp(o->outliers, "off")
                   ? "keep f32 with --weights f32"
                   : "repeat more columns (--outliers 32), or keep f32 with --weights f32";
    if (tern_weights_are_one_format(weights) && tern_format_is_bytes(tern_weights_format(weights)))
        return "take int8 (--weights int8)";
    return source->group == 32 ? "take more bits" : "smaller groups (--group 32), or more bits";
}

/* A text as far as it has room in a line. */
struct excerpt {
    char text[64];
};
static struct excerpt excerpt_of(const char *text)
{
    struct excerpt e;
    size_t n = strcspn(text, "\n");
    if (n > 40) /* not within a character */
        for (n = 40; n > 0 && ((unsigned)text[n] & 0xc0) == 0x80;)
            n--;
    snprintf(e.text, sizeof e.text, "\"%.*s\"%s", (int)n, text, text[n] ? "..." : "");
    return e;
}

static void report(const struct comparison *c, const struct tern_source *source, const tern_convert_options *o)
{
    const double least = c->cosine[c->worst];
    char labels[64] = "";
    if (source->config->n_labels)
        snprintf(labels, sizeof labels, ", same label on %d", c->same);
    for (int i = 0; o->explain && i < SAMPLES; i++)
        tern_say(o, "cosine with f32 %.6f  %s", c->cosine[i], excerpt_of(tern_check_texts[i]).text);
    tern_say(o, "check against f32 on %d texts: cosine %.6f on average, at least %.6f (%s)%s", SAMPLES, c->mean, least,
             excerpt_of(tern_check_texts[c->worst]).text, labels);
    if (c->mean < good_mean || least < good_least)
        tern_say(o, "to come nearer: %s", remedy(source, o));
}

/* Refuses what is broken, and what is worse than the user asked for. */
static tern_status judge(const struct comparison *c, const struct tern_source *source, const tern_convert_options *o,
                         tern_error *err)
{
    const double least = c->cosine[c->worst];
    if (c->no_numbers)
        return tern_fail(err, TERN_FORMAT,
                         "the checkpoint's own answers are NaN or infinite on %d of %d sample texts, in float32 too: "
                         "its weights are too large, or broken; nothing was written",
                         c->no_numbers, SAMPLES);
    if (c->saturated)
        return tern_fail(err, TERN_DIFFERENT,
                         "logits are beyond what integers hold (%d) on %d of %d sample texts: nothing was written; "
                         "keep f32 with --weights f32",
                         1 << (31 - tern_logit_bits(source->config)), c->saturated, SAMPLES);
    if (all_trained(source) && source->prune <= 0 && !(c->mean >= least_trained))
        return tern_fail(err, TERN_DIFFERENT,
                         "the converted model disagrees with the f32 path (mean cosine %.6f, at least %.4g is expected "
                         "of weights that are kept as they were trained): nothing was written; %s",
                         c->mean, least_trained, remedy(source, o));
    if (o->least_cosine > 0 && least < o->least_cosine)
        return tern_fail(err, TERN_DIFFERENT,
                         "cosine with f32 %.6f on %s, at least %.6g was asked for: nothing was written; %s", least,
                         excerpt_of(tern_check_texts[c->worst]).text, o->least_cosine, remedy(source, o));
    return TERN_OK;
}

tern_status tern_verify(struct tern_writer *written, const struct tern_source *source, const tern_tokenizer *tokenizer,
                        const tern_convert_options *o, tern_error *err)
{
    struct tern_config *const config = malloc(sizeof *config); /* too large for small stacks */
    if (!config)
        return tern_fail_nomem(err, "a configuration", sizeof *config);
    *config = *source->config;
    config->weights = TERN_WEIGHTS_F32;
    const struct tern_source floats = {.config = config, .read = source->read, .context = source->context};
    tern_model *converted = NULL, *exact = NULL;
    void *bytes = NULL;
    struct comparison c;
    struct tern_mapping mapping;
    tern_status status = tern_writer_map(written, &mapping, err);
    if (!status)
        status = tern_model_open_mapping(&converted, mapping, written->final, err);
    if (!status)
        status = tern_build_model(&exact, &bytes, &floats, tokenizer, err);
    if (!status)
        status = compare(&c, converted, exact, err);
    if (!status) {
        report(&c, source, o);
        status = judge(&c, source, o, err);
    }
    tern_model_close(exact);
    free(bytes);
    tern_model_close(converted);
    free(config);
    return status;
}
