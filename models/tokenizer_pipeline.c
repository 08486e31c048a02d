/* A tokenizer other than BERT's: it is opened on the tables and settings of a .tern file, and texts go through it. */
#include "models/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

tern_status tern_tokenizer_open_pipeline(tern_tokenizer *tokenizer, const char *vocabulary, json_t *settings,
                                         const char *label, tern_error *err)
{
    static const char *const others[] = {"normalizer", "pre_tokenizer", "post_processor", "model", "added", "bare"};
    enum { N_OTHERS = sizeof others / sizeof others[0] };
    const char *known[N_OTHERS + TERN_ROLES];

    memcpy(known, others, sizeof others);
    for (int r = 0; r < TERN_ROLES; r++)
        known[N_OTHERS + r] = tern_role_names[r];
    tern_status status = tern_json_known_keys(settings, known, N_OTHERS + TERN_ROLES, "the tokenizer", label, err);
    if (status)
        return status;
    tokenizer->settings = json_incref(settings);
    tokenizer->pipeline = calloc(1, sizeof *tokenizer->pipeline);
    if (tokenizer->pipeline == NULL)
        return tern_fail_nomem(err, "the tokenizer", sizeof *tokenizer->pipeline);
    status = tern_pipeline_open(tokenizer->pipeline, settings, vocabulary, tokenizer->vocabulary_bytes, label, err);
    if (!status)
        status = tern_templates_read(&tokenizer->templates, json_object_get(settings, "post_processor"),
                                     (int32_t)tokenizer->pipeline->table.count, label, err);
    return status;
}

tern_status tern_pipeline_put(const tern_tokenizer *tokenizer, const char *prompt, const uint8_t *text, size_t n,
                              struct tern_kept *kept, tern_error *err)
{
    struct tern_run run;

    tern_run_begin(&run, tokenizer->pipeline, kept);
    if (*prompt)
        tern_run_text(&run, (const uint8_t *)prompt, strlen(prompt));
    if (n)
        tern_run_text(&run, text, n);
    return tern_run_end(&run) ? TERN_OK : tern_fail_nomem(err, "a long text", n);
}

/* ---- Trimming ---- */

static int is_blank(uint32_t c)
{
    return c == 0x120 || tern_is_space(c); /* the first is a space in byte-level pieces */
}

static size_t blanks_before(const uint8_t *at, const uint8_t *end)
{
    size_t n = 0;

    while (at < end && is_blank(tern_utf8_next(&at)))
        n++;
    return n;
}

static size_t blanks_behind(const uint8_t *begin, const uint8_t *end)
{
    size_t n = 0;

    while (end > begin && is_blank(tern_utf8_previous(&end)))
        n++;
    return n;
}

/* The text of a token: its piece, or of an added token that takes white space what it was made of. */
static const uint8_t *text_of(const tern_tokenizer *tokenizer, int32_t id, const uint8_t *text, const tern_span *span,
                              size_t *n)
{
    for (uint32_t i = 0; i < tokenizer->n_added; i++) {
        const struct tern_added *token = &tokenizer->added[i];
        if ((token->flags & (TERN_ADDED_LSTRIP | TERN_ADDED_RSTRIP)) && token->id == id) {
            *n = span->end - span->start;
            return text + span->start;
        }
    }
    return (const uint8_t *)tern_token_text(tokenizer, id, n);
}

static void trim(const tern_tokenizer *tokenizer, int32_t id, const uint8_t *text, int first, tern_span *span)
{
    size_t n = 0;
    const uint8_t *token = text_of(tokenizer, id, text, span, &n);
    size_t before = token ? blanks_before(token, token + n) : 0;
    const size_t behind = token ? blanks_behind(token, token + n) : 0;
    const uint8_t *start = text + span->start, *end = text + span->end, *at = end;

    if (before == 1 && (first || span->start == 0) && tokenizer->templates.add_prefix_space)
        before = 0;
    for (; before > 0 && start < end; before--)
        (void)tern_utf8_next(&start);
    size_t left = behind;
    for (; left > 0 && at > text; left--)
        (void)tern_utf8_previous(&at);
    if (left == 0 && behind > 0)
        end = at > start ? at : start;
    span->start = (size_t)(start - text);
    span->end = (size_t)(end - text);
}

void tern_trim_spans(const tern_tokenizer *tokenizer, const tern_text *text, const tern_tokens *out)
{
    const uint8_t *const texts[] = {(const uint8_t *)text->text, (const uint8_t *)text->pair};
    size_t seen[2] = {0, 0};

    for (size_t i = 0; i < out->count; i++) {
        const int32_t source = out->spans[i].source;
        if (source >= 0)
            trim(tokenizer, out->ids[i], texts[source], seen[source]++ == 0, &out->spans[i]);
    }
}
