/* Low-bit weights for the tests of their ops: buffers 0 (lines) and 1 (multipliers) of a run. */
#ifndef TESTS_KERNELS_CODES_H
#define TESTS_KERNELS_CODES_H

#include "simd/codebook.h"
#include "tests/kernels/check.h"

enum { LINES, MULS };

/* group 0: no multipliers. Codes of `lines`, multipliers of `muls`. */
static inline struct tern_codes test_codes(struct check *t, enum tern_format format, int group, int panels, int k4,
                                           enum check_fill lines, enum check_fill muls)
{
    const struct tern_codebook *book = tern_codebook(format);
    struct tern_codes w = {NULL, NULL, book, group};
    const int bytes = panels * tern_code_lines(book->bits, k4) * TERN_LINE;
    uint8_t *line = check_buf(t, LINES, "lines", CHECK_IN, 1, 1, bytes, bytes);
    check_fill(t, LINES, lines, -128, 127);
    if (format == TERN_FORMAT_TERNARY) /* three codes: no byte of the high plane meets its like in the low one */
        for (int i = 0; i < bytes; i += 2 * TERN_LINE)
            for (int j = 0; j < TERN_LINE; j++)
                line[i + TERN_LINE + j] &= (uint8_t)~line[i + j];
    const int groups = group ? panels * ((k4 + group - 1) / group) : 1;
    check_buf(t, MULS, "multipliers", CHECK_IN, 1, 1, groups * TERN_PANEL, groups * TERN_PANEL);
    check_fill(t, MULS, muls, 1, book->most_mul);
    return w;
}

/* `w` with its pointers set for a call. */
static inline struct tern_codes codes_at(const struct tern_codes *w, void *const *p)
{
    struct tern_codes at = *w;
    at.line = p[LINES];
    at.mul = w->group ? p[MULS] : NULL;
    return at;
}

/* The groups to try with a format: 0, and those of 32, 64 and 128 inputs where it has multipliers. */
static inline int test_group(struct check *t, enum tern_format format)
{
    static const int groups[] = {0, 8, 16, 32};
    return tern_format_grouped(format) ? groups[rng_between(&t->rng, 0, 3)] : 0;
}

/* Depths: all up to two blocks and a step, then those around further ends of blocks and of groups; 0 ends. */
static inline int test_depth(const struct check *t, int i)
{
    static const int deep[] = {23, 24, 25, 31, 32, 33, 39, 47, 48, 55, 63, 64, 65, 66, 71, 72, 96, 127, 129, 192, 193};
    enum { DEEP = sizeof deep / sizeof *deep, NEAR = 2 * TERN_BLOCK_STEPS + 1 };
    if (t->quick)
        i = i * 3 + 1;
    return i < NEAR ? i + 1 : i < NEAR + DEEP ? deep[i - NEAR] : 0;
}

#endif
