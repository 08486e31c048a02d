/* Entities: what the labels of a text's tokens say together, as transformers' pipeline for token classification puts
   them together (gather_pre_entities, aggregate_words, group_entities, aggregate_overlapping_entities). */
#include "models/tokenizer.h"
#include "models/unicode.h"
#include "runtime/model.h"
#include "runtime/texts.h"
#include "runtime/windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL_STRIDE = 128 };

/* What is put together: a token, a word of several, an entity of several words. */
struct part {
    size_t start, end;      /* bytes of the text */
    int32_t label, id;      /* the first token's or word's label; see tern_entity */
    double score;           /* or the sum of them, */
    size_t n;               /* of so many */
    int cut_start, cut_end; /* it begins or ends where its window does, and the text goes on there */
};

/* One call. */
struct tagging {
    const struct tern_config *config;
    const tern_tokenizer *tokenizer;
    const tern_text *text;
    tern_tag_options o; /* the numbers in force */
    tern_error *err;
    int marks_inside;
    int32_t unknown;
    const char *ends; /* first letters of labels that end an entity: some of "ESLU" */
    char ends_of[8];
    size_t n_windows;
    double *p, *sum;          /* [n_labels] of a token, and of the tokens of a word */
    struct part word, entity; /* being made; n 0: none */
    float most;               /* of the tokens of a word: the largest probability */
    int32_t last;             /* label of the entity's last word */
    struct found {
        tern_entity e;
        size_t order;
        int cut_start, cut_end;
    } * found;
    size_t n_found, room;
};

/* ---- The call ---- */

/* A letter ends entities where its labels go on as those with B- or I- do. */
static void find_ends(struct tagging *t)
{
    static const char letters[] = "ESLU";
    char *out = t->ends_of;
    for (const char *letter = letters; *letter; letter++) {
        int known = 0;
        for (int32_t i = 0; i < t->config->n_labels; i++)
            for (int32_t k = 0; k < t->config->n_labels; k++) {
                const char *const a = t->config->labels[i], *const b = t->config->labels[k];
                known |= a[0] == *letter && a[1] == '-' && (b[0] == 'B' || b[0] == 'I') && b[1] == '-' &&
                         !strcmp(a + 2, b + 2);
            }
        if (known)
            *out++ = *letter;
    }
    *out = 0;
    t->ends = t->ends_of;
}

static tern_status begin(struct tagging *t, const tern_model *model, const tern_text *text,
                         const tern_tag_options *given, tern_error *err)
{
    const struct tern_config *const c = &model->config;
    const size_t bytes = 2 * (size_t)c->n_labels * sizeof *t->p;
    *t = (struct tagging){.config = c, .tokenizer = model->tokenizer, .text = text, .err = err, .n_windows = 1};
    const tern_status status = tern_check_reading(model, TERN_TRUNCATE_HEAD, err);
    if (status)
        return status;
    if (c->head != TERN_HEAD_TAGGER)
        return tern_fail(err, TERN_USAGE,
                         "the model has no head that labels tokens; convert a checkpoint that has one (its class ends "
                         "with ForTokenClassification)");
    if (text->pair)
        return tern_fail(err, TERN_USAGE, "entities are those of one text, without a pair");
    if (given && given->struct_bytes != sizeof *given)
        return tern_fail(err, TERN_USAGE, "tag options of %zu bytes; set struct_bytes to the struct's size",
                         given->struct_bytes);
    if (given)
        t->o = *given;
    if ((int)t->o.aggregation < TERN_AGGREGATE_NONE || (int)t->o.aggregation > TERN_AGGREGATE_MAX)
        return tern_fail(err, TERN_USAGE, "%d is no tern_aggregation", (int)t->o.aggregation);
    t->marks_inside = tern_tokenizer_marks_inside(t->tokenizer);
    t->unknown = tern_tokenizer_unknown(t->tokenizer);
    find_ends(t);
    t->p = malloc(bytes);
    t->sum = t->p ? t->p + c->n_labels : NULL;
    return t->p ? TERN_OK : tern_fail_nomem(err, "probabilities", bytes);
}

static void end(struct tagging *t, tern_entity *entities, size_t capacity, size_t *n)
{
    for (size_t i = 0; i < t->n_found && i < capacity; i++)
        entities[i] = t->found[i].e;
    *n = t->n_found;
}

static void free_all(struct tagging *t)
{
    free(t->p);
    free(t->found);
}

/* ---- Entities of words ---- */

static tern_status put(struct tagging *t, const struct part *part, const char *label)
{
    if (!t->o.outside && !strcmp(label, "O"))
        return TERN_OK;
    if (t->n_found == t->room) {
        const size_t room = t->room * 2 + 16;
        struct found *const more = room < SIZE_MAX / sizeof *more ? realloc(t->found, room * sizeof *more) : NULL;
        if (!more)
            return tern_fail_nomem(t->err, "entities", room);
        t->found = more;
        t->room = room;
    }
    t->found[t->n_found] = (struct found){.e = {part->score / (double)part->n, label, part->start, part->end, part->id},
                                          .order = t->n_found,
                                          .cut_start = part->cut_start,
                                          .cut_end = part->cut_end};
    t->n_found++;
    return TERN_OK;
}

