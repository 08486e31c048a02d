/* A text becomes ids: added tokens are found first, what lies between them is normalised, split into words, and these
   into pieces. Every token carries the raw bytes that it was made of. */
#include "models/tokenizer_private.h"
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
    s->chars = after;
    s->previous = last;
    s->blank = NULL;
    s->taken = (token->flags & TERN_ADDED_RSTRIP) != 0;
    return 1;
}

/* Raw text between added tokens: normalised, split at white space and around punctuation, and into pieces. */
static void put_segment(const tern_tokenizer *tokenizer, const uint8_t *text, size_t n, struct tern_kept *kept)
{
    struct segment s; /* the word's bytes are left as they are */
    uint32_t c;

    s.tokenizer = tokenizer;
    s.kept = kept;
    s.previous = ' ';
    s.barred = 0;
    s.blank = NULL;
    s.taken = 0;
    s.word.chars = s.word.n = 0;
    tern_chars_begin(&s.chars, text, n, tokenizer->rules);
    for (;;) {
        if (tokenizer->normalized.count > 0 && s.barred == 0 && put_added(&s))
            continue;
        if (!tern_chars_next(&s.chars, &c))
            break;
        s.barred -= s.barred > 0;
        s.previous = c;
        put_char(&s, c);
    }
    put_word(&s);
}

static int stands_alone(const uint8_t *text, size_t n, const struct tern_added_match *match)
{
    const uint8_t *before = text + match->start, *after = text + match->stop;

    if (match->start > 0 && tern_is_word(tern_utf8_previous(&before)))
        return 0;
    return match->stop == n || !tern_is_word(tern_utf8_next(&after));
}

/* All of one text. The order of things, and that a match refused by single_word is not searched for shorter ones, are
   those of AddedVocabulary::find_matches in the original. */
static void put_text(const tern_tokenizer *tokenizer, const uint8_t *text, size_t n, struct tern_kept *kept)
{
    struct tern_added_match match;
    size_t done = 0, from = 0;

    while (tern_added_search(&tokenizer->raw, text, n, from, &match)) {
        size_t start = match.start, stop = match.stop;
        from = stop;
        if ((match.token->flags & TERN_ADDED_SINGLE_WORD) && !stands_alone(text, n, &match))
            continue;
        if (match.token->flags & TERN_ADDED_LSTRIP) {
            const uint8_t *at = text + start;
            while (at > text + done && tern_is_space(tern_utf8_previous(&at)))
                start = (size_t)(at - text);
        }
        if (match.token->flags & TERN_ADDED_RSTRIP) {
            const uint8_t *at = text + stop;
            while (at < text + n && tern_is_space(tern_utf8_next(&at)))
                stop = (size_t)(at - text);
        }
        if (done < start)
            put_segment(tokenizer, text + done, start - done, kept);
        tern_kept_put(kept, match.token->id, text + start, text + stop);
        done = stop;
    }
    if (done < n)
        put_segment(tokenizer, text + done, n - done, kept);
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

static tern_status check_request(const tern_text *text, tern_truncate truncate, const tern_tokens *out, tern_error *err)
{
    if (out->struct_bytes != sizeof *out)
        return tern_fail(err, TERN_USAGE, "tern_tokenize: tokens of %zu bytes; set struct_bytes to the struct's size",
                         out->struct_bytes);
    if (out->capacity < 3)
        return tern_fail(err, TERN_USAGE, "tern_tokenize: room for %zu ids, at least 3 are needed", out->capacity);
    if ((int)truncate < TERN_TRUNCATE_ERROR || (int)truncate > TERN_TRUNCATE_TAIL)
        return tern_fail(err, TERN_USAGE, "tern_tokenize: %d is no tern_truncate", (int)truncate);
    tern_status status = check_text(text->text, text->text_bytes, "text", err);
    if (status == TERN_OK && text->pair)
        status = check_text(text->pair, text->pair_bytes, "pair", err);
    return status;
}

/* So many tokens may stay. Capacity that the text cannot fill does not count: the array's end is used, and must not be
   far. A byte gives two tokens at most, since no character of two bytes decomposes into more than four. */
static size_t room_of(const tern_text *text, size_t capacity, size_t specials)
{
    const size_t room = capacity - specials;
    const size_t bytes = text->text_bytes + (text->pair ? text->pair_bytes : 0);
    return bytes < room / 2 ? 2 * bytes : room;
}

static void put_special(const tern_tokens *out, size_t at, int32_t id)
{
    out->ids[at] = id;
    if (out->spans)
        out->spans[at] = (tern_span){.start = 0, .end = 0, .source = -1};
}

/* [CLS] and [SEP] around the tokens that stay, and the types of all. */
static void finish(const tern_tokenizer *tokenizer, tern_tokens *out, const size_t keep[2], size_t specials)
{
    out->count = keep[0] + keep[1] + specials;
    put_special(out, 0, tokenizer->roles[TERN_CLS]);
    put_special(out, 1 + keep[0], tokenizer->roles[TERN_SEP]);
    if (specials == 3)
        put_special(out, out->count - 1, tokenizer->roles[TERN_SEP]);
    for (size_t i = 0; out->types && i < out->count; i++)
        out->types[i] = i >= keep[0] + 2;
}

tern_status tern_tokenize(const tern_tokenizer *tokenizer, const tern_text *text, tern_truncate truncate,
                          tern_tokens *out, tern_error *err)
{
    const uint8_t *first = (const uint8_t *)text->text, *pair = (const uint8_t *)text->pair;
    const size_t specials = pair ? 3 : 2;
    size_t keep[2];

    out->count = out->needed = 0;
    tern_status status = check_request(text, truncate, out, err);
    if (status != TERN_OK)
        return status;
    const size_t room = room_of(text, out->capacity, specials);
    struct tern_kept kept = tern_keep_begin(out, room, first, truncate == TERN_TRUNCATE_TAIL), kept_pair = {.count = 0};
    if (text->text_bytes)
        put_text(tokenizer, first, text->text_bytes, &kept);
    if (pair) {
        kept_pair = tern_keep_between(out, pair, &kept);
        if (text->pair_bytes)
            put_text(tokenizer, pair, text->pair_bytes, &kept_pair);
    }
    out->needed = kept.count + kept_pair.count + specials;
    if (truncate == TERN_TRUNCATE_ERROR && out->needed > out->capacity)
        return tern_fail(err, TERN_INPUT,
                         "the text has %zu tokens, the limit is %zu: shorten it, or ask for truncation", out->needed,
                         out->capacity);
    tern_keep_end(out, &kept, pair ? &kept_pair : NULL, keep);
    finish(tokenizer, out, keep, specials);
    return TERN_OK;
}

const char *tern_token_text(const tern_tokenizer *tokenizer, int32_t id, size_t *bytes)
{
    const struct tern_pieces *pieces = &tokenizer->pieces;

    if (bytes)
        *bytes = 0;
    if (id < 0 || (uint32_t)id >= pieces->count)
        return NULL;
    if (bytes)
        *bytes = pieces->offsets[id + 1] - 1 - pieces->offsets[id];
    return pieces->bytes + pieces->offsets[id];
}

int32_t tern_vocab_size(const tern_tokenizer *tokenizer)
{
    return (int32_t)tokenizer->pieces.count;
}
