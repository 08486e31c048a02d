/* Asks the CPU and the operating system for features (cpuinfo, cpuid, the auxiliary vector), and turns the name of an
   ISA into a set of them. */
#include "simd/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef TERN_WITH_CPUINFO
#include <cpuinfo.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
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

/* A set bit says that CPUID has it and that the OS saves its registers (XCR0: 0x6 ymm, 0xe6 zmm, 0x60000 tiles). */
static unsigned detect_own(void)
{
    unsigned a, b, c, d, f = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return 0;
    unsigned long long os = xcr0();
    const unsigned fma = c & bit_FMA;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (os & 0x6) != 0x6)
        return 0;
    unsigned sub_leaves = a;
    if (b & bit_AVX2 && fma)
        f |= TERN_F_AVX2;
    const unsigned f_bw_vl_dq = bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ;
    if ((b & f_bw_vl_dq) == f_bw_vl_dq && (os & 0xe6) == 0xe6) {
        f |= TERN_F_AVX512;
        if (c & (1u << 11))
            f |= TERN_F_AVX512VNNI;
    }
    const unsigned tile_int8 = 1u << 24 | 1u << 25;
    if ((d & tile_int8) == tile_int8 && (os & 0x60000) == 0x60000 && tiles_permitted())
        f |= TERN_F_AMX;
    if (sub_leaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 4)))
        f |= TERN_F_AVXVNNI;
    return f;
}

/* libcpuinfo of 2022 knows neither AVX-VNNI nor AMX. */
static const unsigned cpuinfo_knows = TERN_F_AVX2 | TERN_F_AVX512 | TERN_F_AVX512VNNI;

#ifdef TERN_WITH_CPUINFO
static unsigned detect_cpuinfo(void)
{
    unsigned f = 0;
    if (cpuinfo_has_x86_avx2() && cpuinfo_has_x86_fma3())
        f |= TERN_F_AVX2;
    if (cpuinfo_has_x86_avx512f() && cpuinfo_has_x86_avx512bw() && cpuinfo_has_x86_avx512vl() &&
        cpuinfo_has_x86_avx512dq())
        f |= TERN_F_AVX512;
    if (cpuinfo_has_x86_avx512vnni())
        f |= TERN_F_AVX512VNNI;
    return f;
}
#endif

#else

static int permit_tiles(void)
{
    return 0;
}

#endif

#if defined(__x86_64__)
#elif defined(__aarch64__) || defined(__arm__)

/* Bits of AT_HWCAP and AT_HWCAP2 (Linux, asm/hwcap.h); the 32-bit ones are newer than Debian 12's header. */
static unsigned detect_own(void)
{
    unsigned long cap = getauxval(AT_HWCAP), cap2 = getauxval(AT_HWCAP2);
#if defined(__aarch64__)
    unsigned long neon = 1ul << 1, dotprod = 1ul << 20, i8mm = 1ul << 13, i8mm_word = cap2;
#else
    unsigned long neon = 1ul << 12, dotprod = 1ul << 24, i8mm = 1ul << 27, i8mm_word = cap;
    (void)cap2;
#endif
    unsigned f = 0;
    if (cap & neon)
        f |= TERN_F_NEON;
    if (cap & dotprod)
        f |= TERN_F_DOTPROD;
    if (i8mm_word & i8mm)
        f |= TERN_F_I8MM;
    return f;
}

/* libcpuinfo of 2022 has no i8mm. */
static const unsigned cpuinfo_knows = TERN_F_NEON | TERN_F_DOTPROD;

#ifdef TERN_WITH_CPUINFO
static unsigned detect_cpuinfo(void)
{
    unsigned f = 0;
    if (cpuinfo_has_arm_neon())
        f |= TERN_F_NEON;
    if (cpuinfo_has_arm_neon_dot())
        f |= TERN_F_DOTPROD;
    return f;
}
#endif

#else

static unsigned detect_own(void)
{
    return 0;
}
static const unsigned cpuinfo_knows = 0;
#ifdef TERN_WITH_CPUINFO
static unsigned detect_cpuinfo(void)
{
    return 0;
}
#endif

#endif

unsigned tern_cpu_features(void)
{
    unsigned own = detect_own();
#ifdef TERN_WITH_CPUINFO
    /* Without /proc it would write to stderr and know nothing. */
    if (access("/proc/cpuinfo", R_OK) == 0 && cpuinfo_initialize())
        return (own & ~cpuinfo_knows) | (detect_cpuinfo() & cpuinfo_knows);
#endif
    return own;
}

const char *tern_cpu_source(unsigned feature)
{
#ifdef TERN_WITH_CPUINFO
    if (feature & cpuinfo_knows)
        return "cpuinfo";
#else
    (void)cpuinfo_knows;
    (void)feature;
#endif
    return "own detection";
}

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
