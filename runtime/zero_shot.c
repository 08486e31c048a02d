/* Labels that a model was not trained for: how far a text entails a sentence with each of them, as transformers'
   pipeline for zero-shot classification ranks them. */
#include "models/tokenizer.h"
#include "runtime/best.h"
#include "runtime/model.h"
#include "runtime/texts.h"
#include "runtime/windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One call. */
struct ranking {
    const struct tern_waiting *waiting;
    tern_zero_shot_options o;
    const char *hole; /* the {} in the hypothesis */
    const char *text;
    size_t text_bytes;
    const char *const *labels;
    size_t n_labels;
    char *hypothesis; /* with a label in it */
    float *logits;    /* [max_texts][n_labels of the model] */
};

int32_t tern_entailment(const tern_model *model)
{
    for (int32_t i = 0; i < model->config.n_labels; i++)
        if (!strncasecmp(model->config.labels[i], "entail", 6))
            return i;
    return -1;
}

static tern_status read_options(struct ranking *r, const tern_zero_shot_options *given, tern_error *err)
{
    const struct tern_config *const c = &r->waiting->model->config;
    if (c->head != TERN_HEAD_CLASSIFIER || c->n_labels < 2)
        return tern_fail(err, TERN_USAGE,
                         "the model does not say whether a text entails another; that takes a classifier of pairs with "
                         "2 labels or more, trained on MNLI or the like");
    if (given && given->struct_bytes != sizeof *given)
        return tern_fail(err, TERN_USAGE, "zero-shot options of %zu bytes; set struct_bytes to the struct's size",
                         given->struct_bytes);
    if (given)
        r->o = *given;
    const tern_status status = tern_check_reading(r->waiting->model, r->o.truncate, err);
    if (status)
        return status;
    if (!r->n_labels || r->n_labels > INT32_MAX)
        return tern_fail(err, TERN_USAGE, "%zu labels; 1 or more are possible", r->n_labels);
    if (!r->o.hypothesis)
        r->o.hypothesis = "This example is {}.";
    r->hole = strstr(r->o.hypothesis, "{}");
    if (!r->hole)
        return tern_fail(err, TERN_USAGE, "the hypothesis has no {} where a label goes");
    return TERN_OK;
}

static tern_status reserve(struct ranking *r, tern_error *err)
{
    size_t longest = 0;
    for (size_t i = 0; i < r->n_labels; i++)
        longest = strlen(r->labels[i]) > longest ? strlen(r->labels[i]) : longest;
    const size_t bytes = strlen(r->o.hypothesis) + longest + 1;
    const size_t floats = (size_t)r->waiting->max_texts * (size_t)r->waiting->model->config.n_labels * sizeof(float);
    r->hypothesis = malloc(bytes);
    r->logits = malloc(floats);
    return r->hypothesis && r->logits ? TERN_OK : tern_fail_nomem(err, "labels", bytes + floats);
}

/* The text and a hypothesis, as tokens at `at` of the session's arrays. *n: 0 where there is no room for them in this
   run any more. The text alone is cut: the pipeline's "only_first". */
static tern_status put_label(const struct ranking *r, const char *label, int32_t at, size_t *n, tern_error *err)
{
    const struct tern_waiting *const w = r->waiting;
    struct tern_windows all;
    memcpy(r->hypothesis, r->o.hypothesis, (size_t)(r->hole - r->o.hypothesis));
    strcpy(stpcpy(r->hypothesis + (r->hole - r->o.hypothesis), label), r->hole + 2);
    const tern_text pair = {r->text, r->text_bytes, r->hypothesis, strlen(r->hypothesis)};
    tern_status status = tern_windows_open(&all, w->model->tokenizer, &pair, 0, (size_t)w->limit, 0, err);
    if (status)
        return status;
    if (all.n > all.limit && r->o.truncate == TERN_TRUNCATE_ERROR)
        status = tern_fail(err, TERN_INPUT,
                           "%zu tokens with the hypothesis, the model takes %zu; shorten the text or have it truncated",
                           all.n, all.limit);
    *n = all.n < all.limit ? all.n : all.limit;
    if (at && (size_t)at + *n > (size_t)w->room)
        *n = 0;
    if (!status && *n) {
        const int tail = all.n > all.limit && r->o.truncate == TERN_TRUNCATE_TAIL;
        if (tail)
            all.step = all.n - all.limit; /* the second window is the last one then */
        tern_windows_take(&all, (size_t)tail, w->ids + at, w->types + at, NULL);
    }
    tern_windows_close(&all);
    return status;
}

/* What a row of logits says: the hypothesis holds, or the logit of that for softmax over all labels. */
static double score_of(const struct ranking *r, const float *logits, int alone)
{
    const int32_t n = r->waiting->model->config.n_labels, named = tern_entailment(r->waiting->model);
    const int32_t entails = named < 0 ? n - 1 : named, contradicts = named == 0 ? n - 1 : 0;
    const double x = (double)logits[entails];
    return alone ? 1 / (1 + exp((double)logits[contradicts] - x)) : x;
}

static tern_status run_labels(struct ranking *r, tern_session *session, int alone, tern_label_score *out,
                              tern_error *err)
{
    const struct tern_waiting *const w = r->waiting;
    const size_t n_logits = (size_t)w->model->config.n_labels;
    tern_status status = TERN_OK;
    for (size_t done = 0; done < r->n_labels && !status;) {
        int texts = 0;
        size_t n = 1;
        w->offsets[0] = 0;
        while (done + (size_t)texts < r->n_labels && texts < w->max_texts && n && !status) {
            status = put_label(r, r->labels[done + (size_t)texts], w->offsets[texts], &n, err);
            if (!status && n) {
                w->offsets[texts + 1] = w->offsets[texts] + (int32_t)n;
                texts++;
            }
        }
        const tern_batch batch = {w->ids, w->model->config.token_types > 1 ? w->types : NULL, w->offsets, texts};
        if (!status)
            status = tern_classify(session, &batch, r->logits, err);
        for (int i = 0; i < texts && !status; i++)
            out[done + (size_t)i] =
                (tern_label_score){score_of(r, r->logits + (size_t)i * n_logits, alone), (int32_t)(done + (size_t)i)};
        done += (size_t)texts;
    }
    return status;
}

static int goes_before(const void *a, const void *b)
{
    const tern_label_score *const x = a, *const y = b;
    return x->score > y->score || (x->score == y->score && x->label < y->label);
}

tern_status tern_zero_shot(tern_session *session, const char *text, size_t text_bytes, const char *const *labels,
                           size_t n_labels, const tern_zero_shot_options *options, tern_label_score *ranked,
                           tern_error *err)
{
    struct ranking r = {.waiting = tern_session_waiting(session),
                        .text = text,
                        .text_bytes = text_bytes,
                        .labels = labels,
                        .n_labels = n_labels};
    tern_status status = read_options(&r, options, err);
    const int alone = r.o.several || n_labels == 1;
    if (!status)
        status = reserve(&r, err);
    if (!status)
        status = run_labels(&r, session, alone, ranked, err);
    if (!status) {
        double sum = 0;
        tern_sort(ranked, n_labels, sizeof *ranked, goes_before);
        const double most = ranked[0].score;
        for (size_t i = 0; i < n_labels && !alone; i++)
            sum += ranked[i].score = exp(ranked[i].score - most);
        for (size_t i = 0; i < n_labels && !alone; i++)
            ranked[i].score /= sum;
    }
    free(r.hypothesis);
    free(r.logits);
    return status;
}
