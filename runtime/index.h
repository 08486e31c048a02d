/* An index of passages as it lies in its file: docs/search.md. Sections follow one another, each at a multiple of 64
   bytes, and their places follow from the header's counts. Little-endian, as all CPUs that Tern is built for. */
#ifndef TERN_RUNTIME_INDEX_H
#define TERN_RUNTIME_INDEX_H

#include "runtime/base/file.h"
#include "runtime/base/tern_search.h"
#include "runtime/base/writer.h"

#define TERN_INDEX_MAGIC "TERNIDX1"
enum { TERN_INDEX_VERSION = 1, TERN_INDEX_ALIGN = 64, TERN_INDEX_DIMENSIONS = 65536 };

struct tern_index_header {
    char magic[8];
    uint32_t version, dimensions;
    uint64_t model, settings;
    uint64_t n_files, n_passages, name_bytes;
    uint64_t vector_sum; /* XXH3-64 of the sections binary and int8 */
    uint64_t zero[7];
    uint64_t sum; /* XXH3-64 of the sections before binary, its seed that of the header with this field 0 */
};
_Static_assert(sizeof(struct tern_index_header) == 128, "no padding");

struct tern_index_file_record {
    uint64_t name; /* where its path begins in the names; a zero ends it */
    uint32_t name_bytes, n_passages;
    int64_t modified;
    uint64_t bytes, hash;
};
_Static_assert(sizeof(struct tern_index_file_record) == 40, "no padding");

struct tern_passage_record {
    uint64_t start;
    uint32_t bytes, line, file;
    uint32_t scale; /* of its int8 vector: 2^32 / its length, rounded; 0 for a vector of zeros */
};
_Static_assert(sizeof(struct tern_passage_record) == 24, "no padding");

/* A vector's largest number is 127 or all are 0, so its length is at least 127. */
enum { TERN_INDEX_SCALE = (int)(0x100000000 / 127) + 1 };

enum tern_index_section {
    TERN_SECTION_FILES,
    TERN_SECTION_NAMES,
    TERN_SECTION_PASSAGES,
    TERN_SECTION_BINARY, /* [n_passages][dimensions / 8 rounded up]: bit i % 8 of byte i / 8 is 1 where number i < 0 */
    TERN_SECTION_INT8,   /* [n_passages][dimensions] */
    TERN_N_SECTIONS
};

/* Where each section begins, and behind them the file's size. */
struct tern_index_layout {
    uint64_t at[TERN_N_SECTIONS + 1];
};
/* 0, or -1: the header's numbers are out of range, or their file cannot be mapped on this machine. */
int tern_index_lay_out(struct tern_index_layout *out, const struct tern_index_header *h);

/* The header's field `sum`, from the sections between the header and the vectors. */
uint64_t tern_index_sum(const struct tern_index_header *h, const void *tables, size_t bytes);

struct tern_index {
    struct tern_mapping mapping;
    char *path;
    tern_index_info info;
    const struct tern_index_header *header;
    struct tern_index_layout layout;
    const struct tern_index_file_record *files;
    uint32_t *first; /* [n_files] */
    const char *names;
    const struct tern_passage_record *passages;
    const uint8_t *binary;
    const int8_t *int8;
};

static inline size_t tern_bit_bytes(int dimensions)
{
    return ((size_t)dimensions + 7) / 8;
}

/* tern_index_open on bytes in memory at a multiple of 64, which stay the caller's. */
tern_status tern_index_open_memory(tern_index **out, const void *bytes, size_t size, tern_error *err);

/* tern_index_writer_open on a file that was opened with a spool; the writer is closed with the index's. */
tern_status tern_index_writer_begin(tern_index_writer **out, struct tern_writer *file, const tern_index_info *plan,
                                    tern_error *err);

#endif
