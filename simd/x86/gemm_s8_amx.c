/* Multiplies int8 matrices on AMX tiles. A weight panel as the file has it is a column of B tiles: 16 k steps are 16
   rows of 64 bytes, 16 channels x 4 inputs each. A tile of activations is 16 rows x 64 k. TDPBSSD multiplies signed by
   signed bytes and wraps in int32, so nothing has to be corrected.

   Two A tiles and two B tiles feed four of C: four products (16 cycles each) for four loads (8 cycles each; Intel 64
   and IA-32 Architectures Optimization Reference Manual, AMX chapter). LDTILECFG zeroes every tile and costs as much as
   several products, so one configuration serves a call: from 16 rows on every tile is full, the last ones overlapping
   those before (the same values are stored twice); what K leaves after whole tiles is copied into tiles padded with
   zeros. */
#if !defined __AMX_INT8__ && !defined __AMXINT8__ /* gcc's name, clang 14's */
#error "compile with -mamx-tile -mamx-int8"
#endif
#include "simd/table.h"
#include "simd/x86/amx.h"

#include <string.h>

enum {
    TILE = TERN_AMX_ROWS, /* rows of A and C, k steps of B */
    LINE = TERN_AMX_LINE,
    TILE_BYTES = TILE * LINE,
    STEP = TERN_PANEL * TERN_PANEL_K, /* bytes of a panel per k step */
    ROW_CHUNK = 128,                  /* rows whose K tail is kept; a multiple of 2 * TILE */
};

/* Tile numbers: C of A tile i and panel j is 2 i + j. Macros, as gcc's intrinsics paste them into assembly. */
#define A0 4
#define A1 5
#define B0 6
#define B1 7

/* The operands of one pair of panels, as its tiles read them. Without a tail tail_k is 0. */
struct operands {
    const int8_t *a; /* [rows][ld_a] */
    ptrdiff_t ld_a;
    const int8_t *a_tail; /* [rows][LINE] */
    const int8_t *b0, *b1;
    const int8_t *b_tail; /* two tiles */
    int full_k, tail_k;   /* k tiles */
};

/* Weights to bring into L2: `lines` after each k tile. */
struct ahead {
    const char *next;
    int lines;
};

static inline void bring(struct ahead *ahead)
{
    for (int i = 0; i < ahead->lines; i++, ahead->next += LINE)
        _mm_prefetch(ahead->next, _MM_HINT_T1);
}

/* Rows `first` and, if it is not below 0, `second` on, by two panels. */
#define PRODUCTS(pair, a_base, a_stride, b0_base, b1_base)                                                             \
    _tile_loadd(B0, b0_base, LINE);                                                                                    \
    _tile_loadd(A0, (a_base) + first * (a_stride), a_stride);                                                          \
    _tile_loadd(B1, b1_base, LINE);                                                                                    \
    _tile_dpbssd(0, A0, B0);                                                                                           \
    _tile_dpbssd(1, A0, B1);                                                                                           \
    if (pair) {                                                                                                        \
        _tile_loadd(A1, (a_base) + second * (a_stride), a_stride);                                                     \
        _tile_dpbssd(2, A1, B0);                                                                                       \
        _tile_dpbssd(3, A1, B1);                                                                                       \
    }

static inline __attribute__((always_inline)) void multiply(const struct operands *o, const int pair, int first,
                                                           int second, struct ahead *ahead)
{
    _tile_zero(0);
    _tile_zero(1);
    if (pair) {
        _tile_zero(2);
        _tile_zero(3);
    }
    const int8_t *a = o->a, *b0 = o->b0, *b1 = o->b1;
    for (int k = 0; k < o->full_k; k++, a += LINE, b0 += TILE_BYTES, b1 += TILE_BYTES) {
        PRODUCTS(pair, a, o->ld_a, b0, b1)
        bring(ahead);
    }
    if (o->tail_k) {
        PRODUCTS(pair, o->a_tail, LINE, o->b_tail, o->b_tail + TILE_BYTES)
    }
}

