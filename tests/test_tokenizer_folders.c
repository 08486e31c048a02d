/* Tokenizer folders of every spelling give the ids of Hugging Face's own: blank and doubled vocabulary lines (before,
   refused as "the same piece"), added_tokens.json (refused), a normalizer in a Sequence (refused as "Sequence"). */
#include "models/json.h"
#include "models/tokenizer.h"
#include "models/unicode.h"
#include "quant/tern_convert.h"
#include "runtime/base/file.h"
#include "tests/make_checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/"

static char dir[256];
static tern_error err;

/* The ids of a text as they are written in the list. */
static void ids_of(const tern_tokenizer *tokenizer, const char *text, size_t n, char *out, size_t capacity)
{
    int32_t ids[128];
    const tern_text whole = {.text = text, .text_bytes = n};
    tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = 128, .ids = ids};
    size_t at = 0;
    assert_int_equal(tern_tokenize(tokenizer, &whole, TERN_TRUNCATE_ERROR, &tokens, &err), TERN_OK);
    for (size_t i = 0; i < tokens.count; i++)
        at += (size_t)snprintf(out + at, capacity - at, i ? " %d" : "%d", (int)ids[i]);
}

/* tests/golden/tokenizers/ids.txt, by make_tokenizers.py. */
static void test_golden(void **state)
{
    char *list = NULL;
    int n = 0;
    (void)state;
    assert_int_equal(tern_read_text(&list, NULL, GOLDEN "tokenizers/ids.txt", 1 << 20, 0, &err), TERN_OK);
    for (char *line = list; *line; n++) {
        char *text = strchr(line, '\t'), *ids = strchr(text + 1, '\t'), *end = strchr(ids, '\n'), *zero;
        char path[300], found[1024] = "";
        tern_tokenizer *tokenizer = NULL;
        *text++ = *ids++ = *end = '\0';
        size_t bytes = strlen(text);
        if ((zero = strstr(text, "\\0")) != NULL) { /* as the list has it */
            *zero = '\0';
            memmove(zero + 1, zero + 2, (size_t)(text + bytes - zero - 2));
            bytes--;
        }
        snprintf(path, sizeof path, GOLDEN "%s", line);
        if (tern_tokenizer_open(&tokenizer, path, &err) != TERN_OK)
            fail_msg("%s", err.message);
        ids_of(tokenizer, text, bytes, found, sizeof found);
        if (strcmp(found, ids) != 0)
            fail_msg("%s: \"%s\" gives %s, not %s", line, text, found, ids);
        /* and so it stays on its way through a .tern file */
        char *settings = tern_tokenizer_settings(tokenizer);
        tern_tokenizer *copy = NULL;
        const char *vocabulary = tern_tokenizer_vocabulary(tokenizer, &bytes);
        if (tern_tokenizer_from_parts(&copy, vocabulary, bytes, settings, "copy", &err) != TERN_OK)
            fail_msg("%s", err.message);
        tern_tokenizer_close(copy);
        tern_tokenizer_close(tokenizer);
        free(settings);
        line = end + 1;
    }
    free(list);
    assert_true(n > 200);
}

/* The facts that models/tokenizer_normalizer.c builds on, for every character: lower case touches neither what is
   cleaned or spaced nor what is stripped, and decomposition none of the first two. */
static void test_normalizers_commute(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        uint32_t second = 0, parts[TERN_DECOMPOSED_MAX];
        const uint32_t lower = tern_lower(c, &second);
        const int class = tern_order_class(c), n = tern_decompose(c, parts);
        if (c >= 0xd800 && c < 0xe000)
            continue;
        if (tern_is_control(c) != tern_is_control(lower) || tern_is_space(c) != tern_is_space(lower) ||
            tern_is_chinese(c) != tern_is_chinese(lower) || class != tern_order_class(lower) ||
            (second && tern_order_class(second) != TERN_ORDER_DROPPED))
            fail_msg("U+%04X and its lower case differ", (unsigned)c);
        for (int i = 0; i < n; i++)
            if (tern_is_control(c) != tern_is_control(parts[i]) || tern_is_space(c) != tern_is_space(parts[i]) ||
                (i == 0 && tern_is_chinese(c) != tern_is_chinese(parts[i])))
                fail_msg("U+%04X and its decomposition differ", (unsigned)c);
    }
}

