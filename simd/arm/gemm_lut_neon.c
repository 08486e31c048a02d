/* Multiplies weights of 1 to 3 bits with NEON, by table look-up: a register of nibbles, sixteen channels of a k step,
   chooses sixteen sums of four activations with one tbl for their low parts and one for the high ones, 64 multiply-adds
   in two instructions (T-MAC: Wei et al., EuroSys 2025). What is left is to add cheaply: four low parts fit 8 bits, and
   so do the high parts of two blocks, before they are widened into 16 bits; those go into 32 bits once per segment of
   several blocks. The planes that meet the same tables are taken together: those of a panel, or of two panels of one
   bit each. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

enum {
    LOW_MOST = (1 << TERN_LUT_LOW_BITS) - 1,
    HIGH_LEAST = -(1 << (9 - TERN_LUT_LOW_BITS)), /* a sum of four is at least -508 */
    PLANES = 3,
    BLOCKS_BY_CODES = 128
};
_Static_assert(TERN_BLOCK_STEPS / 2 * LOW_MOST <= UINT8_MAX, "the low parts of half a block fit in 8 bits");
_Static_assert(TERN_BLOCK_STEPS * 2 * HIGH_LEAST >= INT8_MIN, "the high parts of two blocks fit in 8 bits");

/* Codes times activations of sixteen channels: low + 64 * high. */
struct sums {
    uint16x8_t low0, low1;
    int16x8_t high0, high1;
};

struct totals {
    int32x4_t c0, c4, c8, c12;
};

/* The constants that make a tile. */
struct kind {
    int bits, panels, grouped;
};

// clang-format off
/* Blocks until the sums are taken on. Without multipliers: what the low parts' 16 bits hold. With: a power of two, so
   that it divides a group, whose codes times activations fit in 16 bits. */
TERN_INLINE int segment_blocks(int bits, int grouped)
{
    return !grouped ? BLOCKS_BY_CODES / (1 << bits) : bits == 2 ? 2 : 1;
}
_Static_assert(BLOCKS_BY_CODES * TERN_BLOCK_STEPS * LOW_MOST <= UINT16_MAX, "a segment's low parts fit in 16 bits");
_Static_assert(2 * 3 * TERN_BLOCK_K * 127 <= INT16_MAX && 1 * 7 * TERN_BLOCK_K * 127 <= INT16_MAX,
               "a segment with a multiplier fits in 16 bits");
// clang-format on

TERN_INLINE struct sums add_low(struct sums s, uint8x16_t low, int shift)
{
    const uint8x8_t weight = vdup_n_u8((uint8_t)(1 << shift));
    s.low0 = shift ? vmlal_u8(s.low0, vget_low_u8(low), weight) : vaddw_u8(s.low0, vget_low_u8(low));
    s.low1 = shift ? vmlal_u8(s.low1, vget_high_u8(low), weight) : vaddw_u8(s.low1, vget_high_u8(low));
    return s;
}

TERN_INLINE struct sums add_high(struct sums s, int8x16_t high, int shift)
{
    const int8x8_t weight = vdup_n_s8((int8_t)(1 << shift));
    s.high0 = shift ? vmlal_s8(s.high0, vget_low_s8(high), weight) : vaddw_s8(s.high0, vget_low_s8(high));
    s.high1 = shift ? vmlal_s8(s.high1, vget_high_s8(high), weight) : vaddw_s8(s.high1, vget_high_s8(high));
    return s;
}

#ifdef __aarch64__
enum { BY_TWO = 1 };

/* The tables of a block's even or odd steps. */
struct tables {
    uint8x16x4_t low, high;
};

TERN_INLINE struct tables load_tables(const uint8_t **table)
{
    struct tables t;
    t.low = tern_neon_load_line(*table);
    *table += TERN_LINE;
    TERN_PIN_SCALAR(*table);
    t.high = tern_neon_load_line(*table);
    *table += TERN_LINE;
    TERN_PIN_SCALAR(*table);
    return t;
}

TERN_INLINE uint8x16x4_t nibbles(uint8x16x4_t code, int half)
{
    TERN_UNROLL
    for (int i = 0; i < 4; i++)
        code.val[i] = tern_neon_nibble(code.val[i], half);
    return code;
}

/* The sum of four choices, of low parts or of high ones. */
TERN_INLINE uint8x16_t choose(uint8x16x4_t table, uint8x16x4_t index)
{
    const uint8x16_t s0 = vqtbl1q_u8(table.val[0], index.val[0]), s1 = vqtbl1q_u8(table.val[1], index.val[1]);
    const uint8x16_t s2 = vqtbl1q_u8(table.val[2], index.val[2]), s3 = vqtbl1q_u8(table.val[3], index.val[3]);
    return vaddq_u8(vaddq_u8(s0, s1), vaddq_u8(s2, s3));
}

/* One block or two: their planes lie `apart`. The codes are loaded for each half again, as two panels' sums and one set
   of tables leave no registers for them. */
