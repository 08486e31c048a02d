/* A command's texts through the library's stream: what classify, embed and eval share. */
#ifndef TERN_RUNNER_H
#define TERN_RUNNER_H

#include "tools/texts.h"

struct run_options {
    const char *isa;
    int32_t batch, threads;
    tern_truncate truncate;
    int32_t dimensions; /* of embeddings, see tern_session_options */
    int normalize;
};
#define RUN_DEFAULTS                                                                                                   \
    {                                                                                                                  \
        NULL, 32, 0, TERN_TRUNCATE_ERROR, 0, 0                                                                         \
    }
#define RUN_OPTIONS(run)                                                                                               \
    {"batch", 'b', CLI_INT, &(run).batch, 1, 65536}, {"threads", 't', CLI_INT, &(run).threads, 1, 256},                \
        {"isa", 0, CLI_STRING, &(run).isa, 0, 0},                                                                      \
    {                                                                                                                  \
        "truncate", 0, CLI_TRUNCATE, &(run).truncate, 0, 0                                                             \
    }

/* Opens a session for the task. TERN_CLASSIFY and TERN_TAG want a model with that head, and all a tokenizer; `path`
   names the model in messages. */
int runner_open_session(tern_session **out, const tern_model *model, const char *path, tern_task task,
                        const struct run_options *options);

/* The same for the head whose command is `tern <command>` (models/heads.def). */
int runner_open_head(tern_session **out, const tern_model *model, const char *path, const char *command,
                     const struct run_options *options);

/* Calls one(context, text) for each text that nothing is known against, until it returns another code than 0; the
   others are refused. */
int runner_each(struct texts *texts, int (*one)(void *context, const struct text *text), void *context);

/* Why a text was refused; max_tokens is the model's. */
enum { RUNNER_REASON = 512 };
const char *runner_reason(char out[RUNNER_REASON], const tern_answer *answer, int32_t max_tokens);

struct runner {
    /* Returns 0, or the exit code to end with. It may refuse the text after all: by setting `reason`, and printing
       nothing. */
    int (*print)(void *context, const struct text *text, const tern_answer *answer);
    /* Writes what else a command has for a text that was refused, behind the reason: a row. NULL: nothing. */
    int (*refused)(void *context);
    void *context;
    /* 1: `print` takes texts that are too long, too, whose answer has the reason and n_needed alone. */
    int takes_long;
    const tern_model *model;
    tern_session *session;
    int query; /* of tern_stream */
    const char *reason;
    /* The rest is runner_all's own. */
    int own_limits; /* queries and documents have limits that are not the model's, but those that errors name */
    struct texts *texts;
    int code;
    const char *why; /* against the text that was read last; NULL: it runs */
    char *kept;      /* the texts that have no answer yet, each a struct text and its bytes: [start, end) of capacity */
    size_t start, end, capacity;
};

/* Answers all of `texts`, which are printed in their order. Texts are answered early whenever the next one would have
   to be waited for; what came before a text that is refused is printed first. texts_end
   tells of those that were skipped. */
int runner_all(struct runner *r, struct texts *texts, tern_task task, tern_truncate truncate);

#endif
