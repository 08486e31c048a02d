/* Texts in, results out: where they come from, and how they are grouped into runs. */
#ifndef TERN_TEXTS_H
#define TERN_TEXTS_H

#include "tools/cli.h"

struct text {
    const char *text, *pair; /* pair: NULL when there is none */
    size_t bytes, pair_bytes;
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
};

/* words[n]; none, or the one word "-", says standard input. Without words and with a terminal as standard input the
   command's help is printed and CLI_USAGE returned, so that nobody waits for a program that waits for him. */
int texts_open(struct texts *t, char **words, int n, int pairs, const char *command);
int texts_open_file(struct texts *t, const char *path);
void texts_close(struct texts *t);
/* 1 and the text, 0 at the end, or -1 with *code set and the line printed. */
int texts_next(struct texts *t, struct text *out, int *code);
/* Whether texts_next would answer at once: if not, what is there should be run now. */
int texts_ready(struct texts *t);
/* "text 3", "line 3", "FILE:3": for messages. */
const char *texts_where(const struct texts *t, char out[128]);

/* ---- Runs ----------------------------------------------------------------------------------------------------------
 */

struct run_options {
    const char *isa;
    int32_t batch, threads;
    tern_truncate truncate;
};
#define RUN_DEFAULTS                                                                                                   \
    {                                                                                                                  \
        NULL, 32, 0, TERN_TRUNCATE_ERROR                                                                               \
    }
#define RUN_OPTIONS(run)                                                                                               \
    {"batch", 'b', CLI_INT, &(run).batch, 1, 65536}, {"threads", 't', CLI_INT, &(run).threads, 1, 256},                \
        {"isa", 0, CLI_STRING, &(run).isa, 0, 0},                                                                      \
    {                                                                                                                  \
        "truncate", 0, CLI_TRUNCATE, &(run).truncate, 0, 0                                                             \
    }

struct text_result {
    struct text text;
    size_t index; /* what runner_add was given */
    int32_t n_tokens;
    int truncated;
    const float *values;     /* [count] logits or a vector */
    const int32_t *integers; /* the same as integers, NULL for f32 models */
    int32_t count;
};

enum run_kind { RUN_CLASSIFY, RUN_EMBED };

/* Groups texts into batches of at most options.batch texts and a budget of tokens, runs them, and hands the results to
   `emit` in the order of runner_add. How they were grouped never shows in the results. */
struct runner {
    int (*emit)(void *context, const struct text_result *result); /* 0, or the exit code to stop with */
    void *context;
    const tern_model *model;
    tern_session *session;
    enum run_kind kind;
    tern_truncate truncate;
    int32_t limit, budget, max_texts, count; /* tokens of one text, of a run; texts of a run; floats of a text */
    int32_t n_texts;
    int32_t *ids, *types, *offsets;
    float *values;
    struct text_result *results;
    char *pool; /* the bytes of the pending texts */
    size_t pool_used, pool_capacity;
};

/* Opens the session; RUN_CLASSIFY wants a model with a head, and both a tokenizer. `path` names the model. */
int runner_open(struct runner *r, const tern_model *model, const char *path, enum run_kind kind,
                const struct run_options *options);
void runner_close(struct runner *r);
/* Tokenises one text and runs the batch when it is full. `where` names the text in messages. What came before a text
   that is refused is run and emitted first. */
int runner_add(struct runner *r, const struct text *text, size_t index, const char *where);
int runner_flush(struct runner *r);
/* All of `texts`, through to the end; the batch is run early whenever the next text would have to be waited for. */
int runner_all(struct runner *r, struct texts *texts);

#endif
