#include "models/sparse_table.h"

#include "models/blocks.h"

#include <math.h>
#include <string.h>

int tern_sparse_limit(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket)
{
    if (bucket != TERN_ANY_BUCKET)
        return r->pays[shape][bucket];
    int least = 100;
    for (int b = 0; b < TERN_ROW_BUCKETS; b++)
        least = r->pays[shape][b] < least ? r->pays[shape][b] : least;
    return least;
}

double tern_sparse_cost(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket, int64_t left,
                        int64_t all)
{
    const int limit = tern_sparse_limit(r, shape, bucket);
    return limit > 0 ? (double)(100 * left) / (double)(limit * all) : INFINITY;
}

enum tern_block_shape tern_sparse_best(const struct tern_sparse_routes *r, int bucket, const int64_t *left,
                                       const int64_t *all)
{
    enum tern_block_shape best = TERN_BLOCK_16X4;
    double least = INFINITY;
    for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++) {
        const double cost = tern_sparse_cost(r, (enum tern_block_shape)i, bucket, left[i], all[i]);
        if (cost < least) {
            least = cost;
            best = (enum tern_block_shape)i;
        }
    }
    return best;
}

int tern_crossing(const double *left, const double *excess, int n)
{
    int good = 0;
    while (good < n && excess[good] <= 0)
        good++;
    if (good == 0 || good == n)
        return good == n ? 100 : 0;
    const double part = -excess[good - 1] / (excess[good] - excess[good - 1]);
    return (int)(100 * (left[good - 1] + part * (left[good] - left[good - 1])) + 1e-9);
}

void tern_sparse_limits(const struct tern_way_times *times, int n, int *as_stored, int *pays)
{
    double left[TERN_MAX_DENSITIES], ways[TERN_MAX_DENSITIES], sparse[TERN_MAX_DENSITIES], expanded[TERN_MAX_DENSITIES];
    for (int i = 0; i < n; i++) {
        left[i] = times[i].left;
        ways[i] = (times[i].sparse - times[i].expanded) / times[i].dense;
        sparse[i] = times[i].sparse / times[i].dense - 1;
        expanded[i] = times[i].expanded / times[i].dense - 1;
    }
    /* Each way by itself: the better of the two is no straight line where they cross. */
    const int by_sparse = tern_crossing(left, sparse, n), by_expanded = tern_crossing(left, expanded, n);
    *as_stored = tern_crossing(left, ways, n);
    *pays = by_sparse > by_expanded ? by_sparse : by_expanded;
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

/* The word at *text, *text moved to the blanks behind it. Returns its length, 0 at a line's end. */
static size_t next_word(const char **text, const char **word)
{
    const char *at = *text;
    while (*at == ' ')
        at++;
    *word = at;
    while (*at && *at != ' ' && *at != '\n')
        at++;
    *text = at;
    return (size_t)(at - *word);
}

/* The rest of the line into out[capacity], cut where it is full. */
static void rest_of_line(const char *text, char *out, size_t capacity)
{
    while (*text == ' ')
        text++;
    size_t n = strcspn(text, "\n");
    n = n < capacity ? n : capacity - 1;
    memcpy(out, text, n);
    out[n] = 0;
}

static int read_percents(const char **text, int *out)
{
    for (int i = 0; i < TERN_ROW_BUCKETS; i++) {
        const char *word;
        const size_t n = next_word(text, &word);
        int value = 0;
        if (n < 1 || n > 3)
            return -1;
        for (size_t k = 0; k < n; k++) {
            if (word[k] < '0' || word[k] > '9')
                return -1;
            value = value * 10 + (word[k] - '0');
        }
        if (value > 100)
            return -1;
        out[i] = value;
    }
    return 0;
}

/* One line: a shape's row, or a part of the head. */
static const char *read_line(struct tern_sparse_table *t, const char *line, int *seen)
{
    const char *at = line, *word;
    char name[16];
    const size_t n = next_word(&at, &word);
    if (!n || *word == '#')
        return NULL;
    if (n >= sizeof name)
        return "has a line that begins with an unknown word";
    memcpy(name, word, n);
    name[n] = 0;
    const int shape = tern_block_shape_find(name);
    if (!strcmp(name, "version"))
        rest_of_line(at, t->version, sizeof t->version);
    else if (!strcmp(name, "cpu"))
        rest_of_line(at, t->cpu, sizeof t->cpu);
    else if (!strcmp(name, "isa"))
        rest_of_line(at, t->isa, sizeof t->isa);
    else if (shape < 0)
        return "has a line that begins with an unknown word";
    else if (seen[shape]++)
        return "has two lines for one shape of blocks";
    else if (read_percents(&at, t->routes.as_stored[shape]) || read_percents(&at, t->routes.pays[shape]) ||
             next_word(&at, &word))
        return "has a line that is not a shape and eight whole numbers from 0 to 100";
    return NULL;
}

const char *tern_sparse_table_read(struct tern_sparse_table *out, const char *text)
{
    int seen[TERN_N_BLOCK_SHAPES] = {0};
    const char *fault = NULL;
    memset(out, 0, sizeof *out);
    while (*text && !fault) {
        fault = read_line(out, text, seen);
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    for (int i = 0; i < TERN_N_BLOCK_SHAPES && !fault; i++)
        if (!seen[i])
            fault = "has no line for one of the shapes of blocks";
    if (!fault && (!*out->version || !*out->cpu || !*out->isa))
        fault = "does not say its version, cpu and isa";
    return fault;
}

tern_status tern_sparse_table_apply(struct tern_sparse_routes *routes, const char *text, const char *isa,
                                    tern_error *err)
{
    struct tern_sparse_table table;
    const char *fault = text ? tern_sparse_table_read(&table, text) : NULL;
    if (fault)
        return tern_fail(err, TERN_USAGE, "the sparse table %s", fault);
    if (text && strcmp(table.version, TERN_VERSION))
        return tern_fail(err, TERN_USAGE, "the sparse table is of version %s; this is %s", table.version, TERN_VERSION);
    if (text && strcmp(table.isa, isa))
        return tern_fail(err, TERN_USAGE, "the sparse table is for %s; %s is in use", table.isa, isa);
    if (text)
        *routes = table.routes;
    return TERN_OK;
}
