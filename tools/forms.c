/* The forms that texts are read in, and how the text is found in a record of each. */
#include "tools/forms.h"
#include "tools/cli.h"

#include "models/json.h"

#include <stdlib.h>
#include <string.h>

enum { JSON_VALUES = 1000000 }; /* of one object: it may carry a vector, or a text's tokens */

/* ---- Where a record ends ---- */

static size_t null_end(const char *bytes, size_t n, size_t *seen, int *state)
{
    (void)state;
    const char *const end = memchr(bytes + *seen, '\0', n - *seen);
    *seen = n;
    return end ? (size_t)(end - bytes) : n;
}

/* RFC 4180: a line's end between quotes is a part of the field. */
static size_t quoted_end(const char *bytes, size_t n, size_t *seen, int *state)
{
    enum { BEGIN, QUOTED = INPUT_OPEN, PLAIN, QUOTE }; /* QUOTE: it closes the field, or is the first of two */
    for (size_t i = *seen; i < n; i++) {
        const char c = bytes[i];
        if (*state == QUOTED) {
            *state = c == '"' ? QUOTE : QUOTED;
        } else if (c == '\n') {
            *seen = i;
            return i;
        } else if (c == '"' && *state != PLAIN) {
            *state = QUOTED;
        } else {
            *state = c == ',' ? BEGIN : PLAIN;
        }
    }
    *seen = n;
    return n;
}

/* ---- Columns ---- */

/* Quotes are characters like others, as in the type text/tab-separated-values and in GLUE's files. */
static int split_tabs(struct form_room *room, const struct record_field *record, struct record_field *columns,
                      const char **why, int *code)
{
    (void)room;
    (void)why;
    (void)code;
    const char *at = record->text, *const end = record->text + record->bytes;
    for (int n = 0;; n++) {
        const char *const tab = at == end ? NULL : memchr(at, '\t', (size_t)(end - at));
        if (n < FORM_COLUMNS)
            columns[n] = (struct record_field){at, (size_t)((tab ? tab : end) - at)};
        if (!tab)
            return n + 1;
        at = tab + 1;
    }
}

/* The bytes of a field that begins with a quote, written to *to without it; what follows the closing quote, or NULL. */
static const char *unquote(const char *at, const char *end, char **to, const char **why)
{
    for (at++; at < end && !(*at == '"' && (at + 1 == end || at[1] != '"')); *(*to)++ = *at++)
        at += *at == '"'; /* the second of two */
    if (at == end)
        *why = "a field begins with a quote, and no other ends it within 16 MiB; a quote in a field is doubled";
    else if (at + 1 < end && at[1] != ',')
        *why = "a quoted field must end with a quote before a comma or the line's end; a quote in it is doubled";
    else
        return at + 1;
    return NULL;
}

/* RFC 4180. */
static int split_commas(struct form_room *room, const struct record_field *record, struct record_field *columns,
                        const char **why, int *code)
{
    if (record->bytes > room->capacity) {
        char *more = realloc(room->bytes, record->bytes);
        if (!more) {
            *code = cli_nomem(record->bytes);
            return -1;
        }
        room->bytes = more;
        room->capacity = record->bytes;
    }
    const char *at = record->text, *const end = record->text + record->bytes;
    char *to = room->bytes;
    for (int n = 0;; n++) {
        struct record_field field = {to, 0};
        if (at < end && *at == '"') {
            at = unquote(at, end, &to, why);
            if (!at)
                return 0;
        } else {
            while (at < end && *at != ',')
                *to++ = *at++;
        }
        field.bytes = (size_t)(to - field.text);
        if (n < FORM_COLUMNS)
            columns[n] = field;
        if (at == end)
            return n + 1;
        at++;
    }
}

/* ---- The table ---- */

const struct form forms[] = {
    {"lines", {NULL}, FORM_WHOLE, 1, input_line_end, NULL},
    {"null", {NULL}, FORM_WHOLE, 1, null_end, NULL},
    {"jsonl", {".jsonl", ".ndjson"}, FORM_MEMBERS, 0, input_line_end, NULL},
    {"csv", {".csv"}, FORM_TABLE, 0, quoted_end, split_commas},
    {"tsv", {".tsv", ".tab"}, FORM_TABLE, 0, input_line_end, split_tabs},
    {.name = NULL},
};
const char form_names[] = "lines, null, jsonl, csv or tsv";

const struct form *form_find(const char *name)
{
    for (const struct form *f = forms; f->name; f++)
        if (!strcmp(f->name, name))
            return f;
    return NULL;
}

const struct form *form_of_file(const char *path)
{
    const size_t length = strlen(path);
    for (const struct form *f = forms; f->name; f++)
        for (int i = 0; i < FORM_ENDINGS && f->endings[i]; i++) {
            const size_t n = strlen(f->endings[i]);
            if (length > n && !strcmp(path + length - n, f->endings[i]))
                return f;
        }
    return NULL;
}

const struct form *form_of_first_line(struct input *in, int members, int *code)
{
    struct record_field line = {"", 0};
    int got;
    while ((got = input_peek(in, &line, code)) > 0 && (!line.bytes || (line.bytes == 1 && *line.text == '\r')))
        if (input_next(in, input_line_end, &line, code) < 0)
            return NULL;
    if (got < 0)
        return NULL;
    if (members && line.bytes && *line.text == '{')
        return form_find("jsonl");
    return form_find(line.bytes && memchr(line.text, '\t', line.bytes) ? "tsv" : "csv");
}

