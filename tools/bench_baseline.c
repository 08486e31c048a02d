/* `tern bench --baseline`: compares records with those of an earlier run. */
#include "tools/bench.h"

#include "models/json.h"
#include "runtime/base/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 64 << 20, MOST_VALUES = 1 << 22, MOST_COLUMNS = 64 };

/* ---- Reading: all three forms become an array of objects ---- */

/* The next line of *at, cut there; NULL at the end. */
static char *next_line(char **at)
{
    char *line = *at;
    if (!line || !*line)
        return NULL;
    char *end = strchr(line, '\n');
    *at = end ? end + 1 : NULL;
    if (end)
        *end = 0;
    else
        end = line + strlen(line);
    if (end > line && end[-1] == '\r')
        end[-1] = 0;
    return line;
}

/* Cuts a line of CSV (RFC 4180) at its commas, in place; returns the number of values, -1: a quote without an end, or
   too many. */
static int split(char *line, char *values[MOST_COLUMNS])
{
    for (int n = 0; n < MOST_COLUMNS; n++) {
        char *out = line;
        const int quoted = *line == '"';
        values[n] = out;
        for (line += quoted; *line && (quoted || *line != ','); line++) {
            if (quoted && *line == '"' && *++line != '"')
                break;
            *out++ = *line;
        }
        if (quoted && line[-1] != '"')
            return -1;
        const char end = *line++;
        *out = 0;
        if (!end)
            return n + 1;
        if (end != ',')
            return -1;
    }
    return -1;
}

/* A value of CSV as JSON has it; NULL when it is not of the field's kind. */
static json_t *value_of(const char *name, const char *text)
{
    const char kind = bench_field_kind(name);
    char *end;
    if (kind == 's' || kind == 'x')
        return json_string(text);
    if (!kind || !*text || kind == 'b')
        return json_null();
    const double number = strtod(text, &end);
    if (*end || !isfinite(number) || (kind != 'd' && fabs(number) >= 0x1p53)) /* which no integer of bench's reaches */
        return NULL;
    return kind == 'd' ? json_real(number) : json_integer((json_int_t)number);
}

static tern_status read_csv(json_t *records, char *text, const char *path, tern_error *err)
{
    char *names[MOST_COLUMNS], *values[MOST_COLUMNS], *line = next_line(&text);
    const int n = split(line, names);
    for (size_t number = 2; (line = next_line(&text)); number++) {
        if (split(line, values) != n)
            return tern_fail(err, TERN_FORMAT, "%s:%zu: not the %d values of the first line; is the file cut off?",
                             path, number, n);
        json_t *record = json_object();
        for (int i = 0; i < n; i++)
            if (json_object_set_new(record, names[i], value_of(names[i], values[i]))) {
                json_decref(record);
                return tern_fail(err, TERN_FORMAT, "%s:%zu: %s is no number: '%.32s'", path, number, names[i],
                                 values[i]);
            }
        json_array_append_new(records, record);
    }
    return TERN_OK;
}

static tern_status read_jsonl(json_t *records, char *text, const char *path, tern_error *err)
{
    char label[300], *line;
    for (size_t number = 1; (line = next_line(&text)); number++) {
        json_t *record = NULL;
        snprintf(label, sizeof label, "%.250s, line %zu", path, number);
        tern_status status = tern_json_parse(&record, line, strlen(line), MOST_VALUES, label, err);
        if (status)
            return status;
        json_array_append_new(records, record);
    }
    return TERN_OK;
}

static tern_status read_json(json_t *records, const char *text, size_t size, const char *path, tern_error *err)
{
    json_t *root = NULL;
    tern_status status = tern_json_parse(&root, text, size, MOST_VALUES, path, err);
    if (!status && json_array_extend(records, json_object_get(root, "records")))
        status =
            tern_fail(err, TERN_FORMAT, "%s: no \"records\"; a baseline is what tern bench --format json wrote", path);
    json_decref(root);
    return status;
}

/* A file of lines has a whole record in its first one. */
static int is_jsonl(const char *text)
{
    json_t *first = NULL;
    const size_t bytes = strcspn(text, "\n");
    const int is = !tern_json_parse(&first, text, bytes, MOST_VALUES, "", NULL) && json_object_get(first, "p50_ms");
    json_decref(first);
    return is;
}

