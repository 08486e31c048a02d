/* One int8 product by oneDNN: its primitive, and its weights in the layout that it picks itself. */
#ifndef TERN_PEERS_ONEDNN_H
#define TERN_PEERS_ONEDNN_H

#include <dnnl.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void onednn_check(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return;
    fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
    exit(1);
}

struct onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t matmul;
    dnnl_exec_arg_t args[3];
    const char *implementation;
};

static dnnl_memory_t onednn_memory(const struct onednn *p, const dnnl_memory_desc_t *desc, void *data)
{
    dnnl_memory_t memory;
    onednn_check(dnnl_memory_create(&memory, desc, p->engine, data), "memory");
    return memory;
}

/* x[m][k] unsigned times w[k][n] to c[m][n]; w is reordered to what the implementation wants. */
static void onednn_open(struct onednn *p, int m, int n, int k, uint8_t *x, int8_t *w, int32_t *c)
{
    onednn_check(dnnl_engine_create(&p->engine, dnnl_cpu, 0), "engine");
    onednn_check(dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags), "stream");
    dnnl_dims_t xd = {m, k}, wd = {k, n}, cd = {m, n};
    dnnl_memory_desc_t xm, wm, plain, cm;
    onednn_check(dnnl_memory_desc_init_by_tag(&xm, 2, xd, dnnl_u8, dnnl_ab), "x");
    onednn_check(dnnl_memory_desc_init_by_tag(&wm, 2, wd, dnnl_s8, dnnl_format_tag_any), "w");
    onednn_check(dnnl_memory_desc_init_by_tag(&plain, 2, wd, dnnl_s8, dnnl_ab), "w");
    onednn_check(dnnl_memory_desc_init_by_tag(&cm, 2, cd, dnnl_s32, dnnl_ab), "c");
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;
    onednn_check(dnnl_matmul_desc_init(&desc, &xm, &wm, NULL, &cm), "matmul");
    onednn_check(dnnl_primitive_desc_create(&pd, &desc, NULL, p->engine, NULL), "matmul");
    const dnnl_memory_desc_t *packed = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    dnnl_memory_t from = onednn_memory(p, &plain, w), to = onednn_memory(p, packed, DNNL_MEMORY_ALLOCATE);
    dnnl_primitive_desc_t reorder_pd;
    dnnl_primitive_t reorder;
    onednn_check(dnnl_reorder_primitive_desc_create(&reorder_pd, &plain, p->engine, packed, p->engine, NULL),
                 "reorder");
    onednn_check(dnnl_primitive_create(&reorder, reorder_pd), "reorder");
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    onednn_check(dnnl_primitive_execute(reorder, p->stream, 2, args), "reorder");
    dnnl_stream_wait(p->stream);
    onednn_check(dnnl_primitive_create(&p->matmul, pd), "matmul");
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&p->implementation);
    p->args[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, onednn_memory(p, &xm, x)};
    p->args[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, to};
    p->args[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, onednn_memory(p, &cm, c)};
}

static void onednn_run(struct onednn *p)
{
    onednn_check(dnnl_primitive_execute(p->matmul, p->stream, 3, p->args), "matmul");
    dnnl_stream_wait(p->stream);
}

#endif
