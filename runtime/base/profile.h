/* Where a session's time goes, stage by stage. Base layer. Off (a NULL profile) it costs a branch per block of work. */
#ifndef TERN_PROFILE_H
#define TERN_PROFILE_H

#include <stdint.h>
#include <time.h>

enum tern_stage {
#define STAGE(name, text) TERN_STAGE_##name,
#include "runtime/base/stages.def"
#undef STAGE
    TERN_N_STAGES
};

/* Of one thread. Products are int8 multiply-adds without padding; bytes are those of the operands, each counted once
   per block of work, which says what must be moved, not what a cache saves. */
struct tern_profile {
    struct tern_stage_sum {
        int64_t ns, calls, products, bytes;
        uint32_t routes; /* of linear layers: a bit for each way that products went (enum tern_route) */
    } stage[TERN_N_STAGES];
};

static inline int64_t tern_profile_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t tern_profile_start(const struct tern_profile *profiles)
{
    return profiles ? tern_profile_clock() : 0;
}

/* Charges the time since `start` to a stage; returns the start of what follows. */
static inline int64_t tern_profile_charge(struct tern_profile *profiles, int thread, enum tern_stage stage,
                                          int64_t start, int64_t products, int64_t bytes)
{
    if (!profiles)
        return 0;
    const int64_t now = tern_profile_clock();
    struct tern_stage_sum *s = &profiles[thread].stage[stage];
    s->ns += now - start;
    s->calls++;
    s->products += products;
    s->bytes += bytes;
    return now;
}

#endif
