/* Finds and reads the files of a tokenizer: a checkpoint directory, one tokenizer.json, or one vocab.txt. */
#include "models/sentence_folder.h"
#include "models/tokenizer_bare.h"
#include "models/tokenizer_tables.h"
#include "runtime/base/file.h"
#include "runtime/base/file_kind.h"

#include <limits.h>
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

/* A token of "added_tokens_decoder": {"content": "[UNK]", ...}. */
static tern_status read_decoded(const json_t *item, const char **content, uint32_t *flags, const char *label,
                                tern_error *err)
{
    int32_t special = 0;
    tern_status status = tern_json_get_string(item, "content", 1, content, label, err);
    if (status == TERN_OK)
        status = tern_json_get_bool(item, "special", 0, &special, label, err);
    *flags = special ? TERN_ADDED_SPECIAL : TERN_ADDED_NORMALIZED; /* the default of "normalized" */
    return status == TERN_OK ? tern_added_flags(item, 0, flags, label, err) : status;
}

/* Names the token of `decoder` that has no number, or else the first one behind the gap at `missing`. */
static tern_status fail_ids(const json_t *decoder, int missing, const char *file, const char *label, tern_error *err)
{
    const char *key, *found = NULL, *content;
    long least = LONG_MAX;
    json_t *item;

    json_object_foreach((json_t *)(uintptr_t)decoder, key, item)
    {
        const long number = strtol(key, NULL, 10);
        char again[24];
        snprintf(again, sizeof again, "%ld", number);
        content = json_string_value(json_object_get(item, "content"));
        if (number < 0 || strcmp(again, key) != 0)
            return tern_fail(err, TERN_FORMAT,
                             "%s: %s: the id of added token \"%.64s\" is \"%.20s\", which is no number", label, file,
                             content ? content : "", key);
        if (number > missing && number < least) {
            least = number;
            found = content;
        }
    }
    return tern_fail(err, TERN_FORMAT, "%s: %s: added token \"%.64s\" has id %ld, but no token has id %d", label, file,
                     found ? found : "", least, missing);
}

/* The added tokens by their ids: tokenizer_config.json's "added_tokens_decoder", {"100": {"content": "[UNK]", ...},
   ...}. Ids in rising order, since those beyond the vocabulary are appended to it. `file` is for messages. */
