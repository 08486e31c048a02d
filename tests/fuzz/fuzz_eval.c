/* Any bytes as a file of one of the tasks of `tern eval`, or of texts alone; the first byte says which. Rows that are
   accepted have a score in the task's range and texts that lie in the pool; a refusal is one line and the exit code of
   a bad text. */
/* COVERS: tools/eval_data.c tools/records.c */

#include "tests/fuzz/files.h"
#include "tests/make_checkpoint.h"
#include "tools/eval_scores.h"
#include "tools/eval_tasks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LABELS = 3 };

static void check_scores(const struct eval_data *d, double most)
{
    double spearman;
    for (size_t i = 0; i < d->n_rows; i++)
        fuzz_check(d->gold[i] >= 0 && d->gold[i] <= most);
    /* Equal scores have no correlation; otherwise one with themselves. */
    const double pearson = eval_pearson(d->gold, d->gold, d->n_rows);
    fuzz_check(!eval_spearman(&spearman, d->gold, d->gold, d->n_rows));
    fuzz_check(isnan(pearson) || fabs(pearson - 1) < 1e-6);
    fuzz_check(isnan(spearman) || fabs(spearman - 1) < 1e-6);
}

static void check_texts(const struct eval_data *d)
{
    fuzz_check(d->n_rows > 0 && d->n_texts == d->n_rows * (size_t)d->per_row && d->pool_used <= d->pool_capacity);
    for (size_t i = 0; i < d->n_texts; i++)
        fuzz_check(d->texts[i].line > 0 && d->texts[i].bytes <= d->pool_used &&
                   d->texts[i].at <= d->pool_used - d->texts[i].bytes);
}

static void check_distinct(const struct eval_data *d)
{
    size_t n, *const first = eval_distinct(d, &n);
    fuzz_check(first && n > 0 && n <= d->n_texts && first[0] == 0);
    for (size_t i = 1; i < n; i++)
        fuzz_check(first[i] > first[i - 1]);
    free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eval_data d = {0};
    char path[300], said[4096];
    if (!size)
        return 0;
    const struct eval_task *const task = eval_find_task(data[0] % 3 ? "stsb" : "sst2");
    const struct eval_rows rows = {&task->form, task->classes.n ? &task->classes : NULL, task->texts,
                                   task->classes.n ? LABELS - 1 : task->most};
    const int alone = data[0] % 3 == 2;
    strcpy(stpcpy(path, fuzz_dir()), "/data.tsv");
    fuzz_check(!test_write_file(fuzz_dir(), "data.tsv", data + 1, size - 1));
    fuzz_capture_begin();
    const int code = alone ? eval_read_lines(&d, path) : eval_read_rows(&d, path, &rows);
    const size_t n = fuzz_capture_end(said, sizeof said);
    if (code) { /* one line, all of it */
        fuzz_check(code == CLI_INPUT && n > 1 && memchr(said, '\n', n) == said + n - 1);
    } else {
        check_texts(&d);
        check_distinct(&d);
        if (!alone)
            check_scores(&d, rows.most);
    }
    eval_data_free(&d);
    return 0;
}
