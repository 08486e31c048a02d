/* Writes a file under a temporary name until it is whole, or directly where a name cannot be taken. */
#define _FILE_OFFSET_BITS 64 /* files over 2 GiB on 32-bit targets too */

#include "runtime/base/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_LINKS = 40, SUFFIX = 40 }; /* bytes of a temporary name's ending */

/* ---- Descriptors ---- */

/* The descriptor, or a copy of it, above those of standard input, output and error. */
static int above_standard(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    const int high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), code = errno;
    close(fd);
    errno = code;
    return high;
}

int tern_write_fully(int fd, const char *bytes, size_t n)
{
    while (n) {
        const ssize_t done = write(fd, bytes, n);
        if (done >= 0) {
            bytes += done;
            n -= (size_t)done;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd output = {.fd = fd, .events = POLLOUT};
            (void)poll(&output, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* ---- The stream. One of the C library's own would lose errno, and bytes where a pipe does not block ---- */

static ssize_t stream_write(void *cookie, const char *bytes, size_t n)
{
    struct tern_writer *w = cookie;
    if (!w->failed)
        w->failed = tern_write_fully(w->fd, bytes, n);
    return w->failed ? 0 : (ssize_t)n; /* 0: an error (fopencookie(3)) */
}

static int stream_seek(void *cookie, off_t *offset, int whence)
{
    struct tern_writer *w = cookie;
    const off_t at = lseek(w->fd, *offset, whence);
    if (at >= 0)
        *offset = at;
    else if (!w->failed)
        w->failed = errno; /* what was to be written there is missing */
    return at < 0 ? -1 : 0;
}

static tern_status open_stream(struct tern_writer *w, tern_error *err)
{
    const cookie_io_functions_t functions = {.write = stream_write, .seek = stream_seek};
    w->stream = fopencookie(w, "wb", functions);
    return w->stream ? TERN_OK : tern_fail_nomem(err, w->final, BUFSIZ);
}

/* ---- What a path leads to ---- */

/* The number of an open descriptor that a path names, -1: it names none. */
static int named_descriptor(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (!strcmp(path, "/dev/stdout"))
        return STDOUT_FILENO;
    if (!strcmp(path, "/dev/stderr"))
        return STDERR_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const size_t n = strlen(folders[i]);
        if (strncmp(path, folders[i], n))
            continue;
        char *end;
        const long number = path[n] >= '0' && path[n] <= '9' ? strtol(path + n, &end, 10) : -1;
        if (number >= 0 && number <= 1 << 20 && !*end)
            return (int)number;
    }
    return -1;
}

/* Follows target[capacity] through symbolic links, up to a name that may be free; *descriptor is set when the way leads
   to one. 0, or errno. */
static int follow_links(char *target, size_t capacity, int *descriptor)
{
    char link[4096];
    for (int i = 0; i < MOST_LINKS; i++) {
        *descriptor = named_descriptor(target);
        const ssize_t got = *descriptor >= 0 ? -1 : readlink(target, link, sizeof link);
        if (got < 0)
            return 0;
        const size_t n = (size_t)got;
        const char *slash = strrchr(target, '/');
        const size_t folder = link[0] == '/' || !slash ? 0 : (size_t)(slash + 1 - target);
        if (n == sizeof link || folder + n + SUFFIX > capacity)
            return ENAMETOOLONG;
        memcpy(target + folder, link, n);
        target[folder + n] = '\0';
    }
    return ELOOP;
}

/* A file that is no name's: it is gone when it is closed, however the program ends. Some file systems have none that
   never had a name. */
static int open_unnamed(const char *folder)
{
    char name[4096];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (size_t)snprintf(name, sizeof name, "%s/tern-XXXXXX", folder) < sizeof name) {
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0)
            unlink(name);
    }
    return above_standard(fd);
}

/* ---- Opening ---- */

static tern_status open_direct(struct tern_writer *w, int fd, const char *spool, tern_error *err)
{
    if (fd < 0)
        return tern_fail_errno(err, w->final, "open", errno);
    w->fd = fd;
    if (spool) {
        char reason[128];
        w->to = fd;
        w->fd = open_unnamed(spool);
        if (w->fd < 0)
            return tern_fail(err, TERN_IO, "%s: cannot keep it in %.200s until it is whole: %s", w->final, spool,
                             tern_errno_text(errno, reason, sizeof reason));
    }
    return open_stream(w, err);
}

static tern_status open_temporary(struct tern_writer *w, int exists, tern_error *err)
{
    /* What an existing file kept from others shall not be read while it is replaced; its mode comes at the end. */
    const mode_t mode = exists ? 0600 : 0666;
    int fd = -1;
    for (unsigned attempt = 0; attempt < 100 && fd < 0; attempt++) {
        snprintf(w->temporary, sizeof w->temporary, "%.*s.%ld.%u.tmp", (int)sizeof w->temporary - SUFFIX, w->target,
                 (long)getpid(), attempt);
        fd = open(w->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        w->temporary[0] = '\0';
    w->fd = above_standard(fd);
    if (w->fd < 0)
        return tern_fail_errno(err, w->final, "create", errno);
    return open_stream(w, err);
}

tern_status tern_writer_open(struct tern_writer *w, const char *path, const char *spool, tern_error *err)
{
    struct stat st;
    int descriptor = -1;
    tern_status status;

    w->stream = NULL;
    w->fd = w->to = -1;
    w->failed = 0;
    w->temporary[0] = w->final[0] = w->target[0] = '\0';
    if (!*path)
        return tern_fail(err, TERN_IO, "the name of the file to write is empty");
    if (strlen(path) + SUFFIX > sizeof w->target)
        return tern_fail(err, TERN_IO, "path of %zu bytes is too long: %.60s...", strlen(path), path);
    memcpy(w->final, path, strlen(path) + 1);
    memcpy(w->target, path, strlen(path) + 1);
    const int code = follow_links(w->target, sizeof w->target, &descriptor);
    const int exists = stat(path, &st) == 0;
    if (descriptor >= 0)
        status = open_direct(w, fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), spool, err);
    else if (exists && S_ISDIR(st.st_mode))
        status = tern_fail(err, TERN_IO, "%s: is a directory; give the file's name", path);
    else if (exists && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
        status = open_direct(w, above_standard(open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)), spool, err);
    else if (exists && !S_ISREG(st.st_mode))
        status = tern_fail(err, TERN_IO, "%s: is no file, FIFO or terminal", path);
    else if (code)
        status = tern_fail_errno(err, path, "create", code);
    else
        status = open_temporary(w, exists, err);
    if (status)
        tern_writer_discard(w);
    return status;
}

/* ---- Committing ---- */

tern_status tern_writer_flush(struct tern_writer *w, tern_error *err)
{
    if (!w->stream)
        return tern_fail(err, TERN_IO, "a file that is not open was to be written");
    if (fflush(w->stream) != 0 && !w->failed)
        w->failed = errno ? errno : EIO;
    return w->failed ? tern_fail_errno(err, w->final, "write", w->failed) : TERN_OK;
}

tern_status tern_writer_map(struct tern_writer *w, struct tern_mapping *out, tern_error *err)
{
    *out = (struct tern_mapping){NULL, 0};
    tern_status status = tern_writer_flush(w, err);
    return status ? status : tern_map_descriptor(out, w->fd, w->final, err);
}

/* Mode, owner and group of the file that is replaced, as far as the system lets us. Another group than the file had
   gets no more than everybody. */
static void keep_mode(int fd, const struct stat *old)
{
    struct stat now;
    mode_t mode = old->st_mode & 0777;
    if (fstat(fd, &now) != 0)
        return;
    if (now.st_gid != old->st_gid && fchown(fd, (uid_t)-1, old->st_gid) != 0)
        mode &= ~(mode_t)070 | (mode & 07) << 3;
    if (now.st_uid != old->st_uid && fchown(fd, old->st_uid, (gid_t)-1) != 0)
        errno = 0; /* only root may give files away */
    (void)fchmod(fd, mode);
}

/* The rename survives a power cut only when the directory is written too. Some file systems refuse: no error then. */
static void sync_directory_of(char *path)
{
    char *slash = strrchr(path, '/');
    int fd;
    if (slash)
        slash[slash == path] = '\0';
    fd = open(slash ? path : ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

/* Copies the whole of the unnamed file to where it goes; 0, or errno. */
static int copy_out(const struct tern_writer *w)
{
    char buffer[1 << 12]; /* on a small thread's stack */
    int code = lseek(w->fd, 0, SEEK_SET) < 0 ? errno : 0;
    while (!code) {
        const ssize_t n = read(w->fd, buffer, sizeof buffer);
        if (n == 0)
            return 0;
        if (n > 0)
            code = tern_write_fully(w->to, buffer, (size_t)n);
        else if (errno != EINTR)
            code = errno;
    }
    return code;
}

/* The last that can fail: 0, or errno. */
static int put_into_place(const struct tern_writer *w)
{
    struct stat old;
    if (w->to >= 0)
        return copy_out(w);
    if (!w->temporary[0])
        return 0;
    if (stat(w->target, &old) == 0)
        keep_mode(w->fd, &old);
    if (fsync(w->fd) != 0)
        return errno;
    return rename(w->temporary, w->target) != 0 ? errno : 0;
}

tern_status tern_writer_commit(struct tern_writer *w, tern_error *err)
{
    tern_status status = tern_writer_flush(w, err);
    const int code = status ? 0 : put_into_place(w);
    if (code)
        status = tern_fail_errno(err, w->final, "write", code);
    if (!status && w->temporary[0]) {
        w->temporary[0] = '\0'; /* it has the file's name now */
        sync_directory_of(w->target);
    }
    tern_writer_discard(w);
    return status;
}

void tern_writer_discard(struct tern_writer *w)
{
    if (!w || !w->final[0])
        return;
    w->failed = w->failed ? w->failed : ECANCELED; /* what is left in the buffer goes nowhere */
    if (w->stream)
        fclose(w->stream);
    if (w->fd >= 0)
        close(w->fd);
    if (w->to >= 0)
        close(w->to);
    if (w->temporary[0])
        unlink(w->temporary);
    w->stream = NULL;
    w->fd = w->to = -1;
    w->temporary[0] = w->final[0] = '\0';
}

int tern_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
