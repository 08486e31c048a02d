/* Makes the tables of a tokenizer with a pipeline: keys of pieces, merges, added tokens and their numbers. */
#include "models/tokenizer_tables.h"

#include <stdlib.h>
#include <string.h>

void tern_tables_free(struct tern_tables *t)
{
    json_decref(t->settings);
    json_decref(t->holds);
    free(t->pieces);
    free(t->scores);
    free(t->merges);
    free(t->charsmap);
    free(t->keys);
    free(t->sorted);
    memset(t, 0, sizeof *t);
}

tern_status tern_tables_reserve(struct tern_tables *t, size_t ids, tern_error *err)
{
    size_t room = t->room ? t->room : 1024;

    if (ids > TERN_MAX_PIECES)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary has %zu pieces, the limit is %d", t->label, ids,
                         TERN_MAX_PIECES);
    while (room < ids)
        room *= 2;
    if (room > t->room) {
        struct tern_table_piece *grown = realloc(t->pieces, room * sizeof *grown);
        if (grown == NULL)
            return tern_fail_nomem(err, "the vocabulary", room * sizeof *grown);
        memset(grown + t->room, 0, (room - t->room) * sizeof *grown);
        t->pieces = grown;
        t->room = (uint32_t)room;
    }
    return TERN_OK;
}

/* ---- The model's pieces ---- */

/* The byte that a character stands for in byte-level pieces, as GPT-2 has them; -1: none. */
static int byte_of(uint32_t c)
{
    if ((c >= '!' && c <= '~') || (c >= 0xA1 && c <= 0xAC) || (c >= 0xAE && c <= 0xFF))
        return (int)c;
    c -= 0x100;
    if (c < 33)
        return (int)c;
    if (c < 67)
        return (int)(c - 33 + 0x7F);
    return c == 67 ? 0xAD : -1;
}

/* A piece with a character that stands for no byte is found in no text. */
static void make_bytes(struct tern_table_piece *piece, uint8_t *out)
{
    const uint8_t *at = (const uint8_t *)piece->text;
    const uint8_t *const end = piece->n ? at + piece->n : at;
    size_t n = 0;

    piece->key = NULL;
    piece->key_n = 0;
    while (at < end) {
        const int byte = byte_of(tern_utf8_next(&at));
        if (byte < 0)
            return;
        out[n++] = (uint8_t)byte;
    }
    piece->key = out;
    piece->key_n = n;
}

static tern_status make_keys(struct tern_tables *t, int bytes, tern_error *err)
{
    size_t total = 1;

    for (uint32_t i = 0; i < t->model_count; i++) {
        t->pieces[i].key = (const uint8_t *)t->pieces[i].text;
        t->pieces[i].key_n = t->pieces[i].n;
        total += t->pieces[i].n;
    }
    if (!bytes)
        return TERN_OK;
    t->keys = malloc(total);
    if (t->keys == NULL)
        return tern_fail_nomem(err, "the vocabulary", total);
    uint8_t *at = t->keys;
    for (uint32_t i = 0; i < t->model_count; i++) {
        make_bytes(&t->pieces[i], at);
        at += t->pieces[i].n;
    }
    return TERN_OK;
}

struct place {
    const struct tern_table_piece *piece;
    uint32_t id;
};

static int compare_text(const char *a, size_t n, const char *b, size_t m)
{
    const int order = n && m ? memcmp(a, b, n < m ? n : m) : 0;
    return order ? order : n < m ? -1 : n > m;
}

/* Of equal pieces the last one counts: it is sorted last. */
static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    const int order = compare_text(x->piece->text, x->piece->n, y->piece->text, y->piece->n);
    return order ? order : x->id < y->id ? -1 : x->id > y->id;
}

tern_status tern_tables_index(struct tern_tables *t, tern_error *err)
{
    struct tern_pretokenizers steps = {.n = 0};
    uint32_t filled = 0;
    tern_status status = tern_pretokenizers_read(&steps, json_object_get(t->settings, "pre_tokenizer"), t->label, err);

    if (!status)
        status = make_keys(t, steps.bytes, err);
    if (status)
        return status;
    struct place *places = calloc(t->model_count + 1, sizeof *places);
    t->sorted = calloc(t->model_count + 1, sizeof *t->sorted);
    if (places == NULL || t->sorted == NULL) {
        free(places);
        return tern_fail_nomem(err, "the vocabulary", t->model_count * sizeof *places);
    }
    for (uint32_t i = 0; i < t->model_count; i++) {
        places[i] = (struct place){&t->pieces[i], i};
        filled += t->pieces[i].text != NULL;
    }
    qsort(places, t->model_count, sizeof *places, compare_places);
    for (uint32_t i = 0; i < t->model_count; i++)
        t->sorted[i] = places[i].id;
    free(places);
    t->next = filled;
    t->count = t->model_count;
    return TERN_OK;
}

static int32_t find(const struct tern_tables *t, const char *text, size_t n)
{
    uint32_t low = 0, high = t->model_count;

    /* Behind the last one that is not greater. */
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct tern_table_piece *piece = &t->pieces[t->sorted[middle]];
        if (compare_text(piece->text, piece->n, text, n) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || n == 0)
        return -1;
    const struct tern_table_piece *piece = &t->pieces[t->sorted[low - 1]];
    return piece->n == n && memcmp(piece->text, text, n) == 0 ? (int32_t)t->sorted[low - 1] : -1;
}

int32_t tern_tables_find(const struct tern_tables *t, const char *content)
{
    const size_t n = strlen(content);
    const int32_t id = find(t, content, n);

    if (id >= 0)
        return id;
    for (uint32_t i = t->model_count; i < t->count; i++)
        if (t->pieces[i].n == n && n && memcmp(t->pieces[i].text, content, n) == 0)
            return (int32_t)i;
    return -1;
}

