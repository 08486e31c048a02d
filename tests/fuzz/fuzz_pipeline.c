/* A tokenizer with a pipeline: '=== settings' and '=== table' are what a .tern file holds, '=== tokenizer.json' is read
   instead, '=== model' is a SentencePiece model, '=== text' and '=== pair' go through what was accepted. Ids are ids,
   spans lie in their text, and what is cut is a part of the whole. */
/* COVERS: models/pipeline.c models/normalizers.c models/pretokenizers.c models/patterns.c models/charsmap.c */
/* COVERS: models/compose.c models/classes.c models/line.c models/subwords.c models/bpe.c models/unigram.c */
/* COVERS: models/token_table.c models/trie.c models/template.c models/tokenizer_pipeline.c */
/* COVERS: models/tokenizer_json_pipeline.c models/tokenizer_tables.c models/tokenizer_sentencepiece.c */
#include "models/tokenizer_tables.h"
#include "tests/fuzz/files.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 14 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tokens(const tern_tokenizer *tokenizer, const tern_text *text, const tern_tokens *out)
{
    for (size_t i = 0; i < out->count; i++) {
        const tern_span *span = &out->spans[i];
        const size_t bytes = span->source == 1 ? text->pair_bytes : text->text_bytes;
        fuzz_check(out->ids[i] >= 0 && out->ids[i] < tern_vocab_size(tokenizer));
        fuzz_check(tern_token_text(tokenizer, out->ids[i], NULL) != NULL);
        fuzz_check(span->source >= -1 && span->source <= (text->pair != NULL));
        fuzz_check(span->source >= 0 ? span->end <= bytes : !span->start && !span->end);
    }
}

static void tokenize(const tern_tokenizer *tokenizer, const tern_text *text)
{
    static int32_t ids[2][ROOM], types[2][ROOM];
    static tern_span spans[ROOM];
    tern_tokens all = {.struct_bytes = sizeof all, .capacity = ROOM, .ids = ids[0], .types = types[0], .spans = spans};
    tern_error err;
    const tern_status status = tern_tokenize(tokenizer, text, TERN_TRUNCATE_ERROR, &all, &err);

    if (status) {
        fuzz_check(status == TERN_INPUT || (status == TERN_USAGE && text->pair));
        return;
    }
    check_tokens(tokenizer, text, &all);
    /* Without spans the same; with less room a part. */
    tern_tokens again = {.struct_bytes = sizeof again, .capacity = ROOM, .ids = ids[1], .types = types[1]};
    fuzz_check(!tern_tokenize(tokenizer, text, TERN_TRUNCATE_ERROR, &again, &err));
    fuzz_check(again.count == all.count && !memcmp(ids[0], ids[1], all.count * sizeof **ids));
    again.capacity = 40;
    if (!tern_tokenize(tokenizer, text, TERN_TRUNCATE_TAIL, &again, &err))
        fuzz_check(again.count == (all.count < 40 ? all.count : 40) && again.needed == all.count);
}

/* What a .tern file would hold gives the same tokenizer. */
static void copy(const tern_tokenizer *tokenizer, const tern_text *text)
{
    size_t bytes;
    const char *vocabulary = tern_tokenizer_vocabulary(tokenizer, &bytes);
    char *settings = tern_tokenizer_settings(tokenizer);
    tern_tokenizer *again = NULL;
    fuzz_check(settings && !tern_tokenizer_from_parts(&again, vocabulary, bytes, settings, "copy", NULL));
    tokenize(again, text);
    tern_tokenizer_close(again);
    free(settings);
}

static char *text_of(const char *name, const uint8_t *data, size_t size, size_t *n)
{
    const uint8_t *bytes = fuzz_find_part(name, data, size, n);
    char *out = bytes ? malloc(*n + 1) : NULL; /* aligned, and what is read behind its end is found */
    if (out) {
        memcpy(out, bytes, *n);
        out[*n] = '\0';
    }
    return out;
}

static tern_status from_source(tern_tokenizer **out, struct tern_tokenizer_source *source, tern_status status,
                               tern_error *err)
{
    if (!status) {
        status = tern_tokenizer_build(out, source->vocabulary, source->bytes, 1, source->settings, "fuzz", err);
        source->vocabulary = NULL;
    }
    tern_pieces_free(&source->pieces);
    free(source->vocabulary);
    json_decref(source->settings);
    return status;
}

static tern_status open_json(tern_tokenizer **out, const char *text, size_t n, tern_error *err)
{
    struct tern_tokenizer_source source = {.label = "fuzz"};
    json_t *root = NULL;
    tern_status status = tern_json_parse(&root, text, n, n + 1, "fuzz", err);
    if (!status)
        status = tern_pipeline_from_json(&source, root, NULL, err);
    status = from_source(out, &source, status, err);
    json_decref(root);
    return status;
}

static tern_status open_model(tern_tokenizer **out, const char *bytes, size_t n, tern_error *err)
{
    static const char *const files[] = {"sentencepiece.bpe.model", "spiece.model", "spm.model", "sentencepiece.model"};
    struct tern_tokenizer_source source = {.label = "fuzz"};
    return from_source(out, &source,
                       tern_tokenizer_from_sentencepiece(&source, files[n % 4], (const uint8_t *)bytes, n, NULL,
                                                         n % 5 ? NULL : "camembert", err),
                       err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"text", "pair", "settings", "table", "tokenizer.json", "model"};
    enum { TEXT, PAIR, SETTINGS, TABLE, JSON, MODEL, N };
    char *parts[N];
    size_t n[N];
    tern_tokenizer *tokenizer = NULL;
    tern_error err = {TERN_OK, ""};
    tern_status status = TERN_FORMAT;

    for (int i = 0; i < N; i++)
        parts[i] = text_of(names[i], data, size, &n[i]);
    const tern_text text = {.text = parts[TEXT],
                            .text_bytes = parts[TEXT] ? n[TEXT] : 0,
                            .pair = parts[PAIR],
                            .pair_bytes = parts[PAIR] ? n[PAIR] : 0};
    if (parts[SETTINGS] && parts[TABLE])
        status = tern_tokenizer_from_parts(&tokenizer, parts[TABLE], n[TABLE], parts[SETTINGS], "fuzz", &err);
    else if (parts[JSON])
        status = open_json(&tokenizer, parts[JSON], n[JSON], &err);
    else if (parts[MODEL])
        status = open_model(&tokenizer, parts[MODEL], n[MODEL], &err);
    if (tokenizer) {
        tokenize(tokenizer, &text);
        copy(tokenizer, &text);
    } else if (err.message[0]) {
        fuzz_check(status == TERN_FORMAT);
        fuzz_check_error(&err, status);
    }
    tern_tokenizer_close(tokenizer);
    for (int i = 0; i < N; i++)
        free(parts[i]);
    return 0;
}
