/* Features: the instruction sets that this CPU and this operating system can run. */
#ifndef TERN_CPU_H
#define TERN_CPU_H

#include "runtime/base/status.h"

/* Feature bits: a set. AVX2 means AVX2 and FMA: what has the one alone is no longer made. AVX-512 means F, BW, VL and DQ together, with the OS saving the registers. */
enum {
    TERN_F_AVX2 = 1 << 0,
    TERN_F_AVXVNNI = 1 << 1,
    TERN_F_AVX512 = 1 << 2,
    TERN_F_AVX512VNNI = 1 << 3,
    TERN_F_AMX = 1 << 4, /* tile + int8, XCR0 bits 17 and 18, and the kernel would permit it */
    TERN_F_NEON = 1 << 8,
    TERN_F_DOTPROD = 1 << 9,
    TERN_F_I8MM = 1 << 10,
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

/* Who was asked for a feature: "cpuinfo" or "own detection". */
const char *tern_cpu_source(unsigned feature);

#endif
