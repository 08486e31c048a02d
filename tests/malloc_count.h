/* Counts the allocations of Tern's own objects, and makes one of them fail. For one source file of a test program that
   is linked with --wrap for malloc, calloc, realloc, free, aligned_alloc and posix_memalign (the library calls no other
   allocator). jansson, which is linked dynamically, comes in by json_set_alloc_funcs(malloc_count_malloc, free). */
#ifndef TESTS_MALLOC_COUNT_H
#define TESTS_MALLOC_COUNT_H

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static atomic_long malloc_calls;        /* since the start */
static atomic_long malloc_live;         /* blocks in use */
static atomic_long malloc_fail_at = -1; /* so many more succeed before one fails; -1: all succeed */
static atomic_long malloc_failed;       /* how many have failed */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
void __wrap_free(void *block);

static int malloc_count_fails(void)
{
    atomic_fetch_add(&malloc_calls, 1);
    if (atomic_load(&malloc_fail_at) < 0 || atomic_fetch_sub(&malloc_fail_at, 1) > 0)
        return 0;
    atomic_fetch_add(&malloc_failed, 1); /* the counter is now -1: the next ones succeed */
    return 1;
}

static void *malloc_count_born(void *block)
{
    atomic_fetch_add(&malloc_live, block != NULL);
    return block;
}

void *__wrap_malloc(size_t size)
{
    return malloc_count_fails() ? NULL : malloc_count_born(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return malloc_count_fails() ? NULL : malloc_count_born(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (malloc_count_fails())
        return NULL;
    void *block = __real_realloc(old, size);
    return old ? block : malloc_count_born(block);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return malloc_count_fails() ? NULL : malloc_count_born(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    if (malloc_count_fails())
        return ENOMEM;
    const int code = __real_posix_memalign(out, alignment, size);
    if (!code)
        malloc_count_born(*out);
    return code;
}

void __wrap_free(void *block)
{
    atomic_fetch_sub(&malloc_live, block != NULL);
    __real_free(block);
}

/* Functions to hand over: `malloc` and `free` named in the test program are wrapped already. */
static inline void *malloc_count_malloc(size_t size)
{
    return malloc(size);
}

static inline void malloc_count_free(void *block)
{
    free(block);
}

#endif
