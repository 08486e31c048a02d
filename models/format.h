/* The small tensors of a .tern file as structs; docs/format.md has the whole format. All are little-endian, as they lie
   in the file, and padded with zeros to 64 bytes, so that every tensor ends at 64 bytes. */
#ifndef TERN_FORMAT_H
#define TERN_FORMAT_H

#include "simd/fixed.h"

#include <stdint.h>

/* PARAM32 and PARAM16 are the lengths of such tensors, in elements; arrays are padded to multiples of them. */
enum { TERN_PARAM32 = 16, TERN_PARAM16 = 32 };

/* What a file may say of a real number, and of the unit of a LayerNorm's output: a writer stores no other. heads.c
   shifts by the unit's exponent less 24; a unit above 2^7 or below 2^-55 is no LayerNorm's. */
enum { TERN_REAL_LEAST_EXP = -128, TERN_REAL_MOST_EXP = 256, TERN_UNIT_LEAST_EXP = 24, TERN_UNIT_MOST_EXP = 86 };
static inline int tern_real_fits(struct tern_real r)
{
    return r.mul ? r.mul >= 1 << 30 && r.exp >= TERN_REAL_LEAST_EXP && r.exp <= TERN_REAL_MOST_EXP : r.exp == 0;
}
static inline int tern_unit_fits(struct tern_real r)
{
    return tern_real_fits(r) && r.exp >= TERN_UNIT_LEAST_EXP && r.exp <= TERN_UNIT_MOST_EXP;
}

/* "NAME.param" of a matrix, I32; of an embedding table in codes, of which only `format` is used. */
struct tern_linear_param {
    int32_t wnorm2; /* largest sum of squares of a channel's int8 weights */
    struct tern_real kappa;
    int32_t up; /* residual: fraction bits of the sum below y's unit; of a stream that is not normalised, bits that it
                   loses before the sum */
    int32_t format; /* enum tern_format */
    int32_t group;  /* inputs that share a multiplier, 0 where the format has none */
    int32_t blocks; /* 1 + enum tern_block_shape; 0: the matrix is dense */
    int32_t lines;  /* of a sparse matrix's values, 64 bytes each before they become codes */
    int32_t copies; /* inputs behind the k, each a repeated column */
    int32_t left;   /* 1: there is "NAME.left", I32 [16 * panels], bits by which a channel's sums are shifted */
    /* Of models that normalise nothing: units of the bias, and of "NAME.gamma", I16 [n], or, of "embed.mix", of the
       rows of positions, are 2^this. */
    int32_t bias_exp, gamma_exp;
    int32_t zero[4];
};
/* What these may be. */
enum { TERN_MOST_EXP = 256 };

/* "NAME.param" of a LayerNorm, I32. */
struct tern_norm_param {
    uint32_t eps_low, eps_high; /* of 64 bits */
    struct tern_real unit;      /* real value of 1 in the 16-bit output */
    int32_t affine;             /* 1: the matrices behind it read its output, 0: the row before gamma and beta */
    int32_t zero[11];
};

/* "positions.N.table.param", I32. */
struct tern_table_param {
    int32_t up; /* of what is added to scores: fraction bits fewer than those have */
    int32_t zero[15];
};

/* "stream", I32: of models whose layers normalise what they read. */
struct tern_stream_param {
    int32_t shift; /* to the left: from the embeddings to the stream */
    int32_t zero[15];
};

/* "static", I32: of static embeddings. */
struct tern_static_param {
    struct tern_real unit; /* real value of 1 in an integer times its row's multiplier times its column's scale */
    int32_t bits;          /* fraction bits of a text's mean, which fits 32 bits with its sign */
    int32_t zero[13];
};
/* The most bits, up to 30, with which the mean of the largest integers fits; below 0: there are none. */
static inline int tern_static_bits(struct tern_real unit)
{
    const int bits = unit.exp - 31 - 6; /* unit < 2^(31 - exp), 127 * 32767 * 32767 < 2^37 */
    return bits < 30 ? bits : 30;
}

/* "layer.N.score", I32; and "layer.N.global", of the global token's queries and keys. */
struct tern_score_param {
    struct tern_real unit; /* Q10 octaves per step of q * k accumulators, per amax_q * amax_k */
    int32_t ratio; /* of `global`: the unit of its values in that of the others', in 2^-15, 1 to 32767; else 0 */
    int32_t zero[13];
};
/* "layer.N.elu", I32: of linear attention with elu(x) + 1, of queries and keys. */
struct tern_elu {
    struct tern_real one, octaves; /* 1 in their unit; their unit in Q10 octaves */
};
struct tern_elu_param {
    struct tern_elu query, key;
    int32_t zero[8];
};
/* What a step of distance may cost a score, in octaves: below 2. Of real numbers with a whole mantissa. */
enum { TERN_SLOPE_LEAST_EXP = 30, TERN_SLOPE_MOST_EXP = 62 };
static inline int tern_slope_fits(struct tern_real r)
{
    return r.mul >= 1 << 30 && r.exp >= TERN_SLOPE_LEAST_EXP && r.exp <= TERN_SLOPE_MOST_EXP;
}

/* "layer.N.act" and "pooler.act", I16: struct tern_poly. */
struct tern_poly_param {
    int16_t limit, shift, mul, out, c[8];
    int16_t zero[20];
};

_Static_assert(sizeof(struct tern_real) == 8, "two int32 without padding");
_Static_assert(sizeof(struct tern_linear_param) == 64, "a tensor of 16 int32");
_Static_assert(sizeof(struct tern_norm_param) == 64, "a tensor of 16 int32");
_Static_assert(sizeof(struct tern_score_param) == 64, "a tensor of 16 int32");
_Static_assert(sizeof(struct tern_elu_param) == 64, "a tensor of 16 int32");
_Static_assert(sizeof(struct tern_static_param) == 64, "a tensor of 16 int32");
_Static_assert(sizeof(struct tern_table_param) == 64, "a tensor of 16 int32");
_Static_assert(sizeof(struct tern_stream_param) == 64, "a tensor of 16 int32");
_Static_assert(sizeof(struct tern_poly_param) == 64, "a tensor of 32 int16");

#endif