static void test_refused(void **state)
{
#define BERT                                                                                                           \
    "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"lowercase\":true,\"strip_"       \
    "accents\":"
#define SEQUENCE(list) "{\"type\":\"Sequence\",\"normalizers\":[" list "]}"
    static const struct {
        const char *normalizer, *config, *says; /* says NULL: it is read */
    } cases[] = {
        {BERT "null}", NULL, NULL},
        {BERT "null}", "{\"do_lower_case\":false}", NULL},
        {SEQUENCE(BERT "null}"), "{\"do_lower_case\":true,\"strip_accents\":null}", NULL},
        {SEQUENCE(BERT "null}"), "{\"do_lower_case\":false}", "tokenizer_config.json's do_lower_case"},
        {SEQUENCE(BERT "null}"), "{\"strip_accents\":false}", "tokenizer_config.json's do_lower_case"},
        {SEQUENCE(BERT "null}"), "{\"tokenize_chinese_chars\":false}", "tokenizer_config.json's do_lower_case"},
        {"null", "{\"do_lower_case\":true}", "tokenizer_config.json's do_lower_case"},
        {SEQUENCE("{\"type\":\"NFKC\"}," BERT "null}"), NULL, NULL},
        {SEQUENCE("{\"type\":\"NFD\"},{\"type\":\"StripAccents\"}"), NULL, NULL},
        {SEQUENCE(BERT "true}," BERT "true}"), NULL, NULL},
        {SEQUENCE("{\"type\":\"Replace\"}"), NULL, "content is missing"},
        {SEQUENCE("{\"type\":\"Replace\",\"content\":\"\"}"), NULL, "Replace has no pattern"},
        {SEQUENCE("{\"type\":\"Replace\",\"content\":\"\",\"pattern\":{\"Regex\":\"a|b\"}}"), NULL,
         "expression a|b of Replace is not supported"},
        {SEQUENCE("{\"type\":\"Precompiled\"},{\"type\":\"Precompiled\"}"), NULL, "only one Precompiled"},
        {SEQUENCE("{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"a\"}"), NULL, "is not base64"},
        {SEQUENCE("{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"////\"}"), NULL, "is cut off after 3 bytes"},
        {SEQUENCE("{\"type\":\"Other\"}"), NULL, "normalizer Other is not supported"},
        {"{\"type\":\"Sequence\"}", NULL, "no list"},
        {SEQUENCE("7"), NULL, "type is missing"},
        {"{}", NULL, "type is missing"},
        {SEQUENCE(BERT "7}"), NULL, "strip_accents must be true or false"},
    };
    json_t *root = NULL;

    (void)state;
    test_temp_dir(dir, sizeof dir);
    assert_int_equal(tern_json_read_file(&root, GOLDEN "tokenizers/bert/tokenizer.json", 1 << 20, 0, &err), TERN_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *normalizer = NULL;
        tern_tokenizer *tokenizer = NULL;
        assert_int_equal(
            tern_json_parse(&normalizer, cases[i].normalizer, strlen(cases[i].normalizer), 100, "case", &err), TERN_OK);
        json_object_set_new(root, "normalizer", normalizer);
        char *text = json_dumps(root, 0);
        test_write_file(dir, "tokenizer.json", text, strlen(text));
        test_write_file(dir, "tokenizer_config.json", cases[i].config, cases[i].config ? strlen(cases[i].config) : 0);
        free(text);
        const tern_status status = tern_tokenizer_open(&tokenizer, dir, &err);
        if (status != (cases[i].says ? TERN_FORMAT : TERN_OK) || (cases[i].says && !strstr(err.message, cases[i].says)))
            fail_msg("case %zu: %d %s", i, (int)status, err.message);
        tern_tokenizer_close(tokenizer);
    }
    json_decref(root);
    test_remove_dir(dir);
}

/* More tokens than rows of word embeddings: refused with the remedy. Fewer, and blank lines behind the last, are fine.
 */
static void test_rows(void **state)
{
    static const struct test_checkpoint_spec spec = {
        .layers = 1, .hidden = 12, .heads = 2, .intermediate = 20, .vocab = 30};
    static const struct {
        const char *more;
        int missing;
        const char *says;
    } cases[] = {{"", 0, NULL},
                 {"", 3, NULL},
                 {"\n\n\n", 0, NULL},
                 {"one\n", 0, "the tokenizer has 31 tokens, the word embeddings 30 rows"},
                 {"\n\nlast\n", 0, "resize_token_embeddings(33)"}};
    char *vocabulary, path[300], out[300];
    size_t size;

    (void)state;
    test_temp_dir(dir, sizeof dir);
    assert_int_equal(test_write_checkpoint(dir, &spec), 0);
    snprintf(path, sizeof path, "%s/vocab.txt", dir);
    snprintf(out, sizeof out, "%s/out.tern", dir);
    vocabulary = test_read_file(path, &size);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[4096];
        size_t n = size;
        tern_model *model = NULL;
        memcpy(text, vocabulary, size);
        for (int line = 0; line < cases[i].missing; line++)
            do
                n--;
            while (text[n - 1] != '\n');
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", cases[i].more);
        test_write_file(dir, "vocab.txt", text, n);
        const tern_status status = tern_convert(dir, out, NULL, &err);
        if (status != (cases[i].says ? TERN_FORMAT : TERN_OK) || (cases[i].says && !strstr(err.message, cases[i].says)))
            fail_msg("case %zu: %d %s", i, (int)status, err.message);
        if (status == TERN_OK)
            assert_int_equal(tern_model_open(&model, out, &err), TERN_OK);
        tern_model_close(model);
    }
    free(vocabulary);
    test_remove_dir(dir);
}

/* Files of ESM's that are wrong: what is no UTF-8 was "out of memory", and behind a token that is no string memory was
   read that nothing had been written to. */
static void test_esm_refused(void **state)
{
    static const struct {
        const char *config, *vocab, *says;
    } cases[] = {
        {"", "<cls>\n<pad>\n<eos>\n<unk>\nA\n<mask>\n", NULL},
        {"", "<cls>\n<pad>\n<eos>\n<unk>\nA\n\xff\n", "vocab.txt is not UTF-8 at its byte 26"},
        {"", "<cls>\n<pad>\n<unk>\nA\n", "vocab.txt has no line <cls> or <eos>"},
        {"", "", "vocab.txt has no line <cls> or <eos>"},
        {",\"unk_token\":5", "<cls>\n<pad>\n<eos>\n<unk>\nA\n", "unk_token"},
    };
    (void)state;
    test_temp_dir(dir, sizeof dir);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char config[200];
        tern_tokenizer *tokenizer = NULL;
        const int n = snprintf(config, sizeof config, "{\"tokenizer_class\":\"EsmTokenizer\"%s}", cases[i].config);
        test_write_file(dir, "tokenizer_config.json", config, (size_t)n);
        test_write_file(dir, "vocab.txt", cases[i].vocab, strlen(cases[i].vocab));
        const tern_status status = tern_tokenizer_open(&tokenizer, dir, &err);
        if (status != (cases[i].says ? TERN_FORMAT : TERN_OK) || (cases[i].says && !strstr(err.message, cases[i].says)))
            fail_msg("case %zu: %d %s", i, (int)status, err.message);
        tern_tokenizer_close(tokenizer);
    }
    test_remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_normalizers_commute), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_rows),   cmocka_unit_test(test_esm_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
