/* Exact match and F1 as evaluate-v1.1.py and evaluate-v2.0.py of SQuAD count them (Rajpurkar et al. 2016, 2018). What
   Python's lower(), split() and \b do with characters beyond ASCII is done here, too. */
#include "tools/score_squad.h"

#include "models/classes.h"

#include <stdlib.h>
#include <string.h>

/* Python's str.isspace. */
static int is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* string.punctuation */
static int is_punctuation(uint32_t c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/* A character of a word by \b: str.isalnum. The underscore is gone by then. */
static int is_of_word(uint32_t c)
{
    return tern_is_letter(c) || tern_is_number(c);
}

/* Whether a sigma between before[] and after[] ends its word, where lower() makes another letter of it. Marks, and what
   may stand within a word, are passed over. */
static int ignorable(uint32_t c)
{
    return tern_is_accent(c) || c == '\'' || c == '.' || c == ':' || c == '^' || c == '`' || c == 0xa8 || c == 0xad ||
           c == 0xaf || c == 0xb4 || c == 0xb7 || c == 0xb8 || c == 0x2018 || c == 0x2019 || c == 0x2024 || c == 0x2027;
}

static int ends_word(const uint8_t *begin, const uint8_t *sigma, const uint8_t *after, const uint8_t *end)
{
    uint32_t c = 0;
    int before = 0;
    while (sigma > begin && ignorable(c = tern_utf8_previous(&sigma)))
        c = 0;
    before = tern_is_letter(c);
    for (c = 0; after < end && ignorable(c = tern_utf8_next(&after));)
        c = 0;
    return before && !tern_is_letter(c);
}

/* In lower case and without punctuation; out has room for 3 bytes for each of the text's. */
static size_t lower(const uint8_t *text, size_t bytes, uint8_t *out)
{
    const uint8_t *const end = text + bytes;
    size_t n = 0;
    for (const uint8_t *at = text; at < end;) {
        const uint8_t *const begin = at;
        const uint32_t c = tern_utf8_next(&at);
        uint32_t second, low = tern_lower(c, &second);
        if (c == 0x3a3)
            low = ends_word(text, begin, at, end) ? 0x3c2 : 0x3c3;
        if (is_punctuation(low))
            continue;
        n += tern_utf8_put(low, out + n);
        if (second)
            n += tern_utf8_put(second, out + n);
    }
    return n;
}

static int is_article(const uint8_t *word, size_t bytes)
{
    return (bytes == 1 && !memcmp(word, "a", 1)) || (bytes == 2 && !memcmp(word, "an", 2)) ||
           (bytes == 3 && !memcmp(word, "the", 3));
}

char *squad_normalize(const char *text, size_t bytes, size_t *n)
{
    uint8_t *const low = malloc(3 * bytes + TERN_UTF8_MAX), *const out = malloc(3 * bytes + TERN_UTF8_MAX);
    size_t used = 0;
    int space = 0; /* one is due before the next character */
    if (!low || !out) {
        free(low);
        free(out);
        return NULL;
    }
    const uint8_t *const end = low + lower((const uint8_t *)text, bytes, low);
    for (const uint8_t *at = low; at < end;) {
        const uint8_t *const begin = at, *next = at;
        while (next < end && is_of_word(tern_utf8_next(&next)))
            at = next;
        if (at > begin && is_article(begin, (size_t)(at - begin))) {
            space = 1;
            continue;
        }
        if (at == begin && is_space(tern_utf8_next(&at))) {
            space = 1;
            continue;
        }
        if (space && used)
            out[used++] = ' ';
        space = 0;
        memcpy(out + used, begin, (size_t)(at - begin));
        used += (size_t)(at - begin);
    }
    out[used] = 0;
    free(low);
    *n = used;
    return (char *)out;
}

int squad_exact(const char *gold, size_t gold_bytes, const char *answer, size_t answer_bytes)
{
    return gold_bytes == answer_bytes && !memcmp(gold, answer, gold_bytes);
}

struct word {
    const char *text;
    size_t bytes;
};

static int by_word(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    const int order = memcmp(x->text, y->text, x->bytes < y->bytes ? x->bytes : y->bytes);
    return order ? order : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* The words of a normalized text in their order; *n of them. NULL: memory is out. */
static struct word *words(const char *text, size_t bytes, size_t *n)
{
    struct word *const out = malloc((bytes / 2 + 1) * sizeof *out);
    *n = 0;
    for (size_t at = 0, end; out && at < bytes; at = end + 1) {
        const char *const space = memchr(text + at, ' ', bytes - at);
        end = space ? (size_t)(space - text) : bytes;
        out[(*n)++] = (struct word){text + at, end - at};
    }
    if (out)
        qsort(out, *n, sizeof *out, by_word);
    return out;
}

double squad_f1(const char *gold, size_t gold_bytes, const char *answer, size_t answer_bytes, int second_version)
{
    size_t n_gold, n_answer, same = 0;
    if (!gold_bytes || !answer_bytes)
        return second_version && gold_bytes == answer_bytes;
    struct word *const g = words(gold, gold_bytes, &n_gold), *const a = words(answer, answer_bytes, &n_answer);
    for (size_t i = 0, k = 0; g && a && i < n_gold && k < n_answer;) {
        const int order = by_word(&g[i], &a[k]);
        same += !order;
        i += order <= 0;
        k += order >= 0;
    }
    const int failed = !g || !a;
    free(g);
    free(a);
    if (failed || !same)
        return failed ? -1 : 0;
    const double precision = 1.0 * (double)same / (double)n_answer, recall = 1.0 * (double)same / (double)n_gold;
    return (2 * precision * recall) / (precision + recall);
}
