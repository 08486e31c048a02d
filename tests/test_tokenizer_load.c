/* Loading tokenizers: the files of a checkpoint, what is refused and how it says so, failing allocations. */
/* LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/tokenizer.h"
#include "runtime/base/file.h"
#include "tests/make_checkpoint.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VOCAB "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##b\né\ne\nA\n"
#define TEMPLATE_A "{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
#define TEMPLATE_B ",{\"Sequence\":{\"id\":\"B\",\"type_id\":1}},{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":1}}"
#define TEMPLATE_SEP "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}"

static char dir[256];
static tern_error err;

/* ---- Counted allocations, Tern's and jansson's ---- */

static long live, fail_at = -1; /* blocks in use; how many more allocations succeed, -1: all */
static int n_failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static int fails(void)
{
    int now = fail_at == 0;

    fail_at -= fail_at >= 0;
    n_failed += now;
    return now;
}

void *__wrap_malloc(size_t size)
{
    void *block = fails() ? NULL : __real_malloc(size);
    live += block != NULL;
    return block;
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *block = fails() ? NULL : __real_calloc(n, size);
    live += block != NULL;
    return block;
}

void *__wrap_realloc(void *old, size_t size)
{
    void *block = fails() ? NULL : __real_realloc(old, size);
    live += old == NULL && block != NULL;
    return block;
}

void __wrap_free(void *block)
{
    live -= block != NULL;
    __real_free(block);
}

/* ---- Helpers ---- */

/* NULL: the file is not to be there, whether it was or not. */
static void put_file(const char *name, const char *text)
{
    int failed = test_write_file(dir, name, text, text ? strlen(text) : 0);

    assert_true(!failed || text == NULL);
}

static void clear(void)
{
    static const char *const names[] = {"tokenizer.json", "vocab.txt", "tokenizer_config.json",
                                        "special_tokens_map.json", "added_tokens.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put_file(names[i], NULL);
}

/* Opens the directory, or the file `name` in it, and prints the ids of `text`. */
static void expect_ids(const char *name, const char *text, const char *expected)
{
    tern_tokenizer *tokenizer = NULL;
    char path[512], out[512] = "";
    int32_t ids[64];
    const tern_text whole = {.text = text, .text_bytes = strlen(text)};
    tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = 64, .ids = ids};
    size_t at = 0;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (tern_tokenizer_open(&tokenizer, path, &err) != TERN_OK)
        fail_msg("%s", err.message);
    assert_int_equal(tern_tokenize(tokenizer, &whole, TERN_TRUNCATE_ERROR, &tokens, &err), TERN_OK);
    for (size_t i = 0; i < tokens.count; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, i ? " %d" : "%d", (int)ids[i]);
    assert_string_equal(out, expected);
    tern_tokenizer_close(tokenizer);
}

static void expect_refused(const char *name, tern_status status, const char *words)
{
    tern_tokenizer *tokenizer = (tern_tokenizer *)&err;
    char path[512];
    long before = live;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    memset(&err, 0, sizeof err);
    assert_int_equal(tern_tokenizer_open(&tokenizer, path, &err), status);
    assert_null(tokenizer);
    assert_int_equal(err.code, status);
    if (!strstr(err.message, words) || strchr(err.message, '\n'))
        fail_msg("\"%s\" does not say \"%s\"", err.message, words);
    assert_int_equal(live, before);
}

/* ---- vocab.txt ---- */

static void test_vocabulary_files(void **state)
{
    (void)state;
    clear();
    expect_refused("", TERN_IO, "neither tokenizer.json nor vocab.txt");
    expect_refused("absent.txt", TERN_IO, "absent.txt");
    expect_refused("absent.json", TERN_IO, "absent.json");
    put_file("vocab.txt", VOCAB);
    expect_ids("vocab.txt", "A\xc3\xa9 Ab [MASK] [mask]", "2 1 5 7 4 1 1 1 3");
    expect_ids("", "A\xc3\xa9 Ab", "2 1 5 7 3"); /* "ae" has no "##e" */
    expect_ids("", "\xc3\xa9 E", "2 9 9 3");
    /* Line ends as Python reads them; the last one may be missing. */
    put_file("vocab.txt", "[PAD]\r\n[UNK]\r[CLS]\n[SEP]\r\n\na\r\nb");
    expect_ids("", "a b", "2 5 6 3");
    put_file("vocab.txt", "");
    expect_refused("", TERN_FORMAT, "vocab.txt: is empty");
    put_file("vocab.txt", "[UNK]\n[CLS]\n");
    expect_refused("", TERN_FORMAT, "sep token \"[SEP]\" is not in the vocabulary");
    put_file("vocab.txt", "[UNK]\n[CLS]\n[SEP]\nx\ny\nx\n");
    expect_ids("", "x y", "1 5 4 2");
    put_file("vocab.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 231508\n");
    expect_refused("", TERN_FORMAT, "vocab.txt: is a Git LFS pointer");
    expect_refused("vocab.txt", TERN_FORMAT, "vocab.txt: is a Git LFS pointer");
    /* The mark was a part of the first token, as it is for Python, and nobody was told. */
    put_file("vocab.txt", "\xef\xbb\xbf" VOCAB);
    expect_refused("", TERN_FORMAT, "vocab.txt: begins with a byte order mark");
    expect_refused("vocab.txt", TERN_FORMAT, "vocab.txt: begins with a byte order mark");
    put_file("vocab.txt", "[UNK]\n[CLS]\n[SEP]\nx\xff\n");
    expect_refused("", TERN_FORMAT, "not UTF-8 at its byte 19");
}

