/* tokenizer.json of Hugging Face's tokenizers: BertNormalizer or what amounts to it, BertPreTokenizer and WordPiece;
   any other goes to tokenizer_json_pipeline.c. Truncation and padding are left out: the caller's capacity decides. */
#include "models/tokenizer_tables.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TOKEN = 4096 };

/* Lays the pieces out in id order, one per line. */
static tern_status read_vocab(struct tern_tokenizer_source *source, json_t *vocab, tern_error *err)
{
    size_t n = json_object_size(vocab), total = 0, at = 0;
    const char *label = source->label, *piece, **pieces;
    tern_status status = TERN_OK;
    json_t *value;

    if (!json_is_object(vocab) || n == 0)
        return tern_fail(err, TERN_FORMAT, "%s: model.vocab is no object with pieces", label);
    if (n > TERN_MAX_PIECES)
        return tern_fail(err, TERN_FORMAT, "%s: model.vocab has %zu pieces, the limit is %d", label, n,
                         TERN_MAX_PIECES);
    pieces = calloc(n, sizeof *pieces);
    if (pieces == NULL)
        return tern_fail_nomem(err, "the vocabulary", n * sizeof *pieces);
    json_object_foreach(vocab, piece, value)
    {
        json_int_t id = json_integer_value(value);
        if (!json_is_integer(value) || id < 0)
            status = tern_fail(err, TERN_FORMAT, "%s: piece \"%.64s\" has no id", label, piece);
        else if ((uint64_t)id >= n)
            status =
                tern_fail(err, TERN_FORMAT, "%s: piece \"%.64s\" has id %lld among %zu pieces: ids must have no gaps",
                          label, piece, (long long)id, n);
        else if (pieces[id])
            status = tern_fail(err, TERN_FORMAT, "%s: pieces \"%.64s\" and \"%.64s\" have the same id %lld", label,
                               pieces[id], piece, (long long)id);
        else if (strchr(piece, '\n'))
            status = tern_fail(err, TERN_FORMAT, "%s: piece %lld has a line break", label, (long long)id);
        if (status != TERN_OK)
            goto done;
        pieces[id] = piece;
        total += strlen(piece) + 1;
    }
    source->vocabulary = malloc(total);
    if (source->vocabulary == NULL) {
        status = tern_fail_nomem(err, "the vocabulary", total);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(pieces[i]);
        memcpy(source->vocabulary + at, pieces[i], length);
        source->vocabulary[at + length] = '\n';
        at += length + 1;
    }
    source->bytes = total;
done:
    free(pieces);
    return status;
}

/* The text of a token, in the vocabulary or behind it. */
static const char *text_of(const struct tern_tokenizer_source *source, int32_t id, char *room, size_t bytes)
{
    const json_t *list = json_object_get(source->settings, "added");
    const uint32_t *offsets = source->pieces.offsets;

    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_integer_value(json_object_get(json_array_get(list, i), "id")) == id)
            return json_string_value(json_object_get(json_array_get(list, i), "content"));
    if ((uint32_t)id >= source->pieces.count || offsets[id + 1] - offsets[id] > bytes)
        return NULL;
    const size_t n = offsets[id + 1] - 1 - offsets[id];
    memcpy(room, source->vocabulary + offsets[id], n);
    room[n] = '\0';
    return room;
}

/* [CLS] and [SEP] are those of the template of a single text. */
static tern_status read_role(struct tern_tokenizer_source *source, enum tern_role role,
                             const struct tern_specials *specials, tern_error *err)
{
    char room[MAX_TOKEN];
    const char *content = text_of(source, specials->ids[0], room, sizeof room);

    return content ? tern_source_role(source, role, content, specials->ids[0], err)
                   : tern_fail(err, TERN_FORMAT, "%s: the %s token of post_processor has no piece", source->label,
                               tern_role_names[role]);
}

/* A template that is not BERT's goes into the settings as it is. */
static tern_status read_processor(struct tern_tokenizer_source *source, const json_t *root, tern_error *err)
{
    json_t *processor = json_object_get(root, "post_processor");
    struct tern_templates t;
    tern_status status = tern_templates_read(&t, processor, (int32_t)source->count, source->label, err);

    if (status == TERN_OK)
        status = read_role(source, TERN_CLS, &t.single.before, err);
    if (status == TERN_OK)
        status = read_role(source, TERN_SEP, &t.single.between, err);
    if (status == TERN_OK && !tern_templates_are_bert(&t, t.single.before.ids[0], t.single.between.ids[0]) &&
        json_object_set_new(source->settings, "post_processor", json_deep_copy(processor)) != 0)
        status = tern_fail_nomem(err, "the tokenizer's settings", sizeof(json_t));
    return status;
}

