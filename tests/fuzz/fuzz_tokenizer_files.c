/* A folder of a tokenizer: which files it has, and what is in them. What is accepted tokenises, and comes back the same
   through the settings and the vocabulary that a .tern file holds. */
/* COVERS: models/tokenizer_load.c models/tokenizer_source.c models/tokenizer_json.c models/added_tokens.c */
/* COVERS: models/tokenizer_normalizer.c models/tokenizer_esm.c runtime/base/file_kind.c */

#include "models/tokenizer.h"
#include "tests/fuzz/files.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 256 };

static const char *const names[] = {
    "tokenizer.json", "vocab.txt",  "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json",     "merges.txt", "spiece.model",          "sentencepiece.bpe.model", NULL};

/* Tokens of a few texts by both tokenizers: each has a text, and they are the same. A template may refuse pairs. */
static void compare(const tern_tokenizer *a, const tern_tokenizer *b)
{
    static const char *const texts[] = {"", "a ab AB", "\xc3\x89 \xe4\xb8\xad\xe4\xb8\xad.",
                                        "[MASK] <x>a  New Tok\t[SEP]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int32_t ids[2][ROOM], types[2][ROOM];
        tern_tokens first = {.struct_bytes = sizeof first, .capacity = ROOM, .ids = ids[0], .types = types[0]};
        tern_tokens second = {.struct_bytes = sizeof second, .capacity = ROOM, .ids = ids[1], .types = types[1]};
        const tern_text text = {texts[i], strlen(texts[i]), i % 2 ? "b" : NULL, i % 2};
        const tern_status status = tern_tokenize(a, &text, TERN_TRUNCATE_HEAD, &first, NULL);
        fuzz_check(status == tern_tokenize(b, &text, TERN_TRUNCATE_HEAD, &second, NULL) && (!status || text.pair));
        if (status)
            continue;
        fuzz_check(first.count == second.count && first.needed == second.needed);
        fuzz_check(!memcmp(ids[0], ids[1], first.count * sizeof **ids));
        for (size_t k = 0; k < first.count; k++)
            fuzz_check(ids[0][k] >= 0 && ids[0][k] < tern_vocab_size(a) && tern_token_text(a, ids[0][k], NULL));
    }
}

static void check(const tern_tokenizer *tokenizer)
{
    size_t bytes, again_bytes;
    tern_tokenizer *copy = NULL;
    char *settings = tern_tokenizer_settings(tokenizer);
    const char *vocabulary = tern_tokenizer_vocabulary(tokenizer, &bytes);
    fuzz_check(settings && !tern_tokenizer_from_parts(&copy, vocabulary, bytes, settings, "copy", NULL));
    char *again = tern_tokenizer_settings(copy);
    const char *same = tern_tokenizer_vocabulary(copy, &again_bytes);
    fuzz_check(again && !strcmp(settings, again) && bytes == again_bytes && !memcmp(vocabulary, same, bytes));
    compare(tokenizer, copy);
    tern_tokenizer_close(copy);
    free(settings);
    free(again);
}

/* The folder; the single files that may stand for one. */
static void open_one(const char *path)
{
    tern_tokenizer *tokenizer = NULL;
    tern_error err = {TERN_OK, ""};
    const tern_status status = tern_tokenizer_open(&tokenizer, path, &err);
    if (status) {
        fuzz_check(!tokenizer && (status == TERN_FORMAT || status == TERN_IO));
        fuzz_check_error(&err, status);
        return;
    }
    check(tokenizer);
    tern_tokenizer_close(tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[300];
    size_t bytes;
    fuzz_write_parts(fuzz_dir(), names, data, size);
    open_one(fuzz_dir());
    for (int i = 0; i < 2; i++)
        if (fuzz_find_part(names[i], data, size, &bytes)) {
            strcpy(stpcpy(stpcpy(path, fuzz_dir()), "/"), names[i]);
            open_one(path);
        }
    return 0;
}