static void test_configurations(void **state)
{
    (void)state;
    clear();
    put_file("vocab.txt", VOCAB);
    put_file("tokenizer_config.json", "{\"do_lower_case\": false}");
    expect_ids("", "A \xc3\xa9 E", "2 10 8 1 3");
    put_file("tokenizer_config.json", "{\"do_lower_case\": false, \"strip_accents\": true}");
    expect_ids("", "A \xc3\xa9", "2 10 9 3");
    put_file("tokenizer_config.json", "{\"strip_accents\": false}");
    expect_ids("", "A \xc3\x89", "2 5 8 3");
    put_file("tokenizer_config.json", "{\"strip_accents\": null, \"tokenize_chinese_chars\": false}");
    expect_ids("", "\xc3\x89 a\xe4\xb8\xad", "2 9 1 3");
    put_file("tokenizer_config.json", "{\"do_lower_case\": 1}");
    expect_refused("", TERN_FORMAT, "do_lower_case must be true or false");
    put_file("tokenizer_config.json", "{\"tokenizer_class\": \"RobertaTokenizer\"}");
    expect_refused("", TERN_FORMAT, "tokenizer_class is RobertaTokenizer");
    put_file("tokenizer_config.json", "{\"tokenizer_class\": \"DistilBertTokenizerFast\", \"sep_token\": \"b\"}");
    expect_ids("", "[SEP] b", "2 1 1 1 6 6");
    /* special_tokens_map.json wins, and its objects carry flags. */
    put_file("special_tokens_map.json", "{\"sep_token\": {\"content\": \"e\", \"single_word\": true},"
                                        "\"additional_special_tokens\": [\"<new>\", \"a\"]}");
    expect_ids("", "xex e<new>ab", "2 1 9 11 5 6 9");
    put_file("tokenizer_config.json", "{\"added_tokens_decoder\": {\"11\": {\"content\": \"<x>\", \"special\": false}, "
                                      "\"3\": {\"content\": \"[SEP]\","
                                      "\"lstrip\": true, \"normalized\": false, \"special\": true}}}");
    expect_ids("", "<X>e[SEP]", "2 11 9 3 3"); /* <x> is looked for in lower case; the map is not looked at */
    put_file("tokenizer_config.json", "{\"added_tokens_decoder\": {\"12\": {\"content\": \"<x>\"}}}");
    expect_refused("", TERN_FORMAT, "tokenizer_config.json: added token \"<x>\" has id 12, but no token has id 11");
    put_file("tokenizer_config.json", "{\"added_tokens_decoder\": {\"011\": {\"content\": \"<x>\"}}}");
    expect_refused("", TERN_FORMAT, "the id of added token \"<x>\" is \"011\", which is no number");
    put_file("tokenizer_config.json", "{\"added_tokens_decoder\": {\"4\": {\"content\": \"[SEP]\"}}}");
    expect_refused("", TERN_FORMAT, "has id 4, where Hugging Face's numbering gives 3");
    put_file("tokenizer_config.json", "[]");
    expect_refused("", TERN_FORMAT, "not a JSON object");
    put_file("tokenizer_config.json", NULL);
    put_file("special_tokens_map.json", "{\"cls_token\": 7}");
    expect_refused("", TERN_FORMAT, "neither a string nor an object");
    put_file("special_tokens_map.json", NULL);
    put_file("added_tokens.json", "{\"<x>\": 11}"); /* was refused */
    expect_ids("", "a <x> <X>", "2 5 11 11 3");
    put_file("added_tokens.json", "{\"<x>\": 12}");
    expect_refused("", TERN_FORMAT, "added_tokens.json: added token \"<x>\" has id 12, but no token has id 11");
    put_file("added_tokens.json", "{\"<x>\": 11, \"<y>\": 11}");
    expect_refused("", TERN_FORMAT, "two tokens the id 11");
    put_file("added_tokens.json", "{\"<x>\": \"11\"}");
    expect_refused("", TERN_FORMAT, "gives \"<x>\" no id");
    put_file("added_tokens.json", "{\"a\": 11}");
    expect_refused("", TERN_FORMAT, "has id 11, where Hugging Face's numbering gives 5");
    /* two lines "a": Hugging Face would give <x> the id of the last line */
    put_file("vocab.txt", VOCAB "a\n");
    put_file("added_tokens.json", NULL);
    put_file("special_tokens_map.json", "{\"additional_special_tokens\": [\"<x>\"]}");
    expect_refused("", TERN_FORMAT, "1 lines of the vocabulary are there twice");
    put_file("added_tokens.json", "{\"<x>\": 12}");
    expect_ids("", "a <x> <X>", "2 11 12 1 1 1 3");
    put_file("special_tokens_map.json", NULL);
    put_file("added_tokens.json", "{}");
    put_file("vocab.txt", VOCAB);
    expect_ids("", "a", "2 5 3");
}

