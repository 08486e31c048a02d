/* Template: how gemm_bounded_template.h lays rows of activations and panels of weights out. Weights become unsigned
   by adding GEMM_BOUND, so that pmaddubsw takes them beside signed activations as they are; its sums of two products
   are added in 16 bits over DEEP_STEPS k steps before they are widened. Neither pmaddubsw nor a sum leaves 16 bits
   where the positive activations that meet there add up to at most 32767 / (2 GEMM_BOUND), and the negative ones too.
   Where they do not, the step with the largest magnitudes is left out: it counts as 0, and is multiplied alone. Gives
   lay_out(), weights() and add_alone().

   Parameters, before this is included:
     GEMM_BOUND               the weights' largest magnitude: 127, 63 or 31
     DEEP_STEPS               k steps that are added in 16 bits: 2, 4 or 8, and at most those of a register
     ROW_BLOCK, DEEP_BLOCK    rows that are laid out together, and k steps
   after bounded_128.h, bounded_256.h or bounded_512.h. Included by gemm_s8, gemm_s7 and gemm_s6 of SSE4.1, AVX2 and
   AVX-512BW. */
#ifndef TERN_X86_DEEP_TEMPLATE_H
#define TERN_X86_DEEP_TEMPLATE_H

#define LOADED VI_S32                         /* k steps in a register of activations */
#define LD_A (DEEP_BLOCK * TERN_PANEL_K + 40) /* rows begin in different banks of L1 */
#define AHEAD (24 * STEP)                     /* of the weights, which a first tile asks for so far ahead */
#define MOST_SUM (32767 / (2 * GEMM_BOUND))   /* of the activations of one sign whose products are added in 16 bits */
#define FLIP_AT 6                             /* of so many steps one left out is the most */
#define LOOK_ROWS 4                           /* rows that are looked at before it is said that they are too many */
enum { REGISTERS = STEP / VI_BYTES };         /* of weights of a k step */
_Static_assert(MOST_SUM >= 127, "the products of one input fit");
_Static_assert(DEEP_BLOCK <= UINT8_MAX, "a step's number is a byte");
_Static_assert(DEEP_BLOCK <= K_BLOCK, "flipped signs take as many steps");
_Static_assert(2 * 127 * 127 <= INT16_MAX, "a step alone does not saturate");
_Static_assert(DEEP_BLOCK % LOADED == 0 && LOADED % DEEP_STEPS == 0, "a row is whole registers of whole sums");

struct deep_rows {
    int8_t a[ROW_BLOCK * LD_A];                      /* [row][k step], filled up with 0 to whole registers */
    int32_t less[ROW_BLOCK];                         /* of each row: what the bound brings, negated */
    int alone[ROW_BLOCK];                            /* of each row: steps that are left out */
    uint8_t at[ROW_BLOCK * DEEP_BLOCK];              /* [row]: which they are */
    _Alignas(VI_BYTES) uint8_t b[DEEP_BLOCK * STEP]; /* a panel's weights with the bound added */
};

/* A register of weights. A panel's first tile adds the bound, and keeps what that gives. */
static ALWAYS_INLINE vi weights(const uint8_t *b, uint8_t *copy, const int ready)
{
    vi bound = VI(set1_epi8)(GEMM_BOUND);
    if (ready)
        return vi_load(b);
    TERN_PIN(bound); /* loaded again each time: no register is left for it */
    const vi w = VI(add_epi8)(bound, vi_load(b));
    vi_store(copy, w);
    return w;
}

/* The sums of 16 bits, or the largest number of 32, of DEEP_STEPS k steps, in all lanes of these steps. */
static ALWAYS_INLINE vi over_steps(vi x)
{
    x = VI(add_epi16)(x, VI(shuffle_epi32)(x, 0xB1));
    if (DEEP_STEPS >= 4)
        x = VI(add_epi16)(x, VI(shuffle_epi32)(x, 0x4E));
    return DEEP_STEPS >= 8 ? VI(add_epi16)(x, vi_swap_lanes(x)) : x;
}
static ALWAYS_INLINE vi largest_step(vi x)
{
    x = VI(max_epi32)(x, VI(shuffle_epi32)(x, 0xB1));
    if (DEEP_STEPS >= 4)
        x = VI(max_epi32)(x, VI(shuffle_epi32)(x, 0x4E));
    return DEEP_STEPS >= 8 ? VI(max_epi32)(x, vi_swap_lanes(x)) : x;
}

/* Leaves steps of x out until all sums fit, the largest of each sum in each round. Returns the others, their sums in
 *sum, and bits that say which were left out. The first round is done without a look where most registers need one. */
