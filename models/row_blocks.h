/* Row-wise steps of a forward pass: tasks of TERN_ROW_BLOCK tokens each. */
#ifndef TERN_ROW_BLOCKS_H
#define TERN_ROW_BLOCKS_H

#include "models/bert.h"

/* Rows that one task takes: enough to hide the cost of handing a task out. */
enum { TERN_ROW_BLOCK = 8 };
/* A part's rows are a multiple of this. */
enum { TERN_PART_STEP = TERN_TILE_ROWS };

/* Behind the last row of a task: its rows begin at task * TERN_ROW_BLOCK. */
static inline int tern_last_row(int tokens, int task)
{
    const int last = (task + 1) * TERN_ROW_BLOCK;
    return last < tokens ? last : tokens;
}

static inline void tern_run_rows(const struct tern_bert *b, int tokens, void (*task)(void *, int, int), void *job)
{
    tern_pool_run(b->run.pool, task, job, (tokens + TERN_ROW_BLOCK - 1) / TERN_ROW_BLOCK);
}

static inline void tern_charge_rows(const struct tern_bert *b, int tokens, int task, int thread, enum tern_stage stage,
                                    int64_t time, int bytes_per_row)
{
    const int64_t rows = tern_last_row(tokens, task) - task * TERN_ROW_BLOCK;
    tern_profile_charge(b->run.profile, thread, stage, time, 0, rows * bytes_per_row);
}

#endif
