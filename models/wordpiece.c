/* The vocabulary's index, and the greedy search that cuts a word into its pieces. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "models/wordpiece.h"

#include <stdlib.h>
#include <string.h>

#define ID_BITS 25
#define ID_MASK ((1u << ID_BITS) - 1)

_Static_assert(TERN_MAX_PIECES < 1 << ID_BITS, "id + 1 must fit a slot");

/* ---- Hashing ----------------------------------------------------------------------------------------------------- */

/* A process may open a model for one text, so the index must be made in no time. What takes time is a branch that a
   CPU cannot foresee, such as one by a piece's length, or by whether its place is taken. So the hash of up to 16 bytes
   has none while the index is made, and neither has a chain whose new member goes first. */

static uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static uint32_t load_half(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* `first` are the first 8 bytes, zeros behind fewer; `last` the last 8, zero where there are fewer. */
static inline uint64_t mix(uint64_t first, uint64_t last, size_t n)
{
    const uint64_t h = first * 0x9E3779B97F4A7C15u ^ (last + n) * 0xC2B2AE3D27D4EB4Fu;
    return (h ^ h >> 32) * 0xBF58476D1CE4E5B9u;
}

/* Of n bytes at `piece`, of which 8 can be read. */
static inline uint64_t hash_of_readable(const uint8_t *piece, size_t n)
{
    const int long_enough = n >= 8;
    const uint64_t mask = long_enough ? ~(uint64_t)0 : ((uint64_t)1 << n % 8 * 8) - 1;
    const uint64_t last = load(piece + (long_enough ? n - 8 : 0));
    return n > 16 ? XXH3_64bits(piece, n) : mix(load(piece) & mask, long_enough ? last : 0, n);
}

/* The same where nothing behind the n bytes may be read. */
static uint64_t hash_of(const uint8_t *piece, size_t n)
{
    uint64_t first = 0;
    if (n >= 8)
        return hash_of_readable(piece, n);
    if (n >= 4) /* the bytes that both halves have are the same */
        first = load_half(piece) | (uint64_t)load_half(piece + n - 4) << (n - 4) * 8;
    else if (n > 0)
        first = piece[0] | (uint64_t)piece[n / 2] << n / 2 * 8 | (uint64_t)piece[n - 1] << (n - 1) * 8;
    return mix(first, 0, n);
}

/* The head of the piece's chain comes from the hash's top, its tag from below. */
static uint32_t *head_of(const struct tern_pieces *pieces, uint64_t hash)
{
    return pieces->heads + (hash >> pieces->shift);
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 16) << ID_BITS;
}

/* The piece in the chain from `slot` on, or -1. */
static int32_t find_from(const struct tern_pieces *pieces, uint32_t slot, const void *piece, size_t n, uint32_t tag)
{
    for (; slot; slot = pieces->next[(slot & ID_MASK) - 1]) {
        if ((slot & ~ID_MASK) != tag)
            continue;
        const uint32_t id = (slot & ID_MASK) - 1, offset = pieces->offsets[id];
        if (pieces->offsets[id + 1] - 1 - offset == n && memcmp(pieces->bytes + offset, piece, n) == 0)
            return (int32_t)id;
    }
    return -1;
}

int32_t tern_pieces_find(const struct tern_pieces *pieces, const uint8_t *piece, size_t n)
{
    if (n > pieces->longest)
        return -1;
    const uint64_t hash = hash_of(piece, n);
    return find_from(pieces, *head_of(pieces, hash), piece, n, tag_of(hash));
}

uint32_t tern_pieces_doubled(const struct tern_pieces *pieces)
{
    uint32_t n = 0;
    for (uint32_t id = 0; id < pieces->count; id++) {
        const uint32_t start = pieces->offsets[id];
        const size_t length = pieces->offsets[id + 1] - 1 - start;
        n += tern_pieces_find(pieces, (const uint8_t *)pieces->bytes + start, length) != (int32_t)id;
    }
    return n;
}

/* ---- Making the index -------------------------------------------------------------------------------------------- */

static size_t count_lines(const char *bytes, size_t n)
{
    enum { BLOCK = 64 }; /* of a length that compilers know, they add many at a time */
    size_t lines = 0, i = 0;
    for (; n - i >= BLOCK; i += BLOCK) {
        uint8_t in_block = 0;
        for (size_t j = 0; j < BLOCK; j++)
            in_block = (uint8_t)(in_block + (bytes[i + j] == '\n'));
        lines += in_block;
    }
    for (; i < n; i++)
        lines += bytes[i] == '\n';
    return lines;
}

