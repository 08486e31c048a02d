/* A SentencePiece model where there is no tokenizer.json: what transformers makes of it for the families that have one,
   as a table. The file is a protocol buffer. */
#include "models/tokenizer_tables.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Protocol buffers ---- */

struct wire {
    const uint8_t *at, *end;
};

struct field {
    uint32_t number, kind; /* 0 varint, 1 eight bytes, 2 a length and bytes, 5 four bytes */
    uint64_t value;
    struct wire bytes;
};

static int take_varint(struct wire *w, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && w->at < w->end; shift += 7) {
        const uint8_t byte = *w->at++;
        *out |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return 1;
    }
    return 0;
}

/* 1: a field; 0: the end; -1: the bytes are no message. */
static int take_field(struct wire *w, struct field *f)
{
    uint64_t key, n = 0;

    if (w->at == w->end)
        return 0;
    if (!take_varint(w, &key) || key >> 3 > 1 << 29)
        return -1;
    *f = (struct field){.number = (uint32_t)(key >> 3), .kind = (uint32_t)(key & 7)};
    if (f->kind == 0)
        return take_varint(w, &f->value) ? 1 : -1;
    if (f->kind == 2 && !take_varint(w, &n))
        return -1;
    n = f->kind == 1 ? 8 : f->kind == 5 ? 4 : n;
    if ((f->kind != 1 && f->kind != 2 && f->kind != 5) || n > (uint64_t)(w->end - w->at))
        return -1;
    f->bytes = (struct wire){w->at, w->at + n};
    w->at += n;
    for (uint64_t i = 0; i < n && f->kind != 2; i++)
        f->value |= (uint64_t)f->bytes.at[i] << (8 * i);
    return 1;
}

/* ---- The model ---- */

enum { NORMAL = 1, CONTROL = 3, USER_DEFINED = 4 };

struct spm_piece {
    const char *text;
    size_t n;
    float score;
    int type;
};

struct spm {
    struct spm_piece *pieces;
    size_t n, room;
    int32_t unknown;
    struct wire charsmap;
};

static tern_status bad(const char *label, tern_error *err)
{
    return tern_fail(err, TERN_FORMAT, "%s: is not a SentencePiece model, or is damaged; copy it again", label);
}

static int read_piece(struct wire w, struct spm_piece *out)
{
    struct field f;
    int more;

    *out = (struct spm_piece){.text = "", .type = NORMAL};
    while ((more = take_field(&w, &f)) > 0) {
        const uint32_t bits = (uint32_t)f.value;
        if (f.number == 1 && f.kind == 2) {
            out->text = (const char *)f.bytes.at;
            out->n = (size_t)(f.bytes.end - f.bytes.at);
        } else if (f.number == 2 && f.kind == 5) {
            memcpy(&out->score, &bits, sizeof bits);
        } else if (f.number == 3 && f.kind == 0) {
            out->type = (int)(f.value & 0xFF);
        }
    }
    /* A score that is no number would make no order. */
    return more == 0 && out->score - out->score == 0 && tern_utf8_check((const uint8_t *)out->text, out->n) == out->n &&
           !memchr(out->text, 0, out->n);
}

static tern_status add_piece(struct spm *m, struct wire w, const char *label, tern_error *err)
{
    if (m->n == m->room) {
        const size_t room = m->room ? 2 * m->room : 1024;
        struct spm_piece *grown = room > 2 * (size_t)TERN_MAX_PIECES ? NULL : realloc(m->pieces, room * sizeof *grown);
        if (grown == NULL)
            return tern_fail_nomem(err, "the vocabulary", room * sizeof *grown);
        m->pieces = grown;
        m->room = room;
    }
    return read_piece(w, &m->pieces[m->n++]) ? TERN_OK : bad(label, err);
}

/* Of the trainer's settings the unknown piece, of the normalizer's the map of characters. */
static int read_specs(struct spm *m, const struct field *outer)
{
    struct wire w = outer->bytes;
    struct field f;
    int more;

    while ((more = take_field(&w, &f)) > 0) {
        if (outer->number == 2 && f.number == 40 && f.kind == 0)
            m->unknown = f.value < TERN_MAX_PIECES ? (int32_t)f.value : 0;
        if (outer->number == 3 && f.number == 2 && f.kind == 2)
            m->charsmap = f.bytes;
    }
    return more == 0;
}

