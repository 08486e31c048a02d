/* Times one combination of lengths, texts and threads, for `tern bench`. */
#include "tools/bench.h"
#include "tools/bench_profile.h"
#include "tools/help.h"
#include "tools/host.h"
#include "tools/seeded.h"
#include "tools/signals.h"
#include "tools/sparsity.h"

#include "runtime/model.h"
#include "runtime/session.h"
#include "simd/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RUNS = 100000, WARM_RUNS = 2, LEAST_RUNS = 30, FEWEST_RUNS = 5 };
static const double warm_ms = 50, least_ms = 1000, host_every_ms = 100;

int bench_open_file(struct bench_model *m, const char *path)
{
    const char *slash = strrchr(path, '/');
    const struct host_usage before = host_usage();
    double start = cli_now_ms();
    int code = cli_open_model(&m->model, path);
    m->load_ms = cli_now_ms() - start;
    const struct host_usage after = host_usage();
    host_usage_add(&m->load, &before, &after);
    if (!code)
        sparsity_name(m->sparsity, sizeof m->sparsity, m->model);
    host_cpu_name(m->cpu, sizeof m->cpu);
    m->name = slash ? slash + 1 : path;
    return code;
}

static void progress(void *context, size_t done, size_t total)
{
    (void)context;
    cli_progress("making seeded weights", done, total);
}

int bench_open_shape(struct bench_model *m, int shape, const char *weights, enum tern_format embeddings,
                     const char *sparse)
{
    tern_error err;
    tern_model *again;
    const enum tern_weights w = weights ? (enum tern_weights)tern_weights_find(weights) : TERN_WEIGHTS_INT8;
    host_cpu_name(m->cpu, sizeof m->cpu);
    m->name = seeded_name(shape);
    if (seeded_build(&m->model, &m->bytes, shape, w, embeddings, sparse, cli_progress_wanted() ? progress : NULL, &err))
        return cli_status(&err);
    /* Building is not loading: open what was built once more, and time that. */
    const struct host_usage before = host_usage();
    double start = cli_now_ms();
    if (tern_model_open_memory(&again, m->bytes, (size_t)m->model->info.file_bytes, &err))
        return cli_status(&err);
    m->load_ms = cli_now_ms() - start;
    const struct host_usage after = host_usage();
    host_usage_add(&m->load, &before, &after);
    sparsity_name(m->sparsity, sizeof m->sparsity, m->model);
    tern_model_close(again);
    return CLI_OK;
}

void bench_close(struct bench_model *m)
{
    tern_model_close(m->model);
    free(m->bytes);
}

/* ---- One combination --------------------------------------------------------------------------------------------- */

struct run {
    tern_session *session;
    tern_batch batch;
    int32_t *ids, *offsets;
    float *values;
    size_t count; /* of values */
    int classify;
    double *samples;
    size_t n, capacity;
};

/* Lengths spread evenly from seq_min to seq, then shuffled (Fisher and Yates): a batch as it comes. */
static void make_offsets(struct run *r, const struct bench_record *record)
{
    const int n = record->batch, range = record->seq - record->seq_min;
    uint64_t state = 1;
    r->offsets[0] = 0;
    for (int i = 0; i < n; i++)
        r->offsets[i + 1] = record->seq - (n > 1 ? (int32_t)((int64_t)range * i / (n - 1)) : 0);
    for (int i = n; i > 1 && range; i--) {
        const int other = 1 + (int)(cli_random(&state) % (uint64_t)i);
        const int32_t length = r->offsets[i];
        r->offsets[i] = r->offsets[other];
        r->offsets[other] = length;
    }
    for (int i = 0; i < n; i++)
        r->offsets[i + 1] += r->offsets[i];
}

