/* Decodes UTF-8 and looks characters up in unicode_tables.h, for the tokenizer. */
#include "models/unicode.h"
#include "models/unicode_tables.h"

#include <string.h>
#include <utf8proc.h>

size_t tern_utf8_check(const uint8_t *text, size_t n)
{
    const uint64_t high = 0x8080808080808080u;
    size_t i = 0;

    while (i < n) {
        uint8_t lead = text[i];
        uint64_t eight = high;
        if (n - i >= sizeof eight)
            memcpy(&eight, text + i, sizeof eight);
        if (!(eight & high)) { /* ASCII, most of the time */
            i += sizeof eight;
            continue;
        }
        /* The second byte's range closes the door on over-long forms, surrogates and everything above U+10FFFF
           (Unicode standard, table 3-7). */
        uint8_t low = 0x80, top = 0xBF;
        size_t more;
        if (lead < 0x80) {
            i++;
            continue;
        }
        if (lead >= 0xC2 && lead <= 0xDF) {
            more = 1;
        } else if (lead >= 0xE0 && lead <= 0xEF) {
            more = 2;
            if (lead == 0xE0)
                low = 0xA0;
            else if (lead == 0xED)
                top = 0x9F;
        } else if (lead >= 0xF0 && lead <= 0xF4) {
            more = 3;
            if (lead == 0xF0)
                low = 0x90;
            else if (lead == 0xF4)
                top = 0x8F;
        } else {
            return i;
        }
        if (n - i <= more || text[i + 1] < low || text[i + 1] > top)
            return i;
        for (size_t k = 2; k <= more; k++)
            if ((text[i + k] & 0xC0) != 0x80)
                return i;
        i += more + 1;
    }
    return n;
}

size_t tern_utf8_characters(const char *text, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((uint8_t)text[i] & 0xC0) != 0x80;
    return n;
}

uint32_t tern_utf8_next(const uint8_t **at)
{
    const uint8_t *p = *at;
    uint32_t c = p[0];

    if (c < 0x80) {
        *at = p + 1;
        return c;
    }
    if (c < 0xE0) {
        *at = p + 2;
        return (c & 0x1F) << 6 | (p[1] & 0x3Fu);
    }
    if (c < 0xF0) {
        *at = p + 3;
        return (c & 0x0F) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    }
    *at = p + 4;
    return (c & 0x07) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
}

uint32_t tern_utf8_previous(const uint8_t **at)
{
    const uint8_t *p = *at - 1;

    while ((*p & 0xC0) == 0x80)
        p--;
    *at = p;
    return tern_utf8_next(&p);
}

size_t tern_utf8_put(uint32_t c, uint8_t out[TERN_UTF8_MAX])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xC0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xE0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

/* The tables with values are so short that a scan will do. */
static int32_t value_in_ranges(const struct tern_range_value *ranges, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n && c >= ranges[i].first; i++)
        if (c <= ranges[i].last)
            return ranges[i].value;
    return 0;
}

int tern_is_space(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= '\t' && c <= '\r');
    return tern_in_ranges(tern_space, TERN_COUNT(tern_space), c);
}

int tern_is_control(uint32_t c)
{
    if (c < 0x80)
        return (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
    return tern_in_ranges(tern_control, TERN_COUNT(tern_control), c);
}

int tern_is_chinese(uint32_t c)
{
    return c >= tern_chinese[0].first && tern_in_ranges(tern_chinese, TERN_COUNT(tern_chinese), c);
}

int tern_is_punctuation(uint32_t c)
{
    if (c < 0x80)
        return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    return tern_in_ranges(tern_punctuation, TERN_COUNT(tern_punctuation), c);
}

int tern_is_word(uint32_t c)
{
    /* UTS 18, annex C: Alphabetic, M, Nd, Pc and Join_Control. Alphabetic is L, Nl, some of M, and these symbols. */
    if (c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
        (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189) ||
        tern_in_ranges(tern_word, TERN_COUNT(tern_word), c))
        return 1;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return 1;
    default: return 0;
    }
}

int tern_combining_class(uint32_t c)
{
    if (c < tern_mark[0].first)
        return 0;
    if (tern_in_ranges(tern_mark, TERN_COUNT(tern_mark), c))
        return utf8proc_get_property((utf8proc_int32_t)c)->combining_class;
    return (int)value_in_ranges(tern_reorder, TERN_COUNT(tern_reorder), c);
}

int tern_order_class(uint32_t c)
{
    if (c < tern_mark[0].first)
        return TERN_ORDER_STARTER;
    if (tern_in_ranges(tern_mark, TERN_COUNT(tern_mark), c)) {
        /* A combining class never changes once it is assigned, and all of tern_mark has been since Unicode 8: any
           version of utf8proc tells the same. */
        const utf8proc_property_t *property = utf8proc_get_property((utf8proc_int32_t)c);
        return property->combining_class ? TERN_ORDER_DROPPED : TERN_ORDER_BARRIER;
    }
    return (int)value_in_ranges(tern_reorder, TERN_COUNT(tern_reorder), c);
}

/* Canonical decompositions that came after Unicode 9: the tokenizer does not know them. Blocks, not single characters:
   nothing else in them decomposes. */
static int decomposes_since_unicode_10(uint32_t c)
{
    return c == 0x11938 || (c >= 0x105C0 && c <= 0x105FF) || (c >= 0x11380 && c <= 0x113FF) ||
           (c >= 0x16100 && c <= 0x1613F) || (c >= 0x16D40 && c <= 0x16D7F);
}

int tern_decompose(uint32_t c, uint32_t out[TERN_DECOMPOSED_MAX])
{
    utf8proc_int32_t buffer[TERN_DECOMPOSED_MAX];
    int last_class = 0;

    out[0] = c;
    if (c < 0xC0 || decomposes_since_unicode_10(c))
        return 1;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)c, buffer, TERN_DECOMPOSED_MAX,
                                (utf8proc_option_t)(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE), &last_class);
    if (n < 1 || n > TERN_DECOMPOSED_MAX)
        return 1;
    for (utf8proc_ssize_t i = 0; i < n; i++)
        out[i] = (uint32_t)buffer[i];
    return (int)n;
}

uint32_t tern_lower(uint32_t c, uint32_t *second)
{
    *second = 0;
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (c == 0x130) { /* the one unconditional mapping of SpecialCasing.txt to more than one character */
        *second = 0x307;
        return 'i';
    }
    int32_t step = value_in_ranges(tern_lowered, TERN_COUNT(tern_lowered), c);
    if (step)
        return (uint32_t)((int32_t)c + step);
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}
