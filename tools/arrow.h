/* Files of Apache Arrow's IPC format (Feather, version 2): columns `text` and `embedding`. */
#ifndef TERN_ARROW_H
#define TERN_ARROW_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What the numbers of a vector are. */
enum arrow_type { ARROW_FLOAT, ARROW_HALF, ARROW_INT8, ARROW_UINT8 };

enum { ARROW_ROWS = 1024 /* of a record batch, at most */, ARROW_BATCH_BYTES = 1 << 24 /* about so many, too */ };

/* All but the first three is the writer's own. */
struct arrow {
    FILE *out;
    enum arrow_type type;
    size_t numbers; /* of a vector */
    int64_t at;     /* bytes written so far */
    size_t rows;    /* that wait */
    int32_t offsets[ARROW_ROWS + 1];
    uint8_t valid[ARROW_ROWS / 8];
    size_t n_null;
    char *text;
    size_t room;
    uint8_t *vectors;
    size_t vectors_room;
    struct arrow_block *blocks; /* [n_blocks] */
    size_t n_blocks, blocks_room;
};

/* Each returns 0, or -1 when memory is short. Whether what was written arrived is for the caller to ask `out`. */
int arrow_begin(struct arrow *a);
/* text NULL: of a text that has none, nor a vector: both are null. */
int arrow_row(struct arrow *a, const char *text, size_t bytes, const void *vector);
int arrow_end(struct arrow *a);
/* Safe on a zeroed struct. */
void arrow_free(struct arrow *a);

#endif