static tern_status add_decoder(struct tern_tokenizer_source *source, const json_t *decoder, const char *file,
                               tern_error *err)
{
    size_t n = json_object_size(decoder);
    tern_status status = TERN_OK;
    char key[16];

    for (int32_t id = 0; n > 0 && status == TERN_OK; id++) {
        const char *content = NULL;
        uint32_t flags = 0;
        if ((uint32_t)id > source->count)
            return fail_ids(decoder, (int)source->count, file, source->label, err);
        snprintf(key, sizeof key, "%d", (int)id);
        const json_t *item = json_object_get(decoder, key);
        if (item == NULL)
            continue;
        n--;
        status = read_decoded(item, &content, &flags, source->label, err);
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

/* Special tokens beside those of the roles; transformers 5 calls them by another name. */
static const json_t *more_specials(const json_t *config, const json_t *special)
{
    const json_t *more = config_value(config, special, "additional_special_tokens");

    return more ? more : config_value(config, special, "extra_special_tokens");
}

/* Special token i: of a role, from TERN_ROLES on of the others. NULL: the configurations have none. */
static const json_t *special_token(size_t i, const json_t *config, const json_t *special)
{
    char key[16];
    if (i >= TERN_ROLES)
        return json_array_get(more_specials(config, special), i - TERN_ROLES);
    snprintf(key, sizeof key, "%s_token", tern_role_names[i]);
    return config_value(config, special, key);
}

/* The number of them, or TERN_FORMAT. */
static tern_status count_specials(size_t *n, const json_t *config, const json_t *special, const char *label,
                                  tern_error *err)
{
    const json_t *more = more_specials(config, special);
    const size_t others = json_array_size(more);
    *n = TERN_ROLES + others;
    if (json_object_size(more) > 0 || (more && !json_is_array(more) && !json_is_object(more)))
        return tern_fail(err, TERN_FORMAT, "%s: only a list of additional or extra special tokens is supported", label);
    if (others > MAX_ADDITIONAL)
        return tern_fail(err, TERN_FORMAT, "%s: %zu additional_special_tokens, the limit is %d", label, others,
                         MAX_ADDITIONAL);
    return TERN_OK;
}

static tern_status add_specials(struct tern_tokenizer_source *source, const json_t *config, const json_t *special,
                                tern_error *err)
{
    size_t n = 0;
    tern_status status = count_specials(&n, config, special, source->label, err);

    for (size_t i = 0; i < n && status == TERN_OK; i++) {
        const int is_role = i < TERN_ROLES;
        const char *content = is_role ? tern_role_defaults[i] : NULL;
        uint32_t flags = TERN_ADDED_SPECIAL;
        const json_t *value = special_token(i, config, special);
        if (value)
            status = read_token(value, &content, &flags, source->label, err);
        if (status != TERN_OK)
            return status;
        if (is_role && tern_pieces_find(&source->pieces, (const uint8_t *)content, strlen(content)) < 0) {
            if (i >= TERN_ROLES_NEEDED)
                continue;
            return tern_fail(err, TERN_FORMAT, "%s: the %s token \"%.64s\" is not in the vocabulary", source->label,
                             tern_role_names[i], content);
        }
        if (is_role)
            status = tern_source_role(source, (enum tern_role)i, content, -1, err);
        if (status == TERN_OK && !tern_source_has(source, content))
            status = tern_source_add(source, content, flags, -1, err);
    }
    return status;
}

/* Whether a configuration names the token as one of its special ones; what is wrong with them add_specials says. */
static int is_special(const char *content, const json_t *config, const json_t *special)
{
    size_t n;
    int found = 0;

    (void)count_specials(&n, config, special, "", NULL);
    for (size_t i = 0; i < n; i++) {
        const char *name = i < TERN_ROLES ? tern_role_defaults[i] : "";
        uint32_t flags;
        const json_t *value = special_token(i, config, special);
        found |= (!value || read_token(value, &name, &flags, "", NULL) == TERN_OK) && strcmp(name, content) == 0;
    }
    return found;
}

/* added_tokens.json, {"<x>": 100, ...}, in the form of added_tokens_decoder. A token is looked for in the normalised
   text unless it is a special one. */
static tern_status decoder_of(json_t **out, const json_t *old, const json_t *config, const json_t *special,
                              const char *label, tern_error *err)
{
    const char *content;
    json_t *id;

    *out = json_object();
    if (*out == NULL)
        return tern_fail_nomem(err, label, sizeof(json_t));
    json_object_foreach((json_t *)(uintptr_t)old, content, id)
    {
        char key[24];
        json_t *token;
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= TERN_MAX_PIECES)
            return tern_fail(err, TERN_FORMAT, "%s: added_tokens.json gives \"%.64s\" no id", label, content);
        snprintf(key, sizeof key, "%d", (int)json_integer_value(id));
        if (json_object_get(*out, key))
            return tern_fail(err, TERN_FORMAT, "%s: added_tokens.json gives two tokens the id %s", label, key);
        token = json_pack("{s:s, s:b}", "content", content, "special", is_special(content, config, special));
        if (token == NULL || json_object_set_new(*out, key, token) != 0)
            return tern_fail_nomem(err, label, sizeof(json_t));
    }
    return TERN_OK;
}

tern_status tern_tokenizer_from_vocab(struct tern_tokenizer_source *source, const json_t *config, const json_t *special,
                                      const json_t *old, tern_error *err)
{
    static const char *const classes[] = {"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer"};
    const json_t *decoder = json_object_get(config, "added_tokens_decoder");
    struct tern_case_rules rules = {1, 1, 1, -1};
    json_t *converted = NULL;
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
    if (status == TERN_OK && !decoder && json_object_size(old) > 0)
        status = decoder_of(&converted, old, config, special, source->label, err);
    if (status == TERN_OK)
        status = add_decoder(source, decoder ? decoder : converted,
                             decoder ? "tokenizer_config.json" : "added_tokens.json", err);
    if (status == TERN_OK)
        status = add_specials(source, config, decoder ? NULL : special, err);
    json_decref(converted);
    return status;
}

/* ---- What lies beside tokenizer.json ---- */

/* Hugging Face would add the token to those of tokenizer.json, or change its flags (`flags` NULL: it would not). `own`
   has these by their content. */
static tern_status check_token(const json_t *own, const char *content, json_int_t id, const uint32_t *flags,
                               const char *file, const char *label, tern_error *err)
{
    const json_t *item = json_object_get(own, content);
    const char *is = item ? NULL : "is not among the added_tokens of tokenizer.json";
    uint32_t own_flags = 0;
    tern_status status = TERN_OK;

    if (item && id >= 0 && id != json_integer_value(json_object_get(item, "id")))
        is = "has another id than in tokenizer.json";
    if (item && flags)
        status = tern_added_flags(item, 1, &own_flags, label, err);
    if (item && flags && own_flags != *flags)
        is = "has other flags than in tokenizer.json";
    if (status != TERN_OK || !is)
        return status;
    return tern_fail(err, TERN_FORMAT,
                     "%s: %s: token \"%.64s\" %s; load the tokenizer with transformers and save it again "
                     "(save_pretrained)",
                     label, file, content, is);
}

/* The added tokens of the settings by their content. */
static tern_status by_content(json_t **out, const struct tern_tokenizer_source *source, tern_error *err)
{
    const json_t *list = json_object_get(source->settings, "added");
    int failed = (*out = json_object()) == NULL;
    for (size_t i = 0; i < json_array_size(list) && !failed; i++) {
        json_t *item = json_array_get(list, i);
        failed = json_object_set(*out, json_string_value(json_object_get(item, "content")), item);
    }
    return failed ? tern_fail_nomem(err, "added tokens", sizeof(json_t)) : TERN_OK;
}

/* The added and special tokens that the files beside tokenizer.json name are its own. Which files count is as for
   vocab.txt. */
static tern_status check_beside(const struct tern_tokenizer_source *source, const json_t *config, const json_t *special,
                                const json_t *old, tern_error *err)
{
    static const char in_config[] = "tokenizer_config.json", in_old[] = "added_tokens.json",
                      in_either[] = "tokenizer_config.json or special_tokens_map.json";
    const json_t *decoder = json_object_get(config, "added_tokens_decoder"), *value;
    const char *key, *content = NULL, *label = source->label;
    json_t *own = NULL, *item;
    uint32_t flags;
    size_t n = 0;
    tern_status status = by_content(&own, source, err);

    json_object_foreach((json_t *)(uintptr_t)decoder, key, item)
    {
        if (status == TERN_OK)
            status = read_decoded(item, &content, &flags, label, err);
        if (status == TERN_OK)
            status = check_token(own, content, strtol(key, NULL, 10), &flags, in_config, label, err);
    }
    json_object_foreach((json_t *)(uintptr_t)(decoder ? NULL : old), content, item)
    {
        if (status == TERN_OK)
            status = check_token(own, content, json_integer_value(item), NULL, in_old, label, err);
    }
    special = decoder ? NULL : special;
    if (status == TERN_OK)
        status = count_specials(&n, config, special, label, err);
    for (size_t i = 0; i < n && status == TERN_OK; i++) {
        if ((value = special_token(i, config, special)) == NULL)
            continue;
        status = read_token(value, &content, &flags, label, err);
        if (status == TERN_OK)
            status = check_token(own, content, -1, NULL, special ? in_either : in_config, label, err);
    }
    json_decref(own);
    return status;
}

/* ---- Files ---- */

/* A vocabulary in source->vocabulary. Python reads a byte order mark as a part of the first token, which then is none
   that a text has. */
static tern_status read_vocabulary(struct tern_tokenizer_source *source, const char *path, int optional,
                                   tern_error *err)
{
    static const char mark[] = "\xef\xbb\xbf";
    const tern_status status = tern_read_text(&source->vocabulary, &source->bytes, path, MAX_VOCABULARY, optional, err);
    if (status == TERN_OK && source->vocabulary && strncmp(source->vocabulary, mark, strlen(mark)) == 0)
        return tern_fail(
            err, TERN_FORMAT,
            "%s: begins with a byte order mark, which would be a part of its first token; save it as UTF-8 "
            "without one",
            path);
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

/* The tokenizers that are neither tokenizer.json nor vocab.txt, by the files that they have. *done: there was one. */
static tern_status read_others(struct tern_tokenizer_source *source, const char *directory, const json_t *config,
                               int *done, tern_error *err)
{
    static const char *const models[] = {"sentencepiece.bpe.model", "spiece.model", "spm.model", "sentencepiece.model"};
    json_t *vocab = NULL, *root = NULL;
    char path[MAX_PATH], *bytes = NULL;
    size_t n = 0;
    tern_status status = TERN_OK;

    *done = 0;
    for (size_t i = 0; i < sizeof models / sizeof models[0] && !status && !*done; i++) {
        status = tern_join_path(path, sizeof path, directory, models[i], err);
        if (!status)
            status = tern_read_text(&bytes, &n, path, MAX_VOCABULARY, 1, err);
        if (status || !bytes)
            continue;
        *done = 1;
        status = read_optional(&root, directory, "config.json", MAX_CONFIG, err);
        if (!status)
            status = tern_tokenizer_from_sentencepiece(source, models[i], (const uint8_t *)bytes, n, config,
                                                       json_string_value(json_object_get(root, "model_type")), err);
        status = tern_fail_kind(status, bytes, n, path, err);
    }
    if (!status && !*done)
        status = read_optional(&vocab, directory, "vocab.json", MAX_VOCABULARY, err);
    if (!status && vocab)
        status = tern_join_path(path, sizeof path, directory, "merges.txt", err);
    if (!status && vocab)
        status = tern_read_text(&bytes, &n, path, MAX_VOCABULARY, 0, err);
    if (!status && vocab) {
        *done = 1;
        status = tern_tokenizer_from_merges(source, vocab, bytes, config, err);
    }
    json_decref(vocab);
    json_decref(root);
    free(bytes);
    return status;
}

/* Whether transformers' tokenizer gives no token types: its list of inputs has none, which is a TokenizersBackend's
   unless the file says otherwise. */
static int lacks_types(const json_t *config)
{
    const json_t *const names = json_object_get(config, "model_input_names");
    const char *const class = json_string_value(json_object_get(config, "tokenizer_class"));
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *const name = json_string_value(json_array_get(names, i));
        if (name && strcmp(name, "token_type_ids") == 0)
            return 0;
    }
    return json_array_size(names) || (class && strcmp(class, "TokenizersBackend") == 0);
}

/* The types of a template become 0. */
static int clear_types(json_t *processor)
{
    const char *key;
    json_t *value;
    size_t i;
    int failed = 0;

    json_object_foreach(processor, key, value) failed |=
        strcmp(key, "type_id") == 0 ? json_object_set_new(processor, key, json_integer(0)) != 0 : clear_types(value);
    json_array_foreach(processor, i, value) failed |= clear_types(value);
    return failed;
}

static tern_status read_directory(struct tern_tokenizer_source *source, const char *directory, tern_error *err)
{
    json_t *root = NULL, *config = NULL, *special = NULL, *old = NULL;
    char path[MAX_PATH];
    tern_status status = read_optional(&root, directory, "tokenizer.json", MAX_VOCABULARY, err);

    if (status == TERN_OK)
        status = read_optional(&config, directory, "tokenizer_config.json", MAX_CONFIG, err);
    if (status == TERN_OK)
        status = read_optional(&special, directory, "special_tokens_map.json", MAX_CONFIG, err);
    if (status == TERN_OK)
        status = read_optional(&old, directory, "added_tokens.json", MAX_CONFIG, err);
    if (status == TERN_OK && lacks_types(config) && clear_types(json_object_get(root, "post_processor")))
        status = tern_fail_nomem(err, source->label, sizeof(json_t));
    if (status == TERN_OK && root) {
        status = tern_tokenizer_from_json(source, root, config, err);
        if (status == TERN_OK)
            status = check_beside(source, config, special, old, err);
        goto done;
    }
    if (status == TERN_OK)
        status = tern_join_path(path, sizeof path, directory, "vocab.txt", err);
    if (status == TERN_OK)
        status = read_vocabulary(source, path, 1, err);
    if (status == TERN_OK && source->vocabulary == NULL) {
        int done;
        status = read_others(source, directory, config, &done, err);
        if (status == TERN_OK && !done)
            status = tern_fail(err, TERN_IO, "%s: neither tokenizer.json nor vocab.txt is there", directory);
        goto done;
    }
    if (status == TERN_OK && tern_tokenizer_is_esm(config)) {
        char *const lines = source->vocabulary;
        source->vocabulary = NULL;
        status = tern_tokenizer_from_esm(source, lines, source->bytes, config, err);
        free(lines);
    } else if (status == TERN_OK) {
        status = tern_tokenizer_from_vocab(source, config, special, old, err);
        status = tern_fail_kind(status, source->vocabulary, source->bytes, path, err);
    }
done:
    json_decref(root);
    json_decref(config);
    json_decref(special);
    json_decref(old);
    return status;
}

/* Static embeddings go by tokenizer.json alone. */
static tern_status read_static(struct tern_tokenizer_source *source, const struct tern_sentence_folder *folder,
                               tern_error *err)
{
    json_t *root = NULL;
    tern_status status = read_optional(&root, folder->transformer, "tokenizer.json", MAX_VOCABULARY, err);
    if (!status && !root)
        status = tern_fail(err, TERN_IO, "%s: tokenizer.json is not there", folder->transformer);
    if (!status)
        status = tern_tokenizer_from_json(source, root, NULL, err);
    if (!status)
        status = tern_bare_put(source->settings, folder, root, source->label, err);
    json_decref(root);
    return status;
}

/* The tokenizer lies beside the transformer, which sentence-transformers may have put into a folder of its own. */
static tern_status read_checkpoint(struct tern_tokenizer_source *source, const char *directory, tern_error *err)
{
    struct tern_sentence_folder folder;
    tern_status status = tern_sentence_folder_open(&folder, directory, err);
    if (status != TERN_OK)
        return status;
    source->lower_case = folder.lower_case;
    status = folder.is_static ? read_static(source, &folder, err) : read_directory(source, folder.transformer, err);
    tern_sentence_folder_close(&folder);
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
    status = read_vocabulary(source, path, 0, err);
    if (status != TERN_OK)
        return status;
    status = tern_tokenizer_from_vocab(source, NULL, NULL, NULL, err);
    return tern_fail_kind(status, source->vocabulary, source->bytes, path, err);
}

tern_status tern_tokenizer_open(tern_tokenizer **out, const char *path, tern_error *err)
{
    struct tern_tokenizer_source source = {.label = path};
    tern_status status;

    *out = NULL;
    status = tern_is_directory(path) ? read_checkpoint(&source, path, err) : read_file(&source, path, err);
    if (status == TERN_OK) {
        status = tern_tokenizer_build(out, source.vocabulary, source.bytes, 1, source.settings, path, err);
        source.vocabulary = NULL;
    }
    tern_pieces_free(&source.pieces);
    free(source.vocabulary);
    json_decref(source.settings);
    return status;
}
