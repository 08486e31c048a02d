/* The first byte chooses. 'p': a vocabulary, a zero byte, settings; 'j': a tokenizer.json; anything else: a text and,
   after a zero byte, its pair. What is accepted must tokenise; truncation must give parts of the whole; UTF-8 is
   refused exactly where it is wrong. */
/* COVERS: models/tokenizer_parts.c models/tokenizer.c models/wordpiece.c models/truncate.c */
/* COVERS: models/normalize.c models/unicode.c */
#include "models/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char vocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##a\n##b\nab\n##ab\n\xc3\xa9\ne\n##e\n.\n#\n##\n<x>\n"
    "New Tok\n foo\n\xe4\xb8\xad\nab.\n\xc4\xb0s\n";

static const char settings[] =
    "{\"clean_text\":true,\"chinese_chars\":true,\"strip_accents\":true,\"lower_case\":true,\"max_word_chars\":100,"
    "\"model_pieces\":17,\"unk\":{\"content\":\"[UNK]\"},\"cls\":{\"content\":\"[CLS]\"},\"sep\":{\"content\":\"[SEP]"
    "\"},"
    "\"added\":[{\"content\":\"[SEP]\",\"special\":true},{\"content\":\"<x>\",\"lstrip\":true,\"rstrip\":true},"
    "{\"content\":\"New Tok\",\"normalized\":true},{\"content\":\" foo\",\"single_word\":true},"
    "{\"content\":\"ab.\",\"normalized\":true,\"single_word\":true},{\"content\":\"\xc4\xb0s\",\"normalized\":true,"
    "\"rstrip\":true}]}";

static void check(int holds)
{
    if (!holds)
        abort();
}

/* The bytes that must be there if the text is to be refused. */
static int is_utf8(const uint8_t *text, size_t n)
{
    return tern_utf8_check(text, n) == n;
}

/* Special tokens stand nowhere; a span lies in its text. */
static void check_span(const tern_text *text, const tern_span *span)
{
    const size_t bytes = span->source == 1 ? text->pair_bytes : text->text_bytes;
    check(span->source >= -1 && span->source <= (text->pair != NULL));
    check(span->source >= 0 ? span->start <= span->end && span->end <= bytes : !span->start && !span->end);
}

static void tokenize(const tern_tokenizer *tokenizer, const char *text, size_t n, const char *pair, size_t n_pair,
                     size_t capacity)
{
    static int32_t whole[ROOM], types[ROOM];
    static tern_span spans[ROOM];
    const tern_text input = {text, n, pair, n_pair};
    tern_tokens all = {.struct_bytes = sizeof all, .capacity = ROOM, .ids = whole, .types = types, .spans = spans};
    tern_error err;
    size_t n_first = 1;
    const tern_status status = tern_tokenize(tokenizer, &input, TERN_TRUNCATE_ERROR, &all, &err);
    const size_t n_whole = all.count;

    if (status == TERN_INPUT && all.needed > ROOM)
        return;
    if (!is_utf8((const uint8_t *)text, n) || (pair && !is_utf8((const uint8_t *)pair, n_pair))) {
        check(status == TERN_INPUT && all.needed == 0);
        return;
    }
    check(status == TERN_OK && n_whole >= 2);
    while (n_first < n_whole && types[n_first] == 0)
        n_first++;
    for (size_t i = 0; i < n_whole; i++) {
        check(tern_token_text(tokenizer, whole[i], NULL) != NULL);
        check_span(&input, &spans[i]);
    }
    for (int tail = 0; tail < 2; tail++) {
        int32_t *part = malloc(capacity * sizeof *part), *part_types = malloc(capacity * sizeof *part);
        tern_span *part_spans = malloc(capacity * sizeof *part_spans);
        tern_tokens kept = {
            .struct_bytes = sizeof kept, .capacity = capacity, .ids = part, .types = part_types, .spans = part_spans};
        check(part && part_types && part_spans);
        check(!tern_tokenize(tokenizer, &input, tail ? TERN_TRUNCATE_TAIL : TERN_TRUNCATE_HEAD, &kept, &err));
        const size_t n_part = kept.count;
        check(n_part == (n_whole < capacity ? n_whole : capacity) && kept.needed == n_whole);
        /* [CLS], a part of the first side, [SEP] and perhaps a part of the second, [SEP]. */
        size_t first = 1;
        while (first < n_part && part_types[first] == 0)
            first++;
        const size_t skipped = tail ? n_first - first : 0;
        const int32_t *from = whole + skipped;
        check(part[0] == whole[0] && part[first - 1] == whole[n_first - 1]);
        check(memcmp(part + 1, from + 1, (first - 2) * sizeof *part) == 0);
        for (size_t i = 1; i < first - 1; i++)
            check(part_spans[i].start == spans[skipped + i].start && part_spans[i].end == spans[skipped + i].end);
        if (pair) {
            size_t rest = n_part - first;
            check(memcmp(part + first, tail ? whole + n_whole - rest : whole + n_first, (rest - 1) * sizeof *part) ==
                  0);
        }
        free(part);
        free(part_types);
        free(part_spans);
    }
}

