/* Maps model files, reads small ones, and writes a file under a temporary name until it is whole. */
#define _FILE_OFFSET_BITS 64 /* files over 2 GiB can be opened on 32-bit targets too */

#include "runtime/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* One line for a failed system call; strerror() may share its buffer between threads. */
static tern_status fail_errno(tern_error *err, const char *path, const char *what, int code)
{
    char buffer[128];
    /* GNU's strerror_r */
    return tern_fail(err, TERN_IO, "%s: cannot %s: %s", path, what, strerror_r(code, buffer, sizeof buffer));
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

tern_status tern_map_open(struct tern_mapping *out, const char *path, tern_error *err)
{
    off_t size = 0;
    int fd = open_regular(path, &size, err);

    out->bytes = NULL;
    out->size = 0;
    if (fd == -2)
        return TERN_IO;
    if (fd < 0)
        return fail_errno(err, path, "open", errno);
    if ((uintmax_t)size > (uintmax_t)PTRDIFF_MAX) {
        close(fd);
        return tern_fail(err, TERN_IO, "%s: %jd bytes do not fit this machine's address space", path, (intmax_t)size);
    }
    if (size > 0) {
        void *bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
        if (bytes == MAP_FAILED) {
            int code = errno;
            close(fd);
            return fail_errno(err, path, "map", code);
        }
        out->bytes = bytes;
        out->size = (size_t)size;
    }
    close(fd); /* the mapping keeps the file */
    return TERN_OK;
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
        return fail_errno(err, path, "open", errno);
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
        return fail_errno(err, path, "read", code);
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

void tern_writer_name(char *out, size_t capacity, const char *path, unsigned attempt)
{
    snprintf(out, capacity, "%s.%ld.%u.tmp", path, (long)getpid(), attempt);
}

tern_status tern_writer_open(struct tern_writer *writer, const char *path, tern_error *err)
{
    struct stat st;
    int fd = -1;

    writer->stream = NULL;
    writer->temporary[0] = writer->final[0] = '\0';
    /* 40 bytes stay free for the temporary name's suffix */
    if (strlen(path) + 40 > sizeof writer->temporary)
        return tern_fail(err, TERN_IO, "path of %zu bytes is too long: %.60s...", strlen(path), path);
    /* rename() would replace a device node, such as /dev/null, by the file */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return tern_fail(err, TERN_IO, "%s: exists and is not a regular file", path);
    memcpy(writer->final, path, strlen(path) + 1);
    for (unsigned attempt = 0; attempt < 100 && fd < 0; attempt++) {
        tern_writer_name(writer->temporary, sizeof writer->temporary, path, attempt);
        fd = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0) {
        writer->temporary[0] = '\0';
        return fail_errno(err, path, "create", errno);
    }
    writer->stream = fdopen(fd, "wb");
    if (!writer->stream) {
        close(fd);
        tern_writer_discard(writer);
        return tern_fail_nomem(err, path, BUFSIZ);
    }
    return TERN_OK;
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

tern_status tern_writer_commit(struct tern_writer *writer, tern_error *err)
{
    int code = 0;

    if (!writer->stream)
        return tern_fail(err, TERN_IO, "commit without an open file");
    /* an earlier fwrite may have failed without anyone looking; its errno is gone by now */
    if (ferror(writer->stream))
        code = EIO;
    if (fflush(writer->stream) != 0 || fsync(fileno(writer->stream)) != 0)
        code = errno;
    if (fclose(writer->stream) != 0 && code == 0)
        code = errno;
    writer->stream = NULL;
    if (code == 0 && rename(writer->temporary, writer->final) != 0)
        code = errno;
    if (code != 0) {
        tern_status status = fail_errno(err, writer->final, "write", code);
        tern_writer_discard(writer);
        return status;
    }
    sync_directory_of(writer->temporary);
    writer->temporary[0] = '\0';
    return TERN_OK;
}

void tern_writer_discard(struct tern_writer *writer)
{
    if (!writer)
        return;
    if (writer->stream)
        fclose(writer->stream);
    writer->stream = NULL;
    if (writer->temporary[0])
        unlink(writer->temporary);
    writer->temporary[0] = '\0';
}
