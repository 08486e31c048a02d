/* `tern bench --baseline`: compares records with those of an earlier run. */
#include "tools/bench.h"

#include "models/json.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_BYTES = 64 << 20, MOST_VALUES = 1 << 22 };

int bench_baseline_open(struct bench_baseline *b, const char *path)
{
    tern_error err;
    json_t *root = NULL;
    b->path = path;
    /* Whatever is wrong with it, it is no model file. */
    if (tern_json_read_file(&root, path, MOST_BYTES, 0, &err))
        return cli_fail(CLI_FAILED, "%s", err.message);
    b->json = root;
    if (!json_is_array(json_object_get(root, "records")))
        return cli_fail(CLI_FAILED, "%s: no \"records\"; a baseline is what tern bench --format json wrote", path);
    return CLI_OK;
}

void bench_baseline_close(struct bench_baseline *b)
{
    json_decref(b->json);
}

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
    const json_t *list = json_object_get(b->json, "records"), *record, *other = NULL;
    size_t i;
    json_array_foreach(list, i, record)
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
    double before = json_number_value(json_object_get(record, "p50_ms"));
    b->compared++;
    snprintf(digest, sizeof digest, "%016" PRIx64, r->digest);
    /* Floats keep their bits only on one ISA; integers do everywhere. */
    const int comparable = strcmp(r->weights, "f32") != 0 || same_string(record, "isa", r->isa);
    if (comparable && !same_string(record, "digest", digest) && b->different++ == 0)
        snprintf(b->worst_name, sizeof b->worst_name, "%s", name);
    if (before <= 0)
        return;
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
    if (b->slower)
        return cli_fail(CLI_DIFFERENT, "%d of %d are slower than in %s by more than %d %% (most: %.1f %%, %s)",
                        b->slower, b->compared, b->path, b->max_regress, (b->worst - 1) * 100, b->worst_name);
    return CLI_OK;
}