static tern_status read_added(struct tern_tokenizer_source *source, const json_t *list, tern_error *err)
{
    tern_status status = TERN_OK;

    for (size_t i = 0; i < json_array_size(list) && status == TERN_OK; i++) {
        const json_t *item = json_array_get(list, i);
        const char *content = NULL;
        uint32_t flags = 0;
        int32_t id = -1;
        status = tern_json_get_string(item, "content", 1, &content, source->label, err);
        if (status == TERN_OK)
            status = tern_json_get_int(item, "id", 1, 0, TERN_MAX_PIECES - 1, &id, source->label, err);
        if (status == TERN_OK)
            status = tern_added_flags(item, 1, &flags, source->label, err);
        if (status == TERN_OK)
            status = tern_source_add(source, content, flags, id, err);
    }
    return status;
}

/* The model's own checks: what WordPiece is to do must be what BERT does. */
static tern_status read_model(struct tern_tokenizer_source *source, const json_t *model, const char **unk,
                              int32_t *max_chars, tern_error *err)
{
    const char *prefix = "##";
    tern_status status;

    status = tern_json_get_string(model, "continuing_subword_prefix", 1, &prefix, source->label, err);
    if (status == TERN_OK && strcmp(prefix, "##") != 0)
        return tern_fail(err, TERN_FORMAT, "%s: continuing_subword_prefix is \"%.64s\", only \"##\" is supported",
                         source->label, prefix);
    if (status == TERN_OK)
        status =
            tern_json_get_int(model, "max_input_chars_per_word", 1, 1, TERN_MAX_WORD, max_chars, source->label, err);
    if (status == TERN_OK)
        status = tern_json_get_string(model, "unk_token", 1, unk, source->label, err);
    if (status == TERN_OK)
        status = read_vocab(source, json_object_get(model, "vocab"), err);
    return status;
}

static const char *type_of(const json_t *root, const char *key)
{
    const char *type = json_string_value(json_object_get(json_object_get(root, key), "type"));
    return type ? type : "none";
}

/* Whether tokenizer.c does what this pipeline says: what it cannot express goes to pipeline.c. */
static int is_bert(const json_t *root)
{
    const json_t *model = json_object_get(root, "model");
    const char *prefix = json_string_value(json_object_get(model, "continuing_subword_prefix"));
    const json_int_t most = json_integer_value(json_object_get(model, "max_input_chars_per_word"));
    struct tern_templates t;

    if (strcmp(type_of(root, "model"), "WordPiece") != 0 ||
        strcmp(type_of(root, "pre_tokenizer"), "BertPreTokenizer") != 0)
        return 0;
    if (!prefix || strcmp(prefix, "##") != 0 || most < 1 || most > TERN_MAX_WORD)
        return 0;
    return tern_normalizer_is_bert(json_object_get(root, "normalizer")) &&
           !tern_templates_read(&t, json_object_get(root, "post_processor"), TERN_MAX_PIECES, "", NULL) &&
           t.single.before.n == 1 && t.single.between.n == 1 && !t.trims;
}

tern_status tern_tokenizer_from_json(struct tern_tokenizer_source *source, const json_t *root, const json_t *config,
                                     tern_error *err)
{
    struct tern_case_rules rules;
    const char *label = source->label, *unk = NULL, *pad;
    int32_t max_chars = 0;

    if (!is_bert(root))
        return tern_pipeline_from_json(source, root, config, err);
    tern_status status = tern_case_rules_from_json(&rules, json_object_get(root, "normalizer"), config, label, err);
    if (status == TERN_OK)
        status = read_model(source, json_object_get(root, "model"), &unk, &max_chars, err);
    if (status == TERN_OK)
        status = tern_source_begin(source, &rules, max_chars, err);
    if (status == TERN_OK)
        status = tern_source_role(source, TERN_UNK, unk, -1, err);
    if (status == TERN_OK)
        status = read_added(source, json_object_get(root, "added_tokens"), err);
    if (status == TERN_OK)
        status = read_processor(source, root, err);
    /* Not needed to tokenize. */
    const json_t *const value = json_object_get(config, "mask_token");
    const char *const mask = json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
    pad = json_string_value(json_object_get(json_object_get(root, "padding"), "pad_token"));
    for (int r = TERN_ROLES_NEEDED; r < TERN_ROLES && status == TERN_OK; r++) {
        const char *const given = r == TERN_PAD ? pad : mask, *const name = given ? given : tern_role_defaults[r];
        if (tern_pieces_find(&source->pieces, (const uint8_t *)name, strlen(name)) >= 0)
            status = tern_source_role(source, (enum tern_role)r, name, -1, err);
    }
    return status;
}