static tern_status read_model(struct spm *m, const uint8_t *bytes, size_t n, const char *label, tern_error *err)
{
    struct wire w = {bytes, bytes + n};
    struct field f;
    tern_status status = TERN_OK;
    int more = 0;

    while (!status && (more = take_field(&w, &f)) > 0) {
        if (f.number == 1 && f.kind == 2)
            status = add_piece(m, f.bytes, label, err);
        else if ((f.number == 2 || f.number == 3) && f.kind == 2 && !read_specs(m, &f))
            status = bad(label, err);
    }
    return status ? status : more < 0 || m->n == 0 ? bad(label, err) : TERN_OK;
}

/* ---- The families ---- */

#define REPLACE(from, to) "{\"type\":\"Replace\",\"pattern\":{" from "},\"content\":\"" to "\"}"
#define QUOTES REPLACE("\"String\":\"``\"", "\\\"") "," REPLACE("\"String\":\"''\"", "\\\"")
#define ACCENTS "{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"}"
#define LOWER "{\"type\":\"Lowercase\"}"
#define MAP "{\"type\":\"Precompiled\"}"

/* A step that is there always, or only if something holds. */
struct step {
    const char *json;
    enum { ALWAYS, IF_STRIPS, IF_LOWERS, IF_MAP, IF_PUNCTUATION } when;
};

static const struct family {
    const char *class, *file, *model_type;
    /* Pieces before the file's, of which `skip` are left out; a score of -100 hides a piece. NULL ends them. */
    const char *before[6];
    int skip, mask_behind;
    const char *unknown; /* by its text, where the file does not say */
    const char *cls, *sep, *pad, *unk, *mask;
    const char *processor; /* RobertaProcessing or BertProcessing */
    int lowers, keeps_accents;
    const char *bare; /* what Metaspace's prepend_scheme is without add_prefix_space */
    int splits;       /* 1: white space is split before Metaspace */
    int mask_lstrip;
    struct step steps[8];
} families[] = {
    {"CamembertTokenizer",
     "sentencepiece.bpe.model",
     "camembert",
     {"<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED"},
     1,
     1,
     "<unk>",
     "<s>",
     "</s>",
     "<pad>",
     "<unk>",
     "<mask>",
     "RobertaProcessing",
     0,
     1,
     "never",
     1,
     1,
     {{MAP, IF_MAP}}},
    {"XLMRobertaTokenizer",
     "sentencepiece.bpe.model",
     "xlm-roberta",
     {"<s>", "<pad>", "</s>", "<unk>"},
     3,
     1,
     "<unk>",
     "<s>",
     "</s>",
     "<pad>",
     "<unk>",
     "<mask>",
     "RobertaProcessing",
     0,
     1,
     "never",
     1,
     0,
     {{MAP, IF_MAP}}},
    {"AlbertTokenizer",
     "spiece.model",
     "albert",
     {NULL},
     0,
     0,
     NULL,
     "[CLS]",
     "[SEP]",
     "<pad>",
     "<unk>",
     "[MASK]",
     "BertProcessing",
     1,
     0,
     "never",
     1,
     0,
     {{QUOTES, ALWAYS}, {ACCENTS, IF_STRIPS}, {LOWER, IF_LOWERS}, {MAP, IF_MAP}}},
    {"DebertaV2Tokenizer",
     "spm.model",
     "deberta-v2",
     {NULL},
     0,
     0,
     "[UNK]",
     "[CLS]",
     "[SEP]",
     "[PAD]",
     "[UNK]",
     "[MASK]",
     "BertProcessing",
     0,
     1,
     "first",
     0,
     0,
     {{LOWER, IF_LOWERS},
      {REPLACE("\"Regex\":\"\\\\s{2,}|[\\\\n\\\\r\\\\t]\"", " "), ALWAYS},
      {"{\"type\":\"NFC\"},{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}", ALWAYS}}},
    {"RemBertTokenizer",
     "sentencepiece.model",
     "rembert",
     {NULL},
     0,
     0,
     NULL,
     "[CLS]",
     "[SEP]",
     "<pad>",
     "<unk>",
     "[MASK]",
     "BertProcessing",
     0,
     1,
     "never",
     0,
     0,
     {{QUOTES "," REPLACE("\"Regex\":\" {2,}\"", " "), ALWAYS},
      {ACCENTS, IF_STRIPS},
      {LOWER, IF_LOWERS},
      {MAP, IF_MAP}}},
};

struct options {
    int32_t lowers, keeps_accents, prefix, punctuation;
};

static int holds(const struct step *step, const struct options *o, const struct spm *m)
{
    switch (step->when) {
    case IF_STRIPS: return !o->keeps_accents;
    case IF_LOWERS: return o->lowers;
    case IF_MAP: return m->charsmap.at != m->charsmap.end;
    default: return 1;
    }
}

