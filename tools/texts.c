/* Reads texts from arguments or lines of standard input, for all subcommands that take texts. */
#include "tools/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Answers appended to their own texts would never end. */
static int reads_what_it_writes(void)
{
    struct stat in, out;
    return fstat(STDIN_FILENO, &in) == 0 && fstat(STDOUT_FILENO, &out) == 0 && S_ISREG(in.st_mode) &&
           in.st_dev == out.st_dev && in.st_ino == out.st_ino;
}

int texts_open(struct texts *t, char **words, int n, int pairs, const char *command)
{
    int dash = n == 1 && !strcmp(words[0], "-");
    *t = (struct texts){.words = n && !dash ? words : NULL, .n_words = n, .pairs = pairs, .fd = STDIN_FILENO};
    for (int i = 0; t->words && i < n; i++)
        if (!strcmp(words[i], "-"))
            return cli_fail(CLI_USAGE,
                            "%s: - stands for the lines of standard input, and stands alone; write a text that is a "
                            "dash to standard input, too",
                            command);
    if (!t->words && reads_what_it_writes())
        return cli_fail(CLI_USAGE, "%s: standard input and standard output are the same file", command);
    if (n == 0 && isatty(STDIN_FILENO)) {
        cli_help(stderr, command);
        return CLI_USAGE;
    }
    return CLI_OK;
}

int texts_open_file(struct texts *t, const char *path)
{
    *t = (struct texts){.name = path, .fd = STDIN_FILENO};
    if (!strcmp(path, "-")) {
        t->name = "standard input";
        return CLI_OK;
    }
    t->fd = open(path, O_RDONLY | O_CLOEXEC);
    return t->fd >= 0 ? CLI_OK : cli_fail(CLI_FAILED, "%s: cannot open: %s", path, strerror(errno));
}

void texts_close(struct texts *t)
{
    if (t->fd > STDIN_FILENO)
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

/* As read, but waits where that would not: a pipe may have been set not to block by whoever shares it. */
static ssize_t read_some(int fd, char *out, size_t capacity)
{
    for (;;) {
        const ssize_t n = read(fd, out, capacity);
        if (n >= 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK))
            return n;
        struct pollfd input = {.fd = fd, .events = POLLIN};
        if (errno != EINTR)
            (void)poll(&input, 1, -1);
    }
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
            *code = cli_nomem(capacity);
            return -1;
        }
        t->buffer = buffer;
        t->capacity = capacity;
    }
    ssize_t n = read_some(t->fd, t->buffer + t->end, t->capacity - t->end);
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

/* UTF-16 with a byte order mark, or of letters of ASCII, of which every other byte is zero. */
static int is_utf16(const char *line, size_t bytes)
{
    size_t zeros[2] = {0, 0};
    if (bytes >= 2 && (!memcmp(line, "\xff\xfe", 2) || !memcmp(line, "\xfe\xff", 2)))
        return 1;
    for (size_t i = 0; i < bytes; i++)
        zeros[i % 2] += !line[i];
    return bytes >= 4 && (zeros[0] == (bytes + 1) / 2 || zeros[1] == bytes / 2);
}

/* What stands at the beginning of a file only: a byte order mark is no part of the first text. */
static int begin(const struct texts *t, struct text *line, int *code)
{
    if (is_utf16(line->text, line->bytes)) {
        *code = cli_fail(CLI_INPUT, "%s: the text is UTF-16, not UTF-8; convert it first: iconv -f UTF-16 -t UTF-8",
                         t->name ? t->name : "standard input");
        return -1;
    }
    if (line->bytes >= 3 && !memcmp(line->text, "\xef\xbb\xbf", 3)) {
        line->text += 3;
        line->bytes -= 3;
    }
    return 1;
}

int texts_next(struct texts *t, struct text *out, int *code)
{
    if (t->words) {
        if (t->number == (size_t)t->n_words)
            return 0;
        const char *word = t->words[t->number];
        *out = (struct text){.text = word, .bytes = strlen(word)};
    } else {
        int got = next_line(t, out, code);
        if (got > 0 && !t->number)
            got = begin(t, out, code);
        if (got <= 0)
            return got;
    }
    t->number++;
    if (!t->pairs)
        return 1;
    const char *tab = memchr(out->text, '\t', out->bytes);
    if (!tab) {
        out->why = "no tab between the text and its pair";
        return 1;
    }
    out->pair = tab + 1;
    out->pair_bytes = out->bytes - (size_t)(tab + 1 - out->text);
    out->bytes = (size_t)(tab - out->text);
    return 1;
}

int texts_refuse(struct texts *t, const char *why)
{
    char where[128];
    texts_where(t, where);
    if (!t->keep_going)
        return cli_fail(CLI_INPUT, "%s: %s", where, why);
    if (!t->refused++)
        memcpy(t->first, where, sizeof t->first);
    if (t->form == TEXTS_ROW) {
        cli_warn("%s: %s", where, why);
    } else if (t->form == TEXTS_JSON) {
        fputs("{\"error\":", stdout);
        cli_json_text(stdout, why);
        printf(",\"line\":%zu}\n", t->number);
    } else {
        printf("!error\t%zu\t", t->number);
        cli_plain(stdout, why, strlen(why));
        putchar('\n');
    }
    return cli_written();
}

int texts_end(const struct texts *t, int code)
{
    if (code || !t->refused)
        return code;
    return cli_fail(CLI_INPUT, "%zu of %zu texts were refused, the first of them: %s", t->refused, t->number, t->first);
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
