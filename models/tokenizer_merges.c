/* vocab.json and merges.txt where there is no tokenizer.json: byte-level BPE as RoBERTa's tokenizer has it. */
#include "models/tokenizer_tables.h"

#include <stdlib.h>
#include <string.h>

static const char roberta[] =
    "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":%s,\"trim_offsets\":true,\"use_regex\":true},"
    "\"model\":{\"type\":\"BPE\",\"fuse_unk\":false,\"byte_fallback\":false},\"added\":[]}";

/* Lines "left right"; the first may say the version. */
static tern_status read_merges(struct tern_tables *t, const char *text, tern_error *err)
{
    tern_status status = TERN_OK;

    for (int number = 1; *text && !status; number++) {
        const size_t n = strcspn(text, "\n"), length = n && text[n - 1] == '\r' ? n - 1 : n;
        const char *space = memchr(text, ' ', length);
        if (length > 0 && !(number == 1 && strncmp(text, "#version", 8) == 0)) {
            if (!space || memchr(space + 1, ' ', length - (size_t)(space + 1 - text)))
                return tern_fail(err, TERN_FORMAT, "%s: line %d of merges.txt is not two pieces", t->label, number);
            status =
                tern_tables_merge(t, text, (size_t)(space - text), space + 1, length - (size_t)(space + 1 - text), err);
        }
        text += n + (text[n] == '\n');
    }
    return status;
}

static const char *token_of(enum tern_role role, const json_t *config, uint32_t *flags)
{
    static const char *const own[TERN_ROLES] = {"<unk>", "<s>", "</s>", "<pad>", "<mask>"};
    static const char *const keys[TERN_ROLES] = {"unk_token", "cls_token", "sep_token", "pad_token", "mask_token"};
    const json_t *value = json_object_get(config, keys[role]);
    const char *content = json_string_value(value);

    *flags = TERN_ADDED_SPECIAL;
    if (json_is_object(value)) {
        content = json_string_value(json_object_get(value, "content"));
        if (tern_added_flags(value, 0, flags, "", NULL))
            content = NULL;
        *flags |= TERN_ADDED_SPECIAL;
    }
    return content ? content : own[role];
}

static tern_status add_tokens(struct tern_tables *t, const json_t *config, int prefix, tern_error *err)
{
    const char *contents[TERN_ROLES];
    tern_status status = TERN_OK;

    for (int r = 0; r < TERN_ROLES && !status; r++) {
        uint32_t flags;
        int listed = 0;
        contents[r] = token_of((enum tern_role)r, config, &flags);
        for (int k = 0; k < r; k++)
            listed |= strcmp(contents[k], contents[r]) == 0;
        if (!listed)
            status = tern_tables_add(t, contents[r], flags, -1, err);
        if (!status)
            status = tern_tables_role(t, (enum tern_role)r, contents[r], err);
    }
    if (status)
        return status;
    json_t *processor =
        json_pack("{s:s, s:[s,i], s:[s,i], s:b, s:b}", "type", "RobertaProcessing", "cls", contents[TERN_CLS],
                  (int)tern_tables_find(t, contents[TERN_CLS]), "sep", contents[TERN_SEP],
                  (int)tern_tables_find(t, contents[TERN_SEP]), "trim_offsets", 1, "add_prefix_space", prefix);
    return processor && json_object_set_new(t->settings, "post_processor", processor) == 0
               ? TERN_OK
               : tern_fail_nomem(err, "the tokenizer's settings", sizeof(json_t));
}

tern_status tern_tokenizer_from_merges(struct tern_tokenizer_source *source, json_t *vocab, const char *merges,
                                       const json_t *config, tern_error *err)
{
    static const char *const classes[] = {"RobertaTokenizer", "LongformerTokenizer", "RobertaTokenizerFast",
                                          "LongformerTokenizerFast"};
    struct tern_tables t = {.label = source->label, .holds = json_incref(vocab)};
    const char *class = classes[0];
    char text[sizeof roberta + 8];
    int32_t prefix = 0;
    int known = 0;
    tern_status status = tern_json_get_string(config, "tokenizer_class", 0, &class, source->label, err);

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        known |= strcmp(class, classes[i]) == 0;
    if (!status && !known)
        status = tern_fail(err, TERN_FORMAT,
                           "%s: tokenizer_class %.64s has no tokenizer.json; load it with transformers and save it "
                           "again (save_pretrained)",
                           source->label, class);
    if (!status)
        status = tern_json_get_bool(config, "add_prefix_space", 0, &prefix, source->label, err);
    if (!status) {
        const char *hole = strstr(roberta, "%s");
        const size_t before = (size_t)(hole - roberta);
        memcpy(text, roberta, before);
        strcpy(text + before, prefix ? "true" : "false");
        strcat(text, hole + 2);
        status = tern_json_parse(&t.settings, text, strlen(text), 100, source->label, err);
    }
    if (!status)
        status = tern_tables_ids(&t, vocab, err);
    if (!status)
        status = tern_tables_index(&t, err);
    if (!status)
        status = read_merges(&t, merges, err);
    if (!status)
        status = add_tokens(&t, config, prefix, err);
    if (!status)
        status = tern_tables_pack(&t, source, err);
    tern_tables_free(&t);
    return status;
}
