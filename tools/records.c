/* Reads the records of data files in the forms that data sets come in: TSV, CSV and JSON lines. */
#include "tools/records.h"

#include "models/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { JSON_VALUES = 10000 }; /* of one line */

int records_open(struct records *r, const char *path, const struct record_form *form)
{
    *r = (struct records){.form = form};
    return texts_open_file(&r->lines, path);
}

void records_close(struct records *r)
{
    texts_close(&r->lines);
    free(r->unquoted);
    json_decref(r->object);
    *r = (struct records){.lines = {.fd = -1}};
}

int record_number(const struct record_field *field, double *out)
{
    char copy[32], *end;
    if (!field->bytes || field->bytes >= sizeof copy)
        return -1;
    memcpy(copy, field->text, field->bytes);
    copy[field->bytes] = 0;
    *out = strtod(copy, &end);
    return end != copy + field->bytes || !isfinite(*out) ? -1 : 0;
}

/* ---- Columns ------------------------------------------------------------------------------------------------------
 */

/* Both return the number of columns, of which at most RECORD_COLUMNS are kept, or -1 with *code set. */
static int split_tabs(const struct text *line, struct record_field *columns)
{
    const char *at = line->text, *const end = line->text + line->bytes;
    for (int n = 0;; n++) {
        const char *const tab = memchr(at, '\t', (size_t)(end - at));
        if (n < RECORD_COLUMNS)
            columns[n] = (struct record_field){at, (size_t)((tab ? tab : end) - at)};
        if (!tab)
            return n + 1;
        at = tab + 1;
    }
}

static int bad_quotes(const struct records *r, int *code)
{
    char where[128];
    *code = cli_fail(CLI_INPUT,
                     "%s: a quoted field must end in its line, with a quote before a comma or the line's end; a quote "
                     "in it is doubled",
                     texts_where(&r->lines, where));
    return -1;
}

/* RFC 4180, but that no field goes on in the next line. */
static int split_commas(struct records *r, const struct text *line, struct record_field *columns, int *code)
{
    if (line->bytes > r->capacity) {
        char *more = realloc(r->unquoted, line->bytes);
        if (!more) {
            *code = cli_nomem(line->bytes);
            return -1;
        }
        r->unquoted = more;
        r->capacity = line->bytes;
    }
    const char *at = line->text, *const end = line->text + line->bytes;
    char *to = r->unquoted;
    for (int n = 0;; n++) {
        struct record_field field = {to, 0};
        if (at < end && *at == '"') {
            for (at++; at < end && !(*at == '"' && (at + 1 == end || at[1] != '"')); *to++ = *at++)
                at += *at == '"'; /* the second of two */
            if (at == end || (at + 1 < end && at[1] != ','))
                return bad_quotes(r, code);
            at++;
        } else {
            while (at < end && *at != ',')
                *to++ = *at++;
        }
        field.bytes = (size_t)(to - field.text);
        if (n < RECORD_COLUMNS)
            columns[n] = field;
        if (at == end)
            return n + 1;
        at++;
    }
}

static int split(struct records *r, const struct text *line, struct record_field *columns, int *code)
{
    return r->kind == RECORDS_TABS ? split_tabs(line, columns) : split_commas(r, line, columns, code);
}

static int is_named(const struct record_form *form, int field, const struct record_field *column)
{
    for (int i = 0; i < RECORD_NAMES && form->names[field][i]; i++)
        if (strlen(form->names[field][i]) == column->bytes &&
            !strncasecmp(form->names[field][i], column->text, column->bytes))
            return 1;
    return 0;
}

/* Finds the fields in a header; returns the first field that it has no column for, form->n when it has all. */
static int find_names(const struct record_form *form, const struct record_field *columns, int n, int *column, int *any)
{
    int missing = form->n;
    for (int field = form->n - 1; field >= 0; field--) {
        column[field] = 0;
        while (column[field] < n && !is_named(form, field, &columns[column[field]]))
            column[field]++;
        missing = column[field] == n ? field : missing;
        *any |= column[field] < n;
    }
    return missing;
}

/* The layouts whose number is one in this line; returns how many there are, and the first of them. */
static int find_layouts(const struct record_form *form, const struct record_field *columns, int n,
                        const struct record_layout **found)
{
    int fitting = 0;
    double number;
    for (const struct record_layout *l = form->layouts; l < form->layouts + RECORD_LAYOUTS && l->columns; l++)
        if ((n == l->columns || (l->or_more && n > l->columns)) &&
            !record_number(&columns[l->column[form->n - 1]], &number) && !fitting++)
            *found = l;
    return fitting;
}

