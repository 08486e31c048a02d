/* `tern embed`: a vector for each text, as lines, as JSON, as f32 or .npy; or the cosine of two. */
#include "runtime/base/dots.h"
#include "tools/commands.h"
#include "tools/embed_more.h"
#include "tools/output.h"
#include "tools/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NPY_HEADER = 128 };

struct embed {
    int json, cosine;
    int32_t columns;
    const char *path;                 /* of binary output, NULL: lines */
    const char *format;               /* "f32" or "npy" */
    const char *prompt, *prompt_name; /* NULL: the model's default */
    /* The file is the writer's until it is whole; with --resume it is standard output, which then grows in place. */
    struct tern_writer writer;
    FILE *out;
    size_t rows;
    float *first; /* --cosine: the vector of the first text */
    struct embed_more more;
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
    cli_json_floats(stdout, a->values, (size_t)a->count);
    printf("],\"n_tokens\":%zu,\"truncated\":%s}\n", a->n_tokens, a->n_needed > a->n_tokens ? "true" : "false");
    return cli_written();
}

static int written(struct embed *e)
{
    return e->out == stdout ? cli_written() : output_written(&e->writer);
}

/* Little-endian floats as they are: so are all CPUs that Tern is built for. */
static int write_binary(void *context, const struct text *t, const tern_answer *a)
{
    (void)t;
    struct embed *e = context;
    e->rows++;
    fwrite(a->values, sizeof *a->values, (size_t)a->count, e->out);
    return written(e);
}

/* Row i stays that of text i. */
static int write_no_numbers(void *context)
{
    struct embed *e = context;
    const float none = NAN;
    e->rows++;
    for (int32_t i = 0; i < e->columns; i++)
        fwrite(&none, sizeof none, 1, e->out);
    return written(e);
}

/* NumPy's format 1.0 (numpy.lib.format): magic, header length, a dict, spaces up to a multiple of 64. */
static void make_npy_header(const struct embed *e, char header[NPY_HEADER + 1])
{
    snprintf(header, NPY_HEADER + 1, "%-127s\n", "");
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    int n = snprintf(header + 10, NPY_HEADER - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %d), }",
                     e->rows, e->columns);
    header[10 + n] = ' ';
}

static int write_npy_header(struct embed *e)
{
    char header[NPY_HEADER + 1];
    make_npy_header(e, header);
    if (fseek(e->out, 0, SEEK_SET) == 0)
        fwrite(header, 1, NPY_HEADER, e->out);
    return written(e);
}

static int compare(void *context, const struct text *t, const tern_answer *a)
{
    (void)t;
    struct embed *e = context;
    if (a->index == 0) {
        memcpy(e->first, a->values, (size_t)a->count * sizeof *e->first);
        return CLI_OK;
    }
    const struct tern_dots d = tern_dots_of(e->first, a->values, a->count);
    const double cosine = d.aa == 0 || d.bb == 0 ? 0 : d.ab / sqrt(d.aa * d.bb);
    if (e->json) {
        fputs("{\"cosine\":", stdout);
        cli_json_number(stdout, cosine, 6);
        puts("}");
    } else {
        printf("%.6f\n", cosine);
    }
    return CLI_OK;
}

/* --resume: rows in a file that grows. NumPy's header says at the end how many there are. */
static int run_resumed(struct embed *e, struct runner *r, struct texts *texts, tern_truncate truncate)
{
    char header[NPY_HEADER + 1];
    const int npy = !strcmp(e->format, "npy");
    make_npy_header(e, header);
    e->out = stdout;
    texts->rows = (struct parts_form){.row = (size_t)e->columns * sizeof(float),
                                      .floats = 1,
                                      .head = header,
                                      .head_bytes = npy ? NPY_HEADER : 0,
                                      .head_same = npy ? 10 : 0};
    int code = runner_all(r, texts, TERN_EMBED, truncate);
    e->rows = texts->number;
    if (!code && npy && !texts->parts.checking)
        code = write_npy_header(e);
    return texts_end(texts, code);
}

static int run_texts(struct embed *e, struct runner *r, const char *model, struct texts *texts, tern_truncate truncate)
{
    const char *const inputs[] = {model, texts->in.name ? texts->in.name : model, NULL};
    const int npy = e->path && !strcmp(e->format, "npy");
    int code = CLI_OK;
    if (e->cosine && !(e->first = malloc((size_t)e->columns * sizeof *e->first)))
        return cli_nomem((size_t)e->columns * sizeof *e->first);
    if (e->path && texts->resume)
        return run_resumed(e, r, texts, truncate);
    if (e->path) /* NumPy's header has the number of rows, which is known at the end */
        code = output_open(&e->writer, e->path, OUTPUT_BINARY | (npy ? OUTPUT_WHOLE : 0), inputs);
    e->out = e->writer.stream;
    if (!code && npy)
        code = write_npy_header(e);
    if (!code)
        code = runner_all(r, texts, TERN_EMBED, truncate);
    if (!code && npy)
        code = write_npy_header(e);
    if (!code && e->path)
        code = output_commit(&e->writer);
    return texts_end(texts, code);
}

