/* Converts a checkpoint: a list of steps, from options to a file that was checked. */
#include "quant/convert.h"

#include "models/blocks.h"
#include "models/sparse_table.h"
#include "quant/boards.h"
#include "quant/calibrate.h"
#include "quant/checkpoint.h"
#include "quant/choose_bits.h"
#include "quant/explain.h"
#include "quant/ffn_width.h"
#include "quant/grid_file.h"
#include "quant/logit_bits.h"
#include "quant/outliers.h"
#include "quant/probe.h"
#include "quant/sparse_costs.h"
#include "quant/sparsify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The source of tensors, and the rule that the encoder's matrices were trained with. */
struct reader {
    struct tern_checkpoint checkpoint;
    enum tern_rule rule;
    struct tern_board_choice board;
    struct tern_sparse_routes routes; /* where blocks pay */
    const struct tern_config *narrow; /* of which the first neurons are taken; NULL: all are */
};

static tern_status read_tensor(void *context, struct tern_key key, float *out, size_t count, tern_error *err)
{
    const struct reader *r = context;
    const tern_status status = r->narrow ? tern_ffn_read(&r->checkpoint, r->narrow, key, out, count, err)
                                         : tern_checkpoint_read(&r->checkpoint, key, out, count, err);
    if (!status && r->rule && tern_is_encoder_matrix(key))
        tern_rule_apply(r->rule, out, count);
    return status;
}

static tern_status read_weights_option(struct tern_config *config, const char *name, tern_error *err)
{
    const int weights = tern_weights_find(name ? name : "int8");
    if (weights < 0)
        return tern_fail(err, TERN_USAGE, "weights '%.32s' are unknown; %s (2 to 8) are", name,
                         tern_weights_words("and").text);
    config->weights = (enum tern_weights)weights;
    return TERN_OK;
}

