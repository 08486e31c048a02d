/* Splits texts into passages: by empty lines, then by tokens. */
#include "tools/search_split.h"
#include "runtime/base/status.h"

#include <stdlib.h>
#include <string.h>

enum {
    LARGEST_PIECE = 1 << 16, /* bytes of a paragraph; what has no empty line for so long is cut */
    MOST_TOKENS = 256,       /* of a passage, whatever the model takes: one vector holds only so much */
    USUAL_TOKENS = 128,
};

/* A passage on its way: some paragraphs. */
struct open_passage {
    size_t start, end, tokens;
    uint32_t line;
    int heading; /* it has nothing but headings so far */
};

struct text {
    struct splitter *s;
    struct passages *out;
    tern_error *err;
    const char *text;
    size_t bytes, counted; /* lines are counted up to there */
    uint32_t line;
};

void split_settings(struct splitter *s, int max_tokens, int taken)
{
    const int room = max_tokens - taken;
    s->most = room < MOST_TOKENS ? room : MOST_TOKENS;
    s->most = s->most > 1 ? s->most : 1;
    s->usual = s->most < USUAL_TOKENS ? s->most : USUAL_TOKENS;
    s->shared = s->most / 4;
}

void split_free(struct splitter *s)
{
    free(s->ids);
    free(s->spans);
    s->ids = NULL;
    s->spans = NULL;
    s->capacity = 0;
}

static tern_status grow(struct splitter *s, size_t capacity, tern_error *err)
{
    split_free(s);
    s->ids = malloc(capacity * sizeof *s->ids);
    s->spans = malloc(capacity * sizeof *s->spans);
    s->capacity = s->ids && s->spans ? capacity : 0;
    return s->capacity ? TERN_OK : tern_fail_nomem(err, "a text's tokens", capacity * sizeof *s->spans);
}

tern_status split_count(struct splitter *s, const char *text, size_t bytes, size_t *tokens, tern_error *err)
{
    const tern_text one = {text, bytes, NULL, 0};
    *tokens = 0;
    s->count = 0;
    for (size_t wanted = 1024;; wanted = *tokens) {
        tern_status status = wanted > s->capacity ? grow(s, wanted, err) : TERN_OK;
        tern_tokens t = {.struct_bytes = sizeof t, .capacity = s->capacity, .ids = s->ids, .spans = s->spans};
        if (!status)
            status = tern_tokenize(s->tokenizer, &one, TERN_TRUNCATE_HEAD, &t, err);
        if (status)
            return status;
        *tokens = t.needed;
        if (t.needed > s->capacity)
            continue;
        for (size_t i = 0; i < t.count; i++)
            if (s->spans[i].source == 0)
                s->spans[s->count++] = s->spans[i];
        return TERN_OK;
    }
}

static tern_status emit(struct text *t, size_t start, size_t end)
{
    struct passages *p = t->out;
    if (p->n == p->capacity) {
        const size_t capacity = p->capacity * 2 + 256;
        tern_passage *at = realloc(p->at, capacity * sizeof *at);
        if (!at)
            return tern_fail_nomem(t->err, "passages", capacity * sizeof *at);
        p->at = at;
        p->capacity = capacity;
    }
    if (start < t->counted) { /* parts that share tokens overlap */
        for (size_t i = start; i < t->counted; i++)
            t->line -= t->text[i] == '\n';
        t->counted = start;
    }
    for (; t->counted < start; t->counted++)
        t->line += t->text[t->counted] == '\n';
    p->at[p->n++] = (tern_passage){.start = start, .bytes = (uint32_t)(end - start), .line = t->line};
    return TERN_OK;
}

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Token i begins a word of the text. */
static int begins_word(const char *text, const tern_span *span, size_t i)
{
    return span[i].start == 0 || is_space(text[span[i].start - 1]) || is_space(text[span[i].start]);
}