static inline void store(int pair, int two_panels, int32_t *c, ptrdiff_t ld_c, int first, int second)
{
    const ptrdiff_t stride = ld_c * (ptrdiff_t)sizeof *c;
    int32_t *c0 = c + first * ld_c, *c1 = c + second * ld_c;
    _tile_stored(0, c0, stride);
    if (two_panels)
        _tile_stored(1, c0 + TERN_PANEL, stride);
    if (pair)
        _tile_stored(2, c1, stride);
    if (pair && two_panels)
        _tile_stored(3, c1 + TERN_PANEL, stride);
}

/* The last steps of K, fewer than a tile's, padded with zeros. */
static void copy_tail(int8_t *to, const int8_t *from, ptrdiff_t ld, int rows, int bytes)
{
    for (int i = 0; i < rows; i++, to += LINE, from += ld) {
        memset(to, 0, LINE);
        memcpy(to, from, (size_t)bytes);
    }
}

static void copy_weight_tail(int8_t *to, const int8_t *from, int steps)
{
    memcpy(to, from, (size_t)steps * STEP);
    memset(to + steps * STEP, 0, (size_t)(TILE - steps) * STEP);
}

/* m <= ROW_CHUNK rows, in tiles of `rows`; each pair of panels meets all of them while the next pair is brought in. A
   last panel alone stands in for its own neighbour, whose products are not stored. */
static void row_chunk(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int rows,
                      int panels, int k4, struct tern_ahead hint)
{
    int8_t a_tail[ROW_CHUNK * LINE], b_tail[2 * TILE_BYTES];
    const int full = k4 / TILE, tail = k4 % TILE, tiles = (m + rows - 1) / rows, blocks = (tiles + 1) / 2;
    const ptrdiff_t panel = (ptrdiff_t)k4 * STEP;
    if (tail)
        copy_tail(a_tail, a + full * LINE, ld_a, m, tail * TERN_PANEL_K);
    for (int p = 0; p < panels; p += 2, b += 2 * panel, c += 2 * TERN_PANEL) {
        const int two_panels = p + 1 < panels;
        const struct operands o = {a, ld_a, a_tail, b, two_panels ? b + panel : b, b_tail, full, tail > 0};
        if (tail) {
            copy_weight_tail(b_tail, o.b0 + (ptrdiff_t)full * TILE_BYTES, tail);
            copy_weight_tail(b_tail + TILE_BYTES, o.b1 + (ptrdiff_t)full * TILE_BYTES, tail);
            TERN_KEEP_ORDER();
        }
        struct ahead ahead = {(const char *)((uintptr_t)hint.at + (uintptr_t)hint.panel * (uintptr_t)p),
                              hint.at ? 2 * TILE / blocks : 0};
        for (int tile = 0; tile < tiles; tile += 2) {
            const int first = (tile + 1) * rows > m ? m - rows : tile * rows;
            const int pair = tile + 1 < tiles, second = pair && (tile + 2) * rows > m ? m - rows : (tile + 1) * rows;
            if (pair)
                multiply(&o, 1, first, second, &ahead);
            else
                multiply(&o, 0, first, 0, &ahead);
            store(pair, two_panels, c, ld_c, first, pair ? second : first);
        }
    }
}

void tern_gemm_s8_amx(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                      int k4, struct tern_ahead ahead)
{
    const int rows = m < TILE ? m : TILE;
    tern_amx_configure(rows, B0);
    for (int i = 0; i < m; i += ROW_CHUNK) {
        /* A last chunk of less than a tile begins earlier. */
        const int left = m - i, first = left < rows ? m - rows : i, count = m - first;
        row_chunk(a + first * ld_a, ld_a, b, c + first * ld_c, ld_c, count < ROW_CHUNK ? count : ROW_CHUNK, rows,
                  panels, k4, ahead);
    }
    _tile_release();
    TERN_KEEP_ORDER();
}
