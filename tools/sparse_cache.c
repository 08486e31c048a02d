/* Finds and stores this machine's table of `--calibrate-sparse` in the user's cache folder. */
#include "tools/sparse_cache.h"

#include "models/blocks.h"
#include "runtime/base/file.h"
#include "tools/cache_folder.h"
#include "tools/cli.h"
#include "tools/host.h"
#include "tools/output.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 1 << 16 };

const char *sparse_cache_isa(const char *isa)
{
    unsigned features;
    if (tern_cpu_select(&features, isa, NULL))
        return NULL;
    return tern_isa_name(tern_table_best(features));
}

int sparse_cache_path(char *out, size_t capacity, const char *isa)
{
    char name[64];
    snprintf(name, sizeof name, "sparse-%s.txt", isa);
    return cache_path(out, capacity, name);
}

/* What makes a table none of ours; NULL: nothing. */
static const char *mismatch(const struct tern_sparse_table *t, const char *isa)
{
    char cpu[sizeof t->cpu];
    host_cpu_name(cpu, sizeof cpu);
    if (strcmp(t->version, TERN_VERSION))
        return "was measured by another version";
    if (strcmp(t->cpu, cpu))
        return "was measured on another CPU";
    return strcmp(t->isa, isa) ? "is for another ISA" : NULL;
}

static char *read_table(const char *isa)
{
    struct tern_sparse_table table;
    tern_error err;
    char path[1100], *text = NULL;
    size_t size;
    if (sparse_cache_path(path, sizeof path, isa))
        return NULL;
    const char *fault = NULL;
    if (tern_read_text(&text, &size, path, LIMIT, 1, &err))
        cli_warn("%s; going by the built-in table (remove it, and tern bench --calibrate-sparse makes it anew)",
                 err.message);
    else if (text && memchr(text, 0, size))
        fault = "has a byte of zero in it";
    else if (text)
        fault = tern_sparse_table_read(&table, text);
    if (text && !fault)
        fault = mismatch(&table, isa);
    if (!fault)
        return text;
    cli_warn("%s %s; going by the built-in table (tern bench --calibrate-sparse makes it anew)", path, fault);
    free(text);
    return NULL;
}

const char *sparse_cache_text(const char *isa)
{
    /* One process asks for one ISA, often. */
    static char *text;
    static const char *text_isa;
    const int named = isa ? tern_isa_find(isa) : -1;
    const char *name = isa ? named < 0 ? NULL : tern_isa_name((enum tern_isa)named) : sparse_cache_isa(NULL);
    if (!name || name == text_isa)
        return name ? text : NULL;
    free(text);
    text = read_table(name);
    text_isa = name;
    return text;
}

int sparse_cache_write(const char *isa, const struct tern_sparse_routes *routes)
{
    struct tern_writer writer = {0};
    char path[1100], cpu[128];
    int code = cache_make_folders("the table");
    if (code)
        return code;
    host_cpu_name(cpu, sizeof cpu);
    if (sparse_cache_path(path, sizeof path, isa))
        return cli_fail(CLI_FAILED, "the path of the table is too long");
    code = output_open(&writer, path, 0, (const char *const[]){NULL});
    if (code)
        return code;
    fprintf(
        writer.stream,
        "# Per cent of a matrix's blocks left, with up to 2, 8, 32 rows, and with more: up to where stored blocks run "
        "as\n# they are (more of them are expanded to int8 panels), and up to where they are no slower than dense "
        "storage.\nversion %s\ncpu %s\nisa %s\n",
        TERN_VERSION, cpu, isa);
    for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++) {
        const int *a = routes->as_stored[s], *p = routes->pays[s];
        fprintf(writer.stream, "%-4s  %3d %3d %3d %3d  %3d %3d %3d %3d\n",
                tern_block_shape_name((enum tern_block_shape)s), a[0], a[1], a[2], a[3], p[0], p[1], p[2], p[3]);
    }
    code = output_commit(&writer);
    if (!code)
        cli_report("written to %s", path);
    return code;
}
