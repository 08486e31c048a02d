/* Compares a model's answers with another model's, or with vectors from a file, for `tern eval --against`. */
#include "tools/eval_compare.h"
#include "tools/eval_scores.h"
#include "tools/eval_tasks.h"
#include "tools/neighbours.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int labels_texts(const struct eval_model *m)
{
    return m->info->n_labels && !m->info->of_tokens;
}

/* ---- Opening ------------------------------------------------------------------------------------------------------
 */

static int check_models(const struct eval_model *a, const struct eval_model *b)
{
    if (a->info->dimensions != b->info->dimensions)
        return cli_fail(CLI_USAGE, "%s: has vectors of %d numbers, which cannot be compared with the %d of %s", b->path,
                        b->info->dimensions, a->info->dimensions, a->path);
    if (!labels_texts(a) || !labels_texts(b))
        return CLI_OK;
    int differ = a->info->n_labels != b->info->n_labels || strcmp(a->info->output, b->info->output);
    for (int32_t i = 0; !differ && i < a->info->n_labels; i++)
        differ = strcmp(tern_model_label(a->model, i), tern_model_label(b->model, i));
    return differ ? cli_fail(CLI_USAGE, "%s: has other labels than %s, or scores of another kind; tern info shows them",
                             b->path, a->path)
                  : CLI_OK;
}

static int check_npy(const struct eval_other *o, const struct eval_job *job, const struct eval_model *m)
{
    const size_t texts = job->data.n_texts;
    if (o->npy.columns != (size_t)m->info->dimensions)
        return cli_fail(CLI_INPUT, "%s: has vectors of %zu numbers, which cannot be compared with the %d of %s",
                        o->npy.path, o->npy.columns, m->info->dimensions, m->path);
    if (o->npy.rows == texts || (job->data.per_row > 1 && o->npy.rows == o->n_distinct))
        return CLI_OK;
    if (job->data.per_row > 1)
        return cli_fail(CLI_INPUT,
                        "%s: has %zu rows; %s has %zu texts, %zu of them distinct, and one row is needed for each",
                        o->npy.path, o->npy.rows, job->path, texts, o->n_distinct);
    return cli_fail(CLI_INPUT,
                    "%s: has %zu rows; %s has %zu texts, blank lines included, and one row is needed for each",
                    o->npy.path, o->npy.rows, job->path, texts);
}

int eval_open_other(struct eval_other *out, const char *path, const struct eval_job *job, const struct eval_model *m)
{
    tern_error err;
    *out = (struct eval_other){0};
    out->distinct = eval_distinct(&job->data, &out->n_distinct);
    if (!out->distinct)
        return CLI_FAILED;
    if (npy_is(path))
        return npy_open(&out->npy, path, &err) ? cli_status(&err) : check_npy(out, job, m);
    const int code = eval_open_model(&out->model, path);
    return code ? code : check_models(m, &out->model);
}

void eval_close_other(struct eval_other *other)
{
    eval_close_model(&other->model);
    npy_close(&other->npy);
    free(other->distinct);
    *other = (struct eval_other){0};
}

/* ---- Labels -------------------------------------------------------------------------------------------------------
 */

/* Whether a text has the same labels: the best one, or all that hold, where several may. */
static int same_labels(const double *p, const double *q, int32_t labels, int several)
{
    int32_t best[2] = {0, 0};
    for (int32_t k = 0; k < labels; k++) {
        if (several && (p[k] >= 0.5) != (q[k] >= 0.5))
            return 0;
        best[0] = p[k] > p[best[0]] ? k : best[0];
        best[1] = q[k] > q[best[1]] ? k : best[1];
    }
    return several || best[0] == best[1];
}

static int compare_scores(struct eval_figures *f, size_t n, const struct eval_model *m, const struct eval_answers *a,
                          const struct eval_answers *b)
{
    const size_t labels = (size_t)a->count;
    double *const p = malloc(2 * labels * sizeof *p), *const q = p + labels, largest = 0;
    size_t same = 0;
    if (!p)
        return cli_nomem(2 * labels * sizeof *p);
    for (size_t i = 0; i < n; i++) {
        tern_probabilities(m->model, a->values + i * labels, p);
        tern_probabilities(m->model, b->values + i * labels, q);
        same += (size_t)same_labels(p, q, a->count, !strcmp(m->info->output, "sigmoid"));
        for (size_t k = 0; k < labels; k++)
            if (!isnan(largest) && !(fabs(p[k] - q[k]) <= largest)) /* a NaN stays */
                largest = fabs(p[k] - q[k]);
    }
    free(p);
    if (strcmp(m->info->output, "raw"))
        eval_add(f, "agreement", EVAL_PART, (double)same / (double)n);
    eval_add(f, "difference", EVAL_NUMBER, largest);
    return CLI_OK;
}

static int compare_labels(struct eval_figures *f, const struct eval_job *job, const struct eval_model *m,
                          const struct eval_model *other, struct eval_answers *own)
{
    struct eval_answers theirs = {0};
    int code = own->values ? CLI_OK : eval_run(own, job, m, TERN_CLASSIFY);
    if (!code)
        code = eval_run(&theirs, job, other, TERN_CLASSIFY);
    if (!code)
        code = compare_scores(f, own->n, m, own, &theirs);
    eval_free_answers(&theirs);
    return code;
}

