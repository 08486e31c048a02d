/* The parts of `tern bench`: what a record is, measuring one, printing it, comparing it. */
#ifndef TERN_BENCH_H
#define TERN_BENCH_H

#include "simd/codebook.h"
#include "tools/cli.h"
#include "tools/host.h"

struct bench_profile;

/* One combination's figures. Times in ms; a negative figure is one that could not be had, and is printed empty. */
struct bench_record {
    const char *tern, *build, *cpu; /* version, compiler and target, the machine's CPU */
    const char *model, *weights, *sparsity, *isa;
    int64_t size_bytes;
    int32_t threads, seq, seq_min, batch, n;
    double min_ms, p50_ms, p90_ms, p99_ms, mean_ms, sd_ms, tokens_per_s, texts_per_s;
    double tokenize_ms; /* of one text of `seq` tokens; models without a tokenizer have none */
    double load_ms;     /* opening the model */
    double first_ms;    /* opening a session, and its first run */
    int64_t peak_rss_kib;
    double mhz_min, temp_max;
    int32_t throttled;                   /* -1, 0 or 1 */
    uint64_t digest;                     /* XXH3-64 of the run's integers */
    double ratio;                        /* to the baseline's p50; negative without one */
    const struct bench_profile *profile; /* NULL, or printed with the record */
};

struct bench_model {
    const char *name;
    tern_model *model;
    void *bytes; /* of a seeded model */
    char cpu[128];
    char sparsity[24]; /* block shape and the part of the blocks that are zero, or none */
    double load_ms;
    struct host_usage load; /* what opening it took */
    int progress;
};

int bench_open_file(struct bench_model *m, const char *path);
int bench_open_shape(struct bench_model *m, int shape, const char *weights, enum tern_format embeddings,
                     const char *sparse);
void bench_close(struct bench_model *m);

/* What bench_measure returns when a signal came: the record has no figures. */
enum { BENCH_INTERRUPTED = -1 };
/* Measures record->{threads,seq,batch}; runs = 0: at least 30, for at least a second, but 5 are enough once they took
   patience_ms. With a profile that is filled by runs of its own. */
int bench_measure(struct bench_record *record, const struct bench_model *m, const char *isa, int32_t runs,
                  double patience_ms, struct bench_profile *profile);

/* Makes a text of `seq` tokens, [CLS] and [SEP] included, out of whole pieces that are words, and sets
   record->tokenize_ms to the median time it takes; a vocabulary without such pieces leaves it alone. */
int bench_time_tokenizer(struct bench_record *record, const tern_tokenizer *tokenizer);
/* For qsort over doubles. */
int bench_ascending(const void *a, const void *b);

/* ---- Output ------------------------------------------------------------------------------------------------------ */

enum bench_format { BENCH_MD, BENCH_CSV, BENCH_JSON, BENCH_JSONL };
/* How the named field of a record is written: s string, x digest, b boolean, i and l integers, d real; 0: there is no
   such field. */
char bench_field_kind(const char *name);
/* -1 when there is no format of that name. */
int bench_format_find(const char *name);
void bench_begin(FILE *out, enum bench_format format, const struct bench_model *m, int with_ratio);
void bench_print(FILE *out, enum bench_format format, const struct bench_record *record, int first, int with_ratio);
/* `interrupted`: there would have been more records. */
void bench_end(FILE *out, enum bench_format format, int interrupted);

/* ---- Report ------------------------------------------------------------------------------------------------------ */

/* `tern bench --report`: what owners of a board paste. */
struct bench_report {
    const char *path;  /* a file in place of the smallest shape, or NULL */
    const char *shape; /* the only model, or NULL: three */
    const char *isa;
    struct cli_list seq, threads; /* empty: 16 and 128 tokens; one thread and all */
    int32_t runs;                 /* 0: as many as there is time for */
};
int bench_report(FILE *out, const struct bench_report *report);

/* ---- Baseline ---------------------------------------------------------------------------------------------------- */

struct bench_baseline {
    const char *path;
    void *records; /* a JSON array of objects */
    int32_t max_regress;
    int compared, slower, different, no_time; /* records; no_time: of those to compare with, that have no median */
    double worst;                             /* highest ratio of the slower ones */
    char worst_name[96];
};

/* Takes what --format json, jsonl and csv write. */
int bench_baseline_open(struct bench_baseline *b, const char *path);
void bench_baseline_close(struct bench_baseline *b);
/* Sets record->ratio and counts. The
   baseline's record is that of the same model, weights, sparsity, threads, seq and batch, of the same ISA when there is
   one. */
void bench_baseline_compare(struct bench_baseline *b, struct bench_record *record);
/* The exit code, with its line. */
int bench_baseline_verdict(const struct bench_baseline *b);

#endif
