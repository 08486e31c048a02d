/* The numbers that vectors are written in: as they are, or rounded as sentence-transformers' quantize_embeddings does.
 */
#ifndef TERN_PRECISION_H
#define TERN_PRECISION_H

#include <stddef.h>
#include <stdint.h>

enum precision {
    PRECISION_F32,
    PRECISION_F16,
    PRECISION_INT8,    /* the place in the dimension's range, of 256, minus 128 */
    PRECISION_UINT8,   /* the same from 0 on */
    PRECISION_BINARY,  /* a bit for each number, 1: above 0; eight of them, the first one highest, minus 128 */
    PRECISION_UBINARY, /* the same without minus 128 */
    N_PRECISIONS
};
extern const char *const precision_names[N_PRECISIONS];

struct rounding {
    enum precision kind;
    int32_t columns;     /* of the vectors */
    float *least, *most; /* [columns] the ranges of INT8 and UINT8; NULL until they are begun or read */
    size_t seen;         /* vectors that they were taken from */
};

/* Whether the numbers are places in ranges. */
int precision_has_ranges(enum precision kind);
/* Numbers of a rounded vector, and the bytes of each. */
size_t precision_numbers(const struct rounding *r);
size_t precision_bytes(enum precision kind);

/* A number of F16. */
float precision_half(uint16_t half);

/* Ranges of a file of NumPy's, [2][columns]: an exit code. */
int rounding_read(struct rounding *r, const char *path);
/* Ranges of vectors that come one after the other: an exit code. */
int rounding_take(struct rounding *r, const float *vector);
/* Writes them as such a file: an exit code. */
int rounding_write(const struct rounding *r, const char *path, const char *const *inputs);
/* out[precision_numbers][precision_bytes], as they lie in memory; vector NULL: of a text that has none, which are NaN
   or 0. */
void rounding_apply(const struct rounding *r, const float *vector, void *out);
/* Safe on a zeroed struct. */
void rounding_free(struct rounding *r);

#endif
