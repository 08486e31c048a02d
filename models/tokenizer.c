/* A text becomes ids: added tokens are found first, what lies between them is normalised, split into words, and these
   into pieces. Every token carries the raw bytes that it was made of. */
#include "models/tokenizer_bare.h"
#include "models/truncate.h"

#include <stdlib.h>
#include <string.h>

/* Reading raw text between added tokens. */
struct segment {
    const tern_tokenizer *tokenizer;
    struct tern_kept *kept;
    struct tern_chars chars;
    uint32_t previous;    /* the last character */
    size_t barred;        /* characters of a match that single_word refused: not searched again */
    const uint8_t *blank; /* where the white space just before `chars` begins; NULL: there is none */
    int taken;            /* 1: white space here belongs to the added token before it */
    struct tern_word word;
};

static struct tern_raw last_raw(const struct tern_chars *chars)
{
    return (struct tern_raw){chars->source.from, chars->source.at};
}

static void put_word(struct segment *s)
{
    struct tern_piece pieces[TERN_MAX_WORD];
    struct tern_word *word = &s->word;

    if (word->chars == 0)
        return;
    size_t n = tern_wordpiece(&s->tokenizer->pieces, word, s->tokenizer->max_chars, pieces);
    if (n == 0)
        tern_kept_put(s->kept, s->tokenizer->roles[TERN_UNK], word->all.start, word->all.stop);
    for (size_t i = 0; i < n; i++)
        tern_kept_put(s->kept, pieces[i].id, pieces[i].raw.start, pieces[i].raw.stop);
    tern_kept_word(s->kept);
    word->chars = word->n = 0;
}

static void put_char(struct segment *s, uint32_t c)
{
    const struct tern_raw raw = last_raw(&s->chars);

    if (tern_is_space(c)) {
        put_word(s);
        if (s->blank == NULL && !s->taken)
            s->blank = raw.start;
        return;
    }
    s->blank = NULL;
    s->taken = 0;
    if (tern_is_punctuation(c)) {
        put_word(s);
        tern_word_add(&s->word, c, raw);
        put_word(s);
    } else {
        tern_word_add(&s->word, c, raw);
    }
}

/* The bytes of a token that ends where `after` stands, with the white space that its flags give it. That space is
   read as usual afterwards: it cannot change the ids. */
static struct tern_raw added_raw(const struct segment *s, const struct tern_added *token, struct tern_chars after)
{
    struct tern_chars first = s->chars;
    struct tern_raw raw;
    uint32_t c;

    tern_chars_next(&first, &c);
    raw.start = token->flags & TERN_ADDED_LSTRIP && s->blank ? s->blank : first.source.from;
    raw.stop = after.source.at;
    while (token->flags & TERN_ADDED_RSTRIP && tern_chars_next(&after, &c) && tern_is_space(c))
        raw.stop = after.source.at;
    return raw;
}

/* An added token that the normalised text goes on with becomes its id; returns 0 when there is none. */
static int put_added(struct segment *s)
{
    struct tern_chars after, peek;
    uint32_t last = 0, next;
    size_t length;
    const struct tern_added *token = tern_added_here(&s->tokenizer->normalized, &s->chars, &after, &length, &last);

    if (token == NULL)
        return 0;
    peek = after;
    if (token->flags & TERN_ADDED_SINGLE_WORD &&
        (tern_is_word(s->previous) || (tern_chars_next(&peek, &next) && tern_is_word(next)))) {
        s->barred = length;
        return 0;
    }
    put_word(s);
    const struct tern_raw raw = added_raw(s, token, after);
    tern_kept_put(s->kept, token->id, raw.start, raw.stop);
    tern_kept_word(s->kept);
    s->chars = after;
    s->previous = last;
    s->blank = NULL;
    s->taken = (token->flags & TERN_ADDED_RSTRIP) != 0;
    return 1;
}

/* Begins a segment; the word's bytes are left as they are. */
static void begin_segment(struct segment *s, const tern_tokenizer *tokenizer, struct tern_kept *kept)
{
    s->tokenizer = tokenizer;
    s->kept = kept;
    s->previous = ' ';
    s->barred = 0;
    s->blank = NULL;
    s->taken = 0;
    s->word.chars = s->word.n = 0;
}

