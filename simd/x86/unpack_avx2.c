/* Unpacks low-bit weights to int8 with AVX2, as unpack_avx512bw.c does, but with half a k step per register: 8 channels
   x 4 inputs. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

enum { HALF = TERN_LINE / 2, AHEAD = 64 * TERN_LINE /* bytes */ };

/* Eight channels' bytes to four each. */
static ALWAYS_INLINE __m256i four_of_each(const uint8_t *channels)
{
    const __m256i index = _mm256_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6,
                                           6, 6, 7, 7, 7, 7);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadl_epi64((const __m128i *)channels)), index);
}

/* A group's multipliers: as 16-bit factors, and what they make of the offset. */
struct factors {
    __m256i mul, offset;
};

static ALWAYS_INLINE struct factors factors_of(const struct tern_codes *w, int group, int half)
{
    const __m256i offset = _mm256_set1_epi8(w->book->offset);
    if (!w->mul) {
        const struct factors ones = {_mm256_set1_epi16(1), offset};
        return ones;
    }
    const __m256i bytes = four_of_each(w->mul + (ptrdiff_t)group * TERN_PANEL + half * TERN_PANEL / 2);
    const __m256i mul = _mm256_and_si256(bytes, _mm256_set1_epi16(255));
    const struct factors f = {mul, _mm256_mullo_epi16(offset, mul)};
    return f;
}

static ALWAYS_INLINE void put(int8_t *b, __m256i raised, struct factors f)
{
    tern_store256(b, _mm256_sub_epi8(_mm256_mullo_epi16(raised, f.mul), f.offset));
}

/* Half a panel's steps of a group. */
static ALWAYS_INLINE void nibble_group(const uint8_t *line, int8_t *b, int steps, __m256i value, struct factors f)
{
    const __m256i low = _mm256_set1_epi8(15);
    for (; steps >= 2; steps -= 2, line += TERN_LINE, b += 2 * TERN_LINE) {
        const __m256i codes = tern_load256(line), high = _mm256_and_si256(_mm256_srli_epi16(codes, 4), low);
        _mm_prefetch((const char *)((uintptr_t)line + AHEAD), _MM_HINT_T0); /* halves come as a pattern of their own */
        put(b, _mm256_shuffle_epi8(value, _mm256_and_si256(codes, low)), f);
        put(b + TERN_LINE, _mm256_shuffle_epi8(value, high), f);
    }
    if (steps)
        put(b, _mm256_shuffle_epi8(value, _mm256_and_si256(tern_load256(line), low)), f);
}

static void nibbles(const struct tern_codes *w, int8_t *b, int k4)
{
    const __m128i book = _mm_loadu_si128((const __m128i *)w->book->value);
    const __m256i value = _mm256_broadcastsi128_si256(_mm_add_epi8(book, _mm_set1_epi8(w->book->offset)));
    const int group = w->mul ? w->group : k4;
    for (int k = 0; k < k4; k += group) {
        const uint8_t *line = w->line + (ptrdiff_t)k / 2 * TERN_LINE;
        const int steps = k + group < k4 ? group : k4 - k;
        for (int half = 0; half < 2; half++)
            nibble_group(line + half * HALF, b + (ptrdiff_t)k * TERN_LINE + half * HALF, steps, value,
                         factors_of(w, k / group, half));
    }
}

static ALWAYS_INLINE void planes(const struct tern_codes *w, int8_t *b, int k4, const int bits, int half)
{
    const __m256i even = _mm256_set1_epi32(0x08040201), odd = _mm256_set1_epi32((int)0x80402010);
    const __m256i slope = _mm256_set1_epi8(w->book->step);
    struct factors f = factors_of(w, 0, half);
    for (int step = 0; step < k4; step++, b += TERN_LINE) {
        if (w->mul && step % w->group == 0)
            f = factors_of(w, step / w->group, half);
        const int within = step % TERN_BLOCK_STEPS;
        const uint8_t *line = w->line + (ptrdiff_t)(step / TERN_BLOCK_STEPS) * bits * TERN_LINE +
                              within / 2 * TERN_PANEL + half * TERN_PANEL / 2;
        const __m256i bit = within % 2 ? odd : even;
        __m256i raised = _mm256_setzero_si256();
        TERN_UNROLL
        for (int plane = bits - 1; plane >= 0; plane--) {
            const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(four_of_each(line + plane * TERN_LINE), bit), bit);
            raised = _mm256_add_epi8(_mm256_add_epi8(raised, raised), _mm256_and_si256(set, slope));
        }
        put(b, raised, f);
    }
}

void tern_unpack_avx2(const struct tern_codes *w, int8_t *b, int panels, int k4)
{
    for (int p = 0; p < panels; p++, b += (ptrdiff_t)k4 * TERN_LINE) {
        const struct tern_codes panel = tern_codes_at(w, p, k4);
        if (w->book->bits == 4)
            nibbles(&panel, b, k4);
        for (int half = 0; half < 2; half++) {
            switch (w->book->bits) {
            case 1: planes(&panel, b + half * HALF, k4, 1, half); break;
            case 2: planes(&panel, b + half * HALF, k4, 2, half); break;
            case 3: planes(&panel, b + half * HALF, k4, 3, half); break;
            default: break;
            }
        }
    }
}
