/* A tokenizer.json whose pipeline is not BERT's: what describes it becomes settings, what is large becomes tables. */
#include "models/tokenizer_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Scores ---- */

/* The number that serde_json makes of the shortest digits that stand for `real`: Hugging Face's tokenizer reads its
   scores so. Two roundings instead of one: the last bit may be another, and ties of sums fall by it. */
static double as_serde(double real)
{
    char text[40];
    int digits = 14;

    if (real == 0)
        return real;
    do
        snprintf(text, sizeof text, "%.*e", digits, real < 0 ? -real : real);
    while (strtod(text, NULL) != (real < 0 ? -real : real) && digits++ < 16);
    const char *e = strchr(text, 'e');
    uint64_t number = 0;
    long exponent = strtol(e + 1, NULL, 10);
    int n = 0, zeros = 0;
    for (const char *at = text; at < e; at++) {
        if (*at < '0' || *at > '9') /* the point, whatever the locale makes of it */
            continue;
        zeros = *at == '0' ? zeros + 1 : 0;
        number = number * 10 + (uint64_t)(*at - '0');
        n++;
    }
    for (int i = 0; i < zeros; i++, n--)
        number /= 10;
    exponent -= n - 1;
    /* 1e22 is the last power of ten that is exact; the text of a greater one is rounded as it should be. */
    snprintf(text, sizeof text, "1e%ld", exponent < 0 ? -exponent : exponent);
    const double power = strtod(text, NULL), value = exponent < 0 ? (double)number / power : (double)number * power;
    return real < 0 ? -value : value;
}

/* ---- The vocabulary ---- */

static tern_status put_piece(struct tern_tables *t, json_int_t id, const char *text, tern_error *err)
{
    if (t->pieces[id].text)
        return tern_fail(err, TERN_FORMAT, "%s: pieces \"%.64s\" and \"%.64s\" have the same id %lld", t->label,
                         t->pieces[id].text, text, (long long)id);
    t->pieces[id] = (struct tern_table_piece){.text = text, .n = strlen(text)};
    return TERN_OK;
}

tern_status tern_tables_ids(struct tern_tables *t, json_t *vocab, tern_error *err)
{
    const size_t n = json_object_size(vocab);
    const char *text;
    json_t *value;
    tern_status status = TERN_OK;
    json_int_t most = -1;

    json_object_foreach(vocab, text, value)
    {
        const json_int_t id = json_integer_value(value);
        if (!json_is_integer(value) || id < 0 || (uint64_t)id > 4 * (uint64_t)n + 65536)
            return tern_fail(err, TERN_FORMAT, "%s: piece \"%.64s\" has no id, or one that is far from the others",
                             t->label, text);
        most = id > most ? id : most;
    }
    status = tern_tables_reserve(t, (size_t)(most + 1), err);
    json_object_foreach(vocab, text, value)
    {
        if (!status)
            status = put_piece(t, json_integer_value(value), text, err);
    }
    t->model_count = (uint32_t)(most + 1);
    return status;
}

/* [["piece", score], ...] in the order of the ids. */
static tern_status read_scores(struct tern_tables *t, const json_t *vocab, tern_error *err)
{
    const size_t n = json_array_size(vocab);
    tern_status status = tern_tables_reserve(t, n, err);

    if (!status) {
        t->scores = malloc((n + 1) * sizeof *t->scores);
        status = t->scores ? TERN_OK : tern_fail_nomem(err, "the scores", n * sizeof *t->scores);
    }
    for (size_t i = 0; i < n && !status; i++) {
        const json_t *item = json_array_get(vocab, i), *score = json_array_get(item, 1);
        const char *text = json_string_value(json_array_get(item, 0));
        if (json_array_size(item) != 2 || !text || !json_is_number(score))
            return tern_fail(err, TERN_FORMAT, "%s: piece %zu of model.vocab is not a text with its score", t->label,
                             i);
        t->pieces[i] = (struct tern_table_piece){.text = text, .n = strlen(text)};
        t->scores[i] = json_is_real(score) ? as_serde(json_real_value(score)) : (double)json_integer_value(score);
    }
    t->model_count = (uint32_t)n;
    return status;
}

