/* What a file is by its first bytes, for the message when it is not what its name promises. Base layer. */
#ifndef TERN_FILE_KIND_H
#define TERN_FILE_KIND_H

#include "runtime/base/status.h"

/* Both parts of a message: "NAME IS; REMEDY". */
struct tern_file_kind {
    const char *is;     /* "is a Git LFS pointer, not the file itself" */
    const char *remedy; /* "fetch the file with `git lfs pull`" */
};

/* The kind of file that begins with bytes[n] (n is 0 only for an empty file; 256 bytes are enough), or NULL: text,
   JSON, safetensors and whatever is not listed. */
const struct tern_file_kind *tern_file_kind(const void *bytes, size_t n);

/* For a reader that has refused bytes[n] with `status`: when they are of a known other kind, the message says that
   instead. Returns `status`. */
tern_status tern_fail_kind(tern_status status, const void *bytes, size_t n, const char *label, tern_error *err);

#endif
