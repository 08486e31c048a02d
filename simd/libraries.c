/* Puts the ops of third-party libraries (simd/ext/) in front of the own kernels, where they were measured to be faster.
 */
#include "simd/libraries.h"

#include <string.h>

void tern_libraries_add(struct tern_ops *ops, unsigned features)
{
    ops->n_libraries = 0;
    const char *last = NULL; /* a library's rows stand together */
#define LIBRARY(name, isa, least, from, to)                                                                            \
    if ((tern_isa_needs(TERN_ISA_##isa) & features) == tern_isa_needs(TERN_ISA_##isa) &&                               \
        tern_##name##_within(features)) {                                                                              \
        ops->n_libraries += !last || strcmp(last, #name) != 0;                                                         \
        last = #name;                                                                                                  \
        ops->libraries[ops->n_libraries - 1] =                                                                         \
            (struct tern_library_route){tern_gemm_f32_##name, #name, least, from, to};                                 \
    }
#include "simd/libraries.def"
#undef LIBRARY
    (void)features;
    (void)last;
}

tern_gemm_f32_fn *tern_gemm_f32_for(const struct tern_ops *ops, int m, int n, int k)
{
    const int64_t weights = (int64_t)n * k;
    for (int i = 0; i < ops->n_libraries; i++) {
        const struct tern_library_route *r = &ops->libraries[i];
        if (m >= r->rows && weights >= r->from && weights <= r->to)
            return r->gemm;
    }
    return ops->gemm_f32;
}
