/* The tasks that `tern eval` scores models on: what their files look like, and how their figures are computed. */
#include "tools/eval_tasks.h"
#include "tools/eval_scores.h"

#include "runtime/base/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Labels -------------------------------------------------------------------------------------------------------
 */

/* Accuracy counts texts whose one label is right: there must be one, of several. */
static int has_one_label(const struct eval_model *m)
{
    if (!m->info->n_labels || m->info->of_tokens || !strcmp(m->info->output, "softmax"))
        return CLI_OK; /* a model without such a head is refused before its file is read: cmd_eval.c */
    return cli_fail(CLI_USAGE,
                    "%s: sst2 is for models with one label of several for each text; this one's scores are %s", m->path,
                    strcmp(m->info->output, "raw") ? "of each label by itself" : "raw values");
}

static int32_t eval_best(const struct eval_answers *a, size_t text)
{
    const float *logits = a->values + text * (size_t)a->count;
    int32_t best = 0;
    for (int32_t k = 1; k < a->count; k++)
        best = logits[k] > logits[best] ? k : best;
    return best;
}

static int accuracy(struct eval_figures *f, const struct eval_data *d, const struct eval_answers *a)
{
    size_t right = 0;
    for (size_t i = 0; i < d->n_rows; i++)
        right += eval_best(a, i) == (int32_t)d->gold[i];
    eval_add(f, "accuracy", EVAL_PART, (double)right / (double)d->n_rows);
    return CLI_OK;
}

/* ---- Similarity ---------------------------------------------------------------------------------------------------
 */

/* Of the cosine of a row's two texts with its score. */
static int correlations(struct eval_figures *f, const struct eval_data *d, const struct eval_answers *a)
{
    const size_t width = (size_t)a->count;
    double spearman, *const cosines = malloc(d->n_rows * sizeof *cosines);
    if (!cosines)
        return cli_nomem(d->n_rows * sizeof *cosines);
    for (size_t i = 0; i < d->n_rows; i++)
        cosines[i] = eval_cosine(a->values + 2 * i * width, a->values + (2 * i + 1) * width, a->count);
    for (size_t i = 0; i < d->n_rows; i++)
        if (!isfinite(cosines[i])) {
            free(cosines);
            return cli_fail(CLI_MODEL, "pair %zu: the model's vectors are no numbers, and nothing can be scored",
                            i + 1);
        }
    const int failed = eval_spearman(&spearman, cosines, d->gold, d->n_rows);
    if (!failed) {
        eval_add(f, "pearson", EVAL_PART, eval_pearson(cosines, d->gold, d->n_rows));
        eval_add(f, "spearman", EVAL_PART, spearman);
    }
    free(cosines);
    return failed ? cli_nomem(d->n_rows * sizeof(double)) : CLI_OK;
}

/* ---- The table ----------------------------------------------------------------------------------------------------
 */

static const struct eval_task tasks[] = {
    {.name = "sst2",
     .form = {.n = 2,
              .names = {{"sentence", "text"}, {"label"}},
              .layouts = {{2, 1, {0, 1}}},
              .says =
                  "a header or JSON objects with sentence and label; without a header SENTENCE<TAB>LABEL, the label "
                  "a number from 0"},
     .texts = 1,
     .answers = TERN_CLASSIFY,
     .fits = has_one_label,
     .score = accuracy},
    {.name = "stsb",
     .form = {.n = 3,
              .names = {{"sentence1", "text1"}, {"sentence2", "text2"}, {"score", "label", "similarity_score"}},
              .layouts = {{3, 0, {1, 2, 0}}, {3, 0, {0, 1, 2}}, {7, 1, {5, 6, 4}}},
              .says = "a header or JSON objects with sentence1, sentence2 and score; without a header SCORE and two "
                      "sentences in either order, with tabs between, or the STS benchmark's seven columns"},
     .texts = 2,
     .most = 5,
     .answers = TERN_EMBED,
     .score = correlations},
};
enum { TASKS = sizeof tasks / sizeof *tasks };

const struct eval_task *eval_find_task(const char *name)
{
    for (int i = 0; i < TASKS; i++)
        if (!strcmp(tasks[i].name, name))
            return &tasks[i];
    return NULL;
}

struct tern_words eval_task_words(const char *conjunction)
{
    const char *names[TASKS];
    for (int i = 0; i < TASKS; i++)
        names[i] = tasks[i].name;
    return tern_words(names, TASKS, conjunction);
}
