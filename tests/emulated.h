/* Long loops under an emulator, where arithmetic takes hundreds of times as long: tests/run.sh says by TERN_RUN that
   there is one. */
#ifndef TESTS_EMULATED_H
#define TESTS_EMULATED_H

#include <stdlib.h>

static inline int emulated(void)
{
    const char *run = getenv("TERN_RUN");
    return run && *run;
}

/* Leaves out a test of how weights are rounded, or how near integers come to floats: the digests of
   tests/test_formats.c say on every CPU that files and integers are those which were looked at natively. cmocka.h comes
   before this file. */
static inline void not_emulated(void)
{
    if (emulated())
        skip();
}

/* The step of a loop over independent cases: 1, so that all are tried; under an emulator `stride`, which must have no
   factor in common with what the cases alternate by. */
static inline int stride_emulated(int stride)
{
    return emulated() ? stride : 1;
}

#endif