static tern_status check_bytes(const char *bytes, size_t n, const char *label, size_t *count, tern_error *err)
{
    size_t lines, bad;

    if (n == 0)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary is empty", label);
    if (n > UINT32_MAX)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary is %zu bytes, the limit is 4 GiB", label, n);
    if (bytes[n - 1] != '\n')
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary's last line has no end", label);
    lines = count_lines(bytes, n);
    if (lines > TERN_MAX_PIECES)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary has %zu pieces, the limit is %d", label, lines,
                         TERN_MAX_PIECES);
    bad = tern_utf8_check((const uint8_t *)bytes, n);
    if (bad < n)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary is not UTF-8 at its byte %zu", label, bad);
    *count = lines;
    return TERN_OK;
}

/* The high bit of each byte that ends a line. */
static uint64_t line_ends(uint64_t eight)
{
    const uint64_t low = 0x7F7F7F7F7F7F7F7Fu, other = eight ^ 0x0A0A0A0A0A0A0A0Au;
    return ~(((other & low) + low) | other | low);
}

/* Where the pieces lie: offsets[count + 1]. Of each 8 bytes two ends are written, be they there or not, since a branch
   by their number would be one that cannot be foreseen; what is too much is written over, or lies in the room for two
   more. */
static void find_offsets(uint32_t *offsets, const char *bytes, size_t n)
{
    const uint64_t top = (uint64_t)1 << 63;
    uint32_t *end = offsets + 1;
    size_t i = 0;
    offsets[0] = 0;
    for (; n - i >= 8; i += 8) {
        const uint64_t ends = line_ends(load((const uint8_t *)bytes + i)), rest = ends & (ends - 1);
        const uint32_t count = (uint32_t)((ends >> 7) * 0x0101010101010101u >> 56);
        end[0] = (uint32_t)(i + (size_t)__builtin_ctzll(ends | top) / 8 + 1);
        end[1] = (uint32_t)(i + (size_t)__builtin_ctzll(rest | top) / 8 + 1);
        if (count > 2) { /* pieces of a character or two, which lie together */
            uint64_t more = rest & (rest - 1);
            for (uint32_t j = 2; j < count; j++, more &= more - 1)
                end[j] = (uint32_t)(i + (size_t)__builtin_ctzll(more) / 8 + 1);
        }
        end += count;
    }
    for (; i < n; i++)
        if (bytes[i] == '\n')
            *end++ = (uint32_t)i + 1;
}

tern_status tern_pieces_build(struct tern_pieces *pieces, const char *bytes, size_t n, const char *label,
                              tern_error *err)
{
    const uint8_t *const text = (const uint8_t *)bytes;
    size_t count = 0, n_heads = 4, words;
    unsigned shift = 62;
    tern_status status = check_bytes(bytes, n, label, &count, err);

    memset(pieces, 0, sizeof *pieces);
    if (status != TERN_OK)
        return status;
    for (; n_heads < 2 * count; shift--) /* most chains are empty, or of one piece */
        n_heads *= 2;
    words = count + 3 + count + n_heads; /* at most 2^26 + 3: no overflow of size_t, also with 32 bits */
    pieces->offsets = calloc(words, sizeof *pieces->offsets);
    if (pieces->offsets == NULL)
        return tern_fail_nomem(err, "the vocabulary's index", words * sizeof *pieces->offsets);
    pieces->next = pieces->offsets + count + 3;
    pieces->heads = pieces->next + count;
    pieces->shift = shift;
    pieces->bytes = bytes;
    pieces->count = pieces->model_count = (uint32_t)count;

    find_offsets(pieces->offsets, bytes, n);
    for (uint32_t id = 0; id < count; id++) {
        const uint32_t start = pieces->offsets[id], length = pieces->offsets[id + 1] - 1 - start;
        const uint64_t hash = n - start >= 8 ? hash_of_readable(text + start, length) : hash_of(text + start, length);
        uint32_t *const head = head_of(pieces, hash);
        pieces->longest = length > pieces->longest ? length : pieces->longest;
        pieces->next[id] = *head;
        *head = tag_of(hash) | (id + 1);
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
