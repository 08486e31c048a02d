/* Files for the fuzz targets: see files.h. */
#include "tests/fuzz/files.h"

#include "tests/make_checkpoint.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];
static int captured = -1, terminal = -1;

void fuzz_check(int holds)
{
    if (!holds)
        abort();
}

void fuzz_check_error(const tern_error *err, tern_status status)
{
    fuzz_check(status != TERN_OK && err->code == status && err->message[0] && !strchr(err->message, '\n'));
}

static void remove_folder(void)
{
    test_remove_dir(folder);
}

const char *fuzz_dir(void)
{
    if (!folder[0]) {
        test_temp_dir(folder, sizeof folder);
        atexit(remove_folder);
    }
    return folder;
}

int fuzz_count(const char *dir)
{
    DIR *d = opendir(dir);
    int n = 0;
    fuzz_check(d != NULL);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

void fuzz_capture_begin(void)
{
    char path[300];
    if (captured < 0) {
        snprintf(path, sizeof path, "%s/messages", fuzz_dir());
        captured = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        terminal = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        fuzz_check(captured >= 0 && terminal >= 0);
        unlink(path);
    }
    fuzz_check(!ftruncate(captured, 0) && !lseek(captured, 0, SEEK_SET));
    fflush(stderr);
    fuzz_check(dup2(captured, STDERR_FILENO) >= 0);
}

size_t fuzz_capture_end(char *buffer, size_t capacity)
{
    fflush(stderr);
    fuzz_check(dup2(terminal, STDERR_FILENO) >= 0 && !lseek(captured, 0, SEEK_SET));
    const ssize_t n = read(captured, buffer, capacity - 1);
    fuzz_check(n >= 0);
    buffer[n] = 0;
    return (size_t)n;
}

/* Whether a line "=== " begins at `at`. */
static int begins_part(const uint8_t *at, const uint8_t *end)
{
    return end - at >= 4 && !memcmp(at, "=== ", 4);
}

int fuzz_next_part(struct fuzz_part *part, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *line = *at, *stop;
    while (line < end && !begins_part(line, end)) {
        stop = memchr(line, '\n', (size_t)(end - line));
        line = stop ? stop + 1 : end;
    }
    if (line == end)
        return 0;
    line += 4;
    stop = memchr(line, '\n', (size_t)(end - line));
    const uint8_t *name_end = stop ? stop : end;
    size_t n = (size_t)(name_end - line);
    n = n < sizeof part->name ? n : sizeof part->name - 1;
    memcpy(part->name, line, n);
    part->name[n] = 0;
    part->bytes = stop ? stop + 1 : end;
    for (line = part->bytes; line < end && !begins_part(line, end);) {
        stop = memchr(line, '\n', (size_t)(end - line));
        line = stop ? stop + 1 : end;
    }
    part->size = (size_t)(line - part->bytes);
    part->size -= line < end && part->size > 0; /* the newline before the next part */
    *at = line;
    return 1;
}

void fuzz_begin(const char *dir)
{
    test_remove_dir(dir);
    fuzz_check(!mkdir(dir, 0777));
}

void fuzz_write_parts(const char *dir, const char *const *names, const uint8_t *data, size_t size)
{
    fuzz_begin(dir);
    for (; *names; names++) {
        size_t bytes;
        const uint8_t *found = fuzz_find_part(*names, data, size, &bytes);
        if (found)
            fuzz_check(!test_write_file(dir, *names, found, bytes));
    }
}

const uint8_t *fuzz_find_part(const char *name, const uint8_t *data, size_t size, size_t *bytes)
{
    const uint8_t *at = data, *end = data + size;
    struct fuzz_part part;
    *bytes = 0;
    while (fuzz_next_part(&part, &at, end))
        if (!strcmp(part.name, name)) {
            *bytes = part.size;
            return part.bytes;
        }
    return NULL;
}

size_t fuzz_length(const uint8_t *bytes, size_t whole)
{
    const size_t n = (bytes[0] | (size_t)bytes[1] << 8 | (size_t)(bytes[2] & 0x7f) << 16) % (whole + 1);
    return bytes[2] & 0x80 ? whole - n : n;
}
