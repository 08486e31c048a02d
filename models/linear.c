/* Runs a linear layer over the rows of a run: chooses how its weights are multiplied, shares tiles among the threads,
   and brings the sums to 16 bits. */
#include "models/linear.h"

#include "models/blocks.h"
#include "models/bounds.h"
#include "models/scaled.h"
#include "models/scheme.h"

/* The smallest right shift that takes |acc| <= sqrt(norm2_x * norm2_w) into int16 (Cauchy-Schwarz). */
static int safe_shift(int32_t norm2_x, int32_t norm2_w)
{
    int bits = tern_bits((uint64_t)(uint32_t)norm2_x * (uint32_t)norm2_w);
    return bits <= 30 ? 0 : (bits - 30 + 1) / 2;
}

struct tern_row_scale tern_requant_scale(const struct tern_linear *w, struct tern_row row)
{
    struct tern_row_scale s = {safe_shift(row.norm2, w->wnorm2), 0, 0};
    int64_t mul = tern_real_apply((uint32_t)row.amax, w->kappa, 15 + s.shift, INT32_MAX);
    /* A multiplier of 1 or more says that the row's own bound is above the output's: only values that cannot occur
       are lost by shifting less. */
    while (mul > 32767 && s.shift > 0)
        mul = tern_real_apply((uint32_t)row.amax, w->kappa, 15 + --s.shift, INT32_MAX);
    s.mul = mul > 32767 ? 32767 : (int32_t)mul;
    return s;
}

/* The op residual's factor v * 2^-exp of sums that are shifted by `shift`, as 15 bits of v; at least 2^-31, and with an
   exponent of at least `least`: what would need a lower one becomes the largest. */
static struct tern_row_scale factor(int shift, uint64_t v, int exp, int least)
{
    struct tern_row_scale s = {shift, 0, 0};
    const int bits = tern_bits(v);
    if (bits < 16) /* one of its factors is 0 */
        return s;
    const uint64_t mul = (v + (1ull << (bits - 16))) >> (bits - 15); /* 15 bits, or 2^15 by rounding */
    s.mul = mul > 32767 ? 32767 : (int32_t)mul;
    s.exp = 15 - bits - shift + exp;
    if (s.exp < least) {
        s.exp = least;
        s.mul = 32767;
    } else if (s.exp > 31) {
        s.mul = s.exp - 31 > 15 ? 0 : s.mul >> (s.exp - 31);
        s.exp = 31;
    }
    return s;
}

struct tern_row_scale tern_residual_scale(const struct tern_linear *w, struct tern_row row)
{
    /* Conversion chooses `up` so that no exponent is below 0. */
    return factor(safe_shift(row.norm2, w->wnorm2), (uint64_t)(uint32_t)row.amax * (uint32_t)w->kappa.mul, w->kappa.exp,
                  0);
}

struct tern_row_scale tern_context_scale(int32_t psum, int32_t amax)
{
    int32_t bound = 127 * psum; /* |acc| <= bound */
    struct tern_row_scale s = {0, 0, 0};
    int shift = tern_bits((uint64_t)bound) - 15;
    s.shift = shift > 0 ? shift : 0;
    int64_t mul = ((int64_t)amax << (15 + s.shift)) / bound;
    for (; mul > 32767 && s.shift > 0; s.shift--) /* half of the floor is the floor of the half */
        mul >>= 1;
    s.mul = mul > 32767 ? 32767 : (int32_t)mul;
    return s;
}

struct tern_row_scale tern_score_scale(int32_t amax_q, int32_t amax_k, struct tern_real unit)
{
    struct tern_row_scale s = {0, 0, 0};
    uint64_t v = (uint64_t)((uint32_t)amax_q * (uint32_t)amax_k) * (uint32_t)unit.mul; /* < 2^61 */
    int bits = tern_bits(v);
    if (bits < 16) /* all scores are equal */
        return s;
    uint64_t mul = (v + (1ull << (bits - 16))) >> (bits - 15);
    s.mul = mul > 32767 ? 32767 : (int32_t)mul;
    s.shift = unit.exp - bits;
    if (s.shift < -8) {
        s.shift = -8;
        s.mul = 32767;
    } else if (s.shift > 31) { /* differences too small to matter */
        s.shift = 31;
        s.mul = 0;
    }
    return s;
}

