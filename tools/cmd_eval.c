/* `tern eval`: a model's figures on a task, beside another model or vectors, and a digest of all that it says. */
#include "tools/commands.h"
#include "tools/eval_compare.h"
#include "tools/eval_tasks.h"

#include "runtime/base/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct eval {
    const struct eval_task *task; /* NULL: there is none, but something to compare with */
    const char *against;
    int json;
    int32_t seed; /* -1: the file's order */
    struct text_options from;
    struct eval_job job;
};

static int read_data(struct eval *e, const struct eval_model *m)
{
    const struct eval_task *const t = e->task;
    if (!t)
        return texts_form_given(&e->from) ? eval_read_texts(&e->job.data, e->job.path, &e->from)
                                          : eval_read_lines(&e->job.data, e->job.path);
    const int of_labels = t->most == 0;
    if (of_labels && !m->info->n_labels)
        return cli_fail(CLI_USAGE, "%s: %s is for models that label texts; this one has no such head", m->path,
                        t->name);
    const struct eval_rows rows = {&t->form, t->texts, of_labels ? m->info->n_labels - 1 : t->most, of_labels};
    return eval_read_rows(&e->job.data, e->job.path, &rows);
}

static void print(const struct eval *e, const struct eval_figures *f, double seconds, uint64_t digest)
{
    if (e->json)
        printf(e->task ? "{\"task\":\"%s\"" : "{\"task\":null", e->task ? e->task->name : "");
    else if (e->task)
        printf("%-14s%s\n", "task", e->task->name);
    (e->json ? eval_print_json : eval_print_text)(f);
    printf(e->json ? ",\"seconds\":%.3f,\"digest\":\"%016" PRIx64 "\"}\n"
                   : "seconds       %.3f\ndigest        %016" PRIx64 "\n",
           seconds, digest);
}

/* The data is read, and the other side opened, before the first text is run. */
static int eval(struct eval *e, const struct eval_model *m, struct eval_other *other, struct eval_answers own[2])
{
    const tern_task kind = e->task ? e->task->answers : TERN_EMBED;
    struct eval_figures f = {.n = 0};
    int code = e->task && e->task->fits ? e->task->fits(m) : CLI_OK;
    if (!code)
        code = read_data(e, m);
    if (!code)
        code = eval_make_order(&e->job, e->seed);
    if (!code && e->against)
        code = eval_open_other(other, e->against, &e->job, m);
    if (!code)
        code = eval_run(&own[kind], &e->job, m, kind);
    if (!code) {
        eval_add(&f, "n", EVAL_COUNT, (double)e->job.data.n_rows);
        eval_add(&f, "truncated", EVAL_COUNT, (double)own[kind].truncated);
    }
    if (!code && e->task)
        code = e->task->score(&f, &e->job.data, &own[kind]);
    if (!code && e->against)
        code = eval_compare(&f, &e->job, m, other, own, !e->task || kind == TERN_CLASSIFY);
    if (!code)
        print(e, &f, own[kind].seconds, eval_digest(&own[kind], &e->job, m));
    return code;
}

static int run(struct eval *e, const char *path)
{
    struct eval_model model;
    struct eval_other other = {0};
    struct eval_answers own[2] = {0};
    int code = eval_open_model(&model, path);
    if (!code)
        code = eval(e, &model, &other, own);
    for (int i = 0; i < 2; i++)
        eval_free_answers(&own[i]);
    eval_close_other(&other);
    eval_close_model(&model);
    eval_data_free(&e->job.data);
    free(e->job.order);
    return code;
}

int cmd_eval(int argc, char **argv)
{
    struct eval e = {.seed = -1, .from = {.no_pairs = 1}, .job = {.run = RUN_DEFAULTS}};
    const char *task = NULL;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &e.json, 0, 0},
                                         {"task", 0, CLI_STRING, &task, 0, 0},
                                         {"shuffle", 0, CLI_INT, &e.seed, 0, INT32_MAX},
                                         {"against", 0, CLI_STRING, &e.against, 0, 0},
                                         {"prompt-name", 0, CLI_STRING, &e.job.prompt_name, 0, 0},
                                         {"prompt", 0, CLI_STRING, &e.job.prompt, 0, 0},
                                         TEXT_FORM_OPTIONS(e.from),
                                         RUN_OPTIONS(e.job.run),
                                         {0}};
    int n, code = cli_parse(options, "eval", argc, argv, &n);
    if (n < 0)
        return code;
    e.task = task ? eval_find_task(task) : NULL;
    if (!task && !e.against)
        return cli_fail(CLI_USAGE, "eval: what is to be measured? give --task %s, or --against FILE",
                        eval_task_words("or").text);
    if (task && !strcmp(task, "squad"))
        return cli_fail(CLI_USAGE, "eval: --task squad is for a later version; %s are there",
                        eval_task_words("and").text);
    if (task && !e.task)
        return cli_fail(CLI_USAGE, "eval: --task is %s, not '%.64s'", eval_task_words("or").text, task);
    if (task && texts_form_given(&e.from))
        return cli_fail(CLI_USAGE, "eval: --form, --field, --column and --null are for files of texts; a task's file "
                                   "shows itself what it is");
    if (n != 2)
        return cli_fail(CLI_USAGE, "eval: give one model file and one data file; see tern eval --help");
    e.job.path = argv[1];
    return run(&e, argv[0]);
}
