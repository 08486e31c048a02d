/* Multiplies block-sparse weights on AMX tiles, those in blocks of 16x4 by more than 16 rows; the rest is left to
   AVX-512 VNNI. Weights are the A operand, [16 outputs][16 blocks][4 inputs]: the lines of 16 blocks of a panel,
   transposed once for all rows. Activations are B: a k step of 16 rows, as spmm_pack_512.h has them, is one of its
   lines, so that gathering the k steps of 16 blocks is copying 16 lines. (With the operands exchanged the weights could
   be read as they are stored, but each 16 rows would need a transposition for every 16 blocks: 42 cycles.) Sums come as
   [output][row] and are transposed into c. The next 16 blocks are made ready before the products of these, so that no
   tile waits for lines just stored.

   No AMX machine was at hand. By a count for 64 rows, 16 rows by 16 blocks take 23 cycles, which the loads bound (16 to
   copy, 16 for B, and a quarter of 64 that transpose and of 16 for A, two or three a cycle; 20 stores, one a cycle;
   TDPBSSD 16 cycles), and a panel's sums 40 more; the dense row takes 16 cycles for each 16 k steps, and 16. Packing
   the rows included that is 1.7 times dense at 80 % zeros of 768 inputs, 2.2 at 90 %, even at 50 %. llvm-mca 22
   (sapphirerapids), which lets less overlap, has 35, 71 and 25 cycles. */
#if !defined __AMX_INT8__ && !defined __AMXINT8__ /* gcc's name, clang 14's */
#error "compile with -mamx-tile -mamx-int8"
#endif
#include "simd/table.h"
#include "simd/x86/amx.h"
#include "simd/x86/spmm512.h"

enum {
    TILE = TERN_AMX_ROWS,
    LINE = TERN_AMX_LINE,
    TILE_BYTES = TILE * LINE,
    TILES = TERN_SPMM_ROWS / TILE, /* of rows: C tiles 0 .. 3 */
};
_Static_assert((int)TERN_LINE == LINE && (int)TERN_PANEL == TILE, "a block of 16x4 is a tile's line");

/* Macros, as gcc's intrinsics paste them into assembly. Two of B, so that one loads while the other is multiplied. */
#define A 4
#define B0 5
#define B1 6

/* Lines i, 4 + i, 8 + i and 12 + i from `from`, 128 bits of each. By loads: a shuffle has one port, a load's insertion
   two. */
static ALWAYS_INLINE __m512i quarters(const char *from, int i)
{
    const char *at = from + i * LINE;
    __m512i r = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)at));
    r = _mm512_inserti32x4(r, _mm_loadu_si128((const __m128i *)(at + 4 * LINE)), 1);
    r = _mm512_inserti32x4(r, _mm_loadu_si128((const __m128i *)(at + 8 * LINE)), 2);
    return _mm512_inserti32x4(r, _mm_loadu_si128((const __m128i *)(at + 12 * LINE)), 3);
}

/* The transpose of 16 lines of 16 lanes of 32 bits; `rows` of them. */
static ALWAYS_INLINE void transpose(const void *from, void *to, ptrdiff_t stride, int rows)
{
    for (int quarter = 0; 4 * quarter < rows; quarter++) {
        const char *at = (const char *)from + 16 * quarter;
        const __m512i r0 = quarters(at, 0), r1 = quarters(at, 1), r2 = quarters(at, 2), r3 = quarters(at, 3);
        const __m512i a = _mm512_unpacklo_epi32(r0, r1), b = _mm512_unpackhi_epi32(r0, r1);
        const __m512i c = _mm512_unpacklo_epi32(r2, r3), d = _mm512_unpackhi_epi32(r2, r3);
        const int left = rows - 4 * quarter;
        char *out = (char *)to + 4 * quarter * stride;
        _mm512_storeu_si512(out, _mm512_unpacklo_epi64(a, c));
        if (left > 1)
            _mm512_storeu_si512(out + stride, _mm512_unpackhi_epi64(a, c));
        if (left > 2)
            _mm512_storeu_si512(out + 2 * stride, _mm512_unpacklo_epi64(b, d));
        if (left > 3)
            _mm512_storeu_si512(out + 3 * stride, _mm512_unpackhi_epi64(b, d));
    }
}

