/* The vocabulary's hash table, and the greedy search that cuts a word into its pieces. */
#define XXH_INLINE_ALL /* most keys are a few bytes long: a call would cost more than the hash */
#include <xxhash.h>

#include "models/wordpiece.h"

#include <stdlib.h>
#include <string.h>

#define ID_BITS 25
#define ID_MASK ((1u << ID_BITS) - 1)

_Static_assert(TERN_MAX_PIECES < 1 << ID_BITS, "id + 1 must fit a slot");

static uint64_t hash_of(const void *piece, size_t n)
{
    return XXH3_64bits(piece, n);
}

/* The slot's tag comes from the hash's top, its place from the bottom. */
static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 57) << ID_BITS;
}

static int32_t find_hashed(const struct tern_pieces *pieces, const void *piece, size_t n, uint64_t hash, uint32_t *at)
{
    uint32_t tag = tag_of(hash);

    for (uint32_t i = (uint32_t)hash & pieces->mask;; i = (i + 1) & pieces->mask) {
        uint32_t slot = pieces->slots[i];
        if (slot == 0) {
            *at = i;
            return -1;
        }
        if ((slot & ~ID_MASK) != tag)
            continue;
        uint32_t id = (slot & ID_MASK) - 1, offset = pieces->offsets[id];
        if (pieces->offsets[id + 1] - 1 - offset == n && memcmp(pieces->bytes + offset, piece, n) == 0) {
            *at = i;
            return (int32_t)id;
        }
    }
}

int32_t tern_pieces_find(const struct tern_pieces *pieces, const uint8_t *piece, size_t n)
{
    uint32_t at;

    if (n > pieces->longest)
        return -1;
    return find_hashed(pieces, piece, n, hash_of(piece, n), &at);
}

static tern_status check_bytes(const char *bytes, size_t n, const char *label, size_t *count, tern_error *err)
{
    size_t lines = 0, bad;

    if (n == 0)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary is empty", label);
    if (n > UINT32_MAX)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary is %zu bytes, the limit is 4 GiB", label, n);
    if (bytes[n - 1] != '\n')
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary's last line has no end", label);
    for (size_t i = 0; i < n; i++)
        lines += bytes[i] == '\n';
    if (lines > TERN_MAX_PIECES)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary has %zu pieces, the limit is %d", label, lines,
                         TERN_MAX_PIECES);
    bad = tern_utf8_check((const uint8_t *)bytes, n);
    if (bad < n)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary is not UTF-8 at its byte %zu", label, bad);
    *count = lines;
    return TERN_OK;
}

tern_status tern_pieces_build(struct tern_pieces *pieces, const char *bytes, size_t n, const char *label,
                              tern_error *err)
{
    size_t count = 0, n_slots = 4, words;
    tern_status status = check_bytes(bytes, n, label, &count, err);

    memset(pieces, 0, sizeof *pieces);
    if (status != TERN_OK)
        return status;
    while (n_slots < 2 * count) /* at most half full, so that a search always ends */
        n_slots *= 2;
    words = count + 1 + n_slots; /* at most 2^24 + 1 + 2^25: no overflow of size_t, also with 32 bits */
    pieces->offsets = calloc(words, sizeof *pieces->offsets);
    if (pieces->offsets == NULL)
        return tern_fail_nomem(err, "the vocabulary's index", words * sizeof *pieces->offsets);
    pieces->slots = pieces->offsets + count + 1;
    pieces->mask = (uint32_t)(n_slots - 1);
    pieces->bytes = bytes;
    pieces->count = pieces->model_count = (uint32_t)count;

    for (uint32_t id = 0, start = 0; id < count; id++) {
        const char *end = memchr(bytes + start, '\n', n - start);
        uint32_t length = (uint32_t)(end - (bytes + start)), at = 0;
        uint64_t hash = hash_of(bytes + start, length);
        pieces->offsets[id] = start;
        pieces->offsets[id + 1] = start + length + 1;
        if (length > pieces->longest)
            pieces->longest = length;
        pieces->doubled += find_hashed(pieces, bytes + start, length, hash, &at) >= 0;
        pieces->slots[at] = tag_of(hash) | (id + 1);
        start += length + 1;
    }
    return TERN_OK;
}

void tern_pieces_free(struct tern_pieces *pieces)
{
    free(pieces->offsets);
    memset(pieces, 0, sizeof *pieces);
}

static int32_t find_model_piece(const struct tern_pieces *pieces, const uint8_t *piece, size_t n)
{
    int32_t id = tern_pieces_find(pieces, piece, n);

    return id < (int32_t)pieces->model_count ? id : -1;
}

size_t tern_wordpiece(const struct tern_pieces *pieces, struct tern_word *word, uint32_t max_chars,
                      struct tern_piece out[TERN_MAX_WORD])
{
    uint8_t *const first = word->bytes + 2, *const end = first + word->n, *start = first;
    uint32_t longest = pieces->longest;
    size_t n = 0, prefix = 0;

    if (word->chars > max_chars)
        return 0;
    while (start < end) {
        uint8_t *key = start - prefix; /* "##" goes over bytes that are done with */
        uint8_t *stop = end;
        int32_t id = -1;
        if (prefix)
            memcpy(key, "##", 2);
        if ((size_t)(end - key) > longest) {
            stop = key + longest;
            while (stop > start && (*stop & 0xC0) == 0x80)
                stop--;
        }
        while (stop > start) {
            id = find_model_piece(pieces, key, (size_t)(stop - key));
            if (id >= 0)
                break;
            do
                stop--;
            while (stop > start && (*stop & 0xC0) == 0x80);
        }
        if (id < 0)
            return 0;
        out[n++] = (struct tern_piece){id, {word->raw[start - first].start, word->raw[stop - first - 1].stop}};
        if (word->reordered)
            out[n - 1].raw = word->all;
        start = stop;
        prefix = 2;
    }
    return n;
}
