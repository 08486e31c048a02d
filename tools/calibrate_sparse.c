/* `tern bench --calibrate-sparse`: measures where sparse and dense products cross on this machine. */
#include "tools/calibrate_sparse.h"

#include "quant/make_blocks.h"
#include "quant/quantize_weights.h"
#include "quant/sparse_costs.h"
#include "tools/cli.h"
#include "tools/sparse_cache.h"

#include <stdlib.h>
#include <string.h>

/* A matrix of DistilBERT's attention, and as many of them as its layers come to: 42 MB of dense weights, read one after
   another as a model does, so that few rows wait for L3 or memory as they do there. Where a pass over all of them would
   take too long, products hide the reading, and fewer matrices do. */
enum { SIZE = 768, PANELS = SIZE / TERN_PANEL, K4 = SIZE / TERN_PANEL_K, COPIES = 72, MOST_ROWS = 128 };
enum { DENSE = PANELS * K4 * TERN_LINE, INDICES = DENSE / TERN_PANEL_K };
static const double pass_ms = 8;

/* Usual rows of each bucket; its limit holds for both. Kernels whose lanes are rows round them up to 16: just above a
   multiple of that the limit would be lower. */
static const int bucket_rows[TERN_ROW_BUCKETS][2] = {{1, 2}, {4, 8}, {16, 32}, {64, MOST_ROWS}};

