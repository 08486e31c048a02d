/* Brings an index up to date. Files that are as old and as long as the index says, or have the hash that it has, keep
   their passages; of the others so many are embedded in a round, and the index is written after each: a long first run
   that is killed loses its last round only. */
#include "tools/search_update.h"
#include "runtime/base/file.h"
#include "runtime/index.h"
#include "tools/cli.h"
#include "tools/output.h"
#include "tools/signals.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_FILE = 1 << 26, ROUND = 1 << 14 /* passages that are embedded before the index is written */ };

/* What becomes of a file in this round. */
struct entry {
    enum { ENTRY_KEPT, ENTRY_FRESH, ENTRY_LATER } kind; /* ENTRY_LATER: not in this round's index */
    size_t old;                                         /* ENTRY_KEPT: its number in the old index */
    size_t first, n;                                    /* ENTRY_FRESH: of the new passages */
    uint64_t hash, bytes;
    int64_t modified;
};

struct round {
    struct search_update *u;
    tern_index *old;       /* NULL: none */
    struct entry *entries; /* [files->n] */
    struct passages fresh;
    size_t n_files, n_passages;
    int changed, more; /* the index is not as it was; a further round is needed */
    tern_index_writer *writer;
    tern_error err;
    size_t written;          /* entries whose passages are in the new index */
    size_t answered, n_all;  /* passages that were embedded, of all fresh ones */
    size_t reading, passage; /* the entry and its passage that are read next */
    char *text;              /* of that entry */
    size_t bytes;
    float *nothing; /* [dimensions] zeros, for a passage that is gone */
    size_t answered_of_entry;
    int progress;
};

/* The number of a path in the old index, whose files are sorted; SIZE_MAX: it is not there. */
static size_t find_old(const tern_index *old, const char *path)
{
    size_t low = 0, high = old ? tern_index_get_info(old)->n_files : 0;
    tern_index_file f;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        tern_index_get_file(old, middle, &f);
        const int order = strcmp(path, f.path);
        if (!order)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return SIZE_MAX;
}

/* Reads a file and its passages. One that is no text has none; one that cannot be opened is left out, and tried again
   the next time. */
static int read_entry(struct round *r, const struct found_file *file, struct entry *e, const tern_index_file *old)
{
    char *text = NULL;
    size_t bytes = 0;
    tern_error err;
    const tern_status status = tern_read_text(&text, &bytes, file->path, LARGEST_FILE, 0, &err);
    if (status == TERN_NOMEM)
        return cli_status(&err);
    if (status)
        cli_warn("%s; left out", err.message);
    e->kind = status == TERN_IO ? ENTRY_LATER : ENTRY_FRESH;
    e->first = r->fresh.n;
    e->n = 0;
    e->bytes = status ? file->bytes : bytes;
    e->modified = file->modified;
    e->hash = status ? 0 : cli_digest(text, bytes);
    tern_status split = TERN_OK;
    if (old && !status && old->hash == e->hash && old->bytes == bytes)
        e->kind = ENTRY_KEPT;
    else if (!status)
        split = split_text(&r->u->splitter, text, bytes, &r->fresh, &err);
    e->n = r->fresh.n - e->first;
    free(text);
    return split && split != TERN_INPUT ? cli_status(&err) : CLI_OK;
}

static int plan_file(struct round *r, size_t i)
{
    const struct found_file *file = &r->u->files->at[i];
    struct entry *e = &r->entries[i];
    tern_index_file old;
    e->old = find_old(r->old, file->path);
    const int known = e->old != SIZE_MAX;
    int code = CLI_OK;
    if (known)
        tern_index_get_file(r->old, e->old, &old);
    if (known && ((old.modified == file->modified && old.bytes == file->bytes) || r->fresh.n >= ROUND)) {
        e->kind = ENTRY_KEPT;
        e->hash = old.hash, e->bytes = old.bytes, e->modified = old.modified;
        r->more |= old.modified != file->modified || old.bytes != file->bytes;
    } else if (r->fresh.n >= ROUND) {
        e->kind = ENTRY_LATER;
        r->more = 1;
    } else {
        code = read_entry(r, file, e, known ? &old : NULL);
        r->changed |= e->kind != ENTRY_LATER;
    }
    r->n_files += e->kind != ENTRY_LATER;
    r->n_passages += e->kind == ENTRY_KEPT ? old.n_passages : e->kind == ENTRY_FRESH ? e->n : 0;
    return code;
}

