/* The prompt of a session: what is put before the texts that it embeds. */
#include "models/config_private.h"
#include "models/unicode.h"
#include "runtime/model.h"
#include "runtime/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "query, passage", as far as it fits. */
static void list_names(char *out, size_t capacity, const struct tern_config *c)
{
    size_t used = 0;
    out[0] = 0;
    for (int32_t i = 0; i < c->n_prompts && used < capacity; i++)
        used += (size_t)snprintf(out + used, capacity - used, "%s%.40s", i ? ", " : "", c->prompts[i].name);
}

static tern_status find_prompt(const char **text, const struct tern_config *c, const char *name, tern_error *err)
{
    char names[200];
    const int32_t i = tern_config_find_prompt(c, name);
    if (i >= 0) {
        *text = c->prompts[i].text;
        return TERN_OK;
    }
    list_names(names, sizeof names, c);
    return c->n_prompts ? tern_fail(err, TERN_USAGE, "the model has no prompt '%.40s'; it has %s", name, names)
                        : tern_fail(err, TERN_USAGE,
                                    "the model has no prompts, so that none is called '%.40s'; texts are embedded as "
                                    "they are where no name is given",
                                    name);
}

/* The tokens of the prompt alone but for its [SEP] or what stands there: so many are left out of the pooling, if it
 * leaves the prompt out.
 */
static tern_status count_tokens(int *count, struct tern_waiting *w, const char *prompt, tern_error *err)
{
    const tern_text text = {.text = prompt, .text_bytes = strlen(prompt)};
    tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = (size_t)w->limit, .ids = w->ids};
    *count = 0;
    if (!*prompt || !w->model->config.leave_out_prompt || w->limit < TERN_MIN_TOKENS)
        return TERN_OK;
    const tern_status status = tern_tokenize(w->model->tokenizer, &text, TERN_TRUNCATE_HEAD, &tokens, err);
    *count = (int)tokens.count - tern_tokenizer_specials_behind(w->model->tokenizer);
    return status;
}

/* Takes `own` over, which is NULL for a prompt of the model's, also on failure. */
static tern_status set(struct tern_waiting *w, const char *prompt, char *own, tern_error *err)
{
    int tokens = 0;
    const tern_status status = w->model->tokenizer ? count_tokens(&tokens, w, prompt, err) : TERN_OK;
    if (status) {
        free(own);
        return status;
    }
    free(w->own_prompt);
    w->prompt = prompt;
    w->own_prompt = own;
    w->prompt_tokens = tokens;
    return TERN_OK;
}

tern_status tern_waiting_default_prompt(struct tern_waiting *w, tern_error *err)
{
    const struct tern_config *c = &w->model->config;
    return set(w, c->default_prompt ? c->prompts[c->default_prompt - 1].text : "", NULL, err);
}

const char *tern_waiting_prompt(const struct tern_waiting *w, int query)
{
    const struct tern_config *const c = &w->model->config;
    const int32_t own = *w->prompt ? -1 : tern_config_find_prompt(c, query ? "query" : "document");
    return own < 0 ? w->prompt : c->prompts[own].text;
}

void tern_waiting_close(struct tern_waiting *w)
{
    free(w->own_prompt);
}

tern_status tern_session_set_prompt(tern_session *session, const char *name, const char *text, tern_error *err)
{
    struct tern_waiting *w = tern_session_waiting(session);
    const size_t n = text ? strlen(text) : 0;
    const size_t bad = n ? tern_utf8_check((const uint8_t *)text, n) : 0;
    if (name && text)
        return tern_fail(err, TERN_USAGE, "a prompt's name and its text are given; one is enough");
    if (name) {
        const tern_status status = find_prompt(&text, &w->model->config, name, err);
        return status ? status : set(w, text, NULL, err);
    }
    if (!text)
        return tern_waiting_default_prompt(w, err);
    if (n > TERN_MAX_PROMPT_BYTES)
        return tern_fail(err, TERN_USAGE, "a prompt of %zu bytes; the limit is %d", n, TERN_MAX_PROMPT_BYTES);
    if (bad < n)
        return tern_fail(err, TERN_INPUT, "the prompt is not UTF-8: invalid byte 0x%02X at byte offset %zu",
                         (unsigned)(uint8_t)text[bad], bad);
    char *own = malloc(n + 1);
    if (!own)
        return tern_fail_nomem(err, "a prompt", n + 1);
    memcpy(own, text, n + 1);
    return set(w, own, own, err);
}
