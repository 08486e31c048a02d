/* Float GEMM for vectors vf of VF_LANES floats, which the file that includes this has defined (simd/x86/f32_256.h).
 *
 * Many rows: up to three vectors of columns by a block of k are transposed into a panel on the stack, so that a tile's
 * lanes are columns: every step of k is three loads of weights and a broadcast of each row, VF_ROWS * 3 products, and
 * nothing is left to be added across lanes. Packing costs about what six rows' products do, so that few rows are
 * dot products instead, which read both operands as they lie and add across lanes at the end.
 */
#ifndef TERN_GEMM_F32_H
#define TERN_GEMM_F32_H

/* A panel of 48 columns takes 48 KiB: L2, from where its few loads per step are hidden. */
enum { GEMM_K = 256, GEMM_VECS = 3, GEMM_DOT_COLUMNS = 4, GEMM_DOT_UP_TO = 64 };

struct gemm_f32 {
    const float *a, *w, *bias;
    float *c;
    ptrdiff_t ld_a, ld_w, ld_c;
};

/* ---- Many rows ----------------------------------------------------------------------------------------------------
 */

/* panel[k][vecs * VF_LANES], this vector of it: VF_LANES rows of w. `row` are their offsets. */
static ALWAYS_INLINE void pack_vector(const float *w, const ptrdiff_t *row, float *panel, int ld_panel, int k)
{
    int l = 0;
    for (; l + 4 <= k; l += 4) {
        vf x[4];
        TERN_UNROLL
        for (int t = 0; t < 4; t++)
            x[t] = vf_quads(w + row[t] + l, w + row[(4 + t) % VF_LANES] + l, w + row[(8 + t) % VF_LANES] + l,
                            w + row[(12 + t) % VF_LANES] + l);
        vf_transpose(x);
        TERN_UNROLL
        for (int t = 0; t < 4; t++)
            vf_store(panel + (ptrdiff_t)(l + t) * ld_panel, x[t]);
    }
    for (; l < k; l++)
        for (int j = 0; j < VF_LANES; j++)
            panel[(ptrdiff_t)l * ld_panel + j] = w[row[j] + l];
}

/* Columns from n on repeat the last one: their sums are not stored. */
static void pack_panel(const float *w, ptrdiff_t ld_w, float *panel, int vecs, int n, int k)
{
    for (int v = 0; v < vecs; v++) {
        ptrdiff_t row[VF_LANES];
        for (int j = 0; j < VF_LANES; j++) {
            const int column = v * VF_LANES + j;
            row[j] = (column < n ? column : n - 1) * ld_w;
        }
        pack_vector(w, row, panel + v * VF_LANES, vecs * VF_LANES, k);
    }
}

/* c[rows][n] += a times the panel; `start`: c = a times the panel + bias. n lies in the last of vecs vectors. */
static ALWAYS_INLINE void tile(const struct gemm_f32 *g, const float *a, const float *panel, float *c,
                               const float *bias, int start, int k, int n, const int rows, const int vecs)
{
    vf sum[VF_ROWS][GEMM_VECS];
    const int last = n - (vecs - 1) * VF_LANES;
    TERN_UNROLL
    for (int v = 0; v < GEMM_VECS; v++) {
        if (v >= vecs)
            continue;
        const int some = v == vecs - 1 ? last : VF_LANES;
        const vf from = start && bias ? vf_load_some(bias + v * VF_LANES, some) : vf_set1(0);
        TERN_UNROLL
        for (int i = 0; i < VF_ROWS; i++)
            if (i < rows)
                sum[i][v] = start ? from : vf_load_some(c + i * g->ld_c + v * VF_LANES, some);
    }
    for (int l = 0; l < k; l++, panel += vecs * VF_LANES) {
        vf w[GEMM_VECS];
        TERN_UNROLL
        for (int v = 0; v < GEMM_VECS; v++)
            if (v < vecs)
                w[v] = vf_load(panel + v * VF_LANES);
        TERN_UNROLL
        for (int i = 0; i < VF_ROWS; i++) {
            if (i >= rows)
                continue;
            const vf x = vf_set1(a[i * g->ld_a + l]);
            TERN_UNROLL
            for (int v = 0; v < GEMM_VECS; v++)
                if (v < vecs)
                    sum[i][v] = vf_fma(x, w[v], sum[i][v]);
        }
    }
    TERN_UNROLL
    for (int i = 0; i < VF_ROWS; i++) {
        if (i >= rows)
            continue;
        TERN_UNROLL
        for (int v = 0; v < GEMM_VECS; v++) {
            if (v < vecs - 1)
                vf_store(c + i * g->ld_c + v * VF_LANES, sum[i][v]);
            else if (v < vecs && last == VF_LANES) /* AMD's masked stores are slow */
                vf_store(c + i * g->ld_c + v * VF_LANES, sum[i][v]);
            else if (v < vecs)
                vf_store_some(c + i * g->ld_c + v * VF_LANES, sum[i][v], last);
        }
    }
}

