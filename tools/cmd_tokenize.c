#include "tools/commands.h"
#include "tools/texts.h"

#include "runtime/base/file.h"

#include <stdlib.h>
#include <string.h>

struct tokenize {
    int json, ids, pairs;
    tern_model *model;
    tern_tokenizer *own; /* when no model was given */
    const tern_tokenizer *tokenizer;
    int32_t *id, *type;
    size_t capacity;
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

/* All tokens of a text, however many: the arrays grow to what the first try asks for. */
static int tokenize(struct tokenize *t, const struct text *text, size_t *n, const char *where)
{
    tern_error err;
    for (;;) {
        tern_status status = TERN_INPUT;
        *n = 512;
        if (t->capacity)
            status = tern_tokenize(t->tokenizer, text->text, text->bytes, text->pair, text->pair_bytes,
                                   TERN_TRUNCATE_ERROR, t->id, t->type, t->capacity, n, &err);
        if (!status)
            return CLI_OK;
        if (*n <= t->capacity)
            return cli_fail(CLI_INPUT, "%s: %s", where, err.message);
        free(t->id);
        free(t->type);
        t->id = malloc(*n * sizeof *t->id);
        t->type = malloc(*n * sizeof *t->type);
        t->capacity = t->id && t->type ? *n : 0;
        if (!t->capacity)
            return cli_nomem();
    }
}

static void print_ids(const int32_t *ids, size_t n, const char *separator)
{
    for (size_t i = 0; i < n; i++)
        printf("%s%d", i ? separator : "", ids[i]);
}

static void print_json(const struct tokenize *t, const struct text *text, size_t n)
{
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    if (text->pair) {
        fputs(",\"pair\":", stdout);
        cli_json_string(stdout, text->pair, text->pair_bytes);
    }
    fputs(",\"tokens\":[", stdout);
    for (size_t i = 0; i < n; i++) {
        size_t bytes;
        const char *piece = tern_token_text(t->tokenizer, t->id[i], &bytes);
        fputs(i ? "," : "", stdout);
        cli_json_string(stdout, piece ? piece : "", bytes);
    }
    fputs("],\"ids\":[", stdout);
    print_ids(t->id, n, ",");
    fputs("],\"types\":[", stdout);
    print_ids(t->type, n, ",");
    printf("],\"n_tokens\":%zu}\n", n);
}

static void print(const struct tokenize *t, size_t n)
{
    for (size_t i = 0; i < n && !t->ids; i++) {
        size_t bytes;
        const char *piece = tern_token_text(t->tokenizer, t->id[i], &bytes);
        fputs(i ? " " : "", stdout);
        cli_plain(stdout, piece ? piece : "", bytes);
    }
    fputs(t->ids ? "" : "\t", stdout);
    print_ids(t->id, n, " ");
    putchar('\n');
}

static int tokenize_all(struct tokenize *t, struct texts *texts)
{
    struct text text;
    size_t n;
    char where[128];
    int code = CLI_OK;
    while (!code && texts_next(texts, &text, &code) > 0) {
        code = tokenize(t, &text, &n, texts_where(texts, where));
        if (code)
            break;
        if (t->json)
            print_json(t, &text, n);
        else
            print(t, n);
        code = cli_written();
    }
    return code;
}

int cmd_tokenize(int argc, char **argv)
{
    struct tokenize t = {0};
    struct texts texts;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &t.json, 0, 0},
                                         {"ids", 0, CLI_FLAG, &t.ids, 0, 0},
                                         {"pair", 0, CLI_FLAG, &t.pairs, 0, 0},
                                         {0}};
    int n, code = cli_parse(options, "tokenize", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "tokenize: no model, vocabulary or checkpoint; see tern tokenize --help");
    code = texts_open(&texts, argv + 1, n - 1, t.pairs, "tokenize");
    if (!code)
        code = open_tokenizer(&t, argv[0]);
    if (!code)
        code = tokenize_all(&t, &texts);
    texts_close(&texts);
    free(t.id);
    free(t.type);
    tern_tokenizer_close(t.own);
    tern_model_close(t.model);
    return code;
}
