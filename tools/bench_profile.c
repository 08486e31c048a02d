/* `tern bench --profile`: time, products and bytes of each stage, beside the roofline. */
#include "tools/bench_profile.h"
#include "tools/sparsity.h"

#include "models/linear.h"
#include "runtime/session.h"

#include <string.h>

static const char *const names[] = {
#define STAGE(name, text) text,
#include "runtime/base/stages.def"
#undef STAGE
};

/* The cost of one mark: two of them a stage, of which one is inside the time that is charged. */
static double clock_ns(void)
{
    enum { MARKS = 20000 };
    const int64_t start = tern_profile_clock();
    for (int i = 0; i < MARKS; i++)
        tern_profile_clock();
    return (double)(tern_profile_clock() - start) / MARKS;
}

int bench_profile_measure(struct bench_profile *p, tern_session *session, int (*run)(void *), void *context, int runs)
{
    const struct tern_profile *threads = tern_session_profile(session, 1);
    if (!threads)
        return cli_fail(CLI_USAGE, "bench: --profile is for integer models; f32 has no stages");
    int code = CLI_OK;
    const double start = cli_now_ms();
    for (int i = 0; i < runs && !code; i++)
        code = run(context);
    p->wall_ms = (cli_now_ms() - start) / runs;
    tern_session_profile(session, 0);
    memset(&p->sum, 0, sizeof p->sum);
    int64_t marks = 0;
    for (int t = 0; t < tern_session_threads(session); t++)
        for (int i = 0; i < TERN_N_STAGES; i++) {
            p->sum.stage[i].ns += threads[t].stage[i].ns;
            p->sum.stage[i].calls += threads[t].stage[i].calls;
            p->sum.stage[i].products += threads[t].stage[i].products;
            p->sum.stage[i].bytes += threads[t].stage[i].bytes;
            p->sum.stage[i].routes |= threads[t].stage[i].routes;
            marks += threads[t].stage[i].calls;
        }
    p->runs = runs;
    p->threads = tern_session_threads(session);
    p->mark_ns = clock_ns();
    p->clock_ms = (double)marks * p->mark_ns * 1e-6 / runs / p->threads;
    return code;
}

/* One stage's figures, per inference and as if its threads' times were one after another's share of the wall. */
struct line {
    double ms, share, gops, mb, gbs, floor_ms;
    const char *bound;
};

static struct line line_of(const struct bench_profile *p, int stage, double peak)
{
    const struct roofline *r = &p->roofline;
    const struct tern_stage_sum *s = &p->sum.stage[stage];
    const double ns = (double)s->ns - (double)s->calls * p->mark_ns; /* of two readings, one lies within the stage */
    struct line l = {
        (ns > 0 ? ns : 0) * 1e-6 / p->runs / p->threads, 0, 0, (double)s->bytes * 1e-6 / p->runs, 0, 0, ""};
    const double ops = 2.0 * (double)s->products / p->runs, operations_ms = ops * 1e-6 / peak;
    l.share = 100 * l.ms / p->wall_ms;
    if (l.ms <= 0)
        return l;
    l.gops = ops * 1e-6 / l.ms;
    l.gbs = l.mb / l.ms;
    /* A layer's weights come from where the whole model's fit; what else a stage moves has just been in L2. */
    const enum roofline_level level = s->products && stage != TERN_STAGE_scores && stage != TERN_STAGE_values
                                          ? roofline_level_of(r, p->weight_bytes)
                                          : ROOFLINE_L2;
    const double bytes_ms = r->read_gbs[level] > 0 ? l.mb / r->read_gbs[level] : 0;
    l.floor_ms = operations_ms > bytes_ms ? operations_ms : bytes_ms;
    l.bound = operations_ms > bytes_ms ? "products" : roofline_level_name(level);
    return l;
}

/* The ways that a stage's products went, a bit each. Those of attention have the one. */
static uint32_t routes_of(const struct tern_stage_sum *s)
{
    return s->routes ? s->routes : s->products ? 1u << TERN_ROUTE_INT8 : 0;
}

static const char *isa_of(const struct bench_profile *p, enum tern_route route)
{
    return tern_isa_name(tern_table_isa(tern_route_op(route), p->features));
}

