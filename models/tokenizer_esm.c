/* ESM's tokenizer, which has no tokenizer.json, as the tokenizer.json that does the same: each line of vocab.txt is cut
   out of the text wherever it stands, the longest first, and what is left between white space is unknown. */
#include "models/tokenizer_tables.h"
#include "models/unicode.h"

#include <string.h>

static const char *const usual[TERN_ROLES] = {"<unk>", "<cls>", "<eos>", "<pad>", "<mask>"};
static const char *const keys[TERN_ROLES] = {"unk_token", "cls_token", "eos_token", "pad_token", "mask_token"};

int tern_tokenizer_is_esm(const json_t *config)
{
    const char *const class = json_string_value(json_object_get(config, "tokenizer_class"));
    return class && !strcmp(class, "EsmTokenizer");
}

/* The lines of vocab.txt as a vocabulary, and as added tokens. Returns whether memory ran out. */
static int put_lines(json_t *vocab, json_t *added, const char *lines, size_t bytes)
{
    int failed = 0;
    for (size_t at = 0, id = 0; at < bytes && !failed; id++) {
        const char *const end = memchr(lines + at, '\n', bytes - at);
        size_t n = end ? (size_t)(end - lines) - at : bytes - at;
        const char *line = lines + at;
        at += n + 1;
        while (n && strchr(" \t\r", line[n - 1]))
            n--;
        while (n && strchr(" \t\r", *line)) {
            line++;
            n--;
        }
        if (!n)
            continue;
        json_t *const content = json_stringn(line, n);
        const char *const text = json_string_value(content);
        failed |= !text || json_object_set_new(vocab, text, json_integer((json_int_t)id)) ||
                  json_array_append_new(added, json_pack("{s:i, s:O, s:b, s:b, s:b, s:b, s:b}", "id", (int)id,
                                                         "content", content, "special", 0, "single_word", 0, "lstrip",
                                                         0, "rstrip", 0, "normalized", 0));
        json_decref(content);
    }
    return failed;
}

tern_status tern_tokenizer_from_esm(struct tern_tokenizer_source *source, const char *lines, size_t bytes,
                                    const json_t *config, tern_error *err)
{
    json_t *const vocab = json_object(), *const added = json_array(),
                  *const named = json_copy((json_t *)(uintptr_t)config);
    const char *role[TERN_ROLES];
    const size_t bad = bytes ? tern_utf8_check((const uint8_t *)lines, bytes) : 0;
    int failed = !named || !vocab || !added || (bad == bytes && put_lines(vocab, added, lines, bytes));
    json_t *root = NULL;
    tern_status status = TERN_OK;
    memcpy(role, usual, sizeof role);
    if (bad < bytes)
        status = tern_fail(err, TERN_FORMAT, "%s: vocab.txt is not UTF-8 at its byte %zu", source->label, bad);
    for (int i = 0; i < (int)TERN_ROLES && !status; i++) {
        if (!json_is_object(json_object_get(config, keys[i])))
            status = tern_json_get_string(config, keys[i], 0, &role[i], source->label, err);
        if (!json_object_get(config, keys[i]))
            failed |= named && json_object_set_new(named, keys[i], json_string(role[i]));
    }
    const int cls = (int)json_integer_value(json_object_get(vocab, role[TERN_CLS])),
              eos = (int)json_integer_value(json_object_get(vocab, role[TERN_SEP]));
    if (!status && !failed && (!json_object_get(vocab, role[TERN_CLS]) || !json_object_get(vocab, role[TERN_SEP])))
        status = tern_fail(err, TERN_FORMAT, "%s: vocab.txt has no line %.40s or %.40s", source->label, role[TERN_CLS],
                           role[TERN_SEP]);
    if (!status && !failed)
        root = json_pack("{s:{s:s, s:s, s:s, s:i, s:O}, s:O, s:{s:s}, s:{s:s, s:[s, i], s:[s, i]}}", "model", "type",
                         "WordPiece", "unk_token", role[TERN_UNK], "continuing_subword_prefix", "##",
                         "max_input_chars_per_word", 100, "vocab", vocab, "added_tokens", added, "pre_tokenizer",
                         "type", "WhitespaceSplit", "post_processor", "type", "BertProcessing", "sep", role[TERN_SEP],
                         eos, "cls", role[TERN_CLS], cls);
    if (!status)
        status = root ? tern_tokenizer_from_json(source, root, named, err) : tern_fail_nomem(err, source->label, bytes);
    json_decref(root);
    json_decref(named);
    json_decref(added);
    json_decref(vocab);
    return status;
}
