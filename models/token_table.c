/* Reads and makes the vocabulary's tables of a .tern file. */
#include "models/token_table.h"
#include "models/unicode.h"
#include "models/wordpiece.h"

#include <stdlib.h>
#include <string.h>

/* Little-endian, as all of the file. A vocabulary of lines is UTF-8, which the second byte is not. */
static const char magic[8] = {'T', (char)0xFF, 'P', 'I', 'E', 'C', 'E', '1'};

struct header {
    char magic[8];
    uint32_t count, model_count;
    uint32_t text_bytes, units, merge_slots, charsmap_bytes;
    uint32_t has_scores, has_whole;
    double unknown;
};
_Static_assert(sizeof(struct header) == 48, "no padding");

/* The sections behind the header, each at a multiple of 8 bytes. */
enum section { OFFSETS, TEXT, UNITS, SCORES, MERGES, WHOLE, CHARSMAP, SECTIONS };

/* Ends of the sections, from the header's start. No overflow: each is less than 2^32 elements of 16 bytes. */
static void lay_out(const struct header *h, uint64_t at[SECTIONS + 1])
{
    const uint64_t bytes[SECTIONS] = {[OFFSETS] = ((uint64_t)h->count + 1) * sizeof(uint32_t),
                                      [TEXT] = h->text_bytes,
                                      [UNITS] = (uint64_t)h->units * sizeof(struct tern_trie_unit),
                                      [SCORES] = h->has_scores ? (uint64_t)h->model_count * sizeof(double) : 0,
                                      [MERGES] = (uint64_t)h->merge_slots * sizeof(struct tern_merge),
                                      [WHOLE] = h->has_whole ? h->model_count : 0,
                                      [CHARSMAP] = h->charsmap_bytes};
    at[0] = sizeof *h;
    for (int s = 0; s < SECTIONS; s++)
        at[s + 1] = (at[s] + bytes[s] + 7) / 8 * 8;
}

int tern_is_token_table(const void *bytes, size_t n)
{
    return n >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

static tern_status check_pieces(const struct tern_token_table *t, uint32_t text_bytes, const char *label,
                                tern_error *err)
{
    const size_t bad = text_bytes ? tern_utf8_check((const uint8_t *)t->text, text_bytes) : 0;

    if (bad < text_bytes)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary is not UTF-8 at its byte %zu", label, bad);
    if (t->offsets[0] != 0 || t->offsets[t->count] != text_bytes)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary's pieces are not all of its text", label);
    for (uint32_t i = 0; i < t->count; i++) {
        const uint32_t from = t->offsets[i];
        if (from > t->offsets[i + 1] || (from < text_bytes && ((uint8_t)t->text[from] & 0xC0) == 0x80))
            return tern_fail(err, TERN_FORMAT, "%s: piece %u of the vocabulary begins at a wrong place", label,
                             (unsigned)i);
    }
    return TERN_OK;
}

tern_status tern_token_table_open(struct tern_token_table *out, const void *bytes, size_t n, const char *label,
                                  tern_error *err)
{
    const uint8_t *base = bytes;
    uint64_t at[SECTIONS + 1];
    struct header h;

    memset(out, 0, sizeof *out);
    if (n < sizeof h || !tern_is_token_table(bytes, n) || (uintptr_t)bytes % 8)
        return tern_fail(err, TERN_FORMAT,
                         "%s: the vocabulary's tables have no header of %zu bytes at an aligned place", label,
                         sizeof h);
    memcpy(&h, bytes, sizeof h);
    lay_out(&h, at);
    if (at[SECTIONS] != n)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary's tables have %zu bytes, their header says %llu", label,
                         n, (unsigned long long)at[SECTIONS]);
    if (h.count == 0 || h.count > TERN_MAX_PIECES || h.model_count == 0 || h.model_count > h.count)
        return tern_fail(err, TERN_FORMAT,
                         "%s: the vocabulary has %u pieces, %u of them its model's; 1 .. %d are possible", label,
                         (unsigned)h.count, (unsigned)h.model_count, TERN_MAX_PIECES);
    if (h.units == 0 || h.units > TERN_TRIE_MOST || (h.merge_slots & (h.merge_slots - 1)) || h.has_scores > 1 ||
        h.has_whole > 1)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary's tables have sizes that are not possible", label);
    out->count = h.count;
    out->model_count = h.model_count;
    out->unknown = h.unknown;
    out->offsets = (const uint32_t *)(const void *)(base + at[OFFSETS]);
    out->text = (const char *)base + at[TEXT];
    out->trie = (struct tern_trie){(const struct tern_trie_unit *)(const void *)(base + at[UNITS]), h.units};
    out->scores = h.has_scores ? (const double *)(const void *)(base + at[SCORES]) : NULL;
    out->merges = h.merge_slots ? (const struct tern_merge *)(const void *)(base + at[MERGES]) : NULL;
    out->mask = h.merge_slots ? h.merge_slots - 1 : 0;
    out->whole = h.has_whole ? base + at[WHOLE] : NULL;
    out->charsmap = base + at[CHARSMAP];
    out->charsmap_bytes = h.charsmap_bytes;
    return check_pieces(out, h.text_bytes, label, err);
}

