/* Finds where a file of answers ends that was written by a run that was killed, and goes on there. */
#include "tools/parts.h"
#include "tools/cli.h"
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_OLD = 1 << 28 }; /* bytes of one answer: a file that has none is no file of answers */

static int failed(const struct parts *p, const char *what)
{
    return cli_fail(CLI_FAILED, "%s: cannot %s: %s", p->path, what, strerror(errno));
}

static int other(const struct parts *p, const char *why)
{
    return cli_fail(CLI_USAGE, "%s: cannot be resumed: %s; nothing was written. Remove it, or write to another file",
                    p->path, why);
}

/* All of bytes[n] at `at`; CLI_OK, or CLI_FAILED with a line. */
static int read_at(const struct parts *p, char *bytes, size_t n, off_t at)
{
    while (n) {
        const ssize_t got = pread(p->fd, bytes, n, at);
        if (got == 0)
            errno = EIO; /* it was longer a moment ago */
        if (got <= 0 && (got == 0 || errno != EINTR))
            return failed(p, "read");
        if (got > 0) {
            bytes += got;
            n -= (size_t)got;
            at += got;
        }
    }
    return CLI_OK;
}

/* ---- What lies in the file ---- */

/* How the answer of a text that was refused begins (texts_refuse). */
static int is_refusal(const char *head, size_t n)
{
    static const char *const heads[] = {"!error\t", "{\"error\":"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (n >= strlen(heads[i]) && !memcmp(head, heads[i], strlen(heads[i])))
            return 1;
    return 0;
}

/* Counts the answers that are lines or blocks; *from is where the last whole one begins, p->end where it ends. */
static int count_lines(struct parts *p, enum parts_kind kind, off_t size, off_t *from)
{
    char bytes[1 << 14], head[16];
    size_t n_head = 0, in_line = 0;
    off_t begin = 0;
    for (off_t at = 0; at < size;) {
        const size_t n = size - at < (off_t)sizeof bytes ? (size_t)(size - at) : sizeof bytes;
        const int code = read_at(p, bytes, n, at);
        if (code)
            return code;
        for (size_t i = 0; i < n; i++) {
            if (n_head < sizeof head)
                head[n_head++] = bytes[i];
            const int ends = bytes[i] == '\n' && (kind == PARTS_LINES || !in_line);
            in_line = bytes[i] == '\n' ? 0 : in_line + 1;
            if (!ends)
                continue;
            p->whole++;
            p->last_refused = (size_t)is_refusal(head, n_head);
            p->refused += p->last_refused;
            *from = begin;
            p->end = begin = at + (off_t)i + 1;
            n_head = 0;
        }
        at += (off_t)n;
    }
    return CLI_OK;
}

static int count_rows(struct parts *p, const struct parts_form *form, off_t size, off_t *from)
{
    char head[16];
    const size_t same = form->head_same < sizeof head ? form->head_same : sizeof head,
                 n = size < (off_t)same ? (size_t)size : same;
    p->end = (off_t)form->head_bytes;
    if (n && (read_at(p, head, n, 0) || memcmp(head, form->head, n)))
        return other(p, "it does not begin as a file of this format does");
    if (size < p->end)
        return CLI_OK; /* half a head */
    p->whole = (size_t)(size - p->end) / form->row;
    for (size_t i = 0; i < p->whole && form->floats; i++) {
        float first;
        const int code = read_at(p, (char *)&first, sizeof first, p->end + (off_t)(i * form->row));
        if (code)
            return code;
        p->last_refused = first != first; /* NaN */
        p->refused += p->last_refused;
    }
    *from = p->end + (off_t)(p->whole ? (p->whole - 1) * form->row : 0);
    p->end += (off_t)(p->whole * form->row);
    return CLI_OK;
}

/* Reads the answer that the first one of this run must be equal to. */
static int keep_old(struct parts *p, off_t from, off_t to)
{
    if (to - from > MOST_OLD)
        return other(p, "it has no end of an answer where one should be");
    p->old_bytes = (size_t)(to - from);
    p->old = malloc(p->old_bytes + 1);
    return p->old ? read_at(p, p->old, p->old_bytes, from) : cli_nomem(p->old_bytes + 1);
}

static int look(struct parts *p, const struct parts_form *form, off_t size)
{
    off_t from = 0;
    int code = form->kind == PARTS_ROWS ? count_rows(p, form, size, &from) : count_lines(p, form->kind, size, &from);
    if (!code && (p->whole || size > p->end)) {
        code = keep_old(p, p->whole ? from : p->end, p->whole ? p->end : size);
        p->checking = 1;
    }
    return code;
}

/* ---- Standard output ---- */

static int be_output(struct parts *p, int fd)
{
    return dup2(fd, STDOUT_FILENO) == STDOUT_FILENO ? CLI_OK : failed(p, "write");
}

/* Half an answer is cut off; what is written goes behind the whole ones. */
static int begin_at(struct parts *p, off_t end)
{
    if (ftruncate(p->fd, end) || lseek(p->fd, end, SEEK_SET) < 0)
        return failed(p, "write");
    return be_output(p, p->fd);
}

static int open_file(struct parts *p, int resume, off_t *size)
{
    struct stat st;
    const int direct = stat(p->path, &st) == 0 && !S_ISREG(st.st_mode); /* a FIFO waits for its reader */
    /* Not O_TRUNC: whatever is refused after this shall lose nothing. */
    const int fd = open(p->path,
                        (direct   ? O_WRONLY
                         : resume ? O_RDWR
                                  : O_WRONLY) |
                            O_CREAT | O_CLOEXEC | O_NOCTTY,
                        0666);
    if (fd < 0)
        return failed(p, "create");
    p->fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    if (p->fd < 0 || fstat(p->fd, &st)) {
        p->fd = p->fd < 0 ? 0 : p->fd;
        return failed(p, "create");
    }
    *size = S_ISREG(st.st_mode) ? st.st_size : -1;
    if (*size < 0 && resume)
        return cli_fail(CLI_USAGE, "%s: --resume is for regular files", p->path);
    return CLI_OK;
}

int parts_open(struct parts *p, const char *path, int resume, const struct parts_form *form, const char *const *inputs)
{
    off_t size = 0;
    *p = (struct parts){.path = path, .copy = -1};
    int code = output_guard(path, inputs);
    if (code || (code = open_file(p, resume, &size)))
        return code;
    cli_output_name(path);
    if (size < 0)
        return be_output(p, p->fd); /* no head: those that have one come here with --resume only */
    if (resume && size && (code = look(p, form, size)))
        return code;
    if (p->checking) {
        p->copy = memfd_create("tern", MFD_CLOEXEC);
        return p->copy < 0 ? failed(p, "resume") : be_output(p, p->copy);
    }
    if (form->head_bytes && pwrite(p->fd, form->head, form->head_bytes, 0) != (ssize_t)form->head_bytes)
        return failed(p, "write");
    return begin_at(p, (off_t)form->head_bytes);
}

size_t parts_done(const struct parts *p)
{
    return p->checking && p->whole ? p->whole - 1 : 0;
}

/* Compares the copy with what lies in the file, and goes on in the file behind it. */
static int compare(struct parts *p)
{
    struct stat st;
    fflush(stdout);
    if (fstat(p->copy, &st))
        return failed(p, "resume");
    const size_t bytes = (size_t)st.st_size;
    char *const copy = malloc(bytes + 1);
    int code = copy ? CLI_OK : cli_nomem(bytes + 1);
    if (!code && pread(p->copy, copy, bytes, 0) != (ssize_t)bytes)
        code = failed(p, "resume");
    if (!code && (bytes < p->old_bytes || (p->whole && bytes > p->old_bytes) || memcmp(copy, p->old, p->old_bytes)))
        code = other(p, p->whole ? "its last answer is not that of this model, these options and this text"
                                 : "what lies in it is no answer of this model, these options and this text");
    if (!code)
        code = begin_at(p, p->end);
    if (!code && !p->whole) {
        fwrite(copy, 1, bytes, stdout);
        code = cli_written();
    }
    free(copy);
    p->checking = 0;
    return code;
}

int parts_answered(struct parts *p)
{
    return p->checking ? compare(p) : CLI_OK;
}

int parts_close(struct parts *p, int code)
{
    if (!p->fd)
        return code;
    if (!code && p->checking)
        code = other(p, p->whole ? "it has more answers than there are texts" : "there are no texts");
    if (!code && (fflush(stdout) || ferror(stdout)))
        code = cli_written();
    if (!code && fsync(p->fd) && errno != EINVAL && errno != EROFS)
        code = failed(p, "write");
    if (p->copy >= 0)
        close(p->copy);
    if (p->fd > 0)
        close(p->fd);
    free(p->old);
    *p = (struct parts){.copy = -1};
    return code;
}
