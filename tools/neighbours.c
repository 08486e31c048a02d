/* Finds nearest neighbours by comparing all pairs of vectors, a panel of them against a few at a time. */
#include "tools/neighbours.h"

#include "runtime/base/status.h"
#include "runtime/base/thread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A panel holds PANEL vectors side by side, [dimensions][PANEL], so that their sums are lanes; QUERIES vectors are
   compared with it at a time. A task is the queries of one panel. */
enum { PANEL = 16, QUERIES = 4 };

struct search {
    float *panels; /* [panels of n][dimensions][PANEL], each vector of length 1; what pads the last is 0 */
    int32_t *nearest;
    int32_t n, dimensions;
};

/* The nearest of one query so far, in falling order. */
struct best {
    float cosine[NEIGHBOURS];
    int32_t index[NEIGHBOURS];
};

static void insert(struct best *best, float cosine, int32_t index)
{
    int at = NEIGHBOURS - 1;
    for (; at > 0 && cosine > best->cosine[at - 1]; at--) {
        best->cosine[at] = best->cosine[at - 1];
        best->index[at] = best->index[at - 1];
    }
    best->cosine[at] = cosine;
    best->index[at] = index;
}

/* sums[QUERIES][PANEL] of queries that stand in columns of a panel of their own. */
static void multiply(float sums[QUERIES][PANEL], const float *queries, const float *panel, int32_t dimensions)
{
    memset(sums, 0, QUERIES * sizeof *sums);
    for (int32_t i = 0; i < dimensions; i++)
        for (int q = 0; q < QUERIES; q++)
            for (int lane = 0; lane < PANEL; lane++)
                sums[q][lane] += queries[i * PANEL + q] * panel[i * PANEL + lane];
}

static void search_panel(void *context, int task, int thread)
{
    const struct search *const s = context;
    const size_t panel_floats = (size_t)s->dimensions * PANEL;
    float sums[QUERIES][PANEL];
    struct best best[PANEL];
    (void)thread;
    for (int q = 0; q < PANEL; q++)
        for (int k = 0; k < NEIGHBOURS; k++)
            best[q].cosine[k] = -INFINITY, best[q].index[k] = -1;
    for (int32_t first = 0; first < s->n; first += PANEL)
        for (int group = 0; group < PANEL; group += QUERIES) {
            multiply(sums, s->panels + (size_t)task * panel_floats + group,
                     s->panels + (size_t)(first / PANEL) * panel_floats, s->dimensions);
            for (int q = 0; q < QUERIES; q++)
                for (int lane = 0; lane < PANEL && first + lane < s->n; lane++)
                    if (sums[q][lane] > best[group + q].cosine[NEIGHBOURS - 1] &&
                        first + lane != task * PANEL + group + q)
                        insert(&best[group + q], sums[q][lane], first + lane);
        }
    for (int32_t q = 0; q < PANEL && task * PANEL + q < s->n; q++)
        memcpy(s->nearest + (size_t)(task * PANEL + q) * NEIGHBOURS, best[q].index, sizeof best[q].index);
}

/* One vector, brought to length 1, into its column. */
static void put(float *column, const float *vector, int32_t dimensions)
{
    double squares = 0;
    for (int32_t i = 0; i < dimensions; i++)
        squares += (double)vector[i] * (double)vector[i];
    for (int32_t i = 0; i < dimensions && squares > 0; i++)
        column[(size_t)i * PANEL] = (float)((double)vector[i] / sqrt(squares));
}

tern_status neighbours_find(int32_t *nearest, const float *values, const size_t *rows, size_t n, int32_t dimensions,
                            int32_t threads, tern_error *err)
{
    if (n <= NEIGHBOURS || n > NEIGHBOURS_MOST)
        return tern_fail(err, TERN_USAGE, "neighbours: %zu vectors; from %d to %d can be compared", n, NEIGHBOURS + 1,
                         NEIGHBOURS_MOST);
    const size_t panels = (n + PANEL - 1) / PANEL, floats = (size_t)dimensions * PANEL;
    struct search s = {.nearest = nearest, .n = (int32_t)n, .dimensions = dimensions};
    struct tern_pool *pool = NULL;
    s.panels = calloc(panels, floats * sizeof *s.panels);
    if (!s.panels)
        return tern_fail_nomem(err, "neighbours", panels * floats * sizeof *s.panels);
    for (size_t i = 0; i < n; i++)
        put(s.panels + i / PANEL * floats + i % PANEL, values + (rows ? rows[i] : i) * (size_t)dimensions, dimensions);
    const tern_status status = tern_pool_open(&pool, threads, err);
    if (!status)
        tern_pool_run(pool, search_panel, &s, (int)panels);
    tern_pool_close(pool);
    free(s.panels);
    return status;
}

double neighbours_kept(const int32_t *a, const int32_t *b, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        for (int j = 0; j < NEIGHBOURS; j++)
            for (int k = 0; k < NEIGHBOURS; k++)
                kept += a[i * NEIGHBOURS + (size_t)j] == b[i * NEIGHBOURS + (size_t)k];
    return (double)kept / (double)(n * NEIGHBOURS);
}
