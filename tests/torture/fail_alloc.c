/* Preloaded by torture.py: fails the allocation of number TORTURE_FAIL, from 1, counted from main's begin on; or writes
   the number of allocations to the file TORTURE_COUNT when the program ends. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#pragma GCC visibility push(default) /* the build hides symbols */

static atomic_long calls;
static long fail_at;
static atomic_int armed;
static int (*real_main)(int, char **, char **);

static int fails(void)
{
    return atomic_load(&armed) && atomic_fetch_add(&calls, 1) + 1 == fail_at;
}

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        _exit(125);
    return found;
}

/* dlsym itself may allocate before the real calloc is known: from here. */
static _Alignas(64) char early[8192];
static size_t early_used;

static void *early_alloc(size_t size)
{
    void *block = early + early_used;
    early_used += (size + 63) / 64 * 64;
    if (early_used > sizeof early)
        _exit(125);
    return block;
}

void *malloc(size_t size)
{
    static void *(*real)(size_t);
    if (!real)
        *(void **)&real = next("malloc");
    if (fails()) {
        errno = ENOMEM;
        return NULL;
    }
    return real(size);
}

void *calloc(size_t n, size_t size)
{
    static void *(*real)(size_t, size_t);
    static int looking;
    if (looking)
        return early_alloc(n * size);
    if (!real) {
        looking = 1;
        *(void **)&real = next("calloc");
        looking = 0;
    }
    if (fails()) {
        errno = ENOMEM;
        return NULL;
    }
    return real(n, size);
}

void *realloc(void *old, size_t size)
{
    static void *(*real)(void *, size_t);
    if (!real)
        *(void **)&real = next("realloc");
    if (fails()) {
        errno = ENOMEM;
        return NULL;
    }
    return real(old, size);
}

void free(void *block)
{
    static void (*real)(void *);
    if ((char *)block >= early && (char *)block < early + sizeof early)
        return;
    if (!real)
        *(void **)&real = next("free");
    real(block);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    static void *(*real)(size_t, size_t);
    if (!real)
        *(void **)&real = next("aligned_alloc");
    if (fails()) {
        errno = ENOMEM;
        return NULL;
    }
    return real(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    static int (*real)(void **, size_t, size_t);
    if (!real)
        *(void **)&real = next("posix_memalign");
    return fails() ? ENOMEM : real(out, alignment, size);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real)
        *(void **)&real = next("mmap");
    if (fails()) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return real(address, size, protection, flags, fd, offset);
}

static void write_count(void)
{
    const char *path = getenv("TORTURE_COUNT");
    const int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (fd >= 0)
        dprintf(fd, "%ld\n", atomic_load(&calls));
}

static int armed_main(int argc, char **argv, char **environment)
{
    const char *number = getenv("TORTURE_FAIL");
    fail_at = number ? atol(number) : 0;
    atexit(write_count);
    atomic_store(&armed, 1);
    return real_main(argc, argv, environment);
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
    int (*real)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
    *(void **)&real = next("__libc_start_main");
    real_main = main;
    return real(armed_main, argc, argv, init, fini, rtld_fini, stack_end);
}