/* The tokens of [start, end) in windows. */
static tern_status emit_windows(struct text *t, size_t start, size_t end)
{
    const struct splitter *s = t->s;
    const char *text = t->text + start;
    const size_t most = (size_t)s->most, shared = (size_t)s->shared;
    size_t tokens;
    tern_status status = split_count(t->s, text, end - start, &tokens, t->err);
    for (size_t from = 0, to; !status && from < s->count;) {
        to = s->count - from <= most ? s->count : from + most;
        for (size_t back = to; to < s->count && to - back < shared / 2; back--)
            if (begins_word(text, s->spans, back)) {
                to = back;
                break;
            }
        status = emit(t, start + s->spans[from].start, start + s->spans[to - 1].end);
        if (to == s->count)
            break;
        from = to - shared;
        while (from < to && !begins_word(text, s->spans, from))
            from++;
    }
    return status;
}

static tern_status close_passage(struct text *t, struct open_passage *p)
{
    tern_status status = TERN_OK;
    if (p->tokens)
        status = p->tokens > (size_t)t->s->most ? emit_windows(t, p->start, p->end) : emit(t, p->start, p->end);
    p->tokens = 0;
    return status;
}

/* The end of the line that begins at `at`, its newline included. */
static size_t line_end(const struct text *t, size_t at)
{
    const char *newline = memchr(t->text + at, '\n', t->bytes - at);
    return newline ? (size_t)(newline - t->text) + 1 : t->bytes;
}

static int is_blank(const struct text *t, size_t from, size_t to)
{
    while (from < to && is_space(t->text[from]))
        from++;
    return from == to;
}

/* The next paragraph from *at on, which moves behind it; 0 at the end. */
static int next_paragraph(const struct text *t, size_t *at, size_t *start, size_t *end)
{
    size_t from = *at, to;
    while (from < t->bytes && is_blank(t, from, to = line_end(t, from)))
        from = to;
    *start = from;
    for (to = from; to < t->bytes && !is_blank(t, to, line_end(t, to)) && to - from < LARGEST_PIECE;)
        to = line_end(t, to);
    if (to - from > 2 * LARGEST_PIECE) { /* a line without end is cut between two characters */
        to = from + LARGEST_PIECE;
        while (to > from && ((unsigned char)t->text[to] & 0xC0) == 0x80)
            to--;
        to = to > from ? to : from + LARGEST_PIECE; /* not UTF-8, which the tokenizer will say */
    }
    *at = to;
    while (to > from && is_space(t->text[to - 1]))
        to--;
    *end = to;
    return from < t->bytes;
}

/* A paragraph of one line that begins with a #. */
static int is_heading(const struct text *t, size_t start, size_t end)
{
    return t->text[start] == '#' && !memchr(t->text + start, '\n', end - start);
}

static tern_status split(struct text *t)
{
    struct open_passage open = {0};
    tern_status status = TERN_OK;
    size_t start, end, at = 0, tokens;
    if (memchr(t->text, 0, t->bytes))
        return tern_fail(t->err, TERN_INPUT, "binary");
    while (!status && next_paragraph(t, &at, &start, &end)) {
        status = split_count(t->s, t->text + start, end - start, &tokens, t->err);
        const size_t n = t->s->count;
        if (status || !n)
            continue;
        const int heading = is_heading(t, start, end);
        if (open.tokens && !open.heading && (heading || open.tokens + n > (size_t)t->s->usual))
            status = close_passage(t, &open);
        open = (struct open_passage){.start = open.tokens ? open.start : start,
                                     .end = end,
                                     .tokens = open.tokens + n,
                                     .heading = heading && (!open.tokens || open.heading)};
    }
    return status ? status : close_passage(t, &open);
}

tern_status split_text(struct splitter *s, const char *text, size_t bytes, struct passages *out, tern_error *err)
{
    struct text t = {.s = s, .out = out, .err = err, .text = text, .bytes = bytes, .line = 1};
    const size_t before = out->n;
    const tern_status status = bytes ? split(&t) : TERN_OK;
    if (status)
        out->n = before;
    return status;
}
