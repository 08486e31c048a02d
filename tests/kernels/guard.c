/* Allocates memory between forbidden pages and catches the faults of a call, for the kernel tests. */
#include "tests/kernels/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};

static sigjmp_buf back;
static volatile sig_atomic_t armed;
static struct guard_fault last;

int guard_open(struct guard *g, size_t bytes)
{
    /* Asked for, not assumed: 16 KiB and 64 KiB pages exist on ARM. */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t usable = (bytes + page - 1) / page * page;
    uint8_t *base = mmap(NULL, usable + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return -1;
    g->low = base + page;
    g->high = g->low + usable;
    if (mprotect(g->low, usable, PROT_READ | PROT_WRITE) == 0)
        return 0;
    munmap(base, usable + 2 * page);
    g->low = g->high = NULL;
    return -1;
}

void guard_close(struct guard *g)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (g->low)
        munmap(g->low - page, (size_t)(g->high - g->low) + 2 * page);
    g->low = g->high = NULL;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (!armed) {
        /* A fault of the test itself: with the default action back, it happens again and ends the process. */
        struct sigaction plain = {.sa_handler = SIG_DFL};
        sigaction(signal, &plain, NULL);
        return;
    }
    last.signal = signal;
    last.address = info->si_addr;
    siglongjmp(back, 1);
}

struct guard_fault guard_call(void (*fn)(void *), void *arg)
{
    static int installed;
    if (!installed) {
        /* SA_NODEFER leaves the mask alone, so that no system call is needed to save it before each call. */
        struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
        for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
            sigaction(caught[i], &action, NULL);
        installed = 1;
    }
    last.signal = 0;
    last.address = NULL;
    if (sigsetjmp(back, 0) == 0) {
        armed = 1;
        fn(arg);
    }
    armed = 0;
    return last;
}

const char *guard_signal_name(int signal)
{
    return signal == SIGSEGV ? "SIGSEGV" : signal == SIGBUS ? "SIGBUS" : signal == SIGILL ? "SIGILL" : "SIGFPE";
}