tern_status tern_tables_merge(struct tern_tables *t, const char *left, size_t n_left, const char *right, size_t n_right,
                              tern_error *err)
{
    const int32_t a = find(t, left, n_left), b = find(t, right, n_right);
    char small[256], *both = n_left + n_right <= sizeof small ? small : malloc(n_left + n_right);

    if (both == NULL)
        return tern_fail_nomem(err, "a merge", n_left + n_right);
    memcpy(both, left, n_left);
    memcpy(both + n_left, right, n_right);
    const int32_t made = find(t, both, n_left + n_right);
    if (both != small)
        free(both);
    if (a < 0 || b < 0 || made < 0)
        return tern_fail(err, TERN_FORMAT, "%s: merge %u of \"%.*s\" and \"%.*s\": a piece is not in the vocabulary",
                         t->label, (unsigned)t->n_merges, (int)(n_left > 64 ? 64 : n_left), left,
                         (int)(n_right > 64 ? 64 : n_right), right);
    if ((t->n_merges & (t->n_merges - 1)) == 0) { /* full at every power of two */
        const size_t room = t->n_merges ? 2 * (size_t)t->n_merges : 1;
        struct tern_merge *grown = room > TERN_MAX_PIECES ? NULL : realloc(t->merges, room * sizeof *grown);
        if (grown == NULL)
            return tern_fail_nomem(err, "the vocabulary's merges", room * sizeof *grown);
        t->merges = grown;
    }
    t->merges[t->n_merges] = (struct tern_merge){(uint32_t)a, (uint32_t)b, t->n_merges, made};
    t->n_merges++;
    return TERN_OK;
}

/* ---- Tokens beside the model's ---- */

static tern_status no_memory(tern_error *err)
{
    return tern_fail_nomem(err, "the tokenizer's settings", sizeof(json_t));
}

/* Hugging Face numbers a token that is no piece behind as many as the model has. */
tern_status tern_tables_add(struct tern_tables *t, const char *content, uint32_t flags, int32_t id, tern_error *err)
{
    json_t *list = json_object_get(t->settings, "added");
    int32_t own = tern_tables_find(t, content);
    tern_status status = TERN_OK;

    if (*content == '\0')
        return tern_fail(err, TERN_FORMAT, "%s: an added token is empty", t->label);
    if (own < 0) {
        own = (int32_t)t->next++;
        status = tern_tables_reserve(t, (size_t)own + 1, err);
        if (status)
            return status;
        if ((uint32_t)own < t->count)
            return tern_fail(err, TERN_FORMAT, "%s: added token \"%.64s\" would get id %d, which a piece has", t->label,
                             content, (int)own);
        t->count = (uint32_t)own + 1;
    }
    status = tern_added_put(list, content, flags, id, own, t->label, err);
    if (status)
        return status;
    /* The text of the settings, which stay. */
    if ((uint32_t)own >= t->model_count) {
        const json_t *item = json_array_get(list, json_array_size(list) - 1);
        t->pieces[own].text = json_string_value(json_object_get(item, "content"));
        t->pieces[own].n = strlen(content);
    }
    return TERN_OK;
}

tern_status tern_tables_role(struct tern_tables *t, enum tern_role role, const char *content, tern_error *err)
{
    const int32_t id = content ? tern_tables_find(t, content) : -1;

    if (id < 0)
        return TERN_OK;
    json_t *token = json_pack("{s:s, s:i}", "content", content, "id", (int)id);
    return token && json_object_set_new(t->settings, tern_role_names[role], token) == 0 ? TERN_OK : no_memory(err);
}

/* ---- Packing ---- */

/* The score of an unknown character: ten below the least, as SentencePiece has it. */
static double unknown_score(const struct tern_tables *t)
{
    double least = 0;

    for (uint32_t i = 0; t->scores && i < t->model_count; i++)
        if (i == 0 || t->scores[i] < least)
            least = t->scores[i];
    return least - 10;
}

static tern_status mark_whole(const struct tern_tables *t, uint8_t *bytes, size_t n, tern_error *err)
{
    struct tern_pipeline *p = malloc(sizeof *p);
    tern_status status = p ? tern_pipeline_open(p, t->settings, bytes, n, t->label, err)
                           : tern_fail_nomem(err, "a tokenizer", sizeof *p);

    if (!status && p->table.whole)
        status = tern_bpe_mark_whole(&p->model, t->pieces, bytes + (p->table.whole - bytes), err);
    free(p);
    return status;
}

tern_status tern_tables_pack(struct tern_tables *t, struct tern_tokenizer_source *source, tern_error *err)
{
    const char *type = json_string_value(json_object_get(json_object_get(t->settings, "model"), "type"));
    const struct tern_table_parts parts = {.pieces = t->pieces,
                                           .count = t->count,
                                           .model_count = t->model_count,
                                           .scores = t->scores,
                                           .unknown = unknown_score(t),
                                           .merges = t->merges,
                                           .n_merges = t->n_merges,
                                           .is_bpe = type && tern_subword_kind(type) && tern_subword_kind(type)->merges,
                                           .charsmap = t->charsmap,
                                           .charsmap_bytes = t->charsmap_bytes};
    uint8_t *bytes = NULL;
    size_t n = 0;
    tern_status status = tern_token_table_make(&bytes, &n, &parts, t->label, err);

    if (!status)
        status = mark_whole(t, bytes, n, err);
    if (status) {
        free(bytes);
        return status;
    }
    source->vocabulary = (char *)bytes;
    source->bytes = n;
    source->settings = json_incref(t->settings);
    return TERN_OK;
}
