/* `tern embed`: a vector for each text, in the numbers and the format that are asked for; or the cosine
   of two. */
#include "runtime/base/dots.h"
#include "tools/commands.h"
#include "tools/embed_more.h"
#include "tools/embed_rows.h"
#include "tools/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct embed {
    int json, cosine;
    int32_t columns;
    const char *path;                 /* of a file that is whole or not there, NULL: standard output */
    const char *format, *precision;   /* as the user says */
    const char *ranges, *make_ranges; /* files; NULL: none */
    const char *prompt, *prompt_name; /* NULL: the model's default */
    struct rows rows;
    float *first; /* --cosine: the vector of the first text */
    struct embed_more more;
};

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

/* --write-ranges: of each text's vector. */
static int take_ranges(void *context, const struct text *t, const tern_answer *a)
{
    (void)t;
    struct embed *e = context;
    return rounding_take(&e->rows.rounding, a->values);
}

/* --resume: rows in a file that grows. NumPy's header says at the end how many there are. */
static int run_resumed(struct embed *e, struct runner *r, struct texts *texts, tern_truncate truncate)
{
    char header[NPY_HEADER + 1];
    struct rows *const rows = &e->rows;
    const int npy = rows->format == ROWS_NPY;
    rows->out = stdout;
    rows_npy_header(rows, header);
    texts->rows = (struct parts_form){.row = (size_t)e->columns * sizeof(float),
                                      .floats = 1,
                                      .head = header,
                                      .head_bytes = npy ? NPY_HEADER : 0,
                                      .head_same = npy ? NPY_SAME : 0};
    rows->format = ROWS_RAW;
    int code = rows_begin(rows);
    if (!code)
        code = runner_all(r, texts, TERN_EMBED, truncate);
    rows->format = npy ? ROWS_NPY : ROWS_RAW;
    rows->n = texts->number;
    if (!code && npy && !texts->parts.checking)
        code = rows_write_npy_header(rows);
    return texts_end(texts, code);
}

static int run_ranges(struct embed *e, struct runner *r, struct texts *texts, tern_truncate truncate,
                      const char *const *inputs)
{
    int code = runner_all(r, texts, TERN_EMBED, truncate);
    if (!code && e->rows.rounding.seen < 2)
        code = cli_fail(CLI_INPUT, "embed: --write-ranges needs two texts at least, and means hundreds");
    if (!code)
        code = rounding_write(&e->rows.rounding, e->make_ranges, inputs);
    return texts_end(texts, code);
}

static int run_texts(struct embed *e, struct runner *r, const char *model, struct texts *texts, tern_truncate truncate)
{
    const char *const inputs[] = {model, texts->in.name ? texts->in.name : model, NULL};
    struct rows *const rows = &e->rows;
    const int npy = e->path && rows->format == ROWS_NPY;
    int code = CLI_OK;
    if (e->cosine) {
        e->first = malloc((size_t)e->columns * sizeof *e->first);
        return e->first ? texts_end(texts, runner_all(r, texts, TERN_EMBED, truncate))
                        : cli_nomem((size_t)e->columns * sizeof *e->first);
    }
    if (e->make_ranges)
        return run_ranges(e, r, texts, truncate, inputs);
    if (e->ranges)
        code = rounding_read(&rows->rounding, e->ranges);
    if (!code && e->path && texts->resume)
        return run_resumed(e, r, texts, truncate);
    if (!code && e->path) /* NumPy's header has the number of rows, which is known at the end */
        code = output_open(&rows->writer, e->path,
                           (rows_are_binary(rows->format) ? OUTPUT_BINARY : 0) | (npy ? OUTPUT_WHOLE : 0), inputs);
    rows->out = e->path ? rows->writer.stream : stdout;
    if (!code)
        code = rows_begin(rows);
    if (!code)
        code = runner_all(r, texts, TERN_EMBED, truncate);
    if (!code)
        code = rows_end(rows);
    if (!code && e->path)
        code = output_commit(&rows->writer);
    return texts_end(texts, code);
}

