/* Reads post-processors: TemplateProcessing, BERT's and RoBERTa's, ByteLevel, which only trims spans, and a Sequence.
 */
#include "models/template.h"

#include <string.h>

enum { MOST_TYPE = 255 };

void tern_templates_bert(struct tern_templates *out, int32_t cls, int32_t sep)
{
    memset(out, 0, sizeof *out);
    out->single = (struct tern_template){.before = {1, {cls}, {0}}, .between = {1, {sep}, {0}}, .types = {0, 1}};
    out->pair = out->single;
    out->pair.after = (struct tern_specials){1, {sep}, {1}};
    out->has_pair = 1;
}

int tern_templates_are_bert(const struct tern_templates *t, int32_t cls, int32_t sep)
{
    struct tern_templates bert;

    tern_templates_bert(&bert, cls, sep);
    bert.single.types[1] = t->single.types[1]; /* of a pair that is not there */
    return memcmp(&bert, t, sizeof bert) == 0;
}

struct reading {
    struct tern_templates *out;
    int done; /* a template has been read */
    int32_t count;
    const char *label;
    tern_error *err;
};

static tern_status add_special(const struct reading *r, struct tern_specials *to, json_int_t id, int32_t type)
{
    if (id < 0 || id >= r->count)
        return tern_fail(r->err, TERN_FORMAT, "%s: post_processor has a token with id %lld among %d", r->label,
                         (long long)id, (int)r->count);
    if (to->n == TERN_MOST_SPECIALS)
        return tern_fail(r->err, TERN_FORMAT, "%s: post_processor puts more than %d special tokens in one place",
                         r->label, TERN_MOST_SPECIALS);
    to->ids[to->n] = (int32_t)id;
    to->types[to->n++] = type;
    return TERN_OK;
}

/* A special token of a template stands for a list of ids. */
static tern_status add_named(const struct reading *r, struct tern_specials *to, const json_t *processor,
                             const char *name, int32_t type)
{
    const json_t *ids = json_object_get(json_object_get(json_object_get(processor, "special_tokens"), name), "ids");
    tern_status status = TERN_OK;

    if (json_array_size(ids) == 0)
        return tern_fail(r->err, TERN_FORMAT, "%s: special token \"%.64s\" of post_processor has no ids", r->label,
                         name);
    for (size_t i = 0; i < json_array_size(ids) && !status; i++)
        status =
            json_is_integer(json_array_get(ids, i))
                ? add_special(r, to, json_integer_value(json_array_get(ids, i)), type)
                : tern_fail(r->err, TERN_FORMAT, "%s: an id of special token \"%.64s\" is no number", r->label, name);
    return status;
}

/* Special tokens, A, special tokens, and of a pair B and special tokens. */
static tern_status read_template(const struct reading *r, struct tern_template *out, const json_t *processor,
                                 const char *key, int sequences)
{
    const json_t *steps = json_object_get(processor, key);
    struct tern_specials *const places[] = {&out->before, &out->between, &out->after};
    int seen = 0;
    tern_status status = TERN_OK;

    for (size_t i = 0; i < json_array_size(steps) && !status; i++) {
        const json_t *step = json_array_get(steps, i), *inner = json_object_get(step, "SpecialToken");
        const json_t *sequence = json_object_get(step, "Sequence");
        const char *id = NULL;
        int32_t type = 0;
        inner = inner ? inner : sequence;
        status = tern_json_get_string(inner, "id", 1, &id, r->label, r->err);
        if (!status)
            status = tern_json_get_int(inner, "type_id", 1, 0, MOST_TYPE, &type, r->label, r->err);
        if (status)
            return status;
        if (!sequence) {
            status = add_named(r, places[seen], processor, id, type);
        } else if (seen == sequences || strcmp(id, seen ? "B" : "A") != 0) {
            return tern_fail(r->err, TERN_FORMAT,
                             "%s: the template \"%s\" of post_processor has its texts in another "
                             "order than A, B",
                             r->label, key);
        } else {
            out->types[seen++] = type;
        }
    }
    if (!status && seen != sequences)
        status =
            tern_fail(r->err, TERN_FORMAT, "%s: the template \"%s\" of post_processor lacks a text", r->label, key);
    return status;
}

