/* Reads a file or standard input in pieces and cuts it into records, of any length and without end. */
#include "tools/input.h"
#include "tools/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char mark[] = "\xef\xbb\xbf"; /* U+FEFF: no part of the first record */
enum { MARK = sizeof mark - 1 };

int input_open(struct input *in, const char *path, int named)
{
    struct stat st;
    *in = (struct input){.fd = STDIN_FILENO, .size = -1};
    if (strcmp(path, "-")) {
        in->name = path;
        in->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (in->fd < 0)
            return cli_fail(CLI_FAILED, "%s: cannot open: %s", path, strerror(errno));
    } else if (named) {
        in->name = "standard input";
    }
    if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode))
        in->size = (int64_t)st.st_size;
    return CLI_OK;
}

void input_close(struct input *in)
{
    if (in->fd > STDIN_FILENO)
        close(in->fd);
    free(in->buffer);
    *in = (struct input){.fd = -1};
}

static const char *name_of(const struct input *in)
{
    return in->name ? in->name : "standard input";
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
static int fill(struct input *in, int *code)
{
    if (in->start && in->start == in->end) {
        in->start = in->end = 0;
    } else if (in->start && in->end == in->capacity) {
        memmove(in->buffer, in->buffer + in->start, in->end - in->start);
        in->end -= in->start;
        in->start = 0;
    }
    if (in->end == in->capacity) {
        const size_t capacity = in->capacity ? in->capacity * 2 : 1 << 16;
        char *buffer = realloc(in->buffer, capacity);
        if (!buffer) {
            *code = cli_nomem(capacity);
            return -1;
        }
        in->buffer = buffer;
        in->capacity = capacity;
    }
    const ssize_t n = read_some(in->fd, in->buffer + in->end, in->capacity - in->end);
    if (n < 0) {
        *code = cli_fail(CLI_FAILED, "%s: cannot read: %s", name_of(in), strerror(errno));
        return -1;
    }
    in->at_end = n == 0;
    in->end += (size_t)n;
    return 0;
}

/* A byte order mark stands before what it might hide: a quote around the first field. Reads on only while what is there
   may be the beginning of one, so that a short first line is answered at once. */
static int skip_mark(struct input *in, int *code)
{
    while (!in->begun) {
        const size_t have = in->end - in->start, n = have < MARK ? have : MARK;
        const int may_be = !n || !memcmp(in->buffer + in->start, mark, n);
        if (may_be && n < MARK && !in->at_end) {
            if (fill(in, code))
                return -1;
            continue;
        }
        if (may_be && n == MARK) {
            in->start += MARK;
            in->taken += MARK;
        }
        in->begun = 1;
    }
    return 0;
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

static size_t count_lines(const char *bytes, size_t n)
{
    size_t lines = 0;
    for (const char *at = bytes; n && (at = memchr(at, '\n', (size_t)(bytes + n - at))); at++)
        lines++;
    return lines;
}

/* Looks for the end of a record and reads until it is there. Its length, or SIZE_MAX with *code set. */
static size_t find_end(struct input *in, input_end *end, size_t *seen, int *state, int *code)
{
    size_t searched = 0; /* bytes without a line's end, of a record that is open for too long */
    if (skip_mark(in, code))
        return SIZE_MAX;
    for (;;) {
        const size_t have = in->end - in->start, bytes = have ? end(in->buffer + in->start, have, seen, state) : 0;
        if (bytes < have || in->at_end)
            return bytes;
        if (*state == INPUT_OPEN && have >= INPUT_MOST_OPEN) {
            if (memchr(in->buffer + in->start + searched, '\n', have - searched))
                return bytes;
            searched = have;
        }
        if (fill(in, code))
            return SIZE_MAX;
    }
}

int input_next(struct input *in, input_end *end, struct record_field *out, int *code)
{
    size_t bytes = find_end(in, end, &in->seen, &in->state, code);
    const size_t have = in->end - in->start;
    if (bytes == SIZE_MAX || !have)
        return bytes == SIZE_MAX ? -1 : 0;
    char *const record = in->buffer + in->start;
    if (bytes == have && in->state == INPUT_OPEN) {
        const char *const line = memchr(record, '\n', have);
        bytes = line ? (size_t)(line - record) : have;
    }
    const size_t whole = bytes + (bytes < have);
    in->line = in->lines + 1;
    in->lines += count_lines(record, whole);
    in->number++;
    in->start += whole;
    in->taken += (int64_t)whole;
    in->seen = 0;
    in->state = 0;
    if (whole > bytes && record[bytes] == '\n' && bytes && record[bytes - 1] == '\r')
        bytes--;
    *out = (struct record_field){record, bytes};
    if (in->number > 1 || !is_utf16(record, bytes))
        return 1;
    *code = cli_fail(CLI_INPUT, "%s: the text is UTF-16, not UTF-8; convert it first: iconv -f UTF-16 -t UTF-8",
                     name_of(in));
    return -1;
}

size_t input_line_end(const char *bytes, size_t n, size_t *seen, int *state)
{
    (void)state;
    const char *const end = memchr(bytes + *seen, '\n', n - *seen);
    *seen = n;
    return end ? (size_t)(end - bytes) : n;
}

int input_peek(struct input *in, struct record_field *out, int *code)
{
    size_t seen = 0;
    int state = 0;
    const size_t bytes = find_end(in, input_line_end, &seen, &state, code);
    if (bytes == SIZE_MAX || in->start == in->end)
        return bytes == SIZE_MAX ? -1 : 0;
    *out = (struct record_field){in->buffer + in->start, bytes};
    return 1;
}

int input_ready(const struct input *in, input_end *end)
{
    const size_t have = in->end - in->start;
    size_t seen = in->seen;
    int state = in->state;
    if (in->at_end || in->size >= 0 || (have && end(in->buffer + in->start, have, &seen, &state) < have))
        return 1;
    struct pollfd input = {.fd = in->fd, .events = POLLIN};
    return poll(&input, 1, 0) != 0; /* an error will show when reading */
}
