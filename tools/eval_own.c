/* Lines, JSON values and names: what the readers of `tern eval`'s own forms of files share. */
#include "tools/eval_own.h"

#include "runtime/base/file.h"
#include "tools/cli.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_JSON = 1 << 30 /* bytes of a file that is read at once */ };

/* ---- Lines ----------------------------------------------------------------------------------------------------------
 */

int eval_lines_open(struct eval_lines *l, const char *path)
{
    l->end = form_find("lines")->end;
    return input_open(&l->in, path, 1);
}

int eval_lines_next(struct eval_lines *l, struct record_field *out, int *code)
{
    return input_next(&l->in, l->end, out, code);
}

void eval_lines_close(struct eval_lines *l)
{
    input_close(&l->in);
}

const char *eval_lines_where(const struct eval_lines *l, char out[128])
{
    snprintf(out, 128, "%.90s:%zu", l->in.name, l->in.line);
    return out;
}

int eval_word(struct record_field *rest, struct record_field *word)
{
    while (rest->bytes && (*rest->text == ' ' || *rest->text == '\t'))
        rest->text++, rest->bytes--;
    *word = (struct record_field){rest->text, 0};
    while (rest->bytes && *rest->text != ' ' && *rest->text != '\t')
        rest->text++, rest->bytes--, word->bytes++;
    return word->bytes > 0;
}

/* ---- JSON -----------------------------------------------------------------------------------------------------------
 */

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int eval_read_json(json_t **out, const char *path)
{
    char *text = NULL;
    size_t bytes = 0;
    tern_error err;
    int code = CLI_OK;
    *out = NULL;
    if (tern_read_text(&text, &bytes, path, MOST_JSON, 0, &err))
        return cli_fail(err.code == TERN_NOMEM ? CLI_FAILED : CLI_INPUT, "%s", err.message);
    *out = json_array();
    const int bom = bytes >= 3 && !memcmp(text, "\xef\xbb\xbf", 3);
    for (size_t at = bom ? 3 : 0; !code && *out;) {
        json_error_t why;
        while (at < bytes && is_blank(text[at]))
            at++;
        if (at == bytes)
            break;
        json_t *const value =
            json_loadb(text + at, bytes - at, JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
        if (!value)
            code = cli_fail(CLI_INPUT, "%s: value %zu is bad JSON: %.100s", path, json_array_size(*out) + 1, why.text);
        else if (json_array_append_new(*out, value))
            code = cli_nomem(bytes);
        at += value ? (size_t)why.position : 0;
    }
    free(text);
    if (!*out)
        return cli_nomem(bytes);
    if (code) {
        json_decref(*out);
        *out = NULL;
    }
    return code;
}

json_t *eval_line_json(const struct record_field *line)
{
    return json_loadb(line->text, line->bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

/* ---- Names ----------------------------------------------------------------------------------------------------------
 */

const char *eval_name(const struct eval_names *names, size_t number, size_t *bytes)
{
    *bytes = names->at[number + 1] - names->at[number];
    return names->pool + names->at[number];
}

/* The place of a string in the table, or the free one where it would go. The table is at most half full. */
static size_t place(const struct eval_names *names, const char *text, size_t bytes)
{
    size_t slot = (size_t)cli_digest(text, bytes) & (names->slots - 1), length;
    for (; names->table[slot]; slot = (slot + 1) & (names->slots - 1)) {
        const char *const there = eval_name(names, names->table[slot] - 1, &length);
        if (length == bytes && !memcmp(there, text, bytes))
            break;
    }
    return slot;
}

size_t eval_name_find(const struct eval_names *names, const char *text, size_t bytes)
{
    if (!names->n)
        return SIZE_MAX;
    const size_t found = names->table[place(names, text, bytes)];
    return found ? found - 1 : SIZE_MAX;
}

/* Room for one string more: 0, or -1 with a line. */
static int reserve(struct eval_names *names, size_t bytes)
{
    if (names->at_capacity < names->n + 2) {
        const size_t capacity = 2 * names->n + 64;
        size_t *const at = reallocarray(names->at, capacity, sizeof *at);
        if (!at)
            return cli_nomem(capacity * sizeof *at), -1;
        at[0] = 0;
        names->at = at;
        names->at_capacity = capacity;
    }
    if (names->pool_capacity < names->at[names->n] + bytes + 1) {
        const size_t capacity = 2 * (names->at[names->n] + bytes) + 1024;
        char *const pool = realloc(names->pool, capacity);
        if (!pool)
            return cli_nomem(capacity), -1;
        names->pool = pool;
        names->pool_capacity = capacity;
    }
    if (names->slots < 2 * (names->n + 1)) {
        const size_t slots = names->slots ? 2 * names->slots : 128, *const old = names->table;
        size_t length, *const table = calloc(slots, sizeof *table);
        if (!table)
            return cli_nomem(slots * sizeof *table), -1;
        names->table = table;
        names->slots = slots;
        free((void *)old);
        for (size_t i = 0; i < names->n; i++) {
            const char *const text = eval_name(names, i, &length);
            table[place(names, text, length)] = i + 1;
        }
    }
    return 0;
}

size_t eval_name_add(struct eval_names *names, const char *text, size_t bytes)
{
    const size_t found = eval_name_find(names, text, bytes);
    if (found != SIZE_MAX)
        return found;
    if (reserve(names, bytes))
        return SIZE_MAX;
    const size_t slot = place(names, text, bytes), begin = names->at[names->n];
    if (bytes)
        memcpy(names->pool + begin, text, bytes);
    names->at[names->n + 1] = begin + bytes;
    names->table[slot] = ++names->n;
    return names->n - 1;
}

void eval_names_free(struct eval_names *names)
{
    free(names->pool);
    free(names->at);
    free(names->table);
    *names = (struct eval_names){0};
}