/* The settings as a text of JSON; `steps` is not longer than what all of them together are. */
static tern_status make_settings(struct tern_tables *t, const struct family *f, const struct options *o,
                                 const struct spm *m, int32_t unknown, tern_error *err)
{
    char steps[1024] = "", text[4096];
    int n = 0;

    for (const struct step *step = f->steps; step->json; step++)
        if (holds(step, o, m))
            n += snprintf(steps + n, sizeof steps - (size_t)n, "%s%s", n ? "," : "", step->json);
    n = snprintf(
        text, sizeof text,
        "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[%s]},\"pre_tokenizer\":{\"type\":\"Sequence\","
        "\"pretokenizers\":[%s%s{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\",\"prepend_scheme\":"
        "\"%s\",\"split\":true}]},\"model\":{\"type\":\"Unigram\",\"unk_id\":%d,\"byte_fallback\":false},"
        "\"added\":[]}",
        steps, f->splits ? "{\"type\":\"WhitespaceSplit\"}," : "",
        o->punctuation ? "{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}," : "", o->prefix ? "always" : f->bare,
        (int)unknown);
    return tern_json_parse(&t->settings, text, (size_t)n, 1000, t->label, err);
}

/* ---- Its vocabulary and tokens ---- */

static void put(struct tern_tables *t, const char *text, size_t n, double score)
{
    t->pieces[t->model_count] = (struct tern_table_piece){.text = text, .n = n};
    t->scores[t->model_count++] = score;
}

static tern_status put_pieces(struct tern_tables *t, const struct family *f, const struct spm *m, tern_error *err)
{
    const size_t most = m->n + 8;
    tern_status status = tern_tables_reserve(t, most, err);

    t->scores = status ? NULL : malloc(most * sizeof *t->scores);
    if (!t->scores)
        return status ? status : tern_fail_nomem(err, "the scores", most * sizeof *t->scores);
    for (int i = 0; i < 6 && f->before[i]; i++)
        put(t, f->before[i], strlen(f->before[i]), strcmp(f->before[i], "<unk>NOTUSED") == 0 ? -100 : 0);
    for (size_t i = (size_t)f->skip; i < m->n; i++)
        put(t, m->pieces[i].text, m->pieces[i].n, (double)m->pieces[i].score);
    if (f->mask_behind)
        put(t, f->mask, strlen(f->mask), 0);
    return TERN_OK;
}

static int32_t find_unknown(const struct tern_tables *t, const struct family *f, const struct spm *m)
{
    for (uint32_t i = 0; f->unknown && i < t->model_count; i++)
        if (t->pieces[i].n == strlen(f->unknown) && memcmp(t->pieces[i].text, f->unknown, t->pieces[i].n) == 0)
            return (int32_t)i;
    return m->unknown;
}

/* The token of a role: the configuration's, with its flags, or the family's. */
static const char *role_of(const struct family *f, enum tern_role role, const json_t *config, uint32_t *flags)
{
    const char *const own[TERN_ROLES] = {f->unk, f->cls, f->sep, f->pad, f->mask};
    char key[16];

    snprintf(key, sizeof key, "%s_token", tern_role_names[role]);
    const json_t *value = json_object_get(config, key);
    *flags = TERN_ADDED_SPECIAL | (role == TERN_MASK && f->mask_lstrip ? TERN_ADDED_LSTRIP : 0);
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_object(value) && json_string_value(json_object_get(value, "content")) &&
        tern_added_flags(value, 0, flags, "", NULL) == TERN_OK) {
        *flags |= TERN_ADDED_SPECIAL;
        return json_string_value(json_object_get(value, "content"));
    }
    return own[role];
}

static int is_listed(const struct tern_tables *t, const char *content)
{
    const json_t *list = json_object_get(t->settings, "added");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(list, i), "content")), content) == 0)
            return 1;
    return 0;
}

static tern_status add_once(struct tern_tables *t, const char *content, uint32_t flags, tern_error *err)
{
    return is_listed(t, content) ? TERN_OK : tern_tables_add(t, content, flags, -1, err);
}

/* Control pieces and symbols of the user's are tokens of their own wherever they stand. */
static tern_status add_own(struct tern_tables *t, const struct spm *m, tern_error *err)
{
    tern_status status = TERN_OK;
    char text[256];

    for (size_t i = 0; i < m->n && !status; i++) {
        const struct spm_piece *piece = &m->pieces[i];
        if ((piece->type != CONTROL && piece->type != USER_DEFINED) || piece->n == 0 || piece->n >= sizeof text)
            continue;
        memcpy(text, piece->text, piece->n);
        text[piece->n] = '\0';
        status = add_once(t, text, piece->type == CONTROL ? TERN_ADDED_SPECIAL : 0, err);
    }
    return status;
}