struct tern_row_scale tern_biased_scale(struct tern_row q, struct tern_row k, struct tern_real unit)
{
    const uint64_t amax = (uint32_t)q.amax * (uint32_t)k.amax; /* times unit.mul below 2^61 */
    /* Below the least exponent are scores of 2^13 octaves, of which the largest alone counts. */
    return factor(safe_shift(q.norm2, k.norm2), amax * (uint32_t)unit.mul, unit.exp - (TERN_BIASED_BITS - 10),
                  TERN_BIASED_LEAST_EXP);
}

/* ---- Tiles: accumulators of some rows and panels in L1, then their epilogue ------------------------------------ */

struct job {
    const struct tern_runner *run;
    enum tern_stage stage;
    const struct tern_linear *const *w;
    int16_t *const *out;              /* requant */
    int32_t *sum;                     /* residual */
    const struct tern_scaled *scaled; /* rows with exponents */
    const int16_t *y;
    ptrdiff_t ld, ld_y;
    const struct tern_rows *x;
    int width; /* panels of a task, and of a row of the tile */
    int first_row, end_row;
    int first_task[4]; /* of each matrix */
    int count;
};

static enum tern_route route_of(const struct job *j, const struct tern_linear *w)
{
    return tern_route_of(w, j->x->m, &j->run->ops->routes);
}

static int is_unpacked(enum tern_route route)
{
    return route == TERN_ROUTE_UNPACK || route == TERN_ROUTE_EXPAND || route == TERN_ROUTE_UNPACK_BLOCKS;
}

/* Ways that leave zero blocks out; they read packed rows. */
static int packs(enum tern_route route)
{
    return route == TERN_ROUTE_SPARSE || route == TERN_ROUTE_UNPACK_BLOCKS || route == TERN_ROUTE_BLOCK_CODES;
}

/* Unpacked 4-bit blocks come in pairs of lines, one more than k4 where that is odd: it fits, as the bytes are a whole
   number of pairs for any of these panels. */
_Static_assert(TERN_UNPACKED_BYTES % (2 * TERN_TILE_PANELS * TERN_LINE) == 0, "pairs of lines");

int tern_unpacked_panels(int k)
{
    int panels = TERN_TILE_PANELS;
    while (panels > 2 && panels * TERN_LINE * tern_k4(k) > TERN_UNPACKED_BYTES)
        panels /= 2;
    return panels;
}

/* Tasks of a thread where CPUs differ in speed. With one each, a CPU of two fifths of the others' speed holds them up
   for two and a half times as long as their own tasks take; with four it takes fewer. */
enum { TASKS_EACH = 4 };

/* Chooses how many panels a task takes: the number at which the busiest thread has the fewest panels and, among equals,
   the largest, which is what one thread takes: some kernels look at the rows once a task. It is at least two, which
   are a cache line of int16. If panels must be unpacked it is at most the number that is unpacked at a time, so that
   they stay in L1 or L2 while all rows pass. Returns the number of tasks. */
static int split(struct job *j)
{
    const int threads = tern_pool_width(j->run->pool),
              wanted = threads > 1 && tern_pool_is_unequal(j->run->pool) ? TASKS_EACH * threads : 0;
    int tasks = 0, least = INT32_MAX, widest = TERN_TILE_PANELS;
    for (int i = 0; i < j->count; i++)
        widest = is_unpacked(route_of(j, j->w[i])) ? tern_unpacked_panels(j->w[i]->k) : widest;
    for (int width = widest; width >= 2; width /= 2) {
        int all = 0;
        for (int i = 0; i < j->count; i++)
            all += tern_quotient_up(tern_panels(j->w[i]->n), width);
        if (all < wanted && width > 2)
            continue;
        const int busiest = threads > 1 ? tern_quotient_up(all, threads) * width : 0;
        if (busiest < least) {
            least = busiest;
            j->width = width;
        }
    }
    for (int i = 0; i < j->count; i++) {
        j->first_task[i] = tasks;
        tasks += tern_quotient_up(tern_panels(j->w[i]->n), j->width);
    }
    return tasks;
}

