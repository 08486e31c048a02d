/* Reads the files of the tasks and computes their figures, for `tern eval`. */
#include "tools/eval_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STSB_SCORE = 4, STSB_FIRST = 5, COLUMNS = 7 };

static int add_row(struct eval_data *d, const char *const *texts, const size_t *bytes, double gold)
{
    size_t more = bytes[0] + (d->per_row > 1 ? bytes[1] : 0);
    if (d->n == d->capacity) {
        size_t capacity = d->capacity ? d->capacity * 2 : 1024;
        struct eval_row *rows = realloc(d->rows, capacity * sizeof *rows);
        if (!rows)
            return cli_nomem();
        d->rows = rows;
        d->capacity = capacity;
    }
    if (d->pool_used + more >= d->pool_capacity) {
        size_t capacity = (d->pool_used + more) * 2 + 65536;
        char *pool = realloc(d->pool, capacity);
        if (!pool)
            return cli_nomem();
        d->pool = pool;
        d->pool_capacity = capacity;
    }
    struct eval_row *row = &d->rows[d->n++];
    *row = (struct eval_row){.gold = gold};
    for (int i = 0; i < d->per_row; i++) {
        memcpy(d->pool + d->pool_used, texts[i], bytes[i]);
        row->text[i] = d->pool_used;
        row->bytes[i] = bytes[i];
        d->pool_used += bytes[i];
    }
    return CLI_OK;
}

/* The whole of a column as a number; 0 when it is none. */
static int read_real(const char *text, size_t bytes, double *out)
{
    char copy[32], *end;
    if (!bytes || bytes >= sizeof copy)
        return 0;
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    *out = strtod(copy, &end);
    return !*end && isfinite(*out);
}

/* Splits at tabs; returns the number of columns, at most `most`. */
static int split(const struct text *line, const char **columns, size_t *bytes, int most)
{
    const char *at = line->text, *end = line->text + line->bytes;
    for (int n = 0;; n++) {
        if (n == most)
            return n;
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        columns[n] = at;
        bytes[n] = (size_t)((tab ? tab : end) - at);
        if (!tab)
            return n + 1;
        at = tab + 1;
    }
}

static int read_rows(struct eval_data *d, const char *path, int score, int first, double most, const char *form)
{
    struct texts lines;
    struct text line;
    char where[128];
    const char *columns[COLUMNS];
    size_t bytes[COLUMNS];
    double gold = 0;
    int code = texts_open_file(&lines, path), last = score > first ? score : first + d->per_row - 1;
    while (!code && texts_next(&lines, &line, &code) > 0) {
        if (!line.bytes)
            continue;
        int n = split(&line, columns, bytes, COLUMNS),
            good = n > last && read_real(columns[score], bytes[score], &gold);
        if (!good && lines.number == 1 && n > last)
            continue;
        if (!good || gold < 0 || gold > most || (d->per_row == 1 && gold != floor(gold)))
            code = cli_fail(CLI_INPUT, "%s: not of the form %s, with a number from 0 to %g", texts_where(&lines, where),
                            form, most);
        else
            code = add_row(d, columns + first, bytes + first, gold);
    }
    texts_close(&lines);
    if (!code && !d->n)
        code = cli_fail(CLI_INPUT, "%s: no lines of the form %s", path, form);
    return code;
}

int eval_read_sst2(struct eval_data *d, const char *path, int32_t n_labels)
{
    d->per_row = 1;
    return read_rows(d, path, 1, 0, n_labels - 1, "SENTENCE<TAB>LABEL");
}

int eval_read_stsb(struct eval_data *d, const char *path)
{
    d->per_row = 2;
    return read_rows(d, path, STSB_SCORE, STSB_FIRST, 5, "STS-B (score in column 5, sentences in 6 and 7)");
}

void eval_data_free(struct eval_data *d)
{
    free(d->rows);
    free(d->pool);
}

double eval_pearson(const double *x, const double *y, size_t n)
{
    double mx = 0, my = 0, xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xy += (x[i] - mx) * (y[i] - my);
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
    }
    return xy / sqrt(xx * yy);
}

struct place {
    double value;
    size_t index;
};

static int ascending(const void *a, const void *b)
{
    double x = ((const struct place *)a)->value, y = ((const struct place *)b)->value;
    return (x > y) - (x < y);
}

static double *ranks(const double *x, size_t n)
{
    double *rank = malloc(n * sizeof *rank);
    struct place *places = malloc(n * sizeof *places);
    if (!rank || !places) {
        free(rank);
        free(places);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        places[i] = (struct place){x[i], i};
    qsort(places, n, sizeof *places, ascending);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && places[k].value == places[i].value; k++)
            ;
        for (size_t j = i; j < k; j++)
            rank[places[j].index] = (double)(i + k - 1) / 2;
    }
    free(places);
    return rank;
}

double eval_spearman(const double *x, const double *y, size_t n)
{
    double *rx = ranks(x, n), *ry = ranks(y, n);
    double result = rx && ry ? eval_pearson(rx, ry, n) : NAN;
    free(rx);
    free(ry);
    return result;
}
