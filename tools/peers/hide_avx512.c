/* A library for LD_PRELOAD: programs find no AVX-512, AVX-VNNI, AVX10 or AMX, so that engines which choose their
   kernels by CPUID take those for AVX2, on a CPU that has more. CPUID ends in a fault (arch_prctl, Linux on CPUs that
   have such faults), whose handler asks the CPU and takes bits off: Intel's Software Developer's Manual, volume 2,
   CPUID, leaf 7. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* AVX-512 F, DQ, IFMA, PF, ER, CD, BW and VL in EBX; VBMI, VBMI2, VNNI, BITALG and VPOPCNTDQ in ECX; 4VNNIW, 4FMAPS,
   VP2INTERSECT, AMX-BF16, FP16, AMX-TILE and AMX-INT8 in EDX. */
enum {
    EBX_7 = 1 << 16 | 1 << 17 | 1 << 21 | 1 << 26 | 1 << 27 | 1 << 28 | 1 << 30 | (int)(1u << 31),
    ECX_7 = 1 << 1 | 1 << 6 | 1 << 11 | 1 << 12 | 1 << 14,
    EDX_7 = 1 << 2 | 1 << 3 | 1 << 8 | 1 << 22 | 1 << 23 | 1 << 24 | 1 << 25,
    /* AVX-VNNI, AVX512-BF16, AMX-FP16 */
    EAX_7_1 = 1 << 4 | 1 << 5 | 1 << 21,
    /* AVX-VNNI-INT8, AVX-NE-CONVERT, AMX-COMPLEX, AVX-VNNI-INT16, AVX10 */
    EDX_7_1 = 1 << 4 | 1 << 5 | 1 << 8 | 1 << 10 | 1 << 19,
};

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    (void)info;
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *at = (const unsigned char *)r[REG_RIP];
    if (at[0] != 0x0F || at[1] != 0xA2) {
        signal(signal_number, SIG_DFL); /* not CPUID: the instruction runs again, and ends the program */
        return;
    }
    const unsigned leaf = (unsigned)r[REG_RAX], part = (unsigned)r[REG_RCX];
    unsigned a, b, c, d;
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1);
    __cpuid_count(leaf, part, a, b, c, d);
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
    if (leaf == 7 && part == 0)
        b &= ~(unsigned)EBX_7, c &= ~(unsigned)ECX_7, d &= ~(unsigned)EDX_7;
    if (leaf == 7 && part == 1)
        a &= ~(unsigned)EAX_7_1, d &= ~(unsigned)EDX_7_1;
    r[REG_RAX] = a, r[REG_RBX] = b, r[REG_RCX] = c, r[REG_RDX] = d;
    r[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGSEGV, &action, NULL) || syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0)) {
        fputs("hide_avx512: this CPU, or its kernel, has no faults of CPUID\n", stderr);
        _exit(1);
    }
}
