/* `tern convert`: turns a checkpoint into a .tern file with a report and a progress bar. */
#include "tools/commands.h"
#include "tools/sparse_cache.h"
#include "tools/sparsity.h"

#include "models/config.h"
#include "quant/tern_convert.h"
#include "runtime/base/file.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

struct convert {
    const char *out, *weights, *embeddings, *calibrate, *trained, *rest, *sparse, *sparse_isa;
    int32_t group;
    int quiet, bar, strict, allocate;
};

static void report(void *context, const char *line)
{
    const struct convert *c = context;
    if (c->bar)
        cli_progress("converting", 1, 1); /* clears the line */
    if (!c->quiet)
        fprintf(stderr, "%s\n", line);
}

static void progress(void *context, size_t done, size_t total)
{
    const struct convert *c = context;
    if (c->bar)
        cli_progress("converting", done, total);
}

static int summary(const struct convert *c)
{
    tern_model *model;
    int code = cli_open_model(&model, c->out);
    if (code)
        return code;
    const tern_model_info *i = tern_model_get_info(model);
    char sparsity[64];
    sparsity_text(sparsity, sizeof sparsity, model);
    fprintf(stderr, "%s: %llu bytes, %llu parameters, %.3f bits per weight (%s, sparsity: %s), checksum %016llx\n",
            c->out, (unsigned long long)i->file_bytes, (unsigned long long)i->parameters,
            (double)i->file_bytes * 8 / (double)i->parameters, i->weights, sparsity, (unsigned long long)i->checksum);
    tern_model_close(model);
    return CLI_OK;
}

/* The file that a signal would leave behind. clean_up removes it with calls that are safe in a handler. */
static char leftover[sizeof((struct tern_writer *)0)->temporary];

static void clean_up(int number)
{
    unlink(leftover);
    raise(number); /* takes effect when the handler ends, and ends the program (SA_RESETHAND) */
}

static void clean_up_on_signals(const char *path)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
    struct sigaction action = {.sa_handler = clean_up, .sa_flags = (int)SA_RESETHAND}, before;
    if (strlen(path) + 40 > sizeof leftover) /* refused when it is opened */
        return;
    tern_writer_name(leftover, sizeof leftover, path, 0);
    if (access(leftover, F_OK) == 0) /* not ours: the writer takes another name */
        return;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup */
            sigaction(numbers[i], &action, NULL);
}

// clang-format off
static int convert(struct convert *c, const char *directory)
{
    tern_error err;
    struct tern_writer writer = {0};
    const tern_convert_options options = {
        .struct_bytes = sizeof options, .weights = c->weights, .report = report, .progress = progress, .context = c,
        .embeddings = c->embeddings, .group = c->group, .calibrate = c->calibrate, .trained = c->trained,
        .strict = c->strict, .rest = c->rest, .sparse = c->sparse, .allocate = c->allocate, .sparse_isa = c->sparse_isa,
        .sparse_table = c->sparse ? sparse_cache_text(c->sparse_isa) : NULL};
    if (!tern_is_directory(directory))
        return cli_fail(CLI_MODEL,
                        "%s: no such directory; give a checkpoint's folder (config.json, model.safetensors, ...)",
                        directory);
    if (tern_is_directory(c->out))
        return cli_fail(CLI_FAILED, "%s: is a directory; give the file's name", c->out);
    clean_up_on_signals(c->out);
    /* A place that cannot be written to shows now, not after minutes of work. */
    if (tern_writer_open(&writer, c->out, &err))
        return cli_status(&err);
    tern_writer_discard(&writer);
    tern_status status = tern_convert(directory, c->out, &options, &err);
    if (c->bar)
        cli_progress("converting", 1, 1);
    if (!status)
        return summary(c);
    return cli_model_status(&err);
}
// clang-format on

int cmd_convert(int argc, char **argv)
{
    struct convert c = {.bar = cli_progress_wanted()};
    const struct cli_option options[] = {{"output", 'o', CLI_STRING, &c.out, 0, 0},
                                         {"weights", 0, CLI_STRING, &c.weights, 0, 0},
                                         {"quiet", 'q', CLI_FLAG, &c.quiet, 0, 0},
                                         {"embeddings", 0, CLI_STRING, &c.embeddings, 0, 0},
                                         {"calibrate", 0, CLI_STRING, &c.calibrate, 0, 0},
                                         {"group", 0, CLI_INT, &c.group, 32, 128},
                                         {"trained", 0, CLI_STRING, &c.trained, 0, 0},
                                         {"strict", 0, CLI_FLAG, &c.strict, 0, 0},
                                         {"rest", 0, CLI_STRING, &c.rest, 0, 0},
                                         {"sparse", 0, CLI_STRING, &c.sparse, 0, 0},
                                         {"sparse-isa", 0, CLI_STRING, &c.sparse_isa, 0, 0},
                                         {"allocate", 0, CLI_FLAG, &c.allocate, 0, 0},
                                         {0}};
    int n, code = cli_parse(options, "convert", argc, argv, &n);
    if (n < 0)
        return code;
    if (n != 1)
        return cli_fail(CLI_USAGE, "convert: %s; see tern convert --help",
                        n ? "one checkpoint directory at a time" : "no checkpoint directory");
    if (!c.out)
        return cli_fail(CLI_USAGE, "convert: where to? give -o FILE.tern");
    if (c.weights && tern_weights_find(c.weights) < 0)
        return cli_fail(CLI_USAGE, "convert: --weights is %s, not '%.64s'", tern_weights_words("or").text, c.weights);
    return convert(&c, argv[0]);
}
