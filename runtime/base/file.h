/* Files: a read-only mapping and a bounded read; writing is in writer.h. Base layer. */
#ifndef TERN_FILE_H
#define TERN_FILE_H

#include "runtime/base/status.h"

#include <stdio.h>

/* A file mapped read-only. An empty file maps to {NULL, 0}. */
struct tern_mapping {
    const uint8_t *bytes;
    size_t size;
};

/* Maps `path` read-only and shared. TERN_IO when it is absent, not a regular file or cannot be mapped. */
tern_status tern_map_open(struct tern_mapping *out, const char *path, tern_error *err);
/* The same of an open file; `label` names it in messages. */
tern_status tern_map_descriptor(struct tern_mapping *out, int fd, const char *label, tern_error *err);
void tern_map_close(struct tern_mapping *mapping);

/* Reads the whole of a small text file into a fresh, zero-terminated buffer (free() it). A file over `limit` bytes is
   TERN_FORMAT. If the file is absent, *out is NULL and, with `optional`, the status is TERN_OK; else TERN_IO. */
tern_status tern_read_text(char **out, size_t *size, const char *path, size_t limit, int optional, tern_error *err);

/* "dir/name" into out[capacity]; TERN_FORMAT when it does not fit. */
tern_status tern_join_path(char *out, size_t capacity, const char *dir, const char *name, tern_error *err);
int tern_is_directory(const char *path);
/* Whether there is anything of that name, be it a link that leads nowhere. */
int tern_path_exists(const char *path);

/* One line for a failed system call, such as "PATH: cannot open: No such file or directory"; returns TERN_IO. */
tern_status tern_fail_errno(tern_error *err, const char *path, const char *what, int code);

#endif
