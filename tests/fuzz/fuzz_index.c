/* Any bytes as an index of passages, as they are and with the checksum mended. Of what is accepted every name and
   passage can be read, and a search finds passages that there are; a refusal has a status and one line. */
/* COVERS: runtime/index.c runtime/search.c runtime/best.c runtime/vectors.c */

#include "runtime/index.h"
#include "tests/fuzz/files.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TOP = 3 };

static void check_search(const tern_index *x, tern_search_vectors vectors)
{
    const tern_searcher_options o = {
        .struct_bytes = sizeof o, .threads = 1, .top = TOP, .candidates = TOP, .vectors = vectors};
    tern_searcher *s;
    tern_error err;
    tern_hit hits[TOP];
    size_t n;
    float *query = malloc((size_t)x->info.dimensions * sizeof *query);
    fuzz_check(query && !tern_searcher_open(&s, x, &o, &err));
    for (int i = 0; i < x->info.dimensions; i++)
        query[i] = (float)(i * 7 % 11 - 5);
    fuzz_check(!tern_search(s, query, hits, &n, &err));
    fuzz_check(n == (x->info.n_passages < TOP ? x->info.n_passages : TOP));
    for (size_t i = 0; i < n; i++)
        fuzz_check(hits[i].passage < x->info.n_passages);
    tern_searcher_close(s);
    free(query);
}

static void check_index(const tern_index *x, size_t size)
{
    tern_index_file f;
    tern_passage p;
    tern_error err;
    size_t passages = 0;
    const tern_status whole = tern_index_verify(x, &err);
    if (whole)
        fuzz_check_error(&err, TERN_FORMAT);
    fuzz_check(x->info.file_bytes == size);
    for (size_t i = 0; i < x->info.n_files; i++) {
        fuzz_check(!tern_index_get_file(x, i, &f) && f.first == passages && strlen(f.path) < size);
        passages += f.n_passages;
    }
    fuzz_check(passages == x->info.n_passages && tern_index_get_file(x, x->info.n_files, &f) == TERN_USAGE);
    for (size_t i = 0; i < passages; i++) {
        fuzz_check(!tern_index_get_passage(x, i, &p) && !tern_index_get_file(x, p.file, &f));
        fuzz_check(p.start <= f.bytes && p.bytes <= f.bytes - p.start && p.line);
    }
    fuzz_check(tern_index_get_passage(x, passages, &p) == TERN_USAGE);
    for (int kind = TERN_SEARCH_AUTO; kind <= TERN_SEARCH_BINARY; kind++)
        check_search(x, (tern_search_vectors)kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tern_index_layout layout;
    tern_index *x;
    tern_error err;
    struct tern_index_header *h = aligned_alloc(64, (size + 64) / 64 * 64);
    fuzz_check(h != NULL);
    memcpy(h, data, size);
    for (int mended = 0; mended < 2; mended++) {
        const tern_status status = tern_index_open_memory(&x, h, size, &err);
        if (status)
            fuzz_check_error(&err, TERN_FORMAT);
        else
            check_index(x, size);
        if (!status)
            tern_index_close(x);
        if (size < sizeof *h || tern_index_lay_out(&layout, h) || layout.at[TERN_N_SECTIONS] != size)
            break;
        h->sum = tern_index_sum(h, h + 1, (size_t)layout.at[TERN_SECTION_BINARY] - sizeof *h);
    }
    free(h);
    return 0;
}
