/* Reads texts from arguments or lines of standard input, for all subcommands that take texts. */
#include "tools/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int texts_open(struct texts *t, char **words, int n, int pairs, const char *command)
{
    int dash = n == 1 && !strcmp(words[0], "-");
    *t = (struct texts){.words = n && !dash ? words : NULL, .n_words = n, .pairs = pairs, .fd = STDIN_FILENO};
    if (n == 0 && isatty(STDIN_FILENO)) {
        cli_help(stderr, command);
        return CLI_USAGE;
    }
    return CLI_OK;
}

int texts_open_file(struct texts *t, const char *path)
{
    *t = (struct texts){.name = path};
    t->fd = open(path, O_RDONLY | O_CLOEXEC);
    return t->fd >= 0 ? CLI_OK : cli_fail(CLI_FAILED, "%s: cannot open: %s", path, strerror(errno));
}

void texts_close(struct texts *t)
{
    if (t->name && t->fd >= 0)
        close(t->fd);
    free(t->buffer);
    *t = (struct texts){.fd = -1};
}

const char *texts_where(const struct texts *t, char out[128])
{
    if (t->name)
        snprintf(out, 128, "%.90s:%zu", t->name, t->number);
    else
        snprintf(out, 128, "%s %zu", t->words ? "text" : "line", t->number);
    return out;
}

/* Reads more behind what is in the buffer. -1 with a line when that fails. */
static int fill(struct texts *t, int *code)
{
    if (t->start && t->start == t->end) {
        t->start = t->end = 0;
    } else if (t->start && t->end == t->capacity) {
        memmove(t->buffer, t->buffer + t->start, t->end - t->start);
        t->end -= t->start;
        t->start = 0;
    }
    if (t->end == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : 1 << 16;
        char *buffer = realloc(t->buffer, capacity);
        if (!buffer) {
            *code = cli_nomem();
            return -1;
        }
        t->buffer = buffer;
        t->capacity = capacity;
    }
    ssize_t n;
    do
        n = read(t->fd, t->buffer + t->end, t->capacity - t->end);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        *code = cli_fail(CLI_FAILED, "%s: cannot read: %s", t->name ? t->name : "standard input", strerror(errno));
        return -1;
    }
    t->at_end = n == 0;
    t->end += (size_t)n;
    return 0;
}

/* The next line without its end: LF or CR LF. */
static int next_line(struct texts *t, struct text *out, int *code)
{
    size_t seen = 0;
    for (;;) {
        char *line = t->buffer ? t->buffer + t->start : NULL, *end = NULL;
        if (t->end > t->start + seen)
            end = memchr(line + seen, '\n', t->end - t->start - seen);
        seen = t->end - t->start;
        if (!end && !t->at_end) {
            if (fill(t, code))
                return -1;
            continue;
        }
        if (!end && !seen)
            return 0;
        size_t bytes = end ? (size_t)(end - line) : seen;
        t->start += bytes + (end != NULL);
        if (end && bytes && line[bytes - 1] == '\r')
            bytes--;
        *out = (struct text){.text = line, .bytes = bytes};
        return 1;
    }
}

int texts_next(struct texts *t, struct text *out, int *code)
{
    char where[128];
    if (t->words) {
        if (t->number == (size_t)t->n_words)
            return 0;
        const char *word = t->words[t->number];
        *out = (struct text){.text = word, .bytes = strlen(word)};
    } else {
        int got = next_line(t, out, code);
        if (got <= 0)
            return got;
    }
    t->number++;
    if (!t->pairs)
        return 1;
    const char *tab = memchr(out->text, '\t', out->bytes);
    if (!tab) {
        *code = cli_fail(CLI_INPUT, "%s: no tab between the text and its pair", texts_where(t, where));
        return -1;
    }
    out->pair = tab + 1;
    out->pair_bytes = out->bytes - (size_t)(tab + 1 - out->text);
    out->bytes = (size_t)(tab - out->text);
    return 1;
}

int texts_ready(struct texts *t)
{
    if (t->words || t->name || t->at_end)
        return 1;
    if (t->end > t->start && memchr(t->buffer + t->start, '\n', t->end - t->start))
        return 1;
    struct pollfd input = {.fd = t->fd, .events = POLLIN};
    return poll(&input, 1, 0) != 0; /* an error will show when reading */
}
