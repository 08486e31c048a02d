/* A small checkpoint, and its conversion into a folder of its own: for the tests of conversion. */
#ifndef TERN_TEST_CONVERT_CASE_H
#define TERN_TEST_CONVERT_CASE_H

#include "quant/tern_convert.h"
#include "tests/e2e.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static tern_error err;
static char dir[256], out_dir[300], path[400];

static const struct test_checkpoint_spec small = {.seed = 51,
                                                  .hidden = 24,
                                                  .heads = 2,
                                                  .intermediate = 40,
                                                  .vocab = 120,
                                                  .pooler = 1,
                                                  .n_labels = 3,
                                                  .pooling = "mean"};

/* What is in out_dir. */
static inline int entries(void)
{
    DIR *d = opendir(out_dir);
    int n = 0;
    if (!d)
        abort();
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static inline void rewrite(const struct test_checkpoint_spec *spec)
{
    test_remove_dir(dir);
    if (mkdir(dir, 0777) || test_write_checkpoint(dir, spec) || mkdir(out_dir, 0777))
        abort();
}

static inline tern_status convert(const char *weights, const char *to)
{
    const tern_convert_options o = {.struct_bytes = sizeof o, .weights = weights};
    err = (tern_error){TERN_OK, ""};
    return tern_convert(dir, to, &o, &err);
}

/* The status, one line that says `says`, and no file. */
static inline void fails(tern_status status, tern_status expected, const char *says)
{
    if (status != expected || err.code != expected)
        fail_msg("%s: '%s'; expected %s", tern_status_name(status), err.message, tern_status_name(expected));
    if (!err.message[0] || strchr(err.message, '\n') || !strstr(err.message, says))
        fail_msg("'%s' is not one line that says '%s'", err.message, says);
    assert_int_equal(entries(), 0);
}

static inline int setup(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir);
    snprintf(out_dir, sizeof out_dir, "%s/out", dir);
    snprintf(path, sizeof path, "%s/m.tern", out_dir);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

#endif
