/* Building a tokenizer from the parts of a .tern file: what is refused and how it says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#define SETTINGS(more)                                                                                                 \
    "{\"clean_text\":true,\"chinese_chars\":true,\"strip_accents\":true,\"lower_case\":true," more "}"
#define ROLES "\"unk\":{\"content\":\"[UNK]\"},\"cls\":{\"content\":\"[CLS]\"},\"sep\":{\"content\":\"[SEP]\"}"
#define NUMBERS "\"max_word_chars\":100,\"model_pieces\":3,"

static tern_error err;

static void test_bad_parts(void **state)
{
    static const struct {
        const char *vocabulary, *settings, *words;
    } bad[] = {
        {"", SETTINGS(NUMBERS ROLES), "empty"},
        {"[UNK]\n[CLS]\n[SEP]", SETTINGS(NUMBERS ROLES), "last line has no end"},
        {"[UNK]\n[CLS]\n[SEP]\n\xed\xa0\x80\n", SETTINGS(NUMBERS ROLES), "not UTF-8 at its byte 18"},
        {"[UNK]\n[CLS]\n[SEP]\n", "", "JSON"},
        {"[UNK]\n[CLS]\n[SEP]\n", "[]", "not a JSON object"},
        {"[UNK]\n[CLS]\n[SEP]\n", "{}", "clean_text is missing"},
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS(ROLES), "max_word_chars is missing"},
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS("\"max_word_chars\":300," ROLES), "max_word_chars is 300"},
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS("\"max_word_chars\":9,\"model_pieces\":4," ROLES), "model_pieces is 4"},
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS(NUMBERS "\"unk\":{\"content\":\"[UNK]\"}"), "no cls token"},
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS(NUMBERS ROLES), "no list \"added\""},
        {"[UNK]\n[CLS]\n[sep]\n", SETTINGS(NUMBERS ROLES), "sep token \"[SEP]\" is not in the vocabulary"},
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS(NUMBERS ROLES ",\"pad\":{\"content\":\"[PAD]\"}"), "pad token"},
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS(NUMBERS ROLES ",\"added\":[3]"), "no added token"},
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS(NUMBERS ROLES ",\"added\":[{\"content\":\"[SEP]\",\"id\":1}]"), "has id 1"},
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS(NUMBERS ROLES ",\"added\":[{\"content\":\"[SEP]\",\"id\":2,\"special\":3}]"),
         "special must be"},
        /* What a newer version may have added was not seen. */
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS(NUMBERS ROLES ",\"added\":[],\"later\":1"), "the tokenizer says later"},
        {"[UNK]\n[CLS]\n[SEP]\n", SETTINGS(NUMBERS ROLES ",\"added\":[{\"content\":\"[SEP]\",\"later\":true}]"),
         "a token of the tokenizer says later"},
    };
    tern_tokenizer *tokenizer;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(tern_tokenizer_from_parts(&tokenizer, bad[i].vocabulary, strlen(bad[i].vocabulary),
                                                   bad[i].settings, "model.tern", &err),
                         TERN_FORMAT);
        assert_null(tokenizer);
        if (!strstr(err.message, bad[i].words) || !strstr(err.message, "model.tern"))
            fail_msg("\"%s\" does not say \"%s\"", err.message, bad[i].words);
    }
}

static void test_too_many_pieces(void **state)
{
    size_t n = ((size_t)1 << 24) + 1;
    char *lines = malloc(n);
    tern_tokenizer *tokenizer;
    (void)state;

    memset(lines, '\n', n);
    assert_int_equal(tern_tokenizer_from_parts(&tokenizer, lines, n, SETTINGS(NUMBERS ROLES), "x", &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "16777217 pieces, the limit is 16777216"));
    free(lines);
}

/* Once a pointer was computed from the NULL of a list without tokens. */
static void test_no_added_tokens(void **state)
{
    tern_tokenizer *tokenizer;
    static const char pieces[] = "[UNK]\n[CLS]\n[SEP]\n";
    int32_t ids[8];
    const tern_text text = {.text = "[SEP]", .text_bytes = 5};
    tern_tokens out = {.struct_bytes = sizeof out, .capacity = 8, .ids = ids};
    (void)state;

    assert_int_equal(tern_tokenizer_from_parts(&tokenizer, pieces, strlen(pieces),
                                               SETTINGS(NUMBERS ROLES ",\"added\":[]"), "x", &err),
                     TERN_OK);
    assert_int_equal(tern_tokenize(tokenizer, &text, TERN_TRUNCATE_ERROR, &out, &err), TERN_OK);
    assert_int_equal(out.count, 5); /* not special in the text: "[", "SEP", "]" */
    tern_tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_parts),
        cmocka_unit_test(test_too_many_pieces),
        cmocka_unit_test(test_no_added_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
