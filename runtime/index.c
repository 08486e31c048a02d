/* Opens an index of passages, with every number in it checked, and tells what is in it. */
#include "runtime/index.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

int tern_index_lay_out(struct tern_index_layout *out, const struct tern_index_header *h)
{
    if (h->dimensions < 1 || h->dimensions > TERN_INDEX_DIMENSIONS || h->n_files > INT32_MAX ||
        h->n_passages > INT32_MAX || h->name_bytes > (uint64_t)1 << 40)
        return -1;
    /* The largest is 2^31 * 2^16 bytes: sums stay below 2^49. */
    const uint64_t bytes[TERN_N_SECTIONS] = {
        [TERN_SECTION_FILES] = h->n_files * sizeof(struct tern_index_file_record),
        [TERN_SECTION_NAMES] = h->name_bytes,
        [TERN_SECTION_PASSAGES] = h->n_passages * sizeof(struct tern_passage_record),
        [TERN_SECTION_BINARY] = h->n_passages * tern_bit_bytes((int)h->dimensions),
        [TERN_SECTION_INT8] = h->n_passages * h->dimensions,
    };
    uint64_t at = sizeof *h;
    for (int i = 0; i < TERN_N_SECTIONS; i++) {
        out->at[i] = at;
        at = (at + bytes[i] + TERN_INDEX_ALIGN - 1) / TERN_INDEX_ALIGN * TERN_INDEX_ALIGN;
    }
    out->at[TERN_N_SECTIONS] = at;
    return at > SIZE_MAX ? -1 : 0;
}

uint64_t tern_index_sum(const struct tern_index_header *h, const void *tables, size_t bytes)
{
    struct tern_index_header plain = *h;
    plain.sum = 0;
    return XXH3_64bits_withSeed(tables, bytes, XXH3_64bits(&plain, sizeof plain));
}

static tern_status damaged(const tern_index *x, const char *what, tern_error *err)
{
    return tern_fail(err, TERN_FORMAT, "%s: %s; remove the file, and it is made anew", x->path, what);
}

/* The header, and that the file has the size that follows from it. */
static tern_status read_header(tern_index *x, tern_error *err)
{
    const struct tern_index_header *h = (const void *)x->mapping.bytes;
    if (x->mapping.size < sizeof *h || memcmp(h->magic, TERN_INDEX_MAGIC, sizeof h->magic))
        return tern_fail(err, TERN_FORMAT, "%s: not an index of tern search", x->path);
    if (h->version != TERN_INDEX_VERSION)
        return tern_fail(err, TERN_FORMAT,
                         "%s: an index of version %u, this is version %d; remove the file, and it is "
                         "made anew",
                         x->path, h->version, TERN_INDEX_VERSION);
    x->header = h;
    if (tern_index_lay_out(&x->layout, h))
        return damaged(x, "its counts are out of range", err);
    if (x->layout.at[TERN_N_SECTIONS] != x->mapping.size)
        return damaged(x, "its size is not what its header says", err);
    return tern_index_sum(h, h + 1, (size_t)x->layout.at[TERN_SECTION_BINARY] - sizeof *h) == h->sum
               ? TERN_OK
               : damaged(x, "its checksum is another", err);
}

static tern_status read_files(tern_index *x, tern_error *err)
{
    uint64_t first = 0;
    const size_t n = (size_t)x->header->n_files;
    x->first = malloc((n + 1) * sizeof *x->first);
    if (!x->first)
        return tern_fail_nomem(err, "an index", (n + 1) * sizeof *x->first);
    for (size_t i = 0; i < n; i++) {
        const struct tern_index_file_record *f = &x->files[i];
        if (f->name >= x->header->name_bytes || f->name_bytes >= x->header->name_bytes - f->name ||
            memchr(x->names + f->name, 0, f->name_bytes + (size_t)1) != x->names + f->name + f->name_bytes)
            return damaged(x, "a file's name lies outside the names", err);
        x->first[i] = (uint32_t)first;
        first += f->n_passages; /* below 2^63: both counts are below 2^31 */
        if (first > x->header->n_passages)
            return damaged(x, "its files have more passages than there are", err);
    }
    return first == x->header->n_passages ? TERN_OK : damaged(x, "its files have fewer passages than there are", err);
}

