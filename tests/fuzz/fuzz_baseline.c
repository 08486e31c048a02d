/* Any bytes as the file of `tern bench --baseline`. What is accepted can be compared with records and ends in a
   verdict; a refusal is one line. */
/* COVERS: tools/bench_baseline.c */

#include "tests/fuzz/files.h"
#include "tests/make_checkpoint.h"
#include "tools/bench.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int compare(struct bench_baseline *b)
{
    static const struct bench_record records[] = {
        {.model = "mini",
         .weights = "int8",
         .sparsity = "",
         .isa = "avx2",
         .threads = 1,
         .seq = 16,
         .seq_min = 16,
         .batch = 1,
         .p50_ms = 2,
         .digest = 0x0123456789abcdef},
        {.model = "mini",
         .weights = "f32",
         .sparsity = "16x4 50 %",
         .isa = "scalar",
         .threads = 2,
         .seq = 16,
         .seq_min = 8,
         .batch = 8,
         .p50_ms = 0.5,
         .digest = 1},
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        struct bench_record record = records[i];
        record.ratio = -1;
        bench_baseline_compare(b, &record);
        fuzz_check(record.ratio == -1 || record.ratio >= 0);
    }
    fuzz_check(b->compared <= 2 && b->slower <= b->compared && b->different <= b->compared);
    return bench_baseline_verdict(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bench_baseline b = {.max_regress = 5};
    char path[300], said[8192];
    strcpy(stpcpy(path, fuzz_dir()), "/baseline.json");
    fuzz_check(!test_write_file(fuzz_dir(), "baseline.json", size ? data : (const uint8_t *)"", size));
    fuzz_capture_begin();
    int code = bench_baseline_open(&b, path);
    const int opened = !code;
    if (opened)
        code = compare(&b);
    bench_baseline_close(&b);
    const size_t n = fuzz_capture_end(said, sizeof said);
    fuzz_check(code == CLI_OK || code == CLI_FAILED || (opened && code == CLI_DIFFERENT));
    if (code)
        fuzz_check(n > 1 && said[n - 1] == '\n' && (opened || memchr(said, '\n', n) == said + n - 1));
    return 0;
}
