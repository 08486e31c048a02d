/* `tern eval --task rerank`: the order of short lists, counted as sentence-transformers' RerankingEvaluator does. */
#include "tools/eval_rerank.h"
#include "tools/eval_scores.h"
#include "tools/score_ranks.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 10 /* of MRR and nDCG: the evaluator's at_k */ };

struct lists {
    json_t *values;
    size_t *begin;                /* [n + 1] the first document of each list */
    struct ranked_score *ranking; /* [begin[n]] */
    size_t n, left_out;
    int pairs; /* texts are query, document of each row; else each list's query and its documents */
};

/* ---- Reading --------------------------------------------------------------------------------------------------------
 */

static size_t texts_in(const json_t *value)
{
    return json_is_string(value) ? 1 : json_array_size(value);
}

static const json_t *text_of(const json_t *value, size_t i)
{
    return json_is_string(value) ? value : json_array_get(value, i);
}

static int contains(const json_t *texts, const json_t *text)
{
    for (size_t i = 0; i < texts_in(texts); i++)
        if (json_equal(text_of(texts, i), text))
            return 1;
    return 0;
}

static int add_document(struct lists *l, struct eval_data *d, const json_t *query, const json_t *document, int relevant)
{
    const size_t at = l->begin[l->n], line = l->n + l->left_out + 1;
    if (at % 1024 == 0) {
        struct ranked_score *const more = reallocarray(l->ranking, at + 1024, sizeof *more);
        if (!more)
            return cli_nomem((at + 1024) * sizeof *more);
        l->ranking = more;
    }
    l->ranking[at] = (struct ranked_score){.relevant = relevant};
    l->begin[l->n]++;
    int code = l->pairs ? eval_add_text(d, json_string_value(query), json_string_length(query), line) : CLI_OK;
    return code ? code : eval_add_text(d, json_string_value(document), json_string_length(document), line);
}

/* A list without an answer, or without anything else, says nothing about an order. */
static int add_list(struct lists *l, struct eval_data *d, const json_t *value, const char *path)
{
    const json_t *const query = json_object_get(value, "query"), *const positive = json_object_get(value, "positive");
    const json_t *negative = json_object_get(value, "negative");
    const json_t *const documents = json_object_get(value, "documents");
    const size_t n = l->n + l->left_out + 1;
    negative = negative ? negative : documents;
    if (!json_is_string(query) || !positive || !negative)
        return cli_fail(CLI_INPUT, "%s: list %zu lacks its query, positive, or negative (or documents)", path, n);
    for (size_t i = 0; i < texts_in(positive) + texts_in(negative); i++)
        if (!json_is_string(i < texts_in(positive) ? text_of(positive, i) : text_of(negative, i - texts_in(positive))))
            return cli_fail(CLI_INPUT, "%s: list %zu has a document that is no string", path, n);
    size_t others = 0;
    for (size_t i = 0; i < texts_in(negative); i++)
        others += !documents || !contains(positive, text_of(negative, i));
    if (!texts_in(positive) || !others) {
        l->left_out++;
        return CLI_OK;
    }
    size_t *const begin = reallocarray(l->begin, l->n + 2, sizeof *begin);
    if (!begin)
        return cli_nomem((l->n + 2) * sizeof *begin);
    begin[0] = l->n ? begin[0] : 0;
    begin[l->n + 1] = begin[l->n];
    l->begin = begin;
    l->n++;
    int code = l->pairs ? CLI_OK : eval_add_text(d, json_string_value(query), json_string_length(query), n);
    for (size_t i = 0; !code && i < texts_in(positive); i++)
        code = add_document(l, d, query, text_of(positive, i), 1);
    for (size_t i = 0; !code && i < texts_in(negative); i++)
        if (!documents || !contains(positive, text_of(negative, i)))
            code = add_document(l, d, query, text_of(negative, i), 0);
    return code;
}

static int read_lists(struct lists *l, struct eval_data *d, const char *path)
{
    json_t *value, *inner;
    size_t i, k;
    int code = eval_read_json(&l->values, path);
    json_array_foreach(l->values, i, value)
    {
        if (json_is_array(value)) {
            json_array_foreach(value, k, inner) code = code ? code : add_list(l, d, inner, path);
        } else {
            code = code ? code : add_list(l, d, value, path);
        }
    }
    if (!code && !l->n)
        code = cli_fail(CLI_INPUT, "%s: there is no list in it with both positive and other documents", path);
    d->per_row = l->pairs ? 2 : 1;
    d->n_rows = l->pairs ? d->n_texts / 2 : d->n_texts;
    return code;
}

