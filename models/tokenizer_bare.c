/* Tokens for static embeddings, as model2vec's StaticModel takes them: its `encode` cuts a text to max_length times the
   median length of a token in characters, takes max_length tokens of that without special ones, and then leaves out the
   unknown ones. Of sentence-transformers' StaticEmbedding there are only no special tokens. */
#include "models/tokenizer_bare.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CHARACTERS = 1 << 30 };

/* ---- Settings ----------------------------------------------------------------------------------------------------
 */

tern_status tern_bare_read(tern_tokenizer *tokenizer, const json_t *settings, const char *label, tern_error *err)
{
    static const char *const known[] = {"drop", "most_characters"};
    const json_t *bare = json_object_get(settings, "bare");
    tokenizer->dropped = -1;
    if (!bare)
        return TERN_OK;
    if (!json_is_object(bare))
        return tern_fail(err, TERN_FORMAT, "%s: \"bare\" of the tokenizer is not an object", label);
    tern_status status = tern_json_known_keys(bare, known, 2, "\"bare\" of the tokenizer", label, err);
    if (!status)
        status = tern_json_get_int(bare, "drop", 0, 0, tern_vocab_size(tokenizer) - 1, &tokenizer->dropped, label, err);
    if (!status)
        status =
            tern_json_get_int(bare, "most_characters", 0, 1, MOST_CHARACTERS, &tokenizer->most_characters, label, err);
    tokenizer->bare = 1;
    tokenizer->templates.single = (struct tern_template){.types = {0, 0}};
    tokenizer->templates.has_pair = 0;
    return status;
}

json_t *tern_bare_object(const tern_tokenizer *tokenizer)
{
    json_t *bare = json_object();
    int failed = bare == NULL;
    if (!failed && tokenizer->dropped >= 0)
        failed = json_object_set_new(bare, "drop", json_integer(tokenizer->dropped)) != 0;
    if (!failed && tokenizer->most_characters)
        failed = json_object_set_new(bare, "most_characters", json_integer(tokenizer->most_characters)) != 0;
    if (failed)
        json_decref(bare);
    return failed ? NULL : bare;
}

/* ---- A checkpoint's ----------------------------------------------------------------------------------------------
 */

/* The id of a token by its text: an added one's, or a piece's, in a vocabulary that is an object. -1: none. */
static json_int_t find_id(const json_t *root, const char *text)
{
    const json_t *added = json_object_get(root, "added_tokens");
    const json_t *id = json_object_get(json_object_get(json_object_get(root, "model"), "vocab"), text);
    for (size_t i = 0; i < json_array_size(added); i++) {
        const char *content = json_string_value(json_object_get(json_array_get(added, i), "content"));
        if (content && !strcmp(content, text))
            id = json_object_get(json_array_get(added, i), "id");
    }
    return json_is_integer(id) ? json_integer_value(id) : -1;
}

