/* Maps model files and reads small ones. */
#define _FILE_OFFSET_BITS 64 /* files over 2 GiB can be opened on 32-bit targets too */

#include "runtime/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* One line for a failed system call. */
tern_status tern_fail_errno(tern_error *err, const char *path, const char *what, int code)
{
    char buffer[128];
    return tern_fail(err, TERN_IO, "%s: cannot %s: %s", path, what, tern_errno_text(code, buffer, sizeof buffer));
}

/* Opens a regular file for reading and tells its size. -1 and errno when it cannot be opened, -2 (with *err filled)
   when it is no regular file. O_NONBLOCK: a FIFO given as a model must not hang the caller. */
static int open_regular(const char *path, off_t *size, tern_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0) {
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        tern_fail(err, TERN_IO, "%s: not a regular file", path);
        close(fd);
        return -2;
    }
    *size = st.st_size;
    return fd;
}

static tern_status map(struct tern_mapping *out, int fd, off_t size, const char *label, tern_error *err)
{
    *out = (struct tern_mapping){NULL, 0};
    if ((uintmax_t)size > (uintmax_t)PTRDIFF_MAX)
        return tern_fail(err, TERN_IO, "%s: %jd bytes do not fit this machine's address space", label, (intmax_t)size);
    if (size == 0)
        return TERN_OK;
    void *bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED && errno == ENOMEM) /* also the address space's limit (ulimit -v) */
        return tern_fail_nomem(err, label, (size_t)size);
    if (bytes == MAP_FAILED)
        return tern_fail_errno(err, label, "map", errno);
    *out = (struct tern_mapping){bytes, (size_t)size};
    return TERN_OK;
}

tern_status tern_map_open(struct tern_mapping *out, const char *path, tern_error *err)
{
    off_t size = 0;
    int fd = open_regular(path, &size, err);

    *out = (struct tern_mapping){NULL, 0};
    if (fd == -2)
        return TERN_IO;
    if (fd < 0)
        return tern_fail_errno(err, path, "open", errno);
    tern_status status = map(out, fd, size, path, err);
    close(fd); /* the mapping keeps the file */
    return status;
}

tern_status tern_map_descriptor(struct tern_mapping *out, int fd, const char *label, tern_error *err)
{
    struct stat st;
    *out = (struct tern_mapping){NULL, 0};
    return fstat(fd, &st) != 0 ? tern_fail_errno(err, label, "read", errno) : map(out, fd, st.st_size, label, err);
}

void tern_map_close(struct tern_mapping *mapping)
{
    if (!mapping)
        return;
    if (mapping->bytes)
        munmap((void *)(uintptr_t)mapping->bytes, mapping->size);
    mapping->bytes = NULL;
    mapping->size = 0;
}

/* Reads until `size` bytes or the end of the file; -1 and errno on failure. */
static int read_fully(int fd, char *buffer, size_t size, size_t *done)
{
    *done = 0;
    while (*done < size) {
        ssize_t n = read(fd, buffer + *done, size - *done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        *done += (size_t)n;
    }
    return 0;
}

tern_status tern_read_text(char **out, size_t *size, const char *path, size_t limit, int optional, tern_error *err)
{
    off_t file_size = 0;
    size_t done = 0;
    char *buffer;
    int fd = open_regular(path, &file_size, err);

    *out = NULL;
    if (size)
        *size = 0;
    if (fd == -2)
        return TERN_IO;
    if (fd < 0) {
        if (optional && (errno == ENOENT || errno == ENOTDIR))
            return TERN_OK;
        return tern_fail_errno(err, path, "open", errno);
    }
    if ((uintmax_t)file_size > limit || (uintmax_t)file_size >= SIZE_MAX) {
        close(fd);
        return tern_fail(err, TERN_FORMAT, "%s: %jd bytes, the limit is %zu", path, (intmax_t)file_size, limit);
    }
    buffer = malloc((size_t)file_size + 1);
    if (!buffer) {
        close(fd);
        return tern_fail_nomem(err, path, (size_t)file_size + 1);
    }
    if (read_fully(fd, buffer, (size_t)file_size, &done) != 0) {
        int code = errno;
        free(buffer);
        close(fd);
        return tern_fail_errno(err, path, "read", code);
    }
    close(fd);
    buffer[done] = '\0'; /* `done` is less than the size if the file shrank meanwhile */
    *out = buffer;
    if (size)
        *size = done;
    return TERN_OK;
}

tern_status tern_join_path(char *out, size_t capacity, const char *dir, const char *name, tern_error *err)
{
    size_t dir_bytes = strlen(dir);
    const char *slash = dir_bytes == 0 || dir[dir_bytes - 1] == '/' ? "" : "/";
    int n = snprintf(out, capacity, "%s%s%s", dir, slash, name);
    if (n < 0 || (size_t)n >= capacity)
        return tern_fail(err, TERN_FORMAT, "path of %zu bytes is too long, the limit is %zu: %.60s...",
                         dir_bytes + strlen(name) + 1, capacity - 1, dir);
    return TERN_OK;
}

int tern_is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int tern_path_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}
