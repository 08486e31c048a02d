/* Fills in tern_error, and names statuses and the version. */
#include "runtime/base/status.h"

#include "runtime/base/plain.h"

#include <stdarg.h>
#include <string.h>

tern_status tern_fail(tern_error *err, tern_status code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        /* Names from files may hold anything; the message stays one line, and moves no terminal. */
        tern_plain_line(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return code;
}

tern_status tern_fail_nomem(tern_error *err, const char *what, size_t bytes)
{
    return tern_fail(err, TERN_NOMEM, "out of memory: cannot get %zu bytes for %s", bytes, what);
}

/* GNU's strerror_r returns the text, POSIX's (musl's) an int, 0 when the text is in the buffer: read as GNU's, every
   error was "(null)". */
static inline const char *text_of_gnu(const char *text, const char *buffer)
{
    (void)buffer;
    return text;
}

static inline const char *text_of_posix(int failed, const char *buffer)
{
    return failed ? "unknown error" : buffer;
}

const char *tern_errno_text(int code, char *buffer, size_t capacity)
{
    return _Generic(strerror_r(code, buffer, capacity), char *: text_of_gnu, int: text_of_posix)(
        strerror_r(code, buffer, capacity), buffer);
}

const char *tern_status_name(tern_status status)
{
    switch (status) {
    case TERN_OK: return "ok";
    case TERN_FAILED: return "failed";
    case TERN_USAGE: return "usage";
    case TERN_DIFFERENT: return "different";
    case TERN_INPUT: return "input refused";
    case TERN_FORMAT: return "bad or unsupported model";
    case TERN_NOMEM: return "out of memory";
    case TERN_IO: return "input/output error";
    }
    return "unknown status";
}

const char *tern_version(void)
{
    return TERN_VERSION;
}
