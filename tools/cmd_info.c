/* `tern info`: this CPU and the kernels in use, or a model. */
#include "tools/commands.h"
#include "tools/help.h"
#include "tools/host.h"
#include "tools/model_info.h"
#include "tools/sparse_cache.h"

#include "models/blocks.h"
#include "models/config.h"
#include "runtime/base/cpus.h"
#include "simd/libraries.h"

#include <string.h>

static int supported(int isa, unsigned have)
{
    unsigned needs = tern_isa_needs((enum tern_isa)isa);
    return (needs & have) == needs;
}

static void print_isas(const char *separator, const char *quote, unsigned have)
{
    for (int i = 0, n = 0; i < TERN_N_ISAS; i++)
        if (supported(i, have))
            printf("%s%s%s%s", n++ ? separator : "", quote, tern_isa_name((enum tern_isa)i), quote);
}

/* Which float products a library takes. */
static void print_libraries(unsigned use)
{
    struct tern_ops ops;
    tern_table_build(&ops, use);
    tern_libraries_add(&ops, use);
    for (int i = 0; i < ops.n_libraries; i++) {
        const struct tern_library_route *r = &ops.libraries[i];
        if (r->rows == TERN_ANY_ROWS)
            continue;
        printf("%-10s gemm_f32     %s from %d rows and %lld weights", i ? "" : "libraries", r->name, r->rows,
               (long long)r->from);
        if (r->to == TERN_ANY_WEIGHTS)
            puts("");
        else
            printf(" to %lld\n", (long long)r->to);
    }
}

/* Up to how many rows low-bit weights are not unpacked. */
static void print_routes(unsigned use)
{
    struct tern_ops ops;
    tern_table_build(&ops, use);
    for (int f = 0, n = 0; f < TERN_N_FORMATS; f++) {
        const enum tern_format format = (enum tern_format)f;
        const int bits = tern_format_bits(format);
        if (bits > 4)
            continue;
        const int rows = bits == 4                     ? ops.routes.s4
                         : tern_format_grouped(format) ? ops.routes.lut_group[bits - 1]
                                                       : ops.routes.lut[bits - 1];
        printf("%-10s %-12s ", n++ ? "" : "as stored", tern_format_name(format));
        if (rows == TERN_ANY_ROWS)
            puts("any number of rows");
        else
            printf("up to %d rows\n", rows);
    }
}

/* The sparse table in force, and where it is from. */
static struct tern_sparse_routes sparse_routes(unsigned use, const char **from)
{
    struct tern_ops ops;
    const char *isa = tern_isa_name(tern_table_best(use)), *text = sparse_cache_text(isa);
    tern_table_build(&ops, use);
    *from = text ? "measured on this machine" : "built in";
    tern_sparse_table_apply(&ops.routes.sparse, text, isa, NULL);
    return ops.routes.sparse;
}

/* Up to which per cent of blocks left sparse weights are multiplied as they are, and pay. */
static void print_sparse(unsigned use)
{
    const char *from;
    const struct tern_sparse_routes r = sparse_routes(use, &from);
    printf("sparse     %% of blocks left, with up to 2, 8, 32 rows, and with more (%s)\n", from);
    for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++) {
        const int *a = r.as_stored[i], *p = r.pays[i];
        printf("%-10s %-12s as stored up to %d, %d, %d, %d; faster than dense up to %d, %d, %d, %d\n", "",
               tern_block_shape_name((enum tern_block_shape)i), a[0], a[1], a[2], a[3], p[0], p[1], p[2], p[3]);
    }
}

static void print_sparse_json(unsigned use)
{
    const char *from;
    const struct tern_sparse_routes r = sparse_routes(use, &from);
    printf("\"sparse\":{\"table\":\"%s\"", from);
    for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++) {
        const int *a = r.as_stored[i], *p = r.pays[i];
        printf(",\"%s\":{\"as_stored\":[%d,%d,%d,%d],\"pays\":[%d,%d,%d,%d]}",
               tern_block_shape_name((enum tern_block_shape)i), a[0], a[1], a[2], a[3], p[0], p[1], p[2], p[3]);
    }
    putchar('}');
}

/* What a session takes by default, and why. */
static void print_threads(void)
{
    const struct tern_cpus c = tern_cpus_look("");
    const int idle = c.allowed - c.running < 1 ? 1 : c.allowed - c.running;
    printf("threads    %d: this process may run on %d CPU%s", c.allowed, c.affinity, c.affinity > 1 ? "s" : "");
    if (c.quota)
        printf(", and its cgroup's quota pays for %d", c.quota);
    if (c.running)
        printf("; other threads that run now: %d, so a session starts with %d", c.running, idle);
    printf("\n           A text that sharing would slow down takes one, and threads that find no CPU stay away.\n");
}

