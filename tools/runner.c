/* A command's texts through the library's stream. The library keeps no bytes of a text: those that are to be printed
   beside the answers are kept here until these come. */
#include "tools/runner.h"
#include "tools/sparsity.h"

#include <stdlib.h>
#include <string.h>

/* The heads' names, and the commands that run them. */
static const struct {
    const char *name, *command;
} heads[] = {
#define HEAD_KIND(id, name, class, gives, pooled, run, command, summary) {name, #command},
#include "models/heads.def"
#undef HEAD_KIND
};
enum { N_HEADS = sizeof heads / sizeof heads[0] };

/* Another command than `command`, NULL being that of no head, is the model's. */
static int check_head(const tern_model *model, const char *path, const char *command)
{
    const char *const head = tern_model_get_info(model)->head, *wanted = NULL, *other = NULL;
    for (int i = 0; i < N_HEADS; i++) {
        wanted = command && !strcmp(heads[i].command, command) ? heads[i].name : wanted;
        other = !strcmp(heads[i].name, head) ? heads[i].command : other;
    }
    if (!wanted || !strcmp(wanted, head))
        return CLI_OK;
    if (!other)
        return cli_fail(CLI_USAGE, "%s: the model has no head, as tern %s needs; use tern embed", path, command);
    return cli_fail(CLI_USAGE, "%s: the model has the head %s, not %s; use tern %s", path, head, wanted, other);
}

int runner_open_head(tern_session **out, const tern_model *model, const char *path, const char *command,
                     const struct run_options *options)
{
    tern_error err;
    if (!tern_model_tokenizer(model))
        return cli_fail(CLI_MODEL, "%s: the file has no vocabulary; convert the checkpoint again, with its tokenizer",
                        path);
    const int code = check_head(model, path, command);
    if (code)
        return code;
    const tern_session_options session = {.struct_bytes = sizeof session,
                                          .threads = options->threads,
                                          .max_texts = options->batch,
                                          .isa = options->isa,
                                          .sparse_table = sparsity_table(model, options->isa),
                                          .dimensions = options->dimensions,
                                          .normalize = options->normalize};
    return tern_session_open(out, model, &session, &err) ? cli_status(&err) : CLI_OK;
}

int runner_open_session(tern_session **out, const tern_model *model, const char *path, tern_task task,
                        const struct run_options *options)
{
    static const char *const commands[] = {[TERN_CLASSIFY] = "classify", [TERN_EMBED] = NULL, [TERN_TAG] = "tag"};
    return runner_open_head(out, model, path, commands[task], options);
}

int runner_each(struct texts *texts, int (*one)(void *context, const struct text *text), void *context)
{
    struct text text;
    int code = texts_begin(texts);
    while (!code && texts_next(texts, &text, &code) > 0) {
        code = text.why ? texts_refuse(texts, text.why) : one(context, &text);
        code = code ? code : texts_answered(texts, 0);
    }
    return code;
}

const char *runner_reason(char out[RUNNER_REASON], const tern_answer *answer, int32_t max_tokens)
{
    if (!answer->n_needed)
        snprintf(out, RUNNER_REASON, "%s", answer->error->message);
    else
        snprintf(out, RUNNER_REASON,
                 "%zu tokens, the model takes %d; shorten it, or use --truncate head (keeps the beginning) or "
                 "--truncate tail",
                 answer->n_needed, max_tokens);
    return out;
}

/* Copies a text behind those that wait and points it at the copy. */
static int keep(struct runner *r, struct text *t)
{
    const size_t needed = sizeof *t + t->bytes + t->pair_bytes;
    if (r->start && needed > r->capacity - r->end) {
        memmove(r->kept, r->kept + r->start, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
    }
    if (needed > r->capacity - r->end) {
        const size_t capacity = (r->end + needed) * 2 + 4096;
        char *kept = realloc(r->kept, capacity);
        if (!kept)
            return cli_nomem(capacity);
        r->kept = kept;
        r->capacity = capacity;
    }
    char *at = r->kept + r->end;
    memcpy(at, t, sizeof *t);
    at += sizeof *t;
    if (t->bytes)
        memcpy(at, t->text, t->bytes);
    if (t->pair_bytes)
        memcpy(at + t->bytes, t->pair, t->pair_bytes);
    t->text = at;
    t->pair = t->pair ? at + t->bytes : NULL;
    r->end += needed;
    return CLI_OK;
}

/* The first of the texts that wait. */
static struct text take(struct runner *r)
{
    struct text t;
    memcpy(&t, r->kept + r->start, sizeof t);
    t.text = r->kept + r->start + sizeof t;
    t.pair = t.pair ? t.text + t.bytes : NULL;
    r->start += sizeof t + t.bytes + t.pair_bytes;
    return t;
}

/* Returns 0, or the exit code to end with. */
static int refuse(struct runner *r, const char *why)
{
    int code = texts_refuse(r->texts, why);
    if (!code && r->refused)
        code = r->refused(r->context);
    return code ? code : texts_answered(r->texts, 0);
}

static tern_next next(void *context, tern_text *out)
{
    struct runner *r = context;
    struct text t;
    /* The answers to the texts before it have been printed by now. */
    if (r->why && (r->code = refuse(r, r->why)))
        return TERN_NEXT_END;
    r->why = NULL;
    if (r->start != r->end && !texts_ready(r->texts))
        return TERN_NEXT_WAIT;
    if (r->start == r->end)
        r->start = r->end = 0;
    if (texts_next(r->texts, &t, &r->code) <= 0)
        return TERN_NEXT_END;
    r->why = t.why;
    if (r->why)
        return TERN_NEXT_WAIT;
    r->code = keep(r, &t);
    if (r->code)
        return TERN_NEXT_END;
    *out = (tern_text){t.text, t.bytes, t.pair, t.pair_bytes};
    return TERN_NEXT_TEXT;
}

static tern_status answer(void *context, const tern_answer *answer)
{
    struct runner *r = context;
    const struct text text = take(r);
    char why[RUNNER_REASON];
    int code;
    if (answer->error && !(r->takes_long && answer->n_needed)) {
        code = refuse(r, r->own_limits ? answer->error->message
                                       : runner_reason(why, answer, tern_model_get_info(r->model)->max_tokens));
    } else {
        code = r->print(r->context, &text, answer);
        if (!code && r->reason)
            code = refuse(r, r->reason);
        else if (!code)
            code = texts_answered(r->texts, answer->error ? answer->n_needed : answer->n_tokens);
        r->reason = NULL;
    }
    if (!code)
        return TERN_OK;
    r->code = code;
    return TERN_FAILED;
}

int runner_all(struct runner *r, struct texts *texts, tern_task task, tern_truncate truncate)
{
    const tern_stream stream = {
        .struct_bytes = sizeof stream, .context = r, .next = next, .answer = answer, .query = r->query};
    tern_error err;
    r->texts = texts;
    r->own_limits = task == TERN_TOKENS;
    r->code = texts_begin(texts);
    if (r->code)
        return r->code;
    const tern_status status = tern_answer_stream(r->session, task, truncate, &stream, &err);
    free(r->kept);
    r->kept = NULL;
    r->start = r->end = r->capacity = 0;
    return r->code ? r->code : status ? cli_status(&err) : CLI_OK;
}
