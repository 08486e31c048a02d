/* The table of pre-tokenizers: how each splits a stretch of text, with Hugging Face's rules for what becomes of the
   matches that it splits at. */
#include "models/pretokenizers.h"
#include "models/pipeline.h"

#include <string.h>

static void pass_part(struct tern_run *run, int next, const struct tern_stretch *s, size_t from, size_t to)
{
    if (from < to)
        tern_run_pass(run, next,
                      (struct tern_stretch){s->bytes + from, s->places ? s->places + from : NULL, to - from});
}

/* What waits for its neighbour under a behaviour that merges. */
struct merging {
    size_t from, to;
    int any, match;
};

static void merge(const struct tern_pretokenizer *step, struct tern_run *run, int next, const struct tern_stretch *s,
                  struct merging *m, size_t from, size_t to, int match)
{
    int joins = 0;

    switch (step->behavior) {
    case TERN_REMOVED:
        if (!match)
            pass_part(run, next, s, from, to);
        return;
    case TERN_ISOLATED: pass_part(run, next, s, from, to); return;
    case TERN_MERGED_WITH_PREVIOUS: joins = match && !m->match; break;
    case TERN_MERGED_WITH_NEXT: joins = m->match && !match; break;
    case TERN_CONTIGUOUS: joins = m->match == match; break;
    }
    if (m->any && joins) {
        m->to = to;
    } else {
        if (m->any)
            pass_part(run, next, s, m->from, m->to);
        m->from = from;
        m->to = to;
    }
    m->any = 1;
    m->match = match;
}

static void split(const struct tern_pretokenizer *step, struct tern_run *run, int next, struct tern_stretch s)
{
    struct merging m = {0};
    size_t done = 0, start = 0, end;

    while ((end = tern_pattern_find(&step->pattern, s.bytes, s.n, done, &start)) > 0) {
        if (done < start)
            merge(step, run, next, &s, &m, done, start, step->invert);
        merge(step, run, next, &s, &m, start, end, !step->invert);
        done = end;
    }
    if (done < s.n)
        merge(step, run, next, &s, &m, done, s.n, step->invert);
    if (m.any)
        pass_part(run, next, &s, m.from, m.to);
}

/* White space is dropped, punctuation stands alone. */
static void split_bert(const struct tern_pretokenizer *step, struct tern_run *run, int next, struct tern_stretch s)
{
    size_t from = 0;
    (void)step;

    for (size_t at = 0; at < s.n;) {
        const uint8_t *p = s.bytes + at;
        const uint32_t c = tern_utf8_next(&p);
        const size_t after = (size_t)(p - s.bytes);
        const int space = tern_is_space(c), alone = !space && tern_is_punctuation(c);
        if (space || alone) {
            pass_part(run, next, &s, from, at);
            if (alone)
                pass_part(run, next, &s, at, after);
            from = after;
        }
        at = after;
    }
    pass_part(run, next, &s, from, s.n);
}

/* The stretch again in a line of its own, with a text before it. */
static struct tern_line *rewritten(const struct tern_pretokenizer *step, struct tern_run *run,
                                   const struct tern_stretch *s, const char *before)
{
    struct tern_line *line = &run->stage[step->rewrites];

    line->n = 0;
    if (before)
        tern_line_put(line, (const uint8_t *)before, strlen(before),
                      s->places ? s->places[0] : (struct tern_place){0, 0});
    return line;
}

static void pass_line(struct tern_run *run, int next, const struct tern_line *line)
{
    tern_run_pass(run, next, (struct tern_stretch){line->bytes, line->places, line->n});
}

static void split_bytes(const struct tern_pretokenizer *step, struct tern_run *run, int next, struct tern_stretch s)
{
    if (step->prepend == TERN_PREPEND_ALWAYS && s.bytes[0] != ' ') {
        struct tern_line *line = rewritten(step, run, &s, " ");
        tern_line_copy(line, s.bytes, s.places, s.n);
        s = (struct tern_stretch){line->bytes, line->places, line->n};
    }
    if (step->split)
        split(step, run, next, s);
    else
        tern_run_pass(run, next, s);
}

