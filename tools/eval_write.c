/* Writes a model's predictions as they come, so that a run that was killed can go on. */
#include "tools/eval_write.h"

#include "tools/eval_scores.h"
#include "tools/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BETWEEN = 64 /* texts, of two drawings of the bar */ };
static const char progress[] = "evaluating";

struct writing {
    const struct eval_task *task;
    const struct eval_asked *asked;
    const struct eval_job *job;
    const struct eval_model *model;
    struct parts parts;
    size_t next, end, first; /* texts of this run, counted in the file; those read as a pair are one */
    float *vector;           /* of the first of a row's two texts */
    int bar, code;
};

static tern_next next_text(void *context, tern_text *out)
{
    struct writing *const w = context;
    const struct eval_data *const d = &w->job->data;
    const int pairs = w->asked->together;
    if (w->next == w->end)
        return TERN_NEXT_END;
    const struct eval_text *const text = &d->texts[pairs ? 2 * w->next : w->next];
    w->next++;
    *out = (tern_text){.text = d->pool + text->at, .text_bytes = text->bytes};
    if (pairs) {
        out->pair = d->pool + text[1].at;
        out->pair_bytes = text[1].bytes;
    }
    return TERN_NEXT_TEXT;
}

/* The line of a row. */
static int print_row(struct writing *w, const tern_answer *a)
{
    const struct eval_classes *const classes = &w->task->classes;
    const int several = w->asked->n_classes > 0; /* else the model has one label, and its number is asked for */
    double value = 0;
    const int32_t best = w->vector ? 0 : tern_probabilities(w->model->model, a->values, several ? NULL : &value);
    if (several) {
        const int32_t class = w->asked->classes[best];
        if (class < classes->n)
            puts(classes->names[class][0]);
        else
            printf("%d\n", class);
    } else {
        if (w->vector)
            value = eval_cosine(w->vector, a->values, a->count);
        if (!isfinite(value))
            return cli_fail(CLI_MODEL, "the model's answer is no number, and nothing can be scored");
        printf("%.17g\n", value);
    }
    return cli_written();
}

static tern_status take_answer(void *context, const tern_answer *a)
{
    struct writing *const w = context;
    const size_t at = w->first + a->index;
    char why[RUNNER_REASON];
    if (w->bar && a->index % BETWEEN == 0)
        cli_progress(progress, at, w->end);
    if (a->error) {
        if (w->bar)
            cli_progress(progress, 1, 1); /* clears the line */
        w->code = cli_fail(CLI_INPUT, "%.90s:%zu: %s", w->job->path,
                           w->job->data.texts[w->asked->together ? 2 * at : at].line,
                           runner_reason(why, a, w->model->info->max_tokens));
        return TERN_FAILED;
    }
    if (w->vector && at % 2 == 0) {
        memcpy(w->vector, a->values, (size_t)a->count * sizeof *w->vector);
        return TERN_OK;
    }
    w->code = print_row(w, a);
    if (!w->code)
        w->code = parts_answered(&w->parts);
    return w->code ? TERN_FAILED : TERN_OK;
}

static int run_rows(struct writing *w, tern_session *session)
{
    const tern_stream stream = {.struct_bytes = sizeof stream, .context = w, .next = next_text, .answer = take_answer};
    const struct eval_data *const d = &w->job->data;
    const size_t each = w->asked->together ? 1 : d->n_texts / d->n_rows;
    tern_error err;
    w->first = w->next = parts_done(&w->parts) * each;
    w->end = d->n_rows * each;
    if (w->next > w->end)
        return CLI_OK; /* parts_close says so */
    if (w->asked->kind == TERN_EMBED) {
        w->vector = malloc((size_t)tern_session_dimensions(session) * sizeof *w->vector);
        if (!w->vector)
            return cli_nomem(sizeof *w->vector);
    }
    const tern_status status = tern_answer_stream(session, w->asked->kind, w->job->run.truncate, &stream, &err);
    if (w->bar && !w->code)
        cli_progress(progress, 1, 1);
    free(w->vector);
    return w->code ? w->code : status ? cli_status(&err) : CLI_OK;
}

int eval_write_predictions(const struct eval_task *task, const struct eval_asked *asked, const struct eval_job *job,
                           const struct eval_model *m, const char *path, int resume, size_t *texts, double *seconds)
{
    struct writing w = {.task = task, .asked = asked, .job = job, .model = m, .bar = cli_progress_wanted()};
    const char *const inputs[] = {m->path, job->path, NULL};
    const struct parts_form form = {.kind = PARTS_LINES};
    tern_session *session = NULL;
    int code = eval_open_session(&session, job, m, asked->kind);
    const int output = code ? -1 : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (!code && output < 0)
        code = cli_fail(CLI_FAILED, "standard output: %s", strerror(errno));
    if (!code)
        code = parts_open(&w.parts, path, resume, &form, inputs);
    const double start = cli_now_ms();
    if (!code)
        code = run_rows(&w, session);
    *seconds = (cli_now_ms() - start) / 1000;
    *texts = w.next - w.first;
    code = parts_close(&w.parts, code);
    /* From here on standard output is what it was. */
    if (output >= 0 && dup2(output, STDOUT_FILENO) < 0 && !code)
        code = cli_fail(CLI_FAILED, "standard output: %s", strerror(errno));
    if (output >= 0)
        close(output);
    cli_output_name(NULL);
    tern_session_close(session);
    return code;
}