/* ASCII letters and digits that come next, which no step changes but lower case: the way of most text, in short. */
static void put_ascii(struct segment *s)
{
    struct tern_source *source = &s->chars.source;
    const uint8_t *const from = source->at;

    if (source->i < source->n || s->chars.second || s->chars.run_length > 0 || s->tokenizer->normalized.count > 0)
        return;
    while (source->at < source->end) {
        uint32_t c = *source->at;
        const int upper = c >= 'A' && c <= 'Z';
        if (!upper && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            break;
        if (upper && source->rules.lower)
            c += 'a' - 'A';
        tern_word_add(&s->word, c, (struct tern_raw){source->at, source->at + 1});
        source->at++;
    }
    if (source->at > from) {
        s->blank = NULL;
        s->taken = 0;
    }
}

/* Raw text between added tokens: normalised, split at white space and around punctuation, and into pieces. Its last
   word may go on in the next part, and ends by put_word. */
static void put_part(struct segment *s, const uint8_t *text, size_t n)
{
    uint32_t c;

    tern_chars_begin(&s->chars, text, n, s->tokenizer->rules);
    for (;;) {
        if (s->tokenizer->normalized.count > 0 && s->barred == 0 && put_added(s))
            continue;
        put_ascii(s);
        if (!tern_chars_next(&s->chars, &c))
            break;
        s->barred -= s->barred > 0;
        s->previous = c;
        put_char(s, c);
    }
}

/* All of one text but the end of its last word. */
static void put_text(struct segment *s, const uint8_t *text, size_t n)
{
    const tern_tokenizer *const tokenizer = s->tokenizer;
    struct tern_kept *const kept = s->kept;
    struct tern_added_walk walk = {.set = &tokenizer->raw, .text = text, .n = n};

    while (tern_added_next(&walk)) {
        if (walk.done < walk.start)
            put_part(s, text + walk.done, walk.start - walk.done);
        put_word(s);
        begin_segment(s, tokenizer, kept);
        tern_kept_put(kept, walk.token->id, text + walk.start, text + walk.stop);
        tern_kept_word(kept);
        walk.done = walk.stop;
    }
    if (walk.done < n)
        put_part(s, text + walk.done, n - walk.done);
}

static void put_bert(const tern_tokenizer *tokenizer, const char *prompt, const char *text, size_t n,
                     struct tern_kept *kept)
{
    struct segment s;

    begin_segment(&s, tokenizer, kept);
    if (*prompt)
        put_text(&s, (const uint8_t *)prompt, strlen(prompt));
    if (n)
        put_text(&s, (const uint8_t *)text, n);
    put_word(&s);
}

static tern_status check_text(const char *text, size_t n, const char *what, tern_error *err)
{
    if (text == NULL && n > 0)
        return tern_fail(err, TERN_USAGE, "tern_tokenize: the %s is NULL but has %zu bytes", what, n);
    size_t bad = n ? tern_utf8_check((const uint8_t *)text, n) : 0;
    if (bad < n)
        return tern_fail(err, TERN_INPUT, "the %s is not UTF-8: invalid byte 0x%02X at byte offset %zu", what,
                         (unsigned)(uint8_t)text[bad], bad);
    return TERN_OK;
}

static tern_status check_request(const tern_tokenizer *tokenizer, const tern_text *text, tern_truncate truncate,
                                 const tern_tokens *out, tern_error *err)
{
    const struct tern_templates *t = &tokenizer->templates;
    const size_t specials = tern_template_specials(text->pair ? &t->pair : &t->single),
                 least = specials < 3 ? 3 : specials;

    if (out->struct_bytes != sizeof *out)
        return tern_fail(err, TERN_USAGE, "tern_tokenize: tokens of %zu bytes; set struct_bytes to the struct's size",
                         out->struct_bytes);
    if (text->pair && (!t->has_pair || specials == 0))
        return tern_fail(err, TERN_USAGE, "tern_tokenize: the tokenizer has no template for a pair of texts");
    if (out->capacity < least)
        return tern_fail(err, TERN_USAGE, "tern_tokenize: room for %zu ids, at least %zu are needed", out->capacity,
                         least);
    if ((int)truncate < TERN_TRUNCATE_ERROR || (int)truncate > TERN_TRUNCATE_TAIL)
        return tern_fail(err, TERN_USAGE, "tern_tokenize: %d is no tern_truncate", (int)truncate);
    tern_status status = check_text(text->text, text->text_bytes, "text", err);
    if (status == TERN_OK && text->pair)
        status = check_text(text->pair, text->pair_bytes, "pair", err);
    return status;
}

/* So many tokens may stay. Capacity that the text cannot fill does not count: the array's end is used, and must not be
   far. In BERT's tokenizer a byte gives two tokens at most, since no character of two bytes decomposes into more than
   four. */
static size_t room_of(const tern_tokenizer *tokenizer, const char *prompt, const tern_text *text, size_t capacity,
                      size_t specials)
{
    const size_t room = capacity - specials;
    const size_t bytes = strlen(prompt) + text->text_bytes + (text->pair ? text->pair_bytes : 0);
    return !tokenizer->pipeline && bytes < room / 2 ? 2 * bytes : room;
}

static size_t put_specials(const tern_tokens *out, size_t at, const struct tern_specials *specials)
{
    for (int32_t i = 0; i < specials->n; i++, at++) {
        out->ids[at] = specials->ids[i];
        if (out->spans)
            out->spans[at] = (tern_span){.start = 0, .end = 0, .source = -1, .word = -1};
        if (out->types)
            out->types[at] = specials->types[i];
    }
    return at;
}

static size_t pass_text(const tern_tokens *out, size_t at, size_t n, int32_t type)
{
    for (size_t i = 0; out->types && i < n; i++)
        out->types[at + i] = type;
    return at + n;
}

/* The special tokens around the tokens that stay, and the types of all. */
static void finish(const struct tern_template *t, tern_tokens *out, const size_t keep[2], int pair)
{
    size_t at = put_specials(out, 0, &t->before);
    at = pass_text(out, at, keep[0], t->types[0]);
    at = put_specials(out, at, &t->between);
    if (pair)
        at = put_specials(out, pass_text(out, at, keep[1], t->types[1]), &t->after);
    out->count = at;
}

/* Two parts of one text, of which the first may be empty. */
static tern_status put_both(const tern_tokenizer *tokenizer, const char *prompt, const char *text, size_t n,
                            struct tern_kept *kept, tern_error *err)
{
    if (tokenizer->pipeline)
        return tern_pipeline_put(tokenizer, prompt, (const uint8_t *)text, n, kept, err);
    put_bert(tokenizer, prompt, text, n, kept);
    return TERN_OK;
}

tern_status tern_tokenize_behind(const tern_tokenizer *tokenizer, const char *prompt, const tern_text *text,
                                 tern_truncate truncate, tern_tokens *out, tern_error *err)
{
    const uint8_t *first = (const uint8_t *)text->text, *pair = (const uint8_t *)text->pair;
    const struct tern_template *t = pair ? &tokenizer->templates.pair : &tokenizer->templates.single;
    const size_t n_specials = tern_template_specials(t);
    const size_t specials[2] = {(size_t)t->before.n, (size_t)t->between.n};
    size_t keep[2];

    tern_text cut = *text;

    out->count = out->needed = 0;
    tern_status status = check_request(tokenizer, text, truncate, out, err);
    if (status == TERN_OK)
        status = tern_bare_cut(tokenizer, &cut, truncate, err);
    if (status != TERN_OK)
        return status;
    text = &cut;
    const size_t room = room_of(tokenizer, prompt, text, out->capacity, n_specials);
    struct tern_kept kept = tern_keep_begin(out, room, first, truncate == TERN_TRUNCATE_TAIL), kept_pair = {.count = 0};
    status = put_both(tokenizer, prompt, text->text, text->text_bytes, &kept, err);
    if (!status && pair) {
        kept_pair = tern_keep_between(out, pair, &kept);
        status = put_both(tokenizer, "", text->pair, text->pair_bytes, &kept_pair, err);
    }
    if (status)
        return status;
    out->needed = kept.count + kept_pair.count + n_specials;
    if (truncate == TERN_TRUNCATE_ERROR && out->needed > out->capacity)
        return tern_fail(err, TERN_INPUT,
                         "the text has %zu tokens, the limit is %zu: shorten it, or ask for truncation", out->needed,
                         out->capacity);
    tern_keep_end(out, &kept, pair ? &kept_pair : NULL, specials, keep);
    finish(t, out, keep, pair != NULL);
    tern_bare_drop(tokenizer, out);
    if (tokenizer->templates.trims && out->spans)
        tern_trim_spans(tokenizer, text, out);
    return TERN_OK;
}

tern_status tern_tokenize(const tern_tokenizer *tokenizer, const tern_text *text, tern_truncate truncate,
                          tern_tokens *out, tern_error *err)
{
    return tern_tokenize_behind(tokenizer, "", text, truncate, out, err);
}

const char *tern_token_text(const tern_tokenizer *tokenizer, int32_t id, size_t *bytes)
{
    const struct tern_pipeline *p = tokenizer->pipeline;
    const uint32_t count = p ? p->table.count : tokenizer->pieces.count;
    const uint32_t *offsets = p ? p->table.offsets : tokenizer->pieces.offsets;

    if (bytes)
        *bytes = 0;
    if (id < 0 || (uint32_t)id >= count)
        return NULL;
    if (bytes)
        *bytes = offsets[id + 1] - offsets[id] - (p == NULL); /* a line's end */
    return (p ? p->table.text : tokenizer->pieces.bytes) + offsets[id];
}

int32_t tern_vocab_size(const tern_tokenizer *tokenizer)
{
    return (int32_t)(tokenizer->pipeline ? tokenizer->pipeline->table.count : tokenizer->pieces.count);
}

int32_t tern_tokenizer_specials_behind(const tern_tokenizer *tokenizer)
{
    return tokenizer->templates.single.between.n;
}

int32_t tern_mask_id(const tern_tokenizer *tokenizer)
{
    return tokenizer->roles[TERN_MASK];
}

int32_t tern_tokenizer_unknown(const tern_tokenizer *tokenizer)
{
    return tokenizer->roles[TERN_UNK];
}

int tern_tokenizer_marks_inside(const tern_tokenizer *tokenizer)
{
    const json_t *const model = tokenizer->pipeline ? json_object_get(tokenizer->settings, "model") : NULL;
    const char *const type = json_string_value(json_object_get(model, "type"));
    const json_t *const prefix = json_object_get(model, "continuing_subword_prefix");
    if (!model)
        return 1; /* BERT's */
    return type && !strcmp(type, "WordPiece") && (!prefix || json_string_length(prefix) > 0);
}
