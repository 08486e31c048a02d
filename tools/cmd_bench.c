/* `tern bench`: checks the options, then measures and prints every combination of the lists. */
#include "models/blocks.h"
#include "tools/bench.h"
#include "tools/bench_profile.h"
#include "tools/calibrate_sparse.h"
#include "tools/commands.h"
#include "tools/host.h"
#include "tools/output.h"
#include "tools/seeded.h"
#include "tools/signals.h"

#include "models/config.h"

#include "runtime/base/thread.h"
#include "simd/cpu.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TOKENS = 1 << 20 }; /* of a run: the session's own limit */
static const double patience_ms = 20000;

struct bench {
    const char *path, *shape, *weights, *embeddings, *sparse, *isa, *format_name, *out_path, *baseline_path;
    struct cli_list seq, batch, threads;
    int32_t runs, max_regress, ragged;
    int profile, report, roofline_only, calibrate_sparse;
    struct roofline roofline;       /* of the thread count that was profiled last */
    struct bench_profile *profiles; /* [printed] */
    enum bench_format format;
    struct bench_model model;
    struct bench_baseline baseline;
    struct tern_writer writer;
    FILE *out;
    int printed, noisy, throttled;
    double noisiest;
    char noisiest_name[96];
};

/* Everything that can be refused before the model is made. */
static int check_options(struct bench *b)
{
    int format = bench_format_find(b->format_name);
    if (format < 0)
        return cli_fail(CLI_USAGE, "bench: --format is md, csv, json or jsonl, not '%.64s'", b->format_name);
    b->format = (enum bench_format)format;
    if (b->roofline_only && (b->path || b->shape || b->out_path || b->profile || b->format == BENCH_CSV))
        return cli_fail(CLI_USAGE, "bench: --roofline stands alone, with --isa and --format md or json");
    if (b->calibrate_sparse &&
        (b->path || b->shape || b->out_path || b->profile || b->roofline_only || b->format != BENCH_MD))
        return cli_fail(CLI_USAGE, "bench: --calibrate-sparse stands alone, with --isa");
    if (b->report &&
        (b->format != BENCH_MD || b->weights || b->embeddings || b->sparse || b->profile || b->batch.n || b->ragged ||
         b->baseline_path || b->roofline_only || b->calibrate_sparse || (b->path && b->shape)))
        return cli_fail(CLI_USAGE,
                        "bench: --report goes with MODEL.tern or --shape, --seq, --threads, --runs, --isa and "
                        "--out alone");
    if (b->profile && b->format == BENCH_CSV)
        return cli_fail(CLI_USAGE, "bench: --profile goes with --format md, json or jsonl");
    if (b->profile && b->weights && !strcmp(b->weights, "f32"))
        return cli_fail(CLI_USAGE, "bench: --profile is for integer models; f32 has no stages");
    if (!b->path == !b->shape && !b->roofline_only && !b->calibrate_sparse && !b->report)
        return cli_fail(CLI_USAGE, "bench: give one MODEL.tern or --shape NAME; see tern bench --help");
    if (b->shape && seeded_find(b->shape) < 0)
        return cli_fail(CLI_USAGE, "bench: --shape '%.64s' is none of those that tern bench --help lists", b->shape);
    if (b->weights && (tern_weights_find(b->weights) < 0 || tern_weights_bits(b->weights) > 0))
        return cli_fail(CLI_USAGE, "bench: --weights is %s, not '%.64s'",
                        tern_format_words("f32", NULL, NULL, "or").text, b->weights);
    if (tern_embeddings_find(b->embeddings) < 0)
        return cli_fail(CLI_USAGE, "bench: --embeddings is %s, not '%.64s'",
                        tern_format_words(NULL, tern_format_embeds, NULL, "or").text, b->embeddings);
    enum tern_block_shape block;
    double fraction;
    if (b->sparse && tern_sparse_parse(b->sparse, &block, &fraction))
        return cli_fail(CLI_USAGE, "bench: --sparse is SHAPE:FRACTION, such as 16x4:0.8; shapes are %s, not '%.64s'",
                        tern_block_shape_words("and").text, b->sparse);
    const enum tern_weights weights = b->weights ? (enum tern_weights)tern_weights_find(b->weights) : TERN_WEIGHTS_INT8;
    char why[TERN_SPARSE_WHY];
    if (b->sparse && weights == TERN_WEIGHTS_F32)
        return cli_fail(CLI_USAGE, "bench: f32 has no block-sparse form");
    if (b->sparse && !tern_sparse_fits(tern_weights_format(weights), block, why))
        return cli_fail(CLI_USAGE, "bench: %s", why);
    if ((b->weights || b->embeddings || b->sparse) && !b->shape)
        return cli_fail(CLI_USAGE, "bench: --weights, --embeddings and --sparse go with --shape; a file has its own");
    unsigned features;
    tern_error err;
    if (tern_cpu_select(&features, b->isa, &err))
        return cli_status(&err);
    return CLI_OK;
}