/* Decides by the first line where the fields are. 1: it is a header, 0: it is a record, -1: with *code set. */
static int find_columns(struct records *r, const struct record_field *columns, int n, int *code)
{
    const struct record_form *const form = r->form;
    const struct record_layout *layout = NULL;
    char where[128];
    int any = 0;
    const int kept = n < RECORD_COLUMNS ? n : RECORD_COLUMNS,
              missing = find_names(form, columns, kept, r->column, &any);
    const int layouts = r->kind == RECORDS_TABS ? find_layouts(form, columns, n, &layout) : 0;
    texts_where(&r->lines, where);
    if (missing == form->n) {
        r->columns = n;
        return 1;
    }
    if (layouts == 1) {
        r->columns = layout->columns;
        r->or_more = layout->or_more;
        memcpy(r->column, layout->column, sizeof r->column);
        return 0;
    }
    if (layouts)
        *code = cli_fail(CLI_INPUT, "%s: more than one column may be the %s; begin the file with a header", where,
                         form->names[form->n - 1][0]);
    else if (any)
        *code = cli_fail(CLI_INPUT, "%s: the header has no column '%s'", where, form->names[missing][0]);
    else
        *code = cli_fail(CLI_INPUT, "%s: is none of the forms that are read: %s", where, form->says);
    return -1;
}

static int take_columns(struct records *r, const struct text *line, struct record_field *out, int *code)
{
    struct record_field columns[RECORD_COLUMNS];
    char where[128];
    const int n = split(r, line, columns, code);
    if (n < 0)
        return -1;
    if (!r->columns) {
        const int header = find_columns(r, columns, n, code);
        if (header)
            return header < 0 ? -1 : 0;
    }
    if (n != r->columns && !(r->or_more && n > r->columns)) {
        *code = cli_fail(CLI_INPUT, "%s: has %d columns, where the file's first line has %d",
                         texts_where(&r->lines, where), n, r->columns);
        return -1;
    }
    for (int field = 0; field < r->form->n; field++)
        out[field] = columns[r->column[field]];
    return 1;
}

/* ---- Objects ------------------------------------------------------------------------------------------------------
 */

static const json_t *member(const struct records *r, int field)
{
    const json_t *value = NULL;
    for (int i = 0; i < RECORD_NAMES && r->form->names[field][i] && !value; i++)
        value = json_object_get(r->object, r->form->names[field][i]);
    return value;
}

static int take_members(struct records *r, const struct text *line, struct record_field *out, int *code)
{
    char where[128];
    tern_error err;
    texts_where(&r->lines, where);
    json_decref(r->object);
    r->object = NULL;
    if (tern_json_parse(&r->object, line->text, line->bytes, JSON_VALUES, where, &err)) {
        *code = err.code == TERN_FORMAT ? cli_fail(CLI_INPUT, "%s", err.message) : cli_status(&err);
        return -1;
    }
    for (int field = 0; field < r->form->n; field++) {
        const json_t *const value = member(r, field);
        if (json_is_string(value)) {
            out[field] = (struct record_field){json_string_value(value), json_string_length(value)};
        } else if (json_is_number(value)) {
            out[field].text = r->numbers[field];
            out[field].bytes =
                (size_t)snprintf(r->numbers[field], sizeof r->numbers[field], "%.17g", json_number_value(value));
        } else {
            *code = cli_fail(CLI_INPUT, "%s: %s '%s'", where,
                             value ? "neither a string nor a number is" : "the object has no member",
                             r->form->names[field][0]);
            return -1;
        }
    }
    return 1;
}

int records_next(struct records *r, struct record_field out[RECORD_FIELDS], int *code)
{
    struct text line;
    for (;;) {
        int got = texts_next(&r->lines, &line, code);
        if (got <= 0)
            return got;
        if (!line.bytes)
            continue;
        if (!r->kind)
            r->kind = *line.text == '{'                     ? RECORDS_JSON
                      : memchr(line.text, '\t', line.bytes) ? RECORDS_TABS
                                                            : RECORDS_COMMAS;
        got = r->kind == RECORDS_JSON ? take_members(r, &line, out, code) : take_columns(r, &line, out, code);
        if (got)
            return got;
    }
}
