/* Rows of 32 bits that have an exponent each: sums of products, biases and what is added to, all in integers. */
#include "models/scaled.h"

#include "models/scheme.h"

/* A matrix changes an exponent by less than 1024: the file's are within +-256, shifts below 64. So the exponents of 256
   layers of 16 matrices stay apart from that of zeros, and sums of two within 32 bits. */
_Static_assert(256 * 16 * 1024 < -TERN_SCALED_ZERO && -TERN_SCALED_ZERO < 1 << 28, "exponents");

static int at_most(int64_t shift, int most)
{
    return (int)(shift < most ? shift : most);
}

struct tern_scaled_scale tern_scaled_scale_of(const struct tern_linear *w, struct tern_row row, int32_t exp,
                                              int32_t added, int adds)
{
    struct tern_scaled_scale s = {0};
    /* |acc| < 2^bits by Cauchy and Schwarz. */
    const int bits = (tern_bits((uint64_t)(uint32_t)row.norm2 * (uint32_t)w->wnorm2) + 1) / 2;
    const uint64_t factor = (uint64_t)(uint32_t)row.amax * (uint32_t)w->kappa.mul; /* < 2^46 */
    const int over = tern_bits(factor) - 31;
    int32_t product = TERN_SCALED_ZERO;
    s.down = bits - 15;
    if (factor) {
        const int64_t f = over > 0 ? tern_rshift64((int64_t)factor, over) : (int64_t)(factor << -over);
        s.factor = f > INT32_MAX ? INT32_MAX : (int32_t)f;
        product = exp + s.down + over + 31 - 15 - w->kappa.exp;
    }
    if (!adds)
        added = TERN_SCALED_ZERO;
    else if (w->gamma)
        added += w->gamma_exp + 15;
    s.exp = w->bias_exp > product ? w->bias_exp : product;
    s.exp = (added > s.exp ? added : s.exp) + 2; /* three terms below 2^30 */
    s.product = at_most(31 + (int64_t)s.exp - product, 62);
    s.bias = at_most((int64_t)s.exp - w->bias_exp, 31);
    s.added = !adds ? -1 : at_most((w->gamma ? 15 : 0) + (int64_t)s.exp - added, 62);
    return s;
}

void tern_scaled_shift(const int32_t *v, int16_t *x, int32_t shift, int n)
{
    const int down = at_most(shift, 31);
    for (int j = 0; j < n; j++)
        x[j] = tern_narrow1(v[j], down);
}
