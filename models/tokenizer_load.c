/* Finds and reads the files of a tokenizer: a checkpoint directory, one tokenizer.json, or one vocab.txt. */
#include "models/tokenizer_private.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_VOCABULARY = 1 << 28, /* bytes of vocab.txt and tokenizer.json; the largest of BERT's is 3 MB */
    MAX_CONFIG = 1 << 24,
    MAX_PATH = 4096,
    MAX_ADDITIONAL = 1024 /* each is compared with all others */
};

/* Lines as Python's text files have them ("\r\n" and "\r" end a line too), each ended by '\n'. */
static void unify_lines(struct tern_tokenizer_source *source)
{
    char *bytes = source->vocabulary;
    size_t n = source->bytes, out = 0;

    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\r') {
            bytes[out++] = '\n';
            if (i + 1 < n && bytes[i + 1] == '\n')
                i++;
        } else {
            bytes[out++] = bytes[i];
        }
    }
    if (out > 0 && bytes[out - 1] != '\n')
        bytes[out++] = '\n'; /* at most over the terminating zero of tern_read_text */
    source->bytes = out;
}

/* A special token in a configuration: its text, or an object with its text and flags. */
static tern_status read_token(const json_t *value, const char **content, uint32_t *flags, const char *label,
                              tern_error *err)
{
    tern_status status;

    *flags = TERN_ADDED_SPECIAL;
    if (json_is_string(value)) {
        *content = json_string_value(value);
        return TERN_OK;
    }
    if (!json_is_object(value))
        return tern_fail(err, TERN_FORMAT, "%s: a special token is neither a string nor an object", label);
    status = tern_json_get_string(value, "content", 1, content, label, err);
    if (status == TERN_OK)
        status = tern_added_flags(value, 0, flags, label, err);
    *flags |= TERN_ADDED_SPECIAL;
    return status;
}

/* tokenizer_config.json's "added_tokens_decoder": {"100": {"content": "[UNK]", ...}, ...}. Ids in rising order, since
   those beyond the vocabulary are appended to it. */
static tern_status add_decoder(struct tern_tokenizer_source *source, const json_t *decoder, tern_error *err)
{
    size_t n = json_object_size(decoder);
    tern_status status = TERN_OK;
    char key[16];

    for (int32_t id = 0; n > 0 && status == TERN_OK; id++) {
        const char *content = NULL;
        uint32_t flags = 0;
        int32_t special = 0;
        if ((uint32_t)id > source->count)
            return tern_fail(err, TERN_FORMAT,
                             "%s: added_tokens_decoder has a key that is no id, or a gap before its id", source->label);
        snprintf(key, sizeof key, "%d", (int)id);
        const json_t *item = json_object_get(decoder, key);
        if (item == NULL)
            continue;
        n--;
        status = tern_json_get_string(item, "content", 1, &content, source->label, err);
        if (status == TERN_OK)
            status = tern_json_get_bool(item, "special", 0, &special, source->label, err);
        flags = special ? TERN_ADDED_SPECIAL : TERN_ADDED_NORMALIZED; /* the default of "normalized" */
        if (status == TERN_OK)
            status = tern_added_flags(item, 0, &flags, source->label, err);
        if (status == TERN_OK)
            status = tern_source_add(source, content, flags, id, err);
    }
    return status;
}

/* special_tokens_map.json counts for more than tokenizer_config.json, but is ignored beside added_tokens_decoder. */
static const json_t *config_value(const json_t *config, const json_t *special, const char *key)
{
    const json_t *value = json_object_get(special, key);

    if (value == NULL || json_is_null(value))
        value = json_object_get(config, key);
    return value && !json_is_null(value) ? value : NULL;
}

static tern_status add_specials(struct tern_tokenizer_source *source, const json_t *config, const json_t *special,
                                tern_error *err)
{
    tern_status status = TERN_OK;

    for (int r = 0; r < TERN_ROLES && status == TERN_OK; r++) {
        const char *content = tern_role_defaults[r];
        uint32_t flags = TERN_ADDED_SPECIAL;
        char key[16];
        snprintf(key, sizeof key, "%s_token", tern_role_names[r]);
        const json_t *value = config_value(config, special, key);
        if (value)
            status = read_token(value, &content, &flags, source->label, err);
        if (status != TERN_OK)
            return status;
        if (tern_pieces_find(&source->pieces, (const uint8_t *)content, strlen(content)) < 0) {
            if (r >= TERN_ROLES_NEEDED)
                continue;
            return tern_fail(err, TERN_FORMAT, "%s: the %s token \"%.64s\" is not in the vocabulary", source->label,
                             tern_role_names[r], content);
        }
        status = tern_source_role(source, (enum tern_role)r, content, -1, err);
        if (status == TERN_OK && !tern_source_has(source, content))
            status = tern_source_add(source, content, flags, -1, err);
    }
    const json_t *more = config_value(config, special, "additional_special_tokens");
    if (json_array_size(more) > MAX_ADDITIONAL)
        return tern_fail(err, TERN_FORMAT, "%s: %zu additional_special_tokens, the limit is %d", source->label,
                         json_array_size(more), MAX_ADDITIONAL);
    for (size_t i = 0; i < json_array_size(more) && status == TERN_OK; i++) {
        const char *content = NULL;
        uint32_t flags = 0;
        status = read_token(json_array_get(more, i), &content, &flags, source->label, err);
        if (status == TERN_OK && !tern_source_has(source, content))
            status = tern_source_add(source, content, flags, -1, err);
    }
    return status;
}

