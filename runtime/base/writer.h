/* Writing files, whole or not at all. Base layer. */
#ifndef TERN_WRITER_H
#define TERN_WRITER_H

#include "runtime/base/file.h"

/* A regular file is written under a temporary name beside it, which takes its place when it is whole: its mode, and its
   owner and group where the system lets us, stay, and so does a symbolic link to it. FIFOs, terminals, /dev/null and
   the names of open descriptors (/dev/stdout, /dev/fd/3) are written to as they are. Descriptors 0 to 2 are never used:
   in a program that was started without them, a message would end up in the file. */
struct tern_writer {
    FILE *stream;         /* for the caller to write to; waits where a pipe would not block */
    int fd;               /* of the stream, for reading too unless it is direct */
    int to;               /* where the whole is copied to at the end, -1: nowhere */
    int failed;           /* errno of the first write that failed, 0: none did */
    char temporary[4096]; /* empty: no file has this name */
    char final[4096];     /* as the caller named it, for messages */
    char target[4096];    /* the same behind symbolic links */
};

/* `spool` is NULL unless the caller seeks in the stream, or reads what it has written, before it is committed. For what
   cannot do so, a pipe, it is kept in an unnamed file of that folder meanwhile, "/tmp" say. TERN_IO when `path` cannot
   be written to, is a directory or another thing that is no file. The struct stays where it is until it is discarded.
 */
tern_status tern_writer_open(struct tern_writer *writer, const char *path, const char *spool, tern_error *err);
/* Hands what was written to the system; TERN_IO with the reason if that, or a write before, failed. */
tern_status tern_writer_flush(struct tern_writer *writer, tern_error *err);
/* Maps what was written so far; with a spool. */
tern_status tern_writer_map(struct tern_writer *writer, struct tern_mapping *out, tern_error *err);
/* Puts the file into place (fsync, rename), or copies it to where it goes. */
tern_status tern_writer_commit(struct tern_writer *writer, tern_error *err);
/* Safe to call at any time, also after commit or on a zeroed struct. */
void tern_writer_discard(struct tern_writer *writer);

/* Writes all of bytes[n], in as many pieces as are taken, and waits where a pipe does not block. Returns 0, or errno.
 */
int tern_write_fully(int fd, const char *bytes, size_t n);
/* 1: both names are those of one regular file. */
int tern_same_file(const char *a, const char *b);

#endif
