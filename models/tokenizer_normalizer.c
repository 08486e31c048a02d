/* The normalizer of a tokenizer.json, a BertNormalizer or a Sequence, as rules that models/normalize.c carries out.
   What those rules cannot express character for character is refused by its name. */
#include "models/tokenizer_private.h"

#include <string.h>

/* A Sequence on the way: which rules its steps amount to so far. */
struct steps {
    struct tern_case_rules *rules;
    int has_bert;
    const char *composed; /* NFC or NFD, which only a BertNormalizer that strips accents can follow */
    const char *label;
    tern_error *err;
};

static tern_status fail_step(const struct steps *s, const char *type, const char *why)
{
    return tern_fail(
        s->err, TERN_FORMAT,
        "%s: normalizer %.40s %s; BertNormalizer is, with Lowercase around it, and NFC or NFD before it if "
        "it strips accents",
        s->label, type, why);
}

/* strip_accents is settled here: left out, it goes by the BertNormalizer's own lowercase, not by a Lowercase beside it,
   unless the BertNormalizer stands alone and tokenizer_config.json may still change it. */
static tern_status add_bert(struct steps *s, const json_t *step, int alone)
{
    struct tern_case_rules own = {0, 0, 0, -1};
    const struct {
        const char *key;
        int required;
        int32_t *to;
    } keys[] = {{"clean_text", 1, &own.clean},
                {"handle_chinese_chars", 1, &own.chinese},
                {"strip_accents", 0, &own.strip},
                {"lowercase", 1, &own.lower}};
    tern_status status = TERN_OK;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && status == TERN_OK; i++)
        status = tern_json_get_bool(step, keys[i].key, keys[i].required, keys[i].to, s->label, s->err);
    if (status != TERN_OK)
        return status;
    if (s->has_bert)
        return fail_step(s, "BertNormalizer", "twice is not supported");
    if (own.strip < 0 && !alone)
        own.strip = own.lower;
    if (s->composed && !own.strip)
        return fail_step(s, s->composed, "is not supported here");
    own.lower |= s->rules->lower;
    *s->rules = own;
    s->has_bert = 1;
    s->composed = NULL;
    return TERN_OK;
}

/* BertNormalizer decomposes before it strips accents, and lower case comes last in it. Composing or decomposing before
   that changes nothing, and lower case may come before or after: checked for every character, and for random strings of
   marks, against the original. Its StripAccents is another rule: it drops spacing marks as well. */
static tern_status add_step(struct steps *s, const json_t *step, int alone)
{
    const char *type = NULL;
    tern_status status = tern_json_get_string(step, "type", 1, &type, s->label, s->err);

    if (status != TERN_OK)
        return status;
    if (strcmp(type, "BertNormalizer") == 0)
        return add_bert(s, step, alone);
    if (strcmp(type, "Sequence") == 0) { /* Sequences in it are no deeper than tern_json_parse allows */
        const json_t *list = json_object_get(step, "normalizers");
        if (!json_is_array(list))
            return tern_fail(s->err, TERN_FORMAT, "%s: normalizer Sequence has no list \"normalizers\"", s->label);
        for (size_t i = 0; i < json_array_size(list) && status == TERN_OK; i++)
            status = add_step(s, json_array_get(list, i), 0);
        return status;
    }
    if (strcmp(type, "Lowercase") == 0) {
        s->rules->lower = 1;
        return TERN_OK;
    }
    if (strcmp(type, "NFC") != 0 && strcmp(type, "NFD") != 0)
        return fail_step(s, type, "is not supported");
    if (s->has_bert)
        return fail_step(s, type, "behind BertNormalizer is not supported");
    s->composed = strcmp(type, "NFC") == 0 ? "NFC" : "NFD";
    return TERN_OK;
}

/* transformers lets tokenizer_config.json change a BertNormalizer that stands alone, and nothing else: there the two
   must agree. */
static tern_status apply_config(struct steps *s, const json_t *normalizer, const json_t *config)
{
    const char *type = json_string_value(json_object_get(normalizer, "type"));
    struct tern_case_rules *rules = s->rules, changed = *rules;
    tern_status status = tern_case_rules_override(&changed, config, "tokenizer_config.json", s->err);

    if (status != TERN_OK)
        return status;
    if (type && strcmp(type, "BertNormalizer") == 0)
        *rules = changed;
    else if (changed.lower != rules->lower || changed.chinese != rules->chinese ||
             (changed.strip >= 0 && changed.strip != rules->strip))
        return tern_fail(
            s->err, TERN_FORMAT,
            "%s: tokenizer_config.json's do_lower_case, strip_accents or tokenize_chinese_chars is not what "
            "tokenizer.json's normalizer does; remove it from one of them",
            s->label);
    return TERN_OK;
}

tern_status tern_case_rules_from_json(struct tern_case_rules *rules, const json_t *normalizer, const json_t *config,
                                      const char *label, tern_error *err)
{
    struct steps s = {.rules = rules, .label = label, .err = err};
    tern_status status = TERN_OK;

    *rules = (struct tern_case_rules){0, 0, 0, 0};
    if (normalizer && !json_is_null(normalizer))
        status = add_step(&s, normalizer, 1);
    if (status == TERN_OK && s.composed)
        status = fail_step(&s, s.composed, "is not supported here");
    return status == TERN_OK ? apply_config(&s, normalizer, config) : status;
}

int tern_normalizer_is_bert(const json_t *normalizer)
{
    struct tern_case_rules rules = {0, 0, 0, 0};
    struct steps s = {.rules = &rules, .label = "", .err = NULL};

    return !normalizer || json_is_null(normalizer) || (!add_step(&s, normalizer, 1) && !s.composed);
}
