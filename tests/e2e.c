/* Models, texts and runs for the end-to-end tests: see e2e.h. */
#include "tests/e2e.h"

#include "quant/tern_convert.h"
#include "simd/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

static void must(tern_status status, const tern_error *err, const char *what)
{
    if (status == TERN_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, tern_status_name(status), err->message);
    abort();
}

static void *need(void *block)
{
    if (!block)
        abort();
    return block;
}

tern_model *e2e_model(const struct test_checkpoint_spec *spec, const char *weights, char *model_path)
{
    const tern_convert_options options = {.struct_bytes = sizeof options, .weights = weights, .outliers = "off"};
    char dir[256], path[300];
    tern_model *model;
    tern_error err = {TERN_OK, ""};

    test_temp_dir(dir, sizeof dir);
    if (test_write_checkpoint(dir, spec))
        abort();
    snprintf(path, sizeof path, "%s/model.tern", dir);
    must(tern_convert(dir, path, &options, &err), &err, "convert");
    must(tern_model_open(&model, path, &err), &err, "open");
    if (model_path)
        strcpy(model_path, path);
    else
        test_remove_dir(dir); /* the mapping keeps the file */
    return model;
}

struct e2e_texts e2e_random_texts(const tern_model *model, int32_t n, int32_t longest, uint64_t seed)
{
    const tern_model_info *info = tern_model_get_info(model);
    struct rng rng = rng_seeded(seed, "texts");
    struct e2e_texts t = {.n = n};
    t.offsets = need(malloc(((size_t)n + 1) * sizeof *t.offsets));
    t.offsets[0] = 0;
    for (int32_t i = 0; i < n; i++)
        t.offsets[i + 1] = t.offsets[i] + (int32_t)rng_between(&rng, 1, longest);
    t.ids = need(malloc((size_t)t.offsets[n] * sizeof *t.ids));
    t.types = need(calloc((size_t)t.offsets[n], sizeof *t.types));
    for (int32_t i = 0; i < t.offsets[n]; i++) {
        t.ids[i] = (int32_t)rng_between(&rng, 0, info->vocab - 1);
        if (info->token_types)
            t.types[i] = (int32_t)rng_between(&rng, 0, info->token_types - 1);
    }
    return t;
}

void e2e_free_texts(struct e2e_texts *texts)
{
    free(texts->ids);
    free(texts->types);
    free(texts->offsets);
    *texts = (struct e2e_texts){0};
}

int32_t e2e_width(const tern_model *model, enum e2e_task task)
{
    const tern_model_info *info = tern_model_get_info(model);
    return task == E2E_CLASSIFY ? info->n_labels : info->dimensions;
}

/* The texts order[0 .. count) as one batch. Returns the number of tokens. */
static int32_t gather(const struct e2e_texts *t, const int32_t *order, int32_t count, int32_t *ids, int32_t *types,
                      int32_t *offsets)
{
    offsets[0] = 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t first = t->offsets[order[i]], length = t->offsets[order[i] + 1] - first;
        memcpy(ids + offsets[i], t->ids + first, (size_t)length * sizeof *ids);
        if (t->types)
            memcpy(types + offsets[i], t->types + first, (size_t)length * sizeof *types);
        offsets[i + 1] = offsets[i] + length;
    }
    return offsets[count];
}

static int32_t *make_order(int32_t n, uint64_t shuffle)
{
    struct rng rng = rng_seeded(shuffle, "order");
    int32_t *order = need(malloc((size_t)n * sizeof *order));
    for (int32_t i = 0; i < n; i++)
        order[i] = i;
    for (int32_t i = n - 1; shuffle && i > 0; i--) {
        int32_t j = (int32_t)rng_between(&rng, 0, i), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    return order;
}

/* The tokens of the fullest group. */
static int32_t most_tokens(const struct e2e_texts *t, const int32_t *order, int32_t group)
{
    int32_t most = 0;
    for (int32_t first = 0; first < t->n; first += group) {
        int32_t tokens = 0;
        for (int32_t i = first; i < t->n && i < first + group; i++)
            tokens += t->offsets[order[i] + 1] - t->offsets[order[i]];
        most = tokens > most ? tokens : most;
    }
    return most;
}

void e2e_run(const tern_model *model, const struct e2e_texts *t, const struct e2e_run *how, float *floats,
             int32_t *integers)
{
    const size_t width = (size_t)e2e_width(model, how->task), tokens = (size_t)t->offsets[t->n];
    int32_t *order = make_order(t->n, how->shuffle), *ids = need(malloc(tokens * sizeof *ids));
    int32_t *types = need(calloc(tokens, sizeof *types)), *offsets = need(malloc(((size_t)t->n + 1) * sizeof *offsets));
    float *out = need(malloc((size_t)how->group * width * sizeof *out));
    const tern_session_options options = {.struct_bytes = sizeof options,
                                          .threads = how->threads,
                                          .max_tokens = most_tokens(t, order, how->group),
                                          .max_texts = how->group,
                                          .isa = how->isa};
    tern_session *session;
    tern_error err = {TERN_OK, ""};

    must(tern_session_open(&session, model, &options, &err), &err, "session");
    for (int32_t first = 0; first < t->n; first += how->group) {
        const int32_t count = t->n - first < how->group ? t->n - first : how->group;
        gather(t, order + first, count, ids, types, offsets);
        const tern_batch batch = {ids, t->types ? types : NULL, offsets, count};
        must(how->task == E2E_CLASSIFY ? tern_classify(session, &batch, out, &err)
                                       : tern_embed(session, &batch, out, &err),
             &err, "run");
        size_t n;
        int32_t bits;
        const int32_t *q = tern_session_integers(session, &n, &bits);
        for (int32_t i = 0; i < count; i++) {
            const size_t to = (size_t)order[first + i] * width, from = (size_t)i * width;
            memcpy(floats + to, out + from, width * sizeof *out);
            if (integers && q)
                memcpy(integers + to, q + from, width * sizeof *q);
        }
    }
    tern_session_close(session);
    free(out);
    free(offsets);
    free(types);
    free(ids);
    free(order);
}

uint64_t e2e_digest(const tern_model *model, const struct e2e_texts *texts, const struct e2e_run *how)
{
    const size_t count = (size_t)texts->n * (size_t)e2e_width(model, how->task);
    float *floats = calloc(count, sizeof *floats);
    int32_t *integers = calloc(count, sizeof *integers);
    if (!floats || !integers)
        abort();
    e2e_run(model, texts, how, floats, integers);
    const uint64_t value = XXH3_64bits(integers, count * sizeof *integers);
    free(integers);
    free(floats);
    return value;
}

int e2e_isas(const char **names)
{
    enum tern_isa seen[16][TERN_N_OPS];
    int n = 0;
    for (int isa = 0; isa < TERN_N_ISAS; isa++) {
        unsigned features;
        int is_new = 1;
        if (tern_cpu_select(&features, tern_isa_name((enum tern_isa)isa), NULL) != TERN_OK)
            continue;
        for (int op = 0; op < TERN_N_OPS; op++)
            seen[n][op] = tern_table_isa((enum tern_op)op, features);
        for (int i = 0; i < n; i++)
            is_new &= memcmp(seen[i], seen[n], sizeof seen[n]) != 0;
        if (is_new)
            names[n++] = tern_isa_name((enum tern_isa)isa);
    }
    return n;
}

double e2e_cosine(const float *a, const float *b, int32_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int32_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : aa == bb;
}

double e2e_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
