/* What spmm_pack and the spmm of the same ISA must agree on: sizes of the layouts, and which of them is taken. */
#ifndef TERN_X86_SPMM_ROWS_H
#define TERN_X86_SPMM_ROWS_H

#include "simd/ops.h"

enum {
    TERN_SPMM_FEW_GROUP = 4,       /* rows that the forms for few rows multiply together */
    TERN_SPMM_AVX2_PASS = 16,      /* rows of a pass over a narrow strip */
    TERN_SPMM_AVXVNNI_GROUP = 8,   /* rows that lie together in a k step */
    TERN_SPMM_AVXVNNI_TILE = 6,    /* most rows of a tile of 16x4: a group holds one tile */
    TERN_SPMM_AVXVNNI_COLUMN = 32, /* 4x1: rows that one load of an input holds */
    TERN_SPMM_AMX_FEW = 16,        /* up to so many rows AVX-512 VNNI is called */
    TERN_SPMM_S4_FEW = 4,          /* AVX-512 VNNI: up to so many rows lie close together */
};

/* These say whether narrow blocks meet m rows in the form for few rows. With more rows, it takes less time to keep
   whole vectors of rows in the lanes (Zen 5). */
static inline int tern_spmm_few_avx2(enum tern_block_shape shape, int m)
{
    return shape != TERN_BLOCK_16X4 && m <= (shape == TERN_BLOCK_1X4 ? 8 : 12);
}
static inline int tern_spmm_few_avxvnni(enum tern_block_shape shape, int m)
{
    return shape != TERN_BLOCK_16X4 && m <= (shape == TERN_BLOCK_1X4 ? 2 : 4);
}
/* AVX-512BW, which takes AVX2's form, and AVX-512 VNNI, which has its own. */
static inline int tern_spmm_few_avx512(enum tern_block_shape shape, int m)
{
    return shape != TERN_BLOCK_16X4 && m <= (shape == TERN_BLOCK_4X4 ? 8 : 4);
}

/* AVX2's form for few rows: how many rows a k step of a group is laid out for. */
static inline int tern_spmm_few_lanes(enum tern_block_shape shape, int rows)
{
    return shape == TERN_BLOCK_4X1 || rows > 2 ? TERN_SPMM_FEW_GROUP : rows;
}

/* With 512 bits: rows of the layout in whole vectors of 16; 4x1 has layouts for 16 and for 64. */
static inline int tern_spmm512_rows(enum tern_block_shape shape, int m)
{
    return shape == TERN_BLOCK_4X1 && m > 16 ? TERN_SPMM_ROWS : tern_round_up(m, 16);
}

/* AVX2's spmm_s4, packed[k4][m]: a row's four activations of a k step, and what the offset adds to each two of them. */
struct tern_spmm_s4_input {
    int32_t four, excess;
};

#endif