tern_status tern_tokenizer_from_vocab(struct tern_tokenizer_source *source, const json_t *config, const json_t *special,
                                      tern_error *err)
{
    static const char *const classes[] = {"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer"};
    const json_t *decoder = json_object_get(config, "added_tokens_decoder");
    struct tern_case_rules rules = {1, 1, 1, -1};
    const char *class = classes[0];
    int known = 0;
    tern_status status = tern_json_get_string(config, "tokenizer_class", 0, &class, source->label, err);

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        size_t n = strlen(classes[i]);
        known |= strncmp(class, classes[i], n) == 0 && (class[n] == '\0' || strcmp(class + n, "Fast") == 0);
    }
    if (status == TERN_OK && !known)
        return tern_fail(err, TERN_FORMAT,
                         "%s: tokenizer_class is %.64s, only BERT's, DistilBERT's and ELECTRA's are "
                         "supported",
                         source->label, class);
    unify_lines(source);
    if (status == TERN_OK)
        status = tern_case_rules_override(&rules, config, source->label, err);
    if (status == TERN_OK)
        status = tern_source_begin(source, &rules, 100, err);
    if (status == TERN_OK)
        status = add_decoder(source, decoder, err);
    if (status == TERN_OK)
        status = add_specials(source, config, decoder ? NULL : special, err);
    return status;
}

/* An optional file of the directory; NULL when it is not there. */
static tern_status read_optional(json_t **out, const char *directory, const char *name, size_t limit, tern_error *err)
{
    char path[MAX_PATH];
    tern_status status = tern_join_path(path, sizeof path, directory, name, err);

    *out = NULL;
    if (status == TERN_OK)
        status = tern_json_read_file(out, path, limit, 1, err);
    if (status == TERN_OK && *out && !json_is_object(*out))
        status = tern_fail(err, TERN_FORMAT, "%s: not a JSON object", path);
    return status;
}

static tern_status read_directory(struct tern_tokenizer_source *source, const char *directory, tern_error *err)
{
    json_t *root = NULL, *config = NULL, *special = NULL, *old = NULL;
    char path[MAX_PATH];
    tern_status status = read_optional(&root, directory, "tokenizer.json", MAX_VOCABULARY, err);

    if (status == TERN_OK)
        status = read_optional(&config, directory, "tokenizer_config.json", MAX_CONFIG, err);
    if (status == TERN_OK && root) {
        status = tern_tokenizer_from_json(source, root, config, err);
        goto done;
    }
    if (status == TERN_OK)
        status = read_optional(&special, directory, "special_tokens_map.json", MAX_CONFIG, err);
    if (status == TERN_OK)
        status = read_optional(&old, directory, "added_tokens.json", MAX_CONFIG, err);
    if (status == TERN_OK && json_object_size(old) > 0 && !json_object_get(config, "added_tokens_decoder"))
        status = tern_fail(err, TERN_FORMAT,
                           "%s: added_tokens.json is not supported: save the tokenizer as "
                           "tokenizer.json",
                           directory);
    if (status == TERN_OK)
        status = tern_join_path(path, sizeof path, directory, "vocab.txt", err);
    if (status == TERN_OK)
        status = tern_read_text(&source->vocabulary, &source->bytes, path, MAX_VOCABULARY, 1, err);
    if (status == TERN_OK && source->vocabulary == NULL)
        status = tern_fail(err, TERN_IO, "%s: neither tokenizer.json nor vocab.txt is there", directory);
    if (status == TERN_OK)
        status = tern_tokenizer_from_vocab(source, config, special, err);
done:
    json_decref(root);
    json_decref(config);
    json_decref(special);
    json_decref(old);
    return status;
}

static tern_status read_file(struct tern_tokenizer_source *source, const char *path, tern_error *err)
{
    size_t n = strlen(path);
    tern_status status;

    if (n > 5 && strcmp(path + n - 5, ".json") == 0) {
        json_t *root = NULL;
        status = tern_json_read_file(&root, path, MAX_VOCABULARY, 0, err);
        if (status == TERN_OK)
            status = tern_tokenizer_from_json(source, root, NULL, err);
        json_decref(root);
        return status;
    }
    status = tern_read_text(&source->vocabulary, &source->bytes, path, MAX_VOCABULARY, 0, err);
    return status == TERN_OK ? tern_tokenizer_from_vocab(source, NULL, NULL, err) : status;
}

tern_status tern_tokenizer_open(tern_tokenizer **out, const char *path, tern_error *err)
{
    struct tern_tokenizer_source source = {.label = path};
    tern_status status;

    *out = NULL;
    status = tern_is_directory(path) ? read_directory(&source, path, err) : read_file(&source, path, err);
    if (status == TERN_OK) {
        status = tern_tokenizer_build(out, source.vocabulary, source.bytes, 1, source.settings, path, err);
        source.vocabulary = NULL;
    }
    tern_pieces_free(&source.pieces);
    free(source.vocabulary);
    json_decref(source.settings);
    return status;
}