/* ---- Vectors ------------------------------------------------------------------------------------------------------
 */

/* Two sets of vectors of `n` texts, which are places in the data; NULL: all of it. Where the others' rows are those of
   the distinct texts, so are these. */
struct pairs {
    const struct eval_job *job;
    const struct eval_answers *a, *b;
    const size_t *texts;
    size_t n;
    int b_is_distinct;
};

static int compare_cosines(struct eval_figures *f, const struct pairs *p)
{
    const size_t width = (size_t)p->a->count;
    double mean = 0, *const cosines = malloc(p->n * sizeof *cosines);
    size_t worst = 0;
    if (!cosines)
        return cli_nomem(p->n * sizeof *cosines);
    for (size_t i = 0; i < p->n; i++) {
        const size_t text = p->texts ? p->texts[i] : i;
        cosines[i] =
            eval_cosine(p->a->values + text * width, p->b->values + (p->b_is_distinct ? i : text) * width, p->a->count);
        if (!isfinite(cosines[i])) {
            free(cosines);
            return cli_fail(CLI_FAILED, "%s:%zu: the text's vector has a number that is not finite", p->job->path,
                            p->job->data.texts[text].line);
        }
        mean += cosines[i] / (double)p->n;
        worst = cosines[i] < cosines[worst] ? i : worst;
    }
    const struct eval_text *const text = &p->job->data.texts[p->texts ? p->texts[worst] : worst];
    const double least = cosines[worst];
    eval_add(f, "texts", EVAL_COUNT, (double)p->n);
    eval_add(f, "cosine", EVAL_NUMBER, mean);
    eval_add(f, "percentile_1", EVAL_NUMBER, eval_percentile(cosines, p->n, 1));
    eval_add(f, "least", EVAL_NUMBER, least);
    eval_add_line(f, "worst", text->line, p->job->data.pool + text->at, text->bytes);
    free(cosines);
    return CLI_OK;
}

/* With no more than one text besides a text's neighbours, all or nearly all would be neighbours whatever the vectors.
 */
static int compare_neighbours(struct eval_figures *f, const struct pairs *p, const struct eval_other *o)
{
    const size_t n = o->n_distinct, bytes = n * NEIGHBOURS * sizeof(int32_t);
    double kept = NAN;
    tern_error err;
    if (n > NEIGHBOURS_MOST)
        cli_warn("%s: of %zu distinct texts no neighbours are looked for; the limit is %d", p->job->path, n,
                 NEIGHBOURS_MOST);
    if (n > NEIGHBOURS + 1 && n <= NEIGHBOURS_MOST) {
        const int32_t width = p->a->count, threads = p->job->run.threads;
        int32_t *const a = malloc(2 * bytes), *const b = a + n * NEIGHBOURS;
        if (!a)
            return cli_nomem(2 * bytes);
        tern_status status = neighbours_find(a, p->a->values, o->distinct, n, width, threads, &err);
        if (!status)
            status = neighbours_find(b, p->b->values, p->b_is_distinct ? NULL : o->distinct, n, width, threads, &err);
        if (!status)
            kept = neighbours_kept(a, b, n);
        free(a);
        if (status)
            return cli_status(&err);
    }
    eval_add(f, "neighbours", EVAL_PART, kept);
    return CLI_OK;
}

static int read_npy(struct eval_answers *out, struct npy *npy)
{
    tern_error err;
    out->count = (int32_t)npy->columns;
    if (npy->rows > SIZE_MAX / sizeof *out->values / npy->columns)
        return cli_nomem(SIZE_MAX);
    out->values = malloc(npy->rows * npy->columns * sizeof *out->values);
    if (!out->values)
        return cli_nomem(npy->rows * npy->columns * sizeof *out->values);
    return npy_read(npy, out->values, &err) ? cli_status(&err) : CLI_OK;
}

static int compare_vectors(struct eval_figures *f, const struct eval_job *job, const struct eval_model *m,
                           struct eval_other *other, struct eval_answers *own)
{
    struct eval_answers theirs = {0};
    const int distinct = job->data.per_row > 1;
    struct pairs pairs = {.job = job, .a = own, .b = &theirs};
    pairs.texts = distinct ? other->distinct : NULL;
    pairs.n = distinct ? other->n_distinct : job->data.n_texts;
    pairs.b_is_distinct = !other->model.model && other->npy.rows == pairs.n && distinct;
    int code = other->model.model ? CLI_OK : read_npy(&theirs, &other->npy);
    if (!code && !own->values)
        code = eval_run(own, job, m, TERN_EMBED);
    if (!code && other->model.model)
        code = eval_run(&theirs, job, &other->model, TERN_EMBED);
    if (!code)
        code = compare_cosines(f, &pairs);
    if (!code)
        code = compare_neighbours(f, &pairs, other);
    eval_free_answers(&theirs);
    return code;
}

int eval_compare(struct eval_figures *f, const struct eval_job *job, const struct eval_model *m,
                 struct eval_other *other, struct eval_answers own[2], int labels)
{
    int code = CLI_OK;
    if (labels && other->model.model && labels_texts(m) && labels_texts(&other->model))
        code = compare_labels(f, job, m, &other->model, &own[TERN_CLASSIFY]);
    return code ? code : compare_vectors(f, job, m, other, &own[TERN_EMBED]);
}