static void epilogue(const struct job *j, int which, const int32_t *tile, int first_row, int rows, int column,
                     int width)
{
    const struct tern_linear *w = j->w[which];
    const struct tern_row_scale *scale = j->run->scale + (ptrdiff_t)which * j->x->m + first_row;
    const ptrdiff_t at = first_row * j->ld + column, ld_tile = j->width * TERN_PANEL;
    for (int i = 0; j->scaled && i < rows; i++) {
        const ptrdiff_t row = first_row + i;
        j->run->ops->scaled(tile + i * ld_tile, j->scaled->v + row * j->scaled->ld + column, w->mul + column,
                            w->gamma ? w->gamma + column : NULL, w->bias32 + column, &j->run->scaled[row], width);
    }
    if (j->scaled)
        return;
    if (j->out)
        j->run->ops->requant(tile, ld_tile, j->out[which] + at, j->ld, scale, w->left ? w->left + column : NULL,
                             w->mul + column, w->bias16 + column, rows, width);
    else
        j->run->ops->residual(tile, ld_tile, j->y + first_row * j->ld_y + column, j->ld_y, j->sum + at, j->ld, scale,
                              w->left ? w->left + column : NULL, w->mul + column, w->bias32 + column, w->up, rows,
                              width);
}

/* Bytes of some panels' weights in the file. */
static int64_t stored_bytes(const struct tern_linear *w, int first, int panels)
{
    const int k4 = tern_k4(w->k);
    if (w->sparse.first)
        return (int64_t)(w->sparse.first[first + panels] - w->sparse.first[first]) *
                   (TERN_LINE / (w->codes.line ? 2 : 1) + 2 * tern_line_indices(w->sparse.shape)) +
               (int64_t)panels * tern_code_groups(&w->codes, k4) * TERN_PANEL;
    if (w->weight)
        return (int64_t)panels * k4 * TERN_LINE;
    return (int64_t)panels *
           (tern_code_lines(w->codes.book->bits, k4) * TERN_LINE + tern_code_groups(&w->codes, k4) * TERN_PANEL);
}

/* Panels of a matrix, as a task reads them. */
struct panels {
    enum tern_route route;
    const int8_t *weight;    /* int8, and what was unpacked or expanded */
    struct tern_ahead ahead; /* the weights of the panels after these, as the file has them */
    struct tern_codes codes; /* to look up, and to multiply */
    struct tern_sparse sparse;
    int count, k4;
    int used4; /* of the k4 steps, those that are not 0 in every row */
};

/* Int8 panels between those that are multiplied and those that are brought near. */
enum { AHEAD = 2 };

static struct panels panels_of(const struct job *j, const struct tern_linear *w, int first, int count, int thread)
{
    struct panels p = {.route = route_of(j, w), .count = count, .k4 = tern_k4(w->k)};
    p.used4 = w->used ? tern_k4(w->used) : p.k4;
    if (w->weight) {
        p.weight = w->weight + (ptrdiff_t)first * p.k4 * TERN_LINE;
        p.ahead.panel = (ptrdiff_t)p.k4 * TERN_LINE;
        p.ahead.at = p.weight + AHEAD * p.ahead.panel;
        return p;
    }
    int8_t *const unpacked = j->run->panels ? j->run->panels + thread * j->run->panels_bytes : NULL;
    if (p.route == TERN_ROUTE_SPARSE || p.route == TERN_ROUTE_EXPAND) {
        p.sparse = tern_sparse_at(&w->sparse, first);
        if (p.route == TERN_ROUTE_EXPAND)
            tern_sparse_expand(&p.sparse, unpacked, count, p.k4);
        p.weight = unpacked;
        return p;
    }
    if (p.route == TERN_ROUTE_BLOCK_CODES || p.route == TERN_ROUTE_UNPACK_BLOCKS) {
        p.sparse = tern_sparse_at(&w->sparse, first);
        p.codes = tern_sparse_codes_at(&w->sparse, &w->codes, first, p.k4);
        if (p.route == TERN_ROUTE_UNPACK_BLOCKS) {
            j->run->ops->unpack_blocks(&p.sparse, &p.codes, unpacked, count, p.k4);
            p.sparse.value = unpacked;
        }
        return p;
    }
    p.codes = tern_codes_at(&w->codes, first, p.k4);
    if (p.route == TERN_ROUTE_UNPACK) {
        j->run->ops->unpack(&p.codes, unpacked, count, p.k4);
        p.weight = unpacked;
        p.ahead.panel = (ptrdiff_t)tern_code_lines(p.codes.book->bits, p.k4) * TERN_LINE;
        p.ahead.at = p.codes.line + count * p.ahead.panel;
    }
    return p;
}

