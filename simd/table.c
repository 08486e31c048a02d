/* Fills the table of kernels from the lists kernels.def, routes.def and sparse.def, and answers which ISA a kernel is
   for. */
#include "simd/table.h"

#include <string.h>

static int usable(enum tern_isa isa, unsigned features)
{
    return (tern_isa_needs(isa) & features) == tern_isa_needs(isa);
}

static void set_sparse(int *percent, int rows2, int rows8, int rows32, int more)
{
    percent[0] = rows2;
    percent[1] = rows8;
    percent[2] = rows32;
    percent[3] = more;
}

void tern_table_build(struct tern_ops *ops, unsigned features)
{
    memset(ops->libraries, 0, sizeof ops->libraries);
    ops->n_libraries = 0;
#define OP(name, class) ops->name = tern_##name##_ref;
#include "simd/ops.def"
#undef OP
#define KERNEL(op, isa)                                                                                                \
    if (usable(TERN_ISA_##isa, features))                                                                              \
        ops->op = tern_##op##_##isa;
#include "simd/kernels.def"
#undef KERNEL
#define ROUTE(isa, has7, has6, rows4, rows4_blocks, rows1, rows2, rows2_group, rows3_group)                            \
    if (usable(TERN_ISA_##isa, features))                                                                              \
        ops->routes = (struct tern_routes){.s7 = has7,                                                                 \
                                           .s6 = has6,                                                                 \
                                           .s4 = rows4,                                                                \
                                           .spmm_s4 = rows4_blocks,                                                    \
                                           .lut = {rows1, rows2},                                                      \
                                           .lut_group = {0, rows2_group, rows3_group}};
#include "simd/routes.def"
#undef ROUTE
#define SPARSE_UP_TO(isa, shape, rows2, rows8, rows32, more)                                                           \
    if (usable(TERN_ISA_##isa, features))                                                                              \
        set_sparse(ops->routes.sparse.as_stored[TERN_BLOCK_##shape], rows2, rows8, rows32, more);
#define SPARSE_PAYS_UP_TO(isa, shape, rows2, rows8, rows32, more)                                                      \
    if (usable(TERN_ISA_##isa, features))                                                                              \
        set_sparse(ops->routes.sparse.pays[TERN_BLOCK_##shape], rows2, rows8, rows32, more);
#include "simd/sparse.def"
#undef SPARSE_UP_TO
#undef SPARSE_PAYS_UP_TO
}

const char *tern_op_name(enum tern_op op)
{
    static const char *const names[] = {
#define OP(name, class) #name,
#include "simd/ops.def"
#undef OP
    };
    return names[op];
}

enum tern_isa tern_table_isa(enum tern_op op, unsigned features)
{
    enum tern_isa best = TERN_ISA_scalar;
#define KERNEL(name, isa)                                                                                              \
    if (TERN_OP_##name == op && usable(TERN_ISA_##isa, features))                                                      \
        best = TERN_ISA_##isa;
#include "simd/kernels.def"
#undef KERNEL
    (void)op;
    (void)features;
    return best;
}

enum tern_isa tern_table_best(unsigned features)
{
    enum tern_isa best = TERN_ISA_scalar;
    for (int op = 0; op < TERN_N_OPS; op++) {
        enum tern_isa isa = tern_table_isa((enum tern_op)op, features);
        best = isa > best ? isa : best;
    }
    return best;
}
