/* Prints the records of `tern bench` as Markdown, CSV or JSON. */
#include "tools/bench.h"
#include "tools/bench_profile.h"
#include "tools/help.h"
#include "tools/host.h"

#include "runtime/base/thread.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <sys/utsname.h>

/* Every field of a record, once: CSV's columns, JSON's members and their order come from here. */
static const struct field {
    const char *name;
    char kind; /* s string, i int32, l int64, d double, x digest, b -1/0/1 */
    int digits;
    size_t offset;
} fields[] = {
/* clang-format off */
#define FIELD(name, kind, digits) {#name, kind, digits, offsetof(struct bench_record, name)}
    FIELD(tern, 's', 0),         FIELD(build, 's', 0),
    FIELD(cpu, 's', 0),
    FIELD(model, 's', 0),        FIELD(weights, 's', 0),
    FIELD(sparsity, 's', 0),     FIELD(size_bytes, 'l', 0),
    FIELD(isa, 's', 0),
    FIELD(threads, 'i', 0),      FIELD(seq, 'i', 0),
    FIELD(seq_min, 'i', 0),      FIELD(batch, 'i', 0),
    FIELD(n, 'i', 0),
    FIELD(min_ms, 'd', 4),       FIELD(p50_ms, 'd', 4),
    FIELD(p90_ms, 'd', 4),       FIELD(p99_ms, 'd', 4),
    FIELD(mean_ms, 'd', 4),      FIELD(sd_ms, 'd', 4),
    FIELD(tokens_per_s, 'd', 1), FIELD(texts_per_s, 'd', 2),
    FIELD(tokenize_ms, 'd', 4),  FIELD(load_ms, 'd', 3),
    FIELD(first_ms, 'd', 3),     FIELD(peak_rss_kib, 'l', 0),
    FIELD(mhz_min, 'd', 0),      FIELD(temp_max, 'd', 1),
    FIELD(throttled, 'b', 0),    FIELD(digest, 'x', 0),
    FIELD(ratio, 'd', 3), /* last: only there with a baseline */
#undef FIELD
    /* clang-format on */
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static const char *const formats[] = {"md", "csv", "json", "jsonl"};

int bench_format_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof formats / sizeof *formats); i++)
        if (!strcmp(name, formats[i]))
            return i;
    return -1;
}

char bench_field_kind(const char *name)
{
    for (int i = 0; i < N_FIELDS; i++)
        if (!strcmp(name, fields[i].name))
            return fields[i].kind;
    return 0;
}

/* The value as text; empty when it could not be had. Strings are left to the caller. */
static void format_value(char out[32], const struct field *f, const struct bench_record *r)
{
    const char *at = (const char *)r + f->offset;
    double d;
    int64_t l;
    int32_t i;
    uint64_t x;
    out[0] = 0;
    switch (f->kind) {
    case 'i':
        memcpy(&i, at, sizeof i);
        snprintf(out, 32, "%" PRId32, i);
        break;
    case 'b':
        memcpy(&i, at, sizeof i);
        snprintf(out, 32, "%s", i < 0 ? "" : i ? "true" : "false");
        break;
    case 'l':
        memcpy(&l, at, sizeof l);
        if (l >= 0)
            snprintf(out, 32, "%" PRId64, l);
        break;
    case 'd':
        memcpy(&d, at, sizeof d);
        if (d >= 0 && isfinite(d))
            snprintf(out, 32, "%.*f", f->digits, d);
        break;
    case 'x':
        memcpy(&x, at, sizeof x);
        snprintf(out, 32, "%016" PRIx64, x);
        break;
    }
}

static const char *string_of(const struct field *f, const struct bench_record *r)
{
    const char *s;
    memcpy(&s, (const char *)r + f->offset, sizeof s);
    return s;
}

/* Quoted where RFC 4180 says so; control characters, which may be in a file's name, are escapes as elsewhere. */
static void csv_string(FILE *out, const char *text)
{
    const int quoted = strpbrk(text, ",\"") != NULL;
    fputs(quoted ? "\"" : "", out);
    for (; *text; text++) {
        const size_t n = strcspn(text, "\"");
        cli_plain(out, text, n);
        text += n;
        if (!*text)
            break;
        fputs("\"\"", out);
    }
    fputs(quoted ? "\"" : "", out);
}

static void print_csv(FILE *out, const struct bench_record *r, int n)
{
    char value[32];
    for (int i = 0; i < n; i++) {
        fputs(i ? "," : "", out);
        format_value(value, &fields[i], r);
        if (fields[i].kind == 's')
            csv_string(out, string_of(&fields[i], r));
        else
            fputs(value, out);
    }
    putc('\n', out);
}

