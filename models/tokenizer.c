#include "models/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

/* Counts every token, keeps those of a window: token k goes to ids[k - from] if from <= k < to. */
struct sink {
    int32_t *ids;
    size_t from, to, count;
};

static void put(struct sink *sink, int32_t id)
{
    if (sink->count >= sink->from && sink->count < sink->to)
        sink->ids[sink->count - sink->from] = id;
    sink->count++;
}

static void put_word(const tern_tokenizer *tokenizer, struct tern_word *word, struct sink *sink)
{
    int32_t ids[TERN_MAX_WORD];

    if (word->chars == 0)
        return;
    size_t n = tern_wordpiece(&tokenizer->pieces, word, tokenizer->max_chars, ids);
    if (n == 0)
        put(sink, tokenizer->roles[TERN_UNK]);
    for (size_t i = 0; i < n; i++)
        put(sink, ids[i]);
    word->chars = word->n = 0;
}

/* Raw text between added tokens: normalised, split at white space and around punctuation, and into pieces. Stripping
   white space around a normalised added token cannot change the ids, since white space has none. */
static void put_segment(const tern_tokenizer *tokenizer, const uint8_t *text, size_t n, struct sink *sink)
{
    struct tern_chars chars, after;
    struct tern_word word = {.chars = 0, .n = 0};
    size_t barred = 0, length; /* characters of a match that single_word refused: not searched again */
    uint32_t c, next, previous = ' ', last = 0;

    tern_chars_begin(&chars, text, n, tokenizer->rules);
    for (;;) {
        if (tokenizer->normalized.count > 0 && barred == 0) {
            const struct tern_added *token = tern_added_here(&tokenizer->normalized, &chars, &after, &length, &last);
            if (token) {
                struct tern_chars peek = after;
                if (!(token->flags & TERN_ADDED_SINGLE_WORD) ||
                    (!tern_is_word(previous) && !(tern_chars_next(&peek, &next) && tern_is_word(next)))) {
                    put_word(tokenizer, &word, sink);
                    put(sink, token->id);
                    chars = after;
                    previous = last;
                    continue;
                }
                barred = length;
            }
        }
        if (!tern_chars_next(&chars, &c))
            break;
        barred -= barred > 0;
        previous = c;
        if (tern_is_space(c)) {
            put_word(tokenizer, &word, sink);
        } else if (tern_is_punctuation(c)) {
            put_word(tokenizer, &word, sink);
            tern_word_add(&word, c);
            put_word(tokenizer, &word, sink);
        } else {
            tern_word_add(&word, c);
        }
    }
    put_word(tokenizer, &word, sink);
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
static void put_text(const tern_tokenizer *tokenizer, const uint8_t *text, size_t n, struct sink *sink)
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
            put_segment(tokenizer, text + done, start - done, sink);
        put(sink, match.token->id);
        done = stop;
    }
    if (done < n)
        put_segment(tokenizer, text + done, n - done, sink);
}

/* Hugging Face's "longest_first": the longer side gives first, then both share, the second side the odd one more (the
   first, when it is the longer). */
static void share_room(size_t room, size_t *first, size_t *second)
{
    size_t low = *first < *second ? *first : *second, high;
    int swapped = *first > *second;

    high = low > room ? low : low > room - low ? low : room - low;
    if (low + high > room) {
        low = room / 2;
        high = low + room % 2;
    }
    *first = swapped ? high : low;
    *second = swapped ? low : high;
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

/* The window of a text of `count` tokens of which `keep` stay. */
static struct sink window(int32_t *ids, size_t count, size_t keep, tern_truncate truncate)
{
    size_t from = truncate == TERN_TRUNCATE_TAIL ? count - keep : 0;

    return (struct sink){.ids = ids, .from = from, .to = from + keep};
}

tern_status tern_tokenize(const tern_tokenizer *tokenizer, const char *text, size_t text_bytes, const char *pair,
                          size_t pair_bytes, tern_truncate truncate, int32_t *ids, int32_t *types, size_t capacity,
                          size_t *n_ids, tern_error *err)
{
    const uint8_t *sides[2] = {(const uint8_t *)text, (const uint8_t *)pair};
    const size_t bytes[2] = {text_bytes, pair_bytes};
    const size_t specials = pair ? 3 : 2;
    size_t keep[2] = {0, 0}, count[2] = {0, 0}, room;
    tern_status status;

    *n_ids = 0;
    if (capacity < 3)
        return tern_fail(err, TERN_USAGE, "tern_tokenize: room for %zu ids, at least 3 are needed", capacity);
    if ((int)truncate < TERN_TRUNCATE_ERROR || (int)truncate > TERN_TRUNCATE_TAIL)
        return tern_fail(err, TERN_USAGE, "tern_tokenize: %d is no tern_truncate", (int)truncate);
    status = check_text(text, text_bytes, "text", err);
    if (status == TERN_OK && pair)
        status = check_text(pair, pair_bytes, "pair", err);
    if (status != TERN_OK)
        return status;

    /* First reading: count, and keep what there is room for. Mostly all of it, and then this was the only one. */
    room = capacity - specials;
    for (int s = 0; s < 1 + (pair != NULL); s++) {
        size_t used = s ? count[0] + 1 : 0; /* the first side and the [SEP] after it */
        size_t free_ids = s ? (room > count[0] ? room - count[0] : 0) : room;
        struct sink sink = {.ids = free_ids ? ids + 1 + used : NULL, .from = 0, .to = free_ids};
        if (bytes[s])
            put_text(tokenizer, sides[s], bytes[s], &sink);
        count[s] = keep[s] = sink.count;
    }
    if (count[0] + count[1] > room) {
        if (truncate == TERN_TRUNCATE_ERROR) {
            *n_ids = count[0] + count[1] + specials;
            return tern_fail(err, TERN_INPUT,
                             "the text has %zu tokens, the limit is %zu: shorten it, or ask for truncation", *n_ids,
                             capacity);
        }
        if (pair)
            share_room(room, &keep[0], &keep[1]);
        else
            keep[0] = room;
        /* Second reading, with the windows known. The head of a single text is there already. */
        for (int s = 0; s < 1 + (pair != NULL); s++) {
            struct sink sink = window(ids + 1 + (s ? keep[0] + 1 : 0), count[s], keep[s], truncate);
            if (keep[s] > 0 && (pair || truncate == TERN_TRUNCATE_TAIL))
                put_text(tokenizer, sides[s], bytes[s], &sink);
        }
    }

    size_t total = keep[0] + keep[1] + specials;
    ids[0] = tokenizer->roles[TERN_CLS];
    ids[1 + keep[0]] = tokenizer->roles[TERN_SEP];
    if (pair)
        ids[total - 1] = tokenizer->roles[TERN_SEP];
    for (size_t i = 0; types && i < total; i++)
        types[i] = i >= keep[0] + 2;
    *n_ids = total;
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
