#include "runtime/convert.h"

#include "models/checkpoint.h"
#include "quant/sparse.h"
#include "runtime/bits.h"
#include "runtime/calibrate.h"

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

/* What is expected of a conversion, by enum tern_weights: eight bits lose about 1e-4 of the cosine on trained models,
   four about 2e-3; from two bits on, without training for it, anything may come out. Less is a broken conversion. */
static const double least_cosines[TERN_N_WEIGHTS] = {0.9999, 0.99, 0.96, 0.96, 0.96, 0.8, -1, -1, -1, 0.5};

/* Of weights that are kept as they were trained: only the activations are rounded, but to a LayerNorm's output, with
   its outliers. */
static const double least_trained = 0.8;

struct comparison {
    double cosine; /* mean over the samples */
    int same;      /* samples with the same best label */
};

static enum tern_weights weights_of(enum tern_format format)
{
    return (enum tern_weights)((int)TERN_WEIGHTS_INT8 + (int)format);
}

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

static tern_status compare_sample(struct comparison *c, const char *text, tern_session *const *sessions,
                                  const tern_model *const *models, float *scratch, tern_error *err)
{
    const struct tern_config *config = &models[0]->config;
    const int h = config->hidden, labels = config->n_labels;
    float *vector[2] = {scratch, scratch + h}, *logits[2] = {scratch + 2 * h, scratch + 2 * h + labels};
    int32_t ids[SAMPLE_TOKENS];
    size_t n, room = config->max_tokens < SAMPLE_TOKENS ? (size_t)config->max_tokens : SAMPLE_TOKENS;
    tern_status status =
        tern_tokenize(models[0]->tokenizer, text, strlen(text), NULL, 0, TERN_TRUNCATE_HEAD, ids, NULL, room, &n, err);
    for (int i = 0; i < 2 && !status; i++)
        status = run_sample(sessions[i], models[i], ids, (int)n, vector[i], logits[i], err);
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
    const size_t floats = 2 * (size_t)(converted->config.hidden + converted->config.n_labels);
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

static void report(const tern_convert_options *o, const char *line)
{
    if (o->report)
        o->report(o->context, line);
}

static int all_trained(const struct tern_source *source)
{
    const size_t matrices = (size_t)source->config->layers * TERN_N_MATRICES;
    return source->trained && !memchr(source->trained, 0, matrices);
}

/* Opens what was written and holds it against the f32 path. */
static tern_status verify(const char *written, const struct tern_source *source, const tern_tokenizer *tokenizer,
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
        report(o, line);
        double least_cosine = all_trained(source) ? least_trained : least_cosines[source->config->weights];
        if (source->prune > 0) /* what pruning loses is the user's choice */
            least_cosine = -1;
        if (source->embeddings != TERN_FORMAT_INT8 && least_cosine > 0.8) /* ternary tables: 0.97 */
            least_cosine = 0.8;
        if (!(c.cosine >= least_cosine))
            status = tern_fail(err, TERN_DIFFERENT,
                               "the converted model disagrees with the f32 path (mean cosine %.4f, at least %.2f is "
                               "expected): nothing was written; %s",
                               c.cosine, least_cosine,
                               source->config->weights == TERN_WEIGHTS_INT8 ? "keep f32 with --weights f32"
                                                                            : "calibrate, or take more bits");
    }
    tern_model_close(exact);
    free(bytes);
    tern_model_close(converted);
    return status;
}

/* What tensors are read from, and the rule that the encoder's matrices were trained with. */
struct reader {
    struct tern_checkpoint checkpoint;
    enum tern_rule rule;
};

static tern_status read_tensor(void *context, const char *name, float *out, size_t count, tern_error *err)
{
    const struct reader *r = context;
    const tern_status status = tern_checkpoint_read(&r->checkpoint, name, out, count, err);
    if (!status && r->rule && tern_is_encoder_matrix(name))
        tern_rule_apply(r->rule, out, count);
    return status;
}

static tern_status read_weights_option(struct tern_config *config, const char *name, tern_error *err)
{
    const int weights = tern_weights_find(name ? name : "int8");
    if (weights < 0)
        return tern_fail(err, TERN_USAGE,
                         "weights '%.32s' are unknown; f32, int8, int4, nf4, fp4, int3, int2, ternary, binary and "
                         "auto:BITS (2 to 8) are",
                         name);
    config->weights = (enum tern_weights)weights;
    return TERN_OK;
}

/* Trouble with the output is no fault of the checkpoint: TERN_FAILED, so that callers can tell them apart. */
static tern_status output(tern_status status, tern_error *err)
{
    if (status == TERN_IO) {
        status = TERN_FAILED;
        if (err)
            err->code = status;
    }
    return status;
}

