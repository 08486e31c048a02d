/* Fits activations (GELU, tanh and others) as polynomials in 16-bit integers, for the int8 writer. */
#include "quant/activation.h"

#include <math.h>
#include <string.h>

/* Coefficients by tests/golden/fit_poly.py, which also prints their errors: 2.3e-4 for the GELUs, 7.7e-4 for tanh
   (which is quantised to steps of 8e-3 next), 1.1e-3 for quick GELU and 2.7e-3 for SiLU, whose tails are longer.
   I-BERT's GELU (Kim et al. 2021, a = -0.2888, b = -1.769) is D(z) = 0.1444 z (min(z / sqrt(2), 1.769) - 1.769)^2: a
   cubic, so its coefficients follow from its constants: with z = Z (x + 1) / 2 and Z = 1.769 sqrt(2) it is 0.1444
   * 1.769^2 * Z / 8 * (1 + x) (1 - x)^2. */
static const struct {
    double limit; /* the polynomial's domain is [0, limit], beyond it stays at its end value */
    int bits;     /* fraction bits of its value */
    int16_t c[8];
} bumps[] = {
    [TERN_BUMP_GELU] = {4.0, 16, {2971, -11247, 14546, 964, -21371, 15597, 3847, -5307}},
    [TERN_BUMP_GELU_NEW] = {4.0, 16, {2965, -11354, 14536, 1342, -21351, 15118, 3843, -5099}},
    [TERN_BUMP_IBERT] = {2.50174339, 16, {9261, -9261, -9261, 9261}},
    [TERN_BUMP_RELU] = {4.0, 16, {0}},
    [TERN_BUMP_TANH] = {4.0, 15, {1196, -4523, 8357, -12056, 12540, -3089, -5698, 3273}},
    [TERN_BUMP_SILU] = {8.0, 15, {2307, -6352, 10077, -9707, -9577, 23417, -2764, -7401}},
    [TERN_BUMP_QUICK_GELU] = {5.0, 16, {2247, -6909, 11669, -11288, -7532, 22683, -6419, -4451}},
};

double tern_bump_least_unit(enum tern_bump bump)
{
    return fmax(4.0, bumps[bump].limit) / 32767; /* the whole domain fits 16 bits */
}

struct tern_poly tern_poly_make(enum tern_bump bump, double unit)
{
    struct tern_poly p = {0};
    double limit = floor(bumps[bump].limit / unit);
    p.limit = (int16_t)(limit < 1 ? 1 : limit > 32767 ? 32767 : limit);
    p.shift = (int16_t)(15 - tern_bits((uint64_t)p.limit));
    int top = p.limit << p.shift; /* in [2^14, 2^15) */
    p.mul = (int16_t)lrint((32767.0 / top - 1) * 32768 > 32767 ? 32767 : (32767.0 / top - 1) * 32768);
    double out = ldexp(1 / unit, 15 - bumps[bump].bits);
    p.out = (int16_t)lrint(out > 32767 ? 32767 : out);
    memcpy(p.c, bumps[bump].c, sizeof p.c);
    return p;
}