static int embed(struct embed *e, const char *path, struct texts *texts, const struct run_options *run)
{
    tern_model *model = NULL;
    tern_error err;
    const int rows = !e->cosine && !e->make_ranges;
    struct runner r = {.context = rows ? (void *)&e->rows : e};
    r.refused = rows ? rows_refused : NULL;
    r.print = e->cosine ? compare : e->make_ranges ? take_ranges : rows_print;
    int code = cli_open_model(&model, path);
    r.model = model;
    if (!code)
        code = runner_open_session(&r.session, model, path, TERN_EMBED, run);
    if (!code && tern_session_set_prompt(r.session, e->prompt_name, e->prompt, &err))
        code = cli_status(&err);
    e->columns = e->rows.rounding.columns = code ? 0 : tern_session_dimensions(r.session);
    if (!code && e->more.sparse)
        code = embed_words(&e->more, r.session, model, texts, run->truncate);
    else if (!code && e->more.tokens)
        code = embed_tokens(&e->more, r.session, model, texts, run->truncate);
    else if (!code)
        code = run_texts(e, &r, path, texts, run->truncate);
    rows_free(&e->rows);
    tern_session_close(r.session);
    free(e->first);
    tern_model_close(model);
    return code;
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static int ends_with(const char *path, const char *end)
{
    const size_t n = strlen(path), m = strlen(end);
    return n > m && !strcmp(path + n - m, end);
}

/* The format of -o FILE is --format's, or what the file's name ends with. */
static int settle_format(struct embed *e, const struct text_options *from)
{
    static const struct {
        const char *end;
        enum rows_format format;
    } ends[] = {{".npy", ROWS_NPY}, {".arrow", ROWS_ARROW}, {".sql", ROWS_SQL}, {".jsonl", ROWS_JSON}};
    enum rows_format *const format = &e->rows.format;
    *format = e->json ? ROWS_JSON : from->output ? ROWS_RAW : ROWS_LINES;
    if (e->format && (e->json || !from->output))
        return cli_fail(CLI_USAGE, "embed: --format is for -o FILE without --json");
    for (size_t i = 0; i < sizeof ends / sizeof *ends && *format == ROWS_RAW && !e->format; i++)
        if (ends_with(from->output, ends[i].end))
            *format = ends[i].format;
    if (e->format) {
        int found = 0;
        for (int i = 0; i < N_ROWS_FORMATS; i++)
            if (rows_format_names[i] && !strcmp(rows_format_names[i], e->format)) {
                *format = (enum rows_format)i;
                found = 1;
            }
        if (!found)
            return cli_fail(CLI_USAGE, "embed: --format is f32, npy, jsonl, arrow or sqlite-vec, not '%.64s'",
                            e->format);
    }
    e->path = *format == ROWS_LINES || *format == ROWS_JSON ? NULL : from->output;
    if (from->resume && (*format == ROWS_ARROW || *format == ROWS_SQL))
        return cli_fail(CLI_USAGE, "embed: --resume is for lines, JSON, f32 and npy");
    return CLI_OK;
}

static int settle_precision(struct embed *e, const struct text_options *from)
{
    enum precision *const kind = &e->rows.rounding.kind;
    int found = !e->precision;
    for (int i = 0; i < N_PRECISIONS && e->precision; i++)
        if (!strcmp(e->precision, precision_names[i])) {
            *kind = (enum precision)i;
            found = 1;
        }
    if (!found)
        return cli_fail(CLI_USAGE, "embed: --precision is f32, f16, int8, uint8, binary or ubinary, not '%.64s'",
                        e->precision);
    if (e->ranges && !precision_has_ranges(*kind))
        return cli_fail(CLI_USAGE, "embed: --ranges is for --precision int8 and uint8");
    if (e->make_ranges && (e->ranges || e->precision || e->json || from->output || from->resume))
        return cli_fail(CLI_USAGE, "embed: --write-ranges writes nothing else; give --precision and --ranges to the "
                                   "run that writes the vectors");
    if (precision_has_ranges(*kind) && !e->ranges && from->keep_going && !e->path)
        return cli_fail(CLI_USAGE, "embed: --keep-going with ranges of the texts themselves is for -o FILE with a "
                                   "--format other than jsonl; else give --ranges");
    if (from->resume && *kind != PRECISION_F32)
        return cli_fail(CLI_USAGE, "embed: --resume is for --precision f32");
    if (e->rows.format == ROWS_SQL && (*kind == PRECISION_F16 || *kind == PRECISION_UINT8 || *kind == PRECISION_BINARY))
        return cli_fail(CLI_USAGE, "embed: sqlite-vec has vectors of f32, int8 and ubinary, not of %s", e->precision);
    return CLI_OK;
}

/* --prompt-name query and document say which side of a search the texts of these vectors are on, as --query does; the
   prompt follows from that. */
static int settle_side(struct embed *e)
{
    const int query = e->prompt_name && !strcmp(e->prompt_name, "query");
    if (!e->prompt_name || !(e->more.sparse || e->more.tokens) || (!query && strcmp(e->prompt_name, "document")))
        return CLI_OK;
    if (!query && e->more.query)
        return cli_fail(CLI_USAGE, "embed: --query and --prompt-name document are both given; one is possible");
    e->more.query = query;
    e->prompt_name = NULL;
    return CLI_OK;
}

/* Sparse vectors and vectors of tokens. */
static int check_more(const struct embed *e, const struct run_options *run)
{
    const struct embed_more *const more = &e->more;
    if ((more->sparse || more->tokens) && (e->cosine || e->format || e->precision || e->make_ranges))
        return cli_fail(CLI_USAGE,
                        "embed: --sparse and --tokens go without --cosine, --format, --precision and --write-ranges");
    if (more->sparse && (run->normalize || run->dimensions))
        return cli_fail(CLI_USAGE, "embed: --sparse goes without --normalize and --dimensions");
    if (more->tokens && more->sparse)
        return cli_fail(CLI_USAGE, "embed: --tokens and --sparse are both given; one is possible");
    if (!more->tokens && !more->sparse && more->query)
        return cli_fail(CLI_USAGE, "embed: --query is for --tokens and --sparse; see --prompt-name");
    if (!more->sparse && (more->top || more->ids))
        return cli_fail(CLI_USAGE, "embed: --top and --ids are for --sparse");
    return CLI_OK;
}

static int check_options(struct embed *e, const struct run_options *run, const struct text_options *from, int n_texts)
{
    e->more.json = e->json;
    if (e->cosine && (n_texts != 2 || from->output))
        return cli_fail(CLI_USAGE, "embed: --cosine takes exactly two texts, and no -o");
    if (e->cosine && from->keep_going)
        return cli_fail(CLI_USAGE, "embed: --cosine needs both texts, and cannot go on without one");
    if (e->cosine && (e->precision || e->make_ranges))
        return cli_fail(CLI_USAGE, "embed: --cosine goes without --precision and --write-ranges");
    if (e->prompt && e->prompt_name)
        return cli_fail(CLI_USAGE, "embed: --prompt and --prompt-name are both given; one is enough");
    int code = check_more(e, run);
    if (!code)
        code = settle_side(e);
    if (!code && (e->more.sparse || e->more.tokens))
        return code;
    if (!code)
        code = settle_format(e, from);
    return code ? code : settle_precision(e, from);
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
                                         {"precision", 0, CLI_STRING, &e.precision, 0, 0},
                                         {"ranges", 0, CLI_STRING, &e.ranges, 0, 0},
                                         {"write-ranges", 0, CLI_STRING, &e.make_ranges, 0, 0},
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
    texts.form = e.path || e.make_ranges                ? TEXTS_ROW
                 : e.json || e.rows.format == ROWS_JSON ? TEXTS_JSON
                 : e.more.tokens                        ? TEXTS_BLOCK
                                                        : TEXTS_LINE;
    if (!code)
        code = embed(&e, argv[0], &texts, &run);
    texts_close(&texts);
    return code;
}