static tern_status end_entity(struct tagging *t)
{
    if (!t->entity.n)
        return TERN_OK;
    const char *const label = t->config->labels[t->entity.label], *const dash = strchr(label, '-');
    const tern_status status = put(t, &t->entity, dash ? dash + 1 : label);
    t->entity.n = 0;
    return status;
}

/* What a label says of the place in an entity: its letter, or I of a label without one; *tag is the rest. */
static char place(const struct tagging *t, int32_t label, const char **tag)
{
    const char *const name = t->config->labels[label];
    *tag = name;
    if (!name[0] || name[1] != '-' || (name[0] != 'B' && name[0] != 'I' && !strchr(t->ends, name[0])))
        return 'I';
    *tag = name + 2;
    return name[0];
}

/* Whether a word goes on with the entity that ended with `last`. */
static int goes_on(const struct tagging *t, int32_t last, int32_t label)
{
    const char *tag, *last_tag;
    const char at = place(t, label, &tag), last_at = place(t, last, &last_tag);
    const int begins = at == 'B' || at == 'S' || at == 'U';
    const int ended = last_at != 'B' && last_at != 'I';
    return !begins && !ended && !strcmp(tag, last_tag);
}

static tern_status add_word(struct tagging *t, const struct part *word)
{
    if (t->o.aggregation == TERN_AGGREGATE_NONE || t->o.apart)
        return put(t, word, t->config->labels[word->label]);
    tern_status status = TERN_OK;
    if (t->entity.n && goes_on(t, t->last, word->label)) {
        t->entity.end = word->end;
        t->entity.cut_end = word->cut_end;
        t->entity.score += word->score;
        t->entity.n++;
    } else {
        status = end_entity(t);
        t->entity = *word;
    }
    t->last = word->label;
    return status;
}

/* ---- Words of tokens ---- */

static int32_t best_of(const double *p, int32_t n)
{
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
        best = p[i] > p[best] ? i : best;
    return best;
}

static void softmax(double *p, const float *logits, int32_t n)
{
    float most = logits[0];
    double sum = 0;
    for (int32_t i = 1; i < n; i++)
        most = logits[i] > most ? logits[i] : most;
    for (int32_t i = 0; i < n; i++)
        sum += p[i] = exp((double)logits[i] - (double)most);
    for (int32_t i = 0; i < n; i++)
        p[i] /= sum;
}

/* Whether a token is the inside of a word: it has other letters than its part of the text, as "##s" has, or where the
   tokenizer marks nothing no space before it. An unknown word always begins one. */
static int is_inside(const struct tagging *t, int32_t id, const tern_span *span)
{
    const char *const text = t->text->text;
    size_t bytes;
    if (id == t->unknown)
        return 0;
    if (t->marks_inside) {
        const char *const piece = tern_token_text(t->tokenizer, id, &bytes);
        return tern_utf8_characters(piece, bytes) != tern_utf8_characters(text + span->start, span->end - span->start);
    }
    return span->start > 0 && text[span->start - 1] != ' ' &&
           (span->start >= t->text->text_bytes || text[span->start] != ' ');
}

static tern_status end_word(struct tagging *t)
{
    if (!t->word.n)
        return TERN_OK;
    struct part word = t->word;
    if (t->o.aggregation == TERN_AGGREGATE_AVERAGE) {
        word.label = best_of(t->sum, t->config->n_labels);
        word.score = t->sum[word.label] / (double)word.n;
    }
    word.n = 1;
    t->word.n = 0;
    return add_word(t, &word);
}

static tern_status add_token(struct tagging *t, const struct tern_window *w, size_t i, int cut_start, int cut_end)
{
    const int32_t n = t->config->n_labels;
    const int words = t->o.aggregation > TERN_AGGREGATE_SIMPLE;
    tern_status status = TERN_OK;
    softmax(t->p, w->logits + i * (size_t)n, n);
    const int32_t label = best_of(t->p, n);
    /* the pipeline's probabilities are floats, and of equal ones the first counts */
    const float score = (float)t->p[label];
    if (t->word.n && words && is_inside(t, w->ids[i], &w->spans[i])) {
        if (t->o.aggregation == TERN_AGGREGATE_MAX && score > t->most) {
            t->word.label = label;
            t->word.score = t->p[label];
            t->most = score;
        }
        for (int32_t k = 0; k < n; k++)
            t->sum[k] += t->p[k];
        t->word.end = w->spans[i].end;
        t->word.cut_end = cut_end;
        t->word.n++;
    } else {
        status = end_word(t);
        t->word = (struct part){.start = w->spans[i].start,
                                .end = w->spans[i].end,
                                .label = label,
                                .id = t->o.aggregation == TERN_AGGREGATE_NONE ? w->ids[i] : -1,
                                .score = t->p[label],
                                .n = 1,
                                .cut_start = cut_start,
                                .cut_end = cut_end};
        t->most = score;
        memcpy(t->sum, t->p, (size_t)n * sizeof *t->sum);
    }
    return status;
}