/* ---- Making one ---- */

static void put_merges(struct tern_merge *slots, uint32_t n_slots, const struct tern_table_parts *parts)
{
    for (uint32_t i = 0; i < n_slots; i++)
        slots[i].left = TERN_NO_MERGE;
    for (uint32_t m = 0; m < parts->n_merges; m++) {
        const struct tern_merge *merge = &parts->merges[m];
        uint32_t i = tern_merge_hash(merge->left, merge->right) & (n_slots - 1);
        while (slots[i].left != TERN_NO_MERGE && (slots[i].left != merge->left || slots[i].right != merge->right))
            i = (i + 1) & (n_slots - 1);
        slots[i] = *merge;
    }
}

static tern_status make_trie(struct tern_trie_unit **units, uint32_t *n, const struct tern_table_parts *parts,
                             const char *label, tern_error *err)
{
    struct tern_trie_key *keys = calloc(parts->model_count, sizeof *keys);
    size_t n_keys = 0;

    *units = NULL;
    *n = 0;
    if (keys == NULL)
        return tern_fail_nomem(err, "the vocabulary's index", parts->model_count * sizeof *keys);
    for (uint32_t i = 0; i < parts->model_count; i++)
        if (parts->pieces[i].key_n)
            keys[n_keys++] = (struct tern_trie_key){parts->pieces[i].key, (uint32_t)parts->pieces[i].key_n, (int32_t)i};
    const tern_status status = tern_trie_build(units, n, keys, n_keys, label, err);
    free(keys);
    return status;
}

tern_status tern_token_table_make(uint8_t **bytes, size_t *n, const struct tern_table_parts *parts, const char *label,
                                  tern_error *err)
{
    struct header h = {.count = parts->count, .model_count = parts->model_count, .unknown = parts->unknown};
    struct tern_trie_unit *units = NULL;
    uint64_t at[SECTIONS + 1], text = 0;
    tern_status status = make_trie(&units, &h.units, parts, label, err);

    *bytes = NULL;
    *n = 0;
    for (uint32_t i = 0; i < parts->count; i++)
        text += parts->pieces[i].n;
    if (!status && (text > UINT32_MAX || parts->charsmap_bytes > UINT32_MAX))
        status = tern_fail(err, TERN_FORMAT, "%s: the vocabulary is larger than 4 GiB", label);
    memcpy(h.magic, magic, sizeof magic);
    h.text_bytes = (uint32_t)text;
    h.charsmap_bytes = (uint32_t)parts->charsmap_bytes;
    h.has_scores = parts->scores != NULL;
    h.has_whole = parts->is_bpe != 0;
    for (h.merge_slots = parts->n_merges ? 4 : 0; h.merge_slots / 2 < parts->n_merges;)
        h.merge_slots *= 2;
    lay_out(&h, at);
    uint8_t *out = status || at[SECTIONS] > SIZE_MAX ? NULL : calloc(1, (size_t)at[SECTIONS]);
    if (!status && out == NULL)
        status = tern_fail_nomem(err, "the vocabulary", (size_t)at[SECTIONS]);
    if (!status) {
        uint32_t *offsets = (uint32_t *)(void *)(out + at[OFFSETS]);
        memcpy(out, &h, sizeof h);
        for (uint32_t i = 0; i < parts->count; i++) {
            if (parts->pieces[i].n)
                memcpy(out + at[TEXT] + offsets[i], parts->pieces[i].text, parts->pieces[i].n);
            offsets[i + 1] = offsets[i] + (uint32_t)parts->pieces[i].n;
        }
        memcpy(out + at[UNITS], units, h.units * sizeof *units);
        if (parts->scores)
            memcpy(out + at[SCORES], parts->scores, parts->model_count * sizeof *parts->scores);
        if (parts->n_merges)
            put_merges((struct tern_merge *)(void *)(out + at[MERGES]), h.merge_slots, parts);
        if (parts->charsmap_bytes)
            memcpy(out + at[CHARSMAP], parts->charsmap, parts->charsmap_bytes);
        *bytes = out;
        *n = (size_t)at[SECTIONS];
    }
    free(units);
    return status;
}