static const double densities[] = {0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
enum { DENSITIES = sizeof densities / sizeof *densities };
_Static_assert((int)DENSITIES <= (int)TERN_MAX_DENSITIES, "tern_sparse_limits");

/* The driver of models/linear.c runs all three ways: packing, tiles and requantising are those of a model. */
struct bench_of_ways {
    struct tern_ops ops;
    struct tern_runner run;
    struct tern_linear dense[COPIES], sparse[COPIES];
    int8_t *weights, *values; /* [COPIES][DENSE] */
    uint16_t *index;          /* [COPIES][INDICES] */
    uint16_t count[PANELS * TERN_PANEL];
    int32_t first[PANELS + 1];
    int16_t mul[SIZE], bias[SIZE];
    int8_t *rows;
    struct tern_row row[MOST_ROWS];
    int16_t *out[3]; /* by way */
    int copies;
};

static void *room(size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static int open_bench(struct bench_of_ways *b, const char *isa)
{
    unsigned features;
    tern_error err;
    memset(b, 0, sizeof *b);
    if (tern_cpu_select(&features, isa, &err) || tern_pool_open(&b->run.pool, 1, &err))
        return cli_status(&err);
    tern_table_build(&b->ops, features);
    b->run.ops = &b->ops;
    b->run.panels_bytes = TERN_UNPACKED_BYTES;
    b->run.packed_bytes = tern_spmm_scratch(TERN_TILE_ROWS, K4);
    b->run.scale = room(3 * MOST_ROWS * sizeof *b->run.scale);
    b->run.tile = room(TERN_TILE * sizeof *b->run.tile);
    b->run.panels = room(TERN_UNPACKED_BYTES);
    b->run.packed = room((size_t)b->run.packed_bytes * MOST_ROWS / TERN_TILE_ROWS);
    b->weights = room((size_t)COPIES * DENSE);
    b->values = room((size_t)COPIES * DENSE);
    b->index = room((size_t)COPIES * INDICES * sizeof *b->index);
    b->rows = room((size_t)MOST_ROWS * SIZE);
    int missing = !b->run.scale || !b->run.tile || !b->run.panels || !b->run.packed || !b->weights || !b->values ||
                  !b->index || !b->rows;
    for (int i = 0; i < 3; i++) {
        b->out[i] = room((size_t)MOST_ROWS * SIZE * sizeof *b->out[i]);
        missing |= !b->out[i];
    }
    return missing ? cli_nomem((size_t)COPIES * 2 * DENSE) : CLI_OK; /* nearly all of it */
}

static void close_bench(struct bench_of_ways *b)
{
    tern_pool_close(b->run.pool);
    free(b->run.scale);
    free(b->run.tile);
    free(b->run.panels);
    free(b->run.packed);
    free(b->weights);
    free(b->values);
    free(b->index);
    free(b->rows);
    for (int i = 0; i < 3; i++)
        free(b->out[i]);
}

/* Rows whose accumulators keep about ten bits of the output, so that a wrong product shows. */
static void make_rows(struct bench_of_ways *b)
{
    uint64_t state = 1;
    for (int i = 0; i < MOST_ROWS; i++) {
        b->row[i] = (struct tern_row){.amax = 127};
        for (int k = 0; k < SIZE; k++) {
            const int8_t q = (int8_t)((int)(cli_random(&state) % 255) - 127);
            b->rows[i * SIZE + k] = q;
            b->row[i].norm2 += q * q;
        }
    }
    for (int i = 0; i < SIZE; i++)
        b->mul[i] = 32767;
}

/* One of the places of a block, in the panels' order; 4x1 has columns of their own. */
static int block_of(enum tern_block_shape shape, int at)
{
    const int input = at % TERN_PANEL_K, output = at / TERN_PANEL_K % TERN_PANEL, step = at / TERN_LINE;
    const int strip = step * TERN_PANEL + output / tern_block_outputs(shape);
    return shape == TERN_BLOCK_4X1 ? strip * TERN_PANEL_K + input : strip;
}

/* Weights with about that part of their blocks left, in all copies of both forms. */
static void make_weights(struct bench_of_ways *b, enum tern_block_shape shape, double left)
{
    uint64_t state = 2;
    const uint64_t seed = cli_random(&state);
    for (int i = 0; i < DENSE; i++) {
        uint64_t block = seed + (uint64_t)block_of(shape, i) * 0x9e3779b97f4a7c15u;
        const int kept = (double)(cli_random(&block) >> 11) * 0x1p-53 < left;
        b->weights[i] = kept ? (int8_t)(1 + cli_random(&state) % 127) : 0;
    }
    tern_sparse_survey(b->weights, PANELS, K4, shape, b->count, b->first);
    const struct tern_sparse first = {b->values, b->index, b->count, b->first, shape};
    const size_t value_bytes = (size_t)b->first[PANELS] * TERN_LINE;
    const size_t indices = (size_t)b->first[PANELS] * (size_t)tern_line_indices(shape);
    memset(b->values, 0, value_bytes);
    memset(b->index, 0, indices * sizeof *b->index);
    tern_sparse_fill(b->weights, PANELS, K4, &first, b->values, b->index);
    const struct tern_linear common = {.mul = b->mul,
                                       .bias16 = b->bias,
                                       .kappa = tern_real_of(1.0 / (512 * 127)),
                                       .wnorm2 = SIZE * 127 * 127,
                                       .n = SIZE,
                                       .k = SIZE};
    for (int i = 0; i < b->copies; i++) {
        int8_t *weights = b->weights + (size_t)i * DENSE, *values = b->values + (size_t)i * value_bytes;
        uint16_t *index = b->index + (size_t)i * indices;
        if (i) {
            memcpy(weights, b->weights, DENSE);
            memcpy(values, b->values, value_bytes);
            memcpy(index, b->index, indices * sizeof *index);
        }
        b->dense[i] = b->sparse[i] = common;
        b->dense[i].weight = weights;
        b->sparse[i].sparse = (struct tern_sparse){values, index, b->count, b->first, shape};
    }
}

/* One pass over the matrices; milliseconds of one. */
static double pass(struct bench_of_ways *b, enum tern_way way, int rows)
{
    const struct tern_rows x = {b->rows, b->row, SIZE, rows, NULL};
    for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++)
        for (int i = 0; i < TERN_ROW_BUCKETS; i++)
            b->ops.routes.sparse.as_stored[s][i] = way == TERN_WAY_SPARSE ? 100 : 0;
    const double start = cli_now_ms();
    for (int i = 0; i < b->copies; i++) {
        const struct tern_linear *w = way == TERN_WAY_DENSE ? &b->dense[i] : &b->sparse[i];
        tern_linear_run(&b->run, TERN_STAGE_qkv, &w, &b->out[way], 1, SIZE, &x);
    }
    return (cli_now_ms() - start) / b->copies;
}

/* The three ways in turn, the least of several rounds each. */
static int measure(struct bench_of_ways *b, int rows, struct tern_way_times *t)
{
    enum { ROUNDS = 6 };
    double least[3] = {0, 0, 0};
    for (int round = 0; round <= ROUNDS; round++) /* the first one warms up */
        for (int way = 0; way < 3; way++) {
            const double ms = pass(b, (enum tern_way)way, rows);
            least[way] = round <= 1 || ms < least[way] ? ms : least[way];
        }
    const size_t bytes = (size_t)rows * SIZE * sizeof **b->out;
    if (memcmp(b->out[0], b->out[2], bytes) || memcmp(b->out[1], b->out[2], bytes))
        return cli_fail(CLI_DIFFERENT, "the three ways gave different products");
    t->sparse = least[TERN_WAY_SPARSE];
    t->expanded = least[TERN_WAY_EXPANDED];
    t->dense = least[TERN_WAY_DENSE];
    return CLI_OK;
}

/* Both limits of one shape and row count: from few blocks on, until dense beats both other ways, and expanding beats
   stored blocks. */
static int find_limits(struct bench_of_ways *b, enum tern_block_shape shape, int rows, int *as_stored, int *pays)
{
    struct tern_way_times times[DENSITIES];
    int n = 0, code = CLI_OK, open = 1;
    b->copies = 1;
    make_weights(b, shape, 1);
    pass(b, TERN_WAY_DENSE, rows);
    const double once = pass(b, TERN_WAY_DENSE, rows);
    b->copies = once * COPIES <= pass_ms ? COPIES : once < pass_ms ? (int)(pass_ms / once) : 1;
    while (n < DENSITIES && open && !code) {
        struct tern_way_times *t = &times[n];
        make_weights(b, shape, densities[n++]);
        t->left = (double)b->first[PANELS] / (PANELS * K4);
        code = measure(b, rows, t);
        open = t->sparse <= t->dense || t->expanded <= t->dense || t->sparse <= t->expanded;
    }
    if (!code)
        tern_sparse_limits(times, n, as_stored, pays);
    return code;
}

static int find_all(struct bench_of_ways *b, struct tern_sparse_routes *routes)
{
    const size_t all = (size_t)TERN_N_BLOCK_SHAPES * TERN_ROW_BUCKETS * 2;
    size_t done = 0;
    int code = CLI_OK;
    for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++)
        for (int i = 0; i < TERN_ROW_BUCKETS * 2 && !code; i++) {
            int *a = &routes->as_stored[s][i / 2], *p = &routes->pays[s][i / 2], as_stored = 0, pays = 0;
            code = find_limits(b, (enum tern_block_shape)s, bucket_rows[i / 2][i % 2], &as_stored, &pays);
            *a = i % 2 && *a < as_stored ? *a : as_stored;
            *p = i % 2 && *p < pays ? *p : pays;
            if (cli_progress_wanted())
                cli_progress("calibrating", ++done, all);
        }
    return code;
}

static void print_rows(const char *row, const char *isa, const int limits[][TERN_ROW_BUCKETS])
{
    static const char *const shapes[TERN_N_BLOCK_SHAPES] = {"16X4", "4X4", "1X4", "4X1"};
    for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++)
        printf("%s(%s, %s, %d, %d, %d, %d)\n", row, isa, shapes[s], limits[s][0], limits[s][1], limits[s][2],
               limits[s][3]);
}

int calibrate_sparse(const char *isa)
{
    struct tern_sparse_routes routes = {0};
    struct bench_of_ways *b = room(sizeof *b);
    if (!b)
        return cli_nomem(sizeof *b);
    int code = open_bench(b, isa);
    if (!code) {
        make_rows(b);
        code = find_all(b, &routes);
    }
    close_bench(b);
    free(b);
    const char *name = sparse_cache_isa(isa);
    if (!code)
        code = sparse_cache_write(name, &routes);
    if (code)
        return code;
    print_rows("SPARSE_UP_TO", name, (const int(*)[TERN_ROW_BUCKETS])routes.as_stored);
    print_rows("SPARSE_PAYS_UP_TO", name, (const int(*)[TERN_ROW_BUCKETS])routes.pays);
    return cli_written();
}
