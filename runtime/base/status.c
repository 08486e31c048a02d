/* Fills in tern_error, and names statuses and the version. */
#include "runtime/base/status.h"

#include <stdarg.h>
#include <stdio.h>

tern_status tern_fail(tern_error *err, tern_status code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        /* Names from files may hold anything; the message stays one line. */
        for (char *c = err->message; *c; c++)
            if ((unsigned char)*c < ' ' || *c == 127)
                *c = '?';
    }
    return code;
}

tern_status tern_fail_nomem(tern_error *err, const char *what, size_t bytes)
{
    return tern_fail(err, TERN_NOMEM, "out of memory: %s needs %zu bytes", what, bytes);
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
