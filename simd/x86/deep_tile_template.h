/* Template: a tile of gemm_bounded_template.h whose sums of 32 bits lie in registers. Those of 16 bits are one row's
   at a time. Gives deep().

   Parameters, before this is included: deep_template.h, and
     DEEP_ROWS                                               most rows of a tile
     WEIGHTS_STAY                                            1: the weights of DEEP_STEPS k steps fit the registers too
     static ALWAYS_INLINE void add_widened(vi *sum, vi words)      adds pairs of 16 bits to 32
   Included by gemm_s8 of AVX2, and gemm_s8, gemm_s7 and gemm_s6 of SSE4.1 and AVX-512BW. */
#ifndef TERN_X86_DEEP_TILE_TEMPLATE_H
#define TERN_X86_DEEP_TILE_TEMPLATE_H

/* Adds the products of `steps` k steps. */
static ALWAYS_INLINE void deep_group(vi (*sum)[REGISTERS], const int8_t *a, const uint8_t *b, uint8_t *copy,
                                     const int rows, const int ready, const int steps)
{
    vi w[DEEP_STEPS][REGISTERS];
    TERN_UNROLL
    for (int s = 0; s < DEEP_STEPS; s++)
        TERN_UNROLL
    for (int r = 0; WEIGHTS_STAY && s < steps && r < REGISTERS; r++)
        w[s][r] = weights(b + s * STEP + r * VI_BYTES, copy + s * STEP + r * VI_BYTES, ready);
    TERN_UNROLL
    for (int i = 0; i < DEEP_ROWS; i++) {
        if (i >= rows)
            break;
        vi words[REGISTERS];
        TERN_UNROLL
        for (int s = 0; s < DEEP_STEPS; s++) {
            if (s >= steps)
                break;
            const vi x = vi_four_of(a + i * LD_A, s);
            TERN_UNROLL
            for (int r = 0; r < REGISTERS; r++) {
                const int at = s * STEP + r * VI_BYTES;
                const vi y = WEIGHTS_STAY ? w[s][r] : weights(i ? copy + at : b + at, copy + at, i || ready);
                const vi products = VI(maddubs_epi16)(y, x);
                words[r] = s ? VI(add_epi16)(words[r], products) : products;
                if (!WEIGHTS_STAY) /* all products before the first sum would be spilled */
                    TERN_PIN(words[r]);
            }
        }
        TERN_UNROLL
        for (int r = 0; r < REGISTERS; r++)
            add_widened(&sum[i][r], words[r]);
        if (!WEIGHTS_STAY) /* else they would be kept, and spilled */
            TERN_KEEP_ORDER();
    }
}

static ALWAYS_INLINE void deep(const struct deep_tile *t, const int rows, const int ready)
{
    vi sum[DEEP_ROWS][REGISTERS];
    TERN_UNROLL
    for (int i = 0; i < DEEP_ROWS; i++)
        TERN_UNROLL
    for (int r = 0; r < REGISTERS; r++)
        sum[i][r] = vi_zero();
    const int8_t *a = t->rows->a + t->first * LD_A;
    const int32_t *const less = t->rows->less + t->first;
    const uint8_t *b = ready ? t->rows->b : (const uint8_t *)t->b;
    const uint8_t *ahead = ready ? (const uint8_t *)t->ahead : b + AHEAD;
    uint8_t *copy = t->rows->b;
    int left = t->k4;
    for (; left >= DEEP_STEPS; left -= DEEP_STEPS) {
        deep_group(sum, a, b, copy, rows, ready, DEEP_STEPS);
        TERN_UNROLL
        for (int s = 0; s < DEEP_STEPS; s++)
            _mm_prefetch((const char *)ahead + s * STEP, _MM_HINT_T0);
        b += DEEP_STEPS * STEP, copy += DEEP_STEPS * STEP, ahead += DEEP_STEPS * STEP, a += DEEP_STEPS * TERN_PANEL_K;
    }
    for (; left; left--, b += STEP, copy += STEP, a += TERN_PANEL_K)
        deep_group(sum, a, b, copy, rows, ready, 1);
    TERN_UNROLL
    for (int i = 0; i < DEEP_ROWS; i++) {
        if (i >= rows)
            break;
        TERN_UNROLL
        for (int r = 0; r < REGISTERS; r++)
            store(t->c + i * t->ld_c + r * VI_S32, sum[i][r], less[i], t->add);
    }
}

#endif
