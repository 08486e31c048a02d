/* Runs a model over all texts of a file, for `tern eval`. */
#include "tools/eval_run.h"

#include <stdlib.h>
#include <string.h>

enum { BETWEEN = 64 /* texts, of two drawings of the bar */ };
static const char progress[] = "evaluating";

int eval_open_model(struct eval_model *out, const char *path)
{
    *out = (struct eval_model){.path = path};
    const int code = cli_open_model(&out->model, path);
    out->info = code ? NULL : tern_model_get_info(out->model);
    return code;
}

void eval_close_model(struct eval_model *m)
{
    tern_model_close(m->model);
    *m = (struct eval_model){0};
}

void eval_free_answers(struct eval_answers *a)
{
    free(a->values);
    free(a->integers);
    *a = (struct eval_answers){0};
}

/* The file's order or, unless the seed is negative, a shuffle of it (Fisher and Yates); NULL, with a line, when memory
   is out. */
static size_t *make_order(size_t n, int32_t seed)
{
    uint64_t state = (uint64_t)seed;
    size_t *const order = malloc(n * sizeof *order);
    if (!order) {
        cli_nomem(n * sizeof *order);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n - 1; seed >= 0 && i > 0; i--) {
        const size_t k = (size_t)(cli_random(&state) % (i + 1)), held = order[i];
        order[i] = order[k];
        order[k] = held;
    }
    return order;
}

/* One model on its way through all texts. */
struct pass {
    const struct eval_job *job;
    const struct eval_model *model;
    struct eval_answers *out;
    size_t *order; /* [out->n] */
    size_t next;
    int pairs, bar, code;
};

static tern_next next_text(void *context, tern_text *out)
{
    struct pass *p = context;
    const struct eval_data *d = &p->job->data;
    if (p->next == p->out->n)
        return TERN_NEXT_END;
    const size_t index = p->order[p->next++];
    const struct eval_text *text = &d->texts[p->pairs ? 2 * index : index];
    *out = (tern_text){.text = d->pool + text->at, .text_bytes = text->bytes};
    if (p->pairs) {
        out->pair = d->pool + text[1].at;
        out->pair_bytes = text[1].bytes;
    }
    return TERN_NEXT_TEXT;
}

static tern_status keep(void *context, const tern_answer *a)
{
    struct pass *p = context;
    const size_t index = p->order[a->index], at = index * (size_t)a->count, bytes = (size_t)a->count * 4;
    char why[RUNNER_REASON];
    if (p->bar && a->index % BETWEEN == 0)
        cli_progress(progress, a->index, p->out->n);
    if (a->error) {
        if (p->bar)
            cli_progress(progress, 1, 1); /* clears the line */
        p->code =
            cli_fail(CLI_INPUT, "%.90s:%zu: %s", p->job->path, p->job->data.texts[p->pairs ? 2 * index : index].line,
                     runner_reason(why, a, p->model->info->max_tokens));
        return TERN_FAILED;
    }
    memcpy(p->out->values + at, a->values, bytes);
    if (a->integers)
        memcpy(p->out->integers + at, a->integers, bytes);
    p->out->truncated += a->n_needed > a->n_tokens;
    return TERN_OK;
}

static int run_all(struct pass *p, tern_session *session, tern_task task)
{
    const tern_stream stream = {.struct_bytes = sizeof stream, .context = p, .next = next_text, .answer = keep};
    const size_t texts = p->out->n, values = texts * (size_t)p->out->count;
    tern_error err;
    if (texts > SIZE_MAX / sizeof *p->out->values / (size_t)p->out->count)
        return cli_nomem(SIZE_MAX);
    p->out->values = malloc(values * sizeof *p->out->values);
    p->out->integers = malloc(values * sizeof *p->out->integers);
    if (!p->out->values || !p->out->integers)
        return cli_nomem(2 * values * sizeof *p->out->values);
    p->order = make_order(texts, p->job->seed);
    if (!p->order)
        return CLI_FAILED;
    const double start = cli_now_ms();
    const tern_status status = tern_answer_stream(session, task, p->job->run.truncate, &stream, &err);
    p->out->seconds = (cli_now_ms() - start) / 1000;
    if (p->bar && !p->code)
        cli_progress(progress, 1, 1);
    return p->code ? p->code : status ? cli_status(&err) : CLI_OK;
}

int eval_open_session(tern_session **out, const struct eval_job *job, const struct eval_model *m, tern_task task)
{
    tern_error err;
    const int code = runner_open_session(out, m->model, m->path, task, &job->run);
    if (code || task != TERN_EMBED || !tern_session_set_prompt(*out, job->prompt_name, job->prompt, &err))
        return code;
    return cli_status(&err);
}

int eval_run(struct eval_answers *out, const struct eval_job *job, const struct eval_model *m, tern_task task)
{
    tern_session *session = NULL;
    struct pass pass = {.job = job, .model = m, .out = out, .bar = cli_progress_wanted()};
    *out = (struct eval_answers){0};
    int code = eval_open_session(&session, job, m, task);
    if (!code) {
        pass.pairs = job->together && task == TERN_CLASSIFY;
        out->n = pass.pairs ? job->data.n_rows : job->data.n_texts;
        out->count = task == TERN_CLASSIFY ? m->info->n_labels : m->info->dimensions;
        code = run_all(&pass, session, task);
        free(pass.order);
    }
    tern_session_close(session);
    return code;
}

uint64_t eval_digest(const struct eval_answers *a, const struct eval_model *m)
{
    const void *results = strcmp(m->info->weights, "f32") ? (const void *)a->integers : a->values;
    return cli_digest(results, a->n * (size_t)a->count * 4);
}
