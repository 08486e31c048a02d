/* Low-bit weights: codebooks into int8, where a group of weights stores codes of b bits and picks a multiplier, and the
   order in which the file keeps their codes. A weight is value[code] * multiplier, and an int8 like any other. */
#ifndef TERN_CODES_H
#define TERN_CODES_H

#include <stddef.h>
#include <stdint.h>

/* Weight panels, in the one layout that every CPU reads: int8 [panels][k4][16][4], 16 output channels x 4 inputs. */
enum { TERN_PANEL = 16, TERN_PANEL_K = 4 };

/* A block is 8 k steps of a panel (32 inputs), a line 64 bytes of codes. */
enum { TERN_BLOCK_STEPS = 8, TERN_LINE = 64, TERN_BLOCK_K = TERN_BLOCK_STEPS * TERN_PANEL_K };

/* |value * multiplier| <= 127, |value| <= 15 and 0 <= value + offset <= 30 for every code: gemm_s4's sums of 16 bits
   rest on that. */
struct tern_codebook {
    int8_t value[16]; /* of each of the 2^bits codes */
    int8_t bits;      /* 1 .. 4; of bytes, which have nothing else of this, 6 .. 8 */
    int8_t step;      /* value[code] = step * code - offset; 0 for a table that is no line (4 bits only) */
    int8_t offset;    /* the least value, negated */
    int8_t most_mul;  /* multipliers are 1 .. most_mul */
};

/* The codes of a matrix.
     4 bits       [panels][lines of two k steps][64]: byte 4 c + i is channel c, input i; low nibble: the even step
     1 to 3 bits  [panels][blocks][bits][64], bit planes, the lowest first. Byte 16 p + c of a plane is channel c in
                  steps 2 p (low nibble) and 2 p + 1 (high nibble); bit i of a nibble is input i. A nibble chooses
                  among the sums of four activations (T-MAC: Wei et al., EuroSys 2025).
   What pads K holds any code: no kernel reads an activation there. */
struct tern_codes {
    const uint8_t *line;
    const uint8_t *mul; /* [panels][groups][16], or NULL: all 1 */
    const struct tern_codebook *book;
    int group; /* k steps that share a multiplier: 8, 16 or 32 */
};

static inline int tern_blocks(int k4)
{
    return (k4 + TERN_BLOCK_STEPS - 1) / TERN_BLOCK_STEPS;
}

/* Lines of one panel. */
static inline int tern_code_lines(int bits, int k4)
{
    return bits == 4 ? (k4 + 1) / 2 : tern_blocks(k4) * bits;
}

static inline int tern_code_groups(const struct tern_codes *w, int k4)
{
    return w->mul ? (k4 + w->group - 1) / w->group : 0;
}

/* The codes from panel `panel` on. */
static inline struct tern_codes tern_codes_at(const struct tern_codes *w, int panel, int k4)
{
    struct tern_codes at = *w;
    at.line += (ptrdiff_t)panel * tern_code_lines(w->book->bits, k4) * TERN_LINE;
    if (w->mul)
        at.mul += (ptrdiff_t)panel * tern_code_groups(w, k4) * TERN_PANEL;
    return at;
}

/* The place of plane `plane` of a code within its panel: the byte, and the lowest of its bits there. */
struct tern_code_place {
    ptrdiff_t byte;
    int bit;
};
static inline struct tern_code_place tern_code_place(int bits, int plane, int step, int channel, int input)
{
    if (bits == 4) {
        const struct tern_code_place nibble = {(ptrdiff_t)(step / 2) * TERN_LINE + channel * TERN_PANEL_K + input,
                                               4 * (step % 2)};
        return nibble;
    }
    const int within = step % TERN_BLOCK_STEPS;
    const ptrdiff_t line = (ptrdiff_t)(step / TERN_BLOCK_STEPS) * bits + plane;
    const struct tern_code_place place = {line * TERN_LINE + within / 2 * TERN_PANEL + channel,
                                          4 * (within % 2) + input};
    return place;
}

static inline int tern_code_get(const uint8_t *panel, int bits, int step, int channel, int input)
{
    int code = 0;
    for (int plane = 0; plane < (bits == 4 ? 1 : bits); plane++) {
        const struct tern_code_place at = tern_code_place(bits, plane, step, channel, input);
        code |= (panel[at.byte] >> at.bit & (bits == 4 ? 15 : 1)) << plane;
    }
    return code;
}

/* Writes a code into a panel that was all zero. */
static inline void tern_code_put(uint8_t *panel, int bits, int step, int channel, int input, int code)
{
    for (int plane = 0; plane < (bits == 4 ? 1 : bits); plane++) {
        const struct tern_code_place at = tern_code_place(bits, plane, step, channel, input);
        panel[at.byte] = (uint8_t)(panel[at.byte] | (code >> plane & (bits == 4 ? 15 : 1)) << at.bit);
    }
}

/* Tables of sums, for the lut ops: per block [2 nibbles][low, high][4 pairs of steps][16 sums], and the low part's
   bits. */
enum { TERN_LUT_LOW_BITS = 6, TERN_LUT_BLOCK = 4 * TERN_LINE };

#endif
