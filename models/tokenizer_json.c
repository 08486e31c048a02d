/* tokenizer.json of Hugging Face's tokenizers: BertNormalizer, BertPreTokenizer, WordPiece, [CLS] A [SEP] B [SEP].
   Truncation and padding are left out: the caller's capacity decides. */
#include "models/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

/* The object `key` of the tokenizer, whose "type" must be `type`. */
static tern_status get_part(const json_t **out, const json_t *root, const char *key, const char *type,
                            const char *label, tern_error *err)
{
    const char *found = "none";
    tern_status status = TERN_OK;

    *out = json_object_get(root, key);
    if (json_is_object(*out))
        status = tern_json_get_string(*out, "type", 1, &found, label, err);
    if (status == TERN_OK && strcmp(found, type) != 0)
        return tern_fail(err, TERN_FORMAT, "%s: %s is %.64s, only %s is supported", label, key, found, type);
    return status;
}

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

/* One step of a template: {"Sequence": {"id": "A", "type_id": 0}} or the same with "SpecialToken"; NULL if it is not.
 */
static const char *template_step(const json_t *step, const char *kind, int type)
{
    const json_t *inner = json_object_get(step, kind);
    const json_t *type_id = json_object_get(inner, "type_id");

    if (!json_is_integer(type_id) || json_integer_value(type_id) != type)
        return NULL;
    return json_string_value(json_object_get(inner, "id"));
}

/* 1 if `steps` is CLS A SEP, and then B SEP of type 1 if there are five. */
static int template_is_bert(const json_t *steps, size_t n, const char **cls, const char **sep)
{
    const char *step[5] = {NULL};

    if (json_array_size(steps) != n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        step[i] = template_step(json_array_get(steps, i), i % 2 ? "Sequence" : "SpecialToken", i > 2);
        if (step[i] == NULL)
            return 0;
    }
    *cls = step[0];
    *sep = step[2];
    return strcmp(step[1], "A") == 0 && (n == 3 || (strcmp(step[3], "B") == 0 && strcmp(step[4], step[2]) == 0));
}

/* A special token of a template stands for a list of ids; ours must be one. */
static tern_status template_role(struct tern_tokenizer_source *source, enum tern_role role, const json_t *processor,
                                 const char *name, tern_error *err)
{
    const json_t *token = json_object_get(json_object_get(processor, "special_tokens"), name);
    const json_t *ids = json_object_get(token, "ids"), *names = json_object_get(token, "tokens");
    const json_t *id = json_array_get(ids, 0);
    const char *content = json_string_value(json_array_get(names, 0));

    if (json_array_size(ids) != 1 || json_array_size(names) != 1 || content == NULL || !json_is_integer(id) ||
        json_integer_value(id) < 0 || json_integer_value(id) >= TERN_MAX_PIECES)
        return tern_fail(err, TERN_FORMAT, "%s: special token \"%.64s\" of post_processor is not one token with its id",
                         source->label, name);
    return tern_source_role(source, role, content, (int32_t)json_integer_value(id), err);
}

static tern_status bert_role(struct tern_tokenizer_source *source, enum tern_role role, const json_t *processor,
                             tern_error *err)
{
    const json_t *token = json_object_get(processor, tern_role_names[role]);
    const char *content = json_string_value(json_array_get(token, 0));
    const json_t *id = json_array_get(token, 1);

    if (json_array_size(token) != 2 || content == NULL || !json_is_integer(id) || json_integer_value(id) < 0 ||
        json_integer_value(id) >= TERN_MAX_PIECES)
        return tern_fail(err, TERN_FORMAT, "%s: %s of post_processor is not a token with its id", source->label,
                         tern_role_names[role]);
    return tern_source_role(source, role, content, (int32_t)json_integer_value(id), err);
}

static tern_status read_processor(struct tern_tokenizer_source *source, const json_t *root, tern_error *err)
{
    const json_t *processor = json_object_get(root, "post_processor");
    const char *type = json_string_value(json_object_get(processor, "type"));
    const char *cls = NULL, *sep = NULL, *pair_cls = NULL, *pair_sep = NULL;
    tern_status status;

    if (type && strcmp(type, "BertProcessing") == 0) {
        status = bert_role(source, TERN_CLS, processor, err);
        return status == TERN_OK ? bert_role(source, TERN_SEP, processor, err) : status;
    }
    if (type == NULL || strcmp(type, "TemplateProcessing") != 0)
        return tern_fail(err, TERN_FORMAT,
                         "%s: post_processor is %.64s, only TemplateProcessing and BertProcessing are supported",
                         source->label, type ? type : "none");
    if (!template_is_bert(json_object_get(processor, "single"), 3, &cls, &sep) ||
        !template_is_bert(json_object_get(processor, "pair"), 5, &pair_cls, &pair_sep) || strcmp(cls, pair_cls) != 0 ||
        strcmp(sep, pair_sep) != 0)
        return tern_fail(err, TERN_FORMAT, "%s: the template of post_processor is not [CLS] A [SEP] B [SEP]",
                         source->label);
    status = template_role(source, TERN_CLS, processor, cls, err);
    return status == TERN_OK ? template_role(source, TERN_SEP, processor, sep, err) : status;
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

tern_status tern_tokenizer_from_json(struct tern_tokenizer_source *source, const json_t *root, const json_t *config,
                                     tern_error *err)
{
    const json_t *normalizer = NULL, *words = NULL, *model = NULL;
    struct tern_case_rules rules = {1, 1, 1, -1};
    const char *label = source->label, *unk = NULL, *pad;
    int32_t max_chars = 0;
    tern_status status = get_part(&normalizer, root, "normalizer", "BertNormalizer", label, err);

    if (status == TERN_OK)
        status = get_part(&words, root, "pre_tokenizer", "BertPreTokenizer", label, err);
    if (status == TERN_OK)
        status = get_part(&model, root, "model", "WordPiece", label, err);
    if (status == TERN_OK)
        status = tern_json_get_bool(normalizer, "clean_text", 1, &rules.clean, label, err);
    if (status == TERN_OK)
        status = tern_json_get_bool(normalizer, "handle_chinese_chars", 1, &rules.chinese, label, err);
    if (status == TERN_OK)
        status = tern_json_get_bool(normalizer, "strip_accents", 0, &rules.strip, label, err);
    if (status == TERN_OK)
        status = tern_json_get_bool(normalizer, "lowercase", 1, &rules.lower, label, err);
    if (status == TERN_OK)
        status = tern_case_rules_override(&rules, config, "tokenizer_config.json", err);
    if (status == TERN_OK)
        status = read_model(source, model, &unk, &max_chars, err);
    if (status == TERN_OK)
        status = tern_source_begin(source, &rules, max_chars, err);
    if (status == TERN_OK)
        status = tern_source_role(source, TERN_UNK, unk, -1, err);
    if (status == TERN_OK)
        status = read_processor(source, root, err);
    if (status == TERN_OK)
        status = read_added(source, json_object_get(root, "added_tokens"), err);
    /* Not needed to tokenize: told to whoever asks for the settings. */
    pad = json_string_value(json_object_get(json_object_get(root, "padding"), "pad_token"));
    for (int r = TERN_ROLES_NEEDED; r < TERN_ROLES && status == TERN_OK; r++) {
        const char *name = r == TERN_PAD && pad ? pad : tern_role_defaults[r];
        if (tern_pieces_find(&source->pieces, (const uint8_t *)name, strlen(name)) >= 0)
            status = tern_source_role(source, (enum tern_role)r, name, -1, err);
    }
    return status;
}