/* Lists against the model, and the defaults of those that were not given. */
static int settle_lists(struct bench *b)
{
    static const int32_t lengths[] = {16, 32, 128, 384};
    const int32_t limit = tern_model_get_info(b->model.model)->max_tokens, allowed = tern_threads_allowed();
    for (int i = 0; i < b->seq.n; i++)
        if (b->seq.values[i] > limit)
            return cli_fail(CLI_USAGE, "--seq %d: the model takes at most %d tokens", b->seq.values[i], limit);
    for (int i = 0; !b->seq.n && i < 4; i++)
        if (lengths[i] <= limit)
            b->seq.values[b->seq.n++] = lengths[i];
    if (!b->seq.n)
        b->seq.values[b->seq.n++] = limit;
    if (!b->batch.n)
        b->batch.values[b->batch.n++] = 1;
    if (!b->threads.n)
        b->threads.values[b->threads.n++] = allowed;
    for (int i = 0; i < b->seq.n; i++)
        for (int k = 0; k < b->batch.n; k++)
            if ((int64_t)b->seq.values[i] * b->batch.values[k] > MOST_TOKENS)
                return cli_fail(CLI_USAGE, "--seq %d with --batch %d: a run takes at most %d tokens", b->seq.values[i],
                                b->batch.values[k], MOST_TOKENS);
    for (int i = 0; i < b->seq.n; i++)
        if (b->ragged > b->seq.values[i])
            return cli_fail(CLI_USAGE, "--ragged %d: more than --seq %d", b->ragged, b->seq.values[i]);
    for (int i = 0; i < b->threads.n; i++)
        if (b->threads.values[i] > allowed) {
            cli_warn("%d threads, but this process may use %d: times will be rough", b->threads.values[i], allowed);
            break;
        }
    if (host_governor_saves())
        cli_warn("the CPU's frequency governor is not \"performance\": times will be rough");
    return CLI_OK;
}

static void note_noise(struct bench *b, const struct bench_record *r)
{
    double cv = r->n >= 5 && r->sd_ms > 0 ? r->sd_ms / r->mean_ms : 0;
    b->throttled += r->throttled == 1;
    b->noisy += cv > 0.05;
    if (cv > 0.05 && cv > b->noisiest) {
        b->noisiest = cv;
        snprintf(b->noisiest_name, sizeof b->noisiest_name, "threads %d, seq %d, batch %d", r->threads, r->seq,
                 r->batch);
    }
}

static int measure_roofline(const struct bench *b, struct roofline *r, int threads)
{
    unsigned features;
    tern_error err;
    if (tern_cpu_select(&features, b->isa, &err))
        return cli_status(&err);
    return roofline_measure(r, features, threads, b->roofline_only);
}

static int measure_one(struct bench *b, int32_t threads, int32_t seq, int32_t batch)
{
    struct bench_record r = {.threads = threads, .seq = seq, .seq_min = b->ragged ? b->ragged : seq, .batch = batch};
    struct bench_profile *profile = NULL;
    if (b->profile) {
        profile = realloc(b->profiles, (size_t)(b->printed + 1) * sizeof *profile);
        if (!profile)
            return cli_nomem((size_t)(b->printed + 1) * sizeof *profile);
        b->profiles = profile;
        profile += b->printed;
        if (b->roofline.threads != threads && measure_roofline(b, &b->roofline, threads))
            return CLI_FAILED;
        profile->roofline = b->roofline;
    }
    int code = bench_measure(&r, &b->model, b->isa, b->runs, patience_ms, profile);
    if (code)
        return code;
    r.profile = profile;
    if (b->baseline_path)
        bench_baseline_compare(&b->baseline, &r);
    note_noise(b, &r);
    bench_print(b->out, b->format, &r, !b->printed++, b->baseline_path != NULL);
    return b->out == stdout ? cli_written() : output_written(&b->writer);
}

static int measure_all(struct bench *b)
{
    int code = CLI_OK;
    const int all = b->threads.n * b->seq.n * b->batch.n;
    signals_defer();
    bench_begin(b->out, b->format, &b->model, b->baseline_path != NULL);
    for (int t = 0; t < b->threads.n; t++)
        for (int s = 0; s < b->seq.n; s++)
            for (int k = 0; k < b->batch.n && !code; k++)
                code = measure_one(b, b->threads.values[t], b->seq.values[s], b->batch.values[k]);
    if (code == BENCH_INTERRUPTED) /* what was measured until now is whole; main ends by the signal */
        cli_warn("interrupted: %d of %d records were measured", b->printed, all);
    bench_end(b->out, b->format, code == BENCH_INTERRUPTED);
    code = code == BENCH_INTERRUPTED ? CLI_OK : code;
    for (int i = 0; b->profile && b->format == BENCH_MD && i < b->printed && !code; i++)
        bench_profile_print(b->out, &b->profiles[i]);
    if (b->noisy)
        cli_warn("%d of %d vary by more than 5 %% between runs (most: %.0f %%, %s): compare with care", b->noisy,
                 b->printed, b->noisiest * 100, b->noisiest_name);
    if (b->throttled)
        cli_warn("the CPU was throttled during %d of %d", b->throttled, b->printed);
    return code;
}

