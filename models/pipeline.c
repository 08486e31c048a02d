/* Runs a text through a tokenizer's pipeline. Text is read into a line up to a place where it may be cut, normalised
   from one line into another and back, and what lies between added tokens is handed down the pre-tokenizers. */
#include "models/pipeline.h"
#include "models/classes.h"

#include <stdlib.h>
#include <string.h>

enum { READ_WITH_PLACES = 1024, READ_WITHOUT = 4096 }; /* bytes of text that a line takes before it is cut */

/* ---- Opening ---- */

tern_status tern_pipeline_open(struct tern_pipeline *out, const json_t *settings, const void *table, size_t bytes,
                               const char *label, tern_error *err)
{
    const json_t *model = json_object_get(settings, "model");
    int breaks = 0;
    tern_status status;

    memset(out, 0, sizeof *out);
    status = tern_token_table_open(&out->table, table, bytes, label, err);
    if (!status)
        status = tern_charsmap_open(&out->charsmap, out->table.charsmap, out->table.charsmap_bytes, label, err);
    if (!status)
        status = tern_normalizers_read(&out->normalizers, json_object_get(settings, "normalizer"), label, err);
    if (!status)
        status = tern_pretokenizers_read(&out->pretokenizers, json_object_get(settings, "pre_tokenizer"), label, err);
    if (!status)
        status = tern_subwords_read(&out->model, model, &out->table, out->pretokenizers.bytes, label, err);
    out->cuts = 1;
    for (int i = 0; i < out->normalizers.n; i++)
        out->cuts &= out->normalizers.steps[i].local;
    for (int i = 0; i < out->pretokenizers.n; i++) {
        out->cuts &= out->pretokenizers.steps[i].local;
        breaks |= out->pretokenizers.steps[i].breaks;
    }
    out->cuts &= breaks;
    return status;
}

void tern_pipeline_added(struct tern_pipeline *p, const struct tern_added_set *raw,
                         const struct tern_added_set *normalized)
{
    p->raw = *raw;
    p->normalized = *normalized;
    /* A cut is before a space that a letter stands before. No token may lie across it, take that space, or ask what
       stands before it. */
    for (uint32_t i = 0; i < normalized->count; i++) {
        const struct tern_added *token = &normalized->tokens[i];
        for (uint32_t k = 1; k < token->n; k++)
            p->cuts &= token->text[k] != ' ' || token->text[k - 1] == ' ';
        p->cuts &= !(token->flags & TERN_ADDED_RSTRIP);
        p->cuts &= !(token->flags & TERN_ADDED_SINGLE_WORD) || token->text[0] != ' ';
    }
}

/* ---- Normalising ---- */

/* Returns the line that has the result: `a`, or `b`. */
static struct tern_line *normalize(const struct tern_pipeline *p, struct tern_line *a, struct tern_line *b, int first,
                                   int last)
{
    const struct tern_segment segment = {&p->charsmap, first, last};

    for (int i = 0; i < p->normalizers.n && !*a->failed; i++) {
        const struct tern_normalizer *step = &p->normalizers.steps[i];
        struct tern_rewrite r = {.out = b, .in = a};
        b->n = 0;
        if (a->n > 0 && step->apply(step, &segment, &r)) {
            struct tern_line *swap = a;
            a = b;
            b = swap;
        }
    }
    return a;
}

tern_status tern_pipeline_normalize(const struct tern_pipeline *p, const uint8_t *text, size_t n, uint8_t **out,
                                    size_t *out_n, tern_error *err)
{
    struct tern_line a, b;
    int failed = 0;

    tern_line_begin(&a, 0, &failed);
    tern_line_begin(&b, 0, &failed);
    tern_line_copy(&a, text, NULL, n);
    const struct tern_line *line = normalize(p, &a, &b, 1, 1);
    *out_n = line->n;
    *out = failed ? NULL : malloc(line->n + 1);
    if (*out && line->n)
        memcpy(*out, line->bytes, line->n);
    tern_line_free(&a);
    tern_line_free(&b);
    return *out ? TERN_OK : tern_fail_nomem(err, "an added token", n);
}

/* ---- Running ---- */

void tern_run_pass(struct tern_run *run, int next, struct tern_stretch stretch)
{
    const struct tern_pipeline *p = run->pipeline;

    if (run->failed || stretch.n == 0)
        return;
    if (next == p->pretokenizers.n) {
        p->model.split(&p->model, run, &stretch);
        tern_kept_word(run->kept);
    } else {
        p->pretokenizers.steps[next].apply(&p->pretokenizers.steps[next], run, next + 1, stretch);
    }
}

void tern_run_put(struct tern_run *run, int32_t id, const struct tern_stretch *stretch, size_t from, size_t to)
{
    if (!run->kept->spans)
        tern_kept_put(run->kept, id, run->kept->text, run->kept->text);
    else
        tern_kept_put(run->kept, id, run->raw + stretch->places[from].start, run->raw + stretch->places[to - 1].stop);
}

void *tern_run_scratch(struct tern_run *run, size_t bytes)
{
    if (bytes <= run->scratch_bytes)
        return run->scratch;
    void *more = run->failed || bytes > SIZE_MAX / 2 ? NULL : malloc(bytes + bytes / 2);
    if (more == NULL) {
        run->failed = 1;
        return NULL;
    }
    if (run->scratch != run->small)
        free(run->scratch);
    run->scratch = more;
    run->scratch_bytes = bytes + bytes / 2;
    return more;
}

static void put_stretch(struct tern_run *run, const struct tern_line *line, size_t from, size_t to)
{
    if (from < to)
        tern_run_pass(run, 0,
                      (struct tern_stretch){line->bytes + from, line->places ? line->places + from : NULL, to - from});
}

