/* `tern tokenize`: the pieces and ids of each text, and where they stand in it. */
#include "tools/commands.h"
#include "tools/texts.h"

#include "runtime/base/file.h"

#include <stdlib.h>
#include <string.h>

struct tokenize {
    int json, ids, offsets;
    tern_model *model;
    tern_tokenizer *own; /* when no model was given */
    const tern_tokenizer *tokenizer;
    tern_tokens out; /* arrays that grow to the longest text */
};

/* A .tern file is a safetensors container: eight bytes of header length, then '{'. */
static int is_container(const char *path)
{
    unsigned char head[9] = {0};
    FILE *file = tern_is_directory(path) ? NULL : fopen(path, "rbe");
    size_t n = file ? fread(head, 1, sizeof head, file) : 0;
    if (file)
        fclose(file);
    return n == sizeof head && head[8] == '{' && !head[5] && !head[6] && !head[7];
}

static int open_tokenizer(struct tokenize *t, const char *path)
{
    tern_error err;
    size_t length = strlen(path);
    if (is_container(path) || (length > 5 && !strcmp(path + length - 5, ".tern"))) {
        int code = cli_open_model(&t->model, path);
        if (code)
            return code;
        t->tokenizer = tern_model_tokenizer(t->model);
        return t->tokenizer ? CLI_OK : cli_fail(CLI_MODEL, "%s: the file has no vocabulary", path);
    }
    if (tern_tokenizer_open(&t->own, path, &err))
        return cli_model_status(&err);
    t->tokenizer = t->own;
    return CLI_OK;
}

static void free_tokens(tern_tokens *out)
{
    free(out->ids);
    free(out->types);
    free(out->spans);
    *out = (tern_tokens){.struct_bytes = sizeof *out};
}

static int make_room(tern_tokens *out, size_t capacity)
{
    free_tokens(out);
    out->ids = malloc(capacity * sizeof *out->ids);
    out->types = malloc(capacity * sizeof *out->types);
    out->spans = malloc(capacity * sizeof *out->spans);
    out->capacity = capacity;
    return out->ids && out->types && out->spans ? CLI_OK
                                                : cli_nomem(capacity * (2 * sizeof *out->ids + sizeof *out->spans));
}

static void print_ids(const int32_t *ids, size_t n, const char *separator)
{
    for (size_t i = 0; i < n; i++)
        printf("%s%d", i ? separator : "", ids[i]);
}

static void print_piece(const struct tokenize *t, size_t i, void (*write)(FILE *out, const char *text, size_t bytes))
{
    size_t bytes;
    const char *piece = tern_token_text(t->tokenizer, t->out.ids[i], &bytes);
    write(stdout, piece ? piece : "", bytes);
}

/* A special token stands nowhere: null. */
static void print_json_spans(const tern_tokens *out)
{
    fputs("],\"offsets\":[", stdout);
    for (size_t i = 0; i < out->count; i++) {
        fputs(i ? "," : "", stdout);
        if (out->spans[i].source < 0)
            fputs("null", stdout);
        else
            printf("[%zu,%zu]", out->spans[i].start, out->spans[i].end);
    }
}

static void print_json(const struct tokenize *t, const struct text *text)
{
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    if (text->pair) {
        fputs(",\"pair\":", stdout);
        cli_json_string(stdout, text->pair, text->pair_bytes);
    }
    fputs(",\"tokens\":[", stdout);
    for (size_t i = 0; i < t->out.count; i++) {
        fputs(i ? "," : "", stdout);
        print_piece(t, i, cli_json_string);
    }
    fputs("],\"ids\":[", stdout);
    print_ids(t->out.ids, t->out.count, ",");
    fputs("],\"types\":[", stdout);
    print_ids(t->out.types, t->out.count, ",");
    if (t->offsets)
        print_json_spans(&t->out);
    printf("],\"n_tokens\":%zu}\n", t->out.count);
}

static void print(const struct tokenize *t)
{
    for (size_t i = 0; i < t->out.count && !t->ids; i++) {
        fputs(i ? " " : "", stdout);
        print_piece(t, i, cli_plain);
    }
    fputs(t->ids ? "" : "\t", stdout);
    print_ids(t->out.ids, t->out.count, " ");
    for (size_t i = 0; i < t->out.count && t->offsets; i++) {
        const tern_span *span = &t->out.spans[i];
        putchar(i ? ' ' : '\t');
        if (span->source < 0)
            putchar('-');
        else
            printf("%zu-%zu", span->start, span->end);
    }
    putchar('\n');
}

/* All tokens of a text, however many: where there is too little room, the first try says how much is needed. Prints
   them, or refuses the text. */
static int tokenize(struct tokenize *t, const struct text *text, struct texts *texts)
{
    t->out.count = 0;
    if (text->why)
        return texts_refuse(texts, text->why);
    const tern_text whole = {text->text, text->bytes, text->pair, text->pair_bytes};
    tern_error err;
    tern_status status = tern_tokenize(t->tokenizer, &whole, TERN_TRUNCATE_ERROR, &t->out, &err);
    if (status && t->out.needed) {
        if (make_room(&t->out, t->out.needed))
            return CLI_FAILED;
        status = tern_tokenize(t->tokenizer, &whole, TERN_TRUNCATE_ERROR, &t->out, &err);
    }
    if (status)
        return texts_refuse(texts, err.message);
    if (t->json)
        print_json(t, text);
    else
        print(t);
    return cli_written();
}

static int tokenize_all(struct tokenize *t, struct texts *texts)
{
    enum { ROOM = 512 };
    struct text text;
    int code = make_room(&t->out, ROOM);
    if (!code)
        code = texts_begin(texts);
    while (!code && texts_next(texts, &text, &code) > 0) {
        code = tokenize(t, &text, texts);
        if (!code)
            code = texts_answered(texts, t->out.count);
    }
    return texts_end(texts, code);
}

int cmd_tokenize(int argc, char **argv)
{
    struct tokenize t = {0};
    struct text_options from = {0};
    struct texts texts;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &t.json, 0, 0},
                                         {"ids", 0, CLI_FLAG, &t.ids, 0, 0},
                                         {"offsets", 0, CLI_FLAG, &t.offsets, 0, 0},
                                         TEXT_PAIR_OPTION(from),
                                         TEXT_OPTIONS(from),
                                         {0}};
    int n, code = cli_parse(options, "tokenize", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "tokenize: no model, vocabulary or checkpoint; see tern tokenize --help");
    code = texts_open_by(&texts, &from, argv, n, "tokenize");
    texts.form = t.json ? TEXTS_JSON : TEXTS_LINE;
    if (!code)
        code = cli_not_standard_input(argv[0]);
    if (!code)
        code = open_tokenizer(&t, argv[0]);
    if (!code)
        code = tokenize_all(&t, &texts);
    texts_close(&texts);
    free_tokens(&t.out);
    tern_tokenizer_close(t.own);
    tern_model_close(t.model);
    return code;
}