int form_object(json_t **out, const struct record_field *record, char *why, int *code)
{
    static const char label[] = "record";
    tern_error err;
    json_decref(*out);
    *out = NULL;
    if (!tern_json_parse(out, record->text, record->bytes, JSON_VALUES, label, &err))
        return 0;
    if (err.code != TERN_FORMAT) {
        *code = cli_status(&err);
        return -1;
    }
    snprintf(why, FORM_NAME, "%.200s", err.message + sizeof label + 1); /* its place is told in front of the reason */
    return 1;
}

/* ---- The text in a record ---- */

/* Puts field i to where it belongs. */
static void put(struct text *out, int i, const char *text, size_t bytes)
{
    if (i == 0) {
        out->text = text;
        out->bytes = bytes;
    } else {
        out->pair = text;
        out->pair_bytes = bytes;
    }
}

static int take_whole(struct fields *f, const struct record_field *record, struct text *out)
{
    put(out, 0, record->text, record->bytes);
    if (!f->tab)
        return 1;
    const char *const tab = record->bytes ? memchr(record->text, '\t', record->bytes) : NULL;
    if (!tab) {
        out->why = "no tab between the text and its pair";
        return 1;
    }
    out->bytes = (size_t)(tab - record->text);
    put(out, 1, tab + 1, record->bytes - out->bytes - 1);
    return 1;
}

static int take_members(struct fields *f, const struct record_field *record, struct text *out, int *code)
{
    const int bad = form_object(&f->object, record, f->why, code);
    if (bad < 0)
        return -1;
    out->why = bad ? f->why : NULL;
    for (int i = 0; i < f->n && !out->why; i++) {
        const json_t *const value = json_object_get(f->object, f->names[i]);
        if (json_is_string(value)) {
            put(out, i, json_string_value(value), json_string_length(value));
            continue;
        }
        if (!json_is_object(f->object))
            snprintf(f->why, sizeof f->why, "is no JSON object");
        else if (value)
            snprintf(f->why, sizeof f->why, "the member '%.200s' is no string", f->names[i]);
        else
            snprintf(f->why, sizeof f->why, "the object has no member '%.200s'", f->names[i]);
        out->why = f->why;
    }
    return 1;
}

/* The columns by their names in the first row. Returns 0, or -1 with *code set. */
static int find_columns(struct fields *f, const struct input *in, const struct record_field *columns, int n, int *code)
{
    for (int i = 0; i < f->n; i++) {
        const size_t bytes = strlen(f->names[i]);
        int at = 0;
        while (at < n && at < FORM_COLUMNS &&
               (columns[at].bytes != bytes || (bytes && memcmp(columns[at].text, f->names[i], bytes))))
            at++;
        if (at < n && at < FORM_COLUMNS) {
            f->columns[i] = at;
            continue;
        }
        *code = cli_fail(CLI_INPUT,
                         "%s:%zu: the header has no column '%.64s', but %d others, the first of them '%.*s'; give a "
                         "name of these or a number with --column",
                         in->name ? in->name : "standard input", in->line, f->names[i], n,
                         (int)(columns[0].bytes < 64 ? columns[0].bytes : 64), columns[0].text);
        return -1;
    }
    return 0;
}

/* 0: the record is the header. */
static int take_columns(struct fields *f, const struct input *in, const struct record_field *record, struct text *out,
                        int *code)
{
    struct record_field columns[FORM_COLUMNS];
    const int header = !f->n_columns && !f->numbered, n = f->form->split(&f->room, record, columns, &out->why, code);
    if (n < 0)
        return -1;
    if (!n && header) {
        *code = cli_fail(CLI_INPUT, "%s:%zu: %s", in->name ? in->name : "standard input", in->line, out->why);
        return -1;
    }
    if (!n)
        return 1;
    if (!f->n_columns) {
        f->n_columns = n;
        if (header)
            return find_columns(f, in, columns, n, code);
    }
    if (n != f->n_columns)
        snprintf(f->why, sizeof f->why, "has %d column%s, where the file's first line has %d", n, n == 1 ? "" : "s",
                 f->n_columns);
    for (int i = 0; i < f->n && n == f->n_columns; i++) {
        if (f->columns[i] >= n || f->columns[i] >= FORM_COLUMNS) {
            snprintf(f->why, sizeof f->why, "has %d column%s, so that there is no column %d", n, n == 1 ? "" : "s",
                     f->columns[i] + 1);
            out->why = f->why;
            return 1;
        }
        put(out, i, columns[f->columns[i]].text, columns[f->columns[i]].bytes);
    }
    out->why = n == f->n_columns ? NULL : f->why;
    return 1;
}

int fields_next(struct fields *f, struct input *in, struct text *out, int *code)
{
    struct record_field record;
    if (!f->form && !(f->form = form_of_first_line(in, 0, code)))
        return -1;
    for (;;) {
        int got = input_next(in, f->form->end, &record, code);
        if (got <= 0)
            return got;
        if (!record.bytes && !f->form->blanks)
            continue;
        *out = (struct text){.text = ""};
        got = f->form->fields == FORM_WHOLE     ? take_whole(f, &record, out)
              : f->form->fields == FORM_MEMBERS ? take_members(f, &record, out, code)
                                                : take_columns(f, in, &record, out, code);
        if (got)
            return got;
    }
}

void fields_free(struct fields *f)
{
    free(f->room.bytes);
    json_decref(f->object);
    *f = (struct fields){.form = NULL};
}
