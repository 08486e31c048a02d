/* Reads the records of data files in the forms that data sets come in: TSV, CSV and JSON lines. */
#include "tools/records.h"

#include "tools/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int records_open(struct records *r, const char *path, const struct record_form *form)
{
    *r = (struct records){.form = form};
    return input_open(&r->in, path, 1);
}

void records_close(struct records *r)
{
    input_close(&r->in);
    free(r->room.bytes);
    json_decref(r->object);
    *r = (struct records){.in = {.fd = -1}};
}

const char *records_where(const struct records *r, char out[128])
{
    snprintf(out, 128, "%.90s:%zu", r->in.name, r->in.line);
    return out;
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
    const int kept = n < FORM_COLUMNS ? n : FORM_COLUMNS, missing = find_names(form, columns, kept, r->column, &any);
    const int layouts = r->kind->split && !strcmp(r->kind->name, "tsv") ? find_layouts(form, columns, n, &layout) : 0;
    records_where(r, where);
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

static int take_columns(struct records *r, const struct record_field *line, struct record_field *out, int *code)
{
    struct record_field columns[FORM_COLUMNS];
    char where[128];
    const char *why;
    const int n = r->kind->split(&r->room, line, columns, &why, code);
    if (n == 0)
        *code = cli_fail(CLI_INPUT, "%s: %s", records_where(r, where), why);
    if (n <= 0)
        return -1;
    if (!r->columns) {
        const int header = find_columns(r, columns, n, code);
        if (header)
            return header < 0 ? -1 : 0;
    }
    if (n != r->columns && !(r->or_more && n > r->columns)) {
        *code = cli_fail(CLI_INPUT, "%s: has %d columns, where the file's first line has %d", records_where(r, where),
                         n, r->columns);
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

static int take_members(struct records *r, const struct record_field *line, struct record_field *out, int *code)
{
    char where[128], why[FORM_NAME];
    records_where(r, where);
    const int bad = form_object(&r->object, line, why, code);
    if (bad > 0)
        *code = cli_fail(CLI_INPUT, "%s: %s", where, why);
    if (bad)
        return -1;
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
    struct record_field record;
    if (!r->kind && !(r->kind = form_of_first_line(&r->in, 1, code)))
        return -1;
    for (;;) {
        int got = input_next(&r->in, r->kind->end, &record, code);
        if (got <= 0)
            return got;
        if (!record.bytes)
            continue;
        got = r->kind->split ? take_columns(r, &record, out, code) : take_members(r, &record, out, code);
        if (got)
            return got;
    }
}
