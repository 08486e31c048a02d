/* Writes an index of passages: files first, then passages and vectors, each section at its place in a temporary file.
 */
#include "runtime/index.h"
#include "runtime/vectors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { ROWS = 32 }; /* that are written together */

struct tern_index_writer {
    struct tern_writer *file;
    struct tern_index_header header;
    struct tern_index_layout layout;
    struct tern_index_file_record *files;
    uint64_t n_files, n_passages; /* so far */
    uint64_t of_file, in_file;    /* the file of the next passage, and how many it has */
    char *names;
    size_t name_capacity;
    /* [ROWS] of what waits to be written. */
    struct tern_passage_record passages[ROWS];
    uint8_t *binary;
    int8_t *int8;
    int owns_file;
};

/* Writes at a place of the file; the stream of `file` is not used. */
static tern_status put(tern_index_writer *w, const void *bytes, size_t n, uint64_t at, tern_error *err)
{
    const char *from = bytes;
    while (n) {
        const ssize_t done = pwrite(w->file->fd, from, n, (off_t)at);
        if (done < 0 && errno != EINTR)
            return tern_fail_errno(err, w->file->final, "write", errno);
        if (done > 0) {
            from += done;
            at += (uint64_t)done;
            n -= (size_t)done;
        }
    }
    return TERN_OK;
}

static tern_status start(tern_index_writer *w, const tern_index_info *plan, tern_error *err)
{
    memcpy(w->header.magic, TERN_INDEX_MAGIC, sizeof w->header.magic);
    w->header.version = TERN_INDEX_VERSION;
    w->header.dimensions = (uint32_t)plan->dimensions;
    w->header.model = plan->model;
    w->header.settings = plan->settings;
    w->header.n_files = plan->n_files;
    w->header.n_passages = plan->n_passages;
    if (plan->dimensions < 1 || tern_index_lay_out(&w->layout, &w->header))
        return tern_fail(
            err, TERN_USAGE,
            "an index of %zu files, %zu passages and %d dimensions; the limits are %d, %d and %d, and what "
            "this machine can map",
            plan->n_files, plan->n_passages, plan->dimensions, INT32_MAX, INT32_MAX, TERN_INDEX_DIMENSIONS);
    const size_t n = (size_t)plan->dimensions;
    w->files = calloc(plan->n_files + 1, sizeof *w->files);
    w->binary = malloc(ROWS * tern_bit_bytes(plan->dimensions));
    w->int8 = malloc(ROWS * n);
    return w->files && w->binary && w->int8
               ? TERN_OK
               : tern_fail_nomem(err, "an index", plan->n_files * sizeof *w->files + ROWS * 2 * n);
}

tern_status tern_index_writer_begin(tern_index_writer **out, struct tern_writer *file, const tern_index_info *plan,
                                    tern_error *err)
{
    *out = NULL;
    tern_index_writer *w = calloc(1, sizeof *w);
    if (!w)
        return tern_fail_nomem(err, "an index", sizeof *w);
    w->file = file;
    const tern_status status = start(w, plan, err);
    if (status)
        tern_index_writer_discard(w);
    else
        *out = w;
    return status;
}

tern_status tern_index_writer_open(tern_index_writer **out, const char *path, const tern_index_info *plan,
                                   tern_error *err)
{
    *out = NULL;
    struct tern_writer *file = calloc(1, sizeof *file);
    if (!file)
        return tern_fail_nomem(err, "an index", sizeof *file);
    tern_status status = tern_writer_open(file, path, "/tmp", err);
    if (!status)
        status = tern_index_writer_begin(out, file, plan, err);
    if (!status) {
        (*out)->owns_file = 1;
    } else {
        tern_writer_discard(file);
        free(file);
    }
    return status;
}