static tern_status add_tokens(struct tern_tables *t, const struct family *f, const json_t *config, const struct spm *m,
                              tern_error *err)
{
    static const enum tern_role order[] = {TERN_UNK, TERN_SEP, TERN_PAD, TERN_CLS, TERN_MASK};
    const char *cls, *sep;
    uint32_t flags;
    tern_status status = TERN_OK;

    for (int i = 0; i < TERN_ROLES && !status; i++) {
        const char *content = role_of(f, order[i], config, &flags);
        status = add_once(t, content, flags, err);
        if (!status)
            status = tern_tables_role(t, order[i], content, err);
    }
    for (int i = 0; i < 6 && f->before[i] && !status; i++)
        if (strstr(f->before[i], "NOTUSED"))
            status = add_once(t, f->before[i], TERN_ADDED_SPECIAL, err);
    if (!status)
        status = add_own(t, m, err);
    if (status)
        return status;
    cls = role_of(f, TERN_CLS, config, &flags);
    sep = role_of(f, TERN_SEP, config, &flags);
    json_t *processor =
        json_pack("{s:s, s:[s,i], s:[s,i], s:b, s:b}", "type", f->processor, "cls", cls, (int)tern_tables_find(t, cls),
                  "sep", sep, (int)tern_tables_find(t, sep), "trim_offsets", 0, "add_prefix_space", 0);
    return processor && json_object_set_new(t->settings, "post_processor", processor) == 0
               ? TERN_OK
               : tern_fail_nomem(err, "the tokenizer's settings", sizeof(json_t));
}

static tern_status read_options(const struct family *f, const json_t *config, struct options *o, const char *label,
                                tern_error *err)
{
    *o = (struct options){f->lowers, f->keeps_accents, 1, 0};
    tern_status status = tern_json_get_bool(config, "do_lower_case", 0, &o->lowers, label, err);
    if (!status)
        status = tern_json_get_bool(config, "keep_accents", 0, &o->keeps_accents, label, err);
    if (!status)
        status = tern_json_get_bool(config, "add_prefix_space", 0, &o->prefix, label, err);
    if (!status && strcmp(f->class, "DebertaV2Tokenizer") == 0)
        status = tern_json_get_bool(config, "split_by_punct", 0, &o->punctuation, label, err);
    return status;
}

static tern_status make_tables(struct tern_tables *t, const struct family *f, const json_t *config, const struct spm *m,
                               struct tern_tokenizer_source *source, tern_error *err)
{
    struct options o;
    tern_status status = read_options(f, config, &o, t->label, err);

    if (!status && m->n <= (size_t)f->skip)
        status = bad(t->label, err);
    if (!status)
        status = put_pieces(t, f, m, err);
    if (!status)
        status = make_settings(t, f, &o, m, find_unknown(t, f, m), err);
    const size_t n = (size_t)(m->charsmap.end - m->charsmap.at);
    if (!status && n > 0 && strcmp(f->class, "DebertaV2Tokenizer") != 0) {
        t->charsmap = malloc(n);
        t->charsmap_bytes = n;
        if (t->charsmap)
            memcpy(t->charsmap, m->charsmap.at, n);
        else
            status = tern_fail_nomem(err, "the map of characters", n);
    }
    if (!status)
        status = tern_tables_index(t, err);
    if (!status)
        status = add_tokens(t, f, config, m, err);
    return status ? status : tern_tables_pack(t, source, err);
}

tern_status tern_tokenizer_from_sentencepiece(struct tern_tokenizer_source *source, const char *file,
                                              const uint8_t *bytes, size_t n, const json_t *config,
                                              const char *model_type, tern_error *err)
{
    const char *class = json_string_value(json_object_get(config, "tokenizer_class"));
    struct tern_tables t = {.label = source->label};
    const struct family *found = NULL;
    struct spm m = {.n = 0};

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        const struct family *f = &families[i];
        const size_t length = strlen(f->class);
        const int named = class && strncmp(class, f->class, length) == 0 &&
                          (class[length] == '\0' || strcmp(class + length, "Fast") == 0);
        if (named || (!class && model_type && strcmp(model_type, f->model_type) == 0) ||
            (!class && !found && strcmp(file, f->file) == 0))
            found = f;
    }
    if (found == NULL)
        return tern_fail(err, TERN_FORMAT,
                         "%s: tokenizer_class %.64s has no tokenizer.json; load it with transformers and save it again "
                         "(save_pretrained)",
                         source->label, class ? class : "none");
    tern_status status = read_model(&m, bytes, n, source->label, err);
    if (!status)
        status = make_tables(&t, found, config, &m, source, err);
    tern_tables_free(&t);
    free(m.pieces);
    return status;
}
