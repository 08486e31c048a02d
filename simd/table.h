/* The table of kernels for a feature set: a plain value, so that two sets can stand side by side in one process. */
#ifndef TERN_TABLE_H
#define TERN_TABLE_H

#include "simd/cpu.h"
#include "simd/ops.h"

/* No limit, in struct tern_routes. */
enum { TERN_ANY_ROWS = 1 << 30 };
/* The limits between the ways to multiply a block-sparse matrix, in per cent of its blocks that are left, for up to 2,
   8 and 32 rows, and for more: simd/sparse.def. */
enum { TERN_ROW_BUCKETS = 4 };
struct tern_sparse_routes {
    int as_stored[TERN_N_BLOCK_SHAPES][TERN_ROW_BUCKETS]; /* up to there as they are, else expanded to int8 panels */
    int pays[TERN_N_BLOCK_SHAPES][TERN_ROW_BUCKETS];      /* up to there no slower than stored densely */
};

/* How weights of fewer than 8 bits are multiplied: simd/routes.def. The rows are the most up to which low-bit weights
   are multiplied as they are. */
struct tern_routes {
    int s7, s6;       /* from so many rows on by gemm_s7, and by gemm_s6; for fewer as int8 */
    int s4;           /* 4 bits */
    int spmm_s4;      /* 4 bits in blocks of 16x4 */
    int lut[2];       /* 1 and 2 bits without multipliers */
    int lut_group[3]; /* 1, 2 and 3 bits with them */
    struct tern_sparse_routes sparse;
};

/* Products of floats that a library takes: simd/libraries.def. */
#define TERN_ANY_WEIGHTS INT64_MAX
enum { TERN_MOST_LIBRARIES = 2 };
struct tern_library_route {
    tern_gemm_f32_fn *gemm;
    const char *name;
    int rows;
    int64_t from, to;
};

struct tern_ops {
#define OP(name, class) tern_##name##_fn *name;
#include "simd/ops.def"
#undef OP
    struct tern_routes routes;
    struct tern_library_route libraries[TERN_MOST_LIBRARIES];
    int n_libraries; /* 0 until tern_libraries_add */
};

enum tern_op {
#define OP(name, class) TERN_OP_##name,
#include "simd/ops.def"
#undef OP
    TERN_N_OPS
};

#define OP(name, class) tern_##name##_fn tern_##name##_ref;
#include "simd/ops.def"
#undef OP
#define KERNEL(op, isa) tern_##op##_fn tern_##op##_##isa;
#include "simd/kernels.def"
#undef KERNEL

/* Fills every slot: the references first, then each row of kernels.def, and of routes.def, whose ISA lies within
   `features`, in order. */
void tern_table_build(struct tern_ops *ops, unsigned features);

/* What computes a product of this shape: gemm_f32, or a library. */
tern_gemm_f32_fn *tern_gemm_f32_for(const struct tern_ops *ops, int m, int n, int k);

const char *tern_op_name(enum tern_op op);
/* The ISA whose kernel the table built from `features` holds for `op`. */
enum tern_isa tern_table_isa(enum tern_op op, unsigned features);
/* The last ISA of isa.def that any of that table's kernels is for: what the table runs on. */
enum tern_isa tern_table_best(unsigned features);

#endif
