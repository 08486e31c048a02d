/* Fills the table of kernels from the lists kernels.def, routes.def and sparse.def, and answers which ISA a kernel is
   for. */
#include "simd/table.h"

#include <string.h>

static int usable(enum tern_isa isa, unsigned features)
{
    return (tern_isa_needs(isa) & features) == tern_isa_needs(isa);
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
    struct tern_routes *const routes = &ops->routes;
#define TAKES(isa) usable(TERN_ISA_##isa, features)
#include "simd/routes_template.h"
#undef TAKES
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
