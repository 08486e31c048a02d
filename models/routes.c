/* Chooses how a layer's weights are multiplied: as they are stored, or unpacked or expanded to int8 first. */
#include "models/linear.h"

enum tern_way tern_sparse_way(const struct tern_linear *w, int m, const struct tern_sparse_routes *routes)
{
    const int64_t all = (int64_t)tern_panels(w->n) * tern_k4(w->k), left = w->sparse.first[tern_panels(w->n)];
    return w->codes.line ? TERN_WAY_SPARSE : tern_way_stored(routes, w->sparse.shape, tern_row_bucket(m), left, all);
}

enum tern_route tern_route_of(const struct tern_linear *w, int m, const struct tern_routes *routes)
{
    if (w->weight)
        return w->bound == 31 && m >= routes->s6   ? TERN_ROUTE_INT6
               : w->bound == 63 && m >= routes->s7 ? TERN_ROUTE_INT7
                                                   : TERN_ROUTE_INT8;
    if (w->sparse.first && w->codes.line)
        return w->sparse.shape == TERN_BLOCK_16X4 && m <= routes->spmm_s4 ? TERN_ROUTE_BLOCK_CODES
                                                                          : TERN_ROUTE_UNPACK_BLOCKS;
    if (w->sparse.first)
        return tern_sparse_way(w, m, &routes->sparse) == TERN_WAY_SPARSE ? TERN_ROUTE_SPARSE : TERN_ROUTE_EXPAND;
    const int bits = w->codes.book->bits;
    if (bits == 4)
        return m <= routes->s4 ? TERN_ROUTE_CODES : TERN_ROUTE_UNPACK;
    return m <= (w->codes.mul ? routes->lut_group : routes->lut)[bits - 1] ? TERN_ROUTE_LOOK_UP : TERN_ROUTE_UNPACK;
}

static const struct {
    const char *name;
    enum tern_op op;
} ways[TERN_N_ROUTES] = {
    [TERN_ROUTE_INT8] = {"int8", TERN_OP_gemm_s8},
    [TERN_ROUTE_INT7] = {"int7", TERN_OP_gemm_s7},
    [TERN_ROUTE_INT6] = {"int6", TERN_OP_gemm_s6},
    [TERN_ROUTE_LOOK_UP] = {"looked up", TERN_OP_gemm_lut},
    [TERN_ROUTE_CODES] = {"codes", TERN_OP_gemm_s4},
    [TERN_ROUTE_UNPACK] = {"unpacked", TERN_OP_gemm_s8},
    [TERN_ROUTE_SPARSE] = {"sparse", TERN_OP_spmm},
    [TERN_ROUTE_EXPAND] = {"expanded", TERN_OP_gemm_s8},
    [TERN_ROUTE_BLOCK_CODES] = {"sparse codes", TERN_OP_spmm_s4},
    [TERN_ROUTE_UNPACK_BLOCKS] = {"sparse unpacked", TERN_OP_spmm},
};

const char *tern_route_name(enum tern_route route)
{
    return ways[route].name;
}

enum tern_op tern_route_op(enum tern_route route)
{
    return ways[route].op;
}
