/* Where a command's texts come from, and what all commands that take texts do about them: options, refusals, files of
   answers that grow, progress. */
#ifndef TERN_TEXTS_H
#define TERN_TEXTS_H

#include "tools/cli.h"
#include "tools/forms.h"
#include "tools/parts.h"
#include "tools/progress.h"

/* How a text that was refused shows among the results of the others, when --keep-going says to go on behind it. */
enum texts_form {
    TEXTS_LINE,  /* !error<TAB>NUMBER<TAB>REASON */
    TEXTS_JSON,  /* {"error":"REASON","line":NUMBER} */
    TEXTS_ROW,   /* the command writes a row; the reason goes to stderr */
    TEXTS_BLOCK, /* as TEXTS_LINE, where the command ends each result with an empty line */
    TEXTS_FREE,  /* as TEXTS_LINE, where a result's lines do not show where it ends: there is no --resume */
};

/* What the options that all such commands have say. */
struct text_options {
    const char *input, *form, *output;
    struct cli_names fields, columns;
    int null, pairs, keep_going, resume, summary;
    int no_pairs; /* of the command: it takes none */
};
#define TEXT_FORM_OPTIONS(o)                                                                                           \
    {"form", 0, CLI_STRING, &(o).form, 0, 0}, {"field", 0, CLI_NAMES, &(o).fields, 0, 0},                              \
        {"column", 0, CLI_NAMES, &(o).columns, 0, 0},                                                                  \
    {                                                                                                                  \
        "null", '0', CLI_FLAG, &(o).null, 0, 0                                                                         \
    }
#define TEXT_OPTIONS(o)                                                                                                \
    TEXT_FORM_OPTIONS(o), {"input", 0, CLI_STRING, &(o).input, 0, 0}, {"output", 'o', CLI_STRING, &(o).output, 0, 0},  \
        {"out", 0, CLI_STRING, &(o).output, 0, 0}, {"resume", 0, CLI_FLAG, &(o).resume, 0, 0},                         \
        {"keep-going", 0, CLI_FLAG, &(o).keep_going, 0, 0},                                                            \
    {                                                                                                                  \
        "summary", 0, CLI_FLAG, &(o).summary, 0, 0                                                                     \
    }
#define TEXT_PAIR_OPTION(o)                                                                                            \
    {                                                                                                                  \
        "pair", 0, CLI_FLAG, &(o).pairs, 0, 0                                                                          \
    }

/* The words of the command line, or the records of an input, of any length and without end. A text's bytes stay valid
   until the next call. */
struct texts {
    char **words; /* NULL: those of `in` */
    int n_words;
    struct input in;
    struct fields fields;
    size_t number; /* of the last text, from 1 */
    int keep_going;
    enum texts_form form;
    size_t refused;  /* so far; */
    char first[128]; /* the first of them */
    size_t before;   /* refused by the run that is resumed */
    /* The file of answers. A command whose answers are rows says of what kind; where it writes the file itself it sets
       `output` to NULL. */
    const char *output, *model;
    struct parts_form rows;
    int resume;
    struct parts parts;
    struct progress progress;
    int summary;
};

/* words[n]; none, or the one word "-", says standard input; "-" beside other words is refused. Without words and with a
   terminal as standard input the command's help is printed and CLI_USAGE returned, so that nobody waits for a program
   that waits for him. */
int texts_open(struct texts *t, char **words, int n, int pairs, const char *command);
/* The same by the options; words[0] is the model, which is no text and no file to write to. */
int texts_open_by(struct texts *t, const struct text_options *o, char **words, int n, const char *command);
/* 1: they say in which form texts are. */
int texts_form_given(const struct text_options *o);
/* The lines of a file; - is standard input here, too. */
int texts_open_file(struct texts *t, const char *path);
void texts_close(struct texts *t);
/* Before the first text (runner_all does it): opens the file of answers, and goes on behind those that are there. */
int texts_begin(struct texts *t);
/* 1 and the text, which may have a reason against it, 0 at the end, or -1 with *code set and the line printed. */
int texts_next(struct texts *t, struct text *out, int *code);
/* After each result is printed, that of a refused text too (runner_all does it). The exit code to end with. */
int texts_answered(struct texts *t, size_t tokens);
/* Refuses the last text. The exit code to end with, and a line; with keep_going 0, and the reason stands in the place
   of the result. */
int texts_refuse(struct texts *t, const char *why);
/* The end of a command: `code`, or CLI_INPUT with a line when texts were refused on the way. */
int texts_end(struct texts *t, int code);
/* Whether texts_next would answer at once: if not, what is there should be run now. */
int texts_ready(struct texts *t);
/* The line that the last text begins in, or its number where texts have no lines. */
size_t texts_place(const struct texts *t);
/* "text 3", "line 3", "FILE:3": for messages. */
const char *texts_where(const struct texts *t, char out[128]);

#endif