/* A panel's tiles. Each brings a share of `ahead`, the weights of the next panel, into the cache (NULL: none). */
static ALWAYS_INLINE void tiles(const struct gemm_f32 *g, int j, int at, const float *panel, const float *ahead, int m,
                                int n, int k, const int vecs)
{
    const float *bias = g->bias ? g->bias + j : NULL;
    const int share = (vecs * VF_LANES * VF_ROWS + m - 1) / m;
    int row = 0;
    for (int i = 0; i < m; i += VF_ROWS) {
        for (const int end = row + share; ahead && row < end && row < n; row++)
            for (int l = 0; l < k; l += 16)
                __builtin_prefetch(ahead + row * g->ld_w + l, 0, 2);
        const int rows = m - i < VF_ROWS ? m - i : VF_ROWS;
        const float *a = g->a + i * g->ld_a + at;
        float *c = g->c + i * g->ld_c + j;
        switch (rows) {
        case 1: tile(g, a, panel, c, bias, !at, k, n, 1, vecs); break;
        case 2: tile(g, a, panel, c, bias, !at, k, n, 2, vecs); break;
        case 3: tile(g, a, panel, c, bias, !at, k, n, 3, vecs); break;
        case 4: tile(g, a, panel, c, bias, !at, k, n, 4, vecs); break;
        case 5: tile(g, a, panel, c, bias, !at, k, n, 5, vecs); break;
        case 6: tile(g, a, panel, c, bias, !at, k, n, 6, vecs); break;
        case 7: tile(g, a, panel, c, bias, !at, k, n, 7, vecs); break;
        default: tile(g, a, panel, c, bias, !at, k, n, VF_ROWS, vecs); break;
        }
    }
}

static void tiles1(const struct gemm_f32 *g, int j, int at, const float *panel, const float *ahead, int m, int n, int k)
{
    tiles(g, j, at, panel, ahead, m, n, k, 1);
}
static void tiles2(const struct gemm_f32 *g, int j, int at, const float *panel, const float *ahead, int m, int n, int k)
{
    tiles(g, j, at, panel, ahead, m, n, k, 2);
}
static void tiles3(const struct gemm_f32 *g, int j, int at, const float *panel, const float *ahead, int m, int n, int k)
{
    tiles(g, j, at, panel, ahead, m, n, k, 3);
}

static int at_most(int a, int b)
{
    return a < b ? a : b;
}

static void panels(const struct gemm_f32 *g, int m, int n, int k)
{
    _Alignas(64) float panel[GEMM_K * GEMM_VECS * VF_LANES];
    for (int j = 0, columns; j < n; j += columns) {
        const int left = (n - j + VF_LANES - 1) / VF_LANES;
        const int vecs = left == 4 ? 2 : at_most(left, GEMM_VECS); /* 2 + 2: a single one has too few sums */
        columns = at_most(vecs * VF_LANES, n - j);
        for (int at = 0, depth; at < k; at += depth) {
            depth = at_most(GEMM_K, k - at);
            const float *w = g->w + j * g->ld_w + at, *ahead = NULL;
            if (at + depth < k)
                ahead = w + depth;
            else if (j + columns < n)
                ahead = g->w + (j + columns) * g->ld_w;
            pack_panel(w, g->ld_w, panel, vecs, columns, depth);
            if (vecs == 3)
                tiles3(g, j, at, panel, ahead, m, columns, depth);
            else if (vecs == 2)
                tiles2(g, j, at, panel, ahead, m, columns, depth);
            else
                tiles1(g, j, at, panel, ahead, m, columns, depth);
        }
    }
}

/* ---- Few rows -----------------------------------------------------------------------------------------------------
 */