static void multiply(const struct job *j, const struct panels *p, int32_t *tile, int first_row, int rows)
{
    const struct tern_runner *run = j->run;
    tern_gemm_s8_fn *const gemm = p->route == TERN_ROUTE_INT7   ? run->ops->gemm_s7
                                  : p->route == TERN_ROUTE_INT6 ? run->ops->gemm_s6
                                                                : run->ops->gemm_s8;
    const int8_t *q = j->x->q + first_row * j->x->ld;
    uint8_t *const packed = packs(p->route) ? run->packed + first_row / TERN_TILE_ROWS * run->packed_bytes : NULL;
    const ptrdiff_t ld = j->width * TERN_PANEL, blocks = tern_blocks(p->k4);
    if (p->route == TERN_ROUTE_LOOK_UP)
        run->ops->gemm_lut(run->table, blocks * TERN_LUT_BLOCK, run->table_sum, blocks, &p->codes, tile, ld, rows,
                           p->count, p->k4);
    else if (p->route == TERN_ROUTE_SPARSE || p->route == TERN_ROUTE_UNPACK_BLOCKS)
        run->ops->spmm(packed, &p->sparse, tile, ld, rows, p->count, p->k4);
    else if (p->route == TERN_ROUTE_BLOCK_CODES)
        run->ops->spmm_s4(packed, &p->sparse, &p->codes, tile, ld, rows, p->count, p->k4);
    else if (p->route == TERN_ROUTE_CODES)
        run->ops->gemm_s4(q, j->x->ld, &p->codes, tile, ld, rows, p->count, p->k4);
    else if (p->used4 == p->k4)
        gemm(q, j->x->ld, p->weight, tile, ld, rows, p->count, p->k4, p->ahead);
    else /* the steps of one panel lie together */
        for (int i = 0; i < p->count; i++)
            gemm(q, j->x->ld, p->weight + (ptrdiff_t)i * p->k4 * TERN_LINE, tile + i * TERN_PANEL, ld, rows, 1,
                 p->used4, (struct tern_ahead){NULL, 0});
}

/* Brings an output to the caches while its products are computed, lest the epilogue wait for its lines. */
static void bring_near(const int16_t *out, ptrdiff_t ld, int rows, int width)
{
    for (int i = 0; out && i < rows; i++)
        for (int k = 0; k < width; k += TERN_LINE / (int)sizeof *out)
            __builtin_prefetch(out + i * ld + k, 1, 2);
}

/* One task is some panels of a matrix for all rows: their weights are read from memory once and stay in L2. */
static void panels_task(void *context, int task, int thread)
{
    const struct job *j = context;
    int which = 0;
    while (which + 1 < j->count && task >= j->first_task[which + 1])
        which++;
    const struct tern_linear *w = j->w[which];
    int panel = (task - j->first_task[which]) * j->width;
    int panels = tern_panels(w->n) - panel;
    panels = panels < j->width ? panels : j->width;
    int column = panel * TERN_PANEL, width = w->n - column;
    width = width < panels * TERN_PANEL ? width : panels * TERN_PANEL;
    int32_t *tile = j->run->tile + (ptrdiff_t)thread * TERN_TILE;
    int64_t time = tern_profile_start(j->run->profile), bytes = stored_bytes(w, panel, panels);
    const struct panels weights = panels_of(j, w, panel, panels, thread);
    if (j->run->profile)
        j->run->profile[thread].stage[j->stage].routes |= 1u << weights.route;
    const int64_t products = /* of a row; zero blocks have none */
        packs(weights.route) ? (int64_t)(w->sparse.first[panel + panels] - w->sparse.first[panel]) * TERN_LINE
                             : (int64_t)width * w->k;
    const int output = j->out ? 2 : 6; /* bytes per value that the epilogue writes, and the stream that it reads */

    for (int i = j->first_row; i < j->end_row; i += TERN_TILE_ROWS) {
        int rows = j->end_row - i < TERN_TILE_ROWS ? j->end_row - i : TERN_TILE_ROWS;
        bring_near(j->out ? j->out[which] + i * j->ld + column : NULL, j->ld, rows, width);
        multiply(j, &weights, tile, i, rows);
        const int64_t values = (int64_t)rows * width;
        time = tern_profile_charge(j->run->profile, thread, j->stage, time, rows * products,
                                   bytes + (int64_t)rows * w->k + 4 * values);
        bytes = 0; /* the weights count once */
        epilogue(j, which, tile, i, rows, column, width);
        time = tern_profile_charge(j->run->profile, thread, j->out ? TERN_STAGE_requant : TERN_STAGE_residual, time, 0,
                                   (4 + output) * values);
    }
}