/* The k-th text of a length is the same in every combination. */
static int make_batch(struct run *r, const struct bench_record *record, const tern_model_info *info)
{
    const size_t texts = (size_t)record->batch, seq = (size_t)record->seq;
    r->classify = info->n_labels > 0 && !info->of_tokens;
    r->count = texts * (size_t)(r->classify ? info->n_labels : info->dimensions);
    r->ids = malloc(texts * seq * sizeof *r->ids);
    r->offsets = malloc((texts + 1) * sizeof *r->offsets);
    r->values = malloc(r->count * sizeof *r->values);
    if (!r->ids || !r->offsets || !r->values)
        return cli_nomem((texts * (seq + 1) + 1 + r->count) * sizeof *r->ids);
    make_offsets(r, record);
    for (size_t i = 0; i < texts; i++) {
        uint64_t state = i;
        for (int32_t k = r->offsets[i]; k < r->offsets[i + 1]; k++)
            r->ids[k] = (int32_t)(cli_random(&state) % (uint64_t)info->vocab);
    }
    r->batch = (tern_batch){r->ids, NULL, r->offsets, record->batch};
    return CLI_OK;
}

/* Runs once; *ms and *digest are the outcome. */
static int run_once(struct run *r, double *ms, uint64_t *digest)
{
    tern_error err;
    double start = cli_now_ms();
    tern_status status = r->classify ? tern_classify(r->session, &r->batch, r->values, &err)
                                     : tern_session_embed(r->session, &r->batch, 0, r->values, &err);
    *ms = cli_now_ms() - start;
    if (status)
        return cli_status(&err);
    size_t n;
    int32_t bits;
    const int32_t *integers = tern_session_integers(r->session, &n, &bits);
    *digest =
        integers ? cli_digest(integers, n * sizeof *integers) : cli_digest(r->values, r->count * sizeof *r->values);
    return CLI_OK;
}

static int keep_sample(struct run *r, double ms)
{
    if (r->n == r->capacity) {
        size_t capacity = r->capacity ? r->capacity * 2 : 256;
        double *samples = realloc(r->samples, capacity * sizeof *samples);
        if (!samples)
            return cli_nomem(capacity * sizeof *samples);
        r->samples = samples;
        r->capacity = capacity;
    }
    r->samples[r->n++] = ms;
    return CLI_OK;
}

static void watch_host(struct bench_record *record)
{
    double mhz = host_mhz(), temperature = host_temperature("");
    if (mhz > 0 && (record->mhz_min < 0 || mhz < record->mhz_min))
        record->mhz_min = mhz;
    if (temperature > record->temp_max)
        record->temp_max = temperature;
}

static int run_for_profile(void *context)
{
    double ms;
    uint64_t digest;
    return run_once(context, &ms, &digest);
}

static int profile_runs(struct bench_profile *p, struct run *r, const struct bench_record *record,
                        const struct bench_model *m, const char *isa)
{
    enum { MOST = 50 };
    const struct tern_config *c = &m->model->config;
    tern_error err;
    if (tern_cpu_select(&p->features, isa, &err))
        return cli_status(&err);
    p->isa = tern_isa_name(tern_table_isa(TERN_OP_gemm_s8, p->features));
    p->model = m->model;
    p->asked_isa = isa;
    p->seq = record->seq;
    p->batch = record->batch;
    p->weight_bytes = 0;
    for (int i = 0; i < c->layers * TERN_N_MATRICES; i++) {
        const struct tern_shape shape = tern_matrix_shape(c, i);
        p->weight_bytes += (int64_t)shape.n * shape.k;
    }
    return bench_profile_measure(p, r->session, run_for_profile, r, r->n < MOST ? (int)r->n : MOST);
}

static int enough(const struct run *r, int32_t runs, double patience_ms, double elapsed)
{
    if (runs)
        return r->n >= (size_t)runs;
    if (r->n >= MOST_RUNS || (r->n >= FEWEST_RUNS && elapsed > patience_ms))
        return 1;
    return r->n >= LEAST_RUNS && elapsed >= least_ms;
}

static int sample(struct run *r, struct bench_record *record, int32_t runs, double patience_ms)
{
    double ms, start = cli_now_ms(), watched = 0;
    uint64_t digest;
    int code = CLI_OK;
    for (int i = 0; !code && !signals_noted() && (i < WARM_RUNS || cli_now_ms() - start < warm_ms); i++)
        code = run_once(r, &ms, &digest);
    start = cli_now_ms();
    while (!code && !signals_noted() && !enough(r, runs, patience_ms, cli_now_ms() - start)) {
        code = run_once(r, &ms, &digest);
        if (!code && digest != record->digest)
            code =
                cli_fail(CLI_DIFFERENT, "seq %d, batch %d, threads %d: two runs on the same ids gave different results",
                         record->seq, record->batch, record->threads);
        if (!code)
            code = keep_sample(r, ms);
        if (cli_now_ms() - watched > host_every_ms) {
            watch_host(record);
            watched = cli_now_ms();
        }
    }
    return code || !signals_noted() ? code : BENCH_INTERRUPTED;
}