/* Of static embeddings: no special tokens, no pairs, and a text that is too long is refused or cut. */
static void tokenize_bare(const tern_tokenizer *tokenizer, const char *text, size_t n)
{
    static int32_t ids[ROOM];
    static tern_span spans[ROOM];
    static const tern_truncate ways[] = {TERN_TRUNCATE_ERROR, TERN_TRUNCATE_HEAD, TERN_TRUNCATE_TAIL};
    const tern_text input = {.text = text, .text_bytes = n};
    for (int i = 0; i < 3; i++) {
        tern_tokens out = {.struct_bytes = sizeof out, .capacity = ROOM, .ids = ids, .spans = spans};
        tern_error err = {TERN_OK, ""};
        const tern_status status = tern_tokenize(tokenizer, &input, ways[i], &out, &err);
        check(status == TERN_OK || (status == TERN_INPUT && err.message[0]));
        check(is_utf8((const uint8_t *)text, n) || status);
        for (size_t j = 0; !status && j < out.count; j++) {
            check(tern_token_text(tokenizer, ids[j], NULL) != NULL);
            check_span(&input, &spans[j]);
        }
    }
}

static void parts(const char *text, size_t n)
{
    const char *zero = memchr(text, 0, n);
    size_t bytes = zero ? (size_t)(zero - text) : n;
    char *own = malloc(n - bytes + 1);
    tern_tokenizer *tokenizer = NULL;
    tern_error err;

    check(own != NULL);
    memcpy(own, zero ? zero + 1 : "", zero ? n - bytes - 1 : 0);
    own[zero ? n - bytes - 1 : 0] = '\0';
    tern_status status = tern_tokenizer_from_parts(&tokenizer, text, bytes, zero ? own : settings, "fuzz", &err);
    check(status == TERN_OK ? tokenizer != NULL : status == TERN_FORMAT && tokenizer == NULL && err.message[0]);
    if (tokenizer) {
        if (tokenizer->bare)
            tokenize_bare(tokenizer, text, bytes);
        else if (!tokenizer->settings)
            tokenize(tokenizer, text, bytes, own, strlen(own), 16);
        char *again = tern_tokenizer_settings(tokenizer);
        tern_tokenizer *copy = NULL;
        check(again && tern_tokenizer_from_parts(&copy, text, bytes, again, "fuzz", &err) == TERN_OK);
        tern_tokenizer_close(copy);
        free(again);
    }
    tern_tokenizer_close(tokenizer);
    free(own);
}

static void json(const char *text, size_t n)
{
    struct tern_tokenizer_source source = {.label = "fuzz"};
    tern_tokenizer *tokenizer = NULL;
    json_t *root = NULL;
    tern_error err;
    tern_status status = tern_json_parse(&root, text, n, n + 1, "fuzz", &err);

    if (status == TERN_OK)
        status = tern_tokenizer_from_json(&source, root, NULL, &err);
    if (status == TERN_OK) {
        status = tern_tokenizer_build(&tokenizer, source.vocabulary, source.bytes, 1, source.settings, "fuzz", &err);
        source.vocabulary = NULL;
    }
    check(status == TERN_OK || (status == TERN_FORMAT && err.message[0]));
    if (tokenizer && tokenizer->bare)
        tokenize_bare(tokenizer, text, n);
    else if (tokenizer && !tokenizer->settings) /* pipelines have a target of their own */
        tokenize(tokenizer, text, n, NULL, 0, 5);
    tern_tokenizer_close(tokenizer);
    tern_pieces_free(&source.pieces);
    free(source.vocabulary);
    json_decref(source.settings);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tern_tokenizer *tokenizer; /* lives as long as the fuzzer */
    tern_error err;

    if (size == 0)
        return 0;
    if (tokenizer == NULL)
        check(tern_tokenizer_from_parts(&tokenizer, vocabulary, sizeof vocabulary - 1, settings, "fuzz", &err) ==
              TERN_OK);
    const char *text = (const char *)data + 1;
    size_t n = size - 1;
    if (data[0] == 'p') {
        parts(text, n);
    } else if (data[0] == 'j') {
        json(text, n);
    } else {
        const char *pair = memchr(text, 0, n);
        size_t bytes = pair ? (size_t)(pair - text) : n;
        tokenize(tokenizer, text, bytes, pair ? pair + 1 : NULL, pair ? n - bytes - 1 : 0, 3 + data[0] % 40);
    }
    return 0;
}