/* Tables of some rows, once for all matrices that read them. */
static void make_tables(const struct job *j)
{
    const int k4 = tern_k4(j->w[0]->k), blocks = tern_blocks(k4);
    for (ptrdiff_t r = j->first_row; r < j->end_row; r++) {
        const ptrdiff_t at = (r - j->first_row) * blocks;
        j->run->ops->lut(j->x->q + r * j->x->ld, j->run->table + at * TERN_LUT_BLOCK, j->run->table_sum + at, k4);
    }
}

/* Whether two ways read rows that are packed, and packed alike. */
static int packs_alike(const struct job *j, const struct tern_linear *w, const struct tern_linear *v)
{
    const enum tern_route x = route_of(j, w), y = route_of(j, v);
    return packs(x) && packs(y) && (x == TERN_ROUTE_BLOCK_CODES) == (y == TERN_ROUTE_BLOCK_CODES) &&
           w->sparse.shape == v->sparse.shape && (x != TERN_ROUTE_BLOCK_CODES || w->codes.book == v->codes.book);
}

/* Lays out one tile's rows for the sparse matrices, which read them alike (run_alike). */
static void pack_task(void *context, int task, int thread)
{
    const struct job *j = context;
    const int row = task * TERN_TILE_ROWS, rows = j->x->m - row < TERN_TILE_ROWS ? j->x->m - row : TERN_TILE_ROWS;
    const int64_t time = tern_profile_start(j->run->profile);
    const struct tern_linear *w = j->w[0];
    const int8_t *q = j->x->q + row * j->x->ld;
    uint8_t *packed = j->run->packed + task * j->run->packed_bytes;
    if (route_of(j, w) == TERN_ROUTE_BLOCK_CODES)
        j->run->ops->spmm_s4_pack(q, j->x->ld, packed, w->codes.book, rows, tern_k4(w->k));
    else
        j->run->ops->spmm_pack(q, j->x->ld, packed, w->sparse.shape, rows, tern_k4(w->k));
    tern_profile_charge(j->run->profile, thread, j->stage, time, 0, 2 * (int64_t)rows * j->w[0]->k);
}

/* int8 rows that all tasks read before the next ones follow: beside a task's weights they stay in a second-level cache
   of 1 MiB. */
enum { ROWS_BYTES = 512 << 10 };

/* As many rows at a time as have tables, or as stay in the cache; but all at once where each task unpacks its weights
   first. */
static int rows_at_once(const struct job *j, int look_up)
{
    int unpacks = 0;
    for (int i = 0; i < j->count; i++)
        unpacks |= is_unpacked(route_of(j, j->w[i]));
    if (look_up)
        return TERN_LUT_ROWS;
    const int tiles = tern_quotient_up(j->x->m, TERN_TILE_ROWS);
    const int64_t parts = ((int64_t)j->x->m * j->x->ld + ROWS_BYTES - 1) / ROWS_BYTES;
    return unpacks || parts < 2 ? j->x->m : tern_quotient_up(tiles, (int)parts) * TERN_TILE_ROWS;
}

