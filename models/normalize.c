/* The text that a tokenizer sees, character by character: cleaned, without accents, in lower case as the model asks. */
#include "models/normalize.h"

#include <string.h>

enum { NO_CLASS = TERN_ORDER_DROPPED }; /* above every class of a character that stays */

void tern_chars_begin(struct tern_chars *chars, const uint8_t *text, size_t n, struct tern_rules rules)
{
    memset(chars, 0, sizeof *chars);
    chars->source.at = text;
    chars->source.end = text + n;
    chars->source.rules = rules;
}

/* Expands the next raw character that is not dropped; 0 at the end. */
static int expand(struct tern_source *source)
{
    for (;;) {
        if (source->at == source->end)
            return 0;
        source->from = source->at;
        uint32_t c = tern_utf8_next(&source->at);
        uint32_t *out = source->expanded;
        int n = 0;
        if (source->rules.clean) {
            if (tern_is_control(c))
                continue;
            if (tern_is_space(c))
                c = ' ';
        }
        /* Spacing comes before decomposition: U+F900 is spaced and then becomes U+8C48. */
        int spaced = source->rules.chinese && tern_is_chinese(c);
        if (spaced)
            out[n++] = ' ';
        if (source->rules.strip)
            n += tern_decompose(c, out + n);
        else
            out[n++] = c;
        if (spaced)
            out[n++] = ' ';
        source->i = 0;
        source->n = (uint8_t)n;
        return 1;
    }
}

static int source_next(struct tern_source *source, uint32_t *c)
{
    if (source->i == source->n && !expand(source))
        return 0;
    *c = source->expanded[source->i++];
    return 1;
}

/* `first`, of class `order`, has just been read. Looks at the run of reorderable characters that it begins: either it
   is in order, and need not be looked at again, or chars is set to read it class by class. Returns 1 if in order. */
static int look_at_run(struct tern_chars *chars, int order)
{
    struct tern_source ahead = chars->source;
    size_t length = 1;
    int last = order, sorted = 1;
    uint32_t c;

    while (source_next(&ahead, &c)) {
        int k = tern_order_class(c);
        if (k == TERN_ORDER_STARTER || k == TERN_ORDER_BARRIER)
            break;
        length++;
        if (k == TERN_ORDER_DROPPED)
            continue;
        if (k < last)
            sorted = 0;
        last = k;
    }
    if (sorted) {
        chars->calm = length - 1;
        return 1;
    }
    chars->run = chars->source;
    chars->run.i--; /* back onto `first`, which is still in expanded[] */
    chars->run_length = length;
    chars->left = 0;
    chars->order = 0;
    chars->above = 1; /* the lowest class that is possible */
    return 0;
}

/* The next character of the run in canonical order (stable, ascending); 0 when the run is over. */
static int run_next(struct tern_chars *chars, uint32_t *c)
{
    for (;;) {
        while (chars->left > 0) {
            chars->left--;
            if (!source_next(&chars->source, c))
                break;
            int k = tern_order_class(*c);
            if (k == chars->order)
                return 1;
            if (k > chars->order && k < chars->above)
                chars->above = k;
        }
        if (chars->above == NO_CLASS) {
            chars->run_length = 0; /* and the source stands at the run's end */
            return 0;
        }
        chars->order = chars->above;
        chars->above = NO_CLASS;
        chars->source = chars->run;
        chars->left = chars->run_length;
    }
}

/* The source in canonical order, without what is dropped. */
static int ordered_next(struct tern_chars *chars, uint32_t *c)
{
    for (;;) {
        if (chars->run_length > 0 && run_next(chars, c))
            return 1;
        if (!source_next(&chars->source, c))
            return 0;
        int k = tern_order_class(*c);
        if (chars->calm > 0)
            chars->calm--;
        else if (k > TERN_ORDER_STARTER && k < TERN_ORDER_DROPPED && !look_at_run(chars, k))
            continue;
        if (k < TERN_ORDER_DROPPED)
            return 1;
    }
}

int tern_chars_next(struct tern_chars *chars, uint32_t *c)
{
    if (chars->second) {
        *c = chars->second;
        chars->second = 0;
        return 1;
    }
    if (!(chars->source.rules.strip ? ordered_next(chars, c) : source_next(&chars->source, c)))
        return 0;
    if (chars->source.rules.lower)
        *c = tern_lower(*c, &chars->second);
    return 1;
}