static void print_cpu(unsigned have, unsigned use, const char *cpu)
{
    printf("tern       %s\nbuilt by   %s\ncpu        ", tern_version(), cli_build());
    cli_plain(stdout, cpu, strlen(cpu));
    putchar('\n');
    print_threads();
    for (int i = 0, n = 0; i < TERN_N_FEATURES; i++) {
        const enum tern_feature f = (enum tern_feature)i;
        if (tern_feature_name(f))
            printf("%-10s %-12s %s\n", n++ ? "" : "features", tern_feature_name(f), have >> i & 1 ? "yes" : "no");
    }
    printf("isas       ");
    print_isas(" ", "", have);
    printf("\nin force   %s\n", tern_isa_name(tern_table_best(use)));
    for (int i = 0; i < TERN_N_OPS; i++)
        printf("%-10s %-12s %s\n", i ? "" : "kernels", tern_op_name((enum tern_op)i),
               tern_isa_name(tern_table_isa((enum tern_op)i, use)));
    print_libraries(use);
    print_routes(use);
    print_sparse(use);
}

static void print_cpu_json(unsigned have, unsigned use, const char *cpu)
{
    printf("{\"version\":\"%s\",\"build\":", tern_version());
    cli_json_text(stdout, cli_build());
    fputs(",\"cpu\":", stdout);
    cli_json_text(stdout, cpu);
    const struct tern_cpus c = tern_cpus_look("");
    printf(",\"threads_allowed\":%d,\"threads\":{\"affinity\":%d,\"quota\":%d,\"running\":%d},\"features\":{",
           c.allowed, c.affinity, c.quota, c.running);
    for (int i = 0, n = 0; i < TERN_N_FEATURES; i++) {
        const enum tern_feature f = (enum tern_feature)i;
        if (tern_feature_name(f))
            printf("%s\"%s\":%s", n++ ? "," : "", tern_feature_name(f), have >> i & 1 ? "true" : "false");
    }
    fputs("},\"isas\":[", stdout);
    print_isas(",", "\"", have);
    printf("],\"isa\":\"%s\",\"kernels\":{", tern_isa_name(tern_table_best(use)));
    for (int i = 0; i < TERN_N_OPS; i++)
        printf("%s\"%s\":\"%s\"", i ? "," : "", tern_op_name((enum tern_op)i),
               tern_isa_name(tern_table_isa((enum tern_op)i, use)));
    fputs("},", stdout);
    print_sparse_json(use);
    puts("}");
}

static int info_cpu(const char *isa, int json)
{
    unsigned use;
    tern_error err;
    char cpu[128];
    if (tern_cpu_select(&use, isa, &err))
        return cli_status(&err);
    host_cpu_name(cpu, sizeof cpu);
    (json ? print_cpu_json : print_cpu)(tern_cpu_features(), use, cpu);
    return CLI_OK;
}

/* One line a family, its words in columns; then what all have in common. */
static int print_families(void)
{
    for (int i = 0; i < TERN_N_FAMILIES; i++) {
        const enum tern_architecture family = (enum tern_architecture)i;
        const char *const refused = tern_architecture_refused(family);
        printf("%-20s  %s%s%s\n", tern_architecture_name(family), tern_architecture_known(family),
               *refused ? "; refused: " : "", refused);
    }
    printf("\nOf each: tasks embed");
    for (int i = TERN_HEAD_NONE + 1; i < TERN_N_HEADS; i++)
        printf(", %s", tern_head_kinds[i].run);
    printf("; tokenizers WordPiece, BPE, byte-level BPE, Unigram;\ntexts as long as the checkpoint's, up to %d tokens; "
           "weights f32",
           TERN_MAX_POSITIONS);
    for (int f = 0; f < TERN_N_FORMATS; f++)
        printf(", %s", tern_format_name((enum tern_format)f));
    printf(". Another model type is refused by its name.\n");
    return CLI_OK;
}

int cmd_info(int argc, char **argv)
{
    int json = 0, isas = 0, formats = 0, shapes = 0, families = 0;
    const char *isa = NULL;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &json, 0, 0},
                                         {"isas", 0, CLI_FLAG, &isas, 0, 0},
                                         {"formats", 0, CLI_FLAG, &formats, 0, 0},
                                         {"shapes", 0, CLI_FLAG, &shapes, 0, 0},
                                         {"isa", 0, CLI_STRING, &isa, 0, 0},
                                         {"families", 0, CLI_FLAG, &families, 0, 0},
                                         {0}};
    int n, code = cli_parse(options, "info", argc, argv, &n);
    if (n < 0)
        return code;
    if (n > 1)
        return cli_fail(CLI_USAGE, "info: one model file at a time");
    if (isas) {
        print_isas("\n", "", tern_cpu_features());
        putchar('\n');
        return CLI_OK;
    }
    if (families)
        return print_families();
    if (formats) {
        puts("f32");
        for (int f = 0; f < TERN_N_FORMATS; f++)
            puts(tern_format_name((enum tern_format)f));
        return CLI_OK;
    }
    if (shapes) {
        for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++)
            puts(tern_block_shape_name((enum tern_block_shape)i));
        return CLI_OK;
    }
    return n ? info_model(argv[0], json) : info_cpu(isa, json);
}
