/* Sparse w[n][k] times x[k][m] in float by libxsmm, in the three forms that it has for it: one with 512-row slices
   of CSR that it walks (spmdm), and two that compile the nonzeros to code, with the values in registers (up to 480
   different ones; what libxsmm_sfsspmdm runs) or broadcast from memory (packed, `soa`). Its buffer for code holds
   128 KiB, so those two get some rows at a time. m is a multiple of 16. */
#ifndef TERN_PEERS_LIBXSMM_H
#define TERN_PEERS_LIBXSMM_H

#include <libxsmm.h>

#include <stdio.h>
#include <stdlib.h>

enum xsmm_form { XSMM_SLICES, XSMM_REGISTERS, XSMM_PACKED, XSMM_FORMS };

enum { XSMM_CODE = 100000, XSMM_LANES = 16 }; /* bytes, less than the buffer's; floats of a vector */

struct xsmm {
    int n, k, m;
    const float *x;
    float *c;
    float *value; /* CSR */
    unsigned *first, *index;
    libxsmm_spmdm_handle slices;
    libxsmm_CSR_sparseslice *slice;
    struct xsmm_piece { /* of the rows, compiled */
        libxsmm_xmmfunction code;
        int row;
    } * pieces;
    int count;
};

static void *xsmm_take(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p)
        exit(1);
    return p;
}

static void xsmm_compress(struct xsmm *s, const float *w)
{
    unsigned all = 0;
    s->first = xsmm_take(((size_t)s->n + 1) * sizeof *s->first);
    s->index = xsmm_take((size_t)s->n * (size_t)s->k * sizeof *s->index);
    s->value = xsmm_take((size_t)s->n * (size_t)s->k * sizeof *s->value);
    for (int i = 0; i < s->n; i++) {
        s->first[i] = all;
        for (int j = 0; j < s->k; j++)
            if (w[(ptrdiff_t)i * s->k + j] != 0) {
                s->index[all] = (unsigned)j;
                s->value[all++] = w[(ptrdiff_t)i * s->k + j];
            }
    }
    s->first[s->n] = all;
}

/* Rows row .. end. */
static libxsmm_xmmfunction xsmm_compile(const struct xsmm *s, enum xsmm_form form, int row, int end)
{
    unsigned first[4096];
    for (int i = row; i <= end; i++)
        first[i - row] = s->first[i] - s->first[row];
    const unsigned *index = s->index + s->first[row];
    const float *value = s->value + s->first[row];
    const int flags = LIBXSMM_GEMM_FLAGS('N', 'N') | LIBXSMM_GEMM_FLAG_BETA_0;
    libxsmm_descriptor_blob blob;
    libxsmm_xmmfunction code = {0};
    if (form == XSMM_REGISTERS)
        code.smm = libxsmm_create_scsr_reg(libxsmm_sgemm_descriptor_init(&blob, end - row, XSMM_LANES, s->k, 0, s->m,
                                                                         s->m, 1, 0, flags, LIBXSMM_PREFETCH_NONE),
                                           first, index, value);
    else
        code = libxsmm_create_xcsr_soa(libxsmm_sgemm_descriptor_init(&blob, end - row, s->m / XSMM_LANES, s->k, 0,
                                                                     s->m / XSMM_LANES, s->m / XSMM_LANES, 1, 0, flags,
                                                                     LIBXSMM_PREFETCH_NONE),
                                       first, index, value, XSMM_LANES);
    return code;
}

/* 0, or -1 when libxsmm cannot make this form. A row that is empty would be left unwritten: c begins as zeros. */
static int xsmm_open(struct xsmm *s, enum xsmm_form form, int n, int k, int m, const float *w, const float *x, float *c)
{
    const struct xsmm start = {.n = n, .k = k, .m = m, .x = x, .c = c};
    *s = start;
    libxsmm_init();
    if (form == XSMM_SLICES) {
        libxsmm_spmdm_init(n, m, k, 1, &s->slices, &s->slice);
        for (int i = 0; i < libxsmm_spmdm_get_num_createSparseSlice_blocks(&s->slices); i++)
            libxsmm_spmdm_createSparseSlice_fp32_thread(&s->slices, 'N', w, s->slice, i, 0, 1);
        return 0;
    }
    xsmm_compress(s, w);
    s->pieces = xsmm_take((size_t)n * sizeof *s->pieces);
    const int bytes = form == XSMM_REGISTERS ? 30 : 17 + 18 * (m / XSMM_LANES); /* of code for one value */
    for (int row = 0, end; row < n; row = end) {
        for (end = row + 1; end < n && (int)(s->first[end + 1] - s->first[row]) * bytes < XSMM_CODE;)
            end++;
        struct xsmm_piece *piece = &s->pieces[s->count++];
        piece->row = row;
        piece->code = xsmm_compile(s, form, row, end);
        if (!piece->code.smm)
            return -1;
    }
    return 0;
}

static void xsmm_run(struct xsmm *s, enum xsmm_form form)
{
    const float one = 1, zero = 0;
    if (form == XSMM_SLICES)
        for (int i = 0; i < libxsmm_spmdm_get_num_compute_blocks(&s->slices); i++)
            libxsmm_spmdm_compute_fp32_thread(&s->slices, 'N', 'N', &one, s->slice, s->x, 'N', &zero, s->c, i, 0, 1);
    for (int i = 0; i < s->count; i++) {
        const struct xsmm_piece *p = &s->pieces[i];
        float *c = s->c + (ptrdiff_t)p->row * s->m;
        if (form == XSMM_PACKED)
            p->code.smm(s->value + s->first[p->row], s->x, c);
        else
            for (int j = 0; j < s->m; j += XSMM_LANES)
                p->code.smm(NULL, s->x + j, c + j);
    }
}

static void xsmm_close(struct xsmm *s, enum xsmm_form form)
{
    if (form == XSMM_SLICES)
        libxsmm_spmdm_destroy(&s->slices);
    for (int i = 0; i < s->count; i++)
        libxsmm_release_kernel((const void *)s->pieces[i].code.xmm);
    free(s->value), free(s->first), free(s->index), free(s->pieces);
}

#endif