/* A line of raw text becomes tokens. */
static void put_line(struct tern_run *run, int last)
{
    const struct tern_pipeline *p = run->pipeline;
    const struct tern_line *line = normalize(p, &run->line, &run->other, run->first, last);
    struct tern_added_walk walk = {.set = &p->normalized, .text = line->bytes, .n = line->n};

    while (!run->failed && tern_added_next(&walk)) {
        const struct tern_stretch token = {line->bytes, line->places, line->n};
        put_stretch(run, line, walk.done, walk.start);
        tern_run_put(run, walk.token->id, &token, walk.start, walk.stop);
        tern_kept_word(run->kept);
        walk.done = walk.stop;
    }
    put_stretch(run, line, walk.done, line->n);
    run->first = 0;
    run->started = 1;
}

/* A letter that stays one letter whatever the normalizers do, with nothing around it changing it or changed by it. */
static int is_plain(const struct tern_pipeline *p, const uint8_t *at)
{
    uint32_t parts[TERN_COMPATIBLE_MAX];
    const uint8_t *next = at;
    const uint32_t c = tern_utf8_next(&next);

    if (c < 0x80)
        return tern_is_letter(c);
    return tern_is_letter(c) && (c < 0x1100 || c >= 0x1200) && tern_combining_class(c) == 0 &&
           tern_decompose_as(c, 1, parts) == 1 && !tern_is_control(c) &&
           !tern_charsmap_has(&p->charsmap, at, (size_t)(next - at));
}

/* Whether a text may be cut at `at`: a space stands there, between two plain letters. */
static int cuts_at(const struct tern_pipeline *p, const uint8_t *text, size_t n, size_t at)
{
    const uint8_t *before = text + at;

    if (text[at] != ' ' || at == 0 || at + 1 >= n)
        return 0;
    (void)tern_utf8_previous(&before);
    return is_plain(p, before) && is_plain(p, text + at + 1);
}

/* How much of a text is read at once: up to the last place before `most` where it may be cut, or the first one behind.
 */
static size_t find_cut(const struct tern_pipeline *p, const uint8_t *text, size_t n, size_t most)
{
    if (!p->cuts || n <= most)
        return n;
    for (size_t at = most; at > most / 2; at--)
        if (cuts_at(p, text, n, at))
            return at;
    for (size_t at = most + 1; at < n; at++)
        if (cuts_at(p, text, n, at))
            return at;
    return n;
}

/* Appends raw text to the line, where each byte is made of its character. */
static void append(struct tern_run *run, const uint8_t *text, size_t n)
{
    struct tern_line *line = &run->line;

    if (line->n == 0)
        run->raw = text;
    if (!tern_line_room(line, n))
        return;
    memcpy(line->bytes + line->n, text, n);
    for (size_t i = 0, next; line->places && i < n; i = next) {
        for (next = i + 1; next < n && (text[next] & 0xC0) == 0x80;)
            next++;
        for (size_t k = i; k < next; k++)
            line->places[line->n + k] = (struct tern_place){(uint32_t)(line->n + i), (uint32_t)(line->n + next)};
    }
    line->n += n;
}

static void read_raw(struct tern_run *run, const uint8_t *text, size_t n)
{
    while (n > 0 && !run->failed) {
        const size_t take = find_cut(run->pipeline, text, n, run->places ? READ_WITH_PLACES : READ_WITHOUT);
        append(run, text, take);
        text += take;
        n -= take;
        if (n > 0) {
            put_line(run, 0);
            run->line.n = 0;
        }
    }
}

/* What has been read ends here: an added token or the end of all text follows. */
static void end_line(struct tern_run *run)
{
    if (run->line.n > 0)
        put_line(run, 1);
    run->line.n = 0;
    run->first = 1;
}

void tern_run_begin(struct tern_run *run, const struct tern_pipeline *pipeline, struct tern_kept *kept)
{
    struct tern_line *const lines[] = {&run->line, &run->other, &run->stage[0]};

    run->pipeline = pipeline;
    run->kept = kept;
    run->raw = kept->text;
    run->places = kept->spans != NULL || pipeline->pretokenizers.needs_places;
    run->started = 0;
    run->first = 1;
    run->failed = 0;
    for (int i = 0; i < 3; i++) {
        struct tern_place *places = run->places ? (struct tern_place *)(void *)run->lines[i] : NULL;
        uint8_t *bytes = (uint8_t *)run->lines[i] + (places ? TERN_RUN_LINE * sizeof *places : 0);
        tern_line_borrow(lines[i], bytes, places, places ? TERN_RUN_LINE : sizeof run->lines[i], &run->failed);
    }
    tern_line_begin(&run->stage[1], run->places, &run->failed);
    run->scratch = run->small;
    run->scratch_bytes = sizeof run->small;
}

void tern_run_text(struct tern_run *run, const uint8_t *text, size_t n)
{
    struct tern_added_walk walk = {.set = &run->pipeline->raw, .text = text, .n = n};

    while (!run->failed && tern_added_next(&walk)) {
        if (walk.done < walk.start)
            read_raw(run, text + walk.done, walk.start - walk.done);
        end_line(run);
        tern_kept_put(run->kept, walk.token->id, text + walk.start, text + walk.stop);
        tern_kept_word(run->kept);
        run->started = 1;
        walk.done = walk.stop;
    }
    if (walk.done < n)
        read_raw(run, text + walk.done, n - walk.done);
}

int tern_run_end(struct tern_run *run)
{
    end_line(run);
    tern_line_free(&run->line);
    tern_line_free(&run->other);
    tern_line_free(&run->stage[0]);
    tern_line_free(&run->stage[1]);
    if (run->scratch != run->small)
        free(run->scratch);
    return !run->failed;
}
