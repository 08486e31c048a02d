/* Template: gemm_s4's walk over rows and parts of panels, a register of VI_S32 channels each; gives gemm_s4().

   Parameters, which the kernel defines after it has included this, from struct tile and ALL_ROWS:
     static ALWAYS_INLINE void tile(const struct tile *t, const int rows)      a part of a panel by up to ROWS rows
     static ALWAYS_INLINE int depth_of(int group)      k steps at a time, whole groups and at most GROUPS of them
     static ALWAYS_INLINE void lay_out(struct tile *t, int rows)      brings t->steps steps of the rows from t->a on to
                                                                      the form that `tile` wants, in t->laid
   Included by gemm_s4_avxvnni.c and gemm_s4_words_template.h, after a header of vectors. */
#ifndef TERN_X86_GEMM_S4_WALK_TEMPLATE_H
#define TERN_X86_GEMM_S4_WALK_TEMPLATE_H

enum {
    ROWS = 4,
    GROUPS = 64, /* whose activations' sums are kept at a time */
    PARTS = TERN_LINE / VI_BYTES,
    AHEAD = 64 * TERN_LINE, /* bytes: parts of lines come as a pattern that needs the prefetch */
};

struct tile {
    const int8_t *a;
    ptrdiff_t ld_a;
    int8_t *laid;
    const uint8_t *line, *mul; /* of a part of a panel */
    int32_t *c;
    ptrdiff_t ld_c;
    const int32_t *start;  /* [rows][GROUPS] -offset * (sum of a group's activations) */
    vi value;              /* value + offset of each code */
    int steps, group, add; /* k steps, k steps of a group; add to what c holds */
};

// clang-format off
#define ALL_ROWS(do) do(0) do(1) do(2) do(3)
// clang-format on

static ALWAYS_INLINE void tile(const struct tile *t, const int rows);
static ALWAYS_INLINE int depth_of(int group);
static ALWAYS_INLINE void lay_out(struct tile *t, int rows);

/* VI_S32 channels' multipliers, in 32 bits. */
static ALWAYS_INLINE vi multipliers(const uint8_t *mul)
{
    return mul ? vi_load_u8(mul) : VI(set1_epi32)(1);
}

/* Sum of n activations, n a multiple of 4. */
static int32_t sum_of(const int8_t *a, int n)
{
    vi sum = vi_zero();
    int32_t rest = 0;
    int i = 0;
    for (; i + VI_S16 <= n; i += VI_S16)
        sum = VI(add_epi32)(sum, VI(madd_epi16)(vi_load_s8(a + i), VI(set1_epi16)(1)));
    for (; i < n; i++)
        rest += a[i];
    return rest + (int32_t)vi_sum_s32(sum);
}

typedef void tile_fn(const struct tile *t);

// clang-format off
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows);                                                                                                 \
    }
TILE(1) TILE(2) TILE(3) TILE(4)
static tile_fn *const tiles[ROWS] = {tile_1, tile_2, tile_3, tile_4};
// clang-format on

/* The starts of up to ROWS rows, t->steps steps from t->a on. */
static void make_starts(const struct tile *t, int32_t *start, int rows, int offset)
{
    for (int i = 0; i < rows; i++)
        for (int step = 0; step < t->steps; step += t->group) {
            const int count = t->steps - step < t->group ? t->steps - step : t->group;
            const int8_t *a = t->a + i * t->ld_a + step * TERN_PANEL_K;
            start[i * GROUPS + step / t->group] = -offset * sum_of(a, count * TERN_PANEL_K);
        }
}

/* Up to ROWS rows by all panels, GROUPS groups at a time. */
static void few_rows(struct tile t, const struct tern_codes *w, int rows, int panels, int k4)
{
    int32_t start[ROWS * GROUPS];
    const int depth = depth_of(t.group);
    const int8_t *a = t.a;
    const ptrdiff_t ld_a = t.ld_a;
    int32_t *c = t.c;
    t.start = start;
    for (int k = 0, first = 0; k < k4; k += depth, first += depth / t.group) {
        t.steps = k4 - k < depth ? k4 - k : depth;
        t.add = k > 0;
        t.a = a + (ptrdiff_t)k * TERN_PANEL_K;
        t.ld_a = ld_a;
        make_starts(&t, start, rows, w->book->offset);
        lay_out(&t, rows);
        for (int i = 0; i < PARTS * panels; i++) {
            const int part = i % PARTS;
            const struct tern_codes panel = tern_codes_at(w, i / PARTS, k4);
            t.line = panel.line + (ptrdiff_t)(k / 2) * TERN_LINE + part * VI_BYTES;
            t.mul = panel.mul ? panel.mul + first * TERN_PANEL + part * VI_S32 : NULL;
            t.c = c + i * VI_S32;
            tiles[rows - 1](&t);
        }
    }
}

static ALWAYS_INLINE void gemm_s4(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c,
                                  ptrdiff_t ld_c, int m, int panels, int k4, int8_t *laid)
{
    const __m128i book = _mm_loadu_si128((const __m128i *)w->book->value);
    struct tile t = {.ld_a = ld_a, .laid = laid, .ld_c = ld_c, .group = w->mul ? w->group : 32};
    t.value = vi_table(_mm_add_epi8(book, _mm_set1_epi8(w->book->offset)));
    const struct tern_tiling tiling = tern_tiling_of(m, ROWS);
    for (int block = 0, i = 0, rows; block < tiling.tiles; block++, i += rows) {
        rows = tern_tile_rows(tiling, block);
        t.a = a + i * ld_a;
        t.c = c + i * ld_c;
        few_rows(t, w, rows, panels, k4);
    }
}

#endif