/* Adds the products of VF_LANES inputs, or of `some`, which need not be all. */
static ALWAYS_INLINE void dot_step(vf sum[VF_DOT_ROWS][GEMM_DOT_COLUMNS], const float *a, ptrdiff_t ld_a,
                                   const float *const *w, int l, const int rows, int some)
{
    vf x[VF_DOT_ROWS];
    TERN_UNROLL
    for (int i = 0; i < VF_DOT_ROWS; i++)
        if (i < rows)
            x[i] = some < VF_LANES ? vf_load_some(a + i * ld_a + l, some) : vf_load(a + i * ld_a + l);
    TERN_UNROLL
    for (int j = 0; j < GEMM_DOT_COLUMNS; j++) {
        const vf y = some < VF_LANES ? vf_load_some(w[j] + l, some) : vf_load(w[j] + l);
        TERN_UNROLL
        for (int i = 0; i < VF_DOT_ROWS; i++)
            if (i < rows)
                sum[i][j] = vf_fma(x[i], y, sum[i][j]);
    }
}

/* `ahead`: columns of the next tile, of which so many as are `asked` for are brought into the cache on the way.
   With AVX2 a line is asked for twice: measured, that is faster than once with weights that come from memory. */
static ALWAYS_INLINE void dot_tile(const float *a, ptrdiff_t ld_a, const float *const *w, const float *const *ahead,
                                   float (*out)[GEMM_DOT_COLUMNS], int k, int asked, const int rows)
{
    vf sum[VF_DOT_ROWS][GEMM_DOT_COLUMNS];
    TERN_UNROLL
    for (int i = 0; i < VF_DOT_ROWS; i++)
        TERN_UNROLL
    for (int j = 0; j < GEMM_DOT_COLUMNS; j++)
        sum[i][j] = vf_set1(0);
    int l = 0;
    for (; l + VF_LANES <= k; l += VF_LANES) {
        __builtin_prefetch(ahead[0] + l);
        if (asked > 1)
            __builtin_prefetch(ahead[1] + l);
        if (asked > 2) {
            __builtin_prefetch(ahead[2] + l);
            __builtin_prefetch(ahead[3] + l);
        }
        dot_step(sum, a, ld_a, w, l, rows, VF_LANES);
    }
    if (l < k)
        dot_step(sum, a, ld_a, w, l, rows, k - l);
    TERN_UNROLL
    for (int i = 0; i < VF_DOT_ROWS; i++)
        if (i < rows)
            vf_sum4(out[i], sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
}

/* Columns outside: four rows of w stay in L1 while all rows of a pass. The next four are asked for by one tile,
   or two of them by each of two, or one by each of four. */
static void dots(const struct gemm_f32 *g, int m, int n, int k)
{
    const int asked = m <= VF_DOT_ROWS ? 4 : m <= 3 * VF_DOT_ROWS ? 2 : 1;
    for (int j = 0; j < n; j += GEMM_DOT_COLUMNS) {
        const float *w[GEMM_DOT_COLUMNS], *next[GEMM_DOT_COLUMNS];
        for (int t = 0; t < GEMM_DOT_COLUMNS; t++) {
            w[t] = g->w + at_most(j + t, n - 1) * g->ld_w;
            next[t] = g->w + at_most(j + GEMM_DOT_COLUMNS + t, n - 1) * g->ld_w;
        }
        for (int i = 0; i < m; i += VF_DOT_ROWS) {
            const float *a = g->a + i * g->ld_a;
            float out[VF_DOT_ROWS][GEMM_DOT_COLUMNS];
            const float *const *ahead = next + i / VF_DOT_ROWS % (4 / asked) * asked;
            const int rows = at_most(m - i, VF_DOT_ROWS);
            switch (rows) {
            case 1: dot_tile(a, g->ld_a, w, ahead, out, k, asked, 1); break;
            case 2: dot_tile(a, g->ld_a, w, ahead, out, k, asked, 2); break;
            case 3: dot_tile(a, g->ld_a, w, ahead, out, k, asked, 3); break;
            case 4: dot_tile(a, g->ld_a, w, ahead, out, k, asked, 4); break;
            case 5: dot_tile(a, g->ld_a, w, ahead, out, k, asked, 5); break;
            default: dot_tile(a, g->ld_a, w, ahead, out, k, asked, VF_DOT_ROWS); break;
            }
            for (int r = 0; r < rows; r++)
                for (int t = 0; t < GEMM_DOT_COLUMNS && j + t < n; t++)
                    g->c[(i + r) * g->ld_c + j + t] = out[r][t] + (g->bias ? g->bias[j + t] : 0);
        }
    }
}

static void gemm(const struct gemm_f32 *g, int m, int n, int k)
{
    /* Packing costs per weight, adding across lanes per output: they cross at so many rows. With more, a is not in L2.
     */
    if (m <= GEMM_DOT_UP_TO && m * VF_DOT_K <= k)
        dots(g, m, n, k);
    else
        panels(g, m, n, k);
}

#endif
