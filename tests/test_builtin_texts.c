/* The built-in texts of calibration: well-formed, all different, and as varied as they are there to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/unicode.h"
#include "quant/builtin_texts.h"
#include "quant/check_texts.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 2600, WORDY = 100 /* a text of so many words is a paragraph */ };

/* Blocks of Unicode; what lies in none (digits, punctuation, signs) is of no script. */
static const struct script {
    const char *name;
    uint32_t first, last;
} scripts[] = {
    {"Latin", 'A', 'Z'},
    {"Latin", 'a', 'z'},
    {"Latin with marks", 0xc0, 0x24f},
    {"IPA", 0x250, 0x2af},
    {"combining marks", 0x300, 0x36f},
    {"Greek", 0x370, 0x3ff},
    {"Cyrillic", 0x400, 0x4ff},
    {"Armenian", 0x530, 0x58f},
    {"Hebrew", 0x590, 0x5ff},
    {"Arabic", 0x600, 0x6ff},
    {"Devanagari", 0x900, 0x963},
    {"Bengali", 0x980, 0x9ff},
    {"Gurmukhi", 0xa00, 0xa7f},
    {"Gujarati", 0xa80, 0xaff},
    {"Tamil", 0xb80, 0xbff},
    {"Telugu", 0xc00, 0xc7f},
    {"Kannada", 0xc80, 0xcff},
    {"Malayalam", 0xd00, 0xd7f},
    {"Sinhala", 0xd80, 0xdff},
    {"Thai", 0xe00, 0xe7f},
    {"Lao", 0xe80, 0xeff},
    {"Tibetan", 0xf00, 0xfff},
    {"Burmese", 0x1000, 0x109f},
    {"Georgian", 0x10a0, 0x10ff},
    {"old Korean letters", 0x1100, 0x11ff},
    {"Ethiopic", 0x1200, 0x137f},
    {"Khmer", 0x1780, 0x17ff},
    {"Latin with more marks", 0x1e00, 0x1eff},
    {"Greek with more marks", 0x1f00, 0x1fff},
    {"Hiragana", 0x3040, 0x309f},
    {"Katakana", 0x30a0, 0x30ff},
    {"Chinese characters", 0x4e00, 0x9fff},
    {"Hangul", 0xac00, 0xd7a3},
    {"full and half width", 0xff00, 0xffef},
    {"mathematical letters", 0x1d400, 0x1d7ff},
    {"emoji", 0x1f300, 0x1faff},
};
enum { SCRIPTS = sizeof scripts / sizeof *scripts };

static int script_of(uint32_t c)
{
    for (int i = 0; i < SCRIPTS; i++)
        if (c >= scripts[i].first && c <= scripts[i].last)
            return i;
    return -1;
}

/* The texts, and behind them the sentences. */
enum { ALL = TERN_BUILTIN_TEXTS + TERN_BUILTIN_SENTENCES };

static const char *text_of(int i)
{
    return i < TERN_BUILTIN_TEXTS ? tern_builtin_texts[i] : tern_builtin_sentences[i - TERN_BUILTIN_TEXTS];
}

