/* Escapes what a terminal would obey in names, texts and messages. */
#include "runtime/base/plain.h"

#include <stdio.h>
#include <string.h>

/* One code point of well-formed UTF-8 (Unicode 15, table 3-7); returns its bytes, 0 when it is ill-formed. */
static size_t decode(unsigned long *code, const char *text, size_t bytes)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)text;
    const size_t n = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;
    if (!n || n > bytes)
        return 0;
    unsigned long c = n == 1 ? *s : *s & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    *code = c;
    return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

int tern_plain_escapes(unsigned long c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) /* C0, DEL, C1 */
           || c == 0x61c                       /* Arabic letter mark */
           || c == 0x200e || c == 0x200f       /* left-to-right and right-to-left mark */
           || (c >= 0x2028 && c <= 0x202e)     /* line and paragraph separator; embeddings and overrides */
           || (c >= 0x2066 && c <= 0x2069);    /* isolates */
}

size_t tern_plain_next(char out[TERN_PLAIN_MAX], const char *text, size_t bytes)
{
    unsigned long code = 0;
    const size_t n = decode(&code, text, bytes);
    if (!n)
        snprintf(out, TERN_PLAIN_MAX, "\\x%02x", (unsigned char)*text);
    else if (code == '\n' || code == '\r' || code == '\t')
        snprintf(out, TERN_PLAIN_MAX, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
    else if (tern_plain_escapes(code))
        snprintf(out, TERN_PLAIN_MAX, code < 0x80 ? "\\x%02lx" : "\\u%04lx", code);
    else {
        memcpy(out, text, n);
        out[n] = 0;
    }
    return n ? n : 1;
}

void tern_plain_line(char *out, size_t capacity, const char *format, va_list args)
{
    char raw[1024], one[TERN_PLAIN_MAX];
    const int wanted = vsnprintf(raw, sizeof raw, format, args);
    size_t bytes = wanted < 0 ? 0 : strlen(raw), used = 0;
    if (wanted >= (int)sizeof raw) { /* half a character at the cut is no bad byte */
        while (bytes && ((unsigned char)raw[bytes - 1] & 0xc0) == 0x80)
            bytes--;
        bytes -= bytes && (unsigned char)raw[bytes - 1] >= 0xc0;
    }
    for (size_t i = 0; i < bytes;) {
        i += tern_plain_next(one, raw + i, bytes - i);
        const size_t n = strlen(one);
        if (used + n + 1 > capacity)
            break;
        memcpy(out + used, one, n);
        used += n;
    }
    out[used] = 0;
}
