/* The formats of weights and their codebooks: simd/formats.def. */
#ifndef TERN_CODEBOOK_H
#define TERN_CODEBOOK_H

#include "runtime/base/words.h"
#include "simd/codes.h"

/* The formats, in the order of their numbers in a file. */
enum tern_format {
#define FORMAT(id, ...) TERN_FORMAT_##id,
#include "simd/formats.def"
#undef FORMAT
    TERN_N_FORMATS
};

/* NULL for formats of bytes, which have none. */
const struct tern_codebook *tern_codebook(enum tern_format format);
/* 1 for int8, int7 and int6, whose weights are stored as bytes; and the largest magnitude of these: 127, 63 or 31. */
int tern_format_is_bytes(enum tern_format format);
int tern_format_bound(enum tern_format format);
/* The first code of the value 0; 0 for formats that lack it. */
int tern_code_of_zero(enum tern_format format);
/* "int4" and so on; and what the help says of it. */
const char *tern_format_name(enum tern_format format);
const char *tern_format_says(enum tern_format format);
int tern_format_bits(enum tern_format format);
/* 1 when groups of inputs have multipliers; otherwise a channel has its one scale. */
int tern_format_grouped(enum tern_format format);
/* 1 when embedding tables can have it. */
int tern_format_embeds(enum tern_format format);
/* 1 when it is among those that "auto:BITS" chooses from. */
int tern_format_is_rung(enum tern_format format);
/* 1 when block-sparse weights can have it. */
int tern_format_in_blocks(enum tern_format format);
/* The names of the formats for which `holds` is true (NULL: all), for messages: "int8, int4 and ternary" with the
   conjunction "and". `first` and `last`, where they are not NULL, stand before and behind them. */
struct tern_words tern_format_words(const char *first, int (*holds)(enum tern_format), const char *last,
                                    const char *conjunction);
/* The format that an embedding table of that name has; int8 for NULL; -1 where it cannot have it. */
int tern_embeddings_find(const char *name);

#endif
