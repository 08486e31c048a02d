/* `tern bench --profile` and `--roofline`. */
#ifndef TERN_BENCH_PROFILE_H
#define TERN_BENCH_PROFILE_H

#include "tools/bench.h"
#include "tools/roofline.h"

#include "runtime/base/profile.h"

/* One combination's stages, per inference, summed over its threads. */
struct bench_profile {
    struct tern_profile sum;
    double wall_ms;  /* of the profiled runs, per inference */
    double clock_ms; /* what reading the clock costs them, per inference; taken off the stages */
    double mark_ns;  /* one reading */
    int32_t threads, seq, batch, runs;
    const tern_model *model;
    const char *asked_isa;    /* of the session */
    unsigned features;        /* in force */
    const char *isa;          /* of gemm_s8's kernel */
    struct roofline roofline; /* of as many threads, with the peak of `isa` */
    int64_t weight_bytes;     /* of the encoder's layers */
    double first_ms;          /* opening the model and a session, and the first run */
    struct host_usage first;  /* what these took */
};

/* Runs `runs` more inferences with the profile on. */
int bench_profile_measure(struct bench_profile *p, tern_session *session, int (*run)(void *), void *context, int runs);
/* A table. */
void bench_profile_print(FILE *out, const struct bench_profile *p);
/* The same as a JSON array of objects. */
void bench_profile_json(FILE *out, const struct bench_profile *p);

/* n columns, or an array of n objects. */
void bench_roofline_print(FILE *out, const struct roofline *r, int n, int json);

#endif