static void well_formed(void **state)
{
    (void)state;
    for (int i = 0; i < ALL; i++) {
        const char *text = text_of(i);
        const size_t n = strlen(text);
        if (!n || n > MOST_BYTES)
            fail_msg("text %d has %zu bytes", i, n);
        if (tern_utf8_check((const uint8_t *)text, n) != n)
            fail_msg("text %d is not UTF-8: %s", i, text);
        for (const uint8_t *at = (const uint8_t *)text; *at; at++)
            if (*at == 127 || (*at < ' ' && *at != '\n' && *at != '\t'))
                fail_msg("text %d has the control character %d: %s", i, *at, text);
        for (const uint8_t *at = (const uint8_t *)text; *at;)
            if (tern_utf8_next(&at) == 0xfffd)
                fail_msg("text %d has a replacement character, where something was lost: %s", i, text);
    }
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Texts that models are calibrated on would flatter them. */
static void check_texts_apart(void **state)
{
    (void)state;
    for (int i = 0; i < TERN_CHECK_TEXTS; i++) {
        const char *text = tern_check_texts[i];
        assert_int_equal(tern_utf8_check((const uint8_t *)text, strlen(text)), strlen(text));
        for (int j = 0; j < ALL; j++)
            assert_string_not_equal(text, text_of(j));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(text, tern_check_texts[j]);
    }
}

static void all_different(void **state)
{
    const char *sorted[ALL];
    (void)state;
    for (int i = 0; i < ALL; i++)
        sorted[i] = text_of(i);
    qsort(sorted, ALL, sizeof *sorted, by_bytes);
    for (int i = 1; i < ALL; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            fail_msg("twice: %s", sorted[i]);
}

/* Words between spaces and newlines. */
static int words(const char *text)
{
    int n = 0;
    for (const char *at = text; *(at += strspn(at, " \t\n")); at += strcspn(at, " \t\n"))
        n++;
    return n;
}

/* Short texts, long ones and what lies between, none of them so many that they outweigh the rest. */
static void lengths(void **state)
{
    size_t bytes = 0;
    int one_word = 0, to_eight = 0, sentences = 0, paragraphs = 0, of_lines = 0;
    (void)state;
    for (int i = 0; i < TERN_BUILTIN_TEXTS; i++) {
        const int n = words(tern_builtin_texts[i]);
        bytes += strlen(tern_builtin_texts[i]);
        one_word += n == 1;
        to_eight += n > 1 && n <= 8;
        sentences += n > 8 && n < WORDY;
        paragraphs += n >= WORDY;
        of_lines += !!strchr(tern_builtin_texts[i], '\n');
    }
    assert_in_range(TERN_BUILTIN_TEXTS, 380, 450);
    assert_in_range(bytes, 40000, 60000);
    assert_in_range(one_word, 40, 100);
    assert_in_range(to_eight, 80, 160);
    assert_in_range(sentences, 150, 300);
    assert_in_range(paragraphs, 10, 20);
    assert_in_range(of_lines, 15, 40);
}

/* Sentences of everyday length, and no more of them than of everything else. */
static void sentences(void **state)
{
    (void)state;
    for (int i = 0; i < TERN_BUILTIN_SENTENCES; i++)
        assert_in_range(words(tern_builtin_sentences[i]), 4, 16);
    assert_in_range(TERN_BUILTIN_SENTENCES, 400, 500);
}

/* Every script is there. About a third of the texts have letters beyond A to Z: a quarter in other languages, and
   names, quotes and emoji. */
static void languages(void **state)
{
    int texts_of[SCRIPTS] = {0}, foreign = 0, capitals = 0;
    (void)state;
    for (int i = 0; i < TERN_BUILTIN_TEXTS; i++) {
        int seen[SCRIPTS] = {0}, other = 0, upper = 0, lower = 0;
        for (const uint8_t *at = (const uint8_t *)tern_builtin_texts[i]; *at;) {
            const uint32_t c = tern_utf8_next(&at);
            const int script = script_of(c);
            upper += c >= 'A' && c <= 'Z';
            lower += c >= 'a' && c <= 'z';
            other += script >= 2;
            if (script >= 0)
                seen[script] = 1;
        }
        for (int k = 0; k < SCRIPTS; k++)
            texts_of[k] += seen[k];
        foreign += other > 0;
        capitals += upper > 9 && !lower;
    }
    for (int k = 0; k < SCRIPTS; k++)
        if (!texts_of[k])
            fail_msg("no text has %s (U+%04X to U+%04X)", scripts[k].name, (unsigned)scripts[k].first,
                     (unsigned)scripts[k].last);
    assert_in_range(foreign, TERN_BUILTIN_TEXTS / 5, TERN_BUILTIN_TEXTS / 2);
    assert_in_range(capitals, 3, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed),   cmocka_unit_test(sentences), cmocka_unit_test(check_texts_apart),
        cmocka_unit_test(all_different), cmocka_unit_test(lengths),   cmocka_unit_test(languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
