/* Answers to a question in a text: spans of tokens by where an answer begins and ends, as transformers' pipeline for
   question answering chooses them. */
#include "models/unicode.h"
#include "runtime/best.h"
#include "runtime/model.h"
#include "runtime/session.h"
#include "runtime/texts.h"
#include "runtime/windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL_LENGTH = 15, USUAL_WINDOW = 384, USUAL_STRIDE = 128, MOST_ANSWERS = 1 << 16 };

/* A span of a window's tokens. */
struct candidate {
    size_t first, last;
    double score;
};

/* One call. */
struct finding {
    const struct tern_waiting *waiting;
    tern_find_options o;     /* the numbers in force */
    struct tern_windows all; /* the context in windows */
    size_t top;              /* answers that are wanted */
    struct tern_best best;   /* of one window: its spans, of which row `first * n + last` is tokens first .. last */
    tern_found *answers;     /* [n_answers] of all windows so far, of different words */
    size_t n_answers;
    double *p[2];      /* [limit] that an answer begins, and ends, at a token of a window */
    double least_none; /* the least probability of all windows that it begins and ends at [CLS] */
    const tern_text *text;
};

static tern_status read_options(struct finding *f, const tern_find_options *given, tern_error *err)
{
    const int32_t limit = f->waiting->limit;
    tern_find_options *const o = &f->o;
    if (given && given->struct_bytes != sizeof *given)
        return tern_fail(err, TERN_USAGE, "find options of %zu bytes; set struct_bytes to the struct's size",
                         given->struct_bytes);
    if (given)
        *o = *given;
    if (o->max_length < 0 || o->window < 0 || o->stride < 0 || o->window > limit)
        return tern_fail(err, TERN_USAGE,
                         "answers of %d tokens in windows of %d with a stride of %d; none may be negative, and the "
                         "model and the session take %d tokens",
                         o->max_length, o->window, o->stride, limit);
    o->max_length = o->max_length ? o->max_length : USUAL_LENGTH;
    if (!o->window)
        o->window = limit < USUAL_WINDOW ? limit : USUAL_WINDOW;
    if (!o->stride)
        o->stride = o->window / 2 < USUAL_STRIDE ? o->window / 2 : USUAL_STRIDE;
    return TERN_OK;
}

static tern_status check_call(const struct finding *f, size_t top, tern_error *err)
{
    const struct tern_config *c = &f->waiting->model->config;
    const tern_status status = tern_check_reading(f->waiting->model, TERN_TRUNCATE_HEAD, err);
    if (status)
        return status;
    if (c->head != TERN_HEAD_ANSWERER)
        return tern_fail(err, TERN_USAGE,
                         "the model has no head that finds answers; convert a checkpoint that has one (its class ends "
                         "with ForQuestionAnswering)");
    if (top > MOST_ANSWERS)
        return tern_fail(err, TERN_USAGE, "room for %zu answers; %d are the most that can be asked for", top,
                         MOST_ANSWERS);
    if (!f->text->pair || !top)
        return tern_fail(err, TERN_USAGE,
                         !top ? "room for no answer; 1 or more are possible"
                              : "the question has no context; it is the text's pair");
    return tern_waiting_check_room(f->waiting, err);
}

/* ---- One window ---- */

/* Tokens that count: those of the context, and [CLS], by which models say that there is no answer. */
static int counts(const tern_span *spans, size_t i)
{
    return spans[i].source == 1 || (i == 0 && spans[0].source < 0);
}

/* Softmax of one of the two logits over the tokens that count; the others get 0. */
static void probabilities(double *p, const float *logits, const tern_span *spans, size_t n)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        if (counts(spans, i) && (double)logits[2 * i] > most)
            most = (double)logits[2 * i];
    for (size_t i = 0; i < n; i++)
        sum += p[i] = counts(spans, i) ? exp((double)logits[2 * i] - most) : 0;
    for (size_t i = 0; i < n; i++)
        p[i] /= sum;
}

/* ---- Answers of all windows ---- */

/* Whether two stretches of the context are the same words but for their case. */
static int same_words(const char *context, const tern_found *a, const tern_found *b)
{
    const uint8_t *x = (const uint8_t *)context + a->start, *y = (const uint8_t *)context + b->start;
    const uint8_t *const x_end = (const uint8_t *)context + a->end, *const y_end = (const uint8_t *)context + b->end;
    while (x < x_end && y < y_end) {
        uint32_t second[2];
        if (tern_lower(tern_utf8_next(&x), &second[0]) != tern_lower(tern_utf8_next(&y), &second[1]) ||
            second[0] != second[1])
            return 0;
    }
    return x == x_end && y == y_end;
}

