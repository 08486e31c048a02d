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

static int add_text(struct eval_data *d, const char *text, size_t bytes, size_t line)
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

static int add_row(struct eval_data *d, const struct records *r, const struct record_field *fields,
                   const struct eval_rows *rows)
{
    const struct record_field *const answer = &fields[rows->texts];
    char where[128];
    double gold;
    if (record_number(answer, &gold) || gold < 0 || gold > rows->most || (rows->whole && gold != floor(gold)))
        return cli_fail(CLI_INPUT, "%s: the %s is '%.*s', not a %snumber from 0 to %g", records_where(r, where),
                        rows->form->names[rows->texts][0], (int)(answer->bytes < 64 ? answer->bytes : 64), answer->text,
                        rows->whole ? "whole " : "", rows->most);
    int code = grow((void **)&d->gold, &d->gold_capacity, d->n_rows + 1, sizeof *d->gold);
    for (int i = 0; i < rows->texts && !code; i++)
        code = add_text(d, fields[i].text, fields[i].bytes, r->in.line);
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
                        : add_text(d, text.text, text.bytes, texts_place(texts));
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
