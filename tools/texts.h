/* Where a command's texts come from. */
#ifndef TERN_TEXTS_H
#define TERN_TEXTS_H

#include "tools/cli.h"

struct text {
    const char *text, *pair; /* pair: NULL when there is none */
    size_t bytes, pair_bytes;
    const char *why; /* it cannot be run; NULL: nothing is known against it */
};

/* How a text that was refused shows among the results of the others, when --keep-going says to go on behind it. */
enum texts_form {
    TEXTS_LINE, /* !error<TAB>NUMBER<TAB>REASON */
    TEXTS_JSON, /* {"error":"REASON","line":NUMBER} */
    TEXTS_ROW,  /* the command writes a row; the reason goes to stderr */
};

/* The words of the command line, or the lines of a file, of any length and without end. A line's bytes stay valid until
   the next call. */
struct texts {
    char **words; /* NULL: lines */
    int n_words;
    int pairs; /* each is TEXT<TAB>PAIR */
    int fd;
    const char *name; /* of the file in messages, NULL: standard input */
    size_t number;    /* of the last text, from 1 */
    char *buffer;
    size_t start, end, capacity;
    int at_end;
    int keep_going;
    enum texts_form form;
    size_t refused;  /* so far; */
    char first[128]; /* the first of them */
};

/* words[n]; none, or the one word "-", says standard input; "-" beside other words is refused. Without words and with a
   terminal as standard input the command's help is printed and CLI_USAGE returned, so that nobody waits for a program
   that waits for him. */
int texts_open(struct texts *t, char **words, int n, int pairs, const char *command);
/* - is standard input here, too. */
int texts_open_file(struct texts *t, const char *path);
void texts_close(struct texts *t);
/* 1 and the text, which may have a reason against it, 0 at the end, or -1 with *code set and the line printed. */
int texts_next(struct texts *t, struct text *out, int *code);
/* Refuses the last text. The exit code to end with, and a line; with keep_going 0, and the reason stands in the place
   of the result. */
int texts_refuse(struct texts *t, const char *why);
/* The end of a command: `code`, or CLI_INPUT with a line when texts were refused on the way. */
int texts_end(const struct texts *t, int code);
/* Whether texts_next would answer at once: if not, what is there should be run now. */
int texts_ready(struct texts *t);
/* "text 3", "line 3", "FILE:3": for messages. */
const char *texts_where(const struct texts *t, char out[128]);

#endif
