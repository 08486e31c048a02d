/* `tern eval`: a model's figures on a task, beside another model or vectors, and a digest of all that it says. */
#include "tools/commands.h"
#include "tools/eval_compare.h"
#include "tools/eval_write.h"

#include "runtime/base/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct eval {
    const struct eval_task *task; /* NULL: there is none, but something to compare with */
    struct eval_asked asked;
    const char *against, *predictions, *no_answers, *document_prompt;
    double no_answer_least;
    int json, identical, resume;
    struct text_options from;
    struct eval_job job;
};

static int read_data(struct eval *e)
{
    const struct eval_task *const t = e->task;
    if (!t)
        return texts_form_given(&e->from) ? eval_read_texts(&e->job.data, e->job.path, &e->from)
                                          : eval_read_lines(&e->job.data, e->job.path);
    const int of_classes = t->classes.n > 0, n = e->predictions ? t->classes.n : e->asked.n_classes;
    const struct eval_rows rows = {&t->form, of_classes ? &t->classes : NULL, t->texts, of_classes ? n - 1 : t->most};
    return eval_read_rows(&e->job.data, e->job.path, &rows);
}

/* What a run says beside its figures. */
struct ran {
    double seconds;
    size_t texts;
    uint64_t digest; /* where there is one */
    int digested;
};

static void print(const struct eval *e, const struct eval_figures *f, const struct ran *ran)
{
    if (e->json)
        printf(e->task ? "{\"task\":\"%s\"" : "{\"task\":null", e->task ? e->task->name : "");
    else if (e->task)
        printf("%-14s%s\n", "task", e->task->name);
    (e->json ? eval_print_json : eval_print_text)(f);
    if (ran)
        printf(e->json ? ",\"seconds\":%.3f,\"texts_per_second\":%.1f" : "seconds       %.3f\ntexts/s       %.1f\n",
               ran->seconds, ran->seconds > 0 ? (double)ran->texts / ran->seconds : 0);
    if (ran && ran->digested)
        printf(e->json ? ",\"digest\":\"%016" PRIx64 "\"" : "digest        %016" PRIx64 "\n", ran->digest);
    fputs(e->json ? "}\n" : "", stdout);
}

static int score(const struct eval *e, struct eval_figures *f, double *predicted, int code)
{
    if (!code)
        code = e->task->score(f, e->job.data.gold, predicted, e->job.data.n_rows);
    free(predicted);
    return code;
}

/* The data is read, and the other side opened, before the first text is run. */
static int eval(struct eval *e, const struct eval_model *m, struct eval_other *other, struct eval_answers own[2])
{
    struct eval_figures f = {.n = 0};
    double *predicted = NULL;
    e->asked.kind = TERN_EMBED;
    int code = e->task ? eval_ask(&e->asked, e->task, m) : CLI_OK;
    const tern_task kind = e->asked.kind;
    e->job.together = e->asked.together;
    if (!code)
        code = read_data(e);
    if (!code && e->against)
        code = eval_open_other(other, e->against, &e->job, m);
    if (!code)
        code = eval_run(&own[kind], &e->job, m, kind);
    if (!code) {
        eval_add(&f, "n", EVAL_COUNT, (double)e->job.data.n_rows);
        eval_add(&f, "truncated", EVAL_COUNT, (double)own[kind].truncated);
    }
    if (!code && e->task) {
        code = eval_predicted(&predicted, &e->asked, &e->job.data, m, &own[kind]);
        code = score(e, &f, predicted, code);
    }
    if (!code && e->against)
        code = eval_compare(&f, &e->job, m, other, own, !e->task || kind == TERN_CLASSIFY);
    if (!code)
        print(e, &f, &(struct ran){own[kind].seconds, own[kind].n, eval_digest(&own[kind], m), 1});
    free(e->asked.classes);
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
    return code;
}

/* A task that reads, runs and scores by itself; path: of the model, NULL where there are predictions. */
static int run_own(struct eval *e, const char *path)
{
    struct eval_model model = {0};
    struct eval_figures f = {.n = 0};
    struct eval_own own = {.model = path ? &model : NULL,
                           .path = e->job.path,
                           .predictions = e->predictions,
                           .no_answers = e->no_answers,
                           .no_answer_least = e->no_answer_least,
                           .identical = e->identical,
                           .document_prompt = e->document_prompt,
                           .job = &e->job};
    int code = path ? eval_open_model(&model, path) : CLI_OK;
    if (!code)
        code = e->task->own(&f, &own);
    if (!code)
        print(e, &f, path ? &(struct ran){own.seconds, own.texts, own.digest, 1} : NULL);
    eval_close_model(&model);
    return code;
}

/* Writes the predictions of a model, which are then those of a file. */
static int write_predictions(struct eval *e, const char *path, struct ran *ran)
{
    struct eval_model model;
    int code = eval_open_model(&model, path);
    if (!code)
        code = eval_ask(&e->asked, e->task, &model);
    if (!code)
        code = read_data(e);
    if (!code)
        code = eval_write_predictions(e->task, &e->asked, &e->job, &model, e->predictions, e->resume, &ran->texts,
                                      &ran->seconds);
    free(e->asked.classes);
    eval_close_model(&model);
    return code;
}

