/* The formats of weights and their codebooks. */
#ifndef TERN_CODEBOOK_H
#define TERN_CODEBOOK_H

#include "simd/codes.h"

/* The formats, in the order of their numbers in a file. */
enum tern_format {
    TERN_FORMAT_INT8,
    TERN_FORMAT_INT4,
    TERN_FORMAT_NF4,
    TERN_FORMAT_FP4,
    TERN_FORMAT_INT3,
    TERN_FORMAT_INT2,
    TERN_FORMAT_TERNARY,
    TERN_FORMAT_BINARY,
    TERN_N_FORMATS
};

/* NULL for int8, which has none. */
const struct tern_codebook *tern_codebook(enum tern_format format);
/* The first code of the value 0; 0 for formats that lack it. */
int tern_code_of_zero(enum tern_format format);
/* "int4" and so on. */
const char *tern_format_name(enum tern_format format);
/* 1 when groups of inputs have multipliers; otherwise a channel has its one scale. */
int tern_format_grouped(enum tern_format format);
int tern_format_bits(enum tern_format format);
/* The format that an embedding table of that name has: int8 (also for NULL), int4 or ternary; else -1. */
int tern_embeddings_find(const char *name);

#endif
