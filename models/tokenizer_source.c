/* What tokenizer.json and vocab.txt have in common on their way to a tokenizer. */
#include "models/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

static tern_status no_memory(tern_error *err)
{
    return tern_fail_nomem(err, "the tokenizer's settings", sizeof(json_t));
}

tern_status tern_source_begin(struct tern_tokenizer_source *source, const struct tern_case_rules *rules,
                              int32_t max_chars, tern_error *err)
{
    int strip = rules->strip < 0 ? rules->lower : rules->strip;
    tern_status status = tern_pieces_build(&source->pieces, source->vocabulary, source->bytes, source->label, err);

    if (status != TERN_OK)
        return status;
    source->count = source->pieces.count;
    source->settings =
        json_pack("{s:b, s:b, s:b, s:b, s:i, s:i, s:[]}", "clean_text", (int)rules->clean, "chinese_chars",
                  (int)rules->chinese, "strip_accents", strip, "lower_case", rules->lower || source->lower_case,
                  "max_word_chars", (int)max_chars, "model_pieces", (int)source->count, "added");
    return source->settings ? TERN_OK : no_memory(err);
}

/* A key that is there, if only as null, overrides: "strip_accents": null means "as lower case". */
tern_status tern_case_rules_override(struct tern_case_rules *rules, const json_t *config, const char *label,
                                     tern_error *err)
{
    const json_t *strip = json_object_get(config, "strip_accents");
    tern_status status = tern_json_get_bool(config, "do_lower_case", 0, &rules->lower, label, err);

    if (status == TERN_OK)
        status = tern_json_get_bool(config, "tokenize_chinese_chars", 0, &rules->chinese, label, err);
    if (strip)
        rules->strip = -1;
    if (status == TERN_OK)
        status = tern_json_get_bool(config, "strip_accents", 0, &rules->strip, label, err);
    return status;
}

tern_status tern_source_role(struct tern_tokenizer_source *source, enum tern_role role, const char *content, int32_t id,
                             tern_error *err)
{
    json_t *token =
        id < 0 ? json_pack("{s:s}", "content", content) : json_pack("{s:s, s:i}", "content", content, "id", (int)id);

    if (token == NULL || json_object_set_new(source->settings, tern_role_names[role], token) != 0)
        return no_memory(err);
    return TERN_OK;
}

static tern_status append_piece(struct tern_tokenizer_source *source, const char *content, size_t n, tern_error *err)
{
    char *grown;

    if (source->bytes > SIZE_MAX - n - 1)
        return tern_fail(err, TERN_FORMAT, "%s: the vocabulary is too long", source->label);
    grown = realloc(source->vocabulary, source->bytes + n + 1);
    if (grown == NULL)
        return tern_fail_nomem(err, "the vocabulary", source->bytes + n + 1);
    source->vocabulary = grown;
    source->pieces.bytes = grown;
    memcpy(grown + source->bytes, content, n);
    grown[source->bytes + n] = '\n';
    source->bytes += n + 1;
    source->count++;
    return TERN_OK;
}

int tern_source_has(const struct tern_tokenizer_source *source, const char *content)
{
    const json_t *list = json_object_get(source->settings, "added"), *item;
    size_t i;

    json_array_foreach(list, i,
                       item) if (strcmp(json_string_value(json_object_get(item, "content")), content) == 0) return 1;
    return 0;
}

/* Hugging Face numbers an added token that is no piece of the model after all others. A token that is added twice is
   found when the tokenizer is built: it has the same id, or appends the same piece. */
tern_status tern_source_add(struct tern_tokenizer_source *source, const char *content, uint32_t flags, int32_t id,
                            tern_error *err)
{
    json_t *list = json_object_get(source->settings, "added");
    size_t n = strlen(content);
    int32_t own = tern_pieces_find(&source->pieces, (const uint8_t *)content, n);
    tern_status status;

    if (n == 0 || strchr(content, '\n') != NULL)
        return tern_fail(err, TERN_FORMAT, "%s: an added token is empty or has a line break", source->label);
    if (own < 0) {
        own = (int32_t)source->count;
        /* Hugging Face counts equal lines once, and gives the token the id of another piece */
        const uint32_t doubled = id < 0 ? tern_pieces_doubled(&source->pieces) : 0;
        if (doubled > 0)
            return tern_fail(
                err, TERN_FORMAT,
                "%s: %u lines of the vocabulary are there twice, so that added token \"%.64s\" has no id of "
                "its own; say its id in added_tokens.json",
                source->label, (unsigned)doubled, content);
        status = append_piece(source, content, n, err);
        if (status != TERN_OK)
            return status;
    }
    return tern_added_put(list, content, flags, id, own, source->label, err);
}