static tern_status read_passages(tern_index *x, tern_error *err)
{
    for (size_t i = 0; i < x->header->n_files; i++) {
        const struct tern_index_file_record *f = &x->files[i];
        const struct tern_passage_record *p = x->passages + x->first[i];
        for (uint32_t j = 0; j < f->n_passages; j++)
            if (p[j].file != i || p[j].start > f->bytes || p[j].bytes > f->bytes - p[j].start || !p[j].line ||
                p[j].scale > TERN_INDEX_SCALE)
                return damaged(x, "a passage lies outside its file", err);
    }
    return TERN_OK;
}

static tern_status open_mapped(tern_index *x, tern_error *err)
{
    const uint8_t *bytes = x->mapping.bytes;
    tern_status status = read_header(x, err);
    if (status)
        return status;
    x->files = (const void *)(bytes + x->layout.at[TERN_SECTION_FILES]);
    x->names = (const void *)(bytes + x->layout.at[TERN_SECTION_NAMES]);
    x->passages = (const void *)(bytes + x->layout.at[TERN_SECTION_PASSAGES]);
    x->binary = bytes + x->layout.at[TERN_SECTION_BINARY];
    x->int8 = (const void *)(bytes + x->layout.at[TERN_SECTION_INT8]);
    x->info = (tern_index_info){.model = x->header->model,
                                .settings = x->header->settings,
                                .dimensions = (int32_t)x->header->dimensions,
                                .n_files = (size_t)x->header->n_files,
                                .n_passages = (size_t)x->header->n_passages,
                                .file_bytes = x->mapping.size};
    status = read_files(x, err);
    return status ? status : read_passages(x, err);
}

static tern_status open_index(tern_index **out, const char *path, const struct tern_mapping *memory, tern_error *err)
{
    *out = NULL;
    tern_index *x = calloc(1, sizeof *x);
    if (!x)
        return tern_fail_nomem(err, "an index", sizeof *x);
    x->path = strdup(path);
    tern_status status = x->path ? TERN_OK : tern_fail_nomem(err, "an index", strlen(path) + 1);
    if (!status && memory)
        x->mapping = *memory;
    else if (!status)
        status = tern_map_open(&x->mapping, path, err);
    if (!status)
        status = open_mapped(x, err);
    if (memory) /* nothing to unmap at the end */
        x->mapping = (struct tern_mapping){NULL, 0};
    if (status)
        tern_index_close(x);
    else
        *out = x;
    return status;
}

tern_status tern_index_open(tern_index **out, const char *path, tern_error *err)
{
    return open_index(out, path, NULL, err);
}

tern_status tern_index_open_memory(tern_index **out, const void *bytes, size_t size, tern_error *err)
{
    const struct tern_mapping memory = {bytes, size};
    return open_index(out, "index in memory", &memory, err);
}

void tern_index_close(tern_index *x)
{
    if (!x)
        return;
    tern_map_close(&x->mapping);
    free(x->first);
    free(x->path);
    free(x);
}

const tern_index_info *tern_index_get_info(const tern_index *x)
{
    return &x->info;
}

tern_status tern_index_verify(const tern_index *x, tern_error *err)
{
    const size_t bytes = (size_t)(x->layout.at[TERN_N_SECTIONS] - x->layout.at[TERN_SECTION_BINARY]);
    return XXH3_64bits(x->binary, bytes) == x->header->vector_sum
               ? TERN_OK
               : damaged(x, "the checksum of its vectors is another", err);
}

tern_status tern_index_get_file(const tern_index *x, size_t file, tern_index_file *out)
{
    if (file >= x->info.n_files)
        return TERN_USAGE;
    const struct tern_index_file_record *f = &x->files[file];
    *out = (tern_index_file){.path = x->names + f->name,
                             .modified = f->modified,
                             .bytes = f->bytes,
                             .hash = f->hash,
                             .first = x->first[file],
                             .n_passages = f->n_passages};
    return TERN_OK;
}

tern_status tern_index_get_passage(const tern_index *x, size_t passage, tern_passage *out)
{
    if (passage >= x->info.n_passages)
        return TERN_USAGE;
    const struct tern_passage_record *p = &x->passages[passage];
    *out = (tern_passage){.start = p->start, .bytes = p->bytes, .line = p->line, .file = p->file};
    return TERN_OK;
}
