/* Messages, exit codes and progress, for all subcommands. */
#include "tools/cli.h"

#include "runtime/base/plain.h"
#include "runtime/base/writer.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

static size_t drawn; /* columns of the line of progress that stands on the terminal */

void cli_progress_line(const char *line)
{
    const size_t columns = line ? strlen(line) : 0;
    if (columns || drawn)
        fprintf(stderr, line ? "\r%s%*s" : "\r%s%*s\r", line ? line : "", (int)(drawn > columns ? drawn - columns : 0),
                "");
    drawn = columns;
    fflush(stderr);
}

/* A name or a text inside a message may hold anything; the message stays one line, and goes out as one. */
static void print_line(const char *prefix, const char *format, va_list args)
{
    char line[1024], all[1100];
    tern_plain_line(line, sizeof line, format, args);
    if (!ferror(stdout))
        fflush(stdout);
    cli_progress_line(NULL);
    const int n = snprintf(all, sizeof all, "%s%s\n", prefix, line);
    (void)tern_write_fully(STDERR_FILENO, all, (size_t)n);
}

int cli_fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("tern: ", format, args);
    va_end(args);
    return code;
}

void cli_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("tern: warning: ", format, args);
    va_end(args);
}

void cli_report(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("", format, args);
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

int cli_nomem(size_t bytes)
{
    return cli_fail(CLI_FAILED, "out of memory: cannot get %zu bytes", bytes);
}

static int is_colourful(int fd)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    return isatty(fd) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

int cli_progress_wanted(void)
{
    return is_colourful(STDERR_FILENO);
}

int cli_colour_wanted(void)
{
    return is_colourful(STDOUT_FILENO);
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

void cli_json_string(FILE *out, const char *text, size_t bytes)
{
    char shown[TERN_PLAIN_MAX];
    putc('"', out);
    for (size_t i = 0; i < bytes;) {
        const unsigned char c = (unsigned char)text[i];
        i += tern_plain_next(shown, text + i, bytes - i);
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (*shown == '\\' && shown[1] == 'x' && c < 0x80)
            fprintf(out, "\\u%04x", c);
        else /* \n, \u202e and what is itself are so in JSON too */
            fputs(*shown == '\\' && shown[1] == 'x' ? "\\ufffd" : shown, out);
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
    char shown[TERN_PLAIN_MAX];
    for (size_t i = 0; i < bytes;) {
        i += tern_plain_next(shown, text + i, bytes - i);
        fputs(shown, out);
    }
}

void cli_text(FILE *out, const char *text, size_t bytes)
{
    static int terminal = -1;
    if (terminal < 0)
        terminal = isatty(fileno(out));
    char shown[TERN_PLAIN_MAX];
    for (size_t i = 0, n; i < bytes; i += n) {
        n = tern_plain_next(shown, text + i, bytes - i);
        const unsigned char c = (unsigned char)text[i];
        if (terminal || c < 0x20 || c == 0x7f)
            fputs(shown, out);
        else
            fwrite(text + i, 1, n, out);
    }
}

void cli_json_number(FILE *out, double value, int digits)
{
    if (isfinite(value))
        fprintf(out, digits < 0 ? "%.*f" : "%.*g", digits < 0 ? -digits : digits, value);
    else
        fputs("null", out);
}

void cli_json_floats(FILE *out, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fputs(i ? "," : "", out);
        cli_json_number(out, (double)values[i], 9);
    }
}

int cli_not_standard_input(const char *path)
{
    return strcmp(path, "-") ? CLI_OK
                             : cli_fail(CLI_USAGE, "-: a model cannot come from standard input, for it is mapped, not "
                                                   "read; give a file's name (./- for a file called -)");
}

int cli_open_model(tern_model **out, const char *path)
{
    tern_error err;
    const int code = cli_not_standard_input(path);
    if (code)
        return code;
    return tern_model_open(out, path, &err) ? cli_model_status(&err) : CLI_OK;
}

uint64_t cli_digest(const void *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}

static const char *output_name;

void cli_output_name(const char *name)
{
    output_name = name;
}

/* One line for stdout's first failure, however many notice it. */
static int output_failed(void)
{
    static int said;
    if (!said++)
        cli_fail(CLI_FAILED, "cannot write to %s: %s", output_name ? output_name : "standard output",
                 strerror(errno ? errno : EIO));
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
    /* Some file systems tell only when a file is closed that they are full. */
    if (fflush(stdout) == 0 && !ferror(stdout) && (close(STDOUT_FILENO) == 0 || errno == EBADF))
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