/* "codes avx512vnni", and " + unpacked amx" where matrices differ. */
static void print_routes(FILE *out, const struct bench_profile *p, uint32_t routes)
{
    char text[TERN_N_ROUTES * 32] = "";
    int used = 0;
    for (int i = 0; i < TERN_N_ROUTES; i++)
        if (routes >> i & 1)
            used += snprintf(text + used, sizeof text - (size_t)used, "%s%s %s", used ? " + " : "",
                             tern_route_name((enum tern_route)i), isa_of(p, (enum tern_route)i));
    fprintf(out, " %-26s |\n", text);
}

static void routes_json(FILE *out, const struct bench_profile *p, uint32_t routes)
{
    fputs(",\"routes\":[", out);
    for (int i = 0, first = 1; i < TERN_N_ROUTES; i++)
        if (routes >> i & 1) {
            fprintf(out, "%s{\"route\":\"%s\",\"op\":\"%s\",\"isa\":\"%s\"}", first ? "" : ",",
                    tern_route_name((enum tern_route)i), tern_op_name(tern_route_op((enum tern_route)i)),
                    isa_of(p, (enum tern_route)i));
            first = 0;
        }
    putc(']', out);
}

static double peak_of(const struct bench_profile *p)
{
    const struct roofline *r = &p->roofline;
    for (int i = 0; i < TERN_N_ISAS; i++)
        if (!strcmp(tern_isa_name((enum tern_isa)i), p->isa) && r->peak_gops[i] > 0)
            return r->peak_gops[i];
    return 1e9;
}

void bench_profile_print(FILE *out, const struct bench_profile *p)
{
    const double peak = peak_of(p);
    struct line sum = {0};
    fprintf(out,
            "\nProfile: %d threads, seq %d, batch %d, %d runs, %.3f ms each of which the clock takes %.3f; roofline "
            "of %s\n\n",
            p->threads, p->seq, p->batch, p->runs, p->wall_ms, p->clock_ms, p->isa);
    fprintf(out, "| %-26s | %8s | %6s | %8s | %8s | %7s | %10s | %-8s | %-26s |\n", "stage", "ms", "share", "GOP/s",
            "MB", "GB/s", "% of roof", "bound by", "weights, kernel");
    fputs("|----------------------------|---------:|-------:|---------:|---------:|--------:|-----------:|----------|"
          "----------------------------|\n",
          out);
    for (int i = 0; i < TERN_N_STAGES; i++) {
        const struct line l = line_of(p, i, peak);
        if (!p->sum.stage[i].calls)
            continue;
        sum.ms += l.ms;
        sum.mb += l.mb;
        sum.floor_ms += l.floor_ms;
        fprintf(out, "| %-26s | %8.3f | %5.1f%% | ", names[i], l.ms, l.share);
        if (l.gops > 0)
            fprintf(out, "%8.0f", l.gops);
        else
            fprintf(out, "%8s", "");
        fprintf(out, " | %8.2f | %7.1f | %10.0f | %-8s |", l.mb, l.gbs, l.ms > 0 ? 100 * l.floor_ms / l.ms : 0,
                l.bound);
        print_routes(out, p, routes_of(&p->sum.stage[i]));
    }
    const double other = p->wall_ms - p->clock_ms - sum.ms;
    fprintf(out, "| %-26s | %8.3f | %5.1f%% | %8s | %8s | %7s | %10s | %-8s |", "hand-over, head, waiting", other,
            100 * other / p->wall_ms, "", "", "", "", "");
    print_routes(out, p, 0);
    fprintf(out, "\nTime / roofline: %.2f (%.3f ms of %.3f)\n", p->wall_ms / sum.floor_ms, p->wall_ms, sum.floor_ms);
    fprintf(out,
            "First answer: %.3f ms for the model, a session and a run; %lld page faults, %lld of which waited for "
            "storage; %.3f MB read from it, of a file of %.3f\n",
            p->first_ms, (long long)p->first.page_faults, (long long)p->first.from_storage,
            (double)p->first.bytes_read * 1e-6, (double)tern_model_get_info(p->model)->file_bytes * 1e-6);
    sparsity_print_ways(out, p->model, p->asked_isa, p->seq * p->batch, 0);
}

/* A member of an object, with the comma before it. */
static void number(FILE *out, const char *key, double value)
{
    fprintf(out, ",\"%s\":", key);
    cli_json_number(out, value, -4);
}