/* What this round does. */
static int plan(struct round *r)
{
    const struct found_files *files = r->u->files;
    int code = CLI_OK;
    r->entries = calloc(files->n + 1, sizeof *r->entries);
    r->nothing = calloc((size_t)tern_session_dimensions(r->u->session), sizeof *r->nothing);
    if (!r->entries || !r->nothing)
        return cli_nomem(files->n * sizeof *r->entries);
    for (size_t i = 0; i < files->n && !code; i++)
        code = plan_file(r, i);
    r->changed |= !r->old || tern_index_get_info(r->old)->n_files != r->n_files;
    return code;
}

/* ---- Writing -------------------------------------------------------------------------------------------------------
 */

/* Copies what is kept of the entries before `end`. */
static tern_status write_kept(struct round *r, size_t end)
{
    tern_status status = TERN_OK;
    for (; r->written < end && !status; r->written++) {
        const struct entry *e = &r->entries[r->written];
        tern_index_file old;
        if (e->kind != ENTRY_KEPT)
            continue;
        tern_index_get_file(r->old, e->old, &old);
        status = tern_index_writer_copy(r->writer, r->old, old.first, old.n_passages, &r->err);
    }
    return status;
}

/* The next passage. A file that was changed since it was split has no text left: the next update finds it. */
static tern_next next(void *context, tern_text *out)
{
    struct round *r = context;
    const struct found_files *files = r->u->files;
    while (r->reading < files->n &&
           (r->entries[r->reading].kind != ENTRY_FRESH || r->passage == r->entries[r->reading].n)) {
        free(r->text);
        r->text = NULL;
        r->reading++;
        r->passage = 0;
    }
    if (r->reading == files->n)
        return TERN_NEXT_END;
    const struct entry *e = &r->entries[r->reading];
    if (!r->text) {
        tern_error err;
        if (tern_read_text(&r->text, &r->bytes, files->at[r->reading].path, LARGEST_FILE, 0, &err) ||
            cli_digest(r->text, r->bytes) != e->hash) {
            free(r->text);
            r->text = calloc(1, 1);
            r->bytes = 0;
        }
    }
    const tern_passage *p = &r->fresh.at[e->first + r->passage++];
    *out = (tern_text){.text = ""};
    if (r->text && p->start + p->bytes <= r->bytes)
        *out = (tern_text){.text = r->text + p->start, .text_bytes = p->bytes};
    return TERN_NEXT_TEXT;
}

static tern_status answer(void *context, const tern_answer *a)
{
    struct round *r = context;
    size_t i = r->written;
    /* The entry that this passage is of: the next fresh one with passages left. */
    while (r->entries[i].kind != ENTRY_FRESH || r->answered_of_entry == r->entries[i].n) {
        if (r->entries[i].kind == ENTRY_FRESH)
            r->answered_of_entry = 0;
        i++;
    }
    tern_status status = write_kept(r, i);
    if (!status)
        status = tern_index_writer_add(r->writer, &r->fresh.at[r->entries[i].first + r->answered_of_entry],
                                       a->error ? r->nothing : a->values, 1, &r->err);
    r->answered_of_entry++;
    r->answered++;
    if (r->progress && (r->answered % 16 == 0 || r->answered == r->fresh.n))
        cli_progress("indexing", r->answered, r->fresh.n);
    return status;
}

static tern_status write_files(struct round *r)
{
    tern_status status = TERN_OK;
    for (size_t i = 0; i < r->u->files->n && !status; i++) {
        const struct entry *e = &r->entries[i];
        tern_index_file f = {
            .path = r->u->files->at[i].path, .modified = e->modified, .bytes = e->bytes, .hash = e->hash};
        f.n_passages = e->n;
        if (e->kind == ENTRY_LATER)
            continue;
        if (e->kind == ENTRY_KEPT) {
            tern_index_file old;
            tern_index_get_file(r->old, e->old, &old);
            f.n_passages = old.n_passages;
        }
        status = tern_index_writer_file(r->writer, &f, &r->err);
    }
    return status;
}

