/* Template: the rows of routes.def and sparse.def of instruction sets for which TAKES(isa) holds go into *routes, a
   struct tern_routes; of several the last holds. simd/table.c takes those of this CPU, quant/boards.c those of another
   machine. */
#define SET_SPARSE(to, rows2, rows8, rows32, more) ((to)[0] = rows2, (to)[1] = rows8, (to)[2] = rows32, (to)[3] = more)
#define ROUTE(isa, from7, from6, rows4, rows4_blocks, rows1, rows2, rows2_group, rows3_group)                          \
    if (TAKES(isa))                                                                                                    \
        *routes = (struct tern_routes){.s7 = from7,                                                                    \
                                       .s6 = from6,                                                                    \
                                       .s4 = rows4,                                                                    \
                                       .spmm_s4 = rows4_blocks,                                                        \
                                       .lut = {rows1, rows2},                                                          \
                                       .lut_group = {0, rows2_group, rows3_group}};
#include "simd/routes.def"
#undef ROUTE
#define SPARSE_UP_TO(isa, shape, rows2, rows8, rows32, more)                                                           \
    if (TAKES(isa))                                                                                                    \
        SET_SPARSE(routes->sparse.as_stored[TERN_BLOCK_##shape], rows2, rows8, rows32, more);
#define SPARSE_PAYS_UP_TO(isa, shape, rows2, rows8, rows32, more)                                                      \
    if (TAKES(isa))                                                                                                    \
        SET_SPARSE(routes->sparse.pays[TERN_BLOCK_##shape], rows2, rows8, rows32, more);
#include "simd/sparse.def"
#undef SPARSE_UP_TO
#undef SPARSE_PAYS_UP_TO
#undef SET_SPARSE