TERN_INLINE void mac(struct sums *s, const uint8_t **table, const uint8_t *line, ptrdiff_t apart, int blocks,
                     struct kind kind)
{
    const int planes = kind.bits * kind.panels, last = 2 * blocks - 1;
    uint8x16_t high[PLANES];
    TERN_UNROLL
    for (int half = 0; half <= last; half++) {
        const struct tables t = load_tables(table);
        TERN_UNROLL
        for (int i = 0; i < planes; i++) {
            struct sums *const sum = &s[kind.panels == 1 ? 0 : i];
            const int shift = kind.panels == 1 ? i : 0;
            TERN_KEEP_ORDER();
            const uint8_t *const code = line + half / 2 * kind.bits * TERN_LINE + i * apart;
            const uint8x16x4_t index = nibbles(tern_neon_load_line(code), half % 2);
            *sum = add_low(*sum, choose(t.low, index), shift);
            high[i] = half ? vaddq_u8(high[i], choose(t.high, index)) : choose(t.high, index);
            TERN_PIN(high[i]);
            if (half == last)
                *sum = add_high(*sum, vreinterpretq_s8_u8(high[i]), shift);
        }
    }
}

#else
/* Sixteen registers hold no set of tables: they are taken one by one, for one plane at a time. */
enum { BY_TWO = 0 };

TERN_INLINE uint8x16_t next(const uint8_t **p)
{
    const uint8x16_t v = vld1q_u8(*p);
    *p += 16;
    TERN_PIN_SCALAR(*p);
    return v;
}

TERN_INLINE struct sums mac_plane(struct sums s, const uint8_t *table, const uint8_t *line, int shift)
{
    const uint8_t *table_high = table + TERN_LINE;
    uint8x16_t high = vdupq_n_u8(0);
    TERN_UNROLL
    for (int half = 0; half < 2; half++, table += TERN_LINE, table_high += TERN_LINE, line -= TERN_LINE) {
        uint8x16_t low = vdupq_n_u8(0);
        TERN_UNROLL
        for (int i = 0; i < TERN_BLOCK_STEPS / 2; i++) {
            const uint8x16_t index = tern_neon_nibble(next(&line), half);
            low = vaddq_u8(low, vqtbl1q_u8(next(&table), index));
            high = vaddq_u8(high, vqtbl1q_u8(next(&table_high), index));
            TERN_PIN(low);
            TERN_PIN(high);
        }
        s = add_low(s, low, shift);
    }
    return add_high(s, vreinterpretq_s8_u8(high), shift);
}

TERN_INLINE void mac(struct sums *s, const uint8_t **table, const uint8_t *line, ptrdiff_t apart, int blocks,
                     struct kind kind)
{
    for (int block = 0; block < blocks; block++, *table += TERN_LUT_BLOCK, line += kind.bits * TERN_LINE) {
        TERN_UNROLL
        for (int i = 0; i < kind.bits; i++)
            *s = mac_plane(*s, *table, line + i * apart, i);
    }
}
#endif

TERN_INLINE int32x4_t add_unsigned(int32x4_t sum, uint16x4_t x)
{
    return vreinterpretq_s32_u32(vaddw_u16(vreinterpretq_u32_s32(sum), x));
}

/* total + low + 64 * high */
TERN_INLINE struct totals gather(struct totals t, struct sums s)
{
    const int16_t weight = 1 << TERN_LUT_LOW_BITS;
    t.c0 = add_unsigned(vmlal_n_s16(t.c0, vget_low_s16(s.high0), weight), vget_low_u16(s.low0));
    t.c4 = add_unsigned(vmlal_n_s16(t.c4, vget_high_s16(s.high0), weight), vget_high_u16(s.low0));
    t.c8 = add_unsigned(vmlal_n_s16(t.c8, vget_low_s16(s.high1), weight), vget_low_u16(s.low1));
    t.c12 = add_unsigned(vmlal_n_s16(t.c12, vget_high_s16(s.high1), weight), vget_high_u16(s.low1));
    return t;
}

/* step * total - offset * sum */
TERN_INLINE struct totals finish(struct totals t, const struct tern_codebook *book, int32_t sum)
{
    const int32x4_t less = vdupq_n_s32(-book->offset * sum);
    t.c0 = vmlaq_n_s32(less, t.c0, book->step);
    t.c4 = vmlaq_n_s32(less, t.c4, book->step);
    t.c8 = vmlaq_n_s32(less, t.c8, book->step);
    t.c12 = vmlaq_n_s32(less, t.c12, book->step);
    return t;
}

