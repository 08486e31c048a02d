/* Writes and reads the text that `tern bench --calibrate-sparse` makes: where sparse and dense products cross. */
#include "models/sparse_table.h"

#include "models/blocks.h"

#include <string.h>

/* The word at *text, *text moved to the blanks behind it. Returns its length, 0 at a line's end. */
static size_t next_word(const char **text, const char **word)
{
    const char *at = *text;
    while (*at == ' ')
        at++;
    *word = at;
    while (*at && *at != ' ' && *at != '\n')
        at++;
    *text = at;
    return (size_t)(at - *word);
}

/* The rest of the line into out[capacity], cut where it is full. */
static void rest_of_line(const char *text, char *out, size_t capacity)
{
    while (*text == ' ')
        text++;
    size_t n = strcspn(text, "\n");
    n = n < capacity ? n : capacity - 1;
    memcpy(out, text, n);
    out[n] = 0;
}

static int read_percents(const char **text, int *out)
{
    for (int i = 0; i < TERN_ROW_BUCKETS; i++) {
        const char *word;
        const size_t n = next_word(text, &word);
        int value = 0;
        if (n < 1 || n > 3)
            return -1;
        for (size_t k = 0; k < n; k++) {
            if (word[k] < '0' || word[k] > '9')
                return -1;
            value = value * 10 + (word[k] - '0');
        }
        if (value > 100)
            return -1;
        out[i] = value;
    }
    return 0;
}

/* One line: a shape's row, or a part of the head. */
static const char *read_line(struct tern_sparse_table *t, const char *line, int *seen)
{
    const char *at = line, *word;
    char name[16];
    const size_t n = next_word(&at, &word);
    if (!n || *word == '#')
        return NULL;
    if (n >= sizeof name)
        return "has a line that begins with an unknown word";
    memcpy(name, word, n);
    name[n] = 0;
    const int shape = tern_block_shape_find(name);
    if (!strcmp(name, "version"))
        rest_of_line(at, t->version, sizeof t->version);
    else if (!strcmp(name, "cpu"))
        rest_of_line(at, t->cpu, sizeof t->cpu);
    else if (!strcmp(name, "isa"))
        rest_of_line(at, t->isa, sizeof t->isa);
    else if (shape < 0)
        return "has a line that begins with an unknown word";
    else if (seen[shape]++)
        return "has two lines for one shape of blocks";
    else if (read_percents(&at, t->routes.as_stored[shape]) || read_percents(&at, t->routes.pays[shape]) ||
             next_word(&at, &word))
        return "has a line that is not a shape and eight whole numbers from 0 to 100";
    return NULL;
}

const char *tern_sparse_table_read(struct tern_sparse_table *out, const char *text)
{
    int seen[TERN_N_BLOCK_SHAPES] = {0};
    const char *fault = NULL;
    memset(out, 0, sizeof *out);
    while (*text && !fault) {
        fault = read_line(out, text, seen);
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    for (int i = 0; i < TERN_N_BLOCK_SHAPES && !fault; i++)
        if (!seen[i])
            fault = "has no line for one of the shapes of blocks";
    if (!fault && (!*out->version || !*out->cpu || !*out->isa))
        fault = "does not say its version, cpu and isa";
    return fault;
}

tern_status tern_sparse_table_apply(struct tern_sparse_routes *routes, const char *text, const char *isa,
                                    tern_error *err)
{
    struct tern_sparse_table table;
    const char *fault = text ? tern_sparse_table_read(&table, text) : NULL;
    if (fault)
        return tern_fail(err, TERN_USAGE, "the sparse table %s", fault);
    if (text && strcmp(table.version, TERN_VERSION))
        return tern_fail(err, TERN_USAGE, "the sparse table is of version %s; this is %s", table.version, TERN_VERSION);
    if (text && strcmp(table.isa, isa))
        return tern_fail(err, TERN_USAGE, "the sparse table is for %s; %s is in use", table.isa, isa);
    if (text)
        *routes = table.routes;
    return TERN_OK;
}