/* Spaces become the character; every one begins a new stretch. */
static void split_meta(const struct tern_pretokenizer *step, struct tern_run *run, int next, struct tern_stretch s)
{
    const size_t mark = strlen(step->text);
    const int at_start = !run->started && (!s.places || s.places[0].start == 0);
    const int bare = s.bytes[0] != ' ' && (s.n < mark || memcmp(s.bytes, step->text, mark) != 0);
    const int prepends =
        bare && (step->prepend == TERN_PREPEND_ALWAYS || (step->prepend == TERN_PREPEND_FIRST && at_start));
    struct tern_line *line = rewritten(step, run, &s, prepends ? step->text : NULL);

    for (size_t at = 0; at < s.n;) {
        const uint8_t *space = memchr(s.bytes + at, ' ', s.n - at);
        const size_t to = space ? (size_t)(space - s.bytes) : s.n;
        tern_line_copy(line, s.bytes + at, s.places ? s.places + at : NULL, to - at);
        if (space)
            tern_line_put(line, (const uint8_t *)step->text, mark, s.places ? s.places[to] : (struct tern_place){0, 0});
        at = to + (space != NULL);
    }
    s = (struct tern_stretch){line->bytes, line->places, line->n};
    if (!step->split) {
        pass_line(run, next, line);
        return;
    }
    size_t from = 0;
    for (size_t at = mark; at + mark <= s.n && !run->failed;) {
        const uint8_t *found = memchr(s.bytes + at, (uint8_t)step->text[0], s.n - at);
        if (found == NULL)
            break;
        at = (size_t)(found - s.bytes);
        if (s.n - at >= mark && memcmp(found, step->text, mark) == 0) {
            pass_part(run, next, &s, from, at);
            from = at;
            at += mark;
        } else {
            at++;
        }
    }
    pass_part(run, next, &s, from, s.n);
}

/* ---- Reading ---- */

struct reading {
    struct tern_pretokenizers *out;
    const char *label;
    tern_error *err;
};

static tern_status add(const struct reading *r, struct tern_pretokenizer step)
{
    if (r->out->n == TERN_MAX_STEPS)
        return tern_fail(r->err, TERN_FORMAT, "%s: pre_tokenizer has more than %d steps", r->label, TERN_MAX_STEPS);
    r->out->steps[r->out->n++] = step;
    return TERN_OK;
}

static tern_status add_line(const struct reading *r, struct tern_pretokenizer *step)
{
    if (r->out->lines == 2)
        return tern_fail(r->err, TERN_FORMAT, "%s: pre_tokenizer has more than two steps that change the text",
                         r->label);
    step->rewrites = r->out->lines++;
    return TERN_OK;
}

static tern_status read_behavior(const struct reading *r, const json_t *object, enum tern_behavior *out)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const char *name = names[*out];
    const tern_status status = tern_json_get_string(object, "behavior", 0, &name, r->label, r->err);

    if (status)
        return status;
    for (int i = 0; i < 5; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum tern_behavior)i;
            return TERN_OK;
        }
    return tern_fail(r->err, TERN_FORMAT, "%s: behavior %.40s of pre_tokenizer is not supported", r->label, name);
}

static tern_status read_meta(const struct reading *r, const json_t *object)
{
    static const char *const names[] = {"always", "first", "never"};
    struct tern_pretokenizer step = {.apply = split_meta, .rewrites = -1};
    const char *scheme = names[0], *text = NULL;
    int32_t prefix = -1, splits = 1, known = 0;
    tern_status status = tern_json_get_string(object, "replacement", 1, &text, r->label, r->err);

    if (!status)
        status = tern_json_get_string(object, "prepend_scheme", 0, &scheme, r->label, r->err);
    if (!status)
        status = tern_json_get_bool(object, "add_prefix_space", 0, &prefix, r->label, r->err);
    if (!status)
        status = tern_json_get_bool(object, "split", 0, &splits, r->label, r->err);
    if (status)
        return status;
    if (!*text || strlen(text) > TERN_UTF8_MAX)
        return tern_fail(r->err, TERN_FORMAT, "%s: the replacement of Metaspace is not one character", r->label);
    strcpy(step.text, text);
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], scheme) == 0) {
            step.prepend = (enum tern_prepend)i;
            known = 1;
        }
    if (!known || (prefix == 0 && step.prepend == TERN_PREPEND_FIRST))
        return tern_fail(r->err, TERN_FORMAT, "%s: prepend_scheme %.40s of Metaspace does not go with add_prefix_space",
                         r->label, scheme);
    if (prefix == 0)
        step.prepend = TERN_PREPEND_NEVER;
    step.split = splits;
    step.local = step.breaks = splits;
    r->out->needs_places |= step.prepend == TERN_PREPEND_FIRST;
    status = add_line(r, &step);
    return status ? status : add(r, step);
}

static tern_status read_bytes(const struct reading *r, const json_t *object)
{
    struct tern_pretokenizer step = {
        .apply = split_bytes, .pattern = tern_pattern_gpt2, .behavior = TERN_ISOLATED, .rewrites = -1, .local = 1};
    int32_t prefix = 1, trims = 1, splits = 1;
    tern_status status = tern_json_get_bool(object, "add_prefix_space", 1, &prefix, r->label, r->err);

    if (!status)
        status = tern_json_get_bool(object, "trim_offsets", 1, &trims, r->label, r->err);
    if (!status)
        status = tern_json_get_bool(object, "use_regex", 0, &splits, r->label, r->err);
    step.prepend = prefix ? TERN_PREPEND_ALWAYS : TERN_PREPEND_NEVER;
    step.split = step.breaks = splits;
    r->out->bytes = 1;
    if (!status && prefix)
        status = add_line(r, &step);
    return status ? status : add(r, step);
}