static ALWAYS_INLINE vi fitting(vi x, vi *sum, unsigned *bits)
{
    const vi zero = vi_zero(), ones = VI(set1_epi8)(1), ones16 = VI(set1_epi16)(1);
    *bits = 0;
    for (int look = GEMM_BOUND < 127;; look = 1) {
        const vi both = VI(maddubs_epi16)(VI(abs_epi8)(x), ones);
        const vi up = VI(maddubs_epi16)(VI(max_epi8)(x, zero), ones), down = VI(sub_epi16)(both, up);
        const vi over = vi_greater16(VI(max_epi16)(over_steps(up), over_steps(down)), VI(set1_epi16)(MOST_SUM));
        if (look && vi_is_zero(over)) {
            *sum = VI(add_epi32)(*sum, VI(madd_epi16)(VI(sub_epi16)(up, down), ones16));
            return x;
        }
        const vi magnitude = VI(madd_epi16)(both, ones16);
        const vi leave = vi_andnot(vi_equal32(over, zero), vi_equal32(magnitude, largest_step(magnitude)));
        *bits |= vi_tops32(leave);
        x = vi_andnot(leave, x);
    }
}

/* Lays out `steps` k steps of a row. Returns how many are left out. */
static int lay_out_row(struct deep_rows *r, int row, const int8_t *from, int steps)
{
    int8_t *const to = r->a + row * LD_A;
    uint8_t *const first = r->at + row * DEEP_BLOCK, *at = first;
    vi sum = vi_zero();
    for (int k = 0; k < steps; k += LOADED) {
        const int four = k * TERN_PANEL_K;
        const vi x = steps - k >= LOADED ? vi_load(from + four) : vi_load_first(from + four, steps - k);
        unsigned bits;
        vi_store(to + four, fitting(x, &sum, &bits));
        for (; bits; bits &= bits - 1)
            *at++ = (uint8_t)(k + __builtin_ctz(bits));
    }
    r->less[row] = -GEMM_BOUND * (int32_t)vi_sum_s32(sum);
    return r->alone[row] = (int)(at - first);
}

/* Lays out a block of rows. Returns 0 as soon as it is clear that too many steps are left out. */
static int lay_out(struct deep_rows *r, const int8_t *a, ptrdiff_t ld_a, int rows, int steps)
{
    int alone = 0;
    for (int i = 0; i < rows; i++) {
        alone += lay_out_row(r, i, a + i * ld_a, steps);
        const int counted = i + LOOK_ROWS < rows ? i + LOOK_ROWS : rows;
        if (alone * FLIP_AT > counted * steps)
            return 0;
    }
    return 1;
}

/* Adds the products of the steps of a row that are left out, magnitudes by weights with their signs. Two panels at a
   time, which share what is made of an activation; the length of the inner loop stays the same for all of them, and the
   CPU foretells its end. */
static void add_alone(const struct deep_rows *r, int row, const int8_t *a, const int8_t *b, ptrdiff_t ld_b, int32_t *c,
                      int panels)
{
    const uint8_t *const at = r->at + row * DEEP_BLOCK, *const end = at + r->alone[row];
    const vi ones = VI(set1_epi16)(1);
    for (int p = 0; at < end && p < panels; p += 2, b += 2 * ld_b, c += 2 * TERN_PANEL) {
        const int last = p + 1 == panels; /* stands for both of the pair */
        const int8_t *const w[2] = {b, last ? b : b + ld_b};
        int32_t *const to[2] = {c, last ? c : c + TERN_PANEL};
        vi sum[2 * REGISTERS];
        TERN_UNROLL
        for (int i = 0; i < 2 * REGISTERS; i++)
            sum[i] = vi_load(to[i / REGISTERS] + i % REGISTERS * VI_S32);
        for (const uint8_t *step = at; step < end; step++) {
            const vi x = vi_four(a + *step * TERN_PANEL_K), magnitude = VI(abs_epi8)(x);
            TERN_UNROLL
            for (int i = 0; i < 2 * REGISTERS; i++) {
                const vi y = vi_load(w[i / REGISTERS] + *step * STEP + i % REGISTERS * VI_BYTES);
                const vi words = VI(maddubs_epi16)(magnitude, vi_with_sign8(y, x));
                sum[i] = VI(add_epi32)(sum[i], VI(madd_epi16)(words, ones));
            }
        }
        TERN_UNROLL
        for (int i = 0; i < 2 * REGISTERS; i++)
            vi_store(to[i / REGISTERS] + i % REGISTERS * VI_S32, sum[i]);
    }
}

struct deep_tile {
    struct deep_rows *rows;
    const int8_t *b, *ahead; /* the weights; those of the next panel */
    int32_t *c;
    ptrdiff_t ld_c;
    int first, k4, add; /* the row; add to what c holds, from the earlier k steps */
};

#endif