static tern_status read_records(json_t *records, char *text, size_t size, const char *path, tern_error *err)
{
    tern_status status;
    size_t i;
    json_t *record;
    if (memchr(text, 0, size))
        return tern_fail(err, TERN_FORMAT, "%s: a byte of zero; a baseline is what tern bench wrote", path);
    if (strstr(text, "p50_ms") && text[strspn(text, " \t\r\n")] != '{')
        status = read_csv(records, text, path, err);
    else if (is_jsonl(text))
        status = read_jsonl(records, text, path, err);
    else
        status = read_json(records, text, size, path, err);
    json_array_foreach(records, i, record)
    {
        if (!status && (!json_is_object(record) || !json_object_get(record, "p50_ms")))
            status = tern_fail(err, TERN_FORMAT, "%s: record %zu is none of tern bench's", path, i + 1);
    }
    if (!status && !json_array_size(records))
        status = tern_fail(err, TERN_FORMAT, "%s: no records; a baseline is what tern bench wrote", path);
    return status;
}

int bench_baseline_open(struct bench_baseline *b, const char *path)
{
    tern_error err;
    char *text = NULL;
    size_t size = 0;
    b->path = path;
    b->records = json_array();
    if (!b->records)
        return cli_nomem(sizeof(json_t));
    tern_status status = tern_read_text(&text, &size, path, MOST_BYTES, 0, &err);
    if (!status)
        status = read_records(b->records, text, size, path, &err);
    free(text);
    /* Whatever is wrong with it, it is no model file. */
    return status ? cli_fail(CLI_FAILED, "%s", err.message) : CLI_OK;
}

void bench_baseline_close(struct bench_baseline *b)
{
    json_decref(b->records);
}

/* ---- Comparing ---- */

static int same_string(const json_t *record, const char *key, const char *value)
{
    const char *s = json_string_value(json_object_get(record, key));
    return s && !strcmp(s, value);
}

static int same_number(const json_t *record, const char *key, int32_t value)
{
    return json_integer_value(json_object_get(record, key)) == value;
}

static const json_t *find(const struct bench_baseline *b, const struct bench_record *r)
{
    const json_t *record, *other = NULL;
    size_t i;
    json_array_foreach((json_t *)b->records, i, record)
    {
        if (!same_string(record, "model", r->model) || !same_string(record, "weights", r->weights) ||
            !same_string(record, "sparsity", r->sparsity) || !same_number(record, "threads", r->threads) ||
            !same_number(record, "seq", r->seq) || !same_number(record, "batch", r->batch) ||
            (json_object_get(record, "seq_min") ? !same_number(record, "seq_min", r->seq_min) : r->seq_min != r->seq))
            continue;
        if (same_string(record, "isa", r->isa))
            return record;
        other = other ? other : record;
    }
    return other;
}

void bench_baseline_compare(struct bench_baseline *b, struct bench_record *r)
{
    char name[96], digest[32];
    const json_t *record = find(b, r);
    snprintf(name, sizeof name, "threads %d, seq %d, batch %d", r->threads, r->seq, r->batch);
    if (!record) {
        cli_warn("%s: no record of %.40s with %s", b->path, r->model, name);
        return;
    }
    const double before = json_number_value(json_object_get(record, "p50_ms"));
    b->compared++;
    snprintf(digest, sizeof digest, "%016" PRIx64, r->digest);
    /* Floats keep their bits only on one ISA; integers do everywhere. */
    const int comparable = strcmp(r->weights, "f32") != 0 || same_string(record, "isa", r->isa);
    if (comparable && !same_string(record, "digest", digest) && b->different++ == 0)
        snprintf(b->worst_name, sizeof b->worst_name, "%s", name);
    if (!(before > 0)) {
        b->no_time++;
        return;
    }
    r->ratio = r->p50_ms / before;
    if (r->ratio <= 1 + b->max_regress / 100.0)
        return;
    b->slower++;
    if (r->ratio > b->worst) {
        b->worst = r->ratio;
        if (!b->different)
            snprintf(b->worst_name, sizeof b->worst_name, "%s", name);
    }
}

int bench_baseline_verdict(const struct bench_baseline *b)
{
    if (!b->compared)
        return cli_fail(CLI_FAILED, "%s: no record of what was measured", b->path);
    if (b->different)
        return cli_fail(CLI_DIFFERENT, "%d of %d digests differ from %s (first: %s)", b->different, b->compared,
                        b->path, b->worst_name);
    if (b->no_time)
        return cli_fail(CLI_FAILED, "%s: %d of %d records have no p50_ms, so that nothing can be slower than they are",
                        b->path, b->no_time, b->compared);
    if (b->slower)
        return cli_fail(CLI_DIFFERENT, "%d of %d are slower than in %s by more than %d %% (most: %.1f %%, %s)",
                        b->slower, b->compared, b->path, b->max_regress, (b->worst - 1) * 100, b->worst_name);
    return CLI_OK;
}
