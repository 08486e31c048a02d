/* Template: unpacks low-bit weights to int8, as unpack_avx512bw.c does, but with a part of a k step per register:
   VI_S32 channels x 4 inputs. Gives vi_unpack().

   Included by unpack_avx2.c and unpack_sse41.c, after their header of vectors. */
#ifndef TERN_X86_UNPACK_TEMPLATE_H
#define TERN_X86_UNPACK_TEMPLATE_H

enum { PARTS = TERN_LINE / VI_BYTES, AHEAD = 64 * TERN_LINE /* bytes */ };

/* VI_S32 channels' bytes to four each. */
static ALWAYS_INLINE vi four_of_each(const uint8_t *channels)
{
    const vi index = VI(mullo_epi32)(vi_iota32(), VI(set1_epi32)(0x01010101));
    return VI(shuffle_epi8)(vi_load_bytes(channels), index);
}

/* A group's multipliers: as 16-bit factors, and what they make of the offset. */
struct factors {
    vi mul, offset;
};

static ALWAYS_INLINE struct factors factors_of(const struct tern_codes *w, int group, int part)
{
    const vi offset = VI(set1_epi8)(w->book->offset);
    if (!w->mul) {
        const struct factors ones = {VI(set1_epi16)(1), offset};
        return ones;
    }
    const vi bytes = four_of_each(w->mul + (ptrdiff_t)group * TERN_PANEL + part * VI_S32);
    const vi mul = vi_and(bytes, VI(set1_epi16)(255));
    const struct factors f = {mul, VI(mullo_epi16)(offset, mul)};
    return f;
}

static ALWAYS_INLINE void put(int8_t *b, vi raised, struct factors f)
{
    vi_store(b, VI(sub_epi8)(VI(mullo_epi16)(raised, f.mul), f.offset));
}

/* A part of a panel's steps of a group. */
static ALWAYS_INLINE void nibble_group(const uint8_t *line, int8_t *b, int steps, vi value, struct factors f)
{
    const vi low = VI(set1_epi8)(15);
    for (; steps >= 2; steps -= 2, line += TERN_LINE, b += 2 * TERN_LINE) {
        const vi codes = vi_load(line), high = vi_and(VI(srli_epi16)(codes, 4), low);
        _mm_prefetch((const char *)((uintptr_t)line + AHEAD), _MM_HINT_T0); /* parts come as a pattern of their own */
        put(b, VI(shuffle_epi8)(value, vi_and(codes, low)), f);
        put(b + TERN_LINE, VI(shuffle_epi8)(value, high), f);
    }
    if (steps)
        put(b, VI(shuffle_epi8)(value, vi_and(vi_load(line), low)), f);
}

static void nibbles(const struct tern_codes *w, int8_t *b, int k4)
{
    const __m128i book = _mm_loadu_si128((const __m128i *)w->book->value);
    const vi value = vi_table(_mm_add_epi8(book, _mm_set1_epi8(w->book->offset)));
    const int group = w->mul ? w->group : k4;
    for (int k = 0; k < k4; k += group) {
        const uint8_t *line = w->line + (ptrdiff_t)k / 2 * TERN_LINE;
        const int steps = k + group < k4 ? group : k4 - k;
        for (int part = 0; part < PARTS; part++)
            nibble_group(line + part * VI_BYTES, b + (ptrdiff_t)k * TERN_LINE + part * VI_BYTES, steps, value,
                         factors_of(w, k / group, part));
    }
}

static ALWAYS_INLINE void planes(const struct tern_codes *w, int8_t *b, int k4, const int bits, int part)
{
    const vi even = VI(set1_epi32)(0x08040201), odd = VI(set1_epi32)((int)0x80402010);
    const vi slope = VI(set1_epi8)(w->book->step);
    struct factors f = factors_of(w, 0, part);
    for (int step = 0; step < k4; step++, b += TERN_LINE) {
        if (w->mul && step % w->group == 0)
            f = factors_of(w, step / w->group, part);
        const int within = step % TERN_BLOCK_STEPS;
        const uint8_t *line =
            w->line + (ptrdiff_t)(step / TERN_BLOCK_STEPS) * bits * TERN_LINE + within / 2 * TERN_PANEL + part * VI_S32;
        const vi bit = within % 2 ? odd : even;
        vi raised = vi_zero();
        TERN_UNROLL
        for (int plane = bits - 1; plane >= 0; plane--) {
            const vi set = VI(cmpeq_epi8)(vi_and(four_of_each(line + plane * TERN_LINE), bit), bit);
            raised = VI(add_epi8)(VI(add_epi8)(raised, raised), vi_and(set, slope));
        }
        put(b, raised, f);
    }
}

static ALWAYS_INLINE void vi_unpack(const struct tern_codes *w, int8_t *b, int panels, int k4)
{
    for (int p = 0; p < panels; p++, b += (ptrdiff_t)k4 * TERN_LINE) {
        const struct tern_codes panel = tern_codes_at(w, p, k4);
        if (w->book->bits == 4)
            nibbles(&panel, b, k4);
        for (int part = 0; part < PARTS; part++) {
            switch (w->book->bits) {
            case 1: planes(&panel, b + part * VI_BYTES, k4, 1, part); break;
            case 2: planes(&panel, b + part * VI_BYTES, k4, 2, part); break;
            case 3: planes(&panel, b + part * VI_BYTES, k4, 3, part); break;
            default: break;
            }
        }
    }
}

#endif
