/* The tasks that `tern eval` scores models on: what their files look like, and how their figures are computed. */
#include "tools/eval_tasks.h"
#include "tools/eval_conll.h"
#include "tools/eval_rerank.h"
#include "tools/eval_retrieval.h"
#include "tools/eval_scores.h"
#include "tools/eval_squad.h"

#include "runtime/base/words.h"

#include <math.h>
#include <string.h>

/* ---- Scores ---------------------------------------------------------------------------------------------------------
 */

static int accuracy(struct eval_figures *f, const double *gold, const double *predicted, size_t n)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++)
        right += gold[i] == predicted[i];
    eval_add(f, "accuracy", EVAL_PART, (double)right / (double)n);
    return CLI_OK;
}

/* F1 of class 1. */
static int accuracy_and_f1(struct eval_figures *f, const double *gold, const double *predicted, size_t n)
{
    eval_add(f, "f1", EVAL_PART, eval_f1(gold, predicted, n));
    return accuracy(f, gold, predicted, n);
}

static int matthews(struct eval_figures *f, const double *gold, const double *predicted, size_t n)
{
    eval_add(f, "matthews", EVAL_PART, eval_matthews(gold, predicted, n));
    return accuracy(f, gold, predicted, n);
}

static int correlations(struct eval_figures *f, const double *gold, const double *predicted, size_t n)
{
    double spearman;
    if (eval_spearman(&spearman, predicted, gold, n))
        return cli_nomem(n * sizeof(double));
    eval_add(f, "pearson", EVAL_PART, eval_pearson(predicted, gold, n));
    eval_add(f, "spearman", EVAL_PART, spearman);
    return CLI_OK;
}

/* ---- The table ----------------------------------------------------------------------------------------------------
 */

/* What is between sentences without a header: the label last, or first. */
#define PAIR_LAYOUTS                                                                                                   \
    {                                                                                                                  \
        {3, 0, {0, 1, 2}},                                                                                             \
        {                                                                                                              \
            3, 0,                                                                                                      \
            {                                                                                                          \
                1, 2, 0                                                                                                \
            }                                                                                                          \
        }                                                                                                              \
    }
#define PAIR_SAYS                                                                                                      \
    "a header or JSON objects with sentence1, sentence2 and label; without a header two sentences and the label's "    \
    "number in either order, with tabs between"
#define ENTAILS                                                                                                        \
    {                                                                                                                  \
        2,                                                                                                             \
        {                                                                                                              \
            {"entailment"},                                                                                            \
            {                                                                                                          \
                "not_entailment"                                                                                       \
            }                                                                                                          \
        }                                                                                                              \
    }

static const struct eval_task tasks[] = {
    {.name = "sst2",
     .form = {.n = 2,
              .names = {{"sentence", "text"}, {"label"}},
              .layouts = {{2, 1, {0, 1}}},
              .says =
                  "a header or JSON objects with sentence and label; without a header SENTENCE<TAB>LABEL, the label "
                  "a number from 0"},
     .texts = 1,
     .classes = {2, {{"negative", "neg"}, {"positive", "pos"}}},
     .any_labels = 1,
     .score = accuracy},
    {.name = "mnli",
     .form = {.n = 3,
              .names = {{"sentence1", "premise", "text1"},
                        {"sentence2", "hypothesis", "text2"},
                        {"gold_label", "label"}},
              .layouts = PAIR_LAYOUTS,
              .says = PAIR_SAYS},
     .texts = 2,
     .classes = {3, {{"entailment"}, {"neutral"}, {"contradiction"}}},
     .score = accuracy},
    {.name = "qnli",
     .form = {.n = 3,
              .names = {{"question", "sentence1", "text1"}, {"sentence", "sentence2", "text2"}, {"label"}},
              .layouts = PAIR_LAYOUTS,
              .says = PAIR_SAYS},
     .texts = 2,
     .classes = ENTAILS,
     .score = accuracy},
    {.name = "rte",
     .form = {.n = 3,
              .names = {{"sentence1", "premise", "text1"}, {"sentence2", "hypothesis", "text2"}, {"label"}},
              .layouts = PAIR_LAYOUTS,
              .says = PAIR_SAYS},
     .texts = 2,
     .classes = ENTAILS,
     .score = accuracy},
    {.name = "mrpc",
     .form = {.n = 3,
              .names = {{"sentence1", "#1 String", "text1"}, {"sentence2", "#2 String", "text2"}, {"label", "Quality"}},
              .layouts = {{3, 0, {0, 1, 2}}, {3, 0, {1, 2, 0}}, {5, 0, {3, 4, 0}}},
              .says = PAIR_SAYS},
     .texts = 2,
     .classes = {2, {{"not_equivalent", "not_paraphrase"}, {"equivalent", "paraphrase"}}},
     .score = accuracy_and_f1},
    {.name = "cola",
     .form = {.n = 2,
              .names = {{"sentence", "text"}, {"label"}},
              .layouts = {{4, 0, {3, 1}}, {2, 0, {0, 1}}},
              .says =
                  "a header or JSON objects with sentence and label; without a header SENTENCE<TAB>LABEL, or CoLA's "
                  "four columns"},
     .texts = 1,
     .classes = {2, {{"unacceptable"}, {"acceptable"}}},
     .score = matthews},
    {.name = "stsb",
     .form = {.n = 3,
              .names = {{"sentence1", "text1"}, {"sentence2", "text2"}, {"score", "label", "similarity_score"}},
              .layouts = {{3, 0, {1, 2, 0}}, {3, 0, {0, 1, 2}}, {7, 1, {5, 6, 4}}},
              .says = "a header or JSON objects with sentence1, sentence2 and score; without a header SCORE and two "
                      "sentences in either order, with tabs between, or the STS benchmark's seven columns"},
     .texts = 2,
     .most = 5,
     .score = correlations},
    {.name = "squad", .own = eval_squad},
    {.name = "conll", .own = eval_conll},
    {.name = "retrieval", .own = eval_retrieval},
    {.name = "rerank", .own = eval_rerank},
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