/* ---- Scores ---------------------------------------------------------------------------------------------------------
 */

/* The numbers of each list, in a line: an array, or an object with the array scores. */
static int take_predictions(struct lists *l, const char *path)
{
    json_t *values;
    size_t i = 0;
    int code = eval_read_json(&values, path);
    if (!code && json_array_size(values) != l->n)
        code = cli_fail(CLI_INPUT, "%s: has scores of %zu lists, and %zu are needed%s", path, json_array_size(values),
                        l->n, l->left_out ? ": those with both positive and other documents" : "");
    for (; !code && i < l->n; i++) {
        const json_t *scores = json_array_get(values, i);
        scores = json_is_object(scores) ? json_object_get(scores, "scores") : scores;
        const size_t n = l->begin[i + 1] - l->begin[i];
        if (json_array_size(scores) != n)
            code = cli_fail(CLI_INPUT, "%s: list %zu has %zu scores for its %zu documents", path, i + 1,
                            json_array_size(scores), n);
        for (size_t k = 0; !code && k < n; k++) {
            const json_t *const score = json_array_get(scores, k);
            l->ranking[l->begin[i] + k].score = json_number_value(score);
            if (!json_is_number(score))
                code = cli_fail(CLI_INPUT, "%s: list %zu: score %zu is no number", path, i + 1, k + 1);
        }
    }
    json_decref(values);
    return code;
}

static int run_model(struct lists *l, struct eval_own *o, size_t *truncated)
{
    struct eval_answers a = {0};
    struct eval_job *const job = o->job;
    job->together = l->pairs;
    const int code = eval_run(&a, job, o->model, l->pairs ? TERN_CLASSIFY : TERN_EMBED);
    for (size_t i = 0; !code && i < l->n; i++)
        for (size_t at = l->begin[i]; at < l->begin[i + 1]; at++) {
            const float *const document = a.values + (l->pairs ? at : at + i + 1) * (size_t)a.count;
            if (l->pairs)
                tern_probabilities(o->model->model, document, &l->ranking[at].score);
            else
                l->ranking[at].score = eval_cosine(a.values + (l->begin[i] + i) * (size_t)a.count, document, a.count);
        }
    if (!code)
        o->digest = eval_digest(&a, o->model);
    o->seconds = a.seconds;
    o->texts = a.n;
    *truncated = a.truncated;
    eval_free_answers(&a);
    return code;
}

static void score(struct eval_figures *f, struct lists *l)
{
    double precision = 0, reciprocal = 0, ndcg = 0;
    for (size_t i = 0; i < l->n; i++) {
        struct ranked_score *const list = l->ranking + l->begin[i];
        const size_t n = l->begin[i + 1] - l->begin[i];
        for (size_t k = 0; k < n; k++)
            list[k].index = k;
        ranks_sort(list, n);
        precision += ranks_precision(list, n);
        reciprocal += ranks_list_reciprocal(list, n, DEPTH);
        ndcg += ranks_shared_ndcg(list, n, DEPTH);
    }
    eval_add(f, "map", EVAL_PART, precision / (double)l->n);
    eval_add(f, "mrr@10", EVAL_PART, reciprocal / (double)l->n);
    eval_add(f, "ndcg@10", EVAL_PART, ndcg / (double)l->n);
}

int eval_rerank(struct eval_figures *f, struct eval_own *o)
{
    struct lists l = {.pairs = o->model && o->model->info->n_labels && !o->model->info->of_tokens};
    size_t truncated = 0;
    if (l.pairs && o->model->info->n_labels != 1)
        return cli_fail(CLI_USAGE,
                        "%s: rerank is for models with one label, the value of a pair, or for embeddings; "
                        "this one has %d labels",
                        o->model->path, o->model->info->n_labels);
    int code = read_lists(&l, &o->job->data, o->path);
    if (!code)
        code = o->model ? run_model(&l, o, &truncated) : take_predictions(&l, o->predictions);
    if (!code) {
        if (l.left_out)
            cli_warn("%s: %zu lists without a positive or without another document were left out", o->path, l.left_out);
        eval_add(f, "n", EVAL_COUNT, (double)l.n);
        if (o->model)
            eval_add(f, "truncated", EVAL_COUNT, (double)truncated);
        score(f, &l);
    }
    json_decref(l.values);
    free(l.begin);
    free(l.ranking);
    return code;
}
