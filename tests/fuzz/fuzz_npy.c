/* Any bytes as a file of vectors in NumPy's format. What is accepted has finite numbers, as many as its header says; a
   refusal has a status and one line. */
/* COVERS: tools/npy.c */

#include "tests/fuzz/files.h"
#include "tests/make_checkpoint.h"
#include "tools/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 16 /* numbers; a caller knows how many it wants */ };

static void check_numbers(struct npy *npy, size_t size)
{
    tern_error err;
    const size_t n = npy->rows * npy->columns;
    float *const values = malloc((n + 1) * sizeof *values);
    fuzz_check(values != NULL);
    const tern_status status = npy_read(npy, values, &err);
    if (status)
        fuzz_check_error(&err, TERN_INPUT);
    else
        fuzz_check(n * (size_t)npy->bytes < size);
    for (size_t i = 0; i < n && !status; i++)
        fuzz_check(isfinite(values[i]));
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy npy;
    tern_error err;
    char path[300];
    strcpy(stpcpy(path, fuzz_dir()), "/vectors");
    fuzz_check(!test_write_file(fuzz_dir(), "vectors", data, size));
    const int named = npy_is(path);
    const tern_status status = npy_open(&npy, path, &err);
    if (status)
        fuzz_check_error(&err, TERN_INPUT);
    else
        fuzz_check(named && npy.columns > 0);
    if (!status && npy.rows <= MOST / npy.columns)
        check_numbers(&npy, size);
    npy_close(&npy);
    return 0;
}
