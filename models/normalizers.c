/* The table of normalizers: what each does to the characters of a line, and to the places that they came from. */
#include "models/normalizers.h"
#include "models/classes.h"
#include "models/compose.h"

#include <string.h>

/* The flags of a step are those of its kind. */
enum { COMPATIBLE = 1, COMPOSED = 2, LEFT = 1, RIGHT = 2 };

static int is_ascii(const struct tern_line *line)
{
    uint8_t any = 0;
    for (size_t i = 0; i < line->n; i++)
        any |= line->bytes[i];
    return any < 0x80;
}

static int normal_form(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r)
{
    (void)segment;
    if (is_ascii(r->in))
        return 0;
    tern_normal_form(r, step->flags & COMPATIBLE, step->flags & COMPOSED);
    return 1;
}

/* NormalizedString::filter and map: characters for which change() gives DROPPED are removed. */
#define DROPPED 0xFFFFFFFFu

static void filter(struct tern_rewrite *r, uint32_t (*change)(uint32_t c))
{
    const uint8_t *at = r->in->bytes, *const end = at + r->in->n;
    uint32_t last = DROPPED;
    int removed = 0;

    while (at < end) {
        const uint32_t c = change(tern_utf8_next(&at));
        if (c == DROPPED) {
            removed++;
            continue;
        }
        if (last != DROPPED)
            tern_rewrite_put(r, last, -removed);
        else
            tern_rewrite_skip(r, (size_t)removed);
        last = c;
        removed = 0;
    }
    if (last != DROPPED)
        tern_rewrite_put(r, last, -removed);
}

