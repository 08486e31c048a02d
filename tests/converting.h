/* What tests of conversions share: a folder, the file made of it, the report, and what a refusal must say. A part of
   the test that includes it. */
#ifndef TESTS_CONVERTING_H
#define TESTS_CONVERTING_H

#include "quant/tern_convert.h"
#include "tests/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tern_error err;
static char dir[256], path[300], report[8192];

static void listen(void *context, const char *line)
{
    (void)context;
    snprintf(report + strlen(report), sizeof report - strlen(report), "%s\n", line);
}

/* Without the search for outlier columns, which takes most of a small model's conversion: these tests are about what is
   read of a checkpoint, not about how well it is rounded. */
static tern_status convert(const char *checkpoint, const char *weights, const char *task)
{
    const tern_convert_options o = {
        .struct_bytes = sizeof o, .weights = weights, .task = task, .outliers = "off", .report = listen};
    report[0] = 0;
    err = (tern_error){TERN_OK, ""};
    return tern_convert(checkpoint, path, &o, &err);
}

static tern_model *opened(void)
{
    tern_model *model;
    assert_ok(tern_model_open(&model, path, &err));
    return model;
}

/* The synthetic checkpoint of a spec. */
static inline tern_status convert_spec(const struct test_checkpoint_spec *spec, const char *task)
{
    test_remove_dir(dir);
    if (test_write_checkpoint(dir, spec))
        abort();
    return convert(dir, NULL, task);
}

static void refused(tern_status status, tern_status expected, const char *says)
{
    if (status != expected || !strstr(err.message, says) || strchr(err.message, '\n'))
        fail_msg("%s: '%s'; expected %s and '%s'", tern_status_name(status), err.message, tern_status_name(expected),
                 says);
}

static void reported(const char *line)
{
    if (!strstr(report, line))
        fail_msg("the report lacks '%s':\n%s", line, report);
}

static int setup(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir - 20);
    snprintf(path, sizeof path, "%s.tern", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_remove_dir(dir);
    remove(path);
    return 0;
}

#endif
