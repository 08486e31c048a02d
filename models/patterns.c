/* Matchers of the patterns that tokenizers have in common. A regular expression is recognised by its text; what it
   matches is what Oniguruma finds, alternative by alternative. */
#include "models/patterns.h"
#include "models/classes.h"

#include <string.h>

static uint32_t char_at(const uint8_t *text, size_t at, size_t *next)
{
    const uint8_t *p = text + at;
    const uint32_t c = tern_utf8_next(&p);
    *next = (size_t)(p - text);
    return c;
}

/* Past the characters of a class. */
static size_t pass(const uint8_t *text, size_t n, size_t at, int (*is)(uint32_t c))
{
    size_t next;

    while (at < n && is(char_at(text, at, &next)))
        at = next;
    return at;
}

static int is_other(uint32_t c)
{
    return !tern_is_space(c) && !tern_is_letter(c) && !tern_is_number(c);
}

static int is_symbol(uint32_t c)
{
    return !tern_is_space(c) && !tern_is_word(c);
}

/* 's 't 're 've 'm 'll 'd, with `any_case` in any case, where U+017F is an s too; the end, or 0. */
static size_t contraction(const uint8_t *text, size_t n, size_t at, int any_case)
{
    const uint8_t fold = any_case ? 32 : 0;

    if (n - at < 2 || text[at] != '\'')
        return 0;
    const uint8_t first = text[at + 1] < 0x80 ? text[at + 1] | fold : text[at + 1];
    if (first == 's' || first == 't' || first == 'm' || first == 'd')
        return at + 2;
    if (n - at < 3)
        return 0;
    const uint8_t second = text[at + 2] < 0x80 ? text[at + 2] | fold : text[at + 2];
    if (any_case && first == 0xC5 && second == 0xBF)
        return at + 3;
    if (((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l'))
        return at + 3;
    return 0;
}

/* \s+(?!\S)|\s+ of white space that ends at `end`: all of it at the text's end, else all but the last one, if there is
   more than one. */
static size_t spaces(const uint8_t *text, size_t n, size_t at, size_t end)
{
    const uint8_t *last = text + end;

    if (end == n)
        return end;
    tern_utf8_previous(&last);
    const size_t before = (size_t)(last - text);
    return before > at ? before : end;
}

/* '(s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t match_gpt2(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t at)
{
    size_t next, end = contraction(text, n, at, 0);
    (void)pattern;

    if (end)
        return end;
    const size_t from = at + (text[at] == ' ' && at + 1 < n);
    const uint32_t c = char_at(text, from, &next);
    if (tern_is_letter(c))
        return pass(text, n, next, tern_is_letter);
    if (tern_is_number(c))
        return pass(text, n, next, tern_is_number);
    if (!tern_is_space(c))
        return pass(text, n, next, is_other);
    return spaces(text, n, at, pass(text, n, next, tern_is_space));
}

/* (?i:'s|...)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,most}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t match_llama(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t at)
{
    size_t next, after, end = contraction(text, n, at, 1);

    if (end)
        return end;
    const uint32_t c = char_at(text, at, &next);
    if (tern_is_letter(c))
        return pass(text, n, next, tern_is_letter);
    if (tern_is_number(c)) {
        for (int i = 1; i < pattern->most && next < n && tern_is_number(char_at(text, next, &after)); i++)
            next = after;
        return next;
    }
    if (c != '\r' && c != '\n' && next < n && tern_is_letter(char_at(text, next, &after)))
        return pass(text, n, after, tern_is_letter);
    end = pass(text, n, at + (c == ' '), is_other);
    if (end > at + (c == ' ')) {
        while (end < n && (text[end] == '\r' || text[end] == '\n'))
            end++;
        return end;
    }
    end = pass(text, n, at, tern_is_space);
    for (size_t line = end; line > at; line--)
        if (text[line - 1] == '\r' || text[line - 1] == '\n')
            return line;
    return spaces(text, n, at, end);
}

static size_t match_words(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t at)
{
    size_t end = pass(text, n, at, tern_is_word);
    (void)pattern;
    if (end == at)
        end = pass(text, n, at, is_symbol);
    return end > at ? end : 0;
}

static size_t one(const uint8_t *text, size_t at, int (*is)(uint32_t c))
{
    size_t next;
    return is(char_at(text, at, &next)) ? next : 0;
}

static size_t match_space(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t at)
{
    (void)pattern;
    (void)n;
    return one(text, at, tern_is_space);
}

static size_t match_punctuation(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t at)
{
    (void)pattern;
    (void)n;
    return one(text, at, tern_is_punctuation);
}

static size_t match_digit(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t at)
{
    (void)pattern;
    (void)n;
    return one(text, at, tern_is_digit);
}

/* At least pattern->most white spaces; or a line's end or tab, where the pattern says so by its string. */
static size_t match_white(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t at)
{
    const size_t end = pass(text, n, at, tern_is_space);
    size_t next = at;

    for (int i = 0; i < pattern->most; i++) {
        if (next >= end)
            return pattern->string && end > at && strchr(pattern->string, text[at]) ? at + 1 : 0;
        (void)char_at(text, next, &next);
    }
    return end;
}

/* At least pattern->most spaces. */
static size_t match_blanks(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t at)
{
    size_t end = at;

    while (end < n && text[end] == ' ')
        end++;
    return end - at >= (size_t)pattern->most ? end : 0;
}

static size_t match_string(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t at)
{
    const size_t bytes = pattern->bytes;
    return bytes > 0 && n - at >= bytes && memcmp(text + at, pattern->string, bytes) == 0 ? at + bytes : 0;
}

const struct tern_pattern tern_pattern_gpt2 = {match_gpt2, NULL, 0, 0, 1};
const struct tern_pattern tern_pattern_words = {match_words, NULL, 0, 0, 1};
const struct tern_pattern tern_pattern_space = {match_space, NULL, 0, 0, 1};
const struct tern_pattern tern_pattern_punctuation = {match_punctuation, NULL, 0, 0, 1};
const struct tern_pattern tern_pattern_digit = {match_digit, NULL, 0, 0, 1};

#define CASES "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define SHORT_CASES "'(?i:[sdmt]|ll|ve|re)"
#define ENDS "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define POSSESSIVE "| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"

/* A possessive quantifier gives nothing back, and here there is nothing that would be given back. */
static const struct {
    const char *text;
    struct tern_pattern pattern;
} expressions[] = {
    {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", {match_gpt2, NULL, 0, 0, 1}},
    {CASES "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}" ENDS, {match_llama, NULL, 0, 3, 1}},
    {CASES "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" ENDS, {match_llama, NULL, 0, 1, 1}},
    {CASES "|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}" POSSESSIVE, {match_llama, NULL, 0, 3, 1}},
    {SHORT_CASES "|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}" POSSESSIVE, {match_llama, NULL, 0, 3, 1}},
    {" {2,}", {match_blanks, NULL, 0, 2, 1}},
    {" +", {match_blanks, NULL, 0, 1, 1}},
    {" ", {match_string, " ", 1, 0, 1}},
    {"\\s", {match_space, NULL, 0, 0, 1}},
    {"\\s+", {match_white, NULL, 0, 1, 1}},
    {"\\s{2,}|[\\n\\r\\t]", {match_white, "\n\r\t", 3, 2, 1}},
};

const struct tern_pattern *tern_pattern_regex(const char *text)
{
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++)
        if (strcmp(expressions[i].text, text) == 0)
            return &expressions[i].pattern;
    return NULL;
}

struct tern_pattern tern_pattern_string(const char *string)
{
    const size_t bytes = strlen(string);
    size_t next = 0;

    /* One that is longer than a character and has white space, or what stands for it, could match across a cut. */
    if (bytes > 0)
        (void)char_at((const uint8_t *)string, 0, &next);
    const int local = next >= bytes || (!strpbrk(string, " \t\n\r\v\f") && !strstr(string, "\xe2\x96\x81"));
    return (struct tern_pattern){match_string, string, bytes, 0, local};
}

size_t tern_pattern_find(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t from, size_t *start)
{
    for (size_t at = from; at < n; at++) {
        if ((text[at] & 0xC0) == 0x80)
            continue;
        if (pattern->match == match_string) {
            const uint8_t *next = pattern->bytes ? memchr(text + at, pattern->string[0], n - at) : NULL;
            if (next == NULL)
                return 0;
            at = (size_t)(next - text);
        }
        const size_t end = pattern->match(pattern, text, n, at);
        if (end) {
            *start = at;
            return end;
        }
    }
    return 0;
}