/* "a b", or ["a", "b"]. */
static tern_status read_merge(struct tern_tables *t, const json_t *item, size_t i, tern_error *err)
{
    const char *text = json_string_value(item), *space = text ? strchr(text, ' ') : NULL;
    const char *left = json_string_value(json_array_get(item, 0)), *right = json_string_value(json_array_get(item, 1));

    if (space && !strchr(space + 1, ' '))
        return tern_tables_merge(t, text, (size_t)(space - text), space + 1, strlen(space + 1), err);
    if (json_array_size(item) == 2 && left && right)
        return tern_tables_merge(t, left, strlen(left), right, strlen(right), err);
    return tern_fail(err, TERN_FORMAT, "%s: merge %zu is not two pieces", t->label, i);
}

static tern_status read_merges(struct tern_tables *t, const json_t *model, tern_error *err)
{
    const json_t *merges = json_object_get(model, "merges");
    tern_status status = TERN_OK;

    for (size_t i = 0; i < json_array_size(merges) && !status; i++)
        status = read_merge(t, json_array_get(merges, i), i, err);
    return status;
}

/* ---- The map of characters ---- */

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static tern_status read_charsmap(struct tern_tables *t, const char *text, tern_error *err)
{
    size_t n = strlen(text);
    uint32_t bits = 0;

    if (n % 4)
        return tern_fail(err, TERN_FORMAT, "%s: precompiled_charsmap is not base64", t->label);
    t->charsmap = malloc(n / 4 * 3 + 1);
    if (t->charsmap == NULL)
        return tern_fail_nomem(err, "the map of characters", n);
    while (n > 0 && text[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++) {
        const int digit = base64_digit(text[i]);
        if (digit < 0)
            return tern_fail(err, TERN_FORMAT, "%s: precompiled_charsmap is not base64", t->label);
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 > 0)
            t->charsmap[t->charsmap_bytes++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return TERN_OK;
}

/* The map lies in the tables: in the settings only its place is left. */
static void drop_charsmaps(json_t *normalizer)
{
    const char *type = json_string_value(json_object_get(normalizer, "type"));
    json_t *list = json_object_get(normalizer, "normalizers");

    if (type && strcmp(type, "Precompiled") == 0)
        json_object_del(normalizer, "precompiled_charsmap");
    for (size_t i = 0; i < json_array_size(list); i++)
        drop_charsmaps(json_array_get(list, i));
}

/* ---- All of it ---- */

static int is_zero(const json_t *value)
{
    return json_is_number(value) && json_number_value(value) == 0;
}

/* What of the model is not its vocabulary; tokenizers before 0.9 wrote no type. A key that is set and not known here
 * changes what the model does. */
static tern_status model_settings(const struct tern_tables *t, const json_t *model, json_t **out, tern_error *err)
{
    static const char *const kept[] = {
        "type", "unk_token", "unk_id", "fuse_unk", "byte_fallback", "ignore_merges", "max_input_chars_per_word"};
    static const char *const refused[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix"};
    const json_t *vocab = json_object_get(model, "vocab");
    const char *type = json_string_value(json_object_get(model, "type"));
    int failed = (*out = json_object()) == NULL;

    if (!type) {
        type = json_is_array(vocab) ? "Unigram" : json_object_get(model, "merges") ? "BPE" : "WordPiece";
        failed = failed || json_object_set_new(*out, "type", json_string(type));
    }

    for (size_t i = 0; i < sizeof kept / sizeof kept[0] && !failed; i++)
        if (json_object_get(model, kept[i]))
            failed = json_object_set(*out, kept[i], json_object_get(model, kept[i]));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        json_t *value = json_object_get(model, refused[i]);
        const char *text = json_string_value(value);
        if (!value || json_is_null(value) || (text && !*text) || is_zero(value))
            continue;
        if (i == 1 && strcmp(type, "WordPiece") == 0)
            failed |= json_object_set(*out, refused[i], value);
        else
            return tern_fail(err, TERN_FORMAT, "%s: %s of model %.40s is not supported", t->label, refused[i], type);
    }
    return failed ? tern_fail_nomem(err, "the tokenizer's settings", sizeof(json_t)) : TERN_OK;
}

static tern_status read_settings(struct tern_tables *t, const json_t *root, tern_error *err)
{
    static const char *const keys[] = {"normalizer", "pre_tokenizer", "post_processor"};
    const char *map = tern_normalizers_charsmap(json_object_get(root, "normalizer"));
    json_t *model = NULL;
    tern_status status = model_settings(t, json_object_get(root, "model"), &model, err);
    int failed = (t->settings = json_object()) == NULL;

    for (size_t i = 0; i < 3 && !failed && !status; i++) {
        const json_t *value = json_object_get(root, keys[i]);
        if (value && !json_is_null(value))
            failed = json_object_set_new(t->settings, keys[i], json_deep_copy(value));
    }
    failed = failed || json_object_set(t->settings, "model", model) ||
             json_object_set_new(t->settings, "added", json_array());
    json_decref(model);
    if (!status && failed)
        status = tern_fail_nomem(err, "the tokenizer's settings", sizeof(json_t));
    if (!status && map)
        status = read_charsmap(t, map, err);
    if (!status)
        drop_charsmaps(json_object_get(t->settings, "normalizer"));
    return status;
}

static tern_status read_added(struct tern_tables *t, const json_t *list, tern_error *err)
{
    tern_status status = TERN_OK;

    for (size_t i = 0; i < json_array_size(list) && !status; i++) {
        const json_t *item = json_array_get(list, i);
        const char *content = NULL;
        uint32_t flags = 0;
        int32_t id = -1;
        status = tern_json_get_string(item, "content", 1, &content, t->label, err);
        if (!status)
            status = tern_json_get_int(item, "id", 1, 0, TERN_MAX_PIECES - 1, &id, t->label, err);
        if (!status)
            status = tern_added_flags(item, 1, &flags, t->label, err);
        if (!status)
            status = tern_tables_add(t, content, flags, id, err);
    }
    return status;
}

/* What a token is called in tokenizer_config.json, in the padding, or else by default. */
static const char *role_content(enum tern_role role, const json_t *root, const json_t *config)
{
    char key[16];
    snprintf(key, sizeof key, "%s_token", tern_role_names[role]);
    const json_t *value = json_object_get(config, key);
    const char *content = json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
    if (!content && role == TERN_PAD)
        content = json_string_value(json_object_get(json_object_get(root, "padding"), "pad_token"));
    return content ? content : tern_role_defaults[role];
}

static tern_status read_roles(struct tern_tables *t, const json_t *root, const json_t *config, tern_error *err)
{
    tern_status status = TERN_OK;

    for (int r = 0; r < TERN_ROLES && !status; r++)
        status = tern_tables_role(t, (enum tern_role)r, role_content((enum tern_role)r, root, config), err);
    return status;
}

tern_status tern_pipeline_from_json(struct tern_tokenizer_source *source, const json_t *root, const json_t *config,
                                    tern_error *err)
{
    struct tern_tables t = {.label = source->label, .holds = json_incref((json_t *)(uintptr_t)root)};
    const json_t *model = json_object_get(root, "model");
    json_t *vocab = json_object_get(model, "vocab");
    tern_status status = read_settings(&t, root, err);

    if (!status && json_array_size(vocab) > 0)
        status = read_scores(&t, vocab, err);
    else if (!status && json_object_size(vocab) > 0)
        status = tern_tables_ids(&t, vocab, err);
    else if (!status)
        status = tern_fail(err, TERN_FORMAT, "%s: model.vocab has no pieces", t.label);
    if (!status)
        status = tern_tables_index(&t, err);
    if (!status)
        status = read_merges(&t, model, err);
    if (!status)
        status = read_added(&t, json_object_get(root, "added_tokens"), err);
    if (!status)
        status = read_roles(&t, root, config, err);
    if (!status)
        status = tern_tables_pack(&t, source, err);
    tern_tables_free(&t);
    return status;
}