int bench_ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between the two nearest samples, in proportion. */
static double percentile(const double *sorted, size_t n, double p)
{
    double at = p * (double)(n - 1);
    size_t low = (size_t)at;
    double high = sorted[low + 1 < n ? low + 1 : low];
    return sorted[low] + (at - (double)low) * (high - sorted[low]);
}

/* A percentile is given only when that many samples can show it. */
static void summarise(struct bench_record *record, double *samples, size_t n)
{
    double sum = 0, squares = 0;
    qsort(samples, n, sizeof *samples, bench_ascending);
    for (size_t i = 0; i < n; i++)
        sum += samples[i];
    record->n = (int32_t)n;
    record->mean_ms = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (samples[i] - record->mean_ms) * (samples[i] - record->mean_ms);
    record->sd_ms = n > 1 ? sqrt(squares / (double)(n - 1)) : -1;
    record->min_ms = samples[0];
    record->p50_ms = percentile(samples, n, 0.5);
    record->p90_ms = n >= 10 ? percentile(samples, n, 0.9) : -1;
    record->p99_ms = n >= 100 ? percentile(samples, n, 0.99) : -1;
    record->texts_per_s = record->batch * 1000.0 / record->p50_ms;
}

int bench_measure(struct bench_record *record, const struct bench_model *m, const char *isa, int32_t runs,
                  double patience_ms, struct bench_profile *profile)
{
    const tern_model_info *info = tern_model_get_info(m->model);
    const tern_tokenizer *tokenizer = tern_model_tokenizer(m->model);
    const tern_session_options options = {.struct_bytes = sizeof options,
                                          .threads = record->threads,
                                          .max_tokens = record->seq * record->batch,
                                          .max_texts = record->batch,
                                          .isa = isa,
                                          .sparse_table = sparsity_table(m->model, isa)};
    struct run r = {0};
    tern_error err;
    double ms;
    int count, now;
    record->tokenize_ms = record->mhz_min = record->temp_max = record->ratio = -1;
    record->throttled = -1;
    host_reset_peak_rss();
    const long before = host_throttled("", &count);
    int code = make_batch(&r, record, info);
    const struct host_usage start_usage = host_usage();
    double start = cli_now_ms();
    if (!code && tern_session_open(&r.session, m->model, &options, &err))
        code = cli_status(&err);
    if (!code)
        code = run_once(&r, &ms, &record->digest);
    record->first_ms = cli_now_ms() - start;
    const struct host_usage first_usage = host_usage();
    if (!code)
        code = sample(&r, record, runs, patience_ms);
    if (!code && profile) {
        profile->first_ms = m->load_ms + record->first_ms;
        profile->first = m->load;
        host_usage_add(&profile->first, &start_usage, &first_usage);
        code = profile_runs(profile, &r, record, m, isa);
    }
    if (!code && tokenizer)
        code = bench_time_tokenizer(record, tokenizer);
    if (!code) {
        const long after = host_throttled("", &now);
        if (before >= 0 && after >= 0)
            record->throttled = count ? after > before : before || after;
        summarise(record, r.samples, r.n);
        record->tokens_per_s = r.offsets[record->batch] * 1000.0 / record->p50_ms;
        record->isa = tern_session_isa(r.session);
        record->peak_rss_kib = host_peak_rss_kib();
    }
    record->tern = tern_version();
    record->build = cli_build();
    record->cpu = m->cpu;
    record->model = m->name;
    record->weights = info->weights;
    record->sparsity = m->sparsity;
    record->size_bytes = (int64_t)info->file_bytes;
    record->load_ms = m->load_ms;
    tern_session_close(r.session);
    free(r.ids);
    free(r.offsets);
    free(r.values);
    free(r.samples);
    return code;
}