static int write_round(struct round *r)
{
    const tern_index_info info = {.model = r->u->model,
                                  .settings = r->u->settings,
                                  .dimensions = tern_session_dimensions(r->u->session),
                                  .n_files = r->n_files,
                                  .n_passages = r->n_passages};
    const tern_stream stream = {.struct_bytes = sizeof stream, .context = r, .next = next, .answer = answer};
    const char *const inputs[] = {r->u->model_path, NULL};
    static struct tern_writer file; /* 12 KB */
    int code = output_open(&file, r->u->index_path, OUTPUT_WHOLE, inputs);
    if (code)
        return code;
    tern_status status = tern_index_writer_begin(&r->writer, &file, &info, &r->err);
    if (!status)
        status = write_files(r);
    r->progress = cli_progress_wanted();
    if (!status && r->fresh.n) {
        r->err.code = TERN_OK;
        tern_error err;
        status = tern_answer_stream(r->u->session, TERN_EMBED, TERN_TRUNCATE_HEAD, &stream, &err);
        if (status && !r->err.code)
            r->err = err;
    }
    if (!status)
        status = write_kept(r, r->u->files->n);
    if (!status)
        status = tern_index_writer_commit(r->writer, &r->err);
    else
        tern_index_writer_discard(r->writer);
    output_discard(&file);
    return status ? cli_status(&r->err) : CLI_OK;
}

/* ---- Rounds --------------------------------------------------------------------------------------------------------
 */

/* CLI_USAGE, with a line, for a file that somebody else made: it is not to be replaced. */
static int check_owner(const char *path)
{
    char magic[sizeof TERN_INDEX_MAGIC - 1];
    struct stat st;
    FILE *f = !stat(path, &st) && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    const size_t n = f ? fread(magic, 1, sizeof magic, f) : 0;
    if (f)
        fclose(f);
    return n && (n < sizeof magic || memcmp(magic, TERN_INDEX_MAGIC, sizeof magic))
               ? cli_fail(CLI_USAGE, "%s: is no index of tern search; remove it, or give another file to --index", path)
               : CLI_OK;
}

/* Whether an index is of this model, with these prompts. */
static int fits(const tern_index *index, const struct search_update *u)
{
    const tern_index_info *const info = tern_index_get_info(index);
    return info->model == u->model && info->settings == u->settings &&
           info->dimensions == tern_session_dimensions(u->session);
}

/* What was just written, unless another process has put an index of its own there. */
static int reopen(tern_index **out, const struct search_update *u)
{
    tern_error err;
    if (tern_index_open(out, u->index_path, &err))
        return cli_status(&err);
    return fits(*out, u) ? CLI_OK
                         : cli_fail(CLI_FAILED, "%s: another process has replaced it by an index of another model",
                                    u->index_path);
}

/* The index that is there, if it was made as this one would be; NULL: there is none. */
static int open_old(tern_index **out, const struct search_update *u)
{
    tern_error err;
    *out = NULL;
    const int code = check_owner(u->index_path);
    if (code || !tern_path_exists(u->index_path))
        return code;
    if (tern_index_open(out, u->index_path, &err)) {
        cli_warn("%s", err.message);
        return CLI_OK;
    }
    if (fits(*out, u))
        return CLI_OK;
    cli_report("%s: made with another model or other prompts; making the index anew", u->index_path);
    tern_index_close(*out);
    *out = NULL;
    return CLI_OK;
}

int search_update(tern_index **out, struct search_update *u)
{
    tern_error err;
    tern_index *old;
    int more = 1, code = open_old(&old, u);
    *out = NULL;
    while (more && !code) {
        struct round r = {.u = u, .old = old};
        code = plan(&r);
        const int damaged = !code && r.changed && old && tern_index_verify(old, &err);
        more = !code && (r.more || damaged);
        if (damaged)
            cli_warn("%s", err.message);
        else if (!code && r.changed)
            code = write_round(&r);
        free(r.entries);
        free(r.nothing);
        free(r.fresh.at);
        free(r.text);
        if (!code && r.changed) {
            tern_index_close(old);
            old = NULL;
            if (!damaged)
                code = reopen(&old, u);
        }
    }
    if (code)
        tern_index_close(old);
    else
        *out = old;
    return code;
}
