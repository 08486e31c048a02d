/* Builds a tokenizer from what a .tern file stores, a vocabulary and settings in JSON, and writes those settings. */
#include "models/tokenizer_bare.h"

#include <stdlib.h>
#include <string.h>

const char *const tern_role_names[TERN_ROLES] = {"unk", "cls", "sep", "pad", "mask"};
const char *const tern_role_defaults[TERN_ROLES] = {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"};

/* Settings: {"clean_text": bool, ..., "max_word_chars": 100, "model_pieces": n, "unk": {"content": "[UNK]", "id": 100},
   ..., "added": [{"content": .., "id": .., "special": true, ..}, ..]}. Tokens are named by their text; an id is a
   check. */
static const struct {
    const char *key;
    uint32_t flag;
} added_flags[] = {
    {"special", TERN_ADDED_SPECIAL}, {"single_word", TERN_ADDED_SINGLE_WORD}, {"lstrip", TERN_ADDED_LSTRIP},
    {"rstrip", TERN_ADDED_RSTRIP},   {"normalized", TERN_ADDED_NORMALIZED},
};
enum { N_ADDED_FLAGS = sizeof added_flags / sizeof added_flags[0], MAX_SETTINGS = 1 << 22 };

void tern_tokenizer_close(tern_tokenizer *tokenizer)
{
    if (tokenizer == NULL)
        return;
    tern_pieces_free(&tokenizer->pieces);
    free(tokenizer->pipeline);
    json_decref(tokenizer->settings);
    free(tokenizer->owned);
    free(tokenizer->added);
    free(tokenizer->normalized_text);
    free(tokenizer);
}

tern_status tern_added_flags(const json_t *object, int required, uint32_t *flags, const char *label, tern_error *err)
{
    tern_status status = TERN_OK;

    for (int f = 0; f < N_ADDED_FLAGS && status == TERN_OK; f++) {
        int32_t on = (*flags & added_flags[f].flag) != 0;
        status = tern_json_get_bool(object, added_flags[f].key, required, &on, label, err);
        *flags = on ? *flags | added_flags[f].flag : *flags & ~added_flags[f].flag;
    }
    return status;
}

tern_status tern_added_put(json_t *list, const char *content, uint32_t flags, int32_t id, int32_t own,
                           const char *label, tern_error *err)
{
    if (id >= 0 && id != own)
        return tern_fail(err, TERN_FORMAT,
                         "%s: added token \"%.64s\" has id %d, where Hugging Face's numbering gives %d", label, content,
                         (int)id, (int)own);
    json_t *item = json_pack("{s:s, s:i}", "content", content, "id", (int)own);
    int failed = item == NULL;
    for (int f = 0; f < N_ADDED_FLAGS && !failed; f++)
        failed = json_object_set_new(item, added_flags[f].key, json_boolean(flags & added_flags[f].flag));
    if (failed)
        json_decref(item);
    if (failed || json_array_append_new(list, item) != 0)
        return tern_fail_nomem(err, "the tokenizer's settings", sizeof(json_t));
    return TERN_OK;
}

/* What a newer version may have added to a token, or to the settings, changes the answer. */
static tern_status check_token_keys(const json_t *object, const char *label, tern_error *err)
{
    const char *known[2 + N_ADDED_FLAGS] = {"content", "id"};
    for (int f = 0; f < N_ADDED_FLAGS; f++)
        known[2 + f] = added_flags[f].key;
    return tern_json_known_keys(object, known, 2 + N_ADDED_FLAGS, "a token of the tokenizer", label, err);
}

static tern_status check_keys(const json_t *settings, const char *label, tern_error *err)
{
    static const char *const others[] = {"clean_text", "chinese_chars",  "strip_accents",
                                         "lower_case", "max_word_chars", "model_pieces",
                                         "added",      "post_processor", "bare"};
    enum { N_OTHERS = sizeof others / sizeof others[0] };
    const char *known[N_OTHERS + TERN_ROLES];
    memcpy(known, others, sizeof others);
    for (int r = 0; r < TERN_ROLES; r++)
        known[N_OTHERS + r] = tern_role_names[r];
    return tern_json_known_keys(settings, known, N_OTHERS + TERN_ROLES, "the tokenizer", label, err);
}

/* The id of a piece. A pipeline's tables find only what a text may be made of: there the id is stated, and the piece
   must be its own. */
static int32_t find_piece(const tern_tokenizer *tokenizer, const char *content, int32_t stated)
{
    const size_t length = strlen(content);
    size_t n = 0;

    if (!tokenizer->pipeline)
        return tern_pieces_find(&tokenizer->pieces, (const uint8_t *)content, length);
    const char *text = tern_token_text(tokenizer, stated, &n);
    return text && n == length && memcmp(text, content, n) == 0 ? stated : -1;
}

/* A token of the settings: an object with its content, and perhaps its id. */
static tern_status find_token(const tern_tokenizer *tokenizer, const json_t *object, const char *what, int32_t *id,
                              const char *label, tern_error *err)
{
    const char *content = NULL;
    int32_t stated = -1;
    tern_status status;

    if (!json_is_object(object))
        return tern_fail(err, TERN_FORMAT, "%s: the tokenizer has no %s token", label, what);
    status = check_token_keys(object, label, err);
    if (status == TERN_OK)
        status = tern_json_get_string(object, "content", 1, &content, label, err);
    if (status == TERN_OK)
        status = tern_json_get_int(object, "id", 0, 0, TERN_MAX_PIECES - 1, &stated, label, err);
    if (status != TERN_OK)
        return status;
    *id = find_piece(tokenizer, content, stated);
    if (*id < 0)
        return tern_fail(err, TERN_FORMAT, "%s: the %s token \"%.64s\" is not in the vocabulary", label, what, content);
    if (stated >= 0 && stated != *id)
        return tern_fail(err, TERN_FORMAT, "%s: the %s token \"%.64s\" has id %d, but it is piece %d of the vocabulary",
                         label, what, content, (int)stated, (int)*id);
    return TERN_OK;
}

static tern_status read_rules(tern_tokenizer *tokenizer, const json_t *settings, const char *label, tern_error *err)
{
    static const char *const keys[] = {"clean_text", "chinese_chars", "strip_accents", "lower_case"};
    struct tern_rules *rules = &tokenizer->rules;
    uint8_t *const fields[] = {&rules->clean, &rules->chinese, &rules->strip, &rules->lower};
    int32_t max_chars = 0, model_pieces = 0, flag = 0;
    tern_status status = check_keys(settings, label, err);

    for (int i = 0; i < 4 && status == TERN_OK; i++) {
        status = tern_json_get_bool(settings, keys[i], 1, &flag, label, err);
        *fields[i] = (uint8_t)flag;
    }
    if (status == TERN_OK)
        status = tern_json_get_int(settings, "max_word_chars", 1, 1, TERN_MAX_WORD, &max_chars, label, err);
    if (status == TERN_OK)
        status = tern_json_get_int(settings, "model_pieces", 1, 1, (int32_t)tokenizer->pieces.count, &model_pieces,
                                   label, err);
    tokenizer->max_chars = (uint32_t)max_chars;
    tokenizer->pieces.model_count = (uint32_t)model_pieces;
    return status;
}

/* BERT's tokenizer cannot do without some. */
static tern_status read_roles(tern_tokenizer *tokenizer, const json_t *settings, const char *label, tern_error *err)
{
    tern_status status = TERN_OK;

    for (int r = 0; r < TERN_ROLES && status == TERN_OK; r++) {
        const json_t *token = json_object_get(settings, tern_role_names[r]);
        tokenizer->roles[r] = -1;
        if ((r < TERN_ROLES_NEEDED && !tokenizer->pipeline) || (token && !json_is_null(token)))
            status = find_token(tokenizer, token, tern_role_names[r], &tokenizer->roles[r], label, err);
    }
    return status;
}

/* BERT's own: [CLS] A [SEP] B [SEP], unless the settings have another template. */
static tern_status open_bert(tern_tokenizer *tokenizer, const char *vocabulary, json_t *settings, const char *label,
                             tern_error *err)
{
    const json_t *processor = json_object_get(settings, "post_processor");
    tern_status status = tern_pieces_build(&tokenizer->pieces, vocabulary, tokenizer->vocabulary_bytes, label, err);

    if (status == TERN_OK)
        status = read_rules(tokenizer, settings, label, err);
    if (status == TERN_OK)
        status = read_roles(tokenizer, settings, label, err);
    if (status != TERN_OK)
        return status;
    if (processor == NULL) {
        tern_templates_bert(&tokenizer->templates, tokenizer->roles[TERN_CLS], tokenizer->roles[TERN_SEP]);
        return TERN_OK;
    }
    tokenizer->settings = json_incref(settings);
    return tern_templates_read(&tokenizer->templates, processor, (int32_t)tokenizer->pieces.count, label, err);
}

/* Reads the list of added tokens; their text is that of their pieces. */
static tern_status read_added(tern_tokenizer *tokenizer, const json_t *list, const char *label, tern_error *err)
{
    size_t n = json_array_size(list);
    tern_status status = TERN_OK;

    if (!json_is_array(list))
        return tern_fail(err, TERN_FORMAT, "%s: the tokenizer's settings have no list \"added\"", label);
    if (n > (size_t)tern_vocab_size(tokenizer))
        return tern_fail(err, TERN_FORMAT, "%s: %zu added tokens, but only %d pieces", label, n,
                         (int)tern_vocab_size(tokenizer));
    if (n == 0)
        return TERN_OK;
    /* One half stays in the order of the list, the other is sorted into the sets. */
    tokenizer->added = calloc(2 * n, sizeof *tokenizer->added);
    if (tokenizer->added == NULL)
        return tern_fail_nomem(err, "added tokens", 2 * n * sizeof *tokenizer->added);
    for (size_t i = 0; i < n && status == TERN_OK; i++) {
        const json_t *item = json_array_get(list, i);
        struct tern_added *token = &tokenizer->added[i];
        size_t bytes = 0;
        status = find_token(tokenizer, item, "added", &token->id, label, err);
        if (status == TERN_OK)
            status = tern_added_flags(item, 0, &token->flags, label, err);
        if (status != TERN_OK)
            return status;
        token->text = (const uint8_t *)tern_token_text(tokenizer, token->id, &bytes);
        token->n = (uint32_t)bytes;
        if (bytes == 0)
            return tern_fail(err, TERN_FORMAT, "%s: added token %zu is empty", label, i);
    }
    tokenizer->n_added = (uint32_t)n;
    return TERN_OK;
}

static int compare_ids(const void *a, const void *b)
{
    const struct tern_added *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

#define NO_MEMORY SIZE_MAX

static size_t normalize(const tern_tokenizer *tokenizer, const struct tern_added *token, uint8_t *out)
{
    struct tern_chars chars;
    uint8_t bytes[TERN_UTF8_MAX], *made;
    uint32_t c;
    size_t n = 0;

    if (tokenizer->pipeline) {
        if (tern_pipeline_normalize(tokenizer->pipeline, token->text, token->n, &made, &n, NULL))
            return NO_MEMORY;
        if (out && n)
            memcpy(out, made, n);
        free(made);
        return n;
    }
    tern_chars_begin(&chars, token->text, token->n, tokenizer->rules);
    while (tern_chars_next(&chars, &c))
        n += tern_utf8_put(c, out ? out + n : bytes);
    return n;
}

/* Moves the tokens that are matched after normalisation to the front of `sorted`, with their normalised text: special
   ones first, for of two with the same text the original takes the one that comes first in that order. */
static tern_status normalize_added(tern_tokenizer *tokenizer, struct tern_added *sorted, uint32_t *n_normalized,
                                   const char *label, tern_error *err)
{
    size_t total = 0, at = 0;
    uint32_t n = 0;

    for (uint32_t i = 0; i < tokenizer->n_added; i++) {
        const size_t bytes =
            tokenizer->added[i].flags & TERN_ADDED_NORMALIZED ? normalize(tokenizer, &tokenizer->added[i], NULL) : 0;
        if (bytes == NO_MEMORY)
            return tern_fail_nomem(err, "added tokens", tokenizer->added[i].n);
        total += bytes;
    }
    if (total > 0) {
        tokenizer->normalized_text = malloc(total);
        if (tokenizer->normalized_text == NULL)
            return tern_fail_nomem(err, "added tokens", total);
    }
    for (uint32_t special = TERN_ADDED_SPECIAL + 1; special-- > 0;) {
        for (uint32_t i = 0; i < tokenizer->n_added; i++) {
            const struct tern_added *token = &tokenizer->added[i];
            if (!(token->flags & TERN_ADDED_NORMALIZED) || (token->flags & TERN_ADDED_SPECIAL) != special)
                continue;
            sorted[n] = *token;
            sorted[n].text = tokenizer->normalized_text + at;
            const size_t bytes = total > at ? normalize(tokenizer, token, tokenizer->normalized_text + at) : 0;
            if (bytes == NO_MEMORY)
                return tern_fail_nomem(err, "added tokens", token->n);
            sorted[n].n = (uint32_t)bytes;
            at += bytes;
            if (bytes == 0)
                return tern_fail(err, TERN_FORMAT,
                                 "%s: nothing is left of added token %d \"%.*s\" when it is normalised", label,
                                 (int)token->id, (int)(token->n > 64 ? 64 : token->n), (const char *)token->text);
            n++;
        }
    }
    *n_normalized = n;
    return TERN_OK;
}

static tern_status sort_added(tern_tokenizer *tokenizer, const char *label, tern_error *err)
{
    struct tern_added *sorted;
    uint32_t n_normalized = 0, n = tokenizer->n_added;
    tern_status status;

    if (n == 0)
        return TERN_OK;
    sorted = tokenizer->added + n;
    memcpy(sorted, tokenizer->added, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_ids);
    for (uint32_t i = 1; i < n; i++)
        if (sorted[i].id == sorted[i - 1].id)
            return tern_fail(err, TERN_FORMAT, "%s: token %d is added twice", label, (int)sorted[i].id);
    status = normalize_added(tokenizer, sorted, &n_normalized, label, err);
    if (status != TERN_OK)
        return status;
    for (uint32_t i = 0, at = n_normalized; i < n; i++)
        if (!(tokenizer->added[i].flags & TERN_ADDED_NORMALIZED))
            sorted[at++] = tokenizer->added[i];
    tern_added_sort(&tokenizer->normalized, sorted, n_normalized);
    tern_added_sort(&tokenizer->raw, sorted + n_normalized, n - n_normalized);
    return TERN_OK;
}

tern_status tern_tokenizer_build(tern_tokenizer **out, char *vocabulary, size_t bytes, int owned, json_t *settings,
                                 const char *label, tern_error *err)
{
    tern_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    tern_status status;

    *out = NULL;
    if (tokenizer == NULL) {
        if (owned)
            free(vocabulary);
        return tern_fail_nomem(err, "the tokenizer", sizeof *tokenizer);
    }
    tokenizer->owned = owned ? vocabulary : NULL;
    tokenizer->vocabulary = vocabulary;
    tokenizer->vocabulary_bytes = bytes;
    if (json_object_get(settings, "model")) {
        status = tern_tokenizer_open_pipeline(tokenizer, vocabulary, settings, label, err);
        if (status == TERN_OK)
            status = read_roles(tokenizer, settings, label, err);
    } else {
        status = open_bert(tokenizer, vocabulary, settings, label, err);
    }
    if (status == TERN_OK)
        status = read_added(tokenizer, json_object_get(settings, "added"), label, err);
    if (status == TERN_OK)
        status = sort_added(tokenizer, label, err);
    if (status == TERN_OK)
        status = tern_bare_read(tokenizer, settings, label, err);
    if (status != TERN_OK) {
        tern_tokenizer_close(tokenizer);
        return status;
    }
    if (tokenizer->pipeline)
        tern_pipeline_added(tokenizer->pipeline, &tokenizer->raw, &tokenizer->normalized);
    *out = tokenizer;
    return TERN_OK;
}

tern_status tern_tokenizer_from_parts(tern_tokenizer **out, const char *vocabulary, size_t bytes, const char *settings,
                                      const char *label, tern_error *err)
{
    json_t *root = NULL;
    tern_status status;

    *out = NULL;
    status = tern_json_parse(&root, settings, strlen(settings), MAX_SETTINGS, label, err);
    if (status == TERN_OK && !json_is_object(root))
        status = tern_fail(err, TERN_FORMAT, "%s: the tokenizer's settings are not a JSON object", label);
    if (status == TERN_OK) /* not owned: the bytes are only read, whatever the type says */
        status = tern_tokenizer_build(out, (char *)(uintptr_t)vocabulary, bytes, 0, root, label, err);
    json_decref(root);
    return status;
}

const char *tern_tokenizer_vocabulary(const tern_tokenizer *tokenizer, size_t *bytes)
{
    *bytes = tokenizer->vocabulary_bytes;
    return tokenizer->vocabulary;
}

int32_t tern_tokenizer_rows(const tern_tokenizer *tokenizer)
{
    int32_t rows = tern_vocab_size(tokenizer);
    size_t n = 0;
    while (rows > 0 && tern_token_text(tokenizer, rows - 1, &n) && n == 0)
        rows--;
    return rows;
}

static json_t *token_object(const tern_tokenizer *tokenizer, int32_t id, uint32_t flags)
{
    size_t n = 0;
    const char *text = tern_token_text(tokenizer, id, &n);
    json_t *object = json_pack("{s:s%, s:i}", "content", text, n, "id", (int)id);

    for (int f = 0; object && f < N_ADDED_FLAGS; f++)
        if ((flags & added_flags[f].flag) && json_object_set_new(object, added_flags[f].key, json_true()) != 0) {
            json_decref(object);
            object = NULL;
        }
    return object;
}

/* Not json_dumps: when its buffer fails to grow it may leave a key out and go on (jansson 2.14, do_dump). */
static char *dump(const json_t *root)
{
    const size_t bytes = root ? json_dumpb(root, NULL, 0, JSON_COMPACT) : 0;
    char *text = bytes ? malloc(bytes + 1) : NULL;

    if (text && json_dumpb(root, text, bytes, JSON_COMPACT) == bytes) {
        text[bytes] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

char *tern_tokenizer_settings(const tern_tokenizer *tokenizer)
{
    if (tokenizer->pipeline)
        return dump(tokenizer->settings);
    json_t *root = json_pack("{s:b, s:b, s:b, s:b, s:i, s:i, s:[]}", "clean_text", (int)tokenizer->rules.clean,
                             "chinese_chars", (int)tokenizer->rules.chinese, "strip_accents",
                             (int)tokenizer->rules.strip, "lower_case", (int)tokenizer->rules.lower, "max_word_chars",
                             (int)tokenizer->max_chars, "model_pieces", (int)tokenizer->pieces.model_count, "added");
    json_t *list = json_object_get(root, "added");
    int failed = root == NULL;

    for (int r = 0; r < TERN_ROLES && !failed; r++)
        if (tokenizer->roles[r] >= 0)
            failed =
                json_object_set_new(root, tern_role_names[r], token_object(tokenizer, tokenizer->roles[r], 0)) != 0;
    for (uint32_t i = 0; i < tokenizer->n_added && !failed; i++)
        failed = json_array_append_new(list,
                                       token_object(tokenizer, tokenizer->added[i].id, tokenizer->added[i].flags)) != 0;
    if (!failed && tokenizer->settings)
        failed = json_object_set(root, "post_processor", json_object_get(tokenizer->settings, "post_processor")) != 0;
    if (!failed && tokenizer->bare)
        failed = json_object_set_new(root, "bare", tern_bare_object(tokenizer)) != 0;
    char *text = failed ? NULL : dump(root);
    json_decref(root);
    return text;
}