/* ---- tokenizer.json ---- */

struct edit {
    const char *from, *to, *words;
};

static const char good_json[] =
    "{\"version\":\"1.0\",\"truncation\":{\"max_length\":3},\"padding\":null,\"added_tokens\":[{\"id\":6,\"content\":"
    "\"<x>\","
    "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true}],"
    "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":"
    "null,"
    "\"lowercase\":true},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"post_processor\":{\"type\":"
    "\"TemplateProcessing\","
    "\"single\":[" TEMPLATE_A TEMPLATE_SEP "],\"pair\":[" TEMPLATE_A TEMPLATE_SEP TEMPLATE_B "],\"special_tokens\":{"
    "\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[1],\"tokens\":[\"[CLS]\"]},\"[SEP]\":{\"id\":\"[SEP]\",\"ids\":[2],"
    "\"tokens\":[\"[SEP]\"]}}},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
    "\"max_input_chars_per_word\":100,\"vocab\":{\"[CLS]\":1,\"[UNK]\":0,\"[SEP]\":2,\"a\":5,\"##b\":3,\"e\":4}}}";

static char *edited(const struct edit *edit)
{
    const char *at = strstr(good_json, edit->from);
    char *text = malloc(sizeof good_json + strlen(edit->to));

    assert_non_null(at);
    sprintf(text, "%.*s%s%s", (int)(at - good_json), good_json, edit->to, at + strlen(edit->from));
    return text;
}

static void test_tokenizer_json(void **state)
{
    static const struct edit good[] = {
        {"\"version\"", "\"version\"", "1 5 3 0 6 4 2"},
        {"\"lowercase\":true", "\"lowercase\":false", "1 0 0 6 0 2"},
        {"\"max_input_chars_per_word\":100", "\"max_input_chars_per_word\":1", "1 0 0 6 4 2"},
        {"{\"type\":\"TemplateProcessing\",",
         "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",2],\"cls\":[\"[CLS]\",1],", "1 5 3 0 6 4 2"},
        {"\"strip_accents\":null", "\"strip_accents\":false", "1 5 3 0 6 0 2"},
        /* What tokenizer.c cannot express: another pipeline, or other special tokens. */
        {"\"BertNormalizer\"", "\"Lowercase\"", "1 5 3 0 6 0 2"},
        {"{\"type\":\"BertPreTokenizer\"}", "null", "1 0 6 4 2"},
        {"\"##\"", "\"@@\"", "1 0 0 6 4 2"},
        {":100,", ":257,", "1 5 3 0 6 4 2"},
        {"\"ids\":[1]", "\"ids\":[1,2]", "1 2 5 3 0 6 4 2"},
    };
    (void)state;
    clear();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char *text = edited(&good[i]);
        put_file("tokenizer.json", text);
        expect_ids("tokenizer.json", "Ab AE <x>\xc3\x89", good[i].words);
        expect_ids("", "Ab AE <x>\xc3\x89", good[i].words);
        free(text);
    }
    put_file("tokenizer.json", good_json);
    put_file("tokenizer_config.json", "{\"do_lower_case\": false, \"tokenizer_class\": \"PreTrainedTokenizerFast\"}");
    expect_ids("", "Ab ab", "1 0 5 3 2"); /* as BertTokenizerFast does, the configuration overrides */
}

