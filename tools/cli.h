/* What the subcommands share: options, messages, exit codes, small output helpers. The rules of the command line:
   data on stdout, messages on stderr, one line per error, and these exit codes. */
#ifndef TERN_CLI_H
#define TERN_CLI_H

#include "runtime/base/tern.h"

#include <stdio.h>

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,    /* at run time: out of memory, a file that cannot be written */
    CLI_USAGE = 2,     /* an argument is unknown or out of range */
    CLI_DIFFERENT = 3, /* slower or different than the baseline */
    CLI_INPUT = 4,     /* a text was refused: too long, not UTF-8, no tab */
    CLI_MODEL = 5,     /* a model, checkpoint or vocabulary is absent, bad or not supported */
};

/* ---- Messages: `tern: ...` on stderr, one line whatever a file name or a text has in it ----------------------------
 */

/* Prints the line and returns `code`, so that `return cli_fail(CLI_USAGE, ...)` ends a command. */
int cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A line on stderr that is no message: what a command reports of its work. */
void cli_report(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints err's line and returns its exit code; the second form is for calls that open what the user named as a model:
   there an unreadable file is a bad model. */
int cli_status(const tern_error *err);
int cli_model_status(const tern_error *err);
/* `bytes` is what was asked for. */
int cli_nomem(size_t bytes);
/* True when stderr is a terminal that takes progress: NO_COLOR and TERM=dumb say no. */
int cli_progress_wanted(void);
/* The same of standard output, and colours. */
int cli_colour_wanted(void);
/* Draws `what [####    ]` over the current line of stderr; done == total erases it. */
void cli_progress(const char *what, size_t done, size_t total);
/* Draws a line there instead, of which a message leaves nothing; NULL erases it. */
void cli_progress_line(const char *line);

/* ---- Options --------------------------------------------------------------------------------------------------------
 */

enum { CLI_MAX_LIST = 64, CLI_MAX_NAMES = 2 };

struct cli_list {
    int n;
    int32_t values[CLI_MAX_LIST];
};

/* What an option that may be given several times was given. */
struct cli_names {
    int n;
    const char *values[CLI_MAX_NAMES];
};

enum cli_kind {
    CLI_FLAG,     /* int: set to 1 */
    CLI_INT,      /* int32_t between min and max */
    CLI_REAL,     /* double between min and max */
    CLI_STRING,   /* const char * */
    CLI_LIST,     /* struct cli_list: 1,2,8 and ranges 1-4, 16-64+16, 8-64*2 */
    CLI_NAMES,    /* struct cli_names */
    CLI_TRUNCATE, /* tern_truncate */
    CLI_REFUSED,  /* an option that is known and cannot be had: `field` is the reason, a string */
};

/* One option; a table of them ends with a zeroed one. `letter` may be 0, `name` never. */
struct cli_option {
    const char *name;
    char letter;
    enum cli_kind kind;
    void *field;
    int32_t min, max;
};

struct cli_command {
    const char *name;
    const char *summary;
    const char *help;                  /* examples first */
    int (*run)(int argc, char **argv); /* returns the exit code */
};
extern const struct cli_command cli_commands[]; /* ends with a zeroed one */

/* Reads the options out of argv[1 .. argc), in any place up to `--`; the other words are left in argv[0 .. *n_words).
   Returns 0, or the exit code of a command that should end now (*n_words is -1 after --help, with code 0). */
int cli_parse(const struct cli_option *options, const char *command, int argc, char **argv, int *n_words);
int cli_parse_list(struct cli_list *out, const char *option, const char *text, int32_t min, int32_t max);
void cli_help(FILE *out, const char *command);

/* ---- Output
 * ------------------------------------------------------------------------------------------------------------ */

/* A JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD; what a terminal would obey is escaped. */
void cli_json_string(FILE *out, const char *text, size_t bytes);
void cli_json_text(FILE *out, const char *text); /* zero-terminated; NULL is null */
/* Names from a checkpoint, a file or the system, as text: what a terminal would obey is written as an escape. */
void cli_plain(FILE *out, const char *text, size_t bytes);
/* A text of the user in a column of stdout: the same on a terminal; else byte by byte, but for the control characters
   that columns and lines are made of. */
void cli_text(FILE *out, const char *text, size_t bytes);
/* The one way of numbers into JSON: so many significant digits or, below 0, decimals; null for what is not finite. Nine
   digits bring a float back exactly. */
void cli_json_number(FILE *out, double value, int digits);
/* values[n] with nine digits and commas between them, without brackets. */
void cli_json_floats(FILE *out, const float *values, size_t n);
/* After each record: CLI_FAILED, with a line, once stdout takes no more. */
int cli_written(void);
/* What messages call standard output from here on, since a file took its place. */
void cli_output_name(const char *name);
/* Ends a command: what is still in stdout's buffer must be out. Returns `code`, or CLI_FAILED with a line. */
int cli_finish(int code);

/* CLI_USAGE, with a line, when the path is - in place of a model. */
int cli_not_standard_input(const char *path);
/* Opens a model, or prints why not and returns the exit code. */
int cli_open_model(tern_model **out, const char *path);
/* XXH3-64: the digest of results that tests and people compare. */
uint64_t cli_digest(const void *bytes, size_t size);

/* Milliseconds of a clock that only goes forward. */
double cli_now_ms(void);
/* splitmix64 (Steele, Lea and Flood, 2014): the same numbers everywhere. */
uint64_t cli_random(uint64_t *state);

#endif