void bench_profile_json(FILE *out, const struct bench_profile *p)
{
    const double peak = peak_of(p);
    double floor_ms = 0;
    fprintf(out, "{\"runs\":%d", p->runs);
    number(out, "wall_ms", p->wall_ms);
    number(out, "clock_ms", p->clock_ms);
    fprintf(out, ",\"kernel\":\"%s\",\"stages\":[", p->isa);
    for (int i = 0, first = 1; i < TERN_N_STAGES; i++) {
        const struct line l = line_of(p, i, peak);
        if (!p->sum.stage[i].calls)
            continue;
        floor_ms += l.floor_ms;
        fprintf(out, "%s{\"stage\":\"%s\"", first ? "" : ",", names[i]);
        number(out, "ms", l.ms);
        number(out, "share", l.share / 100);
        number(out, "gops", l.gops);
        number(out, "mb", l.mb);
        number(out, "gbs", l.gbs);
        number(out, "roofline_ms", l.floor_ms);
        fprintf(out, ",\"bound\":\"%s\"", l.bound);
        routes_json(out, p, routes_of(&p->sum.stage[i]));
        putc('}', out);
        first = 0;
    }
    putc(']', out);
    number(out, "roofline_ms", floor_ms);
    number(out, "time_over_roofline", p->wall_ms / floor_ms);
    fprintf(out, ",\"first\":{\"page_faults\":%lld,\"from_storage\":%lld,\"bytes_read\":%lld",
            (long long)p->first.page_faults, (long long)p->first.from_storage, (long long)p->first.bytes_read);
    number(out, "ms", p->first_ms);
    fputs("},\"ways\":", out);
    sparsity_print_ways(out, p->model, p->asked_isa, p->seq * p->batch, 1);
    putc('}', out);
}

static void roofline_json(FILE *out, const struct roofline *r)
{
    fprintf(out, "{\"threads\":%d,\"int8_gops\":{", r->threads);
    for (int i = 0, first = 1; i < TERN_N_ISAS; i++)
        if (r->peak_gops[i] > 0) {
            fprintf(out, "%s\"%s\":%.1f", first ? "" : ",", tern_isa_name((enum tern_isa)i), r->peak_gops[i]);
            first = 0;
        }
    fputs("},\"read\":[", out);
    for (int i = 0, first = 1; i < ROOFLINE_LEVELS; i++)
        if (r->read_gbs[i] > 0) {
            fprintf(out, "%s{\"level\":\"%s\",\"kib\":%lld,\"gbs\":%.1f}", first ? "" : ",",
                    roofline_level_name((enum roofline_level)i), (long long)r->level_bytes[i] / 1024, r->read_gbs[i]);
            first = 0;
        }
    fputs("]}", out);
}

static void table_head(FILE *out, const char *what, const struct roofline *r, int n)
{
    fprintf(out, "| %s |", what);
    for (int k = 0; k < n; k++)
        fprintf(out, " %d thread%s |", r[k].threads, r[k].threads > 1 ? "s" : "");
    fputs("\n|---|", out);
    for (int k = 0; k < n; k++)
        fputs("---:|", out);
    putc('\n', out);
}

void bench_roofline_print(FILE *out, const struct roofline *r, int n, int json)
{
    for (int k = 0; json && k < n; k++) {
        fputs(k ? ",\n" : "[", out);
        roofline_json(out, &r[k]);
    }
    if (json) {
        fputs("]\n", out);
        return;
    }
    table_head(out, "int8 products on registers, GOP/s", r, n);
    for (int i = 0; i < TERN_N_ISAS; i++) {
        if (r[0].peak_gops[i] <= 0)
            continue;
        fprintf(out, "| %s |", tern_isa_name((enum tern_isa)i));
        for (int k = 0; k < n; k++)
            fprintf(out, " %.0f |", r[k].peak_gops[i]);
        putc('\n', out);
    }
    putc('\n', out);
    table_head(out, "read, GB/s", r, n);
    for (int i = 0; i < ROOFLINE_LEVELS; i++) {
        if (r[0].read_gbs[i] <= 0)
            continue;
        fprintf(out, "| %s, %lld KiB |", roofline_level_name((enum roofline_level)i),
                (long long)r[0].level_bytes[i] / 1024);
        for (int k = 0; k < n; k++)
            fprintf(out, " %.1f |", r[k].read_gbs[i]);
        putc('\n', out);
    }
}