/* What other files name beside tokenizer.json was ignored. transformers adds tokens that it does not have, in whichever
   of these files they are, and takes the flags of added_tokens_decoder. */
static void test_beside_tokenizer_json(void **state)
{
#define DECODER(more) "{\"added_tokens_decoder\": {\"6\": {\"content\": \"<x>\", \"special\": true" more "}}}"
    static const struct {
        const char *config, *special, *old, *says; /* says NULL: it is read */
    } cases[] = {
        {NULL, NULL, "{\"<x>\": 6}", NULL},
        {NULL, NULL, "{\"<y>\": 6}",
         "added_tokens.json: token \"<y>\" is not among the added_tokens of tokenizer.json"},
        {NULL, NULL, "{\"<x>\": 7}", "added_tokens.json: token \"<x>\" has another id than in tokenizer.json"},
        {NULL, NULL, "{\"<x>\": \"6\"}", "has another id"},
        {DECODER(), NULL, NULL, NULL},
        {DECODER(), "{\"additional_special_tokens\": [\"<y>\"]}", "{\"<y>\": 7}", NULL}, /* ignored beside it */
        {DECODER(", \"lstrip\": true"), NULL, NULL, "tokenizer_config.json: token \"<x>\" has other flags than"},
        {"{\"added_tokens_decoder\": {\"6\": {\"content\": \"<x>\"}}}", NULL, NULL, "has other flags than"},
        {"{\"added_tokens_decoder\": {\"7\": {\"content\": \"<x>\", \"special\": true}}}", NULL, NULL, "another id"},
        {"{\"additional_special_tokens\": [\"<x>\"]}", NULL, NULL, NULL},
        {"{\"additional_special_tokens\": [\"<y>\"]}", NULL, NULL, "tokenizer_config.json: token \"<y>\" is not among"},
        {"{\"extra_special_tokens\": {}}", NULL, NULL, NULL},
        {"{\"extra_special_tokens\": {\"y_token\": \"<y>\"}}", NULL, NULL, "only a list of additional or extra"},
        {"{\"mask_token\": \"<x>\"}", "{\"pad_token\": \"<x>\"}", NULL, NULL},
        {NULL, "{\"pad_token\": \"<y>\"}", NULL, "or special_tokens_map.json: token \"<y>\" is not among"},
        {NULL, "{\"cls_token\": {\"content\": \"<y>\"}}", NULL, "\"<y>\" is not among"},
        {NULL, "{\"cls_token\": 7}", NULL, "neither a string nor an object"},
    };
#undef DECODER
    (void)state;
    clear();
    put_file("tokenizer.json", good_json);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put_file("tokenizer_config.json", cases[i].config);
        put_file("special_tokens_map.json", cases[i].special);
        put_file("added_tokens.json", cases[i].old);
        if (cases[i].says)
            expect_refused("", TERN_FORMAT, cases[i].says);
        else
            expect_ids("", "a <x>", "1 5 6 2");
    }
}

