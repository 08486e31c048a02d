/* Memory between two pages that may not be touched, and calls whose faults are caught: a test sees an access outside
   its buffer as a failure with an address, not as the end of the process. */
#ifndef TESTS_KERNELS_GUARD_H
#define TESTS_KERNELS_GUARD_H

#include <stddef.h>
#include <stdint.h>

struct guard {
    uint8_t *low, *high; /* usable bytes [low, high), both at a page's edge: the pages before and after fault */
};

/* Maps at least `bytes` (rounded up to whole pages). Returns 0, or -1 with errno set. */
int guard_open(struct guard *g, size_t bytes);
void guard_close(struct guard *g);

struct guard_fault {
    int signal; /* 0: none */
    uint8_t *address;
};

/* Calls fn(arg); a SIGSEGV, SIGBUS, SIGILL or SIGFPE within ends the call and is returned. Not reentrant. */
struct guard_fault guard_call(void (*fn)(void *), void *arg);

const char *guard_signal_name(int signal);

#endif