static int embed(struct embed *e, const char *path, struct texts *texts, const struct run_options *run)
{
    tern_model *model = NULL;
    tern_error err;
    struct runner r = {.context = e};
    r.refused = e->path ? write_no_numbers : NULL;
    r.print = e->cosine ? compare : e->path ? write_binary : e->json ? print_json : print;
    int code = cli_open_model(&model, path);
    r.model = model;
    if (!code)
        code = runner_open_session(&r.session, model, path, TERN_EMBED, run);
    if (!code && tern_session_set_prompt(r.session, e->prompt_name, e->prompt, &err))
        code = cli_status(&err);
    e->columns = code ? 0 : tern_session_dimensions(r.session);
    if (!code && e->more.sparse)
        code = embed_words(&e->more, r.session, model, texts, run->truncate);
    else if (!code && e->more.tokens)
        code = embed_tokens(&e->more, r.session, model, texts, run->truncate);
    else if (!code)
        code = run_texts(e, &r, path, texts, run->truncate);
    output_discard(&e->writer);
    tern_session_close(r.session);
    free(e->first);
    tern_model_close(model);
    return code;
}

/* The format of -o FILE is --format's, or what the file's name ends with. */
static int check_options(struct embed *e, const struct run_options *run, const struct text_options *from, int n_texts)
{
    const struct embed_more *const more = &e->more;
    e->more.json = e->json;
    e->path = e->json || more->sparse || more->tokens ? NULL : from->output;
    if (more->sparse && (e->cosine || run->normalize || run->dimensions))
        return cli_fail(CLI_USAGE, "embed: --sparse goes without --cosine, --normalize and --dimensions");
    if (more->tokens && (e->cosine || more->sparse))
        return cli_fail(CLI_USAGE, "embed: --tokens goes without --cosine and --sparse");
    if (!more->tokens && more->query)
        return cli_fail(CLI_USAGE, "embed: --query is for --tokens; see --prompt-name");
    if (!more->sparse && (more->top || more->ids))
        return cli_fail(CLI_USAGE, "embed: --top and --ids are for --sparse");
    if (e->cosine && (n_texts != 2 || from->output))
        return cli_fail(CLI_USAGE, "embed: --cosine takes exactly two texts, and no -o");
    if (e->cosine && from->keep_going)
        return cli_fail(CLI_USAGE, "embed: --cosine needs both texts, and cannot go on without one");
    if (e->prompt && e->prompt_name)
        return cli_fail(CLI_USAGE, "embed: --prompt and --prompt-name are both given; one is enough");
    if (!e->path)
        return e->format ? cli_fail(CLI_USAGE, "embed: --format is for -o FILE without --json") : CLI_OK;
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
    struct text_options from = {0};
    struct texts texts;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &e.json, 0, 0},
                                         {"cosine", 0, CLI_FLAG, &e.cosine, 0, 0},
                                         {"format", 0, CLI_STRING, &e.format, 0, 0},
                                         {"prompt-name", 0, CLI_STRING, &e.prompt_name, 0, 0},
                                         {"prompt", 0, CLI_STRING, &e.prompt, 0, 0},
                                         {"dimensions", 0, CLI_INT, &run.dimensions, 1, INT32_MAX},
                                         {"normalize", 0, CLI_FLAG, &run.normalize, 0, 0},
                                         {"sparse", 0, CLI_FLAG, &e.more.sparse, 0, 0},
                                         {"ids", 0, CLI_FLAG, &e.more.ids, 0, 0},
                                         {"top", 0, CLI_INT, &e.more.top, 1, INT32_MAX},
                                         {"tokens", 0, CLI_FLAG, &e.more.tokens, 0, 0},
                                         {"query", 0, CLI_FLAG, &e.more.query, 0, 0},
                                         TEXT_PAIR_OPTION(from),
                                         TEXT_OPTIONS(from),
                                         RUN_OPTIONS(run),
                                         {0}};
    int n, code = cli_parse(options, "embed", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "embed: no model file; see tern embed --help");
    code = check_options(&e, &run, &from, n - 1);
    if (code)
        return code;
    code = texts_open_by(&texts, &from, argv, n, "embed");
    if (e.path && !from.resume)
        texts.output = NULL; /* the file is whole or not there */
    texts.form = e.path ? TEXTS_ROW : e.json ? TEXTS_JSON : e.more.tokens ? TEXTS_BLOCK : TEXTS_LINE;
    if (!code)
        code = embed(&e, argv[0], &texts, &run);
    texts_close(&texts);
    return code;
}
