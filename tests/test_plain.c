/* What a terminal would obey never reaches it: names and messages with escapes, whatever a file has in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/plain.h"
#include "runtime/base/status.h"

#include <string.h>

static void expect(const char *text, size_t bytes, const char *shown)
{
    char all[200] = "", one[TERN_PLAIN_MAX];
    for (size_t i = 0; i < bytes;) {
        i += tern_plain_next(one, text + i, bytes - i);
        strcat(all, one);
    }
    assert_string_equal(all, shown);
}
#define SHOWS(text, shown) expect(text, sizeof text - 1, shown)

static void test_characters(void **state)
{
    (void)state;
    SHOWS("plain \\ \"text\" ~", "plain \\ \"text\" ~");
    SHOWS("Grüße, \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80", "Grüße, \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80");
    SHOWS("\x1b[31m\x07\x7f", "\\x1b[31m\\x07\\x7f");
    SHOWS("a\tb\nc\rd\0e", "a\\tb\\nc\\rd\\x00e");
    SHOWS("\xc2\x9b"
          "31m \xc2\x80\xc2\xa0",
          "\\u009b31m \\u0080\xc2\xa0"); /* C1's CSI; U+00A0 is none */
    SHOWS("\xe2\x80\xae"
          "gpj.\xe2\x80\xac",
          "\\u202egpj.\\u202c"); /* the override of "Trojan Source" */
    SHOWS("\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", "\\u2066\\u2069\xe2\x81\xaa");
    SHOWS("\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "\\u200e\\u200f\\u061c");
    SHOWS("\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029");
    /* Bytes that are not UTF-8: some of them are C1 to a terminal of 8 bits. */
    SHOWS("\x9b"
          "31m",
          "\\x9b31m");
    SHOWS("\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x80",
          "\\xc0\\x80 \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xe2\\x80");
}

/* Messages once had '?' for the controls of ASCII, and the others as they were. */
static void test_messages(void **state)
{
    tern_error err;
    char name[2000], small[8];
    (void)state;
    assert_int_equal(tern_fail(&err, TERN_IO, "%s: cannot open", "a\x1b]0;\xe2\x80\xae"), TERN_IO);
    assert_string_equal(err.message, "a\\x1b]0;\\u202e: cannot open");
    tern_fail(&err, TERN_IO, "%s", err.message); /* once is enough */
    assert_string_equal(err.message, "a\\x1b]0;\\u202e: cannot open");
    /* A long name is cut between two characters. */
    for (size_t i = 0; i + 2 < sizeof name; i += 2)
        memcpy(name + i, "\xc3\xa9", 3);
    for (int shift = 0; shift < 2; shift++) {
        tern_fail(&err, TERN_IO, "%s%s", shift ? "x" : "", name);
        assert_null(strchr(err.message, '\\'));
        assert_true(strlen(err.message) > sizeof err.message - 4);
    }
    memset(name, '\x1b', sizeof name - 1);
    tern_fail(&err, TERN_IO, "%s", name);
    assert_true(strlen(err.message) < sizeof err.message);
    assert_true(tern_plain_next(small, "\xe2\x80\xae", 3) == 3 && strlen(small) == 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_characters), cmocka_unit_test(test_messages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