static tern_status read_templates(struct reading *r, const json_t *processor)
{
    const json_t *pair = json_object_get(processor, "pair");
    tern_status status = read_template(r, &r->out->single, processor, "single", 1);

    r->out->has_pair = json_array_size(pair) > 0;
    if (!status && r->out->has_pair)
        status = read_template(r, &r->out->pair, processor, "pair", 2);
    return status;
}

/* ["[CLS]", 101] */
static tern_status read_id(const struct reading *r, const json_t *processor, const char *key, int32_t *id)
{
    const json_t *token = json_object_get(processor, key), *value = json_array_get(token, 1);

    if (json_array_size(token) != 2 || !json_is_string(json_array_get(token, 0)) || !json_is_integer(value) ||
        json_integer_value(value) < 0 || json_integer_value(value) >= r->count)
        return tern_fail(r->err, TERN_FORMAT, "%s: %s of post_processor is not a token with its id", r->label, key);
    *id = (int32_t)json_integer_value(value);
    return TERN_OK;
}

static tern_status read_trims(const struct reading *r, const json_t *processor)
{
    int32_t trims = 1, prefix = 1;
    tern_status status = tern_json_get_bool(processor, "trim_offsets", 1, &trims, r->label, r->err);

    if (!status)
        status = tern_json_get_bool(processor, "add_prefix_space", 1, &prefix, r->label, r->err);
    r->out->trims = trims;
    r->out->add_prefix_space = prefix;
    return status;
}

static tern_status read_bert(struct reading *r, const json_t *processor)
{
    struct tern_templates bert;
    int32_t cls = 0, sep = 0;
    tern_status status = read_id(r, processor, "cls", &cls);

    if (!status)
        status = read_id(r, processor, "sep", &sep);
    tern_templates_bert(&bert, cls, sep);
    r->out->single = bert.single;
    r->out->pair = bert.pair;
    r->out->has_pair = 1;
    return status;
}

/* <s> A </s>, <s> A </s></s> B </s>, all of type 0. */
static tern_status read_roberta(struct reading *r, const json_t *processor)
{
    tern_status status = read_bert(r, processor);
    struct tern_template *pair = &r->out->pair;
    const int32_t sep = pair->after.ids[0];

    pair->between = (struct tern_specials){2, {sep, sep}, {0}};
    pair->after.types[0] = pair->types[1] = 0;
    return status ? status : read_trims(r, processor);
}

static tern_status read_one(struct reading *r, const json_t *processor)
{
    static const struct {
        const char *type;
        tern_status (*read)(struct reading *r, const json_t *processor);
    } kinds[] = {
        {"TemplateProcessing", read_templates}, {"BertProcessing", read_bert}, {"RobertaProcessing", read_roberta}};
    const char *type = NULL;
    tern_status status = tern_json_get_string(processor, "type", 1, &type, r->label, r->err);

    if (status)
        return status;
    if (strcmp(type, "ByteLevel") == 0)
        return read_trims(r, processor);
    if (strcmp(type, "Sequence") == 0) {
        const json_t *list = json_object_get(processor, "processors");
        for (size_t i = 0; i < json_array_size(list) && !status; i++)
            status = read_one(r, json_array_get(list, i));
        return status;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].type, type) != 0)
            continue;
        if (r->done++)
            return tern_fail(r->err, TERN_FORMAT, "%s: post_processor has two steps that put special tokens", r->label);
        return kinds[i].read(r, processor);
    }
    return tern_fail(r->err, TERN_FORMAT, "%s: post_processor %.64s is not supported", r->label, type);
}

tern_status tern_templates_read(struct tern_templates *out, const json_t *processor, int32_t count, const char *label,
                                tern_error *err)
{
    struct reading r = {.out = out, .count = count, .label = label, .err = err};

    memset(out, 0, sizeof *out);
    out->single.types[1] = 1;
    return processor && !json_is_null(processor) ? read_one(&r, processor) : TERN_OK;
}
