/* Messages, exit codes and progress, for all subcommands. */
#include "tools/cli.h"

#include "models/unicode.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

/* A name or a text inside a message may hold anything; the message stays one line. */
static void print_line(const char *prefix, const char *format, va_list args)
{
    char line[1024];
    vsnprintf(line, sizeof line, format, args);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    if (!ferror(stdout))
        fflush(stdout);
    fprintf(stderr, "tern: %s%s\n", prefix, line);
}

int cli_fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("", format, args);
    va_end(args);
    return code;
}

void cli_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("warning: ", format, args);
    va_end(args);
}

int cli_status(const tern_error *err)
{
    static const int codes[] = {
        [TERN_OK] = CLI_OK,        [TERN_FAILED] = CLI_FAILED,
        [TERN_USAGE] = CLI_USAGE,  [TERN_DIFFERENT] = CLI_DIFFERENT,
        [TERN_INPUT] = CLI_INPUT,  [TERN_FORMAT] = CLI_MODEL,
        [TERN_NOMEM] = CLI_FAILED, [TERN_IO] = CLI_FAILED,
    };
    return cli_fail(codes[err->code], "%s", err->message);
}

int cli_model_status(const tern_error *err)
{
    int code = cli_status(err);
    return err->code == TERN_IO ? CLI_MODEL : code;
}

int cli_nomem(void)
{
    return cli_fail(CLI_FAILED, "out of memory");
}

int cli_progress_wanted(void)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    return isatty(STDERR_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

void cli_progress(const char *what, size_t done, size_t total)
{
    enum { WIDTH = 40 };
    char bar[WIDTH + 1];
    size_t filled = total ? done * WIDTH / total : WIDTH;
    memset(bar, ' ', WIDTH);
    memset(bar, '#', filled < WIDTH ? filled : WIDTH);
    bar[WIDTH] = 0;
    if (done < total)
        fprintf(stderr, "\r%s [%s] %3zu %%", what, bar, done * 100 / total);
    else
        fprintf(stderr, "\r%*s\r", (int)strlen(what) + WIDTH + 9, "");
    fflush(stderr);
}

/* The length of the UTF-8 sequence that begins at `text`, 0 when it is ill-formed. */
static size_t sequence(const char *text, size_t bytes)
{
    static const size_t lengths[16] = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 3, 4};
    size_t n = lengths[(unsigned char)*text >> 4];
    return n && n <= bytes && tern_utf8_check((const uint8_t *)text, n) == n ? n : 0;
}

void cli_json_string(FILE *out, const char *text, size_t bytes)
{
    putc('"', out);
    for (size_t i = 0; i < bytes;) {
        unsigned char c = (unsigned char)text[i];
        size_t n = sequence(text + i, bytes - i);
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c == '\n' || c == '\t' || c == '\r')
            fprintf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else if (n)
            fwrite(text + i, 1, n, out);
        else
            fputs("\\ufffd", out);
        i += n ? n : 1;
    }
    putc('"', out);
}

void cli_json_text(FILE *out, const char *text)
{
    if (text)
        cli_json_string(out, text, strlen(text));
    else
        fputs("null", out);
}

void cli_plain(FILE *out, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        putc(c < 0x20 || c == 0x7f ? ' ' : c, out);
    }
}

void cli_json_float(FILE *out, double value)
{
    if (isfinite(value))
        fprintf(out, "%.9g", value);
    else
        fputs("null", out);
}

int cli_open_model(tern_model **out, const char *path)
{
    tern_error err;
    return tern_model_open(out, path, &err) ? cli_model_status(&err) : CLI_OK;
}

uint64_t cli_digest(const void *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}

/* One line for stdout's first failure, however many notice it. */
static int output_failed(void)
{
    static int said;
    if (!said++)
        cli_fail(CLI_FAILED, "cannot write to standard output: %s", strerror(errno ? errno : EIO));
    return CLI_FAILED;
}

int cli_written(void)
{
    return ferror(stdout) ? output_failed() : CLI_OK;
}

int cli_finish(int code)
{
    if (!ferror(stdout))
        errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    int problem = output_failed();
    return code ? code : problem;
}

double cli_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

uint64_t cli_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}
