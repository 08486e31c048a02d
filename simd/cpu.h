/* Features: the instruction sets that this CPU and this operating system can run. */
#ifndef TERN_CPU_H
#define TERN_CPU_H

#include "runtime/base/status.h"

/* Feature bits: a set. Those of other architectures have names, too. */
enum tern_feature {
#define FEATURE(id, ...) TERN_FEATURE_##id,
#include "simd/features.def"
#undef FEATURE
    TERN_N_FEATURES
};
enum {
#define FEATURE(id, ...) TERN_F_##id = 1 << TERN_FEATURE_##id,
#include "simd/features.def"
#undef FEATURE
};

enum tern_isa {
#define ISA(name, need) TERN_ISA_##name,
#include "simd/isa.def"
#undef ISA
    TERN_N_ISAS
};

const char *tern_isa_name(enum tern_isa isa);
unsigned tern_isa_needs(enum tern_isa isa);
/* -1: there is no ISA of that name. */
int tern_isa_find(const char *name);

/* All features of this CPU, OS state included; ignores TERN_ISA. Asks for no permission. */
unsigned tern_cpu_features(void);

/* The features to use: those of `name`, else of the variable TERN_ISA, else all. A named row must exist and be
   supported: TERN_USAGE otherwise, and the message lists the rows this CPU has. AMX among them is asked of the kernel,
   for the whole process, which makes its signal frames larger; where it refuses (an alternate signal stack that is too
   small for them), AMX is not there. */
tern_status tern_cpu_select(unsigned *features, const char *name, tern_error *err);

/* "avx512"; NULL for a feature of another architecture than this library's. */
const char *tern_feature_name(enum tern_feature feature);

#endif