static tern_status write_and_verify(const char *path, const struct tern_source *source, const tern_tokenizer *tokenizer,
                                    const tern_convert_options *o, tern_error *err)
{
    struct tern_builder *builder = NULL;
    struct tern_writer writer = {0};
    tern_status status = tern_build(&builder, source, tokenizer, err);
    if (!status)
        status = output(tern_writer_open(&writer, path, err), err);
    if (!status)
        status = output(tern_builder_write(builder, writer.stream, err), err);
    if (!status && fflush(writer.stream))
        status = tern_fail(err, TERN_FAILED, "%s: cannot write; is the disk full?", path);
    if (!status)
        status = verify(writer.temporary, source, tokenizer, o, err);
    if (!status)
        status = output(tern_writer_commit(&writer, err), err);
    tern_writer_discard(&writer);
    tern_builder_close(builder);
    return status;
}

/* What the texts say: bit widths, when they are to be chosen, and second moments. */
static tern_status study(struct tern_source *source, struct tern_calibration **calibration, enum tern_format *formats,
                         const tern_tokenizer *tokenizer, const tern_convert_options *o, tern_error *err)
{
    const int most = source->config->max_tokens;
    const int tokens = most < TERN_CALIBRATION_TOKENS ? most : TERN_CALIBRATION_TOKENS;
    struct tern_sample sample = {0};
    tern_status status = TERN_OK;
    if (source->config->weights == TERN_WEIGHTS_MIXED) {
        status = tern_sample_read(&sample, o->calibrate, tokenizer, TERN_BITS_TEXTS,
                                  tokens < TERN_BITS_TOKENS ? tokens : TERN_BITS_TOKENS, err);
        if (!status)
            status = tern_choose_bits(formats, tern_weights_bits(o->weights), source, tokenizer, &sample, err);
        tern_sample_free(&sample);
        source->formats = formats;
    }
    if (!status)
        status = tern_sample_read(&sample, o->calibrate, tokenizer, TERN_CALIBRATION_TEXTS, tokens, err);
    if (!status)
        status = tern_calibrate(calibration, source, tokenizer, &sample, err);
    tern_sample_free(&sample);
    source->second = *calibration ? tern_calibration_second : NULL;
    source->calibration = *calibration;
    return status;
}

static tern_status calibrate_and_write(const char *path, struct tern_source source, const tern_tokenizer *tokenizer,
                                       const tern_convert_options *o, tern_error *err)
{
    struct tern_calibration *calibration = NULL;
    enum tern_format formats[TERN_MAX_LAYERS * TERN_N_MATRICES];
    tern_status status = o->calibrate ? study(&source, &calibration, formats, tokenizer, o, err) : TERN_OK;
    if (!status)
        status = write_and_verify(path, &source, tokenizer, o, err);
    tern_calibration_close(calibration);
    return status;
}

/* What can be refused without work is, then trained weights are looked for, since calibration goes by them. */
static tern_status find_and_write(const char *path, struct tern_source source, const tern_tokenizer *tokenizer,
                                  const tern_convert_options *o, tern_error *err)
{
    uint8_t trained[TERN_MAX_LAYERS * TERN_N_MATRICES];
    const enum tern_weights weights = source.config->weights;
    const char *otherwise = o->strict ? tern_stored_otherwise(&source) : NULL;
    tern_status status = TERN_OK;
    if (otherwise)
        return tern_fail(err, TERN_USAGE,
                         "strict: %s would be int8, not %s as asked, which it cannot be; accept that with --rest int8, "
                         "or leave out --strict",
                         otherwise,
                         strcmp(otherwise, "embed.position") ? tern_weights_name(weights)
                                                             : tern_format_name(source.embeddings));
    if (weights == weights_of(TERN_FORMAT_TERNARY) || weights == weights_of(TERN_FORMAT_BINARY)) {
        status = tern_find_trained(trained, &source, err);
        source.trained = trained;
    }
    return status ? status : calibrate_and_write(path, source, tokenizer, o, err);
}

static tern_status read_sparse_option(struct tern_source *source, const struct tern_config *config, const char *text,
                                      tern_error *err)
{
    source->sparse = 1;
    if (tern_sparse_parse(text, &source->block, &source->prune))
        return tern_fail(err, TERN_USAGE,
                         "sparse '%.32s' is no SHAPE or SHAPE:FRACTION; the shapes are 16x4, 4x4, 1x4 and 4x1, a "
                         "fraction is between 0 and 1, as in 16x4:0.8",
                         text);
    if (config->weights != TERN_WEIGHTS_INT8)
        return tern_fail(err, TERN_USAGE, "block-sparse weights are int8; %s is not supported with them",
                         tern_weights_name(config->weights));
    return TERN_OK;
}