static void print_object(FILE *out, const struct bench_record *r, int n)
{
    char value[32];
    for (int i = 0; i < n; i++) {
        fprintf(out, "%c\"%s\":", i ? ',' : '{', fields[i].name);
        format_value(value, &fields[i], r);
        if (fields[i].kind == 's')
            cli_json_text(out, string_of(&fields[i], r));
        else if (fields[i].kind == 'x')
            fprintf(out, "\"%s\"", value);
        else
            fputs(*value ? value : "null", out);
    }
    if (r->profile) {
        fputs(",\"profile\":", out);
        bench_profile_json(out, r->profile);
    }
    putc('}', out);
}

static void print_md(FILE *out, const struct bench_record *r, int with_ratio)
{
    char p90[32] = "";
    if (r->p90_ms >= 0)
        snprintf(p90, sizeof p90, "%.3f", r->p90_ms);
    fprintf(out, "| %-10s | %7d | %4d | %5d | %6d | %9.3f | %9.3f | %9s | %9.0f | %9.1f | %8.1f | %016" PRIx64 " |",
            r->isa, r->threads, r->seq, r->batch, r->n, r->min_ms, r->p50_ms, p90, r->tokens_per_s, r->texts_per_s,
            (double)r->peak_rss_kib / 1024, r->digest);
    if (with_ratio && r->ratio >= 0)
        fprintf(out, " %6.3f |", r->ratio);
    else if (with_ratio)
        fputs("        |", out);
    putc('\n', out);
}

static void begin_json(FILE *out)
{
    struct utsname kernel;
    char cpu[128];
    host_cpu_name(cpu, sizeof cpu);
    fprintf(out, "{\"schema\":1,\"tern\":\"%s\",\"build\":", tern_version());
    cli_json_text(out, cli_build());
    fputs(",\"host\":{\"cpu\":", out);
    cli_json_text(out, cpu);
    fputs(",\"kernel\":", out);
    cli_json_text(out, uname(&kernel) == 0 ? kernel.release : NULL);
    fprintf(out, ",\"threads_allowed\":%d},\n\"records\":[", tern_threads_allowed());
}

void bench_begin(FILE *out, enum bench_format format, const struct bench_model *m, int with_ratio)
{
    const tern_model_info *info = tern_model_get_info(m->model);
    const int n = with_ratio ? N_FIELDS : N_FIELDS - 1;
    switch (format) {
    case BENCH_MD:
        cli_plain(out, m->name, strlen(m->name));
        fprintf(out, ", %s weights, %.1f MB, opened in %.1f ms\n\n", info->weights, (double)info->file_bytes * 1e-6,
                m->load_ms);
        fprintf(out, "| %-10s | %7s | %4s | %5s | %6s | %9s | %9s | %9s | %9s | %9s | %8s | %-16s |%s\n", "isa",
                "threads", "seq", "batch", "n", "min ms", "p50 ms", "p90 ms", "tokens/s", "texts/s", "peak MiB",
                "digest", with_ratio ? "  ratio |" : "");
        fprintf(out,
                "|------------|--------:|-----:|------:|-------:|----------:|----------:|----------:"
                "|----------:|----------:|---------:|------------------|%s\n",
                with_ratio ? "-------:|" : "");
        break;
    case BENCH_CSV:
        for (int i = 0; i < n; i++)
            fprintf(out, "%s%s", i ? "," : "", fields[i].name);
        putc('\n', out);
        break;
    case BENCH_JSON: begin_json(out); break;
    case BENCH_JSONL: break;
    }
}

void bench_print(FILE *out, enum bench_format format, const struct bench_record *r, int first, int with_ratio)
{
    const int n = with_ratio ? N_FIELDS : N_FIELDS - 1;
    switch (format) {
    case BENCH_MD: print_md(out, r, with_ratio); break;
    case BENCH_CSV: print_csv(out, r, n); break;
    case BENCH_JSON:
        fputs(first ? "\n" : ",\n", out);
        print_object(out, r, n);
        break;
    case BENCH_JSONL:
        print_object(out, r, n);
        putc('\n', out);
        break;
    }
    fflush(out);
}

void bench_end(FILE *out, enum bench_format format, int interrupted)
{
    if (format == BENCH_JSON)
        fputs(interrupted ? "\n],\"interrupted\":true}\n" : "\n]}\n", out);
}