static tern_status read_window(void *context, const struct tern_window *w)
{
    struct tagging *const t = context;
    size_t first = 0, last = w->n;
    tern_status status = TERN_OK;
    while (first < w->n && w->spans[first].source < 0)
        first++;
    while (last > first && w->spans[last - 1].source < 0)
        last--;
    for (size_t i = first; i < last && !status; i++)
        if (w->spans[i].source >= 0)
            status = add_token(t, w, i, w->i > 0 && i == first, w->i + 1 < t->n_windows && i + 1 == last);
    if (!status)
        status = end_word(t);
    return status ? status : end_entity(t);
}

/* ---- Entities of several windows ---- */

static int by_start(const void *a, const void *b)
{
    const struct found *const x = a, *const y = b;
    if (x->e.start != y->e.start)
        return x->e.start < y->e.start ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Into *a, of two that overlap: the one of more characters or, of one that windows cut on both sides, all of it. */
static void choose(const struct tagging *t, struct found *a, const struct found *b)
{
    const char *const text = t->text->text;
    const size_t a_length = tern_utf8_characters(text + a->e.start, a->e.end - a->e.start);
    const size_t b_length = tern_utf8_characters(text + b->e.start, b->e.end - b->e.start);
    if (t->o.join && a->cut_end && b->cut_start && b->e.end > a->e.end && !strcmp(a->e.label, b->e.label)) {
        const double before = (double)tern_utf8_characters(text + a->e.start, b->e.start - a->e.start),
                     rest = (double)b_length;
        a->e.score = (a->e.score * before + b->e.score * rest) / (before + rest);
        a->e.end = b->e.end;
        a->cut_end = b->cut_end;
    } else if (b_length > a_length || (b_length == a_length && b->e.score > a->e.score)) {
        *a = *b;
    }
}

static void merge_windows(struct tagging *t)
{
    size_t n = 0;
    if (t->n_windows < 2 || t->n_found < 2)
        return;
    qsort(t->found, t->n_found, sizeof *t->found, by_start);
    for (size_t i = 1; i < t->n_found; i++)
        if (t->found[i].e.start < t->found[n].e.end)
            choose(t, &t->found[n], &t->found[i]);
        else
            t->found[++n] = t->found[i];
    t->n_found = n + 1;
}

/* ---- Calls ---- */

static tern_status open_windows(struct tagging *t, const struct tern_waiting *w, struct tern_windows *out)
{
    const tern_status status = tern_waiting_check_room(w, t->err);
    if (status)
        return status;
    if (t->o.window < 0 || t->o.stride < 0 || t->o.window > w->limit)
        return tern_fail(t->err, TERN_USAGE,
                         "windows of %d tokens with a stride of %d; none may be negative, and the model and the "
                         "session take %d tokens",
                         t->o.window, t->o.stride, w->limit);
    const int32_t window = t->o.window ? t->o.window : w->limit, most = window / 4;
    const int32_t stride = t->o.stride ? t->o.stride : most < USUAL_STRIDE ? most : USUAL_STRIDE;
    return tern_windows_open(out, t->tokenizer, t->text, 0, (size_t)window, (size_t)stride, t->err);
}

tern_status tern_tag(tern_session *session, const tern_text *text, const tern_tag_options *options,
                     tern_entity *entities, size_t capacity, size_t *n_entities, tern_error *err)
{
    const struct tern_waiting *const w = tern_session_waiting(session);
    struct tern_windows windows;
    struct tagging t;
    *n_entities = 0;
    tern_status status = begin(&t, w->model, text, options, err);
    if (!status)
        status = open_windows(&t, w, &windows);
    if (!status) {
        t.n_windows = tern_windows_count(&windows);
        status = tern_windows_run(&windows, session, read_window, &t, err);
        tern_windows_close(&windows);
    }
    if (!status) {
        merge_windows(&t);
        end(&t, entities, capacity, n_entities);
    }
    free_all(&t);
    return status;
}

tern_status tern_answer_entities(const tern_model *model, const tern_text *text, const tern_answer *answer,
                                 const tern_tag_options *options, tern_entity *entities, size_t capacity,
                                 size_t *n_entities, tern_error *err)
{
    struct tagging t;
    *n_entities = 0;
    tern_status status = begin(&t, model, text, options, err);
    if (!status && (!answer->spans || !answer->values))
        status = tern_fail(err, TERN_USAGE, "the answer is none of TERN_TAG, or the text was refused");
    if (!status) {
        const struct tern_window window = {
            .n = answer->n_tokens, .logits = answer->values, .ids = answer->ids, .spans = answer->spans};
        status = read_window(&t, &window);
    }
    if (!status)
        end(&t, entities, capacity, n_entities);
    free_all(&t);
    return status;
}
