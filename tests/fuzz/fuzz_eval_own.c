/* A file of one of the tasks of `tern eval` that read by themselves, or of rows, with a file of predictions beside it;
   the first byte says which task. The input has parts "data", "predictions" and "doubts" (--no-answers). What is
   accepted has figures, of which parts of a whole are between 0 and 1; a refusal has a line and the exit code of a bad
   text. */
/* COVERS: tools/eval_squad.c tools/eval_conll.c tools/eval_retrieval.c tools/eval_rerank.c tools/eval_own.c
           tools/eval_predict.c tools/score_squad.c tools/score_entities.c tools/score_ranks.c */

#include "tests/fuzz/files.h"
#include "tools/eval_predict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const tasks[] = {"squad", "conll", "retrieval", "rerank", "sst2", "stsb", "cola", "mrpc"};
enum { N_TASKS = sizeof tasks / sizeof *tasks };

static void check_figures(const struct eval_figures *f)
{
    fuzz_check(f->n > 0);
    for (int i = 0; i < f->n; i++) {
        const struct eval_figure *const g = &f->all[i];
        fuzz_check(g->unit != EVAL_COUNT || g->value >= 0);
        fuzz_check(g->unit != EVAL_PART || isnan(g->value) || (g->value >= -1 - 1e-9 && g->value <= 1 + 1e-9));
    }
}

/* A task whose file has rows: what the command does with their predictions. */
static int score_rows(struct eval_figures *f, const struct eval_task *t, struct eval_data *d, const char *path,
                      const char *predictions)
{
    const struct eval_rows rows = {&t->form, t->classes.n ? &t->classes : NULL, t->texts,
                                   t->classes.n ? t->classes.n - 1 : t->most};
    double *predicted = NULL;
    int code = eval_read_rows(d, path, &rows);
    if (!code)
        code = eval_read_predictions(&predicted, t, predictions, d->n_rows);
    if (!code)
        code = t->score(f, d->gold, predicted, d->n_rows);
    free(predicted);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"data", "predictions", "doubts", NULL};
    char dir[300], path[400], predictions[400], doubts[400], said[4096];
    struct eval_figures f = {.n = 0};
    struct eval_job job = {.seed = -1};
    size_t bytes;
    if (!size)
        return 0;
    const struct eval_task *const task = eval_find_task(tasks[data[0] % N_TASKS]);
    snprintf(dir, sizeof dir, "%s/eval", fuzz_dir());
    snprintf(path, sizeof path, "%s/data", dir);
    snprintf(predictions, sizeof predictions, "%s/predictions", dir);
    snprintf(doubts, sizeof doubts, "%s/doubts", dir);
    fuzz_write_parts(dir, names, data + 1, size - 1);
    struct eval_own own = {.path = path, .predictions = predictions, .no_answer_least = 1, .job = &job};
    own.identical = data[0] / N_TASKS % 2;
    own.no_answers = fuzz_find_part("doubts", data + 1, size - 1, &bytes) ? doubts : NULL;
    if (!fuzz_find_part("data", data + 1, size - 1, &bytes) ||
        !fuzz_find_part("predictions", data + 1, size - 1, &bytes))
        return 0;
    fuzz_capture_begin();
    const int code = task->own ? task->own(&f, &own) : score_rows(&f, task, &job.data, path, predictions);
    const size_t n = fuzz_capture_end(said, sizeof said);
    if (code)
        fuzz_check(code == CLI_INPUT && n > 1 && (n == sizeof said || said[n - 1] == '\n'));
    else
        check_figures(&f);
    eval_data_free(&job.data);
    return 0;
}