/* `--roofline`: of one thread, and of all that this process may use. */
static int print_roofline(const struct bench *b)
{
    struct roofline r[2];
    const int allowed = tern_threads_allowed(), n = allowed > 1 ? 2 : 1;
    int code = measure_roofline(b, &r[0], 1);
    if (!code && n > 1)
        code = measure_roofline(b, &r[1], allowed);
    if (code)
        return code;
    bench_roofline_print(stdout, r, n, b->format == BENCH_JSON || b->format == BENCH_JSONL);
    return cli_written();
}

static int write_report(struct bench *b)
{
    const struct bench_report report = {b->path, b->shape, b->isa, b->seq, b->threads, b->runs};
    signals_defer();
    const int code = bench_report(b->out, &report);
    return !code && b->out_path && !signals_noted() ? output_commit(&b->writer) : code;
}

static int bench(struct bench *b)
{
    const char *const inputs[] = {b->path ? b->path : "", b->baseline_path, NULL};
    if (b->roofline_only)
        return print_roofline(b);
    if (b->calibrate_sparse)
        return calibrate_sparse(b->isa);
    int code = b->out_path ? output_open(&b->writer, b->out_path, 0, inputs) : CLI_OK;
    b->out = b->out_path ? b->writer.stream : stdout;
    if (!code && b->report)
        return write_report(b);
    if (!code && b->baseline_path)
        code = bench_baseline_open(&b->baseline, b->baseline_path);
    if (code)
        return code;
    code = b->path ? bench_open_file(&b->model, b->path)
                   : bench_open_shape(&b->model, seeded_find(b->shape), b->weights,
                                      (enum tern_format)tern_embeddings_find(b->embeddings), b->sparse);
    if (!code)
        code = settle_lists(b);
    if (!code)
        code = measure_all(b);
    if (!code && b->out_path && (b->printed || !signals_noted())) /* none is no reason to replace some */
        code = output_commit(&b->writer);
    return !code && b->baseline_path && !signals_noted() ? bench_baseline_verdict(&b->baseline) : code;
}

int cmd_bench(int argc, char **argv)
{
    struct bench b = {.format_name = "md", .max_regress = 10};
    const struct cli_option options[] = {{"shape", 0, CLI_STRING, &b.shape, 0, 0},
                                         {"weights", 0, CLI_STRING, &b.weights, 0, 0},
                                         {"embeddings", 0, CLI_STRING, &b.embeddings, 0, 0},
                                         {"seq", 's', CLI_LIST, &b.seq, 1, 8192},
                                         {"batch", 'b', CLI_LIST, &b.batch, 1, 65536},
                                         {"threads", 't', CLI_LIST, &b.threads, 1, 256},
                                         {"runs", 'r', CLI_INT, &b.runs, 1, 1000000},
                                         {"ragged", 0, CLI_INT, &b.ragged, 1, 8192},
                                         {"isa", 0, CLI_STRING, &b.isa, 0, 0},
                                         {"format", 0, CLI_STRING, &b.format_name, 0, 0},
                                         {"out", 0, CLI_STRING, &b.out_path, 0, 0},
                                         {"baseline", 0, CLI_STRING, &b.baseline_path, 0, 0},
                                         {"max-regress", 0, CLI_INT, &b.max_regress, 0, 1000},
                                         {"profile", 0, CLI_FLAG, &b.profile, 0, 0},
                                         {"report", 0, CLI_FLAG, &b.report, 0, 0},
                                         {"roofline", 0, CLI_FLAG, &b.roofline_only, 0, 0},
                                         {"sparse", 0, CLI_STRING, &b.sparse, 0, 0},
                                         {"calibrate-sparse", 0, CLI_FLAG, &b.calibrate_sparse, 0, 0},
                                         {0}};
    int n, code = cli_parse(options, "bench", argc, argv, &n);
    if (n < 0)
        return code;
    if (n > 1)
        return cli_fail(CLI_USAGE, "bench: one model file at a time");
    b.path = n ? argv[0] : NULL;
    b.out_path = b.out_path && strcmp(b.out_path, "-") ? b.out_path : NULL;
    b.baseline.max_regress = b.max_regress;
    code = check_options(&b);
    if (!code)
        code = bench(&b);
    output_discard(&b.writer);
    bench_baseline_close(&b.baseline);
    bench_close(&b.model);
    free(b.profiles);
    return code;
}