static void test_bad_tokenizer_json(void **state)
{
    static const struct edit bad[] = {
        {"{\"version\"", "{\"version\":1,\"version\"", "duplicate key version"},
        {"\"WordPiece\"", "\"BPE\"", "continuing_subword_prefix of model BPE is not supported"},
        {"\"WordPiece\"", "\"WordLevel\"", "continuing_subword_prefix of model WordLevel is not supported"},
        {"\"BertNormalizer\"", "\"ByteLevel\"", "normalizer ByteLevel is not supported"},
        {"{\"type\":\"BertPreTokenizer\"}", "{\"type\":\"UnicodeScripts\"}", "UnicodeScripts is not supported"},
        {":100,", ":0,", "max_input_chars_per_word"},
        {"TemplateProcessing", "RobertaProcessing", "cls of post_processor is not a token with its id"},
        {"\"id\":\"A\"", "\"id\":\"B\"", "has its texts in another order than A, B"},
        {"\"ids\":[1]", "\"ids\":[]", "special token \"[CLS]\" of post_processor has no ids"},
        {"\"ids\":[1]", "\"ids\":[7]", "post_processor has a token with id 7 among 7"},
        {"\"a\":5", "\"a\":6", "ids must have no gaps"},
        {"\"a\":5", "\"a\":4", "have the same id 4"},
        {"\"a\":5", "\"a\":-1", "has no id"},
        {"\"a\":5", "\"a\":5.0", "has no id"},
        {"\"a\":5", "\"a\\nb\":5", "line break"},
        {"\"unk_token\":\"[UNK]\"", "\"unk_token\":\"[unk]\"", "unk token \"[unk]\" is not in the vocabulary"},
        {"\"id\":6,", "\"id\":7,", "has id 7, where Hugging Face's numbering gives 6"},
        {"\"id\":6,", "", "id is missing"},
        {"\"lstrip\":false,", "", "lstrip is missing"},
        {"\"lstrip\":false,", "\"lstrip\":0,", "lstrip must be true or false"},
        {"\"content\":\"<x>\"", "\"content\":\"\"", "empty"},
        {"\"content\":\"<x>\"", "\"content\":\"[SEP]\"", "has id 6"},
        {"\"content\":\"<x>\"", "\"content\":\"<\\n>\"", "line break"},
        {"<x>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false",
         "\\u0301\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":true", "nothing is left"},
        {"\"vocab\":{", "\"v\":{", "model.vocab"},
        {"[{\"id\":6,",
         "[{\"id\":2,\"content\":\"[SEP]\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":"
         "false,"
         "\"special\":true},{\"id\":2,\"content\":\"[SEP]\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
         "\"normalized\":false,\"special\":true},{\"id\":6,",
         "token 2 is added twice"},
        {"[{\"id\":6,",
         "[{\"id\":6,\"content\":\"<x>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
         "\"special\":true},{\"id\":7,",
         "has id 6, but it is piece 7"},
    };
    (void)state;
    clear();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *text = edited(&bad[i]);
        put_file("tokenizer.json", text);
        expect_refused("", TERN_FORMAT, bad[i].words);
        free(text);
    }
    put_file("tokenizer.json", "[]");
    expect_refused("", TERN_FORMAT, "not a JSON object");
    expect_refused("tokenizer.json", TERN_FORMAT, "model.vocab has no pieces");
}

/* ---- Failing allocations ---- */

static tern_status open_and_copy(const char *path)
{
    tern_tokenizer *first = NULL, *second = NULL;
    tern_status status = tern_tokenizer_open(&first, path, &err);
    char *settings;
    size_t bytes;

    if (status != TERN_OK)
        return status;
    settings = tern_tokenizer_settings(first);
    status = settings == NULL ? tern_fail_nomem(&err, "x", 1)
                              : tern_tokenizer_from_parts(&second, tern_tokenizer_vocabulary(first, &bytes), bytes,
                                                          settings, "x", &err);
    free(settings);
    tern_tokenizer_close(second);
    tern_tokenizer_close(first);
    return status;
}

static void test_failing_allocations(void **state)
{
    long total[3] = {0, 0, 0};
    (void)state;

    clear();
    put_file("vocab.txt", VOCAB);
    put_file("tokenizer_config.json",
             "{\"do_lower_case\":true,\"added_tokens_decoder\":{\"11\":{\"content\":\"<X>\"}}}");
    for (int kind = 0; kind < 3; kind++) { /* vocab.txt, tokenizer.json, vocab.txt with added_tokens.json */
        long before = live, n = 0;
        put_file("tokenizer.json", kind == 1 ? good_json : NULL);
        if (kind == 1)
            put_file("tokenizer_config.json", "{\"additional_special_tokens\":[\"<x>\"]}");
        if (kind == 2) {
            put_file("tokenizer_config.json", NULL);
            put_file("added_tokens.json", "{\"<x>\": 11, \"<y>\": 12}");
        }
        for (;; n++) {
            memset(&err, 0, sizeof err);
            fail_at = n;
            n_failed = 0;
            tern_status status = open_and_copy(dir);
            fail_at = -1;
            if (live != before)
                fail_msg("allocation %ld: %ld blocks leaked, %s", n, live - before, err.message);
            if (n_failed == 0) {
                assert_int_equal(status, TERN_OK);
                break;
            }
            if (status != TERN_NOMEM || err.code != TERN_NOMEM)
                fail_msg("allocation %ld: %s, %s", n, tern_status_name(status), err.message);
        }
        total[kind] = n;
    }
    assert_true(total[0] > 50 && total[1] > 50 && total[2] > 50);
}

static int setup(void **state)
{
    (void)state;
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    test_temp_dir(dir, sizeof dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vocabulary_files),      cmocka_unit_test(test_configurations),
        cmocka_unit_test(test_tokenizer_json),        cmocka_unit_test(test_bad_tokenizer_json),
        cmocka_unit_test(test_beside_tokenizer_json), cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
