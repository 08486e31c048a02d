/* Any text as a table of where sparse products pay, and as a SHAPE:FRACTION. A table that is accepted has numbers from
   0 to 100, and says the same when it is written again. */
/* COVERS: models/sparse_table.c models/blocks.c */

#include "models/blocks.h"
#include "models/sparse_table.h"
#include "tests/fuzz/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text of a table. */
static void print(char *out, size_t capacity, const struct tern_sparse_table *t)
{
    int n = snprintf(out, capacity, "version %s\ncpu %s\nisa %s\n", t->version, t->cpu, t->isa);
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++) {
        n += snprintf(out + n, capacity - (size_t)n, "%s", tern_block_shape_name((enum tern_block_shape)shape));
        for (int i = 0; i < 2 * TERN_ROW_BUCKETS; i++) {
            const int value =
                i < TERN_ROW_BUCKETS ? t->routes.as_stored[shape][i] : t->routes.pays[shape][i - TERN_ROW_BUCKETS];
            fuzz_check(value >= 0 && value <= 100);
            n += snprintf(out + n, capacity - (size_t)n, " %d", value);
        }
        n += snprintf(out + n, capacity - (size_t)n, "\n");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tern_sparse_table table, again;
    struct tern_sparse_routes routes, before;
    tern_error err = {TERN_OK, ""};
    char *text = malloc(size + 1), copy[2048];
    fuzz_check(text != NULL);
    memcpy(text, data, size);
    text[size] = 0;
    enum tern_block_shape shape;
    double fraction = -1;
    if (!tern_sparse_parse(text, &shape, &fraction)) {
        fuzz_check(fraction >= 0 && fraction <= 1 && tern_block_shape_find(tern_block_shape_name(shape)) == (int)shape);
        for (int format = 0; format < TERN_N_FORMATS; format++) {
            char why[TERN_SPARSE_WHY] = "";
            fuzz_check(tern_sparse_fits((enum tern_format)format, shape, why) == !why[0]);
        }
    }
    const char *fault = tern_sparse_table_read(&table, text);
    memset(&routes, 7, sizeof routes);
    before = routes;
    const tern_status status = tern_sparse_table_apply(&routes, text, "avx2", &err);
    fuzz_check(status == TERN_OK || status == TERN_USAGE);
    if (fault || status) {
        fuzz_check_error(&err, status);
        fuzz_check(!memcmp(&routes, &before, sizeof routes));
    } else {
        fuzz_check(!strcmp(table.isa, "avx2") && !strcmp(table.version, TERN_VERSION));
        fuzz_check(!memcmp(&routes, &table.routes, sizeof routes));
    }
    if (!fault) {
        print(copy, sizeof copy, &table);
        fuzz_check(!tern_sparse_table_read(&again, copy));
        fuzz_check(!memcmp(&again.routes, &table.routes, sizeof table.routes) && !strcmp(again.cpu, table.cpu));
    }
    free(text);
    return 0;
}