static tern_status read_split(const struct reading *r, const json_t *object)
{
    const json_t *pattern = json_object_get(object, "pattern");
    const char *string = json_string_value(json_object_get(pattern, "String"));
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    struct tern_pretokenizer step = {.apply = split, .behavior = TERN_ISOLATED, .rewrites = -1};
    int32_t invert = 0;
    tern_status status = read_behavior(r, object, &step.behavior);

    if (!status)
        status = tern_json_get_bool(object, "invert", 0, &invert, r->label, r->err);
    if (status)
        return status;
    if (regex && !tern_pattern_regex(regex))
        return tern_fail(r->err, TERN_FORMAT,
                         "%s: the regular expression %.120s of pre_tokenizer Split is not supported", r->label, regex);
    if (!regex && !string)
        return tern_fail(r->err, TERN_FORMAT, "%s: pre_tokenizer Split has no pattern", r->label);
    step.pattern = regex ? *tern_pattern_regex(regex) : tern_pattern_string(string);
    step.invert = invert;
    step.local = step.pattern.local && (step.behavior == TERN_ISOLATED || step.behavior == TERN_REMOVED);
    step.breaks = step.local && regex;
    return add(r, step);
}

static tern_status read_punctuation(const struct reading *r, const json_t *object)
{
    struct tern_pretokenizer step = {
        .apply = split, .pattern = tern_pattern_punctuation, .behavior = TERN_ISOLATED, .rewrites = -1, .local = 1};
    const tern_status status = read_behavior(r, object, &step.behavior);
    return status ? status : add(r, step);
}

static tern_status read_digits(const struct reading *r, const json_t *object)
{
    struct tern_pretokenizer step = {.apply = split, .pattern = tern_pattern_digit, .rewrites = -1, .local = 1};
    int32_t each = 0;
    const tern_status status = tern_json_get_bool(object, "individual_digits", 1, &each, r->label, r->err);
    step.behavior = each ? TERN_ISOLATED : TERN_CONTIGUOUS;
    return status ? status : add(r, step);
}

static tern_status read_bert(const struct reading *r, const json_t *object)
{
    (void)object;
    return add(r, (struct tern_pretokenizer){.apply = split_bert, .rewrites = -1, .local = 1, .breaks = 1});
}

static tern_status read_whitespace(const struct reading *r, const json_t *object)
{
    (void)object;
    return add(r, (struct tern_pretokenizer){.apply = split,
                                             .pattern = tern_pattern_words,
                                             .behavior = TERN_REMOVED,
                                             .invert = 1,
                                             .rewrites = -1,
                                             .local = 1,
                                             .breaks = 1});
}

static tern_status read_whitespace_split(const struct reading *r, const json_t *object)
{
    (void)object;
    return add(r, (struct tern_pretokenizer){.apply = split,
                                             .pattern = tern_pattern_space,
                                             .behavior = TERN_REMOVED,
                                             .rewrites = -1,
                                             .local = 1,
                                             .breaks = 1});
}

static const struct {
    const char *type;
    tern_status (*read)(const struct reading *r, const json_t *object);
} kinds[] = {
    {"BertPreTokenizer", read_bert},   {"ByteLevel", read_bytes},
    {"Digits", read_digits},           {"Metaspace", read_meta},
    {"Punctuation", read_punctuation}, {"Split", read_split},
    {"Whitespace", read_whitespace},   {"WhitespaceSplit", read_whitespace_split},
};

static tern_status read_one(const struct reading *r, const json_t *object)
{
    const char *type = NULL;
    tern_status status = tern_json_get_string(object, "type", 1, &type, r->label, r->err);

    if (status)
        return status;
    if (strcmp(type, "Sequence") == 0) {
        const json_t *list = json_object_get(object, "pretokenizers");
        if (!json_is_array(list))
            return tern_fail(r->err, TERN_FORMAT, "%s: pre_tokenizer Sequence has no list \"pretokenizers\"", r->label);
        for (size_t i = 0; i < json_array_size(list) && !status; i++)
            status = read_one(r, json_array_get(list, i));
        return status;
    }
    if (r->out->bytes)
        return tern_fail(r->err, TERN_FORMAT, "%s: pre_tokenizer %.40s behind ByteLevel is not supported", r->label,
                         type);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].type, type) == 0)
            return kinds[i].read(r, object);
    return tern_fail(r->err, TERN_FORMAT, "%s: pre_tokenizer %.40s is not supported", r->label, type);
}

tern_status tern_pretokenizers_read(struct tern_pretokenizers *out, const json_t *object, const char *label,
                                    tern_error *err)
{
    const struct reading r = {out, label, err};

    return object && !json_is_null(object) ? read_one(&r, object) : TERN_OK;
}