static void run_tasks(struct job *j)
{
    const int tasks = split(j);
    int look_up = 0;
    if (packs(route_of(j, j->w[0])))
        tern_pool_run(j->run->pool, pack_task, j, tern_quotient_up(j->x->m, TERN_TILE_ROWS));
    for (int i = 0; i < j->count; i++)
        look_up |= route_of(j, j->w[i]) == TERN_ROUTE_LOOK_UP;
    const int rows = rows_at_once(j, look_up);
    for (j->first_row = 0; j->first_row < j->x->m; j->first_row = j->end_row) {
        j->end_row = j->x->m - j->first_row < rows ? j->x->m : j->first_row + rows;
        if (look_up)
            make_tables(j);
        tern_pool_run(j->run->pool, panels_task, j, tasks);
    }
}

/* Sparse matrices run together when all are, and read their rows alike: they share the packed ones. */
static int run_alike(const struct job *j)
{
    int sparse = 0;
    for (int i = 0; i < j->count; i++) {
        sparse += packs_alike(j, j->w[0], j->w[i]);
        if (packs(route_of(j, j->w[i])) && !sparse)
            return 0;
    }
    return sparse == 0 || sparse == j->count;
}

static void run_requant(const struct tern_runner *run, enum tern_stage stage, const struct tern_linear *const *w,
                        int16_t *const *out, int count, ptrdiff_t ld_out, const struct tern_rows *x)
{
    struct job j = {.run = run, .stage = stage, .w = w, .out = out, .ld = ld_out, .x = x, .count = count};
    if (!run_alike(&j)) { /* each by itself */
        for (int i = 0; i < count; i++)
            run_requant(run, stage, w + i, out + i, 1, ld_out, x);
        return;
    }
    for (int i = 0; i < count; i++)
        for (int r = 0; r < x->m; r++)
            run->scale[(ptrdiff_t)i * x->m + r] = tern_requant_scale(w[i], x->row[r]);
    run_tasks(&j);
}

/* Rows of `between` that one task makes int8. */
enum { BETWEEN_ROWS = 8 };
struct between_job {
    const struct tern_runner *run;
    int m, k;
};

static void between_task(void *context, int task, int thread)
{
    const struct between_job *j = context;
    const int first = task * BETWEEN_ROWS, last = first + BETWEEN_ROWS < j->m ? first + BETWEEN_ROWS : j->m;
    const int64_t time = tern_profile_start(j->run->profile);
    for (int i = first; i < last; i++)
        j->run->ops->quantize(j->run->between + (ptrdiff_t)i * j->k, j->run->between_q + i * j->run->between_ld,
                              &j->run->between_row[i], j->k);
    tern_profile_charge(j->run->profile, thread, TERN_STAGE_quantize, time, 0, (int64_t)(last - first) * 3 * j->k);
}

/* What a matrix reads: the rows, or what its inner matrix makes of them, until the next one's take their place. */
static struct tern_rows rows_for(const struct tern_runner *run, enum tern_stage stage, const struct tern_linear *w,
                                 const struct tern_rows *x)
{
    int16_t *const out[1] = {run->between};
    struct between_job j = {run, x->m, w->k};
    if (!w->inner)
        return *x;
    run_requant(run, stage, &w->inner, out, 1, w->k, x);
    tern_pool_run(run->pool, between_task, &j, tern_quotient_up(x->m, BETWEEN_ROWS));
    return (struct tern_rows){run->between_q, run->between_row, run->between_ld, x->m, NULL};
}

void tern_linear_run(const struct tern_runner *run, enum tern_stage stage, const struct tern_linear *const *w,
                     int16_t *const *out, int count, ptrdiff_t ld_out, const struct tern_rows *x)
{
    int together = 0;
    while (together < count && !w[together]->inner)
        together++;
    if (together == count) {
        run_requant(run, stage, w, out, count, ld_out, x);
        return;
    }
    for (int i = 0; i < count; i++) {
        const struct tern_rows rows = rows_for(run, stage, w[i], x);
        run_requant(run, stage, w + i, out + i, 1, ld_out, &rows);
    }
}

void tern_linear_residual(const struct tern_runner *run, enum tern_stage stage, const struct tern_linear *w,
                          int32_t *sum, ptrdiff_t ld, const int16_t *y, ptrdiff_t ld_y, const struct tern_rows *x)
{
    const struct tern_rows rows = rows_for(run, stage, w, x);
    struct job j = {
        .run = run, .stage = stage, .w = &w, .sum = sum, .ld = ld, .y = y, .ld_y = ld_y, .x = &rows, .count = 1};
    for (int r = 0; r < rows.m; r++)
        run->scale[r] = tern_residual_scale(w, rows.row[r]);
    run_tasks(&j);
}