/* The predictions of a file for a task whose data has rows; path: of the model that makes them first, or NULL. */
static int run_predictions(struct eval *e, const char *path)
{
    struct eval_figures f = {.n = 0};
    struct ran ran = {.digested = 0};
    double *predicted = NULL;
    int code = path ? write_predictions(e, path, &ran) : read_data(e);
    if (!code) {
        eval_add(&f, "n", EVAL_COUNT, (double)e->job.data.n_rows);
        code = eval_read_predictions(&predicted, e->task, e->predictions, e->job.data.n_rows);
        code = score(e, &f, predicted, code);
    }
    if (!code)
        print(e, &f, path ? &ran : NULL);
    return code;
}

static int check_options(const struct eval *e, const char *task, int n_words)
{
    const char *const name = task ? task : "";
    struct stat there;
    const int is_squad = !strcmp(name, "squad"), is_retrieval = !strcmp(name, "retrieval");
    if (!task && !e->against)
        return cli_fail(CLI_USAGE, "eval: what is to be measured? give --task %s, or --against FILE",
                        eval_task_words("or").text);
    if (task && !e->task)
        return cli_fail(CLI_USAGE, "eval: --task is %s, not '%.64s'", eval_task_words("or").text, task);
    if (task && texts_form_given(&e->from))
        return cli_fail(CLI_USAGE, "eval: --form, --field, --column and --null are for files of texts; a task's file "
                                   "shows itself what it is");
    if (e->against && (e->predictions || (e->task && e->task->own)))
        return cli_fail(CLI_USAGE, "eval: --against compares models on texts or rows; leave out %s",
                        e->predictions ? "--predictions" : "--task");
    if (e->no_answers && !(is_squad && e->predictions))
        return cli_fail(CLI_USAGE, "eval: --no-answers is for --task squad with --predictions");
    if ((e->identical || e->document_prompt) && !is_retrieval)
        return cli_fail(CLI_USAGE, "eval: --identical-ids and --document-prompt-name are for --task retrieval");
    if (n_words != 2 && !(n_words == 1 && e->predictions))
        return cli_fail(CLI_USAGE, e->predictions
                                       ? "eval: with --predictions give one data file, or a model that makes "
                                         "them and the data file"
                                       : "eval: give one model file and one data file; see tern eval --help");
    if (e->predictions && n_words == 2 && (e->task->own || e->job.seed >= 0))
        return cli_fail(CLI_USAGE,
                        "eval: predictions of a model are written of tasks with rows, in their order; leave out %s",
                        e->task->own ? "--predictions, or the model" : "--shuffle");
    if (e->predictions && n_words == 2 &&
        (!strcmp(e->predictions, "-") || (!stat(e->predictions, &there) && !S_ISREG(there.st_mode))))
        return cli_fail(CLI_USAGE, "eval: %s is no regular file; predictions are written to one, and read again",
                        e->predictions);
    if (e->predictions && n_words == 2 && !e->resume && !stat(e->predictions, &there) && there.st_size)
        return cli_fail(CLI_USAGE,
                        "eval: %s is there already; leave out the model to score it, or go on in it with --resume",
                        e->predictions);
    if (e->resume && !(e->predictions && n_words == 2))
        return cli_fail(CLI_USAGE, "eval: --resume goes on in the file of --predictions that a model's run left; give "
                                   "both");
    return CLI_OK;
}

int cmd_eval(int argc, char **argv)
{
    struct eval e = {.no_answer_least = 1, .from = {.no_pairs = 1}, .job = {.run = RUN_DEFAULTS, .seed = -1}};
    const char *task = NULL;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &e.json, 0, 0},
                                         {"task", 0, CLI_STRING, &task, 0, 0},
                                         {"predictions", 0, CLI_STRING, &e.predictions, 0, 0},
                                         {"resume", 0, CLI_FLAG, &e.resume, 0, 0},
                                         {"no-answers", 0, CLI_STRING, &e.no_answers, 0, 0},
                                         {"no-answer-threshold", 0, CLI_REAL, &e.no_answer_least, -100000, 100000},
                                         {"identical-ids", 0, CLI_FLAG, &e.identical, 0, 0},
                                         {"shuffle", 0, CLI_INT, &e.job.seed, 0, INT32_MAX},
                                         {"against", 0, CLI_STRING, &e.against, 0, 0},
                                         {"document-prompt-name", 0, CLI_STRING, &e.document_prompt, 0, 0},
                                         {"prompt-name", 0, CLI_STRING, &e.job.prompt_name, 0, 0},
                                         {"prompt", 0, CLI_STRING, &e.job.prompt, 0, 0},
                                         TEXT_FORM_OPTIONS(e.from),
                                         RUN_OPTIONS(e.job.run),
                                         {0}};
    int n, code = cli_parse(options, "eval", argc, argv, &n);
    if (n < 0)
        return code;
    e.task = task ? eval_find_task(task) : NULL;
    code = check_options(&e, task, n);
    if (code)
        return code;
    e.job.path = argv[n - 1];
    if (e.task && e.task->own)
        code = run_own(&e, e.predictions ? NULL : argv[0]);
    else
        code = e.predictions ? run_predictions(&e, n == 2 ? argv[0] : NULL) : run(&e, argv[0]);
    eval_data_free(&e.job.data);
    return code;
}
