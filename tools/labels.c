/* The labels that a user gives for his texts: in one word with commas, or the lines of a file. */
#include "tools/labels.h"

#include "models/unicode.h"
#include "runtime/base/file.h"
#include "tools/cli.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 24, MOST_LABELS = 1 << 20 };

/* Cuts the bytes at `separator`, without the spaces around a label. */
static int split(struct labels *l, char separator)
{
    size_t most = 1;
    for (const char *c = l->bytes; *c; c++)
        most += *c == separator;
    l->list = malloc(most * sizeof *l->list);
    if (!l->list)
        return cli_nomem(most * sizeof *l->list);
    for (char *at = l->bytes, *next; at; at = next) {
        next = strchr(at, separator);
        if (next)
            *next++ = 0;
        at += strspn(at, " \t\r");
        size_t n = strlen(at);
        while (n && strchr(" \t\r", at[n - 1]))
            at[--n] = 0;
        if (n)
            l->list[l->n++] = at;
    }
    return CLI_OK;
}

int labels_read(struct labels *out, const char *given)
{
    const int file = given[0] == '@';
    tern_error err;
    size_t bytes = strlen(given);
    if (file && tern_read_text(&out->bytes, &bytes, given + 1, MOST_BYTES, 0, &err))
        return cli_status(&err);
    if (!file && !(out->bytes = strdup(given)))
        return cli_nomem(bytes);
    if (strlen(out->bytes) != bytes || tern_utf8_check((const uint8_t *)out->bytes, bytes) != bytes)
        return cli_fail(CLI_USAGE, "classify: --labels %.64s: not UTF-8", given);
    const int code = split(out, file ? '\n' : ',');
    if (!code && (!out->n || out->n > MOST_LABELS))
        return cli_fail(CLI_USAGE, "classify: --labels %.64s: %zu labels; 1 to %d are possible", given, out->n,
                        MOST_LABELS);
    return code;
}

void labels_free(struct labels *labels)
{
    free(labels->list);
    free(labels->bytes);
}