/* Latent weights have the one format that they were trained for, and nothing is left to calibrate. */
static tern_status check_trained(enum tern_rule rule, const struct tern_config *config, const tern_convert_options *o,
                                 tern_error *err)
{
    const enum tern_weights weights = weights_of(tern_rule_format(rule));
    if (rule && config->weights != weights && config->weights != TERN_WEIGHTS_F32)
        return tern_fail(err, TERN_USAGE, "weights trained by '%s' are %s, not %s; ask for weights '%s'",
                         tern_rule_name(rule), tern_weights_name(weights), tern_weights_name(config->weights),
                         tern_weights_name(weights));
    if (rule && o->calibrate)
        return tern_fail(err, TERN_USAGE, "weights trained by '%s' are kept as they are; leave out the calibration",
                         tern_rule_name(rule));
    return TERN_OK;
}

/* Options that do not fit together. */
static tern_status check_options(const struct tern_config *config, const tern_convert_options *o, tern_error *err)
{
    const int low_bit = config->weights > TERN_WEIGHTS_INT8;
    if (o->rest && config->weights == TERN_WEIGHTS_F32)
        return tern_fail(err, TERN_USAGE, "f32 models have no rest: all of them is f32");
    if (o->embeddings && config->weights == TERN_WEIGHTS_F32)
        return tern_fail(err, TERN_USAGE, "embeddings of f32 models are f32");
    if (o->group && o->group != 32 && o->group != 64 && o->group != 128)
        return tern_fail(err, TERN_USAGE, "groups of %d inputs; 32, 64 and 128 are supported", o->group);
    if (o->group && !low_bit)
        return tern_fail(err, TERN_USAGE, "groups are for low-bit weights; %s has none",
                         tern_weights_name(config->weights));
    if (config->weights == TERN_WEIGHTS_MIXED && !o->calibrate)
        return tern_fail(err, TERN_USAGE, "weights '%.32s' are chosen by what texts show; give some to calibrate on",
                         o->weights);
    if (o->calibrate && !low_bit)
        return tern_fail(err, TERN_USAGE, "calibration is for low-bit weights; %s needs none",
                         tern_weights_name(config->weights));
    return TERN_OK;
}

/* The options' names to what they stand for; refused where they are unknown or do not fit together. */
static tern_status read_options(struct tern_config *config, struct tern_source *source, enum tern_rule *rule,
                                const tern_convert_options *o, tern_error *err)
{
    const int embeddings = tern_embeddings_find(o->embeddings), found = tern_rule_find(o->trained);
    if (embeddings < 0)
        return tern_fail(err, TERN_USAGE, "embeddings '%.32s' are unknown; int8, int4 and ternary are", o->embeddings);
    if (found < 0)
        return tern_fail(err, TERN_USAGE, "no training '%.32s' is known; twn, b1.58 and bitnet are", o->trained);
    if (o->rest && strcmp(o->rest, "int8"))
        return tern_fail(err, TERN_USAGE, "the rest cannot be '%.32s', it can be int8", o->rest);
    *rule = (enum tern_rule)found;
    *source = (struct tern_source){.embeddings = (enum tern_format)embeddings, .rest_asked = o->rest != NULL,
                                   .group = o->group, .read = read_tensor, .report = o->report,
                                   .progress = o->progress, .listener = o->context};
    tern_status status = read_weights_option(config, o->weights, err);
    if (!status && o->sparse)
        status = read_sparse_option(source, config, o->sparse, err);
    if (!status)
        status = check_options(config, o, err);
    return status ? status : check_trained(*rule, config, o, err);
}

tern_status tern_convert(const char *directory, const char *path, const tern_convert_options *options, tern_error *err)
{
    tern_convert_options o = {.struct_bytes = sizeof o};
    if (options) {
        if (options->struct_bytes < sizeof o.struct_bytes || options->struct_bytes > sizeof o)
            return tern_fail(err, TERN_USAGE, "convert options of %zu bytes; set struct_bytes to the struct's size",
                             options->struct_bytes);
        memcpy(&o, options, options->struct_bytes);
    }
    struct reader reader;
    struct tern_source source;
    struct tern_config asked = {.weights = TERN_WEIGHTS_INT8}, *const config = &reader.checkpoint.config;
    tern_tokenizer *tokenizer = NULL;
    tern_status status = read_options(&asked, &source, &reader.rule, &o, err);
    if (!status)
        status = tern_checkpoint_open(&reader.checkpoint, directory, err);
    if (status)
        return status;
    config->weights = asked.weights;
    source.config = config;
    source.context = &reader;
    status = tern_tokenizer_open(&tokenizer, directory, err);
    if (!status && tern_vocab_size(tokenizer) > config->vocab)
        status = tern_fail(err, TERN_FORMAT, "%s: the tokenizer has %d pieces, the model's table %d rows", directory,
                           tern_vocab_size(tokenizer), config->vocab);
    if (!status)
        status = find_and_write(path, source, tokenizer, &o, err);
    tern_tokenizer_close(tokenizer);
    tern_checkpoint_close(&reader.checkpoint);
    return status;
}
