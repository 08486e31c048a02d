/* Asks the CPU and the operating system for features (CPUID, the auxiliary vector), and turns the name of an ISA into a
   set of them. Neither needs /proc or /sys, which containers and early boot may lack. */
#include "simd/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__) || defined(__arm__)
#include <sys/auxv.h>
#endif

static const struct {
    const char *name;
    unsigned needs;
} rows[] = {
#define ISA(name, need) {#name, need},
#include "simd/isa.def"
#undef ISA
};

const char *tern_isa_name(enum tern_isa isa)
{
    return rows[isa].name;
}

unsigned tern_isa_needs(enum tern_isa isa)
{
    return rows[isa].needs;
}

int tern_isa_find(const char *name)
{
    for (int i = 0; i < TERN_N_ISAS; i++)
        if (!strcmp(rows[i].name, name))
            return i;
    return -1;
}

/* ---- Features: by the list, on this architecture -------------------------------------------------------------- */

struct feature {
    const char *name;
    unsigned at, place, bits, state, base; /* as X86_BITS and ARM_BITS of simd/features.def have them */
};

#if defined(__x86_64__)
#define FEATURE_X86(id, name, ...) [TERN_FEATURE_##id] = {name, __VA_ARGS__},
#define X86_BITS(subleaf, reg, bits, state, base) subleaf, #reg[0] - 'a', bits, state, base
#else
#define FEATURE_X86(id, name, ...)
#endif
#if defined(__aarch64__)
#define FEATURE_ARM(id, name, ...) [TERN_FEATURE_##id] = {name, __VA_ARGS__},
#define ARM_BITS(word, bit, word32, bit32) word, 0, 1u << (bit), 0, 0
#elif defined(__arm__)
#define FEATURE_ARM(id, name, ...) [TERN_FEATURE_##id] = {name, __VA_ARGS__},
#define ARM_BITS(word, bit, word32, bit32) word32, 0, 1u << (bit32), 0, 0
#else
#define FEATURE_ARM(id, name, ...)
#endif

static const struct feature features[TERN_N_FEATURES] = {
#define FEATURE(id, name, architecture, how) FEATURE_##architecture(id, name, how)
#include "simd/features.def"
#undef FEATURE
};

#if defined(__x86_64__)

/* Linux's arch_prctl codes (Documentation/arch/x86/xstate.rst); older headers lack them. The first asks what the kernel
   would permit, the second for the permission. */
enum { GET_XCOMP_SUPP = 0x1021, REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

static int tiles_permitted(void)
{
    unsigned long long supported = 0;
    return syscall(SYS_arch_prctl, GET_XCOMP_SUPP, &supported) == 0 && (supported >> XFEATURE_XTILEDATA & 1);
}

/* May be called again, and by several threads. */
static int permit_tiles(void)
{
    return syscall(SYS_arch_prctl, REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

static unsigned long long xcr0(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (unsigned long long)high << 32 | low;
}

unsigned tern_cpu_features(void)
{
    unsigned leaf1[4], leaf7[2][4] = {{0}}, found = 0;
    unsigned most, ignored;
    /* In a virtual machine each CPUID is a trip to the host, so the number of the last leaf is asked for once. */
    __cpuid(0, most, ignored, ignored, ignored);
    if (most < 1)
        return 0;
    __cpuid(1, leaf1[0], leaf1[1], leaf1[2], leaf1[3]);
    /* CPUs without AVX may lack XSAVE, and leaf 7. */
    const unsigned long long os = leaf1[2] & bit_OSXSAVE ? xcr0() : 0;
    for (unsigned i = 0; most >= 7 && i < 2 && i <= leaf7[0][0];
         i++) /* the first one's EAX is the number of the last */
        __cpuid_count(7, i, leaf7[i][0], leaf7[i][1], leaf7[i][2], leaf7[i][3]);
    for (int i = 0; i < TERN_N_FEATURES; i++) {
        const struct feature *f = &features[i];
        const int has = f->name && (leaf7[f->at][f->place] & f->bits) == f->bits && (leaf1[2] & f->base) == f->base;
        if (has && (os & f->state) == f->state && (!(f->state >> XFEATURE_XTILEDATA & 1) || tiles_permitted()))
            found |= 1u << i;
    }
    return found;
}

#else

static int permit_tiles(void)
{
    return 0;
}

unsigned tern_cpu_features(void)
{
    unsigned found = 0;
#if defined(__aarch64__) || defined(__arm__)
    const unsigned long caps[] = {0, getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};
    for (int i = 0; i < TERN_N_FEATURES; i++)
        if (features[i].name && caps[features[i].at] & features[i].bits)
            found |= 1u << i;
#endif
    return found;
}

#endif

const char *tern_feature_name(enum tern_feature feature)
{
    return features[feature].name;
}

/* ---- Choosing ---------------------------------------------------------------------------------------------------- */

/* `features` without AMX when the kernel refuses it. */
static unsigned permitted(unsigned features)
{
    return features & TERN_F_AMX && !permit_tiles() ? features & ~(unsigned)TERN_F_AMX : features;
}

static void list_rows(char *out, size_t capacity, unsigned have)
{
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < TERN_N_ISAS && used < capacity; i++)
        if ((rows[i].needs & have) == rows[i].needs)
            used += (size_t)snprintf(out + used, capacity - used, " %s", rows[i].name);
}

tern_status tern_cpu_select(unsigned *features, const char *name, tern_error *err)
{
    unsigned have = tern_cpu_features();
    const char *from = "ISA";
    if (!name) {
        name = getenv("TERN_ISA");
        name = name && *name ? name : NULL; /* an empty variable is no variable */
        from = "TERN_ISA";
    }
    if (!name) {
        *features = permitted(have);
        return TERN_OK;
    }
    *features = have;
    char supported[160];
    list_rows(supported, sizeof supported, have);
    for (int i = 0; i < TERN_N_ISAS; i++) {
        if (strcmp(rows[i].name, name))
            continue;
        if ((rows[i].needs & have) != rows[i].needs)
            return tern_fail(err, TERN_USAGE, "%s '%s' is not supported by this CPU; it has:%s", from, name, supported);
        *features = permitted(rows[i].needs);
        if (*features != rows[i].needs)
            return tern_fail(err, TERN_USAGE, "%s '%s': the kernel refuses AMX to this process", from, name);
        return TERN_OK;
    }
    return tern_fail(err, TERN_USAGE, "%s '%s' is unknown; this CPU has:%s", from, name, supported);
}
