/* Classes of characters for the tokenizer's pipeline, looked up in unicode_classes.h and unicode_pairs.h; grapheme
   clusters as the crate unicode-segmentation finds them. */
#include "models/classes.h"
#include "models/unicode_classes.h"
#include "models/unicode_pairs.h"

#include <utf8proc.h>

enum { HANGUL = 0xAC00, HANGUL_END = 0xD7A4, L_FIRST = 0x1100, V_FIRST = 0x1161, T_FIRST = 0x11A7 };
enum { N_L = 19, N_V = 21, N_T = 28 };

int tern_is_letter(uint32_t c)
{
    if (c < 0x80)
        return (c | 32) >= 'a' && (c | 32) <= 'z';
    return tern_in_ranges(tern_letters, TERN_COUNT(tern_letters), c);
}

int tern_is_number(uint32_t c)
{
    if (c < 0x80)
        return c >= '0' && c <= '9';
    return tern_in_ranges(tern_numbers, TERN_COUNT(tern_numbers), c);
}

int tern_is_digit(uint32_t c)
{
    if (c < 0x80)
        return c >= '0' && c <= '9';
    return tern_in_ranges(tern_digits, TERN_COUNT(tern_digits), c);
}

int tern_is_accent(uint32_t c)
{
    return c >= tern_accents[0].first && tern_in_ranges(tern_accents, TERN_COUNT(tern_accents), c);
}

int tern_decompose_as(uint32_t c, int compatible, uint32_t out[TERN_COMPATIBLE_MAX])
{
    utf8proc_int32_t buffer[TERN_COMPATIBLE_MAX];
    int last_class = 0;

    out[0] = c;
    if (c < tern_decomposed[0].first)
        return 1;
    if (c < HANGUL || c >= HANGUL_END) {
        /* What has been assigned since Unicode 9 does not decompose here, whatever utf8proc knows of it. */
        if (!tern_in_ranges(tern_decomposed, TERN_COUNT(tern_decomposed), c))
            return 1;
    }
    const int options = UTF8PROC_DECOMPOSE | UTF8PROC_STABLE | (compatible ? UTF8PROC_COMPAT : 0);
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, buffer, TERN_COMPATIBLE_MAX,
                                                 (utf8proc_option_t)options, &last_class);
    if (n < 1 || n > TERN_COMPATIBLE_MAX)
        return 1;
    for (utf8proc_ssize_t i = 0; i < n; i++)
        out[i] = (uint32_t)buffer[i];
    return (int)n;
}

uint32_t tern_compose(uint32_t first, uint32_t second)
{
    size_t low = 0, high = TERN_COUNT(tern_pairs);

    if (first >= L_FIRST && first < L_FIRST + N_L && second >= V_FIRST && second < V_FIRST + N_V)
        return HANGUL + ((first - L_FIRST) * N_V + (second - V_FIRST)) * N_T;
    if (first >= HANGUL && first < HANGUL_END && (first - HANGUL) % N_T == 0 && second > T_FIRST &&
        second < T_FIRST + N_T)
        return first + (second - T_FIRST);
    if (second < 0x300) /* the least second character of any pair */
        return 0;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct tern_pair *pair = &tern_pairs[middle];
        if (first > pair->first || (first == pair->first && second > pair->second))
            low = middle + 1;
        else if (first < pair->first || second < pair->second)
            high = middle;
        else
            return pair->composed;
    }
    return 0;
}

/* ---- Grapheme clusters ---- */

enum cluster { OTHER, CONTROL, EXTEND, JOINER, PREPEND, PICTURE, HANGUL_L, HANGUL_V, HANGUL_T, HANGUL_LV, HANGUL_LVT };

static enum cluster cluster_class(uint32_t c)
{
    size_t low = 0, high = TERN_COUNT(tern_graphemes);

    if (c >= ' ' && c < 0x7F)
        return OTHER;
    if (c >= HANGUL && c < HANGUL_END)
        return (c - HANGUL) % N_T ? HANGUL_LVT : HANGUL_LV;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (c > tern_graphemes[middle].last)
            low = middle + 1;
        else if (c < tern_graphemes[middle].first)
            high = middle;
        else
            return (enum cluster)tern_graphemes[middle].value;
    }
    return OTHER;
}

/* Whether the two characters belong together; `picture` says that a pictographic character and its extensions are what
   a joiner stands behind. Pairs of regional indicators and joined consonants are left apart: their clusters have six
   bytes or more, and such a cluster is read character by character anyway. */
static int joined(enum cluster before, enum cluster after, int picture)
{
    if (before == CONTROL || after == CONTROL)
        return 0;
    if (after == EXTEND || after == JOINER || before == PREPEND)
        return 1;
    switch (before) {
    case HANGUL_L: return after == HANGUL_L || after == HANGUL_V || after == HANGUL_LV || after == HANGUL_LVT;
    case HANGUL_V:
    case HANGUL_LV: return after == HANGUL_V || after == HANGUL_T;
    case HANGUL_T:
    case HANGUL_LVT: return after == HANGUL_T;
    case JOINER: return picture && after == PICTURE;
    default: return 0;
    }
}

const uint8_t *tern_grapheme_end(const uint8_t *at, const uint8_t *end)
{
    uint32_t c = tern_utf8_next(&at);

    if (c == '\r' && at < end && *at == '\n')
        return at + 1;
    enum cluster before = cluster_class(c);
    int picture = before == PICTURE;
    while (at < end) {
        const uint8_t *next = at;
        c = tern_utf8_next(&next);
        const enum cluster after = cluster_class(c);
        if (!joined(before, after, picture))
            break;
        if (after == PICTURE)
            picture = 1;
        else if (after != EXTEND && after != JOINER)
            picture = 0;
        before = after;
        at = next;
    }
    return at;
}
