/* `tern bench --report`: one block of text about a board and its speed, to be pasted where owners' figures are
   collected. It takes about two minutes where everything is slow. */
#include "tools/bench.h"
#include "tools/board.h"
#include "tools/help.h"
#include "tools/seeded.h"
#include "tools/signals.h"

#include "runtime/base/thread.h"
#include "simd/table.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* 5 runs are enough once they took so long, and no row begins after the last: together the two minutes. */
static const double patience_ms = 2000, last_row_ms = 100000;
enum { DEFAULT_SHAPES = 3 };

/* What a shape's model takes while it is made, and measured with 128 tokens: the largest resident memory, rounded up.
 */
static const struct {
    const char *name;
    int mib;
} shapes[DEFAULT_SHAPES] = {{"bert-mini", 24}, {"minilm-l6", 48}, {"distilbert", 110}};

/* Space for what a file does not hold: activations, and the program. */
enum { MIB_BESIDE_FILE = 16 };

struct state {
    FILE *out;
    const struct bench_report *report;
    struct cli_list seq, threads;
    double start;
};

static void print_row(FILE *out, const struct bench_record *r)
{
    fprintf(out, "| %s | %d | %d | %.2f | %.2f | %d | ", r->isa, r->seq, r->threads, r->min_ms, r->p50_ms, r->n);
    if (r->mhz_min >= 0)
        fprintf(out, "%.0f", r->mhz_min);
    fputs(" | ", out);
    if (r->temp_max >= 0)
        fprintf(out, "%.1f", r->temp_max);
    fprintf(out, " | %s | %.1f | %016" PRIx64 " |\n",
            r->throttled < 0 ? ""
            : r->throttled   ? "yes"
                             : "no",
            (double)r->peak_rss_kib / 1024, r->digest);
}

static int measure(struct state *s, struct bench_model *m)
{
    const int32_t most = tern_model_get_info(m->model)->max_tokens;
    int code = CLI_OK;
    for (int i = 0; i < s->seq.n && !code; i++)
        for (int k = 0; k < s->threads.n && !code; k++) {
            const int32_t seq = s->seq.values[i], threads = s->threads.values[k];
            struct bench_record r = {.threads = threads, .seq = seq, .seq_min = seq, .batch = 1};
            fputs("| ", s->out);
            cli_plain(s->out, m->name, strlen(m->name));
            fputs(" ", s->out);
            if (seq > most || cli_now_ms() - s->start > last_row_ms) {
                fprintf(s->out, "| | %d | %d | left out: %s |\n", seq, threads,
                        seq > most ? "the model takes no text so long" : "the report's time is over");
                continue;
            }
            code = bench_measure(&r, m, s->report->isa, s->report->runs, patience_ms, NULL);
            if (code)
                fputs("|\n", s->out);
            else
                print_row(s->out, &r);
            fflush(s->out);
        }
    return code;
}

/* With `path` NULL the shape's model. */
static int measure_model(struct state *s, const char *path, const char *shape)
{
    const long free_mib = board_free_mib("");
    const char *const name = path ? path : shape;
    struct bench_model m = {0};
    struct stat file;
    long need = 0;
    if (path && stat(path, &file) == 0)
        need = (long)(file.st_size >> 20) + MIB_BESIDE_FILE;
    for (int i = 0; i < DEFAULT_SHAPES && !path; i++)
        if (!strcmp(shapes[i].name, shape))
            need = shapes[i].mib;
    if (free_mib >= 0 && free_mib < need) {
        fputs("| ", s->out);
        cli_plain(s->out, name, strlen(name));
        fprintf(s->out, " | | | | left out: it takes %ld MiB, and %ld are available |\n", need, free_mib);
        return CLI_OK;
    }
    int code = path
                   ? bench_open_file(&m, path)
                   : bench_open_shape(&m, seeded_find(shape), NULL, (enum tern_format)tern_embeddings_find(NULL), NULL);
#ifdef __GLIBC__
    malloc_trim(0); /* what the model before it took, and what making it took, is no memory of this one */
#endif
    if (!code)
        code = measure(s, &m);
    bench_close(&m);
    return code;
}

static int measure_models(struct state *s)
{
    const struct bench_report *r = s->report;
    if (r->shape)
        return measure_model(s, NULL, r->shape);
    int code = measure_model(s, r->path, r->path ? NULL : shapes[0].name);
    for (int i = 1; i < DEFAULT_SHAPES && !code && !signals_noted(); i++)
        code = measure_model(s, NULL, shapes[i].name);
    return code;
}

int bench_report(FILE *out, const struct bench_report *report)
{
    const struct board_state before = board_look("");
    struct state s = {out, report, report->seq, report->threads, cli_now_ms()};
    const int32_t allowed = tern_threads_allowed();
    unsigned features;
    tern_error err;
    if (tern_cpu_select(&features, report->isa, &err))
        return cli_status(&err);
    if (!s.seq.n)
        s.seq = (struct cli_list){2, {16, 128}};
    if (!s.threads.n)
        s.threads = (struct cli_list){allowed > 1 ? 2 : 1, {1, allowed}};
    fprintf(out, "Report of `tern bench --report`\n\n");
    board_print(out, "");
    fprintf(out, "- Tern: %s, %s, int8 products by %s\n\n", tern_version(), cli_build(),
            tern_isa_name(tern_table_isa(TERN_OP_gemm_s8, features)));
    fputs("| model | ISA | tokens | threads | min ms | median ms | runs | least MHz | most C | throttled | peak MiB | "
          "digest |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---|---:|---|\n",
          out);
    fflush(out);
    int code = measure_models(&s);
    const struct board_state after = board_look("");
    if (code == BENCH_INTERRUPTED) {
        cli_warn("interrupted: the report lacks rows");
        code = CLI_OK;
    }
    putc('\n', out);
    board_print_states(out, &before, &after);
    fprintf(out, "- time of the report: %.0f s\n", (cli_now_ms() - s.start) / 1000);
    return code;
}