static int32_t characters(const char *text)
{
    int32_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static int compare_numbers(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

/* The lengths of all tokens; `length` has room for pieces and added tokens. Returns how many there are. */
static size_t measure(const json_t *root, int32_t *length)
{
    const json_t *added = json_object_get(root, "added_tokens");
    json_t *const vocab = json_object_get(json_object_get(root, "model"), "vocab"), *value;
    const char *piece;
    size_t n = 0;
    json_object_foreach(vocab, piece, value) length[n++] = characters(piece);
    for (size_t i = 0; i < json_array_size(vocab); i++) { /* Unigram's, [piece, score] */
        piece = json_string_value(json_array_get(json_array_get(vocab, i), 0));
        length[n++] = piece ? characters(piece) : 0;
    }
    for (size_t i = 0; i < json_array_size(added); i++) {
        const json_t *token = json_array_get(added, i), *id = json_object_get(token, "id");
        const char *content = json_string_value(json_object_get(token, "content"));
        const int in_list = json_is_array(vocab) && json_integer_value(id) < (json_int_t)json_array_size(vocab);
        if (content && !json_object_get(vocab, content) && !in_list)
            length[n++] = characters(content);
    }
    return n;
}

/* numpy.median of the lengths, without its fraction. */
static tern_status median_length(int32_t *out, const json_t *root, const char *label, tern_error *err)
{
    const json_t *vocab = json_object_get(json_object_get(root, "model"), "vocab");
    const size_t most =
        json_object_size(vocab) + json_array_size(vocab) + json_array_size(json_object_get(root, "added_tokens"));
    int32_t *const length = most ? malloc(most * sizeof *length) : NULL;
    if (!length)
        return most ? tern_fail_nomem(err, label, most * sizeof *length)
                    : tern_fail(err, TERN_FORMAT, "%s: tokenizer.json has no vocabulary", label);
    const size_t n = measure(root, length);
    qsort(length, n, sizeof *length, compare_numbers);
    *out = n ? (length[(n - 1) / 2] + length[n / 2]) / 2 : 0;
    free(length);
    return TERN_OK;
}

tern_status tern_bare_put(json_t *settings, const struct tern_sentence_folder *folder, const json_t *root,
                          const char *label, tern_error *err)
{
    const json_t *model = json_object_get(root, "model"), *unknown = json_object_get(model, "unk_id");
    const char *unk = json_string_value(json_object_get(model, "unk_token"));
    const json_int_t drop = unk ? find_id(root, unk) : json_is_integer(unknown) ? json_integer_value(unknown) : -1;
    int32_t median = 0;
    json_t *bare = json_object();
    tern_status status = TERN_OK;
    int failed = bare == NULL;
    if (folder->is_model2vec && drop >= 0)
        failed |= json_object_set_new(bare, "drop", json_integer(drop)) != 0;
    if (folder->is_model2vec && folder->most_tokens)
        status = median_length(&median, root, label, err);
    if (median && (int64_t)median * folder->most_tokens <= MOST_CHARACTERS) /* no text has more */
        failed |=
            json_object_set_new(bare, "most_characters", json_integer((json_int_t)median * folder->most_tokens)) != 0;
    failed |= json_object_set_new(settings, "bare", bare) != 0; /* takes it also when it fails */
    return status ? status : failed ? tern_fail_nomem(err, "the tokenizer's settings", sizeof(json_t)) : TERN_OK;
}

/* ---- Texts -------------------------------------------------------------------------------------------------------
 */

static int begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

tern_status tern_bare_cut(const tern_tokenizer *tokenizer, tern_text *text, tern_truncate truncate, tern_error *err)
{
    const size_t most = (size_t)tokenizer->most_characters, n = text->text_bytes;
    size_t seen = 0, at = 0;
    if (!most || n <= most)
        return TERN_OK;
    if (truncate == TERN_TRUNCATE_TAIL) {
        for (at = n; at > 0 && seen < most;)
            seen += begins_character(text->text[--at]) != 0;
        text->text += at;
        text->text_bytes -= at;
        return TERN_OK;
    }
    for (; at < n && (seen < most || !begins_character(text->text[at])); at++)
        seen += begins_character(text->text[at]) != 0;
    if (at < n && truncate == TERN_TRUNCATE_ERROR)
        return tern_fail(err, TERN_INPUT,
                         "the text has more than %zu characters, of which this model reads no more: shorten it, or ask "
                         "for truncation",
                         most);
    text->text_bytes = at;
    return TERN_OK;
}

void tern_bare_drop(const tern_tokenizer *tokenizer, tern_tokens *out)
{
    size_t to = 0;
    for (size_t i = 0; tokenizer->dropped >= 0 && i < out->count; i++) {
        if (out->ids[i] == tokenizer->dropped)
            continue;
        out->ids[to] = out->ids[i];
        if (out->types)
            out->types[to] = out->types[i];
        if (out->spans)
            out->spans[to] = out->spans[i];
        to++;
    }
    out->count = tokenizer->dropped >= 0 ? to : out->count;
}
