/* Tern: passages and their vectors in one file, and the nearest of them to a query. The rules of tern.h hold here too;
 * docs/search.md has more. A tern_index is immutable after open and may be shared by any number of threads. A
 * tern_searcher, and a tern_index_writer, belongs to one thread at a time; any number of searchers may share one index.
 */
#ifndef TERN_SEARCH_H
#define TERN_SEARCH_H

#include "runtime/base/tern.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An index is one file, mapped read-only and searched in place; docs/search.md has its layout. It is immutable after
   open and may be shared by any number of threads and searchers. */
typedef struct tern_index tern_index;

typedef struct tern_index_info {
    uint64_t model;    /* the checksum of the model that made the vectors, see tern_model_info */
    uint64_t settings; /* the writer's own number, of what else passages and vectors depend on */
    int32_t dimensions;
    size_t n_files, n_passages;
    uint64_t file_bytes; /* of the index */
} tern_index_info;

/* A file that passages come from. Tern reads none of these fields. */
typedef struct tern_index_file {
    const char *path;
    int64_t modified; /* nanoseconds since 1970 */
    uint64_t bytes, hash;
    size_t first, n_passages; /* its passages are first .. first + n_passages - 1 */
} tern_index_file;

/* A passage: the bytes [start, start + bytes) of its file, the first of them in line `line`, from 1. */
typedef struct tern_passage {
    uint64_t start;
    uint32_t bytes, line;
    size_t file;
} tern_passage;

/* Maps the file and checks every number in it but the vectors', whose checksum tern_index_verify compares. The file
   must not shrink or change while it is open (replace it by renaming another one into place, as the writer does). On
   success *out is owned by the caller. Errors: TERN_IO, TERN_FORMAT, TERN_NOMEM. */
TERN_API tern_status tern_index_open(tern_index **out, const char *path, tern_error *err);
/* Accepts NULL. Every searcher on the index must be closed before. */
TERN_API void tern_index_close(tern_index *index);
TERN_API const tern_index_info *tern_index_get_info(const tern_index *index);
/* TERN_FORMAT when a vector is not as it was written. Reads the whole file. */
TERN_API tern_status tern_index_verify(const tern_index *index, tern_error *err);
/* Fills *out, whose path belongs to the index. TERN_USAGE when there is no such file or passage. */
TERN_API tern_status tern_index_get_file(const tern_index *index, size_t file, tern_index_file *out);
TERN_API tern_status tern_index_get_passage(const tern_index *index, size_t passage, tern_passage *out);

/* Writes an index under a temporary name that takes its place when it is whole: whatever happens before, an index that
   was there stays as it was, also for those who have it open. It belongs to one thread at a time. */
typedef struct tern_index_writer tern_index_writer;

/* Begins an index of n_files files and n_passages passages; of `plan` file_bytes is ignored. Errors: TERN_USAGE (more
   than 65,536 dimensions, 2^31 - 1 passages or files), TERN_IO, TERN_NOMEM. */
TERN_API tern_status tern_index_writer_open(tern_index_writer **out, const char *path, const tern_index_info *plan,
                                            tern_error *err);
/* First all files, in their order; `first` is ignored, the path copied. */
TERN_API tern_status tern_index_writer_file(tern_index_writer *writer, const tern_index_file *file, tern_error *err);
/* Then their passages, in the order of the files and any number at a time, with vectors[n][dimensions], which need not
   have length 1: scores are cosines. `file` is ignored. TERN_USAGE: a number is not finite. */
TERN_API tern_status tern_index_writer_add(tern_index_writer *writer, const tern_passage *passages,
                                           const float *vectors, size_t n, tern_error *err);
/* The same with passages [first, first + n) of another index of as many dimensions, vectors and all: of a file that has
   not changed. */
TERN_API tern_status tern_index_writer_copy(tern_index_writer *writer, const tern_index *from, size_t first, size_t n,
                                            tern_error *err);
/* Puts the index into place and frees the writer, as discard does without. TERN_USAGE: files or passages are missing.
 */
TERN_API tern_status tern_index_writer_commit(tern_index_writer *writer, tern_error *err);
TERN_API void tern_index_writer_discard(tern_index_writer *writer);

/* A searcher has the threads and the memory of searches. It belongs to one thread at a time. */
typedef struct tern_searcher tern_searcher;

/* How a search compares vectors. */
typedef enum tern_search_vectors {
    TERN_SEARCH_AUTO = 0,  /* as it pays: int8 up to 131,072 passages */
    TERN_SEARCH_INT8 = 1,  /* all passages are compared in 8 bits a dimension */
    TERN_SEARCH_BINARY = 2 /* in one bit, and the best of them again in 8 */
} tern_search_vectors;

typedef struct tern_searcher_options {
    size_t struct_bytes; /* sizeof(tern_searcher_options), so that fields can be added */
    int32_t threads;     /* as of tern_session_options; answers do not depend on it */
    int32_t top;         /* most hits of a search, 1 .. 65,536; 0: 10 */
    tern_search_vectors vectors;
    int32_t candidates; /* of binary vectors: passages that are compared again, at least `top`, at most 2^20; 0: as many
                           as docs/search.md says */
    const char *isa;    /* as of tern_session_options; answers do not depend on it */
} tern_searcher_options;

typedef struct tern_hit {
    size_t passage;
    float score; /* the cosine of its vector and the query's */
} tern_hit;

/* Allocates what searches need: they allocate nothing. `options` may be NULL. The index must outlive the searcher.
   Errors: TERN_USAGE, TERN_NOMEM, TERN_FAILED. */
TERN_API tern_status tern_searcher_open(tern_searcher **out, const tern_index *index,
                                        const tern_searcher_options *options, tern_error *err);
/* Accepts NULL. */
TERN_API void tern_searcher_close(tern_searcher *searcher);
/* Fills hits[top] with the passages nearest to query[dimensions], best first, of equal ones the first in the index;
 *n_hits is `top` or the number of passages, if that is less. TERN_USAGE: a number of the query is not finite. */
TERN_API tern_status tern_search(tern_searcher *searcher, const float *query, tern_hit *hits, size_t *n_hits,
                                 tern_error *err);

#ifdef __cplusplus
}
#endif
#endif