void tern_say(const tern_convert_options *o, const char *format, ...)
{
    char line[320];
    va_list arguments;
    if (!o || !o->report)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    o->report(o->context, line);
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

/* The state of a conversion; each step below adds to it. */
struct conversion {
    struct tern_writer *writer;
    const tern_convert_options *options;
    const struct tern_source *exact; /* the checkpoint, which the result is checked against */
    struct tern_source source;       /* what is stored: the checkpoint, pruned where that was asked for */
    const tern_tokenizer *tokenizer;
    uint8_t trained[TERN_MAX_LAYERS * TERN_N_MATRICES];
    enum tern_format formats[TERN_MAX_LAYERS * TERN_N_MATRICES];
    struct tern_sparsified *sparsified;
    struct tern_outlier_choice outliers;
    struct tern_calibration *calibration;
};

/* Refuses what can be refused without work. */
static tern_status check_strict(const struct conversion *c, tern_error *err)
{
    const struct tern_source *source = c->exact;
    const char *otherwise = c->options->strict ? tern_stored_otherwise(source) : NULL;
    if (!otherwise)
        return TERN_OK;
    return tern_fail(err, TERN_USAGE,
                     "strict: %s would be int8, not %s as asked, which it cannot be; accept that with --rest int8, or "
                     "leave out --strict",
                     otherwise,
                     strcmp(otherwise, "embed.position") ? tern_weights_name(source->config->weights)
                                                         : tern_format_name(source->embeddings));
}

/* Before calibration, which goes by what they read. */
static tern_status find_trained(struct conversion *c, tern_error *err)
{
    const enum tern_weights weights = c->source.config->weights;
    if ((weights != TERN_WEIGHTS_TERNARY && weights != TERN_WEIGHTS_BINARY) || tern_config_is_static(c->source.config))
        return TERN_OK;
    c->source.trained = c->trained;
    return tern_find_trained(c->trained, &c->source, err);
}

/* Reads up to `texts` of the calibration's texts, each cut to `most` tokens. */
static tern_status read_sample(const struct conversion *c, struct tern_sample *sample, int texts, int most,
                               tern_error *err)
{
    const int tokens = c->source.config->max_tokens;
    return tern_sample_read(sample, c->options->calibrate, c->tokenizer, texts, tokens < most ? tokens : most, err);
}

/* Prunes on texts; without them the store prunes by magnitude. */
static tern_status prune(struct conversion *c, tern_error *err)
{
    struct tern_sample sample = {0};
    if (!(c->source.prune > 0) || !c->options->calibrate)
        return TERN_OK;
    tern_status status = read_sample(c, &sample, TERN_SPARSIFY_TEXTS, TERN_SPARSIFY_TOKENS, err);
    if (!status)
        status = tern_sparsify(&c->sparsified, &c->source, c->tokenizer, &sample, err);
    if (!status)
        c->source = tern_sparsified_source(c->sparsified, c->exact);
    tern_sample_free(&sample);
    return status;
}

/* How many copies the user wants of each input's columns: 0, as many as pay; -1, none; -2, that is no number. */
static int read_outliers(const char *text)
{
    if (!text)
        return 0;
    if (!strcmp(text, "off"))
        return -1;
    char *end;
    const long copies = strtol(text, &end, 10);
    return *text < '0' || *text > '9' || *end || copies < 4 || copies > 64 || copies % 4 ? -2 : (int)copies;
}

/* Finds the columns to repeat, in the pruned model if it was pruned. */
static tern_status find_outliers(struct conversion *c, tern_error *err)
{
    const int copies = read_outliers(c->options->outliers);
    if (c->source.config->weights == TERN_WEIGHTS_F32 || copies < 0 || tern_config_is_static(c->source.config) ||
        c->source.on_grid) /* with columns of its own */
        return TERN_OK;
    const tern_status status =
        tern_outliers_find(&c->outliers, &c->source, c->tokenizer, c->options->calibrate, copies, err);
    if (status)
        return status;
    c->source.copies = c->outliers.copies;
    tern_say(c->options, "outlier columns: at most %.1f %% of time for %.1f times less noise from int8 rows",
             100 * c->outliers.cost, c->outliers.after > 0 ? c->outliers.before / c->outliers.after : 1);
    return TERN_OK;
}

static tern_status choose_bits(struct conversion *c, tern_error *err)
{
    struct tern_sample sample = {0};
    if (c->source.config->weights != TERN_WEIGHTS_MIXED)
        return TERN_OK;
    tern_status status = read_sample(c, &sample, TERN_BITS_TEXTS, TERN_PROBE_TOKENS, err);
    if (!status)
        status = tern_choose_bits(c->formats, tern_weights_bits(c->options->weights), &c->source, c->tokenizer, &sample,
                                  err);
    c->source.formats = c->formats;
    tern_sample_free(&sample);
    return status;
}

/* Whether each matrix is fitted to what those before it left. Pruning has done so already, and layers that share their
   weights have no order. */
static int in_sequence(const struct conversion *c)
{
    return !c->source.sparse && !tern_config_shares_layers(c->source.config);
}

/* Weights are quantised by the moments of what they read, in the pruned model if it was pruned. Where bits are to be
   chosen, or what each quantiser costs by itself, the whole model's moments are wanted first. */
static tern_status calibrate(struct conversion *c, int sequence, tern_error *err)
{
    struct tern_sample sample = {0};
    if (c->source.config->weights == TERN_WEIGHTS_F32 || !c->options->calibrate)
        return TERN_OK;
    if (sequence ? !in_sequence(c)
                 : in_sequence(c) && c->source.config->weights != TERN_WEIGHTS_MIXED && !c->options->explain)
        return TERN_OK;
    tern_calibration_close(c->calibration);
    c->calibration = NULL;
    c->source.second = NULL;
    tern_status status = read_sample(c, &sample, TERN_CALIBRATION_TEXTS, TERN_CALIBRATION_TOKENS, err);
    if (!status)
        status = (sequence ? tern_calibrate_sequence : tern_calibrate)(&c->calibration, &c->source, c->tokenizer,
                                                                       &sample, err);
    if (!status)
        c->source = tern_calibrated_source(c->calibration, &c->source);
    tern_sample_free(&sample);
    return status;
}

/* What was written is read again, and checked, before anybody can see it. */
static tern_status write_and_verify(const struct conversion *c, tern_error *err)
{
    struct tern_builder *builder = NULL;
    tern_status status = tern_build(&builder, &c->source, c->tokenizer, err);
    if (!status) {
        /* The writer knows the reason of a failure. */
        status = tern_builder_write(builder, c->writer->stream, err);
        const tern_status flushed = output(tern_writer_flush(c->writer, err), err);
        status = flushed ? flushed : status;
    }
    if (!status)
        status = tern_verify(c->writer, c->exact, c->tokenizer, c->options, err);
    tern_builder_close(builder);
    return status;
}

static tern_status convert_checkpoint(struct tern_writer *writer, struct tern_source *source,
                                      const tern_tokenizer *tokenizer, const tern_convert_options *options,
                                      tern_error *err)
{
    struct conversion c = {
        .writer = writer, .options = options, .exact = source, .source = *source, .tokenizer = tokenizer};
    tern_status status = check_strict(&c, err);
    if (!status)
        status = find_trained(&c, err);
    source->trained = c.source.trained;
    if (!status)
        status = prune(&c, err);
    if (!status)
        status = find_outliers(&c, err);
    if (!status)
        status = calibrate(&c, 0, err);
    if (!status)
        status = choose_bits(&c, err); /* by what calibrated weights cost */
    if (!status && options->explain && !tern_config_is_static(source->config))
        status = tern_explain(&c.source, tokenizer, options, err);
    if (!status)
        status = calibrate(&c, 1, err);
    if (!status)
        status = write_and_verify(&c, err);
    tern_calibration_close(c.calibration);
    tern_outliers_free(&c.outliers);
    tern_sparsified_close(c.sparsified);
    source->trained = NULL; /* it was this conversion's */
    return status;
}

/* "auto", for any number of rows, or "auto:TOKENS". 0, or -1 when it is neither. */
static int read_auto(int *bucket, const char *text)
{
    *bucket = TERN_ANY_BUCKET;
    if (strncmp(text, "auto", 4))
        return -1;
    if (!text[4])
        return 0;
    char *end;
    if (text[4] != ':' || text[5] < '0' || text[5] > '9')
        return -1;
    const long tokens = strtol(text + 5, &end, 10);
    if (*end || tokens < 1 || tokens > 1 << 20)
        return -1;
    *bucket = tern_row_bucket((int)tokens);
    return 0;
}

/* Reads the limits below which blocks are faster than dense on the ISA that the file is for, maybe another CPU's. */
static tern_status read_routes(struct reader *reader, struct tern_source *source, enum tern_weights weights,
                               const tern_convert_options *o, tern_error *err)
{
    struct tern_sparse_routes *const routes = &reader->routes;
    struct tern_ops ops;
    unsigned features;
    source->routes = routes;
    if (reader->board.board) {
        source->routes_isa = tern_board_isa(reader->board.board);
        *routes = reader->board.routes.sparse;
        return TERN_OK;
    }
    const int isa = o->sparse_isa ? tern_isa_find(o->sparse_isa) : 0;
    if (isa < 0)
        return tern_fail(err, TERN_USAGE, "sparse ISA '%.32s' is unknown; tern info --isas lists this CPU's",
                         o->sparse_isa);
    if (o->sparse_isa)
        features = tern_isa_needs((enum tern_isa)isa);
    else if (tern_cpu_select(&features, NULL, err))
        return TERN_USAGE;
    tern_table_build(&ops, features);
    source->routes_isa = o->sparse_isa ? o->sparse_isa : tern_isa_name(tern_table_best(features));
    const tern_status status = tern_sparse_table_apply(&ops.routes.sparse, o->sparse_table, source->routes_isa, err);
    tern_sparse_beside(&ops.routes, weights);
    *routes = ops.routes.sparse;
    return status;
}

/* `weights` is what the user called them. */
static tern_status read_sparse_option(struct tern_source *source, const struct tern_config *config, const char *weights,
                                      const char *text, tern_error *err)
{
    source->sparse = 1;
    source->find_blocks = !read_auto(&source->rows_bucket, text);
    if (!source->find_blocks && tern_sparse_parse(text, &source->block, &source->prune))
        return tern_fail(err, TERN_USAGE,
                         "sparse '%.32s' is no SHAPE, SHAPE:FRACTION, auto or auto:TOKENS; the shapes are %s, a "
                         "fraction is between 0 and 1, as in 16x4:0.8",
                         text, tern_block_shape_words("and").text);
    char why[TERN_SPARSE_WHY];
    const int one_format = tern_weights_are_one_format(config->weights);
    if (source->find_blocks && !(one_format && tern_format_is_bytes(tern_weights_format(config->weights))))
        return tern_fail(err, TERN_USAGE,
                         "sparse 'auto' goes with int8, int7 or int6 weights, for which its limits are measured; name "
                         "a shape for %s",
                         tern_weights_name(config->weights));
    if (!tern_sparse_fits(one_format ? tern_weights_format(config->weights) : TERN_FORMAT_BINARY, source->block, why))
        return tern_fail(err, TERN_USAGE, "%s; weights '%.32s' with --sparse %.32s are not supported", why,
                         weights ? weights : "int8", text);
    return TERN_OK;
}

/* Latent weights have the one format that they were trained for, and nothing is left to calibrate. */
static tern_status check_trained(enum tern_rule rule, const struct tern_config *config, const tern_convert_options *o,
                                 tern_error *err)
{
    const enum tern_weights weights = tern_weights_of(tern_rule_format(rule));
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
static tern_status check_options(const struct tern_config *config, const struct tern_source *source,
                                 const tern_convert_options *o, tern_error *err)
{
    const int grouped =
        config->weights == TERN_WEIGHTS_MIXED || tern_format_grouped(tern_weights_format(config->weights));
    if (o->rest && config->weights == TERN_WEIGHTS_F32)
        return tern_fail(err, TERN_USAGE, "f32 models have no rest: all of them is f32");
    if (o->embeddings && config->weights == TERN_WEIGHTS_F32)
        return tern_fail(err, TERN_USAGE, "embeddings of f32 models are f32");
    if (o->group && o->group != 32 && o->group != 64 && o->group != 128)
        return tern_fail(err, TERN_USAGE, "groups of %d inputs; 32, 64 and 128 are supported", o->group);
    if (o->group && !grouped)
        return tern_fail(err, TERN_USAGE, "groups are for %s; %s weights have none",
                         tern_format_words(NULL, tern_format_grouped, "auto:BITS", "and").text,
                         tern_weights_name(config->weights));
    if (o->sparse_isa && !source->sparse)
        return tern_fail(err, TERN_USAGE, "a sparse ISA is for models in blocks; say which, as in sparse 'auto'");
    if (o->allocate && !(source->prune > 0 && o->calibrate))
        return tern_fail(err, TERN_USAGE,
                         "allocation needs a fraction to prune and texts to calibrate on, which show what each matrix "
                         "can lose");
    if (config->weights == TERN_WEIGHTS_MIXED && !o->calibrate)
        return tern_fail(err, TERN_USAGE, "weights '%.32s' are chosen by what texts show; give some to calibrate on",
                         o->weights);
    if (o->calibrate && config->weights == TERN_WEIGHTS_F32)
        return tern_fail(err, TERN_USAGE, "f32 weights stay as they are; leave out the calibration");
    return TERN_OK;
}

/* The options' names to what they stand for; refused where they are unknown or do not fit together. */
static tern_status read_options(struct tern_config *config, struct tern_source *source, struct reader *reader,
                                const tern_convert_options *o, tern_error *err)
{
    const int embeddings = tern_embeddings_find(o->embeddings), found = tern_rule_find(o->trained);
    if (embeddings < 0)
        return tern_fail(err, TERN_USAGE, "embeddings '%.32s' are unknown; %s are", o->embeddings,
                         tern_format_words(NULL, tern_format_embeds, NULL, "and").text);
    if (found < 0)
        return tern_fail(err, TERN_USAGE, "no training '%.32s' is known; twn, b1.58 and bitnet are", o->trained);
    if (read_outliers(o->outliers) < -1)
        return tern_fail(err, TERN_USAGE, "outliers '%.32s' is neither 'off' nor a multiple of 4 from 4 to 64",
                         o->outliers);
    if (!(o->least_cosine >= 0 && o->least_cosine <= 1))
        return tern_fail(err, TERN_USAGE, "the least cosine cannot be %g, it can be up to 1", o->least_cosine);
    if (o->rest && strcmp(o->rest, "int8"))
        return tern_fail(err, TERN_USAGE, "the rest cannot be '%.32s', it can be int8", o->rest);
    if (o->ffn_width < 0 || o->ffn_width > TERN_MAX_INTERMEDIATE)
        return tern_fail(err, TERN_USAGE, "a feed-forward width of %d; 1 to %d are possible", o->ffn_width,
                         TERN_MAX_INTERMEDIATE);
    reader->rule = (enum tern_rule)found;
    reader->narrow = NULL;
    *source = (struct tern_source){.embeddings = (enum tern_format)embeddings,
                                   .rest_asked = o->rest != NULL,
                                   .group = o->group,
                                   .allocate = o->allocate != 0,
                                   .read = read_tensor,
                                   .report = o->report,
                                   .progress = o->progress,
                                   .listener = o->context};
    tern_status status = read_weights_option(config, o->weights, err);
    if (!status && o->sparse)
        status = read_sparse_option(source, config, o->weights, o->sparse, err);
    if (!status && o->sparse)
        status = read_routes(reader, source, config->weights, o, err);
    if (!status)
        status = check_options(config, source, o, err);
    return status ? status : check_trained(reader->rule, config, o, err);
}

/* Static embeddings are one table: `weights` is its type, unless `embeddings` says so. */
static tern_status read_static_options(struct tern_config *config, struct tern_source *source,
                                       const tern_convert_options *o, tern_error *err)
{
    const char *const other = o->sparse                                        ? "sparse"
                              : o->calibrate                                   ? "calibrate"
                              : o->trained                                     ? "trained"
                              : o->group                                       ? "group"
                              : o->explain                                     ? "explain"
                              : o->ffn_width                                   ? "ffn_width"
                              : o->outliers && strcmp(o->outliers, "off") != 0 ? "outliers"
                                                                               : NULL;
    if (other)
        return tern_fail(err, TERN_USAGE, "'%s' is for layers, and static embeddings have none; leave it out", other);
    if (config->weights == TERN_WEIGHTS_F32)
        return TERN_OK;
    if (!o->embeddings)
        source->embeddings = tern_weights_format(config->weights);
    if (!tern_weights_are_one_format(config->weights) || !tern_format_embeds(source->embeddings))
        return tern_fail(err, TERN_USAGE, "weights '%.32s' are no table's; static embeddings can be %s",
                         tern_weights_name(config->weights),
                         tern_format_words("f32", tern_format_embeds, NULL, "and").text);
    config->weights = tern_weights_of(source->embeddings);
    return TERN_OK;
}

/* What goes by whole matrices does not know those that are two. */
static tern_status check_pairs(const struct tern_config *config, const tern_convert_options *o, tern_error *err)
{
    const char *const other = o->sparse                               ? "sparse"
                              : o->calibrate                          ? "calibrate"
                              : o->trained                            ? "trained"
                              : o->explain                            ? "explain"
                              : config->weights == TERN_WEIGHTS_MIXED ? "auto:BITS"
                                                                      : NULL;
    if (!tern_most_rank(config) || !other)
        return TERN_OK;
    return tern_fail(err, TERN_USAGE,
                     "'%s' is not supported for matrices that the checkpoint gives as two each; leave it out, or "
                     "multiply these in Python",
                     other);
}

struct request {
    struct reader reader;
    struct tern_grid grid;
    struct tern_source source;
    struct tern_config asked, narrow;
};

/* The grid that the checkpoint was trained on, if it says one that the options do not contradict. */
static tern_status apply_grid(struct request *c, const tern_convert_options *o, tern_error *err)
{
    const tern_status status = tern_grid_fit(&c->grid, c->source.config, err);
    if (status || !c->grid.root)
        return status;
    c->source.on_grid = 1;
    c->source.copies = c->grid.copies;
    c->source.columns = c->grid.columns;
    tern_grid_say(&c->grid, c->source.config, o);
    return TERN_OK;
}

/* What a board chose for layers comes to nothing where there are none, and blocks where matrices are two each. */
static void drop_choice(struct request *c, tern_convert_options *o)
{
    struct tern_config *const config = &c->reader.checkpoint.config;
    struct tern_board_choice *const board = &c->reader.board;
    const int is_static = tern_config_is_static(config);
    if (board->sparse && (is_static || tern_most_rank(config))) {
        o->sparse = NULL;
        board->sparse = c->source.sparse = c->source.find_blocks = 0;
    }
    if (board->weights && is_static) {
        o->weights = NULL;
        board->weights = 0;
        config->weights = TERN_WEIGHTS_INT8;
    }
}

static tern_status convert_directory(struct request *c, const char *directory, struct tern_writer *writer,
                                     tern_convert_options *o, tern_error *err)
{
    struct tern_config *const config = &c->reader.checkpoint.config;
    tern_tokenizer *tokenizer = NULL;
    struct tern_purpose purpose = {.options = o};
    c->asked.weights = TERN_WEIGHTS_INT8;
    tern_status status = read_options(&c->asked, &c->source, &c->reader, o, err);
    if (!status)
        status = tern_checkpoint_open(&c->reader.checkpoint, directory, &purpose, err);
    if (status)
        return status;
    config->weights = c->asked.weights;
    c->source.config = config;
    drop_choice(c, o);
    tern_board_say(&c->reader.board, o);
    if (o->ffn_width) {
        status = tern_ffn_narrow(&c->narrow, config, o->ffn_width, err);
        c->reader.narrow = c->source.config = &c->narrow;
    }
    if (!status)
        status = check_pairs(config, o, err);
    if (!status && tern_config_is_static(config))
        status = read_static_options(config, &c->source, o, err);
    if (!status)
        status = apply_grid(c, o, err);
    c->source.context = &c->reader;
    if (!status)
        status = tern_tokenizer_open(&tokenizer, directory, err);
    if (!status && tern_tokenizer_rows(tokenizer) > config->vocab)
        status = tern_fail(err, TERN_FORMAT,
                           "%s: the tokenizer has %d tokens, the word embeddings %d rows: take the tokenizer that the "
                           "model was trained with, or call model.resize_token_embeddings(%d) in Python and train them",
                           directory, tern_tokenizer_rows(tokenizer), config->vocab, tern_tokenizer_rows(tokenizer));
    if (!status)
        status = tern_logit_bits_settle(config, &c->source, tokenizer, err);
    if (!status)
        status = convert_checkpoint(writer, &c->source, tokenizer, o, err);
    tern_tokenizer_close(tokenizer);
    tern_checkpoint_close(&c->reader.checkpoint);
    return status;
}

tern_status tern_convert_into(const char *directory, struct tern_writer *writer, const tern_convert_options *options,
                              tern_error *err)
{
    tern_convert_options o = {.struct_bytes = sizeof o};
    if (options) {
        if (options->struct_bytes < sizeof o.struct_bytes || options->struct_bytes > sizeof o)
            return tern_fail(err, TERN_USAGE, "convert options of %zu bytes; set struct_bytes to the struct's size",
                             options->struct_bytes);
        memcpy(&o, options, options->struct_bytes);
    }
    /* Configurations are too large for small stacks. */
    struct request *const c = calloc(1, sizeof *c);
    if (!c)
        return tern_fail_nomem(err, directory, sizeof *c);
    tern_status status = tern_grid_open(&c->grid, directory, err);
    tern_grid_settle(&c->grid, &o);
    if (!status)
        status = tern_board_settle(&c->reader.board, &o, err);
    if (!status)
        status = convert_directory(c, directory, writer, &o, err);
    tern_grid_close(&c->grid);
    free(c);
    return status;
}

tern_status tern_convert(const char *directory, const char *path, const tern_convert_options *options, tern_error *err)
{
    struct tern_writer writer = {0};
    /* First of all: a place that cannot be written to shows now, not after minutes of work. */
    tern_status status = output(tern_writer_open(&writer, path, "/tmp", err), err);
    if (!status)
        status = tern_convert_into(directory, &writer, options, err);
    if (!status)
        status = output(tern_writer_commit(&writer, err), err);
    tern_writer_discard(&writer);
    return status;
}