void tern_linear_scaled(const struct tern_runner *run, enum tern_stage stage, const struct tern_linear *w,
                        const struct tern_scaled *sum, int adds, const struct tern_rows *x)
{
    struct job j = {.run = run, .stage = stage, .w = &w, .scaled = sum, .x = x, .count = 1};
    for (int r = 0; r < x->m; r++) {
        run->scaled[r] = tern_scaled_scale_of(w, x->row[r], x->exp[r], adds ? sum->exp[r] : 0, adds);
        sum->exp[r] = run->scaled[r].exp;
    }
    run_tasks(&j);
}

/* acc * amax * mul[j] / 2^15 * kappa in Q16. Each product is brought to so many bits that the next one fits. A row that
   was shifted behind its quantisation (models/span_conv.c) has an amax of up to 30 bits. */
static int32_t logit(const struct tern_linear *w, int32_t acc, int32_t amax, int32_t exp, int j)
{
    int64_t t = (int64_t)acc * amax;
    const int over = tern_bits((uint64_t)(t < 0 ? -t : t)) - 46;
    t = tern_rshift64((over > 0 ? tern_rshift64(t, over) : t) * w->mul[j], 15); /* 2^46 times mul <= 2^61 */
    int down = tern_bits((uint64_t)(t < 0 ? -t : t)) - 31;
    t = down > 0 ? tern_rshift64(t, down) : t;
    int shift = w->kappa.exp - TERN_LOGIT_BITS - (down > 0 ? down : 0) - (over > 0 ? over : 0) - exp;
    t *= w->kappa.mul; /* <= 2^62 */
    t = shift > 62 ? 0 : shift >= 0 ? tern_rshift64(t, shift) : t > 0 ? INT32_MAX : t < 0 ? INT32_MIN + 1 : 0;
    t += w->bias32[j];
    return t > INT32_MAX ? INT32_MAX : t < -INT32_MAX ? -INT32_MAX : (int32_t)t;
}

/* Panels of a task, whose weights stay in L2 from row to row. */
enum { LOGIT_PANELS = 8 };

struct logits_job {
    const struct tern_runner *run;
    const struct tern_linear *w;
    int32_t *q16, *acc;
    const struct tern_rows *x;
};

static void logits_task(void *context, int task, int thread)
{
    (void)thread;
    const struct logits_job *j = context;
    const struct tern_linear *const w = j->w;
    const struct tern_rows *const x = j->x;
    const struct tern_ahead none = {NULL, 0};
    const int first = task * LOGIT_PANELS, all = tern_panels(w->n), k4 = tern_k4(w->k);
    const int panels = all - first < LOGIT_PANELS ? all - first : LOGIT_PANELS;
    const int begin = first * TERN_PANEL, end = w->n < begin + panels * TERN_PANEL ? w->n : begin + panels * TERN_PANEL;
    int32_t *const acc = j->acc + begin;
    for (int i = 0; i < x->m; i++) {
        j->run->ops->gemm_s8(x->q + i * x->ld, x->ld, w->weight + (ptrdiff_t)begin * k4 * 4, acc, panels * TERN_PANEL,
                             1, panels, k4, none);
        for (int c = begin; c < end; c++)
            j->q16[(ptrdiff_t)i * w->n + c] = logit(w, acc[c - begin], x->row[i].amax, x->exp ? x->exp[i] : 0, c);
    }
}

void tern_linear_logits(const struct tern_runner *run, const struct tern_linear *w, int32_t *q16, int32_t *acc,
                        const struct tern_rows *x)
{
    struct logits_job j = {run, w, q16, acc, x};
    tern_pool_run(run->pool, logits_task, &j, tern_quotient_up(tern_panels(w->n), LOGIT_PANELS));
}

void tern_linear_logits_alone(const struct tern_runner *run, const struct tern_linear *w, int32_t *q16, int32_t *acc,
                              const struct tern_rows *x)
{
    struct logits_job j = {run, w, q16, acc, x};
    for (int task = 0; task < tern_quotient_up(tern_panels(w->n), LOGIT_PANELS); task++)
        logits_task(&j, task, 0);
}
