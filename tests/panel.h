/* Panels of weights for the tests of low-bit quantisation, and what became of them. Includes cmocka before. */
#ifndef TESTS_PANEL_H
#define TESTS_PANEL_H

#include "quant/quantize_weights.h"
#include "tests/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_K = 320, GUARD = 0xA5 };

static inline void *need(void *block)
{
    if (!block)
        abort();
    return block;
}

/* The codes that a format uses. */
static inline int codes_of(enum tern_format format)
{
    return format == TERN_FORMAT_TERNARY ? 3 : tern_format_is_bytes(format) ? 256 : 1 << tern_format_bits(format);
}

/* The next format with a codebook; from -1 the first. */
static inline int next_coded(int format)
{
    do
        format++;
    while (format < TERN_N_FORMATS && tern_format_is_bytes((enum tern_format)format));
    return format;
}

struct panel {
    int count, k, groups;
    float w[TERN_PANEL * MOST_K];
    uint8_t codes[(TERN_PANEL + 1) * MOST_K]; /* the last row is a guard */
    uint8_t mul[(MOST_K / 32 + 1) * TERN_PANEL];
    double scale[TERN_PANEL + 1];
};

static inline struct panel *new_panel(int count, int k)
{
    struct panel *p = need(calloc(1, sizeof *p));
    p->count = count;
    p->k = k;
    return p;
}

static inline double value_at(const struct tern_coding *c, const struct panel *p, int j, int i, int code)
{
    const int mul = tern_format_grouped(c->format) ? p->mul[i / c->group * TERN_PANEL + j] : 1;
    const struct tern_codebook *book = tern_codebook(c->format); /* bytes have none: their codes are their values */
    return (book ? book->value[code] : (int8_t)code) * mul * p->scale[j];
}

/* Weights that no run changes, quantised; all that must stay as it was is looked at. */
static inline void quantize(const struct tern_coding *c, struct panel *p)
{
    const int k = p->k;
    float *rows = need(malloc(sizeof p->w)), *scratch = need(malloc((size_t)k * sizeof *scratch));
    memcpy(rows, p->w, sizeof p->w);
    memset(p->codes, GUARD, sizeof p->codes);
    memset(p->mul, GUARD, sizeof p->mul);
    for (int j = 0; j <= TERN_PANEL; j++)
        p->scale[j] = -77;
    p->groups = tern_format_grouped(c->format) ? (k + c->group - 1) / c->group : 0;
    tern_quantize_panel(c, rows, p->count, k, p->codes, p->mul, p->scale, scratch);
    if (!c->second)
        assert_memory_equal(rows, p->w, sizeof p->w);
    for (int j = 0; j < p->count; j++) {
        assert_true(isfinite(p->scale[j]) && p->scale[j] >= 0);
        for (int i = 0; i < k; i++)
            assert_in_range(p->codes[j * k + i], 0, codes_of(c->format) - 1);
    }
    for (size_t i = (size_t)p->count * (size_t)k; i < sizeof p->codes; i++)
        assert_int_equal(p->codes[i], GUARD);
    for (int j = p->count; j <= TERN_PANEL; j++)
        assert_true(p->scale[j] == -77);
    for (int i = 0; i < (int)sizeof p->mul; i++)
        if (i < p->groups * TERN_PANEL && i % TERN_PANEL < p->count)
            assert_in_range(p->mul[i], 1, tern_codebook(c->format)->most_mul);
        else
            assert_int_equal(p->mul[i], GUARD);
    free(scratch);
    free(rows);
}

static inline double channel_error(const struct tern_coding *c, const struct panel *p, int j)
{
    double error = 0;
    for (int i = 0; i < p->k; i++) {
        const double d = (double)p->w[j * p->k + i] - value_at(c, p, j, i, p->codes[j * p->k + i]);
        error += d * d;
    }
    return error;
}

static inline double channel_squares(const struct panel *p, int j)
{
    double sum = 0;
    for (int i = 0; i < p->k; i++)
        sum += (double)p->w[j * p->k + i] * (double)p->w[j * p->k + i];
    return sum;
}

static inline void fill(struct panel *p, uint64_t seed)
{
    struct rng r = rng_seeded(seed, "panel");
    for (int j = 0; j < p->count; j++)
        for (int i = 0; i < p->k; i++) {
            double w = 0.04 * rng_bell(&r);
            if (j % 4 == 1) /* a few that stand out */
                w *= i % 37 == 5 ? 20 : 1;
            if (j % 4 == 2) /* groups of very different sizes */
                w *= ldexp(1, -(i / 32) % 6);
            if (j % 4 == 3) /* one sign */
                w = fabs(w);
            p->w[j * p->k + i] = (float)(j == 6 ? 0 : w);
        }
}

/* Sizes that are tried. */
static const int ks[] = {312, 264, 128, 64, 33, 22, 5, 1};
static const int counts[] = {16, 7, 1, 12};
static const int groups[] = {32, 64, 128};
enum { KS = sizeof ks / sizeof *ks };

#endif
