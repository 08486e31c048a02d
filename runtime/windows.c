/* Windows of a text that is too long for a run. The whole text is read once; a window is what stands before the side
   that is cut, a part of that, and what stands behind it. */
#include "runtime/windows.h"

#include "runtime/model.h"
#include "runtime/texts.h"

#include <stdlib.h>
#include <string.h>

static tern_status reserve(struct tern_windows *w, size_t n, tern_error *err)
{
    const size_t each = sizeof *w->spans + sizeof *w->ids + sizeof *w->types;
    free(w->memory);
    w->memory = n > SIZE_MAX / each ? NULL : malloc(n * each);
    if (!w->memory)
        return tern_fail_nomem(err, "the tokens of a text", n > SIZE_MAX / each ? SIZE_MAX : n * each);
    w->spans = w->memory;
    w->ids = (int32_t *)(void *)(w->spans + n);
    w->types = w->ids + n;
    w->room = n;
    return TERN_OK;
}

/* Once with the room that most texts need, and again with what this one does. */
static tern_status read_all(struct tern_windows *w, const tern_tokenizer *tokenizer, const tern_text *text,
                            tern_error *err)
{
    tern_status status = reserve(w, (text->text_bytes + text->pair_bytes) / 3 + 16, err);
    for (int again = 0; again < 2 && !status; again++) {
        tern_tokens tokens = {
            .struct_bytes = sizeof tokens, .capacity = w->room, .ids = w->ids, .types = w->types, .spans = w->spans};
        status = tern_tokenize(tokenizer, text, TERN_TRUNCATE_HEAD, &tokens, err);
        w->n = tokens.count;
        if (status || tokens.needed <= w->room)
            break;
        status = reserve(w, tokens.needed, err);
    }
    return status;
}

static void find_side(struct tern_windows *w, int32_t source)
{
    while (w->first < w->n && w->spans[w->first].source != source)
        w->first++;
    w->end = w->first;
    while (w->end < w->n && w->spans[w->end].source == source)
        w->end++;
}

tern_status tern_windows_open(struct tern_windows *out, const tern_tokenizer *tokenizer, const tern_text *text,
                              int32_t source, size_t limit, size_t stride, tern_error *err)
{
    memset(out, 0, sizeof *out);
    tern_status status = read_all(out, tokenizer, text, err);
    if (!status && !out->n)
        status = tern_fail(err, TERN_INPUT, "the text has no token");
    if (!status) {
        find_side(out, source);
        const size_t rest = out->n - (out->end - out->first);
        out->limit = limit;
        if (out->n > limit && rest + stride >= limit)
            status = tern_fail(err, TERN_INPUT,
                               "%zu tokens that stand in each window, and %zu that two share, leave no room in windows "
                               "of %zu; shorten the question or the hypothesis, or take a smaller stride",
                               rest, stride, limit);
        else
            out->step = limit > rest + stride ? limit - rest - stride : 1;
    }
    if (status)
        tern_windows_close(out);
    return status;
}

void tern_windows_close(struct tern_windows *w)
{
    free(w->memory);
    memset(w, 0, sizeof *w);
}

size_t tern_windows_count(const struct tern_windows *w)
{
    return w->n <= w->limit ? 1 : 1 + (w->n - w->limit + w->step - 1) / w->step;
}

size_t tern_windows_take(const struct tern_windows *w, size_t i, int32_t *ids, int32_t *types, tern_span *spans)
{
    const size_t rest = w->n - (w->end - w->first), start = w->first + i * w->step;
    const size_t most = w->n <= w->limit ? w->n : w->limit - rest, left = w->end - start;
    const struct {
        size_t first, n;
    } parts[] = {{0, w->first}, {start, left < most ? left : most}, {w->end, w->n - w->end}};
    size_t at = 0;
    for (int p = 0; p < 3; p++) {
        memcpy(ids + at, w->ids + parts[p].first, parts[p].n * sizeof *ids);
        if (types)
            memcpy(types + at, w->types + parts[p].first, parts[p].n * sizeof *types);
        if (spans)
            memcpy(spans + at, w->spans + parts[p].first, parts[p].n * sizeof *spans);
        at += parts[p].n;
    }
    return at;
}

/* Puts windows, from `done` on, into the arrays of the session. Returns how many. */
static int put(const struct tern_windows *all, const struct tern_waiting *w, size_t done)
{
    const size_t n = tern_windows_count(all);
    int texts = 0;
    w->offsets[0] = 0;
    while (done + (size_t)texts < n && texts < w->max_texts &&
           (!texts || (size_t)w->offsets[texts] + all->limit <= (size_t)w->room)) {
        const int32_t at = w->offsets[texts];
        w->offsets[texts + 1] =
            at + (int32_t)tern_windows_take(all, done + (size_t)texts, w->ids + at, w->types + at, w->spans + at);
        texts++;
    }
    return texts;
}

tern_status tern_windows_run(const struct tern_windows *all, tern_session *session,
                             tern_status (*read)(void *context, const struct tern_window *window), void *context,
                             tern_error *err)
{
    const struct tern_waiting *const w = tern_session_waiting(session);
    const struct tern_config *const config = &w->model->config;
    const size_t n_labels = (size_t)config->n_labels, n = tern_windows_count(all);
    const size_t bytes = ((size_t)w->room + (size_t)w->limit) * n_labels * sizeof(float);
    float *const logits = malloc(bytes);
    tern_status status = logits ? TERN_OK : tern_fail_nomem(err, "the logits of a run", bytes);
    for (size_t done = 0; done < n && !status;) {
        const int texts = put(all, w, done);
        const tern_batch batch = {w->ids, config->token_types > 1 ? w->types : NULL, w->offsets, texts};
        status = tern_classify(session, &batch, logits, err);
        for (int i = 0; i < texts && !status; i++) {
            const int32_t at = w->offsets[i];
            const struct tern_window window = {.i = done + (size_t)i,
                                               .n = (size_t)(w->offsets[i + 1] - at),
                                               .logits = logits + (size_t)at * n_labels,
                                               .ids = w->ids + at,
                                               .spans = w->spans + at};
            status = read(context, &window);
        }
        done += (size_t)texts;
    }
    free(logits);
    return status;
}
