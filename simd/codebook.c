/* The table of codebooks, one per format of weights, and look-ups in it. */
#include "simd/codebook.h"

#include <string.h>

static const struct {
    const char *name;
    struct tern_codebook book;
    int embeds, rung;
    const char *says;
} formats[TERN_N_FORMATS] = {
#define FORMAT(id, name, bits, step, offset, most_mul, embeds, rung, says, ...)                                        \
    {name, {{__VA_ARGS__}, bits, step, offset, most_mul}, embeds, rung, says},
#include "simd/formats.def"
#undef FORMAT
};

const struct tern_codebook *tern_codebook(enum tern_format format)
{
    return tern_format_is_bytes(format) ? 0 : &formats[format].book;
}

int tern_format_is_bytes(enum tern_format format)
{
    return formats[format].book.bits > 4;
}

int tern_format_bound(enum tern_format format)
{
    return (1 << (formats[format].book.bits - 1)) - 1;
}

int tern_code_of_zero(enum tern_format format)
{
    const struct tern_codebook *book = &formats[format].book;
    int code = 0;
    while (code < 1 << book->bits && book->value[code])
        code++;
    return code < 1 << book->bits ? code : 0;
}

const char *tern_format_name(enum tern_format format)
{
    return formats[format].name;
}

const char *tern_format_says(enum tern_format format)
{
    return formats[format].says;
}

int tern_format_bits(enum tern_format format)
{
    return formats[format].book.bits;
}

int tern_format_grouped(enum tern_format format)
{
    return formats[format].book.most_mul > 1;
}

int tern_format_embeds(enum tern_format format)
{
    return formats[format].embeds;
}

int tern_format_is_rung(enum tern_format format)
{
    return formats[format].rung;
}

int tern_format_in_blocks(enum tern_format format)
{
    return formats[format].book.bits >= 4;
}

struct tern_words tern_format_words(const char *first, int (*holds)(enum tern_format), const char *last,
                                    const char *conjunction)
{
    const char *names[TERN_N_FORMATS + 2];
    int n = 0;
    if (first)
        names[n++] = first;
    for (int f = 0; f < TERN_N_FORMATS; f++)
        if (!holds || holds((enum tern_format)f))
            names[n++] = formats[f].name;
    if (last)
        names[n++] = last;
    return tern_words(names, n, conjunction);
}

int tern_embeddings_find(const char *name)
{
    for (int f = 0; name && f < TERN_N_FORMATS; f++)
        if (formats[f].embeds && !strcmp(name, formats[f].name))
            return f;
    return name ? -1 : TERN_FORMAT_INT8;
}