tern_status tern_index_writer_file(tern_index_writer *w, const tern_index_file *file, tern_error *err)
{
    const size_t bytes = strlen(file->path), used = (size_t)w->header.name_bytes;
    if (w->n_files == w->header.n_files || w->n_passages)
        return tern_fail(err, TERN_USAGE, "%s: a file more than the %llu of this index, or behind its passages",
                         file->path, (unsigned long long)w->header.n_files);
    if (file->n_passages > w->header.n_passages || bytes > UINT32_MAX - 1)
        return tern_fail(err, TERN_USAGE, "%s: %zu passages; the index was to have %llu", file->path, file->n_passages,
                         (unsigned long long)w->header.n_passages);
    if (used + bytes + 1 > w->name_capacity) {
        const size_t capacity = (used + bytes + 1) * 2 + 256;
        char *names = realloc(w->names, capacity);
        if (!names)
            return tern_fail_nomem(err, "an index", capacity);
        w->names = names;
        w->name_capacity = capacity;
    }
    memcpy(w->names + used, file->path, bytes + 1);
    w->header.name_bytes += bytes + 1;
    w->files[w->n_files++] = (struct tern_index_file_record){.name = used,
                                                             .name_bytes = (uint32_t)bytes,
                                                             .n_passages = (uint32_t)file->n_passages,
                                                             .modified = file->modified,
                                                             .bytes = file->bytes,
                                                             .hash = file->hash};
    return TERN_OK;
}

/* Before the first passage: all files are known, and with them where passages lie. */
static tern_status begin_passages(tern_index_writer *w, size_t n, tern_error *err)
{
    if (w->n_files != w->header.n_files || n > w->header.n_passages - w->n_passages)
        return tern_fail(err, TERN_USAGE,
                         "an index of %llu files and %llu passages has %llu files, and gets passage %llu",
                         (unsigned long long)w->header.n_files, (unsigned long long)w->header.n_passages,
                         (unsigned long long)w->n_files, (unsigned long long)(w->n_passages + n));
    return tern_index_lay_out(&w->layout, &w->header)
               ? tern_fail(err, TERN_USAGE, "an index of more bytes than this machine can map")
               : TERN_OK;
}

/* Fills in the next passage's file; TERN_USAGE when the files have none left. */
static tern_status place(tern_index_writer *w, struct tern_passage_record *p, tern_error *err)
{
    while (w->of_file < w->n_files && w->in_file == w->files[w->of_file].n_passages) {
        w->of_file++;
        w->in_file = 0;
    }
    if (w->of_file == w->n_files)
        return tern_fail(err, TERN_USAGE, "an index whose files have fewer passages than it is given");
    const struct tern_index_file_record *f = &w->files[w->of_file];
    if (p->start > f->bytes || p->bytes > f->bytes - p->start || !p->line)
        return tern_fail(err, TERN_USAGE, "%s: a passage lies outside the file's %llu bytes, or in line 0",
                         w->names + f->name, (unsigned long long)f->bytes);
    p->file = (uint32_t)w->of_file;
    w->in_file++;
    return TERN_OK;
}

/* The first n of the rows that wait. */
static tern_status put_rows(tern_index_writer *w, const uint8_t *binary, const int8_t *int8, size_t n, tern_error *err)
{
    const size_t bits = tern_bit_bytes((int)w->header.dimensions), bytes = w->header.dimensions;
    const uint64_t row = w->n_passages;
    tern_status status = put(w, w->passages, n * sizeof *w->passages,
                             w->layout.at[TERN_SECTION_PASSAGES] + row * sizeof *w->passages, err);
    if (!status)
        status = put(w, binary, n * bits, w->layout.at[TERN_SECTION_BINARY] + row * bits, err);
    if (!status)
        status = put(w, int8, n * bytes, w->layout.at[TERN_SECTION_INT8] + row * bytes, err);
    w->n_passages += n;
    return status;
}

/* Row `i` of those that wait from a vector; TERN_USAGE when it is not finite. */
static tern_status round_row(tern_index_writer *w, size_t i, const float *vector, tern_error *err)
{
    const int n = (int)w->header.dimensions;
    int8_t *row = w->int8 + i * (size_t)n;
    int64_t norm2;
    if (tern_vector_round(row, &norm2, vector, n))
        return tern_fail(err, TERN_USAGE, "the vector of passage %llu has a number that is not finite",
                         (unsigned long long)(w->n_passages + i));
    w->passages[i].scale = tern_vector_scale(norm2);
    tern_vector_signs(w->binary + i * tern_bit_bytes(n), row, n);
    return TERN_OK;
}

