/* A quantised linear layer: its stored form, and running it over ragged rows. */
#ifndef TERN_LINEAR_H
#define TERN_LINEAR_H

#include "runtime/base/profile.h"
#include "runtime/base/thread.h"
#include "simd/sparse_routes.h"

/* One weight matrix as the file has it. All pointers lead into the mapped file. */
struct tern_linear {
    const int8_t *weight;      /* panels [panels][k4][16][4]; NULL when the weights are low-bit or sparse */
    int bound;                 /* the largest magnitude of `weight` by its format: 63 or 31; 0: 127 */
    struct tern_codes codes;   /* line NULL: none */
    struct tern_sparse sparse; /* first NULL: none; with codes, value is NULL */
    const int32_t *left;       /* [16 * panels] bits that a channel's accumulators have room for above wnorm2's bound;
                                  NULL: none */
    const int16_t *mul;        /* [16 * panels] scale of a channel over 2^left, over the largest, times TERN_MUL_ONE */
    const int16_t *bias16;     /* [16 * panels] in units of the output; NULL when bias32 is used */
    const int32_t *bias32;     /* [16 * panels] in units of the residual sum, or Q16 for logits */
    struct tern_real kappa;    /* largest scale over 2^left * input unit / (127 * output unit) */
    int32_t wnorm2;            /* largest sum of squares of a channel's int8 weights */
    int32_t up;                /* residual: fraction bits of the sum below y's unit */
    int n, k;                  /* outputs; inputs with their copies (models/copies.h) */
    int used;                  /* the first inputs, behind which all are 0 in every row; 0: all may be other */
    /* What the rows go through first: this matrix reads what that gives, of k columns, as int8 again. NULL: the rows.
     */
    const struct tern_linear *inner;
    /* Of sums with exponents (models/scaled.h), in units of powers of two: bias32's; gamma's, [n], which multiplies
       what the sums are added to; NULL: nothing does. */
    const int16_t *gamma;
    int32_t bias_exp, gamma_exp;
};

/* Panels of k inputs that are unpacked together: 2, 4, 8 or 16. */
int tern_unpacked_panels(int k);

/* How a matrix meets its rows. Every way gives the same accumulators. */
enum tern_route {
    TERN_ROUTE_INT8,
    TERN_ROUTE_INT7, /* weights of at most 63, and of at most 31, by kernels for these */
    TERN_ROUTE_INT6,
    TERN_ROUTE_LOOK_UP, /* codes of 1 to 3 bits choose among sums of activations */
    TERN_ROUTE_CODES,   /* codes of 4 bits are unpacked in registers */
    TERN_ROUTE_UNPACK,  /* codes are unpacked to int8 panels first */
    TERN_ROUTE_SPARSE,
    TERN_ROUTE_EXPAND,        /* blocks are expanded to int8 panels first */
    TERN_ROUTE_BLOCK_CODES,   /* blocks of codes are unpacked in registers */
    TERN_ROUTE_UNPACK_BLOCKS, /* blocks of codes are unpacked to blocks of int8 first */
    TERN_N_ROUTES
};
enum tern_route tern_route_of(const struct tern_linear *w, int m, const struct tern_routes *routes);
/* How a block-sparse matrix meets m rows: as it is, or expanded (its codes never are). */
enum tern_way tern_sparse_way(const struct tern_linear *w, int m, const struct tern_sparse_routes *routes);
/* "int8", "int7", "int6", "looked up", "codes", "unpacked", "sparse", "expanded", "sparse codes", "sparse unpacked",
   and the op that multiplies. */
const char *tern_route_name(enum tern_route route);
enum tern_op tern_route_op(enum tern_route route);

/* int8 rows with what quantising them left behind. */
struct tern_rows {
    const int8_t *q; /* [m][ld], ld a multiple of 4, zero from k to k rounded up to 4 */
    const struct tern_row *row;
    ptrdiff_t ld;
    int m;
    const int32_t *exp; /* [m] of rows with exponents; NULL: none has one */
};