static void add_answer(struct finding *f, tern_found found)
{
    for (size_t i = 0; i < f->n_answers; i++)
        if (same_words(f->text->pair, &f->answers[i], &found)) {
            f->answers[i].score += found.score;
            return;
        }
    f->answers[f->n_answers++] = found;
}

/* The bytes of a span of tokens, or of the words that its ends lie in. */
static tern_found bytes_of(const struct finding *f, const tern_span *spans, size_t n, struct candidate c)
{
    size_t first = c.first, last = c.last;
    while (!f->o.by_tokens && first > 0 && spans[first - 1].source == 1 && spans[first - 1].word == spans[c.first].word)
        first--;
    while (!f->o.by_tokens && last + 1 < n && spans[last + 1].source == 1 && spans[last + 1].word == spans[c.last].word)
        last++;
    return (tern_found){c.score, spans[first].start, spans[last].end};
}

static tern_status read_window(void *context, const struct tern_window *window)
{
    struct finding *const f = context;
    const tern_span *const spans = window->spans;
    const size_t n = window->n;
    tern_best_start(&f->best);
    for (int side = 0; side < 2; side++)
        probabilities(f->p[side], window->logits + side, spans, n);
    if (spans[0].source < 0 && f->p[0][0] * f->p[1][0] < f->least_none)
        f->least_none = f->p[0][0] * f->p[1][0];
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; spans[i].source == 1 && j < n && j - i < (size_t)f->o.max_length && spans[j].source == 1;
             j++)
            tern_best_offer(&f->best, tern_score_key(f->p[0][i] * f->p[1][j]), (uint32_t)(i * n + j));
    const int found = tern_best_pick(f->best.at, f->best.n, f->best.most);
    for (int i = 0; i < found; i++) {
        const size_t first = f->best.at[i].row / n, last = f->best.at[i].row % n;
        add_answer(f, bytes_of(f, spans, n, (struct candidate){first, last, f->p[0][first] * f->p[1][last]}));
    }
    return TERN_OK;
}

/* ---- All windows ---- */

static int goes_before(const void *a, const void *b)
{
    const tern_found *const x = a, *const y = b;
    if (x->score != y->score)
        return x->score > y->score;
    return x->start != y->start ? x->start < y->start : x->end < y->end;
}

static tern_status reserve(struct finding *f, tern_error *err)
{
    const size_t windows = tern_windows_count(&f->all);
    /* the pipeline's: of whole words several spans of tokens may be the same */
    const size_t each = f->o.by_tokens ? f->top : 2 * f->top + 10;
    f->best.most = (int)each;
    f->p[0] = malloc(2 * (size_t)f->o.window * sizeof *f->p[0]);
    f->p[1] = f->p[0] + f->o.window;
    f->best.at = malloc(2 * each * sizeof *f->best.at);
    f->answers =
        windows < SIZE_MAX / each / sizeof *f->answers ? malloc((windows * each + 1) * sizeof *f->answers) : NULL;
    return f->p[0] && f->best.at && f->answers ? TERN_OK
                                               : tern_fail_nomem(err, "answers", windows * each * sizeof *f->answers);
}

tern_status tern_find_answers(tern_session *session, const tern_text *text, const tern_find_options *options,
                              tern_found *found, size_t top, size_t *n_found, tern_error *err)
{
    struct finding f = {.waiting = tern_session_waiting(session), .text = text, .top = top, .least_none = 1};
    *n_found = 0;
    tern_status status = check_call(&f, top, err);
    if (!status)
        status = read_options(&f, options, err);
    if (!status)
        status = tern_windows_open(&f.all, f.waiting->model->tokenizer, text, 1, (size_t)f.o.window, (size_t)f.o.stride,
                                   err);
    if (!status) {
        status = reserve(&f, err);
        if (!status)
            status = tern_windows_run(&f.all, session, read_window, &f, err);
        if (!status && f.o.may_be_empty)
            f.answers[f.n_answers++] = (tern_found){f.least_none, 0, 0};
        if (!status && f.n_answers) {
            tern_sort(f.answers, f.n_answers, sizeof *f.answers, goes_before);
            *n_found = f.n_answers < top ? f.n_answers : top;
            memcpy(found, f.answers, *n_found * sizeof *found);
        }
        free(f.p[0]);
        free(f.best.at);
        free(f.answers);
        tern_windows_close(&f.all);
    }
    return status;
}
