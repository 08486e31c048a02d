/* Applies SentencePiece's precompiled map of characters as the crate spm_precompiled does: what the first key that a
   grapheme cluster begins with is mapped to takes the place of all of the cluster. */
#include "models/charsmap.h"
#include "models/classes.h"

#include <string.h>

tern_status tern_charsmap_open(struct tern_charsmap *map, const uint8_t *bytes, size_t n, const char *label,
                               tern_error *err)
{
    *map = (struct tern_charsmap){0};
    if (n == 0)
        return TERN_OK;
    const size_t trie =
        n < 4 ? n : (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
    if (n < 4 || trie > n - 4)
        return tern_fail(err, TERN_FORMAT, "%s: the precompiled map of characters is cut off after %zu bytes", label,
                         n);
    map->units = bytes + 4;
    map->n_units = trie / 4;
    map->texts = bytes + 4 + trie / 4 * 4;
    map->bytes = n - 4 - trie / 4 * 4;
    const size_t bad = map->bytes ? tern_utf8_check(map->texts, map->bytes) : 0;
    if (bad < map->bytes)
        return tern_fail(err, TERN_FORMAT, "%s: the precompiled map of characters is not UTF-8 at its byte %zu", label,
                         bad);
    return TERN_OK;
}

static uint32_t unit_at(const struct tern_charsmap *map, size_t i)
{
    const uint8_t *u = map->units + 4 * i;
    return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

static size_t offset_of(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* The replacement of the shortest key that `text` begins with; NULL when there is none. Indices out of range end the
   search, whatever a file says. */
static const uint8_t *find(const struct tern_charsmap *map, const uint8_t *text, size_t n, size_t *bytes)
{
    size_t at;

    if (map->n_units == 0)
        return NULL;
    at = offset_of(unit_at(map, 0));
    for (size_t i = 0; i < n && text[i]; i++) {
        at ^= text[i];
        if (at >= map->n_units)
            return NULL;
        const uint32_t unit = unit_at(map, at);
        if ((unit & (1u << 31 | 0xFF)) != text[i])
            return NULL;
        at ^= offset_of(unit);
        if (unit >> 8 & 1) {
            const size_t text_at = at < map->n_units ? unit_at(map, at) & ((1u << 31) - 1) : map->bytes;
            if (text_at >= map->bytes || (map->texts[text_at] & 0xC0) == 0x80)
                return NULL;
            const uint8_t *end = memchr(map->texts + text_at, 0, map->bytes - text_at);
            *bytes = (end ? (size_t)(end - map->texts) : map->bytes) - text_at;
            return map->texts + text_at;
        }
    }
    return NULL;
}

int tern_charsmap_has(const struct tern_charsmap *map, const uint8_t *text, size_t n)
{
    size_t bytes;
    return find(map, text, n, &bytes) != NULL;
}

/* The last character that was made may yet be told to have replaced more. */
struct waiting {
    struct tern_rewrite *r;
    uint32_t c;
    int change, full;
};

static void put(struct waiting *w, uint32_t c, int change)
{
    if (w->full)
        tern_rewrite_put(w->r, w->c, w->change);
    w->c = c;
    w->change = change;
    w->full = 1;
}

static int chars_in(const uint8_t *text, size_t n)
{
    int chars = 0;
    for (size_t i = 0; i < n; i++)
        chars += (text[i] & 0xC0) != 0x80;
    return chars;
}

static void replace(struct waiting *w, int chars, const uint8_t *text, size_t n)
{
    const int made = chars_in(text, n);
    const uint8_t *at = text;

    for (int i = 0; i < made; i++)
        put(w, tern_utf8_next(&at), i >= chars);
    if (made < chars && w->full)
        w->change += made - chars;
}

void tern_charsmap_apply(const struct tern_charsmap *map, struct tern_rewrite *r)
{
    const uint8_t *at = r->in->bytes, *const end = at + r->in->n;
    struct waiting w = {.r = r};

    while (at < end) {
        const uint8_t *const stop = tern_grapheme_end(at, end);
        size_t bytes;
        const uint8_t *text = stop - at < 6 ? find(map, at, (size_t)(stop - at), &bytes) : NULL;
        if (text) {
            replace(&w, chars_in(at, (size_t)(stop - at)), text, bytes);
            at = stop;
            continue;
        }
        while (at < stop) {
            const uint8_t *from = at;
            const uint32_t c = tern_utf8_next(&at);
            text = find(map, from, (size_t)(at - from), &bytes);
            if (text)
                replace(&w, 1, text, bytes);
            else
                put(&w, c, 0);
        }
    }
    if (w.full)
        tern_rewrite_put(r, w.c, w.change);
}
