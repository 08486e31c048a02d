/* `tern embed`: a vector for each text, as lines, as JSON, as f32 or .npy; or the cosine of two. */
#include "tools/commands.h"
#include "tools/runner.h"

#include "runtime/base/file.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NPY_HEADER = 128 };

struct embed {
    int json, pairs, cosine;
    const char *path;   /* of binary output, NULL: lines on stdout */
    const char *format; /* "f32" or "npy" */
    struct tern_writer writer;
    size_t rows;
    float *first; /* --cosine: the vector of the first text */
};

static int print(void *context, const struct text *t, const tern_answer *a)
{
    (void)context;
    (void)t;
    for (int32_t i = 0; i < a->count; i++)
        printf("%s%.9g", i ? " " : "", (double)a->values[i]);
    putchar('\n');
    return cli_written();
}

static int print_json(void *context, const struct text *t, const tern_answer *a)
{
    (void)context;
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, t->text, t->bytes);
    if (t->pair) {
        fputs(",\"pair\":", stdout);
        cli_json_string(stdout, t->pair, t->pair_bytes);
    }
    fputs(",\"embedding\":[", stdout);
    for (int32_t i = 0; i < a->count; i++) {
        fputs(i ? "," : "", stdout);
        cli_json_float(stdout, (double)a->values[i]);
    }
    printf("],\"n_tokens\":%zu,\"truncated\":%s}\n", a->n_tokens, a->n_needed > a->n_tokens ? "true" : "false");
    return cli_written();
}

/* Little-endian floats as they are: so are all CPUs that Tern is built for. */
static int write_binary(void *context, const struct text *t, const tern_answer *a)
{
    (void)t;
    struct embed *e = context;
    e->rows++;
    if (fwrite(a->values, sizeof *a->values, (size_t)a->count, e->writer.stream) == (size_t)a->count)
        return CLI_OK;
    return cli_fail(CLI_FAILED, "%s: cannot write: %s", e->path, strerror(errno));
}

/* NumPy's format 1.0 (numpy.lib.format): magic, header length, a dict, spaces up to a multiple of 64. */
static int write_npy_header(struct embed *e, int32_t columns)
{
    char header[NPY_HEADER + 1];
    snprintf(header, sizeof header, "%-127s\n", "");
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    int n = snprintf(header + 10, NPY_HEADER - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %d), }",
                     e->rows, columns);
    header[10 + n] = ' ';
    if (fseek(e->writer.stream, 0, SEEK_SET) || fwrite(header, 1, NPY_HEADER, e->writer.stream) != NPY_HEADER)
        return cli_fail(CLI_FAILED, "%s: cannot write: %s", e->path, strerror(errno));
    return CLI_OK;
}

static int compare(void *context, const struct text *t, const tern_answer *a)
{
    (void)t;
    struct embed *e = context;
    double ab = 0, aa = 0, bb = 0;
    if (a->index == 0) {
        memcpy(e->first, a->values, (size_t)a->count * sizeof *e->first);
        return CLI_OK;
    }
    for (int32_t i = 0; i < a->count; i++) {
        ab += (double)e->first[i] * (double)a->values[i];
        aa += (double)e->first[i] * (double)e->first[i];
        bb += (double)a->values[i] * (double)a->values[i];
    }
    double cosine = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
    printf(e->json ? "{\"cosine\":%.6f}\n" : "%.6f\n", cosine);
    return CLI_OK;
}

static int run_texts(struct embed *e, struct runner *r, struct texts *texts, tern_truncate truncate)
{
    tern_error err;
    const int32_t hidden = tern_model_get_info(r->model)->hidden;
    const int npy = e->path && !strcmp(e->format, "npy");
    int code = CLI_OK;
    if (e->cosine && !(e->first = malloc((size_t)hidden * sizeof *e->first)))
        return cli_nomem();
    if (e->path && tern_writer_open(&e->writer, e->path, &err))
        return cli_status(&err);
    if (npy)
        code = write_npy_header(e, hidden);
    if (!code)
        code = runner_all(r, texts, TERN_EMBED, truncate);
    if (!code && npy)
        code = write_npy_header(e, hidden);
    if (!code && e->path && tern_writer_commit(&e->writer, &err))
        code = cli_status(&err);
    return code;
}

static int embed(struct embed *e, const char *path, struct texts *texts, const struct run_options *run)
{
    tern_model *model = NULL;
    struct runner r = {.context = e};
    r.print = e->cosine ? compare : e->path ? write_binary : e->json ? print_json : print;
    int code = cli_open_model(&model, path);
    r.model = model;
    if (!code)
        code = runner_open_session(&r.session, model, path, TERN_EMBED, run);
    if (!code)
        code = run_texts(e, &r, texts, run->truncate);
    tern_writer_discard(&e->writer);
    tern_session_close(r.session);
    free(e->first);
    tern_model_close(model);
    return code;
}

/* The format of -o FILE is --format's, or what the file's name ends with. */
static int check_options(struct embed *e, int n_texts)
{
    if (e->cosine && (n_texts != 2 || e->path))
        return cli_fail(CLI_USAGE, "embed: --cosine takes exactly two texts, and no -o");
    if (!e->path)
        return e->format ? cli_fail(CLI_USAGE, "embed: --format is for -o FILE") : CLI_OK;
    if (e->json)
        return cli_fail(CLI_USAGE, "embed: --json is for standard output, -o FILE writes f32 or npy");
    size_t length = strlen(e->path);
    if (!e->format)
        e->format = length > 4 && !strcmp(e->path + length - 4, ".npy") ? "npy" : "f32";
    if (strcmp(e->format, "npy") && strcmp(e->format, "f32"))
        return cli_fail(CLI_USAGE, "embed: --format is f32 or npy, not '%.64s'", e->format);
    return CLI_OK;
}

int cmd_embed(int argc, char **argv)
{
    struct embed e = {0};
    struct run_options run = RUN_DEFAULTS;
    struct texts texts;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &e.json, 0, 0},
                                         {"pair", 0, CLI_FLAG, &e.pairs, 0, 0},
                                         {"cosine", 0, CLI_FLAG, &e.cosine, 0, 0},
                                         {"output", 'o', CLI_STRING, &e.path, 0, 0},
                                         {"format", 0, CLI_STRING, &e.format, 0, 0},
                                         RUN_OPTIONS(run),
                                         {0}};
    int n, code = cli_parse(options, "embed", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "embed: no model file; see tern embed --help");
    code = check_options(&e, n - 1);
    if (code)
        return code;
    code = texts_open(&texts, argv + 1, n - 1, e.pairs, "embed");
    if (!code)
        code = embed(&e, argv[0], &texts, &run);
    texts_close(&texts);
    return code;
}
