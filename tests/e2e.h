/* What the end-to-end tests share: models converted from synthetic checkpoints, seeded token ids, runs in any grouping,
   the ISA rows of this CPU. */
#ifndef TESTS_E2E_H
#define TESTS_E2E_H

#include "runtime/base/tern.h"
#include "tests/make_checkpoint.h"
#include "tests/rng.h"

/* For cmocka tests that have a `tern_error err` in sight: fails with the status and the line. */
#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        tern_status status_ = (call);                                                                                  \
        if (status_ != TERN_OK)                                                                                        \
            fail_msg("%s: %s: %s", #call, tern_status_name(status_), err.message);                                     \
    } while (0)

/* Writes the checkpoint into a fresh directory, converts it and opens the result; no columns are repeated, since the
   search for them takes longer than all else; `model_path` (room for 300 bytes) or
   NULL receives the file's name. The directory is removed unless model_path is given. Aborts when anything fails. */
tern_model *e2e_model(const struct test_checkpoint_spec *spec, const char *weights, char *model_path);

/* Texts for a batch; ids and offsets as tern_batch wants them. */
struct e2e_texts {
    int32_t n;
    int32_t *ids, *types, *offsets;
};
/* n texts of seeded lengths 1 .. longest and seeded ids and types. */
struct e2e_texts e2e_random_texts(const tern_model *model, int32_t n, int32_t longest, uint64_t seed);
void e2e_free_texts(struct e2e_texts *texts);

enum e2e_task { E2E_CLASSIFY, E2E_EMBED };

/* How texts are run. */
struct e2e_run {
    const char *isa; /* NULL: the best */
    int32_t threads, group;
    uint64_t shuffle; /* not 0: in a seeded order */
    enum e2e_task task;
};
/* All texts, `group` of them at a time; results in the order of the texts: floats[n][width] and, unless NULL, the
   integers behind them. Aborts when a run fails. */
void e2e_run(const tern_model *model, const struct e2e_texts *texts, const struct e2e_run *how, float *floats,
             int32_t *integers);
int32_t e2e_width(const tern_model *model, enum e2e_task task);
/* XXH3-64 of all those integers. */
uint64_t e2e_digest(const tern_model *model, const struct e2e_texts *texts, const struct e2e_run *how);

/* The names of the rows that this CPU has and that differ from those before in at least one kernel; returns how many.
   names[] needs room for 16. */
int e2e_isas(const char **names);

double e2e_cosine(const float *a, const float *b, int32_t n);
double e2e_seconds(void);

#endif