/* How one token's accumulators are brought to fixed point, from its own amax and norm2 (see models/scheme.h). */
struct tern_row_scale tern_requant_scale(const struct tern_linear *w, struct tern_row row);
struct tern_row_scale tern_residual_scale(const struct tern_linear *w, struct tern_row row);
/* The scale of a context row: accumulators of probabilities with sum `psum` times values of largest magnitude amax. */
struct tern_row_scale tern_context_scale(int32_t psum, int32_t amax);
/* shift and mul of the softmax op: `unit` is that of one score step in Q10 octaves per amax_q * amax_k. */
struct tern_row_scale tern_score_scale(int32_t amax_q, int32_t amax_k, struct tern_real unit);
/* The scale of the op residual that brings scores, products of rows such as q and k, to octaves with TERN_BIASED_BITS
   fraction bits, a bias's unit, and so to softmax with that shift less 10. What it gives is at most 2^28. */
enum { TERN_BIASED_BITS = 14 };
struct tern_row_scale tern_biased_scale(struct tern_row q, struct tern_row k, struct tern_real unit);

struct tern_scaled;

/* Where linear layers run. `scale` holds one entry per row of every matrix of a call; `tile` one buffer per thread. */
struct tern_runner {
    const struct tern_ops *ops;
    struct tern_pool *pool;
    struct tern_row_scale *scale;     /* [3 * max rows] */
    struct tern_scaled_scale *scaled; /* [max rows], of models whose rows have exponents */
    int32_t *tile;                    /* [threads][TERN_TILE] */
    int8_t *panels;                   /* [threads][panels_bytes]: low-bit weights, unpacked; sparse ones as lines */
    ptrdiff_t panels_bytes;
    uint8_t *packed; /* [blocks of TERN_TILE_ROWS rows][packed_bytes]: rows for sparse weights */
    ptrdiff_t packed_bytes;
    uint8_t *table;               /* [TERN_LUT_ROWS][most blocks][TERN_LUT_BLOCK], of each share */
    int32_t *table_sum;           /* [TERN_LUT_ROWS][most blocks] */
    ptrdiff_t table_blocks;       /* TERN_LUT_ROWS times most blocks */
    struct tern_profile *profile; /* [threads], or NULL */
    /* What an inner matrix gives: [max rows][most k behind one], [max rows][between_ld], [max rows]. */
    int16_t *between;
    int8_t *between_q;
    struct tern_row *between_row;
    ptrdiff_t between_ld;
};
/* Rows that have tables at a time, and what low-bit panels that are unpacked together may take: both of a size that L2
   holds beside the rest. */
enum { TERN_LUT_ROWS = 16, TERN_UNPACKED_BYTES = 400 << 10 };
enum { TERN_TILE_ROWS = TERN_SPMM_ROWS, TERN_TILE_PANELS = 16 };
enum { TERN_TILE = TERN_TILE_ROWS * TERN_TILE_PANELS * TERN_PANEL };

/* out[i][m][n] of w[i] for `count` <= 3 matrices that read the same rows; ld_out in elements. `stage` is what a profile
   charges the products to. */
void tern_linear_run(const struct tern_runner *run, enum tern_stage stage, const struct tern_linear *const *w,
                     int16_t *const *out, int count, ptrdiff_t ld_out, const struct tern_rows *x);
/* sum[m][n] = (y << up) + w x + bias, rows of y ld_y elements apart: 0 says that all are the same. */
void tern_linear_residual(const struct tern_runner *run, enum tern_stage stage, const struct tern_linear *w,
                          int32_t *sum, ptrdiff_t ld, const int16_t *y, ptrdiff_t ld_y, const struct tern_rows *x);
/* sum[m][n] = w x + bias and, if it adds, gamma times sum: rows with exponents, which those of x have too. */
void tern_linear_scaled(const struct tern_runner *run, enum tern_stage stage, const struct tern_linear *w,
                        const struct tern_scaled *sum, int adds, const struct tern_rows *x);
/* q16[m][n] in Q16, by 64-bit scalars: for the last layer, whose outputs are few, or whose rows. acc is scratch
   [16 * panels]. */
void tern_linear_logits(const struct tern_runner *run, const struct tern_linear *w, int32_t *q16, int32_t *acc,
                        const struct tern_rows *x);
/* The same on the calling thread, for a task of the pool, which must not run another. */
void tern_linear_logits_alone(const struct tern_runner *run, const struct tern_linear *w, int32_t *q16, int32_t *acc,
                              const struct tern_rows *x);

#endif
