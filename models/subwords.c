/* The table of models, what a tokenizer.json says of them, and WordPiece on tables. */
#include "models/subwords.h"
#include "models/pipeline.h"

#include <stdio.h>
#include <string.h>

const struct tern_subword_kind tern_subword_kinds[] = {
    {"BPE", tern_split_bpe, 0, 1},
    {"Unigram", tern_split_unigram, 1, 0},
    {"WordPiece", tern_split_wordpiece, 0, 0},
    {"", NULL, 0, 0},
};

const struct tern_subword_kind *tern_subword_kind(const char *type)
{
    for (const struct tern_subword_kind *kind = tern_subword_kinds; *kind->type; kind++)
        if (strcmp(kind->type, type) == 0)
            return kind;
    return NULL;
}

/* ---- WordPiece: the longest piece from the left, inside a word behind a prefix ---- */

struct piece {
    int32_t id;
    uint32_t from, to;
};

void tern_split_wordpiece(const struct tern_subwords *model, struct tern_run *run, const struct tern_stretch *word)
{
    const struct tern_trie *trie = &model->table->trie;
    size_t chars = 0, n = 0;

    for (size_t i = 0; i < word->n; i++)
        chars += model->bytes || (word->bytes[i] & 0xC0) != 0x80;
    struct piece *pieces =
        chars > (size_t)model->max_chars ? NULL : tern_run_scratch(run, word->n * sizeof(struct piece));
    for (size_t from = 0; pieces && from < word->n; n++) {
        uint32_t node = from ? model->inside : 0;
        pieces[n] = (struct piece){-1, (uint32_t)from, 0};
        for (size_t at = from; at < word->n && (from == 0 || model->has_inside);) {
            node = tern_trie_step(trie, node, word->bytes[at++]);
            if (node == 0)
                break;
            const int32_t id = trie->units[node].value;
            if (id >= 0 && id < (int32_t)model->table->model_count) {
                pieces[n].id = id;
                pieces[n].to = (uint32_t)at;
            }
        }
        if (pieces[n].id < 0) {
            pieces = NULL;
            break;
        }
        from = pieces[n].to;
    }
    if (run->failed)
        return;
    if (pieces == NULL)
        tern_run_put(run, model->unknown, word, 0, word->n);
    for (size_t i = 0; pieces && i < n; i++)
        tern_run_put(run, pieces[i].id, word, pieces[i].from, pieces[i].to);
}

/* ---- Reading ---- */

static int32_t find(const struct tern_subwords *model, const char *piece)
{
    return tern_table_find(model->table, (const uint8_t *)piece, strlen(piece));
}

/* The unknown token: Unigram's is an id, the others' a piece. */
static tern_status read_unknown(struct tern_subwords *out, const json_t *object, const char *label, tern_error *err)
{
    const char *piece = NULL;
    tern_status status = tern_json_get_string(object, "unk_token", 0, &piece, label, err);

    if (!status && piece)
        status =
            (out->unknown = find(out, piece)) >= 0
                ? TERN_OK
                : tern_fail(err, TERN_FORMAT, "%s: the unknown token \"%.64s\" is not in the vocabulary", label, piece);
    if (!status)
        status =
            tern_json_get_int(object, "unk_id", 0, 0, (int32_t)out->table->model_count - 1, &out->unknown, label, err);
    return status;
}

static void find_bytes(struct tern_subwords *out)
{
    char name[8];

    for (int b = 0; b < 256; b++) {
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)b);
        out->byte_of[b] = out->byte_fallback ? find(out, name) : -1;
    }
}

static tern_status read_prefix(struct tern_subwords *out, const json_t *object, const char *label, tern_error *err)
{
    const char *prefix = "##";
    uint32_t node = 0;
    tern_status status = tern_json_get_string(object, "continuing_subword_prefix", 0, &prefix, label, err);

    if (!status)
        status = tern_json_get_int(object, "max_input_chars_per_word", 0, 1, INT32_MAX, &out->max_chars, label, err);
    if (!status && out->unknown < 0)
        status = tern_fail(err, TERN_FORMAT, "%s: WordPiece has no unknown token", label);
    out->has_inside = 1;
    for (const char *p = prefix; *p && out->has_inside; p++) {
        node = tern_trie_step(&out->table->trie, node, (uint8_t)*p);
        out->has_inside = node != 0;
    }
    out->inside = node;
    return status;
}

tern_status tern_subwords_read(struct tern_subwords *out, const json_t *object, const struct tern_token_table *table,
                               int bytes, const char *label, tern_error *err)
{
    const struct {
        const char *key;
        int *to;
    } flags[] = {{"byte_fallback", &out->byte_fallback},
                 {"fuse_unk", &out->fuse_unknown},
                 {"ignore_merges", &out->ignore_merges}};
    const char *type = NULL;
    tern_status status = tern_json_get_string(object, "type", 1, &type, label, err);

    *out = (struct tern_subwords){.table = table, .bytes = bytes, .unknown = -1, .max_chars = 100};
    if (status)
        return status;
    const struct tern_subword_kind *kind = tern_subword_kind(type);
    if (kind == NULL)
        return tern_fail(err, TERN_FORMAT, "%s: model %.40s is not supported; BPE, Unigram and WordPiece are", label,
                         type);
    if (kind->scores != (table->scores != NULL) || (!kind->merges && table->merges) || (kind->merges && !table->whole))
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary's tables are not those of %s", label, type);
    out->split = kind->split;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0] && !status; i++) {
        int32_t on = 0;
        status = tern_json_get_bool(object, flags[i].key, 0, &on, label, err);
        *flags[i].to = on;
    }
    if (!status)
        status = read_unknown(out, object, label, err);
    find_bytes(out);
    if (!status && kind->scores && out->unknown < 0)
        status = tern_fail(err, TERN_FORMAT, "%s: Unigram has no unknown token", label);
    if (!status && kind->split == tern_split_wordpiece)
        status = read_prefix(out, object, label, err);
    return status;
}
