/* `tern convert`: turns a checkpoint into a .tern file with a report and a progress bar. */
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/sparse_cache.h"
#include "tools/sparsity.h"

#include "models/config.h"
#include "quant/convert.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

struct convert {
    const char *out, *weights, *embeddings, *calibrate, *trained, *rest, *sparse, *sparse_isa, *task, *outliers,
        *adapter, *board;
    int32_t group;
    int quiet, bar, strict, allocate, explain;
    double least_cosine;
    int ffn_width;
};

static void report(void *context, const char *line)
{
    const struct convert *c = context;
    if (c->bar)
        cli_progress("converting", 1, 1); /* clears the line */
    if (!c->quiet)
        cli_report("%s", line);
}

static void progress(void *context, size_t done, size_t total)
{
    const struct convert *c = context;
    if (c->bar)
        cli_progress("converting", done, total);
}

/* What the file is, which nobody can see yet, in out[capacity]. */
static tern_status summary(char *out, size_t capacity, struct tern_writer *writer, tern_error *err)
{
    struct tern_mapping mapping;
    tern_model *model;
    tern_status status = tern_writer_map(writer, &mapping, err);
    if (!status)
        status = tern_model_open_mapping(&model, mapping, writer->final, err);
    if (status)
        return status;
    const tern_model_info *i = tern_model_get_info(model);
    char sparsity[64];
    sparsity_text(sparsity, sizeof sparsity, model);
    snprintf(out, capacity, "%llu bytes, %llu parameters, %.3f bits per weight (%s, sparsity: %s), checksum %016llx",
             (unsigned long long)i->file_bytes, (unsigned long long)i->parameters,
             (double)i->file_bytes * 8 / (double)i->parameters, i->weights, sparsity, (unsigned long long)i->checksum);
    tern_model_close(model);
    return TERN_OK;
}

/* 1, with a line: a file of the checkpoint, or one of its folders, would be replaced. A .tern file that is kept there
   is no part of it. */
static int is_of_checkpoint(const char *out, const char *directory, int depth)
{
    char path[4096];
    struct stat st;
    if (stat(out, &st) || !S_ISREG(st.st_mode))
        return 0;
    DIR *d = opendir(directory);
    int found = 0;
    for (struct dirent *e; d && !found && (e = readdir(d));) {
        const size_t length = strlen(e->d_name);
        if (*e->d_name == '.' || (length > 5 && !strcmp(e->d_name + length - 5, ".tern")) ||
            tern_join_path(path, sizeof path, directory, e->d_name, NULL))
            continue;
        if (tern_same_file(out, path))
            found =
                cli_fail(CLI_USAGE, "%s: is a file of the checkpoint (%s); give another file to write to", out, path);
        else if (depth > 0 && tern_is_directory(path))
            found = is_of_checkpoint(out, path, depth - 1);
    }
    if (d)
        closedir(d);
    return found;
}

// clang-format off
static int convert(struct convert *c, const char *directory)
{
    tern_error err;
    struct tern_writer writer = {0};
    char line[320];
    const char *const inputs[] = {c->calibrate ? c->calibrate : directory, NULL};
    const tern_convert_options options = {
        .struct_bytes = sizeof options, .weights = c->weights, .report = report, .progress = progress, .context = c,
        .embeddings = c->embeddings, .group = c->group, .calibrate = c->calibrate, .trained = c->trained,
        .strict = c->strict, .rest = c->rest, .sparse = c->sparse, .allocate = c->allocate, .task = c->task, .sparse_isa = c->sparse_isa,
        .outliers = c->outliers, .least_cosine = c->least_cosine, .explain = c->explain,
        .ffn_width = c->ffn_width, .adapter = c->adapter, .board = c->board,
        .sparse_table = c->sparse ? sparse_cache_text(c->sparse_isa) : NULL};
    if (!tern_is_directory(directory))
        return cli_fail(CLI_MODEL,
                        "%s: no such directory; give a checkpoint's folder (config.json, model.safetensors, ...)",
                        directory);
    if (c->calibrate && !strcmp(c->calibrate, "-"))
        return cli_fail(CLI_USAGE, "convert: --calibrate -: these texts are read more than once, which standard input "
                                   "cannot be; give a file");
    if (is_of_checkpoint(c->out, directory, 1))
        return CLI_USAGE;
    int code = output_open(&writer, c->out, OUTPUT_BINARY | OUTPUT_WHOLE, inputs);
    if (code)
        return code;
    tern_status status = tern_convert_into(directory, &writer, &options, &err);
    if (!status)
        status = summary(line, sizeof line, &writer, &err);
    if (c->bar)
        cli_progress("converting", 1, 1);
    code = status ? cli_model_status(&err) : output_commit(&writer);
    if (!code)
        cli_report("%s: %s", strcmp(c->out, "-") ? c->out : "standard output", line);
    output_discard(&writer);
    return code;
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
                                         {"for", 0, CLI_STRING, &c.board, 0, 0},
                                         {"task", 0, CLI_STRING, &c.task, 0, 0},
                                         {"adapter", 0, CLI_STRING, &c.adapter, 0, 0},
                                         {"outliers", 0, CLI_STRING, &c.outliers, 0, 0},
                                         {"least-cosine", 0, CLI_REAL, &c.least_cosine, 0, 1},
                                         {"explain", 0, CLI_FLAG, &c.explain, 0, 0},
                                         {"ffn-width", 0, CLI_INT, &c.ffn_width, 1, 32768},
                                         {"allocate", 0, CLI_FLAG, &c.allocate, 0, 0},
                                         {0}};
    int n, code = cli_parse(options, "convert", argc, argv, &n);
    if (n < 0)
        return code;
    if (n != 1)
        return cli_fail(CLI_USAGE, "convert: %s; see tern convert --help",
                        n ? "one checkpoint directory at a time" : "no checkpoint directory");
    if (c.explain && c.quiet)
        return cli_fail(CLI_USAGE, "convert: --explain has much to say and --quiet says nothing; leave out one");
    if (!c.out)
        return cli_fail(CLI_USAGE, "convert: where to? give -o FILE.tern");
    if (c.weights && tern_weights_find(c.weights) < 0)
        return cli_fail(CLI_USAGE, "convert: --weights is %s, not '%.64s'", tern_weights_words("or").text, c.weights);
    return convert(&c, argv[0]);
}
