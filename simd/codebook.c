/* The table of codebooks, one per format of weights, and look-ups in it. */
#include "simd/codebook.h"

#include <string.h>

/* NF4 (Dettmers et al., "QLoRA", 2023, appendix E) with its levels rounded to fifteenths, FP4 as E2M1 in halves: whole
   numbers, so that a multiplier keeps them whole. The 2- and 3-bit lines are symmetric, without a zero: of all even
   steps that loses least on a bell curve (Max, "Quantizing for minimum distortion", 1960). */
static const struct {
    const char *name;
    struct tern_codebook book;
} formats[TERN_N_FORMATS] = {
    [TERN_FORMAT_INT8] = {"int8", {{0}, 8, 0, 0, 0}},
    [TERN_FORMAT_INT4] = {"int4", {{-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7}, 4, 1, 8, 15}},
    [TERN_FORMAT_NF4] = {"nf4", {{-15, -10, -8, -6, -4, -3, -1, 0, 1, 2, 4, 5, 7, 8, 11, 15}, 4, 0, 15, 8}},
    [TERN_FORMAT_FP4] = {"fp4", {{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}, 4, 0, 12, 10}},
    [TERN_FORMAT_INT3] = {"int3", {{-7, -5, -3, -1, 1, 3, 5, 7}, 3, 2, 7, 18}},
    [TERN_FORMAT_INT2] = {"int2", {{-3, -1, 1, 3}, 2, 2, 3, 42}},
    [TERN_FORMAT_TERNARY] = {"ternary", {{-1, 0, 1}, 2, 1, 1, 1}},
    [TERN_FORMAT_BINARY] = {"binary", {{-1, 1}, 1, 2, 1, 1}},
};

const struct tern_codebook *tern_codebook(enum tern_format format)
{
    return format == TERN_FORMAT_INT8 ? 0 : &formats[format].book;
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

int tern_format_grouped(enum tern_format format)
{
    return formats[format].book.most_mul > 1;
}

int tern_format_bits(enum tern_format format)
{
    return formats[format].book.bits;
}

int tern_embeddings_find(const char *name)
{
    static const enum tern_format formats[] = {TERN_FORMAT_INT8, TERN_FORMAT_INT4, TERN_FORMAT_TERNARY};
    for (int i = 0; name && i < 3; i++)
        if (!strcmp(name, tern_format_name(formats[i])))
            return (int)formats[i];
    return name ? -1 : TERN_FORMAT_INT8;
}