/* total + mul * (step * codes - offset * sum): the codes' sums fit in 16 bits, and so do the activations'. */
TERN_INLINE struct totals settle(struct totals t, struct sums s, const struct tern_codebook *book, uint8x16_t mul,
                                 int32_t sum)
{
    const int16x8_t codes0 = vaddq_s16(vreinterpretq_s16_u16(s.low0), vshlq_n_s16(s.high0, TERN_LUT_LOW_BITS));
    const int16x8_t codes1 = vaddq_s16(vreinterpretq_s16_u16(s.low1), vshlq_n_s16(s.high1, TERN_LUT_LOW_BITS));
    const int16x8_t mul0 = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(mul)));
    const int16x8_t mul1 = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(mul)));
    const int16x8_t step0 = vmulq_n_s16(mul0, book->step), step1 = vmulq_n_s16(mul1, book->step);
    const int16x8_t less0 = vmulq_n_s16(mul0, book->offset), less1 = vmulq_n_s16(mul1, book->offset);
    const int16x8_t all = vdupq_n_s16((int16_t)sum);
    t.c0 = vmlal_s16(t.c0, vget_low_s16(codes0), vget_low_s16(step0));
    t.c0 = vmlsl_s16(t.c0, vget_low_s16(less0), vget_low_s16(all));
    t.c4 = vmlsl_high_s16(vmlal_high_s16(t.c4, codes0, step0), less0, all);
    t.c8 = vmlal_s16(t.c8, vget_low_s16(codes1), vget_low_s16(step1));
    t.c8 = vmlsl_s16(t.c8, vget_low_s16(less1), vget_low_s16(all));
    t.c12 = vmlsl_high_s16(vmlal_high_s16(t.c12, codes1, step1), less1, all);
    return t;
}

TERN_INLINE void store(int32_t *c, struct totals t)
{
    vst1q_s32(c, t.c0);
    vst1q_s32(c + 4, t.c4);
    vst1q_s32(c + 8, t.c8);
    vst1q_s32(c + 12, t.c12);
}

/* One row by one panel, or two of 1 bit without multipliers. */
TERN_INLINE void tile(const uint8_t *table, const int32_t *sum, const struct tern_codes *w, int32_t *c, int k4,
                      struct kind kind)
{
    const int blocks = tern_blocks(k4), per_group = kind.grouped ? w->group / TERN_BLOCK_STEPS : blocks;
    const int segment = segment_blocks(kind.bits, kind.grouped), most = segment < per_group ? segment : per_group;
    const ptrdiff_t apart = kind.panels == 1 ? TERN_LINE : (ptrdiff_t)blocks * TERN_LINE;
    const struct totals none = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    struct totals total[2] = {none, none};
    const uint8_t *const line = w->line, *mul = w->mul;
    int32_t all = 0;
    for (int at = 0; at < blocks;) {
        const int end = blocks - at < most ? blocks : at + most;
        const struct sums zero = {vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_s16(0), vdupq_n_s16(0)};
        struct sums s[2] = {zero, zero};
        all = kind.grouped ? 0 : all;
        int i = at;
        for (; BY_TWO && segment > 1 && i + 2 <= end; i += 2) {
            mac(s, &table, line + i * kind.bits * TERN_LINE, apart, 2, kind);
            all += sum[i] + sum[i + 1];
        }
        for (; i < end; i++) {
            mac(s, &table, line + i * kind.bits * TERN_LINE, apart, 1, kind);
            all += sum[i];
        }
        TERN_UNROLL
        for (int panel = 0; panel < kind.panels; panel++)
            total[panel] = kind.grouped ? settle(total[panel], s[panel], w->book, vld1q_u8(mul), all)
                                        : gather(total[panel], s[panel]);
        at += most;
        if (kind.grouped && (at & (per_group - 1)) == 0) /* a power of two */
            mul += TERN_PANEL;
    }
    TERN_UNROLL
    for (int i = 0; i < kind.panels; i++)
        store(c + i * TERN_PANEL, kind.grouped ? total[i] : finish(total[i], w->book, all));
}

typedef void tile_fn(const uint8_t *table, const int32_t *sum, const struct tern_codes *w, int32_t *c, int k4);

// clang-format off
#define TILE(name, bits, panels, grouped)                                                                              \
    static void name(const uint8_t *table, const int32_t *sum, const struct tern_codes *w, int32_t *c, int k4)         \
    {                                                                                                                  \
        tile(table, sum, w, c, k4, (struct kind){bits, panels, grouped});                                              \
    }
TILE(plain_1, 1, 1, 0) TILE(plain_2, 2, 1, 0) TILE(plain_3, 3, 1, 0) TILE(plain_1_by_2, 1, 2, 0)
TILE(grouped_2, 2, 1, 1) TILE(grouped_3, 3, 1, 1)
/* No format of one bit has multipliers. */
static tile_fn *const tiles[2][PLANES] = {{plain_1, plain_2, plain_3}, {NULL, grouped_2, grouped_3}};
// clang-format on

/* Every row meets a panel, or two, while it is in the cache. */
void tern_gemm_lut_neon(const uint8_t *table, ptrdiff_t ld_table, const int32_t *sum, ptrdiff_t ld_sum,
                        const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4)
{
    const int grouped = w->mul != NULL, bits = w->book->bits;
    for (int panel = 0; panel < panels;) {
        const int two = BY_TWO && bits == 1 && !grouped && panels - panel >= 2;
        tile_fn *const one_row = two ? plain_1_by_2 : tiles[grouped][bits - 1];
        const struct tern_codes at = tern_codes_at(w, panel, k4);
        for (int i = 0; i < m; i++)
            one_row(table + i * ld_table, sum + i * ld_sum, &at, c + i * ld_c + panel * TERN_PANEL, k4);
        panel += 1 + two;
    }
}