tern_status tern_index_writer_add(tern_index_writer *w, const tern_passage *passages, const float *vectors, size_t n,
                                  tern_error *err)
{
    tern_status status = begin_passages(w, n, err);
    for (size_t done = 0, some; !status && done < n; done += some) {
        some = n - done < ROWS ? n - done : ROWS;
        for (size_t i = 0; !status && i < some; i++) {
            const tern_passage *p = &passages[done + i];
            w->passages[i] = (struct tern_passage_record){.start = p->start, .bytes = p->bytes, .line = p->line};
            status = place(w, &w->passages[i], err);
            if (!status)
                status = round_row(w, i, vectors + (done + i) * w->header.dimensions, err);
        }
        if (!status)
            status = put_rows(w, w->binary, w->int8, some, err);
    }
    return status;
}

tern_status tern_index_writer_copy(tern_index_writer *w, const tern_index *from, size_t first, size_t n,
                                   tern_error *err)
{
    const size_t bits = tern_bit_bytes((int)w->header.dimensions), bytes = w->header.dimensions;
    if ((uint32_t)from->info.dimensions != w->header.dimensions || first > from->info.n_passages ||
        n > from->info.n_passages - first)
        return tern_fail(err, TERN_USAGE, "%s: has no such passages of %u dimensions", from->path,
                         w->header.dimensions);
    tern_status status = begin_passages(w, n, err);
    for (size_t done = 0, some; !status && done < n; done += some) {
        some = n - done < ROWS ? n - done : ROWS;
        memcpy(w->passages, from->passages + first + done, some * sizeof *w->passages);
        for (size_t i = 0; !status && i < some; i++)
            status = place(w, &w->passages[i], err);
        if (!status)
            status = put_rows(w, from->binary + (first + done) * bits, from->int8 + (first + done) * bytes, some, err);
    }
    return status;
}

/* The checksums are of what the file has, read back. */
static tern_status finish(tern_index_writer *w, tern_error *err)
{
    struct tern_mapping whole;
    tern_status status = begin_passages(w, 0, err);
    if (!status && w->n_passages != w->header.n_passages)
        status = tern_fail(err, TERN_USAGE, "an index of %llu passages was given %llu",
                           (unsigned long long)w->header.n_passages, (unsigned long long)w->n_passages);
    /* Sections are padded by zeros, the last one too. */
    if (!status && ftruncate(w->file->fd, (off_t)w->layout.at[TERN_N_SECTIONS]))
        status = tern_fail_errno(err, w->file->final, "write", errno);
    if (!status)
        status = put(w, w->files, (size_t)w->n_files * sizeof *w->files, w->layout.at[TERN_SECTION_FILES], err);
    if (!status)
        status = put(w, w->names, (size_t)w->header.name_bytes, w->layout.at[TERN_SECTION_NAMES], err);
    if (status || (status = tern_map_descriptor(&whole, w->file->fd, w->file->final, err)))
        return status;
    const size_t tables = (size_t)w->layout.at[TERN_SECTION_BINARY];
    w->header.vector_sum = XXH3_64bits(whole.bytes + tables, whole.size - tables);
    w->header.sum = tern_index_sum(&w->header, whole.bytes + sizeof w->header, tables - sizeof w->header);
    tern_map_close(&whole);
    return put(w, &w->header, sizeof w->header, 0, err);
}

tern_status tern_index_writer_commit(tern_index_writer *w, tern_error *err)
{
    tern_status status = finish(w, err);
    if (!status)
        status = tern_writer_commit(w->file, err);
    tern_index_writer_discard(w);
    return status;
}

void tern_index_writer_discard(tern_index_writer *w)
{
    if (!w)
        return;
    tern_writer_discard(w->file);
    if (w->owns_file)
        free(w->file);
    free(w->files);
    free(w->names);
    free(w->binary);
    free(w->int8);
    free(w);
}
