/* A command's texts through the library's stream: what classify, embed and eval share. */
#ifndef TERN_RUNNER_H
#define TERN_RUNNER_H

#include "tools/texts.h"

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

/* Opens a session for the task. TERN_CLASSIFY wants a model with a head, and both a tokenizer; `path` names the model
   in messages. */
int runner_open_session(tern_session **out, const tern_model *model, const char *path, tern_task task,
                        const struct run_options *options);

/* Prints why a text was refused and returns the exit code; `where` names the text, max_tokens is the model's. */
int runner_refused(const tern_answer *answer, const char *where, int32_t max_tokens);

struct runner {
    /* Returns 0, or the exit code to end with. */
    int (*print)(void *context, const struct text *text, const tern_answer *answer);
    void *context;
    const tern_model *model;
    tern_session *session;
    /* The rest is runner_all's own. */
    struct texts *texts;
    int code;
    char *kept; /* the texts that have no answer yet, each a struct text and its bytes: [start, end) of capacity */
    size_t start, end, capacity;
};

/* Answers all of `texts`, which are printed in their order. Texts are answered early whenever the next one would have
   to be waited for; what came before a text that is refused is printed first. */
int runner_all(struct runner *r, struct texts *texts, tern_task task, tern_truncate truncate);

#endif
