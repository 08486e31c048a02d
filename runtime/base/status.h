/* Errors: one status and one line of text, carried by value. Base layer: includes nothing of Tern but tern.h. */
#ifndef TERN_STATUS_H
#define TERN_STATUS_H

#include "runtime/base/tern.h"

/* Fills *err (which may be NULL) with `code` and the formatted line (cut at the buffer's end), returns `code`.
   Use it as `return tern_fail(err, TERN_FORMAT, "%s: header is %zu bytes, limit %zu", path, n, max);`.
   The line has no trailing newline; it names what was wrong, the limit, and the remedy where there is one. */
tern_status tern_fail(tern_error *err, tern_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The line that every failed allocation reports. */
tern_status tern_fail_nomem(tern_error *err, const char *what, size_t bytes);

/* What an errno says, for any thread: strerror() may share its buffer between them. The text may lie in `buffer`. */
const char *tern_errno_text(int code, char *buffer, size_t capacity);

#endif
