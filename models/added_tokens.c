/* Finds added tokens such as "[SEP]" in a text, for the tokenizer: the longest one at a place wins. */
#include "models/added_tokens.h"

#include <stdlib.h>
#include <string.h>

/* Of two tokens with the same normalised text the first one listed wins, as in the original: they lie in one array in
   the order of the list, so their addresses tell (text points into it in the same order). */
static int compare(const void *a, const void *b)
{
    const struct tern_added *x = a, *y = b;

    if (x->text[0] != y->text[0])
        return x->text[0] < y->text[0] ? -1 : 1;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return x->text < y->text ? -1 : x->text > y->text;
}

void tern_added_sort(struct tern_added_set *set, struct tern_added *tokens, uint32_t count)
{
    memset(set, 0, sizeof *set);
    set->tokens = tokens;
    set->count = count;
    if (count == 0)
        return;
    qsort(tokens, count, sizeof *tokens, compare);
    for (uint32_t i = 0; i < count; i++)
        set->first[tokens[i].text[0] + 1]++;
    for (int b = 0; b < 256; b++)
        set->first[b + 1] += set->first[b];
}

int tern_added_search(const struct tern_added_set *set, const uint8_t *text, size_t n, size_t from,
                      struct tern_added_match *match)
{
    if (set->count == 0)
        return 0;
    for (size_t i = from; i < n; i++) {
        uint32_t end = set->first[text[i] + 1];
        for (uint32_t k = set->first[text[i]]; k < end; k++) {
            const struct tern_added *token = set->tokens + k;
            if (token->n <= n - i && memcmp(token->text, text + i, token->n) == 0) {
                match->token = token;
                match->start = i;
                match->stop = i + token->n;
                return 1;
            }
        }
    }
    return 0;
}

static int stands_alone(const struct tern_added_walk *walk, const struct tern_added_match *match)
{
    const uint8_t *before = walk->text + match->start, *after = walk->text + match->stop;

    if (match->start > 0 && tern_is_word(tern_utf8_previous(&before)))
        return 0;
    return match->stop == walk->n || !tern_is_word(tern_utf8_next(&after));
}

/* The order of things, and that a match refused by single_word is not searched for shorter ones, are those of
   AddedVocabulary::find_matches in the original. */
int tern_added_next(struct tern_added_walk *walk)
{
    const uint8_t *const text = walk->text;
    struct tern_added_match match;

    while (tern_added_search(walk->set, text, walk->n, walk->from, &match)) {
        walk->from = match.stop;
        if ((match.token->flags & TERN_ADDED_SINGLE_WORD) && !stands_alone(walk, &match))
            continue;
        walk->token = match.token;
        walk->start = match.start;
        walk->stop = match.stop;
        if (match.token->flags & TERN_ADDED_LSTRIP) {
            const uint8_t *at = text + walk->start;
            while (at > text + walk->done && tern_is_space(tern_utf8_previous(&at)))
                walk->start = (size_t)(at - text);
        }
        if (match.token->flags & TERN_ADDED_RSTRIP) {
            const uint8_t *at = text + walk->stop;
            while (at < text + walk->n && tern_is_space(tern_utf8_next(&at)))
                walk->stop = (size_t)(at - text);
        }
        return 1;
    }
    return 0;
}

/* Follows the token's characters; 0 at the first difference. */
static int follow(const struct tern_added *token, struct tern_chars *chars, size_t *n_chars, uint32_t *last)
{
    const uint8_t *at = token->text, *end = token->text + token->n;
    uint32_t c;

    for (*n_chars = 0; at < end; ++*n_chars) {
        *last = tern_utf8_next(&at);
        if (!tern_chars_next(chars, &c) || c != *last)
            return 0;
    }
    return 1;
}

const struct tern_added *tern_added_here(const struct tern_added_set *set, const struct tern_chars *chars,
                                         struct tern_chars *after, size_t *n_chars, uint32_t *last)
{
    uint8_t bytes[TERN_UTF8_MAX];
    uint32_t c;

    *after = *chars;
    if (!tern_chars_next(after, &c))
        return NULL;
    tern_utf8_put(c, bytes);
    for (uint32_t k = set->first[bytes[0]]; k < set->first[bytes[0] + 1]; k++) {
        *after = *chars;
        if (follow(set->tokens + k, after, n_chars, last))
            return set->tokens + k;
    }
    return NULL;
}