static uint32_t change_nmt(uint32_t c)
{
    if ((c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F)
        return DROPPED;
    if (c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 ||
        c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD)
        return ' ';
    return c;
}

static int nmt(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r)
{
    size_t i = 0;
    (void)step;
    (void)segment;
    while (i < r->in->n && r->in->bytes[i] >= ' ' && r->in->bytes[i] < 0x7F)
        i++;
    if (i == r->in->n)
        return 0;
    filter(r, change_nmt);
    return 1;
}

static uint32_t change_accents(uint32_t c)
{
    return tern_is_accent(c) ? DROPPED : c;
}

static int strip_accents(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r)
{
    (void)step;
    (void)segment;
    if (is_ascii(r->in))
        return 0;
    filter(r, change_accents);
    return 1;
}

static int lowercase(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r)
{
    const uint8_t *at = r->in->bytes, *const end = at + r->in->n;
    size_t i = 0;
    (void)step;
    (void)segment;

    while (i < r->in->n && r->in->bytes[i] < 0x80 && (r->in->bytes[i] < 'A' || r->in->bytes[i] > 'Z'))
        i++;
    if (i == r->in->n)
        return 0;
    while (at < end) {
        uint32_t second;
        const uint32_t c = tern_lower(tern_utf8_next(&at), &second);
        tern_rewrite_put(r, c, 0);
        if (second)
            tern_rewrite_put(r, second, 1);
    }
    return 1;
}

static int precompiled(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r)
{
    (void)step;
    tern_charsmap_apply(segment->charsmap, r);
    return 1;
}

static int prepend(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r)
{
    const struct tern_line *in = r->in;

    if (in->n == 0 || !segment->first || !*step->content)
        return 0;
    tern_line_put(r->out, (const uint8_t *)step->content, strlen(step->content),
                  in->places ? in->places[0] : (struct tern_place){0, 0});
    tern_line_copy(r->out, in->bytes, in->places, in->n);
    return 1;
}

static int replace(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r)
{
    const struct tern_line *in = r->in;
    const size_t bytes = strlen(step->content);
    size_t done = 0, start = 0, end;
    (void)segment;

    while ((end = tern_pattern_find(&step->pattern, in->bytes, in->n, done, &start)) > 0) {
        tern_line_copy(r->out, in->bytes + done, in->places ? in->places + done : NULL, start - done);
        tern_line_put(r->out, (const uint8_t *)step->content, bytes,
                      in->places ? in->places[end - 1] : (struct tern_place){0, 0});
        done = end;
    }
    if (done == 0)
        return 0;
    tern_line_copy(r->out, in->bytes + done, in->places ? in->places + done : NULL, in->n - done);
    return 1;
}

static int strip(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r)
{
    const struct tern_line *in = r->in;
    const uint8_t *from = in->bytes, *to = in->bytes + in->n, *next;

    for (next = from; segment->first && (step->flags & LEFT) && next < to && tern_is_space(tern_utf8_next(&next));)
        from = next;
    for (next = to; segment->last && (step->flags & RIGHT) && next > from && tern_is_space(tern_utf8_previous(&next));)
        to = next;
    if ((size_t)(to - from) == in->n)
        return 0;
    tern_line_copy(r->out, from, in->places ? in->places + (from - in->bytes) : NULL, (size_t)(to - from));
    return 1;
}

/* ---- Of BertNormalizer ---- */

static uint32_t change_clean(uint32_t c)
{
    return tern_is_control(c) ? DROPPED : tern_is_space(c) ? ' ' : c;
}

static int clean(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r)
{
    (void)step;
    (void)segment;
    filter(r, change_clean);
    return 1;
}

static int space_chinese(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r)
{
    const uint8_t *at = r->in->bytes, *const end = at + r->in->n;
    (void)step;
    (void)segment;

    if (is_ascii(r->in))
        return 0;
    while (at < end) {
        const uint32_t c = tern_utf8_next(&at);
        const int spaced = tern_is_chinese(c);
        if (spaced)
            tern_rewrite_put(r, ' ', 0);
        tern_rewrite_put(r, c, spaced);
        if (spaced)
            tern_rewrite_put(r, ' ', 1);
    }
    return 1;
}

static uint32_t change_nonspacing(uint32_t c)
{
    return tern_order_class(c) >= TERN_ORDER_DROPPED ? DROPPED : c;
}

static int drop_nonspacing(const struct tern_normalizer *step, const struct tern_segment *segment,
                           struct tern_rewrite *r)
{
    (void)step;
    (void)segment;
    if (is_ascii(r->in))
        return 0;
    filter(r, change_nonspacing);
    return 1;
}

/* ---- Reading ---- */

struct reading {
    struct tern_normalizers *out;
    const char *label;
    tern_error *err;
};

static tern_status add(const struct reading *reading, struct tern_normalizer step)
{
    if (reading->out->n == TERN_MAX_STEPS)
        return tern_fail(reading->err, TERN_FORMAT, "%s: the normalizer has more than %d steps", reading->label,
                         TERN_MAX_STEPS);
    reading->out->steps[reading->out->n++] = step;
    return TERN_OK;
}

static tern_status read_bert(const struct reading *reading, const json_t *object)
{
    int32_t on[4] = {1, 1, -1, 1};
    static const char *const keys[] = {"clean_text", "handle_chinese_chars", "strip_accents", "lowercase"};
    static const struct tern_normalizer steps[] = {{.apply = clean, .local = 1},
                                                   {.apply = space_chinese, .local = 1},
                                                   {.apply = normal_form, .local = 1},
                                                   {.apply = lowercase, .local = 1},
                                                   {.apply = drop_nonspacing, .local = 1}};
    tern_status status = TERN_OK;

    for (int i = 0; i < 4 && !status; i++)
        status = tern_json_get_bool(object, keys[i], i != 2, &on[i], reading->label, reading->err);
    if (on[2] < 0)
        on[2] = on[3];
    for (int i = 0; i < 4 && !status; i++) {
        if (on[i])
            status = add(reading, steps[i]);
        if (on[i] && i == 2 && !status)
            status = add(reading, steps[4]);
    }
    return status;
}

static tern_status read_strip(const struct reading *reading, const json_t *object)
{
    int32_t left = 1, right = 1;
    tern_status status = tern_json_get_bool(object, "strip_left", 1, &left, reading->label, reading->err);

    if (!status)
        status = tern_json_get_bool(object, "strip_right", 1, &right, reading->label, reading->err);
    return status ? status
                  : add(reading, (struct tern_normalizer){
                                     .apply = strip, .flags = (left ? LEFT : 0) | (right ? RIGHT : 0), .local = 1});
}

static tern_status read_prepend(const struct reading *reading, const json_t *object)
{
    struct tern_normalizer step = {.apply = prepend, .local = 1};
    const tern_status status = tern_json_get_string(object, "prepend", 1, &step.content, reading->label, reading->err);
    return status ? status : add(reading, step);
}

static tern_status read_replace(const struct reading *reading, const json_t *object)
{
    const json_t *pattern = json_object_get(object, "pattern");
    const char *string = json_string_value(json_object_get(pattern, "String"));
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    struct tern_normalizer step = {.apply = replace};
    const tern_status status = tern_json_get_string(object, "content", 1, &step.content, reading->label, reading->err);

    if (status)
        return status;
    if (regex && !tern_pattern_regex(regex))
        return tern_fail(reading->err, TERN_FORMAT, "%s: the regular expression %.120s of Replace is not supported",
                         reading->label, regex);
    if (!regex && !string)
        return tern_fail(reading->err, TERN_FORMAT, "%s: Replace has no pattern", reading->label);
    step.pattern = regex ? *tern_pattern_regex(regex) : tern_pattern_string(string);
    /* A space that becomes something else is no longer where a text may be cut. */
    step.local = step.pattern.local && (!string || !strchr(string, ' ') || strcmp(step.content, " ") == 0);
    return add(reading, step);
}

static tern_status read_precompiled(const struct reading *reading, const json_t *object)
{
    (void)object;
    if (reading->out->charsmaps++)
        return tern_fail(reading->err, TERN_FORMAT, "%s: only one Precompiled normalizer is supported", reading->label);
    return add(reading, (struct tern_normalizer){.apply = precompiled, .local = 1});
}

/* A kind without a reader is its step. */
static const struct {
    const char *type;
    tern_status (*read)(const struct reading *reading, const json_t *object);
    struct tern_normalizer step;
} kinds[] = {
    {"BertNormalizer", read_bert, {0}},
    {"NFC", NULL, {.apply = normal_form, .flags = COMPOSED, .local = 1}},
    {"NFD", NULL, {.apply = normal_form, .local = 1}},
    {"NFKC", NULL, {.apply = normal_form, .flags = COMPATIBLE | COMPOSED, .local = 1}},
    {"NFKD", NULL, {.apply = normal_form, .flags = COMPATIBLE, .local = 1}},
    {"Nmt", NULL, {.apply = nmt, .local = 1}},
    {"Lowercase", NULL, {.apply = lowercase, .local = 1}},
    {"StripAccents", NULL, {.apply = strip_accents, .local = 1}},
    {"Strip", read_strip, {0}},
    {"Prepend", read_prepend, {0}},
    {"Replace", read_replace, {0}},
    {"Precompiled", read_precompiled, {0}},
};

/* A Sequence in a Sequence is no deeper than the JSON parser allows. */
static tern_status read_one(const struct reading *reading, const json_t *object)
{
    const char *type = NULL;
    tern_status status = tern_json_get_string(object, "type", 1, &type, reading->label, reading->err);

    if (status)
        return status;
    if (strcmp(type, "Sequence") == 0) {
        const json_t *list = json_object_get(object, "normalizers");
        if (!json_is_array(list))
            return tern_fail(reading->err, TERN_FORMAT, "%s: normalizer Sequence has no list \"normalizers\"",
                             reading->label);
        for (size_t i = 0; i < json_array_size(list) && !status; i++)
            status = read_one(reading, json_array_get(list, i));
        return status;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].type, type) == 0)
            return kinds[i].read ? kinds[i].read(reading, object) : add(reading, kinds[i].step);
    return tern_fail(reading->err, TERN_FORMAT, "%s: normalizer %.40s is not supported", reading->label, type);
}

tern_status tern_normalizers_read(struct tern_normalizers *out, const json_t *normalizer, const char *label,
                                  tern_error *err)
{
    const struct reading reading = {out, label, err};

    return normalizer && !json_is_null(normalizer) ? read_one(&reading, normalizer) : TERN_OK;
}

const char *tern_normalizers_charsmap(const json_t *normalizer)
{
    const char *type = json_string_value(json_object_get(normalizer, "type")), *found = NULL;
    const json_t *list = json_object_get(normalizer, "normalizers");

    if (type && strcmp(type, "Precompiled") == 0)
        return json_string_value(json_object_get(normalizer, "precompiled_charsmap"));
    for (size_t i = 0; i < json_array_size(list) && !found; i++)
        found = tern_normalizers_charsmap(json_array_get(list, i));
    return found;
}
