/* Reads the files of the tasks of `tern eval`, and files of texts. */
#include "tools/eval_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one element more; CLI_OK, or CLI_FAILED with a line. */
static int grow(void **block, size_t *capacity, size_t needed, size_t element)
{
    if (needed <= *capacity)
        return CLI_OK;
    const size_t more = needed * 2 + 1024;
    void *grown = reallocarray(*block, more, element);
    if (!grown)
        return cli_nomem(more * element);
    *block = grown;
    *capacity = more;
    return CLI_OK;
}

int eval_add_text(struct eval_data *d, const char *text, size_t bytes, size_t line)
{
    int code = grow((void **)&d->texts, &d->texts_capacity, d->n_texts + 1, sizeof *d->texts);
    if (!code)
        code = grow((void **)&d->pool, &d->pool_capacity, d->pool_used + bytes + 1, 1); /* there where all are empty */
    if (code)
        return code;
    if (bytes)
        memcpy(d->pool + d->pool_used, text, bytes);
    d->texts[d->n_texts++] = (struct eval_text){d->pool_used, bytes, line};
    d->pool_used += bytes;
    return CLI_OK;
}

int eval_add_joined(struct eval_data *d, const struct record_field parts[2], size_t line)
{
    const size_t first = d->pool_used;
    const int two = parts[0].bytes && parts[1].bytes;
    int code = eval_add_text(d, parts[0].text, parts[0].bytes, line);
    if (!code && two)
        code = eval_add_text(d, " ", 1, line);
    if (!code)
        code = eval_add_text(d, parts[1].text, parts[1].bytes, line);
    if (code)
        return code;
    d->n_texts -= two ? 2 : 1;
    struct eval_text *const t = &d->texts[d->n_texts - 1];
    *t = (struct eval_text){first, d->pool_used - first, line};
    for (; t->bytes && strchr(" \t\n\r", d->pool[t->at]); t->at++)
        t->bytes--;
    while (t->bytes && strchr(" \t\n\r", d->pool[t->at + t->bytes - 1]))
        t->bytes--;
    return CLI_OK;
}

static int same_name(const char *name, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        const char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
        if (name[i] != (c == ' ' || c == '-' ? '_' : c) || !name[i])
            return 0;
    }
    return !name[bytes];
}

int eval_class(const struct eval_classes *classes, int most, const char *text, size_t bytes)
{
    const struct record_field field = {text, bytes};
    double number;
    for (int i = 0; i < classes->n; i++)
        for (int k = 0; k < EVAL_NAMES && classes->names[i][k]; k++)
            if (same_name(classes->names[i][k], text, bytes))
                return i;
    return !record_number(&field, &number) && number >= 0 && number <= most && number == floor(number) ? (int)number
                                                                                                       : -1;
}

static int is_answer(const struct eval_rows *rows, const struct record_field *field, double *gold)
{
    if (!rows->classes)
        return !record_number(field, gold) && *gold >= 0 && *gold <= rows->most;
    *gold = eval_class(rows->classes, (int)rows->most, field->text, field->bytes);
    return *gold >= 0;
}

static int add_row(struct eval_data *d, const struct records *r, const struct record_field *fields,
                   const struct eval_rows *rows)
{
    const struct record_field *const answer = &fields[rows->texts];
    const int names = rows->classes && rows->classes->n;
    char where[128];
    double gold;
    if (!is_answer(rows, answer, &gold))
        return cli_fail(CLI_INPUT, "%s: the %s is '%.*s', not a %snumber from 0 to %g%s%s", records_where(r, where),
                        rows->form->names[rows->texts][0], (int)(answer->bytes < 64 ? answer->bytes : 64), answer->text,
                        rows->classes ? "whole " : "", rows->most, names ? " or a name such as " : "",
                        names ? rows->classes->names[0][0] : "");
    int code = grow((void **)&d->gold, &d->gold_capacity, d->n_rows + 1, sizeof *d->gold);
    for (int i = 0; i < rows->texts && !code; i++)
        code = eval_add_text(d, fields[i].text, fields[i].bytes, r->in.line);
    if (!code)
        d->gold[d->n_rows++] = gold;
    return code;
}

int eval_read_rows(struct eval_data *d, const char *path, const struct eval_rows *rows)
{
    struct records r;
    struct record_field fields[RECORD_FIELDS];
    d->per_row = rows->texts;
    int code = records_open(&r, path, rows->form);
    while (!code && records_next(&r, fields, &code) > 0)
        code = add_row(d, &r, fields, rows);
    records_close(&r);
    if (!code && !d->n_rows)
        code = cli_fail(CLI_INPUT, "%s: there is no record in it; the forms that are read: %s", path, rows->form->says);
    return code;
}

/* All texts of an input that was opened with `code`; closes it. */
static int add_texts(struct eval_data *d, const char *path, struct texts *texts, int code)
{
    struct text text;
    char where[128];
    d->per_row = 1;
    while (!code && texts_next(texts, &text, &code) > 0)
        code = text.why ? cli_fail(CLI_INPUT, "%s: %s", texts_where(texts, where), text.why)
                        : eval_add_text(d, text.text, text.bytes, texts_place(texts));
    texts_close(texts);
    d->n_rows = d->n_texts;
    if (!code && !d->n_texts)
        code = cli_fail(CLI_INPUT, "%s: there is no text in it", path);
    return code;
}

int eval_read_lines(struct eval_data *d, const char *path)
{
    struct texts lines;
    return add_texts(d, path, &lines, texts_open_file(&lines, path));
}

int eval_read_texts(struct eval_data *d, const char *path, const struct text_options *o)
{
    struct texts texts;
    struct text_options with = *o;
    char *no_words[] = {NULL};
    with.input = path;
    return add_texts(d, path, &texts, texts_open_by(&texts, &with, no_words, 1, "eval"));
}

void eval_data_free(struct eval_data *d)
{
    free(d->texts);
    free(d->gold);
    free(d->pool);
    *d = (struct eval_data){0};
}

static int equal(const struct eval_data *d, size_t a, size_t b)
{
    const struct eval_text *x = &d->texts[a], *y = &d->texts[b];
    return x->bytes == y->bytes && !memcmp(d->pool + x->at, d->pool + y->at, x->bytes);
}

size_t *eval_distinct(const struct eval_data *d, size_t *n)
{
    /* A table with open addressing, at most half full; 0 is a free place, else a text's index + 1. */
    size_t slots = 16;
    while (slots / 2 < d->n_texts)
        slots *= 2;
    size_t *const table = calloc(slots, sizeof *table), *const out = malloc(d->n_texts * sizeof *out);
    *n = 0;
    if (!table || !out) {
        free(table);
        free(out);
        cli_nomem((slots + d->n_texts) * sizeof *out);
        return NULL;
    }
    for (size_t i = 0; i < d->n_texts; i++) {
        size_t slot = (size_t)cli_digest(d->pool + d->texts[i].at, d->texts[i].bytes) & (slots - 1);
        while (table[slot] && !equal(d, i, table[slot] - 1))
            slot = (slot + 1) & (slots - 1);
        if (!table[slot]) {
            table[slot] = i + 1;
            out[(*n)++] = i;
        }
    }
    free(table);
    return out;
}