/* 16 blocks of a panel, ready for the tiles. */
struct group {
    int8_t weights[TILE_BYTES];       /* [16 outputs][16 blocks][4] */
    uint8_t rows[TILES * TILE_BYTES]; /* [tile][16 blocks][16 rows][4] */
};

/* Rows as packed: [tiles][k4][16][4]. */
struct rows {
    const uint8_t *packed;
    int m, tiles, k4;
};

/* Blocks that lack have weights of 0 and whatever rows are there. */
static void prepare(struct group *g, const struct rows *r, const int8_t *value, const uint16_t *index, int blocks)
{
    if (blocks >= TILE) {
        transpose(value, g->weights, LINE, TILE);
    } else {
        int8_t lines[TILE_BYTES];
        memcpy(lines, value, (size_t)blocks * LINE);
        memset(lines + blocks * LINE, 0, (size_t)(TILE - blocks) * LINE);
        transpose(lines, g->weights, LINE, TILE);
    }
    const ptrdiff_t tile = (ptrdiff_t)r->k4 * LINE;
    for (int i = 0; i < blocks && i < TILE; i++) {
        const uint8_t *from = r->packed + index[i] * LINE;
        uint8_t *to = g->rows + i * LINE;
        for (int j = 0; j < r->tiles; j++, from += tile, to += TILE_BYTES)
            _mm512_store_si512(to, _mm512_load_si512(from));
    }
}

static void multiply(const struct group *g, int tiles)
{
    _tile_loadd(A, g->weights, LINE);
    _tile_loadd(B0, g->rows, LINE);
    _tile_dpbssd(0, A, B0);
    _tile_loadd(B1, g->rows + TILE_BYTES, LINE);
    _tile_dpbssd(1, A, B1);
    if (tiles > 2) {
        _tile_loadd(B0, g->rows + 2 * TILE_BYTES, LINE);
        _tile_dpbssd(2, A, B0);
    }
    if (tiles > 3) {
        _tile_loadd(B1, g->rows + 3 * TILE_BYTES, LINE);
        _tile_dpbssd(3, A, B1);
    }
}

/* The sums to c, and zero again. */
static void finish(const struct rows *r, int32_t *c, ptrdiff_t ld_c)
{
    int32_t sums[TILES][TILE * TILE] __attribute__((aligned(64))); /* [outputs][rows] */
    _tile_stored(0, sums[0], LINE);
    _tile_stored(1, sums[1], LINE);
    _tile_stored(2, sums[2], LINE);
    _tile_stored(3, sums[3], LINE);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    TERN_KEEP_ORDER();
    for (int j = 0, row = 0; j < r->tiles; j++, row += TILE)
        transpose(sums[j], c + row * ld_c, ld_c * (ptrdiff_t)sizeof *c, r->m - row < TILE ? r->m - row : TILE);
}

static void panel(const struct tern_sparse_panel *p, const struct rows *r, struct group g[2], int32_t *c,
                  ptrdiff_t ld_c)
{
    const int blocks = *p->count;
    if (blocks > 0)
        prepare(&g[0], r, p->value, p->index, blocks);
    for (int i = 0, now = 0; i < blocks; i += TILE, now ^= 1) {
        const int next = i + TILE;
        if (next < blocks)
            prepare(&g[!now], r, p->value + (ptrdiff_t)next * LINE, p->index + next, blocks - next);
        TERN_KEEP_ORDER();
        multiply(&g[now], r->tiles);
        TERN_KEEP_ORDER();
    }
    finish(r, c, ld_c);
}

void tern_spmm_amx(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                   int k4)
{
    if (m <= TERN_SPMM_AMX_FEW || w->shape != TERN_BLOCK_16X4) {
        tern_spmm_avx512vnni(packed, w, c, ld_c, m, panels, k4);
        return;
    }
    const struct rows r = {packed, m, (m + TILE - 1) / TILE, k4};
    struct group g[2] __attribute__((aligned(64)));
    memset(g, 0, sizeof g); /* lines that lack are multiplied by 0, but read */
    tern_amx_configure(TILE, 0);
    for (int i = 0; i < panels; i++, c += TERN_PANEL) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, i);
        panel(&p, &r, g, c, ld_c);
    }
    _tile_release();
    TERN_KEEP_ORDER();
}
