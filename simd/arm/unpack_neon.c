/* Unpacks low-bit weights to int8 with NEON. A code's value comes from a table of sixteen bytes, with one tbl, and the
   multiplier of its channel by an 8-bit multiply, as the product fits. Codes of planes are put together before: tbl
   gives each of the four inputs the byte of its channel, tst asks for the bit. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

enum { STEP = TERN_PANEL * TERN_PANEL_K };

/* The bits of four inputs, in an even k step and in an odd one. */
static const uint8_t input_bit[2][16] = {{1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8},
                                         {16, 32, 64, 128, 16, 32, 64, 128, 16, 32, 64, 128, 16, 32, 64, 128}};

/* One k step. */
TERN_INLINE void store(int8_t *b, uint8x16x4_t code, int8x16_t value, uint8x16x4_t mul)
{
    TERN_UNROLL
    for (int i = 0; i < 4; i++)
        vst1q_s8(b + 16 * i, vmulq_s8(vqtbl1q_s8(value, code.val[i]), vreinterpretq_s8_u8(mul.val[i])));
}

TERN_INLINE uint8x16x4_t nibbles(uint8x16x4_t line, int odd)
{
    TERN_UNROLL
    for (int i = 0; i < 4; i++)
        line.val[i] = tern_neon_nibble(line.val[i], odd);
    return line;
}

/* Two k steps of planes. */
TERN_INLINE void unpack_planes(const uint8_t *plane, int8_t *b, int steps, int8x16_t value, uint8x16x4_t mul,
                               const int bits)
{
    const uint8x16_t even_bit = vld1q_u8(input_bit[0]), odd_bit = vld1q_u8(input_bit[1]), zero = vdupq_n_u8(0);
    uint8x16x4_t even = {{zero, zero, zero, zero}}, odd = even;
    TERN_UNROLL
    for (int i = 0; i < bits; i++) {
        const uint8x16x4_t byte = tern_neon_spread(vld1q_u8(plane + i * TERN_LINE));
        const uint8x16_t weight = vdupq_n_u8((uint8_t)(1 << i));
        TERN_UNROLL
        for (int j = 0; j < 4; j++) {
            even.val[j] = vorrq_u8(even.val[j], vandq_u8(vtstq_u8(byte.val[j], even_bit), weight));
            odd.val[j] = vorrq_u8(odd.val[j], vandq_u8(vtstq_u8(byte.val[j], odd_bit), weight));
        }
    }
    store(b, even, value, mul);
    if (steps > 1)
        store(b + STEP, odd, value, mul);
}

/* A panel of 4 bits: a group's k steps are an even number, but for the last's. */
static void unpack_nibbles(const struct tern_codes *w, int8_t *b, int k4)
{
    const int8x16_t value = vld1q_s8(w->book->value);
    const int per_group = w->mul ? w->group : k4;
    const uint8_t *line = w->line, *mul = w->mul;
    for (int left = k4; left > 0; left -= per_group) {
        const uint8x16x4_t muls = tern_neon_spread(mul ? vld1q_u8(mul) : vdupq_n_u8(1));
        mul += mul ? TERN_PANEL : 0;
        int steps = left < per_group ? left : per_group;
        for (; steps >= 2; steps -= 2, b += 2 * STEP, line += TERN_LINE) {
            const uint8x16x4_t code = tern_neon_load_line(line);
            store(b, nibbles(code, 0), value, muls);
            store(b + STEP, nibbles(code, 1), value, muls);
        }
        if (steps)
            store(b, nibbles(tern_neon_load_line(line), 0), value, muls);
    }
}

/* One of planes. */
TERN_INLINE void unpack_panel(const struct tern_codes *w, int8_t *b, int k4, const int bits)
{
    const int8x16_t value = vld1q_s8(w->book->value);
    const int per_group = w->mul ? w->group : k4;
    const uint8_t *mul = w->mul;
    for (int step = 0; step < k4;) {
        const int end = k4 - step < per_group ? k4 : step + per_group;
        const uint8x16x4_t muls = tern_neon_spread(mul ? vld1q_u8(mul) : vdupq_n_u8(1));
        mul += mul ? TERN_PANEL : 0;
        for (; step < end; step += 2, b += 2 * STEP) {
            const int block = step / TERN_BLOCK_STEPS, within = step % TERN_BLOCK_STEPS;
            const uint8_t *const line = w->line + (ptrdiff_t)block * bits * TERN_LINE;
            unpack_planes(line + within / 2 * TERN_PANEL, b, k4 - step, value, muls, bits);
        }
    }
}

void tern_unpack_neon(const struct tern_codes *w, int8_t *b, int panels, int k4)
{
    for (int panel = 0; panel < panels; panel++, b += (ptrdiff_t)k4 * STEP) {
        const struct tern_codes at = tern_codes_at(w, panel, k4);
        switch (w->book->bits) {
        case 1: unpack_panel(&at, b, k4, 1); break;
        case 2: unpack_panel(&at, b, k4, 2); break;
        case 3: unpack_panel(&at, b, k4, 3); break;
        default: unpack_nibbles(&at, b, k4);
        }
    }
}
