/* What this machine can do at most, measured. */
#ifndef TERN_ROOFLINE_H
#define TERN_ROOFLINE_H

#include "simd/table.h"

enum roofline_level { ROOFLINE_L2, ROOFLINE_L3, ROOFLINE_MEMORY, ROOFLINE_LEVELS };

/* Of `threads` threads together. */
struct roofline {
    int threads;
    double peak_gops[TERN_N_ISAS];        /* int8, two operations per multiply-add; 0 for what the CPU lacks */
    double read_gbs[ROOFLINE_LEVELS];     /* 0 for a level that is not there */
    int64_t level_bytes[ROOFLINE_LEVELS]; /* a cache's size; of memory what was read */
};

/* About half a second. The peak of the best ISA that `features` have, or of all of them. An exit code. */
int roofline_measure(struct roofline *r, unsigned features, int threads, int all);
/* The level that holds so many bytes. */
enum roofline_level roofline_level_of(const struct roofline *r, int64_t bytes);
const char *roofline_level_name(enum roofline_level level);

#endif
